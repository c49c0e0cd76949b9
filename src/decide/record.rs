//! Decision records: one Markdown file for each decision and an index with the cost, for the app's own repository.
//! Never writes a file: it returns names and texts.

use std::fmt::Write as _;

use super::delta::Delta;
use super::estimate::Estimate;
use super::render::markdown_table;

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
    /// Why the question matters, and why this is recommended.
    pub why: String,
    /// Who answered: `asked`, `flag`, `file`, `profile alva`, `detected`, `default`.
    pub source: String,
    /// The other options.
    pub alternatives: Vec<Alternative>,
    /// What this decision makes of the month, in words; empty when it costs nothing.
    pub cost: Option<String>,
}

/// An option that was not taken.
#[derive(Debug, Clone, Default)]
pub struct Alternative {
    pub label: String,
    pub consequence: String,
    /// Against the option taken.
    pub cost: Option<Delta>,
}

/// File names and Markdown texts: `README.md` (the index), then `0001-<question>.md` and so on. `date` is shown as it is given.
pub fn records(decisions: &[Decision], estimate: &Estimate, date: &str) -> Vec<(String, String)> {
    let mut files = vec![("README.md".to_owned(), index(decisions, estimate, date))];
    files.extend(decisions.iter().enumerate().map(|(i, decision)| (file_name(i, decision), one(i, decision, date))));
    files
}

fn file_name(i: usize, decision: &Decision) -> String {
    format!("{:04}-{}.md", i + 1, decision.question.replace('_', "-"))
}

fn index(decisions: &[Decision], estimate: &Estimate, date: &str) -> String {
    let head = ["decision", "taken", "by", "record"].map(str::to_owned).to_vec();
    let rows = decisions
        .iter()
        .enumerate()
        .map(|(i, d)| vec![d.title.clone(), shown(d), d.source.clone(), format!("[{:04}]({})", i + 1, file_name(i, d))]);
    let table = markdown_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    format!(
        "# Decisions\n\nTaken on {date}. Each record says what was decided, why, and what else was on offer.\n\n{table}\n## Cost\n\n{}",
        estimate.markdown()
    )
}

fn one(i: usize, decision: &Decision, date: &str) -> String {
    let mut out = format!(
        "# {}. {}\n\nStatus: accepted, {date} (by: {})\n\n## Decision\n\n{}\n",
        i + 1,
        decision.title,
        decision.source,
        shown(decision)
    );
    if decision.label != decision.answer && !decision.answer.is_empty() {
        let _ = writeln!(out, "\nRecorded as `{} = \"{}\"`.", decision.question, decision.answer);
    }
    if let Some(cost) = &decision.cost {
        let _ = writeln!(out, "\nCost: {cost}.");
    }
    let _ = write!(out, "\n## Why\n\n{}\n", decision.why);
    if !decision.alternatives.is_empty() {
        let head = ["considered", "what it would mean", "cost against this decision"].map(str::to_owned).to_vec();
        let rows = decision
            .alternatives
            .iter()
            .map(|a| vec![a.label.clone(), a.consequence.clone(), a.cost.as_ref().map_or_else(String::new, Delta::to_string)]);
        let _ = write!(out, "\n## Alternatives\n\n{}", markdown_table(&std::iter::once(head).chain(rows).collect::<Vec<_>>()));
    }
    out
}

fn shown(decision: &Decision) -> String {
    if decision.label.is_empty() { "(left empty)".to_owned() } else { decision.label.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Answers, Money, Prices, estimate};

    #[test]
    fn a_record_says_what_why_and_what_else() {
        let estimate = estimate(&Answers::new(), &Prices::bundled().unwrap());
        let cost = Delta { monthly: Money::cents(1544), ..Delta::default() };
        let rds = Alternative { label: "RDS".to_owned(), consequence: "fixed | price".to_owned(), cost: Some(cost) };
        let decision = Decision {
            question: "db_class".to_owned(),
            title: "Which database?".to_owned(),
            answer: "dsql".to_owned(),
            label: "Aurora DSQL".to_owned(),
            why: "Nothing while idle.".to_owned(),
            source: "asked".to_owned(),
            alternatives: vec![rds],
            cost: None,
        };
        let files = records(&[decision], &estimate, "2026-11-20");
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["README.md", "0001-db-class.md"]);
        assert!(files[0].1.contains("| Which database? | Aurora DSQL | asked | [0001](0001-db-class.md) |"), "{}", files[0].1);
        let expected = "# 1. Which database?\n\nStatus: accepted, 2026-11-20 (by: asked)\n\n## Decision\n\nAurora DSQL\n\nRecorded as `db_class = \"dsql\"`.\n\n## Why\n\nNothing while idle.\n\n\
                        ## Alternatives\n\n| considered | what it would mean | cost against this decision |\n|---|---|---|\n| RDS | fixed \\| price | +$15.44 a month |\n";
        assert_eq!(files[1].1, expected);
    }
}
