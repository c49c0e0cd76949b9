//! Conversion for a target that is not quite PostgreSQL: tables are taken apart, changed by rules, and printed again.
//! Never knows a fact about the target by itself: rules ask the capabilities, and every change leaves a finding.

mod array_constants;
mod arrays;
mod cascades;
mod checks;
mod choices;
mod collations;
mod collect;
mod comments;
mod composites;
mod defaults;
mod deferrable;
mod dependents;
mod draft;
mod dropped_keys;
mod emit;
mod enums;
mod extensions;
mod folded_keys;
mod foreign_keys;
mod functions;
mod generated;
mod identity;
mod indexes;
mod inheritance;
mod key_text;
mod keyless;
mod keys;
mod limits;
mod long_text;
mod materialized;
mod not_null;
mod numerics;
mod partitions;
mod references;
mod retype;
mod sequences;
mod storage;
mod types;
mod unlogged;
mod unsupported;
mod uuid_keys;
mod uuids;
mod views;
mod virtual_columns;
mod vocabulary;
mod widening;
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
    composites::run(&mut draft)?;
    partitions::run(&mut draft)?;
    inheritance::run(&mut draft)?;
    unlogged::run(&mut draft)?;
    storage::run(&mut draft)?;
    not_null::run(&mut draft)?;
    collations::run(&mut draft)?;
    arrays::run(&mut draft)?;
    enums::run(&mut draft)?;
    types::run(&mut draft)?;
    numerics::run(&mut draft)?;
    key_text::run(&mut draft)?;
    long_text::run(&mut draft)?;
    identity::run(&mut draft)?;
    sequences::run(&mut draft)?;
    uuid_keys::run(&mut draft)?;
    widening::run(&mut draft)?;
    functions::run(&mut draft)?;
    defaults::run(&mut draft)?;
    virtual_columns::run(&mut draft)?;
    generated::run(&mut draft)?;
    checks::run(&mut draft)?;
    keys::run(&mut draft)?;
    deferrable::run(&mut draft)?;
    keyless::run(&mut draft)?;
    indexes::run(&mut draft)?;
    foreign_keys::run(&mut draft)?;
    cascades::run(&mut draft)?;
    views::run(&mut draft)?;
    comments::run(&mut draft)?;
    widths::run(&mut draft)?;
    limits::run(&mut draft)?;
    let statements = emit::run(&mut draft)?;
    let choices = choices::of(&draft);
    Ok(Conversion { target, statements, findings: draft.findings, type_changes: draft.type_changes, choices })
}
