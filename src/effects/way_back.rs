//! `way_back`: what becomes of rows that were written on AWS, should one go back. Applied it only looks; its undo is the work.
//! Decides nothing of a row: carrying, keeping and counting are `data::way_back`'s, and a loss needs a person's word.

use std::path::PathBuf;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::rows::options;
use super::target_ref::TargetRef;
use crate::data::Options;
use crate::data::way_back::{self, Choice, Record};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Connector, private_file};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

pub const KIND: &str = "way_back";
/// The record, in the run's folder.
pub const FILE: &str = "way-back.json";
/// Rows, with their values, below the run's folder.
const KEPT: &str = "way-back/kept.jsonl";
const CONFLICTS: &str = "way-back/conflicts.jsonl";
/// Conflicts that are named one by one, in a log and in what a task sends home.
const NAMED: usize = 100;
/// `--confirm` with it leaves the rows where they are.
const NONE: &str = "no-way-back";
/// `--confirm` with it keeps the rows aside instead.
const ASIDE: &str = "keep-aside";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayBack {
    target: TargetRef,
    /// `carry_back`, `keep_aside` or `accept_loss`.
    choice: String,
    /// `schema.table` or `schema.*`.
    #[serde(default)]
    except: Vec<String>,
    /// Done by a task, whose files do not come home.
    #[serde(default)]
    inside: bool,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let way = from_fields::<WayBack>(KIND, fields)?;
    way.target.check(KIND)?;
    one_of(KIND, "choice", &way.choice, &["carry_back", "keep_aside", "accept_loss"])?;
    Ok(Box::new(way))
}

/// Keeps a record that a task sent home.
pub fn keep(world: &World, record: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(record).map_err(|e| Error::bug(format!("a record cannot be kept: {e}")))?;
    private_file::write(&world.out_dir(FILE), &text)
}

/// What a task has to send home of its folder.
pub fn left_behind(world: &World) -> Outputs {
    let Some(mut record) = Record::read(&world.out_dir(FILE)) else { return Outputs::new() };
    record.conflicts.truncate(NAMED);
    Outputs::from([(FILE.to_owned(), json!(record))])
}

impl WayBack {
    fn choice(&self) -> Choice {
        match self.choice.as_str() {
            "carry_back" => Choice::CarryBack,
            "keep_aside" => Choice::KeepAside,
            _ => Choice::AcceptLoss,
        }
    }

    fn file(&self, world: &World, name: &str) -> Option<PathBuf> {
        (!self.inside).then(|| world.out_dir(name))
    }

    async fn new_side(&self, world: &World) -> Result<Connector> {
        world.target(&self.target).await.map(|target| target.only_reading())
    }

    /// What is left to a person of rows that are nowhere but on AWS.
    fn agree(record: &mut Record, world: &World, why: &str) -> Result<()> {
        let rows = record.rows_left();
        let word = format!("lose-{rows}-rows");
        if rows == 0 || record.agreed == Some(rows) {
            return Ok(());
        }
        if world.agreed().contains(&word) {
            record.agreed = Some(rows);
            return Ok(());
        }
        let error = Error::new(Kind::Refused, format!("{} on AWS would be lost: {why}", text::plural(rows, "row")));
        let counted =
            |t: &crate::data::kept::LeftTable| format!("{}: {} new, {} changed, {} deleted", t.table, t.new, t.changed, t.deleted);
        Err(record
            .left
            .iter()
            .map(counted)
            .fold(error, Error::cause)
            .hint(format!("to go on without them: the same command with --confirm {word}; nothing more is undone until then")))
    }

    fn tell(record: &Record, cx: &Context) {
        for note in &record.notes {
            cx.reporter.log(note);
        }
        for (table, rows) in &record.carried {
            cx.reporter.log(format!("{table}: {} carried back", text::plural(*rows, "row")));
        }
        for row in record.conflicts.iter().take(NAMED) {
            cx.reporter.log(format!("not carried back: {} {}: {}", row.table, row.key, row.reason));
        }
        if record.conflicts.len() > NAMED {
            cx.reporter.log(format!("and {} more", text::count((record.conflicts.len() - NAMED) as u64)));
        }
        if let Some(file) = &record.file {
            cx.reporter.log(format!(
                "{} kept in {} (SHA-256 {}): `migrate-wizard data apply-kept` puts them in",
                text::plural(file.rows, "row"),
                file.path.display(),
                file.sha256
            ));
        }
    }

