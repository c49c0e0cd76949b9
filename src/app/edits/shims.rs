//! Replit's object storage and key-value store are stood in for by drop-ins: whole files, or packages of the same name.
//! What a drop-in does is its own (`assets/shims`); here it is only put where the app finds it.

use include_dir::{Dir, include_dir};

use super::super::orm::imports::Imports;
use super::super::orm::script::Script;
use super::super::scan::DROP_INS;
use super::sql::Dialect;
use super::work::{Work, folder, line_of};
use super::{carry, drop_in, package, pyproject};

static SHIMS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/shims");
/// Calls of OpenAI's client that the drop-in refuses (assets/shims/node/bedrock-openai/README.md).
const UNCOVERED: [&str; 6] =
    [".responses.create", ".embeddings.create", ".images.edit", ".moderations.create", ".beta.assistants", ".audio.translations.create"];
/// Packages of Replit's for Python: the drop-in is both.
const REPLITS: [&str; 2] = ["replit", "replit-object-storage"];
const SIDECAR: &str = "127.0.0.1:1106";
/// Where the files on S3 lie that a person brings the app's own methods into.
pub const BESIDE: &str = ".migrate/s3/";
const STORAGE_WHY: &str = "Replit's object storage is reached only from a repl: the same methods, on S3";
const MODELS_WHY: &str = "chat, speech, transcription and images are answered on AWS by the same calls, without a key";
const STORE_WHY: &str = "Replit's key-value store is reached only from a repl: the same methods, on the app's own Postgres";

pub fn object_storage(work: &mut Work) {
    for path in work.paths(|path, text| Script::read(path, "").is_some() && text.contains(SIDECAR)) {
        let ours = path.rsplit('/').next() == Some("objectStorage.ts");
        let acl = format!("{}objectAcl.ts", folder(&path));
        let (Some(file), Some(acl_file), true) = (text_of("objectStorage.ts"), text_of("objectAcl.ts"), ours) else {
            let text = work.text(&path).unwrap_or_default();
            let line = line_of(text, text.find(SIDECAR).unwrap_or_default());
            let what = "reach the objects by S3 here; server/objectStorage.ts of Replit's template is the file that can be replaced whole";
            work.item(&path, Some(line), what, STORAGE_WHY);
            continue;
        };
        // Neither file without the other.
        if work.text(&acl).is_none() {
            work.item(&path, None, "replace this file and its rules of access (objectAcl.ts), which is not beside it", STORAGE_WHY);
            continue;
        }
        let carried = carried(work, &path, file);
        let file = carried.as_deref().unwrap_or(file);
        if keeps_own(work, &[(&path, file), (&acl, acl_file)]) {
            continue;
        }
        let done = work.put(&path, file, STORAGE_WHY) & work.put(&acl, acl_file, STORAGE_WHY);
        if !done {
            continue;
        }
        if let Some(manifest) = package::of(work, &path) {
            for wanted in packages(&[file, acl_file]) {
                package::add(work, &manifest, false, &wanted, STORAGE_WHY);
            }
            let unused: Vec<&str> = ["@google-cloud/storage"].into_iter().filter(|name| !package::is_used(work, name)).collect();
            package::remove(work, &manifest, &unused, "no file uses it any more");
        }
        work.item(
            &path,
            None,
            "copy the objects, and set PRIVATE_OBJECT_DIR and PUBLIC_OBJECT_SEARCH_PATHS to /BUCKET/…",
            "the app looks for its objects in the S3 bucket now",
        );
    }
    node(work, "@replit/object-storage", "object-storage", STORAGE_WHY);
    python(work, &["replit-object-storage"], |text| text.contains("replit.object_storage"), STORAGE_WHY);
}

/// The drop-in with what the app wrote into the template's class, where that uses nothing but what the drop-in has.
fn carried(work: &Work, path: &str, ours: &str) -> Option<String> {
    let own = work.text(path)?;
    let lost: Vec<String> = drop_in::lost(path, own, ours).into_iter().map(|(name, _)| name).collect();
    carry::over(path, own, ours, &lost)
}

