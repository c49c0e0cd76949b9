//! A trigger on every table that refuses to write, whatever the session set: a write-lock that rows cannot get past.
//! Never holds back what is no row of a table that was there: new tables, sequences, large objects.

use std::time::Duration;

use super::end_others;
use super::rights::{Table, tables};
use crate::error::{Error, Kind, Result};
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::qualified;
use crate::postgres::session::Session;

/// What it makes on each table; the schema that holds its function has the same name.
const NAME: &str = "migrate_wizard_freeze";

/// Who comes back with what Replit did not have gets past: only `Connector::past_the_freeze` says so.
const HOLD: &str = "create or replace function migrate_wizard_freeze.hold() returns trigger language plpgsql set search_path = pg_catalog as $hold$ begin \
    if current_setting('migrate_wizard.past_the_freeze', true) = 'on' then return null; end if; \
    raise exception using errcode = '25006', message = 'cannot execute ' || tg_op || ': this database is frozen while its app moves', \
    hint = 'migrate-wizard holds writes back until the switch, and releases them when it stops'; end $hold$";

/// Until the last of them is dropped none holds anything back.
const LET_GO: &str =
    "create or replace function migrate_wizard_freeze.hold() returns trigger language plpgsql as $hold$ begin return null; end $hold$";

const TRIES: u32 = 8;

pub(super) async fn freeze(session: &Session) -> Result<(u64, u64)> {
    let mut ended = 0;
    for attempt in 1..=TRIES {
        // Who writes now holds the locks that are needed.
        let (some, left) = end_others(session).await?;
        ended += some;
        let begun = async {
            session.batch("begin read write; set local lock_timeout = '2s'").await?;
            session.batch(&format!("create schema if not exists {NAME}; {HOLD}")).await?;
            for table in tables(session).await?.iter().filter(|table| !table.held) {
                session.batch(&hold(table)).await?;
            }
            session.commit().await
        };
        match begun.await {
            Ok(()) => return Ok((ended, left)),
            Err(error) => {
                session.rollback().await?;
                let waits = matches!(sqlstate(&error), Some("55P03" | "40P01"));
                if !waits || attempt == TRIES {
                    return Err(if waits { in_the_way(&error) } else { error.hint(RIGHTS) });
                }
            }
        }
    }
    Err(Error::bug("a freeze without an end"))
}

const RIGHTS: &str =
    "triggers need the owner of every table, and the right to create a schema: choose another way (freeze_how) or connect as the owner";

fn in_the_way(error: &Error) -> Error {
    Error::new(Kind::Conflict, "a session that cannot be ended holds a table of the source")
        .because(error)
        .hint("stop the app on Replit (Deployments, Shut down), then try again")
}

/// On a partition too: a trigger for a statement fires only on the table that the statement names. Always: whatever `session_replication_role` says.
fn hold(table: &Table) -> String {
    let on = qualified(&table.schema, &table.name);
    format!(
        "drop trigger if exists {NAME} on {on}; \
         create trigger {NAME} before insert or update or delete or truncate on {on} for each statement execute function {NAME}.hold(); \
         alter table {on} enable always trigger {NAME}"
    )
}

pub(super) async fn is_frozen(session: &Session) -> Result<bool> {
    let holds = "select coalesce((select p.prosrc like '%past_the_freeze%' from pg_proc p join pg_namespace n on n.oid = p.pronamespace \
                 where n.nspname = 'migrate_wizard_freeze' and p.proname = 'hold'), false)";
    Ok(session.value::<bool>(holds, &[]).await? && tables(session).await?.iter().all(|table| table.held))
}

/// First nothing is held back any more, which needs no lock of a table; then the triggers go as their tables become free.
pub(super) async fn thaw(session: &Session) -> Result<()> {
    let there = "select to_regnamespace('migrate_wizard_freeze') is not null";
    if !session.value::<bool>(there, &[]).await? {
        return Ok(());
    }
    write(session, LET_GO).await?;
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    let rest =
        "select g.tgrelid::regclass::text from pg_trigger g where g.tgname = 'migrate_wizard_freeze' and not g.tgisinternal order by 1";
    loop {
        let (mut open, mut why) = (Vec::new(), None);
        for row in session.text(rest).await? {
            let Some(Some(table)) = row.into_iter().next() else { continue };
            let drop = format!("set local lock_timeout = '500ms'; drop trigger if exists {NAME} on {table}");
            match write(session, &drop).await {
                Ok(()) => {}
                Err(error) if matches!(sqlstate(&error), Some("55P03" | "40P01")) => {
                    open.push(table);
                    why = Some(error);
                }
                // The table went meanwhile, and its trigger with it.
                Err(error) if sqlstate(&error) == Some("42P01") => {}
                Err(error) => return Err(error),
            }
        }
        let Some(why) = why else { break };
        if tokio::time::Instant::now() > until {
            return Err(Error::new(
                Kind::Conflict,
                format!("the source takes writes again, but triggers that do nothing any more are still on {}", open.join(", ")),
            )
            .because(&why)
            .hint("a session holds these tables: end it, then run the same command again"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    write(session, &format!("drop schema if exists {NAME} cascade")).await
}

async fn write(session: &Session, sql: &str) -> Result<()> {
    session.batch("begin read write").await?;
    if let Err(error) = session.batch(sql).await {
        session.rollback().await?;
        return Err(error);
    }
    session.commit().await
}
