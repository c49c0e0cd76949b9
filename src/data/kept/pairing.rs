//! Which table of the new side is which of the old one, and which way round the two can be compared.
//! Pure: two catalogues in; a table that cannot be compared is named with its reason, never left out.

use crate::data::catalog::Table;
use crate::data::plan::{Choice, Digest, Side, TablePlan, plan};

/// A table of the new side.
#[derive(Debug)]
pub struct Pairing<'t> {
    pub here: &'t Table,
    /// `None`: the two sides cannot be compared, and all of its rows are taken for written here.
    pub plan: Option<TablePlan>,
    /// The plan reads the old side and makes the new one's values of it: for numbers that became uuids.
    pub turned: bool,
    /// Why its rows can only be put back by hand; empty where they need not be.
    pub by_hand: String,
}

impl Pairing<'_> {
    /// Of the new side, in its plan.
    pub fn here(&self) -> Side {
        if self.turned { Side::Target } else { Side::Source }
    }

    /// Of the old side.
    pub fn there(&self) -> Side {
        if self.turned { Side::Source } else { Side::Target }
    }

    /// What a row of the new side is as the old side writes it, column by column; where that cannot be told, as the new side writes it.
    pub fn values_here(&self) -> Vec<String> {
        match &self.plan {
            Some(plan) if !self.turned => plan.columns.iter().map(|column| format!("({})::text", column.value)).collect(),
            Some(_) | None => self.columns().iter().map(|name| format!("{}::text", crate::postgres::quote::ident(name))).collect(),
        }
    }

    pub fn columns(&self) -> Vec<String> {
        match &self.plan {
            Some(plan) => plan.columns.iter().map(|column| column.name.clone()).collect(),
            None => self.here.columns.iter().filter(|column| !column.generated).map(|column| column.name.clone()).collect(),
        }
    }
}

pub const NO_KEY: &str = "no key tells its rows apart: all of them are kept, as they are";
const NO_NUMBER: &str = "its keys are uuids here and numbers there: a row that was made here has no number";

/// Every table of the new side that `choice` takes.
pub fn pair<'t>(here: &'t [Table], there: &[Table], choice: &Choice, digest: Digest) -> Vec<Pairing<'t>> {
    here.iter().filter(|table| choice.takes(table)).map(|table| pair_one(table, here, there, digest)).collect()
}

fn pair_one<'t>(table: &'t Table, here: &[Table], there: &[Table], digest: Digest) -> Pairing<'t> {
    let only = Choice { only: vec![table.label()], except: Vec::new() };
    if !there.iter().any(|other| other.schema == table.schema && other.name == table.name) {
        return Pairing { here: table, plan: None, turned: false, by_hand: "it is not on the other side".to_owned() };
    }
    let first = |planned: crate::error::Result<crate::data::plan::Plan>| planned.map(|plan| plan.tables.into_iter().next());
    let why = match first(plan(here, there, &only, digest)) {
        Ok(Some(plan)) => {
            let by_hand = if plan.key.is_empty() { NO_KEY.to_owned() } else { String::new() };
            return Pairing { here: table, plan: Some(plan), turned: false, by_hand };
        }
        Ok(None) => String::new(),
        Err(error) => error.causes.first().cloned().unwrap_or(error.what),
    };
    // What has no way back can still be compared the way it came.
    match first(plan(there, here, &only, digest)) {
        Ok(Some(plan)) => {
            let by_hand = if why.contains("no number can be made") { NO_NUMBER.to_owned() } else { why };
            Pairing { here: table, plan: Some(plan), turned: true, by_hand }
        }
        Ok(None) | Err(_) => Pairing { here: table, plan: None, turned: false, by_hand: why },
    }
}
