//! SQL that edits give a person to run, in the words of the database that was decided for: the one place where these differ.
//! Never runs anything, and never decides which database it is.

use regex::Regex;

use super::super::needs::Decided;
use super::work::Work;

/// Where SQL for a person stands, from the app's root.
pub const FOLDER: &str = ".migrate/sql/";

/// What a person does with such a file: no step of ours and no pipeline runs it.
pub const RUN: &str = "run this file on the target database, after its schema and rows were copied there and before the app's first start: \
                       psql \"$DATABASE_URL\" -f, with the target's address; nothing runs it by itself";

/// The column of the login.
pub const SUBJECT: &str = ".migrate/sql/auth_subject.sql";

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

    fn word(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL, as on RDS and Aurora",
            Self::Dsql => "Aurora DSQL",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Postgres => Self::Dsql,
            Self::Dsql => Self::Postgres,
        }
    }

    /// It refuses this line, or makes of it what was not meant.
    fn refuses(self, line: &str) -> bool {
        let line = line.trim().to_lowercase();
        match self {
            Self::Postgres => line.contains("index async"),
            Self::Dsql => {
                let index = line.starts_with("create index ") || line.starts_with("create unique index ");
                line.starts_with("do $") || (line.contains("add column") && line.contains(" unique")) || (index && !line.contains(" async"))
            }
        }
    }
}

const ONE_BY_ONE: &str = "-- Aurora DSQL: one statement after the other, each in a transaction of its own, as psql -f sends them. An index\n\
                          -- is built in the background: it is there once sys.jobs says completed.\n";

/// `"name"`, whatever is in it.
pub fn name(text: &str) -> String {
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

/// What a file of ours is written from.
enum Source {
    Sessions { table: String },
    Subject { table: String, kind: String, constraint: String },
}

impl Source {
    /// Read off the file; `None`: it is none of ours.
    fn of(text: &str) -> Option<Self> {
        let found = |pattern: &str| -> Option<Vec<String>> {
            let found = Regex::new(pattern).ok()?.captures(text)?;
            Some(found.iter().skip(1).map(|group| group.map_or_else(String::new, |group| group.as_str().replace("\"\"", "\""))).collect())
        };
        const NAME: &str = "\"((?:[^\"]|\"\")+)\"";
        let column =
            found(&format!("alter table {NAME} add column if not exists \"auth_subject\" ([^;]+?)(?: constraint {NAME} unique)?;"));
        if let Some([table, kind, constraint]) = column.as_deref() {
            let index =
                || found(&format!("create unique index (?:async )?(?:if not exists )?{NAME}")).and_then(|names| names.first().cloned());
            let constraint = Some(constraint.clone()).filter(|name| !name.is_empty()).or_else(index)?;
            return Some(Self::Subject { table: table.clone(), kind: kind.clone(), constraint });
        }
        let table = found(&format!("create table if not exists {NAME} \\(\\s*\"sid\""))?;
        Some(Self::Sessions { table: table.first()?.clone() })
    }

    fn text(&self, dialect: Dialect) -> String {
        match self {
            Self::Sessions { table } => sessions(dialect, table),
            Self::Subject { table, kind, constraint } => subject(dialect, table, kind, constraint),
        }
    }
}

/// Types that the edits give the column.
const KINDS: [&str; 2] = ["text", "varchar"];

/// SQL of an earlier run follows the database that is decided for now. While nothing is decided it stays: the code does not forget, a
/// command without the decision does. What a person changed is theirs; where the database would refuse it, that is told.
pub fn follow(work: &mut Work) {
    let Some(dialect) = work.decided_dialect() else { return };
    let other = dialect.other();
    let files: Vec<(String, String)> =
        work.files().into_iter().filter(|(path, _)| path.starts_with(FOLDER) && path.ends_with(".sql")).collect();
    for (path, text) in files {
        let Some(source) = Source::of(&text) else { continue };
        let wanted = source.text(dialect);
        let ours = !matches!(&source, Source::Subject { kind, .. } if !KINDS.contains(&kind.as_str()));
        if ours && text == source.text(other) {
            let why = format!("it was written for {}; the database is {}", other.word(), dialect.word());
            if work.put(&path, wanted, &why) {
                work.item(&path, None, RUN, "it was written anew for another database");
            }
            continue;
        }
        let Some((number, line)) = text.lines().enumerate().find(|(_, line)| dialect.refuses(line)) else { continue };
        let missing: Vec<&str> =
            wanted.lines().filter(|line| !line.starts_with("--") && !text.lines().any(|its| its == *line)).map(str::trim).collect();
        let what =
            format!("this file was changed by hand and is for {}: for {} write `{}`", other.word(), dialect.word(), missing.join(" "));
        let why = format!("a file that is yours is not written over; {} does not take `{}`", dialect.word(), line.trim());
        work.item(&path, Some(number + 1), &what, &why);
    }
    if dialect == Dialect::Dsql {
        migrations(work);
    }
}

/// The login's column as a migration of the app's own, made while the database was another one: Aurora DSQL refuses it. It is the app's
/// history, so it stays; its statements one by one go beside, as a fresh app has them.
fn migrations(work: &mut Work) {
    let Ok(ours) = Regex::new(r"(?:^|/)\d+_auth_subject(?:\.sql|/migration\.sql)$") else { return };
    for path in work.paths(|path, _| ours.is_match(path)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        let Some(source) = Source::of(&text) else { continue };
        let Some((number, line)) = text.lines().enumerate().find(|(_, line)| Dialect::Dsql.refuses(line)) else { continue };
        let wanted = source.text(Dialect::Dsql);
        if work.text(SUBJECT).is_none() && work.put(SUBJECT, &wanted, "the login's column for Aurora DSQL, which refuses the migration") {
            work.item(SUBJECT, None, RUN, "the login writes the column that it adds");
        }
        let apart: Vec<&str> = wanted.lines().filter(|line| !line.starts_with("--")).collect();
        let what = format!(
            "take this migration's statements apart for Aurora DSQL, each in a transaction of its own: `{}` ({SUBJECT}); let no pipeline run it there as it is",
            apart.join("` and `")
        );
        let why = format!("Aurora DSQL does not take `{}`: a unique constraint is an index there, built in the background", line.trim());
        work.item(&path, Some(number + 1), &what, &why);
    }
}
