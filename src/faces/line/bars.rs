//! Progress as bars in a terminal: one for all of the work and, beneath it, one for each part at work.
//! Never shows what must not be lost: a bar is overwritten, and gone at the end; what lasts is printed above it.
//!
//! ```text
//!    12s  █████░░░░░░░░░░░░░░░   21 %  about 46s left  412.0 MiB of 1.9 GiB  34.1 MiB/s
//!         public.events  ██████░░░░   60 %  1,200 of 2,000 rows  40s left  chunk 3 of 8
//! ```

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::faces::how_far::{self, Standing};
use crate::faces::tui::{clean, fit_middle, stderr_columns, width};
use crate::progress::{Part, Progress};

/// Bars of parts at most.
const PARTS: usize = 4;
/// Graphs at most.
const GRAPHS: usize = 8;
/// How often the clock is drawn when nothing else happens.
const TICK: Duration = Duration::from_millis(500);

/// The clock is the terminal's; all else is one text, so that no frame shows half of a change.
const WHOLE: &str = "  {elapsed:>4}  {wide_msg}";
const PART: &str = "        {wide_msg}";

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
        match &self.whole {
            Some(bar) => bar.set_message(whole(bar, progress, columns)),
            None => {
                let bar = line(WHOLE);
                bar.set_message(whole(&bar, progress, columns));
                let bar = self.multi.add(bar);
                bar.tick();
                bar.enable_steady_tick(TICK);
                self.whole = Some(bar);
            }
        }
        let lines = [graphs(progress, columns), parts(progress, columns)].concat();
        for gone in self.parts.drain(lines.len().min(self.parts.len())..) {
            gone.finish_and_clear();
            self.multi.remove(&gone);
        }
        for (i, words) in lines.into_iter().enumerate() {
            match self.parts.get(i) {
                Some(bar) => bar.set_message(words),
                None => {
                    let bar = line(PART);
                    bar.set_message(words);
                    let bar = self.multi.add(bar);
                    bar.tick();
                    self.parts.push(bar);
                }
            }
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

/// A line that is not drawn yet.
fn line(template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// "██████░░░░   60 %"
fn drawn(done: u64, total: u64, cells: usize) -> String {
    let full = how_far::full(done, total, cells);
    let percent = how_far::percent(done, Some(total)).unwrap_or(0);
    format!("{}{}  {percent:>3} %", "█".repeat(full), "░".repeat(cells - full))
}

/// The words of the whole. The bar is only asked how fast it was.
fn whole(bar: &ProgressBar, progress: &Progress, columns: usize) -> String {
    let total = progress.total.filter(|&total| total > 0);
    bar.update(|state| {
        state.set_pos(progress.done);
        state.set_len(total.unwrap_or(progress.done));
    });
    let measured = total.is_some_and(|total| (1..total).contains(&progress.done)).then(|| bar.eta().as_secs());
    let left = progress.remaining_s.or(measured).map(|s| format!("about {} left", how_far::roughly(s)));
    let figures: Vec<String> = how_far::figures(progress).into_iter().map(|words| words.text).collect();
    let counted = figures.is_empty().then(|| how_far::of_total(progress.done, total, progress.unit));
    let message = Some(one_line(&progress.message)).filter(|m| !m.is_empty());
    let drawn = total.map(|total| drawn(progress.done, total, (columns / 5).clamp(4, 24)));
    let words: Vec<String> = drawn.into_iter().chain(left).chain(counted).chain(figures).chain(message).collect();
    words.join("  ")
}

/// A line for each graph, as long as the terminal lets it be.
fn graphs(progress: &Progress, columns: usize) -> Vec<String> {
    how_far::graphs(progress, (columns / 4).clamp(4, 30)).into_iter().take(GRAPHS).map(|words| one_line(&words.text)).collect()
}

/// A line for each part at work, as many as there are bars for.
fn parts(progress: &Progress, columns: usize) -> Vec<String> {
    let busy: Vec<&Part> = how_far::parts(progress).into_iter().filter(|p| how_far::standing(p) == Standing::AtWork).take(PARTS).collect();
    let room = (columns / 3).clamp(8, 32);
    let names: Vec<String> = busy.iter().map(|p| fit_middle(&one_line(&p.name), room)).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let cells = (columns / 8).clamp(4, 10);
    let words = |(part, name): (&Part, String)| {
        let total = part.total.filter(|&total| total > 0);
        let pad = " ".repeat(widest - width(&name));
        // Without a total there is room for the bar and the percentage of the others.
        let drawn = total.map_or_else(|| " ".repeat(cells + 7), |total| drawn(part.done, total, cells));
        let counted = how_far::of_total(part.done, part.total, part.unit);
        let left = part.remaining_s.map(|s| format!("  {} left", how_far::roughly(s))).unwrap_or_default();
        let note = Some(one_line(&part.note)).filter(|note| !note.is_empty()).map(|note| format!("  {note}")).unwrap_or_default();
        format!("{name}{pad}  {drawn}  {counted}{left}{note}")
    };
    busy.into_iter().zip(names).map(words).collect()
}

/// A name from a database may hold anything; a bar is one line.
fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

#[cfg(test)]
mod tests;
