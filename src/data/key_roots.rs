//! Where the numbers of a column come from: the key at the end of its foreign keys.
//! Never asks a server: it reads the catalogue that the plan is made of.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Column, Table};

/// `public.orders.user_id` → the column that it refers to.
pub struct KeyRoots(BTreeMap<String, String>);

impl KeyRoots {
    /// Of several foreign keys of one column the first by name counts, as in the schema compiler.
    pub fn of(tables: &[Table]) -> Self {
        let mut up = BTreeMap::<String, String>::new();
        for table in tables {
            for reference in &table.references {
                let child = format!("{}.{}", table.label(), reference.column);
                let parent = up.entry(child).or_insert_with(|| reference.to.clone());
                if reference.to < *parent {
                    parent.clone_from(&reference.to);
                }
            }
        }
        Self(up)
    }

    /// `public.users.id`.
    pub fn root(&self, table: &Table, column: &Column) -> String {
        let (mut at, mut seen) = (format!("{}.{}", table.label(), column.name), BTreeSet::new());
        while let Some(parent) = self.0.get(&at)
            && seen.insert(at.clone())
        {
            at.clone_from(parent);
        }
        at
    }
}
