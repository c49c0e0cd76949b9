//! How far a piece of work is, in the words that every face uses: amounts, percentages, rates, time left.
//! Never draws and never guesses: without a total there is no percentage.

use std::time::Duration;

use crate::progress::{Figure, Graph, Part, Progress, Unit};
use crate::text;

/// Whole seconds below a minute: a running clock needs no tenths.
pub(super) fn clock(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { text::duration(Duration::from_secs(seconds)) }
}

/// A time that is only estimated: "2m" and not "2m00s", and from ten minutes on no seconds.
pub(super) fn roughly(seconds: u64) -> String {
    let seconds = if (600..3600).contains(&seconds) { seconds - seconds % 60 } else { seconds };
    let words = clock(seconds);
    words.strip_suffix("00s").or_else(|| words.strip_suffix("00m")).map(str::to_owned).unwrap_or(words)
}

/// "412.0 MiB", "1,200".
pub(super) fn amount(n: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => text::bytes(n),
        Unit::Seconds => clock(n),
        Unit::Rows | Unit::Tables | Unit::Statements | Unit::Resources | Unit::Files | Unit::Steps => text::count(n),
    }
}

/// "412.0 MiB", "1,200 rows".
pub(super) fn counted(n: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes | Unit::Seconds => amount(n, unit),
        Unit::Rows => text::plural(n, "row"),
        Unit::Tables => text::plural(n, "table"),
        Unit::Statements => text::plural(n, "statement"),
        Unit::Resources => text::plural(n, "resource"),
        Unit::Files => text::plural(n, "file"),
        Unit::Steps => text::plural(n, "step"),
    }
}

/// "1,200 of 2,000 rows"; "1,200 rows" while the total is not known. A total that was too small is no longer told.
pub(super) fn of_total(done: u64, total: Option<u64>, unit: Unit) -> String {
    match total.filter(|&total| total >= done && total > 0) {
        Some(total) => format!("{} of {}", amount(done, unit), counted(total, unit)),
        None => counted(done, unit),
    }
}

/// Whole percent, never rounded up: 100 is said when all is done.
pub(super) fn percent(done: u64, total: Option<u64>) -> Option<u64> {
    let total = total.filter(|&total| total > 0)?;
    u64::try_from(u128::from(done.min(total)) * 100 / u128::from(total)).ok()
}

/// How many of `cells` are full.
pub(super) fn full(done: u64, total: u64, cells: usize) -> usize {
    if total == 0 {
        return 0;
    }
    usize::try_from(u128::from(done.min(total)) * cells as u128 / u128::from(total)).unwrap_or(cells).min(cells)
}

/// One figure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub text: String,
    /// It is about rows that were put aside: a person has to look at it.
    pub warns: bool,
}

/// What is counted and the figures beside it; empty when there are no figures.
/// A figure that says what the bar says is left out, and so are troubles that there were none of.
pub(super) fn figures(progress: &Progress) -> Vec<Words> {
    if progress.figures.is_empty() {
        return Vec::new();
    }
    let counted = Words { text: of_total(progress.done, progress.total, progress.unit), warns: false };
    let told = |f: &&Figure| {
        let same = f.unit == progress.unit && f.value == progress.done && matches!(f.name.as_str(), "rows" | "bytes");
        let none = f.value == 0 && matches!(f.name.as_str(), "retries" | "quarantined");
        !same && !none
    };
    std::iter::once(counted).chain(progress.figures.iter().filter(told).map(figure)).collect()
}

fn figure(figure: &Figure) -> Words {
    let (name, value) = (figure.name.as_str(), amount(figure.value, figure.unit));
    let text = match name.strip_suffix("_per_s") {
        Some(what) if figure.unit == Unit::Bytes || what.is_empty() => format!("{value}/s"),
        Some(what) => format!("{value} {what}/s"),
        None if name == "bytes" => value,
        None => format!("{} {value}", name.replace('_', " ")),
    };
    Words { text, warns: name == "quarantined" }
}

/// Heights of a graph's blocks; what was not read is a dot.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const NOT_READ: char = '·';

/// The newest points as blocks, one cell each. Half of the height is the limit, or the highest point all of it where that is more.
pub(super) fn blocks(graph: &Graph, cells: usize) -> String {
    let shown = graph.points.get(graph.points.len().saturating_sub(cells)..).unwrap_or_default();
    let highest = shown.iter().flatten().copied().max().unwrap_or(0);
    let top = highest.max(graph.limit.unwrap_or(0).saturating_mul(2)).max(1);
    let block = |value: u64| BLOCKS.get(full(value, top, BLOCKS.len() - 1)).copied().unwrap_or(NOT_READ);
    shown.iter().map(|point| point.map_or(NOT_READ, block)).collect()
}

/// A line for each graph, in columns: "▁▁▁▄  7 %, at most 5 %  error rate (from outside)". The name comes last: a line that is too long
/// loses of that.
pub(super) fn graphs(progress: &Progress, cells: usize) -> Vec<Words> {
    let widest = |of: &dyn Fn(&Graph) -> usize| progress.graphs.iter().map(of).max().unwrap_or(0);
    let (drawn, now) = (widest(&|graph| graph.points.len().min(cells)), widest(&|graph| graph.now.chars().count()));
    let line = |graph: &Graph| {
        let text = format!("{:<drawn$}  {:<now$}  {}", blocks(graph, cells), graph.now, graph.name);
        Words { text, warns: graph.breaks }
    };
    progress.graphs.iter().map(line).collect()
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    AtWork,
    Waits,
    Done,
}

