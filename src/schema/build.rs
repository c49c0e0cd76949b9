//! What follows the rows, several statements at a time: indexes, keys made of them, statistics, foreign keys, and then all the rest in order.
//! Never runs two statements together that would wait for each other's locks, and never begins one whose foundation is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tokio::sync::Notify;

use super::apply::{failed, is_there};
use super::conversion::Conversion;
use super::statement::{Dialect, Kind, Phase, Statement};
use crate::error::{Error, Result};

/// When a task may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Shares its table with others of its kind.
    Index,
    /// A key out of an index, an exclusion constraint: alone on its table, once its indexes are there.
    Key,
    /// A partition's index under its table's: once both are there.
    Attach,
    /// Statistics: the same.
    Statistics,
    /// Needs the keys of both its tables, and has both for itself.
    ForeignKey,
    /// In order, one after the other, at the end.
    Rest,
}

/// Something to run.
#[derive(Debug, Clone)]
pub struct Task {
    /// `index:public.orders_at_idx`, `analyze:public.orders`.
    pub id: String,
    /// `schema.table`; empty for what stands on none.
    pub table: String,
    /// The table that a foreign key refers to.
    refers_to: Option<String>,
    /// The index that comes of it, `schema.name`.
    makes: Option<String>,
    /// Indexes that must be there.
    needs: Vec<String>,
    stage: Stage,
    statement: Option<Statement>,
    sql: Vec<String>,
    /// Heavier ones begin first; 0 for what only changes the catalogue.
    weight: u64,
}

