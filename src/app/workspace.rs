//! Apps of several services: Replit artifacts, pnpm and npm workspaces, Nx.
//! Never a service that no file declares to run in production.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use toml::Value;

use super::command;
use super::manifest::Manifest;
use super::port;
use super::service::{Service, ServiceKind, health, kind, slug};
use super::stack::{PackageManager, Stack};
use super::tree::Tree;

/// Empty for an ordinary app.
pub fn services(tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)]) -> Vec<Service> {
    let artifacts = artifacts(tree, manifests);
    if !artifacts.is_empty() {
        return artifacts;
    }
    let nx = nx(tree, manifests);
    if !nx.is_empty() {
        return nx;
    }
    packages(tree, stack, manifests)
}

/// `artifacts/*/.replit-artifact/artifact.toml`, one service for each `[[services]]` with a production part.
fn artifacts(tree: &Tree, manifests: &[(String, Manifest)]) -> Vec<Service> {
    let mut out = Vec::new();
    for entry in &tree.entries {
        let Some(dir) = entry.path.strip_suffix("/.replit-artifact/artifact.toml") else { continue };
        let Some(artifact) = entry.text.as_deref().and_then(|t| toml::from_str::<toml::Table>(t).ok()) else { continue };
        if artifact.get("kind").and_then(Value::as_str) == Some("design") {
            continue;
        }
        let package = manifests.iter().find(|(d, _)| d == dir).map(|(_, m)| m.name.clone()).filter(|n| !n.is_empty());
        let services = artifact.get("services").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for service in services {
            let Some(production) = service.get("production") else { continue };
            let is_static = production.get("serve").and_then(Value::as_str) == Some("static");
            let args = |key: &str| production.get(key).map(|v| strings(v.get("args").unwrap_or(v))).unwrap_or_default();
            let name = slug(dir);
            let values = service.get("env").and_then(Value::as_table).into_iter().flatten();
            let plain = |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@-".contains(c));
            // nobody else gives them to a build whose files go to S3; an image sets its own
            let given: String = values
                .filter(|_| is_static)
                .filter_map(|(name, value)| Some(format!("{name}={} ", value.as_str().filter(|value| plain(value))?)))
                .collect();
            let own = service.get("name").and_then(Value::as_str).map(slug).unwrap_or_default();
            out.push(Service {
                name: if services.len() > 1 && !own.is_empty() { format!("{name}-{own}") } else { name },
                dir: dir.to_owned(),
                port: service.get("localPort").and_then(Value::as_integer).and_then(|p| u16::try_from(p).ok()).filter(|_| !is_static),
                port_variable: None,
                port_is_guessed: false,
                run: args("run"),
                from_root: true,
                build: Some(command::line(&args("build"))).filter(|b| !b.is_empty()).map(|line| format!("{given}{line}")),
                health: production
                    .get("health")
                    .and_then(|h| h.get("startup"))
                    .and_then(|s| s.get("path"))
                    .and_then(Value::as_str)
                    .map(str::to_owned)
                    .or_else(|| health(tree, dir).filter(|_| !is_static)),
                health_is_ours: false,
                frameworks: Vec::new(),
                kind: match (is_static, artifact.get("kind").and_then(Value::as_str)) {
                    (true, _) => ServiceKind::Static,
                    (false, Some("api")) => ServiceKind::Api,
                    (false, _) => ServiceKind::Web,
                },
                paths: service.get("paths").map(strings).unwrap_or_default(),
                public_dir: production.get("publicDir").and_then(Value::as_str).map(str::to_owned),
                package: package.clone(),
                from: None,
            });
        }
    }
    out
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(line) => command::words(line),
        other => other.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

#[derive(Deserialize)]
struct Project {
    #[serde(default)]
    name: Option<String>,
    #[serde(default, rename = "projectType")]
    project_type: Option<String>,
    #[serde(default)]
    targets: BTreeMap<String, serde_json::Value>,
}

/// Nx: every `project.json` that is an application with a build target.
fn nx(tree: &Tree, manifests: &[(String, Manifest)]) -> Vec<Service> {
    if !tree.has("nx.json") {
        return Vec::new();
    }
    let root = manifests.iter().find(|(dir, _)| dir.is_empty()).map(|(_, m)| m);
    let projects = tree
        .entries
        .iter()
        .filter_map(|e| Some((e.path.strip_suffix("/project.json")?, serde_json::from_str::<Project>(e.text.as_deref()?).ok()?)));
    projects
        .filter(|(dir, project)| {
            !dir.ends_with("-e2e")
                && (project.project_type.as_deref() == Some("application") || dir.starts_with("apps/"))
                && project.targets.contains_key("build")
        })
        .map(|(dir, project)| {
            let name = project.name.unwrap_or_else(|| slug(dir));
            let own = manifests.iter().find(|(d, _)| d == dir).map(|(_, m)| m);
            let text = |path: &str| project.targets.get("build").and_then(|b| b.pointer(path)).and_then(|v| v.as_str()).map(str::to_owned);
            let out = text("/options/outputPath").unwrap_or_else(|| format!("dist/{dir}"));
            let is_next = tree.entries.iter().any(|e| e.path.starts_with(&format!("{dir}/next.config")));
            let is_static = tree.has(&format!("{dir}/index.html"));
            let kind = match own.or(root).map(kind) {
                _ if is_next => ServiceKind::Web,
                _ if is_static => ServiceKind::Static,
                Some(ServiceKind::Web | ServiceKind::Static) | None => ServiceKind::Api,
                Some(other) => other,
            };
            let known = port::of_code(tree, dir);
            Service {
                name: slug(&name),
                dir: dir.to_owned(),
                port: (kind != ServiceKind::Static).then_some(known.unwrap_or(3000)),
                port_variable: None,
                port_is_guessed: known.is_none() && kind.answers(),
                run: match kind {
                    ServiceKind::Static => Vec::new(),
                    ServiceKind::Web if is_next => vec!["npx".into(), "next".into(), "start".into(), out.clone()],
                    ServiceKind::Web | ServiceKind::Api | ServiceKind::Worker | ServiceKind::Job => {
                        vec!["node".into(), format!("{out}/main.js")]
                    }
                },
                from_root: true,
                build: Some(format!("npx nx build {name}")),
                health: health(tree, dir),
                health_is_ours: false,
                frameworks: Vec::new(),
                kind,
                paths: Vec::new(),
                public_dir: (kind == ServiceKind::Static).then_some(out),
                package: Some(name),
                from: None,
            }
        })
        .collect()
}

/// pnpm, npm and yarn workspaces: every package with a `start` script, and every Vite page without one.
fn packages(tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)]) -> Vec<Service> {
    let Some(members) = members(tree, manifests) else { return Vec::new() };
    let inside = manifests.iter().filter(|(dir, _)| !dir.is_empty() && members.is_match(dir));
    let runnable = inside
        .filter(|(dir, m)| m.scripts.contains_key("start") || (m.scripts.contains_key("build") && tree.has(&format!("{dir}/index.html"))));
    runnable
        .map(|(dir, manifest)| {
            let name = if manifest.name.is_empty() { dir.clone() } else { manifest.name.clone() };
            let start = manifest.script("start");
            let kind = match (&start, kind(manifest)) {
                (None, _) => ServiceKind::Static,
                (Some(_), ServiceKind::Static) => ServiceKind::Web,
                (Some(_), other) => other,
            };
            let lines = [start.clone(), manifest.script("dev")];
            let port = lines.iter().flatten().find_map(|line| command::port(line)).or_else(|| port::of_code(tree, dir));
            let answers = kind.answers();
            Service {
                name: slug(dir),
                dir: dir.clone(),
                port: if answers { Some(port.unwrap_or(3000)) } else { port.filter(|_| kind != ServiceKind::Static) },
                port_variable: None,
                port_is_guessed: answers && port.is_none(),
                run: start
                    .map(|_| command::resolve(&["npm".into(), "run".into(), "start".into()], &|n| manifest.script(n)))
                    .unwrap_or_default(),
                from_root: false,
                build: manifest.scripts.contains_key("build").then(|| {
                    let [pnpm, yarn, npm] = [
                        format!("pnpm --filter \"{name}...\" run build"),
                        format!("yarn workspace {name} run build"),
                        format!("npm run build --workspace {name}"),
                    ];
                    let own = by_manager(stack, pnpm, yarn, npm);
                    clients(tree, stack, manifests, (dir, manifest)).into_iter().chain([own]).collect::<Vec<_>>().join(" && ")
                }),
                health: health(tree, dir),
                health_is_ours: false,
                frameworks: Vec::new(),
                kind,
                paths: Vec::new(),
                public_dir: (kind == ServiceKind::Static).then(|| "dist".to_owned()),
                package: Some(name),
                from: None,
            }
        })
        .collect()
}

