//! The world an effect meets: AWS, both databases, the app's files, the run's folder. Built once; a sandbox is just another world.
//! Decides nothing about steps: it only opens connections and says what is simulated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::check_aws::Foresight;
use super::cost::Costs;
use super::going_back::GoingBack;
use super::preconditions::Rehearsal;
use super::target_ref::TargetRef;
use crate::cli::RunArgs;
use crate::cloud::preflight::Wanted;
use crate::cloud::{self, Aws};
use crate::error::{Context, Error, Kind, Result};
use crate::postgres::local::LocalServer;
use crate::postgres::{self, Connector};
use crate::wizard::effect::{self, Need};
use crate::wizard::state::State;
use crate::wizard::template::Facts;
use crate::wizard::view::Mode;

/// Given fact of a sandbox run whose source may be written to: it is as disposable as the target. Kept in the journal, so that a
/// later command undoes for real what was done for real.
pub const DISPOSABLE_SOURCE: &str = "run.disposable_source";

/// Given fact of a sandbox run: was AWS simulated when it began? What was done for real must not be undone by pretending.
pub const AWS_SIMULATED: &str = "run.aws_simulated";

/// Given fact of a sandbox run whose endpoint runs the app and serves its names: the app is looked at for real.
pub const REAL_NETWORK: &str = "run.real_network";

/// No AWS endpoint is named: a sandbox then simulates AWS.
pub fn no_endpoint() -> bool {
    named_endpoint().is_none()
}

fn named_endpoint() -> Option<String> {
    std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty())
}

/// What a command hands to a world beyond its arguments.
#[derive(Debug, Default)]
pub struct Setup {
    /// The source database, when it does not come from the environment.
    pub source: Option<Connector>,
    /// The target database, whatever effects name: inside the VPC, where a task was given it.
    pub target: Option<Connector>,
    /// See [`DISPOSABLE_SOURCE`].
    pub disposable_source: bool,
    /// How to reach AWS, when neither flags nor environment say it; what it may do is the run's mode all the same.
    pub aws: Option<cloud::Options>,
    /// `None`: nothing is known of the steps to come.
    pub foresight: Option<Foresight>,
    /// `None`: nothing is known of other runs.
    pub rehearsal: Option<Rehearsal>,
    /// `None`: how long a roll back takes is not known.
    pub going_back: Option<GoingBack>,
}

/// Everything outside.
pub struct World {
    pub app_dir: PathBuf,
    pub run_dir: PathBuf,
    pub run: String,
    sandbox: bool,
    /// The tour: only `simulate` steps.
    tour: bool,
    /// Its decisions have a price.
    priced: bool,
    dry: bool,
    aws_options: Mutex<cloud::Options>,
    aws: OnceCell<Aws>,
    /// The endpoint that was named; `None` is AWS itself or, in a sandbox, nothing.
    aws_at: Option<String>,
    aws_simulated: bool,
    /// Looked for once, when first asked: it may take two seconds.
    credentials: OnceCell<bool>,
    source: Option<Connector>,
    given_target: Option<Connector>,
    disposable_source: bool,
    real_network: bool,
    /// The sandbox's own target.
    server: OnceCell<LocalServer>,
    secrets: Mutex<BTreeMap<String, String>>,
    costs: Costs,
    foresight: Option<Foresight>,
    rehearsal: Option<Rehearsal>,
    going_back: Option<GoingBack>,
}

