//! Each table as it was in the dump and as it will be on the target, to be shown side by side.
//! Never changes a statement: both sides are text that stands elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use pg_query::NodeEnum;
use serde::{Deserialize, Serialize};

use super::conversion::Conversion;
use super::finding::{Finding, Severity};
use super::names;

/// One table, or one view, function or type that changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// `public.orders`.
    pub object: String,
    /// Its statements in the dump; empty for what the conversion made.
    pub before: String,
    /// Its statements on the target; empty for what is not carried over.
    pub after: String,
}

/// The objects in the order of the dump, those that the conversion made after them.
pub fn sides(conversion: &Conversion) -> Vec<Side> {
    let mut out: Vec<Side> = Vec::new();
    let mut places = HashMap::<&str, usize>::new();
    let mut put = |object, text: &str, after: bool| {
        let at = *places.entry(object).or_insert_with(|| {
            out.push(Side { object: object.to_owned(), ..Side::default() });
            out.len().saturating_sub(1)
        });
        let Some(side) = out.get_mut(at) else { return };
        let place = if after { &mut side.after } else { &mut side.before };
        if !place.is_empty() {
            place.push('\n');
        }
        place.push_str(text.trim_end());
        place.push(';');
    };
    for definition in &conversion.source {
        put(definition.object.as_str(), &definition.sql, false);
    }
    for statement in conversion.statements.iter().filter(|statement| !statement.belongs_to.is_empty()) {
        put(statement.belongs_to.as_str(), &statement.sql, true);
    }
    out
}

/// The table (or other object that people know by name) that a statement of the dump is about.
pub fn owner(node: &NodeEnum) -> Option<String> {
    Some(match node {
        NodeEnum::CreateStmt(s) => names::relation(s.relation.as_ref()),
        NodeEnum::AlterTableStmt(s) => names::relation(s.relation.as_ref()),
        NodeEnum::IndexStmt(s) => names::relation(s.relation.as_ref()),
        NodeEnum::CreateTrigStmt(s) => names::relation(s.relation.as_ref()),
        NodeEnum::RuleStmt(s) => names::relation(s.relation.as_ref()),
        NodeEnum::CreatePolicyStmt(s) => names::relation(s.table.as_ref()),
        NodeEnum::ViewStmt(s) => names::relation(s.view.as_ref()),
        NodeEnum::CreateTableAsStmt(s) => names::relation(s.into.as_ref().and_then(|into| into.rel.as_ref())),
        NodeEnum::CreateFunctionStmt(s) => names::list(&s.funcname),
        NodeEnum::CreateEnumStmt(s) => names::list(&s.type_name),
        NodeEnum::CompositeTypeStmt(s) => names::relation(s.typevar.as_ref()),
        NodeEnum::CreateDomainStmt(s) => names::list(&s.domainname),
        _ => return None,
    })
}

/// The findings about each object: `public.orders.status` belongs to `public.orders`; what belongs to none comes under "".
pub fn by_object<'a>(sides: &[Side], findings: &'a [Finding]) -> Vec<(String, Vec<&'a Finding>)> {
    let place: BTreeMap<&str, usize> = sides.iter().enumerate().map(|(at, side)| (side.object.as_str(), at)).collect();
    // An index is named by schema and name; its text says whose it is.
    let mut indexes = BTreeMap::<&str, usize>::new();
    for (at, side) in sides.iter().enumerate() {
        for line in side.before.lines() {
            let name = line.split_once("INDEX ").and_then(|(_, rest)| rest.split_once(" ON ")).map(|(name, _)| name.trim_matches('"'));
            name.into_iter().for_each(|name| _ = indexes.entry(name).or_insert(at));
        }
    }
    let index_of = |object: &str| indexes.get(object.rsplit('.').next().unwrap_or(object)).copied();
    let mut grouped = BTreeMap::<usize, Vec<&Finding>>::new();
    for finding in findings {
        let of_parent = || finding.object.rsplit_once('.').and_then(|(parent, _)| place.get(parent).copied());
        let at = place.get(finding.object.as_str()).copied().or_else(of_parent).or_else(|| index_of(&finding.object));
        grouped.entry(at.unwrap_or(usize::MAX)).or_default().push(finding);
    }
    grouped
        .into_iter()
        .map(|(at, mut found)| {
            found.sort_by_key(|finding| finding.severity);
            (sides.get(at).map(|side| side.object.clone()).unwrap_or_default(), found)
        })
        .collect()
}

/// A page with each object that changes: its findings, before and after.
pub fn page(sides: &[Side], conversion: &Conversion) -> String {
    let mut out = format!("# Before and after, for {}\n", conversion.target);
    let place: BTreeMap<&str, &Side> = sides.iter().map(|side| (side.object.as_str(), side)).collect();
    for (object, findings) in by_object(sides, &conversion.findings) {
        let side = place.get(object.as_str());
        let _ = writeln!(out, "\n## {}\n", if object.is_empty() { "Everything else" } else { &object });
        for finding in findings {
            let mark = match finding.severity {
                Severity::Blocks => "to decide",
                Severity::Changes => "changes",
                Severity::Info => "good to know",
            };
            let _ = writeln!(out, "- {mark}, `{}` {}: {}", finding.id, finding.object, finding.what.replace('\n', " "));
        }
        if let Some(side) = side {
            let text = |text: &str| if text.is_empty() { "-- nothing".to_owned() } else { text.to_owned() };
            let _ = write!(out, "\nBefore:\n\n```sql\n{}\n```\n\nAfter:\n\n```sql\n{}\n```\n", text(&side.before), text(&side.after));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Options, Target, convert};
    use super::*;

    const DUMP: &str = "CREATE TABLE public.t (id integer NOT NULL, tags text[]);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE INDEX t_tags ON public.t USING gin (tags);
CREATE TABLE public.u (id uuid NOT NULL);
CREATE EXTENSION pgcrypto;";

    #[test]
    fn a_table_stands_with_all_that_is_its_own_on_both_sides() {
        let conversion = convert(DUMP, Target::Dsql, &Options::default()).unwrap();
        let found = sides(&conversion);
        assert_eq!(found.iter().map(|side| side.object.as_str()).collect::<Vec<_>>(), ["public.t", "public.u"]);
        assert_eq!(
            found[0].before,
            "CREATE TABLE public.t (id integer NOT NULL, tags text[]);\nALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\nCREATE INDEX t_tags ON public.t USING gin (tags);"
        );
        assert_eq!(
            found[0].after,
            "CREATE TABLE IF NOT EXISTS public.t (\n    id int NOT NULL,\n    tags jsonb,\n    CONSTRAINT t_pkey PRIMARY KEY (id)\n);"
        );
    }

    #[test]
    fn findings_stand_with_the_table_they_are_about_the_gravest_first() {
        let conversion = convert(DUMP, Target::Dsql, &Options::default()).unwrap();
        let found = sides(&conversion);
        let grouped: Vec<(String, Vec<&str>)> =
            by_object(&found, &conversion.findings).into_iter().map(|(o, f)| (o, f.iter().map(|f| f.id.as_str()).collect())).collect();
        assert_eq!(
            grouped,
            [
                ("public.t".to_owned(), vec!["DSQL-ARRAY", "DSQL-INDEX-METHOD"]),
                ("public.u".to_owned(), vec!["DSQL-NO-KEY"]),
                (String::new(), vec!["DSQL-EXTENSION-UUID"]),
            ]
        );
        assert!(page(&found, &conversion).contains("## public.u\n\n- good to know, `DSQL-NO-KEY` public.u: has no primary key\n\nBefore:"));
    }
}
