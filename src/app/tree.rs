//! The app's files as a scan sees them: paths, and the text of what is worth reading.
//! Never interprets a file, and never reads an excluded one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use regex::Regex;

use super::comments::Comments;
use super::mark;
use super::walk::{self, Found};
use crate::error::{Context, Error, Kind, Result};
use crate::progress::{Reporter, Unit};

/// Larger text files are data, not code (bytes).
pub const MAX_TEXT: u64 = 1_000_000;

/// How much code is kept in memory (bytes).
#[derive(Clone, Copy)]
struct Room {
    /// Whatever it says; of what is beyond it only files that hold one of [`WORDS`].
    any: u64,
    /// As a whole; of what is beyond it only the lines near one of [`WORDS`].
    whole: u64,
}

const USUAL: Room = Room { any: 16 << 20, whole: 64 << 20 };
const ALL: Room = Room { any: u64::MAX, whole: u64::MAX };

/// So many lines on either side are near.
const NEAR: usize = 20;

/// Each of the questions that are asked of the code after it was searched needs one of these in the file.
const WORDS: &[&str] = &[
    "env",
    "onfig",
    "health",
    "listen",
    "port:",
    "port=",
    "port =",
    "PORT",
    "eplit",
    "REPL",
    "repl.co",
    "psycopg",
    "asyncpg",
    "redis",
    "mongo",
    "sqlite",
    "ssl",
    "OpenAI(",
    "Anthropic(",
    "BaseSettings",
];

static ASKED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&WORDS.iter().map(|word| regex::escape(word)).collect::<Vec<_>>().join("|")).ok());

/// A larger lock file is not read (bytes).
const LARGEST_LOCK: u64 = 64 << 20;

/// Other files that are asked for by name are settings, and smaller than this (bytes).
const LARGEST_SETTINGS: usize = 64 << 10;

/// One file of the app.
#[derive(Debug, Clone)]
pub struct Entry {
    /// From the app's root, with `/`.
    pub path: String,
    /// Ignored by git and not in its index: on this machine only.
    pub local: bool,
    /// `None`: binary, too large, unreadable, or a kind that is never read (documents, data, lock files).
    pub text: Option<String>,
    /// A script of `app export`, which is no part of the app: its text is not kept.
    pub is_export: bool,
    comments: Comments,
}

impl Entry {
    pub fn new(path: String, local: bool, text: Option<String>) -> Self {
        Self { path, local, text, is_export: false, comments: Comments::default() }
    }

    /// Not all of the file is in its text (no UTF-8): nothing of ours is written into it.
    pub fn is_altered(&self) -> bool {
        self.text.as_deref().is_some_and(|text| text.contains('\u{fffd}'))
    }

    /// Where its comments are, once somebody has asked.
    pub fn comments(&self) -> &Comments {
        &self.comments
    }
}

/// The app's files, sorted by path.
#[derive(Debug, Clone)]
pub struct Tree {
    pub root: PathBuf,
    pub entries: Vec<Entry>,
    /// What was left out or read in part, and why, one line for each file; the scan goes on without it.
    pub unreadable: Vec<String>,
}

/// A file that was read: its place among all, itself, what the look returned, what to tell of it.
type Read<T> = (usize, Entry, T, Option<String>);

impl Tree {
    /// Walks `root` as git would, but also sees `.env` files that an ignore rule hides.
    ///
    /// # Errors
    /// `Input` if `root` is not a folder, `Unreachable` if it cannot be listed.
    pub fn read(root: &Path, reporter: &Reporter) -> Result<Self> {
        Ok(Self::read_with(root, reporter, ALL, &|_: &Entry| ())?.0)
    }

