//! Playbook, profiles and prices together: every profile answers every question, and its total is worked out by hand.
//! Nothing here is compiled into the wizard.

use std::collections::BTreeMap;

use super::*;

/// The questions of `playbooks/decide.toml`, defaults with their fallbacks.
fn questions() -> Vec<QuestionSpec> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/decide.toml");
    let book: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let text = |table: &toml::Table, key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let mut found = Vec::new();
    for step in book["step"].as_array().unwrap() {
        let step = step.as_table().unwrap();
        let Some(ask) = step.get("ask").map(|ask| ask.as_table().unwrap()) else { continue };
        let options: Vec<String> = ask
            .get("option")
            .map(|all| all.as_array().unwrap().iter().map(|o| text(o.as_table().unwrap(), "id").unwrap()).collect())
            .unwrap_or_default();
        let when: BTreeMap<String, Vec<String>> = step
            .get("when")
            .map(|when| {
                when.as_table()
                    .unwrap()
                    .iter()
                    .map(|(id, values)| (id.clone(), values.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()))
                    .collect()
            })
            .unwrap_or_default();
        let default = text(ask, "recommended")
            .or(text(ask, "default"))
            .map(|d| d.replace("${scan.services|app:3000}", "app:3000").replace("${scan.name|app}", "app"));
        found.push(QuestionSpec { id: text(step, "id").unwrap(), options, default, when });
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
        assert_eq!(missing(&profile.answers, &questions), Vec::<&str>::new(), "{}", profile.name);
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
//   secrets database, session, cognito 3 × .40 = 1.20; alarms 2 + 1 + 1 = 4 × .10 = .40               1.60
#[test]
fn grievance_portal_costs_what_the_hand_says() {
    assert_eq!(total("grievance-portal"), "$70.84");
}

// dougust
//   NAT 2 × 32.85 = 65.70; IPv4 4 × 3.65 = 14.60; ALB 16.43                                           96.73
//   Fargate 2 × 0.5/1: 730 × .04048 = 29.55; 1,460 × .004445 = 6.49                                  36.04
//   RDS t3.large Multi-AZ 730 × .29 = 211.70; 100 GB × .23 = 23.00                                  234.70
//   secrets database, session, tokens 1.20; alarms 2 + 1 + 3 = 6 → .60                                1.80
#[test]
fn dougust_costs_what_the_hand_says() {
    assert_eq!(total("dougust"), "$369.27");
}

// alva
//   NAT 32.85; IPv4 3 × 3.65 = 10.95; ALB 16.43; private zone .50                                     60.73
//   Fargate 4 × 0.5/1: 1,460 × .04048 = 59.10; 2,920 × .004445 = 12.98                                72.08
//   RDS t3.micro 730 × .018 = 13.14; 20 GB × .115 = 2.30; Redis 730 × .017 = 12.41                    27.85
//   secrets database, session, tokens, openai, cache 2.00; alarms 8 + 1 + 3 = 12 → 1.20                3.20
#[test]
fn alva_costs_what_the_hand_says() {
    assert_eq!(total("alva"), "$163.86");
}

// shadowtwin
//   NAT 32.85; IPv4 10.95; ALB 16.43                                                                  60.23
//   Fargate 2 × 1/2: 1,460 × .04048 = 59.10; 2,920 × .004445 = 12.98                                  72.08
//   RDS t3.medium Multi-AZ 730 × .145 = 105.85; 20 GB × .23 = 4.60; Redis 12.41                       122.86
//   secrets database, session, tokens, openai, cache 2.00; alarms 6 → .60                              2.60
#[test]
fn shadowtwin_costs_what_the_hand_says() {
    assert_eq!(total("shadowtwin"), "$257.77");
}

// shadowtwin on EC2: no NAT; IPv4 2 balancer + 1 instance = 10.95; t3.medium 730 × .0416 = 30.37; 30 GB × .08 = 2.40;
//   ALB 16.43; database and cache 122.86; secrets and alarms 2.60
#[test]
fn shadowtwin_on_ec2_costs_what_the_hand_says() {
    assert_eq!(total("shadowtwin-ec2"), "$185.61");
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
    assert_eq!(estimate.notes, ["you chose eu-west-1, and these are the prices of us-east-1: expect a difference of some percent"]);
}

#[test]
fn the_difference_of_an_option_follows_what_it_brings_along() {
    let (questions, prices, grievance) = (questions(), Prices::bundled().unwrap(), answers("grievance-portal"));
    let of = |question: &str, option: &str| delta(&grievance, &questions, question, option, &prices).to_string();
    // one more gateway 32.85 and its address 3.65
    assert_eq!(of("nat", "per_az"), "+$36.50 a month");
    // the gateway and its address go, the one task gets an address: −32.85 − 3.65 + 3.65
    assert_eq!(of("nat", "none"), "-$32.85 a month");
    // recommended db.t4g.micro Multi-AZ 730 × .032 = 23.36, 20 GB × .23 = 4.60, two more alarms .20
    assert_eq!(of("database", "rds"), "+$28.16 a month + usage");
    assert_eq!(of("database", "dsql"), "same price");
    assert_eq!(of("capacity", "spot"), "-$9.01 a month + a price not known here");
}

#[test]
fn estimates_are_shown_with_every_line_and_the_corrections() {
    let (prices, grievance) = (Prices::bundled().unwrap(), answers("grievance-portal"));
    let estimate = estimate(&grievance, &prices);
    for part in [
        "baseline $70.84 a month",
        "$0.04048 per vCPU-hour",
        "AWS Backup storage of Aurora DSQL",
        "plans often quote about $15 a month; today it is $9.01 a month",
    ] {
        assert!(estimate.table().contains(part), "expected {part:?} in:\n{}", estimate.table());
    }
    assert!(estimate.markdown().contains("**Baseline $70.84 a month**"), "{}", estimate.markdown());
    let both = compare(&[("grievance", grievance), ("dougust", answers("dougust"))], &prices);
    assert!(both.markdown().contains("| total | $70.84 | $369.27 |"), "{}", both.markdown());
}
