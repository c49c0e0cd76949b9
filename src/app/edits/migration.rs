//! What an edit adds to the schema as the app's own next migration of Drizzle: its SQL, a line of the journal, a snapshot.
//! Never runs one, never writes over one, and writes none where the journal is in a form that it does not know.

use serde_json::{Value, json};
use uuid::Uuid;

use super::sql::{self, Dialect};
use super::work::Work;

const JOURNAL: &str = "meta/_journal.json";
const NAME: &str = "auth_subject";

/// The column for the subject of a login. `None`: the app has no such migrations, or its snapshot does not know the table.
/// The path of the SQL, and whether it is there now.
pub fn subject(work: &mut Work, table: &str, kind: &str, constraint: &str, why: &str) -> Option<(String, bool)> {
    if work.dialect() != Dialect::Postgres {
        return None;
    }
    let journals = work.paths(|path, text| path.ends_with(JOURNAL) && text.contains("\"postgresql\""));
    let [journal] = journals.as_slice() else { return None };
    let folder = journal.strip_suffix(JOURNAL)?.to_owned();
    let text = work.text(journal)?.to_owned();
    let read: Value = serde_json::from_str(&text).ok()?;
    let last = read.get("entries")?.as_array()?.last()?;
    let index = last.get("idx")?.as_u64()?;
    // the way in which drizzle-kit numbers them by itself; another prefix is the app's choice
    last.get("tag")?.as_str()?.strip_prefix(&format!("{index:04}_"))?;
    let before: Value = serde_json::from_str(work.text(&format!("{folder}meta/{index:04}_snapshot.json"))?).ok()?;
    let snapshot = with_column(before, table, kind, constraint)?;
    let next = index + 1;
    let tag = format!("{next:04}_{NAME}");
    let mut entry = last.clone();
    // Drizzle runs what is later than the last one that it ran
    let when = last.get("when")?.as_u64()? + 1;
    for (key, value) in [("idx", json!(next)), ("when", json!(when)), ("tag", json!(tag))] {
        *entry.get_mut(key)? = value;
    }
    let journal_text = with_entry(&text, &entry, next)?;
    let path = format!("{folder}{tag}.sql");
    let new = format!("{folder}meta/{next:04}_snapshot.json");
    if work.text(&path).is_some() || work.text(&new).is_some() {
        return None;
    }
    let done = work.put(&path, sql::subject(Dialect::Postgres, table, kind, constraint), why)
        & work.put(&new, serde_json::to_string_pretty(&snapshot).ok()?, why)
        & work.put(journal, journal_text, why);
    Some((path, done))
}

/// The snapshot behind the one before.
fn with_column(mut snapshot: Value, table: &str, kind: &str, constraint: &str) -> Option<Value> {
    let id = snapshot.get("id")?.as_str()?.to_owned();
    let space = Uuid::parse_str(&id).unwrap_or(Uuid::NAMESPACE_OID);
    let own = snapshot.get_mut("tables")?.get_mut(format!("public.{table}"))?;
    let columns = own.get_mut("columns")?.as_object_mut()?;
    if columns.contains_key(NAME) {
        return None;
    }
    columns.insert(NAME.to_owned(), json!({ "name": NAME, "type": kind, "primaryKey": false, "notNull": false }));
    let unique = json!({ "name": constraint, "nullsNotDistinct": false, "columns": [NAME] });
    own.get_mut("uniqueConstraints")?.as_object_mut()?.insert(constraint.to_owned(), unique);
    *snapshot.get_mut("prevId")? = json!(id);
    *snapshot.get_mut("id")? = json!(Uuid::new_v5(&space, NAME.as_bytes()).to_string());
    Some(snapshot)
}

/// The journal's text with one more entry, all else as it is.
fn with_entry(text: &str, entry: &Value, index: u64) -> Option<String> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let at = text.rfind(']')?;
    let end = text.get(..at)?.trim_end().len();
    let line = text.get(..end)?.rsplit('\n').next()?;
    let indent = line.get(..line.len() - line.trim_start().len())?;
    let lines = serde_json::to_string_pretty(entry).ok()?;
    let put: String = lines.lines().map(|line| format!("{newline}{indent}{line}")).collect();
    let after = format!("{},{put}{}", text.get(..end)?, text.get(end..)?);
    let read: Value = serde_json::from_str(&after).ok()?;
    (read.get("entries")?.as_array()?.last()?.get("idx")?.as_u64()? == index).then_some(after)
}
