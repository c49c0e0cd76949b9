//! Playbook, profiles and prices together: every profile answers every question, and its total is worked out by hand.
//! Nothing here is compiled into the wizard.

use std::collections::BTreeMap;

use super::*;

pub(super) fn steps(book: &str) -> Vec<toml::Value> {
    let path = format!("{}/playbooks/{book}.toml", env!("CARGO_MANIFEST_DIR"));
    let book: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    book["step"].as_array().unwrap().clone()
}

/// The questions of `playbooks/decide.toml`, defaults with their fallbacks.
pub(super) fn questions() -> Vec<QuestionSpec> {
    asked(&steps("decide"))
}

/// The `when` of a step or of one entry of `recommended-when`.
fn conditions(of: &toml::Table) -> BTreeMap<String, Vec<String>> {
    let when = of.get("when").and_then(toml::Value::as_table).into_iter().flatten();
    when.map(|(id, values)| (id.clone(), values.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect())).collect()
}

fn asked(steps: &[toml::Value]) -> Vec<QuestionSpec> {
    let text = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let mut found = Vec::new();
    for step in steps {
        let step = step.as_table().unwrap();
        let Some(ask) = step.get("ask").map(|ask| ask.as_table().unwrap()) else { continue };
        let options: Vec<String> = ask
            .get("option")
            .map(|all| all.as_array().unwrap().iter().map(|o| text(o.as_table().unwrap(), "id").unwrap()).collect())
            .unwrap_or_default();
        let default = text(ask, "recommended").or(text(ask, "default")).map(|d| {
            d.replace("${scan.services|app:3000}", "app:3000").replace("${scan.name|app}", "app").replace("${source.room_gib|20}", "20")
        });
        let findings = ask.get("recommended-when").and_then(toml::Value::as_array).into_iter().flatten().map(|one| one.as_table().unwrap());
        let answer = |one: &toml::Table| text(one, "answer").unwrap().replace("${scan.services}", "app:3000");
        let recommended_when = findings.map(|one| (conditions(one), answer(one))).collect();
        found.push(QuestionSpec { id: text(step, "id").unwrap(), options, default, recommended_when, when: conditions(step) });
    }
    found
}

fn answers(profile: &str) -> Answers {
    let questions = questions();
    settle(&Profile::load(profile, &questions).unwrap().answers, &questions)
}

fn total(profile: &str) -> String {
    let estimate = estimate(&answers(profile), &Prices::bundled().unwrap());
    assert!(
        estimate.unpriced.iter().all(|what| !what.contains("not decided") && !what.contains("no line")),
        "{profile}: {:?}",
        estimate.unpriced
    );
    estimate.baseline.to_string()
}

#[test]
fn the_profiles_are_the_four_systems() {
    assert_eq!(Profile::names(), ["alva", "dougust", "grievance-portal", "shadowtwin", "shadowtwin-ec2"]);
    assert_eq!(profiles(&questions()).unwrap().len(), 5);
}

#[test]
fn every_profile_answers_every_question_that_applies() {
    let questions = questions();
    for profile in profiles(&questions).unwrap() {
        // these two are of a checkout and of an account, not of a kind of system; each has a default
        let open = missing(&profile.answers, &questions);
        assert!(open.iter().all(|id| ["github_repository", "oidc_provider"].contains(id)), "{}: {open:?}", profile.name);
        services(profile.answers.get("services").unwrap()).unwrap();
    }
}

#[test]
fn every_choice_names_a_recommended_option_and_its_why() {
    for question in questions().iter().filter(|q| !q.options.is_empty()) {
        let recommended = question.default.as_ref().unwrap_or_else(|| panic!("{} recommends nothing", question.id));
        assert!(question.options.contains(recommended), "{}: {recommended}", question.id);
        assert!(question.options.len() > 1, "{}", question.id);
    }
}

#[test]
fn every_condition_names_an_earlier_question_and_its_options() {
    let questions = questions();
    for (i, question) in questions.iter().enumerate() {
        // One with a dot is what a step found out; the playbook's own check knows it.
        for (id, values) in question.when.iter().filter(|(id, _)| !id.contains('.')) {
            let earlier =
                questions.iter().take(i).find(|q| &q.id == id).unwrap_or_else(|| panic!("{}: `{id}` is not asked before", question.id));
            assert!(values.iter().all(|value| earlier.options.contains(value)), "{}: {id} = {values:?}", question.id);
        }
    }
}

