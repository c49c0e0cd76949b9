//! The price list: dated lines from `assets/prices/`, and the figures that older plans quote wrongly.
//! Never knows which of them an app needs, and never invents a price that is not in the file.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Answers;
use super::money::{Money, Quantity};
use super::question::holds;
use crate::error::{Context, Error, Kind, Result};

/// The lists that travel with the wizard; the first is taken where a region has none.
const BUNDLED: [(&str, &str); 2] = [
    ("assets/prices/us-east-1.toml", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/us-east-1.toml"))),
    ("assets/prices/eu-west-1.toml", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/eu-west-1.toml"))),
];

/// The region whose prices are taken where there are none of the chosen one.
const FALLBACK: &str = "us-east-1";

/// A price older than this is not called current.
pub const CURRENT_DAYS: i64 = 90;

/// One price list for each region.
#[derive(Debug, Clone)]
pub struct PriceBook {
    lists: BTreeMap<String, Prices>,
    fallback: Prices,
}

impl PriceBook {
    /// The lists that travel with the wizard.
    pub fn bundled() -> Result<Self> {
        let lists = BUNDLED.iter().map(|(file, text)| Prices::parse(file, text)).collect::<Result<Vec<_>>>()?;
        let lists: BTreeMap<_, _> = lists.into_iter().map(|list| (list.region.clone(), list)).collect();
        let fallback = lists.get(FALLBACK).cloned().ok_or_else(|| Error::bug(format!("no price list of {FALLBACK}")))?;
        Ok(Self { lists, fallback })
    }

    /// With a list of the user's own in place of the bundled one of its region.
    #[must_use]
    pub fn with(mut self, list: Prices) -> Self {
        if list.region == FALLBACK {
            // figures of older plans are no prices: a fresh list has none
            let quotes = std::mem::take(&mut self.fallback.quotes);
            self.fallback = Prices { quotes, ..list.clone() };
        }
        let quotes = self.lists.get(&list.region).map(|old| old.quotes.clone()).unwrap_or_default();
        self.lists.insert(list.region.clone(), Prices { quotes, ..list });
        self
    }

    /// The list of the region that was decided; that of us-east-1 where there is none.
    pub fn of(&self, answers: &Answers) -> &Prices {
        answers.get("region").and_then(|region| self.lists.get(region)).unwrap_or(&self.fallback)
    }

    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.lists.keys().map(String::as_str)
    }
}

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
    /// The list of us-east-1 that travels with the wizard.
    pub fn bundled() -> Result<Self> {
        let [(file, text), _] = BUNDLED;
        Self::parse(file, text)
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

impl Price {
    /// Is it too old on that day (`2026-11-28`) to be called current? A date without a day counts from its first, one that cannot be
    /// read is old.
    pub fn is_stale(&self, today: &str) -> bool {
        is_stale(&self.as_of, today)
    }
}

/// See [`Price::is_stale`].
pub(super) fn is_stale(as_of: &str, today: &str) -> bool {
    match (day(as_of), day(today)) {
        (Some(then), Some(now)) => now.since(then).is_ok_and(|span| i64::from(span.get_days()) > CURRENT_DAYS),
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// `2026-11-28`, `2026-11` (its first day), `2026` (its first day).
fn day(text: &str) -> Option<jiff::civil::Date> {
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    full.parse().ok()
}

impl Quote {
    fn sentence(&self, prices: &Prices) -> Option<String> {
        let mut now = Money::ZERO;
        let mut as_of: Option<&str> = None;
        for (id, quantity) in &self.today {
            let price = prices.get(id)?;
            now = now + price.price.times(*quantity)?;
            as_of = Some(as_of.map_or(price.as_of.as_str(), |oldest| oldest.min(&price.as_of)));
        }
        let as_of = as_of.unwrap_or(&prices.as_of);
        Some(format!("{}: plans often quote {}; by prices of {as_of} it is {now} a month ({})", self.of, self.plan, self.why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_line_has_a_date_a_source_and_a_confidence() {
        let book = PriceBook::bundled().unwrap();
        assert_eq!(book.regions().collect::<Vec<_>>(), ["eu-west-1", "us-east-1"]);
        for line in book.lists.values().flat_map(Prices::lines) {
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
        assert!(quotes.contains("plans often quote about $32 a month; by prices of 2026-10 it is $36.50 a month"), "{quotes}");
    }

    #[test]
    fn a_price_is_current_for_ninety_days_and_no_longer() {
        let of = |as_of: &str, today: &str| {
            Price { as_of: as_of.to_owned(), ..Prices::bundled().unwrap().get("ipv4").unwrap().clone() }.is_stale(today)
        };
        assert!(!of("2026-08-30", "2026-11-28"));
        assert!(of("2026-08-29", "2026-11-28"));
        assert!(!of("2026-10", "2026-11-28"));
        assert!(of("2026", "2026-11-28"));
        assert!(of("lately", "2026-11-28"));
    }

    #[test]
    fn a_list_of_ones_own_takes_the_place_of_the_bundled_one() {
        let own = Prices::parse("own.toml", "region='ap-south-1'\nas_of='2026-11-28'\nprice=[]").unwrap();
        let book = PriceBook::bundled().unwrap().with(own);
        let of = |region: &str| book.of(&Answers::from([("region".to_owned(), region.to_owned())])).region.clone();
        assert_eq!([of("ap-south-1"), of("eu-west-1"), of("mx-central-1")], ["ap-south-1", "eu-west-1", "us-east-1"]);
    }

    #[test]
    fn a_bad_price_is_refused_with_its_line() {
        let text = "region='r'\nas_of='2026'\nprice=[{id='a',what='w',unit='u',price='cheap',as_of='2026',source='s',confidence='high'}]";
        let error = Prices::parse("p.toml", text).unwrap_err().to_string();
        assert!(error.contains("`cheap` is not a price (line `a`)"), "{error}");
    }
}