/// The app wrote more into these files than the template has: they stay, and ours are beside them to take over by hand.
fn keeps_own(work: &mut Work, files: &[(&str, &str)]) -> bool {
    let lost = |(path, ours): &(&str, &str)| drop_in::lost(path, work.text(path).unwrap_or_default(), ours);
    let all: Vec<(String, Vec<(String, usize)>)> = files.iter().map(|file| (file.0.to_owned(), lost(file))).collect();
    let Some((path, first)) = all.iter().find_map(|(path, lost)| Some((path, lost.first()?.1))) else { return false };
    let own: Vec<String> =
        all.iter().flat_map(|(path, lost)| lost.iter().map(move |(name, line)| format!("{name} ({path}:{line})"))).collect();
    work.entitle("The files on S3 lie beside the app's own object storage, which stays");
    for (path, ours) in files {
        work.put(&format!("{BESIDE}{}", path.rsplit('/').next().unwrap_or(path)), *ours, STORAGE_WHY);
    }
    let what = format!(
        "bring these over into the files on S3 in {BESIDE}, put those in the place of this one and its objectAcl.ts, and ask for @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner: {}",
        own.join(", ")
    );
    work.item(
        path,
        Some(first),
        &what,
        "they are the app's own, not the template's: a file that is replaced whole would lose them, so it stays",
    );
    true
}

pub fn key_value(work: &mut Work) {
    let older = older(work);
    node(work, "@replit/database", "database", STORE_WHY);
    if !older.is_empty() {
        as_version_2(work, &older);
    }
    python(work, &["replit"], |text| text.contains("from replit import") || text.contains("replit.database"), STORE_WHY);
    for path in work.paths(|path, text| is_code(path) && (text.contains("REPLIT_DB_URL") || text.contains("kv.replit.com"))) {
        let text = work.text(&path).unwrap_or_default();
        let at = text.find("REPLIT_DB_URL").or_else(|| text.find("kv.replit.com")).unwrap_or_default();
        work.item(&path, Some(line_of(text, at)), "read and write a table of the app's Postgres here", STORE_WHY);
    }
    for (path, line, _) in users_of_store(work).into_iter().take(1) {
        let what = "bring the data over: node kv.mjs in the Replit Shell (migrate-wizard app export writes it), then load kv.jsonl into the table kv (docs/inside-replit.md has the statements)";
        work.item(&path, Some(line), what, "the drop-in begins with an empty table; what the app has kept until now is in Replit's store");
    }
    if work.dialect() == Dialect::Dsql {
        store_on_dsql(work);
    }
}

/// Code that uses the key-value store by its package: path, line, whether it is Python.
fn users_of_store(work: &Work) -> Vec<(String, usize, bool)> {
    let word = |path: &str, text: &str| {
        if path.ends_with(".py") {
            ["from replit import db", "replit.database"].into_iter().find(|word| text.contains(word))
        } else {
            Some("@replit/database").filter(|word| Script::read(path, "").is_some() && text.contains(word))
        }
    };
    work.own()
        .filter_map(|(path, text)| Some((path.to_owned(), line_of(text, text.find(word(path, text)?)?), path.ends_with(".py"))))
        .collect()
}

/// The drop-in signs in by a URL with a password: Aurora DSQL has neither.
fn store_on_dsql(work: &mut Work) {
    const WHY: &str =
        "the drop-in connects by KV_DATABASE_URL or DATABASE_URL, and Aurora DSQL has no password: without this it answers \"no database\"";
    for (path, line, python) in users_of_store(work) {
        let (file, how) = if python {
            ("python/replit/database/database.py", "boto3's generate_db_connect_admin_auth_token as the password")
        } else {
            ("database/index.js", "password: () => new DsqlSigner({ hostname: process.env.PGHOST }).getDbConnectAdminAuthToken()")
        };
        let what = format!(
            "key-value on Aurora DSQL: let {DROP_INS}/{file} sign in with a token ({how}) and make its table kv by a migration; or keep it on a PostgreSQL of its own, named by KV_DATABASE_URL"
        );
        work.item(&path, Some(line), &what, WHY);
    }
}

