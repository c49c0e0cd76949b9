//! `restore`: another database beside the one there is, made of what that was at some point; it waits until it can be used.
//! The database of now is left as it is. The undo leaves the new one too, until its name is typed.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::wait::{Moment, moment};
use crate::cloud::databases::{self, Database};
use crate::cloud::restore::{self, Point};
use crate::cloud::snapshot::Source;
use crate::cloud::{Aws, recovery};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restore {
    /// `rds`, `aurora` or `dsql`.
    database: String,
    /// Instance or cluster that it is made of.
    of: String,
    /// For dsql: the cluster's ARN, and AWS Backup's role.
    #[serde(default)]
    arn: String,
    #[serde(default)]
    role_arn: String,
    /// The new one's name; DSQL names its clusters itself.
    name: String,
    /// `latest`, `snapshot:NAME` (dsql: the recovery point's ARN), or a day and hour with its zone.
    at: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let restore = from_fields::<Restore>("restore", fields)?;
    one_of("restore", "database", &restore.database, &["rds", "aurora", "dsql"])?;
    named("restore", &restore.of)?;
    let point = of_field("restore", "at", restore.point())?;
    if restore.database == "dsql" && matches!(point, Point::At(_)) {
        return Err(Error::new(
            Kind::Input,
            format!("effect `restore`: `at` is `{}`, and Aurora DSQL has no point-in-time restore", restore.at),
        )
        .hint("latest, or snapshot: with the ARN of a recovery point"));
    }
    if restore.name == restore.of {
        return Err(Error::new(Kind::Input, format!("effect `restore`: `name` is `{}`, which is the database there is", restore.name))
            .hint("a restore never takes the place of the database: give the new one another name"));
    }
    Ok(Box::new(restore))
}

/// A database without a name would be any database of the account.
pub(super) fn named(kind: &str, of: &str) -> Result<()> {
    if !of.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Input, format!("effect `{kind}`: `of` is empty: no data stack of this app and environment is here"))
        .hint("check app_name, environment and region (--set, --region): the stack APP-ENVIRONMENT-data names its database"))
}

/// Where RDS has it; `None` for DSQL.
pub(super) fn source(database: &str, of: &str) -> Option<Source> {
    match database {
        "rds" => Some(Source::Instance(of.to_owned())),
        "aurora" => Some(Source::Cluster(of.to_owned())),
        _ => None,
    }
}

impl Restore {
    fn point(&self) -> Result<Point> {
        if self.at == "latest" {
            return Ok(Point::Latest);
        }
        if let Some(name) = self.at.strip_prefix("snapshot:") {
            return Ok(Point::Snapshot(name.to_owned()));
        }
        match moment(&self.at)? {
            Moment::At(at) => Ok(Point::At(at.timestamp().as_second())),
            Moment::Now => Ok(Point::Latest),
        }
    }

    fn outputs(found: &Database) -> Outputs {
        Self::made(&found.id, &found.arn, &found.host, found.port, found.master.as_deref().unwrap_or_default())
    }

    fn made(id: &str, arn: &str, host: &str, port: i32, master: &str) -> Outputs {
        Outputs::from([
            ("id".into(), json!(id)),
            ("arn".into(), json!(arn)),
            ("host".into(), json!(host)),
            ("port".into(), json!(port.to_string())),
            ("master".into(), json!(master)),
        ])
    }

    async fn cluster(&self, aws: &Aws, cx: &Context) -> Result<Outputs> {
        let points = recovery::points(aws, &self.arn).await?;
        let found = match self.point()? {
            Point::Snapshot(arn) => points.into_iter().find(|one| one.arn == arn),
            Point::Latest | Point::At(_) => points.into_iter().next(),
        };
        let point = found.ok_or_else(|| {
            Error::new(Kind::Conflict, format!("AWS Backup has no such recovery point of {}", self.of))
                .hint("answer `point` with latest, or with one that the step before named")
        })?;
        // not the attempt's: a second try takes the job of the first
        let arn = recovery::restore(aws, &point, &self.role_arn, &self.name, &cx.reporter).await?;
        let host = recovery::host(&arn).ok_or_else(|| Error::bug(format!("AWS Backup restored {arn}, which is no DSQL cluster")))?;
        let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self::made(&id, &arn, &host, 5432, ""))
    }
}

