//! Large objects: made on the target under the number they have on the source, in parts, so that none has to fit into memory.
//! Never deletes one that is only on the target.

use crate::data::open::Opened;
use crate::error::Result;
use crate::postgres::fault::sqlstate;

/// Bytes of a part.
const PART: i64 = 1 << 20;
/// Objects named in a note.
const NAMED: usize = 5;

/// Copies those that are not there or differ; how many were written.
pub async fn copy(from: &Opened, to: &Opened, notes: &mut Vec<String>) -> Result<u64> {
    if from.dsql {
        return Ok(0);
    }
    let ids = ids(from).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    if to.dsql {
        notes.push(format!("{} on the source stay there: the target has none", crate::text::plural(ids.len() as u64, "large object")));
        return Ok(0);
    }
    let there = self::ids(to).await?;
    let (mut written, mut refused) = (0, Vec::new());
    // A refusal on the source must not end its transaction, which is its moment.
    from.session.batch("savepoint large_objects").await?;
    for id in ids {
        match one(from, to, id, there.binary_search(&id).is_ok()).await {
            Ok(wrote) => written += u64::from(wrote),
            // A right that is lacking on either side must not keep the rows from being settled.
            Err(error) if sqlstate(&error) == Some("42501") => {
                to.session.rollback().await?;
                from.session.batch("rollback to large_objects").await?;
                refused.push(id.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    if !refused.is_empty() {
        let count = crate::text::plural(refused.len() as u64, "large object");
        refused.truncate(NAMED);
        notes.push(format!(
            "{count} could not be copied, because one of the two users lacks the right to them, {} first",
            refused.join(", ")
        ));
    }
    Ok(written)
}

/// The numbers of all.
pub async fn ids(side: &Opened) -> Result<Vec<u32>> {
    let rows = side.session.text("select oid from pg_largeobject_metadata order by oid").await?;
    Ok(rows.into_iter().filter_map(|row| row.into_iter().next()??.parse().ok()).collect())
}

/// Of all its parts; the empty object's is empty.
async fn digest(side: &Opened, id: u32) -> Result<String> {
    let mut all = String::new();
    for part in 0.. {
        let row: Option<String> =
            side.session.value(&format!("select md5(nullif(lo_get({id}, {}, {PART}), ''))", part * PART), &[]).await?;
        let Some(md5) = row else { break };
        all.push_str(&md5);
    }
    Ok(all)
}

/// Whether it had to be written.
async fn one(from: &Opened, to: &Opened, id: u32, exists: bool) -> Result<bool> {
    if exists && digest(from, id).await? == digest(to, id).await? {
        return Ok(false);
    }
    to.session.begin().await?;
    if exists {
        to.session.text(&format!("select lo_unlink({id})")).await?;
    }
    to.session.text(&format!("select lo_create({id})")).await?;
    for part in 0.. {
        let at = part * PART;
        let bytes: Vec<u8> = from.session.value(&format!("select lo_get({id}, {at}, {PART})"), &[]).await?;
        if bytes.is_empty() {
            break;
        }
        to.session.query(&format!("select lo_put({id}, {at}, $1)"), &[&bytes]).await?;
    }
    to.session.commit().await?;
    Ok(true)
}
