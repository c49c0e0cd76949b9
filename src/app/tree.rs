//! The app's files as a scan sees them: paths, and the text of what is worth reading.
//! Never interprets a file, and never reads an excluded one.

use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

use crate::error::{Context, Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// Folders that are never the app's own code. Source: a scan of 25 Replit apps, as of 2026-11-20.
const EXCLUDED: &[&str] = &[
    "node_modules",
    "dist",
    ".git",
    "attached_assets",
    ".agents",
    ".agent",
    ".replit_integration_files",
    "archive",
    "backups",
    ".canvas",
    "mockup-sandbox",
    ".cache",
    ".local",
    ".config",
    ".upm",
    ".pythonlibs",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
    ".nx",
    ".turbo",
    "coverage",
    "vendor",
    ".migrate-wizard",
    ".migrate",
];

/// Larger text files are data, not code (bytes).
const MAX_TEXT: u64 = 1_000_000;

/// One file of the app.
#[derive(Debug, Clone)]
pub struct Entry {
    /// From the app's root, with `/` between parts.
    pub path: String,
    /// Left out of git by an ignore rule and not in the index: it never left this machine.
    pub local: bool,
    /// `None` for binary, large, documentation and lock files.
    pub text: Option<String>,
}

/// The app's files, sorted by path.
#[derive(Debug, Clone)]
pub struct Tree {
    pub root: PathBuf,
    pub entries: Vec<Entry>,
    /// Files that could not be read, with the reason; the scan goes on without them.
    pub unreadable: Vec<String>,
}

impl Tree {
    /// Walks `root` as git would, but also sees `.env` files that an ignore rule hides.
    ///
    /// # Errors
    /// `Input` if `root` is not a folder, `Unreachable` if it cannot be listed.
    pub fn read(root: &Path, reporter: &Reporter) -> Result<Self> {
        let shown = root.display();
        let meta = std::fs::metadata(root).or_fail(
            Kind::Input,
            format!("cannot open the app folder {shown}"),
            "give the folder of the app's checkout",
        )?;
        if !meta.is_dir() {
            return Err(Error::new(Kind::Input, format!("{shown} is a file, not the app's folder"))
                .hint("give the folder that holds the file .replit"));
        }
        std::fs::read_dir(root).or_fail(
            Kind::Unreachable,
            format!("cannot list the app folder {shown}"),
            "check that you may read this folder",
        )?;
        let index = std::fs::read(root.join(".git/index")).unwrap_or_default();
        let mut tree = Self { root: root.to_path_buf(), entries: Vec::new(), unreadable: Vec::new() };
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .git_global(false)
            .require_git(false)
            .parents(false)
            .filter_entry(|entry| {
                entry.depth() == 0 || !entry.file_type().is_some_and(|t| t.is_dir()) || !EXCLUDED.iter().any(|x| entry.file_name() == *x)
            })
            .build();
        for found in walk {
            let entry = match found {
                Ok(entry) => entry,
                Err(error) => {
                    tree.unreadable.push(error.to_string());
                    continue;
                }
            };
            match entry.file_type() {
                Some(kind) if kind.is_dir() => tree.add_env_files(entry.path(), &index),
                Some(kind) if kind.is_file() => tree.add(entry.path(), false),
                Some(_) | None => {}
            }
            if tree.entries.len().is_multiple_of(100) {
                reporter.progress(tree.entries.len() as u64, None, Unit::Files, "reading the app");
            }
        }
        tree.entries.sort_by(|a, b| a.path.cmp(&b.path).then(a.local.cmp(&b.local)));
        tree.entries.dedup_by(|a, b| a.path == b.path);
        Ok(tree)
    }

    /// `.env*` files of one folder, whatever the ignore rules say.
    fn add_env_files(&mut self, dir: &Path, index: &[u8]) {
        for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = file.path();
            if file.file_name().to_string_lossy().starts_with(".env") && path.is_file() {
                let tracked = self.relative(&path).is_some_and(|p| in_index(index, &p));
                self.add(&path, !tracked);
            }
        }
    }

    fn relative(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> =
            path.strip_prefix(&self.root).ok()?.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        Some(parts.join("/"))
    }

    fn add(&mut self, path: &Path, local: bool) {
        let Some(relative) = self.relative(path) else { return };
        let bytes = std::fs::metadata(path).map_or(0, |m| m.len());
        let text = if bytes <= MAX_TEXT && is_text(&relative) {
            match std::fs::read(path) {
                Ok(content) if content.contains(&0) => None,
                Ok(content) => Some(String::from_utf8_lossy(&content).into_owned()),
                Err(error) => {
                    self.unreadable.push(format!("{relative}: {error}"));
                    None
                }
            }
        } else {
            None
        };
        self.entries.push(Entry { path: relative, local, text });
    }

    pub fn has(&self, path: &str) -> bool {
        self.entries.iter().any(|e| e.path == path)
    }

    /// Some file lies below this folder.
    pub fn has_dir(&self, dir: &str) -> bool {
        self.entries.iter().any(|e| e.path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/')))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.entries.iter().find(|e| e.path == path).and_then(|e| e.text.as_deref())
    }

    /// Files whose text is code below `dir` (empty: everywhere), tests left out.
    pub fn code<'a>(&'a self, dir: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.entries.iter().filter_map(move |e| {
            let text = e.text.as_deref()?;
            let inside = dir.is_empty() || e.path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
            (inside && is_code(&e.path) && !is_test(&e.path)).then_some((e.path.as_str(), text))
        })
    }
}

