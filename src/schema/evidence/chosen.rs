//! What the data decides where a person left it open: the precision of a `numeric`, a wide key as text.
//! Never changes what a person chose.

use std::collections::BTreeMap;

use super::catalog::{self, Table};
use super::facts::Facts;
use super::judge::Figures;
use super::numeric::{self, Digits};
use super::probe::Ask;
use super::scan::Reading;
use crate::schema::conversion::Conversion;
use crate::schema::options::{Numerics, Options};

/// Precisions that hold the data, and wide keys as text where their values are short. What a person chose stays.
pub fn options(options: &Options, tables: &[Table], readings: &[Reading], conversion: &Conversion, facts: &Facts) -> Options {
    let mut widest = BTreeMap::<String, Digits>::new();
    let mut chosen = options.clone();
    for reading in readings {
        let Ok((_, values)) = &reading.answer else { continue };
        if let Ask::Digits { object, to: None, .. } = &reading.ask {
            let place = widest.entry(object.clone()).or_default();
            *place = place.or(Digits::read(values));
        }
        if let Ask::Key { object, columns, .. } = &reading.ask
            && let Some(table) = tables.get(reading.table)
            && conversion.findings.iter().any(|finding| finding.id == facts.id("KEY-WIDTH") && finding.object == *object)
            && (Figures { rows: 0, values }).number(0) <= facts.key.unwrap_or_default()
        {
            // Both sides of a foreign key have one type: those stay as they are declared.
            let free = columns.iter().filter(|column| !catalog::refers(tables, table, column));
            chosen.text_columns.extend(free.map(|column| format!("{}.{column}", table.label())));
        }
    }
    if options.numerics == Numerics::Wide {
        return chosen;
    }
    for (object, digits) in widest.into_iter().filter(|(object, _)| !options.numeric_columns.contains_key(object)) {
        let numeric = numeric::choose(options.numeric, &digits, facts.digits.unwrap_or(u64::MAX));
        if let Some(numeric) = numeric.filter(|numeric| *numeric != options.numeric) {
            chosen.numeric_columns.insert(object, numeric);
        }
    }
    chosen
}
