//! A reading: one figure of a running system over a short span of time, or why there is none.
//! Judges nothing: what is too much is a trigger's to say.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Answers that were errors, in per cent of all.
    ErrorPercent,
    /// Milliseconds that the slowest twentieth of the answers took at least.
    P95Ms,
    /// Targets that are healthy behind the load balancer.
    Healthy,
    Unhealthy,
    /// Open connections of the database.
    Connections,
    /// The same in per cent of the most that it takes.
    ConnectionsPercent,
}

impl Measure {
    pub fn words(self) -> &'static str {
        match self {
            Measure::ErrorPercent => "error rate",
            Measure::P95Ms => "p95",
            Measure::Healthy => "healthy targets",
            Measure::Unhealthy => "unhealthy targets",
            Measure::Connections => "connections",
            Measure::ConnectionsPercent => "connections of the most",
        }
    }

    /// A value with its unit: `12 %`, `1.2s`, `3`.
    pub fn told(self, value: f64) -> String {
        match self {
            Measure::ErrorPercent | Measure::ConnectionsPercent => format!("{} %", whole(value)),
            Measure::P95Ms => text::duration(Duration::from_secs_f64(value.max(0.0) / 1000.0)),
            Measure::Healthy | Measure::Unhealthy | Measure::Connections => whole(value),
        }
    }
}

/// Without a fraction where there is none, else with one digit.
fn whole(value: f64) -> String {
    if value.fract().abs() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Who measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Our own looks, as anybody on the Internet has them.
    Outside,
    Cloudwatch,
}

impl Source {
    pub fn words(self) -> &'static str {
        match self {
            Source::Outside => "from outside",
            Source::Cloudwatch => "CloudWatch",
        }
    }
}

/// Readings of the same thing by the same eyes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    pub measure: Measure,
    pub source: Source,
    /// Of which target group or database; empty where there is only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
}

impl Series {
    pub fn new(measure: Measure, source: Source, of: &str) -> Self {
        Self { measure, source, of: of.to_owned() }
    }

    /// `error rate (from outside)`, `healthy targets (CloudWatch, targetgroup/web/1)`.
    pub fn words(&self) -> String {
        let of = if self.of.is_empty() { String::new() } else { format!(", {}", self.of) };
        format!("{} ({}{of})", self.measure.words(), self.source.words())
    }
}

/// One figure over a span of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub series: Series,
    /// Where the span begins.
    pub at: Timestamp,
    pub span_ms: i64,
    /// `None`: it could not be read.
    pub value: Option<f64>,
    /// Why there is no value, or what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Reading {
    pub fn begins_ms(&self) -> i64 {
        self.at.as_millisecond()
    }

    pub fn ends_ms(&self) -> i64 {
        self.begins_ms().saturating_add(self.span_ms)
    }
}
