//! Reviews as a gate shows them: a schema before it is made, an app that was read.
//! Examples only.

use super::around;
use crate::wizard::review::{About, Choice, Choosable, CodeLine, Found, Known, Object, Review, Weight};
use crate::wizard::view::{GateView, PreviewLine, Screen, Sign, View};

/// A schema before it is made: a choice, two tables, and what belongs to neither.
pub fn review() -> View {
    let option = |value: &str, label: &str, effect: &str| Choosable {
        value: value.into(),
        label: label.into(),
        effect: effect.into(),
        recommended: value == "kept",
    };
    let found = |weight, id: &str, what: &str, then: &str, measured: &[&str]| Found {
        weight,
        id: id.into(),
        what: what.into(),
        then: then.into(),
        measured: measured.iter().map(|line| (*line).to_owned()).collect(),
        ..Found::default()
    };
    let choices = vec![Choice {
        id: "foreign_keys".into(),
        question: "Are foreign keys kept?".into(),
        chosen: "kept".into(),
        options: vec![
            option("kept", "kept, added after the data and validated", "nothing is lost; each write of either table reads the other"),
            option("dropped", "dropped", "writes are cheaper; rows without their parents become possible"),
        ],
        objects: vec!["public.orders.orders_user_fk".into(), "public.lines.lines_order_fk".into()],
        asked: true,
    }];
    let orders = Object {
        name: "public.orders".into(),
        findings: vec![
            found(
                Weight::Blocks,
                "DSQL-VECTOR",
                "public.orders.taste: vector(3) becomes text",
                "Choose RDS or Aurora PostgreSQL for this app.",
                &[],
            ),
            found(
                Weight::Changes,
                "DSQL-NUMERIC",
                "public.orders.total: numeric becomes numeric(38, 9)",
                "In Drizzle write numeric('total', { precision: 38, scale: 9 }).",
                &["measured: widest value: 9 digits before and 4 after the point, in 120,000 rows: nothing is in the way"],
            ),
        ],
        before: "CREATE TABLE public.orders (\n    id integer NOT NULL,\n    total numeric,\n    taste vector(3)\n);".into(),
        after: "CREATE TABLE public.orders (\n    id bigint NOT NULL,\n    total numeric(38, 9),\n    taste text\n);".into(),
        ..Object::default()
    };
    let users = Object {
        name: "public.users".into(),
        findings: vec![found(
            Weight::Info,
            "DSQL-NO-KEY",
            "public.users: has no primary key",
            "Add a primary key now if the table will grow.",
            &[],
        )],
        before: "CREATE TABLE public.users (\n    email text\n);".into(),
        after: "CREATE TABLE public.users (\n    email text\n);".into(),
        ..Object::default()
    };
    let rest = Object {
        findings: vec![found(
            Weight::Changes,
            "DSQL-TRIGGER",
            "public.stamp: CREATE TRIGGER stamp is left out",
            "Do in the app what the trigger did.",
            &[],
        )],
        ..Object::default()
    };
    around(Screen::Gate(GateView {
        step: "schema.before".into(),
        title: "Make the tables".into(),
        why: "Tables first and bare: indexes and keys come after the rows.".into(),
        describe: "convert the schema for dsql and make its tables".into(),
        command: "migrate-wizard schema convert --target dsql".into(),
        preview: vec![PreviewLine::new(Sign::Add, "table:public.orders")],
        review: Some(Review { choices, objects: vec![orders, users, rest], ..Review::default() }),
        reads: false,
        irreversible: None,
        type_to_confirm: None,
        estimate: None,
        error: None,
    }))
}

/// An app that was read: what was understood, findings with their effort, code and edit.
pub fn assessment() -> View {
    let known = |name: &str, value: &str, from: &str| Known { name: name.into(), value: value.into(), from: from.into() };
    let code = |lines: &[(u32, &str)], meant: u32| {
        lines.iter().map(|(number, text)| CodeLine { number: *number, text: (*text).to_owned(), meant: *number == meant }).collect()
    };
    let login = Object {
        name: "B1 Replit Auth".into(),
        effort: "8–24 h".into(),
        findings: vec![Found {
            weight: Weight::Blocks,
            id: "server/replitAuth.ts:18".into(),
            what: "new URL(process.env.ISSUER_URL ?? \"https://replit.com/oidc\"),".into(),
            then: "its client is the repl; elsewhere nobody can log in → Cognito through the same OIDC code".into(),
            effort: "8–24 h".into(),
            code: code(
                &[
                    (16, "  async () => {"),
                    (17, "    return await client.discovery("),
                    (18, "      new URL(process.env.ISSUER_URL ?? \"https://replit.com/oidc\"),"),
                    (19, "      process.env.REPL_ID!"),
                    (20, "    );"),
                ],
                18,
            ),
            edit: "app prepare does it: Cognito's issuer, no offline_access, people linked by verified e-mail".into(),
            ..Found::default()
        }],
        ..Object::default()
    };
    let plugin = Object {
        name: "E1 Replit's vite plugins".into(),
        effort: "15–30 min".into(),
        findings: vec![Found {
            weight: Weight::Changes,
            id: "vite.config.ts:4".into(),
            what: "import runtimeErrorOverlay from \"@replit/vite-plugin-runtime-error-modal\";".into(),
            then: "builds still work, for as long as the package is there → take it out".into(),
            effort: "15–30 min".into(),
            code: code(&[(4, "import runtimeErrorOverlay from \"@replit/vite-plugin-runtime-error-modal\";")], 4),
            edit: "remove the import and the call".into(),
            ..Found::default()
        }],
        ..Object::default()
    };
    let info = Object {
        name: "A1 Replit app".into(),
        findings: vec![Found { weight: Weight::Info, id: ".replit".into(), what: "a Replit app".into(), ..Found::default() }],
        ..Object::default()
    };
    around(Screen::Gate(GateView {
        step: "assess.found".into(),
        title: "What was understood".into(),
        why: "Look before anything is decided.".into(),
        describe: "show what the app is and what ties it to Replit".into(),
        command: "migrate-wizard app scan".into(),
        preview: vec![PreviewLine::new(Sign::Note, "reads 214 files")],
        review: Some(Review {
            about: About::App,
            known: vec![
                known("template", "G2, Express + Vite", "package.json:2 name = rest-express"),
                known("service web", "web, port 5000, runs `node dist/index.js`", ".replit:9 [deployment] run"),
                known("database", "Postgres by DATABASE_URL", "server/db.ts:3"),
            ],
            objects: vec![login, plugin, info],
            effort: "8.2–24.5 h".into(),
            ..Review::default()
        }),
        reads: true,
        irreversible: None,
        type_to_confirm: None,
        estimate: None,
        error: None,
    }))
}
