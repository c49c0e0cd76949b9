//! What a question recommends: the first entry of its `recommended-when` that holds for what was found, else its own word.
//! Never asks, and knows nothing of what a fact means.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{Ask, allowed};
use crate::wizard::plan;
use crate::wizard::template::{self, Facts};
use crate::wizard::view::AnswerKind;

/// An answer that follows from what was found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecommendedWhen {
    /// As a step's `when`; what is not known does not hold.
    #[serde(deserialize_with = "conditions")]
    pub when: BTreeMap<String, Vec<String>>,
    /// A choice's option; of text and number what Enter gives; may have holes.
    pub answer: Spanned<String>,
    /// Why, with the places that it was found at; may have holes.
    pub because: String,
}

fn conditions<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Vec<String>>, D::Error> {
    let raw = BTreeMap::<String, toml::Value>::deserialize(from)?;
    let wrong = || D::Error::custom("`when` maps a name to a text or a list of texts");
    raw.into_iter().map(|(name, values)| Ok((name, allowed(&values).ok_or_else(wrong)?))).collect()
}

/// What is proposed to a question, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recommendation {
    /// None where the question has neither a recommended option nor a default that can be filled.
    pub answer: Option<String>,
    pub because: String,
    pub ground: Ground,
}

/// What a proposal rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The question alone.
    Question,
    /// A fact that fills the default.
    Fact,
    /// A finding of `recommended-when`.
    Finding,
}

impl Ask {
    pub fn recommendation(&self, facts: &Facts) -> Recommendation {
        let filled = |text: &str| template::fill(text, facts).unwrap_or_else(|_| text.to_owned());
        if let Some(met) = self.recommended_when.iter().find(|one| plan::holds(&one.when, facts) == Some(true)) {
            return Recommendation { answer: Some(filled(met.answer.get_ref())), because: filled(&met.because), ground: Ground::Finding };
        }
        let because = filled(&self.because);
        if self.kind == AnswerKind::Choice {
            return Recommendation { answer: self.recommended.clone(), because, ground: Ground::Question };
        }
        let default = self.default.as_deref();
        let holes = default.and_then(|text| template::holes(text).ok()).unwrap_or_default();
        let detected = holes.iter().any(|hole| hole.paths.iter().any(|path| facts.contains_key(*path)));
        Recommendation {
            answer: default.and_then(|text| template::fill(text, facts).ok()),
            because,
            ground: if detected { Ground::Fact } else { Ground::Question },
        }
    }

    /// Facts that its recommendation depends on.
    pub fn recommended_by(&self) -> impl Iterator<Item = &str> {
        self.recommended_when.iter().flat_map(|one| one.when.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Action, parse};
    use super::*;

    fn asked(body: &str) -> Ask {
        let text = format!("phase='p'\ntitle='P'\nwhy='w'\n[[step]]\nid='q'\ntitle='t'\nwhy='w'\n[step.ask]\n{body}");
        match parse("p.toml", &text).unwrap().steps.remove(0).action {
            Action::Ask(ask) => ask,
            Action::Manual(_) | Action::Effect(_) => unreachable!("it is a question"),
        }
    }

    const CHOICE: &str = "kind='choice'\nrecommended='none'\nbecause='nothing was found'\n\
        option=[{id='none',label='N',consequence=''},{id='s3',label='S',consequence=''},{id='big',label='B',consequence=''}]\n\
        [[step.ask.recommended-when]]\nwhen={'list'=['vector','other']}\nanswer='big'\nbecause='${list} is there'\n\
        [[step.ask.recommended-when]]\nwhen={'scan.found.D1'=['*'],'size'=['1','2']}\nanswer='s3'\nbecause='D1: ${scan.found.D1}'\n";

    #[test]
    fn the_first_that_holds_is_recommended_with_its_places_and_else_the_questions_own_word() {
        let ask = asked(CHOICE);
        let place = ("scan.found.D1".to_owned(), json!("a.ts:1"));
        let size = ("size".to_owned(), json!(2));
        let list = |items: &[&str]| ("list".to_owned(), json!(items));
        for (facts, answer, because, ground) in [
            (vec![], "none", "nothing was found", Ground::Question),
            (vec![place.clone()], "none", "nothing was found", Ground::Question),
            (vec![("scan.found.D1".to_owned(), json!("")), size.clone()], "none", "nothing was found", Ground::Question),
            (vec![place.clone(), size.clone()], "s3", "D1: a.ts:1", Ground::Finding),
            (vec![place, size, list(&["plpgsql", "vector"])], "big", "plpgsql,vector is there", Ground::Finding),
            (vec![list(&["plpgsql"])], "none", "nothing was found", Ground::Question),
        ] {
            let told = ask.recommendation(&facts.clone().into_iter().collect());
            let expected = Recommendation { answer: Some(answer.to_owned()), because: because.to_owned(), ground };
            assert_eq!(told, expected, "{facts:?}");
        }
        assert_eq!(ask.recommended_by().collect::<Vec<_>>(), ["list", "scan.found.D1", "size"]);
    }

    #[test]
    fn a_figure_comes_from_what_was_found_too() {
        let ask =
            asked("kind='number'\ndefault='${n|4}'\nbecause='b'\n[[step.ask.recommended-when]]\nwhen={a=['*']}\nanswer='1'\nbecause='c'\n");
        let told = |facts: &[(&str, &str)]| {
            let told = ask.recommendation(&facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect());
            (told.answer.unwrap(), told.ground)
        };
        assert_eq!(told(&[]), ("4".to_owned(), Ground::Question));
        assert_eq!(told(&[("n", "7")]), ("7".to_owned(), Ground::Fact));
        assert_eq!(told(&[("n", "7"), ("a", "x.ts:3")]), ("1".to_owned(), Ground::Finding));
    }
}
