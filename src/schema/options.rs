//! What a person may choose about a conversion.
//! Never holds facts about a target: those are in the capabilities.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Digits in all, and how many of them stand after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    pub precision: u16,
    pub scale: u16,
}

/// Choices with defaults; used where the target makes a choice necessary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Values that a session takes from a counter at once: 1, or at least 65,536 on DSQL.
    pub identity_cache: u32,
    /// What a `numeric` without figures becomes where it must have some.
    pub numeric: Numeric,
    /// The same for one column (`public.orders.total`), as measured in the data.
    pub numeric_columns: BTreeMap<String, Numeric>,
}

impl Default for Options {
    fn default() -> Self {
        Self { identity_cache: 65_536, numeric: Numeric { precision: 38, scale: 9 }, numeric_columns: BTreeMap::new() }
    }
}
