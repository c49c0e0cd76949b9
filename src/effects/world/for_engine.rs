//! What the engine wants to know of a world: account, what is simulated, what can be read, secrets in memory, money.
//! Opens nothing that an effect has not asked for, but to see whether there are credentials.

use async_trait::async_trait;

use super::World;
use crate::cloud::Aws;
use crate::error::Result;
use crate::wizard::effect::{self, Need};
use crate::wizard::template::Facts;

impl World {
    /// Credentials that can be found without a call to a service.
    async fn has_credentials(&self) -> bool {
        if self.aws_simulated {
            return false;
        }
        let look = async || {
            let Ok(mut options) = self.aws_options.lock().map(|o| o.clone()) else { return false };
            // Which region does not matter for finding credentials, and it may not be decided yet.
            options.region.get_or_insert_with(|| "us-east-1".to_owned());
            match Aws::connect(options).await {
                Ok(aws) => aws.has_credentials().await,
                Err(_) => false,
            }
        };
        *self.credentials.get_or_init(look).await
    }
}

#[async_trait]
impl effect::World for World {
    async fn check_account(&self, account: &str) -> Result<()> {
        if self.aws_simulated || (self.dry && !self.has_credentials().await) {
            return Ok(());
        }
        let aws = self.aws().await?;
        aws.pin(account);
        aws.check_pin().await.map(drop)
    }

    fn simulates(&self, need: Need) -> Option<String> {
        let simulated = match need {
            Need::Aws => self.aws_simulated,
            Need::SourceWrite => self.sandbox && !self.disposable_source,
            Need::Network => self.sandbox && !self.real_network,
            Need::Builder | Need::Time => self.sandbox,
            Need::Source | Need::Target | Need::App | Need::Nothing => false,
        };
        simulated.then(|| "sandbox: simulated".to_owned())
    }

    async fn readable(&self, need: Need) -> bool {
        match need {
            Need::Aws => self.has_credentials().await,
            Need::Source | Need::SourceWrite => self.source().is_ok(),
            // A dry run has made no target to read.
            Need::Target => !self.dry,
            Need::App | Need::Nothing => true,
            Need::Network | Need::Builder | Need::Time => !self.dry,
        }
    }

    fn banner(&self) -> Option<String> {
        if self.tour {
            return Some("tour: nothing real is read and nothing real is touched".to_owned());
        }
        self.sandbox.then(|| {
            let aws = self.aws_at.as_ref().map_or("AWS simulated".to_owned(), |url| format!("AWS at {url}"));
            let simulated = if self.real_network { "image" } else { "image and public network" };
            format!("sandbox: disposable target, {aws}, {simulated} simulated")
        })
    }

    fn keep_secret(&self, name: &str, value: &str) {
        if let Ok(mut secrets) = self.secrets.lock() {
            secrets.insert(name.to_owned(), value.to_owned());
        }
    }

    fn has_secret(&self, name: &str) -> bool {
        self.secrets.lock().is_ok_and(|s| s.contains_key(name))
    }

    fn cost(&self, facts: &Facts) -> Option<String> {
        if self.priced { self.costs.words(facts) } else { None }
    }

    fn cost_of(&self, facts: &Facts, question: &str, option: &str) -> Option<String> {
        if self.priced { self.costs.of(facts, question, option) } else { None }
    }

    fn against(&self, facts: &Facts, question: &str, answer: &str) -> Vec<String> {
        self.costs.against(facts, question, answer)
    }
}
