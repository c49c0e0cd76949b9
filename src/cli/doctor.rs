//! What `doctor` is asked for.
//! Decides nothing: it says what was asked for.

use clap::Args;

#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// What of AWS would stop a run with these answers: identity, region, quotas, names, domain, rights
    #[arg(long, conflicts_with = "policy")]
    pub aws: bool,
    /// The rights that a person needs for the system of these answers, as IAM policies
    #[arg(long)]
    pub policy: bool,
}
