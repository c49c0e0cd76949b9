//! A value that stands in for one that nobody gave, in the form that code asks of it (`assets/files/placeholders.toml`).
//! Never a real value, and never for a name whose mere presence means something.

use serde::Deserialize;

use super::env::EnvPlan;
use super::scan::Scan;
use super::service::Service;
use super::variable::{Variable, place_for};
use crate::error::{Context, Kind, Result};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    names: Vec<String>,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    never: Vec<String>,
    otherwise: String,
    form: Vec<Form>,
}

/// `*` in a pattern stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            rest.is_empty()
                || tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| tail.get(at..).is_some_and(|t| fits(rest, t)))
        }),
    }
}

impl Table {
    /// # Errors
    /// `Bug` if our own table does not parse.
    pub fn read() -> Result<Self> {
        toml::from_str(include_str!("../../assets/files/placeholders.toml")).or_fail(
            Kind::Bug,
            "cannot read assets/files/placeholders.toml",
            "report this",
        )
    }

    /// `None` for a name whose presence means something.
    pub fn value(&self, name: &str) -> Option<&str> {
        let is = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, name));
        if is(&self.never) {
            return None;
        }
        Some(self.form.iter().find(|form| is(&form.names)).map_or(self.otherwise.as_str(), |form| form.value.as_str()))
    }

    /// What the service's own code reads while it is loaded and has no default for, each with a value that stands in.
    /// What `.replit` shows in the open is its own value.
    pub fn wanted<'a>(&'a self, scan: &'a Scan, plan: &'a EnvPlan, service: &'a Service) -> impl Iterator<Item = (&'a str, &'a str)> {
        let counts = move |v: &&Variable| {
            !v.has_default
                && !v.at_build
                && !plan.never.iter().any(|never| never.name == v.name)
                && place_for(scan, &service.name, v).is_some()
        };
        scan.variables.iter().filter(counts).filter_map(move |v| {
            let own = plan.plain.iter().find(|p| p.name == v.name).and_then(|p| p.value.as_deref());
            let plain = |value: &&str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@+-".contains(c));
            let form = self.value(&v.name)?;
            Some((v.name.as_str(), own.filter(plain).unwrap_or(form)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_form_that_code_asks_for() {
        let table = Table::read().unwrap();
        for (name, value) in [
            ("LIVE_DATABASE_URL", Some("postgresql://build:build@127.0.0.1:5432/build")),
            ("STRIPE_SECRET_KEY", Some("sk_test_placeholder")),
            ("STRIPE_WEBHOOK_SECRET", Some("whsec_placeholder")),
            ("SUPABASE_URL", Some("http://localhost:3000")),
            ("SUPABASE_ANON_KEY", Some("placeholder-for-the-build-only-0000")),
            ("FILING_FEE_CENTS", Some("1")),
            ("NODE_ENV", None),
            ("REPLIT_DEPLOYMENT", None),
            ("VERCEL", None),
        ] {
            assert_eq!(table.value(name), value, "{name}");
        }
        assert!(fits("*A*B", "xAyB") && !fits("*A*B", "xAyBz") && fits("*", "") && !fits("A", "AB"));
    }
}
