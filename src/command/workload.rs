//! Which cluster, service, repository and account a command means: its flags, else the newest run of the checkout.
//! Calls nothing by itself; it opens the session that others call with.

use std::path::PathBuf;

use crate::cli::{ImageNameArgs, RunArgs, ServiceNameArgs};
use crate::cloud::{Access, Aws, Options};
use crate::error::{Error, Kind, Result};
use crate::runs::{self, Flavour};
use crate::wizard::template::{self, Facts};
use crate::wizard::view::Mode;

/// What the newest run of a checkout knows of what it deployed.
#[derive(Debug, Default)]
pub struct Newest {
    pub run: Option<String>,
    pub dir: PathBuf,
    account: Option<String>,
    region: Option<String>,
    facts: Facts,
}

/// A service of ECS.
#[derive(Debug, Clone)]
pub struct Named {
    pub cluster: String,
    pub service: String,
}

/// An image in ECR.
#[derive(Debug, Clone)]
pub struct Image {
    pub repository: String,
    pub tag: String,
    pub platform: String,
}

impl Newest {
    /// Of a live run that made stacks, also for a dry run of a command: what was rehearsed was not deployed.
    pub fn read(args: &RunArgs) -> Result<Self> {
        let of = |journey| runs::newest(&args.dir, Flavour { journey, mode: Mode::Live, sandbox: args.sandbox });
        let known = [of("move")?, of("stacks")?].into_iter().flatten();
        let Some(found) = known.max_by(|a, b| a.state.opened_at.cmp(&b.state.opened_at)) else { return Ok(Self::default()) };
        let (account, region) = found.state.account.clone().unzip();
        Ok(Self { run: Some(found.state.run.clone()), dir: found.dir, account, region, facts: found.state.facts() })
    }

    /// A session for this account alone; `access` is lowered in a dry run.
    pub async fn aws(&self, args: &RunArgs, access: Access) -> Result<Aws> {
        let mut options = Options::new(if args.dry_run { Access::ReadOnly } else { access });
        options.profile.clone_from(&args.aws_profile);
        options.region = args.region.clone().or_else(|| self.region.clone());
        let aws = Aws::connect(options).await?;
        if let Some(account) = &self.account {
            aws.pin(account);
            aws.check_pin().await?;
        }
        Ok(aws)
    }

    fn fact(&self, name: &str) -> Option<String> {
        self.facts.get(name).map(template::plain).filter(|value| !value.is_empty())
    }

    /// The user pool of the run's identity stack.
    pub fn user_pool(&self) -> Option<String> {
        self.fact("identity.UserPoolId")
    }

    /// Was this answered or found so?
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.fact(name).as_deref() == Some(value)
    }

    /// Names of the run's services, as the app calls them.
    fn items(&self, step: &str, output: &str) -> Vec<(String, String)> {
        let parts = |name: &str| Some(name.strip_prefix(step)?.strip_prefix('[')?.strip_suffix(output)?.strip_suffix("].")?.to_owned());
        self.facts.iter().filter_map(|(name, value)| Some((parts(name)?, template::plain(value)))).collect()
    }

    /// The value of the item that was named, or of the only one.
    fn one_of(&self, step: &str, output: &str, named: Option<&str>) -> Result<Option<String>> {
        let mut all = self.items(step, output);
        if let Some(named) = named {
            all.retain(|(item, value)| item == named || value == named);
        }
        if all.len() > 1 {
            let names: Vec<_> = all.into_iter().map(|(item, _)| item).collect();
            return Err(Error::new(Kind::Usage, format!("the run has several services: {}", names.join(", ")))
                .hint(format!("name one with --service, for example --service {}", names.first().cloned().unwrap_or_default())));
        }
        Ok(all.pop().map(|(_, value)| value))
    }

    pub fn service(&self, what: &ServiceNameArgs) -> Result<Named> {
        let unnamed = |flag: &str| {
            Error::new(Kind::Usage, format!("no {flag} is named, and no run of this checkout has deployed one"))
                .hint("name both with --cluster and --service, or the app's checkout with --dir (add --sandbox for a sandbox run)")
        };
        let cluster = what.cluster.clone().or_else(|| self.fact("cluster.ClusterName")).ok_or_else(|| unnamed("cluster"))?;
        let service = match (&what.service, &what.cluster) {
            // both named: what a run says does not matter
            (Some(service), Some(_)) => Some(service.clone()),
            (Some(service), None) => self.one_of("service", "ServiceName", Some(service))?.or_else(|| Some(service.clone())),
            (None, _) => self.one_of("service", "ServiceName", None)?,
        };
        Ok(Named { cluster, service: service.ok_or_else(|| unnamed("service"))? })
    }

    pub fn image(&self, args: &RunArgs, what: &ImageNameArgs) -> Result<Image> {
        let repository = match &what.repository {
            Some(name) => name.clone(),
            None => self.one_of("repository", "name", what.service.as_deref())?.ok_or_else(|| {
                Error::new(Kind::Usage, "no image repository is named, and no run of this checkout has made one")
                    .hint("name it with --repository, as ECR lists it: shop-production/web")
            })?,
        };
        let run = self.run.clone().unwrap_or_else(|| "latest".to_owned());
        let decided = self.fact("architecture").map(|word| if word == "arm64" { "linux/arm64" } else { "linux/amd64" });
        Ok(Image {
            repository,
            tag: what.tag.clone().unwrap_or_else(|| crate::effects::image_tag(&args.dir, &run)),
            platform: what.platform.map(|p| p.word()).or(decided).unwrap_or("linux/amd64").to_owned(),
        })
    }

    /// The Dockerfile: named, else what the run wrote, else the checkout's own.
    pub fn dockerfile(&self, args: &RunArgs, named: Option<&PathBuf>) -> Result<PathBuf> {
        let written = self.fact("files.dockerfile").map(|name| self.dir.join(name));
        let all = match named {
            Some(named) => vec![named.clone()],
            None => written.into_iter().chain([args.dir.join("Dockerfile")]).collect(),
        };
        all.iter().find(|path| path.is_file()).cloned().ok_or_else(|| {
            let looked = all.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
            Error::new(Kind::Input, "there is no Dockerfile")
                .cause(format!("looked for {looked}"))
                .hint("name one with --dockerfile; the wizard's step `files` writes one into the run's folder")
        })
    }
}
