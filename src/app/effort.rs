//! How long a change takes a person who knows the app, as a range.
//! Never a promise: the figures are estimates, written beside each signal.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

/// A range of working time. Written in hours (`[0.5, 2]`), kept in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct Effort {
    low: u32,
    high: u32,
}

impl TryFrom<[f64; 2]> for Effort {
    type Error = String;

    fn try_from([low, high]: [f64; 2]) -> Result<Self, String> {
        let minutes = |hours: f64| {
            let minutes = (hours * 60.0).round();
            // more than a year of work for one finding is a slip of the pen
            (0.0..=120_000.0).contains(&minutes).then_some(minutes as u32)
        };
        match (minutes(low), minutes(high)) {
            (Some(low), Some(high)) if low <= high && high > 0 => Ok(Self { low, high }),
            _ => Err(format!("hours must be [low, high] with 0 <= low <= high and high > 0, not [{low}, {high}]")),
        }
    }
}

impl From<Effort> for [f64; 2] {
    fn from(effort: Effort) -> Self {
        [effort.low, effort.high].map(|minutes| f64::from(minutes) / 60.0)
    }
}

impl Sum for Effort {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self { low: a.low + b.low, high: a.high + b.high })
    }
}

impl std::fmt::Display for Effort {
    /// `15–30 min`, `0.5–2 h`, `8–24 h`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hours = |minutes: u32| {
            let text = format!("{:.1}", f64::from(minutes) / 60.0);
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        };
        let (low, high, unit) =
            if self.high < 60 { (self.low.to_string(), self.high.to_string(), "min") } else { (hours(self.low), hours(self.high), "h") };
        if low == high { write!(f, "{low} {unit}") } else { write!(f, "{low}–{high} {unit}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_shown_and_added() {
        let of = |low: f64, high: f64| Effort::try_from([low, high]);
        for (low, high, shown) in [(0.25, 0.5, "15–30 min"), (0.5, 2.0, "0.5–2 h"), (8.0, 24.0, "8–24 h"), (1.0, 1.0, "1 h")] {
            assert_eq!(of(low, high).unwrap().to_string(), shown);
        }
        let total: Effort = [of(0.25, 0.5).unwrap(), of(2.0, 6.0).unwrap()].into_iter().sum();
        assert_eq!(total.to_string(), "2.2–6.5 h");
        assert_eq!(<[f64; 2]>::from(total), [2.25, 6.5]);
        for (low, high) in [(2.0, 1.0), (-1.0, 1.0), (0.0, 0.0), (f64::NAN, 1.0), (1.0, 1e9)] {
            assert!(of(low, high).is_err(), "{low} {high}");
        }
    }
}
