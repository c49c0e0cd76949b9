//! What a template declares: its outputs and parameters, read from the text.
//! Makes no call and evaluates nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_yaml_ng::Value;

use crate::error::{Context, Kind, Result};

/// A parameter as a template declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateParameter {
    pub kind: String,
    /// `None`: a value must be given.
    pub default: Option<String>,
    /// CloudFormation hides its value.
    pub no_echo: bool,
    pub description: Option<String>,
    /// Empty: any.
    pub allowed: Vec<String>,
    pub pattern: Option<String>,
}

impl TemplateParameter {
    /// Does CloudFormation take a list there?
    pub fn is_list(&self) -> bool {
        self.kind == "CommaDelimitedList" || self.kind.starts_with("List<")
    }
}

/// What was read of templates, by their text: a forecast asks for the same few again and again.
type Known<T> = Mutex<HashMap<String, Arc<T>>>;
static TREES: LazyLock<Known<Value>> = LazyLock::new(Mutex::default);
/// Apart from the trees, which are twenty times as large: names are asked of every template there is, trees of those of a system.
static NAMES: LazyLock<Known<Names>> = LazyLock::new(Mutex::default);
/// As many are kept: more than a system has.
const KEPT: usize = 200;

/// What others than a reader of the whole tree ask of a template.
#[derive(Debug)]
struct Names {
    outputs: Vec<String>,
    parameters: BTreeMap<String, TemplateParameter>,
}

fn known<T>(all: &Known<T>, body: &str, read: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    if let Some(known) = all.lock().unwrap_or_else(PoisonError::into_inner).get(body) {
        return Ok(Arc::clone(known));
    }
    let read = Arc::new(read()?);
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if all.len() >= KEPT {
        all.clear();
    }
    all.insert(body.to_owned(), Arc::clone(&read));
    Ok(read)
}

fn tree(body: &str) -> Result<Value> {
    serde_yaml_ng::from_str(body).or_fail(
        Kind::Input,
        "the CloudFormation template is neither YAML nor JSON",
        "correct the line named above",
    )
}

/// The template as a tree; CloudFormation's short forms (`!Ref`) are tagged values.
pub(super) fn parse(body: &str) -> Result<Arc<Value>> {
    known(&TREES, body, || tree(body))
}

fn names(body: &str) -> Result<Arc<Names>> {
    known(&NAMES, body, || {
        let template = tree(body)?;
        let outputs = section(&template, "Outputs").into_iter().map(|(name, _)| name).collect();
        Ok(Names { outputs, parameters: parameters(&template) })
    })
}

/// A section of the template by name: each entry and its body.
pub(super) fn section(template: &Value, name: &str) -> Vec<(String, Value)> {
    let entries = template.get(name).and_then(Value::as_mapping);
    entries.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.clone()))).collect()
}

/// The names of the template's outputs, in its order.
pub fn template_outputs(body: &str) -> Result<Vec<String>> {
    Ok(names(body)?.outputs.clone())
}

/// The template's parameters by name.
pub fn template_parameters(body: &str) -> Result<BTreeMap<String, TemplateParameter>> {
    Ok(names(body)?.parameters.clone())
}

/// The same of a template that is read already.
pub(super) fn parameters(template: &Value) -> BTreeMap<String, TemplateParameter> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    };
    let parameter = |value: &Value| TemplateParameter {
        kind: value.get("Type").and_then(text).unwrap_or_else(|| "String".to_owned()),
        default: value.get("Default").and_then(text),
        no_echo: value.get("NoEcho").and_then(text).as_deref() == Some("true"),
        description: value.get("Description").and_then(text),
        allowed: value.get("AllowedValues").and_then(Value::as_sequence).into_iter().flatten().filter_map(text).collect(),
        pattern: value.get("AllowedPattern").and_then(text),
    };
    section(template, "Parameters").into_iter().map(|(name, value)| (name, parameter(&value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Cidr: {Type: String, Default: 10.0.0.0/16}
  Count: {Type: Number, Default: 2}
  Password: {Type: String, NoEcho: true}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: !Ref Cidr, Tags: [{Key: Name, Value: !Sub '${AWS::StackName}-vpc'}]}}
Outputs:
  VpcId: {Value: !Ref Vpc}
  Zone: {Value: !Select [0, !GetAZs '']}
  Arn: {Value: !GetAtt Vpc.Arn}
";

    #[test]
    fn outputs_and_parameters_are_read_through_short_forms() {
        assert_eq!(template_outputs(TEMPLATE), Ok(vec!["VpcId".into(), "Zone".into(), "Arn".into()]));
        let parameters = template_parameters(TEMPLATE).unwrap();
        assert_eq!(parameters["Cidr"].default.as_deref(), Some("10.0.0.0/16"));
        assert_eq!(parameters["Count"].default.as_deref(), Some("2"));
        assert_eq!((parameters["Password"].default.clone(), parameters["Password"].no_echo), (None, true));
    }

    #[test]
    fn json_is_a_template_too() {
        assert_eq!(template_outputs(r#"{"Outputs": {"A": {"Value": {"Ref": "B"}}}}"#), Ok(vec!["A".into()]));
        assert_eq!(template_outputs("a: [").map_err(|e| e.kind), Err(Kind::Input));
    }
}
