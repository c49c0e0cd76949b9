//! What CloudWatch has measured of a running system: its load balancer, targets and database, by the minute.
//! Judges nothing, and never makes up a value: what has no data has no points.

use std::time::{Duration, SystemTime};

use aws_sdk_sts::config::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::fault::answered;
use super::session::Aws;
use crate::error::{Context, Error, Kind, Result};
use crate::text;

/// One call; the caller asks again in a minute anyway.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
const ACTION: &str = "cloudwatch:GetMetricData";
/// Every metric that is asked for is written once a minute.
pub const PERIOD_S: i32 = 60;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Requests that reached a target.
    Requests,
    /// Answers 5xx of targets.
    TargetErrors,
    /// Answers 5xx of the load balancer itself.
    BalancerErrors,
    /// Seconds of the slowest twentieth.
    P95Seconds,
    /// The most healthy targets of a minute, as the alarm on it takes them.
    Healthy,
    /// The fewest unhealthy ones.
    Unhealthy,
    /// Open connections of an RDS instance or an Aurora cluster. DSQL has no such metric.
    Connections,
}

impl What {
    /// Namespace, name and statistic.
    fn metric(self) -> (&'static str, &'static str, &'static str) {
        const BALANCER: &str = "AWS/ApplicationELB";
        match self {
            What::Requests => (BALANCER, "RequestCount", "Sum"),
            What::TargetErrors => (BALANCER, "HTTPCode_Target_5XX_Count", "Sum"),
            What::BalancerErrors => (BALANCER, "HTTPCode_ELB_5XX_Count", "Sum"),
            What::P95Seconds => (BALANCER, "TargetResponseTime", "p95"),
            What::Healthy => (BALANCER, "HealthyHostCount", "Maximum"),
            What::Unhealthy => (BALANCER, "UnHealthyHostCount", "Minimum"),
            What::Connections => ("AWS/RDS", "DatabaseConnections", "Maximum"),
        }
    }
}

/// Names of dimensions with their values.
type Dimensions = Vec<(String, String)>;

/// Where to look. Names are those that metrics go by: `app/shop-production/50dc…`, `targetgroup/shop/6d0e…`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub load_balancer: Option<String>,
    pub target_groups: Vec<String>,
    /// The dimension (`DBInstanceIdentifier`, `DBClusterIdentifier`) and its value.
    pub database: Option<(String, String)>,
}

impl Place {
    /// Everything to ask for: what, of which target group or database, dimensions.
    fn asks(&self) -> Vec<(What, String, Dimensions)> {
        let mut asks = Vec::new();
        if let Some(balancer) = &self.load_balancer {
            let whole = || vec![("LoadBalancer".to_owned(), balancer.clone())];
            for what in [What::Requests, What::TargetErrors, What::BalancerErrors, What::P95Seconds] {
                asks.push((what, String::new(), whole()));
            }
            for group in &self.target_groups {
                for what in [What::Healthy, What::Unhealthy] {
                    let mut dimensions = whole();
                    dimensions.push(("TargetGroup".to_owned(), group.clone()));
                    asks.push((what, group.clone(), dimensions));
                }
            }
        }
        if let Some((dimension, name)) = &self.database {
            asks.push((What::Connections, name.clone(), vec![(dimension.clone(), name.clone())]));
        }
        asks
    }
}

/// One metric's points.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    pub what: What,
    /// The target group or database; empty for the whole load balancer.
    pub of: String,
    /// Start of the minute in milliseconds, value; the oldest first.
    pub points: Vec<(i64, f64)>,
    /// What AWS says when it could not give all of them.
    pub trouble: Option<String>,
}

