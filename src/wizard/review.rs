//! A change looked at closely before it is made: what may be chosen, what is found about each object, and the object on both sides.
//! Plain data: whoever knows the change fills it, a face shows it; it decides nothing.

use serde::{Deserialize, Serialize};

/// What a gate shows where a list of lines is too little.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub about: About,
    /// What was understood before anything is judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Known>,
    pub choices: Vec<Choice>,
    pub objects: Vec<Object>,
    /// What all of it takes: `14–40 h`; empty where nobody knows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effort: String,
}

impl Review {
    /// Is there code to be shown?
    pub fn has_code(&self) -> bool {
        self.objects.iter().any(|object| object.findings.iter().any(|found| !found.code.is_empty() || !found.edit.is_empty()))
    }

    /// The weight that is left out next: the lightest of those shown, round to all of them again.
    pub fn lighter_than(&self, least: Weight) -> Weight {
        let weights = self.about.weights();
        let at = weights.iter().position(|(weight, ..)| *weight == least).unwrap_or_default();
        let next = at.checked_sub(1).unwrap_or(weights.len().saturating_sub(1));
        weights.get(next).map_or(Weight::Info, |(weight, ..)| *weight)
    }
}

/// What is looked at: decides the words of the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A change of a schema.
    #[default]
    Schema,
    /// An app's code.
    App,
}

impl About {
    /// Weights that it has, the gravest first: one, many, and what is said when nothing lighter is shown.
    pub fn weights(self) -> &'static [(Weight, &'static str, &'static str, &'static str)] {
        match self {
            Self::Schema => &[
                (Weight::Blocks, "to decide", "to decide", "only to decide"),
                (Weight::Changes, "change", "changes", "without good to know"),
                (Weight::Info, "good to know", "good to know", ""),
            ],
            Self::App => &[
                (Weight::Blocks, "blocks", "block", "only what blocks"),
                (Weight::Must, "must change", "must change", "only what blocks or must change"),
                (Weight::Changes, "should change", "should change", "without good to know"),
                (Weight::Info, "good to know", "good to know", ""),
            ],
        }
    }

    /// What a face says while only findings of at least this weight are shown; empty for all.
    pub fn shown(self, least: Weight) -> &'static str {
        self.weights().iter().find(|(weight, ..)| *weight == least).map_or("", |(.., words)| words)
    }
}

/// One thing that was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// `stack`, `service web`.
    pub name: String,
    pub value: String,
    /// Where it is written: `.replit [deployment]`, `package.json`.
    pub from: String,
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
    /// What all of it takes: `2–6 h`; empty where nobody knows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effort: String,
}

impl Object {
    /// How grave its gravest finding is.
    pub fn weight(&self) -> Option<Weight> {
        self.findings.iter().map(|found| found.weight).min()
    }
}

/// The gravest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something is lost: decide before going on.
    Blocks,
    /// It does not work as it is.
    Must,
    Changes,
    #[default]
    Info,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub weight: Weight,
    pub id: String,
    pub what: String,
    /// What must be done elsewhere because of it; may be empty.
    pub then: String,
    /// What was measured, and the rows in the way.
    pub measured: Vec<String>,
    /// What changing it takes: `2–6 h`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub effort: String,
    /// The place with the lines around it, shown when it is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<CodeLine>,
    /// What to write instead; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub edit: String,
}

/// A line of a file, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeLine {
    /// From 1.
    pub number: u32,
    pub text: String,
    /// The line that the finding is about.
    pub meant: bool,
}

/// `3 to decide, 2 changes`; nothing for none.
fn counts(about: About, all: &[Weight]) -> String {
    about
        .weights()
        .iter()
        .map(|(weight, one, many, _)| (all.iter().filter(|w| *w == weight).count(), one, many))
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect::<Vec<_>>()
        .join(", ")
}

/// How much there is in all. What an app's code is tied to counts once, as it stands on show once, however many places it has.
pub fn in_all(review: &Review) -> String {
    let weights: Vec<Weight> = match review.about {
        About::Schema => review.objects.iter().flat_map(|object| &object.findings).map(|found| found.weight).collect(),
        About::App => review.objects.iter().filter_map(Object::weight).collect(),
    };
    counts(review.about, &weights)
}

/// How much there is about one object: `1 to decide, 2 changes`; of an app's code `must change`, `must change, 3 places`.
pub fn of_object(about: About, object: &Object) -> String {
    let weights: Vec<Weight> = object.findings.iter().map(|found| found.weight).collect();
    match (about, object.weight()) {
        (About::App, Some(weight)) => {
            let word = about.weights().iter().find(|(its, ..)| *its == weight).map_or("", |(_, one, ..)| *one);
            if weights.len() == 1 { word.to_owned() } else { format!("{word}, {} places", weights.len()) }
        }
        (About::Schema, _) | (About::App, None) => counts(about, &weights),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_counted_by_weight_and_those_of_an_app_as_they_stand_on_show() {
        let object = |weights: &[Weight]| Object {
            findings: weights.iter().map(|weight| Found { weight: *weight, ..Found::default() }).collect(),
            ..Object::default()
        };
        let table = object(&[Weight::Changes, Weight::Info, Weight::Changes, Weight::Blocks]);
        let of = |about, objects| in_all(&Review { about, objects, ..Review::default() });
        assert_eq!(of(About::Schema, vec![table.clone()]), "1 to decide, 2 changes, 1 good to know");
        assert_eq!(of_object(About::Schema, &table), "1 to decide, 2 changes, 1 good to know");
        // one signal in three places is one entry
        let signals = vec![object(&[Weight::Blocks; 3]), object(&[Weight::Blocks]), object(&[Weight::Changes; 2]), object(&[Weight::Info])];
        let told: Vec<String> = signals.iter().map(|signal| of_object(About::App, signal)).collect();
        assert_eq!(told, ["blocks, 3 places", "blocks", "should change, 2 places", "good to know"]);
        assert_eq!(of(About::App, signals), "2 block, 1 should change, 1 good to know");
        assert_eq!(of(About::Schema, Vec::new()), "");
    }

    #[test]
    fn the_lightest_are_left_out_one_after_the_other() {
        let round = |about: About| {
            let review = Review { about, ..Review::default() };
            let mut least = Weight::Info;
            (0..about.weights().len())
                .map(|_| {
                    least = review.lighter_than(least);
                    about.shown(least)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(round(About::Schema), ["without good to know", "only to decide", ""]);
        assert_eq!(round(About::App), ["without good to know", "only what blocks or must change", "only what blocks", ""]);
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
