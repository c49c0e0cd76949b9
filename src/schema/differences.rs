//! Two schemas held against each other, statement by statement: what one has and the other has not, or has otherwise.
//! Never by text: by PostgreSQL's own parser, so that layout says nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::conversion::Conversion;
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

/// What differs, in the order of the ids. Both are conversions for the same target.
pub fn differences(wanted: &Conversion, found: &Conversion) -> Result<Vec<Difference>> {
    let (mut wanted, mut found) = (by_id(wanted)?, by_id(found)?);
    let ids: std::collections::BTreeSet<String> = wanted.keys().chain(found.keys()).cloned().collect();
    let mut differences = Vec::new();
    for id in ids {
        let (wanted, found) = (wanted.remove(&id), found.remove(&id));
        if wanted.as_ref().map(|(_, form)| form) != found.as_ref().map(|(_, form)| form) {
            let sql = |side: Option<(String, String)>| side.map(|(sql, _)| sql);
            differences.push(Difference { id, wanted: sql(wanted), found: sql(found) });
        }
    }
    Ok(differences)
}

/// Text and form of each statement that makes an object.
fn by_id(conversion: &Conversion) -> Result<BTreeMap<String, (String, String)>> {
    let makes = |statement: &&Statement| !matches!(statement.kind, Kind::Session | Kind::Refresh);
    conversion.statements.iter().filter(makes).map(|s| Ok((s.id.clone(), (s.sql.clone(), form(&s.sql)?)))).collect()
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
