//! What CloudWatch measured, as readings of a watch.
//! Judges nothing; what cannot be read is told, and becomes a reading without a value.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use crate::cloud::metrics::{self, PERIOD_S, Place, Points, What};
use crate::error::{Error, Kind, Result};
use crate::text;
use crate::watch::{Measure, Reading, Series, Source, Watcher, error_percent, share};

/// One answer may take so long; our own looks wait for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// A minute is written down completely so long after its end.
const SETTLED_MS: i64 = 30_000;
/// After so long without a point a metric is not late, but missing.
const LATE_MS: i64 = 240_000;
const MINUTE_MS: i64 = 60_000;

/// Where a minute begins, and its value.
type Minutes = Vec<(i64, f64)>;

/// Where CloudWatch is asked. Empty fields are what this system does not have.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Metrics {
    #[serde(default)]
    load_balancer: String,
    /// A comma list.
    #[serde(default)]
    target_groups: String,
    /// `rds`, `aurora` or `dsql`.
    #[serde(default)]
    database: String,
    #[serde(default)]
    identifier: String,
    #[serde(default)]
    rds_class: String,
    #[serde(default)]
    aurora_class: String,
    /// The most connections, by instance class.
    #[serde(default)]
    connections: BTreeMap<String, u64>,
    #[serde(default = "a_minute")]
    every: String,
}

fn a_minute() -> String {
    "1m".into()
}

impl Metrics {
    pub(super) fn every(&self) -> &str {
        &self.every
    }

    fn place(&self) -> Place {
        let named = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let dimension = match self.database.as_str() {
            "rds" => Some("DBInstanceIdentifier"),
            "aurora" => Some("DBClusterIdentifier"),
            _ => None,
        };
        Place {
            load_balancer: named(&self.load_balancer),
            target_groups: self.target_groups.split(',').filter_map(named).collect(),
            database: dimension.and_then(|dimension| Some((dimension.to_owned(), named(&self.identifier)?))),
        }
    }

    /// The most connections that the database takes.
    fn most(&self) -> Option<f64> {
        let class = if self.database == "rds" { &self.rds_class } else { &self.aurora_class };
        self.connections.get(class).map(|most| *most as f64)
    }
}

/// CloudWatch under watch.
pub(super) struct Metered {
    place: Place,
    most: Option<f64>,
    dsql: bool,
    every: Duration,
    /// The first whole minute of the watch.
    begins_ms: i64,
    asked: Option<Timestamp>,
    trouble: Option<String>,
}

impl Metered {
    pub(super) fn new(metrics: &Metrics, began: Timestamp) -> Self {
        Self {
            place: metrics.place(),
            most: metrics.most(),
            dsql: metrics.database == "dsql",
            every: text::parse_duration(&metrics.every).unwrap_or(Duration::from_secs(60)),
            begins_ms: (began.as_millisecond() + MINUTE_MS - 1).div_euclid(MINUTE_MS) * MINUTE_MS,
            asked: None,
            trouble: None,
        }
    }

    /// The series that should come.
    pub(super) fn awaited(&self) -> Vec<Series> {
        let series = |measure, of: &str| Series::new(measure, Source::Cloudwatch, of);
        let mut all = Vec::new();
        if self.place.load_balancer.is_some() {
            all.extend([series(Measure::ErrorPercent, ""), series(Measure::P95Ms, "")]);
            all.extend(self.place.target_groups.iter().flat_map(|of| [series(Measure::Healthy, of), series(Measure::Unhealthy, of)]));
        }
        if let Some((_, name)) = &self.place.database {
            all.push(series(Measure::Connections, name));
            all.extend(self.most.map(|_| series(Measure::ConnectionsPercent, name)));
        }
        all
    }

