//! Rule: a CHECK says the same with the target's types and functions, or is left out, to be made in the app.
//! Never makes a check stricter, and never checks what the source does not enforce on all rows.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint};

use super::draft::{Draft, constraints};
use super::tables::Table;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::schema::statement::Kind;
use crate::schema::tree;

const ID: &str = "DSQL-CHECK";

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let words = Vocabulary::of(draft)?;
    draft.each(|draft, table| of_table(draft, &words, table))?;
    for (table, mut check) in std::mem::take(&mut draft.late_checks) {
        if keep_check(draft, &words, &table, &mut check)? {
            draft.late_checks.push((table, check));
        }
    }
    domains(draft, &words)
}

fn of_table(draft: &mut Draft<'_>, words: &Vocabulary, table: &mut Table) -> Result<()> {
    let mut left_out = Vec::new();
    for check in constraints(&mut table.create).filter(|constraint| constraint.contype() == ConstrType::ConstrCheck) {
        if !keep_check(draft, words, &table.name, check)? {
            left_out.push(check.conname.clone());
        }
    }
    table.create.table_elts.retain(|node| !matches!(&node.node, Some(NodeEnum::Constraint(check)) if left_out.contains(&check.conname)));
    Ok(())
}

fn keep_check(draft: &mut Draft<'_>, words: &Vocabulary, table: &str, check: &mut Constraint) -> Result<bool> {
    let Some(expression) = check.raw_expr.as_deref_mut() else { return Ok(true) };
    let before = expression.clone();
    words.rewrite(expression);
    let Some(obstacle) = words.obstacle(expression, &[table.to_owned()]) else { return Ok(true) };
    let object = format!("{table}.{}", check.conname);
    left_out(draft, &object, format!("CHECK is left out: {obstacle}"), &tree::expression_sql(&before)?)?;
    Ok(false)
}

fn domains(draft: &mut Draft<'_>, words: &Vocabulary) -> Result<()> {
    for at in 0..draft.domains.len() {
        let Some((name, mut domain)) = draft.domains.get(at).cloned() else { continue };
        let mut kept = Vec::new();
        for mut node in std::mem::take(&mut domain.constraints) {
            if let Some(NodeEnum::Constraint(constraint)) = &mut node.node
                && let Some(expression) = constraint.raw_expr.as_deref_mut()
            {
                let before = tree::expression_sql(expression)?;
                words.rewrite(expression);
                if let Some(obstacle) = words.obstacle(expression, &[]) {
                    draft.say(ID, &name, format!("{before} is left out of the domain: {obstacle}"), &[("detail", &before)])?;
                    continue;
                }
            }
            kept.push(node);
        }
        domain.constraints = kept;
        if let Some(place) = draft.domains.get_mut(at) {
            *place = (name, domain);
        }
    }
    Ok(())
}

/// Records that a check is not carried over.
pub fn left_out(draft: &mut Draft<'_>, object: &str, what: impl Into<String>, before: &str) -> Result<()> {
    draft.drop(Kind::Check, ID, object, what, before)
}
