//! What is put into Secrets Manager: the sorted entries of a block by secret, and what the code wants beside them.
//! Never reaches AWS; a value is only handed on.

use std::collections::BTreeMap;

use super::super::env::EnvPlan;
use super::super::scan::Scan;
use super::sort::{LARGEST, Sorted};
use super::table::{Becomes, Home, Table};
use crate::error::{Error, Kind, Result};
use crate::text::Secret;

/// One secret to be put, with one text or with keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Put {
    /// Below `<app>-<environment>/`.
    pub secret: String,
    pub text: Option<Secret>,
    pub keys: BTreeMap<String, Secret>,
    /// Nobody gave (one of) its values: it is random.
    pub made: bool,
    /// The variables that read it, with their keys.
    pub variables: BTreeMap<String, Option<String>>,
}

/// The secrets of a block, by name. Names in `take` count although their old value is of no use on AWS: it is a new one.
///
/// # Errors
/// `Input` if a value is larger than Secrets Manager takes.
pub fn puts(sorted: &[Sorted], take: &[String]) -> Result<Vec<Put>> {
    let mut all: BTreeMap<String, Put> = BTreeMap::new();
    for entry in sorted.iter().filter(|s| s.becomes == Becomes::Secret && (!s.renew || take.contains(&s.name))) {
        if entry.value.expose().len() > LARGEST {
            return Err(Error::new(Kind::Input, format!("the value of {} has {} bytes", entry.name, entry.value.expose().len()))
                .hint(format!("Secrets Manager takes at most {LARGEST}: keep it in a file in S3, or shorten it")));
        }
        if let Some(home) = &entry.home {
            add(&mut all, home, &entry.name, &entry.value);
        }
    }
    Ok(all.into_values().collect())
}

fn add(all: &mut BTreeMap<String, Put>, home: &Home, variable: &str, value: &Secret) {
    let put = all.entry(home.secret.clone()).or_insert_with(|| Put { secret: home.secret.clone(), ..Put::default() });
    match &home.key {
        Some(key) => drop(put.keys.insert(key.clone(), value.clone())),
        None => put.text = Some(value.clone()),
    }
    put.variables.insert(variable.to_owned(), home.key.clone());
}

/// A secret that the code reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub variable: String,
    pub home: Home,
    /// A random value will do when nobody gives one.
    pub generate: bool,
    /// The code stops or fails without it, or signs with a value that everybody can read.
    pub needed: bool,
    /// Another value than Replit's logs everybody out.
    pub sessions: bool,
    pub read_at: String,
}

/// The secrets that the code reads, by name; those that the wizard makes another way (the database's URL) or that a stack makes, and
/// those that nobody has to give with what was decided, are not among them.
pub fn wanted(scan: &Scan, plan: &EnvPlan, table: &Table) -> Vec<Wanted> {
    scan.variables
        .iter()
        .filter(|v| !v.at_build && !plan.is_unneeded(&v.name) && !plan.is_made(&v.name) && table.judge(&v.name, None).0 == Becomes::Secret)
        .filter(|v| table.rule(&v.name).is_some() || super::super::hide::is_secret_name(&v.name))
        .map(|v| Wanted {
            variable: v.name.clone(),
            home: table.home(&v.name),
            generate: table.rule(&v.name).is_some_and(|r| r.generate),
            needed: !table.default_counts(v),
            sessions: table.rule(&v.name).is_some_and(|r| r.sessions),
            read_at: v.places.first().map(|p| format!("{}:{}", p.file, p.line)).unwrap_or_default(),
        })
        .collect()
}

