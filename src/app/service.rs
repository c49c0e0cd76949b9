//! The services that the app consists of: what runs, where, on which port, answering which health path.
//! Never a deployment decision: sizes, counts and routes are decided elsewhere.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::beside;
use super::command;
use super::launch;
use super::manifest::Manifest;
use super::mark;
use super::port;
use super::replit::{DeployTarget, ReplitFile};
use super::stack::{self, Language, PackageManager, Stack};
use super::tree::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// Serves pages (and maybe an API).
    Web,
    Api,
    /// Files only: S3 and CloudFront, no container.
    Static,
    /// Runs without a port.
    Worker,
    /// Runs at set times.
    Job,
}

impl ServiceKind {
    /// It has a port that somebody asks.
    pub const fn answers(self) -> bool {
        matches!(self, Self::Web | Self::Api)
    }
}

/// One process of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Lower case, digits and dashes; unique in the app.
    pub name: String,
    /// From the app's root; empty for the root.
    pub dir: String,
    pub port: Option<u16>,
    /// The variable that its code takes the port from instead of PORT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_variable: Option<String>,
    /// Nothing says the port, and nothing is known to listen on what PORT says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub port_is_guessed: bool,
    /// The production command as words, run in `dir` (or in the root where `from_root`).
    pub run: Vec<String>,
    /// The command runs in the app's root although the service lies in `dir`.
    pub from_root: bool,
    /// A shell line run in the root.
    pub build: Option<String>,
    /// The path of a health route that the code already has.
    pub health: Option<String>,
    /// That route is the one of `app prepare`.
    #[serde(default)]
    pub health_is_ours: bool,
    /// What its package is written with; where that is nothing that serves, what the app is.
    #[serde(default)]
    pub frameworks: Vec<String>,
    pub kind: ServiceKind,
    /// URL paths that belong to it, where the app says so.
    pub paths: Vec<String>,
    /// Folder of static files, from `dir`.
    pub public_dir: Option<String>,
    /// Its package in a workspace.
    pub package: Option<String>,
    /// `file:line` that declares it, where that is not the production command or the folder's own file.
    #[serde(default)]
    pub from: Option<String>,
}

impl Service {
    /// Where its static files are once they are built, from the app's root.
    pub fn static_files(&self) -> Option<String> {
        let public = self.public_dir.as_deref()?.trim_start_matches("./").trim_end_matches('/');
        // Nx names it from the root
        let from_root = self.dir.is_empty() || public == format!("dist/{}", self.dir) || public.starts_with(&format!("{}/", self.dir));
        let path = if from_root { public.to_owned() } else { format!("{}/{public}", self.dir) };
        Some(if path.is_empty() || path == "." { "the root folder".to_owned() } else { path })
    }
}

