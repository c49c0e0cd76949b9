use super::{key, letters, model};
use crate::faces::tui::model::{Filter, Pane};
use crate::faces::tui::{Press, Reply, render_model, sample_views};
use crate::wizard::keys::Key;
use crate::wizard::review::CodeLine;
use crate::wizard::view::{Command, Event, Outcome, Screen};

fn answer(step: &str, value: &str) -> Vec<Reply> {
    vec![Reply::Send(Command::Answer { step: step.into(), value: value.into() })]
}

#[test]
fn the_arrows_choose_and_enter_answers() {
    let mut model = model(sample_views::choice());
    key(&mut model, Key::Down);
    key(&mut model, Key::Char('j'));
    key(&mut model, Key::Down);
    assert_eq!(key(&mut model, Key::Enter), answer("decide.database", "dsql"));
    // The engine has not spoken yet: a second Enter must not answer what comes next.
    assert_eq!(key(&mut model, Key::Enter), []);
    assert!(model.message(1_000).is_some_and(|m| m.contains("one moment")));
}

#[test]
fn the_suggestion_is_chosen_before_anything_is_pressed() {
    assert_eq!(key(&mut model(sample_views::choice()), Key::Enter), answer("decide.database", "rds"));
    assert_eq!(key(&mut model(sample_views::text()), Key::Enter), answer("decide.domain", "shop.example.com"));
}

#[test]
fn letters_of_every_script_can_be_typed() {
    let mut model = model(sample_views::text());
    model.on_key(Press::Key(Key::Ctrl('u')), 0);
    letters(&mut model, "q?/bücher漢.de");
    model.on_key(Press::Left, 0);
    model.on_key(Press::Left, 0);
    model.on_key(Press::Left, 0);
    model.on_key(Press::Backspace, 0);
    model.on_key(Press::Paste("laden\n".into()), 0);
    assert_eq!(key(&mut model, Key::Enter), answer("decide.domain", "q?/bücherladen.de"));
}

#[test]
fn the_timeline_lies_over_the_screen_and_its_clock_goes_on() {
    let mut model = model(sample_views::frozen());
    key(&mut model, Key::Char('t'));
    let shown = |model: &crate::faces::tui::Model, now_ms| render_model(model, 120, 40, now_ms);
    let text = shown(&model, 0);
    for part in [
        "▸ Timeline",
        "writes stopped for 1m01s",
        "next: Copy what changed",
        "the way back is open until it is closed by hand",
        "22:00:02  +2s  300ms",
        "T+1m    Copy what changed",
        "rehearsed: 41s",
        "Esc closes",
    ] {
        assert!(text.contains(part), "{part:?} is missing:\n{text}");
    }
    assert!(model.ticks(), "its clock needs new frames");
    assert!(shown(&model, 9_000).contains("writes stopped for 1m10s"));
    key(&mut model, Key::Esc);
    assert!(!shown(&model, 9_000).contains("▸ Timeline"));
    // before the runbook has begun the key says so
    let mut early = self::model(sample_views::choice());
    key(&mut early, Key::Char('t'));
    assert!(early.message(1_000).is_some_and(|m| m.contains("the runbook has not begun")), "{:?}", early.message(1_000));
}

#[test]
fn a_refused_answer_stays_to_be_corrected() {
    let mut model = model(sample_views::text());
    letters(&mut model, "!");
    model.on_event(Event::View(Box::new(sample_views::text())), 0);
    assert_eq!(model.input.text(), "shop.example.com!");
    model.on_event(Event::View(Box::new(sample_views::secret())), 0);
    assert_eq!(model.input.text(), "");
}

