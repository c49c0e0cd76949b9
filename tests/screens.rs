//! What each screen looks like, letter by letter, and the README's picture.
//! The files in `snapshots/` are what a person sees: read them when they change; `UPDATE_SNAPSHOTS=1` writes them anew.

use std::path::{Path, PathBuf};

use migrate_wizard::faces::tui::{Model, Press, Theme, render_model, sample_views};
use migrate_wizard::progress::{Progress, Unit};
use migrate_wizard::wizard::keys::Key;
use migrate_wizard::wizard::view::{Event, View};

use super::support::pty::Pty;
use super::support::wizard::Wizard;

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (120, 40)];

fn updating() -> bool {
    std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|v| v == "1")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

/// A face that has been shown this view.
fn model(view: View) -> Model {
    let mut model = Model::new(Theme::PLAIN);
    model.on_event(Event::View(Box::new(view)), 0);
    model
}

fn pressed(view: View, keys: &[Key]) -> Model {
    let mut model = model(view);
    for key in keys {
        model.on_key(Press::Key(*key), 0);
    }
    model
}

/// A copy at work: with progress, a speed and a log.
fn at_work() -> Model {
    let mut model = model(sample_views::running());
    let progress = |done| Progress::new(done, Some(1_204_331), Unit::Rows, "public.orders, chunk 3 of 8");
    model.on_event(Event::Progress { step: "data.copy".into(), progress: progress(100_000) }, 0);
    model.on_event(Event::Progress { step: "data.copy".into(), progress: progress(700_000) }, 60_000);
    for (at, line) in [
        ("14:02:10", "public.users: 4,210 rows"),
        ("14:02:51", "public.orders, chunk 1 of 8: 150,000 rows"),
        ("14:03:22", "public.orders, chunk 2 of 8: 150,000 rows"),
    ] {
        model.on_event(Event::Log { at: format!("2026-11-20T{at}.000Z"), step: Some("data.copy".into()), line: line.into() }, 60_000);
    }
    model
}

/// A watch, with what it has seen over time.
fn watching() -> Model {
    let mut model = model(sample_views::running());
    model.on_event(Event::Progress { step: "data.copy".into(), progress: sample_views::watching() }, 60_000);
    model
}

/// A copy that tells its figures and its parts, with the log beneath.
fn copying() -> Model {
    let mut model = at_work();
    model.on_event(Event::Progress { step: "data.copy".into(), progress: sample_views::copying() }, 60_000);
    model
}

/// The same run in a sandbox: head and gate say so.
fn in_a_sandbox() -> View {
    let mut view = sample_views::gate();
    view.run.simulated = Some("sandbox: target Postgres disposable, AWS simulated".into());
    view
}

/// Every picture that is kept: name, face, time since it began.
fn pictures() -> Vec<(String, Model, u64)> {
    let mut all: Vec<(String, Model, u64)> =
        sample_views::all().into_iter().map(|(name, view)| (name.replace(' ', "-"), model(view), 0)).collect();
    all.push(("at-work".into(), at_work(), 60_000));
    all.push(("copying".into(), copying(), 61_000));
    all.push(("watching".into(), watching(), 61_000));
    all.push(("sandbox".into(), model(in_a_sandbox()), 0));
    all.push(("help".into(), pressed(sample_views::gate(), &[Key::Char('?')]), 0));
    all.push(("outline".into(), pressed(sample_views::gate(), &[Key::Char('c')]), 0));
    all.push(("filter".into(), pressed(sample_views::gate(), &[Key::Char('/'), Key::Char('d'), Key::Char('a')]), 0));
    all.push(("review-object".into(), pressed(sample_views::review(), &[Key::Down]), 0));
    all.push(("review-grave".into(), pressed(sample_views::review(), &[Key::Char('s'), Key::Char('s')]), 0));
    all.push(("assessment-code".into(), pressed(sample_views::assessment(), &[Key::Down, Key::Char('v')]), 0));
    all.push(("key-off".into(), pressed(sample_views::running(), &[Key::Char('b')]), 0));
    all
}

/// Both texts side by side where they differ.
fn difference(kept: &str, now: &str) -> String {
    let (kept, now): (Vec<&str>, Vec<&str>) = (kept.lines().collect(), now.lines().collect());
    let mut out = String::new();
    for i in 0..kept.len().max(now.len()) {
        let (a, b) = (kept.get(i).copied(), now.get(i).copied());
        if a == b {
            out += &format!("       {}\n", a.unwrap_or_default());
        } else {
            out += &format!("{:>4} - {}\n     + {}\n", i + 1, a.unwrap_or("(no such line)"), b.unwrap_or("(no such line)"));
        }
    }
    out
}

