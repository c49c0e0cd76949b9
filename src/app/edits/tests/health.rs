//! The health route in each framework, and what is said where it is not enough or cannot be put in.

use super::*;

const POOL: (&str, &str) = ("src/db.ts", "export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });\n");
const NONE: [&str; 0] = [];

#[test]
fn fastify_hono_and_nest_get_a_route_right_behind_the_app() {
    let server = "import Fastify from \"fastify\";\nimport { pool } from \"./db.js\";\n\nconst app = Fastify({ logger: true });\napp.get(\"/x\", async () => 1);\n";
    let (after, items) = edited("health", &[("src/server.ts", server), POOL, ("package.json", "{\"type\": \"module\"}\n")]);
    assert_eq!(
        after["src/server.ts"],
        "import Fastify from \"fastify\";\nimport { pool } from \"./db.js\";\nimport { health } from \"./health.js\";\n\nconst app = Fastify({ logger: true });\n\napp.get(\"/api/health\", async (_req, reply) => {\n  const answer = await health({ database: () => pool.query(\"select 1\") });\n  return reply.code(answer.status).send(answer.body);\n});\napp.get(\"/x\", async () => 1);\n"
    );
    assert!(after["src/health.ts"].contains("export async function health") && items.is_empty(), "{items:?}");
    let common = "const app = require('fastify')();\napp.listen({ port: 3000 });\n";
    let (after, _) = edited("health", &[("index.js", common)]);
    assert!(after["index.js"].contains("const { health } = await import('./health.mjs')"), "{}", after["index.js"]);

    let hono = "import { Hono } from 'hono'\nimport { users } from './users'\n\nconst app = new Hono()\napp.use(auth)\napp.route('/users', users)\nexport default app\n";
    let users = "import { Hono } from 'hono'\nexport const users = new Hono()\n";
    let (after, _) = edited("health", &[("src/index.ts", hono), ("src/users.ts", users)]);
    assert!(
        after["src/index.ts"].contains(
            "const app = new Hono()\n\napp.get('/api/health', async (c) => {\n  const answer = await health({})\n  return c.json(answer.body, answer.status === 200 ? 200 : 503)\n})\napp.use(auth)\n"
        ),
        "{}",
        after["src/index.ts"]
    );
    assert_eq!(after["src/users.ts"], users, "a part of the app is not the app");

    let main = "import { NestFactory } from \"@nestjs/core\";\nimport { AppModule } from \"./app.module\";\n\nasync function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n  app.setGlobalPrefix(\"api\");\n  await app.listen(3000);\n}\nvoid bootstrap();\n";
    let service = "@Injectable()\nexport class PrismaService extends PrismaClient {}\n";
    let (after, items) = edited("health", &[("src/main.ts", main), ("src/prisma/prisma.service.ts", service)]);
    assert_eq!(
        after["src/main.ts"],
        "import { NestFactory } from \"@nestjs/core\";\nimport { AppModule } from \"./app.module\";\nimport { health } from \"./health\";\nimport { PrismaService } from \"./prisma/prisma.service\";\n\nasync function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n\n  app.getHttpAdapter().get(\"/api/health\", async (_req, res) => {\n    const answer = await health({ database: () => app.get(PrismaService).$queryRawUnsafe(\"select 1\") });\n    app.getHttpAdapter().reply(res, answer.body, answer.status);\n  });\n  app.setGlobalPrefix(\"api\");\n  await app.listen(3000);\n}\nvoid bootstrap();\n"
    );
    assert_eq!(items, NONE);
    // all on one line
    let short = "import { NestFactory } from \"@nestjs/core\";\n(async()=>{const app = await NestFactory.create(A); await app.listen(3000);})();\nconsole.log(process.env.DATABASE_URL);\n";
    let (after, items) = edited("health", &[("src/main.ts", short)]);
    let script = crate::app::orm::script::Script::read("src/main.ts", &after["src/main.ts"]).unwrap();
    assert!(!script.is_broken() && after["src/main.ts"].contains("/api/health"), "{}", after["src/main.ts"]);
    assert!(items.iter().any(|item| item.starts_with("src/main.ts:0 give the health route a query of the database")), "{items:?}");
}

