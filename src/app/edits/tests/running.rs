//! Where and how the app runs: addresses, paths, health.

use super::*;

#[test]
fn addresses_at_replit_come_from_the_environment() {
    for (path, given, then) in [
        ("server/a.ts", "const url = \"https://shop.replit.app\";", "const url = process.env.APP_URL!;"),
        ("server/a.js", "const url = 'https://shop.replit.app';", "const url = process.env.APP_URL;"),
        ("server/a.ts", "mail(\"https://shop.replit.app/reset?x=1\");", "mail(`${process.env.APP_URL}/reset?x=1`);"),
        ("server/a.ts", "mail(`see https://shop.replit.app/o/${id}`);", "mail(`see ${process.env.APP_URL}/o/${id}`);"),
        ("server/a.ts", "u = `https://${process.env.REPL_SLUG}.${process.env.REPL_OWNER}.repl.co/cb`;", "u = `${process.env.APP_URL}/cb`;"),
        ("client/src/a.ts", "const url = \"https://shop.replit.app/x\";", "const url = `${window.location.origin}/x`;"),
        (
            "a.py",
            "import os\nURL = \"https://shop.replit.app/x\"\n",
            "import os\nURL = (os.environ.get(\"APP_URL\", \"http://localhost:5000\") + \"/x\")\n",
        ),
    ] {
        assert_eq!(one("hosts", path, given), then);
    }
    let key = "const names = { \"https://shop.replit.app\": 1 };\ntype Own = \"https://shop.replit.app\";\n";
    let (after, items) = edited("hosts", &[("server/a.ts", key)]);
    assert_eq!((after["server/a.ts"].as_str(), items.len()), (key, 2), "a key and a type are no values: {items:?}");
    let (after, items) = edited("hosts", &[("client/index.html", "<a\nhref=\"https://shop.replit.app\">x</a>\n")]);
    assert_eq!((after.len(), items.len()), (1, 1), "{items:?}");
    assert!(items[0].starts_with("client/index.html:2 "), "{items:?}");
    // words in a doc string, and a preview host in a list, which another edit takes away
    let (after, items) = edited(
        "hosts",
        &[
            ("a.py", "import os\ndef f():\n    \"\"\"See \"https://shop.replit.app/x\".\"\"\"\n"),
            ("vite.config.ts", "export default { server: { allowedHosts: [\".repl.co\"] } };\n"),
        ],
    );
    assert!(after["a.py"].contains("https://shop.replit.app/x") && items.is_empty(), "{items:?}");
    let built = "export const url = env.ORIGIN ?? `https://${env.REPL_SLUG}.${env.REPL_OWNER}.repl.co`;\n";
    assert_eq!(edited("preview-hosts", &[("src/a.ts", built)]).1, [] as [&str; 0], "an address is no list of hosts");
}

#[test]
fn a_default_stays_an_address_that_can_be_read() {
    for (given, then) in [
        (
            "export const metadata = { metadataBase: new URL(process.env.NEXT_PUBLIC_SITE_URL ?? \"https://x.replit.app\") };",
            "export const metadata = { metadataBase: new URL(process.env.NEXT_PUBLIC_SITE_URL ?? process.env.APP_URL ?? \"http://localhost:5000\") };",
        ),
        (
            "const base = (process.env.SITE || \"https://x.replit.app\") + path;",
            "const base = (process.env.SITE || process.env.APP_URL || \"http://localhost:5000\") + path;",
        ),
        ("const base = process.env.APP_URL ?? \"https://x.replit.app\";", "const base = process.env.APP_URL ?? \"http://localhost:5000\";"),
        (
            "const cb = process.env.CB ?? \"https://x.replit.app/cb\";",
            "const cb = process.env.CB ?? `${process.env.APP_URL ?? \"http://localhost:5000\"}/cb`;",
        ),
        ("const base = new URL(\"https://x.replit.app\");", "const base = new URL(process.env.APP_URL ?? \"http://localhost:5000\");"),
        ("const f = () => new URL(\"https://x.replit.app\");", "const f = () => new URL(process.env.APP_URL!);"),
        (
            "const { url = \"https://x.replit.app\" } = options;",
            "const { url = process.env.APP_URL ?? \"http://localhost:5000\" } = options;",
        ),
    ] {
        assert_eq!(one("hosts", "server/a.ts", given), then);
    }
}

