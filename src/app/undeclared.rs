//! Packages that the app's own code imports and no file of it declares: the image would stop at its start.
//! The same of programs that its scripts run. Never a guess: what may be meant by another name, come with another package or be gone once it is compiled is not told.

mod tools;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::manifest::Manifest;
use super::scan::DROP_INS;
use super::stack::{Language, Stack};
use super::tree::{Tree, extension, is_code};
use super::variable::Place;
use crate::error::{Context, Kind, Result};

/// A package that is imported and declared nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undeclared {
    /// As it is imported: `express-rate-limit`, `@scope/name`, `cv2`.
    pub package: String,
    /// The program of it that a script runs; `None`: code imports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The first place that imports or runs it.
    pub place: Place,
    /// The file that should declare it.
    pub manifest: String,
}

/// What the app declares.
pub struct Declared<'a> {
    pub manifests: &'a [(String, Manifest)],
    pub stack: &'a Stack,
    pub layout: &'a Layout,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    builtin: Vec<String>,
    given: Vec<String>,
    /// Of a program: the packages that bring it, the usual one first.
    programs: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Python {
    builtin: Vec<String>,
    named: BTreeMap<String, Vec<String>>,
    brings: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    node: Node,
    python: Python,
}

/// Statements that stay once types are gone: group 1 is what is imported, group 2 where from.
static SCRIPT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?m)^\s*import\s+((?:[\w$*{][^;'"]*?)\s+from\s+)["']([^"']+)["']"#,
        r#"(?m)^\s*import\s*()["']([^"']+)["']"#,
        r#"(?m)^\s*export\s+((?:\*|\{)[^;'"]*?\s+from\s+)["']([^"']+)["']"#,
        r#"(?m)^(?:const|let|var)\s+([\w${},\s:]+?=\s*)require\(\s*["']([^"']+)["']\s*\)"#,
    ]
    .into_iter()
    .filter_map(|p| Regex::new(p).ok())
    .collect()
});
static PYTHON: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [r"(?m)^import[ \t]+([\w., \t]+)", r"(?m)^from[ \t]+(\w[\w.]*)[ \t]+import\b"].into_iter().filter_map(|p| Regex::new(p).ok()).collect()
});
/// A key of a bundler's `alias`, or of `paths`.
static ALIAS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?m)["']?([@~#$]?[\w@/.*-]+)["']?\s*:\s*(?:\[|path\b|resolve\(|fileURLToPath|new URL|["'](?:\.|/|<rootDir>|src))"#).ok()
});
/// A package's name in npm's, Yarn's and Bun's lock files.
const IN_LOCK: [&str; 4] = ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "bun.lock"];

/// What is imported and declared nowhere, by name, each with its first place.
///
/// # Errors
/// `Bug` if our own table does not parse.
pub fn read(tree: &Tree, declared: &Declared<'_>) -> Result<Vec<Undeclared>> {
    let table: Table = toml::from_str(include_str!("../../assets/files/imports.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/imports.toml",
        "report this",
    )?;
    let mut out: BTreeMap<String, Undeclared> = BTreeMap::new();
    let mut add = |found: Undeclared| {
        out.entry(found.package.clone()).or_insert(found);
    };
    match declared.stack.language {
        Language::Node => {
            node(tree, declared, &table.node).for_each(&mut add);
            programs(tree, declared, &table.node).for_each(&mut add);
        }
        Language::Python => python(tree, declared, &table.python).for_each(&mut add),
        Language::Php | Language::Html | Language::Unknown => {}
    }
    Ok(out.into_values().collect())
}

/// Code that the service runs: neither what only a tool reads nor what a browser gets, which a bundler answers for.
fn runs(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut folders = path.split('/').rev().skip(1);
    let tool = |part: &str| {
        ["client", "frontend", "public", "scripts", "script", "tools", "examples", "docs", "dist", "build", "mockup-sandbox", "stories"]
            .contains(&part)
            || part.starts_with('.')
    };
    !folders.any(tool) && !name.contains(".config.") && !name.contains(".stories.") && !name.ends_with(".d.ts") && !name.starts_with('.')
}

fn line_of(text: &str, at: usize) -> u32 {
    u32::try_from(text.get(..at).unwrap_or("").matches('\n').count() + 1).unwrap_or(u32::MAX)
}

/// `@scope/name/part` and `name/part` to the package's own name.
fn package(specifier: &str) -> String {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    specifier.split('/').take(parts).collect::<Vec<_>>().join("/")
}

/// Whether all that is imported is gone once it is compiled: `type X`, `{ type A, type B }`.
fn types_alone(what: &str) -> bool {
    let what = what.trim_end().trim_end_matches("from").trim();
    let types = |list: &str| {
        let mut names = list.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
        names.peek().is_some() && names.all(|name| name.starts_with("type "))
    };
    what.starts_with("type ") || what.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).is_some_and(types)
}

