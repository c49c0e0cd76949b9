//! A change looked at closely before it is made: what may be chosen, what is found about each object, and the object on both sides.
//! Plain data: whoever knows the change fills it, a face shows it; it decides nothing.

use serde::{Deserialize, Serialize};

/// What a gate shows where a list of lines is too little.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub choices: Vec<Choice>,
    pub objects: Vec<Object>,
}

/// Something that was chosen and may be chosen otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Of the question that asks it; a face answers that question to choose otherwise.
    pub id: String,
    pub question: String,
    /// The option in force.
    pub chosen: String,
    pub options: Vec<Choosable>,
    /// What it is about: `public.orders.id`.
    pub objects: Vec<String>,
    /// Whether a question of the run asks it, so that it can be changed here.
    pub asked: bool,
}

impl Choice {
    /// The option after the one in force, round to the first.
    pub fn next(&self) -> Option<&Choosable> {
        let at = self.options.iter().position(|option| option.value == self.chosen)?;
        self.options.iter().cycle().nth(at.saturating_add(1)).filter(|next| next.value != self.chosen)
    }
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choosable {
    pub value: String,
    pub label: String,
    pub effect: String,
    pub recommended: bool,
}

/// A table, say: what is found about it, and its definition before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Empty for what belongs to no object.
    pub name: String,
    /// The gravest first.
    pub findings: Vec<Found>,
    pub before: String,
    pub after: String,
}

impl Object {
    /// How grave its gravest finding is.
    pub fn weight(&self) -> Option<Weight> {
        self.findings.iter().map(|found| found.weight).min()
    }
}

/// The gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something is lost: decide before going on.
    Blocks,
    Changes,
    Info,
}

impl Weight {
    /// `1 to decide`, `2 changes`, `3 good to know`.
    pub fn counted(self, count: usize) -> String {
        match self {
            Weight::Blocks => format!("{count} to decide"),
            Weight::Changes if count == 1 => "1 change".to_owned(),
            Weight::Changes => format!("{count} changes"),
            Weight::Info => format!("{count} good to know"),
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub weight: Weight,
    pub id: String,
    pub what: String,
    /// What must be done elsewhere because of it; may be empty.
    pub then: String,
    /// What was measured, and the rows in the way.
    pub measured: Vec<String>,
}

/// `3 to decide, 2 changes`; nothing for none.
pub fn counts<'a>(found: impl IntoIterator<Item = &'a Found>) -> String {
    let weights: Vec<Weight> = found.into_iter().map(|found| found.weight).collect();
    [Weight::Blocks, Weight::Changes, Weight::Info]
        .into_iter()
        .map(|weight| (weight, weights.iter().filter(|w| **w == weight).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(weight, count)| weight.counted(count))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_by_weight() {
        let found = |weight| Found { weight, id: String::new(), what: String::new(), then: String::new(), measured: Vec::new() };
        let all = [found(Weight::Changes), found(Weight::Info), found(Weight::Changes), found(Weight::Blocks)];
        assert_eq!(counts(&all), "1 to decide, 2 changes, 1 good to know");
        assert_eq!(counts(&[]), "");
    }

    #[test]
    fn the_next_option_goes_round() {
        let option = |value: &str| Choosable { value: value.into(), label: value.into(), effect: String::new(), recommended: false };
        let choice = |chosen: &str, options: &[&str]| Choice {
            id: "c".into(),
            question: String::new(),
            chosen: chosen.into(),
            options: options.iter().map(|value| option(value)).collect(),
            objects: Vec::new(),
            asked: true,
        };
        assert_eq!(choice("a", &["a", "b"]).next().map(|o| o.value.as_str()), Some("b"));
        assert_eq!(choice("b", &["a", "b"]).next().map(|o| o.value.as_str()), Some("a"));
        assert_eq!(choice("a", &["a"]).next(), None);
    }
}
