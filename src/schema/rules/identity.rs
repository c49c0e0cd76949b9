//! Rule: keys numbered by the database become bigint identity columns, unless a uuid was chosen for them.
//! Never changes numbers: the counters are set after the data is loaded.

use std::collections::BTreeMap;

use pg_query::protobuf::{ColumnDef, ConstrType, Constraint, CreateStmt, DefElem, DefElemAction};
use pg_query::{Node, NodeEnum};

use super::draft::{Change, Draft, Sequence, columns, constraint, constraints, remove};
use crate::error::{Error, Result};
use crate::schema::conversion::TypeChange;
use crate::schema::names::{self, IntoNode};
use crate::schema::options::SerialKeys;
use crate::schema::statement::Kind;
use crate::schema::tree;

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let uses = uses(draft);
    // Those that no column takes are put back, in their order.
    let mut free: BTreeMap<String, (usize, Sequence)> =
        std::mem::take(&mut draft.sequences).into_iter().enumerate().map(|(at, found)| (found.name.clone(), (at, found))).collect();
    draft.each(|draft, table| {
        let key = primary_key(&mut table.create);
        for column in columns(&mut table.create) {
            let alone = key.as_slice() == [column.colname.clone()];
            convert_column(draft, &table.name, column, &uses, &mut free, alone)?;
        }
        Ok(())
    })?;
    let mut left: Vec<(usize, Sequence)> = free.into_values().collect();
    left.sort_by_key(|(at, _)| *at);
    draft.sequences = left.into_iter().map(|(_, sequence)| sequence).collect();
    Ok(())
}

/// How many columns draw from each sequence.
fn uses(draft: &mut Draft<'_>) -> BTreeMap<String, usize> {
    let mut uses = BTreeMap::<String, usize>::new();
    for table in &mut draft.tables {
        for column in columns(&mut table.create) {
            if let Some(sequence) = sequence_of(column) {
                let times = uses.entry(sequence).or_default();
                *times = times.saturating_add(1);
            }
        }
    }
    uses
}

/// The sequence of `DEFAULT nextval('...')`, when the default is nothing else.
fn sequence_of(column: &mut ColumnDef) -> Option<String> {
    let default = constraint(column, ConstrType::ConstrDefault)?.raw_expr.as_deref()?;
    let Some(NodeEnum::FuncCall(call)) = &default.node else { return None };
    if names::parts(&call.funcname).last().is_none_or(|name| name != "nextval") {
        return None;
    }
    tree::constant(call.args.first()?).map(|text| text.replace('"', ""))
}

/// The columns of the primary key.
fn primary_key(create: &mut CreateStmt) -> Vec<String> {
    constraints(create).find(|found| found.contype() == ConstrType::ConstrPrimary).map(|key| names::parts(&key.keys)).unwrap_or_default()
}

/// `alone`: the column is the whole primary key.
fn convert_column(
    draft: &mut Draft<'_>,
    table: &str,
    column: &mut ColumnDef,
    uses: &BTreeMap<String, usize>,
    free: &mut BTreeMap<String, (usize, Sequence)>,
    alone: bool,
) -> Result<()> {
    let object = format!("{table}.{}", column.colname);
    let whole = column.type_name.as_ref().is_some_and(|t| matches!(names::type_base(t).as_str(), "int2" | "int4" | "int8"));
    let (options, what) = if let Some(found) = constraint(column, ConstrType::ConstrIdentity) {
        let always = if found.generated_when == "a" { ", BY DEFAULT instead of ALWAYS so that rows keep their numbers" } else { "" };
        let sequence = found.options.iter().find_map(sequence_name).map(|name| format!(" ({name})")).unwrap_or_default();
        (found.options.clone(), format!("identity{sequence} becomes bigint identity{always}"))
    } else if let Some(name) = sequence_of(column).filter(|name| whole && uses.get(name) == Some(&1)) {
        let owned = |(_, s): &(usize, Sequence)| s.owner.as_ref().is_none_or(|o| *o == (table.to_owned(), column.colname.clone()));
        if !free.get(&name).is_some_and(owned) {
            return Ok(());
        }
        let Some((_, sequence)) = free.remove(&name) else { return Ok(()) };
        draft.gone.insert((Kind::Sequence, name.clone()));
        (sequence.create.options, format!("sequence {name} becomes the column's own bigint identity"))
    } else {
        return Ok(());
    };
    remove(column, ConstrType::ConstrDefault);
    remove(column, ConstrType::ConstrIdentity);
    draft.decide("serial_keys", &object);
    let form = draft.options.serial_keys.of(&object);
    if form == SerialKeys::Uuid && alone {
        return super::uuid_keys::begin(draft, table, column);
    }
    column.constraints.push(NodeEnum::Constraint(Box::new(identity(&options, cache(form))?)).into_node());
    let name = column.colname.clone();
    let what =
        if form == SerialKeys::Uuid { format!("{what}; it is no primary key by itself, so it does not become a uuid") } else { what };
    draft.say("DSQL-IDENTITY", &object, what, &[("column", &name)])?;
    to_bigint(draft, table, column)
}

