//! The form of a file stays: ends of lines, tabs, a mark of its encoding, an end without a newline, quotes and semicolons.

use std::path::Path;

use super::*;
use crate::app::orm::script::Script;

fn app(path: &str) -> Vec<(String, String)> {
    Reading::of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap().files()
}

/// The files as all edits leave them; a second time nothing changes.
fn prepared(files: &[(String, String)], answers: &[(&str, &str)]) -> BTreeMap<String, String> {
    let decided = decided(answers);
    let mut after: BTreeMap<String, String> = files.iter().cloned().collect();
    for round in 0..2 {
        let given: Vec<(String, String)> = after.clone().into_iter().collect();
        for change in prepare(&given, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None)
            .unwrap()
            .iter()
            .flat_map(|one| &one.changes)
        {
            assert_eq!(round, 0, "a second time it changes {}:\n{}", change.path, change.diff);
            after.insert(change.path.clone(), change.after.clone().unwrap_or_default());
        }
    }
    after
}

const BOM: char = '\u{feff}';

fn is_script(path: &str) -> bool {
    Script::read(path, "").is_some()
}

/// Blanks at the beginning of each line as tabs, two for one.
fn tabs(text: &str) -> String {
    let line = |line: &str| {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        format!("{}{}{}", "\t".repeat(blanks / 2), " ".repeat(blanks % 2), line.trim_start_matches(' '))
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

const APPS: [&str; 8] = [
    "assets/sample",
    "tests/apps/rest-express",
    "tests/apps/integrations",
    "tests/apps/flask-auth",
    "tests/apps/classic-kv",
    "tests/apps/classic-kv-js",
    "tests/apps/nx-nest",
    "tests/apps/artifacts",
];
const DECISIONS: [&[(&str, &str)]; 2] = [&[], &[("database", "dsql"), ("ai", "bedrock")]];

/// What an edit does to files in another form is what it does to them in the plain one, in that form.
#[track_caller]
fn same(concerned: fn(&str) -> bool, form: fn(&str) -> String) {
    let mut changed = 0;
    let mut wrong = Vec::new();
    for (path, answers) in APPS.iter().flat_map(|path| DECISIONS.map(|answers| (path, answers))) {
        let files = app(path);
        let plain = prepared(&files, answers);
        let given: Vec<(String, String)> =
            files.iter().map(|(path, text)| (path.clone(), if concerned(path) { form(text) } else { text.clone() })).collect();
        let after = prepared(&given, answers);
        for (file, before) in files.iter().filter(|(path, _)| concerned(path)) {
            let then = form(&plain[file]);
            changed += usize::from(plain[file] != *before);
            // files that are replaced whole are ours, and have our form
            let whole = !plain[file].lines().any(|line| before.lines().any(|other| other == line && line.trim().len() > 3));
            if after[file] != then && !whole {
                wrong.push(format!("{path} {file} {answers:?}:\n{}", diff(file, Some(&then), Some(&after[file]))));
            }
        }
    }
    assert!(changed > 20, "only {changed} files were changed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lines_that_end_as_on_windows_go_on_doing_so() {
    same(
        |path| is_script(path) || path.ends_with(".py") || path.ends_with(".json") || path.ends_with(".html"),
        |text| text.replace('\n', "\r\n"),
    );
}

#[test]
fn tabs_stay_tabs() {
    same(is_script, tabs);
}

#[test]
fn a_mark_of_the_encoding_stays_the_first() {
    same(|path| is_script(path) || path.ends_with(".py"), |text| format!("{BOM}{text}"));
}

#[test]
fn a_file_without_a_newline_at_its_end_gets_none() {
    same(|path| is_script(path) || path.ends_with(".json") || path.ends_with(".html"), |text| text.trim_end_matches('\n').to_owned());
}

#[test]
fn what_is_put_in_has_the_files_own_quotes_and_semicolons() {
    // no import to go by
    for (given, then) in [
        ("const app = express();\r\nfetch('https://a.replit.app');\r\n", "const app = express();\r\nfetch(process.env.APP_URL);\r\n"),
        (
            "const a = 'x'\r\nconst session = require('express-session')\r\nconst app = express()\r\nsession({ cookie: { secure: true } })\r\n",
            "const a = 'x'\r\nconst session = require('express-session')\r\nconst app = express()\r\napp.set('trust proxy', 1)\r\nsession({ cookie: { secure: true } })\r\n",
        ),
        (
            "const a = \"x\";\r\nconst session = require(\"express-session\");\r\nconst app = express();\r\nsession({ cookie: { secure: true } });\r\n",
            "const a = \"x\";\r\nconst session = require(\"express-session\");\r\nconst app = express();\r\napp.set(\"trust proxy\", 1);\r\nsession({ cookie: { secure: true } });\r\n",
        ),
    ] {
        let id = if given.contains("replit.app") { "hosts" } else { "trust-proxy" };
        assert_eq!(one(id, "server/a.js", given), then);
    }
}
