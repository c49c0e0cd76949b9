//! How each resource of a rendered stack is paid for, from `assets/prices/resources.toml`, and where an estimate says otherwise.
//! Never renders a stack and never prices one: it counts lines of the price list.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::estimate::Estimate;
use super::money::Quantity;
use crate::error::{Error, Result};

const BUNDLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/resources.toml"));

/// What a stack makes, or a step itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// CloudFormation's type, or `effect:secret`.
    pub kind: String,
    pub properties: Value,
    /// Of its stack: given ones and defaults.
    pub parameters: BTreeMap<String, String>,
}

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    pub as_of: String,
    /// Lines that belong to no resource of their own.
    always: BTreeSet<String>,
    resource: Vec<Row>,
    free: Vec<Free>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "where", default)]
    only: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    fixed: BTreeMap<String, String>,
    #[serde(default)]
    usage: Vec<String>,
    unpriced: Option<String>,
    #[serde(default)]
    free: bool,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Free {
    source: String,
    types: Vec<String>,
}

/// What the resources of a system come to, as lines of a price list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub fixed: BTreeMap<String, Quantity>,
    pub usage: BTreeSet<String>,
    pub unpriced: BTreeSet<String>,
    /// How many are paid for, and how many cost nothing.
    pub billed: u64,
    pub free: u64,
    /// Types that the table does not know, or not in this variant.
    pub unknown: BTreeSet<String>,
}

impl Resources {
    /// The table that travels with the wizard.
    pub fn bundled() -> Result<Self> {
        let table: Self = toml::from_str(BUNDLED).map_err(|e| Error::bug(format!("assets/prices/resources.toml: {e}")))?;
        let priced = |row: &Row| !row.fixed.is_empty() || !row.usage.is_empty() || row.unpriced.is_some();
        let wrong = |row: &&Row| priced(row) == row.free || (row.free && row.source.is_empty());
        if let Some(row) = table.resource.iter().find(wrong) {
            return Err(Error::bug(format!("assets/prices/resources.toml: {} must have lines, or be free and say who says so", row.kind)));
        }
        if table.free.iter().any(|list| list.source.is_empty()) {
            return Err(Error::bug("assets/prices/resources.toml: a list of free types must say who says so"));
        }
        Ok(table)
    }

    /// Counts what was made. Errors where the table asks for a property that is not there.
    pub fn tally<'a>(&self, made: impl IntoIterator<Item = &'a Made>) -> Result<Tally> {
        let mut tally = Tally::default();
        for one in made {
            let rows: Vec<&Row> = self.resource.iter().filter(|row| row.kind == one.kind && row.fits(one)).collect();
            let listed = self.free.iter().any(|list| list.types.contains(&one.kind));
            if rows.is_empty() && !listed {
                tally.unknown.insert(one.kind.clone());
            }
            let paid = rows.iter().any(|row| !row.free);
            tally.billed += u64::from(paid);
            tally.free += u64::from(!paid && (listed || !rows.is_empty()));
            for row in rows {
                for (line, amount) in &row.fixed {
                    let line = one.filled(line)?;
                    let more = quantity(&one.filled(amount)?).ok_or_else(|| one.wrong(amount))?;
                    let sum = tally.fixed.entry(line).or_default();
                    *sum = sum.plus(more);
                }
                tally.usage.extend(row.usage.iter().cloned());
                tally.unpriced.extend(row.unpriced.clone());
            }
        }
        Ok(tally)
    }

    /// Where an estimate and the resources do not say the same, in words; empty when they do.
    pub fn differences(&self, tally: &Tally, estimate: &Estimate) -> Vec<String> {
        let mut told: BTreeMap<&str, Quantity> = BTreeMap::new();
        let mut told_usage: BTreeSet<&str> = BTreeSet::new();
        for line in &estimate.lines {
            match line.quantity {
                Some(quantity) => {
                    let sum = told.entry(&line.id).or_default();
                    *sum = sum.plus(quantity);
                }
                None => {
                    told_usage.insert(&line.id);
                }
            }
        }
        let named = |words: &str| estimate.unpriced.iter().any(|text| text.contains(words));
        // a line without a price in this region is named by its id
        let told_of = |id: &str| told.contains_key(id) || told_usage.contains(id) || named(&format!("`{id}`"));
        let ids: BTreeSet<&str> = told.keys().copied().chain(tally.fixed.keys().map(String::as_str)).collect();
        let mut differences = Vec::new();
        for id in ids {
            let (estimated, made) = (told.get(id).copied().unwrap_or_default(), tally.fixed.get(id).copied().unwrap_or_default());
            if estimated != made && !named(&format!("`{id}`")) {
                differences.push(format!("`{id}`: the stacks make {made}, the estimate counts {estimated}"));
            }
        }
        differences.extend(
            tally.usage.iter().filter(|id| !told_of(id)).map(|id| format!("`{id}`: the stacks use it, the estimate does not name it")),
        );
        let backed = |id: &str| self.always.contains(id) || tally.usage.contains(id) || tally.fixed.contains_key(id);
        let spot = tally.unpriced.contains("Fargate Spot");
        differences.extend(
            told_usage
                .iter()
                .filter(|id| !(backed(id) || spot && id.starts_with("fargate.")))
                .map(|id| format!("`{id}`: the estimate names it, no stack uses it")),
        );
        differences.extend(
            tally.unpriced.iter().filter(|words| !named(words)).map(|words| format!("{words}: the stacks make it, the estimate is silent")),
        );
        differences.extend(tally.unknown.iter().map(|kind| format!("{kind}: nobody knows how it is paid for")));
        differences
    }
}

