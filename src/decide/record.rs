//! Decision records: one Markdown file for each decision and an index with the cost, for the app's own repository.
//! Never writes a file: it returns names and texts.

use std::fmt::Write as _;

use super::delta::Delta;
use super::estimate::Estimate;
use super::render::markdown_table;
use super::rules::Contradiction;

/// One decision as it was taken.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// The question's id; names the file.
    pub question: String,
    /// The question as it was asked.
    pub title: String,
    /// The answer: an option id, a text or a number.
    pub answer: String,
    /// The chosen option's label; the answer itself for text and numbers.
    pub label: String,
    /// Why the question matters.
    pub context: String,
    /// What the chosen option means; empty for text and numbers.
    pub consequence: String,
    /// The recommended option's label, and why it or the default is recommended.
    pub recommended: Option<String>,
    pub because: String,
    /// What speaks against the decision, in words.
    pub against: Vec<String>,
    /// Who answered: `asked`, `flag`, `file`, `profile alva`, `detected`, `default`.
    pub source: String,
    /// The other options.
    pub alternatives: Vec<Alternative>,
}

/// An option that was not taken.
#[derive(Debug, Clone, Default)]
pub struct Alternative {
    pub label: String,
    pub consequence: String,
    /// Against the option taken.
    pub cost: Option<Delta>,
    /// What would speak against it.
    pub against: Vec<String>,
}

/// File names and Markdown texts: `README.md` (the index), then `0001-<question>.md` and so on. `date` is shown as it is given.
pub fn records(decisions: &[Decision], estimate: &Estimate, against: &[Contradiction], date: &str) -> Vec<(String, String)> {
    let mut files = vec![("README.md".to_owned(), index(decisions, estimate, against, date))];
    files.extend(decisions.iter().enumerate().map(|(i, decision)| (file_name(i, decision), one(i, decision, date))));
    files
}

fn file_name(i: usize, decision: &Decision) -> String {
    format!("{:04}-{}.md", i + 1, decision.question.replace('_', "-"))
}

fn index(decisions: &[Decision], estimate: &Estimate, against: &[Contradiction], date: &str) -> String {
    let head = ["decision", "taken", "by", "record"].map(str::to_owned).to_vec();
    let rows = decisions
        .iter()
        .enumerate()
        .map(|(i, d)| vec![d.title.clone(), shown(d), d.source.clone(), format!("[{:04}]({})", i + 1, file_name(i, d))]);
    let table = markdown_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    let mut out = format!(
        "# Decisions\n\nTaken on {date}. Each record says what was decided, in which situation, what it means, and what else was on offer.\n\n{table}\n"
    );
    if !against.is_empty() {
        let head = ["", "why, and what to choose instead", "source"].map(str::to_owned).to_vec();
        let rows = against.iter().map(|c| vec![c.severity.word().to_owned(), c.message.clone(), c.source.clone()]);
        let table = markdown_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
        let _ = write!(out, "## What speaks against them\n\n{table}\n");
    }
    let _ = write!(out, "## Cost\n\n{}", estimate.markdown());
    out
}

fn one(i: usize, decision: &Decision, date: &str) -> String {
    let mut out = format!("# {}. {}\n\nStatus: accepted, {date} (by: {})\n", i + 1, decision.title, decision.source);
    let _ = write!(out, "\n## Context\n\n{}\n\n## Decision\n\n{}\n", decision.context, shown(decision));
    if decision.label != decision.answer && !decision.answer.is_empty() {
        let _ = writeln!(out, "\nRecorded as `{} = \"{}\"`.", decision.question, decision.answer);
    }
    let other = decision.recommended.as_ref().filter(|label| **label != decision.label);
    match (other, decision.because.is_empty()) {
        (_, true) => {}
        (Some(label), false) => {
            let _ = writeln!(out, "\nRecommended was {label}: {}", decision.because);
        }
        (None, false) => {
            let _ = writeln!(out, "\n{}", decision.because);
        }
    }
    if !decision.consequence.is_empty() || !decision.against.is_empty() {
        let _ = write!(out, "\n## Consequences\n\n");
        if !decision.consequence.is_empty() {
            let _ = writeln!(out, "{}", decision.consequence);
        }
        for words in &decision.against {
            let _ = writeln!(out, "- {words}");
        }
    }
    if !decision.alternatives.is_empty() {
        let head = ["considered", "what it would mean", "cost against this decision"].map(str::to_owned).to_vec();
        let rows = decision.alternatives.iter().map(|a| {
            let means = std::iter::once(&a.consequence).chain(&a.against).map(String::as_str).collect::<Vec<_>>().join(" ");
            vec![a.label.clone(), means, a.cost.as_ref().map_or_else(String::new, Delta::to_string)]
        });
        let _ = write!(out, "\n## Options and cost\n\n{}", markdown_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
    }
    out
}

fn shown(decision: &Decision) -> String {
    if decision.label.is_empty() { "(left empty)".to_owned() } else { decision.label.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Answers, Money, Prices, Severity, estimate};

    #[test]
    fn a_record_says_why_what_what_follows_and_what_else() {
        let estimate = estimate(&Answers::new(), &Prices::bundled().unwrap());
        let cost = Delta { monthly: Money::cents(1544), ..Delta::default() };
        let rds = Alternative {
            label: "RDS".to_owned(),
            consequence: "fixed | price".to_owned(),
            cost: Some(cost),
            against: vec!["warning: too small".to_owned()],
        };
        let decision = Decision {
            question: "db_class".to_owned(),
            title: "Which database?".to_owned(),
            answer: "dsql".to_owned(),
            label: "Aurora DSQL".to_owned(),
            context: "It is hard to change later.".to_owned(),
            consequence: "Nothing while idle.".to_owned(),
            recommended: Some("Aurora DSQL".to_owned()),
            because: "It is cheap.".to_owned(),
            against: vec!["contradiction: no extensions".to_owned()],
            source: "asked".to_owned(),
            alternatives: vec![rds],
        };
        let against = Contradiction {
            id: "x".to_owned(),
            severity: Severity::Stop,
            message: "no extensions".to_owned(),
            questions: vec!["db_class".to_owned()],
            instead: vec!["database=rds".to_owned()],
            source: "user guide, 2026-11-20".to_owned(),
        };
        let files = records(&[decision], &estimate, &[against], "2026-11-20");
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["README.md", "0001-db-class.md"]);
        for part in [
            "| Which database? | Aurora DSQL | asked | [0001](0001-db-class.md) |",
            "| contradiction | no extensions | user guide, 2026-11-20 |",
            "## Cost",
        ] {
            assert!(files[0].1.contains(part), "{part}: {}", files[0].1);
        }
        let expected = "# 1. Which database?\n\nStatus: accepted, 2026-11-20 (by: asked)\n\n## Context\n\nIt is hard to change later.\n\n\
                        ## Decision\n\nAurora DSQL\n\nRecorded as `db_class = \"dsql\"`.\n\nIt is cheap.\n\n\
                        ## Consequences\n\nNothing while idle.\n- contradiction: no extensions\n\n\
                        ## Options and cost\n\n| considered | what it would mean | cost against this decision |\n|---|---|---|\n\
                        | RDS | fixed \\| price warning: too small | +$15.44 a month |\n";
        assert_eq!(files[1].1, expected);
    }
}
