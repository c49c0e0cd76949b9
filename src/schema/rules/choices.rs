//! The choices that this schema asks for, with what was chosen and what each is about.
//! Never chooses.

use super::draft::Draft;
use crate::schema::conversion::Choice;

/// In the order to ask; only those that decide something here.
pub fn of(draft: &Draft<'_>) -> Vec<Choice> {
    let known = draft.capabilities.choices.iter();
    known
        .filter_map(|fact| {
            let objects: Vec<String> = draft.decided.get(fact.id.as_str())?.iter().cloned().collect();
            let (chosen, exceptions) = draft.options.chosen(&fact.id);
            Some(Choice { fact: fact.clone(), chosen, exceptions, objects })
        })
        .collect()
}
