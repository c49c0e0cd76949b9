//! Which files an app consists of: a walk over its folders on all processors, as git would go.
//! Never opens a file of the app, and never follows a link.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ignore::{DirEntry, WalkBuilder, WalkState};

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
    ".nuxt",
    ".output",
    ".svelte-kit",
    "migrate-out",
    ".nx",
    ".turbo",
    "coverage",
    "vendor",
    ".migrate-wizard",
    ".migrate",
];

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// From the app's root, with `/`.
    pub path: String,
    /// Ignored by git and not in its index.
    pub local: bool,
    pub bytes: u64,
}

/// A folder of this name is passed over, wherever it is.
pub fn is_excluded(folder: &str) -> bool {
    EXCLUDED.contains(&folder)
}

/// How many files are read at the same time.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// All files below `root` in the order of their paths, and a line for everything that was passed over although it looks like the app's own.
pub fn files(root: &Path) -> (Vec<Found>, Vec<String>) {
    let index = index(root);
    let real_root = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let found: Mutex<(Vec<Found>, Vec<String>)> = Mutex::default();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .git_global(false)
        .require_git(false)
        .parents(false)
        .threads(processors())
        .filter_entry(|entry| {
            entry.depth() == 0 || !entry.file_type().is_some_and(|t| t.is_dir()) || !entry.file_name().to_str().is_some_and(is_excluded)
        })
        .build_parallel();
    walk.run(|| {
        Box::new(|entry| {
            let (files, notes) = match &entry {
                Ok(entry) => seen(root, &real_root, &index, entry),
                Err(error) => (Vec::new(), vec![shown(root, &error.to_string())]),
            };
            if let Ok(mut found) = found.lock() {
                found.0.extend(files);
                found.1.extend(notes);
            }
            WalkState::Continue
        })
    });
    let (mut files, notes) = found.into_inner().unwrap_or_default();
    // an .env file is met twice where no rule ignores it: the first of the two says that it is not only local
    files.sort();
    files.dedup_by(|later, first| later.path == first.path);
    (files, notes)
}

fn seen(root: &Path, real_root: &Path, index: &[u8], entry: &DirEntry) -> (Vec<Found>, Vec<String>) {
    let path = entry.path();
    let Some(kind) = entry.file_type() else { return (Vec::new(), Vec::new()) };
    if kind.is_dir() || (kind.is_symlink() && entry.depth() == 0) {
        return (env_files(root, path, index), Vec::new());
    }
    let Some(relative) = relative(root, path) else { return (Vec::new(), Vec::new()) };
    if kind.is_symlink() {
        return (Vec::new(), link(real_root, path).map(|why| format!("{relative}: a link {why}: not followed")).into_iter().collect());
    }
    if !kind.is_file() {
        return (Vec::new(), vec![format!("{relative}: neither a file nor a folder: not read")]);
    }
    // it would break the lines that name it
    if relative.contains(char::is_control) {
        return (Vec::new(), vec![format!("{relative:?}: a line break or the like in its name: not read")]);
    }
    let bytes = entry.metadata().map_or(0, |m| m.len());
    (vec![Found { path: relative, local: false, bytes }], Vec::new())
}

/// What is odd about a link; `None`: it leads to something of the app, which is read in its own place.
fn link(real_root: &Path, path: &Path) -> Option<&'static str> {
    let Ok(target) = path.canonicalize() else {
        let circle = std::fs::metadata(path).is_err_and(|e| e.kind() != std::io::ErrorKind::NotFound);
        return Some(if circle { "that leads in a circle" } else { "that leads nowhere" });
    };
    if !target.starts_with(real_root) {
        return Some("that leads out of the app");
    }
    let folder = path.parent().and_then(|p| p.canonicalize().ok());
    folder.is_some_and(|folder| folder.starts_with(&target)).then_some("to a folder that holds it")
}

/// `.env*` files of one folder, whatever the ignore rules say.
fn env_files(root: &Path, dir: &Path, index: &[u8]) -> Vec<Found> {
    let mut out = Vec::new();
    for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_env = file.file_name().to_string_lossy().starts_with(".env") && file.file_type().is_ok_and(|kind| kind.is_file());
        if is_env && let Some(path) = relative(root, &file.path()) {
            let local = !in_index(index, &path);
            out.push(Found { path, local, bytes: file.metadata().map_or(0, |m| m.len()) });
        }
    }
    out
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts: Vec<_> = path.strip_prefix(root).ok()?.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    Some(parts.join("/"))
}

/// A message of the walk with paths from the app's root.
fn shown(root: &Path, message: &str) -> String {
    message.replace(&format!("{}/", root.display()), "")
}

/// Sum of the sizes below `dir`, in bytes; 0 if there is no such folder, or only a link.
pub fn folder_bytes(dir: &Path) -> u64 {
    if !std::fs::symlink_metadata(dir).is_ok_and(|m| m.is_dir()) {
        return 0;
    }
    let walk = WalkBuilder::new(dir).standard_filters(false).build();
    walk.flatten().filter_map(|e| e.metadata().ok()).filter(Metadata::is_file).map(|m| m.len()).sum()
}

/// Git's list of the files it holds; empty where there is none in this folder.
fn index(root: &Path) -> Vec<u8> {
    let git: PathBuf = root.join(".git");
    let own = |path: &Path| std::fs::symlink_metadata(path).is_ok_and(|m| !m.file_type().is_symlink());
    let file = git.join("index");
    if own(&git) && own(&file) { std::fs::read(file).unwrap_or_default() } else { Vec::new() }
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
