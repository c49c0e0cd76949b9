//! The bill while it is written: which lines of the price list the answers call for, and how much of each.
//! Never holds a price: a quantity times an unknown line is named as unpriced.

mod compute;
mod counts;
mod database;
mod delivery;
mod edge;
mod network;
mod operations;
mod platform;

use serde::{Deserialize, Serialize};

use super::Answers;
use super::estimate::Line;
use super::money::Quantity;
use super::prices::{Price, Prices};
use super::services::services;

/// Hours of a month in every AWS estimate.
const HOURS: u64 = 730;

/// The part of the system that a line belongs to, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Network,
    Edge,
    Compute,
    Database,
    Cache,
    Identity,
    Ai,
    Storage,
    Delivery,
    Secrets,
    Observability,
}

impl Layer {
    pub const ALL: [Self; 11] = [
        Self::Network,
        Self::Edge,
        Self::Compute,
        Self::Database,
        Self::Cache,
        Self::Identity,
        Self::Ai,
        Self::Storage,
        Self::Delivery,
        Self::Secrets,
        Self::Observability,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Edge => "edge",
            Self::Compute => "compute",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Identity => "identity",
            Self::Ai => "AI",
            Self::Storage => "storage",
            Self::Delivery => "delivery",
            Self::Secrets => "secrets",
            Self::Observability => "observability",
        }
    }
}

/// The lines so far.
pub(super) struct Bill<'a> {
    answers: &'a Answers,
    prices: &'a Prices,
    pub lines: Vec<Line>,
    pub unpriced: Vec<String>,
    pub notes: Vec<String>,
}

/// Writes the whole bill.
pub(super) fn of<'a>(answers: &'a Answers, prices: &'a Prices) -> Bill<'a> {
    let mut bill = Bill { answers, prices, lines: Vec::new(), unpriced: Vec::new(), notes: Vec::new() };
    network::write(&mut bill);
    edge::write(&mut bill);
    compute::write(&mut bill);
    database::write(&mut bill);
    platform::write(&mut bill);
    delivery::write(&mut bill);
    operations::write(&mut bill);
    counts::write(&mut bill);
    bill
}

impl<'a> Bill<'a> {
    /// The answer to a question that matters for the cost; empty and named as unpriced while it is open.
    pub fn choice(&mut self, question: &str) -> &'a str {
        match self.answers.get(question) {
            Some(answer) => answer,
            None => {
                self.unpriced(format!("`{question}` is not decided yet"));
                ""
            }
        }
    }

    /// The answer as a whole number; 0 and named as unpriced when it is none.
    pub fn number(&mut self, question: &str) -> u64 {
        let answer = self.choice(question).trim();
        answer.parse().unwrap_or_else(|_| {
            if !answer.is_empty() {
                self.unpriced(format!("`{question}`: `{answer}` is not a whole number"));
            }
            0
        })
    }

    /// How many services run.
    pub fn services(&mut self) -> u64 {
        match services(self.choice("services")) {
            Ok(found) => found.len() as u64,
            Err(error) => {
                if self.answers.contains_key("services") {
                    self.unpriced(format!("`services`: {}", error.what));
                }
                0
            }
        }
    }

    /// A line with a known quantity a month.
    pub fn fixed(&mut self, layer: Layer, price: &str, quantity: Quantity, what: impl Into<String>) {
        let what = what.into();
        let Some(found) = self.price(price, &what) else { return };
        let monthly = found.price.times(quantity);
        if monthly.is_none() {
            self.unpriced(format!("{what}: {quantity} {} is more than can be priced", found.unit));
        }
        self.lines.push(Line { quantity: Some(quantity), monthly, ..line(found, layer, what, None) });
    }

    /// A line that depends on usage; `note` goes on after the unit price and may be empty.
    pub fn usage(&mut self, layer: Layer, price: &str, what: impl Into<String>, note: &str) {
        let what = what.into();
        let Some(found) = self.price(price, &what) else { return };
        let comma = if note.is_empty() { "" } else { ", " };
        let note = format!("depends on usage: {} per {}{comma}{note}", found.price.exact(), found.unit);
        self.lines.push(line(found, layer, what, Some(note)));
    }

    /// The database is private: schema and rows move by tasks inside the VPC.
    pub fn moves_inside(&mut self) -> bool {
        matches!(self.choice("database"), "rds" | "aurora")
    }

    /// Something needed that has no price here.
    pub fn unpriced(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.unpriced.contains(&what) {
            self.unpriced.push(what);
        }
    }

    /// An answer that the bill does not know: never counted as nothing.
    pub fn unknown(&mut self, question: &str, answer: &str) {
        if !answer.is_empty() {
            self.unpriced(format!("`{question}` = `{answer}`: no price is known for this choice"));
        }
    }

    fn price(&mut self, id: &str, what: &str) -> Option<&'a Price> {
        let found = self.prices.get(id);
        if found.is_none() {
            self.unpriced(format!("{what}: the price list of {} has no line `{id}`", self.prices.region));
        }
        found
    }
}

fn line(price: &Price, layer: Layer, what: String, usage_note: Option<String>) -> Line {
    Line {
        id: price.id.clone(),
        layer,
        what,
        quantity: None,
        unit: price.unit.clone(),
        price: price.price,
        monthly: None,
        usage_note,
        as_of: price.as_of.clone(),
        source: price.source.clone(),
        confidence: price.confidence.clone(),
        stale: false,
    }
}

/// `n` things running all month.
fn all_month(n: u64) -> Quantity {
    Quantity::whole(HOURS).by(n)
}
