//! What becomes of a variable's name on AWS: the rules of `assets/secrets.toml`, read once.
//! Never sees an app; a value only to say what it looks like.

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::super::env::EnvPlan;
use super::super::hide;
use super::super::scan::Scan;
use super::super::variable::Variable;
use crate::error::{Context, Error, Kind, Result};

/// What a name becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    Secret,
    Plain,
    /// Replit's own: dropped.
    Replit,
    /// The stacks give another value on AWS: dropped.
    Replaced,
}

/// How the next value comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// A new password of the app's database role.
    Database,
    /// A new random value.
    Generate,
    /// A person enters what the vendor gave.
    Enter,
}

/// Which PostgreSQL of the source a variable names, beside `DATABASE_URL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfDatabase {
    /// The one that is moved: on AWS it has the value of `DATABASE_URL`.
    Same,
    /// Another one: never set on AWS.
    Old,
}

/// Where a secret variable lives below `<app>-<environment>/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Home {
    pub secret: String,
    /// The key, when the secret is a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// One rule, for the names that it matches.
#[derive(Debug, Clone)]
pub struct Rule {
    names: Regex,
    pub becomes: Becomes,
    secret: Option<String>,
    key: Option<String>,
    /// Made when nobody gives it.
    pub generate: bool,
    pub renew: Option<String>,
    pub rotation: Option<Rotation>,
    /// Days between two rotations.
    pub every: Option<u32>,
    /// What a rotation ends.
    pub ends: Option<String>,
    /// Another value logs everybody out.
    pub sessions: bool,
    pub database: Option<OfDatabase>,
    pub why: String,
}

#[derive(Debug, Clone)]
struct Shape {
    value: Regex,
    only: Option<Regex>,
    unless: Option<Regex>,
    /// What would be plain becomes a secret.
    secret: bool,
    warning: String,
}

/// All rules.
#[derive(Debug, Clone)]
pub struct Table {
    rules: Vec<Rule>,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    names: String,
    becomes: Becomes,
    secret: Option<String>,
    key: Option<String>,
    #[serde(default)]
    generate: bool,
    renew: Option<String>,
    rotate: Option<Rotation>,
    every: Option<u32>,
    ends: Option<String>,
    #[serde(default)]
    sessions: bool,
    database: Option<OfDatabase>,
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShape {
    value: String,
    only: Option<String>,
    unless: Option<String>,
    #[serde(default)]
    secret: bool,
    warning: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    rule: Vec<RawRule>,
    shape: Vec<RawShape>,
}

/// A pattern for a whole name.
fn whole(pattern: &str) -> Result<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).map_err(|e| Error::bug(format!("assets/secrets.toml: {e}")))
}

