//! Which columns hold the same values because foreign keys tie them together.
//! Never changes anything.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::schema::names;

/// (table, column).
pub type At = (String, String);

/// Columns on both sides of foreign keys, each with those it is tied to: what it refers to, and what refers to it.
pub struct References {
    parents: BTreeMap<At, Vec<At>>,
    children: BTreeMap<At, Vec<At>>,
}

impl References {
    pub fn of(draft: &Draft<'_>) -> Self {
        let mut found = Self { parents: BTreeMap::new(), children: BTreeMap::new() };
        for (table, key) in &draft.foreign_keys {
            let parent = names::relation(key.pktable.as_ref());
            for (own, theirs) in names::parts(&key.fk_attrs).into_iter().zip(names::parts(&key.pk_attrs)) {
                let (child, parent) = ((table.clone(), own), (parent.clone(), theirs));
                found.parents.entry(child.clone()).or_default().push(parent.clone());
                found.children.entry(parent).or_default().push(child);
            }
        }
        found
    }

    /// Every column that is tied to this one, by way of any other; each with the one it was reached from. Not the column itself.
    pub fn tied(&self, to: &At) -> Vec<(At, At)> {
        let (mut seen, mut queue, mut out) = (BTreeSet::from([to.clone()]), vec![to.clone()], Vec::new());
        while let Some(from) = queue.pop() {
            let next = [&self.parents, &self.children].into_iter().filter_map(|side| side.get(&from)).flatten();
            for found in next {
                if seen.insert(found.clone()) {
                    queue.push(found.clone());
                    out.push((found.clone(), from.clone()));
                }
            }
        }
        out
    }

    /// Where the values of a column come from: the column that it refers to, and so on up.
    pub fn root(&self, of: &At) -> At {
        let (mut seen, mut at) = (BTreeSet::new(), of.clone());
        while let Some(parent) =
            self.parents.get(&at).and_then(|parents| parents.iter().min_by_key(|(table, column)| format!("{table}.{column}")))
            && seen.insert(at.clone())
        {
            at = parent.clone();
        }
        at
    }
}
