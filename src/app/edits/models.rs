//! OpenAI's client at the top of a module gets a stand-in where there is no key: the import would throw, and with it the whole app.
//! A stand-in, not a lazy client: one word changes, every caller and every type stays, and a call without a key fails where it is handled.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{arguments, items, value_of};
use super::super::python::code;
use super::super::scan::DROP_INS;
use super::super::variable::STAND_IN;
use super::package;
use super::syntax::{env_name, function_of};
use super::work::{Work, line_of};

const WHY: &str = "without a key the client throws while the module is imported, and the app does not start; a call then fails by itself";

pub fn edit(work: &mut Work) {
    for script in work.server(|_, text| text.contains("new OpenAI(")) {
        // the drop-in on Bedrock signs in as the task does: it asks for no key
        let asked = package::of(work, &script.path).and_then(|manifest| package::version(work, &manifest, "openai"));
        if asked.is_some_and(|version| version.contains(DROP_INS)) {
            continue;
        }
        let imports = Imports::of(&script);
        let openai = imports.all.iter().filter(|import| import.module == "openai");
        let names: Vec<&str> = openai
            .flat_map(|import| import.default.iter().chain(import.names.iter().map(|name| &name.local)))
            .map(String::as_str)
            .collect();
        let mut edits = Vec::new();
        let style = script.style();
        for made in script.root().dfs().filter(|part| part.kind() == "new_expression") {
            let ours = made.field("constructor").is_some_and(|class| names.contains(&class.text().as_ref()));
            if !ours || function_of(&made).is_some() {
                continue;
            }
            let default = format!("process.env.OPENAI_API_KEY ?? {}", style.text(STAND_IN));
            match arguments(&made).first() {
                None => {
                    let range = made.field("arguments").map_or(made.range().end..made.range().end, |list| list.range());
                    edits.push(Edit::new(range, format!("({{ apiKey: {default} }})"), WHY));
                }
                Some(options) if options.kind() == "object" => match value_of(options, "apiKey") {
                    Some(value) if env_name(&value).is_some() => {
                        edits.push(Edit::new(value.range(), format!("{} ?? {}", value.text(), style.text(STAND_IN)), WHY));
                    }
                    Some(value) if value.kind() == "non_null_expression" => {
                        let bare = value.text().trim_end_matches('!').to_owned();
                        edits.push(Edit::new(value.range(), format!("{bare} ?? {}", style.text(STAND_IN)), WHY));
                    }
                    Some(_) => {}
                    None => {
                        let added = [(items(options).len().checked_sub(1), format!("apiKey: {default}"), WHY.to_owned())];
                        edits.extend(ListEdit { script: &script, list: options, gone: &[], added: &added }.edits());
                    }
                },
                Some(_) => {}
            }
        }
        work.edit(&script, edits);
    }
    python(work);
}

/// Python's client is left to a person: where its key comes from is not to be told from the call alone.
fn python(work: &mut Work) {
    let (Ok(made), Ok(key), Ok(named)) = (
        Regex::new(r"(?m)^\w+\s*=\s*(?:openai\.)?(?:Async)?OpenAI\("),
        Regex::new(r"\bapi_key\s*=\s*"),
        Regex::new(r#"^(?:os\.)?(?:environ\.get\(|getenv\(|environ\[)\s*["'](\w+)["']"#),
    ) else {
        return;
    };
    for path in work.paths(|path, text| path.ends_with(".py") && text.contains("openai") && made.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let code = code(&text);
        for found in made.find_iter(&code) {
            let end = closed(&code, found.end());
            let given = text.get(found.end()..end).unwrap_or_default();
            if given.contains(STAND_IN) {
                continue;
            }
            // the name that the code reads already is the one that app env gives
            let own = key.find(given).and_then(|key| given.get(key.end()..));
            let name = own.map_or(Some("OPENAI_API_KEY"), |value| Some(named.captures(value)?.get(1)?.as_str()));
            let value = name.map_or_else(
                || own.and_then(|value| value.split([',', '\n']).next()).unwrap_or_default().trim().to_owned(),
                |name| format!("os.environ.get(\"{name}\")"),
            );
            let what = format!("make this client in the function that uses it, or with a stand-in: api_key={value} or \"{STAND_IN}\"");
            work.item(&path, Some(line_of(&text, found.start())), &what, WHY);
        }
    }
}

/// Where the parenthesis that was opened before is closed.
fn closed(code: &str, from: usize) -> usize {
    let mut depth = 1usize;
    for (at, c) in code.get(from..).unwrap_or_default().char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return from + at;
        }
    }
    code.len()
}
