//! Drivers, TLS, DSQL's tokens, and SQL for a person to run.

use super::*;

#[test]
fn neons_driver_becomes_node_postgres_with_its_packages() {
    let db = "import { Pool, neonConfig } from '@neondatabase/serverless';\nimport { drizzle } from 'drizzle-orm/neon-serverless';\nimport ws from \"ws\";\nimport * as schema from \"@shared/schema\";\n\nneonConfig.webSocketConstructor = ws;\n\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL });\nexport const db = drizzle({ client: pool, schema });\n";
    let package = "{\n  \"dependencies\": {\n    \"@neondatabase/serverless\": \"^0.10.4\",\n    \"drizzle-orm\": \"^0.39.1\",\n    \"ws\": \"^8.18.0\"\n  },\n  \"devDependencies\": {\n    \"@types/node\": \"20\",\n    \"@types/ws\": \"^8.5.13\"\n  }\n}\n";
    let (after, items) = edited("neon", &[("server/db.ts", db), ("package.json", package), ("tsconfig.json", "{}")]);
    assert_eq!(
        after["server/db.ts"],
        "import pg from 'pg';\nconst { Pool } = pg;\nimport { drizzle } from 'drizzle-orm/node-postgres';\nimport * as schema from \"@shared/schema\";\n\nexport const pool = new Pool({ connectionString: process.env.DATABASE_URL });\nexport const db = drizzle({ client: pool, schema });\n"
    );
    assert_eq!(
        after["package.json"],
        "{\n  \"dependencies\": {\n    \"drizzle-orm\": \"^0.39.1\",\n    \"pg\": \"^8.16.3\"\n  },\n  \"devDependencies\": {\n    \"@types/node\": \"20\",\n    \"@types/pg\": \"^8.11.6\"\n  }\n}\n"
    );
    assert_eq!(items, [] as [String; 0]);
    let (after, items) = edited(
        "neon",
        &[("db.ts", "import { neon } from \"@neondatabase/serverless\";\nexport const sql = neon(process.env.DATABASE_URL!);\n")],
    );
    assert!(after["db.ts"].contains("neon(") && items.len() == 1 && items[0].starts_with("db.ts:1 "), "{items:?}");
    // TypeScript of a member's own, or the root's settings for a member that has some; a member in JavaScript has no types
    let plain = package.replace("    \"@types/node\": \"20\",\n    \"@types/ws\": \"^8.5.13\"\n", "    \"typescript\": \"5\"\n");
    let (typed, untyped) = ("packages/api/src/db.ts", "packages/api/src/db.js");
    for (file, package, settings, is) in [
        (typed, package, "packages/api/tsconfig.json", true),
        (typed, package, "tsconfig.json", true),
        (untyped, plain.as_str(), "other/tsconfig.json", true),
        (untyped, package, "tsconfig.json", false),
        (untyped, package, "other/tsconfig.json", false),
    ] {
        let files = [(file, db), ("packages/api/package.json", package), ("package.json", "{}\n"), (settings, "{}")];
        let (after, _) = edited("neon", &files);
        let package = &after["packages/api/package.json"];
        assert!(package.contains("\"pg\": ") && package.contains("@types/pg") == is, "{file} {settings}: {package}");
    }
}

#[test]
fn no_schema_is_pushed_while_building_or_starting() {
    let package = "{\n  \"scripts\": {\n    \"build\": \"vite build && drizzle-kit push --force\",\n    \"start\": \"npm run db:push && node dist/index.js\",\n    \"postinstall\": \"drizzle-kit push\",\n    \"db:push\": \"drizzle-kit push\"\n  }\n}\n";
    assert_eq!(
        one("schema-push", "package.json", package),
        "{\n  \"scripts\": {\n    \"build\": \"vite build\",\n    \"start\": \"node dist/index.js\",\n    \"db:push\": \"drizzle-kit push\"\n  }\n}\n"
    );
}

#[test]
fn tls_to_the_database_is_verified_and_to_nothing_else_touched() {
    let db = "const pool = new Pool({ ssl: production ? { rejectUnauthorized: false } : false });\nconst agent = new https.Agent({ rejectUnauthorized: false });\n";
    let (after, items) = edited("database-tls", &[("server/db.ts", db)]);
    assert_eq!(
        after["server/db.ts"],
        "const pool = new Pool({ ssl: production ? { rejectUnauthorized: true } : false });\nconst agent = new https.Agent({ rejectUnauthorized: false });\n"
    );
    assert_eq!(items, ["server/db.ts:2 verify the other side here"]);
}