#[test]
fn a_gate_is_applied_with_enter_or_with_the_typed_word() {
    let apply = |step: &str, typed: Option<&str>| vec![Reply::Send(Command::Apply { step: step.into(), typed: typed.map(str::to_owned) })];
    assert_eq!(key(&mut model(sample_views::gate()), Key::Enter), apply("provision.network", None));
    let mut typed = model(sample_views::typed_gate());
    assert_eq!(key(&mut typed, Key::Enter), []);
    assert!(typed.message(1_000).is_some_and(|m| m.starts_with("type shop first")));
    letters(&mut typed, "shop");
    assert_eq!(key(&mut typed, Key::Enter), apply("cutover.freeze", Some("shop")));
}

#[test]
fn checklist_failure_and_end_send_their_commands() {
    assert_eq!(
        key(&mut model(sample_views::manual()), Key::Enter),
        [Reply::Send(Command::ManualDone { step: "cutover.registrar".into() })]
    );
    assert_eq!(
        key(&mut model(sample_views::failed()), Key::Char('r')),
        [Reply::Send(Command::Retry { step: "provision.database".into() })]
    );
    assert_eq!(key(&mut model(sample_views::ended()), Key::Enter), [Reply::Send(Command::Stop), Reply::Leave(Outcome::Finished)]);
    assert_eq!(key(&mut model(sample_views::gate()), Key::Char('q')), [Reply::Send(Command::Stop)]);
}

#[test]
fn a_roll_back_needs_the_typed_run_and_esc_leaves_it() {
    assert_eq!(key(&mut model(sample_views::gate()), Key::Char('b')), [Reply::Send(Command::Rollback { to: None })]);
    let mut rollback = model(sample_views::rollback());
    assert_eq!(key(&mut rollback, Key::Enter), []);
    letters(&mut rollback, "7f3a");
    assert_eq!(key(&mut rollback, Key::Enter), [Reply::Send(Command::ConfirmRollback { typed: "7f3a".into() })]);
    assert_eq!(key(&mut model(sample_views::rollback()), Key::Esc), [Reply::Send(Command::Back)]);
}

#[test]
fn a_key_that_is_off_says_why_in_the_bar() {
    let mut model = model(sample_views::running());
    assert_eq!(key(&mut model, Key::Char('b')), []);
    let text = render_model(&model, 80, 24, 1_000);
    assert!(text.ends_with(" ! b (roll back): a step is running: wait, or stop with q\n"), "{text}");
    assert_eq!(key(&mut model, Key::Char('x')), []);
    assert_eq!(model.message(1_000), Some("x does nothing here; ? shows every key"));
    assert!(!render_model(&model, 80, 24, 60_000).contains("does nothing"), "a message goes after a while");
}

#[test]
fn an_earlier_answer_is_selected_and_opened() {
    let mut model = model(sample_views::gate());
    assert_eq!(key(&mut model, Key::Char('c')), []);
    assert_eq!((model.pane, model.selected.as_deref()), (Pane::Outline, Some("decide.token")));
    key(&mut model, Key::Up);
    key(&mut model, Key::Up);
    assert_eq!(key(&mut model, Key::Char('c')), [Reply::Send(Command::Reopen { step: "decide.database".into() })]);
}

#[test]
fn only_an_answer_can_be_changed() {
    let mut model = model(sample_views::gate());
    model.pane = Pane::Outline;
    for (step, why) in [
        ("assess.read", "only an answer can be changed, and this step is not a question"),
        ("provision.network", "only an answer can be changed, and this step is not a question"),
    ] {
        model.selected = Some(step.into());
        assert_eq!(key(&mut model, Key::Char('c')), []);
        assert_eq!(model.message(1_000), Some(why));
    }
    model.on_event(Event::View(Box::new(sample_views::choice())), 0);
    model.pane = Pane::Outline;
    model.selected = Some("decide.token".into());
    assert_eq!(key(&mut model, Key::Char('c')), []);
    assert_eq!(model.message(1_000), Some("this question has not been answered yet"));
}

