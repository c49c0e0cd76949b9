//! From facts to money: hands the answers to `decide` and its words back.
//! Computes nothing itself.

use crate::decide::{self, Answers, Prices, QuestionSpec};
use crate::error::Result;
use crate::library;
use crate::wizard::plan::Books;
use crate::wizard::playbook::Action;
use crate::wizard::template::{self, Facts};

/// Prices and questions, loaded once.
pub struct Costs {
    prices: Prices,
    questions: Vec<QuestionSpec>,
}

impl Costs {
    pub fn bundled() -> Result<Self> {
        let books = library::playbooks(&[])?.journey("move")?;
        Ok(Self { prices: Prices::bundled()?, questions: questions(&books) })
    }

    /// The decisions among the facts, each question that applies settled.
    pub fn answers(&self, facts: &Facts) -> Answers {
        let given: Answers = facts.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), template::plain(v))).collect();
        decide::settle(&given, &self.questions)
    }

    pub fn estimate(&self, facts: &Facts) -> decide::Estimate {
        decide::estimate(&self.answers(facts), &self.prices)
    }

    /// "$71.20 a month + usage"; nothing before the first decision.
    pub fn words(&self, facts: &Facts) -> Option<String> {
        facts.contains_key("database").then(|| {
            let estimate = self.estimate(facts);
            format!("{} a month + usage", estimate.baseline)
        })
    }

    /// What an option would change.
    pub fn of(&self, facts: &Facts, question: &str, option: &str) -> Option<String> {
        let costs_money = self.questions.iter().any(|q| q.id == question && !q.options.is_empty());
        costs_money.then(|| decide::delta(&self.answers(facts), &self.questions, question, option, &self.prices)).map(|d| d.to_string())
    }

    /// Layer, what, monthly, as of, source: for the report.
    pub fn lines(&self, facts: &Facts) -> Vec<Vec<String>> {
        self.estimate(facts)
            .lines
            .iter()
            .map(|l| {
                let monthly = l.monthly.map(|m| m.to_string()).or_else(|| l.usage_note.clone()).unwrap_or_default();
                vec![format!("{:?}", l.layer).to_lowercase(), l.what.clone(), monthly, l.as_of.clone(), l.source.clone()]
            })
            .collect()
    }

    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    pub fn questions(&self) -> &[QuestionSpec] {
        &self.questions
    }
}

/// All questions of a journey, as `decide` wants them.
pub fn questions(books: &Books) -> Vec<QuestionSpec> {
    books
        .forward
        .iter()
        .flat_map(|b| &b.steps)
        .filter_map(|step| match &step.action {
            Action::Ask(ask) => Some(QuestionSpec {
                id: step.id.clone(),
                options: ask.options.iter().map(|o| o.id.clone()).collect(),
                default: ask.recommended.clone().or_else(|| ask.default.as_ref().and_then(|t| template::fill(t, &Facts::new()).ok())),
                when: step.when.clone(),
            }),
            Action::Manual(_) | Action::Effect(_) => None,
        })
        .collect()
}