#[test]
fn a_host_is_told_of_once() {
    let middleware =
        "export function middleware(req) {\n  if (req.headers.get(\"host\") === \"dock-scheduler.repl.co\") {\n    return go();\n  }\n}\n";
    let (_, items) = with(&[], &[("middleware.ts", middleware)]);
    let told: Vec<&String> = items.iter().filter(|item| item.starts_with("middleware.ts:2 ")).collect();
    assert_eq!(told.len(), 1, "{items:?}");
    assert!(told[0].contains("put the app's new address here"), "{items:?}");
}

#[test]
fn a_place_that_other_edits_moved_is_told_where_it_is() {
    let index = "import express from \"express\";\nimport cors from \"cors\";\n\nconst app = express();\napp.use(cors({\n  origin: [\n    \"https://x.replit.dev\",\n    \"https://x.example.com\",\n  ],\n}));\n";
    let files = [("server/index.ts".to_owned(), index.to_owned())];
    let prepared = prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &Decided::default() }, None).unwrap();
    let after =
        prepared.iter().flat_map(|one| &one.changes).rfind(|change| change.path == "server/index.ts").unwrap().after.clone().unwrap();
    let line = after.lines().position(|line| line.contains("origin: [")).unwrap() + 1;
    assert!(line > 6, "the health route stands before it: {after}");
    let items: Vec<&Item> = prepared.iter().flat_map(|one| &one.items).collect();
    let places: Vec<Option<usize>> =
        items.iter().filter(|item| item.what.starts_with("let in the app's new host here")).map(|item| item.line).collect();
    assert_eq!(places, [Some(line)], "{after}");
}

