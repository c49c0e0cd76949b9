//! The core's promises over random stories: the fold is total, an entry that may not follow is refused and changes nothing,
//! and opening a run and Ctrl-C do what the tables of ARCHITECTURE.md say.

use std::collections::{BTreeMap, BTreeSet};

use migrate_wizard::faces::tui::{Model, Press, Reply, Theme, sample_views};
use migrate_wizard::runs::{Flavour, Opening, opening};
use migrate_wizard::wizard::journal::{Entry, FORMAT, Journal, Record, Source};
use migrate_wizard::wizard::keys::Key;
use migrate_wizard::wizard::plan::{self, Books, Next};
use migrate_wizard::wizard::playbook;
use migrate_wizard::wizard::state::{End, State, Status, follow};
use migrate_wizard::wizard::view::{Command, Event, Mode, Screen};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::wizard::Wizard;

const STEPS: [&str; 4] = ["q", "a", "b", "m"];

/// Four steps: a question, two effects (the second built from the first and the answer), a checklist.
fn books() -> Books {
    let text = r#"
phase = "p"
title = "P"
why = "w"
[[step]]
id = "q"
title = "q"
why = "w"
[step.ask]
kind = "choice"
[[step.ask.option]]
id = "x"
label = "x"
consequence = "c"
[[step.ask.option]]
id = "y"
label = "y"
consequence = "c"
[[step]]
id = "a"
title = "a"
why = "w"
[step.effect]
kind = "simulate"
text = "${q}"
[[step]]
id = "b"
title = "b"
why = "w"
[step.effect]
kind = "simulate"
text = "${a.name} ${q}"
[[step]]
id = "m"
title = "m"
why = "w"
[step.manual]
items = ["do"]
undo = ["undo"]
"#;
    Books { forward: vec![playbook::parse("p.toml", text).unwrap()], rollback: Vec::new() }
}

fn opened() -> Entry {
    Entry::Opened {
        format: FORMAT,
        run: "r".into(),
        journey: "move".into(),
        mode: Mode::Live,
        sandbox: false,
        tool: "0".into(),
        facts: BTreeMap::new(),
    }
}

fn record(n: u64, what: Entry) -> Record {
    Record { n, at: format!("t{n}"), sum: String::new(), what }
}

fn entries() -> impl Strategy<Value = Entry> {
    let step = prop::sample::select(STEPS.to_vec()).prop_map(str::to_owned);
    (step, 0..11u8, prop::bool::ANY).prop_map(|(step, kind, flag)| match kind {
        0 => Entry::Answered { step, value: json!(if flag { "x" } else { "y" }), source: Source::Asked },
        1 => Entry::Started {
            step,
            attempt: 1,
            kind: "simulate".into(),
            fields: json!({ "text": "x" }),
            before: BTreeMap::new(),
            writes: flag,
        },
        2 => Entry::Done { step, outputs: BTreeMap::from([("name".into(), json!("n"))]), took_ms: 1, simulated: false },
        3 => Entry::Failed { step, error: "e".into(), hint: "h".into(), took_ms: 1 },
        4 => Entry::Ticked { step, verified: flag },
        5 => Entry::UndoStarted { step, guard: flag },
        6 => Entry::UndoDone { step, took_ms: 1 },
        7 => Entry::UndoFailed { step, error: "e".into(), hint: "h".into() },
        8 => Entry::RollbackStarted { to: flag.then_some(step), because: None },
        9 => Entry::RolledBack {},
        _ => Entry::Finished {},
    })
}

