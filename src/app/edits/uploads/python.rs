//! Uploads of Python apps: Flask's `file.save` into its folder and what is sent from there become ours; Django and FastAPI are a person's.
//! Never touches what is saved elsewhere, nor an image that is no upload.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::super::mark;
use super::super::super::orm::edit::Edit;
use super::super::health::python_module;
use super::super::login_python;
use super::super::work::{Work, folder, line_of};
use super::WHY;

const OURS: &str = include_str!("../../../../assets/files/uploads.py");
const NEW: [(&str, &str); 1] = [("boto3", ">=1.34")];

pub fn edit(work: &mut Work) {
    let Some(words) = Words::new() else { return };
    flask(work, &words);
    django(work);
    fastapi(work);
}

struct Words {
    /// `UPLOAD_FOLDER = …`, or `app.config["UPLOAD_FOLDER"] = …`: group 1 is the value.
    folder: Regex,
    /// A name that holds a file of a form.
    taken: Regex,
    /// A name that holds several, and one for each of a name.
    listed: Regex,
    each: Regex,
    /// A call with a name as its first argument.
    reads: Regex,
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
            call: Regex::new(
                r#"(?:\b(\w+|request\.files\[[^\]\n]+\]|\w*form\w*\.\w+\.data)\.save|\b(save_upload|send_from_directory|send_file|os\.remove|os\.unlink|os\.path\.exists|os\.path\.isfile|os\.listdir|os\.rename|os\.replace|shutil\.move|shutil\.copy2?|shutil\.copyfile|os\.path\.getsize|os\.stat|Image\.open|open))\("#,
            )
            .ok()?,
            import: Regex::new(r"(?m)^(?:from [\w.]+ import (?:\([^)]*\)|[^\r\n(]+)|import [^\r\n]+)").ok()?,
            body: Regex::new(r"(?m)^(?:def |async def |class |@|\w+\s*(?::[^=\n]+)?=)").ok()?,
        })
    }
}

