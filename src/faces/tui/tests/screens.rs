use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::model;
use crate::faces::tui::{Model, Theme, draw, render_model, render_to_text, sample_views};
use crate::progress::{Progress, Unit};
use crate::wizard::keys::Key;
use crate::wizard::view::Event;

/// Every literal must be on one line of the screen at every one of the sizes.
fn shows(view: &crate::wizard::view::View, literals: &[&str]) {
    for (width, height) in [(60, 16), (80, 24), (120, 40)] {
        let text = render_to_text(view, width, height);
        for literal in literals {
            assert!(text.lines().any(|l| l.contains(literal)), "{literal:?} is missing at {width}x{height}:\n{text}");
        }
        assert!(text.contains(" LIVE   shop · run 7f3a"), "no head at {width}x{height}:\n{text}");
        assert!(text.contains("q quit") || text.contains("Tab, then ? for help"), "no key bar at {width}x{height}:\n{text}");
    }
}

#[test]
fn a_choice_shows_options_consequences_and_costs() {
    shows(&sample_views::choice(), &["Which database on AWS?", "▸ ● RDS for PostgreSQL", "same", "▸ Decide", "✓ Assess"]);
    let text = render_to_text(&sample_views::choice(), 120, 40);
    for literal in [
        "○ Aurora Serverless v2                                            +$36.50/month",
        "▸ ● RDS for PostgreSQL  (recommended)                                        same",
        "Recommended because: the schema uses foreign keys and two extensions",
        "↻ changing this answer makes stale: Create the database",
        "▸ Question · Decide 2 of 4",
        "✓ Look at the database        4s",
    ] {
        assert!(text.contains(literal), "{literal:?} is missing:\n{text}");
    }
}

#[test]
fn a_text_question_shows_the_suggestion_and_why_the_last_answer_was_refused() {
    shows(&sample_views::text(), &["✗ the last answer was no host name", "› shop.example.com"]);
}

#[test]
fn a_secret_shows_only_dots() {
    let mut model = model(sample_views::secret());
    super::letters(&mut model, "hunter2");
    let text = render_model(&model, 80, 24, 0);
    assert!(text.contains("› •••••••") && !text.contains("hunter2"), "{text}");
    shows(&sample_views::secret(), &["The registrar's API token", "Kept in memory only"]);
}

#[test]
fn a_checklist_shows_its_items_and_the_check() {
    shows(&sample_views::manual(), &["□ Open the registrar's dashboard", "✗ shop.example.com still", "Enter when all of it is done"]);
}

#[test]
fn a_gate_shows_command_preview_and_what_enter_does() {
    shows(&sample_views::gate(), &["Create the network", "Enter applies it (123456789012"]);
    let text = render_to_text(&sample_views::gate(), 120, 40);
    for literal in
        ["$ aws cloudformation deploy --stack-name shop-network", "+ AWS::EC2::VPC Vpc", "± AWS::EC2::NatGateway Nat", "takes about 3m"]
    {
        assert!(text.contains(literal), "{literal:?} is missing:\n{text}");
    }
    shows(&sample_views::typed_gate(), &["! this cannot be undone", "Type shop to confirm", "✗ what was typed is not “shop”"]);
}

#[test]
fn a_running_step_shows_clock_bar_time_left_and_its_log() {
    let mut model = model(sample_views::running());
    let progress = |done| Progress::new(done, Some(2_000), Unit::Rows, "public.orders, chunk 3 of 8");
    model.on_event(Event::Progress { step: "data.copy".into(), progress: progress(200) }, 0);
    model.on_event(Event::Progress { step: "data.copy".into(), progress: progress(1_200) }, 10_000);
    model.on_event(
        Event::Log { at: "2026-11-20T14:03:22.123Z".into(), step: Some("data.copy".into()), line: "orders: 1,200 rows".into() },
        10_000,
    );
    for (width, height) in [(60, 16), (80, 24), (120, 40)] {
        let text = render_model(&model, width, height, 12_000);
        for literal in ["● running  1m14s", " 60 %  1,200 of 2,000 rows", "14:03:22  orders: 1,200 rows"] {
            assert!(text.contains(literal), "{literal:?} is missing at {width}x{height}:\n{text}");
        }
    }
    let text = render_model(&model, 120, 40, 12_000);
    assert!(text.contains("about 6s left") && text.contains("rehearsed: 2m10s  attempt 2"), "{text}");
}

/// A copy of 24 tables at work, of whose rows some were put aside.
fn copying(quarantined: u64, theme: Theme) -> Model {
    let mut model = Model::new(theme);
    model.on_event(Event::View(Box::new(sample_views::running())), 0);
    let mut progress = sample_views::copying();
    for figure in progress.figures.iter_mut().filter(|f| f.name == "quarantined") {
        figure.value = quarantined;
    }
    model.on_event(Event::Progress { step: "data.copy".into(), progress }, 0);
    model
}

