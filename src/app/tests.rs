//! What a scan says about miniature apps, and what is generated for them.

use super::fixture::{App, ids};
use super::*;
use crate::progress::Reporter;

const REPLIT: &str = r#"modules = ["nodejs-20", "web", "postgresql-16"]
run = "npm run dev"
[nix]
packages = ["openssl"]
[deployment]
deploymentTarget = "autoscale"
build = ["npm", "run", "build"]
run = ["node", "./dist/index.cjs"]
[[ports]]
localPort = 3000
externalPort = 80
[[ports]]
localPort = 24678
externalPort = 3000
[userenv.shared]
MAIL_API_KEY = "hunter2hunter2"
BRAND = "Acme"
[agent]
integrations = ["javascript_log_in_with_replit:2.0.0"]
[objectStorage]
defaultBucketID = "replit-objstore-1"
"#;
const PACKAGE: &str = r#"{ "name": "rest-express", "type": "module",
  "scripts": { "dev": "tsx server/index.ts", "build": "tsx script/build.ts", "start": "NODE_ENV=production node dist/index.cjs", "check": "tsc", "db:push": "drizzle-kit push" },
  "dependencies": { "express": "5", "pg": "8", "drizzle-orm": "0.39", "stripe-replit-sync": "1" },
  "devDependencies": { "vite": "7", "typescript": "5", "@replit/vite-plugin-cartographer": "0.4" } }"#;

fn g3() -> App {
    App::new(&[
        (".replit", REPLIT),
        ("package.json", PACKAGE),
        ("tsconfig.json", "{}"),
        (
            "server/index.ts",
            "import { serveStatic } from \"./static\";\n// see https://old.replit.app\napp.set(\"trust proxy\", 1);\napp.listen(Number(process.env.PORT || 3000));\n",
        ),
        ("server/vite.ts", "import { createServer } from \"vite\";\n"),
        (
            "server/replit_integrations/auth/replitAuth.ts",
            "const url = process.env.ISSUER_URL ?? \"https://replit.com/oidc\";\nconst id = process.env.REPL_ID!;\ncookie: { secure: true }\nsecret: process.env.SESSION_SECRET!,\n",
        ),
        ("server/replit_integrations/auth/storage.ts", "  .onConflictDoUpdate({\n    target: users.id,\n  })\n"),
        (
            "server/stripeClient.ts",
            "import { StripeSync } from \"stripe-replit-sync\";\nconst host = process.env.REPLIT_CONNECTORS_HOSTNAME;\nconst domain = process.env.REPLIT_DOMAINS?.split(\",\")[0];\n",
        ),
        ("server/db.ts", "new Pool({ connectionString: process.env.DATABASE_URL });\n"),
        ("vite.config.ts", "import x from \"@replit/vite-plugin-cartographer\";\n"),
        ("node_modules/x/index.js", "kv.replit.com"),
        (".replit_integration_files/server/a.ts", "kv.replit.com"),
        ("docs/notes.md", "kv.replit.com"),
        ("replit.md", "# Grievances\n\nA portal where people file their grievances.\n"),
    ])
}

#[test]
fn a_g3_app_is_known_for_what_it_is() {
    let scan = g3().scan();
    assert_eq!(scan.generation, Some(Generation::G3));
    assert_eq!(
        (scan.stack.language, scan.stack.version.as_deref(), scan.stack.package_manager, scan.stack.lock_file),
        (Language::Node, Some("20"), PackageManager::Npm, false)
    );
    assert_eq!(scan.target, Some(DeployTarget::Autoscale));
    assert_eq!((scan.port, scan.bucket.as_deref()), (Some(3000), Some("replit-objstore-1")));
    let service = &scan.services[0];
    assert_eq!((scan.services.len(), service.name.as_str(), service.kind, service.port), (1, "web", ServiceKind::Web, Some(3000)));
    assert_eq!((service.run.join(" ").as_str(), service.build.as_deref()), ("node ./dist/index.cjs", Some("npm run build")));
    assert_eq!(ids(&scan), ["B1", "B5", "D6", "D11", "C5", "A8", "C8", "E5", "F1"]);
    assert_eq!(
        scan.variables.iter().map(|v| (v.name.as_str(), v.has_default)).collect::<Vec<_>>(),
        [
            ("DATABASE_URL", false),
            ("ISSUER_URL", true),
            ("PORT", true),
            ("REPLIT_CONNECTORS_HOSTNAME", false),
            ("REPLIT_DOMAINS", false),
            ("REPL_ID", false),
            ("SESSION_SECRET", false),
        ]
    );
    assert_eq!(scan.overview.as_deref(), Some("A portal where people file their grievances."));
    assert_eq!(scan.notes, Vec::<String>::new());
}

