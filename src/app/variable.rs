//! The environment variables that the app's code reads, with the places and whether the code has a default.
//! Never a value.

mod clients;
mod nuxt;
mod python;
mod schema;

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::hide;
use super::scan::Scan;
use super::signal::Signal;
use super::tree::{Tree, is_comment};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub file: String,
    /// From 1.
    pub line: u32,
}

/// A name that the code reads from its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    pub name: String,
    /// Every place that reads it has a default of its own.
    pub has_default: bool,
    /// Read while the browser bundle is built (`import.meta.env`, `NEXT_PUBLIC_`, `EXPO_PUBLIC_`), so it is no secret and must be known at build.
    pub at_build: bool,
    pub places: Vec<Place>,
}

/// Stands in for a value that nobody gave, so that the app starts: a default that is none.
pub const STAND_IN: &str = "not-set";

pub use python::postgres;
/// Names that a bundler puts into the pages.
const PUBLIC: [&str; 3] = ["VITE_", "NEXT_PUBLIC_", "EXPO_PUBLIC_"];

/// What Vite defines by itself.
const VITE_OWN: &[&str] = &["MODE", "DEV", "PROD", "SSR", "BASE_URL"];

/// Each pattern: group 1 is the name (or, for the last, a list of names); group 2, if any, shows a default.
static READS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?:process|import\.meta|Bun)\.env\??\.([A-Z][A-Z0-9_]*)\b\s*(\|\||\?\?|\?\s|&&)?"#,
        r#"(?:process|import\.meta|Bun)\.env\[\s*["']([A-Z][A-Z0-9_]*)["']\s*\]\s*(\|\||\?\?|\?\s|&&)?"#,
        r#"Deno\.env\.get\(\s*["']([A-Z][A-Z0-9_]*)["']\s*\)\s*(\|\||\?\?|\?\s|&&)?"#,
        // python-decouple
        r#"=\s*config\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,(?:[^()\n]|\([^()\n]*\))*?\bdefault\b)?"#,
        r#"\benviron\[\s*["']([A-Z][A-Z0-9_]*)["']"#,
        r#"(?:\benviron\.(?:get|pop)|\bgetenv)\(\s*(?:key\s*=\s*)?["']([A-Z][A-Z0-9_]*)["']\s*(,|\)\s*or\b)?"#,
        // who asks whether it is there can do without
        r#"["']([A-Z][A-Z0-9_]*)["']\s+(?:not\s+)?in\s+(?:os\.)?(environ)\b"#,
        r#"[cC]onfig(?:Service)?\.get(?:OrThrow)?(?:<[^>\n]*>)?\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,)?"#,
        r#"=\s*env\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,)?"#,
        r"\{([^{}]*)\}\s*=\s*process\.env\b",
    ]
    .into_iter()
    .filter_map(|p| Regex::new(p).ok())
    .collect()
});

