//! From facts to money and to what speaks against a choice: hands the answers to `decide` and its words back.
//! Computes nothing itself.

use std::path::Path;

use crate::decide::{self, Answers, Contradiction, PriceBook, Prices, QuestionSpec, Rules};
use crate::error::{Context, Kind, Result};
use crate::library;
use crate::wizard::plan::Books;
use crate::wizard::playbook::Action;
use crate::wizard::template::{self, Facts};

/// Price lists of the user's own, below the folder of all runs: one file for each region.
pub const OWN_PRICES: &str = "prices";

/// Prices, questions and rules, loaded once.
pub struct Costs {
    prices: PriceBook,
    questions: Vec<QuestionSpec>,
    rules: Rules,
}

impl Costs {
    pub fn bundled() -> Result<Self> {
        let books = library::playbooks(&[])?.journey("move")?;
        Ok(Self { prices: PriceBook::bundled()?, questions: questions(&books), rules: Rules::bundled()? })
    }

    /// With the price lists that `cost prices` wrote into the folder of all runs of an app.
    pub fn of_runs(folder: &Path) -> Result<Self> {
        let mut costs = Self::bundled()?;
        let Ok(entries) = std::fs::read_dir(folder.join(OWN_PRICES)) else { return Ok(costs) };
        let mut files: Vec<_> = entries.filter_map(std::result::Result::ok).map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
        files.sort();
        for file in files {
            costs.take(&file)?;
        }
        Ok(costs)
    }

    /// Takes a price list of the user's own in place of the bundled one of its region.
    pub fn take(&mut self, file: &Path) -> Result<()> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).or_fail(Kind::Input, format!("cannot read the price list {name}"), "check its name")?;
        let list = Prices::parse(&name, &text)?;
        self.prices = std::mem::replace(&mut self.prices, PriceBook::bundled()?).with(list);
        Ok(())
    }

    /// The decisions among the facts, each question that applies settled.
    pub fn answers(&self, facts: &Facts) -> Answers {
        decide::settle(&given(facts), &self.questions)
    }

    pub fn estimate(&self, facts: &Facts) -> decide::Estimate {
        let answers = self.answers(facts);
        decide::estimate(&answers, self.prices.of(&answers)).on(&today())
    }

    /// "$71.20 a month + usage"; nothing before the first decision.
    pub fn words(&self, facts: &Facts) -> Option<String> {
        facts.contains_key("database").then(|| {
            let estimate = self.estimate(facts);
            let stale = if estimate.stale.is_empty() { "" } else { " (some prices are not current)" };
            format!("{} a month + usage{stale}", estimate.baseline)
        })
    }

    /// What an option would change.
    pub fn of(&self, facts: &Facts, question: &str, option: &str) -> Option<String> {
        let costs_money = self.questions.iter().any(|q| q.id == question && !q.options.is_empty());
        costs_money.then(|| self.delta(&self.answers(facts), question, option).to_string())
    }

    /// The same as data, for settled answers.
    pub fn delta(&self, answers: &Answers, question: &str, option: &str) -> decide::Delta {
        decide::delta(answers, &self.questions, question, option, self.prices.of(answers))
    }

    /// What would speak against an answer, in words.
    pub fn against(&self, facts: &Facts, question: &str, answer: &str) -> Vec<String> {
        self.rules.against(&given(facts), &self.questions, question, answer).iter().map(Contradiction::words).collect()
    }

    /// All that speaks against the decisions among the facts.
    pub fn contradictions(&self, facts: &Facts) -> Vec<Contradiction> {
        self.rules.check(&given(facts), &self.questions)
    }

    /// Layer, what, monthly, as of, source: for the report.
    pub fn lines(&self, facts: &Facts) -> Vec<Vec<String>> {
        self.estimate(facts)
            .lines
            .iter()
            .map(|l| {
                let monthly = l.monthly.map(|m| m.to_string()).or_else(|| l.usage_note.clone()).unwrap_or_default();
                let as_of = if l.stale { format!("{} (not current)", l.as_of) } else { l.as_of.clone() };
                vec![l.layer.name().to_owned(), l.what.clone(), monthly, as_of, l.source.clone()]
            })
            .collect()
    }

    pub fn prices(&self) -> &PriceBook {
        &self.prices
    }

    pub fn questions(&self) -> &[QuestionSpec] {
        &self.questions
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// The day on which prices are judged: `2026-11-28`.
pub fn today() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d").to_string()
}

/// Facts as texts; what is nothing is left out.
fn given(facts: &Facts) -> Answers {
    facts.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), template::plain(v))).collect()
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
                recommended_when: ask
                    .recommended_when
                    .iter()
                    .filter_map(|one| Some((one.when.clone(), template::fill(one.answer.get_ref(), &Facts::new()).ok()?)))
                    .collect(),
                when: step.when.clone(),
            }),
            Action::Manual(_) | Action::Effect(_) => None,
        })
        .collect()
}