impl Table {
    /// The table that travels in the binary.
    ///
    /// # Errors
    /// `Bug` if our own file is wrong.
    pub fn bundled() -> Result<Self> {
        let file: File = toml::from_str(include_str!("../../../assets/secrets.toml")).or_fail(
            Kind::Bug,
            "cannot read assets/secrets.toml",
            "report this",
        )?;
        let rules = file
            .rule
            .into_iter()
            .map(|raw| {
                Ok(Rule {
                    names: whole(&raw.names)?,
                    becomes: raw.becomes,
                    secret: raw.secret,
                    key: raw.key,
                    generate: raw.generate,
                    renew: raw.renew,
                    rotation: raw.rotate,
                    every: raw.every,
                    ends: raw.ends,
                    sessions: raw.sessions,
                    database: raw.database,
                    why: raw.why,
                })
            })
            .collect::<Result<_>>()?;
        let shapes = file
            .shape
            .into_iter()
            .map(|raw| {
                Ok(Shape {
                    value: Regex::new(&raw.value).map_err(|e| Error::bug(format!("assets/secrets.toml: {e}")))?,
                    only: raw.only.as_deref().map(whole).transpose()?,
                    unless: raw.unless.as_deref().map(whole).transpose()?,
                    secret: raw.secret,
                    warning: raw.warning,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { rules, shapes })
    }

    /// The table with names that are known to be another way to the database that is moved, whatever rule they would have by their name.
    ///
    /// # Errors
    /// As [`Table::bundled`].
    pub fn knowing(same: &[String]) -> Result<Self> {
        let mut table = Self::bundled()?;
        let names = same.iter().filter(|name| *name != "DATABASE_URL").map(|name| regex::escape(name)).collect::<Vec<_>>().join("|");
        if !names.is_empty() {
            let rule = table.rules.iter().find(|rule| rule.database == Some(OfDatabase::Same)).cloned();
            let rule = rule.ok_or_else(|| Error::bug("assets/secrets.toml: no rule for other ways to the database"))?;
            table.rules.insert(0, Rule { names: whole(&names)?, ..rule });
        }
        Ok(table)
    }

    /// The table for an app with what was decided: where the stacks give less, the old value of a name may be of use after all.
    ///
    /// # Errors
    /// As [`Table::bundled`].
    pub fn of(scan: &Scan, plan: &EnvPlan) -> Result<Self> {
        let mut table = Self::knowing(&scan.layout.direct_urls)?;
        for name in plan.not_by_stack.iter().filter(|name| !plan.is_unneeded(name)) {
            let Some(rule) = table.rule(name).filter(|rule| rule.becomes == Becomes::Replaced).cloned() else { continue };
            let becomes = if hide::is_secret_name(name) { Becomes::Secret } else { Becomes::Plain };
            let why = "no stack gives it with what was decided".to_owned();
            table.rules.insert(0, Rule { names: whole(&regex::escape(name))?, becomes, why, ..rule });
        }
        Ok(table)
    }

    /// Which PostgreSQL of the source a name is about, where it is one.
    pub fn database(&self, name: &str) -> Option<OfDatabase> {
        self.rule(name).and_then(|rule| rule.database)
    }

    /// The code's own default is a value that AWS may have. Of what is made when nobody gives it (keys that sign) it is not: whoever
    /// reads the code could sign as the app.
    pub fn default_counts(&self, variable: &Variable) -> bool {
        variable.has_default && !self.rule(&variable.name).is_some_and(|rule| rule.generate)
    }

    /// The first rule for a name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.names.is_match(name))
    }

    /// Where the variable lives when it is a secret.
    pub fn home(&self, name: &str) -> Home {
        let rule = self.rule(name);
        Home {
            secret: rule
                .and_then(|r| r.secret.clone())
                .unwrap_or_else(|| name.to_lowercase().replace('_', "-").trim_matches('-').to_owned()),
            key: rule.and_then(|r| r.key.clone()),
        }
    }

    /// What a value looks like, in sentences that do not show it.
    pub fn warnings(&self, name: &str, value: &str) -> Vec<String> {
        self.shapes_of(name, value).map(|s| s.warning.clone()).collect()
    }

    fn shapes_of<'a>(&'a self, name: &'a str, value: &'a str) -> impl Iterator<Item = &'a Shape> {
        let is = move |pattern: &Option<Regex>| pattern.as_ref().map(|p| p.is_match(name));
        self.shapes.iter().filter(move |s| is(&s.only) != Some(false) && is(&s.unless) != Some(true) && s.value.is_match(value))
    }

    fn is_secret(&self, name: &str, value: &str) -> bool {
        hide::is_secret_value(value) || self.shapes_of(name, value).any(|s| s.secret)
    }

    /// What a name becomes, and why; a value that looks like a credential makes a secret of what would be plain.
    pub fn judge(&self, name: &str, value: Option<&str>) -> (Becomes, String) {
        match self.rule(name) {
            Some(rule) if rule.becomes == Becomes::Plain && value.is_some_and(|v| self.is_secret(name, v)) => {
                (Becomes::Secret, "its value looks like a credential".to_owned())
            }
            Some(rule) => (rule.becomes, rule.why.clone()),
            None => (Becomes::Secret, "a name of the app's own: secret until you say otherwise".to_owned()),
        }
    }

