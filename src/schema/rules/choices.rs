//! The choices that this schema asks for, with what was chosen and what each is about.
//! Never chooses.

use std::collections::BTreeSet;

use super::draft::Draft;
use crate::error::{Error, Kind, Result};
use crate::schema::conversion::Choice;
use crate::text::meant;

/// In the order to ask; only those that decide something here.
///
/// # Errors
/// [`Kind::Usage`] when something was chosen for an object that is not there.
pub fn of(draft: &Draft<'_>) -> Result<Vec<Choice>> {
    let none = BTreeSet::new();
    for fact in &draft.capabilities.choices {
        let objects = draft.decided.get(fact.id.as_str()).unwrap_or(&none);
        let (_, exceptions) = draft.options.chosen(&fact.id);
        if let Some((object, value)) = exceptions.iter().find(|(object, _)| !objects.contains(*object)) {
            let names: Vec<&str> = objects.iter().map(String::as_str).collect();
            let what = format!("{}:{object}={value}: `{}` is not about `{object}`{}", fact.id, fact.id, meant(object, &names));
            let some = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            let some = if some.is_empty() { "nothing in this schema: leave it out".to_owned() } else { some };
            return Err(Error::new(Kind::Usage, what).hint(format!("it is about, without quotes: {some}")));
        }
    }
    let known = draft.capabilities.choices.iter();
    Ok(known
        .filter_map(|fact| {
            let objects: Vec<String> = draft.decided.get(fact.id.as_str())?.iter().cloned().collect();
            let (chosen, exceptions) = draft.options.chosen(&fact.id);
            Some(Choice { fact: fact.clone(), chosen, exceptions, objects })
        })
        .collect())
}
