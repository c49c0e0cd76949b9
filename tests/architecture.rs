//! The rules of the house, kept by reading its source: who may import whom, what must not be where, and how long a file may be.
//! Every rule is shown to fail on a bad line before it is believed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Who may import whom. A room that is not named here is the edge of the house (`main`, `lib`, `command`) and may meet everybody.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("cli", &[]),
    ("own_folder", &[]),
    ("error", &["text"]),
    ("progress", &["text"]),
    ("wizard", &["error", "text", "progress", "own_folder"]),
    ("app", &["error", "text", "progress", "own_folder"]),
    ("decide", &["error", "text", "progress"]),
    ("cloud", &["error", "text", "progress", "own_folder"]),
    ("postgres", &["error", "text", "progress"]),
    ("watch", &["error", "text", "progress"]),
    ("schema", &["error", "text", "progress", "postgres"]),
    ("data", &["error", "text", "progress", "postgres"]),
    ("faces", &["wizard::view", "wizard::review", "wizard::keys", "error", "text", "progress"]),
    ("library", &["error", "wizard::playbook", "wizard::plan"]),
    ("runs", &["error", "own_folder", "wizard::journal", "wizard::screens", "wizard::state", "wizard::view"]),
    (
        "effects",
        &[
            "wizard::effect",
            "wizard::review",
            "wizard::view",
            "wizard::template",
            "wizard::plan",
            "wizard::playbook",
            "wizard::state",
            "app",
            "decide",
            "cloud",
            "postgres",
            "schema",
            "data",
            "watch",
            "library",
            "cli",
            "own_folder",
            "error",
            "text",
            "progress",
        ],
    ),
];

/// Which crates of others may stand where.
const MAY_USE: &[(&str, &[&str])] = &[
    (r"ratatui|crossterm", &["src/faces/tui"]),
    (r"inquire|indicatif", &["src/faces/line"]),
    (r"aws_config|aws_sdk_\w+|aws_smithy_\w+|aws_types|aws_credential_types|aws_sigv4|hickory_proto", &["src/cloud"]),
    (r"tokio_postgres", &["src/postgres", "src/data"]),
    (r"tokio_postgres_rustls", &["src/postgres"]),
    (r"pg_query", &["src/schema"]),
    (r"ast_grep_core|tree_sitter_typescript", &["src/app"]),
];

/// Modules that are pure: the same input always gives the same output.
const PURE: &[&str] = &["state", "plan", "playbook", "template", "view", "screens", "forecast", "runbook", "timeline", "keys"];

/// A deliberate breach, with its reason.
const PANICS_ON_PURPOSE: &[(&str, &str)] =
    &[("src/effects/simulate.rs", "rehearses a panic, so that the terminal's way back can be proved")];

/// A source file: its text, and its code without comments, texts and tests.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into(), code: without_tests(&only_code(text)) }
    }

    /// The room it stands in: the first name below `src`.
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// Its place in the module tree: `src/wizard/engine/doing.rs` is `wizard`, `engine`, `doing`.
    fn module(&self) -> Vec<&str> {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path).trim_end_matches(".rs").trim_end_matches("/mod");
        below.split('/').collect()
    }

    /// `file:line` of a byte of the code.
    fn at(&self, byte: usize) -> String {
        format!("{}:{}", self.path, self.code[..byte].matches('\n').count() + 1)
    }

    fn find(&self, pattern: &str, why: &str) -> Vec<String> {
        let pattern = Regex::new(pattern).unwrap();
        pattern.find_iter(&self.code).map(|found| format!("{}: `{}`: {why}", self.at(found.start()), found.as_str())).collect()
    }
}

/// Comments, texts and characters become blanks; every byte keeps its line.
fn only_code(text: &str) -> String {
    static NOT_CODE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r##"(?s)//[^\n]*|/\*.*?\*/|\bb?r#+".*?"#+|\bb?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^'\n]+|[^\\'\n])'"##).unwrap()
    });
    NOT_CODE
        .replace_all(text, |found: &regex::Captures<'_>| found[0].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect::<String>())
        .into_owned()
}

