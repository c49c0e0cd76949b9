//! Uploads of Flask apps: `file.save` into its folder and what is sent from there become ours, all of them or none.
//! Never touches what is saved elsewhere, and never one half: where a line needs a person, files are not looked for where nobody puts them.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::super::super::mark;
use super::super::super::orm::edit::Edit;
use super::super::health::python_module;
use super::super::login_python;
use super::super::work::{Work, folder, line_of};
use super::WHY;
use super::python_folder::{dirs, named, named_paths, real};

const OURS: &str = include_str!("../../../../assets/files/uploads.py");
const NEW: [(&str, &str); 1] = [("boto3", ">=1.34")];

const SAVE: &str = "keep this file in S3: save_upload(file, path) of OURS, with a path in the app's folder";
const WRITE: &str = "keep this in S3: what it writes goes into an io.BytesIO, and save_upload(FileStorage(buffer), path) of OURS keeps that (werkzeug.datastructures)";
const UNPACK: &str =
    "keep these files in S3: unpack them into a temporary folder, and give each one to save_upload(FileStorage(file), path) of OURS";
const BYTES: &str = "give this the bytes from S3: io.BytesIO(read_upload(path)) of OURS, where it looks for the file on the disk";

pub fn edit(work: &mut Work) {
    if let Some(words) = Words::new() {
        flask(work, &words);
    }
}

struct Words {
    /// `UPLOAD_FOLDER = …`, or `app.config["UPLOAD_FOLDER"] = …`: group 1 is the value.
    folder: Regex,
    /// A name that holds a file of a form.
    taken: Regex,
    /// A name that holds several, and one for each of a name.
    listed: Regex,
    each: Regex,
    /// A call with a name, or with a path that is put together, as its first argument.
    reads: Regex,
    joins: Regex,
    unpacks: Regex,
    /// A name for the folder itself.
    dir: Regex,
    /// A call that may be on an upload: group 1 is all up to its parenthesis.
    call: Regex,
    import: Regex,
    body: Regex,
}

