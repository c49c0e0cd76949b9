//! What each service gets on AWS: a table of service x variable, with the place in the code that reads it and who gives it.
//! Never a secret's value; knows of Secrets Manager only which names it holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::env::{EnvPlan, Origin};
use super::super::scan::Scan;
use super::super::variable::{Variable, place_for};
use super::table::{Becomes, Home, OfDatabase, Table};

/// Who gives a variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Given {
    /// Secrets Manager.
    Secret(Home),
    /// It is there with a placeholder: the app starts, and what needs the value fails.
    Placeholder(Home),
    /// The task definition.
    Plain { value: String },
    /// The service's stack sets it from other stacks.
    Stack,
    /// The code has a default, and nobody gives another value.
    Default,
    /// Replit's own: it must not be set on AWS.
    Dropped,
    /// With what was decided nobody has to give it.
    Unneeded,
    /// The code reads it and nobody gives it. Where it would live.
    Missing(Home),
    /// The same of a plain variable.
    MissingPlain,
}

/// Why a name that Replit gives and nobody imported is not needed.
pub const UNREAD: &str = "no code was seen to read it";

/// One variable of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub service: String,
    pub variable: String,
    pub given: Given,
    /// `file:line` of the first place that reads it; empty when no code was seen to.
    pub read_at: String,
    /// Where the value, or its absence, comes from, in words.
    pub source: String,
}

/// A secret that Secrets Manager holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provided {
    /// Keys, when it is a JSON object.
    pub keys: Option<BTreeSet<String>>,
    /// What it holds (or what a key holds) is a placeholder.
    pub placeholder: bool,
    /// The variables that it was stored for, with their keys.
    pub variables: BTreeMap<String, Option<String>>,
}

/// The code reads it, nobody gives it, and neither a stack nor the wizard makes it: a person has to.
pub fn is_missing(row: &Row, plan: &EnvPlan, table: &Table) -> bool {
    matches!(row.given, Given::Missing(_) | Given::MissingPlain) && !is_made(&row.variable, plan, table)
}

/// A stack or the wizard gives it, or will.
pub fn is_made(name: &str, plan: &EnvPlan, table: &Table) -> bool {
    plan.is_made(name) || table.judge(name, None).0 == Becomes::Replaced
}

/// Why nobody has to give it.
fn unneeded(name: &str, plan: &EnvPlan, table: &Table) -> Option<String> {
    let planned = plan.unneeded.iter().find(|n| n.name == name).map(|n| n.why.clone());
    // stored before, perhaps, and read by no code that was seen
    planned.or_else(|| (table.database(name) == Some(OfDatabase::Old)).then(|| table.judge(name, None).1))
}

