//! Calls that read, send or delete a file that was uploaded: where it can be said without doubt the call becomes ours, else a person is told which.
//! Never touches a call on other files; a folder that is made stays made.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::super::orm::edit::Edit;
use super::super::super::orm::imports::Imports;
use super::super::super::orm::script::{Part, Script, arguments, bare, text_of, value_of};
use super::super::syntax::{function_of, is_function};
use super::{Plan, Sure, WHY, folder};

/// What takes the place of a call of `fs` or of a response.
fn helper(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "unlink" | "unlinkSync" | "rm" | "rmSync" => ("removeUpload", "delete it in S3: await removeUpload(path) of OURS"),
        "readFile" | "readFileSync" => ("readUpload", "read it from S3: await readUpload(path) of OURS"),
        "createReadStream" => ("streamUpload", "read it from S3: await streamUpload(path) of OURS"),
        "existsSync" | "access" | "accessSync" => ("hasUpload", "ask S3 for it: await hasUpload(path) of OURS"),
        "stat" | "statSync" | "lstat" | "lstatSync" => (
            "",
            "its size is in S3: await sizeOfUpload(path) of OURS (of a file of a request: size beside its path); where it is asked only whether it is there: await hasUpload(path)",
        ),
        "writeFile" | "writeFileSync" | "createWriteStream" => {
            ("writeUpload", "write it to S3: await writeUpload(path, text, bytes or a stream) of OURS")
        }
        "rename" | "renameSync" | "copyFile" | "copyFileSync" => (
            "writeUpload",
            "keep it in S3: await writeUpload(to, await streamUpload(from)) of OURS, and removeUpload(from) where it is moved",
        ),
        "readdir" | "readdirSync" => {
            ("", "S3 has no folders: list the objects whose keys begin with the folder's name (ListObjectsV2Command), as OURS finds them")
        }
        "sendFile" => ("sendUpload", "send it from S3: sendUpload(req, res, next, path) of OURS"),
        "download" => ("sendUpload", "send it from S3: res.attachment(name), then sendUpload(req, res, next, path) of OURS"),
        _ => return None,
    })
}

pub fn replace(script: &Script, root: &str, folders: &[&str], sure: Sure, plan: &mut Plan) {
    let Some(known) = Known::of(script, root, folders) else { return };
    let promised = promises(script);
    let tree = script.root();
    for call in tree.dfs().filter(|part| part.kind() == "call_expression") {
        let Some(function) = call.field("function") else { continue };
        let text = function.text().into_owned();
        let (of, name) = text.rsplit_once('.').unwrap_or(("", &text));
        let given = arguments(&call);
        // an image that is put on the disk
        if name == "toFile" && given.first().is_some_and(|path| known.is_meant(path)) {
            let what = "write it to S3: await writeUpload(path, await image.toBuffer()) of OURS; what the image is made from, where it is an upload, too: await readUpload(path)";
            plan.item(script.line(call.range().start), what);
            continue;
        }
        let Some((helper, what)) = helper(name).filter(|_| known.is_of_files(name, of, &promised)) else {
            if given.iter().any(|one| known.is_of_request(one)) && !is_harmless(&text) {
                let what = format!(
                    "{text} reads a file on the disk: give it the bytes, await readUpload(path) of OURS, or a stream, await streamUpload(path)"
                );
                plan.item(script.line(call.range().start), what);
            }
            continue;
        };
        let paths = given.iter().take(if name.starts_with("rename") || name.starts_with("copy") { 2 } else { 1 });
        if !paths.into_iter().any(|path| known.is_meant(path)) || makes_folder(&call) {
            // `res.sendFile(name, { root: UPLOADS })`
            let root = given.get(1..).unwrap_or_default().iter().find_map(|options| value_of(options, "root"));
            if matches!(name, "sendFile" | "download") && root.is_some_and(|root| known.is_meant(&root)) {
                let what = "send it from S3: sendUpload(req, res, next, path.join(root, path.basename(name))) of OURS: root alone keeps no name in its folder there";
                plan.item(script.line(call.range().start), what);
            }
            continue;
        }
        let own = sure == Sure::Yes && given.first().is_some_and(|path| known.is_of_request(path));
        match mechanical(&call, of, name, helper, &given, &promised).filter(|_| own) {
            Some(edit) => {
                plan.edits.push(edit);
                plan.names.insert(helper);
            }
            None => plan.item(script.line(call.range().start), what),
        }
    }
}

