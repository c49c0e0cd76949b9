//! A trigger: a limit and how long it must be broken without a pause; pure functions say where a series of readings stands.
//! A gap in the readings never makes a breach, and what was not read is never counted as good.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reading::{Measure, Reading};
use crate::error::{Error, Kind, Result};
use crate::text;

/// A limit of one measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub measure: Measure,
    /// More than this breaks it.
    #[serde(default)]
    pub over: Option<f64>,
    /// Less than this breaks it.
    #[serde(default)]
    pub under: Option<f64>,
    /// For so long without a pause: `5m`.
    #[serde(rename = "for")]
    pub length: String,
}

/// The triggers of a roll back, where a step names none. Source: the runbook of the fourth system (error rate over 5 % for 5 minutes, p95
/// over 3 s, database connections) and its alarms (no healthy target); how long the latter three must last is ours.
pub fn defaults() -> Vec<Trigger> {
    let trigger = |measure, over, under, length: &str| Trigger { measure, over, under, length: length.to_owned() };
    vec![
        trigger(Measure::ErrorPercent, Some(5.0), None, "5m"),
        trigger(Measure::P95Ms, Some(3000.0), None, "2m"),
        trigger(Measure::Healthy, None, Some(1.0), "2m"),
        trigger(Measure::ConnectionsPercent, Some(80.0), None, "5m"),
    ]
}

impl Trigger {
    /// Is it a limit at all?
    ///
    /// # Errors
    /// `Input` without a limit, with two, or with a time that is none.
    pub fn check(&self) -> Result<()> {
        let wrong =
            |what: String| Err(Error::new(Kind::Input, what).hint("write it like { measure = \"error_percent\", over = 5, for = \"5m\" }"));
        match (self.over, self.under) {
            (Some(limit), None) | (None, Some(limit)) if limit.is_finite() => {}
            (_, _) => return wrong(format!("the trigger on {} needs one limit, `over` or `under`", self.measure.words())),
        }
        match text::parse_duration(&self.length) {
            Some(length) if !length.is_zero() => Ok(()),
            Some(_) | None => wrong(format!("the trigger on {}: `for` is `{}`, not a duration", self.measure.words(), self.length)),
        }
    }

    pub fn length(&self) -> Duration {
        text::parse_duration(&self.length).unwrap_or_default()
    }

    /// The same, in no longer a time than this.
    #[must_use]
    pub fn within(mut self, length: Duration) -> Self {
        if self.length() > length {
            self.length = format!("{}ms", length.as_millis());
        }
        self
    }

    pub fn limit(&self) -> f64 {
        self.over.or(self.under).unwrap_or_default()
    }

    pub fn breaks(&self, value: f64) -> bool {
        self.over.is_some_and(|limit| value > limit) || self.under.is_some_and(|limit| value < limit)
    }

    /// `error rate over 5 % for 5m`.
    pub fn words(&self) -> String {
        let side = if self.over.is_some() { "over" } else { "under" };
        format!("{} {side} {} for {}", self.measure.words(), self.measure.told(self.limit()), text::duration(self.length()))
    }

    /// `at most 5 %`.
    pub fn allows(&self) -> String {
        let side = if self.over.is_some() { "at most" } else { "at least" };
        format!("{side} {}", self.measure.told(self.limit()))
    }
}

/// Where a series stands against a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its last reading has no value, or there is none.
    Unknown,
    Within,
    /// Broken without a pause, not long enough yet.
    Building {
        since_ms: i64,
    },
    Breached {
        since_ms: i64,
    },
}

/// Does the next reading go on where the one before ended? Half a span may be missing: clocks are not that exact.
pub(super) fn goes_on(ended_ms: i64, next: &Reading) -> bool {
    next.begins_ms() - ended_ms <= next.span_ms / 2
}

