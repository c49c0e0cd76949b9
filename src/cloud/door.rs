//! The door of a load balancer: a rule of ours before all others that answers everybody with a page while nobody may write, and rules that let
//! our own looks pass. Never changes a rule of somebody else, nor what a listener does by default.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, FixedResponseActionConfig, HttpHeaderConditionConfig, PathPatternConditionConfig, Rule, RuleCondition, Tag,
};

use super::fault::{code, fault};
use super::outside::PASS;
use super::session::Aws;
use super::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// The rule that closes; the services' own rules begin at 98. Before it stand the rules for our looks.
pub const CLOSES: i32 = 40;
/// Says which of ours a rule is: `closed` or `look`.
const DOOR: &str = "migrate-wizard-door";
/// DescribeTags takes so many.
const AT_ONCE: usize = 20;
/// At most 1024 bytes.
const PAGE: &str = "<!doctype html><meta charset=utf-8><meta http-equiv=refresh content=30><meta name=viewport content='width=device-width'>\
<title>Being moved</title><style>body{font:18px/1.5 sans-serif;max-width:32em;margin:15vh auto;padding:0 1em}</style>\
<h1>This site is being moved</h1><p>It is back in a few minutes; nothing is lost. This page tries again by itself every 30 seconds.</p>";

/// What stands at the door now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Door {
    /// Listeners that serve; one that only redirects needs no door.
    pub listeners: usize,
    /// Of those, how many are closed.
    pub closed: usize,
    /// Listeners on which our looks pass.
    pub passes: usize,
    /// Rules of somebody else that come before ours: `priority 3 on port 443`.
    pub in_the_way: Vec<String>,
    listener: Vec<Serving>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Serving {
    arn: String,
    port: i32,
    /// The rules of somebody else, in their order.
    others: Vec<Rule>,
    /// ARN → `closed` or `look`.
    ours: BTreeMap<String, String>,
}

impl Serving {
    fn has(&self, what: &str) -> bool {
        self.ours.values().any(|is| is == what)
    }
}

fn priority(rule: &Rule) -> i32 {
    rule.priority().and_then(|priority| priority.parse().ok()).unwrap_or(i32::MAX)
}

impl Door {
    /// Every listener that serves is closed.
    pub fn is_closed(&self) -> bool {
        self.closed == self.listeners
    }

    /// Nothing of ours is left.
    pub fn is_free(&self) -> bool {
        self.listener.iter().all(|listener| listener.ours.is_empty())
    }

    /// Our looks pass on every listener that serves.
    pub fn lets_looks_in(&self) -> bool {
        self.passes == self.listeners
    }

    /// `Err` names what is in the way.
    fn clear(&self) -> Result<()> {
        if self.in_the_way.is_empty() {
            return Ok(());
        }
        let what = format!("rules that are not ours come before where the door is closed: {}", self.in_the_way.join(", "));
        Err(Error::new(Kind::Conflict, what)
            .hint(format!("give them a priority above {CLOSES} (they would let people in), then try again")))
    }
}

/// What is at the door of a load balancer; nothing where there is no such load balancer.
pub async fn look(aws: &Aws, balancer: &str) -> Result<Door> {
    let mut door = Door::default();
    let listeners = match aws.elbv2().describe_listeners().load_balancer_arn(balancer).send().await {
        Ok(found) => found,
        Err(error) if code(&error).starts_with("LoadBalancerNotFound") => return Ok(door),
        Err(error) => return Err(fault("elasticloadbalancing:DescribeListeners", error)),
    };
    for listener in listeners.listeners() {
        if listener.default_actions().iter().all(|action| action.r#type() == Some(&ActionTypeEnum::Redirect)) {
            continue;
        }
        let (arn, port) = (listener.listener_arn().unwrap_or_default().to_owned(), listener.port().unwrap_or_default());
        let found = aws.elbv2().describe_rules().listener_arn(&arn).send().await;
        let found = found.map_err(|e| fault("elasticloadbalancing:DescribeRules", e))?;
        let mut rules: Vec<Rule> = found.rules().iter().filter(|rule| rule.is_default() != Some(true)).cloned().collect();
        rules.sort_by_key(priority);
        let ours = ours(aws, &rules).await?;
        let others: Vec<Rule> = rules.into_iter().filter(|rule| !ours.contains_key(rule.rule_arn().unwrap_or_default())).collect();
        let before = others.iter().map(priority).filter(|priority| *priority <= CLOSES);
        door.in_the_way.extend(before.map(|priority| format!("priority {priority} on port {port}")));
        door.listener.push(Serving { arn, port, others, ours });
    }
    door.listeners = door.listener.len();
    door.closed = door.listener.iter().filter(|listener| listener.has("closed")).count();
    door.passes = door.listener.iter().filter(|listener| listener.has("look")).count();
    Ok(door)
}

/// Which of these rules are ours; only those that stand where ours do are asked for.
async fn ours(aws: &Aws, rules: &[Rule]) -> Result<BTreeMap<String, String>> {
    let arns: Vec<String> =
        rules.iter().filter(|rule| priority(rule) <= CLOSES).filter_map(|rule| rule.rule_arn().map(str::to_owned)).collect();
    let mut ours = BTreeMap::new();
    for some in arns.chunks(AT_ONCE) {
        let told = aws.elbv2().describe_tags().set_resource_arns(Some(some.to_vec())).send().await;
        for one in told.map_err(|e| fault("elasticloadbalancing:DescribeTags", e))?.tag_descriptions() {
            let what = one.tags().iter().find(|tag| tag.key() == Some(DOOR)).and_then(Tag::value);
            if let (Some(arn), Some(what)) = (one.resource_arn(), what) {
                ours.insert(arn.to_owned(), what.to_owned());
            }
        }
    }
    Ok(ours)
}