/// `#[cfg(test)] mod … { … }` becomes blanks.
fn without_tests(code: &str) -> String {
    static TEST: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"#\[cfg\(test\)\]\s*(?:pub )?mod \w+ \{").unwrap());
    let mut out = code.to_owned();
    while let Some(found) = TEST.find(&out).map(|f| f.range()) {
        let mut depth = 1;
        let length = out[found.end..].bytes().take_while(|b| {
            match b {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            depth > 0
        });
        let end = found.end + length.count();
        let blank: String = out[found.start..end].bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
        out.replace_range(found.start..end, &blank);
    }
    out
}

/// Files that hold only tests: those that a `#[cfg(test)] mod name;` names, and what is below them.
fn test_only(files: &[(String, String)]) -> Vec<String> {
    let named = Regex::new(r"#\[cfg\(test\)\]\s*(?:pub )?mod (\w+);").unwrap();
    let mut only = Vec::new();
    for (path, text) in files {
        let folder = match path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix("/lib.rs")) {
            Some(folder) => folder.to_owned(),
            None => path.trim_end_matches(".rs").to_owned(),
        };
        only.extend(named.captures_iter(text).map(|c| format!("{folder}/{}", &c[1])));
    }
    only
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn files(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((name, text));
            }
        }
    }
    found.sort();
    found
}

/// All of `src` but what is only for tests.
fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let all = files("src");
        let tests = test_only(&all);
        let ours = |path: &str| !tests.iter().any(|t| path == format!("{t}.rs") || path.starts_with(&format!("{t}/")));
        all.iter().filter(|(path, _)| ours(path)).map(|(path, text)| Source::new(path, text)).collect()
    });
    &SOURCES
}

/// No file breaks the rule.
#[track_caller]
fn holds(rule: impl Fn(&Source) -> Vec<String>) {
    let broken: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "{} breach(es) of the house's rules (ARCHITECTURE.md):\n  {}", broken.len(), broken.join("\n  "));
}

/// The rule finds this, at this place.
#[track_caller]
fn catches(rule: impl Fn(&Source) -> Vec<String>, path: &str, text: &str, says: &str) {
    let found = rule(&Source::new(path, text));
    assert!(found.iter().any(|line| line.contains(says)), "expected {says:?} of\n{text}\nfound {found:?}");
}

/// The rule lets this pass.
#[track_caller]
fn passes(rule: impl Fn(&Source) -> Vec<String>, path: &str, text: &str) {
    assert_eq!(rule(&Source::new(path, text)), Vec::<String>::new(), "{text}");
}

/// Every path below a crate's root, groups unfolded: `crate::{a, b::c}` is `a` and `b::c`.
fn unfold(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path: String = tree.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
        return vec![path.trim_end_matches(':').to_owned()];
    };
    if tree[..open].contains([';', '(', ' ', ',', '}']) {
        return unfold(&tree[..tree[..open].find([';', '(', ' ', ',', '}']).unwrap_or(open)]);
    }
    let (mut depth, mut from, mut found) = (0, open + 1, Vec::new());
    for (i, c) in tree.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            found.extend(unfold(&tree[from..i]).into_iter().filter(|p| !p.is_empty()).map(|p| format!("{}{p}", &tree[..open])));
            from = i + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// Paths that begin at `name::`, with the byte they stand at.
fn paths(source: &Source, name: &str) -> Vec<(usize, String)> {
    let start = Regex::new(&format!(r"(?:^|[^\w:]){name}::")).unwrap();
    start.find_iter(&source.code).flat_map(|m| unfold(&source.code[m.end()..]).into_iter().map(move |path| (m.start() + 1, path))).collect()
}

