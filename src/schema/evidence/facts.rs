//! The target's limits as measuring needs them, from its capability file.
//! Never a figure of its own: a target without a limit is not measured against one.

use crate::schema::Target;
use crate::schema::capabilities::Capabilities;

#[derive(Debug, Clone)]
pub struct Facts {
    /// `DSQL`: what finding ids begin with.
    pub prefix: String,
    /// Bytes of a value, of a row, of a key.
    pub value: Option<u64>,
    pub row: Option<u64>,
    pub key: Option<u64>,
    /// Whole numbers up to here survive in JavaScript.
    pub exact: Option<u64>,
    /// Rows of one transaction.
    pub rows: Option<u64>,
    /// Digits a numeric may have.
    pub digits: Option<u64>,
    /// Element types that are the same in JSON.
    pub json_elements: Vec<String>,
    /// Types that are compressed before they are held to the limit.
    pub compressed: Vec<String>,
}

impl Facts {
    pub fn of(target: Target, capabilities: &Capabilities) -> Self {
        let limit = |name: &str| capabilities.limit(name).map(|limit| limit.value);
        let load = |name: &str| capabilities.load.get(name).copied();
        Self {
            prefix: target.name().to_uppercase(),
            value: load("value_bytes"),
            row: load("row_bytes"),
            key: limit("stored_key_bytes"),
            exact: limit("exact_number"),
            rows: load("rows"),
            digits: limit("numeric_digits"),
            json_elements: capabilities.types.json_elements.clone(),
            compressed: capabilities.types.compressed.clone(),
        }
    }

    pub fn id(&self, rule: &str) -> String {
        format!("{}-{rule}", self.prefix)
    }
}
