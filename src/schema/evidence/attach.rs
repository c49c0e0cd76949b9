//! Puts what was found out below the findings, and adds findings for what nobody would have expected.
//! Never measures, and never takes a finding away.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::outcome::Outcome;
use crate::error::Result;
use crate::schema::capabilities::Capabilities;
use crate::schema::conversion::Conversion;
use crate::schema::finding::{Evidence, Finding, Lossless, Severity, Verdict};

/// An outcome and the rows it names.
pub type Named = (Outcome, Vec<String>);

/// `missing`: table → reason → what stays unknown there.
pub type Missing = BTreeMap<(String, String), Vec<&'static str>>;

/// Attaches all of it.
pub fn attach(conversion: &mut Conversion, named: Vec<Named>, missing: Missing, capabilities: &Capabilities, facts: &Facts) -> Result<()> {
    for (outcome, examples) in named {
        let evidence = Evidence { verdict: outcome.verdict.clone(), measured: outcome.measured.clone(), examples };
        if let Some(id) = &outcome.attaches {
            let found = conversion.findings.iter_mut().filter(|finding| finding.id == *id && finding.object == outcome.object);
            found.for_each(|finding| settle(finding, &outcome, &evidence));
        }
        let wanted = outcome.verdict != Verdict::Holds && outcome.measured != NOT_MEASURED;
        if let (true, Some((id, what))) = (wanted, &outcome.adds) {
            let mut finding = capabilities.finding(id, &outcome.object, what, &[("table", &outcome.table), ("detail", &outcome.object)])?;
            if let Verdict::Unknown(condition) = &outcome.verdict {
                finding.lossless = Lossless::IfHolds(condition.clone());
                finding.severity = Severity::Changes;
            }
            if let Some(severity) = outcome.weighs {
                finding.severity = severity;
            }
            finding.evidence = Some(evidence);
            conversion.findings.push(finding);
        }
    }
    for ((table, reason), mut subjects) in missing {
        subjects.sort_unstable();
        subjects.dedup();
        let what = format!("was not measured: {reason}; unknown: {}", subjects.join(", "));
        let mut finding = capabilities.finding(&facts.id("NOT-MEASURED"), &table, what, &[("table", &table)])?;
        finding.evidence = Some(Evidence { verdict: Verdict::Unknown(reason), measured: NOT_MEASURED.to_owned(), examples: Vec::new() });
        conversion.findings.push(finding);
    }
    Ok(())
}

/// What stands in place of figures.
pub const NOT_MEASURED: &str = "not measured";

/// Lossless and severity follow the verdict. A domain's finding speaks of several columns: the worst of them counts.
fn settle(finding: &mut Finding, outcome: &Outcome, evidence: &Evidence) {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Holds => 0,
        Verdict::Unknown(_) => 1,
        Verdict::Fails => 2,
    };
    if finding.evidence.as_ref().is_some_and(|before| rank(&before.verdict) >= rank(&evidence.verdict)) {
        return;
    }
    match &outcome.verdict {
        Verdict::Holds if outcome.settles => finding.lossless = Lossless::Yes,
        Verdict::Holds | Verdict::Unknown(_) => {}
        Verdict::Fails => {
            finding.lossless = Lossless::No;
            if let Some(severity) = outcome.weighs {
                finding.severity = finding.severity.min(severity);
            }
        }
    }
    // A later column may have found less out.
    if let (Verdict::Unknown(reason), Lossless::Yes) = (&outcome.verdict, &finding.lossless)
        && outcome.settles
    {
        finding.lossless = Lossless::IfHolds(reason.clone());
    }
    finding.evidence = Some(evidence.clone());
}
