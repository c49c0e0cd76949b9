//! Steps that run at the same time: they do, what needs one waits for it, a failure lets the others come to their end, and a kill loses nothing.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::pty::Pty;
use super::support::wizard::Wizard;

/// A tour of three parallel steps, one that needs the first of them, and one that is not parallel. `trouble` goes to the second.
fn tour(trouble: &str) -> (Wizard, String) {
    let wizard = Wizard::empty();
    let step = |id: &str, parallel: bool, more: &str| {
        format!(
            "[[step]]\nid = \"{id}\"\ntitle = \"Make {id}\"\nwhy = \"w\"\n{}[step.effect]\nkind = \"simulate\"\n{more}\n",
            if parallel { "parallel = true\n" } else { "" }
        )
    };
    let calm = |id: &str| format!("text = \"{id}\"\npace = \"calm\"");
    let text = [
        "phase = \"tour\"\ntitle = \"Tour\"\nwhy = \"w\"\njourney = \"tour\"\n".to_owned(),
        step("a", true, &calm("a")),
        step("b", true, &format!("{}\ntrouble = \"{trouble}\"", calm("b"))),
        step("needs_a", true, "text = \"after ${a.name}\""),
        step("c", true, &calm("c")),
        step("last", false, "text = \"last\""),
    ]
    .concat();
    let folder = wizard.path().join("playbooks");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("tour.toml"), text).unwrap();
    (wizard, folder.display().to_string())
}

/// `started a`, `done a`, … in the order of the journal.
fn story(wizard: &Wizard) -> Vec<String> {
    let of_step = |record: &Value| {
        let what = &record["what"];
        Some(format!("{} {}", what["entry"].as_str()?, what["step"].as_str()?))
    };
    wizard.journal().iter().filter_map(of_step).collect()
}

#[track_caller]
fn before(story: &[String], first: &str, second: &str) {
    let at = |what: &str| story.iter().position(|s| s == what).unwrap_or_else(|| panic!("no {what:?} in {story:?}"));
    assert!(at(first) < at(second), "{first:?} should come before {second:?} in {story:?}");
}

#[test]
fn what_needs_nothing_of_each_other_runs_at_the_same_time() {
    let (wizard, playbooks) = tour("");
    wizard.run(&["tour", "--yes", "--playbooks", &playbooks]).expect(0);
    let story = story(&wizard);
    // all three are begun before the first has ended; the fourth waits for its own, the last for all
    assert_eq!(story[..3], ["started a", "started b", "started c"]);
    before(&story, "done a", "started needs_a");
    for end in ["done a", "done b", "done c", "done needs_a"] {
        before(&story, end, "started last");
    }
}

#[test]
fn a_failure_lets_the_others_come_to_their_end_and_is_tried_again() {
    let (wizard, playbooks) = tour("fail");
    wizard.run(&["tour", "--yes", "--playbooks", &playbooks]).expect(1).says("step `b` (Make b) failed");
    let first = story(&wizard);
    for end in ["done a", "failed b", "done c"] {
        assert!(first.iter().any(|s| s == end), "{end:?} in {first:?}");
    }
    // a may have ended just before b failed, and then what needs it was begun; after the failure nothing is
    let failed = first.iter().position(|s| s == "failed b").unwrap();
    assert!(!first[failed..].iter().any(|s| s.starts_with("started ")), "nothing is begun after a failure: {first:?}");
    assert!(!first.iter().any(|s| s.ends_with(" last")), "{first:?}");
    // once the trouble is gone the same command goes on; what is done is not done again
    let file = wizard.path().join("playbooks/tour.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("trouble = \"fail\"", "trouble = \"\"")).unwrap();
    wizard.run(&["tour", "--yes", "--playbooks", &playbooks]).expect(0);
    let story = story(&wizard);
    assert_eq!(story.iter().filter(|s| *s == "started a").count(), 1, "{story:?}");
    assert_eq!(story.iter().filter(|s| *s == "started b").count(), 2, "{story:?}");
}

#[test]
fn killed_while_several_are_at_work_all_of_them_are_found_again() {
    let (wizard, playbooks) = tour("");
    let args = ["tour", "--yes", "--playbooks", &playbooks];
    let mut child = wizard.spawn(&args);
    let until = Instant::now() + Duration::from_secs(20);
    // the text, not its entries: the last line may be half written
    let journals = || std::fs::read_dir(wizard.path().join(".migrate-wizard")).into_iter().flatten().flatten();
    let texts = || journals().filter_map(|run| std::fs::read_to_string(run.path().join("journal.jsonl")).ok());
    let begun = || texts().any(|text| text.contains("\"entry\":\"started\",\"step\":\"c\""));
    while !begun() {
        assert!(Instant::now() < until, "the third step was not begun within 20 s");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = story(&wizard).len();
    wizard.run(&args).expect(0);
    let story = story(&wizard);
    // begun again with the same attempt, at the same time again
    let again: Vec<&String> = story[killed..].iter().take(3).collect();
    assert!(again.iter().all(|s| s.starts_with("started ") || s.starts_with("done ")), "{story:?}");
    let attempts = wizard.journal();
    assert!(attempts.iter().all(|r| r["what"]["attempt"].as_u64().is_none_or(|n| n == 1)), "{story:?}");
    for step in ["a", "b", "c", "needs_a", "last"] {
        assert_eq!(story.iter().filter(|s| **s == format!("done {step}")).count(), 1, "{story:?}");
    }
}

#[test]
fn a_person_is_asked_for_the_next_while_the_first_is_at_work() {
    let (wizard, playbooks) = tour("");
    let mut pty = Pty::wizard(&wizard, &["tour", "--plain", "--playbooks", &playbooks], 100, 40);
    // b is asked for while a is at work; what takes from a comes when that has ended, and the last when all have
    for title in ["Make a", "Make b", "Make c", "Make needs_a", "Make last"] {
        pty.wait_for(title);
        pty.wait_for("Enter goes on");
        pty.keys("\r");
    }
    pty.wait_for("finished");
    let story = story(&wizard);
    before(&story, "started b", "done a");
    before(&story, "done a", "started needs_a");
}
