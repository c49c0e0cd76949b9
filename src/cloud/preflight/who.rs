//! Who we are to AWS, and for how long.
//! Never refuses anything: who may go on is the pin's to say.

use std::time::Duration;

use super::finding::{Check, Finding};
use crate::cloud::{Aws, Identity};

/// Keys that end within this are told: a database alone may take this long.
const SOON: Duration = Duration::from_secs(60 * 60);
/// Keys that end within this would end in the middle of the first steps.
const NOW: Duration = Duration::from_secs(5 * 60);

pub(super) async fn findings(aws: &Aws, identity: &Identity) -> Vec<Finding> {
    let mut all = vec![Finding::fine(Check::Identity, format!("{} in account {}, {}", identity.arn, identity.account, identity.region))];
    if is_root(&identity.arn) {
        all.push(Finding::note(
            Check::Identity,
            "these are the keys of the account's root user, which may do everything and cannot be simulated",
            "use a role with the rights of `migrate-wizard doctor --policy` instead",
        ));
    }
    if let Some(left) = aws.keys_last().await {
        all.push(lasting(left));
    }
    all
}

pub(super) fn is_root(arn: &str) -> bool {
    arn.ends_with(":root")
}

fn lasting(left: Duration) -> Finding {
    let minutes = left.as_secs() / 60;
    let renew = "sign in again before you start (`aws sso login`, or new keys); a run that stops for it goes on where it was";
    if left < NOW {
        Finding::stops(Check::Identity, format!("the credentials expire in {minutes} minutes"), renew)
    } else if left < SOON {
        Finding::warns(Check::Identity, format!("the credentials expire in {minutes} minutes; making a database can take longer"), renew)
    } else {
        Finding::fine(Check::Identity, format!("the credentials are good for {} hours", minutes / 60))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn keys_that_end_soon_are_told() {
        for (minutes, verdict) in [(2, Verdict::Stops), (30, Verdict::Warns), (90, Verdict::Fine)] {
            assert_eq!(lasting(Duration::from_secs(minutes * 60)).verdict, verdict, "{minutes}");
        }
    }
}