/// What a file imports of ours, as paths from the crate's root; `super` is followed.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = paths(source, "crate");
    let up = Regex::new(r"(?:^|[^\w:])((?:super::)+)").unwrap();
    for m in up.captures_iter(&source.code) {
        if m[1].matches("super").count() < source.module().len() {
            continue;
        }
        found.extend(unfold(&source.code[m.get(1).unwrap().end()..]).into_iter().map(|path| (m.get(0).unwrap().start(), path)));
    }
    found
}

fn rooms(source: &Source) -> Vec<String> {
    let Some((room, allowed)) = MAY_IMPORT.iter().find(|(room, _)| *room == source.room()) else { return Vec::new() };
    let may = |path: &str| {
        let inside = |whole: &str| path == whole || path.starts_with(&format!("{whole}::"));
        inside(room) || allowed.iter().any(|a| inside(a))
    };
    imports(source)
        .into_iter()
        .filter(|(_, path)| !may(path))
        .map(|(byte, path)| {
            format!(
                "{}: `{room}` may not import `{path}`; it may import {}",
                source.at(byte),
                if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") }
            )
        })
        .collect()
}

#[test]
fn rooms_import_only_whom_they_may() {
    for (path, bad, says) in [
        (
            "src/faces/line.rs",
            "use crate::wizard::view::View;\nuse crate::wizard::engine::Engine;",
            "src/faces/line.rs:2: `faces` may not import `wizard::engine::Engine`",
        ),
        ("src/faces/tui/mod.rs", "use crate::{text, effects};", "src/faces/tui/mod.rs:1: `faces` may not import `effects`"),
        (
            "src/wizard/plan.rs",
            "fn f() {\n    crate::cloud::connect()\n}",
            "src/wizard/plan.rs:2: `wizard` may not import `cloud::connect`",
        ),
        (
            "src/cloud/guard.rs",
            "use crate::{error::{Error, Kind}, wizard::{view::View, plan}};",
            "`cloud` may not import `wizard::view::View`",
        ),
        (
            "src/decide/money.rs",
            "use super::super::postgres::Session;",
            "src/decide/money.rs:1: `decide` may not import `postgres::Session`",
        ),
        ("src/schema/mod.rs", "use crate::data;", "`schema` may not import `data`"),
        ("src/text.rs", "use crate::error::Error;", "`text` may not import `error::Error`"),
        ("src/effects/stack.rs", "use crate::faces::line;", "`effects` may not import `faces::line`"),
    ] {
        catches(rooms, path, bad, says);
    }
    passes(
        rooms,
        "src/data/copy.rs",
        "use super::plan;\nuse crate::{error::Error, postgres::Session};\n// crate::wizard\n#[cfg(test)]\nmod tests {\n    use crate::wizard::plan;\n}",
    );
    holds(rooms);
}

fn crates(source: &Source) -> Vec<String> {
    MAY_USE
        .iter()
        .filter(|(_, places)| !places.iter().any(|p| source.path.starts_with(&format!("{p}/")) || source.path == format!("{p}.rs")))
        .flat_map(|(names, places)| {
            source.find(&format!(r"\b(?:{names})\b"), &format!("this crate is used only in {}", places.join(" and ")))
        })
        .collect()
}

#[test]
fn crates_of_others_stay_in_their_room() {
    for (path, bad, says) in [
        ("src/faces/line.rs", "use crossterm::event;", "src/faces/line.rs:1: `crossterm`: this crate is used only in src/faces/tui"),
        ("src/faces/tui/mod.rs", "\nlet x = inquire::Text::new(y);", "src/faces/tui/mod.rs:2: `inquire`"),
        ("src/effects/stack.rs", "use aws_sdk_cloudformation::Client;", "`aws_sdk_cloudformation`: this crate is used only in src/cloud"),
        ("src/schema/apply.rs", "use tokio_postgres::Client;", "`tokio_postgres`: this crate is used only in src/postgres and src/data"),
        ("src/schema/parse.rs", "use ast_grep_core::Node;", "used only in src/app"),
        ("src/data/copy.rs", "use tokio_postgres_rustls::MakeRustlsConnect;", "used only in src/postgres"),
    ] {
        catches(crates, path, bad, says);
    }
    passes(crates, "src/effects/world.rs", "// aws_sdk_sts\nlet aws_options = \"aws_config\";");
    holds(crates);
}

