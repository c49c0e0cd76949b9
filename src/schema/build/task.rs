//! What is to be made after the rows: tasks out of a conversion's statements, each with what it stands on and what it weighs.
//! Runs nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::conversion::Conversion;
use crate::schema::statement::{Kind, Phase, Statement};

/// When a task may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
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
    pub(super) refers_to: Option<String>,
    /// The index that comes of it, `schema.name`.
    pub(super) makes: Option<String>,
    /// Indexes that must be there.
    pub(super) needs: Vec<String>,
    pub(super) stage: Stage,
    pub(super) statement: Option<Statement>,
    pub(super) sql: Vec<String>,
    /// Heavier ones begin first; 0 for what only changes the catalogue.
    pub(super) weight: u64,
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
    pub(super) fn ends_a_statement(&self) -> bool {
        let index_of_a_key = |statement: &Statement| self.stage == Stage::Index && statement.kind != Kind::Index;
        self.statement.as_ref().is_some_and(|statement| !index_of_a_key(statement))
    }

    /// Whether a server that says it runs `sql` runs this one; it may keep only the beginning.
    pub fn is_run_by(&self, sql: &str) -> bool {
        !sql.is_empty() && self.sql.iter().any(|own| own.starts_with(sql.trim_end()))
    }

    /// The tables it has locks on.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        let other = self.refers_to.as_deref().filter(|other| *other != self.table);
        std::iter::once(self.table.as_str()).filter(|table| !table.is_empty()).chain(other)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::build::left;

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

    #[test]
    fn the_heaviest_index_begins_first_and_holds_up_the_rest() {
        let sql = "CREATE TABLE public.t (a integer NOT NULL, b jsonb);
            CREATE INDEX t_b ON public.t USING gin (b);
            ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (a);
            CREATE INDEX t_a ON public.t USING btree (a);";
        let conversion = crate::schema::convert(sql, crate::schema::Target::Rds, &crate::schema::Options::default()).unwrap();
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
}
