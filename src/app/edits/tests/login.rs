//! Who signs in, by what, and the sessions that follow.

use super::*;

pub(super) const AUTH: &str = r#"import * as client from "openid-client";
import { Strategy, type VerifyFunction } from "openid-client/passport";
import { storage } from "./storage";

const getOidcConfig = () => client.discovery(new URL(process.env.ISSUER_URL ?? "https://replit.com/oidc"), process.env.REPL_ID!);

function updateUserSession(user: any, tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers) {
  user.claims = tokens.claims();
  user.refresh_token = tokens.refresh_token;
}

async function upsertUser(claims: any) {
  await storage.upsertUser({
    id: claims["sub"],
    email: claims["email"],
    firstName: claims["first_name"],
    profileImageUrl: claims["profile_image_url"],
  });
}

export async function setupAuth(app: Express) {
  const verify: VerifyFunction = async (tokens, verified) => {
    const user = {};
    updateUserSession(user, tokens);
    await upsertUser(tokens.claims());
    verified(null, user);
  };
  for (const domain of process.env.REPLIT_DOMAINS!.split(",")) {
    passport.use(new Strategy({ name: `replitauth:${domain}`, scope: "openid email profile offline_access" }, verify));
  }
  app.get("/api/login", (req, res, next) => {
    passport.authenticate(`replitauth:${req.hostname}`, { prompt: "login consent", scope: ["openid", "email", "profile", "offline_access"] })(req, res, next);
  });
  app.get("/api/logout", (req, res) => {
    req.logout(() => {
      res.redirect(
        client.buildEndSessionUrl(config, {
          client_id: process.env.REPL_ID!,
          post_logout_redirect_uri: `${req.protocol}://${req.hostname}`,
        }).href
      );
    });
  });
}
"#;

const STORAGE: &str = r#"import { users, type User, type UpsertUser } from "@shared/schema";
import { db } from "./db";
import { eq } from "drizzle-orm";

export class DatabaseStorage {
  async getUser(id: string): Promise<User | undefined> {
    const [user] = await db.select().from(users).where(eq(users.id, id));
    return user;
  }

  async upsertUser(userData: UpsertUser): Promise<User> {
    const [user] = await db
      .insert(users)
      .values(userData)
      .onConflictDoUpdate({
        target: users.id,
        set: { ...userData, updatedAt: new Date() },
      })
      .returning();
    return user;
  }
}
"#;

const SCHEMA: &str = r#"import { pgTable, varchar } from "drizzle-orm/pg-core";

export const users = pgTable("users", {
  id: varchar("id").primaryKey(),
  email: varchar("email").unique(),
  firstName: varchar("first_name"),
});
"#;

