//! Rule: column types that cannot be stored become ones that can; enums become text with a CHECK.
//! Never touches keys that are numbered by the database: see `identity`.

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, TypeName, a_const::Val};

use super::draft::{Change, Draft, columns, constraint, remove};
use crate::error::Result;
use crate::schema::conversion::TypeChange;
use crate::schema::names::{self, IntoNode};
use crate::schema::statement::Kind;
use crate::schema::tree;

/// A type's replacement.
struct Mapped {
    to: TypeName,
    finding: String,
    change: Change,
    /// Values of the enum, when it was one.
    labels: Vec<String>,
}

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    for at in 0..draft.tables.len() {
        let Some(mut table) = draft.tables.get(at).cloned() else { continue };
        let mut checks = Vec::new();
        let mut left_out = Vec::new();
        for column in columns(&mut table.create) {
            collation(draft, &table.name, column)?;
            if let Some(check) = convert_column(draft, &table.name, column)? {
                checks.push(check);
            }
            if draft.is_gone(Kind::Table, &format!("{}.{}", table.name, column.colname)) {
                left_out.push(column.colname.clone());
            }
        }
        table
            .create
            .table_elts
            .retain(|node| !matches!(&node.node, Some(NodeEnum::ColumnDef(column)) if left_out.contains(&column.colname)));
        for (column, labels) in checks {
            let name = free_name(&mut table.create, &table.name, &column);
            table.create.table_elts.push(check(&name, &column, &labels)?);
        }
        if let Some(place) = draft.tables.get_mut(at) {
            *place = table;
        }
    }
    domains(draft)
}

fn convert_column(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef) -> Result<Option<(String, Vec<String>)>> {
    let Some(old) = column.type_name.clone() else { return Ok(None) };
    let object = format!("{table}.{}", column.colname);
    let Some(mapped) = map(draft, &old, &object)? else {
        return Ok(None);
    };
    let (from, to) = (tree::type_sql(&old)?, tree::type_sql(&mapped.to)?);
    let name = column.colname.clone();
    let holes = [("column", name.as_str()), ("table", table), ("from", from.as_str()), ("to", to.as_str()), ("detail", name.as_str())];
    let generated = constraint(column, ConstrType::ConstrGenerated).is_some();
    if generated && matches!(mapped.change, Change::Array | Change::Other) {
        draft.gone.insert((Kind::Table, object.clone()));
        draft.say("DSQL-GENERATED", &object, format!("generated column of type {from} is left out"), &holes)?;
        draft.type_changes.push(TypeChange { table: table.to_owned(), column: name, from, to: String::new() });
        return Ok(None);
    }
    draft.say(
        &mapped.finding,
        &object,
        format!("{from} becomes {to}{}", if mapped.labels.is_empty() { "" } else { " with a CHECK" }),
        &holes,
    )?;
    draft.type_changes.push(TypeChange { table: table.to_owned(), column: name.clone(), from, to: to.clone() });
    draft.changed.insert((table.to_owned(), name.clone()), mapped.change);
    column.type_name = Some(mapped.to);
    default(draft, &object, column, mapped.change, &names::type_base(&old), &to)?;
    Ok((!mapped.labels.is_empty()).then_some((name, mapped.labels)))
}

/// A constant default is written in the new type; others go through the expression rule.
fn default(draft: &mut Draft<'_>, object: &str, column: &mut ColumnDef, change: Change, element: &str, to: &str) -> Result<()> {
    let Some(default) = constraint(column, ConstrType::ConstrDefault).and_then(|found| found.raw_expr.as_deref_mut()) else {
        return Ok(());
    };
    match change {
        Change::Array => match super::arrays::to_json(default, element) {
            Some(json) => *default = tree::expression(&format!("{}::jsonb", quoted(&json)))?,
            None => {
                let shown = tree::expression_sql(default)?;
                remove(column, ConstrType::ConstrDefault);
                draft.say("DSQL-DEFAULT", object, "the default is left out", &[("detail", &shown)])?;
            }
        },
        Change::Other | Change::Number => {
            if let Some(text) = tree::constant(default) {
                let text = if change == Change::Number { text.replace(['$', ','], "") } else { text };
                *default = tree::expression(&format!("{}::{to}", quoted(&text)))?;
            }
        }
        Change::Enum | Change::FoldCase | Change::Widened | Change::Declared => {}
    }
    Ok(())
}

