//! `secrets list|import|rotate`: what each service gets, Replit's block taken over, a new value for one secret.
//! Never prints a secret's value.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::engines::{decisions, say_whose};
use super::run::{answers, checked_books, open};
use super::{out, out_json, secrets_import};
use crate::app::needs::Decided;
use crate::app::secrets::{Given, Row, Table, is_made, is_missing};
use crate::app::{self, Choices, Reading, Scan, ServiceKind};
use crate::cli::{AppArgs, RotateArgs, RunArgs, SecretsCmd};
use crate::cloud::secret_group::Held;
use crate::cloud::{self, Aws};
use crate::decide;
use crate::effects::{Setup, environment};
use crate::error::{Error, Kind, Result};
use crate::progress::{Reporter, aside};
use crate::runs::{self, Flavour};
use crate::wizard::state::End;
use crate::wizard::template;
use crate::wizard::view::Mode;

pub async fn run(args: &RunArgs, what: &SecretsCmd) -> Result<u8> {
    match what {
        SecretsCmd::List(whose) => list(args, whose).await,
        SecretsCmd::Import(import) => secrets_import::take_over(args, import).await,
        SecretsCmd::Rotate(rotate) => new_value(args, rotate).await,
    }
}

/// Whose secrets, and where they are.
pub(super) struct Place {
    pub(super) app: String,
    pub(super) environment: String,
    region: Option<String>,
    database: Option<String>,
    services: Option<String>,
    pub(super) decided: Decided,
    /// The account of the newest live run: no other may be written to.
    account: Option<String>,
}

impl Place {
    /// Flags win over profile and answers, these over the newest run.
    pub(super) fn of(args: &RunArgs, whose: &AppArgs) -> Result<Self> {
        let (_, books) = checked_books(args, "move")?;
        let given = answers(args, &books)?;
        let (found, _) = runs::all(&args.dir);
        let newest = found.iter().rfind(|f| f.state.journey == "move").map(|f| &f.state);
        let answer = |id: &str| {
            let ran = || newest.and_then(|s| s.steps.get(id)).and_then(|s| s.answer.as_ref()).map(|(value, _)| template::plain(value));
            given.get(id).map(|s| s.value.clone()).or_else(ran).filter(|v| !v.is_empty())
        };
        let needed = |flag: &Option<String>, id: &str, name: &str| {
            flag.clone().or_else(|| answer(id)).ok_or_else(|| {
                Error::new(Kind::Usage, format!("whose secrets? no {name} is named"))
                    .hint("give --app and --environment, or --profile, or run it in the app's checkout after the wizard has asked for them")
            })
        };
        Ok(Self {
            app: needed(&whose.app, "app_name", "app")?,
            environment: needed(&whose.environment, "environment", "environment")?,
            region: args.region.clone().or_else(|| answer("region")),
            database: answer("database"),
            services: answer("services"),
            decided: decisions(args)?,
            account: newest
                .filter(|s| s.mode == Mode::Live && !s.sandbox)
                .and_then(|s| s.account.as_ref().map(|(account, _)| account.clone())),
        })
    }

    pub(super) fn prefix(&self) -> String {
        environment::prefix(&self.app, &self.environment)
    }

    pub(super) async fn aws(&self, args: &RunArgs) -> Result<Aws> {
        let access = if args.dry_run { cloud::Access::ReadOnly } else { cloud::Access::ReadWrite };
        let mut options = cloud::Options::new(access);
        options.region.clone_from(&self.region);
        options.profile.clone_from(&args.aws_profile);
        let aws = Aws::connect(options).await?;
        if let Some(account) = &self.account {
            aws.pin(account);
            aws.check_pin().await?;
        }
        Ok(aws)
    }
}

/// What `secrets list` tells.
#[derive(Serialize)]
struct Listed<'a> {
    prefix: String,
    /// `None`: Secrets Manager was asked. Else why it was not.
    not_asked: Option<String>,
    rows: &'a [Row],
    secrets: Vec<Stored>,
}

#[derive(Serialize)]
struct Stored {
    name: String,
    arn: String,
    keys: Option<Vec<String>>,
    placeholder: bool,
    changed: Option<String>,
    /// In words.
    rotation: String,
}