impl Words {
    fn new() -> Option<Self> {
        Some(Self {
            folder: Regex::new(r#"(?m)^[ \t]*(?:\w+\.config\[\s*["'])?UPLOAD_FOLDER(?:["']\s*\])?\s*=\s*([^\r\n#]+)"#).ok()?,
            taken: Regex::new(
                r"\b(\w+)\s*=\s*(?:request\.files(?:\[|\.get\()|\w*form\w*\.\w+\.data\b)|\bfor\s+(\w+)\s+in\s+request\.files\b|request\.files\.getlist\(|form\w*\.\w+\.data\.save\(",
            )
            .ok()?,
            listed: Regex::new(r"\b(\w+)\s*=\s*request\.files\.getlist\(").ok()?,
            each: Regex::new(r"\bfor\s+(\w+)\s+in\s+(\w+)\b").ok()?,
            reads: Regex::new(r"([\w.]+)\(\s*(\w+)\s*[,)]").ok()?,
            joins: Regex::new(r"([\w.]+)\(\s*(?:os\.path\.)?join\(").ok()?,
            unpacks: Regex::new(r"\.extract(?:all)?\(").ok()?,
            dir: Regex::new(r#"(?m)^[ \t]*(\w+)\s*=\s*(?:\w+\.config(?:\[\s*["']UPLOAD_FOLDER["']\s*\]|\.get\(\s*["']UPLOAD_FOLDER["']\s*\))|UPLOAD_FOLDER)[ \t]*$"#).ok()?,
            call: Regex::new(
                r#"(?:\b(\w+|request\.files\[[^\]\n]+\]|\w*form\w*\.\w+\.data)\.save|\b(save_upload|send_from_directory|send_file|os\.remove|os\.unlink|os\.path\.exists|os\.path\.isfile|os\.listdir|os\.scandir|os\.walk|os\.rename|os\.replace|shutil\.move|shutil\.copy2?|shutil\.copyfile|os\.path\.getsize|os\.stat|Image\.open|open))\("#,
            )
            .ok()?,
            import: Regex::new(r"(?m)^(?:from [\w.]+ import (?:\([^)]*\)|[^\r\n(]+)|import [^\r\n]+)").ok()?,
            body: Regex::new(r"(?m)^(?:def |async def |class |@|\w+\s*(?::[^=\n]+)?=)").ok()?,
        })
    }
}

fn flask(work: &mut Work, words: &Words) {
    let is_app = |path: &str, text: &str| {
        path.ends_with(".py")
            && !mark::is_written(text)
            && (text.contains("flask") && words.taken.is_match(text) || text.contains("UPLOAD_FOLDER"))
    };
    let paths = work.paths(is_app);
    let is_taken = |text: &str| text.contains("flask") && words.taken.is_match(text);
    if !paths.iter().any(|path| work.text(path).is_some_and(is_taken)) {
        return;
    }
    // by the name in the code: where it lies from the app's root
    let mut folders = BTreeMap::from([("uploads".to_owned(), "uploads".to_owned())]);
    for (path, text) in paths.iter().filter_map(|path| Some((path, work.text(path)?))) {
        for value in words.folder.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str())) {
            if let Some(literal) = named(value) {
                let real = real(path, text, value, &literal);
                folders.insert(literal, real);
            }
        }
    }
    let all: Vec<(String, String, Places)> = paths
        .into_iter()
        .filter_map(|path| Some((work.text(&path)?.to_owned(), path)))
        .map(|(text, path)| {
            let found = places(words, &text, &folders);
            (path, text, found)
        })
        .collect();
    let saves = |text: &str| text.lines().any(|line| line.starts_with("from ") && line.contains("save_upload"));
    let is_begun = work.any(|path, text| path.ends_with(".py") && saves(text));
    // one half in S3 and the other on the disk is worse than none
    let waits = !is_begun && all.iter().any(|(_, _, found)| !found.items.is_empty());
    let first = all.iter().find_map(|(path, _, found)| Some((path.clone(), found.saved.clone()?)));
    for (path, text, found) in &all {
        if found.edits.is_empty() && found.items.is_empty() {
            continue;
        }
        let Some(file) = file(work, path) else { continue };
        for (line, what) in &found.items {
            work.item(path, Some(*line), &what.replace("OURS", &file), WHY);
        }
        let Some(at) = found.edits.iter().map(|edit| edit.range.start).min() else { continue };
        if waits {
            let what = format!(
                "uploads are left on the disk as a whole, since lines of this list need a person first: do those with {file}, and app prepare does the rest (file.save, send_from_directory)"
            );
            work.item(path, Some(line_of(text, at)), &what, WHY);
            login_python::ask(work, &NEW, WHY);
            continue;
        }
        let Some(module) = python_module(work, path, &file) else {
            work.item(path, None, &format!("use what {file} has in this file: its first lines say how"), WHY);
            continue;
        };
        let names: Vec<&str> = found.names.iter().copied().collect();
        let mut edits = found.edits.clone();
        edits.extend(import(words, text, &module, &names));
        if work.replace(path, text, edits) {
            login_python::ask(work, &NEW, WHY);
        }
    }
    if let Some((path, Saved { line, literal, real })) = first {
        let what = format!(
            "copy what lies in {real}/ to the bucket, when writes have stopped on Replit: aws s3 sync {real} s3://$S3_BUCKET/{real}"
        );
        work.item(
            &path,
            Some(line),
            &what,
            "the app looks for its users' files in the bucket, and those sent until now are on Replit's disk",
        );
        if literal.starts_with("static/") {
            let what = format!(
                "send these files from S3: a route /{literal}/<path:name> that returns send_upload(\"{literal}\", name); Flask's own route for static files looks on the disk alone"
            );
            work.item(&path, Some(line), &what, WHY);
        }
    }
}

/// The first upload of a file that is kept.
#[derive(Debug, Clone)]
struct Saved {
    line: usize,
    /// The folder as the code names it.
    literal: String,
    /// From the app's root: its keys in the bucket begin with this.
    real: String,
}

