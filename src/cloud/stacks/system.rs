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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_needs_those_whose_outputs_it_takes() {
        let parameters = [("Host", "<data.Host>"), ("Url", "redis://<cache.Host>:<cache.Port>"), ("Size", "256")];
        let spec = StackSpec {
            name: "app".to_owned(),
            template_body: String::new(),
            parameters: parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            tags: BTreeMap::new(),
            termination_protection: false,
        };
        let app = SystemStack { step: "app".to_owned(), title: String::new(), layer: "service".to_owned(), spec };
        assert_eq!(app.needs(), BTreeSet::from(["cache", "data"]));
        let outputs = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
        let cache = ("cache".to_owned(), outputs(&[("Host", "c.example"), ("Port", "6379")]));
        let known = BTreeMap::from([cache.clone(), ("data".to_owned(), outputs(&[("Host", "d.example")]))]);
        assert_eq!(app.resolved(&known).unwrap().parameters["Url"], "redis://c.example:6379");
        assert!(app.resolved(&BTreeMap::from([cache])).unwrap_err().to_string().contains("output Host of data"));
        assert_eq!(references("<a-b.C>,<d.E>/x"), [("a-b", "C"), ("d", "E")]);
        assert_eq!(references(&reference("shop-net", "VpcId")), [("shop-net", "VpcId")]);
    }
}