/// The line of the workspace's package manager; Bun takes npm's.
fn by_manager(stack: &Stack, pnpm: String, yarn: String, npm: String) -> String {
    match stack.package_manager {
        PackageManager::Pnpm => pnpm,
        PackageManager::Yarn => yarn,
        PackageManager::Npm
        | PackageManager::Bun
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => npm,
    }
}

/// What makes Prisma's clients that a member uses, where no build of the workspace does: the install finds no schema there.
fn clients(tree: &Tree, stack: &Stack, manifests: &[(String, Manifest)], member: (&String, &Manifest)) -> Vec<String> {
    let makes = |(dir, manifest): &&(String, Manifest)| {
        let schema = ["prisma/schema.prisma", "schema.prisma"].iter().any(|path| tree.has(&format!("{dir}/{path}")));
        let used = dir == member.0 || (!manifest.name.is_empty() && member.1.has(&manifest.name));
        let made = manifest.script("build").is_some_and(|line| line.contains("prisma generate"));
        !dir.is_empty() && schema && used && !made && manifest.has("prisma")
    };
    let line = |(dir, manifest): &(String, Manifest)| {
        let name = if manifest.name.is_empty() { dir } else { &manifest.name };
        by_manager(
            stack,
            format!("pnpm --filter \"{name}\" exec prisma generate"),
            format!("yarn workspace {name} prisma generate"),
            format!("npm exec --workspace {name} -- prisma generate"),
        )
    };
    manifests.iter().filter(makes).map(line).collect()
}

