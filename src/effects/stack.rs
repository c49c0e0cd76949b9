//! `stack`: one CloudFormation stack of a layer: change set, show, execute, follow, outputs; undone by deleting it.
//! Only hands template and parameters to `cloud::stacks`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::stacks::{self, StackSpec, SystemStack};
use crate::cloud::tags;
use crate::error::{Error, Kind, Result};
use crate::library;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field};
use crate::wizard::template;
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Name of a template in `assets/stacks`.
    layer: String,
    name: String,
    /// Template parameters; one left empty takes the template's default.
    #[serde(default)]
    parameters: BTreeMap<String, Value>,
    /// Termination protection: for stacks that hold data.
    #[serde(default)]
    protect: bool,
    app: String,
    environment: String,
    run: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let stack = from_fields::<Stack>("stack", fields)?;
    let known = stacks::template_parameters(of_field("stack", "layer", library::stack(&stack.layer))?)?;
    if let Some(unknown) = stack.parameters.keys().find(|k| !known.contains_key(*k)) {
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        return Err(Error::new(
            Kind::Input,
            format!("effect `stack`: `parameters`: the template `{}` has no parameter `{unknown}`", stack.layer),
        )
        .hint(format!("one of: {}", names.join(", "))));
    }
    if let Some(missing) = known.iter().find(|(name, p)| p.default.is_none() && !stack.parameters.contains_key(*name)) {
        return Err(Error::new(
            Kind::Input,
            format!("effect `stack`: `parameters`: the template `{}` needs the parameter `{}`", stack.layer, missing.0),
        )
        .hint("give it under `parameters` of the step"));
    }
    Ok(Box::new(stack))
}

/// A step's stack as data; what it needs of another is a reference.
pub fn of_system(step: &str, title: &str, fields: &Value) -> Result<SystemStack> {
    let stack: Stack = from_fields("stack", fields.clone())?;
    Ok(SystemStack { step: step.to_owned(), title: title.to_owned(), layer: stack.layer.clone(), spec: stack.spec()? })
}

impl Stack {
    /// The parameters that have a value; a list loses the items that were left empty.
    fn given(&self) -> impl Iterator<Item = (String, String)> {
        let full = |v: &Value| template::plain(v).split(',').filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",");
        self.parameters.iter().map(move |(k, v)| (k.clone(), full(v))).filter(|(_, v)| !v.is_empty())
    }

    fn spec(&self) -> Result<StackSpec> {
        let parameters = self.given().collect();
        let tags = BTreeMap::from([
            ("app".to_owned(), self.app.clone()),
            ("environment".to_owned(), self.environment.clone()),
            (tags::RUN.to_owned(), self.run.clone()),
        ]);
        Ok(StackSpec {
            name: self.name.clone(),
            template_body: library::stack(&self.layer)?.to_owned(),
            parameters,
            tags,
            termination_protection: self.protect,
        })
    }

    fn outputs(values: BTreeMap<String, String>) -> Outputs {
        values.into_iter().map(|(k, v)| (k, Value::from(v))).collect()
    }
}

#[async_trait]
impl Apply<World> for Stack {
    fn describe(&self) -> Description {
        let parameters: Vec<String> = self.given().map(|(k, v)| format!("{k}='{v}'")).collect();
        let parameters = if parameters.is_empty() { String::new() } else { format!(" --parameter-overrides {}", parameters.join(" ")) };
        Description::new(
            format!("deploy the stack {} ({} layer)", self.name, self.layer),
            format!(
                "aws cloudformation deploy --stack-name {} --template-file {}.yaml --capabilities CAPABILITY_NAMED_IAM{parameters}",
                self.name, self.layer
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let aws = world.aws().await?;
        let deployed = stacks::deployed_template(aws, &self.name).await?;
        let changes = stacks::preview(library::stack(&self.layer)?, deployed.as_deref())?;
        if changes.is_empty() {
            return Ok(vec![PreviewLine::new(Sign::Same, "the template is deployed already; parameters may differ")]);
        }
        Ok(changes
            .into_iter()
            .map(|c| {
                let sign = match (c.action.as_str(), c.replacement.as_deref()) {
                    (_, Some("True")) => Sign::Replace,
                    ("Remove", _) => Sign::Remove,
                    ("Modify", _) => Sign::Change,
                    (_, _) => Sign::Add,
                };
                PreviewLine::new(sign, format!("{:<42} {}", c.resource_type, c.logical_id))
            })
            .collect())
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(match stacks::status(world.aws().await?, &self.name).await? {
            None => Probe::Absent,
            Some(found) if !found.ours => {
                Probe::Conflict(format!("a stack called {} is there and was not made by migrate-wizard", self.name))
            }
            Some(found) if found.succeeded() && self.carries(&found.parameters) => Probe::Present(Self::outputs(found.outputs)),
            Some(_) => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        stacks::deploy(world.aws().await?, &self.spec()?, &cx.token, &cx.reporter).await.map(Self::outputs)
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        if let Some(open) = self.unprotected()
            && stacks::status(world.aws().await?, &self.name).await?.is_some_and(|s| s.ours && s.succeeded())
        {
            cx.reporter.log("taking deletion protection off; a final snapshot stays where the layer keeps one");
            stacks::deploy(world.aws().await?, &open, &format!("{}-unprotect", cx.token), &cx.reporter).await?;
        }
        let deleted = stacks::delete(world.aws().await?, &self.name, &cx.token, &cx.reporter).await?;
        for kept in deleted.retained {
            cx.reporter.log(format!("kept: {} {} ({})", kept.resource_type, kept.physical_id, kept.logical_id));
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        let names = library::stack(&self.layer).and_then(stacks::template_outputs).unwrap_or_default();
        names.into_iter().map(|name| (name.clone(), json!(stacks::reference(&self.name, &name)))).collect()
    }
}

impl Stack {
    /// The same stack with its data no longer protected from deletion; `None` where it is not protected.
    fn unprotected(&self) -> Option<StackSpec> {
        let open = match self.given().find(|(name, _)| name == "DeletionProtection").map(|(_, v)| v)?.as_str() {
            "true" => "false",
            "ACTIVE" => "INACTIVE",
            _ => return None,
        };
        let mut spec = self.spec().ok()?;
        spec.parameters.insert("DeletionProtection".to_owned(), open.to_owned());
        spec.termination_protection = false;
        Some(spec)
    }

    /// Are these the parameters it was deployed with?
    fn carries(&self, deployed: &BTreeMap<String, String>) -> bool {
        self.spec().is_ok_and(|spec| spec.parameters.iter().all(|(k, v)| deployed.get(k) == Some(v)))
    }
}
