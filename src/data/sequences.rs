//! Counters after the data: every sequence of the target set past the source's last value and past the largest value in use.
//! Never creates a sequence; one that the target does not have is named, not guessed.

use serde::{Deserialize, Serialize};

use crate::data::again::Tries;
use crate::error::Result;
use crate::postgres::fault::sqlstate;
use crate::postgres::quote::{ident, literal, qualified};
use crate::postgres::{Access, Connector, Session};

#[derive(Debug, Clone, Deserialize)]
struct Sequence {
    schema: String,
    name: String,
    last_value: Option<i64>,
    increment: i64,
    least: i64,
    most: i64,
    owner: Option<Place>,
    identity: bool,
    users: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Place {
    schema: String,
    table: String,
    column: String,
}

impl Sequence {
    fn label(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Every column that draws from it.
    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.owner.iter().cloned().collect();
        places.extend(self.users.iter().filter(|user| Some(*user) != self.owner.as_ref()).cloned());
        places
    }

    /// A value so many draws further on, as far as the sequence goes.
    fn ahead_of(&self, value: i64, headroom: u32) -> i64 {
        let ahead = value.saturating_add(self.increment.saturating_mul(i64::from(headroom)));
        // A value that is out of bounds by itself is the server's to judge.
        if (self.least..=self.most).contains(&value) { ahead.clamp(self.least, self.most) } else { value }
    }

    fn further(&self, a: Option<i64>, b: Option<i64>) -> Option<i64> {
        if self.increment < 0 { a.into_iter().chain(b).min() } else { a.max(b) }
    }
}

/// What happened to the sequences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceReport {
    pub set: Vec<SequenceSet>,
    /// Left as they are, and why.
    pub notes: Vec<String>,
}

/// The next value drawn is after `value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceSet {
    pub sequence: String,
    pub value: i64,
}

/// Whether a sequence of the target may hand out a value that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceVerdict {
    pub sequence: String,
    pub last_value: Option<i64>,
    /// The largest value in use (the smallest when it counts down).
    pub in_use: Option<i64>,
    pub ahead: bool,
}

async fn read(session: &Session) -> Result<Vec<Sequence>> {
    session.json(include_str!("../../assets/sql/sequences.sql")).await
}

/// Finds the target's twin: the sequence of the same column, else the one of the same name.
fn twin<'a>(sequence: &Sequence, target: &'a [Sequence]) -> Option<&'a Sequence> {
    let by_owner = sequence.owner.as_ref().and_then(|owner| target.iter().find(|other| other.owner.as_ref() == Some(owner)));
    by_owner.or_else(|| target.iter().find(|other| other.schema == sequence.schema && other.name == sequence.name))
}

