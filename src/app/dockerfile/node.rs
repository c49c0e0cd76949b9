//! How a Node app is installed and built: npm, pnpm, Yarn or Bun, one package or a workspace.
//! Never fewer packages than what the running program may load.

use std::collections::{BTreeMap, BTreeSet};

use super::super::choices::Choices;
use super::super::scan::{DROP_INS, Scan};
use super::super::service::Service;
use super::super::stack::{self, PackageManager};
use super::{apt, run};

/// The stage for migrations of a service whose own image cannot run them.
pub const MIGRATE: &str = "migrate";
const ALL: &str = "COPY --from=build --chown=node:node /app /app";

/// Its build makes a program of its own (Next.js `output: "standalone"`).
pub fn is_standalone(scan: &Scan, service: &Service) -> bool {
    scan.layout.next_standalone.contains(&service.dir)
}

struct Tool {
    /// What the base image needs.
    setup: String,
    /// Files that it reads besides package.json.
    files: Vec<&'static str>,
    install: String,
    /// Takes development packages away; empty where it cannot.
    prune: String,
}

fn tool(scan: &Scan) -> Tool {
    let stack = &scan.stack;
    let given = |default: &str| stack.package_manager_version.clone().unwrap_or_else(|| default.to_owned());
    let locked = |with: &str, without: &str| if stack.lock_file { with.to_owned() } else { without.to_owned() };
    match stack.package_manager {
        PackageManager::Pnpm => Tool {
            setup: format!("RUN npm install --global pnpm@{}", given("10")),
            files: vec!["pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc"],
            install: locked("pnpm install --frozen-lockfile", "pnpm install"),
            prune: "pnpm prune --prod".to_owned(),
        },
        PackageManager::Yarn if scan.has_file(".yarnrc.yml") => Tool {
            setup: "RUN corepack enable".to_owned(),
            files: vec!["yarn.lock", ".yarnrc.yml"],
            install: locked("yarn install --immutable", "yarn install"),
            prune: String::new(),
        },
        PackageManager::Yarn => Tool {
            setup: String::new(),
            files: vec!["yarn.lock", ".npmrc"],
            install: locked("yarn install --frozen-lockfile && yarn cache clean", "yarn install && yarn cache clean"),
            prune: "yarn install --production --prefer-offline && yarn cache clean".to_owned(),
        },
        PackageManager::Bun => Tool {
            setup: format!("RUN npm install --global bun@{}", given("1")),
            files: vec!["bun.lock", "bun.lockb", ".npmrc"],
            install: locked("bun install --frozen-lockfile", "bun install"),
            prune: String::new(),
        },
        PackageManager::Npm
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => Tool {
            setup: String::new(),
            files: vec!["package-lock.json", ".npmrc"],
            install: if scan.has_file("package-lock.json") {
                "npm ci --no-audit --no-fund".to_owned()
            } else {
                "npm install --no-audit --no-fund".to_owned()
            },
            prune: "npm prune --omit=dev --no-audit --no-fund".to_owned(),
        },
    }
}

pub fn values(
    scan: &Scan,
    choices: &Choices,
    services: &[&Service],
    for_build: &BTreeSet<String>,
    given: &str,
) -> BTreeMap<&'static str, String> {
    let tool = tool(scan);
    let native = &scan.stack.native;
    // an install script of the root may read any file of the app
    let source_first = scan.layout.install_scripts;
    let mut compilers = for_build.clone();
    if !native.is_empty() {
        compilers.extend(["g++", "make", "python3"].map(str::to_owned));
    }
    let check = native_check(scan);
    // what Next.js traced holds no development packages anyway
    let traced = services.iter().any(|s| is_standalone(scan, s));
    let wanted = for_migrations(scan, choices);
    let unknown = keeps_development_packages(scan, services, &tool);
    let stays = !traced && (unknown || (!wanted.is_empty() && !may_choose(&tool, &wanted)));
    let mut steps: Vec<String> = services.iter().filter_map(|s| s.build.clone()).collect();
    // a worker of the same folder has the same build
    let mut seen = BTreeSet::new();
    steps.retain(|line| seen.insert(line.clone()));
    if !steps.is_empty() {
        steps.insert(0, given.to_owned());
    }
    let mut build = Vec::new();
    let names = wanted.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let migrate = choices.migrations.as_deref().unwrap_or_default();
    if stays && unknown {
        build.push("# all packages stay: the app may need development packages at run time".to_owned());
    } else if stays {
        build.push(format!("# all packages stay, because `{migrate}` runs in this image, too, and needs {names}"));
    } else if !traced {
        if !wanted.is_empty() {
            build.push(format!("# of the development packages {names} stays, because `{migrate}` runs in this image, too"));
            let set = wanted.iter().map(|(name, range)| format!(" 'dependencies.{name}={range}'")).collect::<String>();
            let gone = wanted.keys().map(|name| format!(" 'devDependencies.{name}'")).collect::<String>();
            steps.extend([format!("npm pkg set{set}"), format!("npm pkg delete{gone}")]);
        }
        steps.push(tool.prune.clone());
    }
    if !check.is_empty() {
        build.push("# the last line stops the build here, not the service later, if a compiled part is missing".to_owned());
        steps.push(check);
    }
    build.push(run(&steps));
    build.retain(|line| !line.is_empty());
    BTreeMap::from([
        ("tool", tool.setup),
        ("compilers", apt(&compilers)),
        (
            "copy_manifests",
            if source_first {
                "# its install scripts may read the source, so all of it comes first\nCOPY . .".to_owned()
            } else {
                manifests(scan, &tool.files)
            },
        ),
        ("install", format!("RUN {}", tool.install.replace(" && ", " \\\n && "))),
        ("copy_source", if source_first { String::new() } else { "COPY . .".to_owned() }),
        ("build", build.join("\n")),
        // with a stage for the migrations it follows that
        ("copy_app", if migrate_stage(scan, choices, services).is_some() { String::new() } else { copy_app(scan, services) }),
    ])
}

