//! Which files are programs of their own: those that by their names may be (`migrate.ts`, `seed.py`) and that no other file imports.
//! Never knows what is looked for in them.

use std::sync::LazyLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use regex::Regex;

use super::tree::extension;
use crate::error::{Error, Result};

static SCRIPT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b(?:from|import|require)\s*\(?\s*["'](?:[^"'\n]*/)?([\w.-]+?)(?:\.[cm]?[jt]sx?)?["']"#).ok());
static PYTHON: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+\(?([\w, \t]*)|import[ \t]+([\w., \t]+))").ok());

/// Files that may be programs of their own, by their names.
pub struct Programs(GlobSet);

impl Programs {
    /// # Errors
    /// `Bug` if globs that compile one by one do not compile together.
    pub fn new<'g>(globs: impl Iterator<Item = &'g Glob>) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(glob.clone());
        }
        let set = set.build().map_err(|error| Error::bug("the globs of the signals do not go together").because(&error))?;
        Ok(Self(set))
    }

    /// The names of such files that this file imports, without folder and ending.
    pub fn imported(&self, path: &str, text: &str) -> Vec<String> {
        let python = extension(path) == "py";
        let (pattern, ending) = if python { (PYTHON.as_ref(), "py") } else { (SCRIPT.as_ref(), "ts") };
        let (Some(pattern), false) = (pattern, self.0.is_empty()) else { return Vec::new() };
        let words =
            pattern.captures_iter(text).flat_map(|found| found.iter().skip(1).flatten().map(|word| word.as_str()).collect::<Vec<_>>());
        let names = words.flat_map(|word| word.split(|c: char| python && (c == ',' || c == '.' || c.is_whitespace())));
        let mut out: Vec<String> = names.filter(|name| self.0.is_match(format!("{name}.{ending}"))).map(str::to_owned).collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// A file's name without folder and ending.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_in_each_of_their_forms() {
        let globs = [Glob::new("**/{migrat,init}*.{ts,py}").unwrap()];
        let programs = Programs::new(globs.iter()).unwrap();
        for (path, text, then) in [
            ("a.ts", "import { run } from \"./db/migrate\";\nimport x from './other';\n", vec!["migrate"]),
            ("a.js", "const m = require('../migrate.js')\n", vec!["migrate"]),
            (
                "a.ts",
                "await import(`./x`); await import(\"./migrations.mjs\");\nexport * from '@db/init-db'\n",
                vec!["init-db", "migrations"],
            ),
            ("a.py", "from app.init_db import run\nimport os, migrate\n", vec!["init_db", "migrate"]),
            ("a.py", "from . import models, init_db\n", vec!["init_db"]),
            ("a.ts", "console.log(\"run ./migrate first\");\n", vec![]),
        ] {
            assert_eq!(programs.imported(path, text), then, "{text}");
        }
        assert_eq!((stem("src/db/migrate.ts"), stem("Procfile")), ("migrate", "Procfile"));
    }
}
