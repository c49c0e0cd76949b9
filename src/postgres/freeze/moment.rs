//! Where a database's writing stands: transaction numbers given out, and of each table the rows ever written. Two moments tell whether anything was.
//! Only reads, and gives out no transaction number itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::postgres::session::Session;

/// Sessions hand in what they counted when they have been idle for so long (since PostgreSQL 15).
const HANDED_IN_WITHIN: Duration = Duration::from_millis(10_500);
/// A version that counts by its idle sessions, so that those need only be waited for.
const IDLE_HAND_IN: u32 = 150_000;
/// Older servers write their figures down at most so often.
const WRITTEN_DOWN_WITHIN: Duration = Duration::from_millis(600);

/// Of one table: its identity, the file its rows are in, rows ever inserted, updated and deleted.
pub type Mark = (i64, i64, i64);

/// One look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The first transaction number that was not given to a finished transaction; of the whole server.
    pub next_xid: String,
    /// By `schema.table`.
    pub tables: BTreeMap<String, Mark>,
}

#[derive(Debug, Clone, Deserialize)]
struct Look {
    next_xid: String,
    /// Sessions with a transaction that has written and is not at its end.
    writing: u64,
    prepared: u64,
    /// Sessions of other clients.
    others: u64,
    version: u32,
    tables: BTreeMap<String, Mark>,
}

/// What two moments say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No transaction number was given out: nothing at all wrote.
    Nothing,
    /// So many were, and none of them wrote a row.
    NoRow(u64),
    /// Tables, with how many rows or what else.
    Written(Vec<(String, String)>),
    /// It cannot be told, and why.
    Unknown(String),
}

async fn look(session: &Session) -> Result<Look> {
    session.json(include_str!("../../../assets/sql/stillness.sql")).await
}

/// Once the figures are in: two looks that agree where they travel, and a wait when sessions from before are still there.
async fn settled(session: &Session, old_sessions: bool) -> Result<Look> {
    if old_sessions {
        tokio::time::sleep(HANDED_IN_WITHIN).await;
    }
    let mut now = look(session).await?;
    while now.version < IDLE_HAND_IN {
        tokio::time::sleep(WRITTEN_DOWN_WITHIN).await;
        let next = look(session).await?;
        let same = next.tables == now.tables;
        now = next;
        if same {
            break;
        }
    }
    Ok(now)
}

/// Where writing stands now. `old_sessions`: there are some that may have written before and not handed in what they counted.
pub async fn moment(session: &Session, old_sessions: bool) -> Result<Moment> {
    settled(session, old_sessions).await.map(|look| Moment { next_xid: look.next_xid, tables: look.tables })
}

/// Did anything write since `then`? `concerned` says whether a table counts.
pub async fn still(session: &Session, then: &Moment, concerned: impl Fn(&str) -> bool) -> Result<Verdict> {
    let first = look(session).await?;
    if let Some(verdict) = at_once(&first, then) {
        return Ok(verdict);
    }
    let now = settled(session, first.others > 0).await?;
    // Judged as a whole again: somebody may have begun meanwhile.
    if let Some(verdict) = at_once(&now, then) {
        return Ok(verdict);
    }
    let written = differences(then, &now, concerned);
    if !written.is_empty() {
        return Ok(Verdict::Written(written));
    }
    if now.others > 0 && now.version < IDLE_HAND_IN {
        let why = format!("{} other session(s) are open, and before PostgreSQL 15 an idle session may keep what it counted", now.others);
        return Ok(Verdict::Unknown(why));
    }
    Ok(Verdict::NoRow(given_out(&now, then)))
}

fn given_out(now: &Look, then: &Moment) -> u64 {
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    number(&now.next_xid).saturating_sub(number(&then.next_xid))
}

/// What needs no figures.
fn at_once(now: &Look, then: &Moment) -> Option<Verdict> {
    if now.writing > 0 || now.prepared > 0 {
        return Some(Verdict::Unknown(format!(
            "{} session(s) have written and not committed, {} transaction(s) are prepared",
            now.writing, now.prepared
        )));
    }
    (now.next_xid == then.next_xid).then_some(Verdict::Nothing)
}

fn differences(then: &Moment, now: &Look, concerned: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let names = then.tables.keys().chain(now.tables.keys().filter(|name| !then.tables.contains_key(*name)));
    let changed = names.filter(|name| concerned(name)).filter_map(|name| {
        let what = match (then.tables.get(name), now.tables.get(name)) {
            (Some(was), Some(is)) if was == is => return None,
            (Some((id, ..)), Some((now, ..))) if id != now => "made anew".to_owned(),
            (Some((_, file, _)), Some((_, now, _))) if file != now => "emptied or rewritten".to_owned(),
            (Some((.., rows)), Some((.., now))) if now >= rows => {
                format!("{} written", crate::text::plural((now - rows).unsigned_abs(), "row"))
            }
            (Some(_), Some(_)) => "its counters were set back".to_owned(),
            (Some(_), None) => "dropped".to_owned(),
            (None, Some((.., rows))) => format!("new, {} written", crate::text::plural(rows.unsigned_abs(), "row")),
            (None, None) => return None,
        };
        Some((name.clone(), what))
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(xid: &str, tables: &[(&str, Mark)]) -> Look {
        let tables = tables.iter().map(|(name, mark)| ((*name).to_owned(), *mark)).collect();
        Look { next_xid: xid.into(), writing: 0, prepared: 0, others: 0, version: 160_000, tables }
    }

    fn then() -> Moment {
        let Look { next_xid, tables, .. } = at("10", &[("public.a", (1, 1, 5)), ("public.b", (2, 2, 7))]);
        Moment { next_xid, tables }
    }

    #[test]
    fn every_kind_of_change_is_named_and_nothing_else() {
        for (now, says) in [
            (vec![("public.a", (1, 1, 5)), ("public.b", (2, 2, 7))], vec![]),
            (vec![("public.a", (1, 1, 6)), ("public.b", (2, 2, 7))], vec![("public.a", "1 row written")]),
            (vec![("public.a", (1, 9, 5)), ("public.b", (2, 2, 7))], vec![("public.a", "emptied or rewritten")]),
            (vec![("public.a", (9, 9, 5)), ("public.b", (2, 2, 7))], vec![("public.a", "made anew")]),
            (vec![("public.a", (1, 1, 0)), ("public.b", (2, 2, 7))], vec![("public.a", "its counters were set back")]),
            (vec![("public.a", (1, 1, 5))], vec![("public.b", "dropped")]),
            (vec![("public.a", (1, 1, 5)), ("public.b", (2, 2, 7)), ("public.c", (3, 3, 2))], vec![("public.c", "new, 2 rows written")]),
        ] {
            let says: Vec<(String, String)> = says.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            assert_eq!(differences(&then(), &at("12", &now), |_| true), says);
            assert!(differences(&then(), &at("12", &now), |_| false).is_empty());
        }
    }

    #[test]
    fn who_has_not_committed_yet_is_never_nothing() {
        let same = at("10", &[]);
        assert_eq!(at_once(&same, &then()), Some(Verdict::Nothing));
        assert!(matches!(at_once(&Look { writing: 1, ..same.clone() }, &then()), Some(Verdict::Unknown(_))));
        assert!(matches!(at_once(&Look { prepared: 1, ..same }, &then()), Some(Verdict::Unknown(_))));
        assert_eq!(at_once(&at("12", &[]), &then()), None);
        assert_eq!(given_out(&at("12", &[]), &then()), 2);
    }
}