/// How many numbers a session takes at once. Where a uuid was chosen, a counter that is no key is one that must not be waited for.
pub fn cache(form: SerialKeys) -> u32 {
    match form {
        SerialKeys::Cache1 => 1,
        SerialKeys::Cache65536 | SerialKeys::Uuid => 65_536,
    }
}

/// `GENERATED BY DEFAULT AS IDENTITY (... CACHE n)` with what is unusual in the old sequence.
pub fn identity(old: &[Node], cache: u32) -> Result<Constraint> {
    let number = i32::try_from(cache).map_err(|_| Error::bug(format!("a cache of {cache} is too large")))?;
    let number = NodeEnum::Integer(pg_query::protobuf::Integer { ival: number }).into_node();
    let cache = DefElem {
        defname: "cache".into(),
        arg: Some(Box::new(number)),
        defaction: DefElemAction::DefelemUnspec.into(),
        ..DefElem::default()
    };
    let options = kept_options(old).into_iter().chain([NodeEnum::DefElem(Box::new(cache)).into_node()]).collect();
    Ok(Constraint {
        contype: ConstrType::ConstrIdentity.into(),
        is_enforced: true,
        initially_valid: true,
        generated_when: "d".into(),
        options,
        ..Constraint::default()
    })
}

/// Start, step, bounds and cycle where they are not what they would be anyway.
pub fn kept_options(options: &[Node]) -> Vec<Node> {
    let keep = |option: &&Node| {
        let Some(NodeEnum::DefElem(element)) = &option.node else { return false };
        let Some(NodeEnum::Integer(value)) = element.arg.as_ref().and_then(|arg| arg.node.as_ref()) else {
            return element.defname == "cycle"
                || (element.arg.is_some() && matches!(element.defname.as_str(), "start" | "increment" | "minvalue" | "maxvalue"));
        };
        match element.defname.as_str() {
            "start" | "increment" | "minvalue" => value.ival != 1,
            "maxvalue" => value.ival != i32::MAX,
            _ => false,
        }
    };
    options.iter().filter(keep).cloned().collect()
}

fn sequence_name(option: &Node) -> Option<String> {
    match &option.node {
        Some(NodeEnum::DefElem(element)) if element.defname == "sequence_name" => match &element.arg.as_ref()?.node {
            Some(NodeEnum::List(list)) => Some(names::list(&list.items)),
            _ => None,
        },
        _ => None,
    }
}

pub fn to_bigint(draft: &mut Draft<'_>, table: &str, column: &mut ColumnDef) -> Result<()> {
    let key = (table.to_owned(), column.colname.clone());
    draft.changed.insert(key, Change::Widened);
    let Some(old) = column.type_name.take() else { return Ok(()) };
    let bigint = tree::type_name("bigint")?;
    if names::type_base(&old) != "int8" {
        let (from, to) = (tree::type_sql(&old)?, tree::type_sql(&bigint)?);
        draft.type_changes.push(TypeChange { table: table.to_owned(), column: column.colname.clone(), from, to });
    }
    column.type_name = Some(bigint);
    Ok(())
}
