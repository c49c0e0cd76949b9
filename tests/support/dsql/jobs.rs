//! Asynchronous jobs: an index that is built, a constraint that is validated, each on a session of its own behind the stand-in.
//! What becomes of one is in `sys.jobs`; nothing of it is told to whoever handed it in.

use std::io;
use std::sync::Arc;

use migrate_wizard::postgres::quote::{literal, qualified};

use super::backend::Backend;
use super::shared::Shared;
use super::words::Words;

/// Begins the jobs of a transaction that was committed.
pub fn start(shared: &Arc<Shared>, jobs: Vec<String>) {
    for job in jobs {
        shared.count(|seen| seen.jobs += 1);
        set_ended(shared, &job, false);
        let shared = shared.clone();
        tokio::spawn(async move {
            tokio::time::sleep(shared.rules().job_delay).await;
            // A session that cannot be had leaves the job as it is: nobody may wait for it for ever.
            let _session = work(&shared, &job).await;
            set_ended(&shared, &job, true);
        });
    }
}

fn set_ended(shared: &Shared, job: &str, ended: bool) {
    shared.jobs.send_modify(|known| {
        known.insert(job.to_owned(), ended);
    });
}

async fn work(shared: &Shared, job: &str) -> io::Result<()> {
    let mut backend = Backend::open(&shared.backing, &[]).await?;
    let id = literal(job);
    let set = |status: &str| format!("update sys.jobs set status = {}, update_time = now() where job_id = {id}", literal(status));
    let _processing = backend.run(&set("processing")).await?;
    let taken = format!("delete from sys.standin_work where job_id = {id} returning statement, search_path");
    let Ok(rows) = backend.run(&taken).await? else { return Ok(()) };
    let mut values = rows.into_iter().flatten().flatten();
    let (Some(statement), Some(path)) = (values.next(), values.next()) else { return Ok(()) };
    let _path = backend.run(&format!("select set_config('search_path', {}, false)", literal(&path))).await?;
    match backend.run(&statement).await? {
        Ok(_) => drop(backend.run(&set("completed")).await?),
        Err(error) => {
            if error.field(b'C').as_deref() == Some("23505") {
                leave_invalid(&mut backend, &statement, &id).await?;
            }
            let details = literal(&error.field(b'M').unwrap_or_default());
            drop(
                backend
                    .run(&format!("update sys.jobs set status = 'failed', details = {details}, update_time = now() where job_id = {id}"))
                    .await?,
            );
        }
    }
    Ok(())
}

/// A unique index that could not be built stays behind, invalid, and refuses new duplicates until it is dropped: an ordinary one,
/// then marked so.
async fn leave_invalid(backend: &mut Backend, statement: &str, id: &str) -> io::Result<()> {
    let Some(plain) = Words::of(statement).map(|words| words.without(1)) else { return Ok(()) };
    let object = backend.run(&format!("select n.nspname, j.object_name from sys.jobs j join pg_class c on c.oid = j.object_id join pg_namespace n on n.oid = c.relnamespace where j.job_id = {id}")).await?;
    let Ok(rows) = object else { return Ok(()) };
    let mut values = rows.into_iter().flatten().flatten();
    let (Some(schema), Some(object)) = (values.next(), values.next()) else { return Ok(()) };
    let name = object.strip_prefix(&format!("{schema}.")).unwrap_or(&object).to_owned();
    let _built = backend.run(&plain).await?;
    let index = literal(&qualified(&schema, &name));
    let _marked =
        backend.run(&format!("update pg_index set indisvalid = false, indisunique = true where indexrelid = {index}::regclass")).await?;
    Ok(())
}
