//! Container, pipeline and variables: the generated files pass the tools of their own kind, say what they must,
//! and those of the sample are carried out: install, build, start, health with a database and without.
//! No container engine is here: see `container/carry_out.rs` for what that leaves unproved.

mod apps;
mod bare_machine;
mod carry_out;
mod pipeline;
mod proof;
mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use apps::{APPS, app, put, read};
use serde_json::Value;

use super::support::wizard::Wizard;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tool(path: &str, target: &str) -> Command {
    let path = root().join(path);
    assert!(path.exists(), "{} is not installed: run `make {target}`", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null());
    command
}

#[track_caller]
fn passes(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}\n{text}");
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

#[track_caller]
fn has(text: &str, wanted: &[&str]) {
    for line in wanted {
        assert!(text.lines().any(|l| l == *line), "no line {line:?} in\n{text}");
    }
}

/// Every Dockerfile that the apps get, in a folder for each way of asking.
fn dockerfiles() -> (Vec<Wizard>, Vec<PathBuf>) {
    let mut found = Vec::new();
    let mut wizards = Vec::new();
    for app in APPS {
        let wizard = apps::app(app.name);
        let ways: &[&[&str]] = match app.name {
            "four-services" | "nx-nest" => &[&["--out", "each"], &["--out", "one", "--one-image"], &["--out", "small", "--base", "alpine"]],
            _ => &[&["--out", "each"]],
        };
        for way in ways {
            wizard.run(&[&["app", "container"][..], *way].concat()).expect(0);
            let folder = wizard.path().join(way[1]);
            let files = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
            let mut images: Vec<PathBuf> = files.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("Dockerfile")).collect();
            assert!(!images.is_empty(), "{}: no Dockerfile", folder.display());
            images.sort();
            found.extend(images);
        }
        wizards.push(wizard);
    }
    (wizards, found)
}

#[test]
fn every_image_is_one_that_hadolint_likes() {
    let (_wizards, files) = dockerfiles();
    assert!(files.len() >= 23, "{}: {files:#?}", files.len());
    passes(tool("target/hadolint/bin/hadolint", "validators").args(&files));
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        let instructions = carry_out::instructions(&text);
        assert!(!text.contains("{{"), "{}", file.display());
        let of = |name: &str| instructions.iter().filter(|(n, _)| n == name).map(|(_, r)| r.as_str()).collect::<Vec<_>>();
        assert!(!of("USER").is_empty() && of("USER").iter().all(|user| *user == "1000" || *user == "10001"), "{}", file.display());
        assert!(of("FROM").len() >= 2 && of("HEALTHCHECK").len() == of("CMD").len(), "{}", file.display());
        assert!(of("WORKDIR").iter().all(|dir| *dir == "/app" || dir.starts_with("/app/")), "{}", file.display());
    }
}

#[test]
fn hadolint_is_able_to_refuse() {
    let wizard = Wizard::empty();
    put(&wizard, "Dockerfile", "FROM node\nRUN apt-get install curl\n");
    let done = tool("target/hadolint/bin/hadolint", "validators").arg(wizard.path().join("Dockerfile")).output().unwrap();
    assert!(!done.status.success() && String::from_utf8_lossy(&done.stdout).contains("DL3006"));
}

