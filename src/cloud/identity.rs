//! Who we are to AWS: account, caller and region.
//! Never holds a credential.

use serde::{Deserialize, Serialize};

use super::fault::fault;
use super::guard::Pin;
use super::session::Aws;
use crate::error::{Error, Kind, Result};

/// The caller as STS sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    pub arn: String,
    pub region: String,
}

impl Aws {
    /// Asks STS who the credentials belong to. A read that needs no right.
    pub async fn identity(&self) -> Result<Identity> {
        let answer = self.sts().get_caller_identity().send().await.map_err(|e| fault("sts:GetCallerIdentity", e))?;
        Ok(Identity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default(), region: self.region().to_owned() })
    }

    /// From now on writes leave only for this account, and only after [`Aws::check_pin`] has seen that the credentials belong to it.
    pub fn pin(&self, account: &str) {
        let pin = if account.is_empty() { Pin::Open } else { Pin::Unchecked(account.to_owned()) };
        self.guard().set_pin(pin);
    }

    /// Sees whether the credentials belong to the pinned account; without a pin it only asks who we are.
    /// Errors with [`Kind::Refused`] if it is another account, and then keeps refusing writes.
    pub async fn check_pin(&self) -> Result<Identity> {
        let identity = self.identity().await?;
        let wanted = match self.guard().pin() {
            Pin::Open => return Ok(identity),
            Pin::Unchecked(wanted) | Pin::Checked(wanted) | Pin::Other { wanted, .. } => wanted,
        };
        if wanted == identity.account {
            self.guard().set_pin(Pin::Checked(wanted));
            return Ok(identity);
        }
        let error = Error::new(
            Kind::Refused,
            format!("the credentials belong to account {}, but this run belongs to account {wanted}", identity.account),
        )
        .hint("choose the profile of the run's account with --profile or AWS_PROFILE, or start a new run for this one");
        self.guard().set_pin(Pin::Other { wanted, found: identity.account });
        Err(error)
    }
}
