//! One view of every kind of screen, as a run of a small shop would have them.
//! Only for tests, benches and pictures: nothing here is read by the wizard.

use crate::progress::{Figure, Part, Progress, Unit};
use crate::wizard::review::{About, Choice, Choosable, CodeLine, Found, Known, Object, Review, Weight};
use crate::wizard::view::{
    AnswerKind, AskView, EndedView, FailedView, GateView, ManualView, Mode, OptionView, Outcome, PhaseView, PreviewLine, RollbackLine,
    RollbackView, RunView, RunningView, Screen, Sign, Standing, StepView, View,
};

/// Every kind of screen by name.
pub fn all() -> Vec<(&'static str, View)> {
    vec![
        ("choice", choice()),
        ("text", text()),
        ("secret", secret()),
        ("manual", manual()),
        ("gate", gate()),
        ("typed gate", typed_gate()),
        ("review", review()),
        ("running", running()),
        ("failed", failed()),
        ("rollback", rollback()),
        ("ended", ended()),
    ]
}

/// A view around a screen, with the outline of a run that has come as far as that.
pub fn around(screen: Screen) -> View {
    let here = screen.step().unwrap_or("none").to_owned();
    let titles = [
        ("assess", "Assess", "assess.read", "Read the app", Some("2s"), Some("Express 5, Drizzle, Postgres 16")),
        ("assess", "Assess", "assess.database", "Look at the database", Some("4s"), Some("12 tables, 1.4 GiB")),
        ("decide", "Decide", "decide.region", "AWS region", None, Some("us-east-1 (asked)")),
        ("decide", "Decide", "decide.database", "Database", None, None),
        ("decide", "Decide", "decide.domain", "Domain", None, None),
        ("decide", "Decide", "decide.token", "Registrar token", None, None),
        ("provision", "Provision", "provision.network", "Create the network", None, None),
        ("provision", "Provision", "provision.database", "Create the database", None, None),
        ("data", "Data", "data.copy", "Copy the rows", None, None),
        ("cutover", "Cut over", "cutover.registrar", "Point the registrar at AWS", None, None),
        ("cutover", "Cut over", "cutover.freeze", "Freeze the source", None, None),
    ];
    let at = titles.iter().position(|t| t.2 == here).unwrap_or(titles.len());
    let current = match &screen {
        Screen::Running(_) => Standing::Running,
        Screen::Failed(_) => Standing::Failed,
        Screen::Ask(_) | Screen::Manual(_) | Screen::Gate(_) | Screen::RollbackGate(_) | Screen::Ended(_) => Standing::Current,
    };
    let standing = |i: usize| match i.cmp(&at) {
        std::cmp::Ordering::Less => Standing::Done,
        std::cmp::Ordering::Equal => current,
        std::cmp::Ordering::Greater => Standing::Waiting,
    };
    let steps: Vec<StepView> = titles
        .iter()
        .enumerate()
        .map(|(i, (phase, _, id, title, took, note))| StepView {
            id: (*id).into(),
            phase: (*phase).into(),
            title: (*title).into(),
            question: *phase == "decide",
            standing: standing(i),
            took: took.filter(|_| i < at).map(str::to_owned),
            estimate: phase.starts_with("prov").then(|| "about 3m".to_owned()),
            at: phase.starts_with("cut").then(|| "T-2h".to_owned()),
            note: note.filter(|_| i < at).map(str::to_owned),
        })
        .collect();
    let mut phases: Vec<PhaseView> = Vec::new();
    for (phase, title, ..) in titles {
        if phases.iter().all(|p| p.id != phase) {
            let own: Vec<&StepView> = steps.iter().filter(|s| s.phase == phase).collect();
            let done = own.iter().filter(|s| s.standing == Standing::Done).count();
            let status = own.iter().map(|s| s.standing).find(|s| *s != Standing::Done).unwrap_or(Standing::Done);
            phases.push(PhaseView { id: phase.into(), title: title.into(), status, done, total: own.len() });
        }
    }
    View {
        run: RunView {
            id: "7f3a".into(),
            app: "shop".into(),
            mode: Mode::Live,
            simulated: None,
            account: Some("123456789012 us-east-1".into()),
        },
        phases,
        steps,
        screen,
        cost: Some("$71.20 a month + usage".into()),
    }
}