#[test]
fn replits_login_becomes_cognitos_and_people_keep_their_ids() {
    let (after, items) = edited("login", &[("server/replitAuth.ts", AUTH), ("server/storage.ts", STORAGE), ("shared/schema.ts", SCHEMA)]);
    assert_eq!(
        after["server/replitAuth.ts"],
        r#"import * as client from "openid-client";
import { Strategy, type VerifyFunction } from "openid-client/passport";
import { storage } from "./storage";

const getOidcConfig = () => client.discovery(new URL(process.env.ISSUER_URL!), process.env.COGNITO_CLIENT_ID!);

function updateUserSession(user: any, tokens: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers) {
  user.claims = { ...tokens.claims(), ...(user.claims && { sub: user.claims.sub }) };
  user.refresh_token = tokens.refresh_token ?? user.refresh_token;
}

async function upsertUser(claims: any) {
  return storage.upsertUser({
    id: claims["sub"],
    email: String(claims["email_verified"]) === "true" ? claims["email"] : undefined,
    firstName: claims["given_name"],
    profileImageUrl: claims["picture"],
  });
}

// Cognito's logout is no end-session request of the standard. The address must be one of the pool's logout URLs, with its slash.
function logoutUrl(config: client.Configuration, wanted: { client_id: string; logout_uri: string }) {
  const url = new URL("/logout", config.serverMetadata().authorization_endpoint!);
  url.searchParams.set("client_id", wanted.client_id);
  url.searchParams.set("logout_uri", new URL("/", wanted.logout_uri).href);
  return url;
}

export async function setupAuth(app: Express) {
  const verify: VerifyFunction = async (tokens, verified) => {
    const user: any = {};
    updateUserSession(user, tokens);
    const known = await upsertUser(tokens.claims());
    user.claims = { ...user.claims, sub: known.id };
    verified(null, user);
  };
  for (const domain of process.env.REPLIT_DOMAINS!.split(",")) {
    passport.use(new Strategy({ name: `oidc:${domain}`, scope: "openid email profile" }, verify));
  }
  app.get("/api/login", (req, res, next) => {
    passport.authenticate(`oidc:${req.hostname}`, { prompt: "login", scope: ["openid", "email", "profile"] })(req, res, next);
  });
  app.get("/api/logout", (req, res) => {
    req.logout(() => {
      res.redirect(
        logoutUrl(config, {
          client_id: process.env.COGNITO_CLIENT_ID!,
          logout_uri: `${req.protocol}://${req.hostname}`,
        }).href
      );
    });
  });
}
"#
    );
    assert_eq!(
        after["server/storage.ts"],
        r#"import { users, type User, type UpsertUser } from "@shared/schema";
import { db } from "./db";
import { eq, sql } from "drizzle-orm";

export class DatabaseStorage {
  async getUser(id: string): Promise<User | undefined> {
    const [user] = await db.select().from(users).where(eq(users.id, id));
    return user;
  }

  async upsertUser(userData: UpsertUser): Promise<User> {
    // The subject of the login is not the person's id: ids stay as they are, whoever issued them.
    const { id, ...profile } = userData;
    const authSubject = String(id);
    const set = { ...profile, authSubject, updatedAt: new Date() };
    const [known] = await db.update(users).set(set).where(eq(users.authSubject, authSubject)).returning();
    if (known) return known;

    // The first login at Cognito: the caller gives an e-mail only if it is verified.
    if (profile.email) {
      const [same] = await db
        .select({ id: users.id })
        .from(users)
        .where(sql`lower(${users.email}) = lower(${profile.email})`)
        .orderBy(sql`${users.email} = ${profile.email} desc`)
        .limit(1);
      if (same) {
        const [linked] = await db.update(users).set(set).where(eq(users.id, same.id)).returning();
        return linked;
      }
    }

    const [created] = await db
      .insert(users)
      .values({ id: authSubject, ...set })
      .onConflictDoUpdate({ target: users.authSubject, set })
      .returning();
    return created;
  }
}
"#
    );
    assert_eq!(
        after["shared/schema.ts"],
        r#"import { pgTable, text, varchar } from "drizzle-orm/pg-core";

export const users = pgTable("users", {
  id: varchar("id").primaryKey(),
  email: varchar("email").unique(),
  authSubject: text("auth_subject").unique(),
  firstName: varchar("first_name"),
});
"#
    );
    assert!(after[".migrate/sql/auth_subject.sql"].contains("add column if not exists \"auth_subject\" text"));
    assert!(items.iter().any(|item| item.starts_with(".migrate/sql/auth_subject.sql:0 run this file")), "{items:?}");
}

const JOURNAL: &str = "{\n  \"version\": \"7\",\n  \"dialect\": \"postgresql\",\n  \"entries\": [\n    {\n      \"idx\": 0,\n      \"version\": \"7\",\n      \"when\": 1712000000000,\n      \"tag\": \"0000_first\",\n      \"breakpoints\": true\n    }\n  ]\n}\n";
const SNAPSHOT: &str = r#"{ "id": "6c1cbb1d-0000-4000-8000-000000000001", "prevId": "00000000-0000-0000-0000-000000000000", "tables": { "public.users": { "name": "users", "columns": { "id": {} }, "uniqueConstraints": {} } } }"#;

