//! Plain variables of a service: another value, as a new revision of its task definition.
//! Never touches an image, a count or a secret.

use aws_sdk_ecs::types::{ContainerDefinition, KeyValuePair};

use super::redeploy;
use super::revisions::{short, task_definition};
use super::services::{self, Deployed};
use super::session::Aws;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// Which variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// That of this name.
    Named(&'a str),
    /// All that have this value, such as the host of a database.
    Holding(&'a str),
}

/// What would change, by name; never a value, since a variable may hold one that is nobody's business.
pub async fn concerned(aws: &Aws, cluster: &str, service: &str, which: Which<'_>) -> Result<Vec<String>> {
    let found = services::present(aws, cluster, service).await?;
    let (current, _) = task_definition(aws, &found.task_definition).await?;
    let mut names: Vec<String> = current
        .container_definitions()
        .iter()
        .flat_map(|container| container.environment())
        .filter(|pair| meant(pair, which))
        .filter_map(|pair| pair.name().map(str::to_owned))
        .collect();
    names.dedup();
    Ok(names)
}

/// Gives these variables another value and waits until only tasks with it run. Where no variable has the value `Holding` names, new tasks
/// are started all the same: what they read at their start may have changed. Twice equals once.
///
/// # Errors
/// `Conflict` if there is no service, or no variable of the name.
pub async fn set(aws: &Aws, cluster: &str, service: &str, which: Which<'_>, value: &str, reporter: &Reporter) -> Result<Deployed> {
    let found = services::present(aws, cluster, service).await?;
    let (current, carried) = task_definition(aws, &found.task_definition).await?;
    let there = current.container_definitions().iter().flat_map(|c| c.environment()).any(|pair| meant(pair, which));
    match (changed(current.container_definitions(), which, value), which) {
        (Some(containers), _) => {
            let revision = services::revision(aws, current, containers, carried, &found.task_definition).await?;
            services::rollback(aws, cluster, service, &revision, reporter).await?;
            Ok(Deployed { previous: found.task_definition, current: revision })
        }
        (None, Which::Holding(_)) => redeploy::force(aws, cluster, service, reporter).await,
        (None, Which::Named(_)) if there => services::deploy(aws, cluster, service, None, None, reporter).await,
        (None, Which::Named(name)) => {
            Err(Error::new(Kind::Conflict, format!("no container of {} has a variable {name}", short(&found.task_definition)))
                .hint("a secret is changed as a secret; a variable that is not there yet comes with `migrate-wizard stacks deploy`"))
        }
    }
}

fn meant(pair: &KeyValuePair, which: Which<'_>) -> bool {
    match which {
        Which::Named(name) => pair.name() == Some(name),
        Which::Holding(value) => pair.value() == Some(value),
    }
}

/// The containers with the new value; `None` if nothing changes.
fn changed(containers: &[ContainerDefinition], which: Which<'_>, value: &str) -> Option<Vec<ContainerDefinition>> {
    let mut all = containers.to_vec();
    for pair in all.iter_mut().flat_map(|container| container.environment.iter_mut().flatten()).filter(|pair| meant(pair, which)) {
        pair.value = Some(value.to_owned());
    }
    (all != containers).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(pairs: &[(&str, &str)]) -> ContainerDefinition {
        let pairs = pairs.iter().map(|(name, value)| KeyValuePair::builder().name(*name).value(*value).build()).collect::<Vec<_>>();
        ContainerDefinition::builder().name("app").set_environment(Some(pairs)).build()
    }

    #[test]
    fn a_host_changes_wherever_it_stands_and_nothing_else_does() {
        let before = [app(&[("PGHOST", "old.example"), ("READ_HOST", "old.example"), ("URL", "https://old.example")])];
        let after = [app(&[("PGHOST", "new.example"), ("READ_HOST", "new.example"), ("URL", "https://old.example")])];
        assert_eq!(changed(&before, Which::Holding("old.example"), "new.example").as_deref(), Some(&after[..]));
        assert_eq!(changed(&after, Which::Holding("old.example"), "new.example"), None, "twice is once");
        assert_eq!(changed(&after, Which::Named("PGHOST"), "new.example"), None);
        assert!(changed(&after, Which::Named("PGHOST"), "x").is_some());
    }
}
