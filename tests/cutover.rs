//! The runbook: the same file as plan, as checklist and as it stands; the hour of T is awaited and never passed by silently.

use serde_json::Value;

use crate::support::rehearsal::Rehearsal;
use crate::support::wizard::{Done, Wizard};

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.out()).unwrap()
}

fn line<'a>(told: &'a Value, step: &str) -> &'a Value {
    let lines = told["runbook"]["lines"].as_array().unwrap();
    lines.iter().find(|l| l["step"] == step).unwrap_or_else(|| panic!("no {step} in {lines:#?}"))
}

#[test]
fn a_plan_gives_each_step_its_hour_owner_and_time() {
    let wizard = Wizard::sample();
    let plan = ["cutover", "plan", "--profile", "alva", "--at", "2026-12-05 22:00 Europe/Berlin"];
    let told = json(&wizard.run(&[&plan[..], &["--json"]].concat()).expect(0));
    assert_eq!(told["t"], "2026-12-05T22:00:00+01:00[Europe/Berlin]");
    let lines = told["runbook"]["lines"].as_array().unwrap();
    let offsets: Vec<i64> = lines.iter().map(|l| l["offset_s"].as_i64().unwrap()).collect();
    assert!(offsets.is_sorted(), "{offsets:?}");
    assert_eq!((offsets[0], *offsets.last().unwrap()), (-3600, 86_400));
    // what happens while nobody can write, and how long that is together
    let frozen: Vec<&str> = lines.iter().filter(|l| l["frozen"] == true).map(|l| l["step"].as_str().unwrap()).collect();
    assert_eq!((frozen[0], frozen[1]), ("freeze", "final_rows"));
    assert!(frozen.contains(&"final_check") && !frozen.contains(&"switched") && !frozen.contains(&"go"), "{frozen:?}");
    let sum: u64 = lines.iter().filter(|l| l["frozen"] == true).filter_map(|l| l["estimate_ms"].as_u64()).sum();
    assert_eq!(told["runbook"]["frozen_ms"], sum);
    assert_eq!(told["runbook"]["freeze"], serde_json::json!(["freeze", "switched"]));
    assert_eq!((&line(&told, "third_parties")["owner"], &line(&told, "freeze")["owner"]), (&"accounts owner".into(), &"wizard".into()));
    assert_eq!(line(&told, "go")["does"][0], "go (recommended)");

    let text = wizard.run(&plan).expect(0).out();
    let freeze = text.lines().find(|l| l.contains(" freeze ")).unwrap();
    assert!(freeze.starts_with("T ") && freeze.contains("Sat 5 Dec 22:00") && freeze.contains("about 2.0s"), "{freeze}");
    let before = text.lines().find(|l| l.contains(" third_parties ")).unwrap();
    assert!(before.starts_with("T-1h") && before.contains("Sat 5 Dec 21:00"), "{before}");
    for part in
        ["stop if sessions remain", "nobody can write from freeze to switched", "not rehearsed of that: freeze", "point of no return: none"]
    {
        assert!(text.contains(part), "{part:?} is missing:\n{text}");
    }
    assert!(!wizard.path().join(".migrate-wizard").exists(), "a plan writes nothing");
}

#[test]
fn the_checklist_to_print_is_made_of_the_same_steps() {
    let wizard = Wizard::sample();
    wizard.run(&["cutover", "plan", "--profile", "alva", "--markdown", "--out", "runbook.md"]).expect(0);
    let text = std::fs::read_to_string(wizard.path().join("runbook.md")).unwrap();
    let told = json(&wizard.run(&["cutover", "plan", "--profile", "alva", "--json"]).expect(0));
    for step in told["runbook"]["lines"].as_array().unwrap() {
        let (title, id) = (step["title"].as_str().unwrap(), step["step"].as_str().unwrap());
        let line = text.lines().find(|l| l.contains(&format!("`{id}`"))).unwrap_or_else(|| panic!("{id} is missing:\n{text}"));
        assert!(line.starts_with("- [ ] **T") && line.contains(title), "{line}");
    }
    for part in
        ["T is not chosen yet", "  - [ ] Stripe: a webhook", "  - stop if: ", "  - way back: OAuth providers", "- nobody can write from"]
    {
        assert!(text.contains(part), "{part:?} is missing:\n{text}");
    }
}