/// App, file, lines that must stand in it.
const IMAGES: &[(&str, &str, &[&str])] = &[
    (
        "vite-express",
        "Dockerfile",
        &[
            "FROM node:20-bookworm-slim AS base",
            "COPY package.json package-lock.json ./",
            "RUN npm ci --no-audit --no-fund",
            "ARG VITE_MAPS_KEY",
            "RUN npm run build \\",
            " && node -e \"require('bcrypt')\"",
            "# all packages stay: the app may need development packages at run time",
            "COPY --from=build --chown=node:node /app /app",
            "ENV PORT=5000",
            "CMD [\"node\", \"dist/index.js\"]",
        ],
    ),
    (
        "four-services",
        "Dockerfile.api",
        &[
            "RUN npm install --global pnpm@9.12.0",
            "COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./",
            "COPY apps/api/package.json ./apps/api/",
            "COPY packages/db/package.json ./packages/db/",
            "RUN pnpm install --frozen-lockfile",
            "WORKDIR /app/apps/api",
            "EXPOSE 3001",
            "CMD [\"node\", \"dist/index.js\"]",
        ],
    ),
    (
        "nx-nest",
        "Dockerfile",
        &[
            "FROM node:18-bookworm-slim AS base",
            "ENV NX_DAEMON=false",
            "RUN npx nx build backend \\",
            " && npm prune --omit=dev --no-audit --no-fund",
            "CMD [\"node\", \"dist/apps/backend/main.js\"]",
        ],
    ),
    (
        "next-standalone",
        "Dockerfile",
        &[
            "RUN export DATABASE_URL=postgresql://build:build@127.0.0.1:5432/build \\",
            "      OPENAI_API_KEY=placeholder \\",
            " && npm run build",
            "ENV HOSTNAME=0.0.0.0",
            "COPY --from=build --chown=node:node /app/.next/standalone ./",
            "COPY --from=build --chown=node:node /app/.next/static ./.next/static",
            "COPY --from=build --chown=node:node /app/public ./public",
            "CMD [\"node\", \"server.js\"]",
        ],
    ),
    (
        "next-migrates",
        "Dockerfile",
        &[
            "FROM run AS migrate",
            "COPY --from=build --chown=node:node /app /app",
            "CMD [\"sh\", \"-c\", \"npm run db:migrate\"]",
            "FROM run AS web",
            "COPY --from=build --chown=node:node /app/.next/standalone ./",
            "CMD [\"node\", \"server.js\"]",
        ],
    ),
    (
        "knex-pnpm",
        "Dockerfile",
        &["# all packages stay, because `npx knex migrate:latest` runs in this image, too, and needs knex", "RUN pnpm run build"],
    ),
    (
        "yarn-classic",
        "Dockerfile",
        &[
            "COPY package.json yarn.lock ./",
            "COPY prisma ./prisma",
            "RUN yarn install --frozen-lockfile \\",
            " && apt-get install -y --no-install-recommends openssl \\",
        ],
    ),
    (
        "yarn-berry",
        "Dockerfile",
        &["RUN corepack enable", "COPY package.json yarn.lock .yarnrc.yml ./", "COPY .yarn ./.yarn", "RUN yarn install --immutable"],
    ),
    (
        "bun",
        "Dockerfile",
        &[
            "RUN npm install --global bun@1",
            "COPY package.json bun.lock ./",
            "RUN bun install --frozen-lockfile",
            "CMD [\"npm\", \"run\", \"start\"]",
        ],
    ),
    (
        "browser",
        "Dockerfile",
        &[
            "# its install scripts may read the source, so all of it comes first",
            " && apt-get install -y --no-install-recommends g++ make python3 \\",
            " && apt-get install -y --no-install-recommends chromium ffmpeg fonts-liberation \\",
            "ENV PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium",
            "ENV PUPPETEER_SKIP_DOWNLOAD=true",
        ],
    ),
    (
        "intel-only",
        "Dockerfile.api-server",
        &[
            "FROM node:24-bookworm-slim AS base",
            "RUN test \"$(uname -m)\" = x86_64 || { echo 'build this with --platform linux/amd64' >&2; exit 1; }",
            "RUN pnpm --filter @w/api run build",
            "CMD [\"node\", \"--enable-source-maps\", \"artifacts/api-server/dist/index.mjs\"]",
        ],
    ),
    ("queue-worker", "Dockerfile", &["HEALTHCHECK NONE", "CMD [\"node\", \"dist/worker.js\"]"]),
    (
        "flask-uv",
        "Dockerfile",
        &[
            "FROM python:3.11-slim-bookworm AS build",
            "COPY pyproject.toml uv.lock ./",
            "ENV PGSSLROOTCERT=/etc/ssl/rds.pem",
            "USER 10001",
            "CMD [\"gunicorn\", \"--bind\", \"0.0.0.0:5000\", \"main:app\"]",
        ],
    ),
    ("bot-kv", "Dockerfile", &["FROM python:3.12-slim-bookworm AS build", "CMD [\"python\", \"bot.py\"]"]),
    (
        "fastapi-poetry",
        "Dockerfile",
        &[
            "COPY pyproject.toml poetry.lock ./",
            " && apt-get install -y --no-install-recommends build-essential libpq-dev \\",
            " && apt-get install -y --no-install-recommends libpq5 \\",
            "CMD [\"gunicorn\", \"main:app\", \"--bind\", \"0.0.0.0:8000\", \"-k\", \"uvicorn.workers.UvicornWorker\"]",
        ],
    ),
    (
        "django-pip",
        "Dockerfile",
        &[
            "COPY requirements.txt ./",
            "COPY requirements ./requirements",
            "RUN export SECRET_KEY=placeholder \\",
            " && python manage.py collectstatic --noinput",
            "# instead of `python manage.py runserver 0.0.0.0:8000`, which is for development only",
            "CMD [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"shop.wsgi\"]",
        ],
    ),
];

