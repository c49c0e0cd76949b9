//! `stack`: one CloudFormation stack of a layer: change set, show, execute, follow, outputs; undone by deleting it.
//! Only hands template and parameters to `cloud::stacks`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::stacks::{self, Filled, PlannedChange, StackSpec, SystemStack};
use crate::cloud::{Aws, services, tags};
use crate::error::{Error, Kind, Result};
use crate::library;
use crate::progress::Reporter;
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
    /// Plain variables of the service, by name; a parameter of the template for each.
    #[serde(default, deserialize_with = "names")]
    variables: BTreeMap<String, String>,
    /// Secrets of the service: name → ARN, with `:key::` for one key; a parameter of the template for each.
    #[serde(default, deserialize_with = "names")]
    secrets: BTreeMap<String, String>,
    /// Termination protection: for stacks that hold data.
    #[serde(default)]
    protect: bool,
    app: String,
    environment: String,
    run: String,
    /// Parameters that stay as the running system has them: it was changed since by a deployment, not by a template.
    #[serde(default)]
    keep: Vec<String>,
}

/// Names and their texts: a table, or the same as JSON text, as a fact holds it.
fn names<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<BTreeMap<String, String>, D::Error> {
    use serde::de::Error as _;
    match Value::deserialize(from)? {
        Value::String(text) if text.trim().is_empty() => Ok(BTreeMap::new()),
        Value::String(text) => serde_json::from_str(&text)
            .map_err(|_| D::Error::custom("invalid value: a text that is no JSON object of texts, expected a map")),
        table => BTreeMap::deserialize(table).map_err(D::Error::custom),
    }
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
    of_field("stack", "variables", stack.filled())?;
    Ok(Box::new(stack))
}

/// A step's stack as data; what it needs of another is a reference.
pub fn of_system(step: &str, title: &str, fields: &Value) -> Result<SystemStack> {
    let stack: Stack = from_fields("stack", fields.clone())?;
    Ok(SystemStack { step: step.to_owned(), title: title.to_owned(), layer: stack.layer.clone(), spec: stack.spec()? })
}

/// The file that holds a stack's template in an export: one for each layer, and one of its own where the stack has its own body.
pub fn template_file(stack: &SystemStack) -> Result<String> {
    let name = if stack.spec.template_body == library::stack(&stack.layer)? { &stack.layer } else { &stack.spec.name };
    Ok(format!("{name}.yaml"))
}

impl Stack {
    /// The parameters that have a value; a list loses the items that were left empty.
    fn given(&self) -> impl Iterator<Item = (String, String)> {
        let full = |v: &Value| template::plain(v).split(',').filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",");
        self.parameters.iter().map(move |(k, v)| (k.clone(), full(v))).filter(|(_, v)| !v.is_empty())
    }

    /// The layer's template with parameters for the service's own variables and secrets.
    fn filled(&self) -> Result<Filled> {
        stacks::with_environment(library::stack(&self.layer)?, &self.variables, &self.secrets)
    }

    fn spec(&self) -> Result<StackSpec> {
        let Filled { body, parameters } = self.filled()?;
        let parameters: BTreeMap<String, String> = self.given().chain(parameters).collect();
        if let Some((name, value)) = parameters.iter().find(|(_, value)| value.len() > stacks::LONGEST_PARAMETER) {
            return Err(Error::new(
                Kind::Input,
                format!(
                    "the stack {}: the parameter {name} has {} characters, and CloudFormation takes {}",
                    self.name,
                    value.len(),
                    stacks::LONGEST_PARAMETER
                ),
            )
            .hint("of secrets: keep several values as keys of one JSON secret, as with Stripe"));
        }
        let tags = BTreeMap::from([
            ("app".to_owned(), self.app.clone()),
            ("environment".to_owned(), self.environment.clone()),
            (tags::RUN.to_owned(), self.run.clone()),
        ]);
        Ok(StackSpec { name: self.name.clone(), template_body: body, parameters, tags, termination_protection: self.protect })
    }

    fn outputs(values: BTreeMap<String, String>) -> Outputs {
        values.into_iter().map(|(k, v)| (k, Value::from(v))).collect()
    }
}

