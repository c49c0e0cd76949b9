//! What an app keeps in Secrets Manager: which secrets there are below a prefix, which keys they have, and keys put into a JSON secret.
//! Never returns, logs or compares a value outside: what is unchanged is found by comparing with what Secrets Manager holds.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, Tag};
use serde_json::{Map, Value};

use super::fault::{code, fault};
use super::secrets::{self, Change};
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// The variables that a secret was stored for: `NAME` or `NAME=key`, separated by blanks.
pub const VARIABLES: &str = "migrate-wizard-variables";

/// Says that nobody gave the value: it was made at random.
pub const MADE: &str = "migrate-wizard-made";

/// What stands for a value until there is one.
pub const PLACEHOLDER: &str = "placeholder-to-be-replaced";

/// A secret as it is seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub name: String,
    pub arn: String,
    pub ours: bool,
    /// Keys, when it is a JSON object of texts.
    pub keys: Option<Vec<String>>,
    /// It (or one of its keys) holds [`PLACEHOLDER`].
    pub placeholder: bool,
    /// Nobody gave its value: it is random.
    pub made: bool,
    /// It has no value.
    pub empty: bool,
    /// Variable → key.
    pub variables: BTreeMap<String, Option<String>>,
    /// When its value last changed, UTC.
    pub changed: Option<String>,
    /// Days between two automatic rotations.
    pub rotates: Option<i64>,
}

