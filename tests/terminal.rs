//! The full-screen face in a real pseudo-terminal: keys, sizes, signals, and the terminal given back on every way out.
//! Nothing here knows how a screen is drawn: it reads what a person would see.

use std::path::PathBuf;

use super::support::postgres::{database, sql};
use super::support::pty::{Pty, wait_gone};
use super::support::wizard::Wizard;

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";
const ENTER: &str = "\r";
const ESC: &str = "\x1b";

/// A wizard whose tour is ours with one change.
fn tour_with(find: &str, put: &str) -> (Wizard, String) {
    let wizard = Wizard::empty().env("RUST_BACKTRACE", "0");
    let ours = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/tour.toml")).unwrap();
    assert!(ours.contains(find), "the tour has no {find:?}");
    let folder: PathBuf = wizard.path().join("playbooks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tour.toml"), ours.replacen(find, put, 1)).unwrap();
    (wizard, folder.display().to_string())
}

/// A tour whose first piece of work ends so.
fn tour_with_trouble(trouble: &str) -> (Wizard, String) {
    let line = "text = \"make a thing for ${greeting}\"";
    tour_with(line, &format!("{line}\ntrouble = \"{trouble}\""))
}

/// A tour at its first question, 80x24.
fn at_the_start(wizard: &Wizard) -> Pty {
    let mut pty = Pty::wizard(wizard, &["tour"], 80, 24);
    pty.wait_for("What is your app called?").wait_for("› my-app");
    pty
}

/// From the first question to the first gate.
fn at_a_gate(wizard: &Wizard) -> Pty {
    let mut pty = at_the_start(wizard);
    pty.keys(ENTER);
    pty.wait_for("▸ ● Brisk");
    pty.keys(ENTER);
    pty.wait_for("Enter applies it");
    pty
}

fn state(wizard: &Wizard) -> String {
    let status = wizard.run(&["status", "--json"]).expect(0);
    let value: serde_json::Value = serde_json::from_str(&status.out()).unwrap();
    value["state"].as_str().unwrap().to_owned()
}

#[test]
fn enter_walks_the_tour_to_its_end() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.assert_taken();
    assert!(!wizard.run_dir().join("simulated/make-a-thing-for-my-app").exists(), "nothing happens before the yes");
    for next in [
        "Which parts has it?",
        "Make a part (web)",
        "Make a part (api)",
        "□ look out of the window",
        "$ echo \"hold the door closed\"",
        "$ echo \"go through the door",
        "Finished: every step is done",
    ] {
        pty.keys(ENTER);
        pty.wait_for(next);
    }
    assert!(wizard.run_dir().join("simulated/make-a-thing-for-my-app").exists());
    pty.wait_for("Enter leaves");
    pty.keys("b");
    pty.wait_for("What was done is undone, newest first");
    pty.keys(ESC);
    pty.wait_for("Enter leaves");
    pty.keys(ENTER);
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    pty.wait_for("is finished; the report is");
    assert_eq!(state(&wizard), "finished");
}

#[test]
fn b_rolls_back_after_the_typed_run_id() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.keys(ENTER);
    pty.wait_for("Which parts has it?");
    pty.keys("\t\tb");
    pty.wait_for("What was done is undone, newest first").wait_for("↶ Make something");
    pty.keys(ESC);
    pty.wait_for("Which parts has it?");
    pty.keys("\t\tb");
    pty.wait_for("and Enter to roll back");
    pty.keys("something else\r");
    pty.wait_for("✗ type the run's id");
    let id = wizard.run_dir().file_name().unwrap().to_string_lossy().into_owned();
    pty.keys("\x15");
    pty.keys(&id);
    pty.keys(ENTER);
    pty.wait_for("↶ Rolled back");
    assert_eq!(std::fs::read_dir(wizard.run_dir().join("simulated")).unwrap().count(), 0);
    pty.keys(ENTER);
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    assert_eq!(state(&wizard), "rolled_back");
}

