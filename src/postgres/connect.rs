//! Opening a session: time limits, encryption, read-only from its first moment, patience with a server that wakes up.
//! Never lets a read-only session begin in any other state, and never sends a password to a server that was not asked for.

use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::config::ChannelBinding;

use crate::error::{Error, Kind, Result};
use crate::postgres::connector::{Access, Connector};
use crate::postgres::dial::dial;
use crate::postgres::fault::{connect_fault, login_has_expired, passes_with_time};
use crate::postgres::host::HostKind;
use crate::postgres::passwords::Password;
use crate::postgres::session::Session;
use crate::postgres::tls;

/// How long a server may take to wake up.
const PATIENCE: Duration = Duration::from_secs(40);

impl Connector {
    /// Opens a session. With [`Access::ReadOnly`] the server itself refuses writes: `default_transaction_read_only` is set in the
    /// start-up packet, before any statement. (DSQL takes it as the session's first statement.)
    ///
    /// A connector with [`Connector::with_rate`] waits for its turn first; one with [`Connector::with_passwords`] asks for a password
    /// here, and once more when the server calls it expired.
    ///
    /// Errors with [`Kind::Refused`] when writing is asked of a connector that is [`Connector::only_reading`].
    pub async fn connect(&self, access: Access) -> Result<Session> {
        if access == Access::ReadWrite && self.at_most == Access::ReadOnly {
            return Err(Error::new(Kind::Refused, format!("a session that may write was asked for on {}, which is only read here", self.label()))
                .hint("a dry run writes nowhere, and the source is written to by the freeze alone: run without --dry-run, or report this with `migrate-wizard log`"));
        }
        let tls = tls::connector(self.ssl, &self.trust)?;
        let mut config = self.config(access, self.password_for_now().await?);
        // A kept password does not become good by being sent again.
        let mut another_login = self.passwords.is_some();
        let start = Instant::now();
        let mut pause = Duration::from_millis(250);
        loop {
            if let Some(pace) = &self.pace {
                pace.slot().await;
            }
            match tokio::time::timeout(self.timeout() * 2, dial(self, &config, &tls)).await {
                Ok(Ok((client, driver))) => {
                    let session = Session::new(client, driver, tls, access, self.clone());
                    if access == Access::ReadOnly && self.kind() == HostKind::Dsql {
                        session.begin_read_only_by_statement().await?;
                    }
                    return Ok(session);
                }
                Ok(Err(error)) if another_login && login_has_expired(&error) => {
                    another_login = false;
                    config = self.config(access, self.password_for_now().await?);
                }
                Ok(Err(error)) if passes_with_time(self, &error) && start.elapsed() + pause < PATIENCE => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(8));
                }
                Ok(Err(error)) => return Err(connect_fault(self, &error)),
                Err(_) => {
                    return Err(Error::new(Kind::Unreachable, format!("cannot connect to {}", self.label()))
                        .cause(format!(
                            "the server took the connection but did not answer within {}",
                            crate::text::duration(self.timeout() * 2)
                        ))
                        .hint("check that this is a Postgres port and that the server is not overloaded"));
                }
            }
        }
    }

    fn config(&self, access: Access, password: Option<Password>) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.dbname(&self.database).user(&self.user).application_name("migrate-wizard");
        if self.require_channel_binding {
            config.channel_binding(ChannelBinding::Require);
        }
        if let Some(password) = password {
            config.password(password.expose());
        }
        let mut options = self.options.clone().unwrap_or_default();
        if access == Access::ReadOnly && self.kind() != HostKind::Dsql {
            // A role's own limit on statements must not end the first one, before it can be lifted.
            options.push_str(" -c default_transaction_read_only=on -c statement_timeout=0");
        }
        if access == Access::ReadWrite && self.past_the_freeze {
            // Said in the start-up packet it goes before the setting of the database.
            options.push_str(" -c default_transaction_read_only=off");
            // And the triggers of a freeze ask for this.
            options.push_str(" -c migrate_wizard.past_the_freeze=on");
        }
        if !options.is_empty() {
            config.options(options.trim());
        }
        config
    }
}
