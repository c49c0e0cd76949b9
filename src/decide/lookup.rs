//! Where the lines of a price list stand in AWS's own, from `assets/prices/lookup.toml`; and a price list made of what AWS answers.
//! Never asks AWS: it says what to ask and reads what came back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::money::Money;
use super::prices::{Price, Prices};
use crate::error::{Error, Result};

const BUNDLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/lookup.toml"));

/// The table.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// When its attributes were last looked at.
    pub as_of: String,
    lines: Vec<Row>,
    prefixes: BTreeMap<String, String>,
}

/// What to ask AWS for one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The id of the line.
    pub id: String,
    /// `AmazonRDS`.
    pub service: String,
    /// Attributes that must be equal, the region among them.
    pub filters: Vec<(String, String)>,
    usage: String,
    unit: String,
    times: u64,
}

/// A product of AWS's list with its on-demand prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub sku: String,
    /// `EU-NatGateway-Hours`.
    pub usage_type: String,
    pub tiers: Vec<Tier>,
}

/// One tier of a product's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// `0`.
    pub from: String,
    /// `Hrs`, `GB-Mo`.
    pub unit: String,
    /// Decimal text with up to ten decimals: `0.0450000000`.
    pub usd: String,
    /// Since when, as AWS writes it: `2026-09-01T00:00:00Z`.
    pub since: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: String,
    prefixes: BTreeMap<String, String>,
    line: Vec<Row>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    #[serde(default)]
    each: Vec<String>,
    service: String,
    #[serde(default)]
    global: bool,
    /// The attribute that holds the region.
    #[serde(default = "region_code")]
    regional: String,
    #[serde(default)]
    filters: BTreeMap<String, String>,
    #[serde(default)]
    usage: String,
    unit: String,
    #[serde(default = "once")]
    times: String,
}

fn region_code() -> String {
    "regionCode".to_owned()
}

fn once() -> String {
    "1".to_owned()
}

impl Lookup {
    /// The table that travels with the wizard.
    pub fn bundled() -> Result<Self> {
        let raw: File = toml::from_str(BUNDLED).map_err(|e| Error::bug(format!("assets/prices/lookup.toml: {e}")))?;
        Ok(Self { as_of: raw.as_of, lines: raw.line, prefixes: raw.prefixes })
    }

    /// Each line's question for a region.
    pub fn queries(&self, region: &str) -> Result<Vec<Query>> {
        let mut queries = Vec::new();
        for row in &self.lines {
            let alone = [String::new()];
            for one in if row.each.is_empty() { &alone[..] } else { &row.each } {
                let put = |text: &str| text.replace("{}", one);
                let mut filters: Vec<(String, String)> = row.filters.iter().map(|(name, value)| (name.clone(), put(value))).collect();
                if !row.global {
                    filters.push((row.regional.clone(), region.to_owned()));
                }
                let times =
                    row.times.parse().map_err(|_| Error::bug(format!("assets/prices/lookup.toml: {}: times = {}", row.id, row.times)))?;
                queries.push(Query {
                    id: put(&row.id),
                    service: row.service.clone(),
                    filters,
                    usage: put(&row.usage),
                    unit: row.unit.clone(),
                    times,
                });
            }
        }
        Ok(queries)
    }

    /// The price among what AWS answered. `Err` says in words why there is none: nothing fits, several prices do, or one cannot be written.
    pub fn price(&self, query: &Query, region: &str, products: &[Product]) -> std::result::Result<(Money, String), String> {
        let fitting = products.iter().filter(|product| query.usage.is_empty() || self.bare(&product.usage_type, region) == query.usage);
        let mut found: Vec<(Money, &str)> = Vec::new();
        for product in fitting {
            let mut tiers: Vec<&Tier> = product.tiers.iter().filter(|tier| tier.unit.eq_ignore_ascii_case(&query.unit)).collect();
            tiers.sort_by_key(|tier| tier.from.parse::<u64>().unwrap_or(u64::MAX));
            for tier in tiers {
                let price = times(&tier.usd, query.times).ok_or_else(|| format!("`{}` is no price that can be written here", tier.usd))?;
                if price > Money::ZERO {
                    found.push((price, &tier.since));
                    break;
                }
            }
        }
        found.sort();
        found.dedup_by_key(|(price, _)| *price);
        match found.as_slice() {
            [(price, since)] => Ok((*price, (*since).to_owned())),
            [] => Err(format!("none of {} fits", crate::text::plural(products.len() as u64, "answer"))),
            several => Err(format!("{} different prices fit", several.len())),
        }
    }