// grievance-portal
//   NAT 730 × .045 = 32.85; IPv4 (2 balancer + 1 NAT) 3 × 730 × .005 = 10.95                         43.80
//   ALB 730 × .0225 = 16.425 → 16.43                                                                16.43
//   Fargate 1 × 0.25/0.5: 182.5 × .04048 = 7.39; 365 × .004445 = 1.62                                9.01
//   secrets session, connection .80; alarms 6 + 1 + 1 = 8 × .10 = .80; dashboard 3.00                  4.60
#[test]
fn grievance_portal_costs_what_the_hand_says() {
    assert_eq!(total("grievance-portal"), "$73.84");
}

// dougust
//   NAT 2 × 32.85 = 65.70; IPv4 4 × 3.65 = 14.60; ALB 16.43                                           96.73
//   Fargate 2 × 0.5/1: 730 × .04048 = 29.55; 1,460 × .004445 = 6.49                                  36.04
//   RDS t3.large Multi-AZ 730 × .29 = 211.70; 100 GB × .23 = 23.00                                  234.70
//   secrets session, URL, administrator, source 1.60; alarms 6 + 1 + 3 + 1 = 11 → 1.10; dashboard 3.00  5.70
//   key of the weekly export 1.00                                                                     1.00
#[test]
fn dougust_costs_what_the_hand_says() {
    assert_eq!(total("dougust"), "$374.17");
}

// alva
//   NAT 32.85; IPv4 3 × 3.65 = 10.95; ALB 16.43; private zone .50                                     60.73
//   Fargate 4 × 0.5/1: 1,460 × .04048 = 59.10; 2,920 × .004445 = 12.98                                72.08
//   RDS t3.micro 730 × .018 = 13.14; 20 GB × .115 = 2.30; Redis 730 × .017 = 12.41                    27.85
//   secrets session, URL, administrator, source, OpenAI, two of the cache 2.80; alarms 24 + 1 + 3 + 2 = 30 → 3.00; dashboard 3.00  8.80
#[test]
fn alva_costs_what_the_hand_says() {
    assert_eq!(total("alva"), "$169.46");
}

// shadowtwin
//   NAT 32.85; IPv4 10.95; ALB 16.43                                                                  60.23
//   Fargate 2 × 1/2: 1,460 × .04048 = 59.10; 2,920 × .004445 = 12.98                                  72.08
//   RDS t3.medium Multi-AZ 730 × .145 = 105.85; 20 GB × .23 = 4.60; Redis 12.41                       122.86
//   secrets session, URL, administrator, source, OpenAI, two of the cache 2.80; alarms 6 + 1 + 3 + 2 = 12 → 1.20; dashboard 3.00  7.00
#[test]
fn shadowtwin_costs_what_the_hand_says() {
    assert_eq!(total("shadowtwin"), "$262.17");
}

// shadowtwin on EC2: no NAT; IPv4 2 balancer + 1 instance = 10.95; t3.medium 730 × .0416 = 30.37; 20 GB × .08 = 1.60;
//   ALB 16.43; database and cache 122.86; secrets 2.80, alarms 2 + 1 + 3 + 2 = 8 → .80, dashboard 3.00
#[test]
fn shadowtwin_on_ec2_costs_what_the_hand_says() {
    assert_eq!(total("shadowtwin-ec2"), "$188.81");
}

#[test]
fn whatever_is_chosen_the_total_is_the_sum_and_nothing_is_silent() {
    let (questions, prices) = (questions(), Prices::bundled().unwrap());
    for profile in profiles(&questions).unwrap() {
        for question in &questions {
            for option in &question.options {
                let mut changed = profile.answers.clone();
                changed.insert(question.id.clone(), option.clone());
                let estimate = estimate(&settle(&changed, &questions), &prices);
                let case = format!("{}: {} = {option}", profile.name, question.id);
                let sum: Money = estimate.lines.iter().filter_map(|line| line.monthly).sum();
                assert_eq!(estimate.baseline, sum, "{case}");
                assert_eq!(Layer::ALL.iter().map(|layer| estimate.of_layer(*layer)).sum::<Money>(), sum, "{case}");
                assert_eq!(estimate.forgotten().len(), 4, "{case}");
                assert!(estimate.lines.iter().all(|line| line.monthly.is_some() != line.usage_note.is_some()), "{case}");
                assert!(
                    !estimate.unpriced.iter().any(|what| ["no price is known for this choice", "has no line", "not decided"]
                        .iter()
                        .any(|bad| what.contains(bad))),
                    "{case}: {:?}",
                    estimate.unpriced
                );
            }
        }
    }
}

