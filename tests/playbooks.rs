//! The playbooks as data: they pass their own check, `when` really selects, every choice of every question leads to the end,
//! and a file of the person's own replaces ours by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use migrate_wizard::decide::Profile;
use migrate_wizard::effects;
use migrate_wizard::library::{self, Library};
use migrate_wizard::wizard::forecast::{Coming, forecast};
use migrate_wizard::wizard::journal::{Entry, FORMAT, Record, Source};
use migrate_wizard::wizard::plan::{Books, Suggestion};
use migrate_wizard::wizard::playbook::{Action, Ask};
use migrate_wizard::wizard::state::State;
use migrate_wizard::wizard::view::{AnswerKind, Mode};
use serde_json::Value;

use crate::support::wizard::Wizard;

/// The journey with our own playbooks, as it stands before anything was done.
pub struct Journey {
    library: Library,
    pub books: Books,
    state: State,
}

impl Journey {
    pub fn ours() -> Self {
        let library = library::playbooks(&[]).unwrap();
        let books = library.journey("move").unwrap();
        let facts = [("run.id", "plan"), ("run.app", "shop"), ("run.sandbox", "no"), ("run.date", "2026-01-01")];
        let opened = Entry::Opened {
            format: FORMAT,
            run: "plan".into(),
            journey: "move".into(),
            mode: Mode::Dry,
            sandbox: false,
            tool: "0".into(),
            facts: facts.map(|(name, value)| (name.to_owned(), Value::from(value))).into(),
        };
        // A source that has all that a question may depend on.
        let outputs = ["has_enums", "has_arrays", "has_bare_numerics"].map(|fact| (fact.to_owned(), Value::from("yes"))).into();
        let (step, kind) = ("source".to_owned(), "inspect_source".to_owned());
        let started =
            Entry::Started { step: step.clone(), attempt: 1, kind, fields: serde_json::json!({}), before: BTreeMap::new(), writes: false };
        let done = Entry::Done { step, outputs, took_ms: 1, simulated: false };
        let records: Vec<Record> =
            (1..).zip([opened, started, done]).map(|(n, what)| Record { n, at: String::new(), sum: String::new(), what }).collect();
        let state = State::replay(&records).unwrap();
        Self { library, books, state }
    }

    pub fn profile(&self, name: &str) -> BTreeMap<String, String> {
        Profile::load(name, &effects::questions(&self.books)).unwrap().answers
    }

    /// Every step to come with these answers.
    pub fn coming(&self, answers: &BTreeMap<String, String>) -> Vec<Coming> {
        let answers =
            answers.iter().map(|(id, value)| (id.clone(), Suggestion { value: value.clone(), source: Source::Profile })).collect();
        forecast(&self.books, &self.state, &answers, &BTreeMap::new(), &effects::registry())
    }

    /// Every question with its `when`.
    pub fn questions(&self) -> Vec<(&str, &Ask, &BTreeMap<String, Vec<String>>)> {
        self.books
            .forward
            .iter()
            .flat_map(|b| &b.steps)
            .filter_map(|s| match &s.action {
                Action::Ask(ask) => Some((s.id.as_str(), ask, &s.when)),
                Action::Manual(_) | Action::Effect(_) => None,
            })
            .collect()
    }

    /// The answers changed as little as needed for the question to be asked.
    fn reaching(&self, question: &str, answers: &mut BTreeMap<String, String>) {
        let all = self.questions();
        let Some((_, _, when)) = all.iter().find(|(id, _, _)| *id == question) else { return };
        for (name, allowed) in *when {
            if all.iter().any(|(id, _, _)| id == name) {
                self.reaching(name, answers);
                if !answers.get(name).is_some_and(|given| allowed.contains(given)) {
                    answers.insert(name.clone(), allowed[0].clone());
                }
            }
        }
    }
}

fn steps(coming: &[Coming]) -> BTreeSet<&str> {
    coming.iter().map(|c| c.step.as_str()).collect()
}

/// What cannot be said of a step before it is its turn: an effect that could not be built from the examples of those before it.
fn undescribed(coming: &[Coming]) -> Vec<&str> {
    coming.iter().filter(|c| c.describe.starts_with("cannot be described yet")).map(|c| c.step.as_str()).collect()
}

