//! What follows the rows, several statements at a time: indexes, keys made of them, statistics, foreign keys, and then all the rest in order.
//! Never runs two statements together that would wait for each other's locks, and never begins one whose foundation is not there.

mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tokio::sync::Notify;

use self::task::Stage;
pub use self::task::{Task, Work, tasks};
use super::apply::{failed, is_there};
use super::statement::{Dialect, Statement};
use crate::error::{Error, Result};

/// What was done, in objects of the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Built {
    pub made: u64,
    /// Found to be there.
    pub there: u64,
}

/// What is left in the way of `jobs` workers, in the unit of the tasks' weights: all of it together, or as much as the heaviest alone holds up.
pub fn left(weights: impl Iterator<Item = u64>, jobs: usize) -> u64 {
    let (all, heaviest) = weights.fold((0, 0), |(all, heaviest): (u64, u64), weight| (all + weight, heaviest.max(weight)));
    all.max(heaviest.saturating_mul(jobs as u64))
}

#[derive(Default)]
struct Board {
    pending: Vec<Task>,
    /// Tasks that run, by table: how many, and whether one of them is alone.
    busy: BTreeMap<String, (usize, bool)>,
    running: BTreeMap<Stage, usize>,
    /// Indexes that are being made.
    making: BTreeSet<String>,
    built: Built,
    error: Option<Error>,
}

impl Board {
    fn take(&mut self) -> Option<Task> {
        let at = (0..self.pending.len()).find(|&at| self.pending.get(at).is_some_and(|task| self.may_run(task)))?;
        let task = self.pending.remove(at);
        for table in task.tables() {
            let entry = self.busy.entry(table.to_owned()).or_default();
            *entry = (entry.0 + 1, task.stage != Stage::Index);
        }
        *self.running.entry(task.stage).or_default() += 1;
        self.making.extend(task.makes.clone());
        Some(task)
    }

    fn may_run(&self, task: &Task) -> bool {
        let free = task.tables().all(|table| match self.busy.get(table) {
            None | Some((0, _)) => true,
            Some((_, alone)) => task.stage == Stage::Index && !alone,
        });
        let runs = |stage: Stage| self.running.get(&stage).is_some_and(|count| *count > 0);
        let waits = |stage: Stage| self.pending.iter().any(|other| other.stage == stage);
        free && match task.stage {
            Stage::Index => true,
            Stage::Key => !self.pending.iter().any(|other| other.stage == Stage::Index && other.table == task.table),
            Stage::Attach => !task
                .needs
                .iter()
                .any(|index| self.making.contains(index) || self.pending.iter().any(|other| other.makes.as_ref() == Some(index))),
            Stage::Statistics => !self.pending.iter().any(|other| other.stage <= Stage::Key && other.table == task.table),
            Stage::ForeignKey => {
                !self.pending.iter().any(|other| other.stage <= Stage::Attach && task.tables().any(|table| table == other.table))
            }
            Stage::Rest => {
                ![Stage::Index, Stage::Key, Stage::Attach, Stage::Statistics, Stage::ForeignKey]
                    .into_iter()
                    .any(|stage| waits(stage) || runs(stage))
                    && !runs(Stage::Rest)
            }
        }
    }

    fn put_back(&mut self, task: &Task) {
        for table in task.tables() {
            if let Some(entry) = self.busy.get_mut(table) {
                entry.0 = entry.0.saturating_sub(1);
            }
        }
        if let Some(index) = &task.makes {
            self.making.remove(index);
        }
        if let Some(count) = self.running.get_mut(&task.stage) {
            *count = count.saturating_sub(1);
        }
    }
}

