//! `restore_points`: what a database can be put back to, how another one beside it would be called, and what keeping both costs.
//! Only reads.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::restore::{named, source};
use crate::cloud::{databases, recovery};
use crate::decide::Answers;
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Context, Description, Look, Need, Outputs, from_fields, one_of};

/// So many snapshots are named.
const NAMED: usize = 5;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorePoints {
    /// `rds`, `aurora` or `dsql`.
    database: String,
    /// Instance or cluster.
    of: String,
    /// For dsql: the cluster's ARN.
    #[serde(default)]
    arn: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let points = from_fields::<RestorePoints>("restore_points", fields)?;
    one_of("restore_points", "database", &points.database, &["rds", "aurora", "dsql"])?;
    named("restore_points", &points.of)?;
    Ok(Box::new(points))
}

fn at(seconds: Option<i64>) -> String {
    seconds.and_then(|s| Timestamp::from_second(s).ok()).map(|at| at.to_string()).unwrap_or_default()
}

impl RestorePoints {
    /// A name that tells when and of what.
    fn name(&self) -> String {
        let now = jiff::Timestamp::now().strftime("%Y%m%d-%H%M").to_string();
        let of: String = self.of.chars().take(40).collect();
        format!("{}-back-{now}", of.trim_end_matches('-'))
    }

    /// What the old one goes on costing, by the price list.
    fn costs(&self, world: &World, region: &str, class: &str, multi_az: bool) -> String {
        let zones = if multi_az { "multi_az" } else { "single" };
        let line = match self.database.as_str() {
            "rds" => format!("rds.{class}.{zones}"),
            "aurora" if class == "db.serverless" => "aurora.acu".to_owned(),
            "aurora" => format!("aurora.{class}"),
            _ => "dsql.storage".to_owned(),
        };
        let prices = world.costs().prices().of(&Answers::from([("region".to_owned(), region.to_owned())]));
        match prices.get(&line) {
            Some(price) => format!("{} per {} and its storage (as of {})", price.price.exact(), price.unit, price.as_of),
            None => format!("what {class} and its storage cost (no price in the list)"),
        }
    }
}

#[async_trait]
impl Look<World> for RestorePoints {
    fn describe(&self) -> Description {
        let command = match self.database.as_str() {
            "rds" => format!("aws rds describe-db-instances --db-instance-identifier {}", self.of),
            "aurora" => format!("aws rds describe-db-clusters --db-cluster-identifier {}", self.of),
            _ => format!("aws backup list-recovery-points-by-resource --resource-arn {}", self.arn),
        };
        Description::new(format!("see what {} can be put back to", self.of), command)
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn look(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let (latest, kept, costs) = match source(&self.database, &self.of) {
            Some(source) => {
                let found = databases::present(aws, &source).await?;
                let kept = databases::snapshots(aws, &source).await?;
                let kept: Vec<_> = kept.into_iter().map(|one| (format!("snapshot:{}", one.id), one.at_s)).collect();
                (found.latest_s, kept, self.costs(world, aws.region(), &found.class, found.multi_az))
            }
            None => {
                let points = recovery::points(aws, &self.arn).await?;
                if points.is_empty() {
                    return Err(Error::new(Kind::Conflict, format!("AWS Backup has no recovery point of {}", self.of))
                        .hint("Aurora DSQL has no point-in-time restore: without a backup only the rows themselves can be mended, see `migrate-wizard data diff`"));
                }
                let kept: Vec<_> = points.iter().map(|one| (format!("snapshot:{}", one.arn), one.at_s)).collect();
                (points.first().and_then(|one| one.at_s), kept, self.costs(world, aws.region(), "the cluster", false))
            }
        };
        let lines: Vec<String> = kept.iter().take(NAMED).map(|(name, taken)| format!("{name} ({})", at(*taken))).collect();
        cx.reporter.log(format!("the latest moment it can be put back to: {}", at(latest)));
        for line in &lines {
            cx.reporter.log(line);
        }
        Ok(Outputs::from([
            ("latest".into(), json!(at(latest))),
            ("snapshots".into(), json!(if lines.is_empty() { "no snapshot".to_owned() } else { lines.join("; ") })),
            ("name".into(), json!(self.name())),
            ("costs".into(), json!(costs)),
        ]))
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("latest".into(), json!("2026-01-01T00:00:00Z")),
            ("snapshots".into(), json!("no snapshot")),
            ("name".into(), json!(format!("{}-back", self.of))),
            ("costs".into(), json!("AWS was not asked")),
        ])
    }
}
