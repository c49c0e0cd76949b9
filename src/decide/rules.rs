//! Rules between decisions: which depend on each other or on what was found, and which contradict, from `assets/rules.toml`.
//! Never changes an answer and never looks anything up: a fact that nobody gave it makes no rule hold.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Answers;
use super::condition::{Class, Condition, derive};
use super::question::{QuestionSpec, decided, missing, settle};
use crate::error::{Context, Error, Kind, Result};

const BUNDLED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/rules.toml"));

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot work: nothing is provisioned until an answer changes.
    Stop,
    /// It works until something ordinary happens.
    Warn,
    /// A better choice stands beside it.
    Advise,
}

impl Severity {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "contradiction",
            Self::Warn => "warning",
            Self::Advise => "advice",
        }
    }
}

/// One rule that holds for the decisions at hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contradiction {
    /// The rule's id.
    pub id: String,
    pub severity: Severity,
    /// Why, and what to choose instead.
    pub message: String,
    /// The questions that it is about.
    pub questions: Vec<String>,
    /// Answers that end it, as `id=value`.
    pub instead: Vec<String>,
    /// Where the fact comes from, with its date.
    pub source: String,
}

/// All rules.
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<Rule>,
    classes: Vec<Class>,
}

#[derive(Debug, Clone)]
struct Rule {
    id: String,
    severity: Severity,
    when: Vec<Condition>,
    message: String,
    instead: Vec<String>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lists: BTreeMap<String, Vec<String>>,
    class: Vec<Class>,
    rule: Vec<RuleRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleRow {
    id: String,
    severity: Severity,
    when: Vec<String>,
    message: String,
    instead: Vec<String>,
    source: String,
    as_of: String,
}

impl Rules {
    /// The rules that travel with the wizard.
    pub fn bundled() -> Result<Self> {
        Self::parse("assets/rules.toml", BUNDLED)
    }

    /// Reads rules; `file` is only for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let raw: File =
            toml::from_str(text).or_fail(Kind::Input, format!("cannot read the rules {file}"), "compare it with assets/rules.toml")?;
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for row in raw.rule {
            let wrong = |what: String| {
                Error::new(Kind::Input, format!("{file}: rule `{}`: {what}", row.id))
                    .hint("the tests of a rule are listed at the top of assets/rules.toml")
            };
            if !seen.insert(row.id.clone()) {
                return Err(wrong("stands twice".to_owned()));
            }
            let when =
                row.when.iter().map(|test| Condition::parse(test, &raw.lists)).collect::<std::result::Result<_, _>>().map_err(&wrong)?;
            if let Some(bad) = row.instead.iter().find(|answer| !answer.contains('=')) {
                return Err(wrong(format!("`{bad}` is not written as id=value")));
            }
            let source = format!("{}, {}", row.source, row.as_of);
            rules.push(Rule { id: row.id, severity: row.severity, when, message: row.message, instead: row.instead, source });
        }
        Ok(Self { rules, classes: raw.class })
    }

    /// What speaks against these answers, the worst first. `answers` may hold facts of steps beside answers; open questions take their
    /// defaults, and a text that nobody gave counts as empty.
    pub fn check(&self, answers: &Answers, questions: &[QuestionSpec]) -> Vec<Contradiction> {
        let mut settled = settle(answers, questions);
        let empty: Vec<(String, String)> = missing(&settled, questions).into_iter().map(|id| (id.to_owned(), String::new())).collect();
        settled.extend(empty);
        let dropped = questions.iter().filter(|q| !settled.contains_key(&q.id)).filter_map(|q| answers.get_key_value(&q.id));
        let unused: Vec<(String, String)> = dropped.map(|(id, value)| (format!("unused.{id}"), value.clone())).collect();
        settled.extend(unused);
        self.holding(settled, |_| true)
    }

    /// What would speak against answering `question` so, judged by what is decided so far: an open question is no reason.
    pub fn against(&self, answers: &Answers, questions: &[QuestionSpec], question: &str, answer: &str) -> Vec<Contradiction> {
        let mut changed = answers.clone();
        changed.insert(question.to_owned(), answer.to_owned());
        self.holding(decided(&changed, questions), |rule| rule.when.iter().any(|test| test.key == question))
    }

    fn holding(&self, mut known: Answers, among: impl Fn(&Rule) -> bool) -> Vec<Contradiction> {
        derive(&mut known, &self.classes);
        let holds = |rule: &&Rule| among(rule) && rule.when.iter().all(|test| test.holds(&known));
        let mut found: Vec<Contradiction> = self.rules.iter().filter(holds).map(|rule| rule.told(&known)).collect();
        found.sort_by_key(|contradiction| contradiction.severity);
        found
    }

    /// What steps find out that rules read: `scan.…` and `source.…`, sorted.
    pub fn facts(&self) -> BTreeSet<&str> {
        let keys = self.rules.iter().flat_map(|rule| &rule.when).map(|test| test.key.as_str());
        keys.filter(|key| key.starts_with("scan.") || (key.starts_with("source.") && *key != "source.gib"))
            .chain(["source.bytes"])
            .collect()
    }

    #[cfg(test)]
    pub(super) fn words(&self) -> impl Iterator<Item = (&str, &[Condition], &[String])> {
        self.rules.iter().map(|rule| (rule.id.as_str(), rule.when.as_slice(), rule.instead.as_slice()))
    }
}