#[test]
fn a_hook_or_a_prefix_in_front_of_the_route_is_said() {
    let server = "import fastify from \"fastify\";\nconst app = fastify();\napp.addHook(\"onRequest\", async (req, reply) => { if (!req.user) return reply.code(401).send(); });\napp.addHook(\"onClose\", async () => stop());\n";
    let (_, items) = edited("health", &[("server.ts", server)]);
    assert_eq!(items.iter().filter(|item| item.contains("let /api/health past this hook")).count(), 1, "{items:?}");
    assert!(items.iter().any(|item| item.starts_with("server.ts:") && !item.starts_with("server.ts:0")), "{items:?}");
    let hono = "import { Hono } from \"hono\";\nconst app = new Hono().basePath(\"/v1\");\nexport default app;\n";
    let (after, items) = edited("health", &[("src/index.ts", hono)]);
    assert_eq!(after["src/index.ts"], hono);
    assert!(items[0].starts_with("src/index.ts:2 mount the health route at /api/health on an app without basePath"), "{items:?}");
}

#[test]
fn next_gets_a_file_at_the_place_of_its_router() {
    let package = ("package.json", "{\"dependencies\": {\"next\": \"15.0.0\"}}\n");
    let prisma = (
        "src/lib/prisma.ts",
        "const made = globalThis as any;\nconst prisma = made.prisma ?? new PrismaClient();\nexport default prisma;\n",
    );
    let layout = ("src/app/layout.tsx", "export default function Layout() { return null; }\n");
    let (after, items) = edited("health", &[package, prisma, layout, ("tsconfig.json", "{}\n")]);
    assert_eq!(
        after["src/app/api/health/route.ts"],
        "import { health } from \"./health\";\nimport prisma from \"../../../lib/prisma\";\n\n// asked anew each time: never an answer of the build\nexport const dynamic = \"force-dynamic\";\nexport const runtime = \"nodejs\";\n\nexport async function GET() {\n  const answer = await health({ database: () => prisma.$queryRawUnsafe(\"select 1\") });\n  return Response.json(answer.body, { status: answer.status });\n}\n"
    );
    assert!(after.contains_key("src/app/api/health/health.ts") && items.is_empty(), "{items:?}");
    let page = ("pages/index.jsx", "export default function Page() { return null; }\n");
    let guard = ("middleware.js", "export { auth as middleware } from './auth';\nexport const config = { matcher: ['/:path*'] };\n");
    let (after, items) = edited("health", &[package, page, guard]);
    assert_eq!(
        after["pages/api/health.js"],
        "import { health } from \"../../lib/health.mjs\";\n\nexport default async function handler(_req, res) {\n  const answer = await health({});\n  res.status(answer.status).json(answer.body);\n}\n"
    );
    assert!(after.contains_key("lib/health.mjs"), "what lies in pages/api is a route");
    assert_eq!(items, ["middleware.js:2 let /api/health past this: the load balancer has no login"]);
    // one that leads a single host name elsewhere is in nobody's way
    let host = "export function middleware(req) {\n  if (req.headers.get('host') === 'old.example.com') {\n    return NextResponse.redirect(new URL('/', base));\n  }\n  return NextResponse.next();\n}\nexport const config = { matcher: ['/((?!_next|api/auth).*)'] };\n";
    assert_eq!(edited("health", &[package, page, ("middleware.js", host)]).1, NONE);
    let every = host.replace("===", "!==");
    assert_eq!(
        edited("health", &[package, page, ("middleware.js", &every)]).1,
        ["middleware.js:7 let /api/health past this: what it answers or leads elsewhere by itself never comes to the route"]
    );
    let open = ("middleware.js", "export const config = { matcher: ['/((?!api|_next).*)'] };\n");
    assert_eq!(edited("health", &[package, page, open]).1, NONE);
    let prefix = ("next.config.mjs", "export default {\n  basePath: \"/shop\",\n};\n");
    let (after, items) = edited("health", &[package, page, prefix]);
    assert!(!after.contains_key("pages/api/health.js") && items[0].starts_with("next.config.mjs:2 make a health route"), "{items:?}");
}