const DB: &str = "import pg from \"pg\";\nimport { drizzle } from \"drizzle-orm/node-postgres\";\n\nif (!process.env.DATABASE_URL) {\n  throw new Error(\"DATABASE_URL is missing\");\n}\n\nexport const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 });\nexport const db = drizzle(pool);\n";

const SESSIONS: &str = "import connectPg from \"connect-pg-simple\";\nimport session from \"express-session\";\n\nexport const store = new (connectPg(session))({ conString: process.env.DATABASE_URL!, createTableIfMissing: true, tableName: \"sessions\" });\n";

const PACKAGE: &str = "{\n  \"dependencies\": {\n    \"connect-pg-simple\": \"^10.0.0\",\n    \"pg\": \"^8.16.3\"\n  }\n}\n";

#[test]
fn pools_sign_in_to_dsql_with_a_fresh_token_each_time() {
    let files = [("server/db.ts", DB), ("server/auth/sessions.ts", SESSIONS), ("package.json", PACKAGE)];
    let (after, items) = with(&[("database", "dsql")], &files);
    assert_eq!(
        after["server/db.ts"],
        "import pg from \"pg\";\nimport { drizzle } from \"drizzle-orm/node-postgres\";\nimport { dsql } from \"./auth/dsql\";\n\nif (!process.env.DATABASE_URL && !process.env.PGHOST) {\n  throw new Error(\"DATABASE_URL is missing\");\n}\n\nexport const pool = new pg.Pool({ ...dsql(), max: 5 });\npool.on(\"error\", (error: Error) => console.error(`idle connection to Postgres: ${error.message}`));\nexport const db = drizzle(pool);\n"
    );
    assert!(after["server/auth/sessions.ts"].contains("import { dsql } from \"./dsql\";\n"), "{}", after["server/auth/sessions.ts"]);
    assert!(after["server/auth/sessions.ts"].contains("({ conObject: dsql(), createTableIfMissing: false, tableName: \"sessions\" })"));
    assert_eq!(after["server/auth/dsql.ts"], include_str!("../../../../assets/files/dsql.ts"));
    assert!(after["package.json"].contains("\"@aws-sdk/dsql-signer\": \"^3.750.0\""), "{}", after["package.json"]);
    assert!(!items.iter().any(|item| item.contains("token")), "{items:?}");
    for other in [&[("database", "rds")] as &[_], &[("database", "aurora")], &[]] {
        let (after, _) = with(other, &files);
        let own = after["server/db.ts"].lines().filter(|line| !line.contains("idle connection to Postgres"));
        assert!(own.eq(DB.lines()) && !after.contains_key("server/auth/dsql.ts"), "{other:?}");
    }
}

#[test]
fn what_opens_a_connection_to_dsql_another_way_is_told_with_its_place() {
    let files = [
        ("package.json", PACKAGE),
        ("drizzle.config.ts", "export default { dbCredentials: { url: process.env.DATABASE_URL } };\n"),
        ("server/a.ts", "import { drizzle } from \"drizzle-orm/node-postgres\";\nexport const db = drizzle(process.env.DATABASE_URL!);\n"),
        ("server/b.ts", "import postgres from \"postgres\";\nconst url = process.env.DATABASE_URL!;\nexport const sql = postgres(url);\n"),
        ("server/c.js", "const { Pool } = require(\"pg\");\nmodule.exports = new Pool({ connectionString: process.env.DATABASE_URL });\n"),
        ("server/d.ts", "import { Pool } from \"pg\";\nexport const pool = new Pool({ host: \"db\", max: 1 });\n"),
        ("app.py", "import os\nfrom sqlalchemy import create_engine\nengine = create_engine(os.environ[\"DATABASE_URL\"])\n"),
        ("jobs.py", "import os, psycopg\n\ndb = psycopg.connect(os.environ.get(\"DATABASE_URL\"))\n"),
        ("prisma/schema.prisma", "datasource db {\n  provider = \"postgresql\"\n  url      = env(\"DATABASE_URL\")\n}\n"),
    ];
    let (after, items) = with(&[("database", "dsql")], &files);
    for (place, word) in [
        ("drizzle.config.ts:1 ", "drizzle-kit"),
        ("server/a.ts:2 ", "drizzle(new Pool("),
        ("server/b.ts:2 ", "postgres({ host: "),
        ("server/c.js:2 ", "give this pool"),
        ("server/d.ts:2 ", "give this pool"),
        ("app.py:3 ", "do_connect"),
        ("jobs.py:3 ", "psycopg.connect(host="),
        ("prisma/schema.prisma:3 ", "adapter"),
    ] {
        assert!(items.iter().any(|item| item.starts_with(place) && item.contains(word)), "{place} {word}: {items:#?}");
    }
    // but for the line that listens for errors of a pool
    let ours = |line: &&str| !line.contains("idle connection to Postgres");
    for (path, text) in &files {
        assert!(after[*path].lines().filter(ours).eq(text.lines()), "{}", after[*path]);
    }
}

