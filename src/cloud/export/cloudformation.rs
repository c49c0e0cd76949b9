//! CloudFormation as it is: the templates, and a script that deploys them in order with the AWS command line.
//! The script says what it does and holds no value that only the account knows.

use std::collections::BTreeMap;

use super::value::{Piece, outside, pieces};
use super::{About, bash, parameters, tags};
use crate::cloud::stacks::System;
use crate::error::Result;

const HEAD: &str = include_str!("../../../assets/exports/cloudformation/deploy.sh");
const README: &str = include_str!("../../../assets/exports/cloudformation/README.md");

pub(super) fn files(system: &System, about: &About) -> Result<BTreeMap<String, String>> {
    let mut script = HEAD.replace("@REGION@", &about.region);
    let (_, images) = outside(system);
    for (repository, variable) in &images {
        script.push_str(&format!("{0}=${{{1}:-$(image {2})}}\n", variable, variable.to_uppercase(), bash(repository)));
    }
    for stack in &system.stacks {
        script.push_str(&format!("\nsay {}\n", bash(&format!("{} ({})", stack.spec.name, stack.title))));
        // looked up line by line: bash ends a script for a failure there, and not for one inside a list
        let given = parameters(stack)?;
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for look_up in given.iter().flat_map(|(name, value, _)| pieces(name, value)).filter_map(look_up) {
            let next = format!("v{}", found.len());
            if let std::collections::btree_map::Entry::Vacant(place) = found.entry(look_up.clone()) {
                script.push_str(&format!("{next}=$({look_up})\n"));
                place.insert(next);
            }
        }
        script.push_str("parameters=(\n");
        for (name, value, _) in &given {
            script.push_str(&format!("  {name}={}\n", value_of(name, value, &images, &found)));
        }
        script.push_str(")\ntags=(");
        script.push_str(&tags(stack).iter().map(|(k, v)| bash(&format!("{k}={v}"))).collect::<Vec<_>>().join(" "));
        let protect = if stack.spec.termination_protection { " protect" } else { "" };
        script.push_str(&format!(")\ndeploy {} {}{protect}\n", bash(&stack.spec.name), bash(about.template(system, stack))));
    }
    let (readme, order) = (README.replace("@APP@", &about.app).replace("@REGION@", &about.region), order(system, about));
    Ok(BTreeMap::from([("deploy.sh".to_owned(), script), ("README.md".to_owned(), readme.replace("@STACKS@", &order))]))
}

/// A table of the stacks in order, for every README.
pub(super) fn order(system: &System, about: &About) -> String {
    let mut table = String::from("| stack | template | what it is | data that stays |\n|---|---|---|---|\n");
    for stack in &system.stacks {
        let keeps = if stack.spec.termination_protection { "yes" } else { "" };
        table.push_str(&format!(
            "| `{}` | `templates/{}.yaml` | {} | {keeps} |\n",
            stack.spec.name,
            about.template(system, stack),
            stack.title
        ));
    }
    table
}

/// The call that finds what a piece stands for.
fn look_up(piece: Piece<'_>) -> Option<String> {
    match piece {
        Piece::Output { stack, output } => Some(format!("output {} {}", bash(stack), bash(output))),
        Piece::Secret(secret) => Some(format!("secret {}", bash(secret))),
        Piece::Text(_) | Piece::Account | Piece::Image(_) => None,
    }
}

/// The value as a word of bash; `found` are the variables of what was looked up.
fn value_of(name: &str, value: &str, images: &BTreeMap<&str, String>, found: &BTreeMap<String, String>) -> String {
    let variable = |name: &str| format!("\"${{{name}}}\"");
    let parts = pieces(name, value).into_iter().map(|piece| match piece {
        Piece::Text(text) => bash(text),
        Piece::Account => variable("account"),
        Piece::Image(repository) => variable(images.get(repository).map(String::as_str).unwrap_or_default()),
        Piece::Output { .. } | Piece::Secret(_) => {
            variable(look_up(piece).and_then(|call| found.get(&call)).map(String::as_str).unwrap_or_default())
        }
    });
    parts.collect()
}
