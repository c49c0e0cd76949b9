//! Progress where there is no terminal: a line now and then.
//! Never more than a line in ten seconds or ten percent, and none for work that is over at once.

use crate::faces::how_far::{self, Standing};
use crate::progress::{Part, Progress};

/// A line is due after this long, however little has been done.
const EVERY_MS: u64 = 10_000;
/// A line is due when this much more is done …
const STEP: u64 = 10;
/// … but no sooner than this after the one before.
const LEAST_MS: u64 = 1_000;
/// Parts that are named at most.
const PARTS: usize = 4;
/// Points of a graph at most.
const CELLS: usize = 20;

/// When the last line was due, and what it said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain {
    last: Option<(u64, u64)>,
}

impl Plain {
    /// The line to print for this progress, when one is due. `now_ms` is any clock that does not go back.
    pub fn line(&mut self, progress: &Progress, now_ms: u64) -> Option<String> {
        let percent = how_far::percent(progress.done, progress.total).unwrap_or(0);
        let Some((last_ms, last)) = self.last.filter(|&(_, last)| last <= percent) else {
            self.last = Some((now_ms, percent));
            return None;
        };
        let since_ms = now_ms.saturating_sub(last_ms);
        if since_ms >= EVERY_MS || (percent >= last + STEP && since_ms >= LEAST_MS) {
            self.last = Some((now_ms, percent));
            return Some(words(progress));
        }
        None
    }
}

/// "  43 %  812.0 MiB of 1.9 GiB, 34.1 MiB/s, about 32s left: public.events (chunk 3 of 8), public.users"
fn words(progress: &Progress) -> String {
    let percent = how_far::percent(progress.done, progress.total).map_or("      ".to_owned(), |percent| format!("{percent:>4} %"));
    let mut figures: Vec<String> = how_far::figures(progress).into_iter().map(|words| words.text).collect();
    if figures.is_empty() {
        figures.push(how_far::of_total(progress.done, progress.total, progress.unit));
    }
    figures.extend(progress.remaining_s.map(|s| format!("about {} left", how_far::roughly(s))));
    let busy: Vec<&Part> = progress.parts.iter().filter(|p| how_far::standing(p) == Standing::AtWork).collect();
    let named = |part: &&Part| if part.note.is_empty() { part.name.clone() } else { format!("{} ({})", part.name, part.note) };
    let mut doing: Vec<String> = busy.iter().take(PARTS).map(named).collect();
    if let Some(more) = busy.len().checked_sub(PARTS).filter(|&more| more > 0) {
        doing.push(format!("and {more} more"));
    }
    if doing.is_empty() && !progress.message.is_empty() {
        doing.push(progress.message.clone());
    }
    doing.extend(progress.graphs.iter().map(|graph| format!("{} {} {}", graph.name, how_far::blocks(graph, CELLS), graph.now)));
    let doing = if doing.is_empty() { String::new() } else { format!(": {}", doing.join(", ")) };
    crate::faces::tui::clean(&format!("{percent}  {}{doing}", figures.join(", "))).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faces::tui::sample_views;
    use crate::progress::Unit;

    #[test]
    fn a_line_names_figures_time_left_and_the_parts_at_work() {
        let mut progress = sample_views::copying();
        assert_eq!(
            words(&progress),
            "  21 %  412.0 MiB of 1.9 GiB, 34.1 MiB/s, rows 1,204,113, retries 3, about 46s left: public.events (chunk 3 of 8), \
             public.orders (chunk 5 of 11), public.customer_shipping_address_history (chunk 1 of 1), \
             audit.changes (index changes_at_idx is built)"
        );
        let mut another = progress.parts[0].clone();
        (another.name, another.note) = ("public.last".into(), String::new());
        progress.parts.insert(0, another);
        assert!(words(&progress).contains("left: public.last, public.events (chunk 3 of 8), "), "{}", words(&progress));
        assert!(words(&progress).ends_with("(chunk 1 of 1), and 1 more"), "{}", words(&progress));
        assert_eq!(words(&Progress::new(1_200, None, Unit::Rows, "public.orders")), "        1,200 rows: public.orders");
        assert_eq!(words(&Progress::new(8, Some(8), Unit::Tables, "")), " 100 %  8 of 8 tables");
        assert_eq!(
            words(&sample_views::watching()),
            "  40 %  2m00s of 5m00s: 24 looks, 2 failed, error rate (from outside) ▁▁▁▁▆█ 12 %, at most 5 %, p95 (from outside) ▁▁▁▁▁▁ 140ms, at most 3.0s, \
             healthy targets (CloudWatch, targetgroup/web/6d0e) ██··█ 2, at least 1"
        );
    }

    #[test]
    fn a_line_is_due_each_ten_percent_or_ten_seconds_and_never_at_once() {
        let mut plain = Plain::default();
        let told: Vec<(u64, u64)> = [
            // Given milliseconds and percent done.
            (0, 0),
            (500, 30),
            (1_000, 31),
            (1_900, 60),
            (2_100, 61),
            (3_000, 65),
            (12_099, 69),
            (12_100, 69),
            (13_000, 70),
            // Something else begins.
            (14_000, 3),
            (15_000, 12),
            (16_000, 13),
        ]
        .into_iter()
        .filter(|&(ms, done)| plain.line(&Progress::new(done, Some(100), Unit::Rows, ""), ms).is_some())
        .collect();
        assert_eq!(told, [(1_000, 31), (2_100, 61), (12_100, 69), (16_000, 13)]);
    }
}
