//! What CloudWatch has measured of a running system: its load balancer, targets and database, by the minute.
//! Judges nothing, and never makes up a value: what has no data has no points.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy, StatusCode};

use super::fault::fault;
use super::session::Aws;
use crate::error::Result;

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
    fn asks(&self) -> Vec<(What, String, Vec<(String, String)>)> {
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
    let queries: Vec<MetricDataQuery> = asks.iter().enumerate().map(|(n, (what, _, dimensions))| query(n, *what, dimensions)).collect();
    let mut next: Option<String> = None;
    loop {
        let answer = aws
            .cloudwatch()
            .get_metric_data()
            .set_metric_data_queries(Some(queries.clone()))
            .start_time(DateTime::from_millis(from_ms))
            .end_time(DateTime::from_millis(to_ms))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(next)
            .send()
            .await
            .map_err(|e| fault("cloudwatch:GetMetricData", e))?;
        for result in answer.metric_data_results() {
            let known = result.id().and_then(|id| id.strip_prefix('m')).and_then(|n| n.parse::<usize>().ok());
            let Some(points) = known.and_then(|n| all.get_mut(n)) else { continue };
            let at = result.timestamps().iter().map(|at| at.secs().saturating_mul(1000));
            points.points.extend(at.zip(result.values().iter().copied()));
            if !matches!(result.status_code(), None | Some(StatusCode::Complete | StatusCode::PartialData)) {
                let said: Vec<&str> = result.messages().iter().filter_map(|message| message.value()).collect();
                let code = result.status_code().map_or("", StatusCode::as_str);
                points.trouble = Some(format!("{code} {}", said.join("; ")).trim().to_owned());
            }
        }
        next = answer.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    for points in &mut all {
        points.points.sort_by_key(|(at, _)| *at);
    }
    Ok(all)
}

fn query(n: usize, what: What, dimensions: &[(String, String)]) -> MetricDataQuery {
    let (namespace, name, statistic) = what.metric();
    let dimensions: Vec<Dimension> = dimensions.iter().map(|(name, value)| Dimension::builder().name(name).value(value).build()).collect();
    let metric = Metric::builder().namespace(namespace).metric_name(name).set_dimensions(Some(dimensions)).build();
    let stat = MetricStat::builder().metric(metric).period(PERIOD_S).stat(statistic).build();
    MetricDataQuery::builder().id(format!("m{n}")).metric_stat(stat).return_data(true).build()
}
