//! Conversion for a target that is not quite PostgreSQL: tables are taken apart, changed by rules, and printed again.
//! Never knows a fact about the target by itself: rules ask the capabilities, and every change leaves a finding.

mod arrays;
mod collect;
mod comments;
mod draft;
mod emit;
mod expressions;
mod foreign_keys;
mod functions;
mod identity;
mod indexes;
mod keys;
mod limits;
mod not_null;
mod tables;
mod types;
mod views;
mod widths;

use super::capabilities::Capabilities;
use super::conversion::Conversion;
use super::options::Options;
use super::parse::Source;
use super::target::Target;
use crate::error::Result;
use draft::Draft;

/// Runs the rules in their order; see [`super::convert`].
pub fn convert(sources: Vec<Source>, target: Target, capabilities: &Capabilities, options: &Options) -> Result<Conversion> {
    let mut draft = Draft::new(capabilities, options);
    collect::run(&mut draft, sources)?;
    tables::run(&mut draft)?;
    not_null::run(&mut draft)?;
    types::run(&mut draft)?;
    identity::run(&mut draft)?;
    functions::run(&mut draft)?;
    expressions::run(&mut draft)?;
    keys::run(&mut draft)?;
    indexes::run(&mut draft)?;
    foreign_keys::run(&mut draft)?;
    views::run(&mut draft)?;
    comments::run(&mut draft)?;
    widths::run(&mut draft)?;
    limits::run(&mut draft)?;
    let statements = emit::run(&mut draft)?;
    Ok(Conversion { target, statements, findings: draft.findings, type_changes: draft.type_changes })
}
