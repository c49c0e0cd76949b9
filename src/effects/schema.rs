//! `schema`: dumps the source's schema, converts it for the target and applies one half: before or after the rows.
//! Converting is `schema`'s, connecting is `postgres`'; here they only meet.

use std::collections::HashSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::target_ref::TargetRef;
use super::{World, schema_review, write_files};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Access, Session, dump};
use crate::progress::Reporter;
use crate::schema::{self, Conversion, Dialect, Options, Phase, Statement, Target};
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields};
use crate::wizard::review::Review;
use crate::wizard::view::{PreviewLine, Sign};

/// The dump that was converted, beside what it became: for a person.
const SOURCE: &str = "source.sql";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    target: TargetRef,
    /// `before` the rows: tables; `after`: indexes and all else; `finish`: what must not be there while rows are copied
    /// by someone who may not switch it off (foreign keys, triggers) or what is computed from final rows.
    phase: String,
    /// Schemas that are not moved: `stripe` is rebuilt by its sync.
    #[serde(default)]
    except: Vec<String>,
    /// `kept` or `dropped`.
    #[serde(default)]
    foreign_keys: String,
    /// `cache_1`, `cache_65536` or `uuid`.
    #[serde(default)]
    serial_keys: String,
    /// `check` or `lookup_table`.
    #[serde(default)]
    enums: String,
    /// `jsonb` or `text`.
    #[serde(default)]
    arrays: String,
    /// `measured` or `wide`.
    #[serde(default)]
    numerics: String,
    /// Other choices of the conversion, as `schema convert --choose` takes them: `enums:public.status=lookup_table`.
    #[serde(default)]
    choices: Vec<String>,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let schema = from_fields::<Schema>("schema", fields)?;
    schema.phase()?;
    schema.target.check("schema")?;
    schema.options(schema.target.kind.parse()?)?;
    Ok(Box::new(schema))
}

impl Schema {
    fn phase(&self) -> Result<Phase> {
        match self.phase.as_str() {
            "before" => Ok(Phase::Before),
            "after" | "finish" => Ok(Phase::After),
            other => Err(Error::new(Kind::Input, format!("effect `schema`: `phase` is `{other}`")).hint("one of: before, after, finish")),
        }
    }

    /// Does the statement wait for the last row?
    fn finishes(statement: &Statement) -> bool {
        use schema::Kind::{Check, Exclusion, Index, IndexPartition, PrimaryKey, Session, Unique};
        !matches!(statement.kind, Session | PrimaryKey | Index | Unique | Exclusion | IndexPartition | Check)
    }

    /// What was chosen, where this target leaves a choice.
    fn options(&self, target: Target) -> Result<Options> {
        // A playbook asks the same of every target; those that leave no choice take the answers and go on.
        let known = schema::Capabilities::of(Target::Dsql)?.choices;
        let mut options = Options::default();
        let named = [
            ("foreign_keys", &self.foreign_keys),
            ("serial_keys", &self.serial_keys),
            ("enums", &self.enums),
            ("arrays", &self.arrays),
            ("numerics", &self.numerics),
        ];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
        for choice in named.chain(self.choices.iter().cloned()) {
            options
                .choose(&choice, &known)
                .map_err(|error| Error::new(Kind::Input, format!("effect `schema`: {}", error.what)).hint(error.hint))?;
        }
        let leaves_a_choice = !schema::Capabilities::of(target)?.choices.is_empty();
        Ok(if leaves_a_choice { options } else { Options::default() })
    }

    fn except(&self) -> Vec<String> {
        self.except.iter().cloned().chain(["migrate_wizard".to_owned()]).collect()
    }

    /// The conversion: made once from the live source and kept in the run's folder, so that both halves are of one piece.
    /// A fresh one is measured in the data when there is somebody to tell how far it is.
    async fn conversion(&self, world: &World, fresh: bool, measure: Option<&Reporter>) -> Result<Conversion> {
        let path = world.out_dir("schema").join("conversion.json");
        if !fresh
            && let Ok(kept) = std::fs::read_to_string(&path)
            && let Ok(conversion) = serde_json::from_str::<Conversion>(&kept)
        {
            return Ok(conversion);
        }
        let target: Target = self.target.kind.parse()?;
        let source = world.source()?;
        let sql = dump::schema_only(&source, &self.except()).await?;
        let options = self.options(target)?;
        let conversion = match measure {
            Some(reporter) => schema::evidence::convert(&source, &sql, target, &options, schema::evidence::TIMEOUT, reporter).await?,
            None => schema::convert(&sql, target, &options)?,
        };
        let kept = serde_json::to_string_pretty(&conversion).map_err(|e| Error::bug(format!("a conversion cannot be kept: {e}")))?;
        let mut files = schema::folder(&conversion);
        files.push(("conversion.json".to_owned(), kept));
        files.push((SOURCE.to_owned(), sql));
        write_files(&world.out_dir("schema"), &files)?;
        Ok(conversion)
    }

