//! What a stack is now.
//! Reads only.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::Stack;
use serde::{Deserialize, Serialize};

use crate::cloud::fault::{code, fault, message};
use crate::cloud::{Aws, tags};
use crate::error::Result;

/// A stack as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackStatus {
    pub name: String,
    pub arn: String,
    /// As CloudFormation writes it: `CREATE_COMPLETE`.
    pub status: String,
    pub reason: Option<String>,
    pub outputs: BTreeMap<String, String>,
    pub parameters: BTreeMap<String, String>,
    /// All its tags, ours too.
    pub tags: BTreeMap<String, String>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// When it was last changed; when it was made, if never.
    pub changed: i64,
    /// It carries our tag, or it is a shell without resources whose change sets are all ours.
    pub ours: bool,
    /// The run that made it.
    pub run: Option<String>,
    pub termination_protection: bool,
}

impl StackStatus {
    /// CloudFormation is working on it. A stack in review waits for us, not for CloudFormation.
    pub fn in_progress(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && !self.in_review()
    }

    /// A change set was made for it and none was executed: it has no resources.
    pub fn in_review(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }

    /// The last operation did what it was asked to do.
    pub fn succeeded(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE")
    }
}

/// Describes a stack by name or ARN; `None` if there is none, or (by ARN) if it was deleted.
pub async fn status(aws: &Aws, name: &str) -> Result<Option<StackStatus>> {
    let Some(stack) = describe(aws, name).await? else { return Ok(None) };
    let mut found = from(stack);
    if found.status == "DELETE_COMPLETE" {
        return Ok(None);
    }
    if found.in_review() && !found.ours {
        let sets = aws
            .cloudformation()
            .list_change_sets()
            .stack_name(&found.arn)
            .send()
            .await
            .map_err(|e| fault("cloudformation:ListChangeSets", e))?;
        found.ours =
            sets.summaries().iter().all(|set| set.change_set_name().is_some_and(|name| name.starts_with(super::plan::CHANGE_SET_PREFIX)));
    }
    Ok(Some(found))
}

/// As [`status`], but a deleted stack (by ARN) is described too.
pub(super) async fn verdict(aws: &Aws, arn: &str) -> Result<Option<StackStatus>> {
    Ok(describe(aws, arn).await?.map(from))
}

/// Every stack of the region that is there, with our tag and these. Reads.
pub(super) async fn tagged(aws: &Aws, wanted: &[(&str, &str)]) -> Result<Vec<StackStatus>> {
    let mut found = Vec::new();
    let mut page = None;
    loop {
        let asked = aws.cloudformation().describe_stacks().set_next_token(page.take()).send().await;
        let answer = asked.map_err(|e| fault("cloudformation:DescribeStacks", e))?;
        let there = answer.stacks.unwrap_or_default().into_iter().map(from).filter(|stack| stack.status != "DELETE_COMPLETE");
        found.extend(there.filter(|s| s.ours && wanted.iter().all(|(k, v)| s.tags.get(*k).is_some_and(|has| has == v))));
        page = answer.next_token.filter(|token| !token.is_empty());
        if page.is_none() {
            return Ok(found);
        }
    }
}

async fn describe(aws: &Aws, name: &str) -> Result<Option<Stack>> {
    match aws.cloudformation().describe_stacks().stack_name(name).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        Err(error) if code(&error) == "ValidationError" && message(&error).contains("does not exist") => Ok(None),
        Err(error) => Err(fault("cloudformation:DescribeStacks", error)),
    }
}

fn from(stack: Stack) -> StackStatus {
    let tag = |key: &str| stack.tags().iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value()).map(str::to_owned);
    let pairs = stack.outputs().iter().filter_map(|o| Some((o.output_key()?.to_owned(), o.output_value()?.to_owned())));
    let parameters = stack.parameters().iter().filter_map(|p| Some((p.parameter_key()?.to_owned(), p.parameter_value()?.to_owned())));
    StackStatus {
        name: stack.stack_name().unwrap_or_default().to_owned(),
        arn: stack.stack_id().or(stack.stack_name()).unwrap_or_default().to_owned(),
        status: stack.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: stack.stack_status_reason().map(str::to_owned),
        outputs: pairs.collect(),
        parameters: parameters.collect(),
        tags: stack.tags().iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned()))).collect(),
        created: stack.creation_time().map_or(0, aws_sdk_cloudformation::primitives::DateTime::secs),
        changed: stack.last_updated_time().or(stack.creation_time()).map_or(0, aws_sdk_cloudformation::primitives::DateTime::secs),
        ours: tags::is_ours(stack.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))),
        run: tag(tags::RUN),
        termination_protection: stack.enable_termination_protection().unwrap_or(false),
    }
}