fn question(step: &str, title: &str, kind: AnswerKind) -> AskView {
    AskView {
        step: step.into(),
        title: title.into(),
        why: "Everything after this is built on it.".into(),
        kind,
        options: Vec::new(),
        suggested: None,
        source: None,
        because: String::new(),
        error: None,
        reopened: false,
        stales: Vec::new(),
        against: Vec::new(),
    }
}

fn option(id: &str, label: &str, consequence: &str, cost: &str) -> OptionView {
    OptionView {
        id: id.into(),
        label: label.into(),
        consequence: consequence.into(),
        recommended: id == "rds",
        cost: Some(cost.into()),
        against: Vec::new(),
    }
}

pub fn choice() -> View {
    let mut ask = question("decide.database", "Which database on AWS?", AnswerKind::Choice);
    ask.why = "The database decides what has to change in the schema, what it costs, and how it is backed up.".into();
    ask.options = vec![
        option("rds", "RDS for PostgreSQL", "One server, the same Postgres: nothing in the schema changes.", "same"),
        option("aurora", "Aurora Serverless v2", "Grows and shrinks with the load; a pause when nobody is there.", "+$36.50/month"),
        option("dsql", "Aurora DSQL", "No server at all, pay per use; no foreign keys, no sequences: 14 findings.", "-$12.00/month"),
    ];
    ask.suggested = Some("rds".into());
    ask.source = Some("recommended".into());
    ask.because = "the schema uses foreign keys and two extensions".into();
    ask.reopened = true;
    ask.stales = vec!["Create the database".into()];
    around(Screen::Ask(ask))
}

pub fn text() -> View {
    let mut ask = question("decide.domain", "Under which name will the app be reached?", AnswerKind::Text);
    ask.suggested = Some("shop.example.com".into());
    ask.source = Some("detected".into());
    ask.error = Some("the last answer was no host name".into());
    around(Screen::Ask(ask))
}

pub fn secret() -> View {
    around(Screen::Ask(question("decide.token", "The registrar's API token", AnswerKind::Secret)))
}

pub fn manual() -> View {
    around(Screen::Manual(ManualView {
        step: "cutover.registrar".into(),
        title: "Point the registrar at AWS".into(),
        why: "Name servers belong to the registrar: no API of ours reaches them.".into(),
        items: vec!["Open the registrar's dashboard".into(), "Replace the name servers with ns-1.example.net and ns-2.example.net".into()],
        verified_by: Some("resolves shop.example.com and compares".into()),
        error: Some("shop.example.com still resolves to 192.0.2.10".into()),
    }))
}

pub fn gate() -> View {
    let preview = vec![
        PreviewLine::new(Sign::Add, "AWS::EC2::VPC Vpc"),
        PreviewLine::new(Sign::Add, "AWS::EC2::Subnet PrivateA, PrivateB"),
        PreviewLine::new(Sign::Change, "AWS::EC2::SecurityGroup App"),
        PreviewLine::new(Sign::Replace, "AWS::EC2::NatGateway Nat (a new address)"),
        PreviewLine::new(Sign::Same, "AWS::EC2::InternetGateway Gateway"),
        PreviewLine::new(Sign::Warning, "a NAT gateway costs $32.85 a month"),
    ];
    around(Screen::Gate(GateView {
        step: "provision.network".into(),
        title: "Create the network".into(),
        why: "A network of its own keeps the database out of reach of the internet.".into(),
        describe: "creates the stack shop-network from assets/stacks/network.yaml".into(),
        command: "aws cloudformation deploy --stack-name shop-network --template-file network.yaml".into(),
        preview,
        review: None,
        reads: false,
        irreversible: None,
        type_to_confirm: None,
        estimate: Some("about 3m".into()),
        error: None,
    }))
}

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
            edit: "set ISSUER_URL and REPL_ID, drop offline_access, link by verified e-mail".into(),
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