proptest! {
    /// Given any story, then each entry is either folded in exactly as the table says or refused without a trace; and `next`
    /// always has an answer.
    #[test]
    fn the_fold_is_total_and_refuses_without_a_trace(story in prop::collection::vec(entries(), 0..60)) {
        let books = books();
        let mut state = State::replay([&record(1, opened())]).unwrap();
        let mut kept = vec![record(1, opened())];
        for entry in story {
            let next = record(kept.len() as u64 + 1, entry.clone());
            let before = state.clone();
            let expected = step_of(&entry).map(|id| follow(state.status(id), &entry));
            match state.apply(&next) {
                Ok(()) => {
                    if let (Some(id), Some(expected)) = (step_of(&entry), expected) {
                        prop_assert_eq!(Some(state.status(id)), expected);
                    }
                    kept.push(next);
                }
                Err(_) => prop_assert_eq!(&state, &before),
            }
            plan::next(&books, &state, &BTreeSet::new(), &|_| false);
        }
        // The state is the fold of what was kept, and of nothing else.
        prop_assert_eq!(State::replay(&kept).unwrap(), state);
    }

    /// Given a story that only ever does what `next` says, with work that may fail or be cut off at any moment,
    /// then it comes to its end, and every step is done.
    #[test]
    fn doing_what_next_says_always_comes_to_an_end(luck in prop::collection::vec(0..4u8, 40)) {
        let books = books();
        let mut story = vec![record(1, opened())];
        let mut state = State::replay(&story).unwrap();
        let mut luck = luck.into_iter();
        for _ in 0..400 {
            let entries: Vec<Entry> = match plan::next(&books, &state, &BTreeSet::new(), &|_| true) {
                Next::Ended(_) | Next::Wait => break,
                Next::Ask(p) => vec![Entry::Answered { step: p.id, value: json!("x"), source: Source::Asked }],
                Next::Manual(p) => vec![Entry::Ticked { step: p.id, verified: false }],
                Next::Effect(p) => {
                    let fields = match &p.step.action {
                        playbook::Action::Effect(spec) => plan::resolve(&p, spec, &state.facts()).unwrap(),
                        _ => Value::Null,
                    };
                    let started = Entry::Started { step: p.id.clone(), attempt: 1, kind: "simulate".into(), fields, before: BTreeMap::new(), writes: true };
                    match luck.next().unwrap_or(3) {
                        0 => vec![started],
                        1 => vec![started, Entry::Failed { step: p.id, error: "e".into(), hint: "h".into(), took_ms: 0 }],
                        _ => vec![started, done(&p.id)],
                    }
                }
                Next::Recover { id, undoing: false, .. } => vec![done(&id)],
                Next::Recover { id, undoing: true, .. } | Next::Undo { id, .. } => vec![Entry::UndoStarted { step: id.clone(), guard: false }, Entry::UndoDone { step: id, took_ms: 0 }],
                Next::UndoManual { planned, .. } => vec![Entry::UndoStarted { step: planned.id.clone(), guard: false }, Entry::UndoDone { step: planned.id, took_ms: 0 }],
                Next::Finish => vec![Entry::Finished {}],
                Next::CloseRollback => vec![Entry::RolledBack {}],
            };
            for entry in entries {
                let next = record(story.len() as u64 + 1, entry);
                state.apply(&next).unwrap();
                story.push(next);
            }
        }
        prop_assert!(matches!(plan::next(&books, &state, &BTreeSet::new(), &|_| true), Next::Ended(_)));
        prop_assert!(["a", "b", "m"].iter().all(|id| state.status(id) == Status::Done));
    }
}

fn done(id: &str) -> Entry {
    Entry::Done { step: id.to_owned(), outputs: BTreeMap::from([("name".into(), json!("n"))]), took_ms: 1, simulated: false }
}

fn step_of(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Answered { step, .. }
        | Entry::Started { step, .. }
        | Entry::Done { step, .. }
        | Entry::Failed { step, .. }
        | Entry::Ticked { step, .. }
        | Entry::UndoStarted { step, .. }
        | Entry::UndoDone { step, .. }
        | Entry::UndoFailed { step, .. } => Some(step),
        _ => None,
    }
}

#[test]
fn a_changed_answer_makes_stale_what_was_built_from_it_and_says_what() {
    let books = books();
    let started = |n, step: &str, text: &str| {
        record(
            n,
            Entry::Started {
                step: step.into(),
                attempt: 1,
                kind: "simulate".into(),
                fields: json!({ "text": text }),
                before: BTreeMap::new(),
                writes: true,
            },
        )
    };
    let story = [
        record(1, opened()),
        record(2, Entry::Answered { step: "q".into(), value: json!("x"), source: Source::Profile }),
        started(3, "a", "x"),
        record(4, done("a")),
        started(5, "b", "n x"),
        record(6, done("b")),
        record(7, Entry::Answered { step: "q".into(), value: json!("y"), source: Source::Asked }),
    ];
    let state = State::replay(&story).unwrap();
    let facts = state.facts();
    let outline = books.outline(&facts);
    let stale: Vec<_> = outline.iter().filter_map(|p| plan::stale(p, &state, &facts).map(|why| (p.id.as_str(), why))).collect();
    assert_eq!(stale, [("a", "text: x → y".to_owned()), ("b", "text: n x → n y".to_owned())]);
    assert!(matches!(plan::next(&books, &state, &BTreeSet::new(), &|_| true), Next::Effect(p) if p.id == "a"));
}

