//! An effect whose database is private: the same effect, done by tasks of our own program inside the VPC, followed from here.
//! Decides nothing and changes no field; what it is and does is said by the effect itself.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{World, way_back};
use crate::cloud::crew::{self, Done, Words, Work};
use crate::cloud::ground::Ground;
use crate::cloud::tags;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch};
use crate::wizard::review::Review;
use crate::wizard::view::{PreviewLine, Sign};

/// The variable by which a task is told what to do. It stands in the task's description: never a secret.
pub const ORDER: &str = "MIGRATE_WIZARD_DO";
/// ECS takes so many characters of overrides for a task (API reference of RunTask, `TaskOverride`, 2026-11).
const OVERRIDES: usize = 8192;
/// What is left of them for all else.
const ROOM: usize = 512;

/// What a task is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub run: String,
    pub kind: String,
    pub fields: Value,
    pub token: String,
    pub before: Outputs,
    pub outputs: Outputs,
    /// What a person agreed to by name.
    #[serde(default)]
    pub agreed: Vec<String>,
}

type Build = fn(Value) -> Result<Box<dyn Apply<World>>>;

/// The effect itself, or, where `target.place` says where tasks run, the effect by tasks there.
pub fn wrap(kind: &'static str, fields: Value, build: Build) -> Result<Box<dyn Apply<World>>> {
    let mut plain = fields;
    let target = plain.get_mut("target").and_then(Value::as_object_mut);
    let place =
        target.and_then(|target| target.shift_remove("place")).and_then(|place| place.as_str().map(str::to_owned)).unwrap_or_default();
    let workers = plain.as_object_mut().and_then(|all| all.shift_remove("workers"));
    let workers = workers.and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok())).unwrap_or(1).clamp(1, 50);
    let inner = build(plain.clone())?;
    if place.is_empty() {
        return Ok(inner);
    }
    // An example's place is a reference to an output that is not there yet.
    let ground = if place.contains('<') { None } else { Some(place.parse()?) };
    Ok(Box::new(Inside { kind, fields: plain, ground, helpers: usize::try_from(workers).unwrap_or(1) - 1, inner }))
}

struct Inside {
    kind: &'static str,
    /// Of the effect itself: without place and workers.
    fields: Value,
    ground: Option<Ground>,
    helpers: usize,
    inner: Box<dyn Apply<World>>,
}

impl Inside {
    /// Where tasks run; `None` where the target is this machine's own.
    fn away(&self, world: &World) -> Option<&Ground> {
        self.ground.as_ref().filter(|_| !world.is_sandbox())
    }

    async fn task(&self, world: &World, ground: &Ground, verb: &str, order: &Order, reporter: &Reporter) -> Result<Done> {
        let text = serde_json::to_string(order).map_err(|e| Error::bug(format!("what a task is to do cannot be written: {e}")))?;
        if text.len() > OVERRIDES - ROOM {
            return Err(Error::new(Kind::Failed, format!("what a task is to do takes {} characters; ECS takes {OVERRIDES}", text.len()))
                .hint(
                    "leave out tables by schema instead of one by one, or reach the database from here and leave `place` out of the step",
                ));
        }
        let words = Words {
            command: ["worker", "--do", verb, "--json"].map(str::to_owned).to_vec(),
            environment: vec![(ORDER.to_owned(), text), ("MIGRATE_WIZARD_PROGRESS_MS".to_owned(), "2000".to_owned())],
        };
        let work = Work {
            id: format!("{}/{verb}", order.token),
            lead: words.clone(),
            helper: words,
            helpers: if verb == "apply" { self.helpers } else { 0 },
            restarts: 3,
            tags: BTreeMap::from([(tags::RUN.to_owned(), order.run.clone())]),
        };
        crew::work(world.aws().await?, ground, &work, reporter).await
    }

    fn order(&self, world: &World, token: &str, before: &Outputs, outputs: &Outputs) -> Order {
        Order {
            run: world.run.clone(),
            kind: self.kind.to_owned(),
            fields: self.fields_inside(),
            token: token.to_owned(),
            before: before.clone(),
            outputs: outputs.clone(),
            agreed: world.agreed(),
        }
    }

    /// The way back must know that no file of a task comes home.
    fn fields_inside(&self) -> Value {
        let mut fields = self.fields.clone();
        if self.kind == way_back::KIND
            && let Some(all) = fields.as_object_mut()
        {
            all.insert("inside".into(), json!(true));
        }
        fields
    }

