//! The versions of a secret: a new one put, the one before brought back, and a schedule on which AWS itself makes new ones.
//! Never logs a value; decides nothing about who must be restarted.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::types::RotationRulesType;
use uuid::Uuid;

use super::fault::{code, fault};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// Which versions a secret has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    pub current: String,
    pub previous: Option<String>,
}

/// Which versions there are.
pub async fn versions(aws: &Aws, arn: &str) -> Result<Versions> {
    let found =
        aws.secretsmanager().describe_secret().secret_id(arn).send().await.map_err(|e| fault("secretsmanager:DescribeSecret", e))?;
    let stages = found.version_ids_to_stages.unwrap_or_default();
    let with = |stage: &str| stages.iter().find(|(_, s)| s.iter().any(|s| s == stage)).map(|(id, _)| id.clone());
    let current = with("AWSCURRENT").ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the secret {arn} has no value")).hint("give it one with `migrate-wizard secrets import`")
    })?;
    Ok(Versions { current, previous: with("AWSPREVIOUS") })
}

/// The value of one version; `None` when there is no such version.
pub async fn value_of(aws: &Aws, arn: &str, version: &str) -> Result<Option<Secret>> {
    match aws.secretsmanager().get_secret_value().secret_id(arn).version_id(version).send().await {
        Ok(answer) => Ok(answer.secret_string.map(Secret::new)),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
        Err(error) => Err(fault("secretsmanager:GetSecretValue", error)),
    }
}

/// The version that a request of this name makes: the same name gives the same version.
pub fn version_of(token: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, token.as_bytes()).to_string()
}

/// Puts a value as the current version under a version id; what was current becomes the previous one. Twice with one id equals once.
pub async fn put(aws: &Aws, arn: &str, value: &Secret, version: &str) -> Result<()> {
    match aws.secretsmanager().put_secret_value().secret_id(arn).secret_string(value.expose()).client_request_token(version).send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == "ResourceExistsException" => {
            Err(Error::new(Kind::Conflict, format!("the secret {arn} has the version {version} already, with another value"))
                .hint("begin a new rotation with --new"))
        }
        Err(error) => Err(fault("secretsmanager:PutSecretValue", error)),
    }
}

/// Makes an earlier version the current one. Twice equals once.
pub async fn back_to(aws: &Aws, arn: &str, version: &str) -> Result<()> {
    let now = versions(aws, arn).await?;
    if now.current == version {
        return Ok(());
    }
    aws.secretsmanager()
        .update_secret_version_stage()
        .secret_id(arn)
        .version_stage("AWSCURRENT")
        .move_to_version_id(version)
        .remove_from_version_id(now.current)
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("secretsmanager:UpdateSecretVersionStage", e))
}

/// Days between two automatic rotations of a secret; `None`: it is not rotated.
pub async fn schedule(aws: &Aws, arn: &str) -> Result<Option<i64>> {
    let found =
        aws.secretsmanager().describe_secret().secret_id(arn).send().await.map_err(|e| fault("secretsmanager:DescribeSecret", e))?;
    Ok(found.rotation_rules.and_then(|rules| rules.automatically_after_days))
}

/// Sets the days between two automatic rotations of a secret that another service manages and rotates (RDS's master password).
/// No function of ours is involved; the present value stays until the schedule says otherwise.
pub async fn set_schedule(aws: &Aws, arn: &str, days: i64) -> Result<()> {
    if schedule(aws, arn).await? == Some(days) {
        return Ok(());
    }
    aws.secretsmanager()
        .rotate_secret()
        .secret_id(arn)
        .rotation_rules(RotationRulesType::builder().automatically_after_days(days).build())
        .rotate_immediately(false)
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("secretsmanager:RotateSecret", e))
}

/// The keys of a JSON secret with one of them changed, as text.
pub fn with_key(value: &Secret, key: &str, new: &Secret) -> Result<Secret> {
    let mut all: BTreeMap<String, String> = serde_json::from_str(value.expose()).map_err(|_| {
        Error::new(Kind::Conflict, format!("the secret has no key {key}: it is no JSON object of texts"))
            .hint("leave the key out, or import the secret again")
    })?;
    all.insert(key.to_owned(), new.expose().to_owned());
    serde_json::to_string(&all).map(Secret::new).map_err(|e| Error::bug(format!("keys cannot be written: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_changes_and_the_others_stay() {
        let value = Secret::new(r#"{"publishable":"p","secret":"old"}"#);
        let changed = with_key(&value, "secret", &Secret::new("n\"ew")).unwrap();
        assert_eq!(changed.expose(), r#"{"publishable":"p","secret":"n\"ew"}"#);
        let refused = with_key(&Secret::new("hunter2"), "secret", &Secret::new("x")).unwrap_err();
        assert!(!refused.to_string().contains("hunter2"));
        assert_eq!(version_of("a"), version_of("a"));
    }
}
