//! Scripts that run inside Replit, and the check of what they sent: a manifest says names, sizes and digests, and what arrived is held to it.
//! Never runs a script, never reaches the database, the objects or S3.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::database::Engine;
use super::scan::Scan;
use crate::error::{Context, Error, Kind, Result};
use crate::text;

/// What can be brought out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// The database that only the app itself reaches, as parts of a dump.
    Database,
    /// App Storage, object by object.
    Objects,
    /// The key-value store, as lines of JSON.
    Kv,
}

impl What {
    pub const ALL: [Self; 3] = [Self::Database, Self::Objects, Self::Kv];

    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Objects => "objects",
            Self::Kv => "kv",
        }
    }

    /// What is looked for in an app, in words.
    pub fn looked_for(self) -> &'static str {
        match self {
            Self::Database => "PostgreSQL",
            Self::Objects => "App Storage (Object Storage)",
            Self::Kv => "the key-value store",
        }
    }

    /// The app is seen to use it, prepared for AWS or not.
    pub fn is_used(self, scan: &Scan) -> bool {
        let found = |signals: &[&str]| signals.iter().any(|signal| scan.was_found(signal));
        match self {
            Self::Database => scan.uses(Engine::Postgres),
            Self::Objects => scan.bucket.is_some() || found(&["D1", "D2", "D3", "D4"]),
            Self::Kv => scan.uses(Engine::ReplitKeyValue) || found(&["D10"]),
        }
    }

    /// The scripts it takes: file name and text.
    pub fn scripts(self) -> &'static [(&'static str, &'static str)] {
        const S3: (&str, &str) = ("s3.mjs", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inside/s3.mjs")));
        match self {
            Self::Database => &[("database.sh", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inside/database.sh")))],
            Self::Objects => &[("objects.mjs", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inside/objects.mjs"))), S3],
            Self::Kv => &[("kv.mjs", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inside/kv.mjs"))), S3],
        }
    }
}

/// What to do with the scripts, for the person in the Replit Shell.
pub const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/inside/README.md"));

/// Names of the uploads of a dump of at most so many bytes, the manifest last.
pub fn database_names(bytes: u64, part: u64) -> Vec<String> {
    let parts = bytes.div_ceil(part.max(1)).max(1);
    (0..parts).map(|at| format!("database.dump.part-{at:04}")).chain(["database.manifest.jsonl".to_owned()]).collect()
}

/// Names of the uploads of the key-value store.
pub const KV_NAMES: [&str; 2] = ["kv.jsonl", "kv.manifest.jsonl"];

/// One thing that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The ETag that S3 gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Parts of an upload in several; its ETag is no digest of the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Head {
    manifest: String,
    what: What,
    count: u64,
    bytes: u64,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    keys: Option<u64>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    at: Option<String>,
}

#[derive(Debug, Deserialize)]
struct End {
    end: u64,
    sha256: String,
}

/// A manifest whose own digest and counts are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub what: What,
    pub entries: Vec<Entry>,
    pub bytes: u64,
    /// Of the whole dump, when it was sent in parts.
    pub sha256: Option<String>,
    /// Of the key-value store.
    pub keys: Option<u64>,
    /// Where the run that wrote it sent everything; `None`: it stayed in the folder.
    pub to: Option<String>,
    /// When that was.
    pub at: Option<String>,
}

const FORMAT: &str = "migrate-wizard/1";

impl Manifest {
    /// Reads a manifest: a head, a line for each entry, an end with the SHA-256 of all lines before.
    ///
    /// # Errors
    /// [`Kind::Input`] naming file and line: no manifest, another format, cut off, changed, or its counts do not fit.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let wrong = |line: usize, what: &str| {
            Error::new(Kind::Input, format!("{file}:{line}: {what}")).hint("bring the manifest out of Replit again, as a file, unchanged")
        };
        let lines: Vec<&str> = text.lines().collect();
        let [first, middle @ .., last] = lines.as_slice() else {
            return Err(wrong(lines.len().max(1), "this is no manifest, or it is cut off: expected a head, entries and an end"));
        };
        let head: Head = serde_json::from_str(first).map_err(|e| wrong(1, "this is no head of a manifest").because(&e))?;
        if head.manifest != FORMAT {
            return Err(Error::new(Kind::Input, format!("{file}:1: a manifest of the format `{}`", head.manifest))
                .cause(format!("expected: {FORMAT}"))
                .hint("use the version of migrate-wizard that wrote the scripts"));
        }
        let end: End =
            serde_json::from_str(last).map_err(|e| wrong(lines.len(), "the manifest is cut off: its last line is no end").because(&e))?;
        let before = text.trim_end_matches('\n').rfind('\n').map_or("", |at| text.get(..=at).unwrap_or_default());
        if text::digest(before, 32) != end.sha256 {
            return Err(wrong(lines.len(), "the manifest was changed on its way: its SHA-256 is another"));
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(middle.len());
        for (line, text) in middle.iter().enumerate() {
            entries.push(serde_json::from_str(text).map_err(|e| wrong(line + 2, "this is no entry of a manifest").because(&e))?);
        }
        let (count, bytes) = (entries.len() as u64, entries.iter().map(|entry| entry.size).sum::<u64>());
        if (head.count, head.bytes, end.end) != (count, bytes, count) {
            return Err(wrong(1, &format!("the head says {} things of {} bytes, there are {count} of {bytes}", head.count, head.bytes)));
        }
        Ok(Self { what: head.what, entries, bytes, sha256: head.sha256, keys: head.keys, to: head.to, at: head.at })
    }
}

/// What is there of one name, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub size: u64,
    pub md5: Option<String>,
    pub sha256: Option<String>,
    pub etag: Option<String>,
}

/// One difference between manifest and arrival.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    pub name: String,
    pub why: String,
}

