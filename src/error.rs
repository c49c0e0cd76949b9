//! The one error of the house: what went wrong, why, and what to do next.
//! Never holds a secret: everything that enters passes through [`crate::text::redact`].

use std::error::Error as StdError;
use std::fmt;

/// What sort of thing went wrong; decides the exit code and which offers a face makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command line was wrong (exit 2).
    Usage,
    /// A file or value given to us is not what it must be (exit 2).
    Input,
    /// A host, endpoint or file could not be reached; trying again may help (exit 1).
    Unreachable,
    /// Credentials missing, expired or lacking a right (exit 1).
    Denied,
    /// The world is not in the state that the step needs (exit 1).
    Conflict,
    /// Our own guard said no: a write in a dry run, a wrong account (exit 1).
    Refused,
    /// The work itself failed (exit 1).
    Failed,
    /// The person or a signal stopped it (exit 130).
    Interrupted,
    /// Our bug (exit 70).
    Bug,
}

/// An error as a person reads it: a sentence, its causes, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: Kind,
    /// A sentence without a final full stop: "cannot connect to 127.0.0.1:5432".
    pub what: String,
    /// Causes, outermost first.
    pub causes: Vec<String>,
    /// What to do next; empty only while the error is being built.
    pub hint: String,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub fn new(kind: Kind, what: impl AsRef<str>) -> Self {
        Self { kind, what: crate::text::redact(what.as_ref()), causes: Vec::new(), hint: String::new() }
    }

    /// Adds a cause and the causes below it.
    #[must_use]
    pub fn because(mut self, cause: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(cause);
        while let Some(error) = next {
            let line = crate::text::redact(&error.to_string());
            if self.causes.last().is_none_or(|last| !last.contains(&line)) {
                self.causes.push(line);
            }
            next = error.source();
        }
        self
    }

    /// Adds a cause that is only text.
    #[must_use]
    pub fn cause(mut self, cause: impl AsRef<str>) -> Self {
        self.causes.push(crate::text::redact(cause.as_ref()));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = crate::text::redact(hint.as_ref());
        self
    }

    /// A bug of ours: the state that the code believed impossible.
    pub fn bug(what: impl AsRef<str>) -> Self {
        Self::new(Kind::Bug, what).hint("this is a bug in migrate-wizard: please report it with `migrate-wizard log`; running the same command again goes on from the last good step")
    }

    /// The process exit code for this kind.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage | Kind::Input => 2,
            Kind::Unreachable | Kind::Denied | Kind::Conflict | Kind::Refused | Kind::Failed => 1,
            Kind::Interrupted => 130,
            Kind::Bug => 70,
        }
    }

    /// All of it on one line, for logs and the journal.
    pub fn line(&self) -> String {
        std::iter::once(self.what.as_str()).chain(self.causes.iter().map(String::as_str)).collect::<Vec<_>>().join(": ").replace('\n', " ")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for cause in &self.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n  next:    {}", self.hint)?;
        }
        Ok(())
    }
}

impl StdError for Error {}

/// Turns a foreign error into ours where it happens: `.or_fail(Kind::Input, "cannot read x", "check the path")?`.
pub trait Context<T> {
    fn or_fail(self, kind: Kind, what: impl AsRef<str>, hint: impl AsRef<str>) -> Result<T>;
}

impl<T, E: StdError + 'static> Context<T> for std::result::Result<T, E> {
    fn or_fail(self, kind: Kind, what: impl AsRef<str>, hint: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| Error::new(kind, what).because(&error).hint(hint))
    }
}
