//! What is counted and not metered: secrets, alarms, dashboards, from `assets/prices/counts.toml`.
//! Never counts resources itself: `tests/decisions.rs` holds these figures to the rendered stacks.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Bill, Layer};
use crate::decide::money::Quantity;
use crate::decide::question::holds;

const BUNDLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/prices/counts.toml"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    count: Vec<Count>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    price: String,
    layer: Layer,
    what: String,
    part: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    #[serde(default = "one")]
    n: u64,
    per: Option<Per>,
    #[serde(default)]
    when: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Per {
    Service,
}

const fn one() -> u64 {
    1
}

pub(super) fn write(bill: &mut Bill<'_>) {
    static COUNTS: OnceLock<Vec<Count>> = OnceLock::new();
    // a test reads the file; one that cannot be read leaves nothing out in silence: the lines' names are asked for below
    let counts = COUNTS.get_or_init(|| toml::from_str::<File>(BUNDLED).map(|file| file.count).unwrap_or_default());
    if counts.is_empty() {
        bill.unpriced("secrets, alarms and dashboards: assets/prices/counts.toml cannot be read");
    }
    for count in counts {
        let mut total = 0;
        let mut parts = Vec::new();
        for part in count.part.iter().filter(|part| holds(&part.when, bill.answers)) {
            let times = match part.per {
                None => 1,
                Some(Per::Service) => bill.services(),
            };
            let n = part.n.saturating_mul(times);
            total += n;
            parts.push(if n == 1 { part.name.clone() } else { format!("{n} {}", part.name) });
        }
        bill.fixed(count.layer, &count.price, Quantity::whole(total), format!("{}: {}", count.what, parts.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_counts_can_be_read() {
        let file: super::File = toml::from_str(super::BUNDLED).unwrap();
        assert!(file.count.iter().all(|count| !count.part.is_empty()));
    }
}
