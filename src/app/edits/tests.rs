use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::app::builtin_signals;

fn asked(files: &[(String, String)], only: &[String]) -> Result<Vec<Prepared>> {
    prepare(files, &Asked { only, left: &BTreeSet::new(), decided: &Decided::default() }, None)
}

/// The files after one edit, and its items as `file:line what`; a second time it has nothing to change.
fn edited(id: &str, files: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
    let given: Vec<(String, String)> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let only = [id.to_owned()];
    let prepared = asked(&given, &only).unwrap();
    let mut after: BTreeMap<String, String> = given.into_iter().collect();
    let mut items = Vec::new();
    for one in &prepared {
        for change in &one.changes {
            assert!(!change.reasons.is_empty(), "{id}: no reason for {}", change.path);
            match &change.after {
                Some(text) => after.insert(change.path.clone(), text.clone()),
                None => after.remove(&change.path),
            };
        }
        items.extend(one.items.iter().map(|item| format!("{}:{} {}", item.path, item.line.unwrap_or_default(), item.what)));
    }
    let again: Vec<(String, String)> = after.clone().into_iter().collect();
    let second = asked(&again, &only).unwrap();
    let changed: Vec<&str> = second.iter().flat_map(|one| &one.changes).map(|change| change.diff.as_str()).collect();
    assert!(changed.is_empty(), "{id} changes its own result:\n{}", changed.join("\n"));
    after.remove(CHECKLIST);
    (after, items)
}

/// One file after one edit.
fn one(id: &str, path: &str, text: &str) -> String {
    edited(id, &[(path, text)]).0.remove(path).unwrap()
}

#[test]
fn the_table_and_the_code_agree_and_every_signal_is_known() {
    let signals: Vec<String> = builtin_signals().unwrap().into_iter().map(|signal| signal.id).collect();
    let mut ids = BTreeSet::new();
    for edit in known().unwrap() {
        assert!(make(&edit.id).is_some(), "no code makes {}", edit.id);
        assert!(ids.insert(edit.id.clone()), "{} is there twice", edit.id);
        for signal in edit.signals.iter().chain(&edit.eases) {
            assert!(signals.contains(signal), "{}: no signal {signal}", edit.id);
        }
    }
    let error = asked(&[], &["neno".to_owned()]).unwrap_err();
    assert_eq!((error.kind, error.what.contains("neno")), (Kind::Usage, true), "{error}");
}

#[test]
fn replits_plugins_leave_vite_and_the_packages() {
    let config = "import { defineConfig } from \"vite\";\nimport react from \"@vitejs/plugin-react\";\nimport overlay from \"@replit/vite-plugin-runtime-error-modal\";\n\nexport default defineConfig({\n  plugins: [\n    react(),\n    overlay(),\n    ...(process.env.REPL_ID !== undefined\n      ? [await import(\"@replit/vite-plugin-cartographer\").then((m) => m.cartographer())]\n      : []),\n  ],\n});\n";
    let package = "{\n  \"devDependencies\": {\n    \"@replit/vite-plugin-cartographer\": \"^0.4.4\",\n    \"@replit/vite-plugin-runtime-error-modal\": \"^0.0.3\",\n    \"vite\": \"^7.3.0\"\n  }\n}\n";
    let (after, items) = edited("vite-plugins", &[("vite.config.ts", config), ("package.json", package)]);
    assert_eq!(
        after["vite.config.ts"],
        "import { defineConfig } from \"vite\";\nimport react from \"@vitejs/plugin-react\";\n\nexport default defineConfig({\n  plugins: [\n    react(),\n  ],\n});\n"
    );
    assert_eq!(after["package.json"], "{\n  \"devDependencies\": {\n    \"vite\": \"^7.3.0\"\n  }\n}\n");
    assert_eq!(items, [] as [String; 0]);
}

#[test]
fn another_plugin_beside_replits_stays() {
    let config = "import { a } from \"./a\";\nexport default {\n  plugins: [a(), ...(dev ? [(await import(\"@replit/vite-plugin-cartographer\")).cartographer(), a()] : [])],\n};\n";
    assert_eq!(
        one("vite-plugins", "vite.config.js", config),
        "import { a } from \"./a\";\nexport default {\n  plugins: [a(), ...(dev ? [a()] : [])],\n};\n"
    );
}