impl Row {
    fn fits(&self, made: &Made) -> bool {
        self.only.iter().all(|(path, values)| values.contains(&made.value(path).unwrap_or_default()))
    }
}

impl Made {
    /// A property by its path, a parameter by `@Name`, the length of a list by `Path#`; `None` when it is not there.
    fn value(&self, path: &str) -> Option<String> {
        if let Some(name) = path.strip_prefix('@') {
            return self.parameters.get(name).cloned();
        }
        let (path, length) = path.strip_suffix('#').map_or((path, false), |path| (path, true));
        let found = path.split('.').try_fold(&self.properties, |value, key| value.get(key))?;
        Some(match found {
            Value::Array(items) if length => items.len().to_string(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// A text with its holes filled.
    fn filled(&self, text: &str) -> Result<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (hole, after) = after.split_once('}').ok_or_else(|| self.wrong(text))?;
            let (path, words) = hole.split_once('?').unwrap_or((hole, ""));
            let value = self.value(path).ok_or_else(|| self.wrong(path))?;
            let other = words.split(',').filter_map(|pair| pair.split_once('=')).find(|(from, _)| *from == value);
            out.push_str(other.map_or(value.as_str(), |(_, to)| to));
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn wrong(&self, what: &str) -> Error {
        Error::bug(format!("assets/prices/resources.toml: {} has no `{what}` that can be counted", self.kind))
    }
}

/// `730 * 0.25`, `730 * 512 / 1024 * 2`: at most three decimals come out.
fn quantity(text: &str) -> Option<Quantity> {
    let (mut over, mut under) = (1_000_i128, 1_i128);
    let mut divides = false;
    for word in text.split_whitespace() {
        match word {
            "*" => divides = false,
            "/" => divides = true,
            number => {
                let thousandths = i128::from(Quantity::parse(number)?.in_thousandths());
                if divides {
                    (over, under) = (over * 1_000, under.checked_mul(thousandths)?);
                } else {
                    (over, under) = (over.checked_mul(thousandths)?, under * 1_000);
                }
            }
        }
    }
    (under > 0).then(|| i64::try_from(over / under).ok().map(Quantity::thousandths)).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(kind: &str, properties: Value, parameters: &[(&str, &str)]) -> Made {
        let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Made { kind: kind.to_owned(), properties, parameters }
    }

    #[test]
    fn resources_become_lines_of_the_price_list() {
        let database = json!({"Engine": "postgres", "DBInstanceClass": "db.t3.micro", "MultiAZ": "true", "AllocatedStorage": "20", "ManageMasterUserPassword": true});
        let task = json!({"Cpu": "512", "Memory": "1024", "RuntimePlatform": {"CpuArchitecture": "ARM64"}});
        let all = [
            made("AWS::RDS::DBInstance", database, &[]),
            made("AWS::ECS::TaskDefinition", task, &[("CapacityProvider", "FARGATE"), ("Tasks", "2")]),
            made("AWS::WAFv2::WebACL", json!({"Rules": [1, 2]}), &[]),
            made("AWS::EC2::VPC", json!({}), &[]),
            made("AWS::Robot::Arm", json!({}), &[]),
        ];
        let tally = Resources::bundled().unwrap().tally(&all).unwrap();
        let fixed: Vec<String> = tally.fixed.iter().map(|(id, quantity)| format!("{id} {quantity}")).collect();
        assert_eq!(
            fixed,
            [
                "fargate.arm64.gb 1,460",
                "fargate.arm64.vcpu 730",
                "rds.db.t3.micro.multi_az 730",
                "rds.storage.multi_az 20",
                "secret 1",
                "waf.acl 1",
                "waf.rule 2"
            ]
        );
        assert_eq!((tally.billed, tally.free), (3, 1));
        assert_eq!(tally.unknown.into_iter().collect::<Vec<_>>(), ["AWS::Robot::Arm"]);
    }

    #[test]
    fn quantities_are_reckoned_exactly() {
        for (text, expected) in [("730", "730"), ("730 * 256 / 1024 * 3", "547.5"), ("730 * 0.5", "365"), ("2 * 0", "0")] {
            assert_eq!(quantity(text).unwrap().to_string(), expected, "{text}");
        }
        assert_eq!(quantity("730 * many"), None);
    }
}
