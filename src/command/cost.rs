//! `cost`: the estimate of some decisions, scenarios side by side, price lists from AWS.
//! No domain knowledge here: arguments in, words or JSON out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::engines::{blueprint, system};
use super::run::{answers, checked_books};
use super::{out, out_json};
use crate::cli::{CostArgs, CostCmd, PricesArgs, RunArgs};
use crate::cloud::stacks::{self, Rendered};
use crate::cloud::{self, Access, Aws};
use crate::decide::{self, Answers, Contradiction, Estimate, Lookup, MOST_COMPARED, Made, Prices, Profile, Resources};
use crate::effects::{self, Costs, OWN_PRICES};
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;
use crate::runs;
use crate::text;
use crate::wizard::forecast::Coming;
use crate::wizard::template::Facts;

pub async fn run(args: &RunArgs, what: &CostArgs) -> Result<u8> {
    if let Some(CostCmd::Prices(to)) = &what.command {
        return prices(args, to).await;
    }
    let mut costs = Costs::of_runs(&args.dir.join(runs::FOLDER))?;
    for file in &what.prices {
        costs.take(file)?;
    }
    if !what.compare.is_empty() {
        return compare(args, what, &costs);
    }
    let facts = decided(args)?;
    let told = Told {
        plan: plan(args, &costs, &costs.estimate(&facts))?,
        estimate: costs.estimate(&facts),
        contradictions: costs.contradictions(&facts),
        differences: differences(args, &costs, &facts),
    };
    if args.json {
        return told.json().map(|()| 0);
    }
    out(told.estimate.table().trim_end());
    for (title, lines) in [("The owners' plan", &told.plan), ("Where the stacks say otherwise than this estimate", &told.differences)] {
        if !lines.is_empty() {
            out(format!("\n{title}\n  - {}", lines.join("\n  - ")));
        }
    }
    let against = decide::told(&told.contradictions);
    if !against.is_empty() {
        out(against.trim_end());
    }
    Ok(0)
}

/// All that `cost` says.
#[derive(Serialize)]
struct Told {
    estimate: Estimate,
    /// What the owners' plan said, and why it differs.
    plan: Vec<String>,
    contradictions: Vec<Contradiction>,
    differences: Vec<String>,
}

impl Told {
    /// The estimate's own keys, and beside them `plan`, `contradictions`, `differences`.
    fn json(&self) -> Result<()> {
        let json = |value: &dyn Fn() -> serde_json::Result<serde_json::Value>| {
            value().map_err(|e| Error::bug(format!("the estimate cannot be written: {e}")))
        };
        let mut all = json(&|| serde_json::to_value(&self.estimate))?;
        if let Some(keys) = all.as_object_mut() {
            keys.insert("plan".into(), json(&|| serde_json::to_value(&self.plan))?);
            keys.insert("contradictions".into(), json(&|| serde_json::to_value(&self.contradictions))?);
            keys.insert("differences".into(), json(&|| serde_json::to_value(&self.differences))?);
        }
        out_json(&all)
    }
}

/// The answers given, and what the newest run of this app found out.
fn decided(args: &RunArgs) -> Result<Facts> {
    let (_, books) = checked_books(args, "move")?;
    let found = runs::newest_of_any(&args.dir).ok().flatten().map(|found| found.state.facts()).unwrap_or_default();
    let mut facts: Facts = found.into_iter().filter(|(fact, _)| fact.starts_with("scan.") || fact.starts_with("source.")).collect();
    facts.extend(answers(args, &books)?.into_iter().map(|(id, given)| (id, given.value.into())));
    Ok(facts)
}

/// What the profile's owners wrote, line by line, beside today's figures.
fn plan(args: &RunArgs, costs: &Costs, estimate: &Estimate) -> Result<Vec<String>> {
    let Some(name) = &args.profile else { return Ok(Vec::new()) };
    let profile = Profile::load(name, costs.questions())?;
    let mut lines = Vec::new();
    if let Some(total) = &profile.plan_cost {
        let why = if profile.plan.is_empty() { "" } else { ", because:" };
        lines.push(format!("the plan said {total}; it is {} a month + usage{why}", estimate.baseline));
    }
    lines.extend(profile.plan.iter().map(|line| line.sentence(estimate)));
    Ok(lines)
}

/// What the stacks of these decisions make that the estimate does not say, or the other way round.
fn differences(args: &RunArgs, costs: &Costs, facts: &Facts) -> Vec<String> {
    let compared = || -> Result<Vec<String>> {
        let table = Resources::bundled()?;
        let tally = table.tally(&made(&blueprint(args, "cost")?)?)?;
        Ok(table.differences(&tally, &costs.estimate(facts)))
    };
    compared().unwrap_or_else(|error| vec![format!("the stacks cannot be rendered: {}", error.what)])
}