#[test]
fn ours_pass_their_own_check() {
    let library = library::playbooks(&[]).unwrap();
    for journey in ["move", "stacks", "destroy", "repair", "rotate", "back", "tour"] {
        effects::check_books(&library, &library.journey(journey).unwrap()).unwrap();
    }
    let done = Wizard::empty().run(&["playbooks", "check"]).expect(0);
    assert!(done.out().starts_with("14 playbooks, "), "{}", done.out());
    assert!(done.out().contains("all good. Next: migrate-wizard plan"), "{}", done.out());
}

#[test]
fn the_embedded_set_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let on_disk: BTreeMap<String, String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&p).unwrap()))
        .collect();
    let embedded = library::playbooks(&[]).unwrap().texts;
    let differ: Vec<&String> = on_disk.keys().chain(embedded.keys()).filter(|name| on_disk.get(*name) != embedded.get(*name)).collect();
    assert!(differ.is_empty(), "the binary was not built from these files: {differ:?}");
    let names: Vec<&str> = on_disk.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "application.toml",
            "assess.toml",
            "back.toml",
            "close.toml",
            "cutover.toml",
            "data.toml",
            "decide.toml",
            "destroy.toml",
            "provision.toml",
            "repair.toml",
            "rollback.toml",
            "rotate.toml",
            "schema.toml",
            "tour.toml"
        ]
    );
}

#[test]
fn phases_come_in_the_order_of_the_journey() {
    let journey = Journey::ours();
    let phases: Vec<&str> = journey.books.forward.iter().map(|b| b.phase.as_str()).collect();
    assert_eq!(phases, ["assess", "decide", "provision", "application", "schema", "data", "cutover", "close"]);
    let back: Vec<&str> = journey.books.rollback.iter().map(|b| b.phase.as_str()).collect();
    assert_eq!(back, ["rollback"]);
    assert_eq!(journey.library.books.len(), 14);
}