fn pure(source: &Source) -> Vec<String> {
    if source.room() != "wizard" || !PURE.contains(&source.module().last().copied().unwrap_or_default()) {
        return Vec::new();
    }
    let unclean = ["fs", "env", "process", "net", "io", "thread", "os", "time::Instant", "time::SystemTime"];
    let std = paths(source, "std").into_iter().filter(|(_, path)| unclean.iter().any(|u| path == u || path.starts_with(&format!("{u}::"))));
    let std = std.map(|(byte, path)| format!("{}: `std::{path}`: this module is pure (no I/O, no clock)", source.at(byte)));
    std.chain(source.find(
        r"\btokio\b|\bjiff\b|\basync\b|\bInstant::now\b|\bSystemTime\b|\b(?:print|eprint)(?:ln)?!|\buuid\b|\bstatic mut\b",
        "this module is pure (no I/O, no clock, no tokio)",
    ))
    .collect()
}

#[test]
fn the_core_is_pure() {
    for (path, bad, says) in [
        (
            "src/wizard/state.rs",
            "\n\nuse std::{collections::BTreeMap, fs::File};",
            "src/wizard/state.rs:3: `std::fs::File`: this module is pure",
        ),
        ("src/wizard/plan.rs", "let now = jiff::Timestamp::now();", "`jiff`: this module is pure"),
        ("src/wizard/view.rs", "use tokio::sync::mpsc;", "`tokio`"),
        ("src/wizard/forecast.rs", "let t = std::time::Instant::now();", "`std::time::Instant::now`"),
        ("src/wizard/template.rs", "println!();", "`println!`"),
    ] {
        catches(pure, path, bad, says);
    }
    passes(pure, "src/wizard/screens.rs", "use std::time::Duration;");
    passes(pure, "src/wizard/journal.rs", "use std::fs::File;");
    holds(pure);
    let there: BTreeSet<&str> = sources().iter().filter(|s| s.room() == "wizard").filter_map(|s| s.module().last().copied()).collect();
    assert!(PURE.iter().all(|name| there.contains(name)), "a pure module was renamed: {PURE:?} of {there:?}");
}

fn mode(source: &Source) -> Vec<String> {
    if source.room() != "effects" {
        Vec::new()
    } else {
        source.find(r"\bdry_run\b|\bMode::(?:Dry|Live)\b.*=>", "no effect knows the mode: the engine does, and the guards in the clients")
    }
}

#[test]
fn no_effect_knows_of_a_dry_run() {
    catches(
        mode,
        "src/effects/dns.rs",
        "fn apply(&self,\n    dry_run: bool) {}",
        "src/effects/dns.rs:2: `dry_run`: no effect knows the mode",
    );
    passes(mode, "src/effects/dns.rs", "// a dry_run needs no argument\n");
    holds(mode);
}

fn opening(source: &Source) -> Vec<String> {
    let doc: Vec<&str> = source.text.lines().map_while(|l| l.strip_prefix("//!")).map(str::trim).collect();
    let sentences = doc.join(" ");
    let ends = sentences.split_whitespace().filter(|w| w.ends_with(['.', '!', '?', ';', ':'])).count();
    match (doc.is_empty(), ends) {
        (true, _) => vec![format!("{}:1: a module opens with `//!`: what it is; what must never be in it", source.path)],
        (false, 0 | 1) => vec![format!("{}:1: its opening has one sentence: say also what must never be in it", source.path)],
        (false, _) => Vec::new(),
    }
}

#[test]
fn a_module_opens_with_what_it_is_and_what_it_must_not_be() {
    catches(opening, "src/x.rs", "use std::fs;", "src/x.rs:1: a module opens with `//!`");
    catches(opening, "src/x.rs", "//! What it is.\n", "src/x.rs:1: its opening has one sentence");
    passes(opening, "src/x.rs", "//! What it is.\n//! Never more than that.\n");
    holds(opening);
    for (path, text) in files("tests") {
        assert!(text.starts_with("//!"), "{path}:1: a test file opens with the promise that it proves (`//!`)");
    }
}