#[derive(Default)]
struct Places {
    edits: Vec<Edit>,
    names: BTreeSet<&'static str>,
    items: Vec<(usize, &'static str)>,
    saved: Option<Saved>,
}

fn places(words: &Words, text: &str, folders: &BTreeMap<String, String>) -> Places {
    let mut out = Places::default();
    let lists: BTreeSet<&str> = words.listed.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let mut taken: BTreeSet<&str> =
        words.taken.captures_iter(text).filter_map(|found| Some(found.get(1).or(found.get(2))?.as_str())).collect();
    taken.extend(
        words
            .each
            .captures_iter(text)
            .filter_map(|found| Some((found.get(1)?.as_str(), found.get(2)?.as_str())))
            .filter(|(_, list)| lists.contains(list))
            .map(|(one, _)| one),
    );
    let dirs = dirs(&words.dir, text);
    let is_dir = |part: &str| part.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| dirs.contains(word));
    let direct = |part: &str| {
        part.contains("UPLOAD_FOLDER")
            || is_dir(part)
            || folders.keys().any(|folder| {
                ["\"", "'"]
                    .iter()
                    .any(|quote| part.contains(&format!("{quote}{folder}{quote}")) || part.contains(&format!("{quote}{folder}/")))
            })
    };
    let paths = named_paths(text, &direct);
    let meant = |part: &str| direct(part) || paths.contains(part.trim());
    // the one that is named, else the one that is configured, else the usual one
    let kept_in = |line: usize, given: &str| {
        let named = folders.keys().find(|folder| given.contains(folder.as_str()));
        let of = |(literal, real): (&String, &String)| Saved { line, literal: literal.clone(), real: real.clone() };
        let configured = || folders.iter().find(|(literal, _)| *literal != "uploads").or_else(|| folders.iter().next()).map(of);
        let saved = named.map_or_else(configured, |literal| Some(Saved { line, literal: literal.clone(), real: literal.clone() }));
        saved.unwrap_or_else(|| Saved { line, literal: "uploads".to_owned(), real: "uploads".to_owned() })
    };
    for found in words.call.captures_iter(text) {
        let (Some(whole), receiver, call) = (found.get(0), found.get(1), found.get(2)) else { continue };
        let head = text.get(..whole.start()).unwrap_or_default();
        if is_comment(head) || head.ends_with('.') {
            continue;
        }
        let Some(given) = text.get(whole.end()..).and_then(inside) else { continue };
        let line = line_of(text, whole.start());
        let one = !given.contains('\n');
        let function = whole.start()..whole.end() - 1;
        match (receiver, call.map(|call| call.as_str())) {
            (Some(file), _) => {
                let of_form = file.as_str().starts_with("request.files") || file.as_str().ends_with(".data");
                let is_upload = taken.contains(file.as_str()) || of_form;
                if !is_upload && !meant(given.split(',').next().unwrap_or_default()) || given.contains("tmp") {
                    continue;
                }
                if !is_upload {
                    out.items.push((line, WRITE));
                } else if meant(given) && one {
                    out.saved.get_or_insert_with(|| kept_in(line, given));
                    out.edits.push(Edit::new(whole.range(), format!("save_upload({}, ", file.as_str()), WHY));
                    out.names.insert("save_upload");
                } else {
                    out.items.push((line, SAVE));
                }
            }
            // ours already
            (None, Some("save_upload")) => drop(out.saved.get_or_insert_with(|| kept_in(line, given))),
            (None, Some(name)) => {
                let first = given.split(',').next().unwrap_or_default();
                // of several arguments each may be the path
                let among = |given: &str| meant(given) || given.split(',').any(|one| paths.contains(one.trim()));
                let lists = matches!(name, "os.listdir" | "os.scandir" | "os.walk");
                let only_folder = direct(first) && !first.contains("join(") && !paths.contains(first.trim()) && !first.contains('/');
                if !(if name == "send_from_directory" { meant(first) } else { among(given) })
                    || only_folder
                        && (first.trim() == "UPLOAD_FOLDER" || dirs.contains(first.trim()))
                        && name != "send_from_directory"
                        && !lists
                {
                    continue;
                }
                match name {
                    "send_from_directory" if is_plain(given) => {
                        out.edits.push(Edit::new(function, "send_upload", WHY));
                        out.names.insert("send_upload");
                    }
                    "send_from_directory" | "send_file" => out.items.push((line, "send it from S3: send_upload(folder, name) of OURS")),
                    "os.path.exists" | "os.path.isfile" if only_folder => {}
                    "os.remove" | "os.unlink" => {
                        out.edits.push(Edit::new(function, "remove_upload", WHY));
                        out.names.insert("remove_upload");
                    }
                    "os.path.exists" | "os.path.isfile" => {
                        out.edits.push(Edit::new(function, "has_upload", WHY));
                        out.names.insert("has_upload");
                    }
                    _ if lists => out.items.push((
                        line,
                        "S3 has no folders: list the keys that begin with the folder's name (boto3's paginator of list_objects_v2); OURS lists none",
                    )),
                    "os.rename" | "os.replace" | "shutil.move" | "shutil.copy" | "shutil.copy2" | "shutil.copyfile" => out.items.push((
                        line,
                        "keep it in S3: copy the object (boto3's copy_object, with keys as OURS makes them), and remove_upload(path) of OURS where it is moved",
                    )),
                    "os.path.getsize" | "os.stat" => out.items.push((
                        line,
                        "its size is in S3: ContentLength of head_object, as OURS asks for it, or len(read_upload(path)) of OURS",
                    )),
                    _ => {
                        out.items.push((line, "read it from S3: io.BytesIO(read_upload(path)) of OURS; what is written goes by put_object"))
                    }
                }
            }
            _ => {}
        }
    }
    // what else is given such a path looks for it on the disk
    for found in words.reads.captures_iter(text) {
        let (Some(function), Some(name)) = (found.get(1), found.get(2)) else { continue };
        let known = ["str", "print", "len", "jsonify", "save_upload", "send_upload", "has_upload", "remove_upload", "read_upload"];
        let skipped = known.contains(&function.as_str()) || function.as_str().starts_with("os.") || function.as_str().ends_with(".save");
        let by_call = words.call.find_at(text, function.start()).is_some_and(|call| call.start() == function.start());
        let is_definition = text.get(..function.start()).unwrap_or_default().trim_end().ends_with("def");
        let head = text.get(..function.start()).unwrap_or_default();
        if paths.contains(name.as_str()) && !skipped && !by_call && !is_definition && !is_comment(head) {
            out.items.push((line_of(text, function.start()), BYTES));
        }
    }
    for found in words.joins.captures_iter(text) {
        let (Some(whole), Some(function)) = (found.get(0), found.get(1)) else { continue };
        let given = text.get(whole.end()..).and_then(inside).unwrap_or_default();
        let head = text.get(..function.start()).unwrap_or_default();
        let by_call = words.call.find_at(text, function.start()).is_some_and(|call| call.start() == function.start());
        let known = ["str", "print", "len", "jsonify", "save_upload", "send_upload", "has_upload", "remove_upload", "read_upload", "Path"];
        let skipped = known.contains(&function.as_str()) || function.as_str().starts_with("os.") || function.as_str().ends_with(".save");
        if direct(given) && !by_call && !skipped && !is_comment(head) {
            out.items.push((line_of(text, function.start()), BYTES));
        }
    }
    for found in words.unpacks.find_iter(text) {
        let head = text.get(..found.start()).unwrap_or_default();
        let given = text.get(found.end()..).and_then(inside).unwrap_or_default();
        if (meant(given) || given.split(['=', ',']).any(&meant)) && !is_comment(head) {
            out.items.push((line_of(text, found.start()), UNPACK));
        }
    }
    out.items.sort();
    out.items.dedup_by_key(|(line, _)| *line);
    out
}

