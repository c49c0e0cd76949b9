use std::time::{Duration, Instant};

use ratatui::backend::TestBackend;

use super::model;
use crate::faces::tui::{draw, sample_views};
use crate::wizard::view::Event;

#[test]
fn a_frame_of_a_large_run_is_fast() {
    let mut view = sample_views::running();
    let sample = view.steps[0].clone();
    view.steps.extend((0..1_000).map(|i| crate::wizard::view::StepView {
        id: format!("data.{i}"),
        title: format!("Copy table {i}"),
        ..sample.clone()
    }));
    let mut model = model(view);
    for i in 0..10_000 {
        model.on_event(
            Event::Log { at: "2026-11-20T14:03:22Z".into(), step: Some("data.copy".into()), line: format!("chunk {i} of 10000 copied") },
            0,
        );
    }
    let mut terminal = ratatui::Terminal::new(TestBackend::new(200, 60)).unwrap();
    // The promise of 5 ms is for the release build; without optimisation, and on a busy machine, it is given ten times that.
    let allowed = Duration::from_millis(if cfg!(debug_assertions) { 50 } else { 5 });
    let mut times: Vec<Duration> = Vec::new();
    for n in 0..50 {
        let began = Instant::now();
        terminal.draw(|frame| draw::draw(frame, &model, n * 1_000)).unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    assert!(times[25] < allowed, "the median frame took {:?}", times[25]);
    println!("median frame {:?}", times[25]);
}
