//! What was decided, as far as anything was, and the outcomes of a decision that a thing of ours is made for: one base for edits and variables.
//! Never decides anything, and knows no question: it only compares.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Answers by id of their question, as far as there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decided(BTreeMap<String, String>);

impl Decided {
    /// The outcome of a decision; an empty answer is none.
    pub fn outcome(&self, decision: &str) -> Option<&str> {
        self.0.get(decision).map(String::as_str).filter(|outcome| !outcome.is_empty())
    }

    pub fn is(&self, decision: &str, outcome: &str) -> bool {
        self.outcome(decision) == Some(outcome)
    }

    pub fn is_empty(&self) -> bool {
        self.0.values().all(String::is_empty)
    }
}

impl FromIterator<(String, String)> for Decided {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(answers: I) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// The outcomes of one decision that something is made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    pub decision: String,
    /// Any of these.
    pub is: Vec<String>,
    /// Made, too, where nothing is decided.
    #[serde(default)]
    pub undecided: bool,
}

impl Needs {
    pub fn are_met(&self, decided: &Decided) -> bool {
        decided.outcome(&self.decision).map_or(self.undecided, |outcome| self.has(outcome))
    }

    /// What was decided for instead.
    pub fn other<'d>(&self, decided: &'d Decided) -> Option<&'d str> {
        decided.outcome(&self.decision).filter(|outcome| !self.has(outcome))
    }

    fn has(&self, outcome: &str) -> bool {
        self.is.iter().any(|one| one == outcome)
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.decision, self.is.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(answers: &[(&str, &str)]) -> Decided {
        answers.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn needs_are_met_by_any_of_their_outcomes_and_by_none_if_they_say_so() {
        let needs = |undecided| Needs { decision: "ai".into(), is: vec!["openai".into(), "none".into()], undecided };
        for (answers, met, without) in
            [(decided(&[("ai", "none")]), true, true), (decided(&[("ai", "bedrock")]), false, false), (decided(&[("ai", "")]), true, false)]
        {
            assert_eq!((needs(true).are_met(&answers), needs(false).are_met(&answers)), (met, without), "{answers:?}");
        }
        assert_eq!(needs(true).other(&decided(&[("ai", "bedrock")])), Some("bedrock"));
        assert_eq!(needs(true).other(&decided(&[("ai", "openai")])), None);
        assert_eq!(needs(true).other(&decided(&[])), None);
        assert_eq!(needs(true).to_string(), "ai = openai or none");
    }
}