pub fn typed_gate() -> View {
    around(Screen::Gate(GateView {
        step: "cutover.freeze".into(),
        title: "Freeze the source".into(),
        why: "From here on nobody may write to the old database.".into(),
        describe: "sets the source database read-only".into(),
        command: "ALTER DATABASE shop SET default_transaction_read_only = on".into(),
        preview: vec![PreviewLine::new(Sign::Change, "shop: writes are refused")],
        review: None,
        reads: false,
        irreversible: Some("orders that are refused during the freeze are not repeated by themselves".into()),
        type_to_confirm: Some("shop".into()),
        estimate: None,
        error: Some("what was typed is not “shop”".into()),
    }))
}

pub fn running() -> View {
    around(Screen::Running(RunningView {
        step: "data.copy".into(),
        title: "Copy the rows".into(),
        why: "Chunk by chunk; what is already there is not copied again.".into(),
        describe: "copies 12 tables from the source to the target".into(),
        command: "migrate-wizard data copy --run 7f3a".into(),
        estimate: Some("rehearsed: 2m10s".into()),
        elapsed_ms: 62_000,
        attempt: 2,
        undoing: false,
        stopping: false,
    }))
}

/// What the running step of [`running`] tells in the middle of a copy of 24 tables.
pub fn copying() -> Progress {
    let mut progress = Progress::new(432_013_312, Some(2_040_109_466), Unit::Bytes, "copying with 4 jobs");
    progress.remaining_s = Some(46);
    progress.figures = [
        ("bytes", 432_013_312, Unit::Bytes),
        ("bytes_per_s", 35_756_441, Unit::Bytes),
        ("rows", 1_204_113, Unit::Rows),
        ("retries", 3, Unit::Steps),
        ("quarantined", 0, Unit::Rows),
    ]
    .map(|(name, value, unit)| Figure { name: name.into(), value, unit })
    .to_vec();
    let part = |name: &str, done, total, note: &str, remaining_s| Part {
        name: name.into(),
        done,
        total: Some(total),
        unit: Unit::Rows,
        note: note.into(),
        remaining_s,
    };
    progress.parts = vec![
        part("public.events", 612_400, 2_250_000, "chunk 3 of 8", Some(46)),
        part("public.orders", 540_000, 1_204_331, "chunk 5 of 11", Some(21)),
        part("public.customer_shipping_address_history", 47_503, 88_016, "chunk 1 of 1", Some(4)),
        part("audit.changes", 0, 310_200, "index changes_at_idx is built", None),
    ];
    progress.parts.extend((1..=8).map(|n| part(&format!("archive.orders_2024_{n:02}"), 0, 90_000 + n * 700, "waits", None)));
    progress.parts.extend((1..=12).map(|n| part(&format!("public.small_{n:02}"), n * 35, n * 35, "done", None)));
    progress
}

pub fn failed() -> View {
    around(Screen::Failed(FailedView {
        step: "provision.database".into(),
        title: "Create the database".into(),
        what: "the stack shop-data-rds was rolled back".into(),
        causes: vec!["Database: the instance class db.t4g.micro is not offered in us-east-1e".into()],
        hint: "choose another instance class with c, or try again".into(),
        undoing: false,
        undoable: 1,
    }))
}

pub fn rollback() -> View {
    around(Screen::RollbackGate(RollbackView {
        steps: vec![
            RollbackLine { step: "data.copy".into(), title: "Copy the rows".into(), describe: "empties 12 tables in the target".into() },
            RollbackLine {
                step: "provision.network".into(),
                title: "Create the network".into(),
                describe: "deletes the stack shop-network".into(),
            },
        ],
        irreversible: vec!["Freeze the source: refused orders stay refused".into()],
        type_to_confirm: "7f3a".into(),
        error: None,
    }))
}

pub fn ended() -> View {
    around(Screen::Ended(EndedView {
        outcome: Outcome::Finished,
        summary: vec!["11 steps in 24m10s".into(), "1,204,331 rows copied and checked".into()],
        next: vec!["read the report: .migrate-wizard/7f3a/report.html".into(), "the way back stays open: migrate-wizard rollback".into()],
    }))
}