/// The furthest value that the columns hold; columns that are not numbers, or not there, hold none.
async fn in_use(session: &Session, sequence: &Sequence) -> Result<Option<i64>> {
    let mut furthest = None;
    for place in sequence.places() {
        let side = if sequence.increment < 0 { "min" } else { "max" };
        let sql = format!("select {side}({})::bigint from {}", ident(&place.column), qualified(&place.schema, &place.table));
        match session.value::<Option<i64>>(&sql, &[]).await {
            Ok(value) => furthest = sequence.further(furthest, value),
            // A text column with a prefix and a number, or a table that was left out.
            Err(error) if matches!(sqlstate(&error), Some("22P02" | "42846" | "42883" | "42P01" | "22003")) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(furthest)
}

/// Sets every sequence past the values in use and `headroom` draws more. Twice equals once, so that what passes is tried again.
pub async fn set_sequences(source: &Connector, target: &Connector, headroom: u32) -> Result<SequenceReport> {
    let mut tries = Tries::new()?;
    loop {
        match set_all(source, target, headroom).await {
            Err(error) => tries.after(error).await?,
            done => return done,
        }
    }
}

/// The same on the way back, where a sequence of the target may be further already: none is ever set back, and one that need not move stays.
pub async fn raise_sequences(source: &Connector, target: &Connector) -> Result<SequenceReport> {
    let mut tries = Tries::new()?;
    loop {
        match raise_all(source, target).await {
            Err(error) => tries.after(error).await?,
            done => return done,
        }
    }
}

async fn raise_all(source: &Connector, target: &Connector) -> Result<SequenceReport> {
    let from = read(&source.connect(Access::ReadOnly).await?).await?;
    let to = target.connect(Access::ReadWrite).await?;
    let mut report = SequenceReport::default();
    for sequence in read(&to).await? {
        let there = twin(&sequence, &from).and_then(|twin| twin.last_value);
        report.set.extend(raise(&to, &sequence, there).await?);
    }
    Ok(report)
}

/// Sets the sequences of a database past the values in use, where they are behind. For rows that came from elsewhere.
pub async fn raise_to_use(to: &Session) -> Result<Vec<SequenceSet>> {
    let mut set = Vec::new();
    for sequence in read(to).await? {
        set.extend(raise(to, &sequence, None).await?);
    }
    Ok(set)
}

async fn raise(to: &Session, sequence: &Sequence, there: Option<i64>) -> Result<Option<SequenceSet>> {
    let Some(value) = sequence.further(there, in_use(to, sequence).await?) else { return Ok(None) };
    // One that was never drawn from begins at its start: only values in use, or drawn there, move it.
    if sequence.further(sequence.last_value, Some(value)) == sequence.last_value {
        return Ok(None);
    }
    set(to, sequence, value).await?;
    Ok(Some(SequenceSet { sequence: sequence.label(), value }))
}

async fn set_all(source: &Connector, target: &Connector, headroom: u32) -> Result<SequenceReport> {
    let from = async { read(&source.connect(Access::ReadOnly).await?).await };
    let to = async {
        let to = target.connect(Access::ReadWrite).await?;
        let there = read(&to).await?;
        Ok((to, there))
    };
    let (from, (to, there)) = tokio::try_join!(from, to)?;
    let mut report = SequenceReport::default();
    for sequence in &from {
        let Some(twin) = twin(sequence, &there) else {
            report.notes.push(format!("{} is not on the target: left out", sequence.label()));
            continue;
        };
        match sequence.further(sequence.last_value, in_use(&to, twin).await?) {
            Some(value) => {
                let value = twin.ahead_of(value, headroom);
                set(&to, twin, value).await?;
                report.set.push(SequenceSet { sequence: twin.label(), value });
            }
            None => report.notes.push(format!("{} was never used: it begins anew", sequence.label())),
        }
    }
    Ok(report)
}

async fn set(to: &Session, sequence: &Sequence, value: i64) -> Result<()> {
    let name = qualified(&sequence.schema, &sequence.name);
    let first = to.execute(&format!("select setval({}::regclass, {value})", literal(&name)), &[]).await;
    let Err(error) = first else { return Ok(()) };
    if !matches!(sqlstate(&error), Some("0A000" | "42883")) {
        return Err(error);
    }
    // A server without setval: restart says the next value, not the last.
    let next = value.saturating_add(sequence.increment);
    match sequence.owner.as_ref().filter(|_| sequence.identity) {
        Some(owner) => {
            to.batch(&format!(
                "alter table {} alter column {} restart with {next}",
                qualified(&owner.schema, &owner.table),
                ident(&owner.column)
            ))
            .await
        }
        None => to.batch(&format!("alter sequence {name} restart with {next}")).await,
    }
}

/// Compares every sequence of the target with the values in use.
pub async fn check(target: &Session) -> Result<Vec<SequenceVerdict>> {
    let mut verdicts = Vec::new();
    for sequence in read(target).await? {
        let in_use = in_use(target, &sequence).await?;
        let ahead = match (sequence.last_value, in_use) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(last), Some(used)) if sequence.increment < 0 => last <= used,
            (Some(last), Some(used)) => last >= used,
        };
        verdicts.push(SequenceVerdict { sequence: sequence.label(), last_value: sequence.last_value, in_use, ahead });
    }
    Ok(verdicts)
}
