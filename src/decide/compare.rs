//! Several sets of decisions side by side: what each layer comes to, and the totals.
//! Never hides what a column leaves out: unpriced costs are counted under the total.

use super::Answers;
use super::bill::Layer;
use super::estimate::{Estimate, estimate};
use super::money::Money;
use super::prices::Prices;

/// Estimates by name, ready to be drawn by `table` or `markdown`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Comparison {
    pub columns: Vec<(String, Estimate)>,
}

/// Prices each set of (settled) answers.
pub fn compare(sets: &[(&str, Answers)], prices: &Prices) -> Comparison {
    Comparison { columns: sets.iter().map(|(name, answers)| ((*name).to_owned(), estimate(answers, prices))).collect() }
}

impl Comparison {
    /// Header, one row for each layer that costs something, totals, what depends on usage, what has no price.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let row = |label: &str, cell: &dyn Fn(&Estimate) -> String| -> Vec<String> {
            std::iter::once(label.to_owned()).chain(self.columns.iter().map(|(_, estimate)| cell(estimate))).collect()
        };
        let mut rows = vec![std::iter::once("a month".to_owned()).chain(self.columns.iter().map(|(name, _)| name.clone())).collect()];
        for layer in Layer::ALL {
            if self.columns.iter().any(|(_, estimate)| estimate.of_layer(layer) > Money::ZERO) {
                rows.push(row(layer.name(), &|estimate| estimate.of_layer(layer).to_string()));
            }
        }
        rows.push(row("total", &|estimate| estimate.baseline.to_string()));
        rows.push(row("usage lines", &|estimate| estimate.usage.len().to_string()));
        rows.push(row("without a price", &|estimate| estimate.unpriced.len().to_string()));
        rows
    }

    /// As aligned plain text.
    pub fn table(&self) -> String {
        super::render::aligned(&self.rows())
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        super::render::markdown_table(&self.rows())
    }
}