#[test]
fn the_column_of_the_login_is_the_apps_next_migration() {
    let code = [("server/replitAuth.ts", AUTH), ("server/storage.ts", STORAGE), ("shared/schema.ts", SCHEMA)];
    let run = |journal: &str, snapshot: &str, at: &str| {
        let mut files = code.to_vec();
        files.extend([("migrations/meta/_journal.json", journal), (at, snapshot)]);
        edited("login", &files)
    };
    const AT: &str = "migrations/meta/0000_snapshot.json";
    let (after, items) = run(JOURNAL, SNAPSHOT, AT);
    let sql = &after["migrations/0001_auth_subject.sql"];
    assert!(sql.ends_with("add column if not exists \"auth_subject\" text constraint \"users_auth_subject_unique\" unique;\n"), "{sql}");
    let entry = "    },\n    {\n      \"idx\": 1,\n      \"version\": \"7\",\n      \"when\": 1712000000001,\n      \"tag\": \"0001_auth_subject\",\n      \"breakpoints\": true\n    }\n  ]\n}\n";
    assert_eq!(after["migrations/meta/_journal.json"], JOURNAL.replace("    }\n  ]\n}\n", entry));
    let new: serde_json::Value = serde_json::from_str(&after["migrations/meta/0001_snapshot.json"]).unwrap();
    assert_eq!(new["prevId"], "6c1cbb1d-0000-4000-8000-000000000001");
    assert_eq!(new["tables"]["public.users"]["columns"]["auth_subject"]["type"], "text");
    assert_eq!(new["tables"]["public.users"]["uniqueConstraints"]["users_auth_subject_unique"]["columns"][0], "auth_subject");
    assert!(!after.contains_key(".migrate/sql/auth_subject.sql"), "one place says it");
    assert!(items.iter().any(|item| item.starts_with("migrations/0001_auth_subject.sql:0 see that the app's migrations run")), "{items:?}");
    // a journal whose snapshot is gone, one that is not PostgreSQL's, numbers of another kind, a table that it does not know
    for (journal, snapshot, at) in [
        (JOURNAL.to_owned(), SNAPSHOT, "migrations/meta/0003_snapshot.json"),
        (JOURNAL.replace("postgresql", "sqlite"), SNAPSHOT, AT),
        (JOURNAL.replace("0000_first", "20240101_first"), SNAPSHOT, AT),
        (JOURNAL.to_owned(), r#"{ "id": "a", "prevId": "b", "tables": {} }"#, AT),
    ] {
        let (after, items) = run(&journal, snapshot, at);
        assert_eq!(after["migrations/meta/_journal.json"], journal);
        assert!(after.contains_key(".migrate/sql/auth_subject.sql"), "{journal}");
        assert!(
            items.iter().any(|item| item.contains("psql \"$DATABASE_URL\" -f") && item.contains("nothing runs it by itself")),
            "{items:?}"
        );
    }
}

#[test]
fn half_a_link_is_none() {
    let (after, items) = edited("login", &[("server/replitAuth.ts", AUTH), ("shared/schema.ts", SCHEMA)]);
    assert_eq!(after["shared/schema.ts"], SCHEMA);
    assert_eq!(after["server/replitAuth.ts"], AUTH, "nor is its issuer another one");
    assert!(
        items
            .iter()
            .any(|item| item
                .starts_with("server/replitAuth.ts:0 link people by verified e-mail and keep their ids; not found: upsertUser with")),
        "{items:?}"
    );
}

const FLASK: &str = "import os\nfrom flask_dance.consumer import OAuth2ConsumerBlueprint\n\nfrom app import app, db\nfrom models import OAuth, User\n\ndef make_replit_blueprint():\n    return OAuth2ConsumerBlueprint(\n        \"replit_auth\", __name__, client_id=os.environ['REPL_ID'])\n";

#[test]
fn replits_login_in_flask_is_replaced_behind_its_names() {
    let models = "from app import db\n\nclass User(UserMixin, db.Model):\n    __tablename__ = 'users'\n    id = db.Column(db.String, primary_key=True)\n    email = db.Column(db.String, unique=True, nullable=True)\n    first_name = db.Column(db.String)\n";
    let (after, items) =
        edited("login-flask", &[("replit_auth.py", FLASK), ("models.py", models), ("requirements.txt", "flask\nrequests==2.32.3")]);
    let file = &after["replit_auth.py"];
    assert!(file.contains("\nfrom app import app, db\nfrom models import User\n\nlogin_manager = LoginManager(app)\n"), "{file}");
    for name in [
        "def make_replit_blueprint():",
        "def save_user(user_claims):",
        "def require_login(f):",
        "def load_user(user_id):",
        "\nreplit = LocalProxy(",
    ] {
        assert!(file.contains(name), "missing: {name}");
    }
    assert!(
        after["models.py"].contains("nullable=True)\n    auth_subject = db.Column(db.String, unique=True, nullable=True)\n    first_name"),
        "{}",
        after["models.py"]
    );
    assert_eq!(after["requirements.txt"], "flask\nrequests==2.32.3\nauthlib>=1.3.2\n");
    assert!(file.contains("@blueprint.route(\"/replit_auth\")"), "links that are written down lead to Flask-Dance's address: {file}");
    for (given, then) in [
        (
            "[project]\ndependencies = [\n  \"flask\",\n]\n",
            "[project]\ndependencies = [\n  \"authlib>=1.3.2\",\n  \"requests>=2.31\",\n  \"flask\",\n]\n",
        ),
        (
            "[project]\ndependencies = [\"flask\", \"requests-oauthlib>=2\"]\n",
            "[project]\ndependencies = [\"authlib>=1.3.2\", \"requests>=2.31\", \"flask\", \"requests-oauthlib>=2\"]\n",
        ),
        ("[project]\ndependencies = []\n", "[project]\ndependencies = [\"authlib>=1.3.2\", \"requests>=2.31\"]\n"),
        (
            "[tool.poetry.dependencies]\npython = \"^3.11\"\nrequests = \"*\"\n",
            "[tool.poetry.dependencies]\nauthlib = \">=1.3.2\"\npython = \"^3.11\"\nrequests = \"*\"\n",
        ),
        ("[project]\ndependencies = [\"Authlib\", 'requests[socks]']\n", "[project]\ndependencies = [\"Authlib\", 'requests[socks]']\n"),
    ] {
        let (after, _) = edited("login-flask", &[("replit_auth.py", FLASK), ("models.py", models), ("pyproject.toml", given)]);
        assert_eq!(after["pyproject.toml"], then);
    }
    assert!(after[".migrate/sql/auth_subject.sql"].contains("alter table \"users\" add column"));
    assert_eq!(items.len(), 1, "{items:?}");
    let (after, items) = edited("login-flask", &[("replit_auth.py", FLASK)]);
    assert_eq!(after["replit_auth.py"], FLASK);
    assert!(items[0].starts_with("replit_auth.py:8 sign people in with Cognito here"), "{items:?}");
}

#[test]
fn sessions_are_kept_in_a_table_that_the_schema_makes() {
    let server = "import connectPg from \"connect-pg-simple\";\nconst store = new (connectPg(session))({\n  createTableIfMissing: true,\n  tableName: \"sessions\",\n});\n";
    let (after, items) = edited("session-table", &[("server/auth.ts", server)]);
    assert_eq!(after["server/auth.ts"], server.replace("Missing: true", "Missing: false"));
    assert!(after[".migrate/sql/sessions.sql"].contains("create table if not exists \"sessions\" ("));
    assert_eq!(items, ["server/auth.ts:3 run .migrate/sql/sessions.sql on the target database before the first start"]);
    // where the app's schema has it, with jsonb as Replit's template, a second word about it would be a change of its type
    for (path, schema) in [
        (
            "shared/schema.ts",
            "export const sessions = pgTable(\n  \"sessions\",\n  { sid: varchar(\"sid\").primaryKey(), sess: jsonb(\"sess\").notNull() });\n",
        ),
        ("prisma/schema.prisma", "model Session {\n  sid String @id\n  sess Json\n  @@map(\"sessions\")\n}\n"),
    ] {
        let (after, items) = edited("session-table", &[("server/auth.ts", server), (path, schema)]);
        assert!(after["server/auth.ts"].contains("Missing: false") && after.len() == 2 && items.is_empty(), "{after:?} {items:?}");
    }
}

#[test]
fn a_store_in_memory_becomes_the_database() {
    let storage = "import session from \"express-session\";\nimport createMemoryStore from \"memorystore\";\n\nconst MemoryStore = createMemoryStore(session);\n\nexport class MemStorage {\n  sessionStore = new MemoryStore({ checkPeriod: 86400000 });\n  url = process.env.DATABASE_URL;\n}\n";
    let package = "{\n  \"dependencies\": {\n    \"express-session\": \"^1.18.1\",\n    \"memorystore\": \"^1.6.7\"\n  },\n  \"devDependencies\": {\n    \"tsx\": \"4\"\n  }\n}\n";
    let (after, _) = edited("session-store", &[("server/storage.ts", storage), ("package.json", package)]);
    assert_eq!(
        after["server/storage.ts"],
        "import session from \"express-session\";\nimport connectPg from \"connect-pg-simple\";\n\nconst PgStore = connectPg(session);\n\nexport class MemStorage {\n  sessionStore = new PgStore({ conString: process.env.DATABASE_URL, tableName: \"session\", createTableIfMissing: false });\n  url = process.env.DATABASE_URL;\n}\n"
    );
    assert_eq!(
        after["package.json"],
        "{\n  \"dependencies\": {\n    \"connect-pg-simple\": \"^10.0.0\",\n    \"express-session\": \"^1.18.1\"\n  },\n  \"devDependencies\": {\n    \"@types/connect-pg-simple\": \"^7.0.3\",\n    \"tsx\": \"4\"\n  }\n}\n"
    );
    let plain = "import session from \"express-session\";\napp.use(session({ store: new session.MemoryStore() }));\n";
    let (after, items) = edited("session-store", &[("server/index.ts", plain)]);
    assert_eq!((after["server/index.ts"].as_str(), items.len()), (plain, 1), "no database: {items:?}");
}

#[test]
fn cookies_are_for_the_apps_own_site() {
    for (given, then) in [
        ("x = { sameSite: \"none\" };", "x = { sameSite: \"lax\" };"),
        ("x = { sameSite: 'none' as const };", "x = { sameSite: 'lax' as const };"),
        ("x = { sameSite: production ? \"none\" : \"lax\" };", "x = { sameSite: \"lax\" };"),
        ("x = { sameSite: \"strict\", none: 1 };", "x = { sameSite: \"strict\", none: 1 };"),
    ] {
        assert_eq!(one("cookie-same-site", "server/a.ts", given), then);
    }
    assert_eq!(
        one("cookie-same-site", "app.py", "app.config[\"SESSION_COOKIE_SAMESITE\"] = \"None\"\n"),
        "app.config[\"SESSION_COOKIE_SAMESITE\"] = \"Lax\"\n"
    );
}

#[test]
fn the_load_balancer_is_trusted_where_cookies_are_secure() {
    let server = "import express from 'express'\nimport session from 'express-session'\nconst app = express()\napp.use(session({ cookie: { secure: true } }))\n";
    assert_eq!(
        one("trust-proxy", "server/index.js", server),
        "import express from 'express'\nimport session from 'express-session'\nconst app = express()\napp.set('trust proxy', 1)\napp.use(session({ cookie: { secure: true } }))\n"
    );
}
