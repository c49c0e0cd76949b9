//! One scan of each table, and the figures that it gives to each question.
//! Never judges them, and never gives up a table because of one question.

use std::time::Duration;

use super::catalog::Table;
use super::measure::{self, Question, Silence};
use super::probe::{self, Ask};
use crate::postgres::{Connector, Session};
use crate::progress::Reporter;

/// One question to one table, and the figures that answer it.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Among the catalogue's.
    pub table: usize,
    pub ask: Ask,
    /// The number of rows, and a value for each aggregate.
    pub answer: Result<(u64, Vec<Option<String>>), Silence>,
}

/// One statement for each table; where it fails for another reason than time, one for each question, so that one does not hide the rest.
pub async fn scan(
    source: &Connector,
    session: Session,
    tables: &[Table],
    asked: Vec<(usize, Vec<Ask>)>,
    timeout: Duration,
    reporter: &Reporter,
) -> (Session, Vec<Reading>) {
    let mut readings = Vec::new();
    let mut open = Vec::new();
    for (at, asks) in asked.into_iter().filter(|(_, asks)| !asks.is_empty()) {
        match tables.get(at) {
            Some(table) if table.readable => open.push((at, asks)),
            _ => {
                let silence = || Err(Silence::Said("this role may not read the table".to_owned()));
                readings.extend(asks.into_iter().map(|ask| Reading { table: at, ask, answer: silence() }));
            }
        }
    }
    let (session, alone) = round(source, session, tables, open, timeout, reporter, &mut readings).await;
    let (session, _) = round(source, session, tables, alone, timeout, reporter, &mut readings).await;
    (session, readings)
}

/// Asks; gives what to ask again, each question by itself.
async fn round(
    source: &Connector,
    session: Session,
    tables: &[Table],
    open: Vec<(usize, Vec<Ask>)>,
    timeout: Duration,
    reporter: &Reporter,
    readings: &mut Vec<Reading>,
) -> (Session, Vec<(usize, Vec<Ask>)>) {
    let questions: Vec<Question> = open
        .iter()
        .filter_map(|(at, asks)| {
            let table = tables.get(*at)?;
            Some(Question { sql: probe::scan(table, asks), what: table.label(), bytes: table.bytes })
        })
        .collect();
    let (session, answers) = measure::ask(source, session, timeout, &questions, reporter).await;
    let mut alone = Vec::new();
    for ((at, asks), answer) in open.into_iter().zip(answers) {
        match answer {
            Ok(rows) => {
                let mut values = rows.into_iter().next().unwrap_or_default().into_iter();
                let count = values.next().flatten().and_then(|count| count.parse().ok()).unwrap_or_default();
                for ask in asks {
                    let own = values.by_ref().take(ask.aggregates().len()).collect();
                    readings.push(Reading { table: at, ask, answer: Ok((count, own)) });
                }
            }
            Err(Silence::Said(_)) if asks.len() > 1 => alone.extend(asks.into_iter().map(|ask| (at, vec![ask]))),
            Err(silence) => readings.extend(asks.into_iter().map(|ask| Reading { table: at, ask, answer: Err(silence.clone()) })),
        }
    }
    (session, alone)
}