/// Every resource that the steps to come make, as it stands once the app runs: templates with their parameters put in, and what steps
/// make themselves.
pub fn made(coming: &[Coming]) -> Result<Vec<Made>> {
    let mut all = Vec::new();
    let mut outputs: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let system = system(coming)?;
    for stack in &system.stacks {
        let body = &stack.spec.template_body;
        let defaults = stacks::template_parameters(body)?.into_iter().filter_map(|(name, p)| Some((name, p.default?)));
        let mut parameters: BTreeMap<String, String> = defaults.collect();
        for (name, value) in &stack.spec.parameters {
            let mut full = value.clone();
            for (other, output) in stacks::references(value) {
                if let Some(known) = outputs.get(other).and_then(|all| all.get(output)) {
                    full = full.replace(&stacks::reference(other, output), known);
                }
            }
            parameters.insert(name.clone(), full);
        }
        let rendered = Rendered::of(body, &parameters)?;
        // a service waits without a task until the cutover; then it has as many as its scaling says; what runs once is usage
        let scaling = system.stacks.iter().filter(|other| other.needs().contains(stack.spec.name.as_str()));
        let least = scaling.chain([stack]).find_map(|stack| stack.spec.parameters.get("MinCount")).map_or("1", String::as_str);
        let tasks = if rendered.of_kind("AWS::ECS::Service").next().is_some() { least } else { "0" };
        parameters.insert("Tasks".to_owned(), tasks.to_owned());
        let plain = rendered.outputs.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        outputs.insert(stack.spec.name.clone(), plain.collect());
        all.extend(rendered.resources.into_iter().map(|r| Made { kind: r.kind, properties: r.properties, parameters: parameters.clone() }));
    }
    let steps = coming.iter().filter(|step| step.kind == "secret" || step.kind == "repository");
    all.extend(steps.map(|step| Made {
        kind: format!("effect:{}", step.kind),
        properties: step.fields.clone(),
        parameters: BTreeMap::new(),
    }));
    Ok(all)
}

fn compare(args: &RunArgs, what: &CostArgs, costs: &Costs) -> Result<u8> {
    if !(2..=MOST_COMPARED).contains(&what.compare.len()) {
        let given = text::plural(what.compare.len() as u64, "scenario");
        return Err(Error::new(Kind::Usage, format!("--compare: {given}, but two to {MOST_COMPARED} fit side by side"))
            .hint("for example: migrate-wizard cost --compare alva alva+nat=none; for one alone: migrate-wizard cost --profile alva"));
    }
    let (_, books) = checked_books(args, "move")?;
    let own: Answers = answers(args, &books)?.into_iter().map(|(id, given)| (id, given.value)).collect();
    let sets = what.compare.iter().map(|text| Ok((text.as_str(), scenario(text, &own, costs)?))).collect::<Result<Vec<_>>>()?;
    let compared = decide::compare(&sets, costs.prices()).on(&effects::today());
    if args.json {
        return out_json(&compared).map(|()| 0);
    }
    out(compared.table().trim_end());
    Ok(0)
}

/// `base+id=value,id=value`: the base is a profile, an answers file, or nothing for the answers given beside it. A comma in a value stays in it.
fn scenario(text: &str, own: &Answers, costs: &Costs) -> Result<Answers> {
    let (base, changes) = text.split_once('+').unwrap_or((text, ""));
    let questions = costs.questions();
    let mut answers = if base.is_empty() {
        own.clone()
    } else if Profile::names().contains(&base) {
        Profile::load(base, questions)?.answers
    } else if Path::new(base).is_file() {
        let body = std::fs::read_to_string(base).or_fail(Kind::Input, format!("cannot read the answers file {base}"), "check its name")?;
        decide::answers_file(base, &body, questions)?
    } else {
        return Err(Error::new(Kind::Usage, format!("--compare {text}: `{base}` is no profile and no file"))
            .hint(format!("one of: {}, or an answers file; with other answers: alva+nat=none,tasks_min=2", Profile::names().join(", "))));
    };
    let mut last: Option<String> = None;
    for part in changes.split(',').filter(|part| !part.is_empty()) {
        match part.split_once('=').filter(|(id, _)| questions.iter().any(|q| q.id == *id)) {
            Some((id, value)) => {
                let question = questions.iter().find(|q| q.id == id && !q.options.is_empty());
                if let Some(question) = question.filter(|q| !q.options.iter().any(|option| option == value)) {
                    return Err(Error::new(Kind::Usage, format!("--compare {text}: `{value}` is not a choice of `{id}`"))
                        .hint(format!("one of: {}", question.options.join(", "))));
                }
                answers.insert(id.to_owned(), value.to_owned());
                last = Some(id.to_owned());
            }
            None => match last.as_ref().and_then(|id| answers.get_mut(id)).filter(|_| !part.contains('=')) {
                Some(value) => *value = format!("{value},{part}"),
                None => {
                    return Err(Error::new(Kind::Usage, format!("--compare {text}: `{part}` is no answer"))
                        .hint("write other answers as base+id=value,id=value; the ids are in `migrate-wizard playbooks list`"));
                }
            },
        }
    }
    Ok(decide::settle(&answers, questions))
}