#[test]
fn each_kind_of_app_gets_its_own_image() {
    let told: BTreeSet<&str> = IMAGES.iter().map(|(app, _, _)| *app).collect();
    assert_eq!(told, APPS.iter().map(|a| a.name).collect(), "each app has an expectation");
    for (name, file, wanted) in IMAGES {
        let wizard = app(name);
        wizard.run(&["app", "container"]).expect(0);
        has(&read(&wizard, file), wanted);
    }
    // a build that Next.js traced is all that its image holds; the migrations have a stage of their own
    for (name, stages) in [("next-standalone", 0), ("next-migrates", 2)] {
        let wizard = app(name);
        wizard.run(&["app", "container"]).expect(0);
        let text = read(&wizard, "Dockerfile");
        let image = &text[text.rfind("\nFROM ").unwrap()..];
        let whole = |text: &str| text.matches("/app /app").count();
        assert_eq!((whole(image), text.matches("\nFROM run").count()), (0, stages), "{text}");
        assert_eq!(image.matches("COPY --from=build").count(), if name == "next-standalone" { 3 } else { 2 }, "{text}");
    }
    // no more than what the app asks for
    for (name, never) in
        [("flask-uv", "libpq"), ("nx-nest", "apt-get"), ("queue-worker", "EXPOSE"), ("next-standalone", "prune"), ("bun", "npm ci")]
    {
        let wizard = app(name);
        let done = wizard.run(&["app", "container", "--stdout"]).expect(0);
        let image = done.out().split("==> .dockerignore").next().unwrap().to_owned();
        assert!(!image.contains(never), "{name}: {never}\n{image}");
    }
}

#[test]
fn what_the_start_command_needs_and_nobody_declares_is_installed_and_told() {
    let wizard = Wizard::empty();
    put(
        &wizard,
        ".replit",
        "modules = [\"python-3.11\"]\n[deployment]\nrun = [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"main:app\"]\n[nix]\npackages = [\"weirdpkg\"]\n",
    );
    put(&wizard, "requirements.txt", "fastapi==0.115.6\ngunicorn==23.0.0\n");
    put(&wizard, "main.py", "from fastapi import FastAPI\napp = FastAPI()\n");
    let image = |wizard: &Wizard| wizard.run(&["app", "container", "--stdout"]).expect(0);
    let done = image(&wizard);
    has(
        &done.out(),
        &[
            "# the start command needs uvicorn, and the app does not declare it: once it does, this goes",
            "RUN pip install --no-cache-dir uvicorn==0.54.0",
            "CMD [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"main:app\", \"-k\", \"uvicorn.workers.UvicornWorker\"]",
            "# not installed, since our table does not know it: weirdpkg. If the app needs it, find the Debian package",
        ],
    );
    assert!(!done.out().contains("pip install --no-cache-dir gunicorn"), "{}", done.out());
    assert!(done.err().contains("note: not in the image") && done.err().contains("weirdpkg"), "{}", done.err());
    let scan = migrate_wizard::app::scan(wizard.path(), &migrate_wizard::progress::Reporter::silent()).unwrap();
    let files = migrate_wizard::app::files::generate(&scan, &migrate_wizard::app::Choices::from_scan(&scan)).unwrap();
    let list = &files.iter().find(|file| file.path == "CHECKLIST.md").unwrap().contents;
    assert!(list.contains("- [ ] declare `uvicorn` among the app's packages"), "{list}");
    // uvicorn alone answers a web socket with 404
    let sockets = "from fastapi import (\n    FastAPI,\n    WebSocket,\n)\napp = FastAPI()\n";
    put(&wizard, "main.py", sockets);
    has(&image(&wizard).out(), &["RUN pip install --no-cache-dir 'uvicorn[standard]==0.54.0'"]);
    put(&wizard, "requirements.txt", "fastapi\ngunicorn\nwebsockets\n");
    has(&image(&wizard).out(), &["RUN pip install --no-cache-dir uvicorn==0.54.0"]);
    for declared in ["uvicorn[standard]==0.34.0\n", "fastapi[standard]\n", "-r more.txt\n"] {
        put(&wizard, "more.txt", "uvicorn\n");
        put(&wizard, "requirements.txt", &format!("fastapi\ngunicorn\n{declared}"));
        assert!(!image(&wizard).out().contains("the start command needs"), "{declared}");
    }
    wizard.run(&["app", "container", "--runtime", "abc"]).expect(2).says("such as 22 or 3.12");
    let empty = Wizard::empty();
    empty.run(&["secrets", "list"]).expect(2).says("holds no app");
}

