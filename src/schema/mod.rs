//! The schema compiler: a `pg_dump --schema-only` in, ordered statements for the target and a finding for every change out.
//! Never writes to a database: statements go out through a closure that the caller gives to [`apply()`]; only [`evidence`] and [`definitions()`] read one.

mod apply;
mod aside;
mod build;
mod capabilities;
mod classify;
mod conversion;
mod decode;
mod definitions;
mod differences;
mod drop;
mod dumped;
pub mod evidence;
mod except;
mod files;
mod finding;
mod names;
mod options;
mod order;
mod outline;
mod parse;
mod parts;
mod passthrough;
mod place;
mod plain;
mod product;
mod replit;
mod rule_table;
mod rules;
mod script;
mod send;
mod sides;
mod signed;
mod statement;
mod target;
mod threads;
mod tree;
mod wrong;

pub use apply::{Applied, apply};
pub use build::{Built, Task, Work, build, left, tasks};
pub use capabilities::{Capabilities, ChoiceFact, OptionFact};
pub use conversion::{Choice, Conversion, Definition, TypeChange};
pub use decode::decode;
pub use definitions::{Definitions, definitions};
pub use differences::{Difference, differences};
pub use drop::drop_statement;
pub use files::{files, folder, is_as_written};
pub use finding::{Evidence, Finding, Lossless, Severity, Verdict};
pub use options::{ArrayForm, EnumForm, ForeignKeys, Numeric, Numerics, Options, Pick, SerialKeys};
pub use outline::{Outline, outline};
pub use parse::{Parsed, Source, parse};
pub use parts::{Part, Parts, of as parts_of, parts};
pub use rule_table::rules;
pub use send::send;
pub use sides::{Side, by_object, sides};
pub use signed::{Signed, is_signed, read as read_signed};
pub use statement::{Dialect, Kind, Phase, Statement};
pub use target::Target;

use crate::error::Result;

/// Converts the text of `pg_dump --schema-only` (PostgreSQL 13 to 18) for the target.
///
/// Every object of the dump is in a statement or in a finding. The same input gives the same output.
/// Errors: [`crate::error::Kind::Input`] naming the place that cannot be parsed.
pub fn convert(dump: &str, target: Target, options: &Options) -> Result<Conversion> {
    convert_file("dump", dump, target, options)
}

/// The same of a file, which errors call by this name.
pub fn convert_file(name: &str, dump: &str, target: Target, options: &Options) -> Result<Conversion> {
    let capabilities = Capabilities::of(target)?;
    let prefix = target.name().to_uppercase();
    let Parsed { mut sources, asides } = parse(name, dump)?;
    let source = sources.iter().filter_map(|s| Some(Definition { object: sides::owner(&s.node)?, sql: s.text.clone() })).collect();
    let mut told = except::leave_out(&mut sources, &options.except, &capabilities, &prefix)?;
    told.extend(replit::findings(&sources, &capabilities, &prefix)?);
    dumped::check(&place::Text { name, text: dump }, &sources, capabilities.rewrite)?;
    told.extend(asides.findings(&capabilities, &prefix)?);
    let mut conversion = if capabilities.rewrite {
        rules::convert(sources, target, &capabilities, options)?
    } else {
        passthrough::convert(sources, target, &capabilities)?
    };
    conversion.findings.extend(told);
    conversion.source = source;
    Ok(conversion)
}

#[cfg(test)]
mod tests;
