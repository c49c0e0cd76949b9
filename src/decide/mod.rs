//! Decisions and what they cost: answers in, a dated estimate, differences, profiles and decision records out.
//! Never asks, prints, opens a connection or looks up a live price: it computes from `assets/` and the answers it is given.
//!
//! The question ids it reads are those documented at the top of `playbooks/decide.toml`.

mod bill;
mod compare;
mod condition;
mod delta;
mod estimate;
mod lookup;
mod money;
mod prices;
mod profile;
mod question;
mod record;
mod render;
mod resources;
mod routes;
mod rules;
mod services;

#[cfg(test)]
mod finding_test;
#[cfg(test)]
mod playbook_test;

use std::collections::BTreeMap;

pub use bill::Layer;
pub use compare::{Comparison, MOST_COMPARED, compare};
pub use delta::{Delta, delta};
pub use estimate::{Estimate, Line, estimate};
pub use lookup::{Lookup, Product, Query, Tier, price_file};
pub use money::{Money, Quantity};
pub use prices::{CURRENT_DAYS, Price, PriceBook, Prices, Quote};
pub use profile::{Planned, Profile, answers_file, profiles};
pub use question::{QuestionSpec, missing, settle};
pub use record::{Alternative, Decision, records};
pub use resources::{Made, Resources, Tally};
pub use routes::{Route, admin_paths, routes};
pub use rules::{Contradiction, Rules, Severity, refusal, told};
pub use services::{Service, migrator, services};

/// What was decided: question id → option id, text or number. Other facts (`scan.port`) may stand beside them.
pub type Answers = BTreeMap<String, String>;
