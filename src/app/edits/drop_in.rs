//! What an app's own file has that the drop-in in its place has not: members of classes and enums, and what is exported.
//! Never looks into a body: what a method of the same name does otherwise is not seen.

use std::collections::BTreeSet;

use super::super::orm::script::{Part, Script, items};

/// Names that would be lost, each with its line, in the order of the file.
pub fn lost(path: &str, text: &str, drop_in: &str) -> Vec<(String, usize)> {
    let (Some(own), Some(ours)) = (Script::read(path, text), Script::read(path, drop_in)) else { return Vec::new() };
    let there: BTreeSet<String> = names(&ours).into_iter().map(|(name, _)| name).collect();
    let mut lost: Vec<(String, usize)> = names(&own).into_iter().filter(|(name, _)| !there.contains(name)).collect();
    // a class that is lost is told of once
    let whole: Vec<String> = lost.iter().map(|(name, _)| format!("{name}.")).collect();
    lost.retain(|(name, _)| !whole.iter().any(|class| name.starts_with(class.as_str())));
    lost.sort_by_key(|(_, line)| *line);
    lost.dedup_by(|a, b| a.0 == b.0);
    lost
}

fn names(script: &Script) -> Vec<(String, usize)> {
    let root = script.root();
    let mut out = Vec::new();
    let mut add = |name: String, part: &Part<'_>| out.push((name, script.line(part.range().start)));
    for part in root.dfs() {
        match part.kind().as_ref() {
            "class_declaration" | "abstract_class_declaration" | "enum_declaration" => {
                let (Some(name), Some(body)) = (part.field("name"), part.field("body")) else { continue };
                add(name.text().into_owned(), &part);
                for member in items(&body) {
                    let own = member.field("name").or_else(|| (member.kind() == "property_identifier").then(|| member.clone()));
                    let Some(own) = own.filter(|_| !is_inner(&member)) else { continue };
                    add(format!("{}.{}", name.text(), own.text()), &member);
                }
            }
            "export_statement" => {
                let declared = part.field("declaration");
                let several =
                    declared.as_ref().filter(|declared| declared.kind().ends_with("_declaration") && declared.field("name").is_none());
                let all = several.map(items).unwrap_or_else(|| declared.iter().cloned().collect());
                for one in all {
                    if let Some(name) = one.field("name") {
                        add(name.text().into_owned(), &one);
                    }
                }
                for one in part.dfs().filter(|inner| inner.kind() == "export_specifier") {
                    if let Some(name) = one.field("alias").or_else(|| one.field("name")) {
                        add(name.text().into_owned(), &one);
                    }
                }
            }
            _ => {}
        }
    }
    out
}

/// The constructor, and what only the class itself can call.
fn is_inner(member: &Part<'_>) -> bool {
    let private = member.children().any(|part| part.kind() == "accessibility_modifier" && part.text() == "private");
    private || member.field("name").is_some_and(|name| name.text() == "constructor" || name.text().starts_with('#'))
}
