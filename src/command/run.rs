//! Opens or resumes a run and sits a face in front of it.
//! The only place where engine, world and face meet.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;

use super::preflight::foresight;
use super::{code, demo, flavour, out, playbook_folders};
use crate::cli::RunArgs;
use crate::effects::{self, Setup, World};
use crate::error::{Context, Error, Kind, Result};
use crate::library::{self, Library};
use crate::postgres::local::LocalServer;
use crate::runs::{self, Flavour, Opening};
use crate::wizard::engine::{Engine, Settings, now};
use crate::wizard::journal::{Entry, FORMAT, Journal, Source};
use crate::wizard::plan::{self, Books, Suggestion};
use crate::wizard::playbook::Action;
use crate::wizard::state::{End, State};
use crate::wizard::template::Facts;
use crate::wizard::view::{AnswerKind, Command, Mode, Outcome};
use crate::{cloud, decide, faces};

/// Which face sits in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    Screen,
    Line,
    Json,
}

/// Full screen in a terminal; line mode with `--plain`, `--yes`, pipes and dumb terminals.
pub fn face(args: &RunArgs) -> Face {
    if args.json {
        Face::Json
    } else if args.plain
        || args.yes
        || !std::io::stdin().is_terminal()
        || !std::io::stdout().is_terminal()
        || std::env::var("TERM").is_ok_and(|t| t == "dumb")
    {
        Face::Line
    } else {
        Face::Screen
    }
}

/// The whole journey, or its roll back.
pub async fn journey(args: &RunArgs, rollback: Option<Option<String>>) -> Result<u8> {
    open(args, flavour(args), rollback, Setup::default()).await
}

pub async fn tour(args: &RunArgs) -> Result<u8> {
    open(args, Flavour { journey: "tour", mode: Mode::Live, sandbox: false }, None, Setup::default()).await
}

/// The playbooks of a journey, checked against the effects that there are.
pub fn checked_books(args: &RunArgs, journey: &str) -> Result<(Library, Books)> {
    let library = library::playbooks(&playbook_folders(args))?;
    let books = library.journey(journey)?;
    effects::check_books(&library, &books)?;
    Ok((library, books))
}

/// Facts known before anything was asked; also what a playbook check starts from.
pub fn given(dir: &Path, run: &str, sandbox: bool) -> Facts {
    let app = dir.canonicalize().ok().and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned())).unwrap_or_else(|| "app".into());
    Facts::from([
        ("run.id".into(), Value::from(run)),
        ("run.app".into(), Value::from(decide_name(&app))),
        ("run.sandbox".into(), Value::from(if sandbox { "yes" } else { "no" })),
        ("run.date".into(), Value::from(jiff::Zoned::now().strftime("%Y-%m-%d").to_string())),
    ])
}

/// A folder's name as AWS allows it in names: lower case, letters, digits and dashes, at most 30.
fn decide_name(folder: &str) -> String {
    let text: String = folder.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let text: String = text.trim_matches('-').chars().take(30).collect();
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) { text } else { format!("app-{text}") }
}

/// Answers from flags, file and profile; flags win.
pub fn answers(args: &RunArgs, books: &Books) -> Result<BTreeMap<String, Suggestion>> {
    let specs = effects::questions(books);
    let mut all = BTreeMap::new();
    let mut put = |answers: BTreeMap<String, String>, source: Source| {
        all.extend(answers.into_iter().map(|(id, value)| (id, Suggestion { value, source })));
    };
    if let Some(name) = &args.profile {
        put(decide::Profile::load(name, &specs)?.answers, Source::Profile);
    }
    if let Some(path) = &args.answers {
        let text = std::fs::read_to_string(path).or_fail(
            Kind::Input,
            format!("cannot read the answers file {}", path.display()),
            "check its name",
        )?;
        put(decide::answers_file(&path.display().to_string(), &text, &specs)?, Source::File);
    }
    let flags = args.flags();
    if let Some(unknown) = flags.keys().find(|id| !specs.iter().any(|s| &s.id == *id)) {
        return Err(Error::new(Kind::Usage, format!("--set {unknown}=…: no question is called `{unknown}`"))
            .hint("see the ids with `migrate-wizard playbooks list`"));
    }
    let secret = |id: &str| {
        let asks = books.forward.iter().flat_map(|book| &book.steps).filter(|step| step.id == id);
        asks.filter_map(|step| if let Action::Ask(ask) = &step.action { Some(ask.kind) } else { None })
            .any(|kind| kind == AnswerKind::Secret)
    };
    if let Some(id) = flags.keys().find(|id| secret(id)) {
        return Err(Error::new(
            Kind::Usage,
            format!("--set {id}=…: a secret does not belong on a command line, where every process sees it"),
        )
        .hint("leave it out: it is asked for without being shown"));
    }
    for (id, value) in &flags {
        if let Some(spec) = specs.iter().find(|s| &s.id == id && !s.options.is_empty() && !s.options.contains(value)) {
            return Err(Error::new(Kind::Usage, format!("--set {id}={value}: `{value}` is not a choice of `{id}`"))
                .hint(format!("one of: {}", spec.options.join(", "))));
        }
    }
    put(flags, Source::Flag);
    let asks = books.forward.iter().flat_map(|book| &book.steps).filter_map(|step| match &step.action {
        Action::Ask(ask) => Some((&step.id, ask)),
        Action::Manual(_) | Action::Effect(_) => None,
    });
    for (id, ask) in asks {
        // said before anything is read or reckoned from it
        if let Some((given, Err(why))) = all.get(id).map(|given| (given, plan::legal(ask, &given.value))) {
            return Err(Error::new(Kind::Usage, format!("the answer to `{id}` from the {} will not do: {why}", given.source.words()))
                .hint("correct it there, or leave it out"));
        }
    }
    for region in all.get("region").map(|given| &given.value).into_iter().chain(&args.region) {
        cloud::region::check(region)?;
    }
    Ok(all)
}

