//! The SARIF that `app scan` writes, held to the parts of SARIF 2.1.0 (OASIS, 27 March 2020) that it uses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{copy, findings, scan, source};

/// Of each object: keys that must be there, and keys that may (section of the standard).
const OBJECTS: &[(&str, &[&str], &[&str])] = &[
    ("sarifLog", &["version", "runs"], &["$schema"]),                              // 3.13
    ("run", &["tool", "results"], &["invocations", "columnKind"]),                 // 3.14
    ("toolComponent", &["name"], &["semanticVersion", "rules", "informationUri"]), // 3.19
    ("reportingDescriptor", &["id"], &["shortDescription", "fullDescription", "help", "defaultConfiguration", "properties"]), // 3.49
    ("result", &["message"], &["ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties"]), // 3.27
    ("physicalLocation", &["artifactLocation"], &["region"]),                      // 3.29
    ("artifactLocation", &["uri"], &["uriBaseId"]),                                // 3.4
    ("region", &["startLine"], &["snippet"]),                                      // 3.30
    ("invocation", &["executionSuccessful"], &["toolExecutionNotifications"]),     // 3.20
    ("notification", &["message"], &["level"]),                                    // 3.58
];

fn keys<'a>(kind: &str, value: &'a Value) -> &'a serde_json::Map<String, Value> {
    let (_, must, may) = OBJECTS.iter().find(|(name, ..)| *name == kind).unwrap();
    let object = value.as_object().unwrap_or_else(|| panic!("{kind} is no object: {value}"));
    for key in *must {
        assert!(object.contains_key(*key), "{kind} has no {key}: {value}");
    }
    for key in object.keys() {
        assert!(must.contains(&key.as_str()) || may.contains(&key.as_str()), "{kind} has a key of no meaning: {key}");
    }
    object
}

fn text(value: &Value) -> &str {
    let text = value["text"].as_str().unwrap_or_else(|| panic!("a message without text: {value}"));
    assert!(!text.is_empty());
    text
}

fn level(value: &Value) -> &str {
    let level = value.as_str().unwrap();
    assert!(["none", "note", "warning", "error"].contains(&level), "{level}");
    level
}

fn check(log: &Value) {
    keys("sarifLog", log);
    assert_eq!(log["version"], "2.1.0");
    for run in log["runs"].as_array().unwrap() {
        keys("run", run);
        let driver = &run["tool"]["driver"];
        keys("toolComponent", driver);
        let rules = driver["rules"].as_array().unwrap();
        let ids: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "a rule twice");
        for rule in rules {
            keys("reportingDescriptor", rule);
            text(&rule["shortDescription"]);
            text(&rule["help"]);
            level(&rule["defaultConfiguration"]["level"]);
        }
        for result in run["results"].as_array().unwrap() {
            keys("result", result);
            text(&result["message"]);
            level(&result["level"]);
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[at]["id"], result["ruleId"]);
            for location in result["locations"].as_array().unwrap() {
                let place = &location["physicalLocation"];
                keys("physicalLocation", place);
                let uri = place["artifactLocation"]["uri"].as_str().unwrap();
                keys("artifactLocation", &place["artifactLocation"]);
                assert!(!uri.starts_with('/') && !uri.contains([' ', '[', '\\']) && !uri.contains(".."), "{uri}");
                if let Some(region) = place.get("region") {
                    keys("region", region);
                    assert!(region["startLine"].as_u64().unwrap() >= 1);
                }
            }
        }
        for invocation in run["invocations"].as_array().unwrap() {
            keys("invocation", invocation);
            for notification in invocation["toolExecutionNotifications"].as_array().unwrap() {
                keys("notification", notification);
                text(&notification["message"]);
            }
        }
    }
}

#[test]
fn sarif_is_as_the_standard_has_it_and_says_all_that_was_found() {
    for app in super::expected::APPS {
        let wizard = copy(app.name);
        let done = wizard.run(&["app", "scan", app.name, "--sarif"]);
        assert_eq!(done.code(), 0, "{}", done.err());
        let log: Value = serde_json::from_str(&done.out()).unwrap();
        check(&log);
        let scan = scan(&source(app.name));
        let results = log["runs"][0]["results"].as_array().unwrap();
        let told: Vec<String> = results
            .iter()
            .map(|r| {
                let place = &r["locations"][0]["physicalLocation"];
                let line = place["region"]["startLine"].as_u64().map_or(String::new(), |l| format!(":{l}"));
                format!("{} {}{line}", r["ruleId"].as_str().unwrap(), place["artifactLocation"]["uri"].as_str().unwrap())
            })
            .collect();
        assert_eq!(told, findings(&scan), "{}", app.name);
        let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().len();
        assert_eq!(notes, scan.notes.len());
        assert!(!done.out().contains("t0p-s3cret-value") && !done.out().contains("sk-proj-abcdef"));
    }
}

#[test]
fn levels_follow_severities() {
    let wizard = copy("rest-express");
    let log: Value = serde_json::from_str(&wizard.run(&["app", "scan", "rest-express", "--sarif"]).out()).unwrap();
    let level = |id: &str| {
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        rules.iter().find(|r| r["id"] == id).unwrap()["defaultConfiguration"]["level"].as_str().unwrap().to_owned()
    };
    assert_eq!([level("B1"), level("B2"), level("F1"), level("A1")], ["error", "warning", "note", "note"]);
}

#[test]
#[should_panic(expected = "a key of no meaning")]
fn the_check_can_fail() {
    check(&serde_json::json!({ "version": "2.1.0", "runs": [], "results": [] }));
}
