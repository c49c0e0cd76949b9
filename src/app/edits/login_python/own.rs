//! What of a file of Replit's login in Flask is the app's own: it is carried over where it stands alone.
//! Never guesses what code of the app's own is for: what cannot be carried over keeps the file as it is.

use std::collections::BTreeSet;

use super::super::super::python::{Import, code, imports, name, names, statements};
use super::super::work::line_of;

/// What Replit's template has at its top.
const TEMPLATE: [&str; 10] = [
    "login_manager",
    "load_user",
    "UserSessionStorage",
    "make_replit_blueprint",
    "save_user",
    "logged_in",
    "handle_error",
    "require_login",
    "get_next_navigation_url",
    "replit",
];

/// Words of the template's functions: a word besides is the app's own.
const WORDS: [(&str, &str); 5] = [
    (
        "save_user",
        "def save_user user_claims User user id sub get email first_name last_name profile_image_url merged_user db session merge commit add \
         flush refresh query filter_by first return if else not is None",
    ),
    (
        "logged_in",
        "oauth_authorized connect def logged_in blueprint token jwt decode id_token options verify_signature False algorithms user_claims user \
         save_user login_user session pop next_url None if is not return redirect else",
    ),
    ("load_user", "login_manager user_loader def load_user user_id return User query get db session int str"),
    (
        "handle_error",
        "oauth_error connect def handle_error blueprint error error_description error_uri None return redirect url_for replit_auth",
    ),
    (
        "require_login",
        "def require_login f wraps decorated_function args kwargs if not current_user is_authenticated session next_url get_next_navigation_url \
         request return redirect url_for replit_auth login expires_in replit token get 0 issuer_url refresh_token_url os environ ISSUER_URL https \
         com oidc try except as e InvalidGrantError refresh_token token_url client_id REPL_ID token_updater hasattr g flask_dance_replit and else",
    ),
];

const AGAIN: &str = "and run app prepare again";

/// A line for a person, and what it says.
pub type Left = (usize, String);