/// A TypeScript compiler takes an import away whose names are types alone, or not used: some name must stand where a value stands.
fn stays(file: &str, text: &str, what: &str, import: std::ops::Range<usize>) -> bool {
    if !matches!(extension(file), "ts" | "tsx" | "mts" | "cts") || what.is_empty() || !what.contains("from") {
        return true;
    }
    let list = what.trim_end().trim_end_matches("from").replace(['{', '}', '*'], ",");
    let names = list.split(',').map(str::trim).filter(|name| !name.starts_with("type "));
    let names = names.filter_map(|name| name.rsplit(' ').next()).filter(|name| !name.is_empty());
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let is_value = |name: &str| {
        text.match_indices(name).filter(|(at, _)| !import.contains(at)).any(|(at, _)| {
            let (before, after) = (text.get(..at).unwrap_or(""), text.get(at + name.len()..).unwrap_or(""));
            let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
            let before = before.trim_end();
            let word = before.rsplit(|c: char| !is_word(c)).next().unwrap_or("");
            whole && !before.ends_with([':', '<', '|', '&', '.', '/', '*']) && !["as", "extends", "implements", "keyof"].contains(&word)
        })
    };
    let mut names = names;
    names.any(is_value)
}

/// What stands for a folder of the app: aliases of the compiler and of bundlers, folders below `baseUrl`.
fn aliases(tree: &Tree) -> Vec<String> {
    let settings = tree.entries.iter().filter(|e| {
        let name = e.path.rsplit('/').next().unwrap_or(&e.path);
        (name.starts_with("tsconfig") || name.starts_with("jsconfig")) && name.ends_with(".json")
            || name.contains(".config.")
            || matches!(name, "package.json" | ".babelrc" | ".swcrc" | "build.mjs" | "build.ts" | "build.js" | "deno.json")
    });
    let mut out = Vec::new();
    for entry in settings {
        let text = entry.text.as_deref().unwrap_or("");
        let is_manifest = entry.path.ends_with("package.json");
        for found in ALIAS.iter().filter(|_| !is_manifest || text.contains("_moduleAliases")).flat_map(|p| p.captures_iter(text)) {
            out.extend(found.get(1).map(|key| key.as_str().trim_end_matches('*').trim_end_matches('/').to_owned()));
        }
        if text.contains("\"baseUrl\"") {
            out.extend(tree.entries.iter().filter_map(|e| e.path.split('/').find(|part| !part.is_empty()).map(str::to_owned)));
            out.extend(tree.entries.iter().filter_map(|e| e.path.split('/').nth(1).map(str::to_owned)));
        }
    }
    out.retain(|alias| !alias.is_empty());
    out.sort();
    out.dedup();
    out
}

/// A package's name stands in a lock file: npm, Yarn and Bun put it beside the declared ones, where it can be loaded; pnpm hides it.
fn in_a_lock(tree: &Tree) -> impl Fn(&str) -> bool {
    let locks: Vec<String> = IN_LOCK.iter().filter_map(|file| tree.lock(file)).collect();
    once_each(move |name: &str| {
        let marks = [format!("\"node_modules/{name}\""), format!("\n{name}@"), format!("\n\"{name}@"), format!("\"{name}\": [")];
        locks.iter().any(|lock| marks.iter().any(|mark| lock.contains(mark)))
    })
}

