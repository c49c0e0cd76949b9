//! `check_aws`: who are we, in which account and region, and what of AWS will stop this run? Only hands what the run will need to
//! `cloud::preflight`; reads only, and what it finds pins the run to the account.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::World;
use super::scan_app::EXAMPLE_OWNER;
use crate::cloud::preflight::{self, Call, Check, Domain, Finding, Verdict, Wanted};
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckAws {
    region: String,
    /// `rds`, `aurora` or `dsql`: the first two need RDS calls.
    database: String,
    /// `none` needs no Route 53.
    #[serde(default)]
    domain: String,
    #[serde(default)]
    domain_name: String,
    /// Of the account that holds the domain's zone, when it is another.
    #[serde(default)]
    dns_role_arn: String,
    /// What every name begins with: app and environment.
    #[serde(default)]
    prefix: String,
    /// Question id → {value, source}: which stacks there will be follows from them.
    #[serde(default)]
    answers: Map<String, Value>,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let check = from_fields::<CheckAws>("check_aws", fields)?;
    one_of("check_aws", "database", &check.database, &["rds", "aurora", "dsql"])?;
    Ok(Box::new(check))
}

/// What the fields of this effect say of what a run will need.
pub fn wanted_of(fields: &Value) -> Result<Wanted> {
    Ok(from_fields::<CheckAws>("check_aws", fields.clone())?.wanted())
}

/// Tells what a run with these answers will need of AWS. Only a command can: it may look at the steps to come, and an effect may not.
pub struct Foresight(pub Box<Foresee>);

/// What the answers so far would make.
type Foresee = dyn Fn(&Map<String, Value>) -> Result<Wanted> + Send + Sync;

impl std::fmt::Debug for Foresight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Foresight")
    }
}

impl CheckAws {
    fn calls(&self) -> Vec<Call> {
        let mut calls = vec![Call::Identity, Call::Stacks, Call::Images, Call::Services, Call::Secrets];
        if self.database != "dsql" {
            calls.push(Call::Databases);
        }
        if self.domain == "route53" {
            calls.push(Call::Dns);
        }
        calls
    }

    fn wanted(&self) -> Wanted {
        let name = self.domain_name.clone();
        let domain = match self.domain.as_str() {
            "route53" => Domain::Here(name),
            "other_account" => Domain::Other { name, role_arn: self.dns_role_arn.clone() },
            "external" => Domain::Outside(name),
            _ => Domain::None,
        };
        Wanted { calls: self.calls(), prefix: self.prefix.clone(), domain, ..Wanted::default() }
    }
}

/// A pipeline that would trust a repository which nobody named. In a sandbox it is a warning: no account is there to be taken over.
fn strangers(wanted: &Wanted, sandbox: bool) -> Option<Finding> {
    let named = wanted.system.stacks.iter().find_map(|stack| stack.spec.parameters.get("GitHubRepository"));
    let example = named.filter(|name| name.starts_with(EXAMPLE_OWNER))?;
    let what = format!("the pipeline would trust {example}: an example, and whoever has that name on GitHub is a stranger");
    let fix = "say which repository the app is in: --set github_repository=OWNER/NAME, or cicd=none";
    Some(if sandbox { Finding::warns(Check::Name, what, fix) } else { Finding::stops(Check::Name, what, fix) })
}

#[async_trait]
impl Look<World> for CheckAws {
    fn describe(&self) -> Description {
        Description::new(
            format!("check AWS credentials and the calls that will be needed in {}", self.region),
            format!("aws sts get-caller-identity --region {}", self.region),
        )
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(self.calls().iter().map(|c| PreviewLine::new(Sign::Note, format!("tries {}", c.action()))).collect())
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        world.settle_region(&self.region)?;
        let aws = world.aws().await?;
        let Wanted { system, secrets, repositories, .. } = world.foresee(&self.answers)?;
        let wanted = Wanted { system, secrets, repositories, ..self.wanted() };
        let mut report = preflight::run(aws, &wanted).await?;
        report.findings.extend(strangers(&wanted, world.is_sandbox()));
        report.findings.iter().for_each(|finding| cx.reporter.log(finding.line()));
        if let Some(error) = report.stopped() {
            return Err(error);
        }
        let who = &report.identity;
        let mut summary = format!("account {} in {}, {} calls answer", who.account, who.region, wanted.calls.len());
        match report.of(Verdict::Warns).count() {
            0 => {}
            1 => summary.push_str(", 1 warning"),
            more => summary.push_str(&format!(", {more} warnings")),
        }
        let mut outputs = Outputs::from([
            ("aws_account".into(), json!(who.account)),
            ("aws_region".into(), json!(who.region)),
            ("arn".into(), json!(who.arn)),
            ("summary".into(), json!(summary)),
            ("zone".into(), json!(if report.zone.is_some() { "existing" } else { "create" })),
            ("zone_id".into(), json!(report.zone.as_ref().map_or("", |zone| &zone.id))),
        ]);
        let warnings: Vec<String> = report.of(Verdict::Warns).map(|f| format!("{}; {}", f.what, f.fix)).collect();
        if !warnings.is_empty() {
            outputs.insert("warnings".into(), json!(warnings));
        }
        Ok(outputs)
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("aws_account".into(), json!("000000000000")),
            ("aws_region".into(), json!(self.region)),
            ("arn".into(), json!("arn:aws:iam::000000000000:user/example")),
            ("summary".into(), json!("AWS was not asked")),
            ("zone".into(), json!("create")),
            ("zone_id".into(), json!("")),
        ])
    }
}
