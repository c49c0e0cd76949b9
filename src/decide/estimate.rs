//! The estimate: every cost line of a set of decisions, their sum, what depends on usage and what has no price.
//! Never rounds twice, never counts an unknown price as zero; the lines themselves are made in `bill`.

use serde::Serialize;

use super::Answers;
use super::bill::{self, Layer};
use super::money::{Money, Quantity};
use super::prices::{CURRENT_DAYS, Prices, is_stale};

/// The four costs that estimates forget: public IPv4, NAT data, logs, load balancer capacity. Their price ids.
const FORGOTTEN: [&str; 4] = ["ipv4", "nat.gb", "logs.ingest", "alb.lcu"];

/// One thing that is paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The id of its line in the price list.
    pub id: String,
    pub layer: Layer,
    pub what: String,
    /// How much of `unit` a month; `None` when it depends on usage.
    pub quantity: Option<Quantity>,
    pub unit: String,
    /// Of one unit.
    pub price: Money,
    /// Dollars a month, rounded to the cent; `None` when it depends on usage.
    pub monthly: Option<Money>,
    /// For usage: "depends on usage: $0.045 per GB".
    pub usage_note: Option<String>,
    pub as_of: String,
    pub source: String,
    /// How sure the price is: `high`, `medium`, `low`.
    pub confidence: String,
    /// Too old to be called current on the day the estimate was judged.
    pub stale: bool,
}

/// What a set of decisions costs a month, before taxes, discounts and credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Where the prices hold.
    pub region: String,
    /// When the price list was last gone through.
    pub as_of: String,
    /// Fixed and usage lines, by layer.
    pub lines: Vec<Line>,
    /// The sum of the `monthly` of all lines.
    pub baseline: Money,
    /// The names of the lines that depend on usage.
    pub usage: Vec<String>,
    /// What is needed or was not decided yet, and has no price: not in the total.
    pub unpriced: Vec<String>,
    /// What a reader must know: another region, costs billed elsewhere.
    pub notes: Vec<String>,
    /// Figures of older plans that are wrong today.
    pub plan_quotes: Vec<String>,
    /// Which prices are too old to be called current, and how to renew them; empty when none is or nobody gave a day.
    pub stale: Vec<String>,
}

impl Estimate {
    /// The lines that depend on usage.
    pub fn usage_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.monthly.is_none())
    }

    /// What the fixed lines of one layer come to.
    pub fn of_layer(&self, layer: Layer) -> Money {
        self.lines.iter().filter(|line| line.layer == layer).filter_map(|line| line.monthly).sum()
    }

    /// Judged on a day (`2026-11-28`): a price older than [`CURRENT_DAYS`] is marked as stale, and how to renew it is said.
    #[must_use]
    pub fn on(mut self, today: &str) -> Self {
        for line in &mut self.lines {
            line.stale = is_stale(&line.as_of, today);
        }
        let stale = self.lines.iter().filter(|line| line.stale).count();
        self.stale.clear();
        if stale > 0 {
            self.stale.push(format!(
                "{} of {} prices are older than {CURRENT_DAYS} days on {today} and not to be called current (marked *)",
                stale,
                self.lines.len()
            ));
            self.stale.push(format!("renew them from AWS's own list: migrate-wizard cost prices --region {}", self.region));
        }
        self
    }

    /// The four costs that estimates forget; always there.
    pub fn forgotten(&self) -> Vec<&Line> {
        FORGOTTEN.iter().filter_map(|id| self.lines.iter().find(|line| line.id == *id)).collect()
    }
}

/// Prices the decisions. Give it settled answers (see [`super::settle`]): a question that it needs and finds open is named under `unpriced`.
pub fn estimate(answers: &Answers, prices: &Prices) -> Estimate {
    let mut bill = bill::of(answers, prices);
    let region = bill.choice("region");
    let mut notes = Vec::new();
    if !region.is_empty() && region != prices.region {
        notes.push(format!(
            "you chose {region}, and these are the prices of {}: expect a difference of some percent; migrate-wizard cost prices --region {region} gets its own",
            prices.region
        ));
    }
    notes.append(&mut bill.notes);
    bill.lines.sort_by_key(|line| line.layer);
    Estimate {
        region: prices.region.clone(),
        as_of: prices.as_of.clone(),
        baseline: bill.lines.iter().filter_map(|line| line.monthly).sum(),
        usage: bill.lines.iter().filter(|line| line.monthly.is_none()).map(|line| line.what.clone()).collect(),
        lines: bill.lines,
        unpriced: bill.unpriced,
        notes,
        plan_quotes: prices.plan_quotes(answers),
        stale: Vec::new(),
    }
}
