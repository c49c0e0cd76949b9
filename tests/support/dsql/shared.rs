//! What all connections of a stand-in share: rules, counters, chances, tokens, the bucket of new connections, jobs.
//! Every lock is held for a moment only, never while waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use migrate_wizard::postgres::Connector;
use tokio::sync::watch;

use super::refusal::Refusal;
use super::rules::{Rules, Seen};
use crate::support::chance::Chance;

pub struct Shared {
    pub backing: Connector,
    pub rules: Mutex<Rules>,
    pub seen: Mutex<Seen>,
    /// When each token was issued; `None` is one that was made to expire.
    pub tokens: Mutex<BTreeMap<String, Option<Instant>>>,
    /// How often a definition was committed.
    pub catalogue: AtomicU64,
    /// Jobs that were handed in, and whether each has ended.
    pub jobs: watch::Sender<BTreeMap<String, bool>>,
    open: AtomicU64,
    chance: Mutex<Chance>,
    bucket: Mutex<(f64, Instant)>,
}

impl Shared {
    pub fn new(backing: Connector, rules: Rules) -> Self {
        Self {
            backing,
            seen: Mutex::default(),
            tokens: Mutex::default(),
            catalogue: AtomicU64::new(0),
            jobs: watch::Sender::new(BTreeMap::new()),
            open: AtomicU64::new(0),
            chance: Mutex::new(Chance::new(rules.seed)),
            bucket: Mutex::new((rules.connection_burst, Instant::now())),
            rules: Mutex::new(rules),
        }
    }

    pub fn rules(&self) -> Rules {
        self.rules.lock().unwrap().clone()
    }

    pub fn count(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap());
    }

    /// Whether something of this rate happens now.
    pub fn happens(&self, rate: f64) -> bool {
        if rate <= 0.0 {
            return false;
        }
        self.chance.lock().unwrap().fraction() < rate
    }

    /// Fills the bucket to its new brim.
    pub fn refill(&self) {
        *self.bucket.lock().unwrap() = (self.rules().connection_burst, Instant::now());
    }

    /// Lets a new connection in. The texts are the user guide's.
    pub fn admit(&self) -> Result<(), Refusal> {
        let rules = self.rules();
        let mut bucket = self.bucket.lock().unwrap();
        let now = Instant::now();
        let gained = now.duration_since(bucket.1).as_secs_f64() * rules.connections_per_second;
        *bucket = ((bucket.0 + gained).min(rules.connection_burst), now);
        if bucket.0 < 1.0 {
            return Err(Refusal::new("53400", "unable to accept connection, rate exceeded"));
        }
        bucket.0 -= 1.0;
        if self.open.load(Ordering::Relaxed) > rules.connections {
            return Err(Refusal::new("53300", "unable to accept connection, too many open connections"));
        }
        Ok(())
    }

    pub fn check_token(&self, user: &str, token: &str) -> Result<(), Refusal> {
        let denied = Refusal::new("28000", "unable to accept connection, access denied");
        let issued = self.tokens.lock().unwrap().get(token).copied();
        match issued {
            _ if user != "admin" => Err(denied),
            None => Err(denied),
            Some(Some(at)) if at.elapsed() < self.rules().token_life => Ok(()),
            Some(_) => Err(denied.hint("Signature expired")),
        }
    }

    pub fn opened(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self.clone())
    }
}

/// A connection that counts while this lives.
pub struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
