//! CloudFormation stacks as plain data: what is there, what would change, do it, watch it, take it away.
//! Never touches a stack that lacks our tag, and works by ARN after the first look, because a name can be taken again.

mod container;
mod data;
mod delete;
mod drift;
mod events;
mod execute;
mod outputs;
mod plan;
mod policy;
mod preview;
mod recover;
mod remove;
mod rendered;
mod status;
mod system;
mod validation;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use container::{
    Filled, LONGEST_PARAMETER, environment_parameters, own_variables, split as split_arn, with_environment, without_environment,
};
pub use data::{Store, holders, store};
pub use delete::{Deleted, Retained, delete, left};
pub use drift::{Drifted, drift};
pub use events::follow;
pub use execute::{deploy, execute, protect};
pub use outputs::{TemplateParameter, template_outputs, template_parameters};
pub use plan::plan;
pub use preview::{Deployed, deployed, deployed_template, preview};
pub use recover::recover;
pub use remove::{Kept, Standing, keeps, remove, standing, take_away};
pub use rendered::{Rendered, Resource};
pub use status::{StackStatus, status};
pub use system::{System, SystemStack, reference, references};

/// A stack as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackSpec {
    pub name: String,
    /// YAML or JSON, at most 51,200 bytes (CloudFormation's limit for a template given in the call).
    pub template_body: String,
    pub parameters: BTreeMap<String, String>,
    /// Ours is added to these: see [`super::tags`].
    pub tags: BTreeMap<String, String>,
    pub termination_protection: bool,
}

/// One line of a change set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// `Add`, `Modify`, `Remove`, `Import` or `Dynamic`.
    pub action: String,
    pub logical_id: String,
    pub resource_type: String,
    pub physical_id: Option<String>,
    /// `True`, `False` or `Conditional`; `None` where the question does not arise.
    pub replacement: Option<String>,
    /// The properties that change, as far as they are known.
    #[serde(default)]
    pub properties: Vec<String>,
    /// It holds data, and this may lose it.
    #[serde(default)]
    pub danger: Option<Danger>,
}

/// What becomes of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// The resource is taken out of the stack.
    Removed,
    /// An empty one takes its place.
    Replaced,
    /// CloudFormation knows only while it works whether it must be replaced. The stack's policy then refuses it.
    MayBeReplaced,
}

impl PlannedChange {
    /// How a person agrees to losing what this change touches: `stack/LogicalId`.
    pub fn consent(&self, stack: &str) -> String {
        format!("{stack}/{}", self.logical_id)
    }

    /// In words, where data is at stake.
    pub fn warning(&self) -> Option<String> {
        let word = store(&self.resource_type).map_or("resource", |store| store.word.as_str());
        let what = format!("the {word} {} ({})", self.logical_id, self.resource_type);
        Some(match self.danger? {
            Danger::Removed => format!("takes {what} out of the stack"),
            Danger::Replaced => format!("puts an empty one in the place of {what}: its data does not move"),
            Danger::MayBeReplaced => format!("may have to replace {what}; the stack's policy then refuses, and nothing is changed"),
        })
    }

    /// Must a person agree before it is carried out?
    pub fn needs_consent(&self) -> bool {
        matches!(self.danger, Some(Danger::Removed | Danger::Replaced))
    }
}

/// A change set that waits to be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub stack_arn: String,
    /// Empty when `empty`.
    pub change_set_arn: String,
    pub changes: Vec<PlannedChange>,
    /// The stack does not exist yet.
    pub creates: bool,
    /// Nothing would change; there is nothing to execute.
    pub empty: bool,
}
