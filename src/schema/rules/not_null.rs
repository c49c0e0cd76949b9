//! Rule: NOT NULL stands with its column, without name or inheritance; what the source does not enforce is left out.
//! Never makes a column stricter than the source does.

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint};

use super::draft::{Draft, columns, constraint};
use crate::error::Result;
use crate::schema::names::{self, IntoNode};

pub fn run(draft: &mut Draft<'_>) -> Result<()> {
    let mut left_out = Vec::new();
    for table in &mut draft.tables {
        let mut wanted = Vec::new();
        table.create.table_elts.retain(|node| match &node.node {
            Some(NodeEnum::Constraint(found)) if found.contype() == ConstrType::ConstrNotnull && !found.skip_validation => {
                wanted.extend(names::parts(&found.keys));
                false
            }
            Some(NodeEnum::Constraint(found)) => {
                let loose =
                    found.contype() == ConstrType::ConstrNotnull || (found.contype() == ConstrType::ConstrCheck && !found.is_enforced);
                if loose {
                    left_out.push(format!("{}.{}", table.name, found.conname));
                }
                !loose
            }
            _ => true,
        });
        for column in columns(&mut table.create) {
            if wanted.contains(&column.colname) && constraint(column, ConstrType::ConstrNotnull).is_none() {
                let not_null = Constraint { contype: ConstrType::ConstrNotnull.into(), ..Default::default() };
                column.constraints.push(NodeEnum::Constraint(Box::new(not_null)).into_node());
            }
            if let Some(found) = constraint(column, ConstrType::ConstrNotnull) {
                found.conname.clear();
                found.is_no_inherit = false;
            }
        }
        for found in super::draft::constraints(&mut table.create).filter(|found| found.contype() == ConstrType::ConstrCheck) {
            found.is_no_inherit = false;
        }
    }
    for object in left_out {
        super::checks::left_out(draft, &object, "is left out: the source does not enforce it on all rows", &object)?;
    }
    Ok(())
}
