//! A window: our own looks from outside over a short span, as readings.
//! Looks at nothing itself.

use std::time::Duration;

use jiff::Timestamp;

use super::reading::{Measure, Reading, Series, Source};

/// One look from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    pub took: Duration,
    pub problem: Option<String>,
}

/// Looks from `from` on.
#[derive(Debug, Clone)]
pub struct Window {
    from: Timestamp,
    looks: Vec<Look>,
}

impl Window {
    pub fn new(from: Timestamp) -> Self {
        Self { from, looks: Vec::new() }
    }

    pub fn push(&mut self, look: Look) {
        self.looks.push(look);
    }

    /// How long it is open at this moment.
    pub fn lasts(&self, now: Timestamp) -> Duration {
        now.duration_since(self.from).try_into().unwrap_or(Duration::ZERO)
    }

    /// Its readings, up to this moment; nothing where nobody looked.
    pub fn close(self, until: Timestamp) -> Vec<Reading> {
        let span_ms = until.as_millisecond() - self.from.as_millisecond();
        if self.looks.is_empty() || span_ms <= 0 {
            return Vec::new();
        }
        let failed: Vec<&str> = self.looks.iter().filter_map(|look| look.problem.as_deref()).collect();
        let percent = failed.len() as f64 * 100.0 / self.looks.len() as f64;
        let why = failed.last().map(|last| format!("{} of {} looks failed; last: {last}", failed.len(), self.looks.len()));
        let mut took: Vec<Duration> = self.looks.iter().map(|look| look.took).collect();
        took.sort_unstable();
        let at = (took.len() * 95).div_ceil(100).saturating_sub(1);
        let p95 = took.get(at).copied().unwrap_or_default().as_secs_f64() * 1000.0;
        let reading = |measure, value: f64, why| Reading {
            series: Series::new(measure, Source::Outside, ""),
            at: self.from,
            span_ms,
            value: Some((value * 10.0).round() / 10.0),
            why,
        };
        vec![reading(Measure::ErrorPercent, percent, why), reading(Measure::P95Ms, p95, None)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_an_error_rate_and_the_slowest_twentieth() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let mut window = Window::new(at(1_000));
        for n in 1..=20u64 {
            let problem = (n == 3).then(|| "status 500".to_owned());
            window.push(Look { took: Duration::from_millis(n * 10), problem });
        }
        assert_eq!(window.lasts(at(31_000)), Duration::from_secs(30));
        let readings = window.close(at(31_000));
        let told: Vec<(Measure, Option<f64>, i64)> = readings.iter().map(|r| (r.series.measure, r.value, r.span_ms)).collect();
        assert_eq!(told, [(Measure::ErrorPercent, Some(5.0), 30_000), (Measure::P95Ms, Some(190.0), 30_000)]);
        assert_eq!(readings[0].why.as_deref(), Some("1 of 20 looks failed; last: status 500"));
        assert_eq!(Window::new(at(0)).close(at(5)), []);
    }
}
