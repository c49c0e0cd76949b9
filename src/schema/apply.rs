//! Running a conversion's statements, one at a time, so that running them again does no harm.
//! Never connects: the caller's closure sends each statement, in a transaction of its own.

use super::statement::{Dialect, Kind, Statement};
use crate::error::{Error, Result};
use crate::postgres::fault::sqlstate;
use crate::progress::{Reporter, Unit};

/// SQLSTATEs that say "this is there": table, object, second primary key, column, schema, function.
const THERE: [&str; 6] = ["42P07", "42710", "42P16", "42701", "42P06", "42723"];
/// The same in words, for states that also mean other things.
const THERE_IN_WORDS: [&str; 4] =
    ["already exists", "is already associated with a constraint", "is already an identity column", "is already a partition"];

/// What a run did, by statement id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Made now.
    pub made: Vec<String>,
    /// Found to be there, by the caller's record or by the server's answer.
    pub there: Vec<String>,
}

/// Runs the statements in order. `done` says of one that it need not run; `entry` is called with false before a statement is sent
/// and with true once it is done, so that whoever keeps a journal knows what became of each; `run` sends one SQL text and, when a
/// DSQL server answers with a job id, waits for the job. Session settings are run every time and are nothing that is made.
///
/// An error that says the object exists counts as done. Any other stops the run and names the statement;
/// running again goes on from there. Safe to drop between statements.
/// `run` takes the text by value so that its future is `Send` whatever it borrows.
pub async fn apply<'a, Run, Running>(
    statements: impl IntoIterator<Item = &'a Statement>,
    dialect: Dialect,
    done: impl Fn(&Statement) -> bool,
    mut entry: impl FnMut(&Statement, bool) -> Result<()>,
    mut run: Run,
    reporter: &Reporter,
) -> Result<Applied>
where
    Run: FnMut(String) -> Running,
    Running: Future<Output = Result<()>>,
{
    let statements: Vec<&Statement> = statements.into_iter().collect();
    let total = u64::try_from(statements.len()).ok();
    let mut applied = Applied::default();
    for (done_so_far, statement) in (0_u64..).zip(statements) {
        reporter.progress(done_so_far, total, Unit::Statements, &statement.id);
        let sql = statement.render(dialect);
        if statement.kind == Kind::Session {
            run(sql.clone()).await.map_err(|error| failed(error, statement, &sql))?;
            continue;
        }
        if done(statement) {
            applied.there.push(statement.id.clone());
            continue;
        }
        entry(statement, false)?;
        match run(sql.clone()).await {
            Ok(()) => applied.made.push(statement.id.clone()),
            Err(error) if is_there(&error) => {
                reporter.log(format!("{} is already there", statement.id));
                applied.there.push(statement.id.clone());
            }
            Err(error) => return Err(failed(error, statement, &sql)),
        }
        entry(statement, true)?;
    }
    reporter.progress(total.unwrap_or_default(), total, Unit::Statements, "done");
    Ok(applied)
}

pub(super) fn is_there(error: &Error) -> bool {
    let line = error.line();
    THERE.iter().chain(&THERE_IN_WORDS).any(|mark| line.contains(mark))
}

pub(super) fn failed(error: Error, statement: &Statement, sql: &str) -> Error {
    let shown: String = sql.chars().take(400).collect();
    let mut out = Error::new(error.kind, format!("cannot apply {}", statement.id)).cause(&error.what);
    out.causes.extend(error.causes.iter().cloned());
    // What a server refuses is about this statement; the usual advice speaks of rows.
    let hint = if error.hint.is_empty() || sqlstate(&error).is_some() {
        "correct what the database names, then run the same command again: it goes on from this statement"
    } else {
        &error.hint
    };
    out.cause(shown).hint(hint)
}
