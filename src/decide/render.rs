//! The estimate as text: an aligned table for terminals, Markdown for reports and decision records.
//! Never computes a figure: it shows those of the estimate.

use std::fmt::Write as _;

use super::bill::Layer;
use super::estimate::{Estimate, Line};

/// Said under every estimate.
const BEFORE: &str = "before taxes, discounts and credits; 730 hours a month";

impl Estimate {
    /// Aligned plain text: lines by layer, the total, what has no price, notes.
    pub fn table(&self) -> String {
        let mut out = aligned(&self.rows());
        let _ = writeln!(
            out,
            "\nbaseline {} a month + {} that depend on usage ({BEFORE})",
            self.baseline,
            crate::text::plural(self.usage.len() as u64, "line")
        );
        let _ = writeln!(out, "prices of {}, on demand, gone through on {}", self.region, self.as_of);
        for (title, items) in self.remarks() {
            let _ = writeln!(out, "\n{title}");
            for item in items {
                let _ = writeln!(out, "  - {item}");
            }
        }
        out
    }

    /// The same as Markdown, with the source of every price.
    pub fn markdown(&self) -> String {
        let mut rows = self.rows();
        let sources = std::iter::once("price from".to_owned())
            .chain(self.lines.iter().map(|line| format!("{}, {} ({})", line.source, line.as_of, line.confidence)));
        for (row, source) in rows.iter_mut().zip(sources) {
            row.push(source);
        }
        let mut out = markdown_table(&rows);
        let _ = write!(
            out,
            "\n**Baseline {} a month**, plus {} that depend on usage; {BEFORE}.\n",
            self.baseline,
            crate::text::plural(self.usage.len() as u64, "line")
        );
        let _ = writeln!(out, "Prices of {}, on demand, gone through on {}.", self.region, self.as_of);
        for (title, items) in self.remarks() {
            let _ = writeln!(out, "\n{title}:\n");
            for item in items {
                let _ = writeln!(out, "- {item}");
            }
        }
        out
    }

    fn remarks(&self) -> Vec<(&'static str, &Vec<String>)> {
        let all = [
            ("Not in the total, because no price is known", &self.unpriced),
            ("Prices that are not current", &self.stale),
            ("What older plans get wrong", &self.plan_quotes),
            ("Notes", &self.notes),
        ];
        all.into_iter().filter(|(_, items)| !items.is_empty()).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let head = ["layer", "what", "quantity", "unit price", "a month"].map(str::to_owned).to_vec();
        let mut last: Option<Layer> = None;
        let lines = self.lines.iter().map(|line| {
            let layer = if last.replace(line.layer) == Some(line.layer) { String::new() } else { line.layer.name().to_owned() };
            vec![
                layer,
                what(line),
                amount(line),
                format!("{} per {}{}", line.price.exact(), line.unit, if line.stale { " *" } else { "" }),
                line.monthly.map_or_else(|| "usage".to_owned(), |m| m.to_string()),
            ]
        });
        std::iter::once(head).chain(lines).collect()
    }
}

/// The name and, for usage, what it depends on beyond the unit price shown in its own column.
fn what(line: &Line) -> String {
    let more = line.usage_note.as_deref().and_then(|note| note.split_once(", ")).map(|(_, more)| more);
    more.map_or_else(|| line.what.clone(), |more| format!("{} ({more})", line.what))
}

fn amount(line: &Line) -> String {
    line.quantity.map_or_else(|| "depends on usage".to_owned(), |quantity| quantity.to_string())
}

/// Columns padded to their widest cell; the first two to the left, the others to the right.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> =
        (0..columns).map(|c| rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)).collect();
    let left = if columns > 4 { 2 } else { 1 };
    let mut out = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &width))| if c < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out
}

/// The first row is the head.
pub(super) fn markdown_table(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        if i == 0 {
            let _ = writeln!(out, "|{}", "---|".repeat(row.len()));
        }
    }
    out
}