static HEALTH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?:\.(?:get|all|use|route)\(|@\w+\.route\(|@\w+\.get\(|@Get\(|url:|@Controller\(|\bpath_info\s*==)\s*["'`](/?(?:api/)?(?:health|healthz|healthcheck))["'`]"#).ok()
});
static DJANGO: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bpath\(\s*["']((?:api/)?(?:health|healthz|healthcheck)/?)["']"#).ok());

/// `cache.get("health")` reads a value of that name. What answers requests in Python has paths with a `/`.
fn is_value(file: &str, call: &str, before: &str, path: &str) -> bool {
    let receiver = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_lowercase();
    let keeps = ["cache", "redis", "store", "storage", "params", "headers", "cookies", "session", "map", "kv"];
    call.starts_with('.') && !path.starts_with('/') && (file.ends_with(".py") || keeps.iter().any(|end| receiver.ends_with(end)))
}

/// A health route in the code below `dir`, as a path with a leading `/`.
pub fn health(tree: &Tree, dir: &str) -> Option<String> {
    let written = tree
        .code(dir)
        .filter(|(file, _)| !file.contains("client/"))
        .find_map(|(file, text)| health_in(file, text, |at| tree.in_comment(file, at)));
    written.map(|(_, path)| path).or_else(|| health_by_file(tree, dir))
}

/// Where a file writes a health route, and its path with a leading `/`.
pub fn health_in(file: &str, text: &str, in_comment: impl Fn(usize) -> bool) -> Option<(usize, String)> {
    // Django's own list of addresses: what is included somewhere else has a prefix that this file does not know
    let is_list = file.ends_with("urls.py") && (text.contains("include") || text.contains("admin.site"));
    [HEALTH.as_ref(), DJANGO.as_ref().filter(|_| is_list)].into_iter().flatten().find_map(|pattern| {
        pattern.captures_iter(text).find_map(|c| {
            let (start, path) = (c.get(0)?.start(), c.get(1)?.as_str());
            if is_value(file, c.get(0)?.as_str(), text.get(..start)?, path) {
                return None;
            }
            let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
            (!in_comment(start)).then_some((start, path))
        })
    })
}

/// The file of checks that `app prepare` puts beside its route.
fn has_our_checks(tree: &Tree, dir: &str) -> bool {
    let ours = |(file, text): (&str, &str)| {
        matches!(file.rsplit('/').next(), Some("health.ts" | "health.mjs" | "health.py")) && text.contains(mark::WORDS)
    };
    tree.code(dir).any(ours)
}

/// A health route that Next.js makes of a file's place: `app/api/health/route.ts`, `pages/api/health.ts`.
fn health_by_file(tree: &Tree, dir: &str) -> Option<String> {
    let below = if dir.is_empty() { String::new() } else { format!("{dir}/") };
    let is_there = |path: &str| ["ts", "tsx", "js", "mjs"].iter().any(|end| tree.has(&format!("{below}{path}.{end}")));
    let named = ["health", "healthz", "healthcheck"];
    let paths = named.iter().flat_map(|name| [format!("/api/{name}"), format!("/{name}")]);
    paths.into_iter().find(|path| {
        ["", "src/"].iter().any(|folder| {
            is_there(&format!("{folder}app{path}/route")) || (path.starts_with("/api/") && is_there(&format!("{folder}pages{path}")))
        })
    })
}

/// A name fit for images, services and DNS.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.rsplit('/').next().unwrap_or(text).chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// What frameworks a package has, as a kind of service.
pub fn kind(manifest: &Manifest) -> ServiceKind {
    let has = |package: &str| manifest.depends_on(package);
    // SvelteKit and Astro make files or a server, as their adapter says
    let serves = has("@sveltejs/kit") && !has("@sveltejs/adapter-static") || has("astro") && has("@astrojs/node");
    if serves || SERVING.iter().any(|p| has(p)) || ["express", "fastify", "hono"].iter().any(|p| has(p)) && has("vite") {
        ServiceKind::Web
    } else if ["express", "fastify", "hono", "koa", "@nestjs/core"].iter().any(|p| has(p)) {
        ServiceKind::Api
    } else if ["vite", "astro", "@sveltejs/kit"].iter().any(|p| has(p)) {
        ServiceKind::Static
    } else {
        ServiceKind::Worker
    }
}

/// Frameworks whose server answers with pages.
const SERVING: &[&str] =
    &["next", "nuxt", "@remix-run/node", "@remix-run/serve", "@react-router/node", "@react-router/serve", "@angular/ssr", "@solidjs/start"];

/// The deployment says that the app answers on the web: it is published on demand, or one of its ports faces the web.
fn faces_the_web(replit: Option<&ReplitFile>) -> bool {
    replit.is_some_and(|replit| {
        replit.target == Some(DeployTarget::Autoscale) || replit.ports.iter().any(|(_, external)| *external == Some(80))
    })
}

/// A note where nothing but the deployment says that the app answers on the web.
pub fn unknown_framework(replit: Option<&ReplitFile>, stack: &Stack, root: Option<&Manifest>, services: &[Service]) -> Option<String> {
    let by_deployment =
        stack.language == Language::Node && root.is_some_and(|root| kind(root) == ServiceKind::Worker) && faces_the_web(replit);
    let service = services.iter().find(|s| by_deployment && s.dir.is_empty() && s.kind == ServiceKind::Web)?;
    let port = service.port.map_or(String::new(), |port| format!(" on port {port}"));
    Some(format!(
        "package.json names no web framework that is known here; {} is taken for a web server{port} because [deployment] or [[ports]] of .replit says so: check its command and port, and that the page / answers",
        service.name
    ))
}

/// The services of the app: one for an ordinary app, several for a workspace.
pub fn read(
    tree: &Tree,
    replit: Option<&ReplitFile>,
    stack: &Stack,
    manifests: &[(String, Manifest)],
    beside: &beside::Table,
) -> Vec<Service> {
    let many = super::workspace::services(tree, stack, manifests);
    let mut all: Vec<Service> = if many.is_empty() { single(tree, replit, stack, manifests).into_iter().collect() } else { many };
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    all.extend(beside::services(beside, tree, root, stack, &started(tree, replit, root, &all), &all));
    for service in &mut all {
        service.health_is_ours = service.health.is_some() && has_our_checks(tree, &service.dir);
        service.frameworks = stack::of_folder(stack, manifests, &service.dir);
        service.port_variable = port::variable(tree, service);
        service.port_is_guessed &= stack.supported && !port::is_told(tree, service);
    }
    // the one that Replit shows the world is the first, unless each has its paths
    if let Some(port) = replit.and_then(ReplitFile::web_port).filter(|_| all.iter().all(|s| s.paths.is_empty())) {
        all.sort_by_key(|s| !(s.kind.answers() && s.port == Some(port)));
    }
    all
}

/// What the script behind the production command starts; nothing where there is none, or where the services have folders of their own.
pub fn started(tree: &Tree, replit: Option<&ReplitFile>, root: Option<&Manifest>, known: &[Service]) -> launch::Launch {
    if known.iter().any(|s| !s.dir.is_empty()) {
        return launch::Launch::default();
    }
    let script = |name: &str| root.and_then(|m| m.script(name));
    let given = replit.and_then(|r| r.production.clone()).or_else(|| Some(command::words(&script("start")?)));
    given.and_then(|run| launch::read(tree, &command::resolve(&run, &script), &script)).unwrap_or_default()
}

/// FastAPI answers JSON unless the app asks for more: nobody is to look for a page.
fn has_no_pages(tree: &Tree, stack: &Stack) -> bool {
    let pages = ["Jinja2Templates", "HTMLResponse", "FileResponse", "StaticFiles"];
    let other = ["Flask", "Django", "Streamlit"].iter().any(|name| stack.frameworks.iter().any(|its| its == name));
    let asks = || tree.code("").any(|(file, text)| file.ends_with(".py") && pages.iter().any(|word| text.contains(word)));
    stack.frameworks.iter().any(|its| its == "FastAPI") && !other && !asks()
}

fn single(tree: &Tree, replit: Option<&ReplitFile>, stack: &Stack, manifests: &[(String, Manifest)]) -> Option<Service> {
    let empty = Manifest::default();
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map_or(&empty, |(_, m)| m);
    let production = replit.and_then(|r| r.production.clone());
    let run = match stack.language {
        Language::Node => {
            let given = production
                .clone()
                .or_else(|| root.script("start").map(|_| vec!["npm".into(), "run".into(), "start".into()]))
                .or_else(|| root.script("serve").map(|_| vec!["npm".into(), "run".into(), "serve".into()]));
            given.map(|g| command::resolve(&g, &|n| root.script(n)))
        }
        Language::Python => production.clone().or_else(|| replit.and_then(|r| r.run.clone())).map(|g| command::resolve(&g, &|_| None)),
        Language::Php | Language::Html | Language::Unknown => production.clone(),
    };
    let target = replit.and_then(|r| r.target.clone());
    let run = run.map(|run| launch::read(tree, &run, &|n| root.script(n)).and_then(|found| found.main).unwrap_or(run)).unwrap_or_default();
    let kind = match (&target, stack.language) {
        (Some(DeployTarget::Static), _) | (None, Language::Html) => ServiceKind::Static,
        (Some(DeployTarget::Scheduled), _) => ServiceKind::Job,
        (_, Language::Node) => match kind(root) {
            // a bundler and a server program: the bundle is served by it
            ServiceKind::Static if !run.is_empty() => ServiceKind::Web,
            ServiceKind::Worker if faces_the_web(replit) => ServiceKind::Web,
            other => other,
        },
        (_, Language::Python) if has_no_pages(tree, stack) => ServiceKind::Api,
        (_, Language::Python | Language::Php | Language::Html) => ServiceKind::Web,
        (_, Language::Unknown) => return None,
    };
    let runs = kind.answers();
    let given = production.as_deref().map(command::line).unwrap_or_default();
    let known = replit
        .and_then(ReplitFile::web_port)
        .or_else(|| command::port(&given))
        .or_else(|| command::port(&command::line(&run)))
        .or_else(|| port::of_code(tree, ""));
    let port = known.or(runs.then_some(if stack.language == Language::Python { 5000 } else { 3000 }));
    let build = match stack.language {
        Language::Node => replit
            .and_then(|r| r.build.as_deref())
            .map(command::line)
            .or_else(|| root.script("build").map(|_| run_script(stack.package_manager, "build")))
            .map(|b| without_install(&b))
            .filter(|b| !b.is_empty()),
        Language::Python | Language::Php | Language::Html | Language::Unknown => None,
    };
    Some(Service {
        name: if kind == ServiceKind::Job { "job" } else { "web" }.to_owned(),
        dir: String::new(),
        port: if kind == ServiceKind::Static { None } else { port.filter(|_| runs || kind == ServiceKind::Job) },
        port_variable: None,
        port_is_guessed: runs && known.is_none(),
        run,
        from_root: true,
        build,
        health: health(tree, ""),
        health_is_ours: false,
        frameworks: Vec::new(),
        kind,
        paths: Vec::new(),
        public_dir: replit.filter(|_| kind == ServiceKind::Static).and_then(|r| r.public_dir.clone()),
        package: None,
        from: None,
    })
}

/// `npm run build` in the app's package manager.
pub fn run_script(manager: PackageManager, script: &str) -> String {
    let program = match manager {
        PackageManager::Pnpm => "pnpm",
        PackageManager::Yarn => "yarn",
        PackageManager::Bun => "bun",
        PackageManager::Npm
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => "npm",
    };
    format!("{program} run {script}")
}

/// The image installs by itself, and a build must not touch a database.
fn without_install(line: &str) -> String {
    let install = |part: &str| {
        ["npm ci", "npm install", "pnpm install", "yarn install", "npm run db:push", "npx drizzle-kit push", "drizzle-kit push"]
            .iter()
            .any(|p| part.starts_with(p))
    };
    line.split("&&").map(str::trim).filter(|part| !part.is_empty() && !install(part)).collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::ServiceKind;

    #[test]
    fn what_faces_the_web_is_a_web_server_whatever_its_framework() {
        let unknown = "package.json names no web framework that is known here";
        let published = "[deployment]\ndeploymentTarget = \"autoscale\"\nrun = [\"node\", \"out/server.mjs\"]\n";
        let port = "[deployment]\ndeploymentTarget = \"vm\"\nrun = [\"node\", \"out/server.mjs\"]\n[[ports]]\nlocalPort = 4000\nexternalPort = 80\n";
        let neither = "[deployment]\ndeploymentTarget = \"vm\"\nrun = [\"node\", \"out/bot.mjs\"]\n";
        let scheduled = "[deployment]\ndeploymentTarget = \"scheduled\"\nrun = [\"node\", \"out/bot.mjs\"]\n[[ports]]\nlocalPort = 4000\nexternalPort = 80\n";
        for (replit, packages, is, is_port, told) in [
            (neither, r#""nuxt": "3""#, ServiceKind::Web, Some(3000), false),
            (neither, r#""astro": "4", "@astrojs/node": "8""#, ServiceKind::Web, Some(3000), false),
            (neither, r#""@remix-run/node": "2""#, ServiceKind::Web, Some(3000), false),
            (neither, r#""@sveltejs/kit": "2", "@sveltejs/adapter-node": "5""#, ServiceKind::Web, Some(3000), false),
            (published, r#""some-framework": "1""#, ServiceKind::Web, Some(3000), true),
            (port, r#""some-framework": "1""#, ServiceKind::Web, Some(4000), true),
            (neither, r#""discord.js": "14""#, ServiceKind::Worker, None, false),
            (scheduled, r#""discord.js": "14""#, ServiceKind::Job, Some(4000), false),
            (published, r#""express": "5""#, ServiceKind::Api, Some(3000), false),
        ] {
            let package = format!(r#"{{"name": "a", "dependencies": {{{packages}}}}}"#);
            let scan = App::new(&[(".replit", replit), ("package.json", &package)]).scan();
            let service = &scan.services[0];
            assert_eq!((service.kind, service.port), (is, is_port), "{packages} {replit}");
            assert_eq!(scan.notes.iter().any(|note| note.starts_with(unknown)), told, "{packages} {:?}", scan.notes);
        }
    }
}