#[test]
fn a_finding_names_the_line_and_hides_the_secret() {
    let scan = g3().scan();
    let b5 = scan.findings.iter().find(|f| f.signal == "B5").unwrap();
    assert_eq!(
        (b5.file.as_str(), b5.line, b5.excerpt.as_str()),
        ("server/replit_integrations/auth/storage.ts", Some(1), ".onConflictDoUpdate({")
    );
    let a8 = scan.findings.iter().find(|f| f.signal == "A8").unwrap();
    assert_eq!((a8.file.as_str(), a8.line, a8.excerpt.as_str()), (".replit", Some(16), "MAIL_API_KEY = \"***\""));
    assert!(!serde_json::to_string(&scan).unwrap().contains("hunter2"));
    let back: Scan = serde_json::from_str(&serde_json::to_string(&scan).unwrap()).unwrap();
    assert_eq!(back, scan);
}

#[test]
fn every_secret_written_into_replit_is_named() {
    let replit = "modules = [\"nodejs-20\"]\n[env]\nPORT = \"5000\"\nSTRIPE_KEY = \"abc-hunter2\"\nMAIL_PASSWORD = 'hunter2'\n\n[userenv.shared]\nAPI_TOKEN = \"hunter2\"\nBRAND = \"Acme\"\n";
    let scan = App::new(&[(".replit", replit), ("package.json", "{}")]).scan();
    let named: Vec<String> = scan.findings.iter().filter(|f| f.signal == "A8").map(|f| format!("{} {}", f.place(), f.excerpt)).collect();
    assert_eq!(named, [".replit:4 STRIPE_KEY = \"***\"", ".replit:5 MAIL_PASSWORD = \"***\"", ".replit:8 API_TOKEN = \"***\""]);
    assert!(!serde_json::to_string(&scan).unwrap().contains("hunter2"));
}

#[test]
fn the_image_of_a_g3_app() {
    let app = g3();
    let scan = app.scan();
    let files = files::generate(&scan, &Choices { app_name: "portal".into(), ci: Ci::Codepipeline, ..Choices::from_scan(&scan) }).unwrap();
    assert_eq!(
        files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(),
        [
            "Dockerfile",
            ".dockerignore",
            "docker-compose.yml",
            "buildspec.yml",
            "buildspec-release.yml",
            "server/health.ts",
            ".env.example",
            "CHECKLIST.md"
        ]
    );
    let text = |path: &str| files.iter().find(|f| f.path == path).unwrap().contents.as_str();
    let code: Vec<&str> = text("Dockerfile").lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
    assert_eq!(
        code[..10],
        [
            "FROM node:20-bookworm-slim AS base",
            "WORKDIR /app",
            "FROM base AS build",
            "COPY package.json ./",
            "RUN npm install --no-audit --no-fund",
            "COPY . .",
            "RUN npm run build \\",
            " && npm prune --omit=dev --no-audit --no-fund",
            "FROM base AS run",
            "ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem",
        ]
    );
    assert!(
        code.ends_with(&["CMD [\"node\", \"./dist/index.cjs\"]"]) && code.contains(&"USER 1000") && code.contains(&"ENV PORT=3000"),
        "{code:#?}"
    );
    assert!(
        text("buildspec.yml").contains("web) options+=(--file Dockerfile) ;;") && text("buildspec.yml").contains("> imagedefinitions.json")
    );
    assert!(text("CHECKLIST.md").contains("server/stripeClient.ts:2") && text("CHECKLIST.md").contains("**B1 "));
    for file in &files {
        assert!(!file.contents.contains("hunter2") && !file.contents.contains("{{"), "{}", file.path);
        if file.path.ends_with(".yml") {
            serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&file.contents)
                .unwrap_or_else(|e| panic!("{}: {e}\n{}", file.path, file.contents));
        }
    }
    let values: Vec<&str> = text(".env.example").lines().filter(|l| !l.starts_with('#') && !l.is_empty() && !l.ends_with('=')).collect();
    assert_eq!(values, Vec::<&str>::new());

    app.put("package-lock.json", "{}");
    let scan = app.scan();
    let files = files::generate(&scan, &Choices::from_scan(&scan)).unwrap();
    assert!(files[0].contents.contains("COPY package.json package-lock.json ./\nRUN npm ci --no-audit --no-fund\n"));
}

