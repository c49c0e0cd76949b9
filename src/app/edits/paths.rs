//! Paths of Replit's machine become paths from where the app runs.
//! Never guesses what a path outside the app's folder held.

use regex::Regex;

use super::super::orm::edit::Edit;
use super::super::orm::script::text_of;
use super::super::tree::is_comment;
use super::syntax::{is_value, strings};
use super::work::Work;

const WHY: &str = "this folder is Replit's; in the image the app's folder is the one that it runs in";

pub fn edit(work: &mut Work) {
    let (Ok(home), Ok(literal)) = (
        Regex::new(r"^/home/runner/(?:workspace|[A-Za-z0-9_-]+)(?:$|/)"),
        Regex::new(r#"(^|[^\w"'])("(/home/runner/[^"\n]*)"|'(/home/runner/[^'\n]*)')"#),
    ) else {
        return;
    };
    for script in work.scripts(|_, text| text.contains("/home/runner")) {
        let mut edits = Vec::new();
        for part in strings(&script.root()).iter().filter(|part| is_value(part)) {
            let text = part.text().into_owned();
            let inside = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            let Some(found) = home.find(inside) else { continue };
            let rest = inside.get(found.end()..).unwrap_or_default();
            if part.kind() == "string" && text_of(part).is_none() {
                continue;
            }
            let new = if rest.is_empty() { "process.cwd()".to_owned() } else { format!("`${{process.cwd()}}/{rest}`") };
            edits.push(Edit::new(part.range(), new, WHY));
        }
        work.edit(&script, edits);
    }
    for path in work
        .paths(|path, text| path.ends_with(".py") && text.contains("/home/runner") && text.lines().any(|line| line.trim() == "import os"))
    {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let mut edits = Vec::new();
        for found in literal.captures_iter(&text) {
            let (Some(whole), Some(inside)) = (found.get(2), found.get(3).or_else(|| found.get(4))) else { continue };
            let Some(folder) = home.find(inside.as_str()) else { continue };
            let rest = inside.as_str().get(folder.end()..).unwrap_or_default();
            let quote = whole.as_str().chars().next().unwrap_or('"');
            let new = if rest.is_empty() { "os.getcwd()".to_owned() } else { format!("os.path.join(os.getcwd(), {quote}{rest}{quote})") };
            edits.push(Edit::new(whole.range(), new, WHY));
        }
        work.replace(&path, &text, edits);
    }
    let wanted =
        |path: &str| [".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".py", ".sh", "Procfile"].iter().any(|end| path.ends_with(end));
    for path in work.paths(|path, text| wanted(path) && text.contains("/home/runner")) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        for (number, _) in text.lines().enumerate().filter(|(_, line)| line.contains("/home/runner") && !is_comment(&path, line)) {
            work.item(&path, Some(number + 1), "name a folder of the image here; the app is in /app", WHY);
        }
    }
}