    /// The same with a look at every file while its text is at hand, on all processors; each file is read once.
    /// What the look returned stands in the order of the entries.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn look<T: Send>(root: &Path, reporter: &Reporter, look: &(dyn Fn(&Entry) -> T + Sync)) -> Result<(Self, Vec<T>)> {
        Self::read_with(root, reporter, USUAL, look)
    }

    /// The same, and every text is kept.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn look_and_keep<T: Send>(root: &Path, look: &(dyn Fn(&Entry) -> T + Sync)) -> Result<(Self, Vec<T>)> {
        Self::read_with(root, &Reporter::silent(), ALL, look)
    }

    fn read_with<T: Send>(root: &Path, reporter: &Reporter, room: Room, look: &(dyn Fn(&Entry) -> T + Sync)) -> Result<(Self, Vec<T>)> {
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
        let (files, mut unreadable) = walk::files(root);
        let next = AtomicUsize::new(0);
        let kept = AtomicU64::new(0);
        let done: Mutex<Vec<Read<T>>> = Mutex::new(Vec::with_capacity(files.len()));
        let work = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(at) else { break };
                let (mut entry, note) = read_one(root, file);
                let seen = look(&entry);
                shed(&mut entry, &kept, room);
                mine.push((at, entry, seen, note));
                if at.is_multiple_of(500) {
                    reporter.progress(at as u64, Some(files.len() as u64), Unit::Files, "reading the app");
                }
            }
            if let Ok(mut done) = done.lock() {
                done.extend(mine);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..walk::processors() {
                scope.spawn(work);
            }
            work();
        });
        let mut all = done.into_inner().map_err(|_| Error::bug("a thread that read the app's files failed"))?;
        all.sort_by_key(|(at, ..)| *at);
        let mut tree = Self { root: root.to_path_buf(), entries: Vec::with_capacity(all.len()), unreadable: Vec::new() };
        let mut looks = Vec::with_capacity(all.len());
        for (_, entry, seen, note) in all {
            unreadable.extend(note);
            tree.entries.push(entry);
            looks.push(seen);
        }
        unreadable.sort();
        tree.unreadable = unreadable;
        Ok((tree, looks))
    }

    fn position(&self, path: &str) -> Option<usize> {
        self.entries.binary_search_by(|e| e.path.as_str().cmp(path)).ok()
    }

    pub fn has(&self, path: &str) -> bool {
        self.position(path).is_some()
    }

    /// Some file lies below this folder.
    pub fn has_dir(&self, dir: &str) -> bool {
        let below = format!("{dir}/");
        let first = self.entries.partition_point(|e| e.path.as_str() < below.as_str());
        self.entries.get(first).is_some_and(|e| e.path.starts_with(&below))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.entries.get(self.position(path)?)?.text.as_deref()
    }

    /// This byte of a file lies in a comment.
    pub fn in_comment(&self, path: &str, at: usize) -> bool {
        let entry = self.position(path).and_then(|position| self.entries.get(position));
        entry.and_then(|entry| Some(entry.comments.inside(path, entry.text.as_deref()?, at))).unwrap_or(false)
    }

    /// The text of a lock file in the root, which no entry holds; `None`: it is not there, or no text of a size to read.
    pub fn lock(&self, name: &str) -> Option<String> {
        let path = self.root.join(name);
        let meta = std::fs::symlink_metadata(&path).ok()?;
        if !self.has(name) || !meta.is_file() || meta.len() > LARGEST_LOCK {
            return None;
        }
        std::fs::read_to_string(&path).ok()
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

/// One file, and what a person should know of how it was read.
fn read_one(root: &Path, file: &Found) -> (Entry, Option<String>) {
    let mut entry = Entry::new(file.path.clone(), file.local, None);
    if !is_text(&file.path) {
        return (entry, None);
    }
    if file.bytes > MAX_TEXT {
        let size = crate::text::bytes(file.bytes);
        return (entry, Some(format!("{}: {size}, larger than {}: not read", file.path, crate::text::bytes(MAX_TEXT))));
    }
    let content = match std::fs::read(root.join(&file.path)) {
        Ok(content) => content,
        Err(error) => return (entry, Some(format!("{}: cannot be read: {error}", file.path))),
    };
    if content.contains(&0) {
        return (entry, Some(format!("{}: holds binary data: not read", file.path)));
    }
    let mut note = None;
    entry.text = Some(String::from_utf8(content).unwrap_or_else(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let line = text.get(..good).map_or(1, |t| t.matches('\n').count() + 1);
        note = Some(format!("{}: not UTF-8 from line {line}: read with those characters replaced", file.path));
        text
    }));
    if entry.text.as_deref().is_some_and(mark::is_export) {
        (entry.text, entry.is_export) = (None, true);
    }
    (entry, note)
}

/// Lets go of texts that nobody will ask for again, once there is much of them.
fn shed(entry: &mut Entry, kept: &AtomicU64, room: Room) {
    let Some(text) = entry.text.as_deref() else { return };
    let size = text.len() as u64;
    let before = kept.fetch_add(size, Ordering::Relaxed);
    if before <= room.any {
        return;
    }
    let is_code = is_code(&entry.path);
    let asked_for = if is_code { ASKED.as_ref().is_none_or(|words| words.is_match(text)) } else { text.len() <= LARGEST_SETTINGS };
    if !asked_for {
        kept.fetch_sub(size, Ordering::Relaxed);
        entry.text = None;
    } else if let Some(words) = ASKED.as_ref().filter(|_| is_code && before > room.whole) {
        let few = near(text, words);
        kept.fetch_sub(size.saturating_sub(few.len() as u64), Ordering::Relaxed);
        // other bytes stand where its comments were
        (entry.text, entry.comments) = (Some(few), Comments::default());
    }
}

