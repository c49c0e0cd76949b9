//! One statement sent to a server: on DSQL with what its background jobs and its conflicts ask for.
//! Never sends two definitions in one transaction.

use std::time::Duration;

use super::statement::Dialect;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{literal, qualified};

/// A catalogue change elsewhere in the cluster ends ours in a conflict, which the next try normally does not meet (source: `dsql.md`, OC001).
const TRIES: u32 = 10;

/// Sends `sql`. A DSQL job that it starts is waited for; when it was to build a unique index and failed, the invalid index, which would
/// refuse rows all the same, is dropped.
pub async fn send(session: &Session, dialect: Dialect, sql: &str) -> Result<()> {
    if dialect == Dialect::Postgres {
        return session.batch(sql).await;
    }
    let mut pause = Duration::from_millis(50);
    for attempt in 1.. {
        match session.text(sql).await {
            Ok(answer) => {
                let job = answer.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
                return match job {
                    Some(job) => wait_for(session, &job, sql).await,
                    None => Ok(()),
                };
            }
            Err(error) if attempt < TRIES && sqlstate(&error) == Some("40001") => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn wait_for(session: &Session, job: &str, sql: &str) -> Result<()> {
    let waited = session.batch(&format!("call sys.wait_for_job({})", literal(job))).await;
    let status = session.text(&format!("select status from sys.jobs where job_id = {}", literal(job))).await?;
    let failed = status.first().and_then(|row| row.first()).is_some_and(|status| status.as_deref() == Some("failed"));
    if waited.is_ok() && !failed {
        return Ok(());
    }
    if sql.trim_start().get(..19).is_some_and(|head| head.eq_ignore_ascii_case("create unique index")) {
        let dropped = drop_invalid(session).await?;
        if !dropped.is_empty() {
            return Err(Error::new(
                Kind::Conflict,
                format!("the unique index {} does not hold: the rows have duplicates", dropped.join(", ")),
            )
            .cause(format!("job {job} failed; the invalid index was dropped, because it refuses rows all the same"))
            .hint("find the duplicates on the source (text is compared by byte on DSQL), mend them, then run the same command again"));
        }
    }
    Err(waited
        .err()
        .unwrap_or_else(|| Error::new(Kind::Failed, format!("job {job} failed")))
        .hint("read `select * from sys.jobs` on the cluster for the reason, then run the same command again"))
}

/// Drops the unique indexes that a failed job left invalid; their names.
async fn drop_invalid(session: &Session) -> Result<Vec<String>> {
    let rows = session
        .text(
            "select n.nspname, c.relname from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace \
             where i.indisunique and not i.indisvalid order by 1, 2",
        )
        .await?;
    let mut dropped = Vec::new();
    for row in rows {
        let [Some(schema), Some(name)] = row.as_slice() else { continue };
        session.batch(&format!("drop index {}", qualified(schema, name))).await?;
        dropped.push(format!("{schema}.{name}"));
    }
    Ok(dropped)
}