#[test]
fn a_guard_that_was_released_makes_later_steps_run_again() {
    let story = [
        record(1, opened()),
        record(2, Entry::Answered { step: "q".into(), value: json!("x"), source: Source::Asked }),
        record(
            3,
            Entry::Started {
                step: "a".into(),
                attempt: 1,
                kind: "simulate".into(),
                fields: json!({ "text": "x" }),
                before: BTreeMap::new(),
                writes: true,
            },
        ),
        record(4, done("a")),
        record(
            5,
            Entry::Started {
                step: "b".into(),
                attempt: 1,
                kind: "simulate".into(),
                fields: json!({ "text": "n x" }),
                before: BTreeMap::new(),
                writes: true,
            },
        ),
        record(6, done("b")),
        record(7, Entry::UndoStarted { step: "a".into(), guard: true }),
        record(8, Entry::UndoDone { step: "a".into(), took_ms: 0 }),
    ];
    let state = State::replay(&story).unwrap();
    assert_eq!(state.status("a"), Status::Undone);
    assert!(state.steps["b"].refresh);
}

/// The table "Opening a run" of ARCHITECTURE.md, row by row, against the real binary.
#[test]
fn opening_a_run_follows_the_table() {
    for (newest, extra, expected_runs, code) in [
        // nothing there: a new one
        (None, vec![], 1, 3),
        // stopped: resumed
        (Some("stopped"), vec![], 1, 3),
        // stopped, --new: another
        (Some("stopped"), vec!["--new"], 2, 3),
    ] {
        let wizard = Wizard::empty();
        std::fs::create_dir_all(wizard.path().join(".migrate-wizard/playbooks")).unwrap();
        if newest.is_some() {
            // An interrupted question: standard input is closed, line mode stops.
            wizard.run(&["tour", "--plain"]).expect(3);
        }
        let mut args = vec!["tour", "--plain"];
        args.extend(extra);
        wizard.run(&args).expect(code);
        let runs = std::fs::read_dir(wizard.path().join(".migrate-wizard"))
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().join("journal.jsonl").exists())
            .count();
        assert_eq!(runs, expected_runs, "{newest:?} {args:?}");
    }
    // finished tour: another one; damaged: refused with the line; held: refused with the owner
    let wizard = Wizard::empty();
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(0);
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(0);
    let folder = wizard.path().join(".migrate-wizard");
    let runs: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    assert_eq!(runs.len(), 2);
    let held = Journal::open(&runs[0]).unwrap();
    drop(held);
    std::fs::write(runs[0].join("journal.jsonl"), "{}\n").unwrap();
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(2).says("journal.jsonl:1: the journal is damaged");
}

#[test]
fn a_flag_that_says_something_else_changes_the_answer_and_what_was_built_from_it() {
    // given a tour stopped at its checklist, with a thing made for "my-app"
    let wizard = Wizard::empty();
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(0);
    let finished = wizard.journal();
    let hands = finished.iter().position(|r| r["what"]["entry"] == "ticked").unwrap();
    let path = wizard.run_dir().join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.lines().take(hands).map(|l| format!("{l}\n")).collect::<String>()).unwrap();
    // when it goes on with another name
    wizard.run(&["tour", "--yes", "--set", "speed=brisk", "--set", "greeting=other"]).expect(0);
    // then the answer is journalled as the flag's and the thing is made again for it
    let journal = wizard.journal();
    assert!(journal.iter().any(|r| r["what"]["entry"] == "answered"
        && r["what"]["step"] == "greeting"
        && r["what"]["value"] == "other"
        && r["what"]["source"] == "flag"));
    assert!(wizard.run_dir().join("simulated/make-a-thing-for-other").exists());
}