#[test]
fn the_banner_goes_with_its_comment() {
    let page = "<body>\n    <div id=\"root\"></div>\n    <!-- A Replit banner. -->\n    <script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n  </body>\n";
    assert_eq!(one("dev-banner", "client/index.html", page), "<body>\n    <div id=\"root\"></div>\n  </body>\n");
    let page = "<body>\n<!-- replit-dev-banner.js shows in a pop-up -->\n<script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\n</body>\n";
    assert_eq!(one("dev-banner", "index.html", page), "<body>\n</body>\n", "a comment that speaks of it is not it");
    let page = "<p>x</p>\r\n<script src=\"https://replit.com/public/js/replit-dev-banner.js\"></script>\r\n<p>y</p>\r\n";
    assert_eq!(one("dev-banner", "index.html", page), "<p>x</p>\r\n<p>y</p>\r\n");
}

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
}

const AUTH: &str = r#"import * as client from "openid-client";
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
    let server = "import express from 'express'\nconst app = express()\napp.use(session({ cookie: { secure: true } }))\n";
    assert_eq!(
        one("trust-proxy", "server/index.js", server),
        "import express from 'express'\nconst app = express()\napp.set('trust proxy', 1)\napp.use(session({ cookie: { secure: true } }))\n"
    );
}

#[test]
fn keys_of_a_connector_come_from_the_environment() {
    let resend = "import { Resend } from 'resend';\n\nlet connectionSettings: any;\n\nasync function getCredentials() {\n  const hostname = process.env.REPLIT_CONNECTORS_HOSTNAME\n  connectionSettings = await fetch('https://' + hostname + '/api/v2/connection?include_secrets=true&connector_names=resend').then(res => res.json()).then(data => data.items?.[0]);\n  if (!connectionSettings) throw new Error('Resend not connected');\n  return {apiKey: connectionSettings.settings.api_key, fromEmail: connectionSettings.settings.from_email};\n}\n\nexport async function getResendClient() {\n  const { apiKey, fromEmail } = await getCredentials();\n  return { client: new Resend(apiKey), fromEmail };\n}\n";
    assert_eq!(
        one("connectors", "server/resend.ts", resend),
        "import { Resend } from 'resend';\n\nasync function getCredentials() {\n  const apiKey = process.env.RESEND_API_KEY;\n  const fromEmail = process.env.RESEND_FROM_EMAIL;\n  if (!apiKey || !fromEmail) {\n    throw new Error('RESEND_API_KEY and RESEND_FROM_EMAIL must be set');\n  }\n  return { apiKey, fromEmail };\n}\n\nexport async function getResendClient() {\n  const { apiKey, fromEmail } = await getCredentials();\n  return { client: new Resend(apiKey), fromEmail };\n}\n"
    );
    let google = "async function getAccessToken() {\n  const hostname = process.env.REPLIT_CONNECTORS_HOSTNAME\n  const url = 'https://' + hostname + '/api/v2/connection?connector_names=google-calendar';\n  return (await fetch(url)).json();\n}\n";
    let (after, items) = edited("connectors", &[("server/calendar.ts", google)]);
    assert_eq!(after["server/calendar.ts"], google);
    assert_eq!(
        items,
        ["server/calendar.ts:2 make an app of your own at google-calendar (OAuth, or a service account) and get its token here"]
    );
}

#[test]
fn replits_mailer_is_left_to_a_person() {
    let python = "import requests\n\nrequests.post(\"https://connectors.replit.com/api/v2/mailer/send\", json={})\n";
    let (after, items) = edited("mailer", &[("mail.py", python)]);
    assert_eq!(after["mail.py"], python);
    assert!(items[0].starts_with("mail.py:3 send by SES here (boto3"), "{items:?}");
}

