//! `door`: the load balancer's listeners closed with a page, our own looks let in, opened, and closed again first of all in a roll back.
//! Only hands the load balancer to `cloud::door`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use crate::cloud::door;
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

const DOES: [&str; 4] = ["close", "let_looks_in", "open", "close_going_back"];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DoorStep {
    /// One of [`DOES`]. `close_going_back` does nothing until it is undone.
    does: String,
    /// Its ARN.
    load_balancer: String,
    /// The word with which our looks pass, and what the rules are tagged with.
    run: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let step = from_fields::<DoorStep>("door", fields)?;
    one_of("door", "does", &step.does, &DOES)?;
    Ok(Box::new(step))
}

impl DoorStep {
    /// Going forward: is it as it shall be?
    fn done(&self, door: &door::Door) -> bool {
        match self.does.as_str() {
            "close" => door.is_closed(),
            "let_looks_in" => door.lets_looks_in(),
            "open" => door.is_free(),
            _ => true,
        }
    }
}

#[async_trait]
impl Apply<World> for DoorStep {
    fn describe(&self) -> Description {
        let rule = "aws elbv2 create-rule --listener-arn …";
        let (sentence, command) = match self.does.as_str() {
            "close" => (
                "close the door of AWS: whoever comes gets a page that says that the site is being moved (503)",
                format!("{rule} --priority {} --conditions Field=path-pattern,Values='/*' --actions Type=fixed-response,…", door::CLOSES),
            ),
            "let_looks_in" => (
                "let the wizard's own looks through the closed door",
                format!("{rule} --priority 1 --conditions Field=http-header,… --actions Type=forward,…"),
            ),
            "open" => ("open the door of AWS", "aws elbv2 delete-rule --rule-arn …".to_owned()),
            _ => (
                "going back, close the door of AWS before the name leads to Replit again; nothing is changed now",
                format!("{rule} --priority {}, when it is undone", door::CLOSES),
            ),
        };
        Description::new(sentence, command)
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let door = door::look(world.aws().await?, &self.load_balancer).await?;
        let sign = if self.done(&door) { Sign::Same } else { Sign::Change };
        let mut lines = vec![PreviewLine::new(sign, format!("{} of {} listeners are closed", door.closed, door.listeners))];
        lines.extend(
            door.in_the_way.iter().map(|rule| PreviewLine::new(Sign::Warning, format!("a rule that is not ours comes first: {rule}"))),
        );
        Ok(lines)
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let door = door::look(world.aws().await?, &self.load_balancer).await?;
        Ok(if self.done(&door) { Probe::Present(self.example()) } else { Probe::Absent })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let (aws, balancer) = (world.aws().await?, &self.load_balancer);
        match self.does.as_str() {
            "close" => door::close(aws, balancer, &self.run, &cx.reporter).await?,
            "let_looks_in" => door::let_looks_in(aws, balancer, &self.run, &self.run, &cx.reporter).await?,
            "open" => door::open(aws, balancer, &cx.reporter).await?,
            _ => {}
        }
        Ok(self.example())
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let (aws, balancer) = (world.aws().await?, &self.load_balancer);
        match self.does.as_str() {
            "close" => door::open(aws, balancer, &cx.reporter).await,
            "let_looks_in" => door::end_looks(aws, balancer).await,
            _ => door::close(aws, balancer, &self.run, &cx.reporter).await,
        }
    }

    fn example(&self) -> Outputs {
        Outputs::new()
    }
}