fn programs<'a>(tree: &'a Tree, declared: &'a Declared<'a>, table: &'a Node) -> impl Iterator<Item = Undeclared> + 'a {
    let in_a_lock = in_a_lock(tree);
    declared.manifests.iter().flat_map(move |(dir, manifest)| {
        let path = if dir.is_empty() { "package.json".to_owned() } else { format!("{dir}/package.json") };
        let mine = |other: &str| other.is_empty() || dir == other || dir.starts_with(&format!("{other}/"));
        let has = |package: &String| declared.manifests.iter().any(|(other, m)| mine(other) && m.has(package)) || in_a_lock(package);
        let missing = |(line, program): (u32, String)| {
            let packages = table.programs.get(&program)?;
            let package = packages.first().filter(|_| !packages.iter().any(has))?.clone();
            Some(Undeclared { package, program: Some(program), place: Place { file: path.clone(), line }, manifest: path.clone() })
        };
        tools::run(manifest, tree.text(&path).unwrap_or("")).filter_map(missing).collect::<Vec<_>>()
    })
}

fn node<'a>(tree: &'a Tree, declared: &'a Declared<'a>, table: &'a Node) -> impl Iterator<Item = Undeclared> + 'a {
    let aliases = aliases(tree);
    let in_a_lock = in_a_lock(tree);
    let known = move |specifier: &str, file: &str| {
        let name = package(specifier);
        let strange = specifier.starts_with(['.', '/', '#', '~', '$'])
            || specifier.starts_with("@/")
            || specifier.contains([':', '!', '?', '*', ' ', '`'])
            || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "@/._-".contains(c));
        let is_alias = aliases.iter().any(|alias| specifier == alias || specifier.starts_with(&format!("{alias}/")));
        // a package of the root counts for every member
        let mine = |dir: &str| dir.is_empty() || file.starts_with(&format!("{dir}/"));
        let has = |m: &Manifest| m.has(&name) || m.has(&format!("@types/{}", name.trim_start_matches('@').replace('/', "__")));
        strange
            || is_alias
            || table.builtin.contains(&name)
            || table.given.iter().any(|given| *given == name || given == specifier)
            || declared.manifests.iter().any(|(dir, m)| m.name == name || (mine(dir) && has(m)))
            || in_a_lock(&name)
    };
    let code = tree.code("").filter(|(file, _)| runs(file) && !file.ends_with(".py") && !["php", "prisma"].contains(&extension(file)));
    code.filter(move |_| !declared.manifests.is_empty()).flat_map(move |(file, text)| {
        let known = &known;
        let mut found: Vec<Undeclared> = Vec::new();
        for pattern in SCRIPT.iter() {
            for captures in pattern.captures_iter(text) {
                let (Some(whole), Some(what), Some(from)) = (captures.get(0), captures.get(1), captures.get(2)) else { continue };
                let is_export = whole.as_str().trim_start().starts_with("export");
                if known(from.as_str(), file)
                    || types_alone(what.as_str())
                    || !(is_export || stays(file, text, what.as_str(), whole.range()))
                    || tree.in_comment(file, from.start())
                {
                    continue;
                }
                found.push(Undeclared {
                    package: package(from.as_str()),
                    program: None,
                    place: Place { file: file.to_owned(), line: line_of(text, from.start()) },
                    manifest: manifest_of(declared, file),
                });
            }
        }
        found
    })
}

/// The same answer without looking again: many files import the same packages.
fn once_each(looks: impl Fn(&str) -> bool) -> impl Fn(&str) -> bool {
    let known: RefCell<HashMap<String, bool>> = RefCell::default();
    move |name| {
        if let Some(answer) = known.borrow().get(name) {
            return *answer;
        }
        let answer = looks(name);
        known.borrow_mut().insert(name.to_owned(), answer);
        answer
    }
}

/// The `package.json` of the folder that a file lies in.
fn manifest_of(declared: &Declared<'_>, file: &str) -> String {
    let dirs = declared.manifests.iter().map(|(dir, _)| dir.as_str()).filter(|dir| file.starts_with(&format!("{dir}/")));
    dirs.max_by_key(|dir| dir.len()).map_or_else(|| "package.json".to_owned(), |dir| format!("{dir}/package.json"))
}

