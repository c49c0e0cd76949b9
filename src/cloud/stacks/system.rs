//! The stacks of a whole system as data: what each is given, and which outputs of which others it needs.
//! Never deploys one and never decides which there are: the playbooks say that.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::StackSpec;
use crate::error::{Error, Result};

/// All stacks of a system, each after those that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct System {
    pub stacks: Vec<SystemStack>,
}

/// One stack. A parameter may hold references: see [`reference()`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SystemStack {
    /// The step of the playbook that makes it.
    pub step: String,
    pub title: String,
    /// The template's name in `assets/stacks`.
    pub layer: String,
    pub spec: StackSpec,
}

/// What stands in a parameter for an output of another stack, until that is known: `<shop-staging-network.VpcId>`.
pub fn reference(stack: &str, output: &str) -> String {
    format!("<{stack}.{output}>")
}

/// The references in a text, as stack and output, in order.
pub fn references(text: &str) -> Vec<(&str, &str)> {
    text.split('<').skip(1).filter_map(|rest| rest.split_once('>')?.0.rsplit_once('.')).collect()
}

impl SystemStack {
    /// Names of the stacks whose outputs it takes.
    pub fn needs(&self) -> BTreeSet<&str> {
        self.spec.parameters.values().flat_map(|value| references(value)).map(|(stack, _)| stack).collect()
    }

    /// What CloudFormation is given, with every reference replaced by the output it stands for.
    ///
    /// `outputs` are those of the stacks that are there, by stack name. Errors with the first output that is missing.
    pub fn resolved(&self, outputs: &BTreeMap<String, BTreeMap<String, String>>) -> Result<StackSpec> {
        let mut spec = self.spec.clone();
        for (name, value) in &mut spec.parameters {
            let mut full = value.clone();
            for (stack, output) in references(value) {
                let known = outputs.get(stack).and_then(|all| all.get(output)).ok_or_else(|| {
                    Error::bug(format!("{}: parameter {name} needs output {output} of {stack}, which is not known", self.spec.name))
                })?;
                full = full.replace(&reference(stack, output), known);
            }
            *value = full;
        }
        Ok(spec)
    }
}

impl System {
    pub fn find(&self, name: &str) -> Option<&SystemStack> {
        self.stacks.iter().find(|stack| stack.spec.name == name)
    }

    /// The stacks in waves: those of one wave need only stacks of earlier ones, so they can be made side by side.
    pub fn waves(&self) -> Vec<Vec<&SystemStack>> {
        let mut waves: Vec<Vec<&SystemStack>> = Vec::new();
        let mut made: BTreeSet<&str> = BTreeSet::new();
        let mut left: Vec<&SystemStack> = self.stacks.iter().collect();
        while !left.is_empty() {
            let (ready, later): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|stack| stack.needs().iter().all(|name| made.contains(name) || self.find(name).is_none()));
            if ready.is_empty() {
                // a circle cannot come from playbooks, whose steps take outputs of earlier ones only
                waves.push(later);
                break;
            }
            made.extend(ready.iter().map(|stack| stack.spec.name.as_str()));
            waves.push(ready);
            left = later;
        }
        waves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(name: &str, parameters: &[(&str, &str)]) -> SystemStack {
        let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let spec = StackSpec {
            name: name.to_owned(),
            template_body: String::new(),
            parameters,
            tags: BTreeMap::new(),
            termination_protection: false,
        };
        SystemStack { step: name.to_owned(), title: String::new(), layer: name.to_owned(), spec }
    }

    #[test]
    fn what_needs_nothing_of_each_other_is_one_wave() {
        let system = System {
            stacks: vec![
                stack("net", &[("Cidr", "10.0.0.0/16")]),
                stack("data", &[("Subnets", "<net.A>,<net.B>")]),
                stack("cache", &[("Subnets", "<net.A>")]),
                stack("app", &[("Host", "<data.Host>"), ("Url", "redis://<cache.Host>:<cache.Port>")]),
            ],
        };
        let waves: Vec<Vec<&str>> = system.waves().iter().map(|wave| wave.iter().map(|s| s.spec.name.as_str()).collect()).collect();
        assert_eq!(waves, [vec!["net"], vec!["data", "cache"], vec!["app"]]);
    }

    #[test]
    fn references_become_what_the_other_stack_gave() {
        let app = stack("app", &[("Url", "redis://<cache.Host>:<cache.Port>"), ("Size", "256")]);
        let outputs = [("Host", "c.example"), ("Port", "6379")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let known = BTreeMap::from([("cache".to_owned(), BTreeMap::from(outputs))]);
        assert_eq!(app.resolved(&known).unwrap().parameters["Url"], "redis://c.example:6379");
        assert!(app.resolved(&BTreeMap::new()).unwrap_err().to_string().contains("output Host of cache"));
    }
}
