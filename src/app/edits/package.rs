//! Changes in `package.json` that keep its order and its form: packages, scripts.
//! Never touches a lock file: the package manager does.

use super::super::orm::edit::Edit;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, Script, items, key_of, value_of};
use super::work::Work;

/// Versions of packages that edits bring in. Seen with `npm view`, as of 2026-11-28; `pg` is what Replit's templates have.
const VERSIONS: &[(&str, &str)] = &[
    ("pg", "^8.16.3"),
    ("@types/pg", "^8.11.6"),
    ("connect-pg-simple", "^10.0.0"),
    ("@types/connect-pg-simple", "^7.0.3"),
    ("@aws-sdk/client-s3", "^3.700.0"),
    ("@aws-sdk/s3-request-presigner", "^3.700.0"),
    ("@aws-sdk/lib-storage", "^3.700.0"),
    ("@aws-sdk/dsql-signer", "^3.750.0"),
];

const KINDS: [&str; 2] = ["dependencies", "devDependencies"];

/// The package file of a source file: the nearest above it.
pub fn of(work: &Work, path: &str) -> Option<String> {
    let mut folder = super::work::folder(path);
    loop {
        let candidate = format!("{folder}package.json");
        if work.text(&candidate).is_some() {
            return Some(candidate);
        }
        if folder.is_empty() {
            return None;
        }
        folder = super::work::folder(folder.trim_end_matches('/'));
    }
}

/// The package that a file belongs to is written in TypeScript, at least in part: by what it has of its own, else by the root's settings.
pub fn is_typed(work: &Work, path: &str) -> bool {
    let own = of(work, path).unwrap_or_default();
    let dir = super::work::folder(&own);
    work.text(&format!("{dir}tsconfig.json")).is_some()
        || version(work, &own, "typescript").is_some()
        || work.text("tsconfig.json").is_some() && work.any(|path, _| path.starts_with(dir) && super::syntax::is_typed(path))
}

/// JSON in brackets is a script: every byte of it keeps its place, one further.
fn read(text: &str) -> Option<Script> {
    Script::read("package.js", &format!("({text})"))
}

fn object<'r>(script: &'r Script) -> Option<Part<'r>> {
    script.root().dfs().find(|part| part.kind() == "object")
}

fn apply(work: &mut Work, file: &str, make: impl Fn(&Script, &Part<'_>) -> Vec<Edit>) -> bool {
    let Some(text) = work.text(file).map(str::to_owned) else { return false };
    let Some(script) = read(&text) else { return false };
    let Some(root) = object(&script) else { return false };
    let edits = make(&script, &root).into_iter().map(|edit| Edit::new(edit.range.start - 1..edit.range.end - 1, edit.text, edit.why));
    work.replace(file, &text, edits.collect())
}

/// The version that a package is asked for in.
pub fn version(work: &Work, file: &str, package: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(work.text(file)?).ok()?;
    KINDS.iter().find_map(|kind| value.get(kind)?.get(package)?.as_str().map(str::to_owned))
}

/// Takes packages out.
pub fn remove(work: &mut Work, file: &str, packages: &[&str], why: &str) {
    let removed = apply(work, file, |script, root| {
        let mut edits = Vec::new();
        for list in KINDS.iter().filter_map(|kind| value_of(root, kind)).filter(|list| list.kind() == "object") {
            let gone: Vec<(usize, String)> = items(&list)
                .iter()
                .enumerate()
                .filter(|(_, pair)| key_of(pair).is_some_and(|key| packages.contains(&key.as_str())))
                .map(|(place, _)| (place, why.to_owned()))
                .collect();
            if !gone.is_empty() {
                edits.extend(ListEdit { script, list: &list, gone: &gone, added: &[] }.edits());
            }
        }
        edits
    });
    if removed {
        work.command(work.lock().install);
    }
}

/// Asks for a package in the version that we know, unless it is asked for.
pub fn add(work: &mut Work, file: &str, development: bool, package: &str, why: &str) {
    let known = VERSIONS.iter().find(|(name, _)| *name == package).map_or("latest", |(_, version)| version);
    if version(work, file, package).is_none() {
        set(work, file, development, package, known, why);
    }
}

/// Asks for a package in this version.
pub fn set(work: &mut Work, file: &str, development: bool, package: &str, wanted: &str, why: &str) {
    if version(work, file, package).as_deref() == Some(wanted) {
        return;
    }
    let kind = if development { "devDependencies" } else { "dependencies" };
    let set = apply(work, file, |script, root| {
        let pair = format!("\"{package}\": \"{wanted}\"");
        for list in KINDS.iter().filter_map(|kind| value_of(root, kind)) {
            if let Some(value) = value_of(&list, package) {
                return vec![Edit::new(value.range(), format!("\"{wanted}\""), why)];
            }
        }
        match value_of(root, kind).filter(|list| list.kind() == "object") {
            Some(list) if !items(&list).is_empty() => {
                let keys: Vec<String> = items(&list).iter().filter_map(key_of).collect();
                let place =
                    keys.iter().position(|key| key.as_str() > package).map_or(keys.len().checked_sub(1), |next| next.checked_sub(1));
                ListEdit { script, list: &list, gone: &[], added: &[(place, pair, why.to_owned())] }.edits()
            }
            Some(list) => vec![Edit::new(list.range(), format!("{{\n    {pair}\n  }}"), why)],
            None => {
                let last = items(root).len().checked_sub(1);
                let text = format!("\"{kind}\": {{\n    {pair}\n  }}");
                ListEdit { script, list: root, gone: &[], added: &[(last, text, why.to_owned())] }.edits()
            }
        }
    });
    if set {
        work.command(work.lock().install);
    }
}

/// Scripts by name, as they are written.
pub fn scripts(work: &Work, file: &str) -> Vec<(String, String)> {
    let value: Option<serde_json::Value> = work.text(file).and_then(|text| serde_json::from_str(text).ok());
    let scripts = value.as_ref().and_then(|value| value.get("scripts")?.as_object());
    scripts.into_iter().flatten().filter_map(|(name, body)| Some((name.clone(), body.as_str()?.to_owned()))).collect()
}

/// A script's new body; `None` takes the script away.
pub fn script(work: &mut Work, file: &str, name: &str, body: Option<&str>, why: &str) {
    apply(work, file, |script, root| {
        let Some(list) = value_of(root, "scripts") else { return Vec::new() };
        match body {
            Some(body) => {
                let quoted = serde_json::Value::from(body).to_string();
                value_of(&list, name).map(|value| Edit::new(value.range(), quoted, why)).into_iter().collect()
            }
            None => {
                let gone: Vec<(usize, String)> = items(&list)
                    .iter()
                    .enumerate()
                    .filter(|(_, pair)| key_of(pair).as_deref() == Some(name))
                    .map(|(place, _)| (place, why.to_owned()))
                    .collect();
                ListEdit { script, list: &list, gone: &gone, added: &[] }.edits()
            }
        }
    });
}

/// Some script of the app imports the package.
pub fn is_used(work: &Work, package: &str) -> bool {
    let quoted = [format!("\"{package}"), format!("'{package}")];
    let is_script = |path: &str| Script::read(path, "").is_some();
    work.any(|path, text| {
        is_script(path)
            && quoted.iter().any(|quoted| {
                text.match_indices(quoted.as_str())
                    .any(|(at, _)| text.get(at + quoted.len()..).is_some_and(|rest| rest.starts_with(['"', '\'', '/'])))
            })
    })
}