    fn chosen<'a>(&self, conversion: &'a Conversion, phase: Phase) -> Vec<&'a Statement> {
        let half = |s: &Statement| match phase {
            Phase::Before => true,
            Phase::After => s.kind == schema::Kind::Session || Self::finishes(s) == (self.phase == "finish"),
        };
        conversion.phase(phase).filter(|s| half(s)).collect()
    }

    fn outputs(&self, conversion: &Conversion, phase: Phase) -> Outputs {
        let findings: Vec<Value> = match phase {
            Phase::After => Vec::new(),
            Phase::Before => conversion
                .findings
                .iter()
                .filter(|f| f.severity != schema::Severity::Info)
                .map(|f| {
                    let measured: Vec<String> = f.evidence.iter().flat_map(schema::Evidence::lines).collect();
                    json!({ "severity": format!("{:?}", f.severity).to_lowercase(), "id": f.id, "what": format!("{}: {}", f.object, f.what), "then": f.app_must, "measured": measured })
                })
                .collect(),
        };
        let statements = self.chosen(conversion, phase).len() as u64;
        let mut out = Outputs::from([
            ("statements".into(), json!(statements)),
            (
                "summary".into(),
                json!(format!("{}, {}", text::plural(statements, "statement"), text::plural(conversion.findings.len() as u64, "finding"))),
            ),
        ]);
        if phase == Phase::Before {
            out.insert("findings".into(), json!(findings));
        }
        out
    }
}

/// Names of all relations and types, as (schema, name).
async fn there(session: &Session) -> Result<HashSet<(String, String)>> {
    let rows = session
        .text("select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace union all select n.nspname, t.typname from pg_type t join pg_namespace n on n.oid = t.typnamespace")
        .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| match row.as_slice() {
            [Some(schema), Some(name)] => Some((schema.clone(), name.clone())),
            _ => None,
        })
        .collect())
}

fn is_relation(kind: schema::Kind) -> bool {
    matches!(kind, schema::Kind::Table | schema::Kind::View | schema::Kind::MaterializedView | schema::Kind::Sequence)
}

/// `schema.name` in two.
fn split(object: &str) -> Option<(String, String)> {
    object.split_once('.').map(|(s, n)| (s.to_owned(), n.to_owned()))
}

#[async_trait]
impl Apply<World> for Schema {
    fn describe(&self) -> Description {
        let half = match self.phase.as_str() {
            "before" => "tables",
            "after" => "indexes and unique constraints",
            _ => "foreign keys, triggers, views and what else waits for the last row",
        };
        Description::new(
            format!("convert the schema for {} and make its {half}", self.target.kind),
            format!(
                "pg_dump --schema-only --no-owner --no-privileges \"$SOURCE_DATABASE_URL\" | migrate-wizard schema convert --target {}",
                self.target.kind
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Target
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let phase = self.phase()?;
        let conversion = self.conversion(world, phase == Phase::Before, Some(&Reporter::silent())).await?;
        let made = self.chosen(&conversion, phase).into_iter().filter(|s| s.kind != schema::Kind::Session);
        Ok(made.map(|s| PreviewLine::new(Sign::Add, s.id.clone())).collect())
    }

    async fn review(&self, world: &World) -> Result<Option<Review>> {
        if self.phase()? != Phase::Before {
            return Ok(None);
        }
        let conversion = self.conversion(world, false, None).await?;
        Ok(Some(schema_review::review(&conversion)))
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let phase = self.phase()?;
        if phase == Phase::After {
            // Constraints and triggers are many kinds: applying again finds out by itself, statement by statement.
            return Ok(Probe::Absent);
        }
        let conversion = self.conversion(world, false, None).await?;
        let session = world.target(&self.target).await?.connect(Access::ReadOnly).await?;
        let there = there(&session).await?;
        let all = self
            .chosen(&conversion, phase)
            .iter()
            .filter(|s| is_relation(s.kind))
            .all(|s| split(&s.object).is_some_and(|o| there.contains(&o)));
        Ok(if all { Probe::Present(self.outputs(&conversion, phase)) } else { Probe::Absent })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        let conversion = self.conversion(world, self.phase()? == Phase::Before, None).await?;
        let session = world.target(&self.target).await?.connect(Access::ReadOnly).await?;
        let there = there(&session).await?;
        let mine = self.chosen(&conversion, self.phase()?);
        let existed: Vec<&str> =
            mine.iter().filter(|s| split(&s.object).is_some_and(|o| there.contains(&o))).map(|s| s.id.as_str()).collect();
        Ok(Outputs::from([("existed".into(), json!(existed))]))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let phase = self.phase()?;
        let conversion = self.conversion(world, phase == Phase::Before, Some(&cx.reporter)).await?;
        let session = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        let dialect = if session.is_dsql().await? { Dialect::Dsql } else { Dialect::Postgres };
        let run = async |sql: String| schema::send(&session, dialect, &sql).await;
        let applied = schema::apply(self.chosen(&conversion, phase), dialect, |_| false, |_, _| Ok(()), run, &cx.reporter).await?;
        cx.reporter.log(format!("{} made, {} there already", text::plural(applied.made.len() as u64, "statement"), applied.there.len()));
        Ok(self.outputs(&conversion, phase))
    }

    async fn undo(&self, world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        let phase = self.phase()?;
        let conversion = self.conversion(world, false, None).await?;
        let session = world.target(&self.target).await?.connect(Access::ReadWrite).await?;
        let existed: HashSet<&str> =
            cx.before.get("existed").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for statement in self.chosen(&conversion, phase).into_iter().rev() {
            if existed.contains(statement.id.as_str()) {
                cx.reporter.log(format!("{} was there before: left alone", statement.id));
                continue;
            }
            let Some(sql) = schema::drop_statement(statement) else { continue };
            session.batch(&sql).await?;
            cx.reporter.log(sql);
        }
        Ok(())
    }

    fn example(&self) -> Outputs {
        let mut out = Outputs::from([("statements".into(), json!(0)), ("summary".into(), json!("the schema was not read"))]);
        if self.phase == "before" {
            out.insert("findings".into(), json!([]));
        }
        out
    }
}