/// The new file with the app's own code behind it; or what keeps the file as it is. `asked`: names that other files import from it.
pub fn carried(old: &str, new: &str, asked: &BTreeSet<String>) -> Result<String, Vec<Left>> {
    let (old_code, new_code) = (code(old), code(new));
    let mut known: Vec<Import> = Vec::new();
    let mut own: Vec<(usize, String, String)> = Vec::new();
    let mut left: Vec<Left> = Vec::new();
    for range in statements(&old_code) {
        let (Some(text), Some(bare)) = (old.get(range.clone()), old_code.get(range.clone())) else { continue };
        let line = line_of(old, range.start);
        if bare.starts_with(['"', '\'']) {
            continue;
        }
        if bare.starts_with("import ") || bare.starts_with("from ") {
            known.extend(imports(bare));
            continue;
        }
        let named = name(bare).unwrap_or_default();
        if !TEMPLATE.contains(&named) {
            let head = comments_above(old, range.start);
            own.push((line, named.to_owned(), format!("{head}{text}")));
        } else if let Some((_, words)) = WORDS.iter().find(|(function, _)| *function == named) {
            let more = besides(named, text, bare, words);
            if !more.is_empty() {
                let what = format!(
                    "what {named} does here besides Replit's template ({}) would be lost with this file: move it to a function of another file, {AGAIN}",
                    more.join(", ")
                );
                left.push((line, what));
            }
        } else if named == "make_replit_blueprint" {
            left.extend(routes(text, line));
        }
    }
    let has = top(new, &new_code);
    let is_gone = |import: &Import| ["flask_dance", "oauthlib"].iter().any(|module| import.module.starts_with(module));
    let gone: BTreeSet<&str> = known
        .iter()
        .filter(|import| is_gone(import))
        .map(|import| import.name.as_str())
        .chain(TEMPLATE.into_iter().filter(|name| !has.contains(*name)))
        .collect();
    let (mut lines, mut blocks) = (BTreeSet::new(), String::new());
    let mut given = has.clone();
    for (line, named, text) in &own {
        let bare = code(text);
        let is_open = ["if ", "try:", "with ", "for ", "while ", "async "].iter().any(|head| bare.trim_start().starts_with(head))
            && !bare.trim_start().starts_with("async def ");
        let dance = ["flask_dance", "browser_session_key", "replit.", "replit_bp"].iter().find(|mark| bare.contains(**mark));
        let used: BTreeSet<&str> = names(&bare).collect();
        let lost = used.iter().find(|name| gone.contains(**name)).or(dance);
        if is_open || lost.is_some() {
            let which = if named.is_empty() { "these lines" } else { named };
            let because = lost.map_or_else(String::new, |lost| format!(" (it uses {})", lost.trim_end_matches('.')));
            left.push((
                *line,
                format!("{which} would be lost with this file, and cannot be carried over{because}: move it to a file of its own, {AGAIN}"),
            ));
            continue;
        }
        lines.extend(
            known.iter().filter(|import| used.contains(import.name.as_str()) && !has.contains(&import.name)).map(|import| &import.line),
        );
        given.insert(named.clone());
        blocks.push_str("\n\n");
        blocks.push_str(text.trim_end());
        blocks.push('\n');
    }
    for name in asked.iter().filter(|name| !given.contains(*name)) {
        match known.iter().find(|import| import.name == *name && !is_gone(import)) {
            Some(import) => drop(lines.insert(&import.line)),
            None => {
                left.push((1, format!("another file imports {name} from this one, and Cognito's has none: do without it there, {AGAIN}")))
            }
        }
    }
    if !left.is_empty() {
        left.sort();
        return Err(left);
    }
    let own_page = regex::Regex::new(r#"render_template\(\s*["']([^"']+)["']\s*\)\s*,\s*403"#).ok();
    let page = own_page.and_then(|page| Some(page.captures(old)?.get(1)?.as_str().to_owned()));
    let new = page.map_or_else(|| new.to_owned(), |page| new.replace("403.html", &page));
    let lines: String = lines.iter().map(|line| format!("{line}  # noqa: E402\n")).collect();
    let gap = if lines.is_empty() { "" } else { "\n\n" };
    let file = format!("{}\n{gap}{lines}{blocks}", new.trim_end());
    Ok(if old.contains("\r\n") { file.replace("\r\n", "\n").replace('\n', "\r\n") } else { file })
}

/// Names that the file gives to what stands at its top.
fn top(text: &str, bare: &str) -> BTreeSet<String> {
    let ranges = statements(bare);
    let all = ranges.iter().filter_map(|range| Some((text.get(range.clone())?, bare.get(range.clone())?)));
    all.flat_map(|(text, bare)| {
        let imported = if bare.starts_with("import ") || bare.starts_with("from ") { imports(text) } else { Vec::new() };
        name(bare).map(str::to_owned).into_iter().chain(imported.into_iter().map(|import| import.name)).collect::<Vec<_>>()
    })
    .collect()
}

/// Words of a function that the template's has not, at most three. What it writes into the log is nobody's loss.
fn besides(function: &str, text: &str, bare: &str, words: &str) -> Vec<String> {
    let known: BTreeSet<&str> = words.split_whitespace().collect();
    // Replit's tokens and where they are renewed go with its login
    let goes = |word: &str| {
        let word = word.to_lowercase();
        function != "save_user" && ["token", "issuer", "expire", "refresh"].iter().any(|part| word.contains(part))
    };
    let mut more: Vec<String> = Vec::new();
    let mut at = 0;
    for line in bare.split('\n') {
        let full = text.get(at..at + line.len()).unwrap_or_default();
        at += line.len() + 1;
        let start = line.trim_start();
        let is_text = start.starts_with(['"', '\'']);
        if start.is_empty()
            || is_text
            || ["logging.", "logger.", "print(", "app.logger.", "current_app.logger."].iter().any(|log| start.starts_with(log))
        {
            continue;
        }
        // texts count, comments do not
        let end = line.trim_end().len();
        let all = full.get(..end).unwrap_or_default();
        for word in all.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
            if !known.contains(word) && !goes(word) && !more.iter().any(|other| other == word) {
                more.push(word.to_owned());
            }
        }
    }
    more.truncate(3);
    more
}

/// Routes that the app has added to the blueprint.
fn routes(text: &str, line: usize) -> Vec<Left> {
    let Ok(route) = regex::Regex::new(r#"\.(?:route|get|post)\(\s*["'](/[^"']*)"#) else { return Vec::new() };
    let own = |path: &str| !["/login", "/logout", "/error", "/replit_auth"].contains(&path);
    route
        .captures_iter(text)
        .filter_map(|found| found.get(1))
        .filter(|path| own(path.as_str()))
        .map(|path| {
            let what = format!("the route {} would be lost with this file: move it to a blueprint of its own, {AGAIN}", path.as_str());
            (line + line_of(text, path.start()) - 1, what)
        })
        .collect()
}

/// Comments right above a statement.
fn comments_above(text: &str, start: usize) -> String {
    let mut lines: Vec<&str> = text.get(..start).unwrap_or_default().lines().rev().take_while(|line| line.starts_with('#')).collect();
    lines.reverse();
    lines.iter().map(|line| format!("{line}\n")).collect()
}
