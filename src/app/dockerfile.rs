//! The image of one service: which base, which packages, how to install, build and start.
//! Never a template's text (that is `assets/files/`), and never a package that no file of the app asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::choices::Choices;
use super::command;
use super::database::Engine;
use super::env::EnvPlan;
use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::stack::{Language, PackageManager};
use super::template;
use crate::error::Result;

/// The Dockerfile of a service; `None` for a stack that we cannot build.
pub fn of(scan: &Scan, choices: &Choices, plan: &EnvPlan, service: &Service) -> Result<Option<String>> {
    if !scan.stack.supported || service.run.is_empty() {
        return Ok(None);
    }
    let (file, template) = match scan.stack.language {
        Language::Node => ("node.Dockerfile", include_str!("../../assets/files/node.Dockerfile")),
        Language::Python => ("python.Dockerfile", include_str!("../../assets/files/python.Dockerfile")),
        Language::Php | Language::Html | Language::Unknown => return Ok(None),
    };
    let port = choices.port_of(scan, service);
    let mut values = BTreeMap::from([
        ("service", service.name.clone()),
        ("runtime", choices.runtime.clone()),
        ("base", choices.base.clone()),
        ("apt", apt(&packages(scan))),
        ("image_env", image_env(scan)),
        ("build_env", image_env(scan)),
        ("build_args", build_args(plan)),
        ("workdir", if service.from_root || service.dir.is_empty() { String::new() } else { format!("WORKDIR /app/{}", service.dir) }),
        ("port", port.to_string()),
        ("cmd", json(&run(scan, choices, service))),
        ("health", health(scan, service)),
    ]);
    match scan.stack.language {
        Language::Node => values.extend(node(scan, service)),
        Language::Python => values.extend(python(scan)),
        Language::Php | Language::Html | Language::Unknown => {}
    }
    template::fill(file, template, &values).map(Some)
}

fn packages(scan: &Scan) -> BTreeSet<String> {
    // a Python driver that was compiled in the build stage needs the library of Postgres
    let libpq = scan.stack.language == Language::Python && scan.uses(Engine::Postgres);
    scan.system_packages.iter().flat_map(|p| p.apt.iter().cloned()).chain(libpq.then(|| "libpq5".to_owned())).collect()
}

fn apt(packages: &BTreeSet<String>) -> String {
    if packages.is_empty() {
        return String::new();
    }
    let list = packages.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    format!("RUN apt-get update \\\n && apt-get install -y --no-install-recommends {list} \\\n && rm -rf /var/lib/apt/lists/*")
}

fn image_env(scan: &Scan) -> String {
    let pairs: BTreeMap<&String, &String> = scan.system_packages.iter().flat_map(|p| &p.env).collect();
    pairs.iter().map(|(name, value)| format!("ENV {name}={value}")).collect::<Vec<_>>().join("\n")
}

/// Names that the build reads, as arguments; `PORT` because some Vite configurations stop without it.
fn build_args(plan: &EnvPlan) -> String {
    plan.build.iter().map(|(name, value)| format!("ARG {name}={value}\nENV {name}=${name}")).collect::<Vec<_>>().join("\n")
}

fn json(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|w| serde_json::Value::from(w.as_str()).to_string()).collect();
    format!("[{}]", quoted.join(", "))
}

/// The command with the chosen port where a port was written into it, and without reloading.
fn run(scan: &Scan, choices: &Choices, service: &Service) -> Vec<String> {
    let port = choices.port_of(scan, service);
    let old = service.port.unwrap_or(port);
    let mut words: Vec<String> = service
        .run
        .iter()
        .filter(|w| *w != "--reload")
        .map(|w| {
            if port != old {
                w.replace(&format!(":{old}"), &format!(":{port}")).replace(&format!("={old}"), &format!("={port}"))
            } else {
                w.clone()
            }
        })
        .collect();
    if scan.has_finding("F15") && words.first().is_some_and(|w| w == "gunicorn") {
        words.extend(["-k".to_owned(), "uvicorn.workers.UvicornWorker".to_owned()]);
    }
    words
}

/// The path that the load balancer and the image ask for.
pub fn health_path(service: &Service) -> &str {
    service.health.as_deref().unwrap_or("/api/health")
}