/// Only what ours takes, too.
fn is_plain(given: &str) -> bool {
    let known = ["as_attachment", "download_name", "mimetype"];
    Regex::new(r"\b(\w+)\s*=")
        .is_ok_and(|keyword| keyword.captures_iter(given).all(|found| found.get(1).is_some_and(|name| known.contains(&name.as_str()))))
}

fn is_comment(head: &str) -> bool {
    head.rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with('#'))
}

/// What stands up to the parenthesis that closes.
fn inside(rest: &str) -> Option<&str> {
    let (mut depth, mut quote) = (1usize, None);
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), _) => quote = (open != c).then_some(open),
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return rest.get(..at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Our file, for the folder of this one: the one that is there, or a new one.
fn file(work: &mut Work, path: &str) -> Option<String> {
    let known = work.paths(|path, text| path.ends_with(".py") && mark::is_written(text) && text.contains("def save_upload("));
    if let Some(known) = known.into_iter().next() {
        return Some(known);
    }
    let candidates = ["uploads.py", "uploads_s3.py"].map(|name| format!("{}{name}", folder(path)));
    let new = candidates.into_iter().find(|path| work.text(path).is_none())?;
    work.put(&new, OURS, WHY).then_some(new)
}

/// Behind the imports that the file begins with.
fn import(words: &Words, text: &str, module: &str, names: &[&str]) -> Option<Edit> {
    let there = |name: &str| Regex::new(&format!(r"(?m)^from [\w.]+ import [^\n]*\b{name}\b")).is_ok_and(|own| own.is_match(text));
    let missing: Vec<&str> = names.iter().copied().filter(|name| !there(name)).collect();
    if missing.is_empty() {
        return None;
    }
    let body = words.body.find(text).map_or(text.len(), |body| body.start());
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = format!("from {module} import {}", missing.join(", "));
    Some(match words.import.find_iter(text).filter(|import| import.start() < body).last() {
        Some(last) => Edit::new(last.end()..last.end(), format!("{newline}{line}"), WHY),
        None => Edit::new(0..0, format!("{line}{newline}"), WHY),
    })
}