/// It looks at the path alone, or passes it on to a person.
fn is_harmless(function: &str) -> bool {
    let (of, name) = function.rsplit_once('.').unwrap_or(("", function));
    ["path", "console", "logger", "log", "res", "JSON"].contains(&of)
        || ["basename", "extname", "dirname", "join", "resolve", "String", "push", "json", "send"].contains(&name)
        || ["readUpload", "streamUpload", "writeUpload", "hasUpload", "sizeOfUpload", "removeUpload", "sendUpload"]
            .contains(&name.trim_end_matches("OnS3"))
}

/// Names of this file that stand for `fs/promises`, and with a dot before them those that are imported from there.
fn promises(script: &Script) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = ["fs.promises", "fsPromises", "fsp"].map(str::to_owned).into();
    for import in &Imports::of(script).all {
        if matches!(import.module.as_str(), "fs/promises" | "node:fs/promises") {
            out.extend(import.default.clone());
            out.extend(import.namespace.clone());
            out.extend(import.names.iter().map(|name| format!(".{}", name.local)));
        }
        if matches!(import.module.as_str(), "fs" | "node:fs") {
            out.extend(import.names.iter().filter(|name| name.exported == "promises").map(|name| name.local.clone()));
        }
    }
    for line in script.text.lines().filter(|line| line.contains("fs/promises") && line.contains("require(")) {
        let name = line.split(['=']).next().unwrap_or_default().split_whitespace().last();
        out.extend(name.map(str::to_owned));
    }
    out
}

/// A call on the file of a request that is waited for, or that may be.
fn mechanical(call: &Part<'_>, of: &str, name: &str, helper: &str, given: &[Part<'_>], promised: &BTreeSet<String>) -> Option<Edit> {
    let (path, more) = given.split_first()?;
    let up = call.parent()?;
    let path = path.text();
    let read = |call: String| match more {
        [] => Some(call),
        [encoding] if text_of(encoding).is_some() => Some(format!("({call}).toString({})", encoding.text())),
        _ => None,
    };
    let awaited = up.kind() == "await_expression" && (promised.contains(of) || of.is_empty() && promised.contains(&format!(".{name}")));
    let alone = up.kind() == "expression_statement";
    let waits = function_of(call).is_some_and(|function| function.text().starts_with("async"));
    match name {
        "unlink" | "rm" if awaited => Some(Edit::new(call.range(), format!("{helper}({path})"), WHY)),
        "readFile" if awaited => Some(Edit::new(up.range(), read(format!("await {helper}({path})"))?, WHY)),
        "unlinkSync" | "rmSync" if alone && waits => Some(Edit::new(call.range(), format!("await {helper}({path})"), WHY)),
        "existsSync" if waits && more.is_empty() => Some(Edit::new(call.range(), within(&up, format!("await {helper}({path})")), WHY)),
        "readFileSync" if waits => {
            let text = read(format!("await {helper}({path})"))?;
            let text = if text.starts_with('(') { text } else { within(&up, text) };
            Some(Edit::new(call.range(), text, WHY))
        }
        // nobody looks at what became of it
        "unlink" if alone && more.len() == 1 && more.first().is_some_and(is_idle) => {
            Some(Edit::new(call.range(), format!("{helper}({path}).catch(() => {{}})"), WHY))
        }
        _ => None,
    }
}

/// What waits, as it may stand there.
fn within(up: &Part<'_>, waits: String) -> String {
    let plain = ["parenthesized_expression", "arguments", "variable_declarator", "assignment_expression", "pair", "return_statement"];
    if plain.contains(&up.kind().as_ref()) { waits } else { format!("({waits})") }
}

/// `() => {}`.
fn is_idle(function: &Part<'_>) -> bool {
    is_function(function)
        && function.field("body").is_some_and(|body| body.text().trim_matches(['{', '}', ' ', '\n', '\r', '\t']).is_empty())
}

/// It asks whether a folder is there, to make it.
fn makes_folder(call: &Part<'_>) -> bool {
    let asks = call
        .ancestors()
        .take_while(|up| !up.kind().ends_with("statement") || up.kind() == "if_statement")
        .find(|up| up.kind() == "if_statement");
    asks.is_some_and(|asks| asks.text().contains("mkdir"))
}

