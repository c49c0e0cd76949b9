//! Foreign keys and triggers of the target that would refuse or fire while rows are written, for a user who may not switch them off:
//! each is written down in the ledger before it is taken away, and put back at the end of the pass, by roll back, or by `data finish`.
//! Never takes one away that is not written down, and never forgets one that could not be put back.

use crate::data::plan::TablePlan;
use crate::data::worker::Worker;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::literal;

/// Every foreign key from or to the table or a partition of it and every enabled trigger of these: id, what takes it away, what puts it back.
const FIND: &str = "
with tree as (select $table as relid union select relid from pg_partition_tree($table))
select 'foreign key ' || conrelid::regclass || '.' || quote_ident(conname),
  'alter table ' || conrelid::regclass || ' drop constraint ' || quote_ident(conname),
  'alter table ' || conrelid::regclass || ' add constraint ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid, false)
    || case when convalidated and (select relkind from pg_class where oid = conrelid) = 'r' then ' not valid; alter table ' || conrelid::regclass || ' validate constraint ' || quote_ident(conname) else '' end
from pg_constraint where contype = 'f' and conparentid = 0 and (conrelid in (select relid from tree) or confrelid in (select relid from tree))
union all
select 'trigger ' || tgrelid::regclass || '.' || quote_ident(tgname),
  'alter table ' || tgrelid::regclass || ' disable trigger ' || quote_ident(tgname),
  'alter table ' || tgrelid::regclass || ' enable ' || case tgenabled when 'A' then 'always ' when 'R' then 'replica ' else '' end || 'trigger ' || quote_ident(tgname)
from pg_trigger where tgrelid in (select relid from tree) and not tgisinternal and tgenabled <> 'D' and tgparentid = 0 and tgname <> 'migrate_wizard_freeze'
order by 1";

impl Worker<'_> {
    /// Sees to it that nothing of the table refuses or fires while this worker writes to it.
    pub async fn clear_the_way(&self, table: &TablePlan) -> Result<()> {
        // What stands on a partition alone is only known once it is looked for.
        let nothing = table.plain
            && table.always_triggers.is_empty()
            && (self.to.replica || (table.foreign_keys.is_empty() && table.triggers.is_empty()));
        if self.to.dsql || nothing {
            return Ok(());
        }
        // One at a time: two definitions that each lock two tables would wait for each other.
        let mut cleared = self.crew.cleared.lock().await;
        if !cleared.insert(table.label()) {
            return Ok(());
        }
        let only_always = self.to.replica;
        let sql = FIND.replace("$table", &format!("{}::regclass", literal(&table.qualified())));
        for row in self.to.session.text(&sql).await? {
            let [Some(id), Some(away), Some(back)] = row.as_slice() else { continue };
            if only_always && !(back.contains(" enable always ") || back.contains(" enable replica ")) {
                continue;
            }
            set(&self.to.session, &table.label(), id, away, back).await?;
            self.crew.tally.log(format!("{id} is set aside while rows are written"));
        }
        Ok(())
    }
}

async fn set(to: &Session, table: &str, id: &str, away: &str, back: &str) -> Result<()> {
    for attempt in 1.. {
        to.begin().await?;
        let done = async {
            to.affected(&format!(
                "insert into migrate_wizard.aside (id, \"table\", restore) values ({}, {}, {}) on conflict (id) do nothing",
                literal(id),
                literal(table),
                literal(back)
            ))
            .await?;
            to.batch(away).await?;
            to.commit().await
        };
        let Err(error) = done.await else { return Ok(()) };
        to.rollback().await?;
        // 42704: another worker took it away meanwhile, and wrote it down.
        if sqlstate(&error) == Some("42704") {
            return Ok(());
        }
        if attempt >= 5 || sqlstate(&error) != Some("40P01") {
            return Err(error);
        }
    }
    Ok(())
}

/// One at a time puts things back: two processes that end the same pass would change the same rows of the catalogue.
const TURN: &str = "hashtextextended('migrate_wizard.aside', 0)";

/// Puts everything back. All that could not be put back are named in one error; they stay written down.
pub async fn restore(to: &Session) -> Result<u64> {
    to.text(&format!("select pg_advisory_lock({TURN})")).await?;
    let restored = restore_all(to).await;
    // Where the session broke its lock went with it.
    let _ = to.text(&format!("select pg_advisory_unlock({TURN})")).await;
    restored
}

async fn restore_all(to: &Session) -> Result<u64> {
    // Keys first: a trigger that is on again must not see keys being made.
    let rows = to.text("select id, restore from migrate_wizard.aside order by id").await?;
    let (mut done, mut problems) = (0, Vec::new());
    for row in rows {
        let [Some(id), Some(back)] = row.as_slice() else { continue };
        match put_back(to, id, back).await {
            Ok(()) => done += 1,
            Err(error) if error.kind == Kind::Unreachable => return Err(error),
            Err(error) => problems.push(format!("{id}: {}", error.line())),
        }
    }
    if problems.is_empty() {
        return Ok(done);
    }
    let error = Error::new(Kind::Conflict, "what was set aside while rows were written could not all be put back");
    Err(problems.iter().fold(error, Error::cause).hint(
        "mend the rows that are named, then run the same command again: it puts them back at its end; they stand in migrate_wizard.aside",
    ))
}

async fn put_back(to: &Session, id: &str, back: &str) -> Result<()> {
    let mut parts = back.split("; ");
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    match to.batch(first).await {
        Ok(()) => {}
        Err(error) if sqlstate(&error) == Some("42710") => {}
        // Its table is gone: so is what stood on it.
        Err(error) if sqlstate(&error) == Some("42P01") => {
            return to.affected(&format!("delete from migrate_wizard.aside where id = {}", literal(id))).await.map(drop);
        }
        Err(error) => return Err(error),
    }
    if let Some(validate) = second {
        to.batch(validate).await?;
    }
    to.affected(&format!("delete from migrate_wizard.aside where id = {}", literal(id))).await.map(drop)
}
