//! Rule: primary keys, unique and exclusion constraints stand inside CREATE TABLE and use only what a key may hold.
//! Never adds a key that the source does not have.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint, CreateStmt};

use super::draft::{Change, Draft, Table, columns, constraints};
use crate::error::Result;
use crate::schema::names;
use crate::schema::statement::Kind;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for at in 0..draft.tables.len() {
        let Some(mut table) = draft.tables.get(at).cloned() else { continue };
        let mut left_out = Vec::new();
        let mut keyed = false;
        for constraint in constraints(&mut table.create.clone()) {
            if matches!(constraint.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique) {
                let keep = keep(draft, &mut table, constraint)?;
                keyed = keyed || (keep && constraint.contype() == ConstrType::ConstrPrimary);
                if !keep {
                    left_out.push(constraint.conname.clone());
                }
            }
        }
        for constraint in constraints(&mut table.create) {
            tidy(draft, &table.name, constraint)?;
        }
        table
            .create
            .table_elts
            .retain(|node| !matches!(&node.node, Some(NodeEnum::Constraint(found)) if left_out.contains(&found.conname)));
        if !keyed {
            draft.say("DSQL-NO-KEY", &table.name, "has no primary key", &[])?;
        }
        if let Some(place) = draft.tables.get_mut(at) {
            *place = table;
        }
    }
    Ok(())
}

fn keep(draft: &mut Draft<'_>, table: &mut Table, constraint: &Constraint) -> Result<bool> {
    let object = format!("{}.{}", table.name, constraint.conname);
    let keys = names::parts(&constraint.keys);
    for key in &keys {
        let Some(base) = type_of(&mut table.create, key) else {
            draft.drop(
                Kind::Check,
                "DSQL-DEPENDENT",
                &object,
                format!("the key on {key} is left out"),
                &format!("{}.{key}", table.name),
            )?;
            return Ok(false);
        };
        if draft.capabilities.types.not_indexable.contains(&base) {
            draft.drop(Kind::Check, "DSQL-KEY-TYPE", &object, format!("the key on {key} ({base}) is left out"), key)?;
            return Ok(false);
        }
    }
    let folded = keys.iter().any(|key| draft.change(&table.name, key) == Some(Change::FoldCase));
    if folded && constraint.contype() == ConstrType::ConstrUnique {
        let referred = draft
            .foreign_keys
            .iter()
            .any(|(_, key)| names::relation(key.pktable.as_ref()) == table.name && names::parts(&key.pk_attrs) == keys);
        super::indexes::unique_without_case(draft, &table.create, constraint, referred)?;
        if !referred {
            draft.drop(Kind::Check, "DSQL-CITEXT", &object, "becomes a unique index on lower(...)", &keys.join(", "))?;
            fill_column(draft, &keys.join(", "));
            return Ok(false);
        }
    }
    Ok(true)
}

/// The finding just made speaks of one column.
fn fill_column(draft: &mut Draft<'_>, column: &str) {
    if let Some(finding) = draft.findings.last_mut() {
        finding.app_must = finding.app_must.replace("{column}", column);
    }
}

fn tidy(draft: &mut Draft<'_>, table: &str, constraint: &mut Constraint) -> Result<()> {
    constraint.indexspace.clear();
    constraint.options.clear();
    let key = matches!(constraint.contype(), ConstrType::ConstrPrimary | ConstrType::ConstrUnique);
    if key && (constraint.deferrable || constraint.initdeferred) {
        constraint.deferrable = false;
        constraint.initdeferred = false;
        let object = format!("{table}.{}", constraint.conname);
        draft.say("DSQL-DEFERRABLE", &object, "is checked at once, no longer at the end of a transaction", &[("detail", &object)])?;
    }
    Ok(())
}

/// The base type of a column as it is now; `None` when the column is not there.
pub fn type_of(create: &mut CreateStmt, column: &str) -> Option<String> {
    columns(create).find(|found| found.colname == column).and_then(|found| found.type_name.as_ref().map(names::type_base))
}
