//! The tables of a schema in the dump's order, found by name without looking through them.
//! Never changes a table.

use std::collections::HashMap;

use pg_query::protobuf::CreateStmt;

/// A table and its name, `public.orders`.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    pub create: CreateStmt,
}

/// The tables; names do not change once they are here.
#[derive(Debug, Default)]
pub struct Tables {
    list: Vec<Table>,
    places: HashMap<String, usize>,
}

impl Tables {
    pub fn push(&mut self, table: Table) {
        // Of two with one name the first is found; PostgreSQL itself refuses the second.
        self.places.entry(table.name.clone()).or_insert(self.list.len());
        self.list.push(table);
    }

    pub fn named(&self, name: &str) -> Option<&Table> {
        self.list.get(*self.places.get(name)?)
    }

    pub fn named_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.list.get_mut(*self.places.get(name)?)
    }

    pub fn get_mut(&mut self, at: usize) -> Option<&mut Table> {
        self.list.get_mut(at)
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Table> {
        self.list.iter()
    }
}

impl IntoIterator for Tables {
    type Item = Table;
    type IntoIter = std::vec::IntoIter<Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tables {
    type Item = &'a Table;
    type IntoIter = std::slice::Iter<'a, Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl<'a> IntoIterator for &'a mut Tables {
    type Item = &'a mut Table;
    type IntoIter = std::slice::IterMut<'a, Table>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter_mut()
    }
}