/// What the check says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub what: What,
    pub expected: u64,
    pub bytes: u64,
    /// Right in size and by a digest.
    pub proved: u64,
    /// Right in size; no digest of both sides can be compared.
    pub by_size: Vec<String>,
    pub faults: Vec<Fault>,
    /// There, but not in the manifest.
    pub extra: Vec<String>,
}

impl Verdict {
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Holds what arrived to the manifest.
pub fn check(manifest: &Manifest, found: &BTreeMap<String, Found>) -> Verdict {
    let mut verdict = Verdict {
        what: manifest.what,
        expected: manifest.entries.len() as u64,
        bytes: manifest.bytes,
        proved: 0,
        by_size: Vec::new(),
        faults: Vec::new(),
        extra: Vec::new(),
    };
    for entry in &manifest.entries {
        let fault = |why: String| Fault { name: entry.name.clone(), why };
        let Some(there) = found.get(&entry.name) else {
            verdict.faults.push(fault("missing".to_owned()));
            continue;
        };
        if there.size != entry.size {
            verdict.faults.push(fault(format!("{} bytes, expected {}", text::count(there.size), text::count(entry.size))));
            continue;
        }
        match compared(entry, there) {
            Some((_, true)) => verdict.proved += 1,
            Some((digest, false)) => verdict.faults.push(fault(format!("its {digest} is another: the bytes are not those that were sent"))),
            None => verdict.by_size.push(entry.name.clone()),
        }
    }
    let ours = |name: &str| manifest.entries.iter().any(|entry| entry.name == name) || name.ends_with(".manifest.jsonl");
    let extra: Vec<String> = found.keys().filter(|name| !ours(name)).cloned().collect();
    // pieces are put together by their names
    let (pieces, extra): (Vec<String>, Vec<String>) = extra.into_iter().partition(|name| manifest.what == What::Database && is_piece(name));
    let why = "a piece of another run: delete it, or it is taken for one of this dump";
    verdict.faults.extend(pieces.into_iter().map(|name| Fault { name, why: why.to_owned() }));
    verdict.extra = extra;
    verdict
}

fn is_piece(name: &str) -> bool {
    name.starts_with("database.dump.part-")
}

/// The best digest that both sides know, and whether it is the same. An ETag is one only where it looks like an MD5 and the upload had one part.
fn compared(entry: &Entry, there: &Found) -> Option<(&'static str, bool)> {
    let pair = |a: &Option<String>, b: &Option<String>| Some(a.as_ref()?.eq_ignore_ascii_case(b.as_ref()?));
    let plain = |tag: &Option<String>| tag.clone().filter(|tag| tag.len() == 32 && tag.bytes().all(|b| b.is_ascii_hexdigit()));
    if let Some(same) = pair(&entry.sha256, &there.sha256) {
        return Some(("SHA-256", same));
    }
    if let Some(same) = pair(&entry.md5, &there.md5) {
        return Some(("MD5", same));
    }
    // S3 checked the MD5 when it took the object; the same ETag later means the same object.
    if let Some(true) = pair(&entry.etag, &there.etag) {
        return Some(("ETag", true));
    }
    match (entry.parts, pair(&entry.md5, &plain(&there.etag))) {
        (None, Some(same)) => Some(("MD5", same)),
        (_, None) | (Some(_), _) => None,
    }
}

/// Size and SHA-256 of the manifest's files in a folder, and, of a dump in parts, of all of it.
///
/// # Errors
/// [`Kind::Input`] if a file cannot be read.
pub fn files(manifest: &Manifest, folder: &Path) -> Result<(BTreeMap<String, Found>, Option<Fault>)> {
    let mut found = BTreeMap::new();
    let mut whole = Sha256::new();
    for entry in &manifest.entries {
        // A name of the manifest is a name in this folder and nothing else.
        if entry.name.contains(['/', '\\']) || entry.name.starts_with('.') {
            return Err(Error::new(Kind::Input, format!("the manifest names `{}`, which is no plain file name", entry.name))
                .hint("objects are checked where they are: --to s3://BUCKET"));
        }
        let path = folder.join(&entry.name);
        if !path.is_file() {
            continue;
        }
        let what = format!("cannot read {}", path.display());
        let mut file = std::fs::File::open(&path).or_fail(Kind::Input, &what, "check its rights")?;
        let (mut own, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 20]);
        loop {
            let read = file.read(&mut buffer).or_fail(Kind::Input, &what, "check the disk")?;
            let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
            own.update(piece);
            whole.update(piece);
            size += read as u64;
        }
        let lines = manifest.keys.map(|keys| (keys, lines(&path)));
        if let Some((keys, Ok(there))) = lines
            && there != keys
        {
            let why = format!("{} lines, expected {}", text::count(there), text::count(keys));
            return Ok((found, Some(Fault { name: entry.name.clone(), why })));
        }
        found.insert(entry.name.clone(), Found { size, sha256: Some(hex(&own.finalize())), ..Found::default() });
    }
    let all_there = found.len() == manifest.entries.len();
    if manifest.what == What::Database {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_piece(&name) && !found.contains_key(&name) {
                found.insert(name, Found { size: entry.metadata().map_or(0, |m| m.len()), ..Found::default() });
            }
        }
    }
    let fault = manifest
        .sha256
        .as_ref()
        .filter(|sum| all_there && **sum != hex(&whole.finalize()))
        .map(|_| Fault { name: "database.dump".to_owned(), why: "the parts together are not the dump: its SHA-256 is another".to_owned() });
    Ok((found, fault))
}

