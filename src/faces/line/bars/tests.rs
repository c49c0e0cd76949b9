//! The bars as a terminal shows them: drawn into an emulator and read back.

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Mutex};

use indicatif::{ProgressDrawTarget, TermLike};

use super::Bars;
use crate::faces::tui::sample_views;
use crate::progress::{Part, Progress, Unit};

const ROWS: u16 = 12;

/// A terminal that is read back.
#[derive(Clone)]
struct Emulator {
    parser: Arc<Mutex<vt100::Parser>>,
    columns: u16,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emulator")
    }
}

impl Emulator {
    fn new(columns: u16) -> Self {
        let size = |cells| NonZero::new(cells).unwrap();
        Self { parser: Arc::new(Mutex::new(vt100::Parser::new(size(ROWS), size(columns), 0))), columns }
    }

    fn send(&self, text: &str) -> io::Result<()> {
        self.parser.lock().unwrap().process(text.as_bytes());
        Ok(())
    }

    fn screen(&self) -> Vec<String> {
        let parser = self.parser.lock().unwrap();
        let mut rows: Vec<String> = parser.screen().rows(0, self.columns).map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }
}

impl TermLike for Emulator {
    fn width(&self) -> u16 {
        self.columns
    }
    fn height(&self) -> u16 {
        ROWS
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.send(&format!("\x1b[{n}A")) } else { Ok(()) }
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.send(&format!("\x1b[{n}B")) } else { Ok(()) }
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.send(&format!("\x1b[{n}C")) } else { Ok(()) }
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        if n > 0 { self.send(&format!("\x1b[{n}D")) } else { Ok(()) }
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.send(&format!("{text}\r\n"))
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.send(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.send("\r\x1b[2K")
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

fn bars(emulator: &Emulator, columns: fn() -> usize) -> Bars {
    Bars::on(ProgressDrawTarget::term_like(Box::new(emulator.clone())), columns)
}

#[test]
fn a_copy_has_a_bar_and_one_for_each_part_at_work() {
    let terminal = Emulator::new(120);
    let mut bars = bars(&terminal, || 120);
    bars.progress(&sample_views::copying());
    assert_eq!(
        terminal.screen(),
        [
            "    0s  █████░░░░░░░░░░░░░░░░░░░   21 %  about 46s left  412.0 MiB of 1.9 GiB  34.1 MiB/s  rows 1,204,113  retries 3  co",
            "        public.events                     ██░░░░░░░░   27 %  612,400 of 2,250,000 rows  46s left  chunk 3 of 8",
            "        public.orders                     ████░░░░░░   44 %  540,000 of 1,204,331 rows  21s left  chunk 5 of 11",
            "        public.customer_…address_history  █████░░░░░   53 %  47,503 of 88,016 rows  4s left  chunk 1 of 1",
            "        audit.changes                     ░░░░░░░░░░    0 %  0 of 310,200 rows  index changes_at_idx is built",
        ]
    );
}

#[test]
fn a_part_that_is_done_gives_its_bar_back_and_the_log_stands_above() {
    let terminal = Emulator::new(60);
    let mut bars = bars(&terminal, || 60);
    let mut progress = sample_views::copying();
    bars.progress(&progress);
    bars.above(|| terminal.send("public.users: 4,210 rows\r\n").unwrap());
    progress.parts.retain(|part| part.name == "public.orders");
    bars.progress(&progress);
    assert_eq!(
        terminal.screen(),
        [
            "public.users: 4,210 rows",
            "    0s  ██░░░░░░░░░░   21 %  about 46s left  412.0 MiB of 1.",
            "        public.orders  ███░░░░   44 %  540,000 of 1,204,331",
        ]
    );
    drop(bars);
    assert_eq!(terminal.screen(), ["public.users: 4,210 rows"]);
}

#[test]
fn without_a_total_there_is_no_bar_and_without_parts_the_message_tells() {
    let terminal = Emulator::new(80);
    let mut bars = bars(&terminal, || 80);
    bars.progress(&Progress::new(3, None, Unit::Tables, "public.orders"));
    assert_eq!(terminal.screen(), ["    0s  3 tables  public.orders"]);
    bars.progress(&Progress::new(0, Some(8), Unit::Tables, "public\nusers\u{7}"));
    assert_eq!(terminal.screen(), ["    0s  ░░░░░░░░░░░░░░░░    0 %  0 of 8 tables  public users"]);
    bars.clear();
    assert_eq!(terminal.screen(), Vec::<String>::new());
}

#[test]
fn a_part_without_a_total_keeps_the_columns_of_the_others() {
    let terminal = Emulator::new(100);
    let mut bars = bars(&terminal, || 100);
    let mut progress = Progress::new(1, Some(4), Unit::Tables, "");
    progress.remaining_s = Some(130);
    let part = |name: &str, total| Part { name: name.into(), done: 5, total, unit: Unit::Rows, note: "chunk 1".into(), remaining_s: None };
    progress.parts = vec![part("a", Some(10)), part("bcd", None)];
    bars.progress(&progress);
    assert_eq!(
        terminal.screen(),
        [
            "    0s  █████░░░░░░░░░░░░░░░   25 %  about 2m10s left  1 of 4 tables",
            "        a    █████░░░░░   50 %  5 of 10 rows  chunk 1",
            "        bcd                     5 rows  chunk 1",
        ]
    );
}

#[test]
fn every_width_draws() {
    for columns in [1, 2, 5, 10, 20, 40, 200] {
        let terminal = Emulator::new(columns);
        let mut bars = bars(&terminal, || 20);
        bars.progress(&sample_views::copying());
        bars.clear();
        assert_eq!(terminal.screen(), Vec::<String>::new(), "{columns}");
    }
}