proptest::proptest! {
    /// Any answers at all, legal or not: the total is the sum of the lines.
    #[test]
    fn the_total_is_the_sum_for_any_answers(picks in proptest::collection::vec(0usize..6, 60), storage in 0u64..100_000, tasks in 0u64..1_000) {
        let questions = questions();
        let mut answers: Answers = questions.iter().zip(&picks).filter_map(|(q, pick)| Some((q.id.clone(), q.options.get(*pick)?.clone()))).collect();
        answers.insert("db_storage".to_owned(), storage.to_string());
        answers.insert("tasks_min".to_owned(), tasks.to_string());
        let estimate = estimate(&settle(&answers, &questions), &Prices::bundled().unwrap());
        let sum: Money = estimate.lines.iter().filter_map(|line| line.monthly).sum();
        proptest::prop_assert_eq!(estimate.baseline, sum);
    }
}

#[test]
fn what_is_open_or_unknown_is_named_and_not_counted() {
    let prices = Prices::bundled().unwrap();
    let estimate =
        estimate(&Answers::from([("database".to_owned(), "oracle".to_owned()), ("region".to_owned(), "eu-west-1".to_owned())]), &prices);
    assert!(estimate.unpriced.contains(&"`database` = `oracle`: no price is known for this choice".to_owned()), "{:?}", estimate.unpriced);
    assert!(estimate.unpriced.contains(&"`nat` is not decided yet".to_owned()), "{:?}", estimate.unpriced);
    assert_eq!(
        estimate.notes,
        [
            "you chose eu-west-1, and these are the prices of us-east-1: expect a difference of some percent; migrate-wizard cost prices --region eu-west-1 gets its own"
        ]
    );
}

#[test]
fn the_difference_of_an_option_follows_what_it_brings_along() {
    let (questions, prices, grievance) = (questions(), Prices::bundled().unwrap(), answers("grievance-portal"));
    let of = |question: &str, option: &str| delta(&grievance, &questions, question, option, &prices).to_string();
    // one more gateway 32.85 and its address 3.65
    assert_eq!(of("nat", "per_az"), "+$36.50 a month");
    // the gateway and its address go, the one task gets an address: −32.85 − 3.65 + 3.65
    assert_eq!(of("nat", "none"), "-$32.85 a month");
    // recommended db.t4g.micro Multi-AZ 730 × .032 = 23.36, 20 GB × .23 = 4.60, two more alarms .20, two more secrets .80
    assert_eq!(of("database", "rds"), "+$28.96 a month + usage");
    assert_eq!(of("database", "dsql"), "same price");
    assert_eq!(of("capacity", "spot"), "-$9.01 a month + a price not known here");
}

#[test]
fn estimates_are_shown_with_every_line_and_the_corrections() {
    let (prices, grievance) = (Prices::bundled().unwrap(), answers("grievance-portal"));
    let estimate = estimate(&grievance, &prices);
    for part in [
        "baseline $73.84 a month",
        "$0.04048 per vCPU-hour",
        "AWS Backup storage of the nightly backups",
        "plans often quote about $15 a month; by prices of 2026-07-19 it is $9.01 a month",
    ] {
        assert!(estimate.table().contains(part), "expected {part:?} in:\n{}", estimate.table());
    }
    assert!(estimate.markdown().contains("**Baseline $73.84 a month**"), "{}", estimate.markdown());
    let both = compare(&[("grievance", grievance), ("dougust", answers("dougust"))], &PriceBook::bundled().unwrap());
    assert!(both.markdown().contains("| total | $73.84 | $374.17 (+$300.33) |"), "{}", both.markdown());
}

