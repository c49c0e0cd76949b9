//! `snapshot`: a snapshot of the target database before the cutover: RDS's own, or AWS Backup's for DSQL.
//! Only hands the ids to `cloud::snapshot`.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::snapshot::{self, Source};
use crate::error::Result;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotStep {
    /// `rds`, `aurora` or `dsql`.
    database: String,
    /// Instance, cluster or, for dsql, the cluster's ARN.
    of: String,
    name: String,
    /// For dsql: AWS Backup's vault and role.
    #[serde(default)]
    vault: String,
    #[serde(default)]
    role_arn: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let snapshot = from_fields::<SnapshotStep>("snapshot", fields)?;
    one_of("snapshot", "database", &snapshot.database, &["rds", "aurora", "dsql"])?;
    Ok(Box::new(snapshot))
}

impl SnapshotStep {
    /// Where RDS keeps it; `None` for DSQL, which AWS Backup keeps.
    fn source(&self) -> Option<Source> {
        match self.database.as_str() {
            "rds" => Some(Source::Instance(self.of.clone())),
            "aurora" => Some(Source::Cluster(self.of.clone())),
            _ => None,
        }
    }
}

#[async_trait]
impl Apply<World> for SnapshotStep {
    fn describe(&self) -> Description {
        let command = match self.source() {
            Some(Source::Instance(id)) => {
                format!("aws rds create-db-snapshot --db-instance-identifier {id} --db-snapshot-identifier {}", self.name)
            }
            Some(Source::Cluster(id)) => {
                format!("aws rds create-db-cluster-snapshot --db-cluster-identifier {id} --db-cluster-snapshot-identifier {}", self.name)
            }
            None => format!(
                "aws backup start-backup-job --backup-vault-name {} --resource-arn {} --iam-role-arn {}",
                self.vault, self.of, self.role_arn
            ),
        };
        Description::new(format!("take the snapshot {} of {}", self.name, self.of), command)
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Aws
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let there = match self.source() {
            Some(source) => snapshot::describe(world.aws().await?, &source, &self.name).await?.is_some(),
            None => false,
        };
        Ok(vec![PreviewLine::new(if there { Sign::Same } else { Sign::Add }, format!("snapshot {}", self.name))])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(source) = self.source() else { return Ok(Probe::Absent) };
        Ok(match snapshot::describe(world.aws().await?, &source, &self.name).await? {
            Some(found) if found.status == "available" => Probe::Present(Outputs::from([("arn".into(), json!(found.arn))])),
            Some(_) | None => Probe::Absent,
        })
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let aws = world.aws().await?;
        let arn = match self.source() {
            Some(source) => snapshot::take(aws, &source, &self.name, &cx.reporter).await?.arn,
            None => snapshot::back_up(aws, &self.vault, &self.of, &self.role_arn, &cx.token, &cx.reporter).await?.recovery_point_arn,
        };
        Ok(Outputs::from([("arn".into(), json!(arn))]))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        match self.source() {
            Some(source) => snapshot::delete(world.aws().await?, &source, &self.name).await,
            None => {
                cx.reporter.log("the recovery point stays in its vault until its retention ends");
                Ok(())
            }
        }
    }

    fn example(&self) -> Outputs {
        Outputs::from([("arn".into(), json!(format!("arn:aws:rds:us-east-1:000000000000:snapshot:{}", self.name)))])
    }
}
