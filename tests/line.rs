//! Line mode and JSON: over pipes, unattended, and asking in a terminal.
//! Nothing here knows the full-screen face; what is promised is the same flow in lines.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use clap::CommandFactory;
use migrate_wizard::cli::Cli;

use super::support::pty::{Pty, wait_gone};
use super::support::rehearsal::run_dirs;
use super::support::wizard::Wizard;

const ENTER: &str = "\r";

/// Every one of the parts must stand in the text, each after the one before.
#[track_caller]
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { panic!("{part:?} does not come next in\n{rest}\nof\n{text}") };
        rest = after;
    }
}

/// A folder with the tour, one line of it changed.
fn tour_with(find: &str, put: &str) -> (Wizard, String) {
    let wizard = Wizard::empty();
    let ours = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/tour.toml")).unwrap();
    assert!(ours.contains(find), "the tour has no {find:?}");
    let folder = wizard.path().join("playbooks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tour.toml"), ours.replacen(find, put, 1)).unwrap();
    (wizard, folder.display().to_string())
}

#[test]
fn unattended_it_prints_the_log_in_order() {
    let wizard = Wizard::empty();
    let done = wizard.run(&["tour", "--yes", "--set", "greeting=shop", "--set", "parts=web,api"]).expect(0);
    in_order(
        &done.out(),
        &[
            "What is your app called?: shop (flag)",
            "Look at the app: started",
            "-- look at shop",
            "   $ echo \"look at shop\"",
            "Look at the app: done in",
            "Make something: started",
            "Make something: done in",
            "make the part web",
            "make the part api",
            "Something for your hands: ticked",
            "Go through: done in",
            "Say good-bye: done in",
            "finished",
            "== Finished",
            "   next: the way back stays open: migrate-wizard rollback",
            "is finished; the report is",
        ],
    );
    assert_eq!(done.err(), "", "standard error is for errors");
    assert!(!done.out().contains('\u{1b}'), "no terminal sequence in a pipe");
}

#[test]
fn a_missing_answer_names_the_question_and_how_to_give_it() {
    let (wizard, playbooks) = tour_with("default = \"my-app\"\n", "");
    wizard
        .run(&["tour", "--yes", "--playbooks", &playbooks])
        .expect(2)
        .says("no answer for `greeting` (What is your app called?)")
        .says("--set greeting=");
}

#[test]
fn unattended_a_failed_step_ends_with_its_name_and_what_to_do() {
    let line = "text = \"make a thing for ${greeting}\"";
    let (wizard, playbooks) = tour_with(line, &format!("{line}\ntrouble = \"fail\""));
    let done = wizard
        .run(&["tour", "--yes", "--playbooks", &playbooks])
        .expect(1)
        .says("error: step `build` (Make something) failed: make a thing for my-app did not work")
        .says("next:");
    in_order(&done.out(), &["Make something: failed: make a thing", "stopped at an error; the same command goes on from here"]);
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_work() {
    for args in [&["tour", "--yes"][..], &["tour", "--json"], &["tour", "--yes", "--dry-run"]] {
        let wizard = Wizard::empty();
        let mut child = wizard.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!line.is_empty());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert_eq!(wizard.journal().last().unwrap()["what"]["entry"], "finished", "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_panic_for_any_printing_command() {
    let wizard = Wizard::empty();
    wizard.run(&["tour", "--yes"]).expect(0);
    for args in [
        &["completions", "bash"][..],
        &["playbooks", "list"],
        &["stacks", "list"],
        &["log"],
        &["log", "--json"],
        &["status", "--json"],
        &["cost", "--profile", "alva"],
    ] {
        let mut child = wizard.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn json_is_one_object_per_line_for_every_event_and_nothing_else() {
    let wizard = Wizard::empty();
    let done = wizard.run(&["tour", "--json"]).expect(0);
    let events: Vec<serde_json::Value> =
        done.out().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line:?}"))).collect();
    assert!(events.iter().all(|e| e.is_object()));
    let count = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!(count("screen") + count("progress") + count("log") + count("ended"), events.len());
    // Six effects and the end are put on show; each effect reports ten steps of progress and the one before the first.
    assert_eq!((count("screen"), count("progress"), count("ended")), (8, 77, 1));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["outcome"]), (&"ended".into(), &"finished".into()));
    let logged: Vec<&str> = events.iter().filter(|e| e["event"] == "log").filter_map(|e| e["line"].as_str()).collect();
    in_order(&logged.join("\n"), &["Look at the app: started", "Look at the app: done in", "Say good-bye: done in", "finished"]);
    assert_eq!(done.err(), "");
}

#[test]
fn json_tells_an_error_as_an_event_too() {
    let wizard = Wizard::empty();
    let done = wizard.run(&["tour", "--json", "--set", "speed=warp"]).expect(2);
    let last: serde_json::Value = serde_json::from_str(done.out().lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["kind"]), (&"error".into(), &"usage".into()));
    assert!(last["what"].as_str().unwrap().contains("`speed`") && !last["hint"].as_str().unwrap().is_empty(), "{last}");
    for line in done.out().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object(), "{line}");
    }
}