fn health(scan: &Scan, service: &Service) -> String {
    if !matches!(service.kind, ServiceKind::Web | ServiceKind::Api) {
        return "# runs without a port: no health check over HTTP\nHEALTHCHECK NONE".to_owned();
    }
    let path = health_path(service);
    let check = match scan.stack.language {
        Language::Python => json(&[
            "python".to_owned(),
            "-c".to_owned(),
            format!("import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '{path}', timeout=4)"),
        ]),
        Language::Node | Language::Php | Language::Html | Language::Unknown => json(&[
            "node".to_owned(),
            "-e".to_owned(),
            format!(
                "fetch('http://127.0.0.1:' + process.env.PORT + '{path}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            ),
        ]),
    };
    format!("HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \\\n  CMD {check}")
}

fn node(scan: &Scan, service: &Service) -> BTreeMap<&'static str, String> {
    let stack = &scan.stack;
    let workspace = scan.services.len() > 1 || scan.has_file("pnpm-workspace.yaml");
    let lock = |file: &str| if scan.has_file(file) { format!(" {file}") } else { String::new() };
    let given = |default: &str| stack.package_manager_version.clone().unwrap_or_else(|| default.to_owned());
    let berry = scan.has_file(".yarnrc.yml");
    let (tool, files, install, prune) = match stack.package_manager {
        PackageManager::Pnpm => (
            format!("RUN npm install --global pnpm@{}", given("10")),
            lock("pnpm-lock.yaml"),
            if stack.lock_file { "pnpm install --frozen-lockfile" } else { "pnpm install" },
            "pnpm prune --prod",
        ),
        PackageManager::Yarn if berry => (
            "RUN corepack enable".to_owned(),
            format!("{}{}", lock("yarn.lock"), lock(".yarnrc.yml")),
            if stack.lock_file { "yarn install --immutable" } else { "yarn install" },
            "",
        ),
        PackageManager::Yarn => (
            String::new(),
            lock("yarn.lock"),
            if stack.lock_file { "yarn install --frozen-lockfile" } else { "yarn install" },
            "yarn install --production --prefer-offline",
        ),
        PackageManager::Bun => (
            format!("RUN npm install --global bun@{}", given("1")),
            format!("{}{}", lock("bun.lock"), lock("bun.lockb")),
            if stack.lock_file { "bun install --frozen-lockfile" } else { "bun install" },
            "",
        ),
        PackageManager::Npm
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => (
            String::new(),
            lock("package-lock.json"),
            if scan.has_file("package-lock.json") { "npm ci --no-audit --no-fund" } else { "npm install --no-audit --no-fund" },
            "npm prune --omit=dev --no-audit --no-fund",
        ),
    };
    let own = service.run.first().is_some_and(|w| w == "node");
    let keeps_dev = scan.replit.iter().flat_map(|r| &r.env).any(|e| e.name == "REPLIT_KEEP_PACKAGE_DEV_DEPENDENCIES");
    // development packages go only where nothing is known to need them at run time
    let prune = if workspace || prune.is_empty() || !own || keeps_dev || scan.has_finding("F2") {
        "# all packages stay: the app may need development packages at run time".to_owned()
    } else {
        format!("RUN {prune}")
    };
    let npmrc = if scan.has_file(".npmrc") { " .npmrc" } else { "" };
    let dirs: Vec<String> = ["prisma", "patches"].iter().filter(|d| scan.has_file(d)).map(|d| format!("COPY {d} ./{d}")).collect();
    let copy = if workspace {
        "COPY . .".to_owned()
    } else {
        std::iter::once(format!("COPY package.json{files}{npmrc} ./")).chain(dirs).collect::<Vec<_>>().join("\n")
    };
    let check = if stack.native.is_empty() || workspace {
        String::new()
    } else {
        let list = stack.native.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ");
        format!(
            "# stops the build here, not the service later, if a compiled part is missing\nRUN node -e \"for (const m of [{list}]) require(m)\""
        )
    };
    let compilers = if stack.native.is_empty() { BTreeSet::new() } else { ["g++", "make", "python3"].map(str::to_owned).into() };
    BTreeMap::from([
        ("tool", tool),
        ("compilers", apt(&compilers)),
        ("copy_manifests", copy),
        ("install", format!("RUN {install}")),
        ("copy_source", if workspace { String::new() } else { "COPY . .".to_owned() }),
        ("build", service.build.as_ref().map(|b| format!("RUN {b}")).unwrap_or_default()),
        ("prune", prune),
        ("native_check", check),
    ])
}

fn python(scan: &Scan) -> BTreeMap<&'static str, String> {
    let lock = |file: &str| if scan.has_file(file) { format!(" {file}") } else { String::new() };
    let (files, install) = match scan.stack.package_manager {
        PackageManager::Poetry => (
            format!("pyproject.toml{}", lock("poetry.lock")),
            "RUN pip install --no-cache-dir poetry \\\n && poetry config virtualenvs.create false \\\n && VIRTUAL_ENV=/venv poetry install --only main --no-root --no-interaction",
        ),
        PackageManager::Uv => (
            format!("pyproject.toml{}", lock("uv.lock")),
            if scan.stack.lock_file {
                "RUN pip install --no-cache-dir uv \\\n && UV_PROJECT_ENVIRONMENT=/venv uv sync --frozen --no-dev --no-install-project"
            } else {
                "RUN pip install --no-cache-dir uv \\\n && UV_PROJECT_ENVIRONMENT=/venv uv sync --no-dev --no-install-project"
            },
        ),
        PackageManager::Pip
        | PackageManager::Npm
        | PackageManager::Pnpm
        | PackageManager::Yarn
        | PackageManager::Bun
        | PackageManager::Composer
        | PackageManager::None => ("requirements.txt".to_owned(), "RUN pip install --no-cache-dir -r requirements.txt"),
    };
    BTreeMap::from([("manifests", files), ("install", install.to_owned())])
}

/// The command as a person reads it, for comments.
pub fn shown(service: &Service) -> String {
    command::line(&service.run)
}
