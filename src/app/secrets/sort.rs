//! A block's entries sorted: what each becomes on AWS, where it goes and what a person should know before it does.
//! Never shows a value but that of a plain variable.

use std::collections::BTreeMap;

use super::block::Entry;
use super::table::{Becomes, Home, Table};
use crate::text::Secret;

/// One entry and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    pub name: String,
    pub becomes: Becomes,
    /// Where a secret goes.
    pub home: Option<Home>,
    pub why: String,
    /// What the value or the name asks of a person, in sentences.
    pub warnings: Vec<String>,
    /// The old value is of no use on AWS: it is not taken.
    pub renew: bool,
    pub value: Secret,
}

/// What becomes of each entry, in the order given. Of two variables with one home the later one is told to differ when it does.
pub fn sort(entries: &[Entry], table: &Table) -> Vec<Sorted> {
    let mut homes: BTreeMap<Home, (String, Secret)> = BTreeMap::new();
    let mut all = Vec::new();
    for entry in entries {
        let (mut becomes, mut why) = table.judge(&entry.name, Some(entry.value.expose()));
        let mut warnings = table.warnings(&entry.name, entry.value.expose());
        let rule = table.rule(&entry.name);
        let mut renew = false;
        let mut home = None;
        if becomes == Becomes::Secret {
            if let Some(reason) = rule.and_then(|r| r.renew.clone()) {
                renew = true;
                warnings.push(reason);
            }
            let mut own = table.home(&entry.name);
            // two variables of one vendor with two values: each keeps its own
            if let Some((other, _)) = homes.get(&own).filter(|(_, value)| !renew && *value != entry.value) {
                warnings.push(format!("{other} holds another value: kept apart"));
                own = Home { secret: entry.name.to_lowercase().replace('_', "-"), key: None };
            }
            if !renew {
                homes.insert(own.clone(), (entry.name.clone(), entry.value.clone()));
            }
            home = Some(own);
        }
        if becomes == Becomes::Secret && entry.value.expose().len() > LARGEST {
            warnings.push(format!("{} bytes: Secrets Manager takes at most {LARGEST}", entry.value.expose().len()));
        }
        if becomes == Becomes::Plain && entry.value.expose().contains('\n') {
            becomes = Becomes::Secret;
            home = Some(table.home(&entry.name));
            why = "its value has several lines".to_owned();
        }
        // what is not taken needs no advice
        if matches!(becomes, Becomes::Replit | Becomes::Replaced) {
            warnings.clear();
        }
        all.push(Sorted { name: entry.name.clone(), becomes, home, why, warnings, renew, value: entry.value.clone() });
    }
    all
}

/// Bytes that a secret may have (Secrets Manager, quotas, 2026-11).
pub const LARGEST: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::super::block::parse;
    use super::*;

    #[test]
    fn a_block_is_sorted() {
        let table = Table::bundled().unwrap();
        let block = parse(
            "DATABASE_URL=postgres://a:b@helium/x\nREPL_ID=1\nSTRIPE_SECRET_KEY=sk_test_1\nSTRIPE_WEBHOOK_SECRET=whsec_2\n\
             OPENAI_API_KEY=one\nAI_INTEGRATIONS_OPENAI_API_KEY=two\nLOG_LEVEL=info\nMY_TOKEN=t\n",
            "x",
        )
        .unwrap();
        let seen: Vec<_> = sort(&block.entries, &table)
            .into_iter()
            .map(|s| (s.name, s.becomes, s.home.map(|h| h.secret), s.renew, s.warnings.len()))
            .collect();
        let row = |n: &str, b, h: Option<&str>, r, w| (n.to_owned(), b, h.map(str::to_owned), r, w);
        assert_eq!(
            seen,
            [
                row("DATABASE_URL", Becomes::Replaced, None, false, 0),
                row("REPL_ID", Becomes::Replit, None, false, 0),
                row("STRIPE_SECRET_KEY", Becomes::Secret, Some("stripe"), false, 1),
                row("STRIPE_WEBHOOK_SECRET", Becomes::Secret, Some("stripe"), true, 1),
                row("OPENAI_API_KEY", Becomes::Secret, Some("openai"), false, 0),
                row("AI_INTEGRATIONS_OPENAI_API_KEY", Becomes::Secret, Some("openai"), true, 1),
                row("LOG_LEVEL", Becomes::Plain, None, false, 0),
                row("MY_TOKEN", Becomes::Secret, Some("my-token"), false, 0),
            ]
        );
    }
}