/// Who reads may go at any time: that is no fault of ours.
#[test]
fn a_reader_that_goes_ends_nothing_with_a_panic() {
    for args in [&["app", "prepare", "--dry-run"][..], &["app", "env"], &["app", "scan"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = Wizard::sample().command(args).stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        assert!(status.code().is_some_and(|code| code != 101), "{args:?}: {status}");
    }
}

#[test]
fn one_image_has_a_target_for_each_service() {
    let wizard = app("four-services");
    wizard.run(&["app", "container", "--one-image"]).expect(0);
    let text = read(&wizard, "Dockerfile");
    let from: Vec<&str> = text.lines().filter(|l| l.starts_with("FROM ")).collect();
    assert_eq!(
        from,
        [
            "FROM node:20-bookworm-slim AS base",
            "FROM base AS build",
            "FROM base AS run",
            "FROM run AS admin",
            "FROM run AS api",
            "FROM run AS auth",
            "FROM run AS web"
        ]
    );
    assert!(!wizard.path().join("Dockerfile.api").exists());
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read(&wizard, "docker-compose.yml")).unwrap();
    assert_eq!(compose["services"]["api"]["build"]["target"], "api");
    // a build that is an image of its own
    let next = app("next-standalone");
    put(&next, "apps/a/package.json", r#"{"name":"a","scripts":{"start":"next start"},"dependencies":{"next":"15"}}"#);
    put(&next, "apps/a/next.config.js", "module.exports = { output: 'standalone' };\n");
    put(&next, "apps/b/package.json", r#"{"name":"b","scripts":{"start":"node b.js"},"dependencies":{"express":"5"}}"#);
    put(&next, "package.json", r#"{"name":"n","workspaces":["apps/*"]}"#);
    next.run(&["app", "container", "--one-image"])
        .expect(2)
        .says("one Dockerfile cannot hold a")
        .says("next.config in apps/a")
        .says("--one-image");
    next.run(&["app", "container"]).expect(0);
    has(
        &read(&next, "Dockerfile.a"),
        &["COPY --from=build --chown=node:node /app/apps/a/.next/static ./apps/a/.next/static", "CMD [\"node\", \"apps/a/server.js\"]"],
    );
}

#[test]
fn a_base_that_cannot_run_the_app_is_refused_with_the_reason() {
    for (name, reason) in [
        ("browser", "packages with compiled parts: sharp"),
        ("intel-only", "pnpm-workspace.yaml:3 leaves out the packages for musl"),
        ("flask-uv", "wheels of Python packages"),
    ] {
        let wizard = app(name);
        wizard
            .run(&["app", "container", "--base", "alpine"])
            .expect(2)
            .says("cannot run on Alpine")
            .says(reason)
            .says("leave out --base alpine");
        assert!(!wizard.path().join(".dockerignore").exists(), "{name}: nothing is written");
    }
    let arm = app("intel-only");
    arm.run(&["app", "container", "--architecture", "arm64"])
        .expect(2)
        .says("cannot be built for linux/arm64")
        .says("pnpm-workspace.yaml:3");
    let nest = app("nx-nest");
    nest.run(&["app", "container", "--base", "alpine", "--runtime", "18"]).expect(0);
    has(&read(&nest, "Dockerfile"), &["FROM node:18-alpine AS base"]);
}

#[test]
fn again_gives_the_same_bytes_and_what_is_not_ours_stays() {
    let wizard = app("four-services");
    let files =
        ["Dockerfile.admin", "Dockerfile.api", "Dockerfile.auth", "Dockerfile.web", ".dockerignore", "docker-compose.yml", ".env.example"];
    let dry = wizard.run(&["app", "container", "--dry-run"]).expect(0);
    assert!(dry.out().contains("new        Dockerfile.api") && files.iter().all(|f| !wizard.path().join(f).exists()), "{}", dry.out());
    wizard.run(&["app", "container"]).expect(0);
    let first: Vec<String> = files.iter().map(|f| read(&wizard, f)).collect();
    let again = wizard.run(&["app", "container"]).expect(0);
    assert_eq!(again.out().lines().filter(|l| l.starts_with("unchanged")).count(), files.len(), "{}", again.out());
    assert_eq!(files.map(|f| read(&wizard, f)).as_slice(), first.as_slice());
    // the app changed, the file did not: it is made again
    put(&wizard, "apps/auth/src/index.ts", "app.get('/health', f);\napp.listen({ port: 4002 });\n");
    let renewed = wizard.run(&["app", "container"]).expect(0);
    assert!(
        renewed.out().contains("renewed    Dockerfile.auth") && read(&wizard, "Dockerfile.auth").contains("EXPOSE 4002"),
        "{}",
        renewed.out()
    );
    // changed by hand: it stays, and so does all else
    put(&wizard, "Dockerfile.api", &format!("{}# mine\n", read(&wizard, "Dockerfile.api")));
    std::fs::remove_file(wizard.path().join("Dockerfile.web")).unwrap();
    wizard.run(&["app", "container"]).expect(1).says("1 file").says("Dockerfile.api").says("--force").says("nothing was written");
    assert!(read(&wizard, "Dockerfile.api").ends_with("# mine\n") && !wizard.path().join("Dockerfile.web").exists());
    let listed = wizard.run(&["app", "container", "--dry-run", "--json"]).expect(1);
    let listed: Value = serde_json::from_str(&listed.out()).unwrap();
    assert_eq!(
        (&listed["files"][1]["path"], &listed["files"][1]["now"], &listed["written"]),
        (&"Dockerfile.api".into(), &"not ours".into(), &false.into())
    );
    wizard.run(&["app", "container", "--force"]).expect(0);
    assert_eq!(read(&wizard, "Dockerfile.api"), first[1]);
    // elsewhere
    wizard.run(&["app", "container", "--out", "container", "--service", "api"]).expect(0);
    assert!(wizard.path().join("container/Dockerfile.api").is_file() && !wizard.path().join("container/Dockerfile.web").exists());
    wizard
        .run(&["app", "container", "--service", "apo"])
        .expect(2)
        .says("the app has no service apo: did you mean")
        .says("admin, api, auth, web");
    let static_files = Wizard::empty();
    put(&static_files, "index.html", "<p>x</p>");
    static_files.run(&["app", "container"]).expect(2).says("nothing to build an image of").says("package.json");
}

#[test]
fn one_decision_changes_no_name_and_no_migration() {
    let wizard = Wizard::sample();
    let made = |more: &[&str]| wizard.run(&[&["app", "pipeline", "--provider", "github", "--stdout"], more].concat()).expect(0).out();
    let (alone, decided) = (made(&[]), made(&["--set", "auth=cognito"]));
    let telling = |text: &str| -> Vec<String> {
        let parts = ["service: ", "drizzle-kit", "No migrations", "RoleArn of the stack"];
        text.lines().filter(|line| parts.iter().any(|part| line.contains(part))).map(str::to_owned).collect()
    };
    assert!(telling(&alone).iter().any(|line| line.contains("service: web")), "{alone}");
    assert_eq!(telling(&alone), telling(&decided));
    // what was decided counts
    let dsql = made(&["--set", "database=dsql", "--set", "app_name=shop"]);
    assert!(dsql.contains("No migrations") && dsql.contains("the stack shop-"), "{dsql}");
}

#[test]
fn code_that_was_prepared_for_another_decision_is_told() {
    let wizard = app("vite-express");
    put(&wizard, "server/dsql.ts", "import { DsqlSigner } from \"@aws-sdk/dsql-signer\";\n");
    let told = |more: &[&str]| wizard.run(&[&["app", "env"], more].concat()).expect(0).err();
    assert!(told(&[]).contains("server/dsql.ts: the code signs in to Aurora DSQL") && told(&[]).contains("--set database=dsql"));
    assert!(!told(&["--set", "database=dsql"]).contains("server/dsql.ts"));
}

#[test]
fn what_would_break_a_workflow_or_say_nothing_to_it_is_refused() {
    let wizard = app("vite-express");
    let pipeline = |more: &[&str]| wizard.run(&[&["app", "pipeline", "--provider"], more].concat()).expect(2);
    pipeline(&["github", "--branch", "x y"]).says("--branch x y: not a name for a branch");
    pipeline(&["codepipeline", "--ghcr", "--branch", "a"]).says("--branch, --ghcr: only with --provider github");
    assert!(!wizard.path().join("buildspec.yml").exists() && !wizard.path().join(".github").exists());
}

#[test]
fn what_the_import_keeps_in_secrets_manager_is_a_secret_in_every_list() {
    let wizard = app("vite-express");
    put(
        &wizard,
        "server/more.ts",
        "const a = process.env.FOO!;\nconst b = process.env.STRIPE_PUBLISHABLE_KEY!;\nconst c = process.env.REDIS_URL!;\n",
    );
    let told: Value = serde_json::from_str(&wizard.run(&["app", "env", "--json"]).expect(0).out()).unwrap();
    let kind = |name: &str| told["variables"].as_array().unwrap().iter().find(|v| v["name"] == name).map(|v| v["kind"].clone());
    for (name, is) in [("FOO", "secret"), ("STRIPE_PUBLISHABLE_KEY", "secret"), ("REDIS_URL", "plain")] {
        assert_eq!(kind(name), Some(is.into()), "{name}: {told:#}");
    }
    for row in told["variables"].as_array().unwrap() {
        let kept = row["on_aws"].as_str().unwrap().starts_with("Secrets Manager");
        assert!(!kept || row["kind"] == "secret", "{row}");
    }
    wizard.run(&["app", "container"]).expect(0);
    let example = read(&wizard, ".env.example");
    let (secrets, _) = example.split_once("# --- settings").unwrap();
    assert!(secrets.contains("FOO=") && secrets.contains("STRIPE_PUBLISHABLE_KEY="), "{example}");
}

#[test]
fn a_cache_that_is_named_by_host_and_port_is_one_in_compose_too() {
    let wizard = app("bun");
    let code = "new Redis({ host: process.env.REDIS_HOST, port: Number(process.env.REDIS_PORT), password: process.env.REDIS_PASSWORD });\n";
    put(&wizard, "src/more.ts", code);
    wizard.run(&["app", "container"]).expect(0);
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read(&wizard, "docker-compose.yml")).unwrap();
    let environment = &compose["services"]["web"]["environment"];
    assert_eq!((environment["REDIS_HOST"].as_str(), environment["REDIS_PORT"].as_str()), (Some("redis"), Some("6379")));
    assert_eq!(environment["REDIS_PASSWORD"].as_str(), Some(""), "the cache of one's own machine asks for none");
    assert!(!compose["services"]["redis"].is_null());
    let told: Value = serde_json::from_str(&wizard.run(&["app", "env", "--json"]).expect(0).out()).unwrap();
    let why =
        |name: &str| told["variables"].as_array().unwrap().iter().find(|v| v["name"] == name).unwrap()["why"].as_str().unwrap().to_owned();
    assert!(why("REDIS_HOST").contains("Endpoint of the cache's stack"), "{told:#}");
}

#[test]
fn a_cache_of_the_wizards_is_given_by_its_parts_and_nobody_is_asked() {
    const NAMES: [&str; 5] = ["REDIS_HOST", "REDIS_PORT", "REDIS_TLS", "REDIS_PASSWORD", "REDIS_USERNAME"];
    let wizard = app("bun");
    let reads: String = NAMES.iter().map(|name| format!("export const x = process.env.{name}!;\n")).collect();
    put(&wizard, "src/more.ts", &reads);
    let rows = |decided: &str| -> BTreeMap<String, Value> {
        let done = wizard.run(&["app", "env", "--json", "--app-name", "shop", "--environment", "staging", "--set", decided]).expect(0);
        let told: Value = serde_json::from_str(&done.out()).unwrap();
        told["variables"].as_array().unwrap().iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row.clone())).collect()
    };
    let on_aws = |decided: &str| NAMES.map(|name| rows(decided)[name]["on_aws"].as_str().unwrap().to_owned());
    let stack = "set by the service's stack";
    assert_eq!(on_aws("cache=valkey"), [stack, stack, stack, "Secrets Manager: shop-staging/cache-password", "not set"]);
    assert_eq!(on_aws("auth=app"), on_aws("cache=valkey"), "while nothing is decided");
    let person = "task definition: a person gives the value";
    let port = "task definition: 6379";
    assert_eq!(on_aws("cache=none"), [person, port, "task definition: false", "Secrets Manager: shop-staging/cache-password", person]);
    let listed = |decided: &str| {
        let done = wizard.run(&["secrets", "list", "--app", "shop", "--environment", "staging", "--set", decided]).expect(0).out();
        done.lines().find(|line| line.contains(" REDIS_PASSWORD ")).unwrap_or_else(|| panic!("{done}")).to_owned()
    };
    assert!(listed("cache=valkey").contains("not there yet: the password of the cache"), "{}", listed("cache=valkey"));
    assert!(listed("cache=none").contains("MISSING"), "{}", listed("cache=none"));
    // only what the code reads
    let other = app("vite-express");
    let told = other.run(&["app", "env", "--json", "--set", "cache=valkey"]).expect(0).out();
    assert!(NAMES.iter().all(|name| !told.contains(name)), "{told}");
    // on one's own machine there is no TLS
    wizard.run(&["app", "container", "--set", "cache=valkey"]).expect(0);
    let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&read(&wizard, "docker-compose.yml")).unwrap();
    assert_eq!(compose["services"]["web"]["environment"]["REDIS_TLS"].as_str(), Some(""));
}