#[test]
fn esc_leaves_a_question_only_when_it_was_opened_again() {
    assert_eq!(key(&mut model(sample_views::choice()), Key::Esc), [Reply::Send(Command::Back)]);
    assert_eq!(key(&mut model(sample_views::text()), Key::Esc), []);
    assert_eq!(key(&mut model(sample_views::gate()), Key::Esc), []);
}

#[test]
fn what_was_said_about_one_screen_is_not_said_on_the_next() {
    let mut model = model(sample_views::running());
    key(&mut model, Key::Enter);
    assert_eq!(model.message(1_000), Some("Enter (go on): a step is running and goes on by itself"));
    model.on_event(Event::View(Box::new(sample_views::gate())), 1_100);
    assert_eq!(model.message(1_100), None);
    key(&mut model, Key::Ctrl('c'));
    model.on_event(Event::View(Box::new(sample_views::running())), 1_200);
    assert!(model.message(1_200).is_some_and(|m| m.starts_with("press Ctrl-C again")), "a second Ctrl-C still stops");
}

#[test]
fn a_slow_answer_is_seen_to_be_worked_on() {
    let mut model = model(sample_views::manual());
    key(&mut model, Key::Enter);
    assert!(!render_model(&model, 80, 24, 1_100).contains("finding out"));
    assert!(render_model(&model, 80, 24, 2_000).contains(" ● finding out what comes next …"));
    model.on_event(Event::View(Box::new(sample_views::gate())), 2_100);
    assert!(!render_model(&model, 80, 24, 3_000).contains("finding out"));
}

#[test]
fn enter_outside_the_step_only_goes_back_to_it() {
    let mut model = model(sample_views::gate());
    key(&mut model, Key::Tab);
    assert_eq!(model.pane, Pane::Log);
    assert_eq!(key(&mut model, Key::Enter), []);
    assert_eq!(model.pane, Pane::Step);
}

#[test]
fn the_filter_narrows_outline_and_log() {
    let mut model = model(sample_views::gate());
    for line in ["created Vpc", "created PrivateA"] {
        model.on_event(Event::Log { at: "2026-11-20T14:03:22Z".into(), step: None, line: line.into() }, 0);
    }
    key(&mut model, Key::Char('/'));
    letters(&mut model, "VPC");
    assert_eq!(model.log.len(), 1);
    model.on_key(Press::Key(Key::Ctrl('u')), 0);
    letters(&mut model, "database");
    assert_eq!(key(&mut model, Key::Enter), []);
    assert_eq!(model.filter, Filter::Kept("database".into()));
    assert_eq!(
        model.shown_steps().iter().map(|s| s.title.as_str()).collect::<Vec<_>>(),
        ["Look at the database", "Database", "Create the database"]
    );
    key(&mut model, Key::Esc);
    assert_eq!((model.filter.clone(), model.log.len()), (Filter::Off, 2));
}

#[test]
fn the_first_ctrl_c_explains_the_second_stops_now() {
    let mut model = model(sample_views::text());
    let ctrl_c = || Press::Key(Key::Ctrl('c'));
    assert_eq!(model.on_key(ctrl_c(), 1_000), []);
    assert_eq!(model.message(1_000), Some("press Ctrl-C again to stop now; nothing is lost, start again to resume"));
    assert_eq!(model.on_key(ctrl_c(), 4_001), [], "too late: it explains again");
    assert_eq!(model.on_key(ctrl_c(), 5_000), [Reply::Send(Command::Abort)]);
    assert_eq!(model.on_key(ctrl_c(), 5_100), [Reply::Leave(Outcome::Interrupted)], "even where the engine does not answer");
}

#[test]
fn the_command_is_copied_and_the_job_suspended() {
    let mut gate = model(sample_views::gate());
    let command = "aws cloudformation deploy --stack-name shop-network --template-file network.yaml";
    assert_eq!(key(&mut gate, Key::Char('y')), [Reply::Copy(command.into())]);
    assert_eq!(key(&mut gate, Key::Ctrl('z')), [Reply::Suspend]);
}