/// The text with nothing left of lines that are far from all words, but for those where a comment may begin or end.
fn near(text: &str, words: &Regex) -> String {
    let mut found = words.find_iter(text).map(|found| found.start());
    let mut next = found.next();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut holding = Vec::new();
    let mut end = 0;
    for (number, line) in lines.iter().enumerate() {
        end += line.len();
        if next.is_some_and(|at| at < end) {
            holding.push(number);
            next = found.find(|at| *at >= end);
        }
    }
    let mut out = String::new();
    let mut ahead = holding.iter().copied().peekable();
    let mut last: Option<usize> = None;
    for (number, line) in lines.into_iter().enumerate() {
        if ahead.next_if_eq(&number).is_some() {
            last = Some(number);
        }
        let close = last.is_some_and(|last| number - last <= NEAR) || ahead.peek().is_some_and(|next| next - number <= NEAR);
        if close || ["/*", "*/", "\"\"\"", "'''"].iter().any(|mark| line.contains(mark)) {
            out.push_str(line);
        } else if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out.shrink_to_fit();
    out
}

pub fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

/// Written by programs for programs: lock files.
const LOCKS: &[&str] = &["package-lock.json", "pnpm-lock.yaml", "bun.lockb", "npm-shrinkwrap.json", "replit.lock"];

/// Documents, data, pictures and other files that never say how an app runs.
const NEVER: &[&str] = &[
    "7z", "avi", "avif", "bak", "bin", "bmp", "bz2", "class", "csv", "db", "dll", "doc", "docx", "dump", "dylib", "eot", "exe", "flac",
    "gif", "gz", "heic", "ico", "jar", "jpeg", "jpg", "lock", "log", "m4a", "map", "mdx", "md", "mov", "mp3", "mp4", "node", "ogg", "onnx",
    "otf", "parquet", "pdf", "png", "ppt", "pptx", "psd", "pyc", "rar", "so", "sqlite", "sqlite3", "svg", "tar", "tgz", "tif", "tiff",
    "tsv", "ttf", "txt", "wasm", "wav", "webm", "webp", "woff", "woff2", "xls", "xlsx", "xz", "zip", "zst",
];

fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let asked_for = name == "replit.md" || name == "runtime.txt" || (name.starts_with("requirements") && name.ends_with(".txt"));
    let never = NEVER.contains(&extension(path).to_ascii_lowercase().as_str()) || LOCKS.contains(&name) || name.contains(".min.");
    asked_for || !never
}

pub fn is_code(path: &str) -> bool {
    matches!(extension(path), "ts" | "tsx" | "js" | "jsx" | "mjs" | "cjs" | "mts" | "cts" | "py" | "php" | "prisma")
}

/// A test is not part of what runs on AWS.
pub fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut folders = path.strip_suffix(name).unwrap_or("").split('/');
    folders.any(|part| matches!(part, "__tests__" | "tests" | "test" | "e2e" | "__mocks__" | "cypress") || part.ends_with("-e2e"))
        || [".test.", ".spec.", ".e2e-spec."].iter().any(|mark| name.contains(mark))
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || name == "conftest.py"
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

#[cfg(test)]
mod tests {
    use super::super::{database, generation, manifest::Manifest, port, replit::ReplitFile, service, variable};
    use super::*;

    #[test]
    fn what_is_let_go_of_is_never_asked_for() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let apps = std::fs::read_dir(root.join("tests/apps")).unwrap().map(|app| app.unwrap().path());
        let (mut gone, mut lines) = (0, 0);
        for app in apps.chain([root.join("assets/sample")]) {
            let all = Tree::read(&app, &Reporter::silent()).unwrap();
            let room = Room { any: 0, whole: 0 };
            let (few, looks) = Tree::read_with(&app, &Reporter::silent(), room, &|entry: &Entry| entry.text.is_some()).unwrap();
            assert_eq!(looks, all.entries.iter().map(|e| e.text.is_some()).collect::<Vec<_>>(), "a look came too late");
            gone += all.code("").count() - few.code("").count();
            lines += all.code("").map(|(_, text)| text.len()).sum::<usize>() - few.code("").map(|(_, text)| text.len()).sum::<usize>();
            let replit = all.text(".replit").map(|t| ReplitFile::parse(t).unwrap());
            let manifest = all.text("package.json").and_then(Manifest::parse);
            let asked = |tree: &Tree| {
                let variables = variable::read(tree);
                let databases = database::read(tree, replit.as_ref(), &[], &variables);
                let generation = generation::detect(tree, replit.as_ref(), manifest.as_ref());
                (variables, databases, generation, service::health(tree, ""), port::of_code(tree, ""))
            };
            assert_eq!(asked(&few), asked(&all), "{}", app.display());
        }
        assert!(gone > 5 && lines > 20_000, "only {gone} files and {lines} bytes were let go of");
    }

    #[test]
    fn lines_far_from_every_word_are_let_go_of() {
        let far = "const a = 1;\n".repeat(NEAR + 1);
        let text = format!("/* a\n{far}b */\n{far}const x = process.env.X;\n{far}end");
        let few = near(&text, ASKED.as_ref().unwrap());
        let close = "const a = 1;\n".repeat(NEAR);
        let gone = "\n".repeat(NEAR + 1);
        assert_eq!(few, format!("/* a\n{gone}b */\n\n{close}const x = process.env.X;\n{close}\n"));
    }
}