#[test]
fn a_panic_while_a_guard_is_up_releases_it_on_the_way_out() {
    // given a tour whose step after the guard panics
    let wizard = Wizard::empty();
    let folder = wizard.path().join(".migrate-wizard/playbooks");
    std::fs::create_dir_all(&folder).unwrap();
    let tour = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/tour.toml")).unwrap();
    let through = "text = \"go through the door with ${part.names|its parts}\"";
    assert!(tour.contains(through));
    std::fs::write(folder.join("tour.toml"), tour.replace(through, &format!("{through}\ntrouble = \"panic\""))).unwrap();
    // when it runs into it
    wizard.run(&["tour", "--yes", "--set", "speed=brisk"]).expect(70);
    // then the guard was released before the end
    let journal = wizard.journal();
    let last: Vec<_> =
        journal.iter().rev().take(2).map(|r| (r["what"]["entry"].as_str().unwrap(), r["what"]["step"].as_str().unwrap())).collect();
    assert_eq!(last, [("undo_done", "hold"), ("undo_started", "hold")]);
}

/// A row of a table of ARCHITECTURE.md: its cells, without the first.
fn row(table: &str, first: &str) -> Vec<String> {
    let map = include_str!("../ARCHITECTURE.md");
    let section = map.split(&format!("## {table}")).nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let line =
        section.lines().find(|l| l.starts_with(&format!("| {first} |"))).unwrap_or_else(|| panic!("no row {first:?} under {table:?}"));
    line.trim_matches('|').split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()
}

proptest! {
    /// Given any newest run and any flags, then it is opened as the table of ARCHITECTURE.md says, word by word.
    #[test]
    fn every_opening_is_in_the_table(
        newest in prop::sample::select(vec![None, Some(None), Some(Some(End::Finished)), Some(Some(End::RolledBack))]),
        tour in prop::bool::ANY, dry in prop::bool::ANY, sandbox in prop::bool::ANY, new in prop::bool::ANY, rollback in prop::bool::ANY,
    ) {
        let flavour = Flavour { journey: if tour { "tour" } else { "move" }, mode: if dry { Mode::Dry } else { Mode::Live }, sandbox };
        let name = match newest {
            None => "there is none",
            Some(None) => "open (never ended)",
            Some(Some(End::Finished)) if tour || dry => "finished, dry run, tour or rotation",
            Some(Some(End::Finished)) => "finished, live or sandbox",
            Some(Some(End::RolledBack)) => "rolled back",
        };
        let column = if rollback { 2 } else { usize::from(new) };
        let word = match opening(newest, flavour, new, rollback) {
            Opening::New => "new",
            Opening::Resume => "resume",
            Opening::Refuse => "refuse",
        };
        let cell = row("Opening a run", name)[column].clone();
        prop_assert!(cell.starts_with(word), "{name}: the table says {cell:?}, the code {word:?}");
    }

    /// Given any screen and any rhythm of Ctrl-C and other keys, then the second Ctrl-C within three seconds, with no other key
    /// between, stops now, and nothing else does; at the end it leaves.
    #[test]
    fn ctrl_c_follows_the_table(screen in 0..sample_views::all().len(), presses in prop::collection::vec((prop::bool::ANY, 0u64..5000), 1..8)) {
        let (_, view) = sample_views::all().swap_remove(screen);
        let ended = matches!(view.screen, Screen::Ended(_));
        let mut model = Model::new(Theme::PLAIN);
        model.on_event(Event::View(Box::new(view)), 0);
        let (mut now, mut armed, mut aborted): (u64, Option<u64>, bool) = (10_000, None, false);
        for (interrupt, pause) in presses {
            now += pause;
            if !interrupt {
                model.on_key(Press::Key(Key::Tab), now);
                armed = None;
                continue;
            }
            let replies = model.on_key(Press::Key(Key::Ctrl('c')), now);
            if ended {
                prop_assert!(replies.iter().any(|r| matches!(r, Reply::Leave(_))), "the end is left at once");
                break;
            }
            let expected = !aborted && armed.is_some_and(|at| now < at + 3000);
            prop_assert_eq!(replies.iter().any(|r| matches!(r, Reply::Send(Command::Abort))), expected);
            aborted |= expected;
            if !expected && !aborted {
                armed = Some(now);
            }
        }
    }
}