/// The folder that a value names: a literal, the last literals of a join, or the default of a variable.
fn named(value: &str) -> Option<String> {
    if value.contains("/tmp") || value.contains("tempfile") {
        return None;
    }
    let literals = Regex::new(r#"["']([^"']*)["']"#).ok()?;
    let all: Vec<&str> = literals.captures_iter(value).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    let parts = match value.trim_start().chars().next()? {
        '"' | '\'' => all.get(..1)?,
        _ if value.contains("environ") || value.contains("getenv") => all.get(1..2)?,
        _ if value.contains("join(") => all.as_slice(),
        _ => return None,
    };
    let path = parts.join("/");
    let path = path.trim_start_matches("./").trim_end_matches('/');
    (!path.is_empty() && !path.starts_with('/') && !path.contains("..")).then(|| path.to_owned())
}

fn flask(work: &mut Work, words: &Words) {
    let is_app = |path: &str, text: &str| path.ends_with(".py") && text.contains("flask") && !mark::is_written(text);
    let paths = work.paths(|path, text| is_app(path, text) && (words.taken.is_match(text) || text.contains("UPLOAD_FOLDER")));
    if !paths.iter().any(|path| work.text(path).is_some_and(|text| words.taken.is_match(text))) {
        return;
    }
    let folders: BTreeSet<String> = paths
        .iter()
        .filter_map(|path| work.text(path))
        .flat_map(|text| words.folder.captures_iter(text).filter_map(|found| named(found.get(1)?.as_str())).collect::<Vec<_>>())
        .chain(["uploads".to_owned()])
        .collect();
    let mut first: Option<(String, usize, String)> = None;
    for path in paths {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let found = places(words, &text, &folders);
        if let Some((at, folder)) = found.saved {
            first.get_or_insert((path.clone(), at, folder));
        }
        if found.edits.is_empty() && found.items.is_empty() {
            continue;
        }
        let Some(file) = file(work, &path) else { continue };
        for (line, what) in &found.items {
            work.item(&path, Some(*line), &what.replace("OURS", &file), WHY);
        }
        if found.edits.is_empty() {
            continue;
        }
        let Some(module) = python_module(work, &path, &file) else {
            work.item(&path, None, &format!("use what {file} has in this file: its first lines say how"), WHY);
            continue;
        };
        let names: Vec<&str> = found.names.iter().copied().collect();
        let mut edits = found.edits;
        edits.extend(import(words, &text, &module, &names));
        if work.replace(&path, &text, edits) {
            login_python::ask(work, &NEW, WHY);
        }
    }
    if let Some((path, line, folder)) = first {
        let what = format!(
            "copy what lies in {folder}/ to the bucket, when writes have stopped on Replit: aws s3 sync {folder} s3://$S3_BUCKET/{folder}"
        );
        work.item(
            &path,
            Some(line),
            &what,
            "the app looks for its users' files in the bucket, and those sent until now are on Replit's disk",
        );
        if folder.starts_with("static/") {
            let what = format!(
                "send these files from S3: a route /{folder}/<path:name> that returns send_upload(\"{folder}\", name); Flask's own route for static files looks on the disk alone"
            );
            work.item(&path, Some(line), &what, WHY);
        }
    }
}

#[derive(Default)]
struct Places {
    edits: Vec<Edit>,
    names: BTreeSet<&'static str>,
    items: Vec<(usize, &'static str)>,
    /// The line of the first upload that is kept, and its folder.
    saved: Option<(usize, String)>,
}

fn places(words: &Words, text: &str, folders: &BTreeSet<String>) -> Places {
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
    let direct = |part: &str| {
        part.contains("UPLOAD_FOLDER")
            || folders.iter().any(|folder| {
                ["\"", "'"]
                    .iter()
                    .any(|quote| part.contains(&format!("{quote}{folder}{quote}")) || part.contains(&format!("{quote}{folder}/")))
            })
    };
    let paths = named_paths(text, &direct);
    let meant = |part: &str| direct(part) || paths.contains(part.trim());
    // the one that is named, else the one that is configured, else the usual one
    let kept_in = |given: &str| {
        let named = folders.iter().find(|folder| given.contains(folder.as_str()));
        let folder = named.or_else(|| folders.iter().find(|folder| *folder != "uploads"));
        folder.cloned().unwrap_or_else(|| "uploads".to_owned())
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
                if !taken.contains(file.as_str()) && !of_form || given.contains("tmp") {
                    continue;
                }
                if meant(given) && one {
                    out.saved.get_or_insert_with(|| (line, kept_in(given)));
                    out.edits.push(Edit::new(whole.range(), format!("save_upload({}, ", file.as_str()), WHY));
                    out.names.insert("save_upload");
                } else {
                    out.items.push((line, "keep this file in S3: save_upload(file, path) of OURS, with a path in the app's folder"));
                }
            }
            // ours already
            (None, Some("save_upload")) => drop(out.saved.get_or_insert_with(|| (line, kept_in(given)))),
            (None, Some(name)) => {
                let first = given.split(',').next().unwrap_or_default();
                // of several arguments each may be the path
                let among = |given: &str| meant(given) || given.split(',').any(|one| paths.contains(one.trim()));
                if !(if name == "send_from_directory" { meant(first) } else { among(given) })
                    || first.trim() == "UPLOAD_FOLDER" && name != "send_from_directory"
                {
                    continue;
                }
                let only_folder = direct(first) && !first.contains("join(") && !paths.contains(first.trim()) && !first.contains('/');
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
                    "os.listdir" => out.items.push((
                        line,
                        "S3 has no folders: list the objects whose keys begin with the folder's name (list_objects_v2), as OURS finds them",
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
            let line = line_of(text, function.start());
            out.items.push((
                line,
                "give this the bytes from S3: io.BytesIO(read_upload(path)) of OURS, where it looks for the file on the disk",
            ));
        }
    }
    out.items.sort();
    out.items.dedup_by_key(|(line, _)| *line);
    out
}

/// Names that hold a path of an upload: `path = os.path.join(app.config["UPLOAD_FOLDER"], name)`.
fn named_paths(text: &str, direct: &impl Fn(&str) -> bool) -> BTreeSet<String> {
    let Ok(pattern) = Regex::new(r#"(?m)^[ \t]*(\w+)\s*=\s*(os\.path\.join\([^\r\n]+|f["'][^\r\n]+)$"#) else { return BTreeSet::new() };
    let found: Vec<(&str, &str)> =
        pattern.captures_iter(text).filter_map(|found| Some((found.get(1)?.as_str(), found.get(2)?.as_str()))).collect();
    let meant = |name: &str| found.iter().filter(|(its, value)| *its == name && direct(value)).count();
    // a name that means something else elsewhere in the file is none
    let given = |name: &str| Regex::new(&format!(r"(?m)^[ \t]*{name}\s*=[^=]")).map_or(0, |own| own.find_iter(text).count());
    found.iter().map(|(name, _)| *name).filter(|name| *name != "UPLOAD_FOLDER" && meant(name) == given(name)).map(str::to_owned).collect()
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

fn django(work: &mut Work) {
    let Ok(media) = Regex::new(r"(?m)^MEDIA_ROOT\s*=\s*([^\r\n#]+)") else { return };
    let Ok(last) = Regex::new(r#"["']([\w./-]+)["']\s*\)?\s*$"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && media.is_match(text) && !text.contains("storages.backends")) {
        let text = work.text(&path).unwrap_or_default();
        let Some(found) = media.captures(text) else { continue };
        let value = found.get(1).map(|value| value.as_str()).unwrap_or_default();
        let literal = last.captures(value).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
        let local = literal.as_deref().unwrap_or("media").trim_matches('/').to_owned();
        let line = found.get(0).map(|whole| line_of(text, whole.start()));
        let what = format!(
            "keep MEDIA_ROOT in S3: ask for django-storages[s3], add \"storages\" to INSTALLED_APPS, and STORAGES = {{\"default\": {{\"BACKEND\": \"storages.backends.s3.S3Storage\", \"OPTIONS\": {{\"bucket_name\": os.environ[\"S3_BUCKET\"], \"location\": \"{local}\", \"querystring_auth\": True, \"file_overwrite\": False}}}}, \"staticfiles\": {{\"BACKEND\": what it is now}}}} (before Django 4.2: DEFAULT_FILE_STORAGE, AWS_STORAGE_BUCKET_NAME and AWS_LOCATION); then aws s3 sync {local} s3://$S3_BUCKET/{local}"
        );
        work.item(&path, line, &what, WHY);
    }
}

fn fastapi(work: &mut Work) {
    let Ok(writes) = Regex::new(r#"\bopen\(\s*(?:f?["'](?:\./)?uploads/|os\.path\.join\(\s*(?:UPLOAD_\w+|["']uploads))[^\n]*["'][wx]b"#)
    else {
        return;
    };
    let Ok(sends) = Regex::new(r#"StaticFiles\(\s*directory\s*=\s*["'](?:\./)?uploads["'/]"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && text.contains("fastapi") && !mark::is_written(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        for found in writes.find_iter(&text) {
            let what = "keep this file in S3: boto3.client(\"s3\").upload_fileobj(file.file, os.environ[\"S3_BUCKET\"], f\"uploads/{name}\") in a thread (run_in_threadpool), and ask for boto3; then aws s3 sync uploads s3://$S3_BUCKET/uploads";
            work.item(&path, Some(line_of(&text, found.start())), what, WHY);
        }
        for found in sends.find_iter(&text) {
            let what = "send these files from S3: a route /uploads/{name} that answers with StreamingResponse(boto3.client(\"s3\").get_object(Bucket=os.environ[\"S3_BUCKET\"], Key=f\"uploads/{name}\")[\"Body\"].iter_chunks(), media_type=mimetypes.guess_type(name)[0])";
            work.item(&path, Some(line_of(&text, found.start())), what, WHY);
        }
    }
}
