//! The difference one choice makes: what stands beside each option while a person decides.
//! Never shows a bare sum when a part of it is unknown or depends on usage.

use std::fmt;

use super::Answers;
use super::estimate::estimate;
use super::money::Money;
use super::prices::Prices;
use super::question::{QuestionSpec, settle};

/// What changes against the decisions as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Delta {
    /// Fixed dollars a month, more or less.
    pub monthly: Money,
    /// Lines that come in and depend on usage.
    pub usage: Vec<String>,
    /// Costs that come in and have no price.
    pub unpriced: Vec<String>,
}

/// What the month would cost more or less if `question` were answered with `option`. Questions that then apply take their
/// defaults, those that no longer apply are dropped.
pub fn delta(answers: &Answers, questions: &[QuestionSpec], question: &str, option: &str, prices: &Prices) -> Delta {
    let now = estimate(&settle(answers, questions), prices);
    let mut changed = answers.clone();
    changed.insert(question.to_owned(), option.to_owned());
    let then = estimate(&settle(&changed, questions), prices);
    Delta {
        monthly: then.baseline - now.baseline,
        usage: then.usage_lines().filter(|line| !now.usage_lines().any(|old| old.id == line.id)).map(|line| line.what.clone()).collect(),
        unpriced: then.unpriced.into_iter().filter(|what| !now.unpriced.contains(what)).collect(),
    }
}

impl fmt::Display for Delta {
    /// `+$36.50 a month + usage`, `same price`, `-$9.01 a month + a price not known here`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = if self.monthly == Money::ZERO { "same price".to_owned() } else { format!("{} a month", self.monthly.signed()) };
        if !self.usage.is_empty() {
            text.push_str(" + usage");
        }
        if !self.unpriced.is_empty() {
            text.push_str(" + a price not known here");
        }
        f.pad(&text)
    }
}