/// What is still to be put for the code beside `given`: of each wanted variable that no secret holds, the value that `find` gives (an
/// exported variable), a random one, or a placeholder, so that a task can start. `held` says whether a secret has what a variable reads.
pub fn fill(
    given: Vec<Put>,
    wanted: &[Wanted],
    held: &dyn Fn(&Home) -> bool,
    find: &dyn Fn(&str) -> Option<Secret>,
    random: &dyn Fn() -> Secret,
    placeholder: &Secret,
) -> Vec<Put> {
    let mut all: BTreeMap<String, Put> = given.into_iter().map(|put| (put.secret.clone(), put)).collect();
    for want in wanted {
        let put = all.get(&want.home.secret);
        let has = put.is_some_and(|p| match &want.home.key {
            Some(key) => p.keys.contains_key(key),
            None => p.text.is_some(),
        });
        if has {
            if let Some(put) = all.get_mut(&want.home.secret) {
                put.variables.insert(want.variable.clone(), want.home.key.clone());
            }
            continue;
        }
        let (value, made) = match find(&want.variable) {
            Some(value) => (value, false),
            None if held(&want.home) || !want.needed => continue,
            None if want.generate => (random(), true),
            None => (placeholder.clone(), false),
        };
        add(&mut all, &want.home, &want.variable, &value);
        if let Some(put) = all.get_mut(&want.home.secret) {
            put.made |= made;
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::{parse, sort};
    use super::*;

    #[test]
    fn entries_of_one_vendor_share_a_secret() {
        let table = Table::bundled().unwrap();
        let block = parse("STRIPE_SECRET_KEY=a\nSTRIPE_PUBLISHABLE_KEY=b\nSTRIPE_WEBHOOK_SECRET=c\nTOKEN=t\nREPL_ID=x", "x").unwrap();
        let sorted = sort(&block.entries, &table);
        let of = |take: &[String]| puts(&sorted, take).unwrap();
        let seen: Vec<_> =
            of(&[]).iter().map(|p| (p.secret.clone(), p.keys.keys().cloned().collect::<Vec<_>>(), p.text.is_some())).collect();
        assert_eq!(
            seen,
            [("stripe".to_owned(), vec!["publishable".to_owned(), "secret".to_owned()], false), ("token".to_owned(), vec![], true)]
        );
        assert!(of(&["STRIPE_WEBHOOK_SECRET".to_owned()]).iter().any(|p| p.keys.contains_key("webhook")));
    }

    #[test]
    fn what_the_code_needs_is_found_made_or_held_open() {
        let want = |variable: &str, secret: &str, key: Option<&str>, generate, needed| Wanted {
            variable: variable.into(),
            home: Home { secret: secret.into(), key: key.map(str::to_owned) },
            generate,
            needed,
            sessions: false,
            read_at: String::new(),
        };
        let wanted = [
            want("STRIPE_SECRET_KEY", "stripe", Some("secret"), false, true),
            want("JWT_SECRET", "jwt-secret", None, true, true),
            want("RESEND_API_KEY", "resend-api-key", None, false, true),
            want("OPTIONAL_KEY", "optional-key", None, false, false),
            want("EXPORTED_KEY", "exported-key", None, false, false),
            want("HELD_KEY", "held-key", None, false, true),
        ];
        let find = |name: &str| (name == "EXPORTED_KEY").then(|| Secret::new("e"));
        let made =
            fill(Vec::new(), &wanted, &|home| home.secret == "held-key", &find, &|| Secret::new("random"), &Secret::new("placeholder"));
        let seen: Vec<(String, Option<String>)> =
            made.iter().map(|p| (p.secret.clone(), p.text.as_ref().or(p.keys.get("secret")).map(|v| v.expose().to_owned()))).collect();
        let random: Vec<&str> = made.iter().filter(|p| p.made).map(|p| p.secret.as_str()).collect();
        assert_eq!(random, ["jwt-secret"]);
        let pair = |a: &str, b: &str| (a.to_owned(), Some(b.to_owned()));
        assert_eq!(
            seen,
            [pair("exported-key", "e"), pair("jwt-secret", "random"), pair("resend-api-key", "placeholder"), pair("stripe", "placeholder")]
        );
    }
}
