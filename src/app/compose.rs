//! The app on one's own machine: `docker-compose.yml` with what it needs beside it, and what must not go into an image.
//! Never a real secret, and never a service that nothing in the app asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::build_args;
use super::choices::Choices;
use super::database::Engine;
use super::dockerfile::Dockerfile;
use super::env::EnvPlan;
use super::placeholder;
use super::scan::Scan;
use super::service::Service;
use super::stack::Language;
use super::template;
use super::variable::place_for;
use crate::error::{Context, Kind, Result};

/// Where the drop-in for Replit's key-value store keeps its table: the database below, which only it reads by this name.
const STORE: &str = "postgresql://app:app@db:5432/app";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    service: String,
    #[serde(default)]
    volume: bool,
    /// It writes its certificate where the app reads it.
    #[serde(default)]
    certificates: bool,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "as_of")]
    _as_of: String,
    #[serde(rename = "source")]
    _source: String,
    postgres: Beside,
    postgres_tls: Beside,
    redis: Beside,
}

/// What the image must not hold: our list, then the app's own lines, then secrets, because the last that matches decides.
pub fn dockerignore(scan: &Scan) -> Result<String> {
    let assets = if scan.has_finding("F21") { "# attached_assets stays: the code imports from @assets" } else { "attached_assets" };
    let ignored = if scan.layout.ignored.is_empty() {
        String::new()
    } else {
        format!("# from .replitignore, .replit and .gitignore\n{}", scan.layout.ignored.join("\n"))
    };
    let exported = if scan.layout.exported.is_empty() {
        String::new()
    } else {
        format!("# written by app export and export, for other places\n{}", scan.layout.exported.join("\n"))
    };
    let values = BTreeMap::from([("assets", assets.to_owned()), ("ignored", ignored), ("exported", exported)]);
    template::fill("dockerignore", include_str!("../../assets/files/dockerignore"), &values)
}

/// The compose file.
pub fn of(scan: &Scan, choices: &Choices, plan: &EnvPlan, images: &[Dockerfile<'_>]) -> Result<String> {
    let table: Table = toml::from_str(include_str!("../../assets/files/compose.toml")).or_fail(
        Kind::Bug,
        "cannot read assets/files/compose.toml",
        "report this",
    )?;
    let tls = scan.layout.database_tls.as_ref();
    let place = tls.map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
    let major = BTreeMap::from([("postgres", choices.postgres.to_string()), ("tls", place)]);
    // the drop-in for Replit's key-value store keeps a table in the app's Postgres
    let store = scan.uses(Engine::ReplitKeyValue);
    let postgres = (scan.uses(Engine::Postgres) || store).then_some(if tls.is_some() { &table.postgres_tls } else { &table.postgres });
    let redis = scan.uses(Engine::Redis).then_some(&table.redis);
    let beside: Vec<&Beside> = postgres.into_iter().chain(redis).collect();
    let text = |row: Option<&Beside>| row.map(|r| template::fill("compose.toml", r.text.trim_start_matches('\n'), &major)).transpose();
    let forms = placeholder::Table::read()?;
    let mut taken = BTreeSet::new();
    let mut services = Vec::new();
    for image in images {
        for (service, target) in &image.services {
            services.push(block(scan, choices, plan, image, service, target.as_deref(), &beside, &forms, &mut taken));
        }
    }
    let certificates = beside.iter().any(|b| b.certificates).then(|| "  certificates:".to_owned());
    let volumes: Vec<String> = beside.iter().filter(|b| b.volume).map(|b| format!("  {}:", b.service)).chain(certificates).collect();
    let values = BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("compose_services", services.join("\n")),
        ("compose_postgres", text(postgres)?.unwrap_or_default()),
        ("compose_redis", text(redis)?.unwrap_or_default()),
        ("volumes", if volumes.is_empty() { String::new() } else { format!("volumes:\n{}", volumes.join("\n")) }),
    ]);
    template::fill("docker-compose.yml", include_str!("../../assets/files/docker-compose.yml"), &values)
}

#[allow(clippy::too_many_arguments)]
fn block(
    scan: &Scan,
    choices: &Choices,
    plan: &EnvPlan,
    image: &Dockerfile<'_>,
    service: &Service,
    target: Option<&str>,
    beside: &[&Beside],
    forms: &placeholder::Table,
    taken: &mut BTreeSet<u16>,
) -> String {
    let mut out = vec![format!("  {}:", service.name), "    build:".to_owned(), "      context: .".to_owned()];
    out.push(format!("      dockerfile: {}", image.path));
    out.extend(target.map(|t| format!("      target: {t}")));
    let in_image: Vec<&Service> = image.services.iter().map(|(s, _)| *s).collect();
    let args: Vec<&str> = build_args::of(scan, plan, &in_image).into_iter().map(|(name, _)| name).collect();
    if !args.is_empty() {
        // without a value: taken from .env, and not given at all where it is not there
        out.push(format!("      args: [{}]", args.join(", ")));
    }
    if scan.has_finding("A11") {
        out.push("    platform: linux/amd64".to_owned());
    }
    out.push("    init: true".to_owned());
    if scan.system_packages.iter().any(|p| p.apt.iter().any(|a| a == "chromium")) {
        out.push("    shm_size: 1gb".to_owned());
    }
    let port = choices.port_of(scan, service);
    let answers = service.kind.answers();
    if answers {
        // two services may listen on the same port, each in its own container
        let free = (port..=u16::MAX).find(|p| taken.insert(*p)).unwrap_or(port);
        out.push(format!("    ports: [\"127.0.0.1:{free}:{port}\"]"));
    }
    out.push("    env_file:\n      - path: .env\n        required: false".to_owned());
    let mut environment: Vec<(String, String)> = Vec::new();
    if answers {
        environment.push(("PORT".to_owned(), port.to_string()));
        environment.extend(service.port_variable.iter().map(|name| (name.clone(), port.to_string())));
    }
    for (name, value) in &plan.local {
        let read = scan.variables.iter().find(|v| v.name == *name);
        if read.is_some_and(|v| place_for(scan, &service.name, v).is_some()) {
            environment.push((name.clone(), value.clone()));
        }
    }
    if scan.uses(Engine::ReplitKeyValue) && environment.iter().all(|(name, _)| name != "DATABASE_URL") {
        environment.push(("DATABASE_URL".to_owned(), STORE.to_owned()));
    }
    // what the code cannot start without: from .env, else in the form that it accepts
    for (name, value) in forms.wanted(scan, plan, service) {
        if environment.iter().all(|(known, _)| known != name) && !plan.is_unneeded(name) {
            environment.push((name.to_owned(), format!("${{{name}:-{value}}}")));
        }
    }
    let certificates = beside.iter().any(|b| b.certificates);
    if certificates {
        let name = if scan.stack.language == Language::Python { "PGSSLROOTCERT" } else { "NODE_EXTRA_CA_CERTS" };
        environment.push((name.to_owned(), "/certificates/db.pem".to_owned()));
    }
    if !environment.is_empty() {
        out.push("    environment:".to_owned());
        out.extend(environment.iter().map(|(name, value)| format!("      {name}: \"{value}\"")));
    }
    if certificates {
        out.push("    volumes:\n      - certificates:/certificates:ro".to_owned());
    }
    if !beside.is_empty() {
        out.push("    depends_on:".to_owned());
        out.extend(beside.iter().map(|b| format!("      {}:\n        condition: service_healthy", b.service)));
    }
    out.join("\n")
}