/// Opens the newest run of that flavour or a new one, and runs it behind a face.
pub async fn open(args: &RunArgs, flavour: Flavour, rollback: Option<Option<String>>, setup: Setup) -> Result<u8> {
    let (_, books) = checked_books(args, flavour.journey)?;
    let answers = answers(args, &books)?;
    open_with(args, flavour, books, answers, rollback, setup).await
}

/// As [`open`], with playbooks and answers at hand.
pub async fn open_with(
    args: &RunArgs,
    flavour: Flavour,
    books: Books,
    answers: BTreeMap<String, Suggestion>,
    mut rollback: Option<Option<String>>,
    mut setup: Setup,
) -> Result<u8> {
    let newest = runs::newest(&args.dir, flavour)?;
    let how = runs::opening(newest.as_ref().map(|f| f.state.ended), flavour, args.new, rollback.is_some());
    let again = match how {
        Opening::Resume => newest,
        Opening::New => None,
        Opening::Refuse => {
            return Err(Error::new(Kind::Input, format!("there is no run in {} to roll back", args.dir.display()))
                .hint("name the app's checkout with --dir, and add --sandbox for a sandbox run"));
        }
    };
    let (dir, journal, state) = match again {
        Some(found) => {
            let (mut journal, records) = Journal::open(&found.dir)?;
            let mut state = State::replay(&records)?;
            if rollback.is_some() && state.ended == Some(End::RolledBack) {
                out(format!("run {} is rolled back already: nothing to undo", state.run));
                return Ok(0);
            }
            if args.real_network && !state.given.contains_key(effects::REAL_NETWORK) {
                return Err(Error::new(Kind::Usage, format!("--real-network: the run {} was begun without it", state.run))
                    .hint("leave it out, or begin a new run with --new"));
            }
            rollback = rollback.map(|to| to.map(|name| back_to(&books, &state, &name)).transpose()).transpose()?;
            let record = journal.append(now(), Entry::Resumed { tool: env!("CARGO_PKG_VERSION").into() })?;
            state.apply(&record)?;
            (found.dir, journal, state)
        }
        None => create(args, flavour, &setup)?,
    };
    let staged = if setup.source.is_none() { demo::source(&args.dir, &state).await? } else { None };
    setup.source = setup.source.or_else(|| staged.as_ref().map(LocalServer::connector));
    let code = go(args, books, answers, rollback, Opened { dir, journal, state }, setup).await;
    if let Some(server) = staged {
        server.stop().await?;
    }
    code
}

/// A run whose journal is open.
struct Opened {
    dir: PathBuf,
    journal: Journal,
    state: State,
}

/// Engine, world and face, until the session ends.
async fn go(
    args: &RunArgs,
    books: Books,
    answers: BTreeMap<String, Suggestion>,
    rollback: Option<Option<String>>,
    opened: Opened,
    setup: Setup,
) -> Result<u8> {
    let Opened { dir, journal, state } = opened;
    let books = Arc::new(books);
    let setup = Setup {
        foresight: Some(foresight(&books, &state.given, state.sandbox)),
        rehearsal: Some(super::cutover::rehearsal(&args.dir)),
        going_back: Some(super::going_back::of_run(&args.dir, &dir, &books)),
        ..setup
    };
    let rehearsed = runs::rehearsed(&args.dir);
    let (run, journey) = (state.run.clone(), state.journey.clone());
    let world = Arc::new(World::open(args, &dir, &state, setup).await?);
    let settings = Settings {
        unattended: args.yes || args.json,
        confirmed: args.confirm.iter().cloned().collect::<BTreeSet<_>>(),
        answers,
        rehearsed,
        rollback,
    };
    let (event_tx, event_rx) = unbounded_channel();
    let (command_tx, command_rx) = unbounded_channel();
    let unattended = settings.unattended;
    let engine = Engine::new(books, effects::registry(), Arc::clone(&world), journal, state, settings, event_tx, command_rx);
    let signals = tokio::spawn(abort_on_signal(command_tx.clone(), args.json));
    let work = tokio::spawn(engine.run());
    let shown = match face(args) {
        Face::Screen => faces::tui::run(event_rx, command_tx).await,
        Face::Line => Ok(faces::line::run(event_rx, command_tx, unattended).await),
        Face::Json => {
            let outcome = faces::json::run(event_rx).await;
            drop(command_tx);
            Ok(outcome)
        }
    };
    signals.abort();
    let ended = match work.await {
        Ok(result) => result,
        Err(panic) => Err(Error::bug(format!("the engine stopped by itself: {panic}"))),
    };
    world.close().await;
    shown?;
    if matches!(ended, Ok(Outcome::Finished | Outcome::RolledBack)) {
        write_report(args, &dir)?;
    }
    let outcome = ended.inspect_err(|_| {
        if face(args) != Face::Json {
            out(format!("run {run}: stopped at an error; the same command goes on from here"));
        }
    })?;
    if face(args) != Face::Json {
        farewell(outcome, &journey, &run, &dir);
    }
    Ok(code(outcome))
}