/// Sum of the sizes below `dir`, in bytes; 0 if there is no such folder.
pub fn folder_bytes(dir: &Path) -> u64 {
    let walk = WalkBuilder::new(dir).standard_filters(false).build();
    walk.flatten().filter_map(|e| e.metadata().ok()).filter(std::fs::Metadata::is_file).map(|m| m.len()).sum()
}

/// The git index (versions 2 and 3) holds this path: the name ends in NUL and the two bytes before it carry its length.
fn in_index(index: &[u8], path: &str) -> bool {
    let name = path.as_bytes();
    index.windows(name.len() + 3).any(|w| {
        let (head, rest) = w.split_at(2);
        rest.strip_prefix(name) == Some(&[0])
            && matches!(head, [high, low] if (usize::from(*high & 0x0f) << 8 | usize::from(*low)) == name.len())
    })
}

fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lock = matches!(name, "package-lock.json" | "pnpm-lock.yaml" | "bun.lockb" | "npm-shrinkwrap.json" | "replit.lock");
    let docs = matches!(extension(path), "md" | "mdx" | "txt") && !matches!(name, "replit.md" | "requirements.txt");
    let data = matches!(extension(path), "lock" | "map" | "csv" | "svg" | "pdf" | "png" | "jpg" | "jpeg" | "gif" | "db" | "sqlite" | "log");
    !(lock || docs || data || name.contains(".min."))
}

fn is_code(path: &str) -> bool {
    matches!(extension(path), "ts" | "tsx" | "js" | "jsx" | "mjs" | "cjs" | "mts" | "cts" | "py" | "php" | "prisma")
}

/// A test is not part of what runs on AWS.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "__tests__" | "tests" | "test" | "e2e" | "__mocks__"))
        || [".test.", ".spec."].iter().any(|mark| path.contains(mark))
        || path.rsplit('/').next().is_some_and(|name| name.starts_with("test_"))
}

/// The line is nothing but a comment, by its first characters and the file's kind.
pub fn is_comment(path: &str, line: &str) -> bool {
    let line = line.trim_start();
    match extension(path) {
        "ts" | "tsx" | "js" | "jsx" | "mjs" | "cjs" | "mts" | "cts" | "php" | "prisma" | "css" => {
            ["//", "/*", "*", "{/*"].iter().any(|m| line.starts_with(m))
        }
        "sql" => line.starts_with("--"),
        "html" => line.starts_with("<!--"),
        "json" => false,
        _ => line.starts_with('#'),
    }
}
