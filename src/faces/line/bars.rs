//! Progress as bars in a terminal: one for all of the work and, beneath it, one for each part at work.
//! Never shows what must not be lost: a bar is overwritten, and gone at the end; what lasts is printed above it.
//!
//! ```text
//!   █████░░░░░░░░░░░░░░░   21 %  12s  about 46s left  412.0 MiB of 1.9 GiB  34.1 MiB/s
//!     public.events  ██████░░░░   60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8
//! ```

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::faces::how_far::{self, Standing};
use crate::faces::tui::{clean, fit_middle, stderr_columns, width};
use crate::progress::{Part, Progress};

/// Bars of parts at most.
const PARTS: usize = 4;
/// How often the clock is drawn when nothing else happens.
const TICK: Duration = Duration::from_millis(500);

/// What is known of the whole, and so what its line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// No total: no bar.
    Count,
    /// A total and nothing done yet: no speed.
    Total,
    /// The speed so far tells the time left.
    Speed,
    /// The work tells the time left.
    Told,
}

/// The bars; they are taken away by [`Bars::clear`] and when this is dropped.
pub struct Bars {
    multi: MultiProgress,
    columns: fn() -> usize,
    whole: Option<ProgressBar>,
    parts: Vec<ProgressBar>,
}

impl Bars {
    /// Bars on standard error.
    pub fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr(), || stderr_columns().unwrap_or(80))
    }

    fn on(target: ProgressDrawTarget, columns: fn() -> usize) -> Self {
        Self { multi: MultiProgress::with_draw_target(target), columns, whole: None, parts: Vec::new() }
    }

    /// Shows this progress in place of the one before.
    pub fn progress(&mut self, progress: &Progress) {
        let columns = (self.columns)();
        let multi = &self.multi;
        let whole = self.whole.get_or_insert_with(|| {
            let bar = multi.add(ProgressBar::no_length());
            bar.enable_steady_tick(TICK);
            bar
        });
        show_whole(whole, progress, columns);
        let busy: Vec<&Part> =
            how_far::parts(progress).into_iter().filter(|p| how_far::standing(p) == Standing::AtWork).take(PARTS).collect();
        for gone in self.parts.drain(busy.len().min(self.parts.len())..) {
            gone.finish_and_clear();
            multi.remove(&gone);
        }
        while self.parts.len() < busy.len() {
            self.parts.push(multi.add(ProgressBar::no_length()));
        }
        let room = columns.saturating_sub(4) / 3;
        let names: Vec<String> = busy.iter().map(|p| fit_middle(&one_line(&p.name), room.clamp(8, 32))).collect();
        let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
        for ((bar, part), name) in self.parts.iter().zip(busy).zip(names) {
            let pad = " ".repeat(widest - width(&name));
            show_part(bar, part, format!("{name}{pad}"), columns);
        }
    }

    /// Prints while the bars are out of the way; they come back beneath.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.multi.suspend(print)
    }

    /// Takes the bars away.
    pub fn clear(&mut self) {
        for bar in self.parts.drain(..).chain(self.whole.take()) {
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.clear();
    }
}

fn show_whole(bar: &ProgressBar, progress: &Progress, columns: usize) {
    let total = progress.total.filter(|&total| total > 0);
    let known = match (total, progress.remaining_s) {
        (None, _) => Known::Count,
        (Some(_), Some(_)) => Known::Told,
        (Some(total), None) if (1..total).contains(&progress.done) => Known::Speed,
        (Some(_), None) => Known::Total,
    };
    let cells = (columns / 4).clamp(4, 30);
    style(
        bar,
        &match known {
            Known::Count => "  {elapsed}  {wide_msg}".to_owned(),
            Known::Total | Known::Told => format!("  {{bar:{cells}}} {{prefix}}  {{elapsed}}  {{wide_msg}}"),
            Known::Speed => format!("  {{bar:{cells}}} {{prefix}}  {{elapsed}}  about {{eta}} left  {{wide_msg}}"),
        },
    );
    let figures: Vec<String> = how_far::figures(progress).into_iter().map(|words| words.text).collect();
    let left = progress.remaining_s.map(|s| format!("about {} left", how_far::roughly(s)));
    let counted = figures.is_empty().then(|| how_far::of_total(progress.done, total, progress.unit));
    let message = Some(one_line(&progress.message)).filter(|m| !m.is_empty());
    let words: Vec<String> = left.into_iter().chain(counted).chain(figures).chain(message).collect();
    if let Some(percent) = how_far::percent(progress.done, total) {
        bar.set_prefix(format!("{percent:>3} %"));
    }
    put(bar, progress.done, total, words.join("  "));
}

fn show_part(bar: &ProgressBar, part: &Part, name: String, columns: usize) {
    let total = part.total.filter(|&total| total > 0);
    let cells = (columns / 8).clamp(4, 10);
    let percent = how_far::percent(part.done, total);
    style(
        bar,
        &match percent {
            Some(_) => format!("    {{prefix}}  {{bar:{cells}}} {{wide_msg}}"),
            // Room for the bar and the percentage of the others.
            None => format!("    {{prefix}}  {}{{wide_msg}}", " ".repeat(cells + 8)),
        },
    );
    let left = part.remaining_s.map(|s| format!("{} left", how_far::roughly(s)));
    let note = Some(one_line(&part.note)).filter(|note| !note.is_empty());
    let words: Vec<String> = percent
        .map(|percent| format!("{percent:>3} %"))
        .into_iter()
        .chain([how_far::of_total(part.done, part.total, part.unit)])
        .chain(left)
        .chain(note)
        .collect();
    bar.set_prefix(name);
    put(bar, part.done, total, words.join("  "));
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

fn put(bar: &ProgressBar, done: u64, total: Option<u64>, words: String) {
    match total {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_position(done);
    bar.set_message(words);
}

/// A name from a database may hold anything; a bar is one line.
fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

#[cfg(test)]
mod tests;
