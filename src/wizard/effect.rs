//! The one trait of the domain: a change to the world that can be described, previewed, probed, applied and undone.
//! Never says how: that is in `effects/`, which alone meets the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::wizard::review::Review;
use crate::wizard::template::Facts;
use crate::wizard::view::PreviewLine;

/// Named results of an effect; become facts `step.name`.
pub type Outputs = BTreeMap<String, Value>;

/// A sentence for a person and the command that would do the same by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub sentence: String,
    pub command: String,
}

impl Description {
    pub fn new(sentence: impl Into<String>, command: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), command: command.into() }
    }
}

/// What a probe finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    Absent,
    /// It is there and as it should be.
    Present(Outputs),
    /// Something else is in the way; says what and what to do.
    Conflict(String),
}

/// How an effect touches the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Only reads: runs without asking.
    Reads,
    /// Writes: asks first, can be undone.
    Writes,
    /// Writes, and must be undone on every exit path until the step named in `guard-until` is done.
    Guards,
}

/// What an effect needs of the world; a world may simulate one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Aws,
    Source,
    /// What the source is ever written: the freeze, and rows on the way back.
    SourceWrite,
    Target,
    App,
    /// The deployed app as the outside sees it.
    Network,
    /// A tool that builds container images, and the base images it pulls.
    Builder,
    /// That time passes: a rehearsal does not wait for a day and hour.
    Time,
    /// Nothing but the run's own folder.
    Nothing,
}

/// What an effect is given when it works.
#[derive(Debug, Clone)]
pub struct Context {
    /// The same for every try of the same attempt: derived from run, step and attempt.
    pub token: String,
    pub reporter: Reporter,
    /// What `before` returned; stored in the journal before the world was touched.
    pub before: Outputs,
}

/// One change to the world, fully resolved. `apply` twice equals once; so does `undo`.
#[async_trait]
pub trait Apply<W>: Send + Sync {
    fn describe(&self) -> Description;
    fn touch(&self) -> Touch;
    fn needs(&self) -> Need;
    /// Read-only: what would change, line by line.
    async fn preview(&self, world: &W) -> Result<Vec<PreviewLine>>;
    /// Read-only, after the preview: the same looked at closely, where there is more to see than lines.
    async fn review(&self, _world: &W) -> Result<Option<Review>> {
        Ok(None)
    }
    /// Read-only: is it there already?
    async fn probe(&self, world: &W) -> Result<Probe>;
    /// Read-only: what must be remembered for the undo before anything is touched.
    async fn before(&self, _world: &W) -> Result<Outputs> {
        Ok(Outputs::new())
    }
    async fn apply(&self, world: &W, cx: &Context) -> Result<Outputs>;
    /// Takes it back. `outputs` are those of `apply`, or empty when it never came to its end.
    async fn undo(&self, world: &W, cx: &Context, outputs: &Outputs) -> Result<()>;
    /// Outputs a dry run goes on with.
    fn example(&self) -> Outputs;
}

/// An effect that only reads, and says what it found: nothing of it could be there already, and nothing is left to undo.
#[async_trait]
pub trait Look<W>: Send + Sync {
    fn describe(&self) -> Description;
    fn needs(&self) -> Need;
    /// What is looked at, where that is worth a line.
    async fn preview(&self, _world: &W) -> Result<Vec<PreviewLine>> {
        Ok(Vec::new())
    }
    async fn look(&self, world: &W, cx: &Context) -> Result<Outputs>;
    /// Outputs a dry run goes on with.
    fn example(&self) -> Outputs;
}

#[async_trait]
impl<W: Sync, L: Look<W>> Apply<W> for L {
    fn describe(&self) -> Description {
        Look::describe(self)
    }

    fn touch(&self) -> Touch {
        Touch::Reads
    }

    fn needs(&self) -> Need {
        Look::needs(self)
    }

    async fn preview(&self, world: &W) -> Result<Vec<PreviewLine>> {
        Look::preview(self, world).await
    }

    async fn probe(&self, _world: &W) -> Result<Probe> {
        Ok(Probe::Absent)
    }

    async fn apply(&self, world: &W, cx: &Context) -> Result<Outputs> {
        self.look(world, cx).await
    }

    async fn undo(&self, _world: &W, _cx: &Context, _outputs: &Outputs) -> Result<()> {
        Ok(())
    }