/// Work that goes through a table's rows; tables and indexes are named `schema.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work<'a> {
    Index(&'a str),
    Statistics(&'a str),
    ForeignKey(&'a str),
}

impl Task {
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Whether an object of the schema is there with it: statistics are none, and the index of a key becomes the key.
    fn ends_a_statement(&self) -> bool {
        let index_of_a_key = |statement: &Statement| self.stage == Stage::Index && statement.kind != Kind::Index;
        self.statement.as_ref().is_some_and(|statement| !index_of_a_key(statement))
    }

    /// Whether a server that says it runs `sql` runs this one; it may keep only the beginning.
    pub fn is_run_by(&self, sql: &str) -> bool {
        !sql.is_empty() && self.sql.iter().any(|own| own.starts_with(sql.trim_end()))
    }

    /// The tables it has locks on.
    fn tables(&self) -> impl Iterator<Item = &str> {
        let other = self.refers_to.as_deref().filter(|other| *other != self.table);
        std::iter::once(self.table.as_str()).filter(|table| !table.is_empty()).chain(other)
    }
}

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

/// The tasks after the rows; `weigh` says what each piece of work weighs, and each of `analyzed` gets statistics.
pub fn tasks(conversion: &Conversion, analyzed: &[String], weigh: impl Fn(Work) -> u64) -> Vec<Task> {
    let partitioned: BTreeSet<&str> = conversion
        .statements
        .iter()
        .filter(|s| s.kind == Kind::Table && s.sql.to_ascii_uppercase().contains("PARTITION BY"))
        .map(|s| s.object.as_str())
        .collect();
    let mut tasks = Vec::new();
    for statement in conversion.phase(Phase::After) {
        if statement.kind == Kind::Session {
            continue;
        }
        let table = statement.belongs_to.clone();
        let task = |stage, sql: Vec<String>, id: String, weight| Task {
            id,
            table: table.clone(),
            refers_to: None,
            makes: None,
            needs: Vec::new(),
            stage,
            statement: Some(statement.clone()),
            sql,
            weight,
        };
        let index = || index_of(statement).map_or(0, |name| weigh(Work::Index(&name)));
        match statement.kind {
            Kind::Index => tasks.push(task(Stage::Index, vec![statement.sql.clone()], statement.id.clone(), index())),
            Kind::PrimaryKey | Kind::Unique => match index_and_key(&statement.sql).filter(|_| !partitioned.contains(table.as_str())) {
                Some((sql, key)) => {
                    tasks.push(task(Stage::Index, vec![sql], format!("{} (its index)", statement.id), index()));
                    tasks.push(task(Stage::Key, vec![key], statement.id.clone(), 0));
                }
                None => tasks.push(task(Stage::Key, vec![statement.sql.clone()], statement.id.clone(), index())),
            },
            Kind::IndexPartition => tasks.push(Task {
                needs: attached(&statement.sql),
                ..task(Stage::Attach, vec![statement.sql.clone()], statement.id.clone(), 0)
            }),
            Kind::Exclusion => tasks.push(task(Stage::Key, vec![statement.sql.clone()], statement.id.clone(), index())),
            Kind::ForeignKey => tasks.push(Task {
                refers_to: referred(&statement.sql),
                ..task(Stage::ForeignKey, vec![statement.sql.clone()], statement.id.clone(), weigh(Work::ForeignKey(&table)))
            }),
            _ => tasks.push(task(Stage::Rest, vec![statement.sql.clone()], statement.id.clone(), 0)),
        }
    }
    let made: BTreeMap<String, String> = tasks
        .iter_mut()
        .filter_map(|task| {
            task.makes = index_made(task);
            Some((task.makes.clone()?, task.table.clone()))
        })
        .collect();
    for task in tasks.iter_mut().filter(|task| task.stage == Stage::Attach) {
        // Its table is the partitioned one: a foreign key to it holds only once its partitions' indexes are attached.
        task.table = task.needs.first().and_then(|index| made.get(index)).cloned().unwrap_or_default();
    }
    for table in analyzed {
        let Some((schema, name)) = table.split_once('.') else { continue };
        tasks.push(Task {
            id: format!("analyze:{table}"),
            table: table.clone(),
            refers_to: None,
            makes: None,
            needs: Vec::new(),
            stage: Stage::Statistics,
            statement: None,
            sql: vec![format!("analyze {}", crate::postgres::quote::qualified(schema, name))],
            weight: weigh(Work::Statistics(table)),
        });
    }
    // Stable: the rest keeps its order.
    tasks.sort_by_key(|task| (task.stage, std::cmp::Reverse(task.weight)));
    tasks
}

/// The index that a statement leaves behind: of a key it has the key's name, in the table's schema.
fn index_of(statement: &Statement) -> Option<String> {
    match statement.kind {
        Kind::PrimaryKey | Kind::Unique | Kind::Exclusion => {
            let mut parts = statement.object.splitn(3, '.');
            let (schema, _, name) = (parts.next()?, parts.next()?, parts.next()?);
            Some(format!("{schema}.{name}"))
        }
        Kind::Index => Some(statement.object.clone()),
        _ => None,
    }
}

/// The same of a task, once it has ended: the index of a key is its own only with the key.
fn index_made(task: &Task) -> Option<String> {
    let statement = task.statement.as_ref()?;
    let whole = task.stage == Stage::Key || statement.kind == Kind::Index;
    index_of(statement).filter(|_| whole)
}

/// The two indexes of an `ALTER INDEX … ATTACH PARTITION …`, the partitioned table's first.
fn attached(sql: &str) -> Vec<String> {
    let names = || {
        let parsed = pg_query::parse(sql, 0).ok()?;
        let pg_query::NodeEnum::AlterTableStmt(alter) = parsed.protobuf.stmts.into_iter().next()?.stmt?.node? else { return None };
        let parent = alter.relation?;
        let pg_query::NodeEnum::AlterTableCmd(command) = alter.cmds.into_iter().next()?.node? else { return None };
        let pg_query::NodeEnum::PartitionCmd(partition) = command.def?.node? else { return None };
        let child = partition.name?;
        Some(vec![format!("{}.{}", parent.schemaname, parent.relname), format!("{}.{}", child.schemaname, child.relname)])
    };
    names().unwrap_or_default()
}

/// The table that a foreign key refers to.
fn referred(sql: &str) -> Option<String> {
    let parsed = pg_query::parse(sql, 0).ok()?;
    let pg_query::NodeEnum::AlterTableStmt(alter) = parsed.protobuf.stmts.into_iter().next()?.stmt?.node? else { return None };
    let pg_query::NodeEnum::AlterTableCmd(command) = alter.cmds.into_iter().next()?.node? else { return None };
    let pg_query::NodeEnum::Constraint(constraint) = command.def?.node? else { return None };
    let table = constraint.pktable?;
    Some(format!("{}.{}", table.schemaname, table.relname))
}

/// A plain key as a unique index and the constraint made of it, so that other indexes of the table can be built beside it.
fn index_and_key(sql: &str) -> Option<(String, String)> {
    let (head, body) = sql.split_once("ADD CONSTRAINT ")?;
    let table = head.trim().strip_prefix("ALTER TABLE ONLY ").or_else(|| head.trim().strip_prefix("ALTER TABLE "))?.trim();
    let (name, kind, columns) = [" PRIMARY KEY (", " UNIQUE ("].iter().find_map(|kind| {
        let (name, columns) = body.split_once(kind)?;
        Some((name, kind.trim().trim_end_matches(" ("), columns.trim().strip_suffix(')')?))
    })?;
    // Anything behind the columns (INCLUDE, DEFERRABLE, WITH) is left to the statement as it is.
    if columns.contains(['(', ')']) {
        return None;
    }
    Some((
        format!("CREATE UNIQUE INDEX {name} ON {table} ({columns})"),
        format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}"),
    ))
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

    #[test]
    fn a_plain_key_is_built_as_an_index_first() {
        let (index, key) = index_and_key("ALTER TABLE ONLY app.events\n    ADD CONSTRAINT events_pkey PRIMARY KEY (id, \"At\")").unwrap();
        assert_eq!(index, "CREATE UNIQUE INDEX events_pkey ON app.events (id, \"At\")");
        assert_eq!(key, "ALTER TABLE app.events ADD CONSTRAINT events_pkey PRIMARY KEY USING INDEX events_pkey");
        for other in [
            "ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE (a) DEFERRABLE",
            "ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE (a) INCLUDE (b)",
            "ALTER TABLE ONLY t ADD CONSTRAINT k UNIQUE NULLS NOT DISTINCT (a)",
            "ALTER TABLE ONLY t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u(b)",
        ] {
            assert_eq!(index_and_key(other), None, "{other}");
        }
    }

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

    #[test]
    fn the_heaviest_index_begins_first_and_holds_up_the_rest() {
        let sql = "CREATE TABLE public.t (a integer NOT NULL, b jsonb);
            CREATE INDEX t_b ON public.t USING gin (b);
            ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (a);
            CREATE INDEX t_a ON public.t USING btree (a);";
        let conversion = super::super::convert(sql, super::super::Target::Rds, &super::super::Options::default()).unwrap();
        let weigh = |work: Work| match work {
            Work::Index("public.t_b") => 17,
            Work::Index("public.t_pkey") => 3,
            Work::Index("public.t_a") => 2,
            Work::Statistics("public.t") => 1,
            other => panic!("{other:?}"),
        };
        let tasks = tasks(&conversion, &["public.t".to_owned()], weigh);
        let order: Vec<(&str, u64)> = tasks.iter().map(|task| (task.id.as_str(), task.weight())).collect();
        assert_eq!(
            order,
            [
                ("index:public.t_b", 17),
                ("primary_key:public.t.t_pkey (its index)", 3),
                ("index:public.t_a", 2),
                ("primary_key:public.t.t_pkey", 0),
                ("analyze:public.t", 1)
            ]
        );
        assert_eq!(left(tasks.iter().map(Task::weight), 1), 23);
        assert_eq!(left(tasks.iter().map(Task::weight), 2), 34, "two workers wait for the one at the GIN index");
        let gin = &tasks[0];
        assert!(
            gin.is_run_by("CREATE INDEX t_b ON public.t USING gin") && !gin.is_run_by("") && !gin.is_run_by("CREATE INDEX t_a ON public.t")
        );
    }

    #[test]
    fn an_attached_index_names_both() {
        assert_eq!(attached("ALTER INDEX app.part_pkey ATTACH PARTITION app.part_2024_pkey"), ["app.part_pkey", "app.part_2024_pkey"]);
    }

    #[test]
    fn a_foreign_key_names_its_other_table() {
        let sql = "ALTER TABLE ONLY app.child ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES app.\"Par ent\"(id) ON DELETE CASCADE";
        assert_eq!(referred(sql).as_deref(), Some("app.Par ent"));
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