impl World {
    pub async fn open(args: &RunArgs, run_dir: &std::path::Path, state: &State, setup: Setup) -> Result<Self> {
        let dry = state.mode == Mode::Dry;
        let access = if dry { cloud::Access::ReadOnly } else { cloud::Access::ReadWrite };
        let given = setup.aws.unwrap_or_else(|| cloud::Options::new(access));
        let mut aws_options = cloud::Options {
            access,
            profile: args.aws_profile.clone(),
            deploy_role: args.deploy_role.clone(),
            consents: args.confirm.iter().cloned().collect(),
            ..given
        };
        let decided = state.steps.get("region").and_then(|s| s.answer.as_ref()).map(|(v, _)| crate::wizard::template::plain(v));
        aws_options.region = args.region.clone().or_else(|| state.account.as_ref().map(|(_, region)| region.clone())).or(decided);
        let aws_at = aws_options.endpoint.clone().or_else(named_endpoint);
        let aws_simulated = state.sandbox && aws_at.is_none();
        let began_simulated = state.given.get(AWS_SIMULATED).map(crate::wizard::template::plain);
        match (began_simulated.as_deref(), aws_simulated) {
            (Some("no"), true) => {
                return Err(Error::new(
                    Kind::Conflict,
                    format!("the sandbox run {} was made with an AWS endpoint, and none is named now", state.run),
                )
                .hint("export AWS_ENDPOINT_URL again (the same endpoint), or begin a new run with --new"));
            }
            (Some("yes"), false) if state.sandbox => {
                return Err(Error::new(
                    Kind::Conflict,
                    format!("the sandbox run {} began with AWS simulated, and AWS_ENDPOINT_URL is set now", state.run),
                )
                .hint("unset AWS_ENDPOINT_URL to go on with it, or begin a new run with --new"));
            }
            (_, _) => {}
        }
        let tour = state.journey == "tour";
        let source = match setup.source {
            Some(connector) => Some(connector),
            None if tour => None,
            None => source_from_env()?,
        };
        Ok(Self {
            app_dir: args.dir.clone(),
            run_dir: run_dir.to_owned(),
            run: state.run.clone(),
            sandbox: state.sandbox,
            tour,
            priced: state.journey == "move",
            dry,
            aws_options: Mutex::new(aws_options),
            aws: OnceCell::new(),
            aws_at,
            aws_simulated,
            credentials: OnceCell::new(),
            source,
            given_target: setup.target,
            disposable_source: state.given.contains_key(DISPOSABLE_SOURCE),
            real_network: state.given.contains_key(REAL_NETWORK),
            server: OnceCell::new(),
            secrets: Mutex::new(BTreeMap::new()),
            costs: Costs::of_runs(run_dir.parent().unwrap_or(run_dir))?,
            foresight: setup.foresight,
            rehearsal: setup.rehearsal,
            going_back: setup.going_back,
        })
    }

    /// What a run with these answers (question id → {value, source}) will need of AWS; nothing where the command did not say.
    pub fn foresee(&self, answers: &Map<String, Value>) -> Result<Wanted> {
        self.foresight.as_ref().map_or_else(|| Ok(Wanted::default()), |foresight| (foresight.0)(answers))
    }

    /// Was a run with these answers rehearsed? `Err` says what is missing.
    pub fn rehearsed(&self, answers: &Map<String, Value>) -> std::result::Result<String, String> {
        self.rehearsal.as_ref().map_or_else(|| Err("nothing is known of other runs".to_owned()), |known| (known.0)(answers))
    }

    /// How long a roll back takes, in words; `None` where nothing tells.
    pub fn going_back(&self) -> Option<String> {
        self.going_back.as_ref().and_then(|known| (known.0)())
    }

    /// The AWS session: connected once, read-only in a dry run.
    pub async fn aws(&self) -> Result<&Aws> {
        self.aws
            .get_or_try_init(|| async {
                let options = self.aws_options.lock().map_err(|_| Error::bug("the AWS options are lost"))?.clone();
                Aws::connect(options).await
            })
            .await
    }

    /// The region that was decided; before the first call. Another one than the flag or the pin asks for is refused.
    pub fn settle_region(&self, region: &str) -> Result<()> {
        let mut options = self.aws_options.lock().map_err(|_| Error::bug("the AWS options are lost"))?;
        match options.region.as_deref() {
            Some(given) if given != region => {
                Err(Error::new(Kind::Conflict, format!("the region was decided as {region}, and --region or the run's pin says {given}"))
                    .hint("change the answer to `region`, or leave --region out"))
            }
            Some(_) | None => {
                options.region = Some(region.to_owned());
                Ok(())
            }
        }
    }

    /// The source database, which nobody can write to through this.
    pub fn source(&self) -> Result<Connector> {
        self.named_source().map(|connector| connector.only_reading())
    }

