//! `express.static` of a folder that multer writes to becomes ours; before one of a folder above it ours is put in.
//! Never touches the static files of the app itself.

use super::super::super::orm::edit::Edit;
use super::super::super::orm::script::{Part, Script, arguments, items, key_of, text_of};
use super::super::syntax::{calls, statement_of};
use super::module::SERVE;
use super::{Plan, WHY, folder};

/// Options that ours knows, too; what concerns folders has no meaning there.
const KNOWN: [&str; 6] = ["maxAge", "immutable", "setHeaders", "index", "redirect", "dotfiles"];

pub fn replace(script: &Script, root: &str, folders: &[&str], plan: &mut Plan) {
    let tree = script.root();
    let served: Vec<String> = tree
        .dfs()
        .filter(|part| part.kind() == "call_expression" && part.field("function").is_some_and(|its| its.text().starts_with(SERVE)))
        .filter_map(|call| folder::meant(script, root, arguments(&call).first()?))
        .collect();
    for call in calls(&tree, "static") {
        let Some(function) = call.field("function").filter(|function| function.text() == "express.static") else { continue };
        let given = arguments(&call);
        let Some(served_here) = given.first().and_then(|first| folder::meant(script, root, first)) else { continue };
        let line = script.line(call.range().start);
        let is_below = |inner: &str, outer: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        if folders.iter().any(|folder| is_below(&served_here, folder)) {
            if given.get(1).is_none_or(are_known) {
                plan.edits.push(Edit::new(function.range(), SERVE, WHY));
                plan.names.insert(SERVE);
            } else {
                let what = "serve these files from S3: serveUploads(…) of OURS in the place of express.static; of its options it knows maxAge, immutable and setHeaders";
                plan.item(line, what);
            }
            continue;
        }
        for below in folders.iter().filter(|folder| is_below(folder, &served_here) && !served.iter().any(|known| known == *folder)) {
            let rest = below.get(served_here.len() + 1..).unwrap_or_default();
            match given.first().and_then(|first| before(script, &call, first, rest)) {
                Some(edit) => {
                    plan.edits.push(edit);
                    plan.names.insert(SERVE);
                }
                None => {
                    plan.item(line, format!("serve the users' files from S3 before this: serveUploads(…) of OURS for its folder {rest}/"))
                }
            }
        }
    }
    for call in calls(&tree, "useStaticAssets") {
        let Some(meant) = arguments(&call).first().and_then(|first| folder::meant(script, root, first)) else { continue };
        if let Some(folder) = folders.iter().find(|folder| folder.starts_with(&meant)) {
            let local = folder.strip_prefix(root).unwrap_or(folder);
            let what = format!(
                "serve the users' files from S3 before this: app.use(\"/{}\", serveUploads(\"{local}\")) of OURS",
                local.rsplit('/').next().unwrap_or(local)
            );
            plan.item(script.line(call.range().start), what);
        }
    }
}

fn are_known(options: &Part<'_>) -> bool {
    options.kind() == "object"
        && items(options).iter().all(|one| {
            let key = match one.kind().as_ref() {
                "pair" => key_of(one),
                "method_definition" => one.field("name").map(|name| name.text().into_owned()),
                _ => None,
            };
            let Some(key) = key.filter(|key| KNOWN.contains(&key.as_str())) else { return false };
            let value = one.field("value").map(|value| value.text().into_owned()).unwrap_or_default();
            match key.as_str() {
                // hidden files are not sent
                "dotfiles" => value.contains("ignore"),
                "maxAge" => !value.starts_with(['"', '\'', '`']) || is_age(&value),
                _ => true,
            }
        })
}

/// `"7d"`.
fn is_age(text: &str) -> bool {
    let inner = text.trim_matches(['"', '\'', '`']);
    let unit = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < inner.len() && ["", "ms", "s", "m", "h", "d", "w", "y"].contains(&unit.trim_start())
}

/// `app.use("/uploads", serveUploads("public/uploads"))` before `app.use(express.static("public"))`.
fn before(script: &Script, call: &Part<'_>, first: &Part<'_>, rest: &str) -> Option<Edit> {
    let statement = statement_of(call).filter(|statement| statement.kind() == "expression_statement")?;
    let whole = items(&statement).into_iter().next()?;
    let function = whole.field("function").filter(|function| function.text().ends_with(".use"))?;
    let given = arguments(&whole);
    let mount = match given.as_slice() {
        [only] if only.range() == call.range() => String::new(),
        [mount, only] if only.range() == call.range() => text_of(mount)?,
        _ => return None,
    };
    let style = script.style();
    let path = match text_of(first) {
        Some(text) => style.text(&format!("{}/{rest}", text.trim_end_matches('/'))),
        None => format!("`${{{}}}/{rest}`", first.text()),
    };
    let mount = style.text(&format!("{}/{rest}", mount.trim_end_matches('/')));
    let at = statement.range().start;
    let text = format!("{}({mount}, {SERVE}({path})){}{}{}", function.text(), style.end(), style.newline, script.indent(at));
    Some(Edit::new(at..at, text, WHY))
}
