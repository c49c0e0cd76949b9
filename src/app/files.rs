//! The files that AWS and local work need, made from templates and a scan: image, compose, pipeline, health route, checklist.
//! Never writes to disk and never holds a value from the app's environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::choices::{Choices, Ci};
use super::database::Engine;
use super::dockerfile;
use super::env::{self, EnvPlan, Plain};
use super::finding::{Finding, Severity};
use super::scan::Scan;
use super::service::{Service, ServiceKind};
use super::stack::Language;
use super::template;
use crate::error::Result;

/// A file to write, relative to the app's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedFile {
    pub path: String,
    pub contents: String,
    pub why: String,
    /// The app has a file of that name: show the difference before writing.
    pub exists: bool,
}

/// All files for the chosen services.
///
/// # Errors
/// `Bug` if one of our templates names an unknown value.
pub fn generate(scan: &Scan, choices: &Choices) -> Result<Vec<GeneratedFile>> {
    let plan = env::plan(scan, choices)?;
    let mut out = Vec::new();
    let mut put = |path: &str, contents: String, why: &str| {
        out.push(GeneratedFile { path: path.to_owned(), contents, why: why.to_owned(), exists: scan.has_file(path) });
    };
    let mut images: Vec<(&Service, String)> = Vec::new();
    for service in choices.containers(scan) {
        let path = if scan.services.len() == 1 { "Dockerfile".to_owned() } else { format!("Dockerfile.{}", service.name) };
        if let Some(text) = dockerfile::of(scan, choices, &plan, service)? {
            put(&path, text, &format!("the image of {}: it starts `{}`", service.name, dockerfile::shown(service)));
            images.push((service, path));
        }
    }
    let values = shared_values(scan, choices, &images);
    let fill = |file: &str, text: &str| template::fill(file, text, &values);
    if !images.is_empty() {
        put(
            ".dockerignore",
            fill("dockerignore", include_str!("../../assets/files/dockerignore"))?,
            "keeps secrets, chat attachments and build results out of the image",
        );
        put(
            "docker-compose.yml",
            fill("docker-compose.yml", include_str!("../../assets/files/docker-compose.yml"))?,
            "runs the image on your own machine with a Postgres beside it",
        );
        match choices.ci {
            Ci::Github => put(
                ".github/workflows/deploy.yml",
                fill("deploy.yml", include_str!("../../assets/files/deploy.yml"))?,
                "builds and deploys from GitHub with a role, no keys",
            ),
            Ci::Codepipeline => put(
                "buildspec.yml",
                fill("buildspec.yml", include_str!("../../assets/files/buildspec.yml"))?,
                "what CodeBuild runs inside the pipeline",
            ),
            Ci::None => {}
        }
        for (path, text) in health_files(scan, &images) {
            put(
                &path,
                text.to_owned(),
                "a health route that looks at the database and at memory and answers 503 when degraded; the file says how to mount it",
            );
        }
    }
    put(".env.example", env_example(&plan), "the names that the app needs; values never belong here");
    put("CHECKLIST.md", checklist(scan, choices, &plan), "what a person must change or look at, with places");
    Ok(out)
}

