//! What went wrong in a call to AWS, as an error with a kind and a hint that helps.
//! Never keeps the request: a request may hold a secret.

use std::error::Error as StdError;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

use super::guard::{Pin, Refusal};
use crate::error::{Error, Kind, Result};

/// Turns a failed call into ours. `action` is written as IAM writes it: `cloudformation:CreateChangeSet`.
pub(super) fn fault<E>(action: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(refusal) = find::<Refusal>(&error) {
        return refused(refusal);
    }
    if let SdkError::ServiceError(context) = &error {
        let answer = context.err();
        return answered(action, answer.code().unwrap_or("UnknownError"), answer.message().unwrap_or("no message"));
    }
    let chain = chain(&error);
    let all = chain.join(": ").to_lowercase();
    let last = chain.last().map_or("no cause given", String::as_str);
    unsent(action, &all, matches!(error, SdkError::TimeoutError(_))).cause(last)
}

/// The code of the service's answer, if it answered.
pub(super) fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default()
}

/// The message of the service's answer, if it answered.
pub(super) fn message<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default()
}

/// The end of a call that begins to make something by its name: what an earlier try has begun is begun.
pub(super) fn begun<T, E>(action: &str, sent: std::result::Result<T, SdkError<E>>) -> Result<()>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match sent {
        Ok(_) => Ok(()),
        Err(error) if code(&error).contains("AlreadyExists") => Ok(()),
        Err(error) => Err(fault(action, error)),
    }
}

fn refused(refusal: &Refusal) -> Error {
    let hint = match refusal {
        Refusal::Write { .. } => "run without --dry-run to make the change",
        Refusal::Account { pin: Pin::Other { .. }, .. } => {
            "choose the profile of the run's account with --profile or AWS_PROFILE, or start a new run for this one"
        }
        Refusal::Account { pin: Pin::Open | Pin::Unchecked(_) | Pin::Checked(_), .. } => {
            "the account is checked when a run starts; if this stays, report it with `migrate-wizard log`"
        }
    };
    Error::new(Kind::Refused, refusal.to_string()).hint(hint)
}

/// The service answered with an error.
pub(super) fn answered(action: &str, code: &str, message: &str) -> Error {
    let error = |kind, what: String| Error::new(kind, what).cause(format!("{code}: {message}"));
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => {
            error(Kind::Denied, format!("the AWS credentials have expired ({action})")).hint("sign in again (`aws sso login`, or new keys), then run the same command")
        }
        "InvalidClientTokenId" | "UnrecognizedClientException" | "SignatureDoesNotMatch" | "AuthFailure" | "MissingAuthenticationToken"
        | "IncompleteSignature" | "InvalidSignatureException" => error(Kind::Denied, format!("AWS does not accept these credentials ({action})"))
            .hint("check with `aws sts get-caller-identity` which profile is in use; choose one with --profile or AWS_PROFILE; check this machine's clock"),
        "OptInRequired" | "SubscriptionRequiredException" | "RegionDisabledException" => {
            error(Kind::Denied, format!("this account may not use that service in this region ({action})"))
                .hint("enable the region or the service in the AWS console, or choose another region with --region")
        }
        code if code.starts_with("AccessDenied") || code.starts_with("Unauthorized") || code == "AuthorizationError" || code == "NotAuthorized" => {
            error(Kind::Denied, format!("AWS does not allow {action}")).hint(format!("give the role or user in use the right {action}, then run the same command"))
        }
        code if code.starts_with("Throttl")
            || matches!(code, "RequestLimitExceeded" | "TooManyRequestsException" | "SlowDown" | "PriorRequestNotComplete" | "RequestThrottled") =>
        {
            error(Kind::Unreachable, format!("AWS asks to slow down ({action})")).hint("wait a minute and run the same command: it goes on where it stopped")
        }
        code if code.starts_with("ServiceUnavailable") || code.starts_with("Internal") => {
            error(Kind::Unreachable, format!("AWS has trouble of its own ({action})"))
                .hint("look at https://health.aws.amazon.com/health/status, then run the same command: it goes on where it stopped")
        }
        code if code.contains("LimitExceeded") || code.contains("QuotaExceeded") => error(Kind::Conflict, format!("a quota of this account is used up ({action})"))
            .hint("ask for a higher quota in the Service Quotas console, or remove what is no longer needed"),
        code if code.contains("AlreadyExists") || code.contains("InUse") || code.contains("InProgress") || code.contains("Conflict") => {
            error(Kind::Conflict, format!("{action} does not fit what is already there")).hint("look at the resource named above, settle it, then run the same command")
        }
        _ => error(Kind::Failed, format!("{action} failed")).hint("read the message of AWS above; correct it and run the same command"),
    }
}