    /// A usage type without its region: `EU-NatGateway-Hours` → `NatGateway-Hours`.
    fn bare<'a>(&self, usage: &'a str, region: &str) -> &'a str {
        let prefix = self.prefixes.get(region);
        prefix.and_then(|prefix| usage.strip_prefix(prefix.as_str())?.strip_prefix('-')).unwrap_or_else(|| {
            // a region younger than the table: capitals and digits before the first dash are its name
            match usage.split_once('-') {
                Some((first, rest))
                    if prefix.is_none() && first.len() <= 5 && first.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) =>
                {
                    rest
                }
                Some(_) | None => usage,
            }
        })
    }
}

/// Decimal text times a whole number, exactly; `None` when more than eight decimals are left or it is too large.
fn times(usd: &str, n: u64) -> Option<Money> {
    let (whole, rest) = usd.split_once('.').unwrap_or((usd, ""));
    if rest.len() > 10 || !rest.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let tiny = format!("{whole}{rest:0<10}").parse::<i128>().ok()?.checked_mul(i128::from(n))?;
    (tiny >= 0 && tiny % 100 == 0).then(|| Money::parse(&format!("{}.{:08}", tiny / 10_000_000_000, tiny / 100 % 100_000_000))).flatten()
}

/// A price list as a file: `found` by id, with the words of `like` for each line. `read` is today.
pub fn price_file(
    region: &str,
    read: &str,
    found: &BTreeMap<String, (Money, String)>,
    like: &Prices,
    missing: &[(String, String)],
) -> String {
    let mut out = format!(
        "# What AWS asks in {region}: on demand, US dollars, as its Price List Query API answered on {read}.\n# Made by `migrate-wizard cost prices --region {region}`; the same format as assets/prices/us-east-1.toml.\n"
    );
    for (id, why) in missing {
        let _ = writeln!(out, "# not found, and so named as unpriced: {id} ({why})");
    }
    let _ = write!(out, "\nregion = \"{region}\"\nas_of = \"{read}\"\n\nprice = [\n");
    for (id, (price, since)) in found {
        let Some(Price { what, unit, .. }) = like.get(id) else { continue };
        let since = since.get(..10).unwrap_or(since);
        let _ = writeln!(
            out,
            "  {{ id = \"{id}\", what = \"{what}\", unit = \"{unit}\", price = \"{}\", as_of = \"{read}\", source = \"AWS Price List Query API, in force since {since}\", confidence = \"high\" }},",
            price.exact().replace(['$', ','], "")
        );
    }
    out.push_str("]\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(usage: &str, tiers: &[(&str, &str, &str)]) -> Product {
        let tier = |(from, unit, usd): &(&str, &str, &str)| Tier {
            from: (*from).into(),
            unit: (*unit).into(),
            usd: (*usd).into(),
            since: "2026-09-01T00:00:00Z".into(),
        };
        Product { sku: "S".into(), usage_type: usage.into(), tiers: tiers.iter().map(tier).collect() }
    }

    fn query(id: &str) -> Query {
        Lookup::bundled().unwrap().queries("eu-west-1").unwrap().into_iter().find(|query| query.id == id).unwrap()
    }

    #[test]
    fn every_line_of_the_price_list_can_be_looked_up() {
        let queries = Lookup::bundled().unwrap().queries("us-east-1").unwrap();
        let asked: Vec<&str> = queries.iter().map(|query| query.id.as_str()).collect();
        for line in Prices::bundled().unwrap().lines() {
            assert_eq!(asked.iter().filter(|id| **id == line.id).count(), 1, "{}", line.id);
        }
        assert_eq!(asked.len(), Prices::bundled().unwrap().lines().count());
    }

    #[test]
    fn the_region_and_the_class_go_with_the_question() {
        let query = query("rds.db.t3.medium.multi_az");
        for filter in [("instanceType", "db.t3.medium"), ("deploymentOption", "Multi-AZ"), ("regionCode", "eu-west-1")] {
            assert!(query.filters.contains(&(filter.0.to_owned(), filter.1.to_owned())), "{query:?}");
        }
    }

    #[test]
    fn a_neighbour_with_a_longer_name_is_not_taken() {
        let lookup = Lookup::bundled().unwrap();
        let nat =
            [product("EU-RegionalNatGateway-Hours", &[("0", "Hrs", "9")]), product("EU-NatGateway-Hours", &[("0", "Hrs", "0.0480000000")])];
        assert_eq!(lookup.price(&query("nat.hour"), "eu-west-1", &nat).unwrap().0, Money::parse("0.048").unwrap());
        // us-east-1 writes it with its name or without
        for usage in ["NatGateway-Hours", "USE1-NatGateway-Hours"] {
            assert!(lookup.price(&query("nat.hour"), "us-east-1", &[product(usage, &[("0", "Hrs", "0.045")])]).is_ok(), "{usage}");
        }
        // a region that the table does not know
        assert!(lookup.price(&query("nat.hour"), "ap-southeast-7", &[product("APS9-NatGateway-Hours", &[("0", "Hrs", "0.05")])]).is_ok());
    }

    #[test]
    fn the_first_tier_that_costs_something_is_taken_in_our_unit() {
        let lookup = Lookup::bundled().unwrap();
        let users = [product("EU-CognitoEssentialsMAU", &[("10000", "User", "0.0150000000"), ("0", "User", "0.0000000000")])];
        assert_eq!(lookup.price(&query("cognito.essentials"), "eu-west-1", &users).unwrap().0.exact(), "$0.015");
        let puts = [product("EU-Requests-Tier1", &[("0", "Requests", "0.0000050000")])];
        assert_eq!(lookup.price(&query("s3.put"), "eu-west-1", &puts).unwrap().0.exact(), "$0.005");
    }

    #[test]
    fn what_does_not_fit_is_said_and_not_guessed() {
        let lookup = Lookup::bundled().unwrap();
        let said = |products: &[Product]| lookup.price(&query("alb.hour"), "eu-west-1", products).unwrap_err();
        assert_eq!(said(&[]), "none of 0 answers fits");
        assert_eq!(said(&[product("EU-LoadBalancerUsage", &[("0", "GB", "1")])]), "none of 1 answer fits");
        let two = ["0.02", "0.03"].map(|usd| product("EU-LoadBalancerUsage", &[("0", "Hrs", usd)]));
        assert_eq!(said(&two), "2 different prices fit");
        assert!(said(&[product("EU-LoadBalancerUsage", &[("0", "Hrs", "0.00000000001")])]).contains("is no price"));
    }

    #[test]
    fn a_list_that_was_made_can_be_read_again() {
        let found = BTreeMap::from([("nat.hour".to_owned(), (Money::parse("0.048").unwrap(), "2026-09-01T00:00:00Z".to_owned()))]);
        let missing = [("ipv4".to_owned(), "none of 0 answers fits".to_owned())];
        let text = price_file("eu-west-1", "2026-11-28", &found, &Prices::bundled().unwrap(), &missing);
        assert!(text.contains("# not found, and so named as unpriced: ipv4 (none of 0 answers fits)"), "{text}");
        let list = Prices::parse("made.toml", &text).unwrap();
        assert_eq!((list.region.as_str(), list.lines().count()), ("eu-west-1", 1));
        assert_eq!(list.get("nat.hour").unwrap().price.exact(), "$0.048");
        assert!(!list.get("nat.hour").unwrap().is_stale("2026-11-28"));
    }
}