#[test]
fn fastapi_asks_its_engine_before_a_route_for_every_path() {
    let main = "from fastapi import FastAPI\nfrom sqlalchemy import create_engine\n\nengine = create_engine(URL)\napp = FastAPI(\n    title=\"a ) b\",  # )\n)\n\n\n@app.get(\"/{path:path}\")\ndef page(path: str):\n    return path\n";
    let (after, items) = edited("health", &[("main.py", main)]);
    assert_eq!(
        after["main.py"],
        "from fastapi import FastAPI\nfrom sqlalchemy import create_engine\n\nengine = create_engine(URL)\napp = FastAPI(\n    title=\"a ) b\",  # )\n)\n\nfrom fastapi.responses import JSONResponse as HealthAnswer  # noqa: E402\nfrom health import health_async  # noqa: E402\n\n\ndef _health_database():\n    with engine.connect() as connection:\n        connection.exec_driver_sql(\"select 1\")\n\n\n@app.get(\"/api/health\", include_in_schema=False)\nasync def api_health():\n    status, body = await health_async({\"database\": _health_database})\n    return HealthAnswer(body, status)\n\n\n\n@app.get(\"/{path:path}\")\ndef page(path: str):\n    return path\n"
    );
    assert_eq!(items, NONE);
    // in a package: an engine of another module, Redis, and asyncpg
    let main = "from fastapi import FastAPI\n\nfrom .routes import router\n\napp = FastAPI()\n";
    let database = "engine = create_async_engine(os.environ[\"DATABASE_URL\"])\n";
    let cache = "import redis\n\nstore = redis.Redis.from_url(os.environ[\"REDIS_URL\"])\n";
    let files = [("app/__init__.py", ""), ("app/main.py", main), ("app/core/db.py", database), ("app/cache.py", cache)];
    let (after, items) = edited("health", &files);
    let text = &after["app/main.py"];
    for line in [
        "from .health import health_async  # noqa: E402",
        "from .core.db import engine  # noqa: E402",
        "from .cache import store  # noqa: E402",
        "    async with engine.connect() as connection:",
        "    status, body = await health_async({\"database\": _health_database, \"redis\": lambda: store.ping()})",
    ] {
        assert!(text.lines().any(|its| its == line), "{line}\n{text}");
    }
    assert_eq!(items, NONE);
    let pool = "from fastapi import FastAPI\napp = FastAPI()\n\n\n@app.on_event(\"startup\")\nasync def startup():\n    app.state.pool = await asyncpg.create_pool(os.environ[\"DATABASE_URL\"])\n";
    assert!(one("health", "main.py", pool).contains("    await app.state.pool.fetchval(\"select 1\", timeout=3)\n"));
}

#[test]
fn an_app_that_a_function_makes_gets_the_lines_for_a_person() {
    for (class, code) in [("FastAPI", "health_async"), ("Flask", "add_url_rule")] {
        let main = format!("def create():\n    api = {class}(__name__)\n    return api\n");
        let (after, items) = edited("health", &[("main.py", &main)]);
        assert_eq!(after["main.py"], main);
        assert!(items[0].starts_with("main.py:2 mount the health route") && items[0].contains(code), "{items:?}");
        assert!(after.contains_key("health.py"));
    }
    let koa = "import Koa from \"koa\";\nconst app = new Koa();\n";
    let (after, items) = edited("health", &[("server.js", koa)]);
    assert!(items[0].starts_with("server.js:2 answer GET /api/health here") && after.contains_key("health.mjs"), "{items:?}");
    assert_eq!(edited("health", &[("lib/math.js", "export const two = 2;\n")]).1, NONE);
}

