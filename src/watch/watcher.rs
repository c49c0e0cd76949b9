//! A watch under way: the readings so far, and what they say against the triggers.
//! Neither asks nor waits; it is told each reading once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::reading::{Measure, Reading, Series, Source};
use super::trigger::{Standing, Trigger, goes_on, judge};
use crate::progress::Graph;
use crate::text;

/// Readings that are told as evidence.
const EVIDENCE: usize = 5;
/// Points of a graph.
const POINTS: usize = 60;

/// A limit that was broken for the whole time.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    pub trigger: Trigger,
    pub series: Series,
    pub since: Timestamp,
    /// The last readings, the oldest first.
    pub readings: Vec<Reading>,
}

impl Breach {
    /// `error rate (from outside) over 5 % for 5m00s`.
    pub fn words(&self) -> String {
        let words = self.trigger.words();
        let rest = words.strip_prefix(self.trigger.measure.words()).unwrap_or(&words);
        format!("{}{rest}", self.series.words())
    }

    /// Since when, the last readings, and what was seen last.
    pub fn evidence(&self) -> Vec<String> {
        let values: Vec<String> = self.readings.iter().filter_map(|r| r.value).map(|value| self.series.measure.told(value)).collect();
        let until = self.readings.last().map_or(self.since, |last| Timestamp::from_millisecond(last.ends_ms()).unwrap_or(self.since));
        let lasted: Duration = until.duration_since(self.since).try_into().unwrap_or_default();
        let since = self.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        let mut lines =
            vec![format!("since {since}, for {}: last {} of {}", text::duration(lasted), values.join(", "), self.series.words())];
        lines.extend(self.readings.iter().rev().find_map(|reading| reading.why.clone()));
        lines
    }
}

/// Readings and triggers.
#[derive(Debug, Clone)]
pub struct Watcher {
    triggers: Vec<Trigger>,
    readings: BTreeMap<Series, Vec<Reading>>,
    breach: Option<Breach>,
    /// What should be read, and was not yet.
    awaited: BTreeSet<Series>,
}

impl Watcher {
    pub fn new(triggers: Vec<Trigger>, awaited: impl IntoIterator<Item = Series>) -> Self {
        Self { triggers, readings: BTreeMap::new(), breach: None, awaited: awaited.into_iter().collect() }
    }

    /// Readings alone, held against nothing.
    pub fn of(readings: impl IntoIterator<Item = Reading>) -> Self {
        let mut watcher = Self::new(Vec::new(), []);
        for reading in readings {
            watcher.take(reading);
        }
        watcher
    }

    /// One reading more; gives what a person should be told of it. Older or equal ones of a series are passed over.
    pub fn take(&mut self, reading: Reading) -> Vec<String> {
        let mut told = Vec::new();
        let series = reading.series.clone();
        let words = series.words();
        let known = self.readings.entry(series.clone()).or_default();
        let last = known.last();
        if last.is_some_and(|last| reading.begins_ms() < last.ends_ms()) {
            return told;
        }
        match (reading.value, last) {
            (None, last) if last.is_none_or(|last| last.value.is_some()) => {
                let why = reading.why.as_deref().unwrap_or("no reason is known");
                told.push(format!("{words} cannot be read, which counts neither as good nor as bad: {why}"));
            }
            (Some(_), Some(last)) if last.value.is_some() && !goes_on(last.ends_ms(), &reading) => {
                let gap = Duration::from_millis(u64::try_from(reading.begins_ms() - last.ends_ms()).unwrap_or_default());
                told.push(format!("{words}: nothing was read for {}, which counts neither as good nor as bad", text::duration(gap)));
            }
            (Some(_), Some(last)) if last.value.is_none() => told.push(format!("{words} can be read again")),
            (None | Some(_), _) => {}
        }
        if reading.value.is_some() {
            self.awaited.remove(&series);
        }
        known.push(reading);
        for trigger in self.triggers.iter().filter(|trigger| trigger.measure == series.measure) {
            match judge(trigger, known.iter()) {
                Standing::Breached { since_ms } if self.breach.is_none() => {
                    let of_it = known.iter().filter(|r| r.begins_ms() >= since_ms);
                    let mut readings: Vec<Reading> = of_it.cloned().collect();
                    readings.drain(..readings.len().saturating_sub(EVIDENCE));
                    let since = Timestamp::from_millisecond(since_ms).unwrap_or_default();
                    self.breach = Some(Breach { trigger: trigger.clone(), series: series.clone(), since, readings });
                }
                Standing::Building { since_ms } if known.last().is_some_and(|last| last.begins_ms() == since_ms) => {
                    let value = known.last().and_then(|last| last.value).unwrap_or_default();
                    told.push(format!("{words} is {}, {} are allowed", series.measure.told(value), trigger.allows()));
                }
                Standing::Breached { .. } | Standing::Building { .. } | Standing::Within | Standing::Unknown => {}
            }
        }
        told
    }

    /// The first limit that was broken for the whole time.
    pub fn breach(&self) -> Option<&Breach> {
        self.breach.as_ref()
    }

    /// Is a limit broken now, not long enough yet? Then it is no time to stop watching.
    pub fn building(&self) -> bool {
        self.triggers
            .iter()
            .any(|trigger| self.all(trigger.measure).any(|(_, readings)| matches!(judge(trigger, readings), Standing::Building { .. })))
    }

    /// For how long we have looked from outside, gaps left out.
    pub fn watched(&self) -> Duration {
        let own = self.readings.get(&Series::new(Measure::ErrorPercent, Source::Outside, ""));
        let ms: i64 = own.into_iter().flatten().filter(|r| r.value.is_some()).map(|r| r.span_ms).sum();
        Duration::from_millis(u64::try_from(ms).unwrap_or_default())
    }

