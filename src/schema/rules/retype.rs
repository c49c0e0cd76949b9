//! A column's or domain's type changed: the finding, the record for whoever moves the rows, the default in the new type.
//! Never decides which type: the rules do.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, TypeName, a_const::Val};

use super::draft::{Change, Draft, columns, constraint, remove};
use crate::error::Result;
use crate::schema::conversion::TypeChange;
use crate::schema::names;
use crate::schema::tree;

/// A type's replacement.
pub struct Mapped {
    pub to: TypeName,
    pub finding: String,
    pub change: Change,
    /// What stands beside the new type, in words: " with a CHECK".
    pub beside: &'static str,
}

impl Mapped {
    pub fn to(to: &str, finding: &str, change: Change) -> Result<Self> {
        Ok(Self { to: tree::type_name(to)?, finding: finding.to_owned(), change, beside: "" })
    }
}

/// What was changed: (table, column, the type before).
pub type Changed = Vec<(String, String, TypeName)>;

/// The name of a column or domain, `schema.table.column`, made when it is asked for: there are many columns, and most stay.
pub type Object<'a> = &'a dyn Fn() -> String;

/// Changes each column's type for which `map` has another: it is asked with the type and the column.
pub fn in_tables(draft: &mut Draft<'_>, map: impl Fn(&Draft<'_>, &TypeName, Object<'_>) -> Result<Option<Mapped>>) -> Result<Changed> {
    let mut changed = Vec::new();
    draft.each(|draft, table| {
        let mut left_out = Vec::new();
        for column in columns(&mut table.create) {
            let object = || format!("{}.{}", table.name, column.colname);
            let Some(mapped) = column.type_name.as_ref().map(|old| map(draft, old, &object)).transpose()?.flatten() else { continue };
            let Some(old) = column.type_name.clone() else { continue };
            if one(draft, &table.name, column, &old, mapped)? {
                changed.push((table.name.clone(), column.colname.clone(), old));
            } else {
                left_out.push(column.colname.clone());
            }
        }
        let kept = |node: &pg_query::Node| !matches!(&node.node, Some(NodeEnum::ColumnDef(column)) if left_out.contains(&column.colname));
        table.create.table_elts.retain(kept);
        Ok(())
    })?;
    Ok(changed)
}

/// The same for domains: gives (domain, type before).
pub fn in_domains(
    draft: &mut Draft<'_>,
    map: impl Fn(&Draft<'_>, &TypeName, Object<'_>) -> Result<Option<Mapped>>,
) -> Result<Vec<(String, TypeName)>> {
    let mut changed = Vec::new();
    for at in 0..draft.domains.len() {
        let Some((name, domain)) = draft.domains.get(at) else { continue };
        let (name, Some(old)) = (name.clone(), domain.type_name.clone()) else { continue };
        let Some(mapped) = map(draft, &old, &|| name.clone())? else { continue };
        let (from, to) = (tree::type_sql(&old)?, tree::type_sql(&mapped.to)?);
        let holes = [("column", name.as_str()), ("from", from.as_str()), ("to", to.as_str()), ("detail", name.as_str())];
        draft.say(&mapped.finding, &name, format!("domain over {from} becomes one over {to}{}", mapped.beside), &holes)?;
        if let Some((_, domain)) = draft.domains.get_mut(at) {
            domain.type_name = Some(mapped.to);
        }
        changed.push((name, old));
    }
    Ok(changed)
}

/// False: the column is generated and cannot be, so the caller takes it out.
fn one(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef, old: &TypeName, mapped: Mapped) -> Result<bool> {
    let object = format!("{table}.{}", column.colname);
    let (from, to) = (tree::type_sql(old)?, tree::type_sql(&mapped.to)?);
    let name = column.colname.clone();
    let generated = constraint(column, ConstrType::ConstrGenerated).is_some();
    if generated && matches!(mapped.change, Change::Array | Change::Other) {
        let what = format!("generated column of type {from} is left out");
        super::generated::leave_out(draft, table, &name, what, from, &name)?;
        return Ok(false);
    }
    let holes = [("column", name.as_str()), ("table", table), ("from", from.as_str()), ("to", to.as_str()), ("detail", name.as_str())];
    draft.say(&mapped.finding, &object, format!("{from} becomes {to}{}", mapped.beside), &holes)?;
    draft.type_changes.push(TypeChange { table: table.to_owned(), column: name.clone(), from, to: to.clone() });
    draft.changed.insert((table.to_owned(), name), mapped.change);
    column.type_name = Some(mapped.to);
    default(draft, &object, column, mapped.change, &names::type_base(old), &to)?;
    Ok(true)
}

/// A constant default is written in the new type; others go through the expression rule.
fn default(draft: &mut Draft<'_>, object: &str, column: &mut ColumnDef, change: Change, element: &str, to: &str) -> Result<()> {
    let Some(default) = constraint(column, ConstrType::ConstrDefault).and_then(|found| found.raw_expr.as_deref_mut()) else {
        return Ok(());
    };
    match change {
        Change::Array => match super::array_constants::to_json(default, element) {
            Some(json) => *default = tree::expression(&format!("{}::jsonb", quoted(&json)))?,
            None => {
                let shown = tree::expression_sql(default)?;
                remove(column, ConstrType::ConstrDefault);
                super::defaults::left_out(draft, object, "the default is left out", &shown)?;
            }
        },
        Change::Other | Change::Number => {
            if let Some(text) = tree::constant(default) {
                let text = if change == Change::Number { text.replace(['$', ','], "") } else { text };
                *default = tree::expression(&format!("{}::{to}", quoted(&text)))?;
            }
        }
        Change::Enum | Change::FoldCase | Change::Widened | Change::Uuid | Change::Declared => {}
    }
    Ok(())
}

/// The declared width, as in `varchar(255)`.
pub fn width(type_name: &TypeName) -> Option<u64> {
    match type_name.typmods.first()?.node.as_ref()? {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => u64::try_from(number.ival).ok(),
            Val::Fval(_) | Val::Boolval(_) | Val::Sval(_) | Val::Bsval(_) => None,
        },
        _ => None,
    }
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
