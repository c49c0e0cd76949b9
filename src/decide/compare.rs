//! Several sets of decisions side by side: what each layer comes to, and the totals, with the difference to the first.
//! Never hides what a column leaves out: unpriced costs are counted under the total.

use super::Answers;
use super::bill::Layer;
use super::estimate::{Estimate, estimate};
use super::money::Money;
use super::prices::PriceBook;

/// As many columns as can be read side by side.
pub const MOST_COMPARED: usize = 5;

/// Estimates by name, ready to be drawn by `table` or `markdown`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Comparison {
    pub columns: Vec<(String, Estimate)>,
}

/// Prices each set of (settled) answers with the prices of its region.
pub fn compare(sets: &[(&str, Answers)], prices: &PriceBook) -> Comparison {
    Comparison { columns: sets.iter().map(|(name, answers)| ((*name).to_owned(), estimate(answers, prices.of(answers)))).collect() }
}

impl Comparison {
    /// Header, one row for each layer that costs something, totals, what depends on usage, what has no price.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let row = |label: &str, cell: &dyn Fn(&Estimate) -> String| -> Vec<String> {
            std::iter::once(label.to_owned()).chain(self.columns.iter().map(|(_, estimate)| cell(estimate))).collect()
        };
        let money = |label: &str, of: &dyn Fn(&Estimate) -> Money| -> Vec<String> {
            let first = self.columns.first().map(|(_, estimate)| of(estimate)).unwrap_or_default();
            let cell = |(i, (_, estimate)): (usize, &(String, Estimate))| match of(estimate) {
                amount if i == 0 || amount == first => amount.to_string(),
                amount => format!("{amount} ({})", (amount - first).signed()),
            };
            std::iter::once(label.to_owned()).chain(self.columns.iter().enumerate().map(cell)).collect()
        };
        let mut rows = vec![std::iter::once("a month".to_owned()).chain(self.columns.iter().map(|(name, _)| name.clone())).collect()];
        for layer in Layer::ALL {
            if self.columns.iter().any(|(_, estimate)| estimate.of_layer(layer) > Money::ZERO) {
                rows.push(money(layer.name(), &|estimate| estimate.of_layer(layer)));
            }
        }
        rows.push(money("total", &|estimate| estimate.baseline));
        rows.push(row("usage lines", &|estimate| estimate.usage.len().to_string()));
        rows.push(row("without a price", &|estimate| estimate.unpriced.len().to_string()));
        rows.push(row("prices of", &|estimate| format!("{}{}", estimate.region, if estimate.stale.is_empty() { "" } else { " *" })));
        rows
    }

    /// Every column judged on a day: see [`Estimate::on`].
    #[must_use]
    pub fn on(mut self, today: &str) -> Self {
        self.columns = self.columns.into_iter().map(|(name, estimate)| (name, estimate.on(today))).collect();
        self
    }

    /// As aligned plain text; below it what has no price, and whether prices are stale.
    pub fn table(&self) -> String {
        let mut out = super::render::aligned(&self.rows());
        for (name, estimate) in &self.columns {
            if !estimate.unpriced.is_empty() {
                out.push_str(&format!("\n{name}: not in the total, because no price is known\n"));
                estimate.unpriced.iter().for_each(|what| out.push_str(&format!("  - {what}\n")));
            }
        }
        let stale =
            |(name, estimate): &(String, Estimate)| estimate.stale.iter().map(|what| format!("  - {name}: {what}\n")).collect::<String>();
        let lines: String = self.columns.iter().map(stale).collect();
        if !lines.is_empty() {
            out.push_str("\n* prices that are not current\n");
            out.push_str(&lines);
        }
        out
    }

    /// As a Markdown table.
    pub fn markdown(&self) -> String {
        super::render::markdown_table(&self.rows())
    }
}