fn panics(source: &Source) -> Vec<String> {
    if PANICS_ON_PURPOSE.iter().any(|(path, _)| *path == source.path) {
        return Vec::new();
    }
    source.find(
        r"\.unwrap\(\)|\.expect\(|\bpanic!|\btodo!|\bunimplemented!|\bunreachable!|\bdbg!",
        "an error is returned, with what to do next; only tests may panic",
    )
}

#[test]
fn nothing_panics_on_purpose_outside_tests() {
    for bad in ["x.unwrap();", "x\n    .expect(\"y\");", "panic!(\"y\")", "todo!()"] {
        catches(panics, "src/data/copy.rs", bad, "only tests may panic");
    }
    passes(
        panics,
        "src/data/copy.rs",
        "x.unwrap_or_default();\n/// `x.unwrap()`\n#[cfg(test)]\nmod tests {\n    fn f() { x.unwrap(); }\n}\n",
    );
    holds(panics);
    for (path, why) in PANICS_ON_PURPOSE {
        assert!(read(path).contains("panic!"), "{path} no longer {why}: take it off the list");
    }
}

/// Lines of code, without the tests at its end.
fn length(source: &Source) -> usize {
    let tests = source.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(source.text.len());
    source.text[..tests].lines().count()
}

fn long(source: &Source, listed: &str) -> Vec<String> {
    let lines = length(source);
    let reason = listed.lines().any(|line| line.starts_with(&format!("| `{}` | ", source.path)));
    if lines > 400 && !reason {
        vec![format!("{}: {lines} lines: split it, or list it under \"Long files\" in ARCHITECTURE.md with a reason", source.path)]
    } else {
        Vec::new()
    }
}

fn prints(source: &Source) -> Vec<String> {
    source.find(r"\be?print(ln)?!", "it panics when the reader has closed the pipe: `command::out` and `progress::aside` do not")
}

#[test]
fn nothing_is_printed_but_by_what_bears_a_closed_pipe() {
    for bad in ["println!(\"x\");", "eprintln!(\"x\");", "print!(\"x\");"] {
        catches(prints, "src/command/x.rs", bad, "closed the pipe");
    }
    passes(prints, "src/command/x.rs", "out(\"x\");\naside(format_args!(\"x\"));\n");
    holds(prints);
}

#[test]
fn a_long_file_has_a_reason() {
    let text = "let x = 1;\n".repeat(401);
    catches(|s| long(s, ""), "src/data/copy.rs", &text, "src/data/copy.rs: 401 lines");
    passes(|s| long(s, "| `src/data/copy.rs` | one table |"), "src/data/copy.rs", &text);
    passes(|s| long(s, ""), "src/data/copy.rs", &format!("x\n#[cfg(test)]\nmod tests {{\n{text}}}\n"));
    let map = read("ARCHITECTURE.md");
    holds(|s| long(s, &map));
}

/// Forms of other effects: what is done inside the VPC, and the image of this program. They are registered under those effects' names.
const FORMS: [&str; 2] = ["inside", "worker_image"];

/// Files of `src/effects` that hold an effect, by name.
fn effect_files(sources: &[Source]) -> BTreeSet<String> {
    let effect = Regex::new(r"impl (?:effect::)?(?:Apply|Look)<World> for").unwrap();
    sources
        .iter()
        .filter(|s| s.room() == "effects" && effect.is_match(&s.code))
        .map(|s| s.module().last().copied().unwrap_or_default().to_owned())
        .filter(|name| !FORMS.contains(&name.as_str()))
        .collect()
}