#[test]
fn no_profile_contradicts_itself_and_what_speaks_against_each_is_known() {
    let (questions, rules) = (questions(), Rules::bundled().unwrap());
    let said = |profile: &str| -> Vec<String> {
        let found = rules.check(&Profile::load(profile, &questions).unwrap().answers, &questions);
        found.iter().filter(|c| c.severity != Severity::Advise).map(|c| format!("{}: {}", c.severity.word(), c.id)).collect()
    };
    assert_eq!(said("grievance-portal"), ["warning: login-without-https", "warning: alarms-to-nobody"]);
    assert_eq!(said("alva"), Vec::<String>::new());
    for profile in ["dougust", "shadowtwin", "shadowtwin-ec2"] {
        assert_eq!(said(profile), ["warning: alarms-to-nobody"], "{profile}");
    }
}

#[test]
fn every_rule_names_questions_facts_and_answers_that_there_are() {
    let (mut questions, rules) = (questions(), Rules::bundled().unwrap());
    // the way back is chosen at the cutover
    let way_back = steps("cutover").into_iter().filter(|step| step["id"].as_str() == Some("writes_after"));
    questions.extend(asked(&way_back.collect::<Vec<_>>()));
    let question = |id: &str| questions.iter().find(|q| q.id == id);
    let reckoned = ["services.count", "source.gib", "db.memory_gib_tenfold", "db.connections", "app.connections", "unused.read_replica"];
    let facts = rules.facts();
    for (id, when, instead) in rules.words() {
        for test in when {
            match question(&test.key) {
                Some(q) if !q.options.is_empty() => assert!(test.named().iter().all(|v| q.options.contains(v)), "{id}: {test:?}"),
                Some(_) => {}
                None => assert!(facts.contains(test.key.as_str()) || reckoned.contains(&test.key.as_str()), "{id}: {test:?}"),
            }
        }
        for answer in instead {
            let (key, value) = answer.split_once('=').unwrap();
            let q = question(key).unwrap_or_else(|| panic!("{id}: {key}"));
            assert!(q.options.is_empty() || q.options.iter().any(|o| o == value), "{id}: {answer}");
        }
    }
}