#[test]
fn the_context_leaves_out_secrets_whatever_the_app_says() {
    let wizard = app("vite-express");
    put(&wizard, ".replitignore", "# Replit's\nbig\n!.env\n");
    put(&wizard, ".env", "SESSION_SECRET=hunter2\n");
    put(&wizard, "client/.env.production", "X=1\n");
    put(&wizard, "big/video.mp4", "x");
    put(&wizard, "attached_assets/chat.png", "x");
    put(&wizard, "node_modules/pg/index.js", "x");
    wizard.run(&["app", "container"]).expect(0);
    let context = migrate_wizard::app::context::gather(wizard.path()).unwrap();
    let files: Vec<&str> = context.files.iter().map(|f| f.path.as_str()).collect();
    assert!(context.secrets.is_empty(), "the ignore file alone keeps them out: {:?}", context.secrets);
    assert_eq!(files, ["client/src/main.ts", "package-lock.json", "package.json", "server/db.ts", "server/index.ts", "server/vite.ts"]);
    // pictures that the pages import stay
    put(&wizard, "client/src/logo.ts", "import logo from \"@assets/chat.png\";\n");
    wizard.run(&["app", "container"]).expect(0);
    assert!(!lines(&read(&wizard, ".dockerignore")).contains(&"attached_assets"));
}