    /// How many readings there are.
    pub fn count(&self) -> usize {
        self.readings.values().map(Vec::len).sum()
    }

    /// Where the last reading of a series ended.
    pub fn ended(&self, series: &Series) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.readings.get(series)?.last()?.ends_ms()).ok()
    }

    /// The worst value of a measure that was seen from a source; for a lower limit the lowest.
    pub fn worst(&self, measure: Measure, source: Source) -> Option<f64> {
        let values =
            self.all(measure).filter(|(series, _)| series.source == source).flat_map(|(_, readings)| readings).filter_map(|r| r.value);
        values.max_by(f64::total_cmp)
    }

    /// What should have been read and never was.
    pub fn not_seen(&self) -> Vec<String> {
        self.awaited.iter().map(Series::words).collect()
    }

    fn all(&self, measure: Measure) -> impl Iterator<Item = (&Series, &Vec<Reading>)> {
        self.readings.iter().filter(move |(series, _)| series.measure == measure)
    }

    /// Each series over time, with its limit.
    pub fn graphs(&self) -> Vec<Graph> {
        self.readings.iter().map(|(series, readings)| self.graph(series, readings)).collect()
    }

    fn graph(&self, series: &Series, readings: &[Reading]) -> Graph {
        let trigger = self.triggers.iter().find(|trigger| trigger.measure == series.measure);
        let whole = |value: f64| value.max(0.0).round() as u64;
        let last = readings.last().and_then(|last| last.value);
        let now = last.map_or("not read".to_owned(), |value| series.measure.told(value));
        Graph {
            name: series.words(),
            points: readings.iter().skip(readings.len().saturating_sub(POINTS)).map(|r| r.value.map(whole)).collect(),
            limit: trigger.map(|trigger| whole(trigger.limit())),
            now: trigger.map_or(now.clone(), |trigger| format!("{now}, {}", trigger.allows())),
            breaks: last.is_some_and(|value| trigger.is_some_and(|trigger| trigger.breaks(value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(measure: Measure, n: i64, value: Option<f64>) -> Reading {
        let why = value.is_none().then(|| "no credentials".to_owned());
        let at = Timestamp::from_millisecond(n * 1000).unwrap();
        Reading { series: Series::new(measure, Source::Outside, ""), at, span_ms: 1000, value, why }
    }

    fn watcher() -> Watcher {
        let trigger = Trigger { measure: Measure::ErrorPercent, over: Some(5.0), under: None, length: "3s".into() };
        Watcher::new(vec![trigger], [Series::new(Measure::Healthy, Source::Cloudwatch, "web")])
    }

    #[test]
    fn a_breach_has_its_evidence_and_a_gap_is_told_once() {
        let mut watcher = watcher();
        let mut told = Vec::new();
        for (n, value) in [(0, Some(0.0)), (1, None), (2, None), (3, Some(9.0)), (4, Some(10.0)), (5, Some(0.0))] {
            told.extend(watcher.take(reading(Measure::ErrorPercent, n, value)));
        }
        assert_eq!(
            told,
            [
                "error rate (from outside) cannot be read, which counts neither as good nor as bad: no credentials",
                "error rate (from outside) can be read again",
                "error rate (from outside) is 9 %, at most 5 % are allowed",
            ]
        );
        assert_eq!((watcher.breach(), watcher.building(), watcher.watched()), (None, false, Duration::from_secs(4)));
        assert_eq!(watcher.not_seen(), ["healthy targets (CloudWatch, web)"]);
        // nobody watched for four seconds
        assert_eq!(
            watcher.take(reading(Measure::ErrorPercent, 10, Some(20.0)))[0],
            "error rate (from outside): nothing was read for 4.0s, which counts neither as good nor as bad"
        );
        watcher.take(reading(Measure::ErrorPercent, 11, Some(30.0)));
        assert!(watcher.building() && watcher.breach().is_none());
        watcher.take(Reading { why: Some("status 500".into()), ..reading(Measure::ErrorPercent, 12, Some(40.0)) });
        let breach = watcher.breach().unwrap();
        assert_eq!(breach.words(), "error rate (from outside) over 5 % for 3.0s");
        assert_eq!(
            breach.evidence(),
            ["since 1970-01-01 00:00:10 UTC, for 3.0s: last 20 %, 30 %, 40 % of error rate (from outside)", "status 500"]
        );
        // it stays one, whatever comes
        watcher.take(reading(Measure::ErrorPercent, 13, Some(0.0)));
        assert!(watcher.breach().is_some());
    }

    #[test]
    fn a_reading_that_is_known_already_is_passed_over() {
        let mut watcher = watcher();
        watcher.take(reading(Measure::P95Ms, 1, Some(80.0)));
        watcher.take(reading(Measure::P95Ms, 1, Some(90.0)));
        watcher.take(reading(Measure::P95Ms, 0, Some(90.0)));
        assert_eq!((watcher.count(), watcher.worst(Measure::P95Ms, Source::Outside)), (1, Some(80.0)));
    }

    #[test]
    fn a_graph_has_its_gaps_and_its_limit() {
        let mut watcher = watcher();
        for (n, value) in [(0, Some(0.0)), (1, None), (2, Some(7.0))] {
            watcher.take(reading(Measure::ErrorPercent, n, value));
        }
        let graph = watcher.graphs().remove(0);
        assert_eq!((graph.points, graph.limit, graph.breaks), (vec![Some(0), None, Some(7)], Some(5), true));
        assert_eq!((graph.name.as_str(), graph.now.as_str()), ("error rate (from outside)", "7 %, at most 5 %"));
    }
}