/// Nothing was answered; `all` is the cause chain in lower case.
fn unsent(action: &str, all: &str, timed_out: bool) -> Error {
    if all.contains("no providers in chain")
        || all.contains("imds")
        || all.contains("no credentials")
        || all.contains("credentials provider was not enabled")
    {
        return Error::new(Kind::Denied, format!("no AWS credentials were found ({action})"))
            .hint("sign in with `aws sso login` or `aws configure`, or set AWS_PROFILE; check with `aws sts get-caller-identity`");
    }
    if all.contains("credential") || all.contains("sso") && all.contains("token") {
        return Error::new(Kind::Denied, format!("the AWS credentials could not be loaded ({action})"))
            .hint("sign in again with `aws sso login`, or check the profile in ~/.aws/config");
    }
    if all.contains("dns error") || all.contains("failed to lookup") || all.contains("name or service not known") {
        return Error::new(Kind::Unreachable, format!("the address of AWS for {action} does not exist or cannot be looked up"))
            .hint("check the region (--region, AWS_REGION): not every region exists or has every service; then check the network");
    }
    if timed_out || all.contains("timeout") || all.contains("timed out") {
        return Error::new(Kind::Unreachable, format!("AWS did not answer in time ({action})"))
            .hint("check the network or proxy, then run the same command");
    }
    Error::new(Kind::Unreachable, format!("AWS could not be reached ({action})"))
        .hint("check the network, a proxy, and AWS_ENDPOINT_URL if it is set; then run the same command")
}

fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string).collect()
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| error.downcast_ref::<T>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_kinds_with_hints() {
        for (code, kind) in [
            ("ExpiredToken", Kind::Denied),
            ("AccessDeniedException", Kind::Denied),
            ("UnrecognizedClientException", Kind::Denied),
            ("Throttling", Kind::Unreachable),
            ("ThrottlingException", Kind::Unreachable),
            ("InternalFailure", Kind::Unreachable),
            ("LimitExceededException", Kind::Conflict),
            ("AlreadyExistsException", Kind::Conflict),
            ("ValidationError", Kind::Failed),
        ] {
            let error = answered("cloudformation:CreateChangeSet", code, "m");
            assert_eq!(error.kind, kind, "{code}");
            assert!(!error.hint.is_empty(), "{code}");
            assert_eq!(error.causes, [format!("{code}: m")]);
        }
        assert_eq!(answered("ecs:UpdateService", "AccessDenied", "m").what, "AWS does not allow ecs:UpdateService");
    }

    #[test]
    fn what_never_left_is_told_apart() {
        for (chain, kind, word) in [
            ("no providers in chain provided credentials", Kind::Denied, "no AWS credentials"),
            ("request forbidden: imds is disabled", Kind::Denied, "no AWS credentials"),
            ("dispatch failure: dns error: failed to lookup address", Kind::Unreachable, "does not exist"),
            ("dispatch failure: connection refused", Kind::Unreachable, "could not be reached"),
            ("the sso session token is expired", Kind::Denied, "could not be loaded"),
        ] {
            let error = unsent("sts:GetCallerIdentity", chain, false);
            assert_eq!(error.kind, kind, "{chain}");
            assert!(error.what.contains(word), "{chain}: {}", error.what);
        }
    }
}
