//! A service behind its load balancer: which targets are healthy, at which address it answers, and what its health path says there.
//! Never changes a load balancer.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{Action, Listener, Rule};
use serde::Serialize;

use super::fault::fault;
use super::services;
use super::session::Aws;
use crate::error::{Context as _, Error, Kind, Result};
use crate::text;

/// How long the health path may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// So much of the body is shown.
const BODY: usize = 2000;

/// A target group of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub arn: String,
    /// `/api/health`; `None` where it is not asked by HTTP.
    pub health_path: Option<String>,
    pub targets: Vec<Target>,
    /// Where the load balancer lets people in; `None` if no rule leads to it.
    pub address: Option<Address>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Address or instance, with its port: `10.0.1.7:3000`.
    pub id: String,
    /// `healthy`, `unhealthy`, `initial`, `draining`, `unused`.
    pub state: String,
    pub reason: Option<String>,
}

/// How to reach a group from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// `http` or `https`.
    pub scheme: String,
    /// The load balancer's own name.
    pub dns: String,
    pub port: u16,
    /// The name that the rule asks for, if it does.
    pub host: Option<String>,
}

/// What the health path said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    pub url: String,
    pub status: u16,
    pub content_type: String,
    /// Its beginning; secrets taken out.
    pub body: String,
}

impl Address {
    /// `https://shop.example/api/health`.
    pub fn url(&self, path: &str) -> String {
        let host = self.host.as_deref().unwrap_or(&self.dns);
        let usual = matches!((self.scheme.as_str(), self.port), ("http", 80) | ("https", 443));
        let port = if usual { String::new() } else { format!(":{}", self.port) };
        format!("{}://{host}{port}{path}", self.scheme)
    }
}

/// The target groups, with their targets and address.
pub async fn describe(aws: &Aws, arns: &[String]) -> Result<Vec<Group>> {
    let mut groups = Vec::new();
    if arns.is_empty() {
        return Ok(groups);
    }
    let found = aws.elbv2().describe_target_groups().set_target_group_arns(Some(arns.to_vec())).send().await;
    for group in found.map_err(|e| fault("elasticloadbalancing:DescribeTargetGroups", e))?.target_groups() {
        let arn = group.target_group_arn().unwrap_or_default().to_owned();
        let health = aws.elbv2().describe_target_health().target_group_arn(&arn).send().await;
        let health = health.map_err(|e| fault("elasticloadbalancing:DescribeTargetHealth", e))?;
        let targets = health.target_health_descriptions().iter().map(|one| {
            let port = one.target().and_then(|t| t.port()).map(|port| format!(":{port}")).unwrap_or_default();
            let state = one.target_health();
            let words = [state.and_then(|h| h.reason()).map(|r| r.as_str()), state.and_then(|h| h.description())];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
            Target {
                id: format!("{}{port}", one.target().and_then(|t| t.id()).unwrap_or_default()),
                state: state.and_then(|h| h.state()).map_or("unknown", |state| state.as_str()).to_owned(),
                reason: Some(words).filter(|words| !words.is_empty()),
            }
        });
        let targets = targets.collect();
        let mut address = None;
        for balancer in group.load_balancer_arns() {
            if let Some(found) = address_of(aws, balancer, &arn).await? {
                address = Some(found);
                break;
            }
        }
        groups.push(Group { health_path: group.health_check_path().map(str::to_owned), arn, targets, address });
    }
    Ok(groups)
}

/// What a look at services found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthy {
    /// Services that should have tasks.
    pub running: usize,
    /// Of those, what is wrong: `web: 1 of 2 tasks run`.
    pub ill: Vec<String>,
}

/// Those of the services that should have tasks: do they run, and are their targets healthy?
pub async fn healthy(aws: &Aws, cluster: &str, names: &[&str]) -> Result<Healthy> {
    let mut all = Healthy::default();
    for name in names {
        let Some(found) = services::status(aws, cluster, name).await?.filter(|found| found.desired > 0) else { continue };
        all.running += 1;
        if found.running < found.desired {
            all.ill.push(format!("{name}: {} of {} tasks run", found.running, found.desired));
        }
        for group in describe(aws, &found.target_groups).await? {
            let bad = group.targets.iter().filter(|target| target.state != "healthy" && target.state != "draining");
            all.ill.extend(bad.map(|target| format!("{name}: {} is {}", target.id, target.state)));
        }
    }
    Ok(all)
}