#[test]
fn drop_ins_are_in_the_image_before_it_installs_them() {
    for (manifest, text, install) in [
        ("package.json", r#"{"name": "shop", "scripts": {"start": "node index.js"}, "dependencies": {"express": "5"}}"#, "RUN npm install"),
        ("requirements.txt", "flask\n./.migrate/shims/python/replit\n", "RUN pip install"),
    ] {
        let app = App::new(&[(".replit", "run = \"x\"\n"), (manifest, text), ("main.py", "import flask\n"), ("index.js", "1\n")]);
        app.put(".migrate/shims/object-storage/package.json", "{}");
        let scan = app.scan();
        let files = files::container(&scan, &Choices::from_scan(&scan)).unwrap();
        let image = &files.iter().find(|f| f.path == "Dockerfile").unwrap().contents;
        let at = |line: &str| image.find(line).unwrap_or_else(|| panic!("{line}:\n{image}"));
        assert!(at("COPY .migrate/shims ./.migrate/shims") < at(install), "{image}");
    }
}

#[test]
fn the_environment_on_aws() {
    let scan = g3().scan();
    let plan = env::plan(&scan, &Choices { domain: Some("app.example.com".into()), ..Choices::from_scan(&scan) }).unwrap();
    assert_eq!(plan.secrets.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["DATABASE_URL", "SESSION_SECRET", "MAIL_API_KEY"]);
    assert_eq!(
        plan.plain.iter().map(|p| (p.name.as_str(), p.value.as_deref())).collect::<Vec<_>>(),
        [
            ("NODE_ENV", Some("production")),
            ("PORT", Some("3000")),
            ("NODE_EXTRA_CA_CERTS", Some("/etc/ssl/rds.pem")),
            ("APP_URL", Some("https://app.example.com")),
            ("REPLIT_DOMAINS", Some("app.example.com")),
            ("ISSUER_URL", None),
            // found: Stripe's sync
            ("STRIPE_SYNC", Some("off")),
            ("BRAND", Some("Acme")),
        ]
    );
    assert!(plan.never.iter().any(|n| n.name == "REPL_ID"));
}

#[test]
fn not_a_replit_app() {
    let scan = App::new(&[("README.md", "hello"), ("main.go", "package main")]).scan();
    assert_eq!((scan.replit.is_none(), scan.generation, scan.services.len(), scan.findings.len()), (true, None, 0, 0));
    assert!(scan.notes[0].contains("no .replit file") && scan.notes[1].contains("not supported"), "{:?}", scan.notes);
    let files = files::generate(&scan, &Choices::from_scan(&scan)).unwrap();
    assert_eq!(files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), [".env.example", "CHECKLIST.md"]);

    let error = scan::scan(std::path::Path::new("/nonexistent/app"), &Reporter::silent()).unwrap_err();
    assert!(error.what.contains("cannot open the app folder") && !error.hint.is_empty(), "{error}");
}