/// package.json of every member with what the package manager reads beside them.
fn manifests(scan: &Scan, files: &[&str]) -> String {
    let there: Vec<&str> = std::iter::once("package.json").chain(files.iter().copied().filter(|f| scan.has_file(f))).collect();
    let mut lines = vec![format!("COPY {} ./", there.join(" "))];
    lines.extend(["prisma", "patches", ".yarn", DROP_INS].iter().filter(|d| scan.has_file(d)).map(|d| format!("COPY {d} ./{d}")));
    lines.extend(scan.layout.packages.iter().map(|dir| format!("COPY {dir}/package.json ./{dir}/")));
    lines.join("\n")
}

/// Development packages go only where nothing is known to need them at run time.
fn keeps_development_packages(scan: &Scan, services: &[&Service], tool: &Tool) -> bool {
    let workspace = !scan.layout.packages.is_empty();
    let by_node = services.iter().all(|s| s.run.first().is_some_and(|w| w == "node"));
    let wanted = scan.replit.iter().flat_map(|r| &r.env).any(|e| e.name == "REPLIT_KEEP_PACKAGE_DEV_DEPENDENCIES");
    workspace || tool.prune.is_empty() || !by_node || wanted || scan.has_finding("F2")
}

/// Development packages that the migrations need, which run as a task with this very image.
fn for_migrations(scan: &Scan, choices: &Choices) -> BTreeMap<String, String> {
    scan.migrations.iter().filter(|_| choices.migrations.is_some()).flat_map(|found| found.packages.clone()).collect()
}

/// Single packages can be taken out of those that go: npm goes by what package.json says, and a name or version needs no care.
fn may_choose(tool: &Tool, wanted: &BTreeMap<String, String>) -> bool {
    let plain = |text: &str, more: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c));
    tool.prune.starts_with("npm ") && wanted.iter().all(|(name, range)| plain(name, "@/_-") && plain(range, "^~<>=.*| -+"))
}

/// A stage with all of the app's folder, for the migrations of a service whose image holds only what Next.js traced; `None`: needs none.
pub fn migrate_stage(scan: &Scan, choices: &Choices, services: &[&Service]) -> Option<String> {
    let line = choices.migrations.as_ref().filter(|_| services.iter().any(|s| is_standalone(scan, s)))?;
    Some(format!(
        "\n# docker build --target {MIGRATE}: runs the migrations, with all of the folder; none of it is in the service's image\nFROM run AS {MIGRATE}\n{ALL}\nUSER 1000\nHEALTHCHECK NONE\nCMD {}\n",
        super::json(&["sh".to_owned(), "-c".to_owned(), line.clone()])
    ))
}

fn native_check(scan: &Scan) -> String {
    // in a workspace the packages lie in the members' folders
    if scan.stack.native.is_empty() || !scan.layout.packages.is_empty() {
        return String::new();
    }
    let proofs: Vec<&str> = scan.stack.native.iter().filter_map(|name| stack::proof(name)).collect();
    format!("node -e \"{}\"", proofs.join(", "))
}

/// What the image holds of the app.
pub fn copy_app(scan: &Scan, services: &[&Service]) -> String {
    let standalone = services.iter().find(|s| is_standalone(scan, s));
    let Some(service) = standalone else {
        return format!("# all of the folder: the app may read more than its bundle; narrow it once you know that it does not\n{ALL}");
    };
    let at = |path: &str| if service.dir.is_empty() { path.to_owned() } else { format!("{}/{path}", service.dir) };
    let mut lines = vec![
        "# only what Next.js traced, with the files for browsers beside it".to_owned(),
        format!("COPY --from=build --chown=node:node /app/{} ./", at(".next/standalone")),
        format!("COPY --from=build --chown=node:node /app/{0} ./{0}", at(".next/static")),
    ];
    if scan.layout.public.contains(&service.dir) {
        lines.push(format!("COPY --from=build --chown=node:node /app/{0} ./{0}", at("public")));
    }
    lines.join("\n")
}