#[async_trait]
impl Apply<World> for Stack {
    fn describe(&self) -> Description {
        let own = self.filled().map(|filled| filled.parameters).unwrap_or_default();
        let parameters: Vec<String> = self.given().chain(own).map(|(k, v)| format!("{k}='{}'", v.replace('\'', r"'\''"))).collect();
        let parameters = if parameters.is_empty() { String::new() } else { format!(" --parameter-overrides {}", parameters.join(" ")) };
        Description::new(
            format!("deploy the stack {} ({} layer)", self.name, self.layer),
            format!(
                "aws cloudformation deploy --stack-name {} --template-file {}.yaml --capabilities CAPABILITY_NAMED_IAM{parameters}",
                self.name,
                if self.variables.is_empty() && self.secrets.is_empty() { &self.layer } else { &self.name }
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
        let deployed = stacks::deployed(aws, &self.name).await?;
        let spec = self.spec()?;
        let changes = stacks::preview(&spec.template_body, &spec.parameters, deployed.as_ref())?;
        if changes.is_empty() {
            return Ok(vec![PreviewLine::new(Sign::Same, "the stack is deployed like this already")]);
        }
        let dangers = changes.iter().filter_map(|c| Some((c, c.warning()?)));
        let dangers = dangers.map(|(c, warning)| {
            let how = if c.needs_consent() { format!("; refused without --confirm {}", c.consent(&self.name)) } else { String::new() };
            PreviewLine::new(Sign::Warning, format!("{warning}{how}"))
        });
        Ok(dangers.chain(changes.iter().map(line)).collect())
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let aws = world.aws().await?;
        Ok(match stacks::status(aws, &self.name).await? {
            None => Probe::Absent,
            Some(found) if !found.ours => {
                Probe::Conflict(format!("a stack called {} is there and was not made by migrate-wizard", self.name))
            }
            Some(found) if found.succeeded() && self.carries(&found.parameters) => {
                let deployed = stacks::deployed_template(aws, &found.arn).await?;
                let same = deployed.is_some_and(|body| self.filled().is_ok_and(|ours| ours.body.trim() == body.trim()));
                if same { Probe::Present(Self::outputs(found.outputs)) } else { Probe::Absent }
            }
            Some(_) => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let spec = self.as_it_runs(aws, &cx.reporter).await?;
        stacks::deploy(aws, &spec, &cx.token, &cx.reporter).await.map(Self::outputs)
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let deleted = stacks::take_away(world.aws().await?, &self.name, &cx.token, &cx.reporter).await?;
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

/// One change as a line of the gate.
fn line(change: &PlannedChange) -> PreviewLine {
    let sign = match (change.action.as_str(), change.replacement.as_deref()) {
        (_, Some("True")) => Sign::Replace,
        ("Remove", _) => Sign::Remove,
        ("Modify", _) => Sign::Change,
        (_, _) => Sign::Add,
    };
    let of = if change.properties.is_empty() { String::new() } else { format!(": {}", change.properties.join(", ")) };
    PreviewLine::new(sign, format!("{:<42} {}{of}", change.resource_type, change.logical_id))
}

impl Stack {
    /// The stack with what `keep` names as it is deployed; image and number of tasks as they run.
    async fn as_it_runs(&self, aws: &Aws, reporter: &Reporter) -> Result<StackSpec> {
        let mut spec = self.spec()?;
        if self.keep.is_empty() {
            return Ok(spec);
        }
        let Some(found) = stacks::status(aws, &self.name).await?.filter(|found| found.ours) else { return Ok(spec) };
        let mut have = found.parameters;
        let named = |name: &str| found.outputs.get(name).cloned().unwrap_or_default();
        let cluster = have.get("ClusterName").cloned().unwrap_or_default();
        if let Some((image, tasks)) = services::running(aws, &cluster, &named("ServiceName"), &named("ContainerName")).await? {
            reporter.log(format!("{} runs {tasks} of {image}: that stays", self.name));
            have.insert("ImageUri".to_owned(), image);
            have.insert("DesiredCount".to_owned(), tasks.to_string());
        }
        for name in &self.keep {
            if let Some(value) = have.get(name) {
                spec.parameters.insert(name.clone(), value.clone());
            }
        }
        Ok(spec)
    }

    /// Are these the parameters it was deployed with?
    fn carries(&self, deployed: &BTreeMap<String, String>) -> bool {
        let same = |(k, v): (&String, &String)| self.keep.contains(k) || deployed.get(k) == Some(v);
        self.spec().is_ok_and(|spec| spec.parameters.iter().all(same))
    }
}