#[test]
fn in_a_terminal_it_asks_and_shows_what_it_will_do_before_it_does_it() {
    let wizard = Wizard::empty();
    let mut pty = Pty::wizard(&wizard, &["tour", "--plain"], 100, 60);
    pty.wait_for("What is your app called?").wait_for("(my-app)");
    pty.keys("shop\r");
    pty.wait_for("How should the tour behave?").wait_for("- Brisk: each piece of work takes a moment").wait_for("> Brisk  (recommended)");
    pty.keys("\x1b[B\x1b[A\r");
    pty.wait_for("+ simulated/make-a-thing-for-shop").wait_for("Enter goes on, Esc stops:");
    assert!(!pty.screen().contains("Make something: started"), "nothing happens before the yes:\n{}", pty.screen());
    pty.keys(ENTER);
    pty.wait_for("Which parts has it?").wait_for("(web,api)");
    in_order(
        &pty.screen(),
        &[
            "Make something",
            "  make a thing for shop",
            "  $ echo \"make a thing for shop\"",
            "Make something: started",
            "Make something: done in",
        ],
    );
    for next in ["part web beside", "part api beside", "[ ] look out of the window", "hold-the-door-closed", "go-through-the-door"] {
        pty.keys(ENTER);
        pty.wait_for(next).wait_stable();
    }
    pty.keys(ENTER);
    pty.wait_for("== Finished");
    assert_eq!(pty.wait_exit(), 0);
    pty.assert_restored();
    assert!(!pty.raw().contains("\x1b[?1049h"), "line mode stays on the ordinary screen");
}

#[test]
fn in_a_terminal_long_text_is_wrapped_between_words() {
    let wizard = Wizard::empty();
    let mut pty = Pty::wizard(&wizard, &["tour", "--plain"], 40, 24);
    pty.wait_for("(my-app)");
    in_order(
        &pty.screen(),
        &["  A question takes a choice, a text or\n  a number; Enter takes what is\n  suggested. Every answer can be\n  changed later.\n"],
    );
}

#[test]
fn esc_stops_ctrl_c_interrupts_and_both_go_on_later() {
    let wizard = Wizard::empty();
    for (key, code) in [("\x1b", 3), ("\x03", 130)] {
        let mut pty = Pty::wizard(&wizard, &["tour", "--plain"], 80, 24);
        pty.wait_for("(my-app)");
        pty.keys(key);
        assert_eq!(pty.wait_exit(), code);
        pty.wait_for("the same command goes on from here");
        pty.assert_restored();
    }
    assert_eq!(run_dirs(wizard.path()).len(), 1, "one run, taken up again");
}

#[test]
fn a_signal_ends_it_while_a_prompt_waits() {
    let wizard = Wizard::empty();
    let mut pty = Pty::wizard(&wizard, &["tour", "--plain"], 80, 24);
    pty.wait_for("(my-app)");
    pty.signal("TERM");
    assert_eq!(pty.wait_exit(), 130);
    pty.assert_restored();
    let mut shell = Pty::shell(&wizard, 80, 24);
    let pid = shell.run("tour --plain");
    shell.wait_for("(my-app)");
    shell.hang_up();
    wait_gone(pid);
}

#[test]
fn a_failure_asks_what_now() {
    let line = "text = \"make a thing for ${greeting}\"";
    let (wizard, playbooks) = tour_with(line, &format!("{line}\ntrouble = \"fail\""));
    let mut pty =
        Pty::wizard(&wizard, &["tour", "--plain", "--playbooks", &playbooks, "--set", "greeting=shop", "--set", "speed=brisk"], 90, 40);
    pty.wait_for("Enter goes on, Esc stops:");
    pty.keys(ENTER);
    pty.wait_for("! Make something: make a thing for shop did not work").wait_for("> try again").wait_for("roll back");
    pty.keys("\x1b[B\r");
    assert_eq!(pty.wait_exit(), 3);
    pty.assert_restored();
}

#[test]
fn a_secret_is_never_echoed() {
    let (wizard, playbooks) = tour_with("kind = \"text\"\ndefault = \"my-app\"", "kind = \"secret\"");
    let file = wizard.path().join("playbooks/tour.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("${greeting}", "it")).unwrap();
    let mut pty = Pty::wizard(&wizard, &["tour", "--plain", "--playbooks", &playbooks], 80, 24);
    pty.wait_for("kept in memory only");
    pty.keys("hunter2\r");
    pty.wait_for("How should the tour behave?");
    assert!(!pty.raw().contains("hunter2"));
    assert!(wizard.journal().iter().all(|e| !e.to_string().contains("hunter2")));
}

#[test]
fn where_nobody_can_be_asked_it_says_how_to_answer() {
    let wizard = Wizard::empty();
    // Without a controlling terminal, as under a scheduler.
    let plain = wizard.command(&["tour"]);
    let output = Command::new("setsid")
        .arg("--wait")
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(wizard.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("nobody can be asked here") && said.contains("--yes and --profile, --answers or --set"), "{said}");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let wizard = Wizard::empty();
    for (shell, mark) in
        [("bash", "complete -F _migrate__wizard"), ("zsh", "#compdef migrate-wizard"), ("fish", "complete -c migrate-wizard")]
    {
        let script = wizard.run(&["completions", shell]).expect(0).out();
        for word in [mark, "rollback", "--dry-run", "dry-run", "playbooks"].into_iter().filter(|w| shell != "fish" || *w != "--dry-run") {
            assert!(script.contains(word), "{word:?} is missing in the completions for {shell}");
        }
    }
}

#[test]
fn every_help_has_an_example() {
    fn walk(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        all.push(path.to_vec());
        for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
            walk(sub, &[path, &[sub.get_name().to_owned()]].concat(), all);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    assert!(all.len() >= 22, "{all:?}");
    let wizard = Wizard::empty();
    for path in all {
        let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = wizard.run(&args).expect(0).out();
        let example = help
            .split_once("Example")
            .map(|(_, after)| after.contains(&format!("migrate-wizard {}", path.join(" ")).trim_end().to_owned()));
        assert_eq!(example, Some(true), "no example of itself in the help of {path:?}:\n{help}");
    }
}
