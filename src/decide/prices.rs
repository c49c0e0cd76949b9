//! The price list: dated lines from `assets/prices/`, and the figures that older plans quote wrongly.
//! Never knows which of them an app needs, and never invents a price that is not in the file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Answers;
use super::money::{Money, Quantity};
use super::question::holds;
use crate::error::{Context, Error, Kind, Result};

const BUNDLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/us-east-1.toml"));

/// On-demand prices of one region, in US dollars.
#[derive(Debug, Clone)]
pub struct Prices {
    pub region: String,
    /// When the list as a whole was last gone through.
    pub as_of: String,
    pub quotes: Vec<Quote>,
    lines: BTreeMap<String, Price>,
}

/// One line of the price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub id: String,
    pub what: String,
    /// What one of it is: `vCPU-hour`, `GB-month`.
    pub unit: String,
    pub price: Money,
    /// Date of the source: `2026-07-19`, `2026-10`, `2024-07`.
    pub as_of: String,
    pub source: String,
    /// `high`, `medium`, `low`.
    pub confidence: String,
}

/// A figure that plans often quote, and what it is today.
#[derive(Debug, Clone)]
pub struct Quote {
    /// The decisions under which it matters.
    pub when: BTreeMap<String, Vec<String>>,
    /// What the figure is for: "one NAT gateway".
    pub of: String,
    /// What plans say: "about $32 a month".
    pub plan: String,
    /// Price id and quantity of which today's figure is made.
    pub today: Vec<(String, Quantity)>,
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    region: String,
    as_of: String,
    price: Vec<PriceRow>,
    #[serde(default)]
    quote: Vec<QuoteRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceRow {
    id: String,
    what: String,
    unit: String,
    price: String,
    as_of: String,
    source: String,
    confidence: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuoteRow {
    when: BTreeMap<String, Vec<String>>,
    of: String,
    plan: String,
    today: Vec<PartRow>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRow {
    price: String,
    quantity: String,
}

impl Prices {
    /// The list that travels with the wizard (us-east-1).
    pub fn bundled() -> Result<Self> {
        Self::parse("assets/prices/us-east-1.toml", BUNDLED)
    }

    /// Reads a price list; `file` is only for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let raw: File = toml::from_str(text).or_fail(
            Kind::Input,
            format!("cannot read the price list {file}"),
            "compare it with assets/prices/us-east-1.toml",
        )?;
        let wrong = |what: String| {
            Error::new(Kind::Input, format!("{file}: {what}"))
                .hint("write prices as decimal text with at most 8 decimals, quantities with at most 3")
        };
        let mut lines = BTreeMap::new();
        for row in raw.price {
            let price = Money::parse(&row.price).ok_or_else(|| wrong(format!("`{}` is not a price (line `{}`)", row.price, row.id)))?;
            let id = row.id.clone();
            let line = Price {
                id: row.id,
                what: row.what,
                unit: row.unit,
                price,
                as_of: row.as_of,
                source: row.source,
                confidence: row.confidence,
            };
            if lines.insert(id.clone(), line).is_some() {
                return Err(wrong(format!("the line `{id}` stands twice")));
            }
        }
        let mut quotes = Vec::new();
        for row in raw.quote {
            let mut today = Vec::new();
            for part in row.today {
                let quantity = Quantity::parse(&part.quantity)
                    .ok_or_else(|| wrong(format!("`{}` is not a quantity (quote of {})", part.quantity, row.of)))?;
                if !lines.contains_key(&part.price) {
                    return Err(wrong(format!("no line is called `{}` (quote of {})", part.price, row.of)));
                }
                today.push((part.price, quantity));
            }
            quotes.push(Quote { when: row.when, of: row.of, plan: row.plan, today, why: row.why });
        }
        Ok(Self { region: raw.region, as_of: raw.as_of, quotes, lines })
    }

    pub fn get(&self, id: &str) -> Option<&Price> {
        self.lines.get(id)
    }

    pub fn lines(&self) -> impl Iterator<Item = &Price> {
        self.lines.values()
    }

    /// "plans often quote …; today it is …", for the decisions at hand.
    pub fn plan_quotes(&self, answers: &Answers) -> Vec<String> {
        self.quotes.iter().filter(|quote| holds(&quote.when, answers)).filter_map(|quote| quote.sentence(self)).collect()
    }
}

impl Quote {
    fn sentence(&self, prices: &Prices) -> Option<String> {
        let mut today = Money::ZERO;
        for (id, quantity) in &self.today {
            today = today + prices.get(id)?.price.times(*quantity)?;
        }
        Some(format!("{}: plans often quote {}; today it is {today} a month ({})", self.of, self.plan, self.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_line_has_a_date_a_source_and_a_confidence() {
        let prices = Prices::bundled().unwrap();
        for line in prices.lines() {
            assert!(line.as_of.starts_with("202") && !line.source.is_empty() && !line.unit.is_empty(), "{line:?}");
            assert!(["high", "medium", "low"].contains(&line.confidence.as_str()), "{line:?}");
            assert!(line.price > Money::ZERO, "{line:?}");
        }
    }

    #[test]
    fn a_corrected_figure_is_computed_from_the_list() {
        let prices = Prices::bundled().unwrap();
        let answers = Answers::from([("nat".to_owned(), "one".to_owned())]);
        let quotes = prices.plan_quotes(&answers).join("\n");
        assert!(quotes.contains("plans often quote about $32 a month; today it is $36.50 a month"), "{quotes}");
    }

    #[test]
    fn a_bad_price_is_refused_with_its_line() {
        let text = "region='r'\nas_of='2026'\nprice=[{id='a',what='w',unit='u',price='cheap',as_of='2026',source='s',confidence='high'}]";
        let error = Prices::parse("p.toml", text).unwrap_err().to_string();
        assert!(error.contains("`cheap` is not a price (line `a`)"), "{error}");
    }
}
