//! Which target database an effect means, as playbooks name it.
//! Opens nothing: the world does.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::wizard::effect;

/// Which target database an effect means. In a sandbox it is the disposable one, whatever this says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetRef {
    /// `rds`, `aurora` or `dsql`.
    pub kind: String,
    pub host: String,
    #[serde(default)]
    pub port: String,
    #[serde(default)]
    pub database: String,
    /// Where user and password are kept (rds, aurora); DSQL takes a token instead.
    #[serde(default)]
    pub secret_arn: String,
}

impl TargetRef {
    /// Is it a kind that there is? The error names the effect.
    pub(super) fn check(&self, kind: &str) -> Result<()> {
        effect::one_of(kind, "target.kind", &self.kind, &["rds", "aurora", "dsql"])
    }
}