fn shared_values(scan: &Scan, choices: &Choices, images: &[(&Service, String)]) -> BTreeMap<&'static str, String> {
    let lines = |f: &dyn Fn(&Service, &str) -> String| images.iter().map(|(s, path)| f(s, path)).collect::<Vec<_>>().join("\n");
    let repository = |s: &Service| format!("{}-{}/{}", choices.app_name, choices.environment, s.name);
    let definitions =
        |s: &Service| if images.len() == 1 { "imagedefinitions.json".to_owned() } else { format!("imagedefinitions-{}.json", s.name) };
    let redis = scan.uses(Engine::Redis);
    let compose = lines(&|s, path| compose_service(choices.port_of(scan, s), s, path, redis));
    let check: Vec<String> = ["lint", "check", "test"]
        .iter()
        .filter(|n| scan.scripts.iter().any(|s| s == *n))
        .map(|n| format!("          npm run {n}"))
        .collect();
    let tests = if scan.stack.language == Language::Node && !check.is_empty() {
        let manager = match scan.stack.package_manager {
            super::stack::PackageManager::Npm if scan.has_file("package-lock.json") => "npm ci --no-audit --no-fund".to_owned(),
            super::stack::PackageManager::Npm => "npm install --no-audit --no-fund".to_owned(),
            super::stack::PackageManager::Pnpm => format!(
                "npm install --global pnpm@{} && pnpm install --frozen-lockfile",
                scan.stack.package_manager_version.as_deref().unwrap_or("10")
            ),
            super::stack::PackageManager::Yarn => "corepack enable && yarn install".to_owned(),
            super::stack::PackageManager::Bun => "npm install --global bun@1 && bun install".to_owned(),
            super::stack::PackageManager::Pip
            | super::stack::PackageManager::Uv
            | super::stack::PackageManager::Poetry
            | super::stack::PackageManager::Composer
            | super::stack::PackageManager::None => "true".to_owned(),
        };
        format!(
            "      - uses: actions/setup-node@v4\n        with:\n          node-version: \"{}\"\n      - name: Checks of the app\n        run: |\n          {manager}\n{}",
            choices.runtime,
            check.join("\n")
        )
    } else {
        String::new()
    };
    BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("environment", choices.environment.clone()),
        ("region", choices.region.clone()),
        ("branch", choices.branch.clone()),
        ("cluster", format!("{}-{}", choices.app_name, choices.environment)),
        ("postgres", choices.postgres.to_string()),
        ("compose_services", compose),
        (
            "compose_redis",
            if redis {
                "  redis:\n    image: redis:7\n    command: [\"redis-server\", \"--maxmemory-policy\", \"noeviction\"]\n    healthcheck:\n      test: [\"CMD\", \"redis-cli\", \"ping\"]\n      interval: 5s\n      timeout: 3s\n      retries: 10".to_owned()
            } else {
                String::new()
            },
        ),
        (
            "build_lines",
            lines(&|s, path| {
                format!(
                    "      - docker build --file {path} --tag \"$REGISTRY/{0}:$COMMIT\" --tag \"$REGISTRY/{0}:latest\" .",
                    repository(s)
                )
            }),
        ),
        (
            "push_lines",
            lines(&|s, _| {
                format!("      - docker push \"$REGISTRY/{0}:$COMMIT\"\n      - docker push \"$REGISTRY/{0}:latest\"", repository(s))
            }),
        ),
        (
            "definition_lines",
            lines(&|s, _| {
                format!(
                    "      - printf '[{{\"name\":\"{}\",\"imageUri\":\"%s\"}}]' \"$REGISTRY/{}:$COMMIT\" > {}",
                    s.name,
                    repository(s),
                    definitions(s)
                )
            }),
        ),
        ("artifact_lines", lines(&|s, _| format!("    - {}", definitions(s)))),
        ("matrix", lines(&|s, path| format!("          - {{ service: {}, dockerfile: {path}, repository: {} }}", s.name, repository(s)))),
        ("tests", tests),
        (
            "assets",
            if scan.has_finding("F21") {
                "# attached_assets stays: the code imports from @assets".to_owned()
            } else {
                "attached_assets".to_owned()
            },
        ),
    ])
}

fn compose_service(port: u16, service: &Service, dockerfile: &str, redis: bool) -> String {
    let mut out = format!("  {}:\n    build:\n      context: .\n      dockerfile: {dockerfile}\n", service.name);
    if matches!(service.kind, ServiceKind::Web | ServiceKind::Api) {
        out.push_str(&format!("    ports: [\"{port}:{port}\"]\n"));
    }
    out.push_str("    env_file:\n      - path: .env\n        required: false\n    environment:\n");
    out.push_str(&format!("      PORT: \"{port}\"\n      DATABASE_URL: postgres://app:app@db:5432/app\n"));
    if redis {
        out.push_str("      REDIS_URL: redis://redis:6379\n");
    }
    out.push_str("    depends_on:\n      db:\n        condition: service_healthy");
    if redis {
        out.push_str("\n      redis:\n        condition: service_healthy");
    }
    out
}

/// One for each service that answers HTTP and has no health route yet.
fn health_files(scan: &Scan, images: &[(&Service, String)]) -> Vec<(String, &'static str)> {
    let (name, text) = match scan.stack.language {
        Language::Node if scan.stack.typescript => ("health.ts", include_str!("../../assets/files/health.ts")),
        Language::Node => ("health.mjs", include_str!("../../assets/files/health.mjs")),
        Language::Python => ("health.py", include_str!("../../assets/files/health.py")),
        Language::Php | Language::Html | Language::Unknown => return Vec::new(),
    };
    let wanted = images.iter().map(|(s, _)| *s).filter(|s| s.health.is_none() && matches!(s.kind, ServiceKind::Web | ServiceKind::Api));
    wanted
        .map(|service| {
            let folder = match (service.dir.as_str(), scan.stack.language) {
                ("", Language::Node) if scan.has_file("server") => "server/".to_owned(),
                ("", Language::Node) if scan.has_file("src") => "src/".to_owned(),
                ("", _) => String::new(),
                (dir, _) => format!("{dir}/src/"),
            };
            (format!("{folder}{name}"), text)
        })
        .collect()
}