fn stored(held: &BTreeMap<String, Held>, table: &Table) -> Vec<Stored> {
    held.iter()
        .map(|(name, held)| {
            let rule = table.rule_of_secret(name);
            let rotation = match (held.rotates, rule.and_then(|r| r.every)) {
                (Some(days), _) => format!("by AWS every {days} days"),
                (None, Some(days)) => format!("every {days} days: migrate-wizard secrets rotate {name}"),
                (None, None) => "on compromise".to_owned(),
            };
            Stored {
                name: held.name.clone(),
                arn: held.arn.clone(),
                keys: held.keys.clone(),
                placeholder: held.placeholder,
                changed: held.changed.clone(),
                rotation,
            }
        })
        .collect()
}

/// Where nobody decided yet: the names that `app env` goes by. For looking alone: what is stored is stored under a name that was given.
fn whose_by_default(args: &RunArgs, whose: &AppArgs, scan: &Scan) -> Result<AppArgs> {
    let (usual, decided) = (Choices::from_scan(scan), decisions(args)?);
    let open = |given: &Option<String>, id: &str| given.is_none() && decided.outcome(id).is_none();
    let mut whose = whose.clone();
    let (name, environment) = (open(&whose.app, "app_name"), open(&whose.environment, "environment"));
    if !(name || environment) {
        return Ok(whose);
    }
    app::must_be_app(&args.dir)?;
    if name {
        whose.app = Some(usual.app_name);
    }
    if environment {
        whose.environment = Some(usual.environment);
    }
    let told = |given: &Option<String>| given.clone().unwrap_or_else(|| "as decided".to_owned());
    let (app, place) = (told(&whose.app), told(&whose.environment));
    aside(format_args!("note: not all was decided yet; app {app}, environment {place} (--app and --environment say otherwise)"));
    Ok(whose)
}

