//! Rules and recommendations beside what steps find: what the wizard proposes after a finding, and what reaches the step that refuses.
//! Nothing here is compiled into the wizard.

use std::collections::BTreeSet;

use super::playbook_test::{questions, steps};
use super::*;

/// A rule that a finding alone brings about, whatever was answered, would speak against what the wizard itself proposes.
#[test]
fn what_is_recommended_after_a_finding_contradicts_no_rule_about_it() {
    let (questions, rules) = (questions(), Rules::bundled().unwrap());
    // a list of what is harmless, and a number of tables, are no conditions of a playbook
    let told_only = ["dsql-other-extensions", "dsql-tables", "storage-smaller-than-source", "class-memory"];
    let mut tried = 0;
    for (id, when, _) in rules.words().filter(|(id, _, _)| !told_only.contains(id)) {
        let facts = when.iter().filter(|test| test.key.starts_with("scan.") || test.key.starts_with("source."));
        let found = facts.filter_map(|test| test.fulfilled().map(|value| (test.key.clone(), value)));
        let mut given: Answers = found.collect();
        if given.is_empty() {
            continue;
        }
        tried += 1;
        given.extend([("domain_name", "x.org"), ("alarm_email", "a@x.org")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        let spoken: Vec<String> =
            rules.check(&given, &questions).iter().filter(|c| c.severity != Severity::Advise).map(Contradiction::words).collect();
        assert_eq!(spoken, Vec::<String>::new(), "{id}: {given:?}");
        if id != "limits-in-memory" {
            assert!(!rules.check(&given, &questions).iter().any(|c| c.id == id), "{id}: {given:?}");
        }
    }
    assert!(tried >= 20, "{tried}");
}

#[test]
fn what_rules_read_of_what_was_found_reaches_the_step_that_refuses() {
    let all = steps("decide");
    let step = all.iter().find(|s| s["id"].as_str() == Some("decisions")).unwrap();
    let given: Vec<&str> = step["effect"]["found"].as_table().unwrap().keys().map(String::as_str).collect();
    let (questions, rules) = (questions(), Rules::bundled().unwrap());
    let mut read: BTreeSet<&str> = rules.facts();
    let recommended = questions.iter().flat_map(|q| &q.recommended_when).flat_map(|(when, _)| when.keys().map(String::as_str));
    read.extend(recommended.filter(|fact| fact.contains('.')));
    // what a reason or an answer names
    read.extend(["scan.found.F10", "scan.services"]);
    assert_eq!(given, read.into_iter().collect::<Vec<_>>());
}