    /// The source database for the freeze; in a dry run not even that.
    pub fn source_to_freeze(&self) -> Result<Connector> {
        self.named_source().map(|connector| self.as_the_run_allows(connector))
    }

    /// The same, writing while the freeze holds everybody else back: for the way back alone.
    pub fn source_past_the_freeze(&self) -> Result<Connector> {
        self.source_to_freeze().map(|connector| connector.past_the_freeze())
    }

    /// What a person agreed to by name.
    pub fn agreed(&self) -> Vec<String> {
        self.aws_options.lock().map(|options| options.consents.iter().cloned().collect()).unwrap_or_default()
    }

    fn as_the_run_allows(&self, connector: Connector) -> Connector {
        if self.dry { connector.only_reading() } else { connector }
    }

    fn named_source(&self) -> Result<Connector> {
        let asked = self.secrets.lock().ok().and_then(|s| s.get("source_url").cloned());
        match (asked, &self.source) {
            (Some(url), _) => Connector::from_url(&url),
            (None, Some(connector)) => Ok(connector.clone()),
            (None, None) => Err(Error::new(Kind::Input, "no source database is named").hint(
                "export SOURCE_DATABASE_URL='postgresql://user@host/db' (Replit: Deployments, your app, Database, connection string), keep the password in ~/.pgpass or in the URL, then start again",
            )),
        }
    }

    /// The target database: the sandbox's disposable server, or what the stack made.
    pub async fn target(&self, target: &TargetRef) -> Result<Connector> {
        self.named_target(target).await.map(|connector| self.as_the_run_allows(connector))
    }

    async fn named_target(&self, target: &TargetRef) -> Result<Connector> {
        if self.sandbox {
            let options = postgres::local::Options { database: "app".to_owned(), ..postgres::local::Options::default() };
            let folder = self.server_dir()?;
            let server = self.server.get_or_try_init(|| LocalServer::start(&folder, &options)).await?;
            return Ok(server.connector());
        }
        if let Some(given) = &self.given_target {
            return Ok(given.clone());
        }
        let aws = self.aws().await?;
        let port = if target.port.is_empty() { "5432" } else { &target.port };
        if target.kind == "dsql" {
            let cluster = Connector::from_url_alone(&format!("postgresql://admin@{}:{port}/postgres?sslmode=verify-full", target.host))?;
            return Ok(super::dsql_login::with_tokens(&cluster, aws));
        }
        let secret = cloud::secrets::value(aws, &target.secret_arn).await?;
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(secret.expose()).map_err(|_| {
            Error::new(Kind::Conflict, format!("the secret {} does not hold user and password as JSON", target.secret_arn))
                .hint("it is made by the database's stack: deploy the stack again")
        })?;
        let text = |key: &str| fields.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let database = if target.database.is_empty() { "app" } else { &target.database };
        Ok(Connector::from_url_alone(&format!("postgresql://{}@{}:{port}/{database}?sslmode=verify-full", text("username"), target.host))?
            .with_password(&text("password")))
    }

    /// Where the sandbox's server keeps its files: outside the app, so that a server that may not run as root can reach it.
    fn server_dir(&self) -> Result<PathBuf> {
        let all = std::env::temp_dir().join("migrate-wizard");
        if !all.exists() {
            let what = format!("cannot make {}", all.display());
            let hint = "check that the temporary folder (TMPDIR) can be written to";
            std::fs::create_dir_all(&all).or_fail(Kind::Input, &what, hint)?;
            // As with the temporary folder itself: other users of this machine rehearse too, each in folders of their own.
            #[cfg(unix)]
            std::fs::set_permissions(&all, std::os::unix::fs::PermissionsExt::from_mode(0o1777)).or_fail(Kind::Input, &what, hint)?;
        }
        Ok(all.join(&self.run))
    }

