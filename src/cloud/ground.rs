//! Where our own program runs inside the VPC: cluster, task definition, container, log group and network.
//! Plain data: it is one output of the worker's stack, and makes no call.

use std::fmt;
use std::str::FromStr;

use super::tasks::Place;
use crate::error::{Error, Kind};

/// Written as `cluster=shop task=arn:… container=worker logs=/ecs/shop subnets=subnet-1,subnet-2 security=sg-1 public=DISABLED`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    pub cluster: String,
    /// ARN or `family:revision`.
    pub task_definition: String,
    /// Also the prefix of its log streams.
    pub container: String,
    pub logs: String,
    pub place: Place,
}

impl Ground {
    /// The task definition's name without its revision.
    pub fn family(&self) -> &str {
        let name = self.task_definition.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }
}

impl FromStr for Ground {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let value = |name: &str| {
            let found = text.split_whitespace().filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty()).ok_or_else(|| {
                Error::new(Kind::Input, format!("where the worker runs lacks `{name}`: {text}"))
                    .hint("it is the output Place of the worker's stack: deploy that stack again")
            })
        };
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        Ok(Self {
            cluster: value("cluster")?,
            task_definition: value("task")?,
            container: value("container")?,
            logs: value("logs")?,
            place: Place {
                subnets: list(value("subnets")?),
                security_groups: list(value("security")?),
                public_ip: value("public")? == "ENABLED",
                launch_type: Some("FARGATE".to_owned()),
                ..Place::default()
            },
        })
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = if self.place.public_ip { "ENABLED" } else { "DISABLED" };
        write!(
            f,
            "cluster={} task={} container={} logs={} subnets={} security={} public={public}",
            self.cluster,
            self.task_definition,
            self.container,
            self.logs,
            self.place.subnets.join(","),
            self.place.security_groups.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_written() {
        let text = "cluster=shop task=arn:aws:ecs:us-east-1:1:task-definition/shop-worker:7 container=worker logs=/ecs/shop/worker subnets=subnet-1,subnet-2 security=sg-1 public=DISABLED";
        let ground: Ground = text.parse().unwrap();
        assert_eq!(ground.family(), "shop-worker");
        assert_eq!(ground.place.subnets, ["subnet-1", "subnet-2"]);
        assert_eq!(ground.to_string(), text);
        let error = "cluster=shop".parse::<Ground>().unwrap_err();
        assert_eq!(error.what, "where the worker runs lacks `task`: cluster=shop");
    }
}
