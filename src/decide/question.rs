//! What can be asked: ids, legal options, defaults and conditions, as the playbook gives them.
//! Never holds wording, and never asks.

use std::collections::BTreeMap;

use super::Answers;

/// One question, as far as this room needs it. The caller makes it from the playbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuestionSpec {
    pub id: String,
    /// Legal option ids in order; empty for text and numbers.
    pub options: Vec<String>,
    /// The recommended option, or the default text with its holes filled.
    pub default: Option<String>,
    /// What is recommended instead where all of these hold: the first.
    pub recommended_when: Vec<(BTreeMap<String, Vec<String>>, String)>,
    /// It applies when every key's answer is one of the values.
    pub when: BTreeMap<String, Vec<String>>,
}

impl QuestionSpec {
    /// What is taken where nobody answers.
    fn recommended(&self, known: &Answers) -> Option<&String> {
        self.recommended_when.iter().find(|(when, _)| holds(when, known)).map(|(_, answer)| answer).or(self.default.as_ref())
    }
}

/// Do all conditions hold, as a playbook writes them? `*` is anything that is not empty; of a list one item is enough.
pub(super) fn holds(when: &BTreeMap<String, Vec<String>>, answers: &Answers) -> bool {
    let is_one_of = |answer: &str, allowed: &[String]| {
        allowed.iter().any(|word| word == answer || (word == "*" && !answer.is_empty()) || answer.split(',').any(|item| item == word))
    };
    when.iter().all(|(id, allowed)| answers.get(id).is_some_and(|answer| is_one_of(answer, allowed)))
}

/// The answers that apply: questions that do not apply are left out, those not yet answered take their default.
/// What is not a question (a fact) stays. `questions` are in the order in which they are asked.
pub fn settle(answers: &Answers, questions: &[QuestionSpec]) -> Answers {
    let mut settled: Answers =
        answers.iter().filter(|(id, _)| !questions.iter().any(|q| &q.id == *id)).map(|(id, value)| (id.clone(), value.clone())).collect();
    for question in questions {
        if holds(&question.when, &settled)
            && let Some(value) = answers.get(&question.id).or_else(|| question.recommended(&settled)).cloned()
        {
            settled.insert(question.id.clone(), value);
        }
    }
    settled
}

/// The answers that apply, without defaults: what is open stays open.
pub(super) fn decided(answers: &Answers, questions: &[QuestionSpec]) -> Answers {
    let open: Vec<QuestionSpec> =
        questions.iter().map(|q| QuestionSpec { default: None, recommended_when: Vec::new(), ..q.clone() }).collect();
    settle(answers, &open)
}

/// Questions that apply and have no answer among `answers`, in order.
pub fn missing<'q>(answers: &Answers, questions: &'q [QuestionSpec]) -> Vec<&'q str> {
    questions.iter().filter(|q| holds(&q.when, answers) && !answers.contains_key(&q.id)).map(|q| q.id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(id: &str, default: Option<&str>, when: &[(&str, &str)]) -> QuestionSpec {
        let when = when.iter().map(|(id, value)| ((*id).to_owned(), vec![(*value).to_owned()])).collect();
        QuestionSpec { id: id.to_owned(), default: default.map(str::to_owned), when, ..QuestionSpec::default() }
    }

    #[test]
    fn settling_drops_what_does_not_apply_and_fills_what_is_open() {
        let questions = [question("database", Some("dsql"), &[]), question("db_class", Some("db.t3.micro"), &[("database", "rds")])];
        let given = Answers::from([("db_class".to_owned(), "db.t3.large".to_owned()), ("scan.port".to_owned(), "5000".to_owned())]);
        let settled = settle(&given, &questions);
        assert_eq!(settled, Answers::from([("database".to_owned(), "dsql".to_owned()), ("scan.port".to_owned(), "5000".to_owned())]));
        assert_eq!(missing(&given, &questions), ["database"]);
    }

    #[test]
    fn an_open_question_takes_what_a_finding_recommends_and_an_answer_stays() {
        let found = |pairs: &[(&str, &str)]| Answers::from_iter(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let when = |id: &str, values: &[&str]| BTreeMap::from([(id.to_owned(), values.iter().map(|v| (*v).to_owned()).collect())]);
        let recommended_when =
            vec![(when("scan.found.D1", &["*"]), "s3".to_owned()), (when("source.extensions", &["vector", "postgis"]), "big".to_owned())];
        let questions = [QuestionSpec { recommended_when, ..question("storage", Some("none"), &[]) }];
        let taken = |pairs: &[(&str, &str)]| settle(&found(pairs), &questions)["storage"].clone();
        assert_eq!(taken(&[]), "none");
        assert_eq!(taken(&[("scan.found.D1", "")]), "none");
        assert_eq!(taken(&[("scan.found.D1", "a.ts:1")]), "s3");
        assert_eq!(taken(&[("source.extensions", "plpgsql,postgis")]), "big");
        assert_eq!(taken(&[("scan.found.D1", "a.ts:1"), ("storage", "none")]), "none");
        assert_eq!(decided(&found(&[("scan.found.D1", "a.ts:1")]), &questions).get("storage"), None);
    }
}