#[test]
fn compose_has_what_the_app_needs_and_no_more() {
    let beside = |name: &str| {
        let wizard = app(name);
        wizard.run(&["app", "container"]).expect(0);
        let text = read(&wizard, "docker-compose.yml");
        let compose: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        let names: Vec<String> = compose["services"].as_mapping().unwrap().keys().map(|k| k.as_str().unwrap().to_owned()).collect();
        (names.join(" "), compose)
    };
    for (name, services) in [
        ("four-services", "admin api auth web db redis"),
        ("vite-express", "web db"),
        ("queue-worker", "web redis"),
        ("bun", "web"),
        ("flask-uv", "web db"),
        ("bot-kv", "web db"),
    ] {
        assert_eq!(beside(name).0, services, "{name}");
    }
    assert_eq!(beside("bot-kv").1["services"]["web"]["environment"]["DATABASE_URL"], "postgresql://app:app@db:5432/app", "for the drop-in");
    let (_, four) = beside("four-services");
    let service = |name: &str| four["services"][name].clone();
    assert_eq!(service("db")["image"], "postgres:16");
    assert_eq!(service("api")["environment"]["REDIS_URL"], "redis://redis:6379");
    assert_eq!(service("api")["environment"]["DATABASE_URL"], "postgresql://app:app@db:5432/app");
    // another service's variable is not given
    assert!(service("web")["environment"]["REDIS_URL"].is_null());
    assert_eq!(service("web")["build"]["args"][0], "NEXT_PUBLIC_API_URL");
    let ports: BTreeSet<String> =
        ["web", "api", "auth", "admin"].iter().map(|n| service(n)["ports"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(ports.len(), 4, "no two on the same port of this machine: {ports:?}");
    assert_eq!(beside("browser").1["services"]["web"]["shm_size"], "1gb");
    assert_eq!(beside("intel-only").1["services"]["api-server"]["platform"], "linux/amd64");
    assert!(beside("queue-worker").1["services"]["web"]["ports"].is_null());
}

#[test]
fn every_variable_is_told_with_its_place_and_what_becomes_of_it() {
    let wizard = Wizard::sample();
    let done = wizard.run(&["app", "env", "--json", "--app-name", "portal", "--environment", "staging"]).expect(0);
    assert!(!done.out().contains("FAKE-not-a-real-key"), "a secret's value is never told");
    let told: Value = serde_json::from_str(&done.out()).unwrap();
    let row = |name: &str| {
        let rows = told["variables"].as_array().unwrap();
        rows.iter().find(|r| r["name"] == name).unwrap_or_else(|| panic!("{name} is missing in {told:#}")).clone()
    };
    let place = |name: &str, from: &str| {
        let row = row(name);
        let sources = row["sources"].as_array().unwrap().clone();
        let source = sources.iter().find(|s| s["from"] == from).unwrap_or_else(|| panic!("{name}: no {from} in {row:#}")).clone();
        format!("{}:{}", source["place"]["file"].as_str().unwrap(), source["place"]["line"])
    };
    assert_eq!(row("SESSION_SECRET")["kind"], "secret");
    assert_eq!(row("SESSION_SECRET")["on_aws"], "Secrets Manager: portal-staging/session");
    assert_eq!(row("SESSION_SECRET")["services"], serde_json::json!(["web"]));
    assert_eq!(row("REPL_IDENTITY")["kind"], "never");
    assert_eq!(row("REPL_IDENTITY")["on_aws"], "not set");
    assert_eq!(row("PORT")["has_default"], true);
    assert_eq!(place("PORT", ".replit [env]"), ".replit:37");
    assert_eq!(place("FILING_FEE_CENTS", ".replit [userenv.production]"), ".replit:50");
    assert_eq!(row("FILING_FEE_CENTS")["on_aws"], "task definition: 500");
    assert_eq!(row("MAIL_RELAY_API_KEY")["kind"], "secret");
    assert_eq!(place("DATABASE_URL", "code").split(':').next(), Some("drizzle.config.ts"));
    assert_eq!(row("NODE_EXTRA_CA_CERTS")["sources"][0]["from"], "wizard");
    assert_eq!(row("REPLIT_DOMAINS")["on_aws"], "set by the service's stack");
    // the same names as the list for a person, and as what a plan gives to tasks
    wizard.run(&["app", "container", "--out", "c"]).expect(0);
    let example = read(&wizard, "c/.env.example");
    let listed: BTreeSet<&str> = example.lines().filter_map(|l| l.trim_start_matches('#').strip_suffix('=')).collect();
    let rows = told["variables"].as_array().unwrap();
    let by_image = ["NODE_ENV", "PORT", "NODE_EXTRA_CA_CERTS"];
    let expected: BTreeSet<&str> = rows
        .iter()
        .filter(|r| r["kind"] != "never" && !by_image.contains(&r["name"].as_str().unwrap()))
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed, expected);
    let words = wizard.run(&["app", "env"]).expect(0).out();
    assert!(
        words.contains("REPL_IDENTITY")
            && words.contains("Never set these on AWS")
            && words.contains("Next: migrate-wizard secrets import"),
        "{words}"
    );
}