#[test]
fn django_answers_before_its_hosts_are_looked_at() {
    let settings = "ROOT_URLCONF = \"site1.urls\"\nMIDDLEWARE = [\n    \"django.middleware.security.SecurityMiddleware\",\n]\nDATABASES = {\"default\": dj_database_url.config()}\n";
    let (after, items) = edited("health", &[("manage.py", "import django\n"), ("site1/settings.py", settings)]);
    assert!(
        after["site1/settings.py"]
            .contains("MIDDLEWARE = [\n    \"site1.health_django.HealthMiddleware\",\n    \"django.middleware.security"),
        "{}",
        after["site1/settings.py"]
    );
    assert!(after["site1/health_django.py"].contains("health({\"database\": _database})"), "{}", after["site1/health_django.py"]);
    assert!(after.contains_key("site1/health.py") && items.is_empty(), "{items:?}");
    let bare = "ROOT_URLCONF = \"site1.urls\"\n";
    let (_, items) = edited("health", &[("manage.py", "import django\n"), ("site1/settings.py", bare)]);
    assert!(items[0].starts_with("site1/settings.py:0 put `\"site1.health_django.HealthMiddleware\"` first in MIDDLEWARE"), "{items:?}");
}

#[test]
fn a_route_that_asks_nothing_is_said() {
    let told = |path: &str, text: &str| {
        let (after, items) =
            edited("health", &[(path, text), ("server/db.ts", POOL.1), ("server/q.ts", "const q = new Redis(process.env.REDIS_URL);\n")]);
        assert_eq!(after[path], text);
        assert_eq!(after.len(), 3, "{:?}", after.keys());
        items
    };
    let both = |place: &str| {
        [
            format!(
                "{place} this health route does not ask Redis: where the app cannot work without it, let it answer 503 when a ping fails"
            ),
            format!(
                "{place} this health route does not ask the database: let it answer 503 where `select 1` fails or takes longer than 3 s"
            ),
        ]
    };
    let sorted = |mut items: Vec<String>| {
        items.sort();
        items
    };
    let hits = [
        (
            "server/index.ts",
            "const app = express();\napp.get(\"/api/health\", (_req, res) => res.json({ ok: true }));\n",
            "server/index.ts:2",
        ),
        ("server/index.ts", "function alive(req, res) {\n  res.send(\"ok\");\n}\napp.get(\"/health\", alive);\n", "server/index.ts:4"),
        (
            "src/health.controller.ts",
            "@Controller(\"health\")\nexport class HealthController {\n  @Get()\n  check() {\n    return { ok: true };\n  }\n}\n",
            "src/health.controller.ts:1",
        ),
        (
            "app/api/health/route.ts",
            "export async function GET() {\n  return Response.json({ ok: true });\n}\n",
            "app/api/health/route.ts:1",
        ),
        (
            "main.py",
            "app = FastAPI()\n\n@app.get(\"/healthz\")\nasync def health():\n    return {\"ok\": True}\n\n@app.get(\"/y\")\ndef y():\n    return engine.execute(\"select 1\")\n",
            "main.py:3",
        ),
        (
            "site1/urls.py",
            "from django.urls import include, path\nurlpatterns = [\n    path(\"health/\", lambda request: HttpResponse(\"ok\")),\n]\n",
            "site1/urls.py:3",
        ),
    ];
    for (path, text, place) in hits {
        assert_eq!(sorted(told(path, text)), both(place), "{text}");
    }
    for (path, text) in [
        (
            "server/index.ts",
            "app.get(\"/health\", async (_req, res) => {\n  await pool.query(\"select 1\");\n  await redis.ping();\n  res.json({ ok: true });\n});\n",
        ),
        ("server/index.ts", "app.get(\"/health\", async (_req, res) => res.json(await checkAll()));\n"),
        ("server/index.ts", "app.use(\"/health\", elsewhere);\n"),
    ] {
        assert_eq!(told(path, text), NONE, "{text}");
    }
    // no database and no Redis: nothing to ask
    let text = "app.get(\"/health\", (_req, res) => res.send(\"ok\"));\n";
    assert_eq!(edited("health", &[("index.js", text)]).1, NONE);
    // a word about the path is no route
    let other = "import express from \"express\";\nconst app = express();\nconst quiet = [\"/health\"];\n";
    assert!(one("health", "server/index.ts", other).contains("app.get(\"/api/health\""));
}