/// By its note where that begins with "waits" or "done"; else a note is about work, and without one its figures tell.
pub(super) fn standing(part: &Part) -> Standing {
    let all = part.total.is_some_and(|total| part.done >= total);
    match part.note.as_str() {
        note if note.starts_with("done") => Standing::Done,
        note if note.starts_with("waits") => Standing::Waits,
        "" if all => Standing::Done,
        "" if part.done == 0 => Standing::Waits,
        _ => Standing::AtWork,
    }
}

/// The parts: those at work first, then those that wait, then what is done; else in their own order.
pub(super) fn parts(progress: &Progress) -> Vec<&Part> {
    let mut parts: Vec<&Part> = progress.parts.iter().collect();
    parts.sort_by_key(|part| standing(part));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(figures: &[(&str, u64, Unit)]) -> Vec<(String, bool)> {
        let mut progress = Progress::new(432_013_312, Some(2_040_109_466), Unit::Bytes, "");
        progress.figures = figures.iter().map(|&(name, value, unit)| Figure { name: name.into(), value, unit }).collect();
        super::figures(&progress).into_iter().map(|w| (w.text, w.warns)).collect()
    }

    #[test]
    fn figures_are_told_by_name_and_unit() {
        assert_eq!(with(&[]), []);
        let told = with(&[
            ("rows", 1_204_113, Unit::Rows),
            ("bytes", 432_013_312, Unit::Bytes),
            ("bytes_per_s", 35_756_441, Unit::Bytes),
            ("rows_per_s", 12_000, Unit::Rows),
            ("retries", 3, Unit::Steps),
            ("quarantined", 2, Unit::Rows),
            ("open_sessions", 8, Unit::Steps),
        ]);
        let texts: Vec<&str> = told.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(
            texts,
            ["412.0 MiB of 1.9 GiB", "rows 1,204,113", "34.1 MiB/s", "12,000 rows/s", "retries 3", "quarantined 2", "open sessions 8"]
        );
        assert_eq!(told.iter().filter(|(_, warns)| *warns).count(), 1);
    }

    #[test]
    fn no_trouble_is_not_told() {
        let told = with(&[("retries", 0, Unit::Steps), ("quarantined", 0, Unit::Rows), ("bytes", 5, Unit::Bytes)]);
        assert_eq!(told, [("412.0 MiB of 1.9 GiB".to_owned(), false), ("5 B".to_owned(), false)]);
    }

    #[test]
    fn time_and_totals_are_no_more_exact_than_they_are() {
        for (seconds, then) in
            [(0, "0s"), (59, "59s"), (120, "2m"), (130, "2m10s"), (725, "12m"), (3600, "1h"), (5400, "1h30m"), (90_000, "1d01h")]
        {
            assert_eq!(roughly(seconds), then);
        }
        for (done, total, then) in
            [(5, None, "5 rows"), (0, Some(0), "0 rows"), (7, Some(5), "7 rows"), (1, Some(2_000), "1 of 2,000 rows")]
        {
            assert_eq!(of_total(done, total, Unit::Rows), then);
        }
        for (done, total, then) in [
            (5, None, None),
            (0, Some(0), None),
            (999, Some(1000), Some(99)),
            (9, Some(5), Some(100)),
            (u64::MAX, Some(u64::MAX), Some(100)),
        ] {
            assert_eq!(percent(done, total), then);
        }
        assert_eq!((full(1, 2, 8), full(0, 0, 8), full(9, 5, 8)), (4, 0, 8));
    }

    #[test]
    fn a_graph_is_drawn_against_its_limit_and_shows_its_gaps() {
        let graph = |name: &str, points: &[Option<u64>], limit, now: &str, breaks| Graph {
            name: name.into(),
            points: points.to_vec(),
            limit,
            now: now.into(),
            breaks,
        };
        let mut progress = Progress::new(0, None, Unit::Seconds, "");
        progress.graphs = vec![
            graph("error rate", &[Some(99), Some(0), None, Some(5), Some(10)], Some(5), "10 %, at most 5 %", true),
            graph("p95", &[Some(100), Some(1500)], Some(3000), "1.5s", false),
        ];
        let told: Vec<(String, bool)> = graphs(&progress, 4).into_iter().map(|words| (words.text, words.warns)).collect();
        assert_eq!(told, [("▁·▄█  10 %, at most 5 %  error rate".to_owned(), true), ("▁▂    1.5s               p95".to_owned(), false)]);
        assert_eq!(blocks(&graph("none", &[], None, "", false), 4), "");
        assert_eq!(blocks(&graph("no limit", &[Some(0), Some(7)], None, "", false), 9), "▁█");
    }

    #[test]
    fn parts_at_work_come_first() {
        let mut progress = Progress::new(0, None, Unit::Rows, "");
        progress.parts = [
            ("a", 5, Some(5), "done: equal"),
            ("b", 0, Some(5), "waits"),
            ("c", 2, Some(5), "chunk 1 of 2"),
            ("d", 5, Some(5), ""),
            ("e", 0, Some(5), ""),
            ("f", 9, Some(5), "chunk 2 of 2"),
            ("g", 1, None, ""),
        ]
        .into_iter()
        .map(|(name, done, total, note)| Part { name: name.into(), done, total, unit: Unit::Rows, note: note.into(), remaining_s: None })
        .collect();
        let names: String = parts(&progress).iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, "cfgbead");
    }
}
