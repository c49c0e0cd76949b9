//! Bringing a stack back that stands in the middle of something: paused after a failure, or with a roll back that failed.
//! Never skips a resource that was not named: what is skipped stays as it is, and CloudFormation believes that it was rolled back.

use std::collections::BTreeSet;

use super::events::watch;
use super::status::{StackStatus, status};
use crate::cloud::fault::{code, fault};
use crate::cloud::{Aws, tags};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// Takes a stack that stands in the middle of something back to its last good state, and returns what it is then.
///
/// `UPDATE_ROLLBACK_FAILED`: the roll back goes on, without the resources in `skip`. `CREATE_FAILED`, `UPDATE_FAILED`: it is rolled back.
/// Any other state that nothing works on is left as it is. Twice equals once. Errors with the cause if it fails again.
pub async fn recover(aws: &Aws, name: &str, skip: &BTreeSet<String>, token: &str, reporter: &Reporter) -> Result<StackStatus> {
    let absent = || Error::new(Kind::Input, format!("there is no stack {name}")).hint("see the names with `migrate-wizard stacks diff`");
    let found = status(aws, name).await?.ok_or_else(absent)?;
    super::plan::not_foreign(&found)?;
    let token = tags::request_token(token);
    let client = aws.cloudformation();
    let sent = match found.status.as_str() {
        "UPDATE_ROLLBACK_FAILED" => {
            let skip = Some(skip.iter().cloned().collect::<Vec<_>>()).filter(|ids| !ids.is_empty());
            let begun = client.continue_update_rollback().stack_name(&found.arn).set_resources_to_skip(skip);
            let begun = begun.set_role_arn(aws.deploy_role().map(str::to_owned)).client_request_token(&token).send().await;
            begun.map(drop).or_else(|e| accepted(code(&e)).then_some(()).ok_or_else(|| fault("cloudformation:ContinueUpdateRollback", e)))
        }
        "CREATE_FAILED" | "UPDATE_FAILED" => {
            let begun = client.rollback_stack().stack_name(&found.arn).retain_except_on_create(true);
            let begun = begun.set_role_arn(aws.deploy_role().map(str::to_owned)).client_request_token(&token).send().await;
            begun.map(drop).or_else(|e| accepted(code(&e)).then_some(()).ok_or_else(|| fault("cloudformation:RollbackStack", e)))
        }
        _ if found.in_progress() => Ok(()),
        _ => return Ok(found),
    };
    sent?;
    reporter.log(format!("stack {} was {}: taking it back to its last good state", found.name, found.status));
    let (last, seen) = watch(aws, &found.arn, (!found.in_progress()).then_some(token.as_str()), None, reporter).await?;
    match last {
        Some(last) if last.status.ends_with("_COMPLETE") => Ok(last),
        last => Err(seen.error(last.as_ref(), &found.arn).hint(how_to_skip(&found.name))),
    }
}

/// It was begun by an earlier call whose answer was lost.
fn accepted(code: &str) -> bool {
    code.starts_with("TokenAlreadyExists")
}

fn how_to_skip(name: &str) -> String {
    format!(
        "settle what is named above and run the same command; what cannot be settled is left behind with `migrate-wizard stacks repair {name} --skip LOGICAL_ID`: that cannot be taken back, since CloudFormation then believes that it was rolled back"
    )
}
