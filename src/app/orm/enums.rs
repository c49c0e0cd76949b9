//! `pgEnum` of a type that the target does not have: its labels stay under its name, as a plain constant.
//! Never touches an enum that the target keeps.

use super::database::Change;
use super::edit::Edit;
use super::project::{Declared, Project, What};
use super::report::{Note, Work};
use super::script::{Script, arguments};

/// The edit of one declared name, if it is such an enum.
pub fn edit(project: &Project<'_>, script: &Script, declared: &Declared<'_>, change: &Change, work: &mut Work) {
    let What::Enum(name) = &declared.what else { return };
    let line = script.line(declared.call.range().start);
    if !change.from.has_enum(name) {
        work.notes.push(Note { path: script.path.clone(), line, what: format!("{name}: the database has no such enum") });
        return;
    }
    if change.to.has_enum(name) {
        return;
    }
    let all = arguments(&declared.call);
    let [written, labels, ..] = all.as_slice() else { return };
    // A TypeScript enum has its values as values.
    let is_enum = labels.kind() == "identifier"
        && project.scripts.iter().any(|script| {
            script
                .root()
                .dfs()
                .any(|part| part.kind() == "enum_declaration" && part.field("name").is_some_and(|name| name.text() == labels.text()))
        });
    let values = if is_enum { format!("Object.values({})", labels.text()) } else { labels.text().into_owned() };
    let text = format!("{{ enumName: {}, enumValues: {values} }} as const", written.text());
    work.edits.push(Edit::new(
        declared.call.range(),
        text,
        format!("enum {name} becomes text with a CHECK; its values stay under this name"),
    ));
}