/// Everybody gets the page, but those whom [`let_looks_in`] lets pass. Twice equals once.
///
/// # Errors
/// `Conflict` if a rule of somebody else would come first.
pub async fn close(aws: &Aws, balancer: &str, run: &str, reporter: &Reporter) -> Result<()> {
    let door = look(aws, balancer).await?;
    door.clear()?;
    if door.listeners == 0 {
        reporter.log("no listener serves: there is no door to close");
    }
    for listener in door.listener.iter().filter(|listener| !listener.has("closed")) {
        let page = FixedResponseActionConfig::builder().status_code("503").content_type("text/html").message_body(PAGE).build();
        let answer = Action::builder().r#type(ActionTypeEnum::FixedResponse).fixed_response_config(page).build();
        let everything =
            RuleCondition::builder().field("path-pattern").path_pattern_config(PathPatternConditionConfig::builder().values("/*").build());
        make(aws, listener, CLOSES, vec![everything.build()], vec![answer], "closed", run).await?;
        reporter.log(format!("port {}: closed, everybody gets a page that says so", listener.port));
    }
    Ok(())
}

/// Whoever sends `pass` in our header gets to the services, by copies of their own rules; those that look at where somebody comes from are
/// left out, so that closed pages stay closed. Twice equals once; copies of rules that have changed are made anew.
pub async fn let_looks_in(aws: &Aws, balancer: &str, pass: &str, run: &str, reporter: &Reporter) -> Result<()> {
    let door = look(aws, balancer).await?;
    door.clear()?;
    for listener in &door.listener {
        drop_rules(aws, listener, "look").await?;
        let open = |rule: &&Rule| rule.conditions().iter().all(|condition| condition.field() != Some("source-ip"));
        for (at, rule) in (1..CLOSES).zip(listener.others.iter().filter(open)) {
            let header = HttpHeaderConditionConfig::builder().http_header_name(PASS).values(pass).build();
            let mut conditions: Vec<RuleCondition> = rule.conditions().iter().map(asked).collect();
            conditions.push(RuleCondition::builder().field("http-header").http_header_config(header).build());
            make(aws, listener, at, conditions, rule.actions().to_vec(), "look", run).await?;
        }
        reporter.log(format!("port {}: our own looks pass", listener.port));
    }
    Ok(())
}

/// A condition as it is asked for: an answer tells its values twice, and that is refused.
fn asked(condition: &RuleCondition) -> RuleCondition {
    let mut asked = condition.clone();
    let told = [asked.path_pattern_config.is_some(), asked.host_header_config.is_some()];
    if told.contains(&true) {
        asked.values = None;
    }
    asked
}

/// Takes away what lets our looks in. Twice equals once.
pub async fn end_looks(aws: &Aws, balancer: &str) -> Result<()> {
    for listener in &look(aws, balancer).await?.listener {
        drop_rules(aws, listener, "look").await?;
    }
    Ok(())
}

/// Takes every rule of ours away: the services answer by their own. Twice equals once.
pub async fn open(aws: &Aws, balancer: &str, reporter: &Reporter) -> Result<()> {
    for listener in &look(aws, balancer).await?.listener {
        // the looks' first: while the door is closed nobody else gets in
        drop_rules(aws, listener, "look").await?;
        if drop_rules(aws, listener, "closed").await? {
            reporter.log(format!("port {}: open", listener.port));
        }
    }
    Ok(())
}

/// Takes the rules of every load balancer of that name away, so that what they lead to can be deleted. One that is not there is no error.
pub async fn forget(aws: &Aws, name: &str, reporter: &Reporter) -> Result<()> {
    let found = match aws.elbv2().describe_load_balancers().names(name).send().await {
        Ok(found) => found,
        Err(error) if code(&error).starts_with("LoadBalancerNotFound") => return Ok(()),
        Err(error) => return Err(fault("elasticloadbalancing:DescribeLoadBalancers", error)),
    };
    for balancer in found.load_balancers().iter().filter_map(|balancer| balancer.load_balancer_arn()) {
        open(aws, balancer, reporter).await?;
    }
    Ok(())
}

async fn drop_rules(aws: &Aws, listener: &Serving, what: &str) -> Result<bool> {
    let mut dropped = false;
    for (arn, _) in listener.ours.iter().filter(|(_, is)| *is == what) {
        match aws.elbv2().delete_rule().rule_arn(arn).send().await {
            Ok(_) => dropped = true,
            Err(error) if code(&error).starts_with("RuleNotFound") => {}
            Err(error) => return Err(fault("elasticloadbalancing:DeleteRule", error)),
        }
    }
    Ok(dropped)
}

async fn make(
    aws: &Aws,
    listener: &Serving,
    at: i32,
    conditions: Vec<RuleCondition>,
    actions: Vec<Action>,
    what: &str,
    run: &str,
) -> Result<()> {
    let told = BTreeMap::from([(DOOR.to_owned(), what.to_owned()), ("run".to_owned(), run.to_owned())]);
    let tags: Vec<Tag> = tags::ours(&told).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    let made = aws
        .elbv2()
        .create_rule()
        .listener_arn(&listener.arn)
        .priority(at)
        .set_conditions(Some(conditions))
        .set_actions(Some(actions))
        .set_tags(Some(tags))
        .send()
        .await;
    made.map(drop).map_err(|e| fault("elasticloadbalancing:CreateRule", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_fits_into_a_fixed_answer() {
        assert!(PAGE.len() <= 1024, "{}", PAGE.len());
    }
}
