//! Logging in to Aurora DSQL: a fresh IAM token for each connection, no faster than the service lets connections in.
//! Signing is `cloud`'s, connecting is `postgres`'; here they only meet.

use crate::cloud::{Aws, snapshot};
use crate::postgres::{Connector, Password, Passwords};

/// New connections a second that a cluster takes without end. Source: DSQL's user guide, quotas (2026-11-20).
pub const CONNECTIONS_PER_SECOND: u32 = 100;

/// The same connector with tokens of this identity: an admin's token for the user `admin`, an ordinary one for any other.
pub fn with_tokens(cluster: &Connector, aws: &Aws) -> Connector {
    let (aws, host, admin) = (aws.clone(), cluster.host().to_owned(), cluster.user() == "admin");
    let tokens = Passwords::new(move || {
        let (aws, host) = (aws.clone(), host.clone());
        async move { snapshot::dsql_token(&aws, &host, admin).await.map(|token| Password::new(token.expose())) }
    });
    cluster.with_passwords(tokens).with_rate(CONNECTIONS_PER_SECOND)
}
