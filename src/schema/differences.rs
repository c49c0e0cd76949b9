//! Two schemas held against each other, statement by statement or part by part: what one has and the other has not, or has otherwise.
//! Never by text: by PostgreSQL's own parser, so that layout says nothing.

use serde::Serialize;

use super::conversion::Conversion;
use super::parts::{Part, Parts};
use super::statement::{Kind, Statement};
use super::tree;
use crate::error::{Error, Result};

/// One object that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `index:public.orders_at_idx`.
    pub id: String,
    /// As it should be; none for what should not be there.
    pub wanted: Option<String>,
    /// As it is.
    pub found: Option<String>,
}

/// What differs between two conversions for the same target, statement by statement, in the order of the ids.
pub fn differences(wanted: &Conversion, found: &Conversion) -> Result<Vec<Difference>> {
    Ok(between(&by_id(wanted)?, &by_id(found)?))
}

/// The same of schemas taken apart.
pub fn between(wanted: &Parts, found: &Parts) -> Vec<Difference> {
    let ids: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    ids.into_iter()
        .map(|id| (id, wanted.get(id), found.get(id)))
        .filter(|(_, wanted, found)| wanted.map(|part| &part.form) != found.map(|part| &part.form))
        .map(|(id, wanted, found)| {
            let sql = |side: Option<&Part>| side.map(|part| part.sql.clone());
            Difference { id: id.clone(), wanted: sql(wanted), found: sql(found) }
        })
        .collect()
}

/// Text and form of each statement that makes an object.
fn by_id(conversion: &Conversion) -> Result<Parts> {
    let makes = |statement: &&Statement| !matches!(statement.kind, Kind::Session | Kind::Refresh);
    let part = |s: &Statement| Ok((s.id.clone(), Part { sql: s.sql.clone(), form: form(&s.sql)? }));
    conversion.statements.iter().filter(makes).map(part).collect()
}

/// The statement as the parser prints it.
fn form(sql: &str) -> Result<String> {
    let parsed = pg_query::parse(sql, 0).map_err(|error| Error::bug("a statement of a conversion cannot be parsed").because(&error))?;
    let nodes = parsed.protobuf.stmts.into_iter().filter_map(|raw| raw.stmt?.node);
    Ok(nodes.map(tree::sql).collect::<Result<Vec<_>>>()?.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Target, convert};
    use super::*;

    fn between(wanted: &str, found: &str) -> Vec<Difference> {
        let convert = |sql| convert(sql, Target::Rds, &Options::default()).unwrap();
        differences(&convert(wanted), &convert(found)).unwrap()
    }

    const TABLE: &str = "CREATE TABLE public.t (a integer NOT NULL, b text);";

    #[test]
    fn layout_and_order_say_nothing() {
        let other = "CREATE INDEX t_b ON public.t USING btree (b);\nCREATE TABLE public.t (\n    a integer NOT NULL,\n    b text\n);";
        assert_eq!(between(&format!("{TABLE} CREATE INDEX t_b ON public.t  USING btree (b);"), other), []);
    }

    #[test]
    fn what_is_missing_what_is_too_much_and_what_is_otherwise_is_named() {
        let wanted = format!("{TABLE} CREATE INDEX t_b ON public.t USING btree (b); CREATE VIEW public.v AS SELECT 1 AS one;");
        let found = "CREATE TABLE public.t (a bigint NOT NULL, b text); CREATE VIEW public.v AS SELECT 1 AS one; CREATE SEQUENCE public.s;";
        let found = between(&wanted, found);
        let named: Vec<(&str, bool, bool)> = found.iter().map(|d| (d.id.as_str(), d.wanted.is_some(), d.found.is_some())).collect();
        assert_eq!(named, [("index:public.t_b", true, false), ("sequence:public.s", false, true), ("table:public.t", true, true)]);
    }
}