    fn example(&self) -> Outputs {
        Look::example(self)
    }
}

/// An effect kind: its name in playbooks and how its fields become one.
pub struct KindOf<W> {
    pub name: &'static str,
    pub about: &'static str,
    pub build: fn(Value) -> Result<Box<dyn Apply<W>>>,
}

/// All effect kinds of a world.
pub struct Registry<W>(pub Vec<KindOf<W>>);

impl<W> Registry<W> {
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|k| k.name).collect()
    }

    /// The effect of that kind with those fields.
    pub fn build(&self, kind: &str, fields: Value) -> Result<Box<dyn Apply<W>>> {
        let known = self.0.iter().find(|k| k.name == kind).ok_or_else(|| {
            Error::new(Kind::Input, format!("no effect is called `{kind}`")).hint(format!("one of: {}", self.names().join(", ")))
        })?;
        (known.build)(fields)
    }
}

/// Turns fields into an effect; the error names the field. Used by every file in `effects/`.
pub fn from_fields<T: serde::de::DeserializeOwned>(kind: &str, fields: Value) -> Result<T> {
    T::deserialize(&fields).map_err(|e| {
        let field = blamed::<T>(&fields, &e).map(|field| format!("`{field}`: ")).unwrap_or_default();
        Error::new(Kind::Input, format!("effect `{kind}`: {field}{e}")).hint("compare with CONTRIBUTING.md, \"Effects\"")
    })
}

/// The field whose value is of the wrong shape, which serde does not name: without it the complaint is another one, or none.
fn blamed<'a, T: serde::de::DeserializeOwned>(fields: &'a Value, complaint: &serde_json::Error) -> Option<&'a str> {
    let said = complaint.to_string();
    if !said.starts_with("invalid ") {
        return None;
    }
    let without = |name: &str| {
        let mut rest = fields.as_object()?.clone();
        rest.shift_remove(name);
        T::deserialize(&Value::Object(rest)).err().map(|e| e.to_string())
    };
    fields.as_object()?.keys().find(|name| without(name).as_deref() != Some(said.as_str())).map(String::as_str)
}

/// What a room says of a field's value, with the effect and the field before it.
pub fn of_field<T>(kind: &str, field: &str, told: Result<T>) -> Result<T> {
    told.map_err(|error| Error { what: format!("effect `{kind}`: `{field}`: {}", error.what), ..error })
}

/// A field that takes one of a few words; the error names effect, field and words.
pub fn one_of(kind: &str, field: &str, value: &str, words: &[&str]) -> Result<()> {
    if words.contains(&value) {
        return Ok(());
    }
    let known: Vec<&str> = words.iter().copied().filter(|w| !w.is_empty()).collect();
    Err(Error::new(Kind::Input, format!("effect `{kind}`: `{field}` is `{value}`")).hint(format!("one of: {}", known.join(", "))))
}

/// What the engine wants to know of a world without knowing what it is.
#[async_trait]
pub trait World: Send + Sync + 'static {
    /// When the run is tied to an account and on every resume: is it still this one? `Err` when it is another; from then on no
    /// call may reach another.
    async fn check_account(&self, account: &str) -> Result<()>;
    /// `Some(words)` when what is needed is simulated in this world.
    fn simulates(&self, need: Need) -> Option<String>;
    /// `Err` when what is needed cannot even be read (no credentials, no URL): a dry run then goes on by example.
    async fn readable(&self, need: Need) -> bool;
    /// The words for every screen: what is simulated; `None` when nothing is.
    fn banner(&self) -> Option<String>;
    /// Takes a secret answer; it stays in memory.
    fn keep_secret(&self, name: &str, value: &str);
    fn has_secret(&self, name: &str) -> bool;
    /// Monthly cost in words for what is decided so far.
    fn cost(&self, facts: &Facts) -> Option<String>;
    /// Difference of the monthly cost if `question` were answered with `option`.
    fn cost_of(&self, facts: &Facts, question: &str, option: &str) -> Option<String>;
    /// What speaks against answering `question` with `answer`, given what is decided and found so far.
    fn against(&self, _facts: &Facts, _question: &str, _answer: &str) -> Vec<String> {
        Vec::new()
    }
}

/// A world shared by engine and effects.
pub type Shared<W> = Arc<W>;
