//! Pages that Node builds in an app that runs something else: a folder with a package.json that its build or its code names.
//! Never a front end that nothing of the app asks for.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::manifest::Manifest;
use super::replit::ReplitFile;
use super::stack::{Language, Stack};
use super::tree::Tree;

/// One folder of pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontEnd {
    pub dir: String,
    /// Its lock file, by name; `None`: the newest packages that fit are taken.
    pub lock: Option<String>,
    /// The folder that its build makes, from the app's root.
    pub out: String,
}

static OUT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"\boutDir\s*:[^"'`\n]*["'`]([^"'`]+)["'`]"#).ok());
const LOCKS: [&str; 5] = ["package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"];

/// The front ends of a Python app.
pub fn read(tree: &Tree, replit: Option<&ReplitFile>, stack: &Stack, manifests: &[(String, Manifest)]) -> Vec<FrontEnd> {
    if stack.language != Language::Python {
        return Vec::new();
    }
    let commands: Vec<String> = replit
        .map(|r| [&r.build, &r.production].into_iter().flatten().map(|words| super::command::line(words)).collect())
        .unwrap_or_default();
    let scripts = tree.entries.iter().filter(|e| e.path.ends_with(".sh")).filter_map(|e| e.text.as_deref());
    let told: Vec<&str> = commands.iter().map(String::as_str).chain(scripts).collect();
    let pages = manifests.iter().filter(|(dir, manifest)| !dir.is_empty() && manifest.scripts.contains_key("build"));
    pages
        .filter_map(|(dir, manifest)| {
            let out = out(tree, dir, manifest);
            let built = || told.iter().any(|line| line.contains(dir.as_str()) && line.contains("build"));
            // `../frontend/dist` and `frontend/dist`, or the last part of it where the folder is named by itself
            let asked = || tree.code("").any(|(file, text)| file.ends_with(".py") && text.contains(out.as_str()));
            if !built() && !asked() {
                return None;
            }
            let lock = LOCKS.iter().find(|lock| tree.has(&format!("{dir}/{lock}"))).map(|lock| (*lock).to_owned());
            Some(FrontEnd { dir: dir.clone(), lock, out })
        })
        .collect()
}

fn out(tree: &Tree, dir: &str, manifest: &Manifest) -> String {
    let config = ["ts", "js", "mjs", "mts"].iter().find_map(|end| tree.text(&format!("{dir}/vite.config.{end}")));
    let named = config.and_then(|text| Some(OUT.as_ref()?.captures(text)?.get(1)?.as_str().to_owned()));
    let usual = if manifest.depends_on("react-scripts") { "build" } else { "dist" };
    let mut parts: Vec<&str> = dir.split('/').collect();
    let named = named.unwrap_or_else(|| usual.to_owned());
    for part in named.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::FrontEnd;

    #[test]
    fn pages_that_the_app_builds_or_serves_are_seen_and_no_others() {
        let app = App::new(&[
            (
                ".replit",
                "modules = [\"python-3.11\", \"nodejs-20\"]\n[deployment]\nbuild = [\"sh\", \"-c\", \"pip install -r requirements.txt && cd frontend && npm install && npm run build\"]\nrun = [\"uvicorn\", \"main:app\"]\n",
            ),
            ("requirements.txt", "fastapi\nuvicorn\n"),
            ("main.py", "from fastapi import FastAPI\napp = FastAPI()\nadmin = StaticFiles(directory=\"static/admin\")\n"),
            ("frontend/package.json", r#"{"name":"pages","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
            ("frontend/package-lock.json", "{}"),
            ("admin/package.json", r#"{"name":"admin","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
            ("admin/vite.config.ts", "export default { build: { outDir: path.resolve(__dirname, \"../static/admin\") } };\n"),
            ("tools/package.json", r#"{"name":"tools","scripts":{"build":"tsc"}}"#),
        ]);
        let front = |dir: &str, lock: Option<&str>, out: &str| FrontEnd { dir: dir.into(), lock: lock.map(str::to_owned), out: out.into() };
        assert_eq!(
            app.scan().front_ends,
            [front("admin", None, "static/admin"), front("frontend", Some("package-lock.json"), "frontend/dist")]
        );
    }
}
