//! Taking a stack away and saying what stayed.
//! Never deletes a stack that is not ours.

use serde::{Deserialize, Serialize};

use super::events::{Watch, watch};
use super::protect;
use super::status::{status, verdict};
use crate::cloud::fault::fault;
use crate::cloud::{Aws, tags};
use crate::error::Result;
use crate::progress::Reporter;

/// A resource that outlives its stack, because the template says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retained {
    pub logical_id: String,
    pub resource_type: String,
    pub physical_id: String,
}

/// What a deletion left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// There was nothing to delete. After an interruption ask by ARN to hear what was retained.
    pub absent: bool,
    pub retained: Vec<Retained>,
}

/// Deletes a stack, by name or ARN, and waits until it is gone. An absent stack is no error.
///
/// Termination protection is switched off first: the decision to delete was made above. Errors with the cause if a resource stays behind unwillingly.
pub async fn delete(aws: &Aws, name: &str, token: &str, reporter: &Reporter) -> Result<Deleted> {
    let Some(found) = status(aws, name).await? else {
        // by ARN a stack that went while nobody watched can still say what it left
        let retained = if name.starts_with("arn:") { left(aws, name).await? } else { Vec::new() };
        return Ok(Deleted { absent: true, retained });
    };
    super::plan::not_foreign(&found)?;
    let attach = found.status == "DELETE_IN_PROGRESS";
    let token = tags::request_token(token);
    if !attach {
        protect(aws, &found.arn, false).await?;
        aws.cloudformation()
            .delete_stack()
            .stack_name(&found.arn)
            .client_request_token(&token)
            .set_role_arn(aws.deploy_role().map(str::to_owned))
            .send()
            .await
            .map_err(|e| fault("cloudformation:DeleteStack", e))?;
    }
    let (last, watch) = watch(aws, &found.arn, (!attach).then_some(token.as_str()), None, reporter).await?;
    match last {
        None => {}
        Some(last) if last.status == "DELETE_COMPLETE" => {}
        Some(last) => return Err(watch.error(Some(&last), &found.arn)),
    }
    Ok(Deleted { absent: false, retained: retained(watch) })
}

/// What a stack left that is gone, by its ARN; CloudFormation remembers it for 90 days. Reads.
pub async fn left(aws: &Aws, arn: &str) -> Result<Vec<Retained>> {
    match verdict(aws, arn).await?.filter(|gone| gone.status == "DELETE_COMPLETE") {
        Some(gone) => Ok(retained(watch(aws, &gone.arn, None, None, &Reporter::silent()).await?.1)),
        None => Ok(Vec::new()),
    }
}

fn retained(watch: Watch) -> Vec<Retained> {
    watch.skipped.into_iter().map(|(logical_id, resource_type, physical_id)| Retained { logical_id, resource_type, physical_id }).collect()
}