#[test]
fn stripes_sync_starts_only_where_the_payments_are_taken() {
    let server = "async function initStripe() {\n  const sync = await getStripeSync();\n  const base = `https://${process.env.REPLIT_DOMAINS?.split(',')[0]}`;\n  await sync.findOrCreateManagedWebhook(`${base}/api/stripe/webhook`);\n}\n";
    let (after, items) = edited(
        "stripe-sync",
        &[("server/index.ts", server), ("script/build.ts", "const allowlist = [\n  \"stripe\",\n  \"stripe-replit-sync\",\n];\n")],
    );
    assert_eq!(
        after["server/index.ts"],
        "async function initStripe() {\n  // The sync deletes and makes the webhook at Stripe: with a live key only the deployment that takes the payments may start it.\n  const stripeTest = /^[rs]k_test_/.test(process.env.STRIPE_SECRET_KEY ?? '');\n  if (process.env.STRIPE_SYNC !== 'live' && !stripeTest) {\n    console.warn('Stripe sync is off: STRIPE_SYNC=live switches it on where the payments are taken');\n    return;\n  }\n  if (!process.env.REPLIT_DOMAINS) {\n    console.error('Stripe sync is off: REPLIT_DOMAINS does not name the host that the webhook is made for');\n    return;\n  }\n  const sync = await getStripeSync();\n  const base = `https://${process.env.REPLIT_DOMAINS?.split(',')[0]}`;\n  await sync.findOrCreateManagedWebhook(`${base}/api/stripe/webhook`);\n}\n"
    );
    assert_eq!(after["script/build.ts"], "const allowlist = [\n  \"stripe\",\n];\n");
    assert!(items[0].contains("STRIPE_SYNC=live on the service at the cutover"), "{items:?}");
}

#[test]
fn addresses_at_replit_come_from_the_environment() {
    for (path, given, then) in [
        ("server/a.ts", "const url = \"https://shop.replit.app\";", "const url = process.env.APP_URL!;"),
        ("server/a.js", "const url = 'https://shop.replit.app';", "const url = process.env.APP_URL;"),
        ("server/a.ts", "mail(\"https://shop.replit.app/reset?x=1\");", "mail(`${process.env.APP_URL}/reset?x=1`);"),
        ("server/a.ts", "mail(`see https://shop.replit.app/o/${id}`);", "mail(`see ${process.env.APP_URL}/o/${id}`);"),
        ("server/a.ts", "u = `https://${process.env.REPL_SLUG}.${process.env.REPL_OWNER}.repl.co/cb`;", "u = `${process.env.APP_URL}/cb`;"),
        ("client/src/a.ts", "const url = \"https://shop.replit.app/x\";", "const url = `${window.location.origin}/x`;"),
        ("a.py", "import os\nURL = \"https://shop.replit.app/x\"\n", "import os\nURL = (os.environ[\"APP_URL\"] + \"/x\")\n"),
    ] {
        assert_eq!(one("hosts", path, given), then);
    }
    let key = "const names = { \"https://shop.replit.app\": 1 };\ntype Own = \"https://shop.replit.app\";\n";
    let (after, items) = edited("hosts", &[("server/a.ts", key)]);
    assert_eq!((after["server/a.ts"].as_str(), items.len()), (key, 2), "a key and a type are no values: {items:?}");
    let (after, items) = edited("hosts", &[("client/index.html", "<a\nhref=\"https://shop.replit.app\">x</a>\n")]);
    assert_eq!((after.len(), items.len()), (1, 1), "{items:?}");
    assert!(items[0].starts_with("client/index.html:2 "), "{items:?}");
}

#[test]
fn preview_hosts_are_let_in_no_longer() {
    for (given, then) in [
        ("const origins = [\"http://localhost:5000\", \"https://x.replit.dev\"];", "const origins = [\"http://localhost:5000\"];"),
        ("ok = origin === own || origin.endsWith(\".replit.dev\") || origin.endsWith(\".repl.co\");", "ok = origin === own;"),
        ("ok = /\\.replit\\.dev$/.test(origin) || origin === own;", "ok = origin === own;"),
        ("hosts = [/\\.replit\\.app$/, own];", "hosts = [own];"),
    ] {
        assert_eq!(one("preview-hosts", "server/cors.ts", given), then);
    }
    let (_, items) = edited("preview-hosts", &[("server/cors.ts", "if (origin.endsWith(\".replit.dev\")) allow();\n")]);
    assert_eq!(items, ["server/cors.ts:1 let in the new host instead"]);
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
}