/// What a stored type becomes; `None` when it stays.
fn map(draft: &Draft<'_>, old: &TypeName, object: &str) -> Result<Option<Mapped>> {
    let types = &draft.capabilities.types;
    let (base, full) = (names::type_base(old), names::type_full(old));
    let plain = |to: &str, finding: &str, change| -> Result<Option<Mapped>> {
        Ok(Some(Mapped { to: tree::type_name(to)?, finding: finding.to_owned(), change, labels: Vec::new() }))
    };
    if !old.array_bounds.is_empty() {
        return match &types.array {
            Some(array) => plain(&array.to, &array.finding, Change::Array),
            None => Ok(None),
        };
    }
    if let Some(labels) = draft.enums.get(&full) {
        return Ok(Some(Mapped {
            to: tree::type_name("text")?,
            finding: types.enumeration.clone(),
            change: Change::Enum,
            labels: labels.clone(),
        }));
    }
    if draft.domains.iter().any(|(name, _)| *name == full) {
        return Ok(None);
    }
    if let (true, Some(composite)) =
        (draft.composites.contains(&full) || draft.tables.iter().any(|table| table.name == full), &types.composite)
    {
        return plain(&composite.to, &composite.finding, Change::Other);
    }
    if let Some(found) = draft.capabilities.replacement(&base) {
        let change = match (found.fold_case, found.to.starts_with("numeric")) {
            (true, _) => Change::FoldCase,
            (false, true) => Change::Number,
            (false, false) => Change::Other,
        };
        return plain(&found.to, &found.finding, change);
    }
    if types.keep.contains(&base) {
        if base == "numeric" && old.typmods.is_empty() {
            let numeric = draft.options.numeric_columns.get(object).copied().unwrap_or(draft.options.numeric);
            return plain(&format!("numeric({},{})", numeric.precision, numeric.scale), &types.bare_numeric, Change::Declared);
        }
        let limit = match base.as_str() {
            "varchar" => draft.capabilities.limit("varchar_bytes"),
            "bpchar" => draft.capabilities.limit("char_bytes"),
            _ => None,
        };
        return match limit.filter(|limit| width(old).is_some_and(|width| width > limit.value)) {
            Some(limit) => plain("text", &limit.finding, Change::Declared),
            None => Ok(None),
        };
    }
    match &types.unknown {
        Some(unknown) => plain(&unknown.to, &unknown.finding, Change::Other),
        None => Ok(None),
    }
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

fn collation(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef) -> Result<()> {
    let Some(collate) = column.coll_clause.take() else { return Ok(()) };
    let object = format!("{table}.{}", column.colname);
    draft.say(
        "DSQL-COLLATE",
        &object,
        format!("COLLATE {} is left out", names::parts(&collate.collname).join(".")),
        &[("column", &column.colname)],
    )
}

fn domains(draft: &mut Draft<'_>) -> Result<()> {
    for at in 0..draft.domains.len() {
        let Some((name, mut domain)) = draft.domains.get(at).cloned() else { continue };
        if let Some(collate) = domain.coll_clause.take() {
            draft.say("DSQL-COLLATE", &name, format!("COLLATE {} is left out", names::parts(&collate.collname).join(".")), &[])?;
        }
        if let Some(old) = domain.type_name.clone()
            && let Some(mapped) = map(draft, &old, &name)?
        {
            let (from, to) = (tree::type_sql(&old)?, tree::type_sql(&mapped.to)?);
            draft.say(
                &mapped.finding,
                &name,
                format!("domain over {from} becomes one over {to}"),
                &[("column", &name), ("from", &from), ("to", &to), ("detail", &name)],
            )?;
            domain.type_name = Some(mapped.to);
            if !mapped.labels.is_empty() {
                domain.constraints.push(check("", "VALUE", &mapped.labels)?);
            }
        }
        if let Some(place) = draft.domains.get_mut(at) {
            *place = (name, domain);
        }
    }
    Ok(())
}

/// `CONSTRAINT name CHECK (column IN ('a', 'b'))`.
fn check(name: &str, column: &str, labels: &[String]) -> Result<pg_query::Node> {
    let column = if column == "VALUE" { column.to_owned() } else { format!("\"{}\"", column.replace('"', "\"\"")) };
    let list = labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ");
    let constraint = Constraint {
        contype: ConstrType::ConstrCheck.into(),
        conname: name.to_owned(),
        is_enforced: true,
        initially_valid: true,
        raw_expr: Some(Box::new(tree::expression(&format!("{column} IN ({list})"))?)),
        ..Default::default()
    };
    Ok(NodeEnum::Constraint(Box::new(constraint)).into_node())
}

/// PostgreSQL's own name for such a check, or the next free one.
fn free_name(create: &mut pg_query::protobuf::CreateStmt, table: &str, column: &str) -> String {
    let taken: Vec<String> = super::draft::constraints(create).map(|constraint| constraint.conname.clone()).collect();
    let base: String = format!("{}_{column}", table.rsplit('.').next().unwrap_or(table)).chars().take(50).collect();
    let names = std::iter::once(format!("{base}_check")).chain((1..).map(|n| format!("{base}_check{n}")));
    names.into_iter().find(|name| !taken.contains(name)).unwrap_or(base)
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
