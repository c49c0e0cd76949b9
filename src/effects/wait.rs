//! `wait`: the day and hour that was chosen for the cutover, awaited by the clock on the wall.
//! Touches nothing; a laptop that slept through the hour begins no cutover by itself.

use std::time::Duration;

use async_trait::async_trait;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned, civil};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::error::{Error, Kind, Result};
use crate::progress::Unit;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, of_field};
use crate::wizard::view::{PreviewLine, Sign};

/// Later than this nobody expects it any more.
const LATE: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    /// `now`, or a day and hour with its zone.
    until: String,
}

/// When something is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    Now,
    At(Zoned),
}

/// Reads `now`, `2026-12-05 22:00 Europe/Berlin`, `2026-12-05T22:00+01:00` or, in this machine's zone, `2026-12-05 22:00`.
///
/// # Errors
/// `Input` for anything else, for a zone that is not known, and for an hour that the clock jumps over.
pub fn moment(text: &str) -> Result<Moment> {
    let wrong = |why: &str| {
        Error::new(Kind::Input, format!("`{text}` is no day and hour: {why}"))
            .hint("write now, 2026-12-05 22:00 Europe/Berlin, or 2026-12-05T22:00+01:00")
    };
    let text = text.trim();
    if text == "now" {
        return Ok(Moment::Now);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        // told as it was written
        let offset = Pieces::parse(text).ok().and_then(|pieces| pieces.to_numeric_offset());
        return Ok(Moment::At(at.to_zoned(offset.map_or_else(TimeZone::system, TimeZone::fixed))));
    }
    let (local, zone) = match text.rsplit_once(' ') {
        Some((local, zone)) if zone.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let known = TimeZone::get(zone).map_err(|_| wrong(&format!("this machine knows no time zone {zone}")))?;
            (local, known)
        }
        _ => (text, TimeZone::system()),
    };
    let local: civil::DateTime = local.parse().map_err(|_| wrong("it cannot be read"))?;
    let at = zone
        .to_ambiguous_zoned(local)
        .unambiguous()
        .map_err(|_| wrong("the clock is changed then: that hour is there twice, or not at all"))?;
    Ok(Moment::At(at))
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let wait = from_fields::<Wait>("wait", fields)?;
    of_field("wait", "until", moment(&wait.until))?;
    Ok(Box::new(wait))
}

impl Wait {
    fn moment(&self) -> Result<Moment> {
        moment(&self.until)
    }

    fn outputs(at: &Zoned) -> Outputs {
        Outputs::from([("at".into(), json!(at.to_string()))])
    }
}

/// How long until then; nothing when it is past.
fn left(at: &Zoned) -> Duration {
    at.timestamp().duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO)
}

#[async_trait]
impl Apply<World> for Wait {
    fn describe(&self) -> Description {
        match self.moment() {
            Ok(Moment::At(at)) => Description::new(
                format!("wait until {}", at.strftime("%A %-d %B %Y %H:%M %Q")),
                format!("sleep $(( {} - $(date +%s) ))", at.timestamp().as_second()),
            ),
            Ok(Moment::Now) | Err(_) => Description::new("begin now, waiting for no hour", "date --iso-8601=seconds"),
        }
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Need::Time
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        Ok(vec![PreviewLine::new(Sign::Same, self.describe().sentence)])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        Ok(match self.moment()? {
            Moment::At(at) if left(&at) > Duration::ZERO => Probe::Absent,
            Moment::At(at) => Probe::Present(Self::outputs(&at)),
            Moment::Now => Probe::Present(self.example()),
        })
    }

    async fn apply(&self, _world: &World, cx: &Context) -> Result<Outputs> {
        let Moment::At(at) = self.moment()? else { return Ok(Self::outputs(&Zoned::now())) };
        let whole = left(&at);
        // By the wall's clock, again and again: a machine that sleeps does not count the time.
        loop {
            let left = left(&at);
            if left.is_zero() {
                break;
            }
            cx.reporter.progress(
                (whole.saturating_sub(left)).as_secs(),
                Some(whole.as_secs()),
                Unit::Seconds,
                format!("T is {}", at.strftime("%a %H:%M %Q")),
            );
            tokio::time::sleep(left.min(Duration::from_secs(1))).await;
        }
        let late: Duration = Timestamp::now().duration_since(at.timestamp()).try_into().unwrap_or(Duration::ZERO);
        if late > LATE {
            return Err(Error::new(Kind::Refused, format!("{} was {} ago", at.strftime("%A %H:%M %Q"), text::duration(late)))
                .hint("nothing was begun; choose another hour: c changes an answer, or --set cutover_at=now"));
        }
        Ok(Self::outputs(&at))
    }

    async fn undo(&self, _world: &World, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Outputs::from([("at".into(), json!(""))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(text: &str) -> i64 {
        match moment(text) {
            Ok(Moment::At(at)) => at.timestamp().as_second(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_moment_is_read_in_its_zone() {
        assert_eq!(moment("now").unwrap(), Moment::Now);
        let there = second("2026-12-05 22:00 Europe/Berlin");
        for same in ["2026-12-05T22:00+01:00", "2026-12-05T21:00Z", "2026-12-05 21:00:00 UTC", "2026-12-05T16:00-05:00"] {
            assert_eq!(second(same), there, "{same}");
        }
        let Ok(Moment::At(at)) = moment("2026-12-05T16:00-05:00") else { panic!("a moment") };
        assert_eq!(at.strftime("%H:%M %:z").to_string(), "16:00 -05:00", "told as it was written");
    }

    #[test]
    fn an_hour_that_is_not_one_is_told_with_what_to_write() {
        for (bad, why) in [
            ("tonight", "cannot be read"),
            ("2026-13-05 22:00", "cannot be read"),
            ("2026-12-05 22:00 Europe/Atlantis", "knows no time zone Europe/Atlantis"),
            ("2026-03-29 02:30 Europe/Berlin", "the clock is changed then"),
            ("2026-10-25 02:30 Europe/Berlin", "the clock is changed then"),
        ] {
            let error = moment(bad).unwrap_err();
            assert!(error.what.contains(why) && error.hint.contains("2026-12-05 22:00"), "{bad}: {error:?}");
        }
    }
}
