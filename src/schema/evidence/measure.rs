//! Asks a database many questions at once: a few read-only sessions, a time limit for each question, the largest first.
//! Never fails for a question that cannot be answered: the answer is then the reason.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::error::{Error, Result};
use crate::postgres::{Access, Connector, Session, fault};
use crate::progress::{Progress, Reporter, Unit};

/// Sessions at once: few, because the app is using the database.
pub const SESSIONS: usize = 4;

/// Settings of a session: whole names in expressions, every row or an error, and no index, because an index may be wrong.
const SETTINGS: [(&str, &str); 6] = [
    ("search_path", "pg_catalog"),
    ("row_security", "off"),
    ("enable_indexscan", "off"),
    ("enable_indexonlyscan", "off"),
    ("enable_bitmapscan", "off"),
    ("jit", "off"),
];

/// One statement to ask.
#[derive(Debug, Clone)]
pub struct Question {
    pub sql: String,
    /// For the progress and for the reason: "public.orders".
    pub what: String,
    /// What it reads.
    pub bytes: u64,
}

/// Rows in text form.
pub type Rows = Vec<Vec<Option<String>>>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    TookTooLong(String),
    Said(String),
}

impl Silence {
    pub fn reason(&self) -> &str {
        match self {
            Self::TookTooLong(reason) | Self::Said(reason) => reason,
        }
    }
}

/// A session that measures. Errors when the database cannot be reached.
pub async fn open(source: &Connector, timeout: Duration) -> Result<Session> {
    let session = source.connect(Access::ReadOnly).await?;
    session.settings(&SETTINGS).await?;
    // At least one millisecond: zero would be no limit at all.
    session.batch(&format!("set statement_timeout = {}", timeout.as_millis().max(1))).await?;
    Ok(session)
}

/// The answers, in the order of the questions. `first` is a session that is open already.
pub async fn ask(
    source: &Connector,
    first: Session,
    timeout: Duration,
    questions: &[Question],
    reporter: &Reporter,
) -> (Session, Vec<Result<Rows, Silence>>) {
    let mut order: Vec<usize> = (0..questions.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(questions.get(*at).map_or(0, |question| question.bytes)));
    let board = Board {
        questions,
        waiting: Mutex::new(order.into()),
        answers: Mutex::new(questions.iter().map(|_| Err(Silence::Said("not asked".into()))).collect()),
        done: Mutex::new((0, 0)),
        total: questions.iter().map(|question| question.bytes).sum(),
        since: Instant::now(),
        reporter,
    };
    let board = &board;
    let others = (1..SESSIONS.min(questions.len())).map(|_| async move {
        // The server may have no connection left: then fewer do the work.
        if let Ok(session) = open(source, timeout).await {
            board.work(source, session, timeout).await;
        }
    });
    let (first, _) = tokio::join!(board.work(source, first, timeout), join_all(others));
    let answers = board.answers.lock().map(|mut answers| std::mem::take(&mut *answers)).unwrap_or_default();
    (first, answers)
}

struct Board<'a> {
    questions: &'a [Question],
    waiting: Mutex<VecDeque<usize>>,
    answers: Mutex<Vec<Result<Rows, Silence>>>,
    /// Bytes and questions.
    done: Mutex<(u64, usize)>,
    total: u64,
    since: Instant,
    reporter: &'a Reporter,
}

impl Board<'_> {
    async fn work(&self, source: &Connector, mut session: Session, timeout: Duration) -> Session {
        loop {
            let next = self.waiting.lock().ok().and_then(|mut waiting| waiting.pop_front());
            let Some((at, question)) = next.and_then(|at| Some((at, self.questions.get(at)?))) else { return session };
            self.tell(question);
            if session.is_closed()
                && let Ok(again) = open(source, timeout).await
            {
                session = again;
            }
            let answer = session.text(&question.sql).await.map_err(|error| silence(&error, timeout, &question.what));
            if let Ok(mut answers) = self.answers.lock()
                && let Some(place) = answers.get_mut(at)
            {
                *place = answer;
            }
            if let Ok(mut done) = self.done.lock() {
                *done = (done.0.saturating_add(question.bytes), done.1.saturating_add(1));
            }
            self.tell(question);
        }
    }

    fn tell(&self, question: &Question) {
        let (bytes, questions) = self.done.lock().map(|done| *done).unwrap_or_default();
        let message = format!("measures {}, {questions} of {}", question.what, self.questions.len());
        let mut progress = Progress::new(bytes, Some(self.total), Unit::Bytes, message);
        if bytes > 0 {
            let whole = self.since.elapsed().as_secs_f64() * self.total as f64 / bytes as f64;
            progress.remaining_s = Some((whole - self.since.elapsed().as_secs_f64()).max(0.0) as u64);
        }
        self.reporter.report(progress);
    }
}

/// Why a statement gave no answer, as words.
fn silence(error: &Error, timeout: Duration, what: &str) -> Silence {
    let cause = error.causes.first().map_or(error.what.as_str(), String::as_str);
    if fault::sqlstate(error) == Some("57014") && cause.contains("statement timeout") {
        return Silence::TookTooLong(format!("took longer than {}: {what}", seconds(timeout)));
    }
    Silence::Said(cause.to_owned())
}

/// `60 s`, `1 ms`.
pub fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 { format!("{} s", duration.as_secs()) } else { format!("{} ms", duration.as_millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_time_limit_is_told_from_other_errors() {
        let error = |cause: &str| Error::new(Kind::Failed, "`select` failed").cause(cause);
        let limit = Duration::from_secs(60);
        assert_eq!(
            silence(&error("canceling statement due to statement timeout (SQLSTATE 57014)"), limit, "public.orders"),
            Silence::TookTooLong("took longer than 60 s: public.orders".into())
        );
        assert_eq!(
            silence(&error("permission denied for table orders (SQLSTATE 42501)"), limit, "public.orders"),
            Silence::Said("permission denied for table orders (SQLSTATE 42501)".into())
        );
        assert_eq!(seconds(Duration::from_millis(1)), "1 ms");
    }
}