#[derive(Deserialize)]
struct PnpmWorkspace {
    #[serde(default)]
    packages: Vec<String>,
}

/// The globs of the workspace's members, `None` if the app is not a workspace.
pub fn members(tree: &Tree, manifests: &[(String, Manifest)]) -> Option<GlobSet> {
    let pnpm = tree.text("pnpm-workspace.yaml").and_then(|t| serde_yaml_ng::from_str::<PnpmWorkspace>(t).ok()).map(|w| w.packages);
    let npm = manifests.iter().find(|(dir, _)| dir.is_empty()).and_then(|(_, m)| {
        let list = m.workspaces.as_array().or_else(|| m.workspaces.get("packages").and_then(|p| p.as_array()))?;
        Some(list.iter().filter_map(|v| v.as_str()).map(str::to_owned).collect::<Vec<_>>())
    });
    let mut set = GlobSetBuilder::new();
    for pattern in pnpm.or(npm)?.iter().filter(|p| !p.starts_with('!')) {
        set.add(GlobBuilder::new(pattern.trim_start_matches("./").trim_end_matches('/')).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;

    #[test]
    fn prismas_client_is_made_before_a_member_that_uses_it_and_the_public_service_is_the_first() {
        let member = |name: &str, port: u16| {
            format!(
                r#"{{"name":"{name}","scripts":{{"build":"tsup","start":"node dist/index.js --port {port}"}},"dependencies":{{"fastify":"5","@dock/db":"workspace:*"}}}}"#
            )
        };
        let app = App::new(&[
            (
                ".replit",
                "modules = [\"nodejs-22\"]\n[[ports]]\nlocalPort = 5000\nexternalPort = 80\n[[ports]]\nlocalPort = 8080\nexternalPort = 8080\n",
            ),
            ("package.json", r#"{"name":"dock","private":true,"packageManager":"pnpm@10.1.0"}"#),
            ("pnpm-workspace.yaml", "packages: ['apps/*', 'packages/*']\n"),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
            ("apps/api/package.json", &member("@dock/api", 8080)),
            ("apps/web/package.json", &member("@dock/web", 5000)),
            (
                "packages/db/package.json",
                r#"{"name":"@dock/db","scripts":{"generate":"prisma generate"},"devDependencies":{"prisma":"6"}}"#,
            ),
            ("packages/db/prisma/schema.prisma", "datasource db {\n  provider = \"postgresql\"\n  url = env(\"DATABASE_URL\")\n}\n"),
        ]);
        let scan = app.scan();
        let found: Vec<(&str, &str)> = scan.services.iter().map(|s| (s.dir.as_str(), s.build.as_deref().unwrap_or_default())).collect();
        assert_eq!(
            found,
            [
                ("apps/web", "pnpm --filter \"@dock/db\" exec prisma generate && pnpm --filter \"@dock/web...\" run build"),
                ("apps/api", "pnpm --filter \"@dock/db\" exec prisma generate && pnpm --filter \"@dock/api...\" run build"),
            ]
        );
    }
}