/// The table, by service and variable.
///
/// `services` are the names that run on AWS; `held` is by name below `<app>-<environment>/`; `own` are the variables that the service's
/// stack sets; `plain` are variables that a person gave.
pub fn wire(
    scan: &Scan,
    services: &[String],
    plan: &EnvPlan,
    table: &Table,
    held: &BTreeMap<String, Provided>,
    own: &BTreeSet<String>,
    plain: &BTreeMap<String, String>,
) -> Vec<Row> {
    let stored: BTreeMap<&str, Home> = held
        .iter()
        .flat_map(|(secret, provided)| {
            provided.variables.iter().map(|(variable, key)| (variable.as_str(), Home { secret: secret.clone(), key: key.clone() }))
        })
        .collect();
    let read: BTreeMap<&str, &Variable> = scan.variables.iter().map(|v| (v.name.as_str(), v)).collect();
    let defaults: BTreeMap<&str, (&str, Origin)> =
        plan.plain.iter().filter_map(|p| Some((p.name.as_str(), (p.value.as_deref()?, p.origin)))).collect();
    let mut names: BTreeSet<&str> = read.keys().copied().collect();
    names.extend(stored.keys().copied());
    names.extend(plain.keys().map(String::as_str));
    names.extend(defaults.keys().copied());
    // what AWS needs, whoever gives it
    names.extend(plan.plain.iter().filter(|p| p.origin == Origin::Shim).map(|p| p.name.as_str()));
    names.extend(plan.secrets.iter().map(|s| s.name.as_str()));

    let mut rows = Vec::new();
    for service in services {
        for name in &names {
            let variable = read.get(name);
            let here = variable.map(|v| place_for(scan, service, v));
            // Read by other services only.
            if here == Some(None) {
                continue;
            }
            // whatever was stored for it: of the moved database it is the new address
            let own_home = stored.get(name).filter(|_| table.database(name) != Some(OfDatabase::Same));
            let home = own_home.cloned().unwrap_or_else(|| table.home(name));
            let (given, source) = if own.contains(*name) && !plan.not_by_stack.contains(*name) {
                (Given::Stack, "set by the service's stack".to_owned())
            } else if let Some(why) = unneeded(name, plan, table) {
                (Given::Unneeded, why)
            } else if let Some(found) = held.get(&home.secret).filter(|p| holds(p, &home)) {
                let source = if own_home.is_some() { "imported" } else { "Secrets Manager" };
                let given = if found.placeholder { Given::Placeholder(home) } else { Given::Secret(home) };
                (given, source.to_owned())
            } else if let Some(value) = plain.get(*name) {
                (Given::Plain { value: value.clone() }, "imported".to_owned())
            } else if plan.not_by_stack.contains(*name) && !defaults.contains_key(name) {
                let given = if variable.is_some_and(|v| v.has_default) {
                    Given::Default
                } else if plan.secrets.iter().any(|s| s.name == **name) {
                    Given::Missing(home)
                } else {
                    Given::MissingPlain
                };
                (given, "nobody gives it".to_owned())
            } else if let Some((value, origin)) = defaults.get(name) {
                let source = match origin {
                    Origin::Shim => "default",
                    Origin::Replit => ".replit",
                    Origin::Code => "code",
                };
                (Given::Plain { value: (*value).to_owned() }, source.to_owned())
            } else if plan.never.iter().any(|n| n.name == **name) || table.judge(name, None).0 == Becomes::Replit {
                (Given::Dropped, "Replit's own".to_owned())
            } else if variable.is_none() && plan.secrets.iter().any(|s| s.name == **name && s.origin == Origin::Replit) {
                (Given::Unneeded, UNREAD.to_owned())
            } else if variable.is_some_and(|v| table.default_counts(v)) {
                (Given::Default, "the code's default".to_owned())
            } else if table.judge(name, None).0 == Becomes::Plain
                || variable.is_some_and(|v| v.at_build)
                || (variable.is_none() && plan.secrets.iter().all(|s| s.name != **name))
            {
                (Given::MissingPlain, "nobody gives it".to_owned())
            } else {
                (Given::Missing(home), "nobody gives it".to_owned())
            };
            rows.push(Row {
                service: service.clone(),
                variable: (*name).to_owned(),
                given,
                read_at: here.flatten().unwrap_or_default(),
                source,
            });
        }
    }
    rows
}

