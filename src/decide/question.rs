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
    /// It applies when every key's answer is one of the values.
    pub when: BTreeMap<String, Vec<String>>,
}

/// Do all conditions hold?
pub(super) fn holds(when: &BTreeMap<String, Vec<String>>, answers: &Answers) -> bool {
    when.iter().all(|(id, allowed)| answers.get(id).is_some_and(|answer| allowed.contains(answer)))
}

/// The answers that apply: questions that do not apply are left out, those not yet answered take their default.
/// What is not a question (a fact) stays. `questions` are in the order in which they are asked.
pub fn settle(answers: &Answers, questions: &[QuestionSpec]) -> Answers {
    let mut settled: Answers =
        answers.iter().filter(|(id, _)| !questions.iter().any(|q| &q.id == *id)).map(|(id, value)| (id.clone(), value.clone())).collect();
    for question in questions {
        if holds(&question.when, &settled)
            && let Some(value) = answers.get(&question.id).or(question.default.as_ref())
        {
            settled.insert(question.id.clone(), value.clone());
        }
    }
    settled
}

/// The answers that apply, without defaults: what is open stays open.
pub(super) fn decided(answers: &Answers, questions: &[QuestionSpec]) -> Answers {
    let open: Vec<QuestionSpec> = questions.iter().map(|q| QuestionSpec { default: None, ..q.clone() }).collect();
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
        QuestionSpec { id: id.to_owned(), options: Vec::new(), default: default.map(str::to_owned), when }
    }

    #[test]
    fn settling_drops_what_does_not_apply_and_fills_what_is_open() {
        let questions = [question("database", Some("dsql"), &[]), question("db_class", Some("db.t3.micro"), &[("database", "rds")])];
        let given = Answers::from([("db_class".to_owned(), "db.t3.large".to_owned()), ("scan.port".to_owned(), "5000".to_owned())]);
        let settled = settle(&given, &questions);
        assert_eq!(settled, Answers::from([("database".to_owned(), "dsql".to_owned()), ("scan.port".to_owned(), "5000".to_owned())]));
        assert_eq!(missing(&given, &questions), ["database"]);
    }
}
