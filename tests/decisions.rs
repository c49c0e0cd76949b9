//! Decisions and their price: the estimate says what the stacks make, prices have a day and can be renewed, and answers that contradict
//! each other or the app are told where they are given and provision nothing.

use serde_json::Value;

use super::support::price_list::PriceList;
use super::support::pty::Pty;
use super::support::wizard::Wizard;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// `cost --json` with some answers.
fn cost(wizard: &Wizard, args: &[&str]) -> Value {
    json(&wizard.run(&[&["cost", "--json"], args].concat()).expect(0).out())
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

// --- the estimate and the stacks --------------------------------------------------------------------------------------------------

/// Choices that make other resources, or more of them.
const CHOICES: &[(&str, &[&str])] = &[
    ("compute", &["fargate", "ec2"]),
    ("services", &["app:3000", "web:3000,api:3001,auth:3002"]),
    ("capacity", &["on_demand", "spot"]),
    ("architecture", &["x86_64", "arm64"]),
    ("task_size", &["256-512", "512-1024", "1024-2048", "2048-4096"]),
    ("tasks_min", &["1", "3"]),
    ("database", &["dsql", "rds", "aurora"]),
    ("db_availability", &["single", "multi_az"]),
    ("read_replica", &["none", "one"]),
    ("aurora_class", &["serverless", "db.t4g.medium"]),
    ("cache", &["none", "valkey", "redis_replicated"]),
    ("nat", &["none", "one", "per_az"]),
    ("domain", &["none", "route53", "external"]),
    ("tls", &["acm", "none"]),
    ("waf", &["none", "managed"]),
    ("cdn", &["none", "cloudfront"]),
    ("auth", &["app", "cognito"]),
    ("ai", &["none", "openai"]),
    ("storage", &["none", "s3"]),
    ("cicd", &["none", "github", "codepipeline"]),
];

/// Rows in which every pair of choices of two questions stands together at least once.
fn pairwise() -> Vec<Vec<usize>> {
    let mut open = std::collections::BTreeSet::new();
    for (a, (_, left)) in CHOICES.iter().enumerate() {
        for (b, (_, right)) in CHOICES.iter().enumerate().skip(a + 1) {
            for i in 0..left.len() {
                open.extend((0..right.len()).map(|j| (a, i, b, j)));
            }
        }
    }
    let mut rows = Vec::new();
    while let Some(&(a, i, b, j)) = open.iter().next() {
        let mut row: Vec<Option<usize>> = vec![None; CHOICES.len()];
        (row[a], row[b]) = (Some(i), Some(j));
        for q in 0..CHOICES.len() {
            if row[q].is_some() {
                continue;
            }
            // the choice that covers most of what is open beside those already made
            let covers = |choice: usize| {
                let pair = |other: usize, o: usize| if other < q { (other, o, q, choice) } else { (q, choice, other, o) };
                row.iter().enumerate().filter_map(|(other, o)| Some(pair(other, (*o)?))).filter(|p| open.contains(p)).count()
            };
            row[q] = (0..CHOICES[q].1.len()).max_by_key(|choice| covers(*choice));
        }
        let row: Vec<usize> = row.into_iter().map(Option::unwrap).collect();
        open.retain(|(a, i, b, j)| row[*a] != *i || row[*b] != *j);
        rows.push(row);
    }
    rows
}

/// The estimate of one set of decisions agrees with its stacks and with itself.
#[track_caller]
fn agrees(wizard: &Wizard, args: &[String]) {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let told = cost(wizard, &args);
    assert_eq!(texts(&told["differences"]), Vec::<&str>::new(), "{args:?}");
    let cents = |v: &Value| v.as_str().map_or(0, |text| (text.parse::<f64>().unwrap() * 100.0).round() as i64);
    let sum: i64 = told["lines"].as_array().unwrap().iter().map(|line| cents(&line["monthly"])).sum();
    assert_eq!(sum, cents(&told["baseline"]), "{args:?}");
    for forgotten in ["ipv4", "nat.gb", "logs.ingest", "alb.lcu"] {
        assert!(told["lines"].as_array().unwrap().iter().any(|line| line["id"] == forgotten), "{forgotten} in {args:?}");
    }
}

#[test]
fn the_stacks_of_every_profile_make_what_its_estimate_counts() {
    let wizard = Wizard::empty();
    for profile in ["alva", "dougust", "grievance-portal", "shadowtwin", "shadowtwin-ec2"] {
        agrees(&wizard, &["--profile".to_owned(), profile.to_owned()]);
    }
}

#[test]
fn whatever_two_choices_meet_the_stacks_make_what_the_estimate_counts() {
    let wizard = Wizard::empty();
    let rows = pairwise();
    assert!((10..40).contains(&rows.len()), "{} rows", rows.len());
    let check = |rows: &[Vec<usize>]| {
        for row in rows {
            let mut args: Vec<String> = Vec::new();
            for ((id, options), choice) in CHOICES.iter().zip(row) {
                args.extend(["--set".to_owned(), format!("{id}={}", options[*choice])]);
            }
            args.extend(["--set", "app_name=shop", "--set", "domain_name=shop.example.com", "--set", "tasks_max=5"].map(str::to_owned));
            agrees(&wizard, &args);
        }
    };
    std::thread::scope(|scope| {
        let halves: Vec<_> = rows.chunks(rows.len().div_ceil(2)).map(|half| scope.spawn(|| check(half))).collect();
        for half in halves {
            half.join().unwrap();
        }
    });
}

// --- prices -----------------------------------------------------------------------------------------------------------------------

#[test]
fn the_regions_own_prices_are_taken_and_what_it_lacks_is_named() {
    let wizard = Wizard::empty();
    let told = cost(&wizard, &["--set", "region=eu-west-1", "--set", "database=rds", "--set", "db_class=db.t3.large"]);
    assert_eq!(told["region"], "eu-west-1");
    let nat = told["lines"].as_array().unwrap().iter().find(|line| line["id"] == "nat.hour").unwrap();
    assert_eq!(nat["price"], "0.048");
    let lacks = texts(&told["unpriced"]).join("\n");
    assert!(lacks.contains("the price list of eu-west-1 has no line `rds.db.t3.large.multi_az`"), "{lacks}");
    let elsewhere = cost(&wizard, &["--set", "region=ap-south-1"]);
    assert_eq!(elsewhere["region"], "us-east-1");
    assert!(texts(&elsewhere["notes"])[0].starts_with("you chose ap-south-1, and these are the prices of us-east-1"), "{elsewhere}");
}

#[test]
fn a_price_list_is_made_of_awss_own_and_used_from_then_on() {
    let aws = PriceList::start();
    let wizard = Wizard::empty().envs(aws.env());
    let made = wizard.run(&["cost", "prices", "--region", "eu-west-1"]).expect(1);
    for part in [
        "not found: cache.redis.cache.t3.micro (none of 0 answers fits)",
        "not found: rds.db.t3.micro.multi_az",
        "13 prices of eu-west-1 in",
        "Next: migrate-wizard cost",
    ] {
        assert!(made.out().contains(part), "{part}:\n{}", made.out());
    }
    let asked = aws.asked.lock().unwrap().clone();
    assert!(
        asked.iter().any(|q| q.starts_with("AmazonRDS")
            && q.contains("(\"databaseEngine\", \"PostgreSQL\")")
            && q.contains("(\"regionCode\", \"eu-west-1\")")),
        "{asked:?}"
    );
    let told = cost(
        &wizard,
        &["--set", "region=eu-west-1", "--set", "database=rds", "--set", "db_class=db.t3.micro", "--set", "db_availability=single"],
    );
    let price = |id: &str| {
        told["lines"].as_array().unwrap().iter().find(|line| line["id"] == id).map(|line| line["price"].as_str().unwrap().to_owned())
    };
    // PostgreSQL's and not MySQL's, the zonal gateway's and not the regional one's
    assert_eq!([price("rds.db.t3.micro.single"), price("nat.hour")], [Some("0.02".to_owned()), Some("0.048".to_owned())]);
    assert_eq!(told["stale"], json("[]"));
}

#[test]
fn a_price_that_is_too_old_is_not_called_current() {
    let wizard = Wizard::empty();
    let list = r#"region = "us-east-1"
as_of = "2026-01-01"
price = [{ id = "alb.hour", what = "load balancer", unit = "hour", price = "0.02", as_of = "2025-01-01", source = "test", confidence = "high" }]
"#;
    std::fs::write(wizard.path().join("old.toml"), list).unwrap();
    let told = wizard.run(&["cost", "--prices", "old.toml"]).expect(0).out();
    for part in ["$0.02 per hour *", "1 of 1 prices are older than 90 days", "migrate-wizard cost prices --region us-east-1"] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    let bad = wizard.run(&["cost", "--prices", "gone.toml"]).expect(2);
    assert!(bad.err().contains("cannot read the price list gone.toml"), "{}", bad.err());
}

// --- scenarios and old figures ----------------------------------------------------------------------------------------------------

#[test]
fn up_to_five_scenarios_stand_side_by_side_with_their_differences() {
    let wizard = Wizard::empty();
    std::fs::write(wizard.path().join("mine.toml"), "version = 1\n[answers]\ndatabase = \"dsql\"\nnat = \"none\"\n").unwrap();
    let told = wizard
        .run(&["cost", "--compare", "alva", "alva+nat=none", "alva+cache=valkey,architecture=arm64", "mine.toml", "+nat=per_az"])
        .expect(0)
        .out();
    let row = |name: &str| told.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in\n{told}")).to_owned();
    // one gateway and its address go, four tasks get one each: −32.85 − 3.65 + 4 × 3.65
    assert!(row("network").contains("$43.80") && row("network").contains("$21.90 (-$21.90)"), "{told}");
    // 730 × (0.017 − 0.0136)
    assert!(row("cache").contains("$12.41") && row("cache").contains("$9.93 (-$2.48)"), "{told}");
    let many = wizard.run(&["cost", "--compare", "alva", "alva", "alva", "alva", "alva", "alva"]).expect(2);
    assert!(many.err().contains("--compare"), "{}", many.err());
    wizard.run(&["cost", "--compare", "alva", "nobody"]).expect(2).says("`nobody` is no profile and no file");
    assert_eq!(
        json(&wizard.run(&["cost", "--json", "--compare", "alva", "dougust"]).expect(0).out())["columns"].as_array().unwrap().len(),
        2
    );
}

#[test]
fn the_owners_figures_stand_beside_todays_with_the_reason() {
    let told = Wizard::empty().run(&["cost", "--profile", "grievance-portal"]).expect(0).out();
    for part in [
        "the plan said about $71 a month; it is $73.84 a month + usage, because:",
        "Fargate, one task of 0.25 vCPU and 512 MiB: the plan said about $15 a month; it is $9.01 a month + usage, because $15 is the price of",
        "public IPv4 addresses: the plan said nothing; it is $10.95 a month, because",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
}

// --- contradictions ---------------------------------------------------------------------------------------------------------------

/// The sample app with a queue in Redis.
fn with_queue() -> Wizard {
    let wizard = Wizard::sample();
    std::fs::write(wizard.path().join("server/queue.ts"), "import { Queue } from \"bullmq\";\nexport const jobs = new Queue(\"jobs\");\n")
        .unwrap();
    wizard
}

#[test]
fn answers_that_contradict_the_app_provision_nothing_and_say_what_to_change() {
    let wizard = with_queue();
    std::fs::write(
        wizard.path().join("answers.toml"),
        "version = 1\n[answers]\ncache = \"none\"\ntasks_min = \"4\"\ntasks_max = \"2\"\ndomain = \"none\"\n",
    )
    .unwrap();
    let refused = wizard.run(&["--dry-run", "--yes", "--answers", "answers.toml"]).expect(1);
    for part in [
        "2 contradictions: nothing is provisioned with them",
        "4 tasks are always to run and 2 at most",
        "The app uses Redis",
        "--set cache=valkey",
        "start again with",
    ] {
        assert!(refused.err().contains(part), "{part}:\n{}", refused.err());
    }
    let entries = wizard.journal();
    assert!(!entries.iter().any(|e| e["what"]["step"] == "network"), "provisioned all the same");
    // the records are there, with what speaks against the decisions
    let index = std::fs::read_to_string(wizard.run_dir().join("decisions/README.md")).unwrap();
    assert!(index.contains("## What speaks against them") && index.contains("| contradiction | The app uses Redis"), "{index}");
    // with other answers the same run goes on
    wizard.run(&["--dry-run", "--yes", "--new", "--answers", "answers.toml", "--set", "cache=valkey", "--set", "tasks_max=4"]).expect(0);
    let record = std::fs::read_dir(wizard.run_dir().join("decisions"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.ends_with("0023-cache.md") || p.to_string_lossy().ends_with("-cache.md"))
        .unwrap();
    let record = std::fs::read_to_string(record).unwrap();
    for part in ["## Context", "## Decision", "## Consequences", "## Options and cost", "contradiction: The app uses Redis"] {
        assert!(record.contains(part), "{part}:\n{record}");
    }
    let report = wizard.run(&["report", "--dry-run", "--out", "report"]).expect(0);
    assert!(report.out().contains("report.html"));
    let report = std::fs::read_to_string(wizard.path().join("report/report.md")).unwrap();
    assert!(report.contains("What speaks against these decisions"), "{report}");
}

#[test]
fn a_contradiction_stands_where_the_choice_is_made() {
    let wizard = with_queue();
    let before = "is_live=live app_name=shop environment=staging region=us-east-1 services=app:3000 compute=fargate task_size=512-1024 \
                  architecture=x86_64 capacity=on_demand tasks_min=1 tasks_max=2 scaling=cpu scale_pace=careful cpu_alarm=80 \
                  deploy_strategy=rolling database=dsql foreign_keys=kept serial_keys=cache_1 backup_days=7";
    let mut args = vec!["--dry-run", "--plain"];
    args.extend(before.split_whitespace().flat_map(|pair| ["--set", pair]));
    // a person is asked, and reads it at the option
    let mut pty = Pty::wizard(&wizard, &args, 120, 60);
    pty.wait_for("Enter goes on, Esc stops");
    pty.keys("\r");
    pty.wait_for("contradiction: The app uses Redis");
    pty.wait_stable();
    pty.keys("\u{1b}");
    assert_eq!(pty.wait_exit(), 3);
    let plan = wizard.run(&["plan", "--set", "admin_access=allow_list", "--set", "domain=none"]).expect(0).out();
    assert!(plan.contains("What speaks against these decisions") && plan.contains("everybody would be shut out"), "{plan}");
    let cost = cost(&wizard, &["--set", "backup_days=0"]);
    let first = &cost["contradictions"][0];
    assert_eq!((first["id"].as_str(), first["severity"].as_str()), (Some("no-backups"), Some("stop")));
}
