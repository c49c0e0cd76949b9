//! What a run will need of AWS, gathered from the steps to come: for the check before a run, and for the rights that a person needs.
//! No domain knowledge here: what is needed is in the playbooks, what it means is in `cloud::preflight`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::engines::{blueprint, system};
use super::{out, out_json};
use crate::cli::{DoctorArgs, RunArgs};
use crate::cloud::preflight::rights::Place;
use crate::cloud::preflight::{self, Verdict, Wanted, policy};
use crate::cloud::{Access, Aws, Options};
use crate::effects::{self, Foresight};
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::wizard::forecast::{Coming, forecast};
use crate::wizard::journal::{Entry, FORMAT, Record, Source};
use crate::wizard::plan::{Books, Suggestion};
use crate::wizard::state::State;
use crate::wizard::template::{self, Facts};
use crate::wizard::view::Mode;

/// Every step of a new run with these answers and given facts, in order: nothing of it was done, nothing is asked.
pub fn coming(books: &Books, facts: Facts, sandbox: bool, answers: &BTreeMap<String, Suggestion>) -> Result<Vec<Coming>> {
    let opened = Entry::Opened {
        format: FORMAT,
        run: facts.get("run.id").map(template::plain).unwrap_or_default(),
        journey: "move".into(),
        mode: Mode::Dry,
        sandbox,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts,
    };
    let state = State::replay([&Record { n: 1, at: String::new(), sum: String::new(), what: opened }])?;
    Ok(forecast(books, &state, answers, &BTreeMap::new(), &effects::registry()))
}

/// For a run that is being opened: what it will need once its questions are answered.
pub fn foresight(books: &Arc<Books>, given: &Facts, sandbox: bool) -> Foresight {
    let (books, given) = (Arc::clone(books), given.clone());
    Foresight(Box::new(move |answers: &Map<String, Value>| {
        let value = |answer: &Value| answer.get("value").map(template::plain).unwrap_or_default();
        let suggested = answers.iter().map(|(id, answer)| (id.clone(), Suggestion { value: value(answer), source: Source::Asked }));
        wanted(&coming(&books, given.clone(), sandbox, &suggested.collect())?)
    }))
}

/// What the steps to come need of AWS.
pub fn wanted(coming: &[Coming]) -> Result<Wanted> {
    let field = |step: &Coming, name: &str| step.fields.get(name).map(template::plain).unwrap_or_default();
    let of = |kind: &'static str| coming.iter().filter(move |step| step.kind == kind && !step.fields.is_null());
    let Some(check) = of("check_aws").next() else {
        return Err(Error::new(Kind::Input, "no step of these playbooks looks at AWS, so what they need is not known")
            .hint("see them with `migrate-wizard playbooks list`; a playbook of your own must keep the step with `kind = \"check_aws\"`"));
    };
    Ok(Wanted {
        system: system(coming)?,
        secrets: of("secret").map(|step| field(step, "name")).collect(),
        repositories: of("repository").map(|step| field(step, "name")).collect(),
        ..effects::wanted_of(&check.fields)?
    })
}

/// The region that was answered.
fn region(coming: &[Coming]) -> Option<String> {
    coming.iter().find(|step| step.kind == "check_aws").and_then(|step| step.fields.get("region")).map(template::plain)
}

/// Everything of AWS that would stop a run with these answers; exit code 1 if something would.
pub async fn doctor(args: &RunArgs) -> Result<u8> {
    let coming = blueprint(args, "doctor")?;
    let mut options = Options::new(Access::ReadOnly);
    options.region = args.region.clone().or_else(|| region(&coming));
    options.profile.clone_from(&args.aws_profile);
    let report = preflight::run(&Aws::connect(options).await?, &wanted(&coming)?).await?;
    if args.json {
        out_json(&report)?;
    } else {
        for finding in &report.findings {
            out(format!("{:<7} {}", finding.verdict.word(), finding.what));
            if !finding.fix.is_empty() {
                out(format!("        next: {}", finding.fix));
            }
        }
        let count = |verdict| report.of(verdict).count() as u64;
        out(format!(
            "\n{} would stop the run, {}, {}. Next: {}",
            count(Verdict::Stops),
            text::plural(count(Verdict::Warns), "warning"),
            text::plural(count(Verdict::Note), "note"),
            if count(Verdict::Stops) > 0 { "settle those, then run the same command" } else { "migrate-wizard --dry-run" }
        ));
    }
    Ok(u8::from(report.of(Verdict::Stops).next().is_some()))
}

/// The rights that a person needs for the system of these answers, as IAM policies.
///
/// Who is signed in gives the account's number; nobody signed in leaves the word ACCOUNT in its place.
pub async fn rights(args: &RunArgs) -> Result<u8> {
    let coming = blueprint(args, "doctor")?;
    let wanted = wanted(&coming)?;
    let region = args.region.clone().or_else(|| region(&coming)).unwrap_or_else(|| "REGION".to_owned());
    let place = Place {
        partition: partition(&region).to_owned(),
        account: account(args, &region).await.unwrap_or_else(|| "ACCOUNT".to_owned()),
        prefix: wanted.prefix.clone(),
        region,
    };
    let documents = policy::documents(&wanted, &place)?;
    if args.json {
        return out_json(&documents).map(|()| 0);
    }
    for (at, document) in documents.iter().enumerate() {
        out(format!("-- policy {} of {}: {} of {} characters", at + 1, documents.len(), policy::characters(document), policy::MOST));
        out_json(document)?;
    }
    out(format!(
        "Next: aws iam create-policy --policy-name {}-migrate-1 --policy-document file://… for each of the {}, then attach them to the role of whoever runs this",
        wanted.prefix,
        documents.len()
    ));
    Ok(0)
}

async fn account(args: &RunArgs, region: &str) -> Option<String> {
    let mut options = Options::new(Access::ReadOnly);
    options.region = Some(region.to_owned());
    options.profile.clone_from(&args.aws_profile);
    let aws = Aws::connect(options).await.ok()?;
    if !aws.has_credentials().await {
        return None;
    }
    Some(aws.identity().await.ok()?.account)
}

fn partition(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "cn" => "aws-cn",
        "us" if region.starts_with("us-gov-") => "aws-us-gov",
        "eusc" => "aws-eusc",
        _ => "aws",
    }
}

/// What a person asked `doctor` for besides this machine.
pub async fn run(args: &RunArgs, what: &DoctorArgs) -> Result<u8> {
    if what.policy { rights(args).await } else { doctor(args).await }
}
