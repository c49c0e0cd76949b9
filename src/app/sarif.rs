//! A scan as SARIF 2.1.0 (OASIS, 2020): what code review tools read.
//! Never leaves a finding out, and adds nothing that the scan does not say.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::finding::{Finding, Severity};
use super::scan::Scan;
use super::signal::Signal;

/// The log of one run: every signal that was looked for is a rule, every finding a result, every note a notification.
pub fn log(scan: &Scan, signals: &[Signal]) -> Value {
    let rules: Vec<&Signal> = signals.iter().collect();
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(at, signal)| (signal.id.as_str(), at)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "migrate-wizard",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|signal| rule(signal)).collect::<Vec<_>>(),
            } },
            "invocations": [{
                "executionSuccessful": true,
                "toolExecutionNotifications": scan.notes.iter().map(|note| json!({ "level": "note", "message": { "text": note } })).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
            "results": scan.findings.iter().map(|finding| result(finding, &index)).collect::<Vec<_>>(),
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocks => "error",
        Severity::Must => "warning",
        Severity::Should | Severity::Info => "note",
    }
}

fn rule(signal: &Signal) -> Value {
    let mut help = format!("{}.\n\nOn AWS: {}.", signal.means, signal.replacement);
    let mut markdown = format!("{}.\n\n**On AWS:** {}.", signal.means, signal.replacement);
    if let Some(edit) = &signal.edit {
        help += &format!("\n\nTo do: {edit}.");
        markdown += &format!("\n\n**To do:** {edit}.");
    }
    if let Some(hours) = signal.hours {
        help += &format!("\n\nWork: {hours}.");
        markdown += &format!("\n\n**Work:** {hours}.");
    }
    json!({
        "id": signal.id,
        "shortDescription": { "text": signal.title },
        "fullDescription": { "text": format!("{}: {}", signal.title, signal.means) },
        "help": { "text": help, "markdown": markdown },
        "defaultConfiguration": { "level": level(signal.severity) },
        "properties": { "severity": signal.severity.word(), "source": signal.source, "asOf": signal.as_of },
    })
}

fn result(finding: &Finding, index: &BTreeMap<&str, usize>) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.file), "uriBaseId": "%SRCROOT%" } });
    if let Some(line) = finding.line
        && let Some(place) = place.as_object_mut()
    {
        let mut region = json!({ "startLine": line });
        if !finding.excerpt.is_empty()
            && let Some(region) = region.as_object_mut()
        {
            region.insert("snippet".into(), json!({ "text": finding.excerpt }));
        }
        place.insert("region".into(), region);
    }
    let mut out = json!({
        "ruleId": finding.signal,
        "level": level(finding.severity),
        "message": { "text": format!("{}: {}. On AWS: {}", finding.title, finding.means, finding.replacement) },
        "locations": [{ "physicalLocation": place }],
        "partialFingerprints": { "signalAndCode/v1": crate::text::digest(&format!("{}\n{}\n{}", finding.signal, finding.file, finding.excerpt), 16) },
    });
    if let Some(out) = out.as_object_mut() {
        if let Some(at) = index.get(finding.signal.as_str()) {
            out.insert("ruleIndex".into(), json!(at));
        }
        if let Some(hours) = finding.hours {
            out.insert("properties".into(), json!({ "hours": hours }));
        }
    }
    out
}

/// A path as a relative URI reference: all but unreserved characters and `/` is escaped.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri("server/a b/[id].ts"), "server/a%20b/%5Bid%5D.ts");
        assert_eq!(uri("é.ts"), "%C3%A9.ts");
    }
}