async fn address_of(aws: &Aws, balancer: &str, group: &str) -> Result<Option<Address>> {
    let listeners = aws.elbv2().describe_listeners().load_balancer_arn(balancer).send().await;
    let listeners = listeners.map_err(|e| fault("elasticloadbalancing:DescribeListeners", e))?;
    for listener in listeners.listeners() {
        let rules = aws.elbv2().describe_rules().listener_arn(listener.listener_arn().unwrap_or_default()).send().await;
        let rules = rules.map_err(|e| fault("elasticloadbalancing:DescribeRules", e))?;
        let rule = rules.rules().iter().find(|rule| rule.actions().iter().any(|action| leads_to(action, group)));
        let by_default = listener.default_actions().iter().any(|action| leads_to(action, group));
        if rule.is_none() && !by_default {
            continue;
        }
        let found = aws.elbv2().describe_load_balancers().load_balancer_arns(balancer).send().await;
        let found = found.map_err(|e| fault("elasticloadbalancing:DescribeLoadBalancers", e))?;
        let Some(dns) = found.load_balancers().first().and_then(|lb| lb.dns_name()) else { return Ok(None) };
        return Ok(Some(address(listener, rule, dns)));
    }
    Ok(None)
}

fn leads_to(action: &Action, group: &str) -> bool {
    let several = action.forward_config().map(|forward| forward.target_groups()).unwrap_or_default();
    action.target_group_arn() == Some(group) || several.iter().any(|one| one.target_group_arn() == Some(group))
}

fn address(listener: &Listener, rule: Option<&Rule>, dns: &str) -> Address {
    let conditions = rule.map(Rule::conditions).unwrap_or_default();
    let hosts = conditions.iter().filter(|condition| condition.field() == Some("host-header"));
    let host = hosts
        .flat_map(|condition| condition.host_header_config().map_or(condition.values(), |config| config.values()))
        .find(|host| !host.contains(['*', '?']));
    Address {
        scheme: if listener.protocol().is_some_and(|protocol| protocol.as_str() == "HTTPS") { "https" } else { "http" }.to_owned(),
        dns: dns.to_owned(),
        port: listener.port().and_then(|port| u16::try_from(port).ok()).unwrap_or(80),
        host: host.cloned(),
    }
}

/// Asks a URL once. `through` is the load balancer to ask when the URL's own name may not lead there yet; the certificate is still
/// checked for the URL's name.
pub async fn look(url: &str, through: Option<&Address>) -> Result<Look> {
    let what = format!("{url} cannot be reached from here");
    let hint = "a load balancer inside the VPC is not open to this machine; else check its security group, the name and its certificate";
    let mut client = reqwest::Client::builder().timeout(ANSWER_WITHIN).redirect(reqwest::redirect::Policy::none());
    if let Some(Address { host: Some(host), dns, port, .. }) = through {
        let found = tokio::net::lookup_host((dns.as_str(), *port)).await.or_fail(Kind::Unreachable, &what, hint)?;
        client = client.resolve_to_addrs(host, &found.collect::<Vec<_>>());
    }
    let client = client.build().map_err(|e| Error::bug("the HTTP client cannot be built").because(&e))?;
    let answer = client.get(url).send().await.or_fail(Kind::Unreachable, &what, hint)?;
    let status = answer.status().as_u16();
    let content_type = answer.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let body = answer.text().await.unwrap_or_default();
    let body = text::redact(&body.chars().take(BODY).collect::<String>());
    Ok(Look { url: url.to_owned(), status, content_type, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_port_and_name_only_where_needed() {
        let address = Address { scheme: "https".into(), dns: "lb.example".into(), port: 443, host: Some("shop.example".into()) };
        assert_eq!(address.url("/h"), "https://shop.example/h");
        assert_eq!(Address { scheme: "http".into(), port: 8080, host: None, ..address }.url("/h"), "http://lb.example:8080/h");
    }
}