#[test]
fn a_monorepo_of_four_services() {
    let package = |name: &str, start: &str, dependency: &str| {
        format!(
            r#"{{ "name": "@alva/{name}", "scripts": {{ "build": "tsc", "start": "{start}" }}, "dependencies": {{ "{dependency}": "1" }} }}"#
        )
    };
    let app = App::new(&[
        (".replit", "[deployment]\nrun = [\"pnpm\", \"start\"]\n"),
        ("package.json", r#"{ "name": "alva", "packageManager": "pnpm@9.12.0+sha512.abc", "scripts": {} }"#),
        ("pnpm-workspace.yaml", "packages:\n  - apps/*\n  - packages/*\n"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("apps/web/package.json", &package("web", "next start -p 3000", "next")),
        ("apps/api/package.json", &package("api", "node dist/index.js", "fastify")),
        (
            "apps/api/src/index.ts",
            "app.get('/health', f);\nawait app.listen({ port: Number(process.env.PORT ?? 3001) });\nimport { Queue } from 'bullmq';\n",
        ),
        ("apps/auth/package.json", &package("auth", "node dist/index.js", "fastify")),
        ("apps/auth/src/index.ts", "app.listen({ port: 3002 });\n"),
        ("apps/admin/package.json", &package("admin", "next start --port 3003", "next")),
        (
            "packages/db/package.json",
            r#"{ "name": "@alva/db", "scripts": { "build": "tsc" }, "dependencies": { "pg": "8", "ioredis": "5" } }"#,
        ),
    ]);
    let scan = app.scan();
    let got: Vec<_> = scan.services.iter().map(|s| (s.name.as_str(), s.dir.as_str(), s.port, s.kind, s.health.as_deref())).collect();
    assert_eq!(
        got,
        [
            ("admin", "apps/admin", Some(3003), ServiceKind::Web, None),
            ("api", "apps/api", Some(3001), ServiceKind::Api, Some("/health")),
            ("auth", "apps/auth", Some(3002), ServiceKind::Api, None),
            ("web", "apps/web", Some(3000), ServiceKind::Web, None),
        ]
    );
    assert_eq!(ids(&scan), ["F10"]);
    assert!(scan.uses(Engine::Redis) && scan.uses(Engine::Postgres));
    let files = files::generate(&scan, &Choices { ci: Ci::Github, ..Choices::from_scan(&scan) }).unwrap();
    assert_eq!(
        files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(),
        [
            "Dockerfile.admin",
            "Dockerfile.api",
            "Dockerfile.auth",
            "Dockerfile.web",
            ".dockerignore",
            "docker-compose.yml",
            ".github/workflows/deploy.yml",
            "apps/admin/src/health.mjs",
            "apps/auth/src/health.mjs",
            "apps/web/src/health.mjs",
            ".env.example",
            "CHECKLIST.md",
        ]
    );
    let api = &files[1].contents;
    for line in [
        "RUN npm install --global pnpm@9.12.0",
        "RUN pnpm install --frozen-lockfile",
        "RUN pnpm --filter \"@alva/api...\" run build",
        "WORKDIR /app/apps/api",
        "CMD [\"node\", \"dist/index.js\"]",
    ] {
        assert!(api.lines().any(|l| l == line), "{line}\n{api}");
    }
    assert!(files[3].contents.contains("CMD [\"npm\", \"run\", \"start\"]"), "{}", files[3].contents);
    for file in files.iter().filter(|f| f.path.ends_with(".yml")) {
        serde_yaml_ng::from_str::<serde_yaml_ng::Value>(&file.contents).unwrap_or_else(|e| panic!("{}: {e}\n{}", file.path, file.contents));
    }
}

#[test]
fn artifacts_become_services() {
    let scan = App::new(&[
        (".replit", "modules = [\"nodejs-24\"]\n[deployment]\nrouter = \"application\"\n[agent]\nstack = \"PNPM_WORKSPACE\"\n"),
        ("package.json", r#"{ "name": "workspace" }"#),
        ("pnpm-workspace.yaml", "packages: [artifacts/*, lib/*]\n"),
        ("artifacts/api-server/.replit-artifact/artifact.toml", "kind = \"api\"\n[[services]]\nlocalPort = 8080\nname = \"API\"\npaths = [\"/api\"]\n[services.production.build]\nargs = [\"pnpm\", \"--filter\", \"@w/api\", \"run\", \"build\"]\n[services.production.run]\nargs = [\"node\", \"artifacts/api-server/dist/index.mjs\"]\n[services.production.health.startup]\npath = \"/api/healthz\"\n"),
        ("artifacts/site/.replit-artifact/artifact.toml", "kind = \"web\"\n[[services]]\nlocalPort = 5173\nname = \"web\"\npaths = [\"/\"]\n[services.production]\nbuild = [\"pnpm\", \"run\", \"build\"]\npublicDir = \"dist/public\"\nserve = \"static\"\n"),
        ("artifacts/sketch/.replit-artifact/artifact.toml", "kind = \"design\"\n"),
    ])
    .scan();
    assert_eq!((scan.generation, scan.target.clone()), (Some(Generation::G4), Some(DeployTarget::PathRouter)));
    let got: Vec<_> = scan.services.iter().map(|s| (s.name.as_str(), s.port, s.kind, s.health.as_deref(), s.paths.join(","))).collect();
    assert_eq!(
        got,
        [
            ("api-server", Some(8080), ServiceKind::Api, Some("/api/healthz"), "/api".into()),
            ("site", None, ServiceKind::Static, None, "/".into())
        ]
    );
}

#[test]
fn an_nx_app() {
    let scan = App::new(&[
        ("nx.json", "{}"),
        ("package.json", r#"{ "name": "dougust", "engines": { "node": ">=18" }, "dependencies": { "@nestjs/core": "10", "pg": "8" } }"#),
        ("package-lock.json", "{}"),
        ("apps/backend/project.json", r#"{ "name": "backend", "projectType": "application", "targets": { "build": { "options": { "outputPath": "dist/apps/backend" } } } }"#),
        ("apps/backend/src/main.ts", "@Controller('health')\nawait app.listen(process.env.PORT || 3000);\n"),
        ("apps/backend-e2e/project.json", r#"{ "name": "backend-e2e", "projectType": "application", "targets": {} }"#),
    ])
    .scan();
    let got: Vec<_> =
        scan.services.iter().map(|s| (s.name.as_str(), s.port, s.run.join(" "), s.build.as_deref(), s.health.as_deref())).collect();
    assert_eq!(got, [("backend", Some(3000), "node dist/apps/backend/main.js".into(), Some("npx nx build backend"), Some("/health"))]);
    assert_eq!(scan.stack.version.as_deref(), Some("18"));
}

#[test]
fn a_python_app() {
    let app = App::new(&[
        (
            ".replit",
            "modules = [\"python-3.11\"]\n[deployment]\ndeploymentTarget = \"autoscale\"\nrun = [\"gunicorn\", \"--bind\", \"0.0.0.0:5000\", \"main:app\"]\n[nix]\npackages = [\"ffmpeg\", \"libxcrypt\"]\n",
        ),
        ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"flask>=3\", \"gunicorn\", \"psycopg2-binary\"]\n"),
        ("uv.lock", "version = 1\n"),
        (
            "main.py",
            "import os\nimport psycopg2\n# os.environ[\"IGNORED\"]\napp.secret_key = os.environ.get(\"SESSION_SECRET\", \"dev-secret\")\nurl = os.environ[\"DATABASE_URL\"]\nUPLOAD_FOLDER = \"uploads\"\ndb.create_all()\n",
        ),
        ("replit_auth.py", "bp = OAuth2ConsumerBlueprint(\n    \"replit_auth\",\n    client_id=os.environ['REPL_ID'],\n)\n"),
    ]);
    let scan = app.scan();
    assert_eq!(scan.generation, Some(Generation::G2p));
    assert_eq!(
        (scan.stack.language, scan.stack.version.as_deref(), scan.stack.package_manager),
        (Language::Python, Some("3.11"), PackageManager::Uv)
    );
    assert_eq!(scan.services[0].port, Some(5000));
    assert_eq!(ids(&scan), ["B3", "F12", "F7", "C7"]);
    assert_eq!(scan.variables.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(), ["DATABASE_URL", "REPL_ID", "SESSION_SECRET"]);
    let files = files::generate(&scan, &Choices { port: Some(8080), ..Choices::from_scan(&scan) }).unwrap();
    let docker = &files[0].contents;
    for line in [
        "FROM python:3.11-slim-bookworm AS build",
        "COPY pyproject.toml uv.lock ./",
        " && apt-get install -y --no-install-recommends ffmpeg \\",
        "ENV PORT=8080",
        "USER 10001",
        "CMD [\"gunicorn\", \"--bind\", \"0.0.0.0:8080\", \"main:app\"]",
    ] {
        assert!(docker.lines().any(|l| l == line), "{line}\n{docker}");
    }
}

#[test]
fn ignored_files_are_passed_over_but_a_committed_env_is_seen() {
    let app = App::new(&[
        (".replit", "run = \"x\"\n"),
        (".gitignore", ".env\ncopies/\n"),
        (".env", "DATABASE_URL=postgres://a:b@helium/heliumdb\n"),
        ("copies/a.ts", "kv.replit.com"),
        ("package.json", "{}"),
    ]);
    // ignored and in no index: it is local, so there is no leak, but its database is still named
    assert_eq!(ids(&app.scan()), ["C1"]);
    // the tail of a real index entry: length of the name, the name, NUL
    std::fs::create_dir_all(app.path().join(".git")).unwrap();
    std::fs::write(app.path().join(".git/index"), b"DIRC....\x00\x04.env\x00\x00").unwrap();
    let scan = app.scan();
    assert_eq!(ids(&scan), ["C1", "F17"]);
    assert_eq!(scan.findings[0].excerpt, "DATABASE_URL=***");
}

#[test]
fn a_projects_own_signals_count() {
    let app = App::new(&[("a.ts", "import x from \"@ours/legacy\";\n")]);
    let signal = "as_of = \"2026-11-20\"\nsource = \"us\"\n[[signal]]\nid = \"X1\"\ntitle = \"legacy\"\nseverity = \"M\"\nfiles = [\"@js\"]\npattern = '@ours/legacy'\nmeans = \"m\"\nreplacement = \"r\"\n";
    app.put(".migrate-wizard/signals/ours.toml", signal);
    assert_eq!(ids(&app.scan()), ["X1"]);
    app.put(".migrate-wizard/signals/ours.toml", &signal.replace("X1", "B1"));
    let error = scan::scan(app.path(), &Reporter::silent()).unwrap_err();
    assert!(error.what.contains("\"B1\" is the id of a built-in signal"), "{error}");
}

#[test]
fn ordinary_code_makes_no_findings() {
    let scan = App::new(&[
        ("package.json", r#"{ "name": "plain", "scripts": { "build": "tsc", "start": "node dist/index.js" }, "dependencies": { "express": "5", "pg": "8" } }"#),
        ("src/index.ts", "app.use(\"/api/uploads\", r);\nconst p = `${dir}/objects/uploads/${id}`;\nawait fetch(\"https://example.com\");\nconst replitLike = \"replit\";\n// kv.replit.com\n/* x.replit.app\n * auth.util.repl.co */\n"),
        ("src/a.test.ts", "const u = \"https://x.replit.app\";\n"),
        ("client/src/App.tsx", "setInterval(f, 1000);\n"),
    ])
    .scan();
    assert_eq!(ids(&scan), Vec::<&str>::new());
}

/// Two servers and pages that are files alone, with a package that both servers share.
fn two_servers_and_pages() -> App {
    let package = |name: &str, build: &str, dependencies: &str| {
        format!(
            r#"{{ "name": "@mono/{name}", "scripts": {{ "build": "{build}", "start": "node dist/index.js" }}, "dependencies": {{ {dependencies} }} }}"#
        )
    };
    App::new(&[
        (
            "package.json",
            r#"{ "name": "mono", "private": true, "packageManager": "pnpm@9.12.0", "scripts": { "build": "pnpm -r build" } }"#,
        ),
        ("pnpm-workspace.yaml", "packages:\n  - apps/*\n  - packages/*\n"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
        ("apps/api/package.json", &package("api", "tsc -p .", r#""express": "4", "pg": "8""#)),
        (
            "apps/api/src/index.ts",
            "const url = process.env.AUTH_URL || 'http://localhost:4001';\nconst key = process.env.OPENAI_API_KEY!;\nconst pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });\napp.listen(4000);\n",
        ),
        ("apps/admin/package.json", &package("admin", "next build", r#""next": "15", "ioredis": "5""#)),
        (
            "apps/admin/src/app/page.tsx",
            "const name = process.env.NEXT_PUBLIC_NAME;\nconst redis = new Redis(process.env.REDIS_URL!);\nconst port = process.env.ADMIN_PORT || 4002;\n",
        ),
        ("packages/shared/package.json", r#"{ "name": "@mono/shared" }"#),
        ("packages/shared/index.ts", "export const secret = process.env.JWT_SECRET!;\nexport const ttl = process.env.JWT_TTL ?? '15m';\n"),
        (
            "apps/web/package.json",
            r#"{ "name": "@mono/web", "scripts": { "build": "vite build", "dev": "vite" }, "devDependencies": { "vite": "5" } }"#,
        ),
        ("apps/web/index.html", "<title>Mono</title>"),
        ("apps/web/vite.config.ts", "if (!process.env.BASE_PATH) throw new Error('no');\nexport default {};\n"),
        ("apps/web/src/main.ts", "const api = import.meta.env.VITE_API_URL;\n"),
    ])
}

#[test]
fn an_image_has_the_arguments_of_its_own_build() {
    let mut scan = two_servers_and_pages().scan();
    let kinds: Vec<_> = scan.services.iter().map(|s| (s.name.as_str(), s.kind)).collect();
    assert!(kinds.contains(&("web", ServiceKind::Static)) && kinds.len() == 3, "{kinds:?}");
    let made = |scan: &Scan| -> std::collections::BTreeMap<String, String> {
        let choices = Choices { ci: Ci::Github, ..Choices::from_scan(scan) };
        files::generate(scan, &choices).unwrap().into_iter().map(|file| (file.path, file.contents)).collect()
    };
    let files = made(&scan);
    assert!(!files["Dockerfile.api"].contains("ARG "), "{}", files["Dockerfile.api"]);
    let args: Vec<&str> = files["Dockerfile.admin"].lines().filter(|line| line.starts_with("ARG ")).collect();
    assert_eq!(args, ["ARG NEXT_PUBLIC_NAME"]);
    let args: Vec<&str> = files["docker-compose.yml"].lines().filter(|line| line.contains("args:")).collect();
    assert_eq!(args, ["      args: [NEXT_PUBLIC_NAME]"]);
    let workflow = &files[".github/workflows/deploy.yml"];
    assert!(workflow.contains("--build-arg NEXT_PUBLIC_NAME") && !workflow.contains("vars.VITE_API_URL"), "{workflow}");
    assert!(workflow.contains(" with VITE_API_URL set makes it, "), "{workflow}");
    assert!(files["CHECKLIST.md"].contains("- [ ] web: build it with ") && files["CHECKLIST.md"].contains(", VITE_API_URL set, and copy"));
    // a build of the whole workspace is the pages' build, too
    for service in scan.services.iter_mut().filter(|s| s.name == "api") {
        service.build = Some("pnpm -r run build".to_owned());
    }
    let files = made(&scan);
    assert!(files["Dockerfile.api"].contains("\nARG VITE_API_URL\n"), "{}", files["Dockerfile.api"]);
    assert!(files[".github/workflows/deploy.yml"].contains("vars.VITE_API_URL"));
}

#[test]
fn the_checklist_asks_for_what_nobody_gives_and_for_nothing_else() {
    let scan = two_servers_and_pages().scan();
    let asked = |database: &str| -> Vec<String> {
        let decisions = [("database".to_owned(), database.to_owned())].into_iter().collect();
        let files = files::generate(&scan, &Choices { decisions, ..Choices::from_scan(&scan) }).unwrap();
        let text = &files.iter().find(|f| f.path == "CHECKLIST.md").unwrap().contents;
        let (_, part) = text.split_once("## Environment that only a person can give\n").unwrap();
        let part = part.split("\n## ").next().unwrap();
        part.lines().filter_map(|line| line.strip_prefix("- [ ] `")?.split('`').next()).map(str::to_owned).collect()
    };
    // not REDIS_URL, which a stack makes, nor ADMIN_PORT, AUTH_URL and JWT_TTL, which have a default
    assert_eq!(asked("rds"), ["JWT_SECRET", "NEXT_PUBLIC_NAME", "OPENAI_API_KEY"]);
    assert_eq!(asked("dsql"), asked("rds"));
}

#[test]
fn without_a_password_the_checklist_names_what_opens_the_database() {
    let app = App::new(&[
        ("package.json", r#"{"scripts": {"start": "node index.js"}, "dependencies": {"express": "5", "pg": "8"}}"#),
        ("index.js", "start();\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL });\n"),
    ]);
    let list = |database: &str| {
        let scan = app.scan();
        let decisions = [("database".to_owned(), database.to_owned())].into_iter().collect();
        let files = files::generate(&scan, &Choices { decisions, ..Choices::from_scan(&scan) }).unwrap();
        files.into_iter().find(|f| f.path == "CHECKLIST.md").unwrap().contents
    };
    let told = "## Database\n\n- [ ] Aurora DSQL has no password";
    assert!(list("dsql").contains(told) && list("dsql").contains("\n  - index.js:2\n"), "{}", list("dsql"));
    assert!(!list("rds").contains(told));
    app.put("index.js", "export const pool = new Pool({ ...dsql() });\n");
    assert!(!list("dsql").contains(told));
}

#[test]
fn the_example_leaves_no_name_empty_that_needs_no_value() {
    let app = two_servers_and_pages();
    app.put(
        "apps/api/src/db.ts",
        "const host = process.env.PGHOST!;\nconst port = process.env.PGPORT!;\nconst region = process.env.AWS_REGION!;\n",
    );
    let scan = app.scan();
    let own = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "AWS_REGION", "REDIS_URL", "ISSUER_URL", "COGNITO_CLIENT_ID"];
    let example = |database: &str| {
        let decided = [("database", database), ("auth", "cognito")];
        let decisions = decided.iter().map(|(id, outcome)| ((*id).to_owned(), (*outcome).to_owned())).collect();
        let set_by_stack = own.iter().map(|name| (*name).to_owned()).collect();
        let files = files::container(&scan, &Choices { decisions, set_by_stack, ..Choices::from_scan(&scan) }).unwrap();
        files.into_iter().find(|f| f.path == ".env.example").unwrap().contents
    };
    let open = |text: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.strip_suffix('=')).filter(|name| !name.starts_with('#'));
        names.map(str::to_owned).collect()
    };
    let dsql = example("dsql");
    assert_eq!(open(&dsql), ["JWT_SECRET", "NEXT_PUBLIC_NAME", "VITE_API_URL"], "{dsql}");
    for name in ["PGHOST", "PGPORT", "AWS_REGION", "BASE_PATH", "COGNITO_CLIENT_ID", "ISSUER_URL"] {
        assert!(dsql.contains(&format!("\n#{name}=\n")), "{name}: {dsql}");
    }
}
