//! Evidence from data: what a rule needs to know of the rows is measured in the live source, and stands below the finding with the
//! rows that are in the way. Reads only, never fails for what it cannot measure, and shows no contents but those of primary keys.

mod attach;
mod catalog;
mod chosen;
mod examples;
mod facts;
mod judge;
mod measure;
mod numeric;
mod outcome;
mod probe;
mod relation;
mod scan;
mod size;

use std::time::Duration;

use super::capabilities::Capabilities;
use super::conversion::Conversion;
use super::finding::Verdict;
use super::options::Options;
use super::target::Target;
use crate::error::Result;
use crate::postgres::{Connector, Session};
use crate::progress::Reporter;
use attach::{Missing, Named};
use catalog::Table;
use facts::Facts;
use judge::Figures;
use measure::{Question, Silence};
use outcome::{Naming, Outcome};
use probe::{Ask, Special};
use scan::Reading;

/// How long one question may take when nobody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// What the scans of the tables have found.
pub struct Scans {
    tables: Vec<Table>,
    readings: Vec<Reading>,
    session: Session,
}

/// Converts with evidence from the live source: one scan of each table, options that hold its data, keys and foreign keys, verdicts.
/// `timeout` is for each statement. Errors: those of [`super::convert`], and a source that cannot be reached.
pub async fn convert(
    source: &Connector,
    dump: &str,
    target: Target,
    options: &Options,
    timeout: Duration,
    reporter: &Reporter,
) -> Result<Conversion> {
    let (options, scans) = options_from_data(source, dump, target, options, timeout, reporter).await?;
    let conversion = super::convert(dump, target, &options)?;
    attach(source, conversion, &options, scans, timeout, reporter).await
}

/// The first step: scans each table once, and sets what the options leave to the data.
pub async fn options_from_data(
    source: &Connector,
    dump: &str,
    target: Target,
    options: &Options,
    timeout: Duration,
    reporter: &Reporter,
) -> Result<(Options, Scans)> {
    let capabilities = Capabilities::of(target)?;
    let facts = Facts::of(target, &capabilities);
    let conversion = super::convert(dump, target, options)?;
    let session = measure::open(source, timeout).await?;
    // The catalogue has no large tables: its own reading may take longer than a person allows for one of theirs.
    session.batch("set statement_timeout = 0").await?;
    let tables = catalog::read(&session).await?;
    let version: i32 = session.value("select current_setting('server_version_num')::int", &[]).await?;
    session.batch(&format!("set statement_timeout = {}", timeout.as_millis().max(1))).await?;
    let special = if version >= 140_000 { Special::NanAndInfinity } else { Special::Nan };
    let asked: Vec<(usize, Vec<Ask>)> =
        tables.iter().enumerate().map(|(at, table)| (at, probe::asks(table, &conversion, &capabilities, &facts, special))).collect();
    let (session, readings) = scan::scan(source, session, &tables, asked, timeout, reporter).await;
    let options = chosen::options(options, &tables, &readings, &conversion, &facts);
    Ok((options, Scans { tables, readings, session }))
}