    /// A look that may be taken again and again: each is a task of its own.
    async fn look(&self, world: &World, ground: &Ground, verb: &str) -> Result<Value> {
        let token = format!("{}-{}", world.run, uuid::Uuid::new_v4().simple());
        let order = self.order(world, &token, &Outputs::new(), &Outputs::new());
        Ok(self.task(world, ground, verb, &order, &Reporter::silent()).await?.result)
    }
}

fn outputs(event: &Value) -> Outputs {
    event.get("outputs").and_then(Value::as_object).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}

#[async_trait]
impl Apply<World> for Inside {
    fn describe(&self) -> Description {
        let told = self.inner.describe();
        let command = match told.command.strip_prefix("migrate-wizard ") {
            Some(words) => format!("migrate-wizard inside -- {words}"),
            None => told.command,
        };
        Description::new(format!("{}, by tasks inside the VPC", told.sentence), command)
    }

    fn touch(&self) -> Touch {
        self.inner.touch()
    }

    fn needs(&self) -> Need {
        self.inner.needs()
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let Some(ground) = self.away(world) else { return self.inner.preview(world).await };
        let tasks = text::plural(self.helpers as u64 + 1, "task");
        let note = format!(
            "the database is private: {tasks} of {} in cluster {}; each takes about a minute to start",
            ground.family(),
            ground.cluster
        );
        // What is said of the target from here would be an error; what is said of the source alone is still worth showing.
        let mut lines = if self.kind == "schema" { self.inner.preview(world).await? } else { Vec::new() };
        lines.push(PreviewLine::new(Sign::Note, note));
        Ok(lines)
    }

    async fn review(&self, world: &World) -> Result<Option<Review>> {
        self.inner.review(world).await
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let Some(ground) = self.away(world) else { return self.inner.probe(world).await };
        // These are always found out by applying again, here and inside.
        if matches!(self.kind, "rows" | "verify" | "sequences" | way_back::KIND) {
            return self.inner.probe(world).await;
        }
        let event = self.look(world, ground, "probe").await?;
        Ok(match event.get("probe").and_then(Value::as_str) {
            Some("present") => Probe::Present(outputs(&event)),
            Some("conflict") => Probe::Conflict(event.get("why").and_then(Value::as_str).unwrap_or_default().to_owned()),
            Some(_) | None => Probe::Absent,
        })
    }

    async fn before(&self, world: &World) -> Result<Outputs> {
        match self.away(world) {
            // Of these only the schema has something to remember.
            Some(ground) if self.kind == "schema" => Ok(outputs(&self.look(world, ground, "before").await?)),
            Some(_) => Ok(Outputs::new()),
            None => self.inner.before(world).await,
        }
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let Some(ground) = self.away(world) else { return self.inner.apply(world, cx).await };
        // What was there before is remembered for the undo alone; a task is told little.
        let order = self.order(world, &cx.token, &Outputs::new(), &Outputs::new());
        let done = self.task(world, ground, "apply", &order, &cx.reporter).await?;
        let mut all = outputs(&done.result);
        let rows = |outputs: &Outputs| outputs.get("rows_copied").and_then(Value::as_u64);
        if let Some(own) = rows(&all).filter(|_| !done.helpers.is_empty()) {
            let copied = own + done.helpers.iter().filter_map(|helper| rows(&outputs(helper))).sum::<u64>();
            all.insert("rows_copied".into(), json!(copied));
            let tasks = text::plural(done.helpers.len() as u64 + 1, "task");
            all.insert("summary".into(), json!(format!("{} copied by {tasks}", text::plural(copied, "row"))));
        }
        Ok(all)
    }

    async fn undo(&self, world: &World, cx: &Context, outputs: &Outputs) -> Result<()> {
        let Some(ground) = self.away(world) else { return self.inner.undo(world, cx, outputs).await };
        // Of these only the way back needs to know what it found.
        let known = if self.kind == way_back::KIND { outputs.clone() } else { Outputs::new() };
        let order = self.order(world, &format!("{}-undo", cx.token), &cx.before, &known);
        let done = self.task(world, ground, "undo", &order, &cx.reporter).await?;
        match done.result.get("outputs").and_then(|outputs| outputs.get(way_back::FILE)) {
            Some(record) => way_back::keep(world, record),
            None => Ok(()),
        }
    }

    fn example(&self) -> Outputs {
        self.inner.example()
    }
}
