//! Large objects: made on the target under the number they have on the source, in parts, so that none has to fit into memory.
//! Never deletes one that is only on the target.

use crate::data::open::Opened;
use crate::error::Result;

/// Bytes of a part.
const PART: i64 = 1 << 20;

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
    let mut written = 0;
    for id in ids {
        let exists = there.binary_search(&id).is_ok();
        if exists && digest(from, id).await? == digest(to, id).await? {
            continue;
        }
        one(from, to, id, exists).await?;
        written += 1;
    }
    Ok(written)
}

async fn ids(side: &Opened) -> Result<Vec<u32>> {
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

async fn one(from: &Opened, to: &Opened, id: u32, exists: bool) -> Result<()> {
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
    to.session.commit().await
}