    /// The rule of a secret, by its name below `<app>-<environment>/` (and by variable, where no rule names the secret).
    pub fn rule_of_secret(&self, secret: &str) -> Option<&Rule> {
        let variable = secret.to_uppercase().replace('-', "_");
        self.rules.iter().find(|r| r.secret.as_deref() == Some(secret)).or_else(|| self.rule(&variable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_what_the_systems_want() {
        let table = Table::bundled().unwrap();
        for (name, becomes, secret, key) in [
            ("JWT_SECRET", Becomes::Secret, "jwt-secret", None),
            ("JWT_REFRESH_SECRET", Becomes::Secret, "jwt-refresh-secret", None),
            ("JWT_PRIVATE_KEY", Becomes::Secret, "jwt-private-key", None),
            ("COOKIE_SECRET", Becomes::Secret, "cookie-secret", None),
            ("RESEND_API_KEY", Becomes::Secret, "resend-api-key", None),
            ("OPENAI_API_KEY", Becomes::Secret, "openai", None),
            ("SESSION_SECRET", Becomes::Secret, "session", None),
            ("STRIPE_SECRET_KEY", Becomes::Secret, "stripe", Some("secret")),
            ("STRIPE_PUBLISHABLE_KEY", Becomes::Secret, "stripe", Some("publishable")),
            ("STRIPE_WEBHOOK_SECRET", Becomes::Secret, "stripe", Some("webhook")),
            ("ADMIN_EMAIL", Becomes::Secret, "admin-email", None),
            ("ADMIN_PASSWORD_HASH", Becomes::Secret, "admin-password-hash", None),
            ("SMTP_PASS", Becomes::Secret, "smtp-pass", None),
            ("SMTP_USER", Becomes::Secret, "smtp-user", None),
            ("SMTP_HOST", Becomes::Plain, "smtp-host", None),
            ("DATABASE_URL", Becomes::Replaced, "database-url", None),
            ("PGPASSWORD", Becomes::Replaced, "pgpassword", None),
            ("REPL_OWNER", Becomes::Replit, "repl-owner", None),
            ("REPLIT_DEPLOYMENT", Becomes::Replit, "replit-deployment", None),
            ("JWT_ACCESS_TOKEN_TTL", Becomes::Plain, "jwt-access-token-ttl", None),
            ("TENANT_ID", Becomes::Plain, "tenant-id", None),
            ("NEXT_PUBLIC_API_URL", Becomes::Plain, "next-public-api-url", None),
            ("PORT", Becomes::Replaced, "port", None),
            ("SOMETHING_NEW", Becomes::Secret, "something-new", None),
        ] {
            assert_eq!((name, table.judge(name, None).0), (name, becomes));
            let home = table.home(name);
            assert_eq!((name, home.secret.as_str(), home.key.as_deref()), (name, secret, key));
        }
    }

    #[test]
    fn a_value_can_tell_more_than_its_name() {
        let table = Table::bundled().unwrap();
        let judged = |name, value| table.judge(name, Some(value)).0;
        assert_eq!(judged("CALLBACK_URL", "https://app.example.com"), Becomes::Plain);
        assert_eq!(judged("CALLBACK_URL", "https://user:hunter2@app.example.com"), Becomes::Secret);
        assert_eq!(judged("CALLBACK_URL", "https://app.example.com/x?token=hunter2"), Becomes::Secret);
        assert_eq!(judged("SLACK_WEBHOOK_URL", "https://hooks.example.com/T0"), Becomes::Secret);
        assert_eq!(table.warnings("STRIPE_SECRET_KEY", "sk_test_1").len(), 1);
        assert_eq!(table.warnings("API_URL", "https://shop.replit.app/x").len(), 1);
        assert_eq!(table.warnings("API_KEY", "changeme").len(), 1);
        assert!(table.warnings("API_KEY", "Zm9vYmFy").is_empty());
    }

    #[test]
    fn databases_rotate_every_month_and_admins_every_quarter() {
        let table = Table::bundled().unwrap();
        let rotation = |secret| table.rule_of_secret(secret).map(|r| (r.rotation, r.every));
        assert_eq!(rotation("database-url"), Some((Some(Rotation::Database), Some(30))));
        assert_eq!(rotation("redis"), Some((Some(Rotation::Enter), Some(90))));
        assert_eq!(rotation("admin-password-hash"), Some((Some(Rotation::Enter), Some(90))));
        assert_eq!(rotation("openai"), Some((Some(Rotation::Enter), None)));
        assert_eq!(rotation("session"), Some((Some(Rotation::Generate), None)));
        assert_eq!(rotation("something-new"), None);
    }
}