#[async_trait]
impl Apply<World> for Restore {
    fn describe(&self) -> Description {
        let command = match (source(&self.database, &self.of), self.point()) {
            (Some(Source::Instance(of)), Ok(Point::Snapshot(snapshot))) => format!(
                "aws rds restore-db-instance-from-db-snapshot --db-instance-identifier {} --db-snapshot-identifier {snapshot}  # of {of}",
                self.name
            ),
            (Some(Source::Instance(of)), _) => format!(
                "aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier {of} --target-db-instance-identifier {} {}",
                self.name,
                self.when("--restore-time")
            ),
            (Some(Source::Cluster(of)), Ok(Point::Snapshot(snapshot))) => format!(
                "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier {} --snapshot-identifier {snapshot} --engine aurora-postgresql  # of {of}",
                self.name
            ),
            (Some(Source::Cluster(of)), _) => format!(
                "aws rds restore-db-cluster-to-point-in-time --source-db-cluster-identifier {of} --db-cluster-identifier {} {}",
                self.name,
                self.when("--restore-to-time")
            ),
            (None, _) => format!("aws backup start-restore-job --recovery-point-arn … --iam-role-arn {} --metadata …", self.role_arn),
        };
        Description::new(format!("make another database of {} as it was ({}); {0} itself is not touched", self.of, self.at), command)
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let Some(source) = source(&self.database, &self.of) else {
            return Ok(vec![PreviewLine::new(Sign::Add, format!("a cluster made of {} ({})", self.of, self.at))]);
        };
        let there = databases::describe(world.aws().await?, &databases::named(&source, &self.name)).await?;
        let (sign, what) = match there {
            Some(found) => (Sign::Same, format!("database {} is there: {}", self.name, found.status)),
            None => (Sign::Add, format!("database {} made of {} ({})", self.name, self.of, self.at)),
        };
        Ok(vec![PreviewLine::new(sign, what), PreviewLine::new(Sign::Note, format!("{} stays as it is", self.of))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(source) = source(&self.database, &self.of) else { return Ok(Probe::Absent) };
        let ready = matches!(source, Source::Instance(_));
        Ok(match databases::describe(world.aws().await?, &databases::named(&source, &self.name)).await? {
            Some(found) if found.restored_from.as_ref() != Some(&self.of) => {
                Probe::Conflict(format!("there is a database {} already, and it was not restored from {}", self.name, self.of))
            }
            // a cluster can be used when its writer can: that is waited for
            Some(found) if ready && found.status == "available" => Probe::Present(Self::outputs(&found)),
            Some(_) | None => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        match source(&self.database, &self.of) {
            Some(source) => restore::restore(aws, &source, &self.point()?, &self.name, &cx.reporter).await.map(|made| Self::outputs(&made)),
            None => self.cluster(aws, cx).await,
        }
    }

    async fn undo(&self, world: &World, cx: &Context, outputs: &Outputs) -> Result<()> {
        let Some(source) = source(&self.database, &self.of) else {
            let arn = outputs.get("arn").and_then(Value::as_str).unwrap_or("the new cluster");
            cx.reporter.log(format!("{arn} stays and goes on costing; delete it in the DSQL console once nothing of it is needed"));
            return Ok(());
        };
        let target = databases::named(&source, &self.name);
        if !restore::delete(world.aws().await?, &target, &cx.reporter).await? {
            let kind = if matches!(target, Source::Instance(_)) { "instance" } else { "cluster" };
            cx.reporter.log(format!(
                "the restored database {0} stays and goes on costing; --undo --confirm {0} would have deleted it, now it takes: aws rds delete-db-{kind} --db-{kind}-identifier {0} --final-db-snapshot-identifier {0}-last",
                self.name
            ));
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        Self::made(
            &self.name,
            &format!("arn:aws:rds:us-east-1:000000000000:db:{}", self.name),
            &format!("{}.example.us-east-1.rds.amazonaws.com", self.name),
            5432,
            "",
        )
    }
}

impl Restore {
    /// The moment as the command line of AWS takes it.
    fn when(&self, flag: &str) -> String {
        match self.point() {
            Ok(Point::At(seconds)) => {
                format!("{flag} {}", jiff::Timestamp::from_second(seconds).map(|at| at.to_string()).unwrap_or_default())
            }
            Ok(Point::Latest | Point::Snapshot(_)) | Err(_) => "--use-latest-restorable-time".to_owned(),
        }
    }
}