async fn list(args: &RunArgs, whose: &AppArgs) -> Result<u8> {
    say_whose(args)?;
    let scan = app::scan(&args.dir, &Reporter::silent())?;
    let place = Place::of(args, &whose_by_default(args, whose, &scan)?)?;
    for difference in app::made_for_other(&Reading::of(&args.dir)?.files(), &place.decided) {
        aside(format_args!("note: {difference}"));
    }
    let asked = async { environment::held(&place.aws(args).await?, &place.app, &place.environment).await };
    let (held, not_asked) = match asked.await {
        Ok(held) => (held, None),
        Err(error) if matches!(error.kind, Kind::Denied | Kind::Unreachable | Kind::Input) => (BTreeMap::new(), Some(error.line())),
        Err(error) => return Err(error),
    };
    let services: Vec<String> = match &place.services {
        Some(text) => decide::services(text)?.into_iter().map(|s| s.name).collect(),
        None => scan.services.iter().filter(|s| s.kind != ServiceKind::Static).map(|s| s.name.clone()).collect(),
    };
    let rows = environment::rows(&scan, &args.dir, &place.prefix(), &services, &held, &place.decided)?;
    // what the stacks or the wizard make is nobody's to import
    let plan = environment::plan(&scan, &place.decided)?;
    let table = Table::of(&scan, &plan)?;
    let made = |row: &Row| is_made(&row.variable, &plan, &table);
    // one variable of three services is one
    let missing: BTreeSet<&str> = rows.iter().filter(|r| is_missing(r, &plan, &table)).map(|r| r.variable.as_str()).collect();
    let missing = missing.len();
    let code = u8::from(missing > 0 && not_asked.is_none());
    let secrets = stored(&held, &table);
    if args.json {
        out_json(&Listed { prefix: place.prefix(), not_asked, rows: &rows, secrets })?;
        return Ok(code);
    }
    let width = rows.iter().map(|r| r.variable.len()).max().unwrap_or(0);
    let mut service = "";
    for row in &rows {
        if row.service != service {
            service = &row.service;
            out(format!("\n{service}"));
        }
        let home = |home: &crate::app::secrets::Home| {
            let key = home.key.as_ref().map(|key| format!(" key {key}")).unwrap_or_default();
            format!("{}{}{key}", place.prefix(), home.secret)
        };
        let (sign, what) = match &row.given {
            Given::Secret(at) => (' ', format!("secret {}", home(at))),
            Given::Placeholder(at) => ('!', format!("secret {}: a placeholder, nobody gave a value", home(at))),
            Given::Plain { value } => (' ', format!("plain {}", crate::text::redact(value))),
            Given::Stack => (' ', "set by the service's stack".to_owned()),
            Given::Default => (' ', "the code's default".to_owned()),
            Given::Dropped => ('-', "not set on AWS: Replit's own".to_owned()),
            Given::Unneeded => ('-', "not set, and not needed".to_owned()),
            Given::Missing(_) | Given::MissingPlain if made(row) => (' ', format!("not there yet: {}", table.judge(&row.variable, None).1)),
            Given::MissingPlain => ('!', "MISSING; a plain variable".to_owned()),
            Given::Missing(at) => ('!', format!("MISSING; as a secret it would be {}", home(at))),
        };
        // where the value comes from, unless that was just said
        let source = match &row.given {
            Given::Secret(_) | Given::Placeholder(_) | Given::Plain { .. } | Given::Unneeded => row.source.as_str(),
            Given::Stack | Given::Default | Given::Dropped | Given::Missing(_) | Given::MissingPlain => "",
        };
        let told: Vec<&str> = [source, &row.read_at].into_iter().filter(|part| !part.is_empty()).collect();
        let told = if told.is_empty() { String::new() } else { format!("  [{}]", told.join("; ")) };
        out(format!("  {sign} {:width$}  {what}{told}", row.variable));
    }
    if !secrets.is_empty() {
        out("\nin Secrets Manager");
        for secret in &secrets {
            let keys = secret.keys.as_ref().map(|keys| format!(" (keys {})", keys.join(", "))).unwrap_or_default();
            out(format!("    {}{keys}  rotation: {}", secret.name, secret.rotation));
        }
    }
    if let Some(why) = &not_asked {
        out(format!(
            "\nSecrets Manager was not asked: {why}. What it holds is not counted above, so nothing is called missing by the exit code."
        ));
    }
    out(format!(
        "\n{} {}. Next: {}",
        crate::text::plural(missing as u64, "variable"),
        if not_asked.is_none() { "given by nobody" } else { "that nobody is known to give" },
        if missing > 0 { "migrate-wizard secrets import" } else { "migrate-wizard plan" }
    ));
    Ok(code)
}

async fn new_value(args: &RunArgs, rotate: &RotateArgs) -> Result<u8> {
    let flavour = Flavour { journey: "rotate", mode: if args.dry_run { Mode::Dry } else { Mode::Live }, sandbox: args.sandbox };
    let newest = runs::newest(&args.dir, flavour)?;
    let asked = newest.as_ref().and_then(|f| f.state.steps.get("secret")).and_then(|s| s.answer.as_ref());
    if let (Some(found), Some((open, _)), Some(wanted)) = (&newest, asked, &rotate.secret)
        && found.state.ended.is_none()
        && !args.new
        && template::plain(open) != *wanted
    {
        return Err(Error::new(Kind::Conflict, format!("the rotation of {} is not finished", template::plain(open)))
            .hint("finish it with `migrate-wizard secrets rotate`, go back with --back, or leave it with --new"));
    }
    if newest.as_ref().is_some_and(|f| f.state.ended == Some(End::RolledBack)) && rotate.back {
        out("the last rotation is rolled back already");
        return Ok(0);
    }
    let mut args = args.clone();
    if !rotate.back {
        // the rotation's own questions are not those of the move
        let place = Place::of(&RunArgs { set: Vec::new(), ..args.clone() }, &rotate.whose)?;
        let mut set = |id: &str, value: Option<String>| {
            if let Some(value) = value.filter(|_| !args.set.iter().any(|(known, _)| known == id)) {
                args.set.push((id.to_owned(), value));
            }
        };
        set("app_name", Some(place.app));
        set("environment", Some(place.environment));
        set("region", place.region);
        set("database", place.database);
        set("secret", rotate.secret.clone());
    }
    // their questions are those of the move
    (args.profile, args.answers) = (None, None);
    open(&args, flavour, rotate.back.then_some(None), Setup::default()).await
}
