//! A stand-in for Aurora DSQL: a strict proxy in front of a real Postgres that refuses what DSQL refuses, with the same SQLSTATEs.
//! It stands for the facts as recorded up to 2026-10, not for a cluster: no TLS and no SNI, no storage of its own, locks that block.
//!
//! Every statement is parsed by PostgreSQL's own parser and run in a REPEATABLE READ transaction that the stand-in begins and
//! ends; rows and bytes are counted behind it by triggers that nobody lists (`backing.sql`), so that cascades and
//! `INSERT … SELECT` count as they do on a cluster. Bytes are an approximation: see [`Rules::row_overhead`].

mod backend;
mod definition;
mod extended;
mod gate;
mod jobs;
mod refusal;
mod rules;
mod session;
mod shared;
mod statement;
mod surface;
mod transaction;
pub mod wire;
mod words;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use migrate_wizard::postgres::Connector;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub use self::rules::{Rules, Seen};
use self::shared::Shared;
use super::postgres::{sql, value};

/// A running stand-in. Dropping it closes every connection.
pub struct Standin {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// On threads of its own; taken when dropped.
    runtime: Option<Runtime>,
}

impl Standin {
    /// Puts one in front of a database that orders by byte, as [`super::postgres::database_in_c`] makes it.
    pub fn start(backing: &Connector, rules: Rules) -> Self {
        let collation = value(backing, "select datcollate || ' ' || datctype from pg_database where datname = current_database()");
        assert_eq!(collation, "C C", "{}: DSQL has the collation C", backing.label());
        sql(backing, include_str!("backing.sql"));
        let shared = Arc::new(Shared::new(backing.clone(), rules));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("dsql").enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let serving = shared.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = serving.clone();
                tokio::spawn(async move {
                    // How a connection ends is the client's to see.
                    let _ended = gate::serve(shared, client).await;
                });
            }
        });
        Self { shared, address, runtime: Some(runtime) }
    }

    /// How to connect, with a token issued now.
    pub fn connector(&self) -> Connector {
        let token = format!("admin.dsql.standin/?Action=DbConnectAdmin&X-Amz-Signature={}", uuid::Uuid::new_v4().simple());
        self.shared.tokens.lock().unwrap().insert(token.clone(), Some(Instant::now()));
        let connector = Connector::new("127.0.0.1", self.address.port(), self.shared.backing.database(), "admin");
        connector.unwrap().with_password(&token)
    }

    /// The database behind, past all rules.
    pub fn backing(&self) -> &Connector {
        &self.shared.backing
    }

    /// Makes every token issued so far worthless for a new connection.
    pub fn expire_tokens(&self) {
        self.shared.tokens.lock().unwrap().values_mut().for_each(|issued| *issued = None);
    }

    /// Changes the rules; the bucket of new connections is full afterwards.
    pub fn set(&self, change: impl FnOnce(&mut Rules)) {
        change(&mut self.shared.rules.lock().unwrap());
        self.shared.refill();
    }

    pub fn seen(&self) -> Seen {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
