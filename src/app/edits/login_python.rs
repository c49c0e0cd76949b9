//! Replit's login in Flask: its file is replaced by one that speaks to Cognito behind the same names, and people keep their ids.
//! Never touches the callers.

use std::collections::BTreeMap;

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::template;
use super::sql;
use super::work::{Work, line_of};

const WHY: &str = "Replit's login answers to repls alone; Cognito's takes its place behind the same names";
const SUBJECT_WHY: &str = "people are found again by the login's subject, then by verified e-mail; their ids stay";

pub fn edit(work: &mut Work) {
    let (Ok(blueprint), Ok(import), Ok(class), Ok(email), Ok(name)) = (
        Regex::new(r#"OAuth2ConsumerBlueprint\(\s*["']replit_auth["']"#),
        Regex::new(r"(?m)^from ([\w.]+) import ([^\n(]+)$"),
        Regex::new(r"(?m)^class User\([^\n]*\):"),
        Regex::new(r"(?m)^([ \t]+)email\s*=\s*((?:db\.)?)(?:Column|mapped_column)\([^\n]*\)[ \t]*$"),
        Regex::new(r#"__tablename__\s*=\s*["'](\w+)["']"#),
    ) else {
        return;
    };
    for path in work.paths(|path, text| path.ends_with(".py") && blueprint.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let line = blueprint.find(&text).map(|found| line_of(&text, found.start()));
        // Where the file has its app, its database and its people from.
        let imports: Vec<String> = import
            .captures_iter(&text)
            .filter_map(|found| {
                let names: Vec<&str> =
                    found.get(2)?.as_str().split(',').map(str::trim).filter(|name| ["app", "db", "User"].contains(name)).collect();
                (!names.is_empty())
                    .then(|| format!("from {} import {}", found.get(1).map_or("", |module| module.as_str()), names.join(", ")))
            })
            .collect();
        let all = imports.join("\n");
        let has = |name: &str| {
            Regex::new(&format!(r"\b{name}\b")).is_ok_and(|pattern| {
                imports.iter().any(|line| line.split_once(" import ").is_some_and(|(_, names)| pattern.is_match(names)))
            })
        };
        let model = work.paths(|other, text| other.ends_with(".py") && class.is_match(text)).into_iter().next();
        let model = model.and_then(|path| Some((work.text(&path)?.to_owned(), path)));
        let column = model.as_ref().and_then(|(text, _)| {
            let start = class.find(text)?.end();
            let body = text.get(start..)?;
            let end = body.find("\nclass ").unwrap_or(body.len());
            let found = email.captures(body.get(..end)?)?;
            let at = start + found.get(0)?.end();
            let table = name.captures(body.get(..end)?).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
            Some((at, found.get(1)?.as_str().to_owned(), found.get(2)?.as_str().to_owned(), table))
        });
        let (Some((model_text, model_path)), Some((at, indent, db, table)), true) = (model, column, has("app") && has("db") && has("User"))
        else {
            let what = "sign people in with Cognito here (Authlib), link them by verified e-mail and keep their ids";
            work.item(
                &path,
                line,
                what,
                "the file is not Replit's template: app, db and User are not imported in it, or User has no e-mail",
            );
            continue;
        };
        let values = BTreeMap::from([("imports", all)]);
        let Ok(new) = template::fill("replit_auth.py", include_str!("../../../assets/files/replit_auth.py"), &values) else { continue };
        if !work.put(&path, new, WHY) {
            continue;
        }
        if !model_text.contains("auth_subject") {
            let column = format!("\n{indent}auth_subject = {db}Column({db}String, unique=True, nullable=True)");
            work.replace(&model_path, &model_text, vec![Edit::new(at..at, column, SUBJECT_WHY)]);
        }
        let table = table.unwrap_or_else(|| "user".to_owned());
        let text = sql::subject(work.dialect(), &table, "varchar", &format!("{table}_auth_subject_key"));
        work.put(sql::SUBJECT, text, SUBJECT_WHY);
        work.item(sql::SUBJECT, None, sql::RUN, "the login writes the column that it adds");
        requirements(work);
    }
}

/// Authlib and the HTTP client that it wants, in each file that packages are asked for in.
fn requirements(work: &mut Work) {
    ask(work, &[("authlib", ">=1.3.2"), ("requests", ">=2.31")], WHY);
}

/// Packages of Python with their versions, in each file that packages are asked for in.
pub fn ask(work: &mut Work, new: &[(&str, &str)], why: &str) {
    let asked = || new.iter().map(|(name, version)| format!("{name}{version}")).collect::<Vec<_>>().join(" and ");
    let named = |text: &str, name: &str| {
        let own = Regex::new(&format!(r#"(?im)(?:^\s*|["']){name}(?:[^\w.-]|$)"#));
        own.is_ok_and(|own| own.is_match(text))
    };
    let missing = |text: &str| new.iter().filter(|(name, _)| !named(text, name)).copied().collect::<Vec<_>>();
    let plain = work.text("requirements.txt").map(str::to_owned);
    if let Some(text) = &plain {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let added: String = missing(text).iter().map(|(name, version)| format!("{name}{version}{newline}")).collect();
        let gap = if text.ends_with('\n') || text.is_empty() { "" } else { newline };
        if !added.is_empty() {
            work.put("requirements.txt", format!("{text}{gap}{added}"), why);
        }
    }
    let Some(text) = work.text("pyproject.toml").map(str::to_owned) else {
        if plain.is_none() {
            work.item("requirements.txt", None, &format!("ask for {}", asked()), why);
        }
        return;
    };
    let missing = missing(&text);
    if missing.is_empty() {
        return;
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let at = |pattern: &str| Some(Regex::new(pattern).ok()?.find(&text)?.end());
    let list = at(r"(?m)^dependencies\s*=\s*\[");
    let edit = if let Some(at) = list {
        let rest = text.get(at..).unwrap_or_default();
        let first = rest.trim_start_matches([' ', '\t']);
        if let Some(line) = first.strip_prefix("\r\n").or_else(|| first.strip_prefix('\n')) {
            let at = text.len() - line.len();
            let indent = Some(line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default());
            let indent = indent.filter(|indent| !indent.is_empty()).unwrap_or("    ");
            Some((at, missing.iter().map(|(name, version)| format!("{indent}\"{name}{version}\",{newline}")).collect::<String>()))
        } else {
            let added = missing.iter().map(|(name, version)| format!("\"{name}{version}\"")).collect::<Vec<_>>().join(", ");
            Some((at, if first.starts_with(']') { added } else { format!("{added}, ") }))
        }
    } else {
        let poetry = at(r"(?m)^\[tool\.poetry\.dependencies\][ \t]*\r?\n");
        poetry.map(|at| (at, missing.iter().map(|(name, version)| format!("{name} = \"{version}\"{newline}")).collect()))
    };
    // what is no TOML any more was in no form that we know
    let after =
        edit.as_ref().map(|(at, added)| format!("{}{added}{}", text.get(..*at).unwrap_or_default(), text.get(*at..).unwrap_or_default()));
    match (edit, after) {
        (Some((at, added)), Some(after)) if toml::from_str::<toml::Table>(&after).is_ok() => {
            if work.replace("pyproject.toml", &text, vec![Edit::new(at..at, added, why)])
                && let Some(command) = work.lock().python()
            {
                work.command(command);
            }
        }
        _ if plain.is_none() => work.item("pyproject.toml", None, &format!("ask for {}", asked()), why),
        _ => {}
    }
}