#[test]
fn a_client_that_nobody_can_import_is_said_with_its_place() {
    let index = "import express from \"express\";\nconst app = express();\n";
    let routes = "import Redis from \"ioredis\";\n\nconst redis = new Redis(process.env.REDIS_URL);\n";
    let (after, items) = edited("health", &[("server/index.ts", index), ("server/routes.ts", routes), ("server/db.ts", POOL.1)]);
    assert!(after["server/index.ts"].contains("health({ database: () => pool.query(\"select 1\") })"), "{}", after["server/index.ts"]);
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].starts_with("server/routes.ts:3 give the health route a ping of Redis (no exported client was found)"), "{items:?}");
    // a list of exports counts, and a name of the app's own there is not written over
    let listed = "const redis = new Redis(process.env.REDIS_URL);\nexport { redis };\n";
    let (after, items) = edited("health", &[("server/index.ts", index), ("server/routes.ts", listed)]);
    assert!(after["server/index.ts"].contains("redis: () => redis.ping()") && items.is_empty(), "{items:?}");
    let (after, items) = edited("health", &[("server/index.ts", index), ("server/health.ts", "export const health = 1;\n")]);
    assert_eq!((after["server/health.ts"].as_str(), after["server/index.ts"].as_str()), ("export const health = 1;\n", index));
    assert!(items[0].starts_with("server/health.ts:0 mount a health route at /api/health"), "{items:?}");
}

/// The app's texts after the edit, with what is known of its services; and its items.
fn of_app(files: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
    let app = crate::app::fixture::App::new(files);
    let reading = Reading::of(app.path()).unwrap();
    let only = ["health".to_owned()];
    let asked = Asked { only: &only, left: &BTreeSet::new(), decided: &Decided::default() };
    let prepared = prepare(&reading.files(), &asked, Some(&reading)).unwrap();
    let after: BTreeMap<String, String> =
        prepared.iter().flat_map(|one| &one.changes).filter_map(|change| Some((change.path.clone(), change.after.clone()?))).collect();
    let items = prepared.iter().flat_map(|one| &one.items).map(|item| format!("{} {}", item.place(), item.what)).collect();
    (after, items)
}

