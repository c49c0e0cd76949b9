//! Replit's plugins for vite, and its banner in the page: both are of use in Replit's editor alone.
//! Never touches a plugin of anybody else.

use super::super::comments;
use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, Script, items, key_of};
use super::package;
use super::syntax::lines_of;
use super::work::{Work, line_of};

const PLUGINS: &str = "@replit/vite-plugin-";
const WHY: &str = "a plugin for Replit's editor, of no use elsewhere";

pub fn edit(work: &mut Work) {
    for script in
        work.scripts(|path, text| path.rsplit('/').next().is_some_and(|name| name.starts_with("vite.config.")) && text.contains(PLUGINS))
    {
        let edits = config(&script, work);
        work.edit(&script, edits);
    }
    let packages: Vec<String> = work.paths(|path, text| path.ends_with("package.json") && text.contains(PLUGINS));
    for file in packages {
        let text = work.text(&file).unwrap_or_default();
        let names: Vec<String> = text
            .split('"')
            .filter(|word| word.starts_with(PLUGINS))
            .filter(|word| !package::is_used(work, word))
            .map(str::to_owned)
            .collect();
        package::remove(work, &file, &names.iter().map(String::as_str).collect::<Vec<_>>(), "no file uses this plugin any more");
    }
}

fn config(script: &Script, work: &mut Work) -> Vec<Edit> {
    let imports = Imports::of(script);
    let ours: Vec<_> = imports.all.iter().filter(|import| import.module.starts_with(PLUGINS)).collect();
    let locals: Vec<&str> = ours
        .iter()
        .flat_map(|import| import.default.iter().chain(import.names.iter().map(|name| &name.local)))
        .map(String::as_str)
        .collect();
    let root = script.root();
    let mut edits = Vec::new();
    for list in root.dfs().filter(|part| part.kind() == "pair" && key_of(part).as_deref() == Some("plugins")) {
        if let Some(array) = list.field("value").filter(|value| value.kind() == "array") {
            edits.extend(list_edits(script, &array, &locals, true));
        }
    }
    let spans: Vec<std::ops::Range<usize>> = edits.iter().map(|edit: &Edit| edit.range.clone()).collect();
    let covered = |at: usize| spans.iter().any(|span| span.contains(&at));
    for import in ours {
        let names = || import.default.iter().chain(import.names.iter().map(|name| &name.local));
        let statement = import.statement.range();
        let left = root.dfs().find(|part| {
            part.kind() == "identifier"
                && names().any(|name| *name == part.text())
                && !statement.contains(&part.range().start)
                && !covered(part.range().start)
        });
        match left {
            None => edits.push(Edit::new(lines_of(script, statement), "", WHY)),
            Some(part) => work.item(&script.path, Some(script.line(part.range().start)), "take this plugin away", WHY),
        }
    }
    let dynamic = root.dfs().filter(|part| part.kind() == "string" && part.text().contains(PLUGINS));
    for part in dynamic.filter(|part| !edits.iter().any(|edit| edit.range.contains(&part.range().start))) {
        work.item(&script.path, Some(script.line(part.range().start)), "take this plugin away", WHY);
    }
    edits
}

/// Items that are Replit's go; of a list within the list only those in it.
fn list_edits(script: &Script, array: &Part<'_>, locals: &[&str], outer: bool) -> Vec<Edit> {
    let all = items(array);
    let is_ours = |part: &Part<'_>| {
        part.dfs().any(|inner| {
            (inner.kind() == "string" && inner.text().contains(PLUGINS))
                || (inner.kind() == "identifier" && locals.contains(&inner.text().as_ref()))
        })
    };
    let mut edits = Vec::new();
    let mut gone = Vec::new();
    for (place, item) in all.iter().enumerate().filter(|(_, item)| is_ours(item)) {
        let lists: Vec<Part<'_>> = item.dfs().filter(|part| part.kind() == "array").collect();
        let others = lists.iter().any(|list| items(list).iter().any(|inner| !is_ours(inner)));
        if outer && others {
            lists.iter().for_each(|list| edits.extend(list_edits(script, list, locals, false)));
        } else {
            gone.push((place, WHY.to_owned()));
        }
    }
    if !gone.is_empty() {
        edits.extend(ListEdit { script, list: array, gone: &gone, added: &[] }.edits());
    }
    edits
}

const BANNER: &str = "replit-dev-banner";

pub fn banner(work: &mut Work) {
    for path in work.paths(|path, text| path.ends_with(".html") && text.contains(BANNER)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let comments = comments::ranges(&path, &text, None);
        let is_spoken_of = |at: usize| comments.iter().any(|range| range.contains(&at));
        let Some((at, _)) = text.match_indices(BANNER).find(|(at, _)| !is_spoken_of(*at)) else { continue };
        let (head, tail) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        let (Some(start), Some(end)) = (head.rfind("<script"), tail.find("</script>")) else {
            work.item(&path, Some(line_of(&text, at)), "take this script away", "it shows Replit's banner");
            continue;
        };
        let mut start = start;
        let end = at + end + "</script>".len();
        // The comment above speaks of it.
        let above = text.get(..start).unwrap_or_default().trim_end();
        if above.ends_with("-->")
            && let Some(open) = above.rfind("<!--")
            && above.get(open..).is_some_and(|comment| comment.to_lowercase().contains("replit"))
        {
            start = open;
        }
        let line = text.get(..start).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
        let alone = text.get(line..start).is_some_and(|blank| blank.trim().is_empty());
        let rest = text.get(end..).unwrap_or_default();
        let newline = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        let range = if alone && newline > 0 { line..end + newline } else { start..end };
        work.replace(&path, &text, vec![Edit::new(range, "", "Replit's banner in the page")]);
    }
}
