//! A template with its parameters put in: which resources there are, and what each says.
//! Evaluates conditions, `Ref` to parameters, `If`, `Sub`, `Join`, `Select`, `Split`, `FindInMap` and `Equals`; what only AWS knows stays a function.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::outputs::{parameters as declared_in, parse, section};
use crate::error::{Error, Kind, Result};

/// What a template makes of its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// In the template's order; those whose condition does not hold are left out.
    pub resources: Vec<Resource>,
    /// Outputs that there are, by name.
    pub outputs: BTreeMap<String, Value>,
    /// Every condition of the template, and whether it holds.
    pub conditions: BTreeMap<String, bool>,
}

/// One resource. Functions that could not be evaluated are in their long form: `{"Fn::GetAtt": ["Vpc", "Arn"]}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub logical_id: String,
    /// As CloudFormation writes it: `AWS::EC2::VPC`.
    pub kind: String,
    pub properties: Value,
    /// `Delete`, `Retain`, `RetainExceptOnCreate` or `Snapshot`.
    pub deletion_policy: Option<String>,
    pub update_replace_policy: Option<String>,
}

/// What stands for `AWS::NoValue` on the way.
const NO_VALUE: &str = "AWS::NoValue";

impl Rendered {
    /// Renders `body` with `parameters`; one that is not given takes its default. Errors if one has neither.
    pub fn of(body: &str, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let template = parse(body)?;
        let mut given = BTreeMap::new();
        for (name, declared) in declared_in(&template) {
            let value = parameters.get(&name).or(declared.default.as_ref()).cloned().ok_or_else(|| {
                Error::new(Kind::Input, format!("the template's parameter {name} has no value and no default")).hint("give it a value")
            })?;
            given.insert(name, if declared.is_list() { json!(value.split(',').map(str::trim).collect::<Vec<_>>()) } else { json!(value) });
        }
        let plain = |name: &str| section(&template, name).into_iter().map(|(id, value)| (id, long(&value))).collect::<Vec<_>>();
        let scope = Scope {
            parameters: given,
            conditions: plain("Conditions").into_iter().collect(),
            maps: plain("Mappings").into_iter().collect(),
        };
        let there = |entry: &Value| entry.get("Condition").and_then(Value::as_str).is_none_or(|name| scope.condition(name));
        let word = |entry: &Value, key: &str| entry.get(key).map(|value| scope.value(value)).and_then(|v| v.as_str().map(str::to_owned));
        let resources = plain("Resources").into_iter().filter(|(_, entry)| there(entry)).map(|(logical_id, entry)| Resource {
            logical_id,
            kind: word(&entry, "Type").unwrap_or_default(),
            properties: entry.get("Properties").map_or_else(|| json!({}), |value| scope.value(value)),
            deletion_policy: word(&entry, "DeletionPolicy"),
            update_replace_policy: word(&entry, "UpdateReplacePolicy"),
        });
        let outputs = plain("Outputs").into_iter().filter(|(_, entry)| there(entry));
        Ok(Self {
            resources: resources.collect(),
            conditions: scope.conditions.keys().map(|name| (name.clone(), scope.condition(name))).collect(),
            outputs: outputs.map(|(name, entry)| (name, entry.get("Value").map_or(Value::Null, |value| scope.value(value)))).collect(),
        })
    }

    /// Names of the template's conditions that ask for one of `parameters`, directly or by another condition.
    pub fn conditions_on(body: &str, parameters: &[&str]) -> Result<Vec<String>> {
        let all: Vec<(String, Value)> =
            section(parse(body)?.as_ref(), "Conditions").into_iter().map(|(name, value)| (name, long(&value))).collect();
        let mut found: Vec<String> = Vec::new();
        loop {
            let asks = |value: &Value| mentions(value, "Ref", parameters) || mentions(value, "Condition", &found);
            let more: Vec<String> =
                all.iter().filter(|(name, value)| !found.contains(name) && asks(value)).map(|(name, _)| name.clone()).collect();
            if more.is_empty() {
                return Ok(found);
            }
            found.extend(more);
        }
    }

    /// The resources of one type.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }
}

struct Scope {
    parameters: BTreeMap<String, Value>,
    conditions: BTreeMap<String, Value>,
    maps: BTreeMap<String, Value>,
}