fn holds(provided: &Provided, home: &Home) -> bool {
    match (&provided.keys, &home.key) {
        (Some(keys), Some(key)) => keys.contains(key),
        (Some(_), None) => false,
        (None, None) => true,
        (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::env;
    use super::*;
    use crate::app::Choices;
    use crate::app::fixture::App;

    /// Two services of a workspace that share a package.
    fn scan() -> Scan {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("package.json", r#"{"name": "alva", "private": true, "workspaces": ["apps/*", "packages/*"]}"#);
        put("pnpm-workspace.yaml", "packages: ['apps/*', 'packages/*']\n");
        for name in ["web", "api"] {
            put(
                &format!("apps/{name}/package.json"),
                &format!(r#"{{"name": "{name}", "scripts": {{"start": "node index.js"}}, "dependencies": {{"fastify": "5"}}}}"#),
            );
        }
        put(
            "apps/api/index.ts",
            "const a = process.env.JWT_SECRET!;\nconst b = process.env.STRIPE_SECRET_KEY!;\nconst c = process.env.PORT;\n",
        );
        put(
            "apps/web/index.ts",
            "const a = process.env.API_URL!;\nconst l = process.env.LOG_LEVEL ?? 'info';\nconst r = process.env.REPL_ID;\n",
        );
        put("packages/db/index.ts", "const a = process.env.DATABASE_URL!;\n");
        crate::app::scan(dir.path(), &crate::progress::Reporter::silent()).unwrap()
    }

    #[test]
    fn each_service_gets_what_it_reads() {
        let scan = scan();
        let services = ["web".to_owned(), "api".to_owned()];
        let table = Table::bundled().unwrap();
        let plan = env::plan(&scan, &Choices::from_scan(&scan)).unwrap();
        let stripe = Provided { keys: Some(BTreeSet::from(["publishable".to_owned()])), ..Provided::default() };
        let held = BTreeMap::from([
            ("database-url".to_owned(), Provided { placeholder: true, ..Provided::default() }),
            ("jwt-secret".to_owned(), Provided::default()),
            ("stripe".to_owned(), stripe),
            ("extra".to_owned(), Provided { variables: BTreeMap::from([("EXTRA".to_owned(), None)]), ..Provided::default() }),
        ]);
        let own = BTreeSet::from(["PORT".to_owned()]);
        let plain = BTreeMap::from([("API_URL".to_owned(), "http://api.staging.local:3001".to_owned())]);
        let rows = wire(&scan, &services, &plan, &table, &held, &own, &plain);
        let given = |service: &str, variable: &str| {
            rows.iter().find(|r| r.service == service && r.variable == variable).map(|r| (r.given.clone(), r.read_at.as_str()))
        };
        let home = |secret: &str, key: Option<&str>| Home { secret: secret.to_owned(), key: key.map(str::to_owned) };
        assert_eq!(given("api", "JWT_SECRET"), Some((Given::Secret(home("jwt-secret", None)), "apps/api/index.ts:1")));
        assert_eq!(given("web", "JWT_SECRET"), None, "only the api reads it");
        // the secret is there, its key is not: a task that asked for it would not start
        assert_eq!(given("api", "STRIPE_SECRET_KEY"), Some((Given::Missing(home("stripe", Some("secret"))), "apps/api/index.ts:2")));
        assert_eq!(given("web", "DATABASE_URL"), Some((Given::Placeholder(home("database-url", None)), "packages/db/index.ts:1")));
        assert_eq!(given("web", "API_URL"), Some((Given::Plain { value: "http://api.staging.local:3001".into() }, "apps/web/index.ts:1")));
        assert_eq!(given("web", "LOG_LEVEL"), Some((Given::Default, "apps/web/index.ts:2")));
        assert_eq!(given("web", "REPL_ID").map(|g| g.0), Some(Given::Dropped));
        assert_eq!(given("api", "PORT").map(|g| g.0), Some(Given::Stack));
        assert_eq!(given("web", "EXTRA"), Some((Given::Secret(home("extra", None)), "")));
    }

    #[test]
    fn no_service_gets_the_address_of_a_database_of_the_source() {
        let app = App::new(&[
            ("package.json", r#"{"name": "a", "scripts": {"start": "node index.js"}, "dependencies": {"express": "5"}}"#),
            (".replit", "[userenv.shared]\nMAIL_RELAY_API_KEY = \"hunter2hunter2\"\nSECOND_API_KEY = \"hunter2hunter2\"\n"),
            (
                "index.js",
                "a(process.env.LIVE_DATABASE_URL);\nb(process.env.DIRECT_URL);\nc(process.env.ANALYTICS_DATABASE_URL);\nd(process.env.SECOND_API_KEY);\ne(process.env.JWT_SECRET || \"dev\");\nf(process.env.REDIS_URL);\n",
            ),
            (
                "prisma/schema.prisma",
                "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n  directUrl = env(\"PLAIN_WAY\")\n  // directUrl = env(\"COMMENTED_WAY\")\n}\n",
            ),
            ("other.js", "a(process.env.PLAIN_WAY);\nb(process.env.COMMENTED_WAY);\n"),
        ]);
        let scan = app.scan();
        assert_eq!(scan.layout.direct_urls, ["PLAIN_WAY"]);
        let table = Table::knowing(&scan.layout.direct_urls).unwrap();
        let services: Vec<String> = scan.services.iter().map(|s| s.name.clone()).collect();
        // all of them were imported once, before anybody knew better
        let old = |name: &str| {
            (
                name.to_lowercase().replace('_', "-"),
                Provided { variables: BTreeMap::from([(name.to_owned(), None)]), ..Provided::default() },
            )
        };
        let mut held: BTreeMap<String, Provided> =
            ["LIVE_DATABASE_URL", "OLD_DATABASE_URL", "DIRECT_URL", "PLAIN_WAY", "ANALYTICS_DATABASE_URL"].map(old).into();
        held.insert("database-url".to_owned(), Provided::default());
        let given = |decided: &str, held: &BTreeMap<String, Provided>, name: &str| {
            let decisions = [("database".to_owned(), decided.to_owned())].into_iter().collect();
            let plan = env::plan(&scan, &Choices { decisions, ..Choices::from_scan(&scan) }).unwrap();
            let rows = wire(&scan, &services, &plan, &table, held, &BTreeSet::new(), &BTreeMap::new());
            let row = rows.into_iter().find(|row| row.variable == name).unwrap_or_else(|| panic!("{name}"));
            let missing = is_missing(&row, &plan, &table);
            (row.given, missing)
        };
        let home = |secret: &str| Home { secret: secret.to_owned(), key: None };
        let (none, new) = ((Given::Unneeded, false), (Given::Secret(home("database-url")), false));
        for (name, rds) in
            [("LIVE_DATABASE_URL", &none), ("OLD_DATABASE_URL", &none), ("DIRECT_URL", &new), ("PLAIN_WAY", &new), ("DATABASE_URL", &new)]
        {
            assert_eq!((name, &given("rds", &held, name)), (name, rds));
            if name != "OLD_DATABASE_URL" {
                assert_eq!((name, given("dsql", &held, name)), (name, none.clone()));
            }
        }
        // one that may stay where it is counts as given once somebody stored it
        assert_eq!(given("dsql", &held, "ANALYTICS_DATABASE_URL"), (Given::Secret(home("analytics-database-url")), false));
        let nothing = BTreeMap::new();
        assert_eq!(given("dsql", &nothing, "ANALYTICS_DATABASE_URL"), (Given::Missing(home("analytics-database-url")), true));
        assert!(given("dsql", &nothing, "COMMENTED_WAY").1);
        assert_eq!(given("rds", &nothing, "PLAIN_WAY"), (Given::Missing(home("database-url")), false), "the wizard makes it");
        // what `.replit` has is missing where the code reads it, and there alone
        assert_eq!(given("rds", &nothing, "MAIL_RELAY_API_KEY"), none);
        assert_eq!(given("rds", &nothing, "SECOND_API_KEY"), (Given::Missing(home("second-api-key")), true));
        // where no stack makes a cache, a person gives the address of theirs
        let cache = |decided: &str| {
            let decisions = [("cache".to_owned(), decided.to_owned())].into_iter().collect();
            let plan = env::plan(&scan, &Choices { decisions, ..Choices::from_scan(&scan) }).unwrap();
            let table = Table::of(&scan, &plan).unwrap();
            let own = BTreeSet::from(["REDIS_URL".to_owned()]);
            let rows = wire(&scan, &services, &plan, &table, &nothing, &own, &BTreeMap::new());
            let row = rows.into_iter().find(|row| row.variable == "REDIS_URL").unwrap();
            (row.given.clone(), is_missing(&row, &plan, &table), table.judge("REDIS_URL", None).0)
        };
        assert_eq!(cache("valkey"), (Given::Stack, false, Becomes::Replaced));
        assert_eq!(cache("none"), (Given::Missing(home("redis")), true, Becomes::Secret));
        // a key that signs is never the one that everybody can read in the code
        assert_eq!(given("rds", &nothing, "JWT_SECRET"), (Given::Missing(home("jwt-secret")), true));
    }
}
