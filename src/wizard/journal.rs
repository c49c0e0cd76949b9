//! The journal: append-only JSON Lines, synced before every touch of the world; the only durable state of a run.
//! Never holds a secret, so that it can be mailed.

mod entry;

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::entry::{Entry, FORMAT, Record, Source};
use self::entry::{body, sum};
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;

/// Who holds a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    pub pid: u32,
    pub host: String,
    pub since: String,
}

/// An open journal: locked by the operating system, so that a crash cannot leave it stuck.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    _lock: File,
    next: u64,
    length: u64,
}

impl Journal {
    /// Makes the folder and an empty journal. An existing one is an error.
    pub fn create(dir: &Path) -> Result<Self> {
        let read_only = "choose a folder that can be written to with --dir, or mend its permissions";
        own_folder::make(dir).or_fail(Kind::Input, format!("cannot make the run's folder {}", dir.display()), read_only)?;
        let lock = lock(dir)?;
        let path = dir.join("journal.jsonl");
        let file = OpenOptions::new().create_new(true).read(true).append(true).open(&path).or_fail(
            Kind::Input,
            format!("cannot make the journal {}", path.display()),
            read_only,
        )?;
        if let Ok(parent) = File::open(dir) {
            parent.sync_all().or_fail(Kind::Input, format!("cannot sync {}", dir.display()), read_only)?;
        }
        Ok(Self { path, file, _lock: lock, next: 1, length: 0 })
    }

    /// Opens an existing journal for going on: a torn last line is cut, damage elsewhere is refused.
    pub fn open(dir: &Path) -> Result<(Self, Vec<Record>)> {
        let lock = lock(dir)?;
        let path = dir.join("journal.jsonl");
        let mut file = OpenOptions::new().read(true).append(true).open(&path).or_fail(
            Kind::Input,
            format!("cannot open the journal {}", path.display()),
            "check the path and its permissions",
        )?;
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut text)).or_fail(
            Kind::Input,
            format!("cannot read the journal {}", path.display()),
            "check the disk",
        )?;
        let (records, good) = parse(&path, &text)?;
        if good < text.len() {
            file.set_len(good as u64).and_then(|()| file.sync_all()).or_fail(
                Kind::Input,
                format!("cannot cut the torn last line of {}", path.display()),
                "check that the disk is not full or read-only",
            )?;
        }
        let next = records.len() as u64 + 1;
        Ok((Self { path, file, _lock: lock, next, length: good as u64 }, records))
    }

    /// Appends and syncs. When this fails nothing of the entry stays, and the run stops.
    pub fn append(&mut self, at: String, what: Entry) -> Result<Record> {
        let record = Record::seal(self.next, at, what)?;
        let mut line = serde_json::to_vec(&record).map_err(|e| Error::bug(format!("a journal entry cannot be written: {e}")))?;
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            // What was half written is taken back now or, should that fail too, cut at the next opening.
            let _cut_at_next_opening = self.file.set_len(self.length);
            return Err(Error::new(Kind::Failed, format!("cannot write the journal {}", self.path.display()))
                .because(&error)
                .hint("nothing was touched after the last written entry: free some disk space, then run the same command again"));
        }
        self.next += 1;
        self.length += line.len() as u64;
        Ok(record)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads a journal without locking it, for `status`, `log` and `report`.
pub fn read(dir: &Path) -> Result<Vec<Record>> {
    let path = dir.join("journal.jsonl");
    let text = std::fs::read(&path).or_fail(
        Kind::Input,
        format!("cannot read the journal {}", path.display()),
        "run `migrate-wizard` here first",
    )?;
    Ok(parse(&path, &text)?.0)
}

/// Is a live process holding the run? `None` when not.
pub fn held(dir: &Path) -> Option<Owner> {
    let file = OpenOptions::new().read(true).write(true).open(dir.join("lock")).ok()?;
    match file.try_lock() {
        Ok(()) => None,
        Err(_) => Some(owner(dir).unwrap_or(Owner { pid: 0, host: "unknown".into(), since: "unknown".into() })),
    }
}

fn owner(dir: &Path) -> Option<Owner> {
    std::fs::read_to_string(dir.join("owner.json")).ok().and_then(|text| serde_json::from_str(&text).ok())
}

fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).or_fail(
        Kind::Input,
        format!("cannot open the lock {}", path.display()),
        "choose a folder that can be written to with --dir, or mend its permissions",
    )?;
    if file.try_lock().is_err() {
        let held_by = owner(dir).map_or_else(
            || "another process".into(),
            |o| {
                let age = o
                    .since
                    .parse::<jiff::Timestamp>()
                    .map(|t| crate::text::duration(jiff::Timestamp::now().duration_since(t).unsigned_abs()))
                    .unwrap_or_default();
                format!("process {} on {} (for {age}, since {})", o.pid, o.host, o.since)
            },
        );
        return Err(Error::new(Kind::Conflict, format!("this run is already open in {held_by}"))
            .hint("go on in that terminal, or end that process: the lock goes with it and the run can be resumed here"));
    }
    let me = Owner { pid: std::process::id(), host: host(), since: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string() };
    let text = serde_json::to_string(&me).map_err(|e| Error::bug(format!("the lock's owner cannot be written: {e}")))?;
    std::fs::write(dir.join("owner.json"), text).or_fail(
        Kind::Input,
        format!("cannot write {}", dir.join("owner.json").display()),
        "check that the disk is not full or read-only",
    )?;
    Ok(file)
}

