//! How long AWS may be out of reach while something is waited for: looks are repeated, and what is under way goes on without us.
//! Never repeats a write: that is the SDK's, with the call's own token.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;

/// The budget of one wait. It begins anew with every answer.
pub(super) struct Patience {
    limit: Duration,
    since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: None }
    }

    /// What was heard; `None` when nothing was and there is time to ask again. Errors that are an answer pass through.
    pub(super) fn hear<T>(&mut self, heard: Result<T>, reporter: &Reporter) -> Result<Option<T>> {
        let error = match heard {
            Ok(answer) => {
                self.since = None;
                return Ok(Some(answer));
            }
            Err(error) if error.kind == Kind::Unreachable => error,
            Err(error) => return Err(error),
        };
        let first = self.since.is_none();
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.limit {
            return Err(self.spent(error));
        }
        if first {
            reporter.log(format!("{}: asking again for {}", error.line(), crate::text::duration(self.limit)));
        }
        Ok(None)
    }

    fn spent(&self, error: Error) -> Error {
        let hint = "what was begun goes on at AWS; run the same command when it can be reached again: it takes up where this stopped";
        Error { what: format!("{} for {}", error.what, crate::text::duration(self.limit)), ..error }.hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> Result<u8> {
        Err(Error::new(Kind::Unreachable, "AWS could not be reached"))
    }

    #[test]
    fn silence_is_borne_for_a_while_and_an_answer_begins_it_anew() {
        let quiet = Reporter::silent();
        let mut patience = Patience::new(Duration::from_millis(40));
        assert_eq!(patience.hear(lost(), &quiet), Ok(None));
        assert_eq!(patience.hear(Ok(1), &quiet), Ok(Some(1)));
        assert_eq!(patience.hear(lost(), &quiet), Ok(None));
        std::thread::sleep(Duration::from_millis(50));
        let error = patience.hear(lost(), &quiet).unwrap_err();
        assert!(error.hint.contains("takes up where this stopped"), "{error}");
    }

    #[test]
    fn an_answer_that_is_an_error_is_not_borne() {
        let denied: Result<u8> = Err(Error::new(Kind::Denied, "no"));
        assert_eq!(Patience::new(Duration::from_secs(9)).hear(denied, &Reporter::silent()).map_err(|e| e.kind), Err(Kind::Denied));
    }
}