    /// Credentials that can be found without a call to a service.
    async fn has_credentials(&self) -> bool {
        if self.aws_simulated {
            return false;
        }
        let look = async || {
            let Ok(mut options) = self.aws_options.lock().map(|o| o.clone()) else { return false };
            // Which region does not matter for finding credentials, and it may not be decided yet.
            options.region.get_or_insert_with(|| "us-east-1".to_owned());
            match Aws::connect(options).await {
                Ok(aws) => aws.has_credentials().await,
                Err(_) => false,
            }
        };
        *self.credentials.get_or_init(look).await
    }

    /// A secret answer, if it is still in memory.
    pub fn secret(&self, name: &str) -> Option<String> {
        self.secrets.lock().ok().and_then(|s| s.get(name).cloned())
    }

    pub fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Where files of this run are written: its own folder.
    pub fn out_dir(&self, below: &str) -> PathBuf {
        self.run_dir.join(below)
    }

    /// Stops the sandbox's server, whichever session of the run started it: one that was killed may have left it to a session that had no
    /// more use for it. Its data stays for the next.
    pub async fn close(&self) {
        if !self.sandbox {
            return;
        }
        let stopped = async { postgres::local::stop(&self.server_dir()?).await };
        if let Err(error) = stopped.await {
            eprintln!("{error}");
        }
    }

    pub fn costs(&self) -> &Costs {
        &self.costs
    }
}

/// The source that the environment names; `None` when it names none.
fn source_from_env() -> Result<Option<Connector>> {
    const NAMES: [&str; 2] = ["SOURCE_DATABASE_URL", "DATABASE_URL"];
    let named = NAMES.iter().chain(&postgres::layers::NAMING).any(|n| std::env::var_os(n).is_some_and(|v| !v.is_empty()));
    if named { Connector::from_env(&NAMES).map(Some) } else { Ok(None) }
}

#[async_trait]
impl effect::World for World {
    async fn check_account(&self, account: &str) -> Result<()> {
        if self.aws_simulated || (self.dry && !self.has_credentials().await) {
            return Ok(());
        }
        let aws = self.aws().await?;
        aws.pin(account);
        aws.check_pin().await.map(drop)
    }

    fn simulates(&self, need: Need) -> Option<String> {
        let simulated = match need {
            Need::Aws => self.aws_simulated,
            Need::SourceWrite => self.sandbox && !self.disposable_source,
            Need::Network => self.sandbox && !self.real_network,
            Need::Builder | Need::Time => self.sandbox,
            Need::Source | Need::Target | Need::App | Need::Nothing => false,
        };
        simulated.then(|| "sandbox: simulated".to_owned())
    }

    async fn readable(&self, need: Need) -> bool {
        match need {
            Need::Aws => self.has_credentials().await,
            Need::Source | Need::SourceWrite => self.source().is_ok(),
            // A dry run has made no target to read.
            Need::Target => !self.dry,
            Need::App | Need::Nothing => true,
            Need::Network | Need::Builder | Need::Time => !self.dry,
        }
    }

    fn banner(&self) -> Option<String> {
        if self.tour {
            return Some("tour: nothing real is read and nothing real is touched".to_owned());
        }
        self.sandbox.then(|| {
            let aws = self.aws_at.as_ref().map_or("AWS simulated".to_owned(), |url| format!("AWS at {url}"));
            let simulated = if self.real_network { "image" } else { "image and public network" };
            format!("sandbox: disposable target, {aws}, {simulated} simulated")
        })
    }

    fn keep_secret(&self, name: &str, value: &str) {
        if let Ok(mut secrets) = self.secrets.lock() {
            secrets.insert(name.to_owned(), value.to_owned());
        }
    }

    fn has_secret(&self, name: &str) -> bool {
        self.secrets.lock().is_ok_and(|s| s.contains_key(name))
    }

    fn cost(&self, facts: &Facts) -> Option<String> {
        if self.priced { self.costs.words(facts) } else { None }
    }

    fn cost_of(&self, facts: &Facts, question: &str, option: &str) -> Option<String> {
        if self.priced { self.costs.of(facts, question, option) } else { None }
    }

    fn against(&self, facts: &Facts, question: &str, answer: &str) -> Vec<String> {
        self.costs.against(facts, question, answer)
    }
}