fn host() -> String {
    std::fs::read_to_string("/etc/hostname").map(|s| s.trim().to_owned()).unwrap_or_else(|_| "this machine".into())
}

fn newer(path: &Path, line: u64, format: u64) -> Error {
    Error::new(Kind::Input, format!("{}:{line}: this journal has format {format}; this program knows up to {FORMAT}", path.display()))
        .hint("it was written by a newer migrate-wizard: update the program and run it again")
}

/// Records and the number of good bytes.
fn parse(path: &Path, text: &[u8]) -> Result<(Vec<Record>, usize)> {
    let good = text.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let mut records: Vec<Record> = Vec::new();
    let whole = text.get(..good).unwrap_or_default();
    for (i, line) in whole.split(|b| *b == b'\n').enumerate() {
        if line.is_empty() && i == records.len() {
            continue;
        }
        let n = i as u64 + 1;
        let damaged = |why: &str| {
            Error::new(Kind::Input, format!("{}:{n}: the journal is damaged: {why}", path.display())).hint(format!(
                "restore the file from a backup, or move {} away and begin a new run; the lines before it are good",
                path.parent().unwrap_or(path).display()
            ))
        };
        let record = match serde_json::from_slice::<Record>(line) {
            // Only the opening entry has a format.
            Ok(Record { what: Entry::Opened { format, .. }, .. }) if format > FORMAT => return Err(newer(path, n, u64::from(format))),
            Ok(record) => record,
            Err(error) => {
                // A newer format may have entries that we cannot read: then that is what is said.
                let value: Value = serde_json::from_slice(line).map_err(|e| damaged(&format!("not a line of JSON ({e})")))?;
                return Err(match value.pointer("/what/format").and_then(Value::as_u64) {
                    Some(format) if format > u64::from(FORMAT) => newer(path, n, format),
                    Some(_) | None => damaged(&format!("not an entry ({error})")),
                });
            }
        };
        if record.n != n {
            return Err(damaged(&format!("it says it is entry {}, a line is missing or doubled", record.n)));
        }
        if body(line).is_none_or(|body| sum(record.n, &record.at, body) != record.sum) {
            return Err(damaged("its check sum does not fit its text"));
        }
        records.push(record);
    }
    Ok((records, good))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wizard::view::Mode;

    fn opened() -> Entry {
        Entry::Opened {
            format: FORMAT,
            run: "r".into(),
            journey: "tour".into(),
            mode: Mode::Live,
            sandbox: false,
            tool: "0".into(),
            facts: BTreeMap::new(),
        }
    }

    fn three(dir: &Path) -> Journal {
        let mut journal = Journal::create(dir).unwrap();
        journal.append("t".into(), opened()).unwrap();
        journal.append("t".into(), Entry::Answered { step: "q".into(), value: Value::from("é\n"), source: Source::Asked }).unwrap();
        journal.append("t".into(), Entry::Finished {}).unwrap();
        journal
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        drop(three(dir.path()));
        let (mut journal, records) = Journal::open(dir.path()).unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(journal.append("t".into(), Entry::RolledBack {}).unwrap().n, 4);
    }

    #[test]
    fn numbers_with_many_digits_are_no_damage() {
        let dir = tempfile::tempdir().unwrap();
        let seconds: BTreeMap<String, Value> = (1..2000).map(|i| (i.to_string(), Value::from(f64::from(i).sqrt().sin().exp()))).collect();
        let mut journal = three(dir.path());
        journal.append("t".into(), Entry::Done { step: "rows".into(), outputs: seconds, took_ms: 1, simulated: false }).unwrap();
        drop(journal);
        assert_eq!(Journal::open(dir.path()).unwrap().1.len(), 4);
    }

    #[test]
    fn a_torn_last_line_is_cut_at_every_byte() {
        let dir = tempfile::tempdir().unwrap();
        drop(three(dir.path()));
        let path = dir.path().join("journal.jsonl");
        let whole = std::fs::read(&path).unwrap();
        let second = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(1).unwrap().0 + 1;
        for cut in second..whole.len() - 1 {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (_journal, records) = Journal::open(dir.path()).unwrap();
            assert_eq!(records.len(), 2, "cut at {cut}");
            assert_eq!(std::fs::metadata(&path).unwrap().len(), second as u64);
        }
    }

    #[test]
    fn damage_elsewhere_is_refused_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        drop(three(dir.path()));
        let path = dir.path().join("journal.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        for (from, to, says) in [
            ("\"q\"", "\"p\"", ":2: the journal is damaged: its check sum"),
            ("\"n\":2", "\"n\":3", ":2: the journal is damaged: it says"),
            ("{\"n\":2", "n\":2", ":2: the journal is damaged: not a line"),
            ("\"format\":1", "\"format\":9", ":1: this journal has format 9"),
        ] {
            std::fs::write(&path, whole.replace(from, to)).unwrap();
            let error = Journal::open(dir.path()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn two_at_once_are_refused_and_a_dead_owner_is_no_hindrance() {
        let dir = tempfile::tempdir().unwrap();
        let first = three(dir.path());
        let error = Journal::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(held(dir.path()).is_some());
        drop(first);
        assert!(held(dir.path()).is_none());
        assert!(Journal::open(dir.path()).is_ok());
    }
}