/// Asks AWS for every line of a price list, and writes what it answered.
async fn prices(args: &RunArgs, to: &PricesArgs) -> Result<u8> {
    let region = args
        .region
        .clone()
        .ok_or_else(|| Error::new(Kind::Usage, "of which region?").hint("name it: migrate-wizard cost prices --region eu-central-1"))?;
    cloud::region::check(&region)?;
    let options = cloud::Options {
        profile: args.aws_profile.clone(),
        region: Some(cloud::prices::REGION.to_owned()),
        ..cloud::Options::new(Access::ReadOnly)
    };
    let aws = Aws::connect(options).await?;
    let lookup = Lookup::bundled()?;
    let mut found = BTreeMap::new();
    let mut missing = Vec::new();
    for query in lookup.queries(&region)? {
        let products = cloud::prices::products(&aws, &query.service, &query.filters).await?;
        let products: Vec<decide::Product> = products.into_iter().map(product).collect();
        match lookup.price(&query, &region, &products) {
            Ok(price) => drop(found.insert(query.id, price)),
            Err(why) => missing.push((query.id, why)),
        }
    }
    if found.is_empty() {
        return Err(Error::new(Kind::Failed, format!("AWS answered with no price of {region} that is needed here"))
            .hint("try again later; until then the bundled prices are used, with a note"));
    }
    let file = to.out.clone().unwrap_or_else(|| own_file(&args.dir, &region));
    let body = decide::price_file(&region, &effects::today(), &found, &Prices::bundled()?, &missing);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        own_folder::make(folder).or_fail(Kind::Input, format!("cannot make {}", folder.display()), "choose another file with --out")?;
    }
    std::fs::write(&file, body).or_fail(Kind::Input, format!("cannot write {}", file.display()), "choose another file with --out")?;
    if args.json {
        let lacks: BTreeMap<&String, &String> = missing.iter().map(|(id, why)| (id, why)).collect();
        out_json(&serde_json::json!({ "region": region, "file": file, "found": found.len(), "missing": lacks }))?;
    } else {
        for (id, why) in &missing {
            out(format!("not found: {id} ({why})"));
        }
        let next =
            if to.out.is_some() { format!("migrate-wizard cost --prices {}", file.display()) } else { "migrate-wizard cost".to_owned() };
        out(format!(
            "{} of {region} in {}, {} not found. Next: {next}",
            text::plural(found.len() as u64, "price"),
            file.display(),
            missing.len()
        ));
    }
    Ok(u8::from(!missing.is_empty()))
}

/// Where a price list is found again by every command on this app.
fn own_file(app: &Path, region: &str) -> PathBuf {
    app.join(runs::FOLDER).join(OWN_PRICES).join(format!("{region}.toml"))
}

fn product(from: cloud::prices::Product) -> decide::Product {
    let tiers = from.tiers.into_iter().map(|t| decide::Tier { from: t.from, unit: t.unit, usd: t.usd, since: t.since });
    decide::Product { sku: from.sku, usage_type: from.usage_type, tiers: tiers.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Answers> {
        scenario(text, &Answers::from([("tasks_min".to_owned(), "3".to_owned())]), &Costs::bundled().unwrap())
    }

    #[test]
    fn a_scenario_is_a_base_with_other_answers() {
        let answers = of("alva+services=web:3000,api:3001,nat=none").unwrap();
        let get = |id: &str| answers.get(id).map(String::as_str);
        assert_eq!((get("services"), get("nat"), get("database")), (Some("web:3000,api:3001"), Some("none"), Some("rds")));
        assert_eq!(of("+nat=none").unwrap().get("tasks_min").map(String::as_str), Some("3"));
    }

    #[test]
    fn a_scenario_that_cannot_be_meant_is_refused() {
        for (text, said) in [
            ("nobody", "`nobody` is no profile and no file"),
            ("alva+nat=two", "`two` is not a choice of `nat`"),
            ("alva+nut=one", "`nut=one` is no answer"),
            ("alva+one", "`one` is no answer"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.what.contains(said) && !error.hint.is_empty(), "{text}: {error}");
        }
    }
}
