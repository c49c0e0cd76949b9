//! Rule: a numbered primary key for which a uuid was chosen becomes one, and every column tied to it by foreign keys too.
//! Never makes a uuid that cannot be made again from table and old number: see `postgres::key_uuid`.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint};

use super::draft::{Change, Draft, constraint, remove};
use super::references::References;
use crate::error::Result;
use crate::postgres::key_uuid;
use crate::schema::conversion::TypeChange;
use crate::schema::names::IntoNode;
use crate::schema::tree;

const ID: &str = "DSQL-UUID-KEY";

/// Makes the key itself a uuid; [`run`] follows the foreign keys.
pub fn begin(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef) -> Result<()> {
    retype(draft, table, column)?;
    let made = Constraint {
        contype: ConstrType::ConstrDefault.into(),
        raw_expr: Some(Box::new(tree::expression("gen_random_uuid()")?)),
        ..Default::default()
    };
    column.constraints.push(NodeEnum::Constraint(Box::new(made)).into_node());
    Ok(())
}

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let references = References::of(draft);
    let keys: Vec<_> = draft.changed.iter().filter(|(_, change)| **change == Change::Uuid).map(|(at, _)| at.clone()).collect();
    for key in &keys {
        let object = format!("{}.{}", key.0, key.1);
        let root = references.root(key);
        let root = format!("{}.{}", root.0, root.1);
        let made = key_uuid::expression(&root, &format!("\"{}\"", key.1.replace('"', "\"\"")));
        draft.say(ID, &object, "becomes a uuid", &[("column", &key.1), ("table", &key.0), ("detail", &made)])?;
        for (tied, like) in references.tied(key) {
            if draft.change(&tied.0, &tied.1) == Some(Change::Uuid) {
                continue;
            }
            let Some(mut column) = draft.column(&tied.0, &tied.1).cloned() else { continue };
            let what = format!("becomes a uuid like {}.{}", like.0, like.1);
            draft.say("DSQL-UUID-REFERENCE", &format!("{}.{}", tied.0, tied.1), what, &[("column", &tied.1)])?;
            constant_default(&mut column, &root)?;
            retype(draft, &tied.0, &mut column)?;
            remove(&mut column, ConstrType::ConstrIdentity);
            if let Some(place) = draft.column(&tied.0, &tied.1) {
                *place = column;
            }
        }
    }
    Ok(())
}

/// `DEFAULT 1` names a row: its uuid is known.
fn constant_default(column: &mut ColumnDef, root: &str) -> Result<()> {
    let Some(default) = constraint(column, ConstrType::ConstrDefault).and_then(|found| found.raw_expr.as_deref_mut()) else {
        return Ok(());
    };
    if let Some(number) = tree::constant(default) {
        *default = tree::expression(&format!("'{}'::uuid", key_uuid::of(root, &number)))?;
    }
    Ok(())
}

fn retype(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef) -> Result<()> {
    let at = (table.to_owned(), column.colname.clone());
    let uuid = tree::type_name("uuid")?;
    if let Some(old) = column.type_name.take() {
        // One that was widened on the way is written down already.
        let before = draft.changed.contains_key(&at);
        let from = before.then(|| draft.type_changes.iter().position(|change| change.table == at.0 && change.column == at.1)).flatten();
        let from = from.map(|index| draft.type_changes.remove(index).from);
        let from = from.map_or_else(|| tree::type_sql(&old), Ok)?;
        let to = tree::type_sql(&uuid)?;
        draft.type_changes.push(TypeChange { table: at.0.clone(), column: at.1.clone(), from, to });
    }
    column.type_name = Some(uuid);
    draft.changed.insert(at, Change::Uuid);
    Ok(())
}
