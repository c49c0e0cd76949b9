//! CloudFormation stacks as plain data: what is there, what would change, do it, watch it, take it away.
//! Never touches a stack that lacks our tag, and works by ARN after the first look, because a name can be taken again.

mod container;
mod delete;
mod events;
mod execute;
mod outputs;
mod plan;
mod preview;
mod rendered;
mod status;
mod system;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use container::{LONGEST_PARAMETER, own_variables, split as split_arn, with_environment};
pub use delete::{Deleted, Retained, delete};
pub use events::follow;
pub use execute::{deploy, execute, protect};
pub use outputs::{TemplateParameter, template_outputs, template_parameters};
pub use plan::plan;
pub use preview::{deployed_template, preview};
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// `Add`, `Modify`, `Remove`, `Import` or `Dynamic`.
    pub action: String,
    pub logical_id: String,
    pub resource_type: String,
    pub physical_id: Option<String>,
    /// `True`, `False` or `Conditional`; `None` where the question does not arise.
    pub replacement: Option<String>,
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