/// What asks for version 1 or 2 of Replit's package, whose methods give plain values; with whether all that ask for it do.
fn older(work: &Work) -> Vec<(String, bool)> {
    let asking = work.paths(|path, text| path.ends_with("package.json") && text.contains("\"@replit/database\""));
    let asked = asking.into_iter().filter_map(|path| Some((package::version(work, &path, "@replit/database")?, path)));
    let new: Vec<(String, String)> = asked.filter(|(version, _)| !version.starts_with("file:")).collect();
    let major = |version: &str| -> Option<u32> {
        let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let is_old = |version: &str| major(version).is_some_and(|major| major < 3);
    let all = new.iter().all(|(version, _)| is_old(version));
    new.into_iter().filter(|(version, _)| is_old(version)).map(|(_, path)| (path, all)).collect()
}

/// The drop-in answers as version 2 did, where that is what the app was written for.
fn as_version_2(work: &mut Work, older: &[(String, bool)]) {
    const READ: &str = "process.env.REPLIT_DATABASE_API === \"2\"";
    const WHY: &str = "the package.json asked for version 2, whose methods give plain values and throw; version 3 gives { ok, value }";
    let path = format!("{DROP_INS}/database/index.js");
    let Some(text) = work.text(&path).map(str::to_owned) else { return };
    for (manifest, _) in older.iter().filter(|(_, all)| !all) {
        let what = "set REPLIT_DATABASE_API=2 on this package's service: others of the workspace use version 3 of @replit/database";
        work.item(manifest, None, what, WHY);
    }
    if older.iter().all(|(_, all)| *all) {
        work.put(&path, text.replace(READ, "(process.env.REPLIT_DATABASE_API ?? \"2\") === \"2\""), WHY);
        if older.iter().any(|(manifest, _)| package::is_typed(work, manifest)) {
            let what = "the types of this drop-in are those of version 3: give the values that the app reads types of their own";
            work.item(&format!("{DROP_INS}/database/index.d.ts"), None, what, WHY);
        }
    }
}

/// Where Bedrock was decided for.
pub fn bedrock(work: &mut Work) {
    node(work, "openai", "bedrock-openai", MODELS_WHY);
    for script in work.server(|_, text| text.contains("openai")) {
        let uncovered = script.root().dfs().filter(|part| part.kind() == "member_expression").find(|part| {
            let text = part.text();
            UNCOVERED.iter().any(|call| text.ends_with(call))
        });
        if let Some(call) = uncovered {
            let what = format!("{} has no drop-in: call Bedrock here, or keep OpenAI with a key", call.text());
            work.item(&script.path, Some(line_of(&script.text, call.range().start)), &what, MODELS_WHY);
        }
    }
    for path in work.paths(|path, text| path.ends_with(".py") && (text.contains("from openai import") || text.contains("import openai"))) {
        let text = work.text(&path).unwrap_or_default();
        let line = line_of(text, text.find("openai").unwrap_or_default());
        work.item(&path, Some(line), "call Bedrock by boto3 here, or keep OpenAI with a key: the drop-in is for Node", MODELS_WHY);
    }
}

fn is_code(path: &str) -> bool {
    path.ends_with(".py") || Script::read(path, "").is_some()
}

fn text_of(name: &str) -> Option<&'static str> {
    SHIMS.get_file(name)?.contents_utf8()
}

/// Copies a drop-in below `.migrate/shims`; says whether all of it is there.
fn copy(work: &mut Work, from: &str, to: &str, why: &str) -> bool {
    let Some(dir) = SHIMS.get_dir(from) else { return false };
    let mut open = vec![dir];
    let mut done = true;
    while let Some(dir) = open.pop() {
        // what an interpreter may have left there is none of it
        open.extend(dir.dirs().filter(|dir| !dir.path().ends_with("__pycache__")));
        for file in dir.files() {
            let (Ok(below), Some(text)) = (file.path().strip_prefix(from), file.contents_utf8()) else { return false };
            done &= work.put(&format!("{to}/{}", below.display()), text, why);
        }
    }
    done
}

