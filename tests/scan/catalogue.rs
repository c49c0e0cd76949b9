//! The catalogue of signals, row by row: where each is met, and what looks alike and is none.

use std::collections::BTreeSet;

use crate::support::wizard::Wizard;

use super::{findings, put, scan};

type Files = &'static [(&'static str, &'static str)];

/// Id, files in which it is met, the place, files in which it is not.
type Row = (&'static str, Files, &'static str, Files);

const ROWS: &[Row] = &[
    ("A1", &[(".replit", "run = \"x\"\n")], ".replit", &[("docs/.replit", "run = \"x\"\n")]),
    ("A2", &[(".replit", "[agent]\nstack = \"PNPM_WORKSPACE\"\n")], ".replit:2", &[(".replit", "[agent]\nstack = \"EXPO\"\n")]),
    (
        "A3",
        &[(".replit", "[deployment]\ndeploymentTarget = \"cloudrun\"\n")],
        ".replit:2",
        &[(".replit", "[deployment]\ndeploymentTarget = \"vm\"\n")],
    ),
    (
        "A4",
        &[(".replit", "[deployment]\ndeploymentTarget = \"gce\"\n")],
        ".replit:2",
        &[(".replit", "[deployment]\n# deploymentTarget = \"gce\"\ndeploymentTarget = \"autoscale\"\n")],
    ),
    (
        "A5",
        &[(".replit", "[deployment]\ndeploymentTarget = \"static\"\npublicDir = \"dist\"\n")],
        ".replit:2",
        &[(".replit", "[deployment]\ndeploymentTarget = \"autoscale\"\npublicDir = \"dist\"\n")],
    ),
    (
        "A6",
        &[(".replit", "[deployment]\ndeploymentTarget = \"scheduled\"\n")],
        ".replit:2",
        &[(".replit", "[deployment]\ndeploymentTarget = \"vm\"\nrun = \"scheduled\"\n")],
    ),
    (
        "A7",
        &[(".replit", "[[ports]]\nlocalPort = 5000\nexternalPort = 80\n")],
        ".replit:3",
        &[(".replit", "[[ports]]\nlocalPort = 80\nexternalPort = 8080\n")],
    ),
    (
        "A8",
        &[(".replit", "[userenv.shared]\nBRAND = \"x\"\nMAIL_API_KEY = \"abc\"\n")],
        ".replit:3",
        &[(
            ".replit",
            "[userenv.shared]\nKEY_PREFIX = \"news\"\nTOKEN_TTL = \"3600\"\nMAX_TOKENS = \"500\"\nSTRIPE_PUBLISHABLE_KEY = \"pk_test_abcdefghijk\"\nVITE_MAP_KEY = \"abc\"\nUSE_TOKEN = \"true\"\n",
        )],
    ),
    (
        "A8",
        &[(".replit", "[userenv.shared]\nBRAND = \"x\"\nSMTP_PASS = \"abc\"\n")],
        ".replit:3",
        &[(
            ".replit",
            "[userenv.shared]\nSMTP_HOST = \"mail.example.com\"\nCOMPASS = \"north\"\nDOCS_URL = \"https://example.com/a:b@c\"\n",
        )],
    ),
    (
        "A8",
        &[(".replit", "[env]\nQUEUE = \"amqp://jobs:abc@queue.example.org/x\"\n")],
        ".replit:2",
        &[(".replit", "[env]\nQUEUE = \"amqp://queue.example.org/x\"\n")],
    ),
    ("A9", &[("replit_zip_error_log.txt", "x")], "replit_zip_error_log.txt", &[("zip_error_log.txt", "x")]),
    ("A10", &[("nest-cli.json", "{}")], "nest-cli.json", &[("docs/nest-cli.json", "{}")]),
    (
        "A11",
        &[("pnpm-workspace.yaml", "overrides:\n  \"@esbuild/linux-arm64\": \"-\"\n")],
        "pnpm-workspace.yaml:2",
        &[("pnpm-workspace.yaml", "overrides:\n  # \"@esbuild/linux-arm64\": \"-\"\n  \"@esbuild/linux-arm64\": \"0.25\"\n")],
    ),
    (
        "A13",
        &[("Dockerfile", "FROM node:20\n")],
        "Dockerfile",
        &[
            ("Procfile", "worker: node w.js\n"),
            ("Dockerfile", "# made by migrate-wizard 0123abcd: change it and it is yours\nFROM node:20\n"),
            ("docs/vercel.json", "{}"),
            ("app.json", "{ \"expo\": { \"name\": \"a\" } }"),
            ("docker-compose.yml", "# made by migrate-wizard 0123abcd: change it and it is yours\nservices: {}\n"),
        ],
    ),
    ("A13", &[("app.json", "{ \"formation\": {} }")], "app.json", &[("app.json", "{ \"name\": \"A\", \"displayName\": \"A\" }")]),
    ("A13", &[("heroku.yml", "build: {}\n")], "heroku.yml", &[("docs/heroku.yml", "build: {}\n")]),
    ("A13", &[("netlify.toml", "[build]\n")], "netlify.toml", &[("netlify/functions/a.ts", "export {};\n")]),
    ("A13", &[("app.yaml", "runtime: nodejs20\n")], "app.yaml", &[("config/app.yaml", "a: 1\n")]),
    ("A13", &[("compose.yaml", "services: {}\n")], "compose.yaml", &[("decompose.yaml", "a: 1\n")]),
    (
        "A14",
        &[("package.json", "{\n  \"name\": \"a\",\n  \"workspaces\": [\"packages/*\"]\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"name\": \"workspaces\"\n}\n"), ("packages/a/package.json", "{ \"workspaces\": [] }")],
    ),
    ("A14", &[("app.json", "{\n  \"expo\": { \"name\": \"a\" }\n}\n")], "app.json:2", &[("app.json", "{ \"name\": \"expo\" }")]),
    (
        "B1",
        &[("server/auth.ts", "const u = \"https://replit.com/oidc\";\n")],
        "server/auth.ts:1",
        &[("server/auth.ts", "// https://replit.com/oidc\nconst u = \"https://accounts.google.com\";\n")],
    ),
    (
        "B2",
        &[("server/auth.ts", "\nthrow new Error(\"Environment variable REPLIT_DOMAINS not provided\");\n")],
        "server/auth.ts:2",
        &[("server/auth.ts", "throw new Error(\"Environment variable PORT not provided\");\n")],
    ),
    (
        "B3",
        &[("replit_auth.py", "bp = OAuth2ConsumerBlueprint(\n    \"replit_auth\",\n)\n")],
        "replit_auth.py:1",
        &[("auth.py", "bp = OAuth2ConsumerBlueprint(\"google\", __name__)\n")],
    ),
    (
        "B4",
        &[("index.js", "const id = req.header(\"X-Replit-User-Id\");\n")],
        "index.js:1",
        &[("index.js", "const id = req.header(\"X-User-Id\");\n")],
    ),
    (
        "B5",
        &[
            ("server/auth.ts", "x(\"replitauth:a\");\n"),
            ("server/storage.ts", "db.insert(users)\n  .onConflictDoUpdate({\n    target: users.id,\n  });\n"),
        ],
        "server/storage.ts:2",
        &[("server/storage.ts", "db.insert(users).onConflictDoUpdate({ target: users.id, set: x });\n")],
    ),
    (
        "B6",
        &[("server/a.ts", "const ADMIN_USER_IDS: string[] = [\"31415926\"];\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const ADMIN_PHONES = [\"+493141592653\"];\nconst ids = [\"31415926\"];\n")],
    ),
    (
        "B7",
        &[
            ("server/a.ts", "import pg from \"connect-pg-simple\";\nnew (pg(session))({ createTableIfMissing: true });\n"),
            ("build.ts", "import { build } from \"esbuild\";\n"),
        ],
        "server/a.ts:2",
        &[
            ("server/a.ts", "import pg from \"connect-pg-simple\";\nnew (pg(session))({ createTableIfMissing: false });\n"),
            ("build.ts", "import { build } from \"esbuild\";\n"),
        ],
    ),
    (
        "B8",
        &[(
            "app.js",
            "const session = require('express-session')\nsession({ store, cookie: { secure: process.env.NODE_ENV === 'production' } })\n",
        )],
        "app.js:2",
        &[
            ("src/hooks.server.ts", "event.cookies.set('session', 'x', { path: '/', secure: true });\n"),
            ("app.js", "const session = require('express-session')\nsession({ store, cookie: { secure: false } })\n"),
        ],
    ),
    (
        "B9",
        &[("server/a.ts", "const c = { sameSite: \"none\" };\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const c = { sameSite: \"lax\" };\ntype C = { sameSite: \"none\" };\nconst t = 'sameSite: \"none\"';\n")],
    ),
    (
        "B10",
        &[("app.js", "const session = require('express-session')\napp.use(session({ secret: s }))\n")],
        "app.js:2",
        &[
            ("app.js", "const session = require('express-session')\napp.use(session({ secret: s, store: new Pg() }))\n"),
            ("db.js", "await db.session({ a: 1 })\n"),
        ],
    ),
    (
        "B11",
        &[("server/a.ts", "import { clerkMiddleware } from \"@clerk/express\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const clerk = \"the clerk at the desk\";\n")],
    ),
    (
        "B12",
        &[("server/a.ts", "const s = process.env.SESSION_SECRET;\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const s = process.env.OLD_SESSION_SECRETS;\n")],
    ),
    (
        "C1",
        &[("server/a.ts", "const u = \"postgresql://postgres:password@helium/heliumdb\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const gas = \"helium\";\n"), (".env.example", "DATABASE_URL=postgres://a:b@helium/heliumdb\n")],
    ),
    (
        "C2",
        &[("server/a.ts", "const u = \"ep-a-pooler.eu.neon.tech\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const u = \"https://neon.com/docs\";\n")],
    ),
    (
        "C3",
        &[("server/a.ts", "a(process.env.DATABASE_URL);\nb(process.env.LIVE_DATABASE_URL);\n")],
        "server/a.ts:1",
        &[(
            "server/a.ts",
            "a(process.env.DATABASE_URL);\nb(process.env.DATABASE_URL);\nc(process.env.TEST_DATABASE_URL);\nd(process.env.REDIS_URL);\n",
        )],
    ),
    (
        "C4",
        &[("server/db.ts", "import { Pool } from \"@neondatabase/serverless\";\n")],
        "server/db.ts:1",
        &[("server/db.ts", "import { drizzle } from \"drizzle-orm/node-postgres\";\n")],
    ),
    (
        "C5",
        &[("package.json", "{\n  \"scripts\": {\n    \"db:push\": \"drizzle-kit push\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"db\": \"drizzle-kit generate\",\n    \"ship\": \"git push\"\n  }\n}\n")],
    ),
    (
        "C19",
        &[("package.json", "{\n  \"scripts\": {\n    \"push\": \"prisma db push\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"db:push\": \"drizzle-kit push\"\n  }\n}\n")],
    ),
    (
        "C6",
        &[("package.json", "{\n  \"scripts\": {\n    \"start\": \"drizzle-kit push --force && node a.js\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"db:reset\": \"drizzle-kit push --force\",\n    \"start\": \"node a.js\"\n  }\n}\n")],
    ),
    (
        "C7",
        &[("server/index.ts", "import \"./x\";\nawait migrate(db, { migrationsFolder: \"migrations\" });\n")],
        "server/index.ts:2",
        &[
            ("src/migrate.ts", "await pool.query(\"CREATE TABLE IF NOT EXISTS a (id int)\");\n"),
            ("init_db.py", "db.create_all()\n"),
            ("scripts/fill.ts", "await migrate(db);\n"),
            (
                "package.json",
                "{\n  \"scripts\": {\n    \"migrate\": \"node dist/migrate.js\",\n    \"start\": \"node dist/index.js\"\n  }\n}\n",
            ),
            ("Procfile", "release: npm run migrate\n"),
        ],
    ),
    // a program of its own that another file imports is none
    (
        "C7",
        &[
            ("src/migrate.ts", "export const up = () => pool.query(\"CREATE TABLE IF NOT EXISTS a (id int)\");\n"),
            ("src/index.ts", "import { up } from \"./migrate\";\n"),
        ],
        "src/migrate.ts:1",
        &[("src/index.ts", "import { up } from \"./other\";\n")],
    ),
    (
        "C7",
        &[(".replit", "[deployment]\nbuild = \"x\"\nrun = [\"sh\", \"-c\", \"npx prisma migrate deploy && node build\"]\n")],
        ".replit:3",
        &[(".replit", "run = \"npx prisma migrate deploy\"\n[deployment]\nrun = [\"node\", \"build\"]\n")],
    ),
    (
        "C7",
        &[("package.json", "{\n  \"scripts\": {\n    \"start\": \"node migrate.js && node app.js\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"start:dev\": \"drizzle-kit migrate && tsx a.ts\"\n  }\n}\n")],
    ),
    (
        "C7",
        &[("start.sh", "#!/bin/sh\nset -e\nflask db upgrade\nexec gunicorn a:b\n")],
        "start.sh:3",
        &[("start.sh", "#!/bin/sh\n# flask db upgrade\necho run flask db upgrade first\n"), ("deploy.sh", "alembic upgrade head\n")],
    ),
    (
        "C7",
        &[("src/data-source.ts", "export default new DataSource({ type: \"postgres\", synchronize: true });\n")],
        "src/data-source.ts:1",
        &[(
            "src/data-source.ts",
            "export default new DataSource({ type: \"postgres\", synchronize: false });\nawait sync({ all: true });\n",
        )],
    ),
    (
        "C7",
        &[("server/index.ts", "import \"./x\";\nmigrate(db, { migrationsFolder: \"migrations\" }).then(listen);\n")],
        "server/index.ts:2",
        &[("server/index.ts", "function migrate(db: Db) {}\nmigrate(people, { from: 1 });\n")],
    ),
    (
        "C8",
        &[("package.json", "{\n  \"dependencies\": {\n    \"stripe-replit-sync\": \"1\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"dependencies\": {\n    \"stripe\": \"17\"\n  }\n}\n")],
    ),
    (
        "C9",
        &[("migrations/1.sql", "-- one\nCREATE EXTENSION IF NOT EXISTS \"pg_trgm\";\n")],
        "migrations/1.sql:2",
        &[("migrations/1.sql", "-- CREATE EXTENSION pg_trgm;\ncreate table a (extension text);\n")],
    ),
    (
        "C10",
        &[("app/models.py", "class User(db.Model):\n    prefs = db.Column(JSONB, default=dict)\n")],
        "app/models.py:2",
        &[
            ("app/models.py", "from sqlalchemy.dialects.postgresql import JSONB\n"),
            ("src/a.ts", "enum Role {\n  Admin,\n  User,\n}\ninterface A {\n  meta: Json;\n  tags: String[];\n}\n"),
        ],
    ),
    (
        "C10",
        &[("prisma/schema.prisma", "model A {\n  id Int @id\n  tags String[]\n}\n")],
        "prisma/schema.prisma:3",
        &[("prisma/schema.prisma", "model A {\n  id Int @id\n  posts Post[]\n  // tags String[]\n}\n")],
    ),
    (
        "C10",
        &[("src/user.ts", "class U {\n  @Column({ type: \"jsonb\" }) meta!: object;\n}\n")],
        "src/user.ts:2",
        &[("src/user.ts", "class U {\n  @Column({ type: \"text\" }) meta!: string;\n}\n")],
    ),
    (
        "C11",
        &[("server/a.ts", "await pool.query(\"select pg_try_advisory_lock(1)\");\n")],
        "server/a.ts:1",
        &[("server/a.ts", "app.listen(3000);\nconst t = \"Listen to this\";\n")],
    ),
    (
        "C12",
        &[("server/db.ts", "new Pool({ ssl: { rejectUnauthorized: false } });\n")],
        "server/db.ts:1",
        &[
            ("server/db.ts", "new Pool({ ssl: { rejectUnauthorized: true } });\n"),
            (".env.example", "DATABASE_URL=postgres://x/y?sslmode=disable\n"),
        ],
    ),
    (
        "C13",
        &[("server/db.ts", "import Database from \"better-sqlite3\";\n")],
        "server/db.ts:1",
        &[("import.py", "import sqlite3\n"), ("scripts/move.ts", "import Database from \"better-sqlite3\";\n")],
    ),
    // whatever else there is: those rows are lost
    (
        "C13",
        &[("app.py", "import os\nimport sqlite3\nurl = os.environ[\"DATABASE_URL\"]\n")],
        "app.py:2",
        &[("app.py", "url = os.environ[\"DATABASE_URL\"]\n\"\"\"import sqlite3\"\"\"\n")],
    ),
    (
        "C18",
        &[("site/settings.py", "DATABASES = {\n    \"default\": {\n        \"ENGINE\": \"django.db.backends.sqlite3\",\n    }\n}\n")],
        "site/settings.py:3",
        &[
            (
                "site/settings.py",
                "DATABASES = {\"default\": {\"ENGINE\": \"django.db.backends.postgresql\"}}\n# \"django.db.backends.sqlite3\"\n",
            ),
            (
                "other/settings.py",
                "import dj_database_url\nE = \"django.db.backends.sqlite3\"\nDATABASES = {\"default\": dj_database_url.config()}\n",
            ),
        ],
    ),
    (
        "C18",
        &[("config.py", "URI = \"sqlite:///app.db\"\n")],
        "config.py:1",
        &[("config.py", "URI = os.environ.get(\n    \"DATABASE_URL\",\n    \"sqlite:///app.db\",\n)\n")],
    ),
    (
        "C14",
        &[("server/a.ts", "import { createClient } from \"@supabase/supabase-js\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const t = \"supabase\";\n")],
    ),
    (
        "C15",
        &[("server/a.js", "const m = require(\"mongoose\");\n")],
        "server/a.js:1",
        &[("server/a.js", "const m = require(\"mongoose-legacy-pluralize\");\n")],
    ),
    (
        "C16",
        &[("prisma/schema.prisma", "generator client {\n  provider = \"prisma-client-js\"\n}\n")],
        "prisma/schema.prisma:1",
        &[(
            "prisma/schema.prisma",
            "generator client {\n  provider = \"prisma-client-js\"\n  binaryTargets = [\"native\", \"debian-openssl-3.0.x\"]\n}\n",
        )],
    ),
    ("C17", &[("data/app.sqlite", "x")], "data/app.sqlite", &[(".gitignore", "*.sqlite\n"), ("data/app.sqlite", "x")]),
    (
        "D1",
        &[("server/o.ts", "const SIDECAR = \"http://127.0.0.1:1106\";\n")],
        "server/o.ts:1",
        &[("server/o.ts", "const OTHER = \"http://127.0.0.1:11060x\";\n// http://127.0.0.1:1106\n")],
    ),
    (
        "D2",
        &[("tasks.py", "import os\nfrom replit.object_storage import Client\n")],
        "tasks.py:2",
        &[("tasks.py", "from replit.object_storage import Client\n"), ("requirements.txt", "./.migrate/shims/python/replit\n")],
    ),
    (
        "D3",
        &[("server/o.ts", "const d = process.env.PRIVATE_OBJECT_DIR;\n")],
        "server/o.ts:1",
        &[
            ("server/o.ts", "const d = process.env.OBJECT_DIR;\n"),
            ("server/objectStorage.ts", "// Written by migrate-wizard, yours to change.\nconst d = process.env.PRIVATE_OBJECT_DIR;\n"),
        ],
    ),
    (
        "D4",
        &[(".replit", "[objectStorage]\ndefaultBucketID = \"replit-objstore-1\"\n")],
        ".replit:2",
        &[(".replit", "[objectStorage]\n# defaultBucketID = \"replit-objstore-1\"\n")],
    ),
    (
        "D5",
        &[("seed.sql", "insert into a values ('https://storage.googleapis.com/b/c');\n")],
        "seed.sql:1",
        &[
            ("seed.sql", "insert into a values ('https://www.googleapis.com/auth/calendar');\n"),
            ("server/csp.ts", "const csp = {\n  imgSrc: [\n    \"'self'\",\n    \"https://storage.googleapis.com\",\n  ],\n};\n"),
            (
                "server/objectStorage.ts",
                "// Written by migrate-wizard, yours to change.\nif (url.hostname === \"storage.googleapis.com\") x();\n",
            ),
        ],
    ),
    (
        "D6",
        &[("server/s.ts", "const h = process.env.REPLIT_CONNECTORS_HOSTNAME;\n")],
        "server/s.ts:1",
        &[("server/s.ts", "const h = process.env.CONNECTOR_HOST;\n")],
    ),
    (
        "D7",
        &[("server/s.ts", "const t = process.env.WEB_REPL_RENEWAL;\n")],
        "server/s.ts:1",
        &[("server/s.ts", "const t = process.env.WEB_RENEWAL;\nfetch(\"http://127.0.0.1:11055\".slice(0, -1));\n")],
    ),
    (
        "D8",
        &[("mail.py", "requests.post(host + \"/api/v2/mailer/send\")\n")],
        "mail.py:1",
        &[("mail.py", "requests.post(host + \"/api/mailer/send\")\n")],
    ),
    (
        "D9",
        &[("server/a.ts", "const u = process.env.AI_INTEGRATIONS_ANTHROPIC_BASE_URL;\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const u = process.env.OPENAI_BASE_URL;\n")],
    ),
    ("D10", &[("main.py", "from replit import web, db\n")], "main.py:1", &[("main.py", "from replit import web\ndb = 1\n")]),
    ("D10", &[("main.py", "import replit\nreplit.db[\"a\"] = 1\n")], "main.py:2", &[("main.py", "import replit\nreplit.web.run(app)\n")]),
    (
        "D11",
        &[("server/s.ts", "import { StripeSync } from \"stripe-replit-sync\";\n")],
        "server/s.ts:1",
        &[("server/s.ts", "import { StripeSync } from \"stripe-replit-sync\";\nif (process.env.STRIPE_SYNC === \"live\") sync();\n")],
    ),
    (
        "D12",
        &[("server/s.ts", "import Stripe from \"stripe\";\n")],
        "server/s.ts:1",
        &[("client/src/s.ts", "import { loadStripe } from \"@stripe/stripe-js\";\n"), ("a.py", "stripes = 2\n")],
    ),
    (
        "D13",
        &[("client/index.html", "<script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n")],
        "client/index.html:1",
        &[("client/index.html", "<!-- https://replit.com/public/js/replit-dev-banner.js -->\n<a href=\"https://replit.com\">x</a>\n")],
    ),
    (
        "E1",
        &[("src/Home.svelte", "<a href=\"https://tipjar.replit.app\">x</a>\n")],
        "src/Home.svelte:1",
        &[("src/Home.svelte", "<!-- https://tipjar.replit.app -->\n<a href=\"https://replit.com/@a\">x</a>\n")],
    ),
    (
        "E1",
        &[(".replit", "[userenv.shared]\nAPP_HOME = \"https://tipjar.replit.app\"\n")],
        ".replit:2",
        &[(".replit", "[userenv.shared]\n# APP_HOME = \"https://tipjar.replit.app\"\nHOME_PAGE = \"https://example.com\"\n")],
    ),
    ("E2", &[("keep_alive.js", "get('https://a.b.repl.co')\n")], "keep_alive.js:1", &[("keep_alive.js", "get('https://repl.company')\n")]),
    (
        "E3",
        &[("server/a.ts", "const ok = /\\.replit\\.dev$/;\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const ok = \"https://replit.development.example\";\n")],
    ),
    (
        "E4",
        &[("server/a.ts", "const u = process.env.REPL_SLUG;\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const u = process.env.REPL_SLUGS;\n")],
    ),
    (
        "E5",
        &[("server/a.ts", "const d = process.env.REPLIT_DOMAINS;\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const d = process.env.DOMAINS;\n")],
    ),
    (
        "E6",
        &[("server/a.ts", "const p = process.env.REPLIT_DEPLOYMENT === \"1\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const p = process.env.REPLIT_DEPLOYMENT_NOTE;\n")],
    ),
    (
        "E6",
        &[("lib/auth.ts", "export const options = {\n  useSecureCookies: process.env.REPL_ID !== undefined,\n};\n")],
        "lib/auth.ts:2",
        &[("lib/auth.ts", "const id = process.env.REPL_ID;\nif (id !== undefined) x();\n")],
    ),
    (
        "E12",
        &[(
            "server/index.ts",
            "helmet({ directives: {\n  connectSrc: [\"'self'\", \"wss://x.example.com\", \"https://storage.googleapis.com\"],\n} });\n",
        )],
        "server/index.ts:2",
        &[
            ("server/a.ts", "const image = { imgSrc: \"https://storage.googleapis.com/b/c.png\" };\n"),
            ("server/b.ts", "const csp = { connectSrc: [\"'self'\"] };\nconst url = \"https://storage.googleapis.com/b/c\";\n"),
            ("index.html", "<img src=\"https://storage.googleapis.com/b/c.png\">\n"),
        ],
    ),
    (
        "E12",
        &[("index.html", "<meta content=\"default-src 'self'; img-src 'self' https://storage.googleapis.com; script-src 'self'\">\n")],
        "index.html:1",
        &[("index.html", "<meta content=\"img-src 'self'; script-src 'self'\"> https://storage.googleapis.com\n")],
    ),
    (
        "E13",
        &[("server/index.ts", "const csp = {\n  scriptSrc: [\n    \"'self'\",\n    \"https://replit.com\",\n  ],\n};\n")],
        "server/index.ts:2",
        &[("server/index.ts", "const csp = { scriptSrc: [\"'self'\"] };\nconst home = \"https://replit.com/@me\";\n")],
    ),
    (
        "E13",
        &[("index.js", "res.set('Content-Security-Policy', \"frame-ancestors 'self' https://replit.com\");\n")],
        "index.js:1",
        &[("index.js", "res.set('Content-Security-Policy', \"frame-ancestors 'self'\");\n")],
    ),
    ("E7", &[("app.py", "app.run(host=\"0.0.0.0\", port=5000)\n")], "app.py:1", &[("app.py", "limit = 5000\napp.run(port=8000)\n")]),
    (
        "E8",
        &[("site/settings.py", "ALLOWED_HOSTS = [\".replit.dev\"]\n")],
        "site/settings.py:1",
        &[("site/settings.py", "ALLOWED_HOSTS = [\"example.com\"]\nREPLIT = \"replit\"\n")],
    ),
    (
        "E8",
        &[("site/settings.py", "ALLOWED_HOSTS = [\n    \"localhost\",\n    \".replit.app\",\n]\n")],
        "site/settings.py:1",
        &[("site/settings.py", "ALLOWED_HOSTS = [\n    \"localhost\",\n]\nNAME = \"replit\"\n")],
    ),
    (
        "E9",
        &[("vite.config.ts", "import { metaImagesPlugin } from \"./vite-plugin-meta-images\";\n")],
        "vite.config.ts:1",
        &[("server/a.ts", "import x from \"./vite-plugin-meta-images\";\n")],
    ),
    (
        "E10",
        &[("lib/api.ts", "const h = process.env.EXPO_PUBLIC_DOMAIN;\n")],
        "lib/api.ts:1",
        &[("lib/api.ts", "const h = process.env.EXPO_PUBLIC_COLOR;\n")],
    ),
    (
        "E11",
        &[("config/passport.js", "new GoogleStrategy({\n  callbackURL: '/auth/google/callback'\n})\n")],
        "config/passport.js:2",
        &[(
            "server/auth.ts",
            "const s = { callbackURL: `https://${domain}/api/callback` };\nconst r = { redirectTo: \"/home\", webhook: \"https://hooks.slack.com/x\" };\n",
        )],
    ),
    (
        "E11",
        &[("views.py", "return oauth.google.authorize_redirect(redirect_uri=url_for(\"callback\", _external=True))\n")],
        "views.py:1",
        &[("views.py", "return redirect(url_for(\"callback\"))\n")],
    ),
    (
        "E11",
        &[("auth.ts", "import Google from \"next-auth/providers/google\";\n")],
        "auth.ts:1",
        &[("auth.ts", "import Credentials from \"next-auth/providers/credentials\";\n")],
    ),
    (
        "F1",
        &[("vite.config.ts", "import c from \"@replit/vite-plugin-cartographer\";\n")],
        "vite.config.ts:1",
        &[("vite.config.ts", "import react from \"@vitejs/plugin-react\";\n")],
    ),
    (
        "F2",
        &[("server/vite.ts", "import { createServer } from \"vite\";\n"), ("server/index.ts", "import { log } from \"./vite\";\n")],
        "server/vite.ts:1",
        &[
            ("server/vite.ts", "import { createServer } from \"vite\";\n"),
            ("server/index.ts", "const { log } = await import(\"./vite\");\n"),
        ],
    ),
    (
        "F3",
        &[("vite.config.ts", "throw new Error(\"PORT environment variable is required\");\n")],
        "vite.config.ts:1",
        &[("vite.config.ts", "const port = process.env.PORT ?? 5173;\n")],
    ),
    (
        "F4",
        &[("script/build.ts", "const allowlist = [\"a\"];\n")],
        "script/build.ts:1",
        &[("server/cors.ts", "const allowlist = [\"a\"];\n")],
    ),
    (
        "F5",
        &[("package.json", "{\n  \"dependencies\": {\n    \"bcrypt\": \"5\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"dependencies\": {\n    \"bcryptjs\": \"2\",\n    \"canvas-confetti\": \"1\"\n  }\n}\n")],
    ),
    (
        "F5",
        &[("package.json", "{ \"name\": \"a\",\n  \"dependencies\": { \"pg\": \"8\", \"argon2\": \"1\" } }\n")],
        "package.json:2",
        &[("package.json", "{ \"name\": \"argon2\" }\n")],
    ),
    (
        "F6",
        &[("server/a.ts", "import puppeteer from \"puppeteer\";\n")],
        "server/a.ts:1",
        &[
            ("playwright.config.ts", "import { defineConfig } from \"playwright\";\n"),
            ("server/a.ts", "import type { Page } from \"puppeteer\";\n"),
        ],
    ),
    (
        "F7",
        &[(".replit", "[nix]\npackages = [\n  \"libxcrypt\",\n  \"ffmpeg\"\n]\n"), ("package.json", "{}")],
        ".replit:4",
        &[(".replit", "[nix]\npackages = [\"libxcrypt\", \"openssl\"]\n"), ("package.json", "{}")],
    ),
    (
        "F8",
        &[("server/a.ts", "export const ai = new OpenAI({ apiKey: k });\n")],
        "server/a.ts:1",
        &[(
            "server/a.ts",
            "export function ai() { return new OpenAI({ apiKey: k }); }\nconst t = \"new OpenAI()\";\nconst b = new OpenAI({ apiKey: k || \"none\" });\n",
        )],
    ),
    (
        "F9",
        &[("server/a.ts", "import cron from \"node-cron\";\ncron.schedule(\"0 * * * *\", clean);\n")],
        "server/a.ts:2",
        &[
            (
                "server/ws.ts",
                "setInterval(() => wss.clients.forEach((one) => one.ping()), 30_000);\nsetInterval(() => socket.emit('ping'), 25000);\nsetInterval(heartbeat, 1000);\nsetInterval(() => { if (!ws.isAlive) ws.terminate(); }, 1000);\n",
            ),
            ("server/sse.ts", "const t = setInterval(() => res.write(\": still here\\n\\n\"), 15000);\n"),
            (
                "src/lib/poll.ts",
                "import { invalidateAll } from '$app/navigation';\nexport const poll = () => setInterval(() => invalidateAll(), 5000);\n",
            ),
            ("src/hooks/useClock.ts", "import { useEffect } from \"react\";\nsetInterval(tick, 1000);\n"),
            ("src/lib/ws.ts", "socket = new WebSocket(`wss://${location.host}/ws`);\nsetInterval(() => socket.send(\"x\"), 1000);\n"),
            ("src/pages/about.js", "setInterval(tick, 1000);\n"),
        ],
    ),
    (
        "F9",
        &[("app/tasks.py", "celery.conf.beat_schedule = {\"digest\": {}}\n")],
        "app/tasks.py:1",
        &[("app/tasks.py", "schedule = {\"digest\": {}}\n")],
    ),
    (
        "F9",
        &[("src/pages/api/run.ts", "setInterval(tick, 1000);\n")],
        "src/pages/api/run.ts:1",
        &[("src/pages/run.ts", "setInterval(tick, 1000);\n")],
    ),
    (
        "F10",
        &[("server/q.ts", "import { Queue } from \"bullmq\";\n")],
        "server/q.ts:1",
        &[("server/q.ts", "import type { Job } from \"bullmq\";\nconst redisLike = 1;\n")],
    ),
    (
        "F11",
        &[("server/ws.ts", "const wss = new WebSocketServer({ server });\n")],
        "server/ws.ts:1",
        &[
            ("client/src/ws.ts", "const ws = new WebSocket(url);\n"),
            ("server/ws.ts", "const ws = new WebSocket(\"wss://other.example\");\n"),
        ],
    ),
    (
        "F12",
        &[("routes/index.js", "const multer = require('multer')\nconst up = multer({ dest: 'files/' })\n")],
        "routes/index.js:2",
        &[("routes/index.js", "const up = multer({ storage: multer.memoryStorage() })\napp.use(\"/api/uploads\", r)\n")],
    ),
    (
        "F12",
        &[("src/main.ts", "await pipeline(part.file, fs.createWriteStream(`./uploads/${part.filename}`));\n")],
        "src/main.ts:1",
        &[("src/main.ts", "await pipeline(part.file, fs.createWriteStream(`/tmp/${part.filename}`));\n")],
    ),
    (
        "F12",
        &[("site/settings.py", "MEDIA_ROOT = BASE_DIR / \"media\"\n")],
        "site/settings.py:1",
        &[("site/settings.py", "MEDIA_ROOT = BASE_DIR / \"media\"\nDEFAULT_FILE_STORAGE = \"storages.backends.s3boto3.S3Boto3Storage\"\n")],
    ),
    (
        "F13",
        &[("server/s.ts", "app.use(express.static(dist));\n")],
        "server/s.ts:1",
        &[("server/s.ts", "const t = \"express.static(dist)\";\n")],
    ),
    (
        "F14",
        &[(".replit", "[deployment]\nrun = [\"sh\", \"-c\", \"npm ci && npm start\"]\n")],
        ".replit:2",
        &[(".replit", "run = \"npm install && npm run dev\"\n[deployment]\nbuild = [\"npm\", \"ci\"]\nrun = [\"npm\", \"start\"]\n")],
    ),
    (
        "F15",
        &[(".replit", "[deployment]\nrun = [\"gunicorn\", \"main:app\"]\n"), ("main.py", "from fastapi import FastAPI\n")],
        ".replit:2",
        &[
            (".replit", "[deployment]\nrun = [\"gunicorn\", \"-k\", \"uvicorn.workers.UvicornWorker\", \"main:app\"]\n"),
            ("main.py", "from fastapi import FastAPI\n"),
        ],
    ),
    (
        "F16",
        &[("server/a.ts", "import rateLimit from \"express-rate-limit\";\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const rateLimit = 3;\n")],
    ),
    ("F17", &[(".env.production", "A=b\n")], ".env.production", &[(".env.example", "A=b\n"), (".gitignore", ".env\n"), (".env", "A=b\n")]),
    (
        "F18",
        &[("start.sh", "cd /home/runner/workspace\n")],
        "start.sh:1",
        &[("start.sh", "# cd /home/runner/workspace\ncd /home/runners\n")],
    ),
    (
        "F19",
        &[("package.json", "{\n  \"scripts\": {\n    \"build\": \"vitest run && vite build\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"build\": \"vite build\",\n    \"test\": \"vitest run\"\n  }\n}\n")],
    ),
    (
        "F19",
        &[("package.json", "{\n  \"scripts\": {\n    \"build\": \"prisma db push && next build\"\n  }\n}\n")],
        "package.json:3",
        &[("package.json", "{\n  \"scripts\": {\n    \"build\": \"prisma generate && next build\"\n  }\n}\n")],
    ),
    (
        "F20",
        &[("build.mjs", "import pino from \"esbuild-plugin-pino\";\n")],
        "build.mjs:1",
        &[("build.mjs", "import pino from \"pino\";\n")],
    ),
    (
        "F21",
        &[("client/src/a.ts", "import logo from \"@assets/logo.png\";\n")],
        "client/src/a.ts:1",
        &[("client/src/a.ts", "import logo from \"./assets/logo.png\";\n")],
    ),
    (
        "F22",
        &[("server/jobs.ts", "import PgBoss from \"pg-boss\";\n")],
        "server/jobs.ts:1",
        &[("server/jobs.ts", "import type PgBoss from \"pg-boss\";\nconst boss = \"pg-boss\";\n")],
    ),
    ("F22", &[("tasks.py", "from celery import Celery\n")], "tasks.py:1", &[("tasks.py", "# from celery import Celery\ncelery = 1\n")]),
    (
        "F23",
        &[("server/pay.js", "const a = 1;\nconst stripe = require(\"stripe\")(\"sk_live_51Habcdefghijklmnopqrstuv\");\n")],
        "server/pay.js:2",
        &[("server/pay.js", "const stripe = require(\"stripe\")(process.env.STRIPE_SECRET_KEY); const t = \"sk_live_...\";\n")],
    ),
    (
        "F23",
        &[("config/keys.json", "{\n  \"id\": \"AKIAIOSFODNN7ABCDEFG\"\n}\n")],
        "config/keys.json:2",
        &[("config/keys.json", "{ \"id\": \"AKIAIOSFODNN7EXAMPLE\", \"other\": \"AKIA\" }\n")],
    ),
    (
        "F23",
        &[("db.js", "const db = \"postgres://u:pw12345@db.shop.example.io/x\";\n")],
        "db.js:1",
        &[(
            "db.js",
            "a(\"postgres://u:pw12345@localhost/x\");\na(`postgres://u:${pw}@db.shop.io/x`);\na(\"postgres://user:password@host/x\");\na(\"postgres://db.shop.io:5432/x?email=a@b.c\");\n",
        )],
    ),
    (
        "F23",
        &[("keys/server.pem", "-----BEGIN RSA PRIVATE KEY-----\nabc\n")],
        "keys/server.pem:1",
        &[("keys/server.pem", "-----BEGIN CERTIFICATE-----\nabc\n")],
    ),
    (
        "F24",
        &[("credentials.json", "{}")],
        "credentials.json",
        &[("public/manifest.json", "{}"), (".gitignore", "credentials.json\n"), ("credentials.json", "{}")],
    ),
    (
        "F25",
        &[("src/lib/server/a.ts", "import { KEY } from '$env/static/private';\n")],
        "src/lib/server/a.ts:1",
        &[("src/lib/server/a.ts", "import { PUBLIC_KEY } from '$env/static/public';\nimport { env } from '$env/dynamic/private';\n")],
    ),
    (
        "F26",
        &[("server/index.ts", "app.listen(port, '127.0.0.1');\n")],
        "server/index.ts:1",
        &[("server/index.ts", "app.listen(port, '0.0.0.0', () => console.log('http://localhost:3000'));\n// app.listen(1, 'localhost')\n")],
    ),
    (
        "F26",
        &[("index.js", "await app.listen({\n  port: 3000,\n  host: \"localhost\",\n});\n")],
        "index.js:1",
        &[("index.js", "await app.listen({ port: 3000, host: \"0.0.0.0\" });\nconst db = { host: \"localhost\" };\n")],
    ),
    (
        "F26",
        &[("main.py", "uvicorn.run(app, host=\"127.0.0.1\", port=8000)\n")],
        "main.py:1",
        &[("main.py", "uvicorn.run(app, host=\"0.0.0.0\", port=8000)\n")],
    ),
    (
        "F27",
        &[("apps/api/src/index.ts", "const AUTH = process.env.AUTH_URL || 'http://localhost:4001';\n")],
        "apps/api/src/index.ts:1",
        &[(
            "apps/api/src/index.ts",
            "const a = process.env.APP_URL || 'http://localhost:5000';\nconst o = process.env.CORS_ORIGIN ?? 'http://localhost:5173';\nconst n = process.env.NEXTAUTH_URL || 'http://localhost:3000';\nconst x = process.env.AUTH_URL || 'https://auth.example.com';\n",
        )],
    ),
    (
        "F27",
        &[("main.py", "url = os.environ.get('ML_SERVICE_URL', 'http://127.0.0.1:8001/predict')\n")],
        "main.py:1",
        &[("main.py", "url = os.environ.get('SITE_URL', 'http://127.0.0.1:8001')\n")],
    ),
    (
        "F29",
        &[(".replit", "[userenv.shared]\nAPI_URL = \"http://localhost:8080\"\n")],
        ".replit:2",
        &[(".replit", "[userenv.shared]\nAPI_URL = \"https://api.example.com\"\nNOTE = \"at http://localhost\"\n")],
    ),
    (
        "F28",
        &[("src/index.js", "fs.writeFileSync('./data/todos.json', JSON.stringify(todos, null, 2));\n")],
        "src/index.js:1",
        &[
            (
                "src/index.js",
                "const todos = JSON.stringify(rows);\nfs.writeFileSync(path.join(os.tmpdir(), 'a.json'), JSON.stringify(rows));\n",
            ),
            ("scripts/a.js", "fs.writeFileSync('a.json', JSON.stringify(rows));\n"),
        ],
    ),
    (
        "F28",
        &[("main.py", "with open('db.json', 'w') as f:\n    json.dump(state, f)\n")],
        "main.py:2",
        &[("main.py", "text = json.dumps(state)\n")],
    ),
    (
        "D13",
        &[("index.html", "<script src=\"https://replit.com/public/js/replit-badge-v2.js\" theme=\"dark\"></script>\n")],
        "index.html:1",
        &[("index.html", "<script src=\"https://cdn.example.com/badge.js\"></script>\n")],
    ),
    (
        "F9",
        &[("worker.py", "async def tick():\n    while True:\n        await poll()\n        await asyncio.sleep(60)\n")],
        "worker.py:4",
        &[("worker.py", "while True:\n    try:\n        connect()\n        break\n    except OSError:\n        time.sleep(1)\n")],
    ),
    (
        "E6",
        &[("src/index.js", "const onReplit = Boolean(process.env.REPL_ID);\n")],
        "src/index.js:1",
        &[("src/index.js", "const clientId = process.env.REPL_ID;\n"), ("vite.config.ts", "process.env.REPL_ID !== undefined ? [] : []\n")],
    ),
    (
        "E5",
        &[("src/a.js", "const a = 1;\nconst u = process.env.REPLIT_DEV_DOMAIN;\nconst v = process.env.REPLIT_DOMAINS;\n")],
        "src/a.js:3",
        &[("src/a.js", "// REPLIT_DOMAINS\n")],
    ),
    (
        "E3",
        &[("src/a.js", "if (origin.includes('repl.co')) next();\n")],
        "src/a.js:1",
        &[("src/a.js", "const s = 'the repl.co address';\n")],
    ),
    (
        "F13",
        &[("server/a.ts", "app.use(express.static('dist'));\n")],
        "server/a.ts:1",
        &[("server/a.ts", "app.use('/uploads', express.static('uploads'));\n")],
    ),
    (
        "B12",
        &[("server/a.ts", "sign(p, process.env.JWT_SECRET || 'dev');\n")],
        "server/a.ts:1",
        &[("server/a.ts", "const s = process.env.STRIPE_SECRET_KEY;\n")],
    ),
];

