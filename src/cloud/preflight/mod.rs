//! What a run will meet on AWS, looked at before it starts: who we are, the region, quotas, names, the domain, rights. All problems at
//! once, each with its fix. Only reads, and what cannot be told is said to be not known: it never stands for "good".

mod calls;
mod domain;
mod finding;
mod names;
pub mod policy;
mod quotas;
mod regions;
pub mod rights;
mod simulate;
mod who;

use std::collections::BTreeMap;

use super::session::Aws;
use super::stacks::{self, Rendered, StackSpec, StackStatus, System};
use crate::error::Result;

pub use calls::Call;
pub use finding::{Check, Finding, Report, Verdict};

/// What a run will need.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Reads that must answer.
    pub calls: Vec<Call>,
    /// What every name begins with: `shop-production`.
    pub prefix: String,
    /// All stacks that will be made; one that is made twice (again, with other parameters) stands twice.
    pub system: System,
    /// Names of secrets that the wizard makes itself.
    pub secrets: Vec<String>,
    /// Names of image repositories that the wizard makes itself.
    pub repositories: Vec<String>,
    pub domain: Domain,
}

/// Whose the domain is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Domain {
    #[default]
    None,
    /// Route 53 of this account.
    Here(String),
    /// Route 53 of another account, whose role we take on.
    Other { name: String, role_arn: String },
    /// A registrar that no API reaches.
    Outside(String),
}

/// A stack with its resources, and what is there of it.
pub(super) struct Stack<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: &'a BTreeMap<String, String>,
    pub(super) rendered: Rendered,
    /// `None`: no stack of that name.
    pub(super) there: Option<StackStatus>,
}

impl Stack<'_> {
    /// It was made by us: its names are taken by it, and what it uses up is in use already.
    fn is_ours(&self) -> bool {
        self.there.as_ref().is_some_and(|status| status.ours && !status.in_review())
    }
}

impl Wanted {
    /// Every stack once, as it will be in the end.
    fn rendered(&self) -> Result<Vec<(&StackSpec, Rendered)>> {
        let mut last = BTreeMap::new();
        for (at, stack) in self.system.stacks.iter().enumerate() {
            last.insert(stack.spec.name.as_str(), at);
        }
        let kept = self.system.stacks.iter().enumerate().filter(|(at, stack)| last.get(stack.spec.name.as_str()) == Some(at));
        kept.map(|(_, stack)| Ok((&stack.spec, Rendered::of(&stack.spec.template_body, &stack.spec.parameters)?))).collect()
    }
}

/// Looks at everything. Errors if nobody can be told who we are, or if the credentials belong to another account than the run.
pub async fn run(aws: &Aws, wanted: &Wanted) -> Result<Report> {
    let identity = aws.check_pin().await?;
    let mut findings = who::findings(aws, &identity).await;
    findings.extend(calls::calls(aws, &wanted.calls).await);
    // where even the stacks cannot be read, the rest would say the same again
    let stacks = match stacks_of(aws, wanted).await? {
        Ok(stacks) => stacks,
        Err(finding) => {
            if !findings.iter().any(|f| f.check == Check::Calls && f.verdict == Verdict::Stops) {
                findings.push(finding);
            }
            return Ok(Report { identity, findings, zone: None });
        }
    };
    let (regions, quotas, names, domain, rights) = tokio::join!(
        regions::findings(aws, &stacks),
        quotas::findings(aws, &stacks),
        names::findings(aws, wanted, &stacks),
        domain::findings(aws, wanted, &stacks),
        simulate::findings(aws, &identity, wanted, &stacks),
    );
    findings.extend(regions?);
    findings.extend(quotas?);
    findings.extend(names);
    findings.extend(domain);
    findings.extend(rights?);
    findings.sort_by_key(|f| (f.check, std::cmp::Reverse(f.verdict)));
    // where the zones cannot be read, the findings say so
    let zone = domain::existing(aws, wanted, &stacks).await.unwrap_or_default();
    Ok(Report { identity, findings, zone })
}

async fn stacks_of<'a>(aws: &Aws, wanted: &'a Wanted) -> Result<Result<Vec<Stack<'a>>, Finding>> {
    let rendered = wanted.rendered()?;
    let there = futures_util::future::join_all(rendered.iter().map(|(spec, _)| stacks::status(aws, &spec.name))).await;
    let mut all = Vec::new();
    for ((spec, rendered), there) in rendered.into_iter().zip(there) {
        match there {
            Ok(there) => all.push(Stack { name: &spec.name, parameters: &spec.parameters, rendered, there }),
            Err(error) => {
                return Ok(Err(Finding::stops(
                    Check::Name,
                    format!("the stack {} cannot be read: {}", spec.name, error.line()),
                    &error.hint,
                )));
            }
        }
    }
    Ok(Ok(all))
}
