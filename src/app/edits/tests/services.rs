//! What stands in for Replit's services: connectors, mail, payments, models, its packages and files.

use std::collections::BTreeSet;

use super::*;
use crate::app::finding::Finding;

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

/// What the old bodies left in a variable is read elsewhere, too.
#[test]
fn settings_of_a_connector_are_read_from_the_environment_wherever_they_are() {
    let head = "let connectionSettings: any;\n\nasync function getCredentials() {\n  const hostname = process.env.REPLIT_CONNECTORS_HOSTNAME\n  connectionSettings = await fetch('https://' + hostname + '?connector_names=resend').then(res => res.json());\n  return {apiKey: connectionSettings.settings.api_key};\n}\n\n";
    let after = "async function getCredentials() {\n  const apiKey = process.env.RESEND_API_KEY;\n  if (!apiKey) {\n    throw new Error('RESEND_API_KEY must be set');\n  }\n  return { apiKey };\n}\n\n";
    let client = |from: &str| format!("export async function client() {{\n  await getCredentials();\n  return {{ from: {from} }};\n}}\n");
    for read in
        ["connectionSettings.settings.from_email", "connectionSettings!.settings.from_email", "connectionSettings?.settings?.from_email"]
    {
        let (files, items) = edited("connectors", &[("server/mail.ts", &format!("{head}{}", client(read)))]);
        assert_eq!(files["server/mail.ts"], format!("{after}{}", client("process.env.RESEND_FROM_EMAIL!")));
        assert_eq!(items, [] as [String; 0]);
    }
    let (files, items) = edited("connectors", &[("server/mail.ts", &format!("{head}{}", client("connectionSettings.settings.region")))]);
    assert!(files["server/mail.ts"].contains("connectionSettings.settings.region"), "{files:?}");
    assert!(
        items.len() == 1 && items[0].starts_with("server/mail.ts:13 read what connectionSettings held from the environment"),
        "{items:?}"
    );
    // a variable that something else sets is the app's own
    let own = format!(
        "{}function f(connectionSettings: any) {{ return connectionSettings.settings.from_email; }}\n",
        head.replace("connectionSettings", "settings")
    );
    let (files, items) = edited("connectors", &[("server/mail.ts", &own)]);
    assert!(files["server/mail.ts"].contains("return connectionSettings.settings.from_email") && items.is_empty(), "{files:?} {items:?}");
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
        "async function initStripe() {\n  // The sync deletes and makes the webhook at Stripe: with a live key only the deployment that takes the payments may start it.\n  const stripeTest = /^[rs]k_test_/.test(process.env.STRIPE_SECRET_KEY ?? '');\n  if (process.env.STRIPE_SYNC === 'off' || (process.env.STRIPE_SYNC !== 'live' && !stripeTest)) {\n    console.warn('Stripe sync is off: STRIPE_SYNC=live switches it on where the payments are taken');\n    return;\n  }\n  if (!process.env.REPLIT_DOMAINS) { // the service's stack sets it\n    console.error('Stripe sync is off: no variable names the host that the webhook is made for');\n    return;\n  }\n  const sync = await getStripeSync();\n  const base = `https://${process.env.REPLIT_DOMAINS?.split(',')[0]}`;\n  await sync.findOrCreateManagedWebhook(`${base}/api/stripe/webhook`);\n}\n"
    );
    let all: Vec<(&str, &str)> = after.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let app = crate::app::fixture::App::new(&all);
    let reading = Reading::of(app.path()).unwrap();
    let found = reading.findings(&reading.files()).unwrap();
    let places: Vec<String> = found.iter().filter(|finding| finding.signal == "E5").map(Finding::place).collect();
    assert_eq!(places, ["server/index.ts:13"], "the app's own line, and none of ours");
    assert_eq!(after["script/build.ts"], "const allowlist = [\n  \"stripe\",\n];\n");
    assert!(items[0].contains("STRIPE_SYNC=live on the service at the cutover"), "{items:?}");
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
    assert_eq!(after["server/objectStorage.ts"], include_str!("../../../../assets/shims/objectStorage.ts"));
    assert_eq!(after["server/objectAcl.ts"], include_str!("../../../../assets/shims/objectAcl.ts"));

    let package = "{\n  \"dependencies\": {\n    \"@replit/object-storage\": \"^1.0.0\"\n  }\n}\n";
    let (after, _) = edited("object-storage", &[("package.json", package), ("apps/web/package.json", package)]);
    assert_eq!(after["package.json"], package.replace("^1.0.0", "file:./.migrate/shims/object-storage"));
    assert_eq!(after["apps/web/package.json"], package.replace("^1.0.0", "file:../../.migrate/shims/object-storage"), "one place for all");
    assert_eq!(after[".migrate/shims/object-storage/index.js"], include_str!("../../../../assets/shims/node/object-storage/index.js"));

    let (after, _) = edited("key-value", &[("main.py", "from replit import db\n"), ("requirements.txt", "flask\nreplit==3.2.4\n")]);
    assert_eq!(after["requirements.txt"], "flask\n./.migrate/shims/python/replit\n");
    assert_eq!(after[".migrate/shims/python/replit/pyproject.toml"], include_str!("../../../../assets/shims/python/replit/pyproject.toml"));

    let poetry = "[tool.poetry.dependencies]\npython = \"^3.11\"\nreplit = \"^4.1\"\nreplit-object-storage = \"^1.0\"\n";
    let (after, items) = edited("key-value", &[("main.py", "from replit import db\n"), ("pyproject.toml", poetry), ("poetry.lock", "")]);
    assert_eq!(
        after["pyproject.toml"],
        "[tool.poetry.dependencies]\npython = \"^3.11\"\nreplit = { path = \".migrate/shims/python/replit\" }\n"
    );
    assert!(items.iter().any(|item| item == "poetry.lock:0 run `poetry lock` and commit this file"), "{items:?}");
    assert!(items.iter().any(|item| item.starts_with("main.py:1 bring the data over: node kv.mjs")), "{items:?}");
    let (after, items) = edited("key-value", &[("main.py", "from replit import db\n"), ("pyproject.toml", "[project]\nname = \"x\"\n")]);
    assert_eq!((after["pyproject.toml"].as_str(), items.len()), ("[project]\nname = \"x\"\n", 2), "{items:?}");

    let (after, items) = edited("object-storage", &[("server/files.ts", "const sidecar = \"http://127.0.0.1:1106\";\n")]);
    assert_eq!(after.len(), 1, "another file than the template's is left");
    assert!(items.iter().any(|item| item.starts_with("server/files.ts:1 reach the objects by S3 here")), "{items:?}");
}

