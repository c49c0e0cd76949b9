//! SQL that edits give a person to run, in the words of the database that was decided for: the one place where these differ.
//! Never runs anything, and never decides which database it is.

use super::super::needs::Decided;

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RDS and Aurora; also while nothing is decided.
    Postgres,
    /// No `do`, indexes built in the background, one statement in a transaction (AWS's user guide of Aurora DSQL, as of 2026-11-20).
    Dsql,
}

impl Dialect {
    pub fn of(decided: &Decided) -> Self {
        if decided.is("database", "dsql") { Self::Dsql } else { Self::Postgres }
    }
}

const ONE_BY_ONE: &str = "-- Aurora DSQL: one statement after the other, each in a transaction of its own, as psql -f sends them. An index\n\
                          -- is built in the background: it is there once sys.jobs says completed.\n";

/// `"name"`, whatever is in it.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The table of sessions as connect-pg-simple wants it. Source: its table.sql, as of 2026-11-28.
pub fn sessions(dialect: Dialect, table: &str) -> String {
    let index = name(&if table == "session" { "IDX_session_expire".to_owned() } else { format!("IDX_{table}_expire") });
    let own = name(table);
    let head = "-- Sessions of people who are signed in. Harmless where the table is there already.\n";
    let create = format!(
        "create table if not exists {own} (\n  \"sid\" varchar not null primary key,\n  \"sess\" json not null,\n  \"expire\" timestamp(6) not null\n);\n"
    );
    match dialect {
        Dialect::Postgres => {
            let text = table.replace('\'', "''");
            format!(
                "{head}{create}do $$ begin\n  if not exists (select from pg_indexes where tablename = '{text}' and indexdef like '%(expire)%') then\n    \
                 create index {index} on {own} (\"expire\");\n  end if;\nend $$;\n"
            )
        }
        Dialect::Dsql => format!("{head}{ONE_BY_ONE}{create}create index async if not exists {index} on {own} (\"expire\");\n"),
    }
}

/// The column for the subject of a person's login. `kind` is its type, `constraint` the name of what keeps it unique.
pub fn subject(dialect: Dialect, table: &str, kind: &str, constraint: &str) -> String {
    let (table, constraint) = (name(table), name(constraint));
    let head = "-- The subject of a person's login at Cognito. The app looks people up by it and keeps their ids.\n";
    match dialect {
        Dialect::Postgres => {
            format!("{head}alter table {table} add column if not exists \"auth_subject\" {kind} constraint {constraint} unique;\n")
        }
        Dialect::Dsql => format!(
            "{head}{ONE_BY_ONE}alter table {table} add column if not exists \"auth_subject\" {kind};\n\
             create unique index async if not exists {constraint} on {table} (\"auth_subject\");\n"
        ),
    }
}
