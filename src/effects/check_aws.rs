//! `check_aws`: who are we, in which account and region, and do the calls that will be needed answer?
//! Only reads; what it finds pins the run to the account.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::preflight::{self, Call};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckAws {
    region: String,
    /// `rds`, `aurora` or `dsql`: the first two need RDS calls.
    database: String,
    /// `none` needs no Route 53.
    #[serde(default)]
    domain: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let check = from_fields::<CheckAws>("check_aws", fields)?;
    one_of("check_aws", "database", &check.database, &["rds", "aurora", "dsql"])?;
    Ok(Box::new(check))
}

impl CheckAws {
    fn calls(&self) -> Vec<Call> {
        let mut calls = vec![Call::Identity, Call::Stacks, Call::Images, Call::Services, Call::Secrets];
        if self.database != "dsql" {
            calls.push(Call::Databases);
        }
        if self.domain == "route53" {
            calls.push(Call::Dns);
        }
        calls
    }
}

#[async_trait]
impl Apply<World> for CheckAws {
    fn describe(&self) -> Description {
        Description::new(
            format!("check AWS credentials and the calls that will be needed in {}", self.region),
            format!("aws sts get-caller-identity --region {}", self.region),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(self.calls().iter().map(|c| PreviewLine::new(Sign::Note, format!("tries {}", c.action()))).collect())
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        world.settle_region(&self.region)?;
        let aws = world.aws().await?;
        let who = aws.check_pin().await?;
        let checks = preflight::calls(aws, &self.calls()).await;
        for check in &checks {
            cx.reporter.log(format!("{} {}", if check.ok { "ok     " } else { "refused" }, check.call));
        }
        let bad: Vec<_> = checks.iter().filter(|c| !c.ok).collect();
        if !bad.is_empty() {
            let error = Error::new(Kind::Denied, format!("{} of {} calls that will be needed do not work", bad.len(), checks.len()));
            let hints: Vec<&str> = bad.iter().map(|c| c.hint.as_str()).collect();
            return Err(bad.iter().fold(error, |e, c| e.cause(format!("{}: {}", c.call, c.problem))).hint(hints.join("; ")));
        }
        Ok(Outputs::from([
            ("aws_account".into(), json!(who.account)),
            ("aws_region".into(), json!(who.region)),
            ("arn".into(), json!(who.arn)),
            ("summary".into(), json!(format!("account {} in {}, {} calls answer", who.account, who.region, checks.len()))),
        ]))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("aws_account".into(), json!("000000000000")),
            ("aws_region".into(), json!(self.region)),
            ("arn".into(), json!("arn:aws:iam::000000000000:user/example")),
            ("summary".into(), json!("AWS was not asked")),
        ])
    }
}
