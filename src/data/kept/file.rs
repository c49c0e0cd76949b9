//! The file of kept rows: JSON Lines, the table before its rows, and a last line with their number and a digest of all before it.
//! Knows no database; the values in it are as secret as the database, so only this user may read it.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Context, Error, Kind, Result};
use crate::postgres::private_file;

/// The format that is written and read.
pub const FORMAT: u32 = 1;

/// A file that was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    pub path: PathBuf,
    pub rows: u64,
    /// SHA-256 of all lines but the last, as hex digits.
    pub sha256: String,
}

/// What comes before the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHead {
    /// `public.orders`.
    pub table: String,
    pub schema: String,
    pub name: String,
    pub key: Vec<String>,
    pub columns: Vec<String>,
    /// Why the rows can only be put in by hand; empty where they need not be.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by_hand: String,
}

/// One row, its values in their text form. Without `was` it is new, without `now` it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub key: Vec<String>,
    /// As the other database has it.
    pub was: Option<Vec<Option<String>>>,
    /// As it is kept.
    pub now: Option<Vec<Option<String>>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first one.
    Kept {
        format: u32,
        from: String,
    },
    Table(TableHead),
    Row(Kept),
    End {
        rows: u64,
        sha256: String,
    },
}

/// Writes a file; it has its name only once it is whole.
pub struct Writer {
    path: PathBuf,
    partial: PathBuf,
    out: BufWriter<std::fs::File>,
    digest: Sha256,
    rows: u64,
}

impl Writer {
    /// `from`: which database, without a password.
    pub fn create(path: &Path, from: &str) -> Result<Self> {
        if let Some(folder) = path.parent() {
            private_file::told(folder, std::fs::create_dir_all(folder))?;
        }
        let partial = path.with_extension("partial");
        let out = BufWriter::new(private_file::create(&partial)?);
        let mut writer = Self { path: path.to_owned(), partial, out, digest: Sha256::new(), rows: 0 };
        writer.line(&Line::Kept { format: FORMAT, from: from.to_owned() })?;
        Ok(writer)
    }

    pub fn table(&mut self, head: &TableHead) -> Result<()> {
        self.line(&Line::Table(head.clone()))
    }

    pub fn row(&mut self, row: Kept) -> Result<()> {
        self.rows += 1;
        self.line(&Line::Row(row))
    }

    /// Ends the file; one without a row is not left behind.
    pub fn finish(mut self) -> Result<Option<KeptFile>> {
        if self.rows == 0 {
            private_file::told(&self.partial, std::fs::remove_file(&self.partial))?;
            return Ok(None);
        }
        let sha256 = hex(self.digest.clone());
        let end = Line::End { rows: self.rows, sha256: sha256.clone() };
        self.line(&end)?;
        let done = self.out.flush().and_then(|()| self.out.get_ref().sync_all()).and_then(|()| std::fs::rename(&self.partial, &self.path));
        private_file::told(&self.path, done)?;
        Ok(Some(KeptFile { path: self.path, rows: self.rows, sha256 }))
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_string(line).map_err(|e| Error::bug(format!("a kept row cannot be written: {e}")))?;
        text.push('\n');
        self.digest.update(text.as_bytes());
        private_file::told(&self.partial, self.out.write_all(text.as_bytes()))
    }
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One of the things in a file.
#[derive(Debug)]
pub enum Item {
    Table(TableHead),
    Row(Kept),
}

/// Reads a file, each thing handed to `each` in order. A file that is torn is refused; one whose lines were changed too, unless `edited`.
pub fn read(path: &Path, edited: bool, mut each: impl FnMut(Item) -> Result<()>) -> Result<KeptFile> {
    let file = std::fs::File::open(path).or_fail(Kind::Input, format!("cannot read {}", path.display()), "name the file of kept rows")?;
    let wrong = |n: usize, why: &str| {
        Error::new(Kind::Input, format!("{}, line {n}: {why}", path.display()))
            .hint("take the file as it was written; one that you changed is taken with --edited, as long as its last line is there")
    };
    let (mut digest, mut rows, mut table) = (Sha256::new(), 0, false);
    for (n, line) in (1..).zip(BufReader::new(file).split(b'\n')) {
        let line = line.or_fail(Kind::Input, format!("cannot read {}", path.display()), "check the disk")?;
        let read: Line = serde_json::from_slice(&line).map_err(|e| wrong(n, &format!("it is not a line of kept rows ({e})")))?;
        match read {
            Line::Kept { format, .. } if n == 1 && format == FORMAT => {}
            Line::Kept { format, .. } if n == 1 => return Err(wrong(n, &format!("format {format} is newer than this program"))),
            Line::Kept { .. } => return Err(wrong(n, "a second beginning")),
            _ if n == 1 => return Err(wrong(n, "it does not begin as a file of kept rows")),
            Line::Table(head) => {
                table = true;
                each(Item::Table(head))?;
            }
            Line::Row(_) if !table => return Err(wrong(n, "a row without its table")),
            Line::Row(row) => {
                rows += 1;
                each(Item::Row(row))?;
            }
            Line::End { rows: said, sha256 } => {
                let found = hex(digest);
                if !edited && (said != rows || sha256 != found) {
                    return Err(wrong(n, "the lines before it are not those that were written"));
                }
                return Ok(KeptFile { path: path.to_owned(), rows, sha256: found });
            }
        }
        digest.update(&line);
        digest.update(b"\n");
    }
    Err(wrong(0, "its end is missing: it was not written to the end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &Path) -> KeptFile {
        let mut writer = Writer::create(path, "app on host:5432 as me").unwrap();
        let head = TableHead {
            table: "public.t".into(),
            schema: "public".into(),
            name: "t".into(),
            key: vec!["id".into()],
            columns: vec!["id".into(), "v".into()],
            by_hand: String::new(),
        };
        writer.table(&head).unwrap();
        writer.row(Kept { key: vec!["1".into()], was: None, now: Some(vec![Some("1".into()), None]) }).unwrap();
        writer.row(Kept { key: vec!["2".into()], was: Some(vec![Some("2".into()), Some("x\ny".into())]), now: None }).unwrap();
        writer.finish().unwrap().unwrap()
    }

    #[test]
    fn what_was_written_is_read_and_only_its_owner_may() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept.jsonl");
        let file = written(&path);
        let mut seen = Vec::new();
        let read = read(&path, false, |item| {
            seen.push(format!("{item:?}"));
            Ok(())
        });
        assert_eq!(read.unwrap(), file);
        assert_eq!((file.rows, seen.len()), (2, 3));
        assert!(seen[2].contains("x\\ny"), "{seen:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // none is left of nothing
        let empty = dir.path().join("empty.jsonl");
        assert_eq!(Writer::create(&empty, "x").unwrap().finish().unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_torn_or_changed_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept.jsonl");
        written(&path);
        let whole = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = whole.lines().collect();
        let says = |text: String, edited: bool| {
            std::fs::write(&path, text).unwrap();
            read(&path, edited, |_| Ok(())).err().map(|error| error.what)
        };
        let torn = says(lines[..3].join("\n") + "\n", true).unwrap();
        assert!(torn.contains("its end is missing"), "{torn}");
        let without = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
        assert!(says(without.clone(), false).unwrap().contains("not those that were written"));
        assert_eq!(says(without, true), None, "a person may take rows out");
        assert!(says(lines[1..].join("\n"), true).unwrap().contains("does not begin as a file of kept rows"));
        assert!(says("nonsense\n".into(), true).unwrap().contains("line 1: it is not a line"));
    }
}
