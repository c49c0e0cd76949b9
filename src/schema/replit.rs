//! Tables that Replit's own templates make, known by name: what is best done with each.
//! Never changes a statement: it only advises.

use std::collections::BTreeSet;

use super::capabilities::Capabilities;
use super::classify::classify;
use super::finding::Finding;
use super::parse::Source;
use super::statement::Kind;
use crate::error::Result;

/// One finding for each that is there.
pub fn findings(sources: &[Source], capabilities: &Capabilities, prefix: &str) -> Result<Vec<Finding>> {
    let tables: BTreeSet<String> =
        sources.iter().map(|source| classify(&source.node)).filter(|(kind, _)| *kind == Kind::Table).map(|(_, name)| name).collect();
    let mut findings = Vec::new();
    let mut say = |id: &str, object: &str, what: String| -> Result<()> {
        findings.push(capabilities.finding(&format!("{prefix}-{id}"), object, what, &[("detail", object)])?);
        Ok(())
    };
    let stripe = tables.iter().filter(|name| name.starts_with("stripe.")).count();
    if stripe > 0 {
        say(
            "STRIPE",
            "stripe",
            format!("the {stripe} tables of schema stripe are carried over: rebuild them, do not copy them (--except stripe)"),
        )?;
    }
    if tables.contains("drizzle.__drizzle_migrations") {
        say("DRIZZLE", "drizzle.__drizzle_migrations", "is copied, so that drizzle-kit knows which migrations have run".to_owned())?;
    }
    for name in ["public.sessions", "public.session"] {
        if tables.contains(name) {
            say("SESSIONS", name, "keeps its table; its rows may be left out".to_owned())?;
        }
    }
    Ok(findings)
}