/// A profile, what it must have and what it must not.
type Selection = (&'static str, &'static [&'static str], &'static [&'static str]);

#[test]
fn when_selects_by_profile() {
    let journey = Journey::ours();
    let expected: [Selection; 5] = [
        (
            "grievance-portal",
            &[
                "data_dsql",
                "foreign_keys",
                "serial_keys",
                "identity",
                "repository[app]",
                "service[app]",
                "pipeline[app]",
                "connection",
                "start[app]",
            ],
            &[
                "data_rds",
                "data_aurora",
                "db_class",
                "database_url",
                "cache_stack",
                "storage_stack",
                "openai_secret",
                "zone",
                "certificate",
                "switch",
                "snapshot",
                "pipeline_github",
                "image[app]",
            ],
        ),
        (
            "dougust",
            &["data_rds", "database_url", "export", "service[app]", "image[app]", "pipeline_github", "snapshot"],
            &[
                "data_dsql",
                "data_aurora",
                "foreign_keys",
                "serial_keys",
                "cache_stack",
                "cache_class",
                "identity",
                "openai_secret",
                "pipeline[app]",
                "connection",
            ],
        ),
        (
            "alva",
            &[
                "data_rds",
                "cache_stack",
                "openai_secret",
                "repository[web]",
                "repository[api]",
                "repository[auth]",
                "repository[admin]",
                "service[web]",
                "service[api]",
                "service[auth]",
                "service[admin]",
                "start[admin]",
                "pipeline_github",
            ],
            &["data_dsql", "service[app]", "storage_stack", "identity", "switch", "lower_ttl"],
        ),
        (
            "shadowtwin",
            &["data_rds", "cache_stack", "storage_stack", "openai_secret", "service[app]", "cdn"],
            &["data_dsql", "identity", "ec2_size", "pipeline[app]"],
        ),
        (
            "shadowtwin-ec2",
            &["data_rds", "cache_stack", "ec2_size"],
            &[
                "task_size",
                "tasks_min",
                "cluster",
                "repository[app]",
                "service[app]",
                "start[app]",
                "image[app]",
                "pipeline[app]",
                "pipeline_github",
            ],
        ),
    ];
    for (profile, has, lacks) in expected {
        let coming = journey.coming(&journey.profile(profile));
        let found = steps(&coming);
        let missing: Vec<_> = has.iter().filter(|s| !found.contains(**s)).collect();
        let extra: Vec<_> = lacks.iter().filter(|s| found.contains(**s)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{profile}: missing {missing:?}, should not be there {extra:?}, of {found:?}");
        assert_eq!(undescribed(&coming), Vec::<&str>::new(), "{profile}");
    }
}

#[test]
fn one_answer_changes_what_is_to_come() {
    let journey = Journey::ours();
    let with = |changes: &[(&str, &str)]| {
        let mut answers = journey.profile("grievance-portal");
        answers.extend(changes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        journey.coming(&answers)
    };
    let cases: [(&[(&str, &str)], &[&str], &[&str]); 10] = [
        (&[("database", "rds")], &["data_rds", "db_class", "database_url", "snapshot"], &["data_dsql", "data_aurora", "foreign_keys"]),
        (&[("database", "aurora")], &["data_aurora", "aurora_class", "database_url"], &["data_dsql", "data_rds", "db_class"]),
        (&[("cache", "valkey")], &["cache_stack", "cache_class"], &[]),
        (&[("services", "web:3000,api:4000")], &["service[web]", "service[api]"], &["service[app]"]),
        (
            &[("domain", "route53"), ("domain_name", "shop.example.com")],
            &["domain_name", "zone", "delegate", "certificate", "lower_ttl", "switch"],
            &["switch_by_hand"],
        ),
        (
            &[("domain", "external"), ("domain_name", "shop.example.com")],
            &["domain_name", "switch_by_hand"],
            &["zone", "lower_ttl", "switch"],
        ),
        (&[("cicd", "github")], &["image[app]", "pipeline_github"], &["pipeline[app]", "connection"]),
        (
            &[("maintenance", "page"), ("maintenance_url", "https://shop.example.com"), ("maintenance_word", "")],
            &["maintenance_url", "maintenance_word", "in_maintenance", "freeze_check", "freeze", "stillness"],
            &[],
        ),
        (&[("maintenance", "none")], &["freeze"], &["maintenance_url", "maintenance_word", "in_maintenance"]),
        (&[("go", "no_go")], &["go"], &["freeze", "final_rows", "start[app]", "switched"]),
    ];
    for (changes, has, lacks) in cases {
        let coming = with(changes);
        let found = steps(&coming);
        let missing: Vec<_> = has.iter().filter(|s| !found.contains(**s)).collect();
        let extra: Vec<_> = lacks.iter().filter(|s| found.contains(**s)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "{changes:?}: missing {missing:?}, should not be there {extra:?}, of {found:?}");
        assert_eq!(undescribed(&coming), Vec::<&str>::new(), "{changes:?}");
    }
}

#[test]
fn every_choice_of_every_question_can_be_chosen() {
    let journey = Journey::ours();
    let mut choices = 0;
    let mut broken = Vec::new();
    // The one with the fewest and the one with the most of everything: what they share is walked once from each side.
    for profile in ["grievance-portal", "alva"] {
        for (question, ask, _) in journey.questions() {
            for option in &ask.options {
                let mut answers = journey.profile(profile);
                journey.reaching(question, &mut answers);
                answers.insert(question.to_owned(), option.id.clone());
                let coming = journey.coming(&answers);
                let taken = coming.iter().any(|c| c.step == question && c.describe == format!("{} (profile)", option.id));
                if !taken {
                    broken.push(format!("{profile}: {question} = {}: it is not asked, or does not take that answer", option.id));
                }
                broken.extend(
                    undescribed(&coming).into_iter().map(|step| format!("{profile}: {question} = {}: {step} cannot be built", option.id)),
                );
                choices += 1;
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(choices > 150, "only {choices} choices were walked");
    println!("{choices} choices walked");
}

#[test]
fn every_question_says_what_follows() {
    let journey = Journey::ours();
    for (id, ask, _) in journey.questions() {
        let choice = ask.kind == AnswerKind::Choice;
        assert!(!choice || ask.recommended.is_some(), "{id}: a choice recommends one option");
        assert!(!choice || !ask.because.is_empty(), "{id}: a recommendation says why");
        for option in &ask.options {
            assert!(!option.consequence.is_empty(), "{id} = {}: an option says what follows", option.id);
        }
    }
}

#[test]
fn a_forecast_shows_a_step_that_cannot_be_built() {
    // so that the walk above can fail: a step whose hole nobody fills
    let mut journey = Journey::ours();
    let text = "phase='x'\ntitle='X'\nwhy='w'\norder=9\n[[step]]\nid='x'\ntitle='t'\nwhy='w'\n[step.effect]\nkind='simulate'\ntext='${nobody.knows}'\n";
    journey.books.forward.push(migrate_wizard::wizard::playbook::parse("x.toml", text).unwrap());
    assert_eq!(undescribed(&journey.coming(&journey.profile("alva"))), ["x"]);
}

/// A playbook called `assess.toml` in the app's own folder.
fn overridden(text: &str) -> Wizard {
    let wizard = Wizard::sample();
    let folder = wizard.path().join(".migrate-wizard/playbooks");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("assess.toml"), text).unwrap();
    wizard
}

#[test]
fn a_playbook_of_ones_own_replaces_ours_by_name() {
    let ours = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/assess.toml")).unwrap();
    let mine = format!(
        "{ours}\n[[step]]\nid = \"own_look\"\ntitle = \"Look at our runbook\"\nwhy = \"house rule\"\n[step.manual]\nitems = [\"read it\"]\n"
    );
    let wizard = overridden(&mine);

    let done = wizard.run(&["playbooks", "check"]).expect(0);
    assert!(done.out().lines().next().unwrap().starts_with("assess.toml: yours, from "), "{}", done.out());
    assert!(done.out().contains(".migrate-wizard/playbooks/assess.toml"), "{}", done.out());
    let listed = wizard.run(&["playbooks", "list"]).expect(0);
    assert!(listed.out().contains("own_look"), "{}", listed.out());
    // and the journey takes it
    let planned = wizard.run(&["plan", "--profile", "grievance-portal"]).expect(0);
    assert!(planned.out().contains("own_look"), "{}", planned.out());
    // without it ours stands
    assert!(!Wizard::sample().run(&["playbooks", "list"]).expect(0).out().contains("own_look"));
}

#[test]
fn a_folder_named_on_the_command_line_wins() {
    let wizard = Wizard::sample();
    std::fs::create_dir(wizard.path().join("mine")).unwrap();
    std::fs::write(wizard.path().join("mine/extra.toml"), "phase='extra'\ntitle='Extra'\nwhy='w'\norder=8\n[[step]]\nid='wave'\ntitle='Wave'\nwhy='w'\n[step.effect]\nkind='simulate'\ntext='wave'\n").unwrap();
    let listed = wizard.run(&["playbooks", "list", "--playbooks", "mine"]).expect(0);
    assert!(listed.out().contains("extra        wave"), "{}", listed.out());
}

#[test]
fn a_bad_playbook_shows_the_line_and_a_caret() {
    let wizard = overridden(
        "phase = \"assess\"\ntitle = \"A\"\nwhy = \"w\"\n\n[[step]]\nid = \"scan\"\ntitle = \"t\"\nwhy = \"w\"\n[step.effect]\nkind = \"scan_ap\"\n",
    );
    for command in [["playbooks", "check"].as_slice(), &["plan"], &["--dry-run", "--yes", "--profile", "alva"]] {
        let done = wizard.run(command).expect(2);
        for part in ["assess.toml:10:", "kind = \"scan_ap\"", "^^^^^^^", "no effect is called `scan_ap`", "one of: simulate, scan_app"] {
            assert!(done.err().contains(part), "{command:?}: expected {part:?} in\n{}", done.err());
        }
    }
}

#[test]
fn the_map_lists_exactly_the_effects_there_are() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let section = map.split("\n## ").find(|s| s.starts_with("Effects")).expect("ARCHITECTURE.md has a section \"Effects\"");
    let rows: Vec<(String, String)> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(name, rest)| (name.to_owned(), rest.split(" | ").next().unwrap_or_default().to_owned()))
        .collect();
    let registered: Vec<(String, String)> = effects::registry().0.iter().map(|k| (k.name.to_owned(), k.about.to_owned())).collect();
    assert_eq!(rows, registered, "left: the table of ARCHITECTURE.md; right: src/effects/mod.rs");
}

#[test]
fn what_the_playbook_asks_of_a_schema_is_what_the_compiler_leaves_to_choose() {
    let playbook: toml::Table = toml::from_str(include_str!("../playbooks/decide.toml")).unwrap();
    let known = migrate_wizard::schema::Capabilities::of(migrate_wizard::schema::Target::Dsql).unwrap().choices;
    for id in known.iter().map(|fact| fact.id.as_str()) {
        let asked = playbook["step"].as_array().unwrap().iter().find(|step| step["id"].as_str() == Some(id)).unwrap()["ask"].clone();
        let fact = known.iter().find(|fact| fact.id == id).unwrap();
        let options: Vec<&str> = asked["option"].as_array().unwrap().iter().map(|option| option["id"].as_str().unwrap()).collect();
        assert_eq!(options, fact.options.iter().map(|option| option.value.as_str()).collect::<Vec<_>>(), "{id}");
        assert_eq!(asked["recommended"].as_str(), Some(fact.recommended.as_str()), "{id}");
    }
}