#[test]
fn help_opens_over_the_screen_and_closes() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.keys("?");
    pty.wait_for("▸ Help").wait_for("not now: nothing has failed");
    pty.keys(ESC);
    pty.wait_gone("▸ Help").wait_for("Enter applies it");
    pty.keys("y");
    pty.wait_for("the command was sent to the clipboard");
    // OSC 52 with `echo "make a thing for my-app"`.
    assert!(pty.raw().contains("\x1b]52;c;ZWNobyAibWFrZSBhIHRoaW5nIGZvciBteS1hcHAi\x07"));
    pty.keys("q");
    assert_eq!(pty.wait_exit(), 3);
    pty.assert_restored();
    pty.wait_for("is stopped; the same command goes on from here");
    assert_eq!(state(&wizard), "stopped");
}

#[test]
fn an_answer_can_be_changed_and_esc_leaves_it_as_it_was() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.keys("c");
    pty.wait_for("select the answer to change");
    pty.keys("kc");
    pty.wait_for("› my-app").wait_for("Esc leaves it so");
    pty.keys(ESC);
    pty.wait_for("make a thing for my-app");
    pty.keys("c");
    pty.wait_for("select the answer to change");
    pty.keys("kc");
    pty.wait_for("› my-app");
    pty.keys("\x15shop\r");
    pty.wait_for("make a thing for shop");
    pty.keys("q");
    assert_eq!(pty.wait_exit(), 3);
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_comes_back() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.resize(40, 10);
    pty.wait_for("too small: this is 40x10").wait_gone("Enter applies it");
    pty.resize(120, 40);
    pty.wait_for("Enter applies it").wait_for("─ Outline ─");
    pty.keys(ENTER);
    pty.wait_for("Which parts has it?");
}

#[test]
fn ctrl_z_suspends_and_fg_comes_back() {
    let wizard = Wizard::empty();
    let mut pty = Pty::shell(&wizard, 80, 24);
    pty.wait_for("$ ");
    pty.keys("\"$MW\" tour\n");
    pty.wait_for("› my-app");
    pty.keys(ENTER);
    pty.wait_for("▸ ● Brisk");
    pty.assert_taken();
    pty.keys(CTRL_Z);
    pty.wait_alternate(false).wait_for("Stopped");
    pty.assert_restored();
    // The shell works as ever: what is typed is echoed and run.
    pty.keys("echo $((6*7)) is alive\n");
    pty.wait_for("42 is alive");
    pty.keys("fg\n");
    pty.wait_alternate(true).wait_for("▸ ● Brisk");
    pty.assert_taken();
    pty.keys(ENTER);
    pty.wait_for("Enter applies it");
    pty.keys("q");
    pty.wait_alternate(false).wait_for("goes on from here");
    pty.keys("echo code=$?\n");
    pty.wait_for("code=3");
    pty.assert_restored();
    pty.keys("exit\n");
    assert_eq!(pty.wait_exit(), 0);
}

#[test]
fn ctrl_c_once_explains_and_twice_stops_now_and_the_run_goes_on_later() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.keys(CTRL_C);
    pty.wait_for("press Ctrl-C again to stop now; nothing is lost");
    pty.assert_taken();
    pty.keys(CTRL_C);
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
    assert_eq!(state(&wizard), "stopped");
    let mut again = Pty::wizard(&wizard, &["tour"], 80, 24);
    again.wait_for("make a thing for my-app").wait_for("Enter applies it");
    again.keys(ENTER);
    again.wait_for("Which parts has it?");
}