#[test]
fn a_condition_that_is_never_true_on_aws_asks_for_the_address() {
    const BUILT: &str = "`https://${process.env.REPL_SLUG}.${process.env.REPL_OWNER}.repl.co`";
    const PATH: &str = "`https://${process.env.REPL_SLUG}.${process.env.REPL_OWNER}.repl.co/cb`";
    for (given, then) in [
        (
            format!("const BASE = process.env.REPL_SLUG ? {BUILT} : 'http://localhost:3000';"),
            "const BASE = process.env.APP_URL ?? 'http://localhost:3000';",
        ),
        (
            format!("const BASE = (process.env.REPL_SLUG && process.env.REPL_OWNER)\n  ? {BUILT}\n  : other || 'x';"),
            "const BASE = process.env.APP_URL ?? (other || 'x');",
        ),
        (format!("const BASE = !process.env.REPL_ID ? local : ({BUILT});"), "const BASE = process.env.APP_URL ?? local;"),
        (
            format!("const is = Boolean(process.env.REPL_ID);\nconst BASE = is ? {PATH} : 'y';"),
            "const is = Boolean(process.env.REPL_ID);\nconst BASE = process.env.APP_URL ? `${process.env.APP_URL}/cb` : 'y';",
        ),
        (
            format!("const BASE = process.env.REPL_SLUG && {BUILT} || 'http://localhost:3000';"),
            "const BASE = process.env.APP_URL || 'http://localhost:3000';",
        ),
        (
            format!(
                "function base() {{\n  if (process.env.REPLIT_DEV_DOMAIN !== undefined) {{\n    return {PATH};\n  }}\n  return 'x';\n}}"
            ),
            "function base() {\n  if (process.env.APP_URL) {\n    return `${process.env.APP_URL}/cb`;\n  }\n  return 'x';\n}",
        ),
        (
            format!("function base() {{\n  if (!process.env.REPL_ID) return 'x';\n  return {PATH};\n}}"),
            "function base() {\n  if (!process.env.APP_URL) return 'x';\n  return `${process.env.APP_URL}/cb`;\n}",
        ),
        // something else can make these true, and here the address is what AWS comes to
        (
            format!("const BASE = process.env.REPLIT_DOMAINS ? {PATH} : 'x';"),
            "const BASE = process.env.REPLIT_DOMAINS ? `${process.env.APP_URL}/cb` : 'x';",
        ),
        (
            format!("const BASE = process.env.REPL_ID || live ? {PATH} : 'x';"),
            "const BASE = process.env.REPL_ID || live ? `${process.env.APP_URL}/cb` : 'x';",
        ),
        (
            format!("const BASE = process.env.REPL_ID ? 'x' : {PATH};"),
            "const BASE = process.env.REPL_ID ? 'x' : `${process.env.APP_URL}/cb`;",
        ),
    ] {
        let (after, items) = edited("hosts", &[("server/a.js", &given)]);
        assert_eq!((after["server/a.js"].as_str(), items.len()), (then, 0), "{items:?}");
    }
    let wanted = |items: &[String]| -> Vec<String> {
        items
            .iter()
            .filter(|item| item.contains("ask for APP_URL in this condition"))
            .map(|item| item.split(' ').next().unwrap().to_owned())
            .collect()
    };
    let deep =
        format!("if (process.env.REPL_ID) {{\n  start();\n  ping({PATH});\n}}\nconst x = process.env.REPL_ID ? mail({PATH}) : 'x';\n");
    let (after, items) = edited("hosts", &[("server/a.js", &deep)]);
    assert_eq!(after["server/a.js"], deep.replace(PATH, "`${process.env.APP_URL}/cb`"));
    assert_eq!(wanted(&items), ["server/a.js:1", "server/a.js:5"], "{items:?}");
    let python = "import os\nURL = \"https://shop.replit.app\" if os.environ.get(\"REPL_ID\") else \"http://localhost:5000\"\nOTHER = \"https://shop.replit.app\"\n\nX = \"https://shop.replit.app\" if live else 1\n";
    assert_eq!(wanted(&edited("hosts", &[("a.py", python)]).1), ["a.py:2"]);
}

#[test]
fn node_env_says_what_is_production() {
    for (given, then) in [
        ("p = process.env.REPLIT_DEPLOYMENT === \"1\";", "p = process.env.NODE_ENV === \"production\";"),
        ("p = process.env.REPLIT_DEPLOYMENT !== \"1\";", "p = process.env.NODE_ENV !== \"production\";"),
        ("p = !!process.env.REPLIT_DEPLOYMENT;", "p = process.env.NODE_ENV === \"production\";"),
        ("p = !process.env.REPLIT_DEPLOYMENT;", "p = process.env.NODE_ENV !== \"production\";"),
        ("p = process.env.REPLIT_DEPLOYMENT !== undefined;", "p = process.env.NODE_ENV === \"production\";"),
        ("p = process.env.REPLIT_DEPLOYMENT ? 1 : 2;", "p = process.env.NODE_ENV === \"production\" ? 1 : 2;"),
        ("p = process.env[\"REPLIT_ENVIRONMENT\"] === \"production\";", "p = process.env.NODE_ENV === \"production\";"),
    ] {
        assert_eq!(one("production-switch", "server/a.ts", given), then);
    }
    // cookies, which would lose `secure` where Replit's variable is not set
    for (given, then) in [
        ("useSecureCookies: process.env.REPL_ID !== undefined", "useSecureCookies: process.env.NODE_ENV === \"production\""),
        ("cookie: { secure: !!process.env.REPL_ID }", "cookie: { secure: process.env.NODE_ENV === \"production\" }"),
        ("cookie: { secure: Boolean(process.env.REPL_ID) }", "cookie: { secure: Boolean(process.env.NODE_ENV === \"production\") }"),
        ("cookie: { secure: process.env.REPL_ID != null }", "cookie: { secure: process.env.NODE_ENV === \"production\" }"),
        ("secure: live && !!process.env.REPL_ID", "secure: live && !!process.env.REPL_ID"),
        ("clientId: process.env.REPL_ID", "clientId: process.env.REPL_ID"),
        ("insecure: !!process.env.REPL_ID", "insecure: !!process.env.REPL_ID"),
    ] {
        assert_eq!(
            one("production-switch", "server/a.ts", &format!("export const o = {{ {given} }};\n")),
            format!("export const o = {{ {then} }};\n")
        );
    }
}