    async fn go_back(&self, choice: Choice, options: &Options, world: &World, cx: &Context) -> Result<()> {
        let path = world.out_dir(FILE);
        let earlier = Record::read(&path).filter(|record| record.choice == choice).unwrap_or_else(|| Record::new(choice));
        let new = self.new_side(world).await?;
        match choice {
            Choice::CarryBack => {
                let old = world.source_past_the_freeze()?;
                let file = self.file(world, CONFLICTS);
                let mut record = way_back::carry(&new, &old, options, &earlier, file.as_deref(), &cx.reporter).await?;
                Self::tell(&record, cx);
                record.save(&path)?;
                if self.inside {
                    Self::agree(&mut record, world, "they were not carried back, and no file of a task comes home")?;
                    record.save(&path)?;
                }
                way_back::close(&old).await
            }
            Choice::KeepAside => {
                let Some(file) = self.file(world, KEPT) else {
                    return Err(Error::new(Kind::Refused, "rows cannot be kept aside from inside the VPC: no file of a task comes home"));
                };
                let old = world.source()?;
                let record = way_back::keep(&new, &old, options, choice, Some(&file), &cx.reporter).await?;
                Self::tell(&record, cx);
                record.save(&path)
            }
            Choice::AcceptLoss => {
                let old = world.source()?;
                let mut record = way_back::keep(&new, &old, options, choice, None, &cx.reporter).await?;
                record.agreed = earlier.agreed;
                record.save(&path)?;
                Self::agree(&mut record, world, "that was chosen before the switch, when nobody knew how many")?;
                for table in &record.left {
                    cx.reporter.log(format!("{}: {} lost, as agreed", table.table, text::plural(table.rows(), "row")));
                }
                record.save(&path)
            }
        }
    }
}

#[async_trait]
impl Apply<World> for WayBack {
    fn describe(&self) -> Description {
        let (sentence, command) = match self.choice() {
            Choice::CarryBack => (
                "in a roll back: carry rows written on AWS back to the source, while it is frozen for everybody else",
                "migrate-wizard data copy --source \"$TARGET_DATABASE_URL\" --target \"$SOURCE_DATABASE_URL\"",
            ),
            Choice::KeepAside => (
                "in a roll back: keep rows written on AWS in a file",
                "migrate-wizard data apply-kept way-back/kept.jsonl, when you want them",
            ),
            Choice::AcceptLoss => ("in a roll back: count the rows written on AWS, which are lost", "migrate-wizard data diff"),
        };
        Description::new(sentence, command)
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        match self.choice() {
            Choice::CarryBack => Need::SourceWrite,
            Choice::KeepAside | Choice::AcceptLoss => Need::Target,
        }
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        let then = match self.choice() {
            Choice::CarryBack => "a roll back carries rows written on AWS to the source; what both sides changed is kept in a file",
            Choice::KeepAside => "a roll back keeps rows written on AWS in a file of the run's folder",
            Choice::AcceptLoss => "a roll back counts the rows written on AWS and asks for your word before they are lost",
        };
        Ok(vec![PreviewLine::new(Sign::Note, then), PreviewLine::new(Sign::Note, "now both databases are only looked at")])
    }

    async fn probe(&self, _world: &World) -> Result<Probe> {
        // Looking again is how it is found out.
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let record = way_back::look(&self.new_side(world).await?, &world.source()?, self.choice(), &options(&self.except)).await?;
        for note in &record.notes {
            cx.reporter.log(note);
        }
        let summary = match self.choice() {
            Choice::CarryBack => format!("rows of {} can be carried back", text::plural(record.tables, "table")),
            Choice::KeepAside => format!("rows of {} would be kept in a file", text::plural(record.tables, "table")),
            Choice::AcceptLoss => "rows written on AWS would be counted, and lost".to_owned(),
        };
        record.save(&world.out_dir(FILE))?;
        Ok(Outputs::from([
            ("choice".into(), json!(self.choice)),
            ("beside".into(), json!(record.beside)),
            ("summary".into(), json!(summary)),
        ]))
    }

    async fn undo(&self, world: &World, cx: &Context, outputs: &Outputs) -> Result<()> {
        let agreed = world.agreed();
        if agreed.iter().any(|word| word == NONE) {
            cx.reporter.log("rows written on AWS stay there alone, as agreed");
            return Ok(());
        }
        let choice = if agreed.iter().any(|word| word == ASIDE) { Choice::KeepAside } else { self.choice() };
        let mut options = options(&self.except);
        match outputs.get("beside").and_then(Value::as_array) {
            Some(beside) => options.choice.except.extend(beside.iter().filter_map(Value::as_str).map(str::to_owned)),
            // It never came to its end: no app has written on AWS.
            None => {
                let now = way_back::look(&self.new_side(world).await?, &world.source()?, Choice::AcceptLoss, &options).await?;
                options.choice.except.extend(now.beside);
            }
        }
        self.go_back(choice, &options, world, cx).await.map_err(|error| {
            if error.kind == Kind::Refused || error.kind == Kind::Unreachable {
                return error;
            }
            let hint =
                format!("{}; or keep the rows in a file with --confirm {ASIDE}, or leave them on AWS with --confirm {NONE}", error.hint);
            Error { hint, ..error }
        })
    }

    fn example(&self) -> Outputs {
        Outputs::from([
            ("choice".into(), json!(self.choice)),
            ("beside".into(), json!([])),
            ("summary".into(), json!("nothing was looked at")),
        ])
    }
}