fn lines(path: &Path) -> std::io::Result<u64> {
    use std::io::BufRead;
    std::io::BufReader::new(std::fs::File::open(path)?).split(b'\n').try_fold(0, |count, line| line.map(|_| count + 1))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _infallible = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(entries: &[&str]) -> String {
        let bytes: u64 = entries.iter().map(|e| serde_json::from_str::<Entry>(e).unwrap().size).sum();
        let mut text = format!(r#"{{"manifest":"migrate-wizard/1","what":"objects","count":{},"bytes":{bytes}}}"#, entries.len());
        text.push('\n');
        for entry in entries {
            text.push_str(entry);
            text.push('\n');
        }
        let sum = text::digest(&text, 32);
        let _ = writeln!(text, r#"{{"end":{},"sha256":"{sum}"}}"#, entries.len());
        text
    }

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn a_manifest_that_is_not_whole_says_where() {
        let good = manifest(&[r#"{"name":"a","size":3}"#, r#"{"name":"b","size":4}"#]);
        assert_eq!(Manifest::parse("m", &good).unwrap().entries.len(), 2);
        let without_end = good.lines().take(3).map(|l| format!("{l}\n")).collect::<String>();
        for (text, says) in [
            (String::new(), "m:1: this is no manifest"),
            (without_end, "m:3: the manifest is cut off"),
            (good.replace(r#""size":4"#, r#""size":5"#), "m:4: the manifest was changed on its way"),
            (good.replace("migrate-wizard/1", "migrate-wizard/9"), "a manifest of the format `migrate-wizard/9`"),
            ("<html>\n<body>\n</html>".to_owned(), "m:1: this is no head of a manifest"),
        ] {
            let error = Manifest::parse("m", &text).unwrap_err();
            assert!(error.to_string().contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn what_arrived_is_held_to_size_digest_and_names() {
        let entry = |name: &str, more: &str| format!(r#"{{"name":"{name}","size":3{more}}}"#);
        let md5 = format!(r#","md5":"{MD5}""#);
        let lines = [
            entry("same", &md5),
            entry("other", &md5),
            entry("short", &md5),
            entry("gone", &md5),
            entry("parts", &format!(r#"{md5},"parts":2"#)),
            entry("kms", &format!(r#"{md5},"etag":"0123""#)),
        ];
        let manifest = Manifest::parse("m", &manifest(&lines.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        let found = |size: u64, etag: &str| Found { size, etag: Some(etag.to_owned()), ..Found::default() };
        let there = BTreeMap::from([
            ("same".to_owned(), found(3, MD5)),
            ("other".to_owned(), found(3, &MD5.replace('9', "8"))),
            ("short".to_owned(), found(2, MD5)),
            ("parts".to_owned(), found(3, "abc-2")),
            ("kms".to_owned(), found(3, "0123")),
            ("more".to_owned(), found(1, "")),
            ("objects.manifest.jsonl".to_owned(), found(9, "")),
        ]);
        let verdict = check(&manifest, &there);
        let faults: Vec<_> = verdict.faults.iter().map(|fault| format!("{}: {}", fault.name, fault.why)).collect();
        assert_eq!(
            faults,
            ["other: its MD5 is another: the bytes are not those that were sent", "short: 2 bytes, expected 3", "gone: missing"]
        );
        assert_eq!((verdict.proved, verdict.by_size, verdict.extra), (2, vec!["parts".to_owned()], vec!["more".to_owned()]));
        assert!(!check(&manifest, &BTreeMap::new()).holds());
    }

    #[test]
    fn a_piece_of_another_dump_is_never_left_among_ours() {
        let folder = tempfile::tempdir().unwrap();
        let part = |at: u32, text: &str| std::fs::write(folder.path().join(format!("database.dump.part-{at:04}")), text).unwrap();
        let one = |name: &str, text: &str| format!(r#"{{"name":"{name}","size":{},"sha256":"{}"}}"#, text.len(), text::digest(text, 32));
        let lines = [one("database.dump.part-0000", "abc"), one("database.dump.part-0001", "d")];
        let text = manifest(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let database = Manifest { what: What::Database, sha256: Some(text::digest("abcd", 32)), ..Manifest::parse("m", &text).unwrap() };
        part(0, "abc");
        part(1, "d");
        let faults = |expected: &[&str]| {
            let (found, whole) = files(&database, folder.path()).unwrap();
            let mut faults = check(&database, &found).faults;
            faults.extend(whole);
            assert_eq!(faults.iter().map(|fault| format!("{}: {}", fault.name, fault.why)).collect::<Vec<_>>(), expected);
        };
        faults(&[]);
        part(2, "of a larger dump");
        faults(&["database.dump.part-0002: a piece of another run: delete it, or it is taken for one of this dump"]);
        // pieces of another run by the same names
        std::fs::remove_file(folder.path().join("database.dump.part-0002")).unwrap();
        part(0, "xyz");
        faults(&[
            "database.dump.part-0000: its SHA-256 is another: the bytes are not those that were sent",
            "database.dump: the parts together are not the dump: its SHA-256 is another",
        ]);
    }

    #[test]
    fn an_app_has_scripts_for_what_it_uses() {
        use super::super::fixture::App;
        let used = |files: &[(&str, &str)]| {
            let scan = App::new(files).scan();
            What::ALL.into_iter().filter(|what| what.is_used(&scan)).map(What::name).collect::<Vec<_>>()
        };
        let plain = ("package.json", r#"{"name":"a","dependencies":{"express":"5"}}"#);
        assert_eq!(used(&[plain, ("index.js", "1\n")]), [] as [&str; 0]);
        assert_eq!(
            used(&[
                plain,
                ("index.js", "new Pool({ connectionString: process.env.DATABASE_URL });\n"),
                ("db.ts", "import pg from \"pg\";\n"),
                ("package.json", r#"{"name":"a","dependencies":{"pg":"8"}}"#)
            ]),
            ["database"]
        );
        assert_eq!(used(&[plain, (".replit", "[objectStorage]\ndefaultBucketID = \"replit-objstore-1\"\n")]), ["objects"]);
        assert_eq!(
            used(&[
                ("package.json", r#"{"name":"a","dependencies":{"@replit/database":"3"}}"#),
                ("index.js", "import Database from \"@replit/database\";\n")
            ]),
            ["kv"]
        );
    }

    #[test]
    fn a_dump_has_as_many_names_as_parts_and_one() {
        assert_eq!(database_names(0, 10).len(), 2);
        assert_eq!(database_names(21, 10)[2..], ["database.dump.part-0002", "database.manifest.jsonl"]);
    }
}
