//! Where tasks run: subnets, security groups, capacity; as a service of the cluster has it, and as ECS wants it told.
//! Starts nothing.

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, NetworkConfiguration, Service};
use serde::{Deserialize, Serialize};

use crate::cloud::fault::fault;
use crate::cloud::services::absent;
use crate::cloud::session::Aws;
use crate::error::{Error, Result};

/// Where tasks run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_ip: bool,
    /// `FARGATE`, `EC2`; `None` with `providers`, or as the cluster has it.
    pub launch_type: Option<String>,
    /// Capacity providers with base and weight.
    pub providers: Vec<(String, i32, i32)>,
    /// Of Fargate; `None` is the latest.
    pub platform_version: Option<String>,
}

/// Where the tasks of a service run; `Conflict` if there is no such service.
pub async fn place_of(aws: &Aws, cluster: &str, service: &str) -> Result<Place> {
    let answer = aws.ecs().describe_services().cluster(cluster).services(service).send().await;
    let answer = answer.map_err(|e| fault("ecs:DescribeServices", e))?;
    answer.services().first().filter(|found| found.status() != Some("INACTIVE")).map(place).ok_or_else(|| absent(cluster, service))
}

fn place(service: &Service) -> Place {
    let vpc = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let providers = service.capacity_provider_strategy();
    Place {
        subnets: vpc.map(|v| v.subnets().to_vec()).unwrap_or_default(),
        security_groups: vpc.map(|v| v.security_groups().to_vec()).unwrap_or_default(),
        public_ip: vpc.and_then(|v| v.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        launch_type: service.launch_type().filter(|_| providers.is_empty()).map(|t| t.as_str().to_owned()),
        providers: providers.iter().map(|p| (p.capacity_provider().to_owned(), p.base(), p.weight())).collect(),
        platform_version: service.platform_version().map(str::to_owned),
    }
}

pub(super) fn network(place: &Place) -> Result<Option<NetworkConfiguration>> {
    if place.subnets.is_empty() {
        return Ok(None);
    }
    let vpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(place.subnets.clone()))
        .set_security_groups(Some(place.security_groups.clone()))
        .assign_public_ip(if place.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled })
        .build()
        .map_err(|e| Error::bug("a task's network lacks its subnets").because(&e))?;
    Ok(Some(NetworkConfiguration::builder().awsvpc_configuration(vpc).build()))
}

pub(super) fn strategy(place: &Place) -> Result<Option<Vec<CapacityProviderStrategyItem>>> {
    if place.providers.is_empty() {
        return Ok(None);
    }
    let items = place
        .providers
        .iter()
        .map(|(name, base, weight)| CapacityProviderStrategyItem::builder().capacity_provider(name).base(*base).weight(*weight).build());
    items.collect::<Result<Vec<_>, _>>().map(Some).map_err(|e| Error::bug("a capacity provider lacks its name").because(&e))
}
