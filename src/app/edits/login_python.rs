//! Replit's login in Flask: its file is replaced by one that speaks to Cognito behind the same names, and people keep their ids.
//! Never touches the callers, and never loses code of the app's own.

mod own;

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::python;
use super::super::template;
use super::sql;
use super::work::{Work, line_of};

const WHY: &str = "Replit's login answers to repls alone; Cognito's takes its place behind the same names";
const SUBJECT_WHY: &str = "people are found again by the login's subject, then by verified e-mail; their ids stay";

const BY_HAND: &str = "sign people in with Cognito here (Authlib), link them by verified e-mail and keep their ids";

/// Where the login's column goes.
struct Column {
    at: usize,
    /// The line, with its indentation.
    line: String,
    table: String,
}

/// Behind the e-mail of the model, in the same form.
fn column(text: &str) -> Option<Column> {
    let class = Regex::new(r"(?m)^class User\([^\n]*\):").ok()?;
    let email =
        Regex::new(r"(?m)^([ \t]+)email\s*(?::\s*([^=\n]+?)\s*)?=\s*((?:\w+\.)*(?:Column|mapped_column))\(([^\n]*)\)[ \t]*(?:#[^\n]*)?$")
            .ok()?;
    let kind = Regex::new(r"\b(?:\w+\.)?(?:String|Text|Unicode|VARCHAR)\b").ok()?;
    let name = Regex::new(r#"__tablename__\s*=\s*["'](\w+)["']"#).ok()?;
    let start = class.find(text)?.end();
    let body = text.get(start..)?;
    let body = body.get(..body.find("\nclass ").unwrap_or(body.len()))?;
    let found = email.captures(body)?;
    let part = |group: usize| found.get(group).map(|part| part.as_str());
    let (indent, call) = (part(1)?, part(3)?);
    let line = match part(2) {
        Some(kind) => format!("{indent}auth_subject: {kind} = {call}(unique=True, nullable=True)"),
        None => {
            let prefix = call.rsplit_once('.').map_or_else(String::new, |(prefix, _)| format!("{prefix}."));
            let kind = part(4).and_then(|given| Some(kind.find(given)?.as_str().to_owned())).unwrap_or_else(|| format!("{prefix}String"));
            format!("{indent}auth_subject = {call}({kind}, unique=True, nullable=True)")
        }
    };
    let table = name.captures(body).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
    Some(Column { at: start + found.get(0)?.end(), line, table: table.unwrap_or_else(|| "user".to_owned()) })
}

pub fn edit(work: &mut Work) {
    let (Ok(blueprint), Ok(import), Ok(class)) = (
        Regex::new(r#"OAuth2ConsumerBlueprint\(\s*["']replit_auth["']"#),
        Regex::new(r"(?m)^from ([\w.]+) import (?:\(([^)]*)\)|([^\n(]+)$)"),
        Regex::new(r"(?m)^class User\([^\n]*\):"),
    ) else {
        return;
    };
    for path in work.paths(|path, text| path.ends_with(".py") && blueprint.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let line = blueprint.find(&text).map(|found| line_of(&text, found.start()));
        // Where the file has its app, its database and its people from.
        const WANTED: [&str; 3] = ["app", "db", "User"];
        let mut has = BTreeSet::new();
        let mut imports = Vec::new();
        for found in import.captures_iter(&text) {
            let (Some(module), Some(list)) = (found.get(1), found.get(2).or_else(|| found.get(3))) else { continue };
            let names: Vec<&str> = list.as_str().split(',').map(|name| name.split('#').next().unwrap_or_default().trim()).collect();
            let names: Vec<&str> = WANTED.into_iter().filter(|name| names.contains(name)).collect();
            if !names.is_empty() {
                imports.push(format!("from {} import {}", module.as_str(), names.join(", ")));
                has.extend(names);
            }
        }
        let lacks: Vec<&str> = WANTED.into_iter().filter(|name| !has.contains(name)).collect();
        let model = work.paths(|other, text| other.ends_with(".py") && class.is_match(text)).into_iter().next();
        let model = model.and_then(|path| Some((work.text(&path)?.to_owned(), path)));
        let column = model.as_ref().and_then(|(text, _)| column(text));
        let why = match (&model, &column) {
            _ if !lacks.is_empty() => Some(format!("the file is not Replit's template: it imports no {}", lacks.join(" and no "))),
            (None, _) => Some("no class User was found, which people are kept in".to_owned()),
            (Some((_, model)), None) => Some(format!("User in {model} has no column named email in a form that is known here")),
            (Some(_), Some(_)) => None,
        };
        if let Some(why) = why {
            work.item(&path, line, BY_HAND, &why);
        }
        let (Some((model_text, model_path)), Some(column), true) = (model, column, lacks.is_empty()) else { continue };
        let values = BTreeMap::from([("imports", imports.join("\n"))]);
        let Ok(new) = template::fill("replit_auth.py", include_str!("../../../assets/files/replit_auth.py"), &values) else { continue };
        let new = match own::carried(&text, &new, &asked_of(work, &path)) {
            Ok(new) => new,
            Err(left) => {
                work.item(
                    &path,
                    line,
                    BY_HAND,
                    "the file has more than Replit's template, and nothing of it is to be lost: it was left alone",
                );
                for (line, what) in left {
                    work.item(&path, Some(line), &what, "the file is replaced by Cognito's as a whole");
                }
                continue;
            }
        };
        if !work.put(&path, new, WHY) {
            continue;
        }
        if !model_text.contains("auth_subject") {
            work.replace(&model_path, &model_text, vec![Edit::new(column.at..column.at, format!("\n{}", column.line), SUBJECT_WHY)]);
        }
        let table = column.table;
        let text = sql::subject(work.dialect(), &table, "varchar", &format!("{table}_auth_subject_key"));
        work.put(sql::SUBJECT, text, SUBJECT_WHY);
        work.item(sql::SUBJECT, None, sql::RUN, "the login writes the column that it adds");
        requirements(work);
    }
}

/// Names that other files import from this one.
fn asked_of(work: &Work, path: &str) -> BTreeSet<String> {
    let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".py")).unwrap_or_default();
    let others = work.own().filter(|(other, text)| other.ends_with(".py") && *other != path && text.contains(stem));
    let mut names = BTreeSet::new();
    for (_, text) in others {
        let code = python::code(text);
        // also one that stands inside of a function
        for line in python::imported(&code) {
            if line.module.rsplit('.').next() == Some(stem) {
                names.insert(line.given);
            }
        }
    }
    names.remove("*");
    names
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