/// The second step: keys and foreign keys, then the rows that are in the way, and all of it below its finding.
pub async fn attach(
    source: &Connector,
    mut conversion: Conversion,
    options: &Options,
    scans: Scans,
    timeout: Duration,
    reporter: &Reporter,
) -> Result<Conversion> {
    let capabilities = Capabilities::of(conversion.target)?;
    let facts = Facts::of(conversion.target, &capabilities);
    let Scans { tables, readings, session } = scans;
    let mut outcomes = Vec::new();
    let mut missing = Missing::new();
    for reading in &readings {
        let label = tables.get(reading.table).map(Table::label).unwrap_or_default();
        let none = (0, Vec::new());
        let (rows, values) = reading.answer.as_ref().unwrap_or(&none);
        let found = judge::judge(&reading.ask, &Figures { rows: *rows, values }, &facts, options, &label);
        match &reading.answer {
            Ok(_) => outcomes.extend(found),
            Err(silence) => {
                missing.entry((label, silence.reason().to_owned())).or_default().push(reading.ask.subject());
                outcomes.extend(found.into_iter().map(|outcome| without(outcome, silence)));
            }
        }
    }
    let relations = relation::relations(&tables, &conversion, &capabilities, &facts);
    let readable = |label: &str| tables.iter().any(|table| table.label() == label && table.readable);
    let (open, closed): (Vec<_>, Vec<_>) = relations.into_iter().partition(|relation| relation.tables().all(readable));
    let questions: Vec<Question> =
        open.iter().map(|relation| Question { sql: relation.sql.clone(), what: relation.object.clone(), bytes: relation.bytes }).collect();
    let (session, answers) = measure::ask(source, session, timeout, &questions, reporter).await;
    let refused = closed.into_iter().map(|relation| {
        let table = relation.tables().find(|label| !readable(label)).unwrap_or_default().to_owned();
        (relation, Err(Silence::Said(format!("this role may not read {table}"))))
    });
    for (relation, answer) in open.into_iter().zip(answers).chain(refused.collect::<Vec<_>>()) {
        match answer {
            Ok(rows) => outcomes.extend(relation.judge(&rows, &facts)),
            Err(silence) => {
                let key = (relation.table.clone(), silence.reason().to_owned());
                missing.entry(key).or_default().push(relation.subject());
                outcomes.extend(relation.judge(&Vec::new(), &facts).into_iter().map(|outcome| without(outcome, &silence)));
            }
        }
    }
    outcomes.extend(unmeasured(&conversion, &facts));
    let named = name(source, session, &tables, outcomes, timeout, reporter).await;
    attach::attach(&mut conversion, named, missing, &capabilities, &facts)?;
    Ok(conversion)
}

/// What is not measured at all, said where one would look for it.
fn unmeasured(conversion: &Conversion, facts: &Facts) -> Vec<Outcome> {
    let reason = "whether the rows sort the same by byte would need all of them sorted twice";
    let collated = conversion.findings.iter().filter(|finding| finding.id == facts.id("COLLATE"));
    collated.map(|finding| Outcome::unknown(&finding.object, reason).attaches(finding.id.clone()).settles(false)).collect()
}

fn without(outcome: Outcome, silence: &Silence) -> Outcome {
    Outcome {
        verdict: Verdict::Unknown(silence.reason().to_owned()),
        measured: attach::NOT_MEASURED.to_owned(),
        rows: Naming::None,
        ..outcome
    }
}

/// The rows in the way: a statement more for each condition that does not hold.
async fn name(
    source: &Connector,
    session: Session,
    tables: &[Table],
    outcomes: Vec<Outcome>,
    timeout: Duration,
    reporter: &Reporter,
) -> Vec<Named> {
    let mut questions = Vec::new();
    let mut labels = Vec::new();
    for (at, outcome) in outcomes.iter().enumerate().filter(|(_, outcome)| outcome.verdict != Verdict::Holds) {
        let Some(table) = tables.iter().find(|table| table.label() == outcome.table) else { continue };
        let (sql, own) = match &outcome.rows {
            Naming::None => continue,
            Naming::Where(condition) => {
                let shown = examples::keys(table, "");
                (examples::statement(&shown, &table.from(), condition), examples::labels(&shown))
            }
            Naming::Select { sql, labels } => (sql.clone(), labels.clone()),
        };
        questions.push(Question { sql, what: outcome.object.clone(), bytes: table.bytes });
        labels.push((at, own));
    }
    let (_, answers) = measure::ask(source, session, timeout, &questions, reporter).await;
    let mut named: Vec<Named> = outcomes.into_iter().map(|outcome| (outcome, Vec::new())).collect();
    for ((at, labels), answer) in labels.into_iter().zip(answers) {
        if let (Some((_, examples)), Ok(rows)) = (named.get_mut(at), answer) {
            *examples = rows.iter().map(|row| examples::name(&labels, row)).collect();
        }
    }
    named
}