#[test]
fn ctrl_c_twice_in_the_middle_of_a_step_loses_nothing() {
    let wizard = Wizard::empty();
    let mut pty = Pty::wizard(&wizard, &["tour", "--set", "speed=calm", "--set", "greeting=shop", "--set", "parts=web"], 80, 24);
    pty.wait_for("make a thing for shop");
    pty.keys(ENTER);
    pty.wait_for("● running").wait_for("of 40 steps");
    pty.keys(CTRL_C);
    pty.wait_for("press Ctrl-C again");
    pty.keys(CTRL_C);
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
    let last = wizard.journal().pop().unwrap();
    assert_eq!(last["what"]["entry"], "started", "what became of it is unknown until it is looked at: {last}");
    let mut again = Pty::wizard(&wizard, &["tour", "--set", "parts=web"], 80, 24);
    again.wait_for("it was interrupted: finding out what became of it").wait_for("Make a part (web)");
}

#[test]
fn a_panic_gives_the_terminal_back_before_its_message() {
    let (wizard, playbooks) = tour_with_trouble("panic");
    let mut pty = Pty::wizard(&wizard, &["tour", "--playbooks", &playbooks, "--set", "greeting=shop", "--set", "speed=brisk"], 100, 30);
    pty.wait_for("Enter applies it");
    pty.keys(ENTER);
    assert_eq!(pty.wait_exit(), 70);
    pty.assert_restored();
    pty.wait_for("a rehearsed panic")
        .wait_for("error: something panicked while the screen was up")
        .wait_for("this is a bug in migrate-wizard");
    let (before, _) = pty.raw().split_once("a rehearsed panic").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(before.contains("\x1b[?1049l"), "the message must not vanish with the alternate screen");
}

#[test]
fn an_error_in_the_loop_gives_the_terminal_back() {
    let wizard = Wizard::empty();
    // Given a journal that cannot grow: no file may be larger than 512 bytes
    let mut pty = Pty::script(&wizard, "trap '' XFSZ; ulimit -f 1; exec \"$MW\" tour", 100, 30);
    pty.wait_for("› my-app");
    pty.assert_taken();
    // when answers are to be written to it
    pty.keys(ENTER);
    pty.wait_gone("› my-app");
    pty.keys(ENTER);
    // then nothing is done without its entry, and the terminal is given back before the message
    assert_eq!(pty.wait_exit(), 1);
    pty.assert_restored();
    pty.wait_for("error: cannot write the journal").wait_for("next:");
}

