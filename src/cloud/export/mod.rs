//! A system's stacks as files that need nothing of us: CloudFormation with a script, a CDK app, Terraform.
//! Makes text only; never writes a file, never holds a secret: where a secret's address is needed, the export looks it up.

mod cdk;
mod cloudformation;
mod terraform;
mod value;

use std::collections::BTreeMap;

use serde_json::Value;

use super::stacks::{Rendered, System, SystemStack, TemplateParameter, reference, template_parameters};
use crate::error::Result;

/// What the files are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Cloudformation,
    Cdk,
    Terraform,
}

/// What all stacks of a system share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    pub app: String,
    pub environment: String,
    pub region: String,
}

/// The files of an export by path; equal in gives equal out.
pub fn files(system: &System, about: &About, format: Format) -> Result<BTreeMap<String, String>> {
    let system = &with_repositories(system)?;
    let mut files: BTreeMap<String, String> = system
        .stacks
        .iter()
        .map(|stack| (format!("templates/{}.yaml", about.template(system, stack)), stack.spec.template_body.clone()))
        .collect();
    files.extend(match format {
        Format::Cloudformation => cloudformation::files(system, about)?,
        Format::Cdk => cdk::files(system, about)?,
        Format::Terraform => terraform::files(system, about)?,
    });
    Ok(files)
}

/// The system with the repository's own name in the address of each image: an image is looked up by it, not by an output.
fn with_repositories(system: &System) -> Result<System> {
    let mut names = Vec::new();
    for stack in &system.stacks {
        for repository in Rendered::of(&stack.spec.template_body, &stack.spec.parameters)?.of_kind("AWS::ECR::Repository") {
            if let Some(name) = repository.properties.get("RepositoryName").and_then(Value::as_str) {
                names.push((reference(&stack.spec.name, "RepositoryName"), name.to_owned()));
            }
        }
    }
    let mut system = system.clone();
    for uri in system.stacks.iter_mut().filter_map(|stack| stack.spec.parameters.get_mut("ImageUri")) {
        *uri = names.iter().fold(uri.clone(), |uri, (output, name)| uri.replace(output, name));
    }
    Ok(system)
}

impl About {
    /// A stack's name without what all share: `shop-staging-web-pipeline` is `web-pipeline`.
    fn short<'a>(&self, stack: &'a str) -> &'a str {
        stack.strip_prefix(&format!("{}-{}-", self.app, self.environment)).unwrap_or(stack)
    }

    /// The name of a stack's template: that of its layer where all stacks of the layer share it, else its own.
    fn template<'a>(&self, system: &System, stack: &'a SystemStack) -> &'a str {
        let shared = system.stacks.iter().all(|other| other.layer != stack.layer || other.spec.template_body == stack.spec.template_body);
        if shared { &stack.layer } else { self.short(&stack.spec.name) }
    }
}

/// A stack's parameters that have a value, with what the template declares of each, in the template's words.
fn parameters(stack: &SystemStack) -> Result<Vec<(String, String, TemplateParameter)>> {
    let declared = template_parameters(&stack.spec.template_body)?;
    Ok(stack.spec.parameters.iter().filter_map(|(name, value)| Some((name.clone(), value.clone(), declared.get(name)?.clone()))).collect())
}

/// A text in single quotes, for bash.
fn bash(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text in the quotes of JSON, which are TypeScript's too.
fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Tags of a stack, ours among them.
fn tags(stack: &SystemStack) -> BTreeMap<String, String> {
    super::tags::ours(&stack.spec.tags)
}
