//! One view of every kind of screen, as a run of a small shop would have them.
//! Only for tests, benches and pictures: nothing here is read by the wizard.

mod reviews;

use crate::progress::{Figure, Graph, Part, Progress, Unit};
use crate::wizard::view::{
    AnswerKind, AskView, EndedView, FailedView, GateView, ManualView, Mode, OptionView, Outcome, PhaseView, PreviewLine, RollbackLine,
    RollbackView, RunView, RunningView, Screen, Sign, Standing, StepView, TimelineLine, TimelineView, View,
};

pub use reviews::{assessment, review};

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
        ("assessment", assessment()),
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
        timeline: None,
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

/// What a watch tells: two minutes of five, errors from the second on.
pub fn watching() -> Progress {
    let mut progress = Progress::new(120, Some(300), Unit::Seconds, "24 looks, 2 failed");
    let graph = |name: &str, points: &[Option<u64>], limit, now: &str, breaks| Graph {
        name: name.into(),
        points: points.to_vec(),
        limit: Some(limit),
        now: now.into(),
        breaks,
    };
    progress.graphs = vec![
        graph("error rate (from outside)", &[Some(0), Some(0), Some(0), Some(0), Some(9), Some(12)], 5, "12 %, at most 5 %", true),
        graph("p95 (from outside)", &[Some(90), Some(80), Some(85), Some(90), Some(130), Some(140)], 3000, "140ms, at most 3.0s", false),
        graph("healthy targets (CloudWatch, targetgroup/web/6d0e)", &[Some(2), Some(2), None, None, Some(2)], 1, "2, at least 1", false),
    ];
    progress
}

/// A cutover while writes are stopped, with its runbook.
pub fn frozen() -> View {
    let mut view = running();
    let line = |at: &str, title: &str, standing, ended: Option<&str>, apart: Option<&str>, took: Option<&str>, estimate: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        TimelineLine {
            step: title.to_lowercase(),
            at: at.into(),
            title: title.into(),
            standing,
            ended: text(ended),
            apart: text(apart),
            took: text(took),
            estimate: text(estimate),
        }
    };
    view.timeline = Some(TimelineView {
        lines: vec![
            line("T-1h", "Outside parties", Standing::Done, Some("21:04:10"), Some("+4m10s"), None, None),
            line("T", "Freeze the source", Standing::Done, Some("22:00:02"), Some("+2s"), Some("300ms"), None),
            line("T+1m", "Copy what changed", Standing::Running, None, None, None, Some("rehearsed: 41s")),
            line("T+10m", "Switch the name to AWS", Standing::Waiting, None, None, None, Some("about 1m")),
        ],
        next: Some("Copy what changed".into()),
        no_return: None,
        frozen_ms: Some(61_000),
        stopped: true,
    });
    view
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
