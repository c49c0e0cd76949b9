//! A stack's own policy: what holds data is neither replaced nor removed by an update, whoever makes it.
//! Never says anything of deletions: those are held off by termination protection and by `DeletionPolicy`.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cloud::Aws;
use crate::cloud::fault::fault;
use crate::error::Result;

/// Sets the policy that protects the resources `ids`, all but those in `open`; without any it is left as it is. Twice equals once.
pub(super) async fn protect_data(aws: &Aws, arn: &str, ids: &BTreeSet<String>, open: &BTreeSet<String>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    aws.cloudformation()
        .set_stack_policy()
        .stack_name(arn)
        .stack_policy_body(body(ids, open))
        .send()
        .await
        .map(drop)
        .map_err(|e| fault("cloudformation:SetStackPolicy", e))
}

fn body(ids: &BTreeSet<String>, open: &BTreeSet<String>) -> String {
    let mut statements = vec![json!({"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"})];
    let closed: Vec<String> = ids.difference(open).map(|id| format!("LogicalResourceId/{id}")).collect();
    if !closed.is_empty() {
        statements.push(json!({"Effect": "Deny", "Principal": "*", "Action": ["Update:Replace", "Update:Delete"], "Resource": closed}));
    }
    json!({ "Statement": statements }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_to_is_open_and_all_else_is_closed() {
        let ids = ["A", "B"].map(str::to_owned).into();
        let closed = body(&ids, &BTreeSet::new());
        assert!(closed.contains(r#"{"Effect":"Deny","Principal":"*","Action":["Update:Replace","Update:Delete"]"#), "{closed}");
        assert!(closed.contains(r#"["LogicalResourceId/A","LogicalResourceId/B"]"#), "{closed}");
        assert!(body(&ids, &["A".to_owned()].into()).contains(r#"["LogicalResourceId/B"]"#));
        assert!(!body(&ids, &ids).contains("Deny"));
    }
}
