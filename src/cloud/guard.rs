//! The last word before a call leaves: in a dry run only reads go out, and writes only to the account that was pinned.
//! Never knows a service; it judges by the operation's name and refuses what it does not know.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

/// What a session may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A dry run: every call that is not a read is refused before a byte is sent.
    ReadOnly,
    ReadWrite,
}

/// Operations that read: their names begin with one of these.
const READS: [&str; 9] = ["Describe", "Get", "List", "Head", "BatchGet", "BatchCheck", "Simulate", "Lookup", "Search"];
/// Reads whose names do not say so.
const ALSO_READS: [&str; 4] = ["ValidateTemplate", "EstimateTemplateCost", "TestDNSAnswer", "DecodeAuthorizationMessage"];
/// Not reads although they are called so: they hand out credentials, with which somebody could write past this guard
/// (`GetAuthorizationToken` is what an image is pushed with).
const NOT_READS: [&str; 3] = ["GetFederationToken", "GetSessionToken", "GetAuthorizationToken"];

/// Whether an operation, named as the service names it, changes nothing. Unknown names count as writes.
pub fn is_read(operation: &str) -> bool {
    if NOT_READS.contains(&operation) {
        return false;
    }
    // the letter after the prefix is a capital: "GetItem", not "Getaway"
    let begins = |prefix: &str| operation.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
    ALSO_READS.contains(&operation) || READS.iter().any(|prefix| begins(prefix))
}

/// Which account may be written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Pin {
    /// Any.
    #[default]
    Open,
    /// This one, and it has not been checked yet which one the credentials belong to.
    Unchecked(String),
    /// This one, and the credentials belong to it.
    Checked(String),
    /// This one, but the credentials belong to another.
    Other { wanted: String, found: String },
}

/// Why a call did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    Write { operation: String },
    Account { operation: String, pin: Pin },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { operation } => write!(f, "{operation} would change something, and this is a dry run"),
            Self::Account { operation, pin: Pin::Other { wanted, found } } => {
                write!(f, "{operation} would change account {found}, but this run belongs to account {wanted}")
            }
            Self::Account { operation, pin: Pin::Open | Pin::Unchecked(_) | Pin::Checked(_) } => {
                write!(f, "{operation} would change an account that has not been checked yet")
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// The guard that sits in every client of a session.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    access: Access,
    pin: Arc<Mutex<Pin>>,
}

impl Guard {
    pub(super) fn new(access: Access) -> Self {
        Self { access, pin: Arc::default() }
    }

    pub(super) fn access(&self) -> Access {
        self.access
    }

    pub(super) fn pin(&self) -> Pin {
        self.pin.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_pin(&self, pin: Pin) {
        *self.pin.lock().unwrap_or_else(PoisonError::into_inner) = pin;
    }

    /// `Err` if this operation may not leave.
    pub(super) fn judge(&self, operation: &str) -> Result<(), Refusal> {
        if is_read(operation) {
            return Ok(());
        }
        let operation = operation.to_owned();
        match (self.access, self.pin()) {
            (Access::ReadOnly, _) => Err(Refusal::Write { operation }),
            (Access::ReadWrite, Pin::Open | Pin::Checked(_)) => Ok(()),
            (Access::ReadWrite, pin @ (Pin::Unchecked(_) | Pin::Other { .. })) => Err(Refusal::Account { operation, pin }),
        }
    }
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "MigrateWizardGuard"
    }

    // not `read_before_execution`: there the operation has not put its name into the bag yet
    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = cfg.load::<Metadata>().map_or("an unnamed operation", Metadata::name);
        Ok(self.judge(operation)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_known_and_everything_else_is_a_write() {
        for read in [
            "DescribeStacks",
            "GetCallerIdentity",
            "GetSecretValue",
            "ListHostedZones",
            "BatchGetImage",
            "BatchCheckLayerAvailability",
            "SimulatePrincipalPolicy",
            "ValidateTemplate",
            "TestDNSAnswer",
            "GetChange",
        ] {
            assert!(is_read(read), "{read}");
        }
        for write in [
            "CreateChangeSet",
            "ExecuteChangeSet",
            "DeleteStack",
            "PutSecretValue",
            "UpdateService",
            "RunTask",
            "StartBackupJob",
            "TagResource",
            "DetectStackDrift",
            "BatchDeleteImage",
            "Getaway",
            "GetSessionToken",
            "GetAuthorizationToken",
            "AssumeRole",
            "",
            "an unnamed operation",
        ] {
            assert!(!is_read(write), "{write}");
        }
    }

    #[test]
    fn writes_go_only_to_the_pinned_account() {
        let guard = Guard::new(Access::ReadWrite);
        assert_eq!(guard.judge("CreateStack"), Ok(()));
        guard.set_pin(Pin::Unchecked("111111111111".into()));
        assert!(guard.judge("CreateStack").is_err());
        assert_eq!(guard.judge("DescribeStacks"), Ok(()));
        guard.set_pin(Pin::Checked("111111111111".into()));
        assert_eq!(guard.judge("CreateStack"), Ok(()));
        guard.set_pin(Pin::Other { wanted: "111111111111".into(), found: "222222222222".into() });
        assert_eq!(
            guard.judge("CreateStack").map_err(|refusal| refusal.to_string()),
            Err("CreateStack would change account 222222222222, but this run belongs to account 111111111111".to_owned())
        );
    }
}
