//! What has been done, in the target itself: schema `migrate_wizard`, table `chunk`, one row for each chunk and pass.
//! A row is only ever written in the transaction that wrote the chunk's rows, or that found them equal.

use crate::data::chunk::Range;
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::quote::literal;

/// The pass that is being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    pub pass: i32,
    /// An earlier run began this pass and did not end it.
    pub resumed: bool,
    /// The ledger was there before this run: the rows on the target are ours.
    pub existed: bool,
}

/// Whether there is a ledger.
pub async fn exists(target: &Session) -> Result<bool> {
    let sql = "select count(*) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = 'migrate_wizard' and c.relname = 'chunk'";
    Ok(target.value::<i64>(sql, &[]).await? > 0)
}

impl Ledger {
    /// Creates the ledger when it is not there, and finds the pass: the unfinished one, or the next.
    pub async fn open(target: &Session) -> Result<Self> {
        let existed = exists(target).await?;
        if !existed {
            // One by one: DSQL takes a single definition for each transaction.
            target.batch("create schema if not exists migrate_wizard").await?;
            target
                .batch(
                    "create table if not exists migrate_wizard.chunk (pass integer, \"table\" text, chunk integer, lo text, hi text, \
                     rows bigint, fingerprint text, at timestamptz default now(), primary key (pass, \"table\", chunk))",
                )
                .await?;
        }
        let last = target
            .query_opt(
                "select pass, count(*) filter (where chunk < 0) from migrate_wizard.chunk group by pass order by pass desc limit 1",
                &[],
            )
            .await?;
        let (pass, resumed) = match last {
            None => (1, false),
            Some(row) if row.get::<_, i64>(1) == 0 => (row.get(0), true),
            Some(row) => (row.get::<_, i32>(0) + 1, false),
        };
        Ok(Self { pass, resumed, existed })
    }

    /// The statement that records a chunk; to be run in the chunk's own transaction.
    pub fn record(&self, table: &str, range: &Range, rows: u64, fingerprint: &str) -> String {
        format!(
            "insert into migrate_wizard.chunk (pass, \"table\", chunk, lo, hi, rows, fingerprint) values ({}, {}, {}, {}, {}, {rows}, {}) \
             on conflict (pass, \"table\", chunk) do update set lo = excluded.lo, hi = excluded.hi, rows = excluded.rows, fingerprint = excluded.fingerprint, at = now()",
            self.pass,
            literal(table),
            range.chunk,
            literal(&Range::bound(range.lo.as_ref())),
            literal(&Range::bound(range.hi.as_ref())),
            literal(fingerprint)
        )
    }

    /// Marks the pass as ended.
    pub async fn close(&self, target: &Session) -> Result<()> {
        let end = Range { chunk: -1, lo: None, hi: None };
        target.batch(&self.record("", &end, 0, "")).await
    }
}

/// The tables that were written to, as `schema.table`.
pub async fn tables(target: &Session) -> Result<Vec<String>> {
    let rows = target.query("select distinct \"table\" from migrate_wizard.chunk where chunk >= 0 order by 1", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