#[test]
fn an_hour_that_cannot_be_is_refused_before_anything_is_done() {
    let wizard = Wizard::sample();
    for (bad, why) in [("tonight", "cannot be read"), ("2026-12-05 22:00 Europe/Atlantis", "no time zone Europe/Atlantis")] {
        wizard.run(&["cutover", "plan", "--at", bad]).expect(2).says(why).says("2026-12-05 22:00 Europe/Berlin");
        wizard.run(&["cutover", "go", "--at", bad]).expect(2).says(why);
    }
    wizard.run(&["cutover", "go"]).expect(2).says("there is no open run").says("begin one with");
    wizard.run(&["cutover", "status"]).expect(2).says("there is no run");
    wizard.run(&["cutover", "plan", "--set", "cutover_at=soon"]).expect(2).says("now, or a day and hour");
}

#[test]
fn a_plan_says_whose_hour_it_is_and_what_is_done_by_hand() {
    let wizard = Wizard::sample();
    let plan = |more: &[&str]| wizard.run(&[&["cutover", "plan"], more].concat()).expect(0).out();
    let by_hand = ["--set", "domain=external"];
    let text = plan(&[&["--at", "2036-12-05 22:00"], &by_hand[..]].concat());
    assert!(text.contains("no zone was named: this machine's") && !text.contains("T has passed"), "{text}");
    assert!(text.contains("from freeze to switched: 12m") && text.contains("by hand, and not in that time: switch_by_hand"), "{text}");
    let title = |step: &str| text.lines().find(|l| l.contains(&format!(" {step} "))).and_then(|l| l.find(&format!(" {step} "))).unwrap();
    assert_eq!((title("third_parties"), title("switch_by_hand")), (title("freeze"), title("freeze")), "the columns stand: {text}");
    assert!(plan(&[&["--markdown"], &by_hand[..]].concat()).contains("set the app's host name as CNAME"));
    let past = plan(&["--at", "2020-12-05T22:00+01:00"]);
    assert!(past.contains("5 December 2020 22:00 +01") && past.contains("T has passed") && !past.contains("no zone"), "{past}");
    let empty = Wizard::empty();
    empty.run(&["cutover", "plan"]).expect(2).says("holds no app");
    empty.run(&["app", "export"]).expect(2).says("holds no app");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn a_rehearsal_gives_the_times_and_status_tells_planned_and_actual() {
    let rehearsal = Rehearsal::new("runbook", None);
    rehearsal.finish();
    rehearsal.stop_servers();
    let told = json(&rehearsal.run(&["cutover", "status", "--json"]).expect(0));
    assert_eq!((&told["state"], &told["next"], &told["frozen_now"]), (&"finished".into(), &Value::Null, &false.into()));
    assert!(told["t"].is_string() && told["frozen_s"].as_u64().unwrap() < 600, "{told:#}");
    assert_eq!((&line(&told, "until_t")["status"], &line(&told, "freeze")["status"]), (&"done".into(), &"done".into()));
    assert!(line(&told, "freeze")["ended_at"].is_string());
    let text = rehearsal.run(&["cutover", "status"]).expect(0).out();
    let freeze = text.lines().find(|l| l.contains(" freeze ")).unwrap();
    assert!(freeze.starts_with("[x] T ") && freeze.contains('+') && freeze.contains(" in "), "{freeze}");
    assert!(text.contains("writes   were stopped for ") && text.contains("next     nothing: every step is done"), "{text}");

    // what it measured is what the next plan of this app says
    let app = rehearsal.app();
    let plan = Wizard::empty().run(&["cutover", "plan", "--json", "--dir", app.to_str().unwrap()]).expect(0);
    let plan = json(&plan);
    let took = line(&told, "final_rows")["took_ms"].as_u64().unwrap();
    assert_eq!(line(&plan, "final_rows")["rehearsed_ms"], took);
    assert_eq!(line(&plan, "final_rows")["status"], "waiting");
    let open = plan["runbook"]["not_rehearsed"].as_array().unwrap();
    assert!(!open.iter().any(|s| s == "final_rows"), "{open:?}");
}