#[test]
fn every_effect_has_one_file_and_is_registered() {
    let bad = [
        Source::new("src/effects/fly.rs", "impl Apply<World> for Fly {}"),
        Source::new("src/effects/gaze.rs", "impl Look<World> for Gaze {}"),
        Source::new("src/effects/world.rs", "pub struct World;"),
    ];
    assert_eq!(effect_files(&bad), BTreeSet::from(["fly".to_owned(), "gaze".to_owned()]));
    let registered: BTreeSet<String> = migrate_wizard::effects::registry().names().into_iter().map(str::to_owned).collect();
    assert_eq!(effect_files(sources()), registered, "left: files in src/effects that hold an effect; right: kinds in src/effects/mod.rs");
}

#[test]
fn the_map_names_every_room() {
    let map = read("ARCHITECTURE.md");
    for source in sources() {
        let room = source.room();
        assert!(map.contains(&format!("`{room}`")), "ARCHITECTURE.md does not name the room `{room}` ({})", source.path);
    }
}

/// The finding ids of the schema compiler's rules, with the rule that the capability file names for each, and those that its tables assign.
fn findings_and_rules() -> (Vec<(String, String)>, Vec<(String, &'static str)>) {
    let file: toml::Table = toml::from_str(&read("assets/targets/dsql.toml")).unwrap();
    let rule = |(id, fact): (&String, &toml::Value)| (id.clone(), fact["rule"].as_str().unwrap().to_owned());
    let findings = file["findings"].as_table().unwrap().iter().map(rule).collect();
    let mut assigned = Vec::new();
    let id = |value: &toml::Value| value.as_str().unwrap().to_owned();
    assigned.extend(file["statements"].as_table().unwrap().values().map(|value| (id(value), "unsupported")));
    assigned.extend(file["extensions"]["known"].as_table().unwrap().values().map(|value| (id(value), "extensions")));
    assigned.push((id(&file["extensions"]["other"]), "extensions"));
    assigned.push((id(&file["functions"]["finding"]), "functions"));
    assigned.extend(file["types"]["replace"].as_array().unwrap().iter().map(|value| (id(&value["finding"]), "types")));
    assigned.extend(["composite", "unknown"].map(|name| (id(&file["types"][name]["finding"]), "types")));
    assigned.extend(file["limits"].as_table().unwrap().iter().map(|(name, value)| {
        let by = match name.as_str() {
            "key_bytes" => "widths",
            "stored_key_bytes" => "evidence",
            "numeric_digits" => "numerics",
            "exact_number" => "identity",
            "varchar_bytes" | "char_bytes" => "long_text",
            _ => "limits",
        };
        (id(&value["finding"]), by)
    }));
    (findings, assigned)
}

#[test]
fn each_finding_of_the_schema_compiler_comes_from_one_rule_in_one_file() {
    let (findings, assigned) = findings_and_rules();
    assert!(findings.len() > 60, "{}", findings.len());
    for (id, rule) in &findings {
        let literal = format!("\"{id}\"");
        let of_rules = sources().iter().filter(|source| source.path.starts_with("src/schema/rules/") && source.text.contains(&literal));
        let mut by: BTreeSet<String> =
            of_rules.map(|source| source.path.trim_start_matches("src/schema/rules/").trim_end_matches(".rs").to_owned()).collect();
        by.extend(assigned.iter().filter(|(found, _)| found == id).map(|(_, by)| (*by).to_owned()));
        // What is told of any target's dump has its target's name before it.
        if matches!(rule.as_str(), "aside" | "except" | "replit") {
            let tail = format!("\"{}\"", id.trim_start_matches("DSQL-"));
            let named = |source: &&Source| source.path == format!("src/schema/{rule}.rs");
            by.extend(
                sources()
                    .iter()
                    .filter(named)
                    .filter(|source| source.text.contains(&tail) || source.text.contains("-EXCEPT\""))
                    .map(|_| rule.clone()),
            );
        }
        // What only the data tells is no rule's.
        if rule == "evidence" {
            by.insert("evidence".to_owned());
        }
        assert_eq!(by, BTreeSet::from([rule.clone()]), "{id}");
    }
}