/// What a step must have found for a rule, beside answers: each row makes its rule hold, and the answer in `instead` ends it.
#[test]
fn each_rule_holds_when_it_should_and_ends_with_what_it_proposes() {
    let (questions, rules) = (questions(), Rules::bundled().unwrap());
    let cases: &[(&str, &str)] = &[
        ("dsql-extensions", "database=dsql source.extensions=plpgsql,vector"),
        ("dsql-other-extensions", "database=dsql source.extensions=plpgsql,hstore"),
        ("dsql-tables", "database=dsql source.tables=1001"),
        ("dsql-connection-of-its-own", "database=dsql scan.found.C11=server/db.ts:3"),
        ("dsql-region", "database=dsql region=me-central-1"),
        ("dsql-replica", "database=dsql read_replica=one"),
        ("storage-smaller-than-source", "database=rds db_storage=20 source.bytes=32212254720"),
        ("storage-least", "database=rds db_storage=5"),
        ("class-connections", "database=rds db_class=db.t4g.micro services=web:3000,api:3001 tasks_max=6"),
        ("class-memory", "database=rds db_class=db.t4g.micro db_storage=100 source.bytes=21474836480"),
        ("no-backups", "backup_days=0"),
        ("backups-too-long", "database=rds backup_days=40"),
        ("production-one-zone", "environment=production database=rds db_availability=single"),
        ("rehearsal-two-zones", "environment=staging database=rds db_availability=multi_az"),
        ("redis-without-cache", "scan.has_redis=yes cache=none"),
        ("cache-without-redis", "scan.has_redis=no scan.is_replit=yes cache=valkey"),
        ("sessions-in-memory", "scan.found.B10=server/index.ts:9 tasks_min=1 tasks_max=2"),
        ("limits-in-memory", "scan.found.F16=server/index.ts:9 tasks_max=2"),
        ("timers-in-tasks", "scan.found.F9=server/jobs.ts:9 tasks_min=1 tasks_max=2"),
        ("memory-of-one-machine", "scan.found.A4=.replit:10 tasks_min=1 tasks_max=2"),
        ("sockets-in-tasks", "scan.found.F11=server/ws.ts:9 tasks_min=1 tasks_max=2"),
        ("files-on-disk", "scan.found.F12=server/upload.ts:9 storage=none"),
        ("object-storage-sidecar", "scan.found.D1=server/objectStorage.ts:9 storage=none"),
        ("object-storage-library", "scan.found.D2=server/objectStorage.ts:9 storage=none"),
        ("browser-memory", "scan.found.F6=server/pdf.ts:1 task_size=256-512"),
        ("arm-locked", "scan.found.A11=pnpm-workspace.yaml:30 architecture=arm64"),
        ("arm-compiled", "scan.found.F5=package.json:30 architecture=arm64"),
        ("arm-browser", "scan.found.F6=server/pdf.ts:1 architecture=arm64"),
        ("more-at-least-than-at-most", "tasks_min=4 tasks_max=2"),
        ("no-task", "tasks_min=0"),
        ("production-one-task", "environment=production tasks_min=1"),
        ("blue-green-one-task", "deploy_strategy=blue_green tasks_min=1"),
        ("spot-one-task", "environment=staging capacity=spot tasks_min=1"),
        ("spot-production", "environment=production capacity=spot"),
        ("machine-pipeline", "compute=ec2 cicd=codepipeline"),
        ("machine-several-services", "compute=ec2 services=web:3000,api:3001"),
        ("one-nat-two-zones", "nat=one database=rds db_availability=multi_az"),
        ("one-nat-several-tasks", "nat=one tasks_min=2"),
        ("no-nat", "nat=none"),
        ("login-without-https", "domain=none auth=cognito"),
        ("payments-without-https", "domain=none scan.has_stripe=yes"),
        ("plain-http", "domain=external domain_name=x.org tls=none"),
        ("no-domain-production", "environment=production domain=none"),
        ("domain-without-name", "domain=external"),
        ("zone-without-role", "domain=other_account domain_name=x.org"),
        ("subdomains-without-domain", "routing=subdomain domain=none services=web:3000,api:3001"),
        ("nobody-admitted", "admin_access=allow_list"),
        ("cdn-without-domain", "cdn=cloudfront domain=none"),
        ("replit-login", "scan.found.B1=server/replitAuth.ts:1 auth=app"),
        ("replit-login-flask", "scan.found.B3=replit_auth.py:20 auth=none"),
        ("replit-login-headers", "scan.found.B4=server/auth.ts:1 auth=none"),
        ("ai-without-provider", "scan.found.D9=server/ai.ts:1 ai=none"),
        ("bedrock-region", "ai=bedrock region=ap-east-1"),
        ("speech-region", "ai=bedrock region=eu-south-1"),
        ("alarms-to-nobody", "environment=production"),
        ("way-back-uuid", "database=dsql serial_keys=uuid writes_after=carry_back"),
        ("way-back-private", "database=rds writes_after=keep_aside"),
    ];
    let mut held: Vec<&str> = cases.iter().map(|(id, _)| *id).collect();
    held.sort_unstable();
    let mut all: Vec<&str> = rules.words().map(|(id, _, _)| id).collect();
    all.sort_unstable();
    assert_eq!(held, all, "a rule without a case, or a case without a rule");
    for (id, text) in cases {
        let given: Answers = text.split(' ').map(|pair| pair.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).unwrap()).collect();
        let found = rules.check(&given, &questions);
        let held = found.iter().find(|c| c.id == *id).unwrap_or_else(|| panic!("{id} does not hold for {text}: {found:?}"));
        assert!(!held.message.contains('{') && !held.message.contains('?'), "{id}: {}", held.message);
        for answer in &held.instead {
            let (key, value) = answer.split_once('=').unwrap();
            let mut changed = given.clone();
            changed.insert(key.to_owned(), value.to_owned());
            assert!(!rules.check(&changed, &questions).iter().any(|c| c.id == *id), "{id} does not end with {answer} for {text}");
        }
    }
}

#[test]
fn the_recommended_answers_contradict_nothing_and_warn_of_the_mailbox_only() {
    let (questions, rules) = (questions(), Rules::bundled().unwrap());
    let found = rules.check(&Answers::from([("domain_name".to_owned(), "x.org".to_owned())]), &questions);
    let said: Vec<&str> = found.iter().filter(|c| c.severity != Severity::Advise).map(|c| c.id.as_str()).collect();
    assert_eq!(said, ["alarms-to-nobody"]);
}