#[test]
fn every_signal_is_met_where_it_is_and_nowhere_else() {
    let mut wrong = Vec::new();
    for (id, files, place, decoys) in ROWS {
        let found = |files: Files| {
            let wizard = Wizard::empty();
            files.iter().for_each(|(path, text)| put(wizard.path(), path, text));
            findings(&scan(wizard.path()))
        };
        let (hits, false_hits) = (found(files), found(decoys));
        if !hits.contains(&format!("{id} {place}")) {
            wrong.push(format!("{id} is not met at {place}: {hits:?}"));
        }
        let prefix = format!("{id} ");
        wrong.extend(false_hits.iter().filter(|hit| hit.starts_with(&prefix)).map(|hit| format!("false: {hit}")));
        if hits == false_hits {
            wrong.push(format!("{id}: both sides are alike"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A large folder needs a large file.
#[test]
fn a_large_folder_is_met_by_its_size() {
    for (bytes, met) in [(50_000_001, true), (49_000_000, false)] {
        let wizard = Wizard::empty();
        put(wizard.path(), "attached_assets/a.png", "");
        std::fs::File::options().write(true).open(wizard.path().join("attached_assets/a.png")).unwrap().set_len(bytes).unwrap();
        assert_eq!(findings(&scan(wizard.path())).contains(&"A12 attached_assets".to_owned()), met);
    }
}

#[test]
fn a_large_history_is_met_by_its_size() {
    for (bytes, met) in [(300_000_001, true), (299_000_000, false)] {
        let wizard = Wizard::empty();
        put(wizard.path(), ".git/objects/pack/a.pack", "");
        std::fs::File::options().write(true).open(wizard.path().join(".git/objects/pack/a.pack")).unwrap().set_len(bytes).unwrap();
        assert_eq!(findings(&scan(wizard.path())).contains(&"A15 .git".to_owned()), met);
    }
}

/// Every secret that a signal looks for, planted: all are named, none is in any form of the report.
#[test]
fn secrets_in_the_tree_are_named_and_never_shown() {
    let secrets = [
        ("a.js", "const s = require(\"stripe\")(\"sk_live_51Hqqzzyyxxwwvvuutt\");\n", "51Hqqzzyyxxww"),
        ("b.js", "const k = 'AKIAQQZZYYXXWWVVUUTT';\n", "QQZZYYXXWW"),
        ("c.js", "const u = \"postgres://u:qqzz12345@db.shop.example.io/x\";\n", "qqzz12345"),
        ("d.py", "TOKENS = [\"ghp_qqzzyyxxwwvvuuttssrrqqpp\", \"xoxb-qqzzyyxxwwvvuu\"]\n", "qqzzyyxxww"),
        ("e.ts", "export const maps = \"AIzaqqzzyyxxwwvvuuttssrrqqppoonnmmllkk\";\n", "qqzzyyxxww"),
        ("f.ts", "export const pem = \"-----BEGIN PRIVATE KEY-----\\nMIIEqqzzyyxx\\n-----END PRIVATE KEY-----\";\n", "MIIEqqzz"),
        ("g.ts", "export const ai = make('sk-proj-qqzzyyxxwwvvuuttss');\n", "qqzzyyxxww"),
        (".env.example", "HOOK=whsec_qqzzyyxxwwvvuuttss\n", "qqzzyyxxww"),
        ("attached_assets/Pasted.txt", "OPENAI_API_KEY=sk-proj-qqzzyyxxwwvvuu\n", "qqzzyyxxww"),
    ];
    let wizard = Wizard::empty();
    put(wizard.path(), "package.json", "{}");
    put(wizard.path(), ".replit", "modules = [\"nodejs-20\"]\n[userenv.shared]\nSMTP_PASS = \"qqzzyyxxww\"\nMAIL_KEY = \"qqzzyyxxwv\"\n");
    secrets.iter().for_each(|(path, text, _)| put(wizard.path(), path, text));
    let seen = findings(&scan(wizard.path()));
    for (path, ..) in secrets {
        assert!(seen.contains(&format!("F23 {path}:1")), "{path}: {seen:?}");
    }
    assert!(seen.contains(&"A8 .replit:3".to_owned()) && seen.contains(&"A8 .replit:4".to_owned()), "{seen:?}");
    for form in [&["app", "scan", "."][..], &["app", "scan", ".", "--json"]] {
        let told = wizard.run(form).out();
        assert!(told.contains("a.js:1") || told.contains("\"a.js\""), "{told}");
        for secret in secrets.iter().map(|(.., secret)| *secret).chain(["qqzzyyxx"]) {
            assert!(!told.contains(secret), "{secret} is shown: {told}");
        }
    }
}

#[test]
fn no_signal_is_without_a_row() {
    let rows: BTreeSet<&str> = ROWS.iter().map(|(id, ..)| *id).chain(["A12", "A15"]).collect();
    let signals = migrate_wizard::app::builtin_signals().unwrap();
    let missing: Vec<&str> = signals.iter().map(|signal| signal.id.as_str()).filter(|id| !rows.contains(id)).collect();
    assert_eq!(missing, [] as [&str; 0]);
}