#[test]
fn the_production_bundle_no_longer_needs_vite() {
    let vite = "import express, { type Express } from \"express\";\nimport fs from \"fs\";\nimport path from \"path\";\nimport { createServer as createViteServer } from \"vite\";\n\nexport function log(message: string) {\n  console.log(message);\n}\n\nexport async function setupVite(app: Express) {\n  const vite = await createViteServer({});\n  log(\"vite\");\n  app.use(vite.middlewares);\n  await fs.promises.readFile(path.resolve(\"index.html\"));\n}\n\nexport function serveStatic(app: Express) {\n  const distPath = path.resolve(import.meta.dirname, \"public\");\n  app.use(express.static(distPath));\n}\n";
    let index = "import express from \"express\";\nimport { setupVite, serveStatic, log } from \"./vite\";\n\n(async () => {\n  if (app.get(\"env\") === \"development\") {\n    await setupVite(app);\n  } else {\n    serveStatic(app);\n  }\n  log(\"up\");\n})();\n";
    let (after, items) = edited("vite-server", &[("server/vite.ts", vite), ("server/index.ts", index)]);
    assert_eq!(
        after["server/static.ts"],
        "import express, { type Express } from \"express\";\nimport path from \"path\";\n\nexport function log(message: string) {\n  console.log(message);\n}\n\nexport function serveStatic(app: Express) {\n  const distPath = path.resolve(import.meta.dirname, \"public\");\n  app.use(express.static(distPath));\n}\n"
    );
    assert_eq!(
        after["server/index.ts"],
        "import express from \"express\";\nimport { serveStatic, log } from \"./static\";\n\n(async () => {\n  if (app.get(\"env\") === \"development\") {\n    // An address that the bundler does not follow: vite's server is for development only.\n    const { setupVite } = await import(new URL(\"./vite.ts\", import.meta.url).href);\n    await setupVite(app);\n  } else {\n    serveStatic(app);\n  }\n  log(\"up\");\n})();\n"
    );
    let left = &after["server/vite.ts"];
    assert!(
        left.contains("import { log } from \"./static\";") && !left.contains("serveStatic") && !left.contains("function log"),
        "{left}"
    );
    assert_eq!(items, [] as [String; 0]);
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

#[test]
fn the_app_starts_without_an_openai_key() {
    for (given, then) in [
        (
            "const openai = new OpenAI({ apiKey: process.env.KEY });",
            "const openai = new OpenAI({ apiKey: process.env.KEY ?? \"not-set\" });",
        ),
        (
            "const openai = new OpenAI({ apiKey: process.env.KEY! });",
            "const openai = new OpenAI({ apiKey: process.env.KEY ?? \"not-set\" });",
        ),
        ("const openai = new OpenAI();", "const openai = new OpenAI({ apiKey: process.env.OPENAI_API_KEY ?? \"not-set\" });"),
        (
            "function f() { return new OpenAI({ apiKey: process.env.KEY }); }",
            "function f() { return new OpenAI({ apiKey: process.env.KEY }); }",
        ),
    ] {
        let import = "import OpenAI from \"openai\";\n";
        assert_eq!(one("openai-key", "server/ai.ts", &format!("{import}{given}\n")), format!("{import}{then}\n"));
    }
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

/// Drop-ins as `assets/shims` has them, of a word each.
#[test]
fn replits_packages_and_files_are_stood_in_for() {
    let package = "{\n  \"dependencies\": {\n    \"@google-cloud/storage\": \"^7\",\n    \"express\": \"5\"\n  }\n}\n";
    let (after, _) = edited(
        "object-storage",
        &[
            ("package.json", package),
            ("server/objectStorage.ts", "import { Storage } from \"@google-cloud/storage\";\nconst sidecar = \"http://127.0.0.1:1106\";\n"),
            ("server/objectAcl.ts", "old\n"),
        ],
    );
    assert_eq!(
        after["package.json"],
        "{\n  \"dependencies\": {\n    \"@aws-sdk/client-s3\": \"^3.700.0\",\n    \"@aws-sdk/s3-request-presigner\": \"^3.700.0\",\n    \"express\": \"5\"\n  }\n}\n"
    );
    assert_eq!(after["server/objectStorage.ts"], include_str!("../../../assets/shims/objectStorage.ts"));
    assert_eq!(after["server/objectAcl.ts"], include_str!("../../../assets/shims/objectAcl.ts"));

    let package = "{\n  \"dependencies\": {\n    \"@replit/object-storage\": \"^1.0.0\"\n  }\n}\n";
    let (after, _) = edited("object-storage", &[("package.json", package), ("apps/web/package.json", package)]);
    assert_eq!(after["package.json"], package.replace("^1.0.0", "file:./.migrate/shims/object-storage"));
    assert_eq!(after["apps/web/package.json"], package.replace("^1.0.0", "file:../../.migrate/shims/object-storage"), "one place for all");
    assert_eq!(after[".migrate/shims/object-storage/index.js"], include_str!("../../../assets/shims/node/object-storage/index.js"));

    let (after, _) = edited("key-value", &[("main.py", "from replit import db\n"), ("requirements.txt", "flask\nreplit==3.2.4\n")]);
    assert_eq!(after["requirements.txt"], "flask\n./.migrate/shims/python/replit\n");
    assert_eq!(after[".migrate/shims/python/replit/pyproject.toml"], include_str!("../../../assets/shims/python/replit/pyproject.toml"));

    let poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\nreplit = \"^4.1\"\nreplit-object-storage = \"^1.0\"\n";
    let (after, items) = edited("key-value", &[("main.py", "from replit import db\n"), ("pyproject.toml", poetry), ("poetry.lock", "")]);
    assert_eq!(
        after["pyproject.toml"],
        "[tool.poetry.dependencies]\npython = \"^3.11\"\nreplit = { path = \".migrate/shims/python/replit\" }\n"
    );
    assert_eq!(items, ["poetry.lock:0 run `poetry lock` and commit this file"]);
    let (after, items) = edited("key-value", &[("main.py", "from replit import db\n"), ("pyproject.toml", "[project]\nname = \"x\"\n")]);
    assert_eq!((after["pyproject.toml"].as_str(), items.len()), ("[project]\nname = \"x\"\n", 1), "{items:?}");

    let (after, items) = edited("object-storage", &[("server/files.ts", "const sidecar = \"http://127.0.0.1:1106\";\n")]);
    assert_eq!(after.len(), 1, "another file than the template's is left");
    assert!(items.iter().any(|item| item.starts_with("server/files.ts:1 reach the objects by S3 here")), "{items:?}");
}

#[test]
fn openai_becomes_bedrock_only_where_that_was_decided() {
    let package = "{\n  \"dependencies\": {\n    \"openai\": \"^6.1.0\"\n  }\n}\n";
    let code = "import OpenAI from \"openai\";\nexport const a = () => new OpenAI().embeddings.create({ model: \"m\", input: \"x\" });\n";
    let files = [("package.json".to_owned(), package.to_owned()), ("server/ai.ts".to_owned(), code.to_owned())];
    for (decided, version) in [(None, "^6.1.0"), (Some("openai"), "^6.1.0"), (Some("bedrock"), "file:./.migrate/shims/bedrock-openai")] {
        let decided: Decided = decided.into_iter().map(|is| ("ai".to_owned(), is.to_owned())).collect();
        let prepared = prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None).unwrap();
        let changed = prepared.iter().flat_map(|one| &one.changes).rfind(|change| change.path == "package.json");
        let after = changed.and_then(|change| change.after.as_deref()).unwrap_or(package);
        assert!(after.contains(&format!("\"openai\": \"{version}\"")), "{decided:?}: {after}");
    }
    let (_, items) = edited("bedrock", &[("package.json", package), ("server/ai.ts", code)]);
    assert!(items.iter().any(|item| item.starts_with("server/ai.ts:2 new OpenAI().embeddings.create has no drop-in")), "{items:?}");
}

#[test]
fn the_checklist_is_added_to_and_ticks_stay() {
    let code = "const url = \"https://shop.replit.app\";\n";
    let html = "<a href=\"https://shop.replit.app\">x</a>\n";
    let files = |list: &str, html: &str| {
        vec![
            ("server/a.ts".to_owned(), code.to_owned()),
            ("index.html".to_owned(), html.to_owned()),
            (CHECKLIST.to_owned(), list.to_owned()),
        ]
    };
    let after = |files: &[(String, String)]| {
        let prepared = asked(files, &["hosts".to_owned()]).unwrap();
        prepared.into_iter().flat_map(|one| one.changes).find(|change| change.path == CHECKLIST).and_then(|change| change.after)
    };
    let list = after(&files("# Ours\n\n- [ ] buy milk\n", html)).unwrap();
    assert!(
        list.starts_with("# Ours\n\n- [ ] buy milk\n\n## Left by app prepare\n\n- [ ] index.html:1: put the app's new address here"),
        "{list}"
    );
    let ticked = list.replace("- [ ] index", "- [x] index");
    assert_eq!(after(&files(&ticked, &format!("\n{html}"))), None, "the line has moved and it is ticked: nothing is new");
}

#[test]
fn what_a_person_keeps_is_left_and_said() {
    let files = vec![("server/a.ts".to_owned(), "const url = \"https://shop.replit.app\";\n".to_owned())];
    let left = BTreeSet::from(["server/a.ts".to_owned()]);
    let prepared = prepare(&files, &Asked { only: &[], left: &left, decided: &Decided::default() }, None).unwrap();
    assert!(prepared.iter().flat_map(|one| &one.changes).all(|change| change.path == CHECKLIST), "{prepared:?}");
    assert!(prepared.iter().flat_map(|one| &one.items).any(|item| item.path == "server/a.ts" && item.what == "decide about this file"));
}

#[test]
fn what_cannot_be_read_in_full_is_not_changed() {
    let broken = "const url = \"https://shop.replit.app\";\nfunction (( {\n";
    let (after, items) = edited("hosts", &[("server/a.ts", broken)]);
    assert_eq!(after["server/a.ts"], broken);
    assert!(items.iter().any(|item| item == "server/a.ts:0 look at this file by hand"), "{items:?}");
}

fn decided(answers: &[(&str, &str)]) -> Decided {
    answers.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
}

/// All files after all edits that the decisions allow, and the items; a second time nothing changes.
fn with(answers: &[(&str, &str)], files: &[(&str, &str)]) -> (BTreeMap<String, String>, Vec<String>) {
    let decided = decided(answers);
    let mut after: BTreeMap<String, String> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let mut items = Vec::new();
    for round in 0..2 {
        let given: Vec<(String, String)> = after.clone().into_iter().collect();
        let prepared = prepare(&given, &Asked { only: &[], left: &BTreeSet::new(), decided: &decided }, None).unwrap();
        for change in prepared.iter().flat_map(|one| &one.changes) {
            assert_eq!(round, 0, "a second time it changes {}:\n{}", change.path, change.diff);
            after.insert(change.path.clone(), change.after.clone().unwrap_or_default());
        }
        items = prepared
            .iter()
            .flat_map(|one| &one.items)
            .map(|item| format!("{}:{} {}", item.path, item.line.unwrap_or_default(), item.what))
            .collect();
    }
    (after, items)
}

#[test]
fn an_edit_for_another_outcome_is_refused_by_name() {
    let refused = |only: &str, answers: &[(&str, &str)]| {
        let only = [only.to_owned()];
        prepare(&[], &Asked { only: &only, left: &BTreeSet::new(), decided: &decided(answers) }, None)
    };
    let error = refused("bedrock", &[("ai", "openai")]).unwrap_err();
    assert_eq!((error.kind, error.what.as_str()), (Kind::Usage, "the edit bedrock is for ai = bedrock, and ai = openai is decided"));
    assert!(error.hint.contains("--set ai=bedrock"), "{error}");
    assert!(refused("login", &[("auth", "app")]).is_err());
    for (only, answers) in [("bedrock", [("ai", "bedrock")]), ("bedrock", [("auth", "app")]), ("neon", [("ai", "openai")])] {
        assert!(refused(only, &answers).is_ok(), "{only} {answers:?}");
    }
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
        "import pg from \"pg\";\nimport { drizzle } from \"drizzle-orm/node-postgres\";\nimport { dsql } from \"./auth/dsql\";\n\nif (!process.env.DATABASE_URL && !process.env.PGHOST) {\n  throw new Error(\"DATABASE_URL is missing\");\n}\n\nexport const pool = new pg.Pool({ ...dsql(), max: 5 });\nexport const db = drizzle(pool);\n"
    );
    assert!(after["server/auth/sessions.ts"].contains("import { dsql } from \"./dsql\";\n"), "{}", after["server/auth/sessions.ts"]);
    assert!(after["server/auth/sessions.ts"].contains("({ conObject: dsql(), createTableIfMissing: false, tableName: \"sessions\" })"));
    assert_eq!(after["server/auth/dsql.ts"], include_str!("../../../assets/files/dsql.ts"));
    assert!(after["package.json"].contains("\"@aws-sdk/dsql-signer\": \"^3.750.0\""), "{}", after["package.json"]);
    assert!(!items.iter().any(|item| item.contains("token")), "{items:?}");
    for other in [&[("database", "rds")] as &[_], &[("database", "aurora")], &[]] {
        let (after, _) = with(other, &files);
        assert_eq!((after["server/db.ts"].as_str(), after.contains_key("server/auth/dsql.ts")), (DB, false), "{other:?}");
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
    for (path, text) in &files {
        assert_eq!(&after[*path], text);
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

/// The variables that the drop-in on Bedrock reads have a row, but for those with a default of its own.
#[test]
fn what_the_drop_ins_read_is_in_the_table_of_variables() {
    let table = include_str!("../../../assets/files/env.toml");
    let text = include_str!("../../../assets/shims/node/bedrock-openai/index.js");
    let names = regex::Regex::new(r#"process\.env\.([A-Z0-9_]+)|named\("([A-Z0-9_]+)"|named\(\s*"([A-Z0-9_]+)""#).unwrap();
    let mut found: BTreeSet<&str> =
        names.captures_iter(text).filter_map(|all| all.get(1).or(all.get(2)).or(all.get(3))).map(|name| name.as_str()).collect();
    assert!(found.contains("TRANSCRIBE_BUCKET") && found.len() >= 5, "{found:?}");
    for own in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "POLLY_ENGINE"] {
        assert!(found.remove(own), "{own}: {found:?}");
    }
    for name in found {
        assert!(table.contains(&format!("name = \"{name}\"\n")), "{name} has no row in assets/files/env.toml");
    }
}

#[test]
fn the_key_value_drop_in_answers_as_the_version_that_was_asked_for() {
    let package = |version: &str| format!("{{\n  \"dependencies\": {{\n    \"@replit/database\": \"{version}\"\n  }}\n}}\n");
    let code = "const Database = require(\"@replit/database\");\n";
    let given = include_str!("../../../assets/shims/node/database/index.js");
    for (version, plain) in [("^2.0.1", true), ("1", true), ("^3.0.0", false), ("latest", false)] {
        let (after, _) = edited("key-value", &[("package.json", &package(version)), ("index.js", code)]);
        let text = &after[".migrate/shims/database/index.js"];
        assert_eq!((text.contains("(process.env.REPLIT_DATABASE_API ?? \"2\") === \"2\""), text == given), (plain, !plain), "{version}");
    }
    let (_, items) = edited("key-value", &[("a/package.json", &package("2")), ("b/package.json", &package("3")), ("a/index.js", code)]);
    assert!(items.iter().any(|item| item.starts_with("a/package.json:0 set REPLIT_DATABASE_API=2")), "{items:?}");

    let told = |answers: &[(&str, &str)]| {
        let (_, items) = with(answers, &[("package.json", &package("3")), ("index.js", code), ("main.py", "from replit import db\n")]);
        items.iter().filter(|item| item.contains("key-value on Aurora DSQL")).count()
    };
    assert_eq!((told(&[("database", "dsql")]), told(&[("database", "rds")]), told(&[])), (2, 0, 0));
}

#[test]
fn what_an_edit_leaves_to_a_person_is_told_for_python_and_for_stripe_on_dsql() {
    let code = "from openai import OpenAI\n\nclient = OpenAI()\nother = OpenAI(api_key=key or \"not-set\")\n";
    let (after, items) = edited("openai-key", &[("main.py", code)]);
    assert_eq!(after["main.py"], code);
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].starts_with("main.py:3 make this client in the function that uses it"), "{items:?}");

    let code = "import { runMigrations } from \"stripe-replit-sync\";\nawait runMigrations({ databaseUrl: process.env.DATABASE_URL });\n";
    let (_, items) = with(&[("database", "dsql")], &[("server/index.ts", code)]);
    assert!(items.iter().any(|item| item.starts_with("server/index.ts:2 stripe-replit-sync cannot run on Aurora DSQL")), "{items:?}");
}

#[test]
fn a_finding_that_its_edit_did_not_answer_is_listed_whole() {
    let app = crate::app::fixture::App::new(&[("package.json", "{}\n"), ("server/replitAuth.ts", AUTH)]);
    let reading = Reading::of(app.path()).unwrap();
    let files = reading.files();
    let prepared = prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &Decided::default() }, Some(&reading)).unwrap();
    let items: Vec<&Item> = prepared.iter().flat_map(|one| &one.items).collect();
    assert!(items.iter().any(|item| item.what.starts_with("link people by verified e-mail")), "{items:?}");
    assert!(items.iter().any(|item| item.what.starts_with("[B1] ") && item.what.contains("COGNITO_CLIENT_ID")), "{items:?}");
}