fn node(work: &mut Work, package: &str, name: &str, why: &str) {
    for manifest in work.paths(|path, text| path.ends_with("package.json") && text.contains(&format!("\"{package}\""))) {
        // One place for all packages of a workspace: the image copies it before it installs.
        let to = format!("{DROP_INS}/{name}");
        let up = "../".repeat(folder(&manifest).matches('/').count());
        if package::version(work, &manifest, package).is_none_or(|version| version.starts_with("file:")) {
            continue;
        }
        if !copy(work, &format!("node/{name}"), &to, why) {
            work.item(&manifest, None, &format!("put something else in the place of {package}"), why);
            continue;
        }
        package::set(work, &manifest, false, package, &format!("file:{}{to}", if up.is_empty() { "./" } else { &up }), why);
    }
}

/// A line of `requirements.txt` that names one of the packages becomes the folder of the drop-in.
fn python(work: &mut Work, packages: &[&str], used: impl Fn(&str) -> bool, why: &str) {
    let places: Vec<String> = work.paths(|path, text| path.ends_with(".py") && used(text));
    let Some(first) = places.first().cloned() else { return };
    const TO: &str = ".migrate/shims/python";
    let Some(folder) = SHIMS.get_dir("python").and_then(project).map(|below| format!("./{TO}{below}")) else {
        work.item(&first, None, "put something else in the place of Replit's package", why);
        return;
    };
    let requirements = work.text("requirements.txt").map(str::to_owned);
    let Some(text) = requirements else {
        let from = folder.trim_start_matches("./");
        let manifest = work.text("pyproject.toml").unwrap_or_default().to_owned();
        if pyproject::is_placed(&manifest, from) || !copy(work, "python", TO, why) {
            return;
        }
        match pyproject::with_drop_in(&manifest, &REPLITS, from) {
            Some(after) => {
                if work.put("pyproject.toml", after, why)
                    && let Some(command) = work.lock().python()
                {
                    work.command(command);
                }
            }
            None => {
                let tell = "ask for the drop-in instead of Replit's package (uv: tool.uv.sources, pip: the folder itself): ";
                work.item("pyproject.toml", None, &format!("{tell}{folder}"), why);
            }
        }
        return;
    };
    if text.lines().any(|line| line.trim() == folder) {
        return;
    }
    if !copy(work, "python", TO, why) {
        return;
    }
    let name = |line: &str| line.split(['=', '<', '>', '~', '!', '[', ';', ' ']).next().unwrap_or_default().trim().to_lowercase();
    let mut placed = false;
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if packages.contains(&name(line).as_str()) {
            if !placed {
                lines.push(folder.clone());
            }
            placed = true;
        } else {
            lines.push(line.to_owned());
        }
    }
    if !placed {
        lines.push(folder);
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    work.put("requirements.txt", lines.join(newline) + newline, why);
}

/// The folder with a pyproject.toml, from `python`: empty, or `/name`.
fn project(dir: &Dir<'static>) -> Option<String> {
    if dir.files().any(|file| file.path().ends_with("pyproject.toml")) {
        let below = dir.path().strip_prefix("python").ok()?.display().to_string();
        return Some(if below.is_empty() { below } else { format!("/{below}") });
    }
    dir.dirs().find_map(project)
}

/// Packages that scripts import, without Node's own.
fn packages(texts: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in texts {
        let Some(script) = Script::read("shim.ts", text) else { continue };
        let imports = Imports::of(&script);
        for module in imports.all.iter().filter(|import| !import.types).map(|import| import.module.as_str()) {
            let parts: Vec<&str> = module.split('/').collect();
            let name = match parts.as_slice() {
                [scope, name, ..] if scope.starts_with('@') => format!("{scope}/{name}"),
                [name, ..] => (*name).to_owned(),
                [] => continue,
            };
            let own = name.starts_with('.')
                || name.starts_with("node:")
                || ["crypto", "stream", "fs", "path", "buffer", "express"].contains(&name.as_str());
            if !own && !out.contains(&name) {
                out.push(name);
            }
        }
    }
    out
}
