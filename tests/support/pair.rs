//! Two databases with the same objects, and the mover between them; equality as pg_dump sees it, which shares no code with the mover.

use std::collections::BTreeMap;

use migrate_wizard::data::{self, CopyReport, Options, VerifyReport};
use migrate_wizard::error::Error;
use migrate_wizard::postgres::Connector;
use migrate_wizard::progress::Reporter;

use super::postgres::{Server, block, client, database_on, printed, sql};
use super::wizard::{Done, Wizard};

pub struct Pair {
    pub from: Connector,
    pub to: Connector,
}

impl Pair {
    /// Two databases on servers of these versions, with the same objects.
    pub fn on(from: Server, to: Server, name: &str, objects: &str) -> Self {
        let pair = Self { from: database_on(from, name), to: database_on(to, name) };
        for side in [&pair.from, &pair.to] {
            if !objects.is_empty() {
                sql(side, objects);
            }
        }
        pair
    }

    pub fn new(name: &str, objects: &str) -> Self {
        Self::on(Server::Own, Server::Own, name, objects)
    }

    /// The way back.
    pub fn exchanged(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone() }
    }

    pub fn try_copy(&self, options: &Options) -> Result<CopyReport, Error> {
        block(data::copy(&self.from, &self.to, options, &Reporter::silent()))
    }

    #[track_caller]
    pub fn copy(&self, options: &Options) -> CopyReport {
        self.try_copy(options).unwrap()
    }

    #[track_caller]
    pub fn verify(&self, options: &Options) -> VerifyReport {
        block(data::verify(&self.from, &self.to, options, &Reporter::silent())).unwrap()
    }

    #[track_caller]
    pub fn must_be_equal(&self) {
        block(data::set_sequences(&self.from, &self.to, 0)).unwrap();
        // One at a time: a connection costs more than the comparison here.
        let report = self.verify(&Options { jobs: 1, ..Options::default() });
        assert!(report.equal, "{report:#?}");
    }

    /// The same, and pg_dump agrees.
    #[track_caller]
    pub fn must_be_dumped_alike(&self, what: &str) {
        self.must_be_equal();
        let (ours, theirs) = (dumped(&self.from), dumped(&self.to));
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{what}");
        for (table, lines) in &ours {
            let other = &theirs[table];
            if lines != other {
                let only = |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).take(5).cloned().collect::<Vec<_>>();
                panic!("{what}: {table}: only here {:#?}, only there {:#?}", only(lines, other), only(other, lines));
            }
        }
    }

    /// The binary, with the two databases in its environment.
    pub fn wizard(&self) -> Wizard {
        Wizard::empty().env("SOURCE_DATABASE_URL", &self.from.secret_url()).env("TARGET_DATABASE_URL", &self.to.secret_url())
    }
}

/// Chunks of a thousand rows, three at a time.
pub fn small() -> Options {
    Options { jobs: 3, chunk_rows: Some(1000), ..Options::default() }
}

/// Chunks that were copied, by table; tables without any are left out.
pub fn copied(report: &CopyReport) -> BTreeMap<String, u64> {
    let all = report.tables.iter().map(|t| (format!("{}.{}", t.schema, t.name), t.chunks_copied));
    all.filter(|(_, chunks)| *chunks > 0).collect()
}

pub fn tables(named: &[(&str, u64)]) -> BTreeMap<String, u64> {
    named.iter().map(|(name, chunks)| ((*name).to_owned(), *chunks)).collect()
}

/// The rows of each table as pg_dump writes them, sorted; the ledger is left out.
pub fn dumped(database: &Connector) -> BTreeMap<String, Vec<String>> {
    let mut command = client(Server::Eighteen, "pg_dump", database);
    command.args(["--data-only", "--exclude-schema=migrate_wizard"]);
    let mut tables = BTreeMap::new();
    let text = printed(command);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("COPY ") {
            let mut rows: Vec<String> = lines.by_ref().take_while(|row| *row != "\\.").map(str::to_owned).collect();
            rows.sort();
            tables.insert(line.to_owned(), rows);
        }
    }
    tables
}

/// The last line of `--json`, which is the report; what comes before are events of their own.
#[track_caller]
pub fn report(done: &Done) -> serde_json::Value {
    let out = done.out();
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line["event"] == "progress" || line["event"] == "log"), "{out}");
    assert_eq!(last["event"], "report", "{out}");
    last.clone()
}