/// What in a script stands for an upload's path.
struct Known<'a> {
    script: &'a Script,
    root: &'a str,
    folders: &'a [&'a str],
    /// The folders as the app itself writes them.
    local: Vec<&'a str>,
    of_request: Regex,
    of_each: Option<Regex>,
    /// `const path = req.file.path`.
    own: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl<'a> Known<'a> {
    fn of(script: &'a Script, root: &'a str, folders: &'a [&'a str]) -> Option<Self> {
        let local = folders.iter().map(|folder| folder.strip_prefix(root).unwrap_or(folder)).collect();
        // of a request in the same file: `file.path` alone may be anything's
        let marks = ["req.file", "multer", "uploadStorage"];
        let request = if marks.iter().any(|mark| script.text.contains(mark)) { r"|^(?:\w+\.)?file[!?]?\.path!?$" } else { "" };
        let of_request = Regex::new(&format!(r"\breq\.files?\b.*\.path\b{request}")).ok()?;
        // `for (const one of req.files) … one.path`
        let of_each = Regex::new(r"^\w+[!?]?\.path!?$").ok().filter(|_| script.text.contains("req.files"));
        let (own, names) = (BTreeSet::new(), BTreeSet::new());
        let mut known = Self { script, root, folders, local, of_request, of_each, own, names };
        let tree = script.root();
        let declared: Vec<(String, Part<'_>)> = tree
            .dfs()
            .filter(|part| part.kind() == "variable_declarator")
            .filter_map(|part| {
                Some((part.field("name").filter(|name| name.kind() == "identifier")?.text().into_owned(), part.field("value")?))
            })
            .collect();
        // a name that means something else elsewhere in the file is none
        let is_own = |name: &str| declared.iter().filter(|(its, _)| its == name).all(|(_, value)| known.is_of_request(value));
        known.own = declared.iter().map(|(name, _)| name.clone()).filter(|name| is_own(name)).collect();
        // a name of a name
        for _ in 0..2 {
            let named: Vec<String> = declared.iter().filter(|(_, value)| known.is_meant(value)).map(|(name, _)| name.clone()).collect();
            known.names.extend(named);
        }
        Some(known)
    }

    /// The call is one of `fs` or of a response, by what it is called on.
    fn is_of_files(&self, name: &str, of: &str, promised: &BTreeSet<String>) -> bool {
        if matches!(name, "sendFile" | "download") {
            return of.contains("res") || of.contains("reply");
        }
        of.is_empty() || of.starts_with("fs") || of.ends_with("promises") || promised.contains(of)
    }

    /// `req.file.path`, or a name for it.
    fn is_of_request(&self, part: &Part<'_>) -> bool {
        let part = bare(part);
        let text = part.text();
        match part.kind().as_ref() {
            "member_expression" => self.of_request.is_match(&text),
            "identifier" => self.own.contains(text.as_ref()),
            _ => false,
        }
    }

    fn is_meant(&self, part: &Part<'_>) -> bool {
        let part = bare(part);
        let text = part.text();
        let of_each =
            || self.of_each.as_ref().is_some_and(|each| each.is_match(&text)) && !matches!(text.as_ref(), "req.path" | "path.path");
        if part.kind() == "member_expression" && (self.of_request.is_match(&text) || of_each()) {
            return true;
        }
        let below = |path: &str| self.folders.iter().any(|folder| path == *folder || path.starts_with(&format!("{folder}/")));
        if folder::meant(self.script, self.root, &part).is_some_and(|path| below(&path)) {
            return true;
        }
        match part.kind().as_ref() {
            "identifier" => self.names.contains(text.as_ref()),
            "template_string" | "string" => {
                let inner = text.trim_matches(['`', '"', '\'']).trim_start_matches("./");
                let named = |hole: &str| self.names.iter().any(|name| hole == format!("${{{name}}}"));
                self.local.iter().any(|folder| inner.starts_with(&format!("{folder}/"))) || inner.split('/').next().is_some_and(named)
            }
            "binary_expression" => part.field("left").is_some_and(|left| self.is_meant(&left)),
            "call_expression" => {
                let joins = part.field("function").is_some_and(|function| folder::is_join(&function.text()));
                let given = arguments(&part);
                // `path.join(UPLOADS, name)`, `path.join(__dirname, "../uploads", name)`
                let up_to = |count: usize| {
                    let first = given.first()?;
                    let start = folder::base(self.script, self.root, first)?;
                    let rest: Option<Vec<String>> = given.get(1..count)?.iter().map(text_of).collect();
                    folder::normal(&format!("{start}/{}", rest?.join("/")))
                };
                joins
                    && (given.first().is_some_and(|first| self.is_meant(first))
                        || (2..=given.len()).any(|count| up_to(count).is_some_and(|path| below(&path))))
            }
            _ => false,
        }
    }
}
