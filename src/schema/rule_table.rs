//! The rules of a target as a page: what each matches, makes, loses and asks of the app, with source and date.
//! Never says anything that is not in the capability file.

use std::fmt::Write as _;

use super::capabilities::{Capabilities, Fact};
use super::finding::Severity;

/// Markdown: the choices, then a table of the findings by id.
pub fn rules(capabilities: &Capabilities) -> String {
    let mut out = format!("## {}\n\nFacts as of {}: {}.\n", capabilities.name, capabilities.as_of, capabilities.source);
    if !capabilities.choices.is_empty() {
        out.push_str("\n### Choices\n\n| choice | option | what it means |\n|---|---|---|\n");
        for choice in &capabilities.choices {
            for option in &choice.options {
                let (id, mark) = (&choice.id, if option.value == choice.recommended { " (recommended)" } else { "" });
                let _ = writeln!(out, "| `{id}` {} | `{}`{mark}: {} | {} |", choice.question, option.value, option.label, option.effect);
            }
        }
    }
    out.push_str(
        "\n### Findings\n\n| id | matches | makes | severity | data | what the app must do | source |\n|---|---|---|---|---|---|---|\n",
    );
    for (id, fact) in &capabilities.findings {
        let as_of = fact.as_of.as_ref().unwrap_or(&capabilities.as_of);
        let Fact { matches, emits, app_must, source, .. } = fact;
        let _ = writeln!(
            out,
            "| `{id}` | {matches} | {emits} | {} | {} | {} | {source}; {as_of} |",
            severity(fact.severity),
            lossless(&fact.lossless),
            cell(app_must)
        );
    }
    out
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocks => "to decide",
        Severity::Changes => "changes",
        Severity::Info => "good to know",
    }
}

fn lossless(written: &str) -> String {
    match written {
        "yes" => "lossless".to_owned(),
        "no" => "not lossless".to_owned(),
        condition => format!("lossless {condition}"),
    }
}

/// A table's cell may hold no bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Target;

    #[test]
    fn the_page_of_the_rules_is_what_the_files_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema-rules.md");
        let mut page = String::from(
            "# The rules of the schema compiler\n\nWritten by `migrate-wizard schema rules --target rds|aurora|dsql` from `assets/targets`; one rule, one file in `src/schema/rules`.\n",
        );
        for target in [Target::Dsql, Target::Rds, Target::Aurora] {
            page.push('\n');
            page.push_str(&rules(&Capabilities::of(target).unwrap()));
        }
        if std::env::var_os("MIGRATE_WIZARD_WRITE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap() == page,
            "docs/schema-rules.md is old: run the tests once with MIGRATE_WIZARD_WRITE_DOCS=1"
        );
    }
}