#[test]
fn a_failed_step_waits_and_can_be_tried_again() {
    let (wizard, playbooks) = tour_with_trouble("fail");
    let mut pty = Pty::wizard(&wizard, &["tour", "--playbooks", &playbooks, "--set", "greeting=shop", "--set", "speed=brisk"], 80, 24);
    pty.wait_for("Enter applies it");
    pty.keys(ENTER);
    pty.wait_for("✗ Make something failed").wait_for("r tries again · b rolls back 1 step · q stops");
    pty.keys("r");
    pty.wait_for("Enter applies it");
    pty.keys(ENTER);
    pty.wait_gone("Enter applies it").wait_for("✗ Make something failed");
    pty.keys("q");
    assert_eq!(pty.wait_exit(), 3);
    pty.assert_restored();
    let attempts: Vec<_> = wizard
        .journal()
        .iter()
        .filter(|e| e["what"]["entry"] == "started" && e["what"]["step"] == "build")
        .map(|e| e["what"]["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2]);
}

#[test]
fn the_terminate_signal_stops_in_order() {
    let wizard = Wizard::empty();
    let mut pty = at_a_gate(&wizard);
    pty.signal("TERM");
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
    pty.wait_for("goes on from here");
    assert_eq!(state(&wizard), "stopped");
}

#[test]
fn a_closed_terminal_ends_the_session_and_releases_the_guard() {
    let wizard = Wizard::empty();
    let mut pty = Pty::shell(&wizard, 80, 24);
    let pid = pty.run("tour --set greeting=shop --set speed=brisk --set parts=web");
    pty.wait_for("Enter applies it");
    for next in ["Make a part (web)", "□ stretch", "hold the door closed\"", "go through the door"] {
        pty.keys(ENTER);
        pty.wait_for(next);
    }
    let held = wizard.run_dir().join("simulated/hold-the-door-closed");
    assert!(held.exists());
    pty.hang_up();
    wait_gone(pid);
    assert!(!held.exists(), "the guard is released on every way out");
    assert_eq!(state(&wizard), "stopped");
}

#[test]
fn no_color_means_no_colour() {
    let coloured = |raw: &str| {
        raw.split("\x1b[")
            .skip(1)
            .filter_map(|s| s.split_once('m'))
            .filter(|(p, _)| p.chars().all(|c| c.is_ascii_digit() || c == ';'))
            .any(|(p, _)| p.split(';').filter_map(|n| n.parse::<u32>().ok()).any(|n| matches!(n, 30..=38 | 40..=48 | 90..=97 | 100..=107)))
    };
    let plain = Wizard::empty().env("NO_COLOR", "1");
    let mut pty = at_a_gate(&plain);
    pty.wait_stable();
    assert!(!coloured(&pty.raw()));
    let painted = Wizard::empty();
    let mut pty = at_a_gate(&painted);
    pty.wait_stable();
    assert!(coloured(&pty.raw()), "this test can tell colours");
}

#[test]
fn a_secret_is_shown_as_dots_and_written_nowhere() {
    let (wizard, playbooks) = tour_with("kind = \"text\"\ndefault = \"my-app\"", "kind = \"secret\"");
    // The secret's name stands in later texts: a tour without them.
    let text = std::fs::read_to_string(PathBuf::from(&playbooks).join("tour.toml")).unwrap().replace("${greeting}", "it");
    std::fs::write(PathBuf::from(&playbooks).join("tour.toml"), text).unwrap();
    let mut pty = Pty::wizard(&wizard, &["tour", "--playbooks", &playbooks], 80, 24);
    pty.wait_for("Kept in memory only");
    pty.keys("hunter2");
    pty.wait_for("› •••••••");
    pty.keys(ENTER);
    pty.wait_for("▸ ● Brisk");
    pty.keys(ENTER);
    pty.wait_for("Enter applies it");
    pty.keys("q");
    assert_eq!(pty.wait_exit(), 3);
    assert!(!pty.raw().contains("hunter2"));
    for entry in wizard.journal() {
        assert!(!entry.to_string().contains("hunter2"), "{entry}");
    }
}

#[test]
fn a_dumb_terminal_gets_line_mode() {
    let wizard = Wizard::empty().env("TERM", "dumb");
    let mut pty = Pty::wizard(&wizard, &["tour"], 80, 24);
    pty.wait_for("== Tour").wait_for("What is your app called?");
    assert!(!pty.raw().contains("\x1b[?1049h"));
}

#[test]
fn a_choice_made_at_the_gate_is_answered_and_what_follows_is_shown_anew() {
    // given a database with an enum, and a journey of one question and one change
    let from = database("reviewed");
    sql(&from, "create type mood as enum ('sad', 'ok'); create table people (id uuid primary key, mood mood not null)");
    let wizard = Wizard::empty();
    std::fs::set_permissions(wizard.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (temporary, books) = (wizard.path().join("tmp"), wizard.path().join("books"));
    std::fs::create_dir(&temporary).unwrap();
    std::fs::create_dir(&books).unwrap();
    for (order, phase) in ["assess", "decide", "provision", "application", "data", "cutover", "close", "rollback"].iter().enumerate() {
        let journey = if *phase == "rollback" { "rollback" } else { "move" };
        let empty =
            format!("phase = \"{phase}\"\ntitle = \"{phase}\"\nwhy = \"Nothing here.\"\njourney = \"{journey}\"\norder = {order}\n");
        std::fs::write(books.join(format!("{phase}.toml")), empty).unwrap();
    }
    std::fs::write(books.join("schema.toml"), include_str!("support/reviewed.toml")).unwrap();
    let wizard = wizard.env("TMPDIR", temporary.to_str().unwrap()).env("SOURCE_DATABASE_URL", &from.secret_url());
    let mut pty = Pty::wizard(&wizard, &["--sandbox", "--playbooks", books.to_str().unwrap()], 120, 40);
    pty.wait_for("What holds the values of an enum?").wait_for("▸ ● A CHECK on each column");
    pty.keys(ENTER);
    // when its gate shows the choice
    pty.wait_for("Enter applies it").wait_for("now: a CHECK on each column").wait_for("public.people");
    assert!(!pty.screen().contains("table:public.mood"), "{}", pty.screen());
    // and another option is chosen there
    pty.keys("o");
    // then the gate comes again with what follows from it
    pty.wait_for("now: a table of the values").wait_for("+ table:public.mood");
    let answers: Vec<String> = wizard
        .journal()
        .iter()
        .filter(|line| line["what"]["entry"] == "answered")
        .map(|line| line["what"]["value"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(answers, ["check", "lookup_table"]);
    // and that is what is applied
    pty.keys(ENTER);
    pty.wait_for("Finished: every step is done");
    pty.keys(ENTER);
    assert_eq!(pty.wait_exit(), 0);
    let tables = std::fs::read_to_string(wizard.run_dir().join("schema/40-tables.sql")).unwrap();
    assert!(tables.contains("CREATE TABLE IF NOT EXISTS public.mood") && tables.contains("INSERT INTO \"public\".\"mood\""), "{tables}");
}

/// Given the sample app in a dry run, which touches nothing and shows all the same.
#[test]
fn findings_are_filtered_and_one_is_opened_to_its_code_and_edit() {
    let wizard = Wizard::sample();
    let mut pty = Pty::wizard(&wizard, &["--dry-run"], 120, 40);
    pty.wait_for("▸ What was understood").wait_for("template").wait_for("package.json").wait_for("Enter goes on; nothing is touched");
    // by severity: what only should change goes first, then what must
    pty.keys("s");
    pty.wait_for("without good to know");
    pty.keys("ss");
    pty.wait_for("only what blocks");
    pty.keys("s");
    pty.wait_gone("only what blocks");
    // by text
    pty.keys("/user ids\r");
    pty.wait_for("B6 hard-coded Replit user ids").wait_gone("B1 login with Replit");
    pty.keys("\x1b[B");
    pty.wait_for("! server/storage.ts:6").wait_for("v shows the code");
    pty.keys("v");
    pty.wait_for("▸ 6 │ const ADMIN_USER_IDS = [").wait_for("5 │").wait_for("edit: ");
    // back: out of the code, out of the filter
    pty.keys(ESC);
    pty.wait_gone("▸ 6 │").wait_for("v shows the code");
    // what the filter hid is back before the next key goes: Esc and an arrow in one read are another key
    pty.keys(ESC);
    pty.wait_for("published as").wait_gone("v shows the code");
    pty.keys("\x1b[B");
    pty.wait_for("B1 login with Replit");
    assert!(wizard.journal().iter().all(|line| line["what"]["step"] != "assessment"), "looking is not done yet");
    pty.keys(ENTER);
    pty.wait_for("Fine for a rehearsal");
    assert!(wizard.journal().iter().any(|line| line["what"]["step"] == "assessment" && line["what"]["entry"] == "done"));
    pty.keys("q");
    assert_eq!(pty.wait_exit(), 3);
}

/// The same in lines: the value with its place, the finding with its line and edit.
#[test]
fn lines_tell_what_was_understood_and_where_it_stands() {
    let wizard = Wizard::sample();
    let mut pty = Pty::wizard(&wizard, &["--dry-run", "--plain"], 200, 400);
    pty.wait_for("Enter goes on, Esc stops");
    let screen = pty.screen();
    for part in
        ["template", "service web", "B6 hard-coded Replit user ids: must change", "! server/storage.ts:6 const ADMIN_USER_IDS", "edit: "]
    {
        assert!(screen.contains(part), "{part:?} is missing:\n{screen}");
    }
    pty.keys(ENTER);
    pty.wait_for("Is this the live database?");
    pty.keys(ESC);
    assert_eq!(pty.wait_exit(), 3);
}
