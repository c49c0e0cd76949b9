//! The way back: a roll back undoes everything newest first, says before it starts what cannot be undone, and can be interrupted too.
//! Afterwards nothing of ours is left, and the source is as it was.

use std::collections::BTreeMap;

use migrate_wizard::wizard::journal::{Entry, Record};
use migrate_wizard::wizard::state::{End, State, Status};
use serde_json::Value;

use super::resume::{SECRETS, STACKS};
use super::support::emulator::Emulator;
use super::support::postgres::{rows, value};
use super::support::rehearsal::{Rehearsal, check_resumes, signal, silent, wait_until, word};

/// So many of [`BACK`] stand in the order of the playbooks; those after them were made at the same time.
const TOGETHER: usize = 21;

/// What a roll back of the demo undoes, newest first.
const BACK: [&str; 34] = [
    "switched",
    "door_back",
    "door_open",
    "door_looks",
    "autoscaling[app]",
    "start[app]",
    "door_closed",
    "way_back",
    "final_sequences",
    "schema_finish",
    "final_rows",
    "freeze",
    "third_parties",
    "users",
    "sequences",
    "schema_after",
    "rows",
    "schema_before",
    "connection",
    "pipeline[app]",
    "github_connection",
    "service[app]",
    "edits",
    "backup",
    "observability",
    "app_secrets",
    "stripe_secret",
    "session_secret",
    "repository[app]",
    "cluster",
    "identity",
    "edge",
    "data_dsql",
    "network",
];

/// Schemas and relations of the target that are not PostgreSQL's own.
const OURS: &str = "select n.nspname, c.relname from pg_namespace n left join pg_class c on c.relnamespace = n.oid \
                    where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'public') or n.nspname = 'public' and c.relname is not null";

/// Everything of the source that a migration could have changed: its rows by table, its settings, its sequences.
const SOURCE: &str = "select 'rows', t.schemaname || '.' || t.tablename, (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', t.schemaname, t.tablename), false, true, '')))[1]::text \
                      from pg_tables t where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' \
                      union all select 'setting', coalesce(setrole::text, ''), setconfig::text from pg_db_role_setting \
                      union all select 'sequence', schemaname || '.' || sequencename, last_value::text from pg_sequences \
                      union all select 'role', rolname, '' from pg_roles order by 1, 2, 3";

/// The demo at its end, at scale 1.
fn finished_demo(name: &str, emulator: &Emulator) -> Rehearsal {
    let rehearsal = Rehearsal::new(name, Some(emulator));
    rehearsal.finish();
    rehearsal
}

/// Ids of the steps whose undoing the journal shows, in its order.
fn undone(records: &[Record]) -> Vec<&str> {
    records.iter().filter_map(|r| if let Entry::UndoDone { step, .. } = &r.what { Some(step.as_str()) } else { None }).collect()
}