/// Where a series stands with its last reading. `readings` are of one series, the oldest first.
pub fn judge<'a>(trigger: &Trigger, readings: impl IntoIterator<Item = &'a Reading>) -> Standing {
    let mut standing = Standing::Unknown;
    // since when it is broken without a pause, and until when that was seen
    let mut run: Option<(i64, i64)> = None;
    for reading in readings {
        standing = match reading.value {
            None => {
                run = None;
                Standing::Unknown
            }
            Some(value) if trigger.breaks(value) => {
                let since_ms = run.filter(|(_, seen)| goes_on(*seen, reading)).map_or(reading.begins_ms(), |(since, _)| since);
                run = Some((since_ms, reading.ends_ms()));
                let lasted = u64::try_from(reading.ends_ms() - since_ms).unwrap_or(0);
                if u128::from(lasted) >= trigger.length().as_millis() {
                    Standing::Breached { since_ms }
                } else {
                    Standing::Building { since_ms }
                }
            }
            Some(_) => {
                run = None;
                Standing::Within
            }
        };
    }
    standing
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::watch::reading::{Series, Source};

    fn trigger() -> Trigger {
        Trigger { measure: Measure::ErrorPercent, over: Some(5.0), under: None, length: "5m".into() }
    }

    fn minute(n: i64, value: Option<f64>) -> Reading {
        let series = Series::new(Measure::ErrorPercent, Source::Outside, "");
        Reading { series, at: Timestamp::from_millisecond(n * 60_000).unwrap(), span_ms: 60_000, value, why: None }
    }

    fn of(values: &[Option<f64>]) -> Vec<Reading> {
        (0..).zip(values).map(|(n, value)| minute(n, *value)).collect()
    }

    #[test]
    fn a_breach_needs_the_whole_time() {
        let bad = Some(20.0);
        assert_eq!(judge(&trigger(), &of(&[])), Standing::Unknown);
        assert_eq!(judge(&trigger(), &of(&[bad; 4])), Standing::Building { since_ms: 0 });
        assert_eq!(judge(&trigger(), &of(&[bad; 5])), Standing::Breached { since_ms: 0 });
        assert_eq!(judge(&trigger(), &of(&[bad, bad, bad, Some(5.0), bad, bad])), Standing::Building { since_ms: 240_000 });
        assert_eq!(judge(&trigger(), &of(&[bad, bad, bad, bad, Some(0.0)])), Standing::Within);
    }

    #[test]
    fn a_gap_makes_no_breach_and_is_not_good_either() {
        let bad = Some(20.0);
        assert_eq!(judge(&trigger(), &of(&[bad, bad, None, bad, bad, bad])), Standing::Building { since_ms: 180_000 });
        assert_eq!(judge(&trigger(), &of(&[bad, bad, bad, bad, None])), Standing::Unknown);
        // nobody watched for some minutes
        let apart = [minute(0, bad), minute(1, bad), minute(4, bad), minute(5, bad)];
        assert_eq!(judge(&trigger(), &apart), Standing::Building { since_ms: 240_000 });
    }

    #[test]
    fn too_few_is_a_limit_too() {
        let healthy = Trigger { measure: Measure::Healthy, over: None, under: Some(1.0), length: "2m".into() };
        assert_eq!(judge(&healthy, &of(&[Some(1.0), Some(0.0)])), Standing::Building { since_ms: 60_000 });
        assert_eq!(judge(&healthy, &of(&[Some(0.0), Some(0.0)])), Standing::Breached { since_ms: 0 });
        assert_eq!(healthy.words(), "healthy targets under 1 for 2m00s");
        assert_eq!((trigger().words().as_str(), trigger().allows().as_str()), ("error rate over 5 % for 5m00s", "at most 5 %"));
    }

    #[test]
    fn a_trigger_without_one_limit_and_a_time_is_refused() {
        for (wrong, says) in [
            (Trigger { over: None, ..trigger() }, "needs one limit"),
            (Trigger { under: Some(1.0), ..trigger() }, "needs one limit"),
            (Trigger { over: Some(f64::NAN), ..trigger() }, "needs one limit"),
            (Trigger { length: "soon".into(), ..trigger() }, "not a duration"),
            (Trigger { length: "0s".into(), ..trigger() }, "not a duration"),
        ] {
            let error = wrong.check().unwrap_err();
            assert!(error.what.contains(says) && error.hint.contains("over = 5"), "{error:?}");
        }
        defaults().iter().for_each(|trigger| trigger.check().unwrap());
        assert_eq!(trigger().within(Duration::from_secs(20)).length(), Duration::from_secs(20));
    }

    proptest! {
        /// Told by hand from the values alone: the last five minutes were all read and all broken.
        #[test]
        fn a_breach_is_exactly_five_broken_minutes_without_a_pause(values in prop::collection::vec(prop::option::of(0u8..11), 0..30)) {
            let values: Vec<Option<f64>> = values.into_iter().map(|v| v.map(f64::from)).collect();
            let all = of(&values);
            let broken = values.iter().rev().take_while(|v| v.is_some_and(|v| v > 5.0)).count();
            let first = |n: usize| i64::try_from(values.len() - n).unwrap() * 60_000;
            let expected = match (values.last(), broken) {
                (None | Some(None), _) => Standing::Unknown,
                (Some(Some(_)), 0) => Standing::Within,
                (Some(Some(_)), n) if n < 5 => Standing::Building { since_ms: first(n) },
                (Some(Some(_)), n) => Standing::Breached { since_ms: first(n) },
            };
            prop_assert_eq!(judge(&trigger(), &all), expected);
        }

        /// Readings that are missing altogether can only take a breach away.
        #[test]
        fn leaving_readings_out_makes_no_breach(values in prop::collection::vec(0u8..11, 1..20), kept in prop::collection::vec(any::<bool>(), 20)) {
            let all = of(&values.iter().map(|v| Some(f64::from(*v))).collect::<Vec<_>>());
            let some: Vec<&Reading> = all.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(reading, _)| reading).collect();
            if let Standing::Breached { since_ms } = judge(&trigger(), some.iter().copied()) {
                let last = some.last().map(|reading| reading.ends_ms()).unwrap_or_default();
                let whole: Vec<&Reading> = all.iter().filter(|r| r.begins_ms() >= since_ms && r.ends_ms() <= last).collect();
                prop_assert!(whole.iter().all(|r| trigger().breaks(r.value.unwrap())));
            }
        }
    }
}