/// Runs the tasks on `workers`, each a way to send one statement; `told` hears of every task that begins (`false`) and ends (`true`).
///
/// What exists already counts as done. The first error stops the others after the task they are at.
pub async fn build<Worker, Run, Running>(
    tasks: Vec<Task>,
    workers: Vec<Worker>,
    dialect: Dialect,
    run: Run,
    told: impl Fn(&Task, bool) + Sync,
) -> Result<Built>
where
    Worker: Send + Sync,
    Run: Fn(std::sync::Arc<Worker>, String) -> Running + Sync,
    Running: Future<Output = Result<()>> + Send,
{
    let board = Mutex::new(Board { pending: tasks, ..Board::default() });
    let change = Notify::new();
    let one = async |worker: std::sync::Arc<Worker>| loop {
        // Asked for before the look, so that no change in between is missed.
        let changed = change.notified();
        let (task, done) = match board.lock() {
            Ok(mut board) if board.error.is_none() => {
                let task = board.take();
                (task, board.pending.is_empty())
            }
            _ => (None, true),
        };
        let Some(task) = task else {
            if done {
                return;
            }
            changed.await;
            continue;
        };
        told(&task, false);
        let outcome = run_task(&task, dialect, |sql| run(worker.clone(), sql)).await;
        if let Ok(mut board) = board.lock() {
            board.put_back(&task);
            match outcome {
                Ok(true) => board.built.made += u64::from(task.ends_a_statement()),
                Ok(false) => board.built.there += u64::from(task.ends_a_statement()),
                Err(error) => {
                    board.error.get_or_insert(error);
                }
            }
        }
        told(&task, true);
        change.notify_waiters();
    };
    futures_util::future::join_all(workers.into_iter().map(|worker| one(std::sync::Arc::new(worker)))).await;
    let board = board.into_inner().unwrap_or_default();
    match board.error {
        Some(error) => Err(error),
        None => Ok(board.built),
    }
}

/// Whether it was made now.
async fn run_task<Running: Future<Output = Result<()>>>(task: &Task, dialect: Dialect, run: impl Fn(String) -> Running) -> Result<bool> {
    let mut made = true;
    for sql in &task.sql {
        let sql = match &task.statement {
            Some(statement) => Statement { sql: sql.clone(), ..statement.clone() }.render(dialect),
            None => sql.clone(),
        };
        match run(sql.clone()).await {
            Ok(()) => {}
            Err(error) if is_there(&error) => made = false,
            Err(error) => {
                return Err(match &task.statement {
                    Some(statement) => failed(error, statement, &sql),
                    None => error,
                });
            }
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(stage: Stage, table: &str, id: &str) -> Task {
        Task {
            id: id.into(),
            table: table.into(),
            refers_to: None,
            makes: None,
            needs: Vec::new(),
            stage,
            statement: None,
            sql: vec![id.into()],
            weight: 1,
        }
    }

    #[tokio::test]
    async fn nothing_begins_before_what_it_stands_on() {
        let tasks = vec![
            task(Stage::Index, "a", "a1"),
            task(Stage::Index, "a", "a2"),
            task(Stage::Index, "b", "b1"),
            task(Stage::Key, "a", "ak"),
            task(Stage::Statistics, "a", "as"),
            Task { refers_to: Some("a".into()), ..task(Stage::ForeignKey, "b", "bf") },
            task(Stage::Rest, "", "r1"),
            task(Stage::Rest, "", "r2"),
        ];
        let log = Mutex::new(Vec::new());
        let built = build(
            tasks,
            vec![1, 2, 3],
            Dialect::Postgres,
            |_, _| async {
                tokio::task::yield_now().await;
                Ok(())
            },
            |task, done| log.lock().unwrap().push(format!("{}{}", if done { "-" } else { "+" }, task.id)),
        )
        .await
        .unwrap();
        assert_eq!(built, Built::default(), "none of these is a statement of a schema");
        let log = log.into_inner().unwrap();
        let at = |what: &str| log.iter().position(|line| line == what).unwrap();
        for (first, then) in
            [("-a1", "+ak"), ("-a2", "+ak"), ("-ak", "+as"), ("-b1", "+bf"), ("-ak", "+bf"), ("-bf", "+r1"), ("-as", "+r1"), ("-r1", "+r2")]
        {
            assert!(at(first) < at(then), "{first} before {then}: {log:?}");
        }
        assert!(at("+a2") < at("-a1"), "indexes of one table together: {log:?}");
    }
}
