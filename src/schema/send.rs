//! One statement sent to a server: on DSQL with what its background jobs and its conflicts ask for.
//! Never sends two definitions in one transaction.

use std::time::Duration;

use super::statement::{Dialect, without_async};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{literal, qualified};

/// A catalogue change elsewhere in the cluster ends ours in a conflict, which the next try normally does not meet (source: `dsql.md`, OC001).
const TRIES: u32 = 10;

/// Sends `sql`. A DSQL job that it starts is waited for; when it was to build a unique index and failed, the invalid index, which would
/// refuse rows all the same, is dropped. An index that is there already is only there once it is valid: the job of a run whose answer was
/// lost is waited for, and what a failed one left is dropped and built again.
pub async fn send(session: &Session, dialect: Dialect, sql: &str) -> Result<()> {
    if dialect == Dialect::Postgres {
        return session.batch(sql).await;
    }
    let index = Index::of(sql);
    if let Some(index) = &index {
        // IF NOT EXISTS would take an index that a failed job left for a whole one.
        end_jobs(session, index).await?;
        if !index.is_valid(session).await? {
            index.drop(session).await?;
        }
    }
    let mut pause = Duration::from_millis(50);
    let mut rebuilt = false;
    for attempt in 1.. {
        match session.text(sql).await {
            Ok(answer) => {
                let job = answer.into_iter().next().and_then(|row| row.into_iter().next()).flatten();
                return match job {
                    Some(job) => wait_for(session, &job, index.as_ref()).await,
                    None => Ok(()),
                };
            }
            Err(error) if attempt < TRIES && sqlstate(&error) == Some("40001") => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) if sqlstate(&error) == Some("42P07") => {
                let Some(index) = &index else { return Err(error) };
                end_jobs(session, index).await?;
                if rebuilt || index.is_valid(session).await? {
                    return Err(error);
                }
                rebuilt = true;
                index.drop(session).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// An index that a statement makes.
struct Index {
    schema: String,
    name: String,
    unique: bool,
}

impl Index {
    fn of(sql: &str) -> Option<Self> {
        let parsed = pg_query::parse(&without_async(sql), 0).ok()?;
        let pg_query::NodeEnum::IndexStmt(index) = parsed.protobuf.stmts.into_iter().next()?.stmt?.node? else { return None };
        let schema = index.relation.map(|relation| relation.schemaname).unwrap_or_default();
        let schema = if schema.is_empty() { "public".to_owned() } else { schema };
        Some(Self { schema, name: index.idxname, unique: index.unique })
    }

    async fn is_valid(&self, session: &Session) -> Result<bool> {
        let sql = format!(
            "select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace \
             where n.nspname = {} and c.relname = {} and not i.indisvalid",
            literal(&self.schema),
            literal(&self.name)
        );
        Ok(session.value::<i64>(&sql, &[]).await? == 0)
    }

    async fn drop(&self, session: &Session) -> Result<()> {
        let sql = format!("drop index if exists {}", qualified(&self.schema, &self.name));
        for attempt in 1.. {
            match session.batch(&sql).await {
                Err(error) if attempt < TRIES && sqlstate(&error) == Some("40001") => tokio::time::sleep(Duration::from_millis(50)).await,
                other => return other,
            }
        }
        Ok(())
    }

    fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// Waits for the jobs that are at work on an index.
async fn end_jobs(session: &Session, index: &Index) -> Result<()> {
    let sql = format!(
        "select job_id from sys.jobs where status in ('submitted', 'processing') and object_name in ({}, {})",
        literal(&index.name),
        literal(&index.label())
    );
    for row in session.text(&sql).await? {
        let Some(Some(job)) = row.into_iter().next() else { continue };
        session.batch(&format!("call sys.wait_for_job({})", literal(&job))).await?;
    }
    Ok(())
}

async fn wait_for(session: &Session, job: &str, index: Option<&Index>) -> Result<()> {
    let waited = session.batch(&format!("call sys.wait_for_job({})", literal(job))).await;
    if waited.is_err() && session.is_closed() {
        return waited;
    }
    let row = session.text(&format!("select status, details from sys.jobs where job_id = {}", literal(job))).await?.into_iter().next();
    let mut row = row.unwrap_or_default().into_iter();
    let (status, details) = (row.next().flatten(), row.next().flatten().unwrap_or_default());
    if waited.is_ok() && status.as_deref() != Some("failed") {
        return Ok(());
    }
    if let Some(index) = index.filter(|index| index.unique)
        && !index.is_valid(session).await?
    {
        index.drop(session).await?;
        return Err(Error::new(Kind::Conflict, format!("the unique index {} does not hold: the rows have duplicates", index.label()))
            .cause(format!("job {job} failed ({details}); the invalid index was dropped, because it refuses rows all the same"))
            .hint("find the duplicates on the source (text is compared by byte on DSQL), mend them, then run the same command again"));
    }
    let error = waited.err().unwrap_or_else(|| Error::new(Kind::Failed, format!("job {job} failed")).cause(details));
    Err(error.hint("read `select * from sys.jobs` on the cluster for the reason, then run the same command again"))
}