/// The report of a finished run, beside its journal.
fn write_report(args: &RunArgs, dir: &Path) -> Result<()> {
    let (found, _) = runs::all(&args.dir);
    let Some(found) = found.into_iter().find(|f| f.dir == dir) else { return Ok(()) };
    let (_, books) = checked_books(args, &found.state.journey)?;
    super::report::write(&found, &books, dir).map(drop)
}

/// The step that `--to` names.
pub fn back_to(books: &Books, state: &State, name: &str) -> Result<String> {
    plan::back_to(books, state, name).ok_or_else(|| {
        Error::new(Kind::Usage, format!("--to {name}: this run has begun no such step or phase"))
            .hint("see what it did with `migrate-wizard rollback --plan`; a question is not undone, its answer can be changed")
    })
}

fn create(args: &RunArgs, flavour: Flavour, setup: &Setup) -> Result<(PathBuf, Journal, State)> {
    if args.real_network && !flavour.sandbox {
        return Err(Error::new(Kind::Usage, "--real-network is for a sandbox: elsewhere everything is real").hint("add --sandbox"));
    }
    let run = runs::name(flavour);
    let dir = args.dir.join(runs::FOLDER).join(&run);
    let mut journal = Journal::create(&dir)?;
    let mut facts = given(&args.dir, &run, flavour.sandbox);
    if flavour.sandbox {
        facts.insert(effects::AWS_SIMULATED.into(), Value::from(if effects::no_endpoint() { "yes" } else { "no" }));
    }
    if args.real_network {
        facts.insert(effects::REAL_NETWORK.into(), Value::from("yes"));
    }
    if setup.disposable_source {
        facts.insert(effects::DISPOSABLE_SOURCE.into(), Value::from("yes"));
    }
    let opened = Entry::Opened {
        format: FORMAT,
        journey: flavour.journey.into(),
        mode: flavour.mode,
        sandbox: flavour.sandbox,
        tool: env!("CARGO_PKG_VERSION").into(),
        facts,
        run,
    };
    let record = journal.append(now(), opened)?;
    let state = State::replay([&record])?;
    Ok((dir, journal, state))
}

/// SIGTERM and a closed terminal stop now; with JSON, where no face listens to the keyboard, Ctrl-C does too.
///
/// They are listened to from the call on, not from when the future is first polled.
fn abort_on_signal(commands: tokio::sync::mpsc::UnboundedSender<Command>, interrupt_too: bool) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening = (signal(SignalKind::terminate()), signal(SignalKind::hangup()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut term), Ok(mut hup), Ok(mut interrupt)) = listening else { return };
        tokio::select! { _ = term.recv() => {}, _ = hup.recv() => {}, _ = interrupt.recv(), if interrupt_too => {} }
        let _engine_gone = commands.send(Command::Abort);
    }
}

fn farewell(outcome: Outcome, journey: &str, run: &str, dir: &Path) {
    let next =
        if journey == "move" { "Next: migrate-wizard plan, then migrate-wizard" } else { "Next: the same command without --dry-run" };
    match outcome {
        Outcome::Finished => {
            if let Some(report) = super::report::written(dir) {
                out(format!("run {run} is finished; the report is {}", report.display()));
            } else {
                out(format!("run {run} is finished"));
            }
        }
        Outcome::Rehearsed => out(format!("dry run {run} is finished: nothing was touched. {next}")),
        Outcome::RolledBack => match super::report::written(dir).filter(|_| dir.join(effects::WAY_BACK).is_file()) {
            Some(report) => {
                out(format!("run {run} is rolled back; what became of rows written on AWS is in the report: {}", report.display()))
            }
            None => out(format!("run {run} is rolled back")),
        },
        Outcome::Stopped | Outcome::Interrupted => out(format!("run {run} is stopped; the same command goes on from here")),
        Outcome::Failed => out(format!("run {run}: a step failed; the same command tries again")),
    }
}