#[test]
fn paths_of_replits_machine_become_the_apps_folder() {
    for (path, given, then) in [
        ("server/a.ts", "const dir = \"/home/runner/workspace/uploads\";", "const dir = `${process.cwd()}/uploads`;"),
        ("server/a.ts", "const dir = '/home/runner/MyApp';", "const dir = process.cwd();"),
        ("a.py", "import os\nD = '/home/runner/workspace/data'\n", "import os\nD = os.path.join(os.getcwd(), 'data')\n"),
    ] {
        assert_eq!(one("paths", path, given), then);
    }
    let (_, items) = edited("paths", &[("start.sh", "cd /home/runner/workspace\n")]);
    assert_eq!(items, ["start.sh:1 name a folder of the image here; the app is in /app"]);
}

#[test]
fn a_health_route_comes_before_every_other() {
    let index = "import express from \"express\";\nimport { routes } from \"./routes\";\n\nconst app = express();\napp.set(\"trust proxy\", 1);\nroutes(app);\n";
    let (after, items) = edited(
        "health",
        &[
            ("server/index.ts", index),
            ("server/db.ts", "export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });\n"),
            ("server/queue/redis.ts", "export const redis = new Redis(process.env.REDIS_URL);\n"),
        ],
    );
    assert_eq!(
        after["server/index.ts"],
        "import express from \"express\";\nimport { routes } from \"./routes\";\nimport { health } from \"./health\";\nimport { pool } from \"./db\";\nimport { redis } from \"./queue/redis\";\n\nconst app = express();\napp.set(\"trust proxy\", 1);\n\napp.get(\"/api/health\", async (_req, res) => {\n  const answer = await health({ database: () => pool.query(\"select 1\"), redis: () => redis.ping() });\n  res.status(answer.status).json(answer.body);\n});\nroutes(app);\n"
    );
    assert!(after["server/health.ts"].contains("export async function health"));
    assert_eq!(items, [] as [String; 0]);
    let common = "const express = require(\"express\");\nconst app = express();\napp.listen(3000);\n";
    let (after, items) = edited("health", &[("index.js", common)]);
    assert_eq!(
        after["index.js"],
        "const express = require(\"express\");\nconst app = express();\n\napp.get(\"/api/health\", async (_req, res) => {\n  const { health } = await import(\"./health.mjs\");\n  const answer = await health({});\n  res.status(answer.status).json(answer.body);\n});\napp.listen(3000);\n"
    );
    assert!(after["health.mjs"].contains("export async function health") && items.is_empty(), "{items:?}");
    let there = "import express from \"express\";\nconst app = express();\napp.get(\"/healthz\", ok);\n";
    assert_eq!(one("health", "server/index.ts", there), there);
}

#[test]
fn a_health_route_for_flask_is_mounted_behind_its_app() {
    let main = "from flask import Flask\n\napp = Flask(__name__)\ndb = SQLAlchemy(app)\n\nif __name__ == \"__main__\":\n    app.run()\n";
    let (after, _) = edited("health", &[("main.py", main)]);
    assert_eq!(
        after["main.py"],
        "from flask import Flask\n\napp = Flask(__name__)\ndb = SQLAlchemy(app)\n\nfrom health import health  # noqa: E402\n\n\n@app.get(\"/api/health\")\ndef api_health():\n    status, body = health({\"database\": lambda: db.session.execute(db.text(\"select 1\"))}, app)\n    return body, status\n\n\nif __name__ == \"__main__\":\n    app.run()\n"
    );
    assert!(after["health.py"].contains("PATIENCE_SECONDS"));
}