impl Scope {
    fn condition(&self, name: &str) -> bool {
        self.conditions.get(name).is_some_and(|value| self.holds(value))
    }

    fn holds(&self, condition: &Value) -> bool {
        let Some((function, argument)) = call(condition) else { return condition == &json!(true) || condition == &json!("true") };
        let all = || argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match function {
            "Condition" => argument.as_str().is_some_and(|name| self.condition(name)),
            "Fn::Equals" => matches!(all(), [left, right] if text(&self.value(left)) == text(&self.value(right))),
            "Fn::Not" => all().first().is_some_and(|inner| !self.holds(inner)),
            "Fn::And" => all().iter().all(|inner| self.holds(inner)),
            "Fn::Or" => all().iter().any(|inner| self.holds(inner)),
            _ => false,
        }
    }

    /// The value with all evaluated that can be.
    fn value(&self, value: &Value) -> Value {
        if let Some((function, argument)) = call(value) {
            return self.function(function, argument).unwrap_or_else(|| json!({ function: self.value(argument) }));
        }
        self.inside(value)
    }

    fn inside(&self, value: &Value) -> Value {
        let kept = |value: &Value| !matches!(value, Value::Object(map) if map.get("Ref") == Some(&json!(NO_VALUE)));
        match value {
            Value::Array(items) => items.iter().map(|item| self.value(item)).filter(kept).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(key, item)| (key.clone(), self.value(item))).filter(|(_, item)| kept(item)).collect())
            }
            other => other.clone(),
        }
    }

    /// `None`: only AWS knows.
    fn function(&self, function: &str, argument: &Value) -> Option<Value> {
        let evaluated = || self.inside(argument);
        match function {
            "Ref" => self.parameters.get(argument.as_str()?).cloned(),
            "Fn::If" => {
                let [condition, yes, no] = argument.as_array()?.as_slice() else { return None };
                Some(self.value(if self.condition(condition.as_str()?) { yes } else { no }))
            }
            "Fn::Sub" => self.sub(argument),
            "Fn::Join" => {
                let parts = evaluated();
                let [separator, items] = parts.as_array()?.as_slice() else { return None };
                let items: Option<Vec<String>> = items.as_array()?.iter().map(text).collect();
                Some(json!(items?.join(separator.as_str()?)))
            }
            "Fn::Split" => {
                let parts = evaluated();
                let [separator, whole] = parts.as_array()?.as_slice() else { return None };
                Some(json!(text(whole)?.split(separator.as_str()?).collect::<Vec<_>>()))
            }
            "Fn::Select" => {
                let parts = evaluated();
                let [index, items] = parts.as_array()?.as_slice() else { return None };
                items.as_array()?.get(text(index)?.parse::<usize>().ok()?).cloned()
            }
            "Fn::FindInMap" => {
                let parts = evaluated();
                let [map, first, second] = parts.as_array()?.as_slice() else { return None };
                self.maps.get(map.as_str()?)?.get(text(first)?)?.get(text(second)?).cloned()
            }
            _ => None,
        }
    }

    /// Holes that are known are filled; with one that is not it stays a `Fn::Sub`, with what is left of its own map.
    fn sub(&self, argument: &Value) -> Option<Value> {
        let (template, own) = match argument {
            Value::String(template) => (template.as_str(), None),
            Value::Array(both) => (both.first()?.as_str()?, both.get(1).and_then(Value::as_object)),
            _ => return None,
        };
        let (mut out, mut open, mut rest) = (String::new(), false, template);
        let mut left = Map::new();
        while let Some(at) = rest.find("${") {
            let end = rest[at..].find('}')? + at;
            let name = &rest[at + 2..end];
            out.push_str(&rest[..at]);
            let known = own.and_then(|own| own.get(name)).map(|value| self.value(value)).or_else(|| self.parameters.get(name).cloned());
            match known.as_ref().and_then(text) {
                Some(filled) => out.push_str(&filled),
                None => {
                    open |= !name.starts_with('!');
                    out.push_str(&rest[at..=end]);
                    left.extend(known.filter(|_| own.is_some_and(|own| own.contains_key(name))).map(|value| (name.to_owned(), value)));
                }
            }
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Some(match (open, left.is_empty()) {
            (false, _) => json!(out),
            (true, true) => json!({ "Fn::Sub": out }),
            (true, false) => json!({ "Fn::Sub": [out, left] }),
        })
    }
}