#[test]
fn every_screen_looks_as_it_did() {
    let mut wrong = Vec::new();
    for (name, model, now_ms) in pictures() {
        for (width, height) in SIZES {
            let now = render_model(&model, width, height, now_ms);
            let path = folder().join(format!("{name}-{width}x{height}.txt"));
            if updating() {
                std::fs::write(&path, &now).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            if kept != now {
                wrong.push(format!("{}\n{}", path.display(), difference(&kept, &now)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} screens differ (- kept, + now); UPDATE_SNAPSHOTS=1 keeps them as they are now\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn no_snapshot_is_left_over() {
    let known: Vec<String> = pictures().iter().flat_map(|(name, ..)| SIZES.map(|(w, h)| format!("{name}-{w}x{h}.txt"))).collect();
    for file in std::fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name), "tests/snapshots/{name} is the picture of nothing");
    }
}

#[test]
fn no_screen_is_wider_than_its_terminal_or_leaves_a_row_out() {
    for (name, model, now_ms) in pictures() {
        for (width, height) in SIZES {
            let text = render_model(&model, width, height, now_ms);
            assert_eq!(text.lines().count(), usize::from(height), "{name} at {width}x{height}");
            for line in text.lines() {
                assert!(line.chars().count() <= usize::from(width), "{name} at {width}x{height}: {line:?}");
            }
        }
    }
}

#[test]
fn every_size_from_1x1_to_200x60_draws() {
    // Each size with one of the screens, in turn; every screen at the sizes where the layout changes is the next test.
    let draw = |width: u16, screens: &[Model]| {
        for height in 1..=60 {
            let turn = usize::from(width) * 7 + usize::from(height);
            let text = render_model(&screens[turn % screens.len()], width, height, 0);
            assert_eq!(text.lines().count(), usize::from(height), "{width}x{height}");
            let fits = width >= 60 && height >= 16;
            assert_eq!(text.contains("shop · run"), fits, "{width}x{height}:\n{text}");
        }
    };
    std::thread::scope(|scope| {
        for first in 1..=4 {
            scope.spawn(move || {
                let screens: Vec<Model> = pictures().into_iter().map(|(_, model, _)| model).collect();
                (first..=200).step_by(4).for_each(|width| draw(width, &screens));
            });
        }
    });
}

#[test]
fn every_screen_draws_around_the_smallest_size() {
    for (name, model, _) in pictures() {
        for width in (1..12).chain(56..64).chain(98..102) {
            for height in (1..6).chain(14..20) {
                let text = render_model(&model, width, height, 0);
                assert_eq!(text.lines().count(), usize::from(height), "{name} at {width}x{height}");
            }
        }
    }
}

/// What differs from run to run in the README's picture, put to the same everywhere and to the same width.
fn steady(screen: &str) -> String {
    let digits = |text: &str| text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>();
    let mut out = String::new();
    for line in screen.lines() {
        let mut line = line.to_owned();
        if let Some(at) = line.find("run sandbox-") {
            line.replace_range(at + 12..at + 25, "20261120-7f3a");
        }
        // Log: " 14:03:22  …".
        if line.get(1..9).is_some_and(|t| digits(t) == "00:00:00") {
            line.replace_range(1..9, "14:03:22");
        }
        // Outline: how long a step took, before the divider.
        if let Some((left, right)) = line.split_once('│')
            && let Some(took) = left.split_whitespace().next_back().filter(|w| w.ends_with('s') && digits(w).starts_with('0'))
        {
            let title = left.trim_end().trim_end_matches(took);
            line = format!("{title}{}2s │{right}", " ".repeat(took.chars().count().saturating_sub(2)));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

const BEGIN: &str = "<!-- picture -->";
const END: &str = "<!-- /picture -->";

#[test]
fn the_picture_in_the_readme_is_a_real_run() {
    // Given a sandbox run of the sample app that has come to the question of the database
    let source = super::support::postgres::sample(1);
    let wizard = Wizard::sample().env("SOURCE_DATABASE_URL", &source.secret_url());
    let mut pty = Pty::wizard(&wizard, &["--sandbox", "--set", "is_live=live", "--set", "app_name=grievance-portal"], 100, 30);
    pty.wait_for("Enter goes on; nothing is touched");
    pty.keys("\r");
    for step in 2.. {
        pty.wait_for(&format!("▸ Question · Decide {step} of "));
        if pty.screen().contains("│ Which database?") {
            break;
        }
        pty.keys("\r");
    }
    let screen = steady(&pty.wait_stable().screen());
    // then the README shows just that
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap_or_else(|| panic!("README.md has no {BEGIN}"));
    let (kept, after) = rest.split_once(END).unwrap_or_else(|| panic!("README.md has no {END}"));
    let block = format!("\n```text\n{screen}```\n");
    if updating() {
        std::fs::write(&path, format!("{before}{BEGIN}{block}{END}{after}")).unwrap();
        return;
    }
    assert!(
        kept == block,
        "the picture in README.md is not what a run shows (- README, + run); UPDATE_SNAPSHOTS=1 puts it in\n{}",
        difference(kept, &block)
    );
}