/// The points of `from..to` (milliseconds since 1970), one entry for each metric, whether it has points or not.
///
/// # Errors
/// Those of the call: no credentials, no right, out of reach.
pub async fn read(aws: &Aws, place: &Place, from_ms: i64, to_ms: i64) -> Result<Vec<Points>> {
    let asks = place.asks();
    let mut all: Vec<Points> =
        asks.iter().map(|(what, of, _)| Points { what: *what, of: of.clone(), points: Vec::new(), trouble: None }).collect();
    if asks.is_empty() {
        return Ok(all);
    }
    let queries: Vec<Value> = asks.iter().enumerate().map(|(n, (what, _, dimensions))| query(n, *what, dimensions)).collect();
    let mut body = json!({
        "MetricDataQueries": queries,
        "StartTime": from_ms.div_euclid(1000),
        "EndTime": to_ms.div_euclid(1000),
        "ScanBy": "TimestampAscending",
    });
    loop {
        let answer = call(aws, &body).await?;
        for result in answer["MetricDataResults"].as_array().into_iter().flatten() {
            let known = result["Id"].as_str().and_then(|id| id.strip_prefix('m')).and_then(|n| n.parse::<usize>().ok());
            let Some(points) = known.and_then(|n| all.get_mut(n)) else { continue };
            let list = |key: &str| result[key].as_array().cloned().unwrap_or_default();
            points
                .points
                .extend(list("Timestamps").iter().zip(list("Values")).filter_map(|(at, value)| Some((moment(at)?, value.as_f64()?))));
            let code = result["StatusCode"].as_str().unwrap_or("Complete");
            if !matches!(code, "Complete" | "PartialData") {
                let said: Vec<String> = list("Messages").iter().filter_map(|m| m["Value"].as_str().map(str::to_owned)).collect();
                points.trouble = Some(format!("{code} {}", said.join("; ")).trim().to_owned());
            }
        }
        match answer["NextToken"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => body["NextToken"] = Value::from(token),
            None => break,
        }
    }
    for points in &mut all {
        points.points.sort_by_key(|(at, _)| *at);
    }
    Ok(all)
}

fn query(n: usize, what: What, dimensions: &[(String, String)]) -> Value {
    let (namespace, name, statistic) = what.metric();
    let dimensions: Vec<Value> = dimensions.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    json!({
        "Id": format!("m{n}"),
        "MetricStat": {
            "Metric": { "Namespace": namespace, "MetricName": name, "Dimensions": dimensions },
            "Period": PERIOD_S,
            "Stat": statistic,
        },
        "ReturnData": true,
    })
}

/// Seconds since 1970, or a text of a moment, in milliseconds.
fn moment(at: &Value) -> Option<i64> {
    match at {
        Value::Number(seconds) => Some((seconds.as_f64()? * 1000.0) as i64),
        Value::String(text) => Some(text.parse::<Timestamp>().ok()?.as_millisecond()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One GetMetricData, signed here. A read: no guard asks for it.
async fn call(aws: &Aws, body: &Value) -> Result<Value> {
    let no_keys = "sign in first: aws sso login, or set AWS_PROFILE";
    let provider = aws.config().credentials_provider().ok_or_else(|| Error::new(Kind::Denied, "no AWS credentials").hint(no_keys))?;
    let keys = provider.provide_credentials().await.or_fail(Kind::Denied, "no AWS credentials", no_keys)?;
    let suffix = if aws.region().starts_with("cn-") { ".cn" } else { "" };
    let url = match aws.config().endpoint_url() {
        Some(own) => format!("{}/", own.trim_end_matches('/')),
        None => format!("https://monitoring.{}.amazonaws.com{suffix}/", aws.region()),
    };
    let text = body.to_string();
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "GraniteServiceVersion20100801.GetMetricData")];
    let bug = |e: &(dyn std::error::Error + 'static)| Error::bug("a call to CloudWatch cannot be signed").because(e);
    let identity = keys.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(aws.region())
        .name("monitoring")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|e| bug(&e))?
        .into();
    let request = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(text.as_bytes())).map_err(|e| bug(&e))?;
    let (instructions, _) = sign(request, &parameters).map_err(|e| bug(&e))?.into_parts();
    let (signed, _) = instructions.into_parts();
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().map_err(|e| Error::bug("no HTTP client").because(&e))?;
    let mut request = client.post(&url).body(text);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    for header in &signed {
        request = request.header(header.name(), header.value());
    }
    let (what, hint) = (format!("{url} cannot be reached ({ACTION})"), "check the network; the next look asks again");
    let answer = request.send().await.or_fail(Kind::Unreachable, &what, hint)?;
    let status = answer.status();
    let said = answer.text().await.or_fail(Kind::Unreachable, &what, hint)?;
    let value: Value = serde_json::from_str(&said).unwrap_or_default();
    if status.is_success() && value.is_object() {
        return Ok(value);
    }
    let code = value["__type"].as_str().map_or_else(|| status.to_string(), |code| code.rsplit('#').next().unwrap_or(code).to_owned());
    let message = value["message"].as_str().or(value["Message"].as_str()).map_or_else(|| said.chars().take(200).collect(), str::to_owned);
    Err(answered(ACTION, &code, &text::redact(&message)))
}