/// What a roll back of these records undoes, in its order: that of [`BACK`], but for the steps that were made at the same time.
fn back(records: &[Record]) -> Vec<String> {
    let order = done_newest_first(records);
    assert_eq!(order[..TOGETHER], BACK[..TOGETHER]);
    let sorted = |steps: &[&str]| steps.iter().map(|s| (*s).to_owned()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(order.iter().cloned().collect::<std::collections::BTreeSet<_>>(), sorted(&BACK));
    assert_eq!(order.len(), BACK.len());
    let at = |step: &str| order.iter().position(|s| s == step).unwrap();
    for (user, used) in
        [("backup", "data_dsql"), ("observability", "edge"), ("observability", "cluster"), ("edge", "network"), ("data_dsql", "network")]
    {
        assert!(at(user) < at(used), "{user} goes before {used}: {order:?}");
    }
    order
}

/// The steps that a journal says are done and changed something, newest first.
fn done_newest_first(records: &[Record]) -> Vec<String> {
    let state = State::replay(records).unwrap();
    let ticked_with_an_undo = ["switched", "third_parties", "connection", "edits"];
    let mut steps: Vec<_> = state
        .steps
        .iter()
        .filter(|(id, s)| s.status == Status::Done && (s.writes || ticked_with_an_undo.contains(&id.as_str())))
        .map(|(id, s)| (s.started_n, id.clone()))
        .collect();
    steps.sort_unstable();
    steps.into_iter().rev().map(|(_, id)| id).collect()
}

fn plan(rehearsal: &Rehearsal, more: &[&str]) -> Vec<String> {
    let out = rehearsal.run(&[&["rollback", "--plan", "--json"], more].concat()).expect(0).out();
    let view: Value = serde_json::from_str(&out).unwrap();
    view["steps"].as_array().unwrap().iter().map(|s| s["step"].as_str().unwrap().to_owned()).collect()
}

fn standing(rehearsal: &Rehearsal) -> String {
    let status: Value = serde_json::from_str(&rehearsal.run(&["status", "--json"]).expect(0).out()).unwrap();
    status["state"].as_str().unwrap().to_owned()
}

fn nothing_of_ours_is_left(rehearsal: &Rehearsal, emulator: &Emulator) {
    let cloud = rehearsal.cloud(emulator);
    assert!(cloud.standing().is_empty(), "{cloud:?}");
    assert_eq!(cloud.stacks.len(), STACKS.len(), "every stack that was made was taken away");
    assert!(cloud.secrets.is_empty(), "{cloud:?}");
    assert!(cloud.repositories.is_empty(), "{cloud:?}");
    assert_eq!(rows(&rehearsal.target(), OURS), Vec::<String>::new(), "no table, no schema, no ledger");
}

#[test]
fn from_the_end_everything_is_undone_newest_first() {
    let emulator = Emulator::start(&[]);
    let rehearsal = finished_demo("back", &emulator);
    let at_the_end = rehearsal.records();
    assert_eq!(
        value(&rehearsal.target(), "select count(*) from public.grievances"),
        value(&rehearsal.source(), "select count(*) from public.grievances")
    );
    assert_eq!(value(&rehearsal.target(), "select count(*) > 0 from migrate_wizard.chunk"), "t");
    assert!(rehearsal.is_frozen());
    let mut source_before = rows(&rehearsal.source(), SOURCE);
    source_before.retain(|row| !row.contains("default_transaction_read_only"));
    rehearsal.stop_servers();

    // The plan names every step, newest first, and touches nothing.
    let cloud = rehearsal.cloud(&emulator);
    let order = back(&at_the_end);
    assert_eq!(plan(&rehearsal, &[]), order);
    assert_eq!(rehearsal.records(), at_the_end);
    assert_eq!(rehearsal.cloud(&emulator), cloud);
    assert_eq!(rehearsal.servers(), 0, "a plan needs no server");

    // The roll back needs nothing but its own word: the demo's source is started again for it.
    let done = rehearsal.run(&["rollback", "--yes"]).expect(0);
    assert!(done.out().contains("is rolled back"), "{}", done.out());
    let records = rehearsal.records();
    assert!(records.starts_with(&at_the_end), "what was written stays as it was");
    assert_eq!(undone(&records), order);
    assert_eq!(State::replay(&records).unwrap().ended, Some(End::RolledBack));
    assert_eq!(standing(&rehearsal), "rolled_back");
    assert_eq!(rehearsal.servers(), 0, "nothing is left running");
    nothing_of_ours_is_left(&rehearsal, &emulator);
    assert!(!rehearsal.is_frozen(), "the app on Replit can write again");
    assert_eq!(rows(&rehearsal.source(), SOURCE), source_before);
    rehearsal.stop_servers();

    // Once more: there is nothing to do.
    let again = rehearsal.run(&["rollback", "--yes"]).expect(0);
    assert!(again.out().contains("nothing to undo"), "{}", again.out());
    assert_eq!(rehearsal.records(), records);
    assert_eq!(plan(&rehearsal, &[]), Vec::<String>::new());
}

#[test]
fn back_to_a_step_and_forward_again() {
    let emulator = Emulator::start(&[]);
    let rehearsal = finished_demo("there", &emulator);
    let data = &BACK[..18];
    assert_eq!(plan(&rehearsal, &["--to", "schema_before"]), data);
    assert_eq!(plan(&rehearsal, &["--to", "schema"]), data, "a phase means from its first step on");
    assert_eq!(plan(&rehearsal, &["--to", "service"]), &BACK[..22], "a step of each service is named without the service");

    rehearsal.run(&["rollback", "--yes", "--to", "schema_before"]).expect(0);
    let records = rehearsal.records();
    assert_eq!(undone(&records), data);
    let state = State::replay(&records).unwrap();
    assert_eq!((state.ended, state.status("schema_before"), state.status("service[app]")), (None, Status::Undone, Status::Done));
    assert_eq!(standing(&rehearsal), "stopped");
    assert_eq!(rows(&rehearsal.target(), OURS), Vec::<String>::new(), "no table, no schema, no ledger");
    assert!(!rehearsal.is_frozen());
    assert_eq!(rehearsal.cloud(&emulator).standing().len(), STACKS.len() - 1, "what was made before it stays: all but the scaling");

    rehearsal.finish();
    let records = rehearsal.records();
    let order = back(&records);
    assert_eq!(State::replay(&records).unwrap().ended, Some(End::Finished));
    let cloud = rehearsal.cloud(&emulator);
    assert_eq!(cloud.stacks.len(), STACKS.len(), "no other stack is made");
    assert_eq!(cloud.secrets, BTreeMap::from(SECRETS.map(|name| (name.to_owned(), 1))));
    assert!(rehearsal.verify().expect(0).out().contains("3,717 rows in 20 tables: equal"));
    assert!(rehearsal.is_frozen());

    // And from there all the way back.
    rehearsal.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(undone(&rehearsal.records())[data.len()..], order);
    nothing_of_ours_is_left(&rehearsal, &emulator);
    assert!(!rehearsal.is_frozen());
}

#[test]
fn a_roll_back_that_is_killed_goes_on_backwards() {
    let emulator = Emulator::start(&[("MWX_STEP_MS", "20")]);
    let rehearsal = finished_demo("torn", &emulator);
    let end = rehearsal.records().len();
    let order = back(&rehearsal.records());
    for (entry, how) in [
        ("undo_started way_back", "KILL"),
        ("undo_started schema_finish", "KILL"),
        ("undo_started rows", "TERM"),
        ("undo_started schema_before", "KILL"),
        ("undo_started service[app]", "TERM"),
        ("undo_started network", "KILL"),
    ] {
        let mut child = silent(rehearsal.command(&["rollback", "--yes"]));
        assert!(wait_until(&mut child, entry, || rehearsal.holds(entry)), "it ended before {entry}");
        signal(&child, how);
        let code = child.wait().unwrap().code();
        // One that was asked to stop may just have come to the end of its work.
        assert!(matches!((how, code), ("KILL", None) | ("TERM", Some(130))), "{how} at {entry}: {code:?}");
        assert_eq!(rehearsal.state().ended, None);
    }

    rehearsal.run(&["rollback", "--yes"]).expect(0);

    let records = rehearsal.records();
    assert_eq!(State::replay(&records).unwrap().ended, Some(End::RolledBack));
    assert_eq!(
        records[end..].iter().filter(|r| matches!(r.what, Entry::RollbackStarted { .. })).count(),
        1,
        "it is one roll back, gone on with"
    );
    check_resumes(&records, "freeze", "switched");
    // The switch was done under the freeze: it is no guard any more and comes in its turn, after the rows are back.
    assert_eq!(undone(&records), order);
    assert_eq!(rehearsal.servers(), 0, "nothing is left running");
    nothing_of_ours_is_left(&rehearsal, &emulator);
    assert!(!rehearsal.is_frozen());
}

/// A step that no undo takes back: a playbook of one's own beside ours.
const NOTICE: &str = r#"
phase = "notice"
title = "Notice"
why = "People are told."
order = 8
[[step]]
id = "mail"
title = "Tell the customers"
why = "A mail to everybody."
irreversible = "a mail that was sent cannot be called back"
effect = { kind = "simulate", text = "mail" }
"#;

#[test]
fn what_cannot_be_undone_is_named_before_it_starts() {
    let rehearsal = Rehearsal::new("told", None);
    let own = rehearsal.app().join(".migrate-wizard/playbooks");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("notice.toml"), NOTICE).unwrap();
    rehearsal.finish();
    assert_eq!(rehearsal.state().status("mail"), Status::Done);

    let plan = rehearsal.run(&["rollback", "--plan"]).expect(0).out();
    assert!(plan.contains("! cannot be undone: Tell the customers: a mail that was sent cannot be called back"), "{plan}");

    let out = rehearsal.run(&["rollback", "--yes"]).expect(0).out();
    let at = |text: &str| out.find(text).unwrap_or_else(|| panic!("{text:?} is not in:\n{out}"));
    assert!(
        at("cannot be undone — Tell the customers: a mail that was sent cannot be called back") < at("rolling back everything"),
        "{out}"
    );
    assert_eq!(rehearsal.state().ended, Some(End::RolledBack));
    assert_eq!(undone(&rehearsal.records())[0], "mail");
    let words: Vec<_> = rehearsal.records().iter().map(|r| word(&r.what)).collect();
    assert_eq!(words.last().map(String::as_str), Some("rolled_back"));
}

#[test]
fn without_a_run_or_with_an_unknown_step_it_says_what_to_do() {
    let empty = Rehearsal::new("none", None);
    std::fs::create_dir(empty.app()).unwrap();
    empty.run(&["rollback", "--yes"]).expect(2).says("there is no run in").says("--dir");

    let rehearsal = Rehearsal::new("wrong", None);
    rehearsal.finish();
    let records = rehearsal.records();
    for step in ["nonsense", "region"] {
        for plan in [&["rollback", "--yes", "--to", step][..], &["rollback", "--plan", "--to", step]] {
            rehearsal.run(plan).expect(2).says(&format!("--to {step}: this run has begun no such step or phase")).says("rollback --plan");
        }
    }
    assert_eq!(rehearsal.records(), records, "nothing was begun");
}