/// The template's files are replaced whole; what the app wrote into them is not to be lost.
#[test]
fn methods_of_the_apps_own_keep_the_object_storage_as_it_is() {
    const STORAGE: &str = "import { Storage } from \"@google-cloud/storage\";\nconst SIDECAR = \"http://127.0.0.1:1106\";\nexport const objectStorageClient = new Storage({});\nexport class ObjectNotFoundError extends Error {}\nexport class ObjectStorageService {\n  constructor() {}\n  private helper() {}\n  getPrivateObjectDir(): string { return \"\"; }\n}\nfunction parseObjectPath(path: string) {}\n";
    const ACL: &str = "export enum ObjectAccessGroupType {}\nexport enum ObjectPermission {\n  READ = \"read\",\n  WRITE = \"write\",\n}\nabstract class BaseObjectAccessGroup {}\n";
    let run = |storage: &str, acl: &str| {
        edited("object-storage", &[("package.json", "{}\n"), ("server/objectStorage.ts", storage), ("server/objectAcl.ts", acl)])
    };
    let (after, _) = run(STORAGE, ACL);
    assert_eq!(after["server/objectStorage.ts"], include_str!("../../../../assets/shims/objectStorage.ts"), "the template's is replaced");
    let own = STORAGE.replace("  private helper", "  async listUserFiles(id: string) {}\n  private helper")
        + "export const LIMIT = 3, other = 4;\n";
    let (after, items) = run(&own, ACL);
    assert_eq!(
        (after["server/objectStorage.ts"].as_str(), after["server/objectAcl.ts"].as_str(), after["package.json"].as_str()),
        (own.as_str(), ACL, "{}\n")
    );
    assert_eq!(after[".migrate/s3/objectStorage.ts"], include_str!("../../../../assets/shims/objectStorage.ts"));
    assert_eq!(items.len(), 1, "{items:?}");
    assert!(items[0].starts_with("server/objectStorage.ts:7 bring these over"), "{items:?}");
    let names = "ObjectStorageService.listUserFiles (server/objectStorage.ts:7), LIMIT (server/objectStorage.ts:12), other (server/objectStorage.ts:12)";
    assert!(items[0].ends_with(&format!(": {names}")), "{items:?}");
    // one that uses nothing but what the files on S3 have comes along
    let saves = "async saveBuffer(name: string, data: Buffer, contentType: string): Promise<string> {\n    const { bucketName, objectName } = parseObjectPath(`${this.getPrivateObjectDir()}/generated/${name}`);\n    const file = objectStorageClient.bucket(bucketName).file(objectName);\n    await file.save(data, { contentType, resumable: false });\n    return `/objects/generated/${name}`;\n  }";
    let with = |method: &str| run(&STORAGE.replace("  private helper", &format!("  // kept\n  {method}\n\n  private helper")), ACL).0;
    let after = with(saves);
    let text = &after["server/objectStorage.ts"];
    assert!(text.contains(&format!("\n  // kept\n  {saves}\n}}\n\nconst withSlash")), "{text}");
    assert!(text.contains("@aws-sdk/client-s3") && !after.contains_key(".migrate/s3/objectStorage.ts"));
    for (from, to) in [
        ("file.save(", "file.makePublic("),
        ("{ contentType, resumable: false }", "{ contentType, predefinedAcl: \"publicRead\" }"),
        ("parseObjectPath(", "ownPath("),
        ("this.getPrivateObjectDir()", "this.helper()"),
    ] {
        let other = saves.replace(from, to);
        assert!(with(&other).contains_key(".migrate/s3/objectStorage.ts"), "{other}");
    }
    // rules of access, which the template asks the app to write
    let rules = ACL.replace("Type {}", "Type {\n  USER_LIST = \"USER_LIST\",\n}")
        + "class UserListGroup extends BaseObjectAccessGroup {\n  hasMember() {}\n}\n";
    let (after, items) = run(STORAGE, &rules);
    assert_eq!((after["server/objectStorage.ts"].as_str(), after["server/objectAcl.ts"].as_str()), (STORAGE, rules.as_str()));
    assert!(
        items[0].ends_with(": ObjectAccessGroupType.USER_LIST (server/objectAcl.ts:2), UserListGroup (server/objectAcl.ts:9)"),
        "{items:?}"
    );
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

/// The variables that the drop-in on Bedrock reads have a row, but for those with a default of its own.
#[test]
fn what_the_drop_ins_read_is_in_the_table_of_variables() {
    let table = include_str!("../../../../assets/files/env.toml");
    let text = include_str!("../../../../assets/shims/node/bedrock-openai/index.js");
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
    let given = include_str!("../../../../assets/shims/node/database/index.js");
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