/// (what the file must hold, what its reads look like): ways to read that are told apart by what a file imports.
static BY_IMPORT: LazyLock<Vec<(Regex, Vec<Regex>)>> = LazyLock::new(|| {
    let compile = |patterns: &[&str]| patterns.iter().filter_map(|p| Regex::new(p).ok()).collect::<Vec<_>>();
    [
        // SvelteKit
        (r#"["']\$env/static/(?:private|public)["']"#, &[r#"import\s*\{([^{}]*)\}\s*from\s*["']\$env/static/(?:private|public)["']"#][..]),
        (r#"["']\$env/dynamic/(?:private|public)["']"#, &[r"(?:^|[^.\w])env\.([A-Z][A-Z0-9_]*)\b\s*(\|\||\?\?|\?\s|&&)?"]),
        // django-environ
        (r"(?m)^(?:import environ\b|from environ import)", &[r#"\b[eE]nv(?:\.[a-z_]+)?\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,\s*default\b)?"#]),
        // python-decouple, wherever it stands
        (r"(?m)^from decouple import", &[r#"\bconfig\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,(?:[^()\n]|\([^()\n]*\))*?\bdefault\b)?"#]),
        // environs
        (r"(?m)^(?:import environs\b|from environs import)", &[r#"\b[eE]nv(?:\.[a-z_]+)?\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(,)?"#]),
    ]
    .into_iter()
    .filter_map(|(import, reads)| Some((Regex::new(import).ok()?, compile(reads))))
    .collect()
});

/// Where the lines of a text begin: asked for as many places as there are, the text is gone through once.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line's number from 1, and where it begins.
    fn at(&self, place: usize) -> (u32, usize) {
        let number = self.0.partition_point(|start| *start <= place);
        (u32::try_from(number).unwrap_or(u32::MAX), number.checked_sub(1).and_then(|n| self.0.get(n)).copied().unwrap_or(0))
    }
}

/// All names, sorted.
pub fn read(tree: &Tree) -> Vec<Variable> {
    let mut found: BTreeMap<String, Variable> = BTreeMap::new();
    let readers: Vec<schema::Reader> = tree.code("").flat_map(|(file, text)| schema::readers(file, text)).collect();
    for (file, text) in tree.code("") {
        let lines = Lines::of(text);
        // a line that is nothing but a comment reads nothing
        let is_read = |start: usize| !is_comment(file, text.get(start..).unwrap_or(""));
        let mut seen: HashSet<(String, u32)> = HashSet::new();
        for (at, name) in clients::names(file, text) {
            let (line, start) = lines.at(at);
            if !is_read(start) {
                continue;
            }
            let variable = found.entry(name.to_owned()).or_insert_with(|| Variable {
                name: name.to_owned(),
                has_default: false,
                at_build: name.starts_with("NEXT_PUBLIC_"),
                places: Vec::new(),
            });
            variable.has_default = false;
            if seen.insert((name.to_owned(), line)) {
                variable.places.push(Place { file: file.to_owned(), line });
            }
        }
        for (at, name, own) in nuxt::names(file, text).into_iter().chain(python::names(file, text)) {
            if !is_read(lines.at(at).1) {
                continue;
            }
            let new = || Variable { name: name.clone(), has_default: true, at_build: false, places: Vec::new() };
            let variable = found.entry(name.clone()).or_insert_with(new);
            variable.has_default &= own;
            variable.places.push(Place { file: file.to_owned(), line: lines.at(at).0 });
        }
        let mut schemas = schema::names(file, text);
        schemas.extend(schema::calls(file, text, &readers));
        for one in &schemas {
            let (line, start) = lines.at(one.at);
            if !is_read(start) {
                continue;
            }
            let at_build = PUBLIC.iter().any(|prefix| one.name.starts_with(prefix));
            let new = || Variable { name: one.name.clone(), has_default: true, at_build, places: Vec::new() };
            let variable = found.entry(one.name.clone()).or_insert_with(new);
            variable.has_default &= one.has_default;
            if seen.insert((one.name.clone(), line)) {
                variable.places.push(Place { file: file.to_owned(), line });
            }
        }
        let by_import = BY_IMPORT.iter().filter(|(import, _)| import.is_match(text)).flat_map(|(_, reads)| reads);
        for pattern in READS.iter().chain(by_import) {
            for captures in pattern.captures_iter(text) {
                let (Some(whole), Some(names)) = (captures.get(0), captures.get(1)) else { continue };
                // a match that opens with white space begins at its first word
                let (line, start) = lines.at(whole.end() - whole.as_str().trim_start().len());
                if !is_read(start) {
                    continue;
                }
                for part in names.as_str().split(',').map(str::trim) {
                    let part = part.split_once(" as ").map_or(part, |(name, _)| name.trim());
                    let (name, default) = match part.split_once(['=', ':']) {
                        Some((name, rest)) => (name.trim(), part.contains('=') && !rest.is_empty() && !is_none(name.trim(), rest)),
                        None => (part, captures.get(2).is_some()),
                    };
                    let vite = whole.as_str().starts_with("import.meta");
                    if name.is_empty()
                        || !name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
                        || schemas.iter().any(|one| one.name == name && one.within.contains(&whole.start()))
                        || (vite && VITE_OWN.contains(&name))
                    {
                        continue;
                    }
                    let at_build =
                        vite || PUBLIC.iter().any(|prefix| name.starts_with(prefix)) || whole.as_str().contains("$env/static/public");
                    let variable = found.entry(name.to_owned()).or_insert_with(|| Variable {
                        name: name.to_owned(),
                        has_default: true,
                        at_build,
                        places: Vec::new(),
                    });
                    variable.has_default &= default && !is_none(name, text.get(whole.end()..).unwrap_or(""));
                    if seen.insert((name.to_owned(), line)) {
                        variable.places.push(Place { file: file.to_owned(), line });
                    }
                }
            }
        }
    }
    found.into_values().collect()
}

/// A default that is none: the stand-in of ours, for a secret an empty text, and another argument by its name.
fn is_none(name: &str, rest: &str) -> bool {
    const BLANK: [char; 5] = ['=', ' ', '\t', '\r', '\n'];
    let rest = rest.trim_start_matches(BLANK);
    let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (word, behind) = rest.split_at_checked(word).unwrap_or_default();
    let is_named = !word.is_empty() && behind.trim_start().starts_with('=') && !behind.trim_start().starts_with("==");
    if is_named && word != "default" {
        return true;
    }
    let rest = if is_named { behind.trim_start_matches(BLANK) } else { rest };
    let mut marks = rest.chars();
    let Some(mark) = marks.next().filter(|mark| matches!(mark, '"' | '\'' | '`')) else { return false };
    let inside = marks.as_str();
    inside.starts_with(STAND_IN) || inside.starts_with(mark) && hide::is_secret_name(name)
}

/// What stands in for Replit's packages reads variables, too, at the places that use it: its own files are not walked.
pub fn of_drop_ins(variables: &mut Vec<Variable>, settled: &[Finding], signals: &[Signal]) {
    for finding in settled {
        let signal = signals.iter().find(|signal| signal.id == finding.signal).and_then(|signal| signal.settled.as_ref());
        for name in signal.map(|settled| settled.reads.as_slice()).unwrap_or_default() {
            let place = Place { file: finding.file.clone(), line: finding.line.unwrap_or(1) };
            let at = variables.iter().position(|variable| variable.name == *name).unwrap_or_else(|| {
                variables.push(Variable { name: name.clone(), has_default: false, at_build: false, places: Vec::new() });
                variables.len() - 1
            });
            if let Some(variable) = variables.get_mut(at) {
                variable.has_default = false;
                if !variable.places.contains(&place) {
                    variable.places.push(place);
                }
            }
        }
    }
    variables.sort_by(|a, b| a.name.cmp(&b.name));
}

/// The first place from which this service reads the variable: in its own folder or in a shared one; `None`: only others read it.
pub fn place_for(scan: &Scan, service: &str, variable: &Variable) -> Option<String> {
    let below = |file: &str, dir: &str| !dir.is_empty() && file.starts_with(&format!("{}/", dir.trim_end_matches('/')));
    let own = scan.services.iter().find(|s| s.name == service).map(|s| s.dir.as_str()).unwrap_or_default();
    let foreign = |file: &str| scan.services.iter().any(|s| s.name != service && s.dir != own && below(file, &s.dir) && !below(file, own));
    let known = scan.services.iter().any(|s| s.name == service);
    let place = variable.places.iter().find(|p| !known || !foreign(&p.file))?;
    Some(format!("{}:{}", place.file, place.line))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;

    #[test]
    fn names_are_found_however_they_are_read() {
        let app = App::new(&[
            (
                "a.ts",
                "const a = process.env.ALPHA!;\nconst b = process.env[\"BETA\"] ?? \"x\";\nconst { GAMMA, DELTA = \"d\" } = process.env;\n// process.env.IGNORED\n",
            ),
            ("d.ts", "const a = process.env.LAMBDA ?? \"not-set\";\n"),
            ("b.ts", "const a = Bun.env.EPSILON || 1;\nconst b = Deno.env.get(\"ZETA\");\nconst m = import.meta.env.MODE;\n"),
            (
                "c.py",
                "import os\nx = os.environ[\"ETA\"]\ny = os.getenv(\"THETA\", \"t\")\nz = config(\"IOTA\", default=1)\nw = config(\"KAPPA\")\n",
            ),
            ("package.json", r#"{"name":"a"}"#),
        ]);
        let scan = app.scan();
        let found: Vec<String> = scan
            .variables
            .iter()
            .map(|v| format!("{}{} {}:{}", v.name, if v.has_default { "?" } else { "" }, v.places[0].file, v.places[0].line))
            .collect();
        assert_eq!(
            found,
            [
                "ALPHA a.ts:1",
                "BETA? a.ts:2",
                "DELTA? a.ts:3",
                "EPSILON? b.ts:1",
                "ETA c.py:2",
                "GAMMA a.ts:3",
                "IOTA? c.py:4",
                "KAPPA c.py:5",
                "LAMBDA d.ts:1",
                "THETA? c.py:3",
                "ZETA b.ts:2",
            ]
        );
    }

    #[test]
    fn what_stands_in_for_replits_packages_and_clients_without_a_key_read_variables_too() {
        let named = |app: &App| -> Vec<String> {
            app.scan()
                .variables
                .iter()
                .map(|v| format!("{}{} {}:{}", v.name, if v.has_default { "?" } else { "" }, v.places[0].file, v.places[0].line))
                .collect()
        };
        let code = "const Database = require(\"@replit/database\");\nconst { Client } = require(\"@replit/object-storage\");\n";
        let app = App::new(&[
            ("index.js", code),
            ("package.json", r#"{"dependencies": {"@replit/database": "^3.0.0", "@replit/object-storage": "^1.0.0"}}"#),
        ]);
        assert_eq!(named(&app), [] as [String; 0]);
        app.put(
            "package.json",
            r#"{"dependencies": {"@replit/database": "file:./.migrate/shims/database", "@replit/object-storage": "file:./.migrate/shims/object-storage"}}"#,
        );
        assert_eq!(named(&app), ["DATABASE_URL index.js:1", "DEFAULT_OBJECT_STORAGE_BUCKET_ID index.js:2"]);

        let code = "from openai import OpenAI, AsyncOpenAI\nfrom replit.object_storage import Client\na = OpenAI()\nb = AsyncOpenAI(api_key=\"x\")\n";
        let app = App::new(&[("main.py", code), ("requirements.txt", "openai\n./.migrate/shims/python\n")]);
        assert_eq!(named(&app), ["DEFAULT_OBJECT_STORAGE_BUCKET_ID main.py:2", "OPENAI_API_KEY main.py:3"]);

        let code = "import { clerkMiddleware } from \"@clerk/express\";\n\napp.use(clerkMiddleware());\n";
        let app = App::new(&[("index.ts", code), ("package.json", r#"{"dependencies": {"@clerk/express": "1"}}"#)]);
        assert_eq!(named(&app), ["CLERK_PUBLISHABLE_KEY index.ts:3", "CLERK_SECRET_KEY index.ts:3"]);
        app.put("index.ts", &code.replace("clerkMiddleware()", "clerkMiddleware({ secretKey: key, publishableKey: other })"));
        assert_eq!(named(&app), [] as [String; 0]);
    }

    #[test]
    fn what_sveltekit_and_django_environ_read_is_told_by_what_is_imported() {
        let app = App::new(&[
            (
                "src/lib/server/a.ts",
                "import { STRIPE_KEY, MAIL_KEY as key } from '$env/static/private';\nimport { env } from '$env/dynamic/private';\nconst a = env.DATABASE_URL;\nconst b = env.LEVEL ?? 'info';\n",
            ),
            ("src/other.ts", "const c = env.NOT_READ; const d = this.env.NEITHER;\n"),
            (
                "site/settings.py",
                "import environ\nenv = environ.Env()\nKEY = env(\"SECRET_KEY\")\nDB = {\"NAME\": env.str(\"DB_NAME\")}\nDEBUG = env.bool(\"DEBUG\", default=False)\n",
            ),
            ("other.py", "env.str(\"NOT_READ_EITHER\")\n"),
            ("package.json", r#"{"name":"a"}"#),
        ]);
        let found: Vec<String> = app
            .scan()
            .variables
            .iter()
            .map(|v| format!("{}{} {}:{}", v.name, if v.has_default { "?" } else { "" }, v.places[0].file, v.places[0].line))
            .collect();
        assert_eq!(
            found,
            [
                "DATABASE_URL src/lib/server/a.ts:3",
                "DB_NAME site/settings.py:4",
                "DEBUG? site/settings.py:5",
                "LEVEL? src/lib/server/a.ts:4",
                "MAIL_KEY src/lib/server/a.ts:1",
                "SECRET_KEY site/settings.py:3",
                "STRIPE_KEY src/lib/server/a.ts:1",
            ]
        );
    }

    #[test]
    fn many_reads_of_one_variable_take_no_longer_than_they_must() {
        let app = App::new(&[("package.json", r#"{"name":"a"}"#)]);
        for file in 0..20 {
            app.put(&format!("src/{file}.ts"), &"f(process.env.ONE);\n".repeat(10_000));
        }
        let tree = super::Tree::read(app.path(), &crate::progress::Reporter::silent()).unwrap();
        let begun = std::time::Instant::now();
        let found = super::read(&tree);
        // a second or two where nothing is optimised; minutes where each place was held against all others
        assert!(begun.elapsed() < std::time::Duration::from_secs(40), "{:?}", begun.elapsed());
        assert_eq!((found.len(), found[0].places.len()), (1, 200_000));
        assert_eq!((found[0].places[10_000].file.as_str(), found[0].places[10_000].line), ("src/1.ts", 1));
    }
}