#[test]
fn sql_is_for_the_database_that_was_decided_for() {
    let files = [("server/sessions.ts", SESSIONS)];
    let sql = |answers: &[(&str, &str)]| with(answers, &files).0[".migrate/sql/sessions.sql"].clone();
    assert!(sql(&[]).contains("do $$ begin") && sql(&[("database", "rds")]) == sql(&[]) && sql(&[("database", "aurora")]) == sql(&[]));
    let dsql = sql(&[("database", "dsql")]);
    assert!(
        !dsql.contains("do $$") && dsql.contains("create index async if not exists \"IDX_sessions_expire\" on \"sessions\" (\"expire\");"),
        "{dsql}"
    );
}

#[test]
fn migrations_are_made_by_the_apps_own_tool() {
    for (push, tool, baseline, history) in [
        (
            "prisma db push",
            "npx prisma migrate dev,",
            "npx prisma migrate resolve --applied 0_init",
            "api/prisma/migrations/20240101000000_a/migration.sql",
        ),
        (
            "drizzle-kit push",
            "npx drizzle-kit generate,",
            "insert into drizzle.__drizzle_migrations (hash, created_at)",
            "api/drizzle/meta/_journal.json",
        ),
    ] {
        let package = format!("{{\n  \"scripts\": {{ \"build\": \"{push} && next build\" }}\n}}\n");
        // with migrations of its own, without any, with those of somebody else
        for (other, is_first) in [(history, false), ("api/a.sql", true), (history.trim_start_matches("api/"), true)] {
            let (_, items) = edited("schema-push", &[("api/package.json", &package), (other, "")]);
            assert!(items.len() == 1 && items[0].contains(tool), "{items:?}");
            assert_eq!((items[0].contains(baseline), items[0].contains(" once: ")), (is_first, is_first), "{other}: {items:?}");
        }
    }
    let package = "{\n  \"scripts\": { \"build\": \"prisma db push && next build\" }\n}\n";
    let (_, items) = edited("schema-push", &[("api/package.json", package), ("api/db/schema.prisma", "")]);
    assert!(items[0].contains("--to-schema-datamodel db/schema.prisma --script > db/migrations/0_init/migration.sql"), "{items:?}");
}

/// What was written while the database was RDS is the app's history: on Aurora DSQL its statements are told apart.
#[test]
fn a_migration_of_the_login_is_told_apart_for_dsql() {
    const FILE: &str = ".migrate/sql/auth_subject.sql";
    let rds = sql::subject(sql::Dialect::Postgres, "users", "text", "users_auth_subject_unique");
    for path in ["migrations/0002_auth_subject.sql", "prisma/migrations/20240101000001_auth_subject/migration.sql"] {
        let (after, items) = with(&[("database", "dsql")], &[(path, &rds)]);
        assert_eq!(after[path], rds, "history stays");
        assert_eq!(after[FILE], sql::subject(sql::Dialect::Dsql, "users", "text", "users_auth_subject_unique"));
        let item = items.iter().find(|item| item.starts_with(&format!("{path}:2 take this migration's statements apart"))).unwrap();
        assert!(
            item.contains("`alter table \"users\" add column if not exists \"auth_subject\" text;` and `create unique index async if not exists \"users_auth_subject_unique\" on \"users\" (\"auth_subject\");`"),
            "{item}"
        );
        for other in [&[("database", "rds")] as &[_], &[]] {
            let (after, items) = with(other, &[(path, &rds)]);
            assert_eq!((after.contains_key(FILE), items.iter().any(|item| item.contains("statements apart"))), (false, false), "{other:?}");
        }
        // taken apart by a person, and somebody else's of another meaning
        for text in [after[FILE].as_str(), "alter table x add column auth_subject text unique;\n"] {
            let (after, items) = with(&[("database", "dsql")], &[(path, text)]);
            assert!(!after.contains_key(FILE) && !items.iter().any(|item| item.contains("statements apart")), "{items:?}");
        }
    }
}
