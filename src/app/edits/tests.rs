mod database;
mod form;
mod health;
mod health_python;
mod login;
mod login_flask;
mod prisma;
mod python;
mod redis;
mod running;
mod services;
mod sides;
mod uploads;
mod uploads_flask;
mod vite;

use super::*;
use crate::app::builtin_signals;

fn asked(files: &[(String, String)], only: &[String]) -> Result<Vec<Prepared>> {
    prepare(files, &Asked { only, left: &BTreeSet::new(), decided: &Decided::default() }, None)
}

/// The files after one edit, and its items as `file:line what`; a second time it has nothing to change.
fn edited(id: &str, files: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
    let given: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let only = [id.to_owned()];
    let prepared = asked(&given, &only).unwrap();
    let mut after: BTreeMap<String, String> = given.into_iter().collect();
    let mut items = Vec::new();
    for one in &prepared {
        for change in &one.changes {
            assert!(!change.reasons.is_empty(), "{id}: no reason for {}", change.path);
            match &change.after {
                Some(text) => after.insert(change.path.clone(), text.clone()),
                None => after.remove(&change.path),
            };
        }
        items.extend(one.items.iter().map(|item| format!("{}:{} {}", item.path, item.line.unwrap_or_default(), item.what)));
    }
    let again: Vec<(String, String)> = after.clone().into_iter().collect();
    let second = asked(&again, &only).unwrap();
    let changed: Vec<&str> = second.iter().flat_map(|one| &one.changes).map(|change| change.diff.as_str()).collect();
    assert!(changed.is_empty(), "{id} changes its own result:\n{}", changed.join("\n"));
    after.remove(CHECKLIST);
    (after, items)
}

/// One file after one edit.
fn one(id: &str, path: &str, text: &str) -> String {
    edited(id, &[(path, text)]).0.remove(path).unwrap()
}

#[test]
fn the_table_and_the_code_agree_and_every_signal_is_known() {
    let signals: Vec<String> = builtin_signals().unwrap().into_iter().map(|signal| signal.id).collect();
    let mut ids = BTreeSet::new();
    for edit in known().unwrap() {
        assert!(make(&edit.id).is_some(), "no code makes {}", edit.id);
        assert!(ids.insert(edit.id.clone()), "{} is there twice", edit.id);
        for signal in edit.signals.iter().chain(&edit.eases) {
            assert!(signals.contains(signal), "{}: no signal {signal}", edit.id);
        }
    }
    let error = asked(&[], &["neno".to_owned()]).unwrap_err();
    assert_eq!((error.kind, error.what.contains("neno")), (Kind::Usage, true), "{error}");
}

#[test]
fn the_checklist_is_added_to_and_ticks_stay() {
    let code = "const url = \"https://shop.replit.app\";\n";
    let html = "<a href=\"https://shop.replit.app\">x</a>\n";
    let files = |list: &str, html: &str| {
        vec![
            ("server/a.ts".to_owned(), code.to_owned()),
            ("index.html".to_owned(), html.to_owned()),
            (CHECKLIST.to_owned(), list.to_owned()),
        ]
    };
    let after = |files: &[(String, String)]| {
        let prepared = asked(files, &["hosts".to_owned()]).unwrap();
        prepared.into_iter().flat_map(|one| one.changes).find(|change| change.path == CHECKLIST).and_then(|change| change.after)
    };
    let list = after(&files("# Ours\n\n- [ ] buy milk\n", html)).unwrap();
    assert!(
        list.starts_with("# Ours\n\n- [ ] buy milk\n\n## Left by app prepare\n\n- [ ] index.html:1: put the app's new address here"),
        "{list}"
    );
    let ticked = list.replace("- [ ] index", "- [x] index");
    assert_eq!(after(&files(&ticked, &format!("\n{html}"))), None, "the line has moved and it is ticked: nothing is new");
}

#[test]
fn what_a_person_keeps_is_left_and_said() {
    let files = vec![("server/a.ts".to_owned(), "const url = \"https://shop.replit.app\";\n".to_owned())];
    let left = BTreeSet::from(["server/a.ts".to_owned()]);
    let prepared = prepare(&files, &Asked { only: &[], left: &left, decided: &Decided::default() }, None).unwrap();
    assert!(prepared.iter().flat_map(|one| &one.changes).all(|change| change.path == CHECKLIST), "{prepared:?}");
    assert!(prepared.iter().flat_map(|one| &one.items).any(|item| item.path == "server/a.ts" && item.what == "decide about this file"));
}

#[test]
fn what_cannot_be_read_in_full_is_not_changed() {
    let broken = "const url = \"https://shop.replit.app\";\nfunction (( {\n";
    let (after, items) = edited("hosts", &[("server/a.ts", broken)]);
    assert_eq!(after["server/a.ts"], broken);
    assert!(items.iter().any(|item| item == "server/a.ts:0 look at this file by hand"), "{items:?}");
}

fn decided(answers: &[(&str, &str)]) -> Decided {
    answers.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
}

/// All files after all edits that the decisions allow, and the items; a second time nothing changes.
fn with(answers: &[(&str, &str)], files: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
    let decided = decided(answers);
    let mut after: BTreeMap<String, String> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mut items = Vec::new();
    for round in 0..2 {
        let given: Vec<(String, String)> = after.clone().into_iter().collect();
        let prepared = prepare(&given, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None).unwrap();
        for change in prepared.iter().flat_map(|one| &one.changes) {
            assert_eq!(round, 0, "a second time it changes {}:\n{}", change.path, change.diff);
            after.insert(change.path.clone(), change.after.clone().unwrap_or_default());
        }
        items = prepared
            .iter()
            .flat_map(|one| &one.items)
            .map(|item| format!("{}:{} {}", item.path, item.line.unwrap_or_default(), item.what))
            .collect();
    }
    (after, items)
}

#[test]
fn an_edit_for_another_outcome_is_refused_by_name() {
    let refused = |only: &str, answers: &[(&str, &str)]| {
        let only = [only.to_owned()];
        prepare(&[], &Asked { only: &only, left: &BTreeSet::new(), decided: &decided(answers) }, None)
    };
    let error = refused("bedrock", &[("ai", "openai")]).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Usage, "the edit bedrock is for ai = bedrock, and ai = openai is decided"));
    assert!(error.hint.contains("--set ai=bedrock"), "{error}");
    assert!(refused("login", &[("auth", "app")]).is_err());
    for (only, answers) in [("bedrock", [("ai", "bedrock")]), ("bedrock", [("auth", "app")]), ("neon", [("ai", "openai")])] {
        assert!(refused(only, &answers).is_ok(), "{only} {answers:?}");
    }
}

#[test]
fn a_finding_that_its_edit_did_not_answer_is_listed_whole() {
    let app = crate::app::fixture::App::new(&[("package.json", "{}\n"), ("server/replitAuth.ts", login::AUTH)]);
    let reading = Reading::of(app.path()).unwrap();
    let files = reading.files();
    let prepared = prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &Decided::default() }, Some(&reading)).unwrap();
    let items: Vec<&Item> = prepared.iter().flat_map(|one| &one.items).collect();
    assert!(items.iter().any(|item| item.what.starts_with("link people by verified e-mail")), "{items:?}");
    assert!(items.iter().any(|item| item.what.starts_with("[B1] ") && item.what.contains("COGNITO_CLIENT_ID")), "{items:?}");
}
