//! Which folder of the app an expression means, where that can be said without running anything.
//! Never a guess: what depends on a request, and what is outside of the app, is no folder of it.

use super::super::super::orm::script::{Part, Script, arguments, bare, items, text_of};
use super::super::package;
use super::super::work::{Work, folder as folder_of};

/// How far constants are followed.
const DEEP: usize = 5;

/// The folder of the package that a file is in, with `/` at its end; empty for the root. It is where the app runs.
pub fn root_of(work: &Work, path: &str) -> String {
    package::of(work, path).map(|manifest| folder_of(&manifest).to_owned()).unwrap_or_default()
}

/// A folder from the repository's root, without `/` at its end.
pub fn meant(script: &Script, root: &str, part: &Part<'_>) -> Option<String> {
    let path = path_of(script, root, part, DEEP)?;
    let path = normal(&path)?;
    let in_app = path.strip_prefix(root)?;
    (!in_app.is_empty()).then_some(path)
}

/// The same as it stands, be it the app's own folder.
pub fn base(script: &Script, root: &str, part: &Part<'_>) -> Option<String> {
    path_of(script, root, part, DEEP)
}

/// With `.` and `..` worked out; `None` where it leads out of the repository.
pub fn normal(path: &str) -> Option<String> {
    let mut out: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(out.pop()?),
            other => out.push(other),
        }
    }
    Some(out.join("/"))
}

fn path_of(script: &Script, root: &str, part: &Part<'_>, deep: usize) -> Option<String> {
    let deep = deep.checked_sub(1)?;
    let part = bare(part);
    match part.kind().as_ref() {
        "string" => relative(root, &text_of(&part)?),
        "template_string" => match text_of(&part) {
            Some(text) => relative(root, &text),
            None => template(script, root, &part, deep),
        },
        "identifier" if part.text() == "__dirname" => Some(folder_of(&script.path).to_owned()),
        "identifier" => path_of(script, root, &constant(script, &part)?, deep),
        "member_expression" if part.text() == "import.meta.dirname" => Some(folder_of(&script.path).to_owned()),
        "binary_expression" => {
            let (left, right) = (part.field("left")?, part.field("right")?);
            match part.field("operator")?.text().as_ref() {
                // what the environment says, else the literal
                "||" | "??" if left.text().starts_with("process.env") => path_of(script, root, &right, deep),
                "+" => Some(format!("{}/{}", path_of(script, root, &left, deep)?, text_of(&right)?)),
                _ => None,
            }
        }
        "call_expression" => call(script, root, &part, deep),
        _ => None,
    }
}

fn relative(root: &str, text: &str) -> Option<String> {
    (!text.is_empty() && !text.starts_with(['/', '~']) && !text.contains('\\')).then(|| format!("{root}{text}"))
}

fn call(script: &Script, root: &str, part: &Part<'_>, deep: usize) -> Option<String> {
    let function = part.field("function")?.text().into_owned();
    if function == "process.cwd" {
        return Some(root.to_owned());
    }
    if !is_join(&function) {
        return None;
    }
    let given = arguments(part);
    let (first, rest) = given.split_first()?;
    let mut path = path_of(script, root, first, deep)?;
    for one in rest {
        let text = text_of(&bare(one)).filter(|text| !text.starts_with('/') || function.ends_with("join"))?;
        path = format!("{path}/{text}");
    }
    Some(path)
}

/// `path.join` and its like.
pub fn is_join(function: &str) -> bool {
    matches!(function.rsplit('.').next(), Some("join" | "resolve" | "normalize"))
}

/// `${__dirname}/uploads`: one hole, at its start.
fn template(script: &Script, root: &str, part: &Part<'_>, deep: usize) -> Option<String> {
    let named = items(part);
    let (first, rest) = named.split_first()?;
    let hole = items(first).into_iter().next().filter(|_| first.kind() == "template_substitution")?;
    let all_text = rest.iter().all(|part| part.kind() == "string_fragment");
    let tail = script.text.get(first.range().end..part.range().end.checked_sub(1)?)?;
    Some(format!("{}/{tail}", path_of(script, root, &hole, deep).filter(|_| all_text)?))
}

/// The value of a constant that the file declares once.
pub fn constant<'r>(script: &'r Script, name: &Part<'_>) -> Option<Part<'r>> {
    let name = name.text();
    let mut found = script
        .root()
        .dfs()
        .filter(|part| part.kind() == "variable_declarator" && part.field("name").is_some_and(|its| its.text() == name))
        .collect::<Vec<_>>()
        .into_iter();
    let only = found.next().filter(|_| found.next().is_none())?;
    only.parent().filter(|up| up.kind() == "lexical_declaration" && up.text().starts_with("const"))?;
    only.field("value")
}