    /// What is not watched, and why.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.dsql {
            notes.push("Aurora DSQL has no metric of its connections (10,000 are allowed): they are not watched".to_owned());
        }
        if self.place.database.is_some() && self.most.is_none() {
            notes.push("how many connections this database takes at most is not known: their share is not watched".to_owned());
        }
        notes
    }

    /// What is new, and what a person should be told; nothing while it is too early to ask again.
    pub(super) async fn ask(&mut self, world: &World, watcher: &Watcher) -> (Vec<Reading>, Vec<String>) {
        let now = Timestamp::now();
        let since = self.asked.map(|asked| Duration::try_from(now.duration_since(asked)).unwrap_or_default());
        let awaited: BTreeSet<Series> = self.awaited().into_iter().collect();
        if awaited.is_empty() || since.is_some_and(|since| since < self.every) {
            return (Vec::new(), Vec::new());
        }
        self.asked = Some(now);
        let until_ms = (now.as_millisecond() - SETTLED_MS).div_euclid(MINUTE_MS) * MINUTE_MS;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.read(world, until_ms)).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Unreachable, format!("CloudWatch did not answer within {}", text::duration(ANSWER_WITHIN))))
        });
        let (points, trouble) = match answer {
            Ok(points) => {
                let trouble: Vec<String> = points.iter().filter_map(|p| Some(format!("{:?}: {}", p.what, p.trouble.as_ref()?))).collect();
                (points, Some(trouble.join("; ")).filter(|trouble| !trouble.is_empty()))
            }
            Err(error) => (Vec::new(), Some(error.line())),
        };
        let mut told = Vec::new();
        if trouble != self.trouble {
            told.push(match &trouble {
                Some(trouble) => format!("CloudWatch cannot be read, which counts neither as good nor as bad: {trouble}"),
                None => "CloudWatch can be read again".to_owned(),
            });
            self.trouble.clone_from(&trouble);
        }
        let mut readings = self.readings(&points, watcher, until_ms);
        let came: BTreeSet<Series> = readings.iter().map(|reading| reading.series.clone()).collect();
        let why = trouble.unwrap_or_else(|| format!("no data for {}", text::duration(Duration::from_millis(LATE_MS.unsigned_abs()))));
        let missing = awaited.difference(&came).filter(|series| {
            let ended = watcher.ended(series).map_or(self.begins_ms, |ended| ended.as_millisecond());
            until_ms - ended >= LATE_MS
        });
        readings.extend(missing.filter_map(|series| reading(series, until_ms - MINUTE_MS, None, Some(why.clone()))));
        (readings, told)
    }

    async fn read(&self, world: &World, until_ms: i64) -> Result<Vec<Points>> {
        // what came late is asked for again, and before there is anything it is tried whether one may ask
        let from_ms = self.begins_ms.max(until_ms - 2 * LATE_MS).min(until_ms - MINUTE_MS);
        metrics::read(world.aws().await?, &self.place, from_ms, until_ms).await
    }

    /// New values by series, each series in the order of time.
    fn readings(&self, points: &[Points], watcher: &Watcher, until_ms: i64) -> Vec<Reading> {
        let of = |what: What| points.iter().filter(move |p| p.what == what);
        let all = |what: What| of(what).flat_map(|p| p.points.iter().copied()).collect::<Vec<_>>();
        let mut values: Vec<(Measure, String, Minutes)> = Vec::new();
        let (target, balancer) = (all(What::TargetErrors), all(What::BalancerErrors));
        values.push((Measure::ErrorPercent, String::new(), error_percent(&all(What::Requests), &[&target, &balancer])));
        values.push((Measure::P95Ms, String::new(), all(What::P95Seconds).into_iter().map(|(at, s)| (at, s * 1000.0)).collect()));
        for (what, measure) in
            [(What::Healthy, Measure::Healthy), (What::Unhealthy, Measure::Unhealthy), (What::Connections, Measure::Connections)]
        {
            values.extend(of(what).map(|p| (measure, p.of.clone(), p.points.clone())));
        }
        if let Some(most) = self.most {
            values.extend(of(What::Connections).map(|p| (Measure::ConnectionsPercent, p.of.clone(), share(&p.points, most))));
        }
        let mut readings = Vec::new();
        for (measure, of, points) in values {
            let series = Series::new(measure, Source::Cloudwatch, &of);
            let known_ms = watcher.ended(&series).map_or(self.begins_ms, |ended| ended.as_millisecond());
            let new = points.into_iter().filter(|(at, _)| *at >= known_ms && *at + MINUTE_MS <= until_ms);
            readings.extend(new.filter_map(|(at, value)| reading(&series, at, Some(value), None)));
        }
        readings
    }
}

fn reading(series: &Series, at_ms: i64, value: Option<f64>, why: Option<String>) -> Option<Reading> {
    let at = Timestamp::from_millisecond(at_ms).ok()?;
    Some(Reading { series: series.clone(), at, span_ms: i64::from(PERIOD_S) * 1000, value, why })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metered(fields: serde_json::Value) -> Metered {
        Metered::new(&serde_json::from_value(fields).unwrap(), Timestamp::from_millisecond(30_000).unwrap())
    }

    #[test]
    fn points_become_readings_of_whole_minutes_within_the_watch() {
        let metered = metered(json!({
            "load_balancer": "app/shop/1", "target_groups": "web", "database": "aurora", "identifier": "shop",
            "aurora_class": "db.t4g.medium", "rds_class": "db.r6g.large", "connections": { "db.t4g.medium": 450, "db.r6g.large": 1802 },
        }));
        let points = |what, of: &str, points: &[(i64, f64)]| Points { what, of: of.into(), points: points.to_vec(), trouble: None };
        let all = [
            // the first minute began before the watch, the last has not settled
            points(What::Requests, "", &[(0, 9.0), (60_000, 100.0), (120_000, 0.0), (180_000, 50.0), (240_000, 1.0)]),
            points(What::TargetErrors, "", &[(0, 9.0), (60_000, 5.0)]),
            points(What::BalancerErrors, "", &[(60_000, 1.0)]),
            points(What::P95Seconds, "", &[(60_000, 0.25)]),
            points(What::Healthy, "web", &[(60_000, 2.0)]),
            points(What::Connections, "shop", &[(60_000, 90.0)]),
        ];
        let readings = metered.readings(&all, &Watcher::new(Vec::new(), []), 240_000);
        let told: Vec<String> = readings
            .iter()
            .map(|r| format!("{} {} at {}", r.series.words(), r.series.measure.told(r.value.unwrap()), r.begins_ms() / 1000))
            .collect();
        assert_eq!(
            told,
            [
                "error rate (CloudWatch) 6 % at 60",
                "error rate (CloudWatch) 0 % at 180",
                "p95 (CloudWatch) 250ms at 60",
                "healthy targets (CloudWatch, web) 2 at 60",
                "connections (CloudWatch, shop) 90 at 60",
                "connections of the most (CloudWatch, shop) 20 % at 60",
            ]
        );
        // what is known is not told again
        let known = Watcher::of(readings);
        assert_eq!(metered.readings(&all, &known, 240_000), []);
    }

    #[test]
    fn what_has_no_metric_is_said_and_not_waited_for() {
        let dsql = metered(json!({ "database": "dsql", "identifier": "abc" }));
        assert_eq!((dsql.awaited(), dsql.notes().len()), (Vec::new(), 1));
        let serverless = metered(json!({ "database": "aurora", "identifier": "shop", "aurora_class": "serverless" }));
        assert_eq!(serverless.awaited(), [Series::new(Measure::Connections, Source::Cloudwatch, "shop")]);
        assert!(serverless.notes()[0].contains("is not known: their share is not watched"), "{:?}", serverless.notes());
    }
}