#[test]
fn each_service_of_a_repository_gets_its_own_route() {
    let package = |name: &str, packages: &str| {
        format!(r#"{{"name": "{name}", "scripts": {{"build": "x", "start": "node index.js"}}, "dependencies": {{{packages}}}}}"#)
    };
    let (api, auth, web, pages) = (
        package("api", r#""express": "5""#),
        package("auth", r#""fastify": "5""#),
        package("web", r#""next": "15""#),
        package("pages", r#""koa": "2""#),
    );
    let (after, items) = of_app(&[
        ("package.json", r#"{"name": "many", "workspaces": ["apps/*"]}"#),
        ("apps/api/package.json", &api),
        ("apps/api/index.mjs", "import express from \"express\";\nconst app = express();\napp.get(\"/health\", f);\napp.listen(3001);\n"),
        ("apps/auth/package.json", &auth),
        ("apps/auth/index.mjs", "import Fastify from \"fastify\";\nconst app = Fastify();\napp.listen({ port: 3002 });\n"),
        ("apps/web/package.json", &web),
        ("apps/web/app/page.js", "export default () => null;\n"),
        ("apps/pages/package.json", &pages),
        ("apps/pages/index.mjs", "import Koa from \"koa\";\nconst app = new Koa();\napp.listen(3004);\n"),
    ]);
    let made: Vec<&str> = after.keys().map(String::as_str).filter(|path| *path != CHECKLIST).collect();
    assert_eq!(
        made,
        [
            "apps/auth/health.mjs",
            "apps/auth/index.mjs",
            "apps/pages/health.mjs",
            "apps/web/app/api/health/health.mjs",
            "apps/web/app/api/health/route.js"
        ],
        "the api has one already; nothing is put into Koa"
    );
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].starts_with("apps/pages/index.mjs:2 answer GET /api/health here"), "{items:?}");
}

#[test]
fn a_server_that_is_made_in_a_library_gets_the_route_there() {
    let (after, items) = of_app(&[
        ("package.json", r#"{"name": "many", "workspaces": ["apps/*", "lib"]}"#),
        (
            "apps/api/package.json",
            r#"{"name": "api", "scripts": {"start": "node index.mjs"}, "dependencies": {"express": "5", "lib": "*"}}"#,
        ),
        ("apps/api/index.mjs", "import { app } from \"lib\";\napp.listen(3001);\n"),
        ("lib/package.json", r#"{"name": "lib"}"#),
        ("lib/index.mjs", "import express from \"express\";\nexport const app = express();\n"),
    ]);
    assert!(after["lib/index.mjs"].contains("app.get(\"/api/health\""), "{after:?}");
    assert!(items.is_empty(), "{items:?}");
}

#[test]
fn what_a_page_loads_is_no_route_whatever_its_folder() {
    let server = "import express from \"express\";\nconst app = express();\n";
    let files = [
        ("index.html", "<script type=\"module\" src=\"/web/main.ts\"></script>\n"),
        ("web/main.ts", "ask({ url: \"/health\", key: import.meta.env.REDIS_URL });\n"),
        ("server/index.ts", server),
    ];
    let (after, items) = edited("health", &files);
    assert!(after["server/index.ts"].contains("app.get(\"/api/health\""), "{}", after["server/index.ts"]);
    assert!(items.is_empty(), "{items:?}");
    // the same on the server is one
    let (after, _) = edited("health", &[("web/main.ts", files[1].1), ("server/index.ts", server)]);
    assert_eq!(after["server/index.ts"], server);
}

const DOCK: [(&str, &str); 12] = [
    ("package.json", r#"{"name": "dock", "private": true}"#),
    ("pnpm-workspace.yaml", "packages:\n  - apps/*\n  - packages/*\n"),
    (
        "apps/api/package.json",
        r#"{"name": "@dock/api", "scripts": {"start": "node dist/server.js"}, "dependencies": {"fastify": "5", "@dock/db": "workspace:*"}}"#,
    ),
    ("apps/api/src/server.ts", "import Fastify from \"fastify\";\nconst app = Fastify();\napp.listen({ port: 3001 });\n"),
    ("apps/api/src/lib/cache.ts", "export const redis = new Redis({ host: process.env.REDIS_HOST });\n"),
    (
        "apps/web/package.json",
        r#"{"name": "@dock/web", "scripts": {"start": "next start -p 5000"}, "dependencies": {"next": "15", "@dock/db": "workspace:*", "@dock/shared": "workspace:*"}}"#,
    ),
    ("apps/web/tsconfig.json", "{}\n"),
    ("apps/web/app/page.tsx", "export default () => null;\n"),
    ("packages/db/package.json", r#"{"name": "@dock/db", "exports": {".": "./src/index.ts"}}"#),
    ("packages/db/src/index.ts", "export const prisma = new PrismaClient();\n"),
    ("packages/shared/package.json", r#"{"name": "@dock/shared"}"#),
    ("packages/shared/src/env.ts", "export const env = z.object({ REDIS_HOST: z.string() });\n"),
];
const WEB: &str = "apps/web/app/api/health/route.ts";

#[test]
fn a_service_asks_only_what_is_its_own_or_asked_for_by_its_package() {
    let (after, items) = of_app(&DOCK);
    assert!(after[WEB].starts_with("import { health } from \"./health\";\nimport { prisma } from \"@dock/db\";\n\n"), "{}", after[WEB]);
    assert!(after[WEB].contains("health({ database: () => prisma.$queryRawUnsafe(\"select 1\") })"), "{}", after[WEB]);
    let api = &after["apps/api/src/server.ts"];
    assert!(api.contains("import { redis } from \"./lib/cache\";") && api.contains("import { prisma } from \"@dock/db\";"), "{api}");
    assert_eq!(items, NONE);
    // by what its package.json lets be imported
    let of = |manifest: &str, files: &[(&'static str, &'static str)]| {
        let mut all: Vec<(&str, &str)> = DOCK.iter().copied().filter(|(path, _)| !path.starts_with("packages/db/")).collect();
        all.extend(files);
        all.push(("packages/db/package.json", manifest));
        of_app(&all)
    };
    let client = ("packages/db/src/client.ts", "export const prisma = new PrismaClient();\n");
    let index = ("packages/db/src/index.ts", "export * from \"./client.js\";\n");
    for (manifest, files, module) in [
        (r#"{"name": "@dock/db", "main": "./dist/index.js"}"#, &[client, index][..], "@dock/db"),
        (
            r#"{"name": "@dock/db", "exports": {"./client": {"types": "./dist/client.d.ts", "default": "./dist/client.js"}}}"#,
            &[client],
            "@dock/db/client",
        ),
        (r#"{"name": "@dock/db", "exports": {"./*": "./src/*.ts"}}"#, &[client], "@dock/db/client"),
    ] {
        let (after, _) = of(manifest, files);
        assert!(after[WEB].contains(&format!("import {{ prisma }} from \"{module}\";")), "{manifest}: {}", after[WEB]);
    }
    let (after, items) = of(r#"{"name": "@dock/db", "exports": {"./other": "./src/other.ts"}}"#, &[client]);
    assert!(after[WEB].contains("health({})"), "{}", after[WEB]);
    assert!(items.iter().any(|item| item.starts_with("packages/db/src/client.ts:1 give the health route a query")), "{items:?}");
}

#[test]
fn a_pool_without_a_listener_gets_one() {
    let pool = "import { Pool } from \"pg\";\n\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL });\nexport const db = drizzle(pool);\n";
    let line = "pool.on(\"error\", (error: Error) => console.error(`idle connection to Postgres: ${error.message}`));\n";
    let (after, _) = edited("health", &[("server/db.ts", pool)]);
    assert_eq!(after["server/db.ts"], pool.replace("export const db", &format!("{line}export const db")));
    let plain = "const { Pool } = require('pg')\nconst pool = new Pool() // one for all\nmodule.exports = { pool }\n";
    assert_eq!(
        one("health", "db.js", plain),
        "const { Pool } = require('pg')\nconst pool = new Pool() // one for all\npool.on('error', (error) => console.error(`idle connection to Postgres: ${error.message}`))\nmodule.exports = { pool }\n"
    );
    let listens = format!("{pool}pool.on(\"error\", report);\n");
    let script = "import { Pool } from \"pg\";\nconst pool = new Pool();\nawait pool.query(\"select 1\");\n";
    let within = "import { Pool } from \"pg\";\nexport function make() {\n  const pool = new Pool();\n  return pool;\n}\n";
    for text in [listens.as_str(), script, within] {
        assert_eq!(one("health", "server/db.ts", text), text);
    }
    let other = ("server/index.ts", "import { pool } from \"./db\";\npool.on('error', report);\n");
    assert_eq!(edited("health", &[("server/db.ts", pool), other]).0["server/db.ts"], pool);
}