#[test]
fn a_log_that_is_read_back_stays_where_it_is() {
    let mut model = model(sample_views::running());
    let line = |n: usize| Event::Log { at: "2026-11-20T14:03:22Z".into(), step: None, line: format!("line {n}.") };
    (0..100).for_each(|n| model.on_event(line(n), 0));
    key(&mut model, Key::Tab);
    (0..10).for_each(|_| drop(key(&mut model, Key::Up)));
    let before = render_model(&model, 80, 24, 0);
    assert!(before.contains("line 89.") && !before.contains("line 90."), "{before}");
    model.on_event(line(100), 0);
    let after = render_model(&model, 80, 24, 0);
    assert!(after.contains("line 89.") && !after.contains("line 90."), "{after}");
    key(&mut model, Key::End);
    assert!(render_model(&model, 80, 24, 0).contains("line 100."));
}

#[test]
fn a_review_is_walked_filtered_and_chosen_in() {
    let mut model = model(sample_views::review());
    // the choice is selected first, and its next option answers the question
    assert_eq!(key(&mut model, Key::Char('o')), answer("foreign_keys", "dropped"));
    // an object is not a choice
    key(&mut model, Key::Down);
    assert_eq!(key(&mut model, Key::Char('o')), []);
    assert!(model.message(0).is_some_and(|m| m.contains("select a choice first")));
    let shown = |model: &_| render_model(model, 120, 40, 0);
    assert!(shown(&model).contains("▸ public.orders") && shown(&model).contains("│ CREATE TABLE public.orders ("), "{}", shown(&model));
    // by weight: without what is only good to know, then only what is to decide, then all again
    key(&mut model, Key::Char('s'));
    assert!(!shown(&model).contains("public.users") && shown(&model).contains("everything else"), "{}", shown(&model));
    key(&mut model, Key::Char('s'));
    assert!(!shown(&model).contains("everything else") && shown(&model).contains("DSQL-VECTOR"), "{}", shown(&model));
    key(&mut model, Key::Char('s'));
    assert!(shown(&model).contains("public.users"), "{}", shown(&model));
    // by text
    for press in [Key::Char('/'), Key::Char('t'), Key::Char('r'), Key::Char('i'), Key::Char('g'), Key::Enter] {
        key(&mut model, press);
    }
    assert!(shown(&model).contains("DSQL-TRIGGER") && !shown(&model).contains("▸ public.orders"), "{}", shown(&model));
    // Enter still applies
    let applied = Reply::Send(Command::Apply { step: "schema.before".into(), typed: None });
    assert_eq!(key(&mut super::model(sample_views::review()), Key::Enter), [applied]);
}

#[test]
fn what_is_selected_is_gone_through_to_its_end_and_stays_in_sight() {
    let long = || {
        let mut view = sample_views::assessment();
        let Screen::Gate(gate) = &mut view.screen else { panic!("no gate") };
        let found = &mut gate.review.as_mut().unwrap().objects[0].findings[0];
        found.code = (1..=60).map(|number| CodeLine { number, text: format!("line {number}"), meant: number == 18 }).collect();
        view
    };
    for (press, most) in [(Key::Down, 20), (Key::PageDown, 6)] {
        let mut model = model(long());
        let screen = |model: &_| render_model(model, 80, 24, 0);
        key(&mut model, Key::Char('v'));
        let mut screens = vec![screen(&model)];
        let is_next = |screen: &String| screen.contains("▸ E1 Replit") || screen.contains("▸ A1 Replit");
        while screens.len() <= most && !is_next(screens.last().unwrap()) {
            key(&mut model, press);
            screens.push(screen(&model));
        }
        let (last, before) = screens.split_last().unwrap();
        assert!(is_next(last), "{press:?}: {last}");
        assert!(before.last().unwrap().contains("edit: app prepare"), "{press:?}: the end is passed over\n{}", before.last().unwrap());
        assert!(before.iter().any(|screen| screen.contains("line 30")), "{press:?}");
        // and back
        let (back, to) = if press == Key::Down { (Key::Up, "▸ B1 Replit Auth") } else { (Key::PageUp, "▸ What was understood") };
        key(&mut model, back);
        assert!(screen(&model).contains(to), "{press:?}: {}", screen(&model));
    }
    // what is filtered is said, and a key that does nothing here is not offered
    let mut model = model(sample_views::assessment());
    assert!(!render_model(&model, 120, 40, 0).contains("o option"));
    for press in [Key::Char('/'), Key::Char('v'), Key::Char('i'), Key::Char('t'), Key::Enter] {
        key(&mut model, press);
    }
    let text = render_model(&model, 120, 40, 0);
    assert!(text.contains("1 of 3 with “vit”; Esc shows all"), "{text}");
}