impl Rule {
    fn told(&self, known: &Answers) -> Contradiction {
        let mut message = String::new();
        let mut rest = self.message.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            message.push_str(before);
            let (key, after) = after.split_once('}').unwrap_or((after, ""));
            message.push_str(known.get(key).map_or("?", String::as_str));
            rest = after;
        }
        message.push_str(rest);
        let mut questions: Vec<String> = Vec::new();
        for test in self.when.iter().filter(|test| !test.key.contains('.')) {
            if !questions.contains(&test.key) {
                questions.push(test.key.clone());
            }
        }
        Contradiction {
            id: self.id.clone(),
            severity: self.severity,
            message,
            questions,
            instead: self.instead.clone(),
            source: self.source.clone(),
        }
    }
}

impl Contradiction {
    /// `contradiction: … (--set cache=valkey)`
    pub fn words(&self) -> String {
        let sets: Vec<String> = self.instead.iter().map(|answer| format!("--set {answer}")).collect();
        format!("{}: {} ({})", self.severity.word(), self.message, sets.join(", or "))
    }
}

/// All that speaks against some decisions as plain text, one paragraph each; empty when nothing does.
pub fn told(contradictions: &[Contradiction]) -> String {
    if contradictions.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = contradictions.iter().map(|c| format!("  - {} [{}]", c.words(), c.id)).collect();
    format!("\nWhat speaks against these decisions\n{}\n", lines.join("\n"))
}

/// The error that keeps a run from being provisioned; `None` when nothing stops it.
pub fn refusal(contradictions: &[Contradiction]) -> Option<Error> {
    let stops: Vec<&Contradiction> = contradictions.iter().filter(|c| c.severity == Severity::Stop).collect();
    let first = stops.first()?;
    let error = Error::new(
        Kind::Conflict,
        format!("{}: nothing is provisioned with them", crate::text::plural(stops.len() as u64, "contradiction")),
    );
    let example = first.instead.first().map_or_else(String::new, |answer| format!("--set {answer}"));
    let questions: BTreeSet<&str> = stops.iter().flat_map(|c| &c.questions).map(String::as_str).collect();
    let questions = questions.into_iter().collect::<Vec<_>>().join(", ");
    Some(stops.iter().fold(error, |error, c| error.cause(c.words())).hint(format!(
        "change an answer: reopen one of {questions} on its screen, or start again with {example} (--answers FILE for several)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str, default: Option<&str>, when: &[(&str, &str)]) -> QuestionSpec {
        let when = when.iter().map(|(id, value)| ((*id).to_owned(), vec![(*value).to_owned()])).collect();
        QuestionSpec { id: id.to_owned(), default: default.map(str::to_owned), when, ..QuestionSpec::default() }
    }

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    const RULES: &str = r#"
        class = []
        lists = { far = ["x", "y"] }
        [[rule]]
        id = "names"
        severity = "warn"
        when = ["domain is not none", "domain_name is empty"]
        message = "no name for {domain}"
        instead = ["domain=none"]
        source = "ours"
        as_of = "2026-11-28"
        [[rule]]
        id = "far"
        severity = "stop"
        when = ["region is @far", "found.list has b"]
        message = "{region} and {found.list}"
        instead = ["region=z"]
        source = "ours"
        as_of = "2026-11-28"
    "#;

    fn questions() -> Vec<QuestionSpec> {
        vec![question("region", Some("z"), &[]), question("domain", Some("none"), &[]), question("domain_name", None, &[("domain", "own")])]
    }

    #[test]
    fn the_worst_comes_first_and_says_why_and_what_instead() {
        let rules = Rules::parse("r.toml", RULES).unwrap();
        let found = rules.check(&answers(&[("region", "y"), ("domain", "own"), ("found.list", "a,b")]), &questions());
        let ids: Vec<&str> = found.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["far", "names"]);
        assert_eq!(found[0].words(), "contradiction: y and a,b (--set region=z)");
        assert_eq!(found[1].questions, ["domain", "domain_name"]);
        let refused = refusal(&found).unwrap().to_string();
        for part in ["1 contradiction: nothing is provisioned", "contradiction: y and a,b", "--set region=z"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert!(refusal(&found[1..]).is_none());
    }

    #[test]
    fn while_deciding_what_is_still_open_is_no_reason() {
        let rules = Rules::parse("r.toml", RULES).unwrap();
        // the name is asked after the domain
        assert_eq!(rules.against(&answers(&[]), &questions(), "domain", "own"), []);
        let after = rules.against(&answers(&[("domain", "own")]), &questions(), "domain_name", "");
        assert_eq!(after.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["names"]);
        // another question's rule is not shown here
        assert_eq!(rules.against(&answers(&[("region", "x"), ("found.list", "b")]), &questions(), "domain", "none"), []);
    }

    #[test]
    fn a_fact_that_is_not_known_makes_no_rule_hold() {
        let rules = Rules::parse("r.toml", RULES).unwrap();
        assert_eq!(rules.check(&answers(&[("region", "x")]), &questions()), []);
    }

    #[test]
    fn a_bad_rule_is_refused_with_its_id() {
        for (from, to, said) in [
            ("domain is not none", "domain was none", "rule `names`: `domain was none`"),
            ("@far", "@near", "no list is called `near`"),
            ("\"far\"\n        severity", "\"names\"\n        severity", "rule `names`: stands twice"),
            ("region=z", "region", "`region` is not written as id=value"),
        ] {
            let error = Rules::parse("r.toml", &RULES.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}
