//! OpenAI's client at the top of a module gets a stand-in where there is no key: the import would throw, and with it the whole app.
//! A stand-in, not a lazy client: one word changes, every caller and every type stays, and a call without a key fails where it is handled.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{arguments, items, value_of};
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
    let Ok(made) = Regex::new(r"(?m)^\w+\s*=\s*(?:openai\.)?(?:Async)?OpenAI\(([^\n]*)") else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && text.contains("openai") && made.is_match(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        for found in made.captures_iter(&text) {
            let (Some(whole), Some(given)) = (found.get(0), found.get(1)) else { continue };
            if given.as_str().contains(STAND_IN) {
                continue;
            }
            let what = format!(
                "make this client in the function that uses it, or with a stand-in: api_key=os.environ.get(\"OPENAI_API_KEY\") or \"{STAND_IN}\""
            );
            work.item(&path, Some(line_of(&text, whole.start())), &what, WHY);
        }
    }
}