#[test]
fn an_assessment_opens_with_what_was_understood_and_shows_code_on_a_key() {
    let mut model = model(sample_views::assessment());
    let shown = |model: &_| render_model(model, 120, 40, 0);
    let text = shown(&model);
    for literal in [
        "▸ What was understood",
        "service web  web, port 5000, runs `node dist/index.js`",
        ".replit:9",
        "1 blocks, 1 should change, 1 good to know; about 8.2–24.5 h in all",
        "B1 Replit Auth",
        "  blocks  8–24 h",
        "Enter goes on; nothing is touched",
    ] {
        assert!(text.contains(literal), "{literal:?} is missing:\n{text}");
    }
    assert!(!text.contains("18 │"), "{text}");
    key(&mut model, Key::Down);
    assert!(shown(&model).contains("! server/replitAuth.ts:18") && shown(&model).contains("v shows the code"), "{}", shown(&model));
    key(&mut model, Key::Char('v'));
    let text = shown(&model);
    for literal in [
        "▸ 18 │       new URL(process.env.ISSUER_URL",
        "  16 │   async () => {",
        "edit: app prepare does it: Cognito",
        "its client is the repl",
    ] {
        assert!(text.contains(literal), "{literal:?} is missing:\n{text}");
    }
    // back: first out of the code, and no further
    assert_eq!(key(&mut model, Key::Esc), []);
    assert!(!shown(&model).contains("18 │") && shown(&model).contains("▸ B1 Replit Auth"), "{}", shown(&model));
    // by weight: four of them
    for (gone, still) in
        [("A1 Replit app", "E1 Replit's vite"), ("E1 Replit's vite", "B1 Replit Auth"), ("A1 Replit app", "B1 Replit Auth")]
    {
        key(&mut model, Key::Char('s'));
        assert!(!shown(&model).contains(gone) && shown(&model).contains(still), "{}", shown(&model));
    }
    assert!(shown(&model).contains("only what blocks"), "{}", shown(&model));
    key(&mut model, Key::Char('s'));
    assert!(shown(&model).contains("A1 Replit app"), "{}", shown(&model));
    let next = Reply::Send(Command::Apply { step: "assess.found".into(), typed: None });
    assert_eq!(key(&mut model, Key::Enter), [next]);
    // the first key of all: the first finding opens
    let mut model = super::model(sample_views::assessment());
    key(&mut model, Key::Char('v'));
    assert!(shown(&model).contains("▸ 18 │       new URL(process.env.ISSUER_URL"), "{}", shown(&model));
    // and a small screen names the keys of this screen before those of every screen
    let small = render_model(&model, 80, 24, 0);
    assert!(small.contains("s severity") && small.contains("v code") && small.contains("q quit"), "{small}");
    // a schema has no code to show
    let mut schema = super::model(sample_views::review());
    assert_eq!(key(&mut schema, Key::Char('v')), []);
    assert!(schema.message(0).is_some_and(|m| m.contains("no findings in code")));
}