/// Does a function of that name with one of these arguments stand anywhere in the value?
fn mentions<S: AsRef<str>>(value: &Value, function: &str, names: &[S]) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, inner)| {
            (key == function && inner.as_str().is_some_and(|name| names.iter().any(|n| n.as_ref() == name)))
                || mentions(inner, function, names)
        }),
        Value::Array(items) => items.iter().any(|item| mentions(item, function, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A value that is one function: its name in the long form, and its argument.
fn call(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    let (key, argument) = map.iter().next()?;
    (key == "Ref" || key == "Condition" || key.starts_with("Fn::")).then_some((key.as_str(), argument))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// YAML with short forms as JSON with long ones.
pub(super) fn long(value: &serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => number.as_i64().map(|n| json!(n)).or_else(|| number.as_f64().map(|n| json!(n))).unwrap_or(Value::Null),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.iter().map(long).collect(),
        Yaml::Mapping(map) => {
            Value::Object(map.iter().filter_map(|(key, item)| Some((key.as_str()?.to_owned(), long(item)))).collect::<Map<_, _>>())
        }
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = name.trim_start_matches('!');
            let argument = long(&tagged.value);
            match name {
                "Ref" | "Condition" => json!({ name: argument }),
                "GetAtt" => {
                    let parts = argument.as_str().and_then(|path| path.split_once('.')).map(|(id, attribute)| json!([id, attribute]));
                    json!({ "Fn::GetAtt": parts.unwrap_or(argument) })
                }
                other => json!({ format!("Fn::{other}"): argument }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Kind: {Type: String, Default: none}
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
Conditions:
  Has: !Not [!Equals [!Ref Kind, none]]
  Big: !And [!Condition Has, !Equals [!Ref Kind, big]]
Mappings:
  Size: {big: {gb: 100}, small: {gb: 20}}
Resources:
  Always:
    Type: T::A
    DeletionPolicy: Retain
    Properties:
      Name: !Sub '${Kind}-x'
      Arn: !Sub 'arn:${AWS::Partition}:${Kind}'
      Other: !If [Has, yes, !Ref AWS::NoValue]
      First: !Select [0, !Ref Names]
      Data: {Fn::Base64: !Sub '${Kind} ${AWS::Region}'}
      Own: !Sub ['${Kind}-${Id}', {Id: !GetAtt Other.Id}]
      All: !Join ['/', !Ref Names]
      Of: !GetAtt Other.Arn
  Only: {Type: T::B, Condition: Has, Properties: {Gb: !FindInMap [Size, !Ref Kind, gb]}}
Outputs:
  Id: {Value: !Ref Always}
  Large: {Condition: Big, Value: 1}
";

    fn with(kind: &str) -> Rendered {
        Rendered::of(TEMPLATE, &BTreeMap::from([("Kind".to_owned(), kind.to_owned())])).unwrap()
    }

    #[test]
    fn conditions_choose_and_parameters_are_put_in() {
        let none = with("none");
        assert_eq!(none.resources.iter().map(|r| r.logical_id.as_str()).collect::<Vec<_>>(), ["Always"]);
        assert_eq!(
            none.resources[0].properties,
            json!({"Name": "none-x", "Arn": {"Fn::Sub": "arn:${AWS::Partition}:none"}, "First": "a", "Data": {"Fn::Base64": {"Fn::Sub": "none ${AWS::Region}"}}, "Own": {"Fn::Sub": ["none-${Id}", {"Id": {"Fn::GetAtt": ["Other", "Id"]}}]}, "All": "a/b", "Of": {"Fn::GetAtt": ["Other", "Arn"]}})
        );
        assert_eq!(none.resources[0].deletion_policy.as_deref(), Some("Retain"));
        assert_eq!(none.outputs.keys().collect::<Vec<_>>(), ["Id"]);
        let big = with("big");
        assert_eq!(big.resources[1].properties, json!({"Gb": 100}));
        assert_eq!(big.outputs.len(), 2);
    }

    #[test]
    fn a_parameter_without_a_value_is_named() {
        let body = "Parameters: {Must: {Type: String}}\nResources: {A: {Type: T::A}}\n";
        assert!(Rendered::of(body, &BTreeMap::new()).unwrap_err().what.contains("Must"));
    }
}