/// Set by every Dockerfile that we make.
const IN_IMAGE: &[&str] = &["NODE_ENV", "PORT", "NODE_EXTRA_CA_CERTS", "PGSSLROOTCERT"];

/// Names and reasons; the right side of every line is empty.
fn env_example(plan: &EnvPlan) -> String {
    let mut out = String::from(
        "# Names only: copy this file to .env for local work and fill it in there. Never commit values.\n\n# secrets: on AWS they live in Secrets Manager\n",
    );
    for secret in &plan.secrets {
        out.push_str(&format!("# {}\n{}=\n", secret.why, secret.name));
    }
    out.push_str("\n# settings\n");
    let (image, open): (Vec<&Plain>, Vec<&Plain>) = plan.plain.iter().partition(|p| IN_IMAGE.contains(&p.name.as_str()));
    for plain in open {
        out.push_str(&format!("# {}\n{}=\n", plain.why, plain.name));
    }
    // an empty line here would take away what the image sets
    let image: Vec<&str> = image.iter().map(|p| p.name.as_str()).collect();
    out.push_str(&format!("\n# set by the image: {}\n", image.join(", ")));
    out.push_str("\n# never set these outside Replit:\n");
    for never in &plan.never {
        out.push_str(&format!("# {}: {}\n", never.name, never.why));
    }
    out
}

fn checklist(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> String {
    let mut out = format!("# {}: what is left for a person\n\n", choices.app_name);
    for note in &scan.notes {
        out.push_str(&format!("> {note}\n\n"));
    }
    for (severity, title) in [(Severity::Blocks, "Blocks: cannot work on AWS, or loses data"), (Severity::Must, "Must change")] {
        out.push_str(&format!("## {title}\n\n"));
        let findings: Vec<&Finding> = scan.of(severity).collect();
        if findings.is_empty() {
            out.push_str("Nothing.\n\n");
        }
        let mut done = BTreeSet::new();
        for finding in &findings {
            if done.insert(&finding.signal) {
                out.push_str(&item(finding, &findings));
            }
        }
        if !findings.is_empty() {
            out.push('\n');
        }
    }
    out.push_str("## Environment that only a person can give\n\n");
    let missing = plan.plain.iter().filter(|p| p.value.is_none()).map(|p| (p.name.as_str(), p.why.as_str()));
    for (name, why) in plan.secrets.iter().map(|s| (s.name.as_str(), s.why.as_str())).chain(missing) {
        out.push_str(&format!("- [ ] `{name}`: {why}\n"));
    }
    let unknown: Vec<String> =
        scan.system_packages.iter().filter(|p| !p.known).map(|p| format!("- [ ] `{}`: {}\n", p.name, p.note)).collect();
    if !unknown.is_empty() {
        out.push_str(&format!("\n## System packages we do not know\n\n{}", unknown.concat()));
    }
    let health: Vec<String> = scan
        .services
        .iter()
        .filter(|s| s.health.is_none() && matches!(s.kind, ServiceKind::Web | ServiceKind::Api))
        .map(|s| format!("- [ ] {}: mount the generated health route at `/api/health`, before any route that catches all paths\n", s.name))
        .collect();
    if !health.is_empty() {
        out.push_str(&format!("\n## Health\n\n{}", health.concat()));
    }
    let fixed: Vec<String> = scan
        .services
        .iter()
        .filter(|s| s.kind == ServiceKind::Static)
        .map(|s| format!("- [ ] {}: build it and copy `{}` to S3\n", s.name, s.public_dir.as_deref().unwrap_or("its files")))
        .collect();
    if !fixed.is_empty() {
        out.push_str(&format!("\n## Static services\n\n{}", fixed.concat()));
    }
    out
}

/// One signal with all its places.
fn item(first: &Finding, all: &[&Finding]) -> String {
    let mut out = format!("- [ ] **{} {}**: {}. On AWS: {}.\n", first.signal, first.title, first.means, first.replacement);
    if let Some(edit) = &first.edit {
        out.push_str(&format!("  Do: {edit}.\n"));
    }
    for finding in all.iter().filter(|f| f.signal == first.signal) {
        let place = finding.line.map_or_else(|| finding.file.clone(), |line| format!("{}:{line}", finding.file));
        let excerpt = if finding.excerpt.is_empty() { String::new() } else { format!(" `{}`", finding.excerpt.replace('`', "'")) };
        out.push_str(&format!("  - {place}{excerpt}\n"));
    }
    out
}
