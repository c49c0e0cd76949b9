//! Keys and passwords in files that were pasted into Replit's chat: the scan passes that folder over, and git does not.
//! Never keeps a line beyond its redacted excerpt, and looks for nothing else.

use std::path::Path;

use ignore::WalkBuilder;

use super::finding::Finding;
use super::hide;
use super::search;
use super::signal::Signal;
use super::tree::MAX_TEXT;

const FOLDER: &str = "attached_assets";
/// The signal whose pattern counts here, too.
const SECRETS: &str = "F23";
/// More lines than so many add nothing.
const MOST: usize = 20;
/// Kinds of files that hold text.
const TEXT: &[&str] = &[
    "txt", "md", "json", "env", "ts", "tsx", "js", "jsx", "mjs", "cjs", "py", "yaml", "yml", "toml", "sh", "sql", "html", "log", "ini",
    "pem", "key",
];
/// A shorter value of a name that sounds secret is an example.
const LEAST_VALUE: usize = 8;

/// Adds what lies in the folder, with the places of the search in their order.
pub fn add(findings: &mut Vec<Finding>, signals: &[Signal], root: &Path) {
    let Some(signal) = signals.iter().find(|signal| signal.id == SECRETS) else { return };
    let folder = root.join(FOLDER);
    if !std::fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
        return;
    }
    let before = findings.len();
    let walk =
        WalkBuilder::new(&folder).hidden(false).git_global(false).require_git(false).parents(false).sort_by_file_path(Path::cmp).build();
    for entry in walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())) {
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let is_text = name.starts_with(".env") || TEXT.iter().any(|end| name.ends_with(&format!(".{end}")));
        let small = entry.metadata().is_ok_and(|meta| meta.len() <= MAX_TEXT);
        let Some(below) = entry.path().strip_prefix(root).ok().filter(|_| is_text && small) else { continue };
        let Ok(text) = std::fs::read(entry.path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) else { continue };
        let path = below.to_string_lossy().replace('\\', "/");
        for (at, line) in text.lines().enumerate().filter(|(_, line)| is_secret(signal, line)) {
            let line_number = u32::try_from(at + 1).ok();
            let places = findings.iter().filter(|f| f.signal == SECRETS).count();
            // every value is hidden: nobody knows what else stands there
            findings.push(Finding::new(signal, places, &path, line_number, &hidden(line)));
            if findings.len() - before >= MOST {
                search::sort(findings);
                return;
            }
        }
    }
    search::sort(findings);
}

/// The name before `=` or `:` and no value; without a name what `hide` leaves.
fn hidden(line: &str) -> String {
    match assigned(line) {
        Some((name, _)) => format!("{name}=***"),
        None => hide::excerpt(FOLDER, line),
    }
}

fn assigned(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().split_once(['=', ':'])?;
    let name = name.trim().trim_start_matches("export ").trim_matches(['"', '\'']);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name, value.trim().trim_matches(['"', '\'', ',', ';'])))
}

fn is_secret(signal: &Signal, line: &str) -> bool {
    let shaped = signal.pattern.as_ref().is_some_and(|p| p.is_match(line)) && !signal.skip.as_ref().is_some_and(|p| p.is_match(line));
    let named = assigned(line).is_some_and(|(name, value)| {
        let one_word = value.len() >= LEAST_VALUE && value.chars().all(|c| c.is_ascii_graphic() && !"(){}<>$".contains(c));
        let upper = name.chars().all(|c| !c.is_ascii_lowercase());
        upper && one_word && hide::is_secret_name(name) && !value.to_ascii_lowercase().contains("your")
    });
    shaped || named
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;

    #[test]
    fn keys_that_were_pasted_are_named_and_never_shown() {
        let app = App::new(&[
            ("package.json", "{}"),
            (
                "attached_assets/Pasted-keys.txt",
                "Here they are:\nOPENAI_API_KEY=sk-proj-hunter2hunter2\nSTRIPE_SECRET_KEY: hunter2hunter2\nuse sk_live_hunter2hunter2hunter2 for now\nAPI_KEY=<your key>\nAPI_KEY=your-key-here\nconst token = getToken(hunter)\n",
            ),
            ("attached_assets/logo.png", "OPENAI_API_KEY=sk-proj-hunter2hunter2\n"),
        ]);
        let scan = app.scan();
        let found: Vec<String> =
            scan.findings.iter().filter(|f| f.signal == "F23").map(|f| format!("{} {}", f.place(), f.excerpt)).collect();
        assert_eq!(
            found,
            [
                "attached_assets/Pasted-keys.txt:2 OPENAI_API_KEY=***",
                "attached_assets/Pasted-keys.txt:3 STRIPE_SECRET_KEY=***",
                "attached_assets/Pasted-keys.txt:4 use sk_*** for now",
            ]
        );
        assert!(!serde_json::to_string(&scan).unwrap().contains("hunter2"));
    }
}