#[test]
fn a_copy_shows_figures_and_the_parts_at_work_first() {
    for (width, height, literals) in [
        (60, 16, &["░   21 %  about 45s left", "412.0 MiB of 1.9 GiB  34.1 MiB/s", "public.events", "  27 %  chunk 3 of 8", " more"][..]),
        (80, 24, &["░   21 %  about 45s left", "34.1 MiB/s  rows 1,204,113", "  27 %  46s left  chunk 3 of 8", "and 19 more"]),
        (
            120,
            40,
            &[
                "░   21 %  about 45s left",
                "412.0 MiB of 1.9 GiB  34.1 MiB/s  rows 1,204,113  retries 3",
                "612,400 of 2,250,000 rows  46s left  chunk 3 of 8",
            ],
        ),
    ] {
        let text = render_model(&copying(0, Theme::PLAIN), width, height, 1_000);
        for literal in literals {
            assert!(text.contains(literal), "{literal:?} is missing at {width}x{height}:\n{text}");
        }
        assert!(!text.contains("quarantined") && !text.contains("↓"), "{width}x{height}:\n{text}");
    }
    let text = render_model(&copying(2, Theme::PLAIN), 120, 40, 1_000);
    assert!(text.contains("retries 3  quarantined 2"), "{text}");
}

#[test]
fn what_the_work_says_of_the_time_left_counts_down_and_wins() {
    let mut model = copying(0, Theme::PLAIN);
    let mut progress = sample_views::copying();
    progress.done += 1_000_000;
    progress.remaining_s = Some(130);
    model.on_event(Event::Progress { step: "data.copy".into(), progress }, 60_000);
    assert!(render_model(&model, 120, 40, 60_000).contains("about 2m10s left"));
    assert!(render_model(&model, 120, 40, 70_000).contains("about 2m left"));
    assert!(render_model(&model, 120, 40, 999_000).contains("about 0s left"));
}

#[test]
fn quarantined_rows_are_in_the_colour_of_a_warning() {
    let mut terminal = ratatui::Terminal::new(TestBackend::new(120, 40)).unwrap();
    terminal.draw(|frame| draw::draw(frame, &copying(2, Theme::COLOUR), 0)).unwrap();
    let yellow: String = terminal.backend().buffer().content().iter().filter(|c| c.fg == Color::Yellow).map(|c| c.symbol()).collect();
    assert_eq!(yellow, "quarantined 2");
}

#[test]
fn failure_roll_back_and_end_say_what_to_do_next() {
    shows(&sample_views::failed(), &["✗ Create the database failed", "→ choose another instance", "r tries again"]);
    shows(&sample_views::rollback(), &["↶ Copy the rows", "Type 7f3a and Enter to roll back", "│ ›"]);
    shows(&sample_views::ended(), &["✓ Finished: every step is done", "What to do next", "Enter leaves"]);
}

#[test]
fn simulation_and_mode_are_on_every_screen() {
    for (name, mut view) in sample_views::all() {
        view.run.simulated = Some("sandbox: target Postgres disposable, AWS simulated".into());
        view.run.mode = crate::wizard::view::Mode::Dry;
        for (width, height) in [(60, 16), (80, 24), (120, 40)] {
            let text = render_to_text(&view, width, height);
            assert!(text.contains(" DRY RUN ") && text.contains("! sandbox: target"), "{name} at {width}x{height}:\n{text}");
        }
    }
}

#[test]
fn the_help_is_the_key_table_and_says_why_a_key_is_off() {
    let mut model = model(sample_views::choice());
    super::key(&mut model, Key::Char('?'));
    let text = render_model(&model, 120, 60, 0);
    for binding in crate::wizard::keys::BINDINGS {
        let words: String = binding.help.chars().take(40).collect();
        assert!(text.contains(&words), "{words:?} is missing:\n{text}");
    }
    assert!(text.contains("not now: nothing has failed"), "{text}");
    assert!(text.contains("↻         done, but built from an answer that has changed"), "{text}");
}

#[test]
fn a_small_terminal_is_told_both_sizes() {
    assert!(render_to_text(&sample_views::choice(), 59, 16).contains("too small: this is 59x16, needed is 60x16"));
    assert!(render_to_text(&sample_views::choice(), 80, 15).contains("too small: this is 80x15, needed is 60x16"));
}

#[test]
fn every_screen_draws_at_every_size() {
    let sizes: Vec<u16> = (1..=20).chain([30, 59, 60, 61, 80, 99, 100, 120, 200]).collect();
    for (_, view) in sample_views::all() {
        let mut model = model(view);
        for &width in &sizes {
            for &height in sizes.iter().filter(|&&h| h <= 61) {
                model.sheet = None;
                render_model(&model, width, height, 0);
                if width >= 59 && height >= 15 {
                    for pane in [crate::faces::tui::model::Pane::Outline, crate::faces::tui::model::Pane::Log] {
                        model.pane = pane;
                        render_model(&model, width, height, 0);
                    }
                    model.pane = crate::faces::tui::model::Pane::Step;
                    model.sheet = Some((crate::faces::tui::model::Sheet::Help, 3));
                    render_model(&model, width, height, 0);
                }
            }
        }
    }
}

#[test]
fn no_color_means_no_colour_and_colour_means_named_ones() {
    for (_, view) in sample_views::all() {
        for theme in [Theme::PLAIN, Theme::COLOUR] {
            let mut model = Model::new(theme);
            model.on_event(Event::View(Box::new(view.clone())), 0);
            let mut terminal = ratatui::Terminal::new(TestBackend::new(120, 40)).unwrap();
            terminal.draw(|frame| draw::draw(frame, &model, 0)).unwrap();
            for cell in terminal.backend().buffer().content() {
                for colour in [cell.fg, cell.bg] {
                    match theme {
                        Theme::PLAIN => assert_eq!(colour, Color::Reset),
                        _ => assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_))),
                    }
                }
            }
        }
    }
}