/// Names of packages are compared so.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn python<'a>(tree: &'a Tree, declared: &'a Declared<'a>, table: &'a Python) -> impl Iterator<Item = Undeclared> + 'a {
    let packages = &declared.layout.python;
    let manifest = if tree.has("requirements.txt") { "requirements.txt" } else { "pyproject.toml" };
    // what other files declare is not read
    let whole = declared.layout.requirements.is_empty() && declared.stack.supported;
    let locks: Vec<String> = ["uv.lock", "poetry.lock"].iter().filter_map(|file| tree.lock(file)).collect();
    // `app prepare` puts a package of ours in the place of Replit's
    let stands_in = tree.text(manifest).is_some_and(|text| text.contains(&format!("{DROP_INS}/python")));
    let known = once_each(move |name: &str| {
        let own = plain(name);
        let any = |wanted: &str| {
            packages.iter().any(|package| package == wanted) || locks.iter().any(|lock| lock.contains(&format!("name = \"{wanted}\"")))
        };
        // `flask_login` and `flask-login`, `jose` and `python-jose`, `psycopg2` and `psycopg2-binary`
        let alike = packages.iter().any(|package| package.contains(&own) || (package.len() > 3 && own.contains(package.as_str())));
        let local = tree.entries.iter().any(|e| {
            e.path == format!("{name}.py")
                || e.path.ends_with(&format!("/{name}.py"))
                || e.path.starts_with(&format!("{name}/"))
                || e.path.contains(&format!("/{name}/"))
        });
        let brought = table.brings.iter().any(|(package, brings)| any(package) && brings.iter().any(|b| b == name));
        let named = table.named.get(name).is_some_and(|names| names.iter().any(|package| any(package)));
        name.starts_with('_')
            || (stands_in && name == "replit")
            || table.builtin.iter().any(|b| b == name)
            || alike
            || local
            || brought
            || named
            || any(&own)
    });
    let code = tree.code("").filter(move |(file, _)| whole && file.ends_with(".py") && runs(file) && is_code(file));
    code.flat_map(move |(file, text)| {
        let mut found: Vec<Undeclared> = Vec::new();
        for pattern in PYTHON.iter() {
            for names in pattern.captures_iter(text).filter_map(|captures| captures.get(1)) {
                for part in names.as_str().split(',').map(str::trim) {
                    let name = part.split([' ', '\t', '.']).next().unwrap_or(part);
                    if name.is_empty() || known(name) || tree.in_comment(file, names.start()) {
                        continue;
                    }
                    found.push(Undeclared {
                        package: name.to_owned(),
                        program: None,
                        place: Place { file: file.to_owned(), line: line_of(text, names.start()) },
                        manifest: manifest.to_owned(),
                    });
                }
            }
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;

    fn told(app: &App) -> Vec<String> {
        let line = |u: &super::Undeclared| format!("{}:{} {} {}", u.place.file, u.place.line, u.package, u.manifest);
        app.scan().undeclared.iter().map(line).collect()
    }

    #[test]
    fn what_no_package_json_declares_is_told_and_nothing_else() {
        let app = App::new(&[
            (
                "package.json",
                r#"{"name":"a","workspaces":["packages/*"],"dependencies":{"express":"5"},"devDependencies":{"@types/geo":"1","vite":"7"}}"#,
            ),
            ("packages/db/package.json", r#"{"name":"@a/db","dependencies":{"pg":"8"}}"#),
            ("packages/db/src/index.ts", "import pg from \"pg\";\nimport ws from \"ws\";\nsetup(ws);\n"),
            (
                "tsconfig.json",
                "{ \"compilerOptions\": { // a remark\n \"paths\": { \"@shared/*\": [\"./shared/*\"], \"@assets\": [\"./a\"] } } }",
            ),
            (
                "vite.config.ts",
                "import x from \"unheard-of\";\nexport default { resolve: { alias: { \"views\": path.resolve(\"x\") } } };\n",
            ),
            (
                "server/index.ts",
                "import express, { type Express } from \"express\";\nimport fs from \"fs\";\nimport { readFile } from \"node:fs/promises\";\nimport limit from \"express-rate-limit\";\nimport type { A } from \"only-types\";\nimport { type B, type C } from \"types-too\";\nimport { schema } from \"@shared/schema\";\nimport logo from \"@assets/x.png\";\nimport view from \"views/x\";\nimport { pool } from \"@a/db\";\nimport x from \"@/x\";\nimport y from \"./y\";\n// import z from \"in-a-remark\";\nimport geo from \"geo\";\nexport * from \"zod/v4\";\nimport {\n  S3,\n  type T,\n} from \"@aws-sdk/client-s3\";\nimport { T2 } from \"elided\";\nconst lazy = await import(\"sometimes\");\napp.use(limit({ a: view as T2 }));\nlet b: T2 = new S3(geo);\n",
            ),
            ("server/old.cjs", "const a = require(\"left-pad\");\nfunction f() {\n  try { require(\"optional\"); } catch {}\n}\n"),
            ("server/index.test.ts", "import t from \"vitest\";\n"),
            ("client/src/App.tsx", "import r from \"react\";\n"),
        ]);
        assert_eq!(
            told(&app),
            [
                "server/index.ts:19 @aws-sdk/client-s3 package.json",
                "server/index.ts:4 express-rate-limit package.json",
                "server/old.cjs:1 left-pad package.json",
                "packages/db/src/index.ts:2 ws packages/db/package.json",
                "server/index.ts:15 zod package.json",
            ]
        );
        // npm lays what others need beside what is declared: it loads
        app.put(
            "package-lock.json",
            "{\"packages\": {\"node_modules/zod\": {}, \"node_modules/ws\": {}, \"node_modules/x/node_modules/left-pad\": {}}}",
        );
        assert_eq!(told(&app).len(), 3);
    }

    #[test]
    fn a_program_of_a_script_wants_its_package() {
        let scripts = "{\n  \"scripts\": {\n    \"dev\": \"nodemon\",\n    \"build\": \"vite build && tsc -p . && npx esbuild x\",\n    \"start\": \"cross-env A=b node dist\"\n  },\n  \"devDependencies\": { \"vite\": \"7\" }\n}";
        let app = App::new(&[("package.json", scripts), ("index.js", "a();\n")]);
        assert_eq!(told(&app), ["package.json:5 cross-env package.json", "package.json:4 typescript package.json"]);
        // another package needs it, and npm lays it beside that one
        app.put("package-lock.json", "{\"packages\": {\"node_modules/typescript\": {}}}");
        assert_eq!(told(&app), ["package.json:5 cross-env package.json"]);
    }

    #[test]
    fn python_packages_are_known_by_the_names_of_their_imports() {
        let app = App::new(&[
            (
                "requirements.txt",
                "opencv-python-headless\nPillow\nPyYAML\npython-dotenv\nbeautifulsoup4\nscikit-learn\nPyJWT\npython-dateutil\nflask\nFlask-Login\npsycopg2-binary\nopenai\ndiscord.py\n",
            ),
            (
                "main.py",
                "import os, sys\nimport cv2, PIL.Image\nimport yaml\nfrom dotenv import load_dotenv\nfrom bs4 import BeautifulSoup\nimport sklearn.svm as s\nimport jwt\nfrom dateutil import tz\nfrom werkzeug.utils import secure_filename\nfrom flask_login import login_user\nimport psycopg2\nimport httpx\nimport discord\nfrom helpers.mail import send\nfrom . import more\nimport stripe\n# import nothing\nfrom apscheduler.schedulers import x\ntry:\n    import ujson\nexcept ImportError:\n    pass\n",
            ),
            ("app/helpers/mail.py", "import tomllib\n"),
        ]);
        assert_eq!(told(&app), ["main.py:18 apscheduler requirements.txt", "main.py:16 stripe requirements.txt"]);
        app.put("requirements.txt", "flask\n./.migrate/shims/python\n");
        app.put("main.py", "from replit import db\nimport flask\n");
        assert_eq!(told(&app), [] as [String; 0], "our own drop-in brings it");
        app.put("requirements.txt", "flask\n");
        assert_eq!(told(&app), ["main.py:1 replit requirements.txt"]);
        app.put("requirements.txt", "-r more.txt\n");
        app.put("more.txt", "x\n");
        assert_eq!(told(&app), [] as [String; 0], "what other files declare is not read");
    }
}
