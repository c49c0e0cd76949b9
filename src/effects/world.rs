//! The world an effect meets: AWS, both databases, the app's files, the run's folder. Built once; a sandbox is just another world.
//! Decides nothing about steps: it only opens connections and says what is simulated.

mod databases;
mod for_engine;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::check_aws::Foresight;
use super::cost::Costs;
use super::going_back::GoingBack;
use super::preconditions::Rehearsal;
use crate::cli::RunArgs;
use crate::cloud::preflight::Wanted;
use crate::cloud::{self, Aws};
use crate::error::{Error, Kind, Result};
use crate::postgres::Connector;
use crate::postgres::local::LocalServer;
use crate::wizard::state::State;
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
            None => databases::source_from_env()?,
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

    /// What a person agreed to by name.
    pub fn agreed(&self) -> Vec<String> {
        self.aws_options.lock().map(|options| options.consents.iter().cloned().collect()).unwrap_or_default()
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

    pub fn costs(&self) -> &Costs {
        &self.costs
    }
}
