//! The stacks of a whole system as data: what each is given, and which outputs of which others it needs.
//! Never deploys one and never decides which there are: the playbooks say that.

use std::collections::BTreeSet;

use serde::Serialize;

use super::StackSpec;

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
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
        assert_eq!(references("<a-b.C>,<d.E>/x"), [("a-b", "C"), ("d", "E")]);
        assert_eq!(references(&reference("shop-net", "VpcId")), [("shop-net", "VpcId")]);
    }
}
