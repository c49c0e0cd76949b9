//! The schema compiler: a `pg_dump --schema-only` in, ordered statements for the target and a finding for every change out.
//! Never writes to a database: statements go out through a closure that the caller gives to [`apply()`]; only [`evidence`] reads one.

mod apply;
mod build;
mod capabilities;
mod classify;
mod conversion;
mod differences;
mod drop;
mod dumped;
pub mod evidence;
mod files;
mod finding;
mod names;
mod options;
mod order;
mod outline;
mod parse;
mod passthrough;
mod rule_table;
mod rules;
mod send;
mod sides;
mod signed;
mod statement;
mod target;
mod tree;

pub use apply::{Applied, apply, apply_signed};
pub use build::{Built, Task, Work, build, left, tasks};
pub use capabilities::{Capabilities, ChoiceFact, OptionFact};
pub use conversion::{Choice, Conversion, TypeChange};
pub use differences::{Difference, differences};
pub use drop::drop_statement;
pub use files::{files, report};
pub use finding::{Evidence, Finding, Lossless, Severity, Verdict};
pub use options::{ArrayForm, EnumForm, ForeignKeys, Numeric, Numerics, Options, Pick, SerialKeys};
pub use outline::{Outline, outline};
pub use parse::{Source, parse};
pub use rule_table::rules;
pub use send::send;
pub use sides::{Side, by_object, page as sides_page, sides};
pub use signed::{Signed, is_signed, read as read_signed};
pub use statement::{Dialect, Kind, Phase, Statement, without_async};
pub use target::Target;

use crate::error::Result;

/// Converts the text of `pg_dump --schema-only --no-owner --no-privileges` (PostgreSQL 13 to 18) for the target.
///
/// Every object of the dump is in a statement or in a finding. The same input gives the same output.
/// Errors: [`crate::error::Kind::Input`] naming the line that cannot be parsed.
pub fn convert(dump: &str, target: Target, options: &Options) -> Result<Conversion> {
    let capabilities = Capabilities::of(target)?;
    let sources = parse(dump)?;
    if capabilities.rewrite {
        dumped::check(&sources)?;
    }
    if capabilities.rewrite {
        rules::convert(sources, target, &capabilities, options)
    } else {
        passthrough::convert(sources, target, &capabilities)
    }
}

#[cfg(test)]
mod tests;
