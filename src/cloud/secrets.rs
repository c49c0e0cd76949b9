//! Secrets in AWS Secrets Manager: there, of this value, or gone.
//! Never logs a value or puts one into an error.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::Tag;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::{code, fault, message};
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretStatus {
    pub name: String,
    pub arn: String,
    pub ours: bool,
    /// It was deleted and can still be restored.
    pub scheduled_for_deletion: bool,
}

/// What [`ensure`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Created,
    Updated,
    Unchanged,
}

/// The secret of that name or ARN, if there is one.
pub async fn describe(aws: &Aws, name: &str) -> Result<Option<SecretStatus>> {
    match aws.secretsmanager().describe_secret().secret_id(name).send().await {
        Ok(found) => Ok(Some(from(&found))),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
        Err(error) => Err(fault("secretsmanager:DescribeSecret", error)),
    }
}

/// The value of a secret.
pub async fn value(aws: &Aws, arn: &str) -> Result<Secret> {
    let answer =
        aws.secretsmanager().get_secret_value().secret_id(arn).send().await.map_err(|e| fault("secretsmanager:GetSecretValue", e))?;
    answer.secret_string.map(Secret::new).ok_or_else(|| {
        Error::new(Kind::Conflict, format!("the secret {arn} holds bytes, not text"))
            .hint("store its value as text, then run the same command")
    })
}

/// Makes the secret hold `value`, restoring it if it was being deleted. Twice equals once; returns its ARN and what was done.
///
/// `token` names this attempt. Errors with [`Kind::Conflict`] if a secret of that name is not ours and holds another value.
pub async fn ensure(
    aws: &Aws,
    name: &str,
    value: &Secret,
    description: &str,
    tags: &BTreeMap<String, String>,
    token: &str,
) -> Result<(String, Change)> {
    let request = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{token}/{name}").as_bytes()).to_string();
    let Some(found) = describe(aws, name).await? else { return create(aws, name, value, description, tags, &request).await };
    if found.scheduled_for_deletion {
        not_foreign(&found)?;
        restore(aws, &found.arn).await?;
    }
    let current = match aws.secretsmanager().get_secret_value().secret_id(&found.arn).send().await {
        Ok(answer) => answer.secret_string.map(Secret::new),
        // made without a value
        Err(error) if code(&error) == "ResourceNotFoundException" => None,
        Err(error) => return Err(fault("secretsmanager:GetSecretValue", error)),
    };
    if current.as_ref() == Some(value) {
        return Ok((found.arn, Change::Unchanged));
    }
    not_foreign(&found)?;
    put(aws, &found.arn, value, &request).await?;
    Ok((found.arn, Change::Updated))
}

async fn create(
    aws: &Aws,
    name: &str,
    value: &Secret,
    description: &str,
    tags: &BTreeMap<String, String>,
    request: &str,
) -> Result<(String, Change)> {
    let made = aws
        .secretsmanager()
        .create_secret()
        .name(name)
        .description(description)
        .secret_string(value.expose())
        .client_request_token(request)
        .set_tags(Some(tags::ours(tags).iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()))
        .send()
        .await;
    match made {
        Ok(made) => Ok((made.arn.unwrap_or_else(|| name.to_owned()), Change::Created)),
        // made by a call whose answer was lost
        Err(error) if code(&error) == "ResourceExistsException" => match describe(aws, name).await? {
            Some(found) if found.ours && self::value(aws, &found.arn).await? == *value => Ok((found.arn, Change::Created)),
            Some(_) | None => Err(fault("secretsmanager:CreateSecret", error)),
        },
        Err(error) => Err(fault("secretsmanager:CreateSecret", error)),
    }
}

async fn put(aws: &Aws, arn: &str, value: &Secret, request: &str) -> Result<()> {
    let call = aws.secretsmanager().put_secret_value().secret_id(arn).secret_string(value.expose());
    match call.clone().client_request_token(request).send().await {
        Ok(_) => Ok(()),
        // the same attempt stored another value before: a version cannot be changed, so this one gets a number of its own
        Err(error) if code(&error) == "ResourceExistsException" => call
            .client_request_token(Uuid::new_v4().to_string())
            .send()
            .await
            .map(drop)
            .map_err(|e| fault("secretsmanager:PutSecretValue", e)),
        Err(error) => Err(fault("secretsmanager:PutSecretValue", error)),
    }
}

/// Takes back a deletion that has not come due.
pub async fn restore(aws: &Aws, arn: &str) -> Result<()> {
    aws.secretsmanager().restore_secret().secret_id(arn).send().await.map(drop).map_err(|e| fault("secretsmanager:RestoreSecret", e))
}

/// How long a deleted secret can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// 7 to 30 days.
    Days(u8),
    /// Gone at once: for the undo of a secret that was just made.
    Never,
}

/// Deletes a secret of ours; an absent one is no error.
pub async fn delete(aws: &Aws, name: &str, recovery: Recovery) -> Result<()> {
    let Some(found) = describe(aws, name).await? else { return Ok(()) };
    not_foreign(&found)?;
    let call = aws.secretsmanager().delete_secret().secret_id(&found.arn);
    let call = match recovery {
        Recovery::Days(_) if found.scheduled_for_deletion => return Ok(()),
        Recovery::Days(days) => call.recovery_window_in_days(i64::from(days)),
        Recovery::Never => call.force_delete_without_recovery(true),
    };
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
        // the answer to an earlier try was lost
        Err(error) if message(&error).contains("scheduled for deletion") => Ok(()),
        Err(error) => Err(fault("secretsmanager:DeleteSecret", error)),
    }
}

/// Names of the secrets of one system that are ours and not being deleted. Reads.
pub async fn of_system(aws: &Aws, app: &str, environment: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut page = None;
    loop {
        let asked = aws.secretsmanager().list_secrets().set_next_token(page.take()).send().await;
        let answer = asked.map_err(|e| fault("secretsmanager:ListSecrets", e))?;
        for secret in answer.secret_list() {
            let carried = || secret.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
            let of =
                tags::is_ours(carried()) && carried().any(|t| t == ("app", app)) && carried().any(|t| t == ("environment", environment));
            names.extend(secret.name().filter(|_| of && secret.deleted_date().is_none()).map(str::to_owned));
        }
        page = answer.next_token.filter(|token| !token.is_empty());
        if page.is_none() {
            return Ok(names);
        }
    }
}

fn not_foreign(found: &SecretStatus) -> Result<()> {
    if found.ours {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("the secret {} exists and was not made by migrate-wizard", found.name))
        .hint("choose another name for this app, or delete the secret if it is yours to give up"))
}

fn from(found: &DescribeSecretOutput) -> SecretStatus {
    SecretStatus {
        name: found.name().unwrap_or_default().to_owned(),
        arn: found.arn().unwrap_or_default().to_owned(),
        ours: tags::is_ours(found.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))),
        scheduled_for_deletion: found.deleted_date().is_some(),
    }
}