/// Every secret whose name begins with `prefix`, by name; those that are being deleted are left out. Reads values to tell keys and
/// placeholders, and keeps none.
pub async fn list(aws: &Aws, prefix: &str) -> Result<Vec<Held>> {
    let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
    let mut pages = aws.secretsmanager().list_secrets().filters(filter).into_paginator().send();
    let mut entries = Vec::new();
    while let Some(page) = pages.next().await {
        entries.extend(page.map_err(|e| fault("secretsmanager:ListSecrets", e))?.secret_list.unwrap_or_default());
    }
    let mut all = Vec::new();
    for entry in entries {
        let name = entry.name().unwrap_or_default().to_owned();
        if !name.starts_with(prefix) || entry.deleted_date().is_some() {
            continue;
        }
        let arn = entry.arn().unwrap_or_default().to_owned();
        let tag = |key: &str| entry.tags().iter().find(|tag| tag.key() == Some(key)).and_then(Tag::value).unwrap_or_default();
        let value = current(aws, &arn).await?;
        let object = value.as_ref().and_then(|v| object(v.expose()));
        all.push(Held {
            ours: tags::is_ours(entry.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))),
            placeholder: match (&object, &value) {
                (Some(object), _) => object.values().any(|v| v == PLACEHOLDER),
                (None, value) => value.as_ref().is_some_and(|v| v.expose() == PLACEHOLDER),
            },
            empty: value.is_none(),
            keys: object.map(|object| object.keys().cloned().collect()),
            variables: variables(tag(VARIABLES)),
            made: tag(MADE) == "yes",
            changed: entry.last_changed_date().map(ToString::to_string),
            rotates: entry.rotation_rules().and_then(|rules| rules.automatically_after_days()),
            name,
            arn,
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The present value; `None` when it was made without one.
pub async fn current(aws: &Aws, arn: &str) -> Result<Option<Secret>> {
    match aws.secretsmanager().get_secret_value().secret_id(arn).send().await {
        Ok(answer) => Ok(answer.secret_string.map(Secret::new)),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
        Err(error) => Err(fault("secretsmanager:GetSecretValue", error)),
    }
}

/// A JSON object whose values are all texts: what a connection URL, a key or a number never is.
fn object(text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(text).ok()? {
        Value::Object(map) if !map.is_empty() && map.values().all(Value::is_string) => Some(map),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn variables(tag: &str) -> BTreeMap<String, Option<String>> {
    tag.split_whitespace()
        .map(|word| match word.split_once('=') {
            Some((name, key)) => (name.to_owned(), Some(key.to_owned())),
            None => (word.to_owned(), None),
        })
        .collect()
}

/// What a secret shall hold.
#[derive(Debug, Clone)]
pub enum Contents {
    Text(Secret),
    /// Keys with their values; keys that are there already and not named here stay.
    Keys(BTreeMap<String, Secret>),
}

/// Makes a secret hold this, and notes for which variables (with their keys) it does. Twice equals once: an unchanged value makes no
/// new version. A secret that is not ours is left as it is.
///
/// # Errors
/// `Conflict` if a secret of that name is not ours, or holds text where keys are to be put.
pub async fn store(
    aws: &Aws,
    name: &str,
    contents: &Contents,
    variables: &BTreeMap<String, Option<String>>,
    tags: &BTreeMap<String, String>,
    token: &str,
) -> Result<(String, Change)> {
    let found = secrets::describe(aws, name).await?;
    if let Some(found) = found.as_ref().filter(|found| !found.ours) {
        return Err(Error::new(
            Kind::Conflict,
            format!("the secret {} exists and was not made by migrate-wizard: it is left as it is", found.name),
        )
        .hint("choose another app name or environment, or tag it managed-by=migrate-wizard if it may be overwritten"));
    }
    let there = found.as_ref().filter(|f| !f.scheduled_for_deletion);
    let value = match contents {
        Contents::Text(value) => value.clone(),
        Contents::Keys(keys) => {
            let mut object = match there {
                Some(found) => match current(aws, &found.arn).await? {
                    // a placeholder as text makes room
                    Some(value) if value.expose() == PLACEHOLDER => Map::new(),
                    Some(value) => object(value.expose()).ok_or_else(|| {
                        Error::new(Kind::Conflict, format!("the secret {name} holds one text, and keys are to be put into it"))
                            .hint("delete it if its text is no longer used, then run the same command")
                    })?,
                    None => Map::new(),
                },
                None => Map::new(),
            };
            for (key, value) in keys {
                object.insert(key.clone(), Value::from(value.expose()));
            }
            Secret::new(Value::Object(object).to_string())
        }
    };
    let mut all = BTreeMap::new();
    if let Some(found) = there {
        all = known_variables(aws, &found.arn).await?;
    }
    let before = all.clone();
    all.extend(variables.clone());
    let words: Vec<String> =
        all.iter().map(|(name, key)| key.as_ref().map_or_else(|| name.clone(), |key| format!("{name}={key}"))).collect();
    let words = words.join(" ");
    let mut every = tags.clone();
    // AWS takes 256 characters in a tag; what is longer is told by the rules for names alone.
    if !words.is_empty() && words.len() <= 256 {
        every.insert(VARIABLES.to_owned(), words.clone());
    }
    let (arn, change) = secrets::ensure(aws, name, &value, &format!("read by the app as {words}"), &every, token).await?;
    if found.is_some() && all != before && words.len() <= 256 {
        aws.secretsmanager()
            .tag_resource()
            .secret_id(&arn)
            .tags(Tag::builder().key(VARIABLES).value(words).build())
            .send()
            .await
            .map_err(|e| fault("secretsmanager:TagResource", e))?;
    }
    Ok((arn, change))
}

/// Of these variables with the secrets below `prefix` that they are read from: those whose value nobody gave, or that have none.
pub async fn not_given(aws: &Aws, prefix: &str, wanted: &[(&str, &str)]) -> Result<Vec<String>> {
    let held = list(aws, prefix).await?;
    let given = |secret: &str| held.iter().any(|h| h.name == format!("{prefix}{secret}") && !h.made && !h.placeholder && !h.empty);
    Ok(wanted.iter().filter(|(_, secret)| !given(secret)).map(|(variable, _)| (*variable).to_owned()).collect())
}

/// Notes whether somebody gave the value that a secret has now, or nobody did.
pub async fn tell_made(aws: &Aws, arn: &str, made: bool) -> Result<()> {
    let tag = Tag::builder().key(MADE).value(if made { "yes" } else { "no" }).build();
    let told = aws.secretsmanager().tag_resource().secret_id(arn).tags(tag).send().await;
    told.map(drop).map_err(|e| fault("secretsmanager:TagResource", e))
}

async fn known_variables(aws: &Aws, arn: &str) -> Result<BTreeMap<String, Option<String>>> {
    let found =
        aws.secretsmanager().describe_secret().secret_id(arn).send().await.map_err(|e| fault("secretsmanager:DescribeSecret", e))?;
    Ok(found.tags().iter().find(|tag| tag.key() == Some(VARIABLES)).and_then(Tag::value).map(variables).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_keys_is_told_from_a_text() {
        assert_eq!(object(r#"{"secret":"a","webhook":"b"}"#).map(|o| o.len()), Some(2));
        for text in ["postgresql://a:b@h/d", "123", "{}", r#"{"port":5432}"#, r#"["a"]"#, "null"] {
            assert_eq!(object(text), None, "{text}");
        }
    }

    #[test]
    fn variables_are_noted_in_a_tag() {
        let noted = variables("STRIPE_SECRET_KEY=secret SESSION_SECRET");
        assert_eq!(noted.get("STRIPE_SECRET_KEY"), Some(&Some("secret".to_owned())));
        assert_eq!(noted.get("SESSION_SECRET"), Some(&None));
        assert!(variables("").is_empty());
    }
}
