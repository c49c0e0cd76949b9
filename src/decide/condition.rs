//! One test of a rule: `tasks_min above tasks_max`, `region is not @dsql_regions`; and the figures that tests need beside answers.
//! Never holds for a key that is not known.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Answers;
use super::services::services;

/// Connections of one task: the default pool of node-postgres (its documentation, 2026-11-28).
const POOL: u64 = 10;

/// What an RDS class has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    id: String,
    memory_gib: u64,
    connections: u64,
}

/// A key and what must be true of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Empty,
    Known,
    Unknown,
    Is(Vec<String>),
    IsNot(Vec<String>),
    /// A list with commas holds one of them.
    Has(Vec<String>),
    /// A list with commas holds something that is none of them.
    HasOther(Vec<String>),
    Above(Bound),
    Below(Bound),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bound {
    Number(u64),
    Key(String),
}

impl Condition {
    /// Errors with what is wrong, for a message that names the rule.
    pub fn parse(text: &str, lists: &BTreeMap<String, Vec<String>>) -> Result<Self, String> {
        let (key, rest) = text.split_once(' ').ok_or_else(|| format!("`{text}` has a key and no test"))?;
        let list = |words: &str| match words.strip_prefix('@') {
            Some(name) => lists.get(name).cloned().ok_or_else(|| format!("no list is called `{name}`")),
            None => Ok(words.split('|').map(str::to_owned).collect()),
        };
        let bound = |word: &str| word.parse().map_or_else(|_| Bound::Key(word.to_owned()), Bound::Number);
        let test = if rest == "is empty" {
            Test::Empty
        } else if rest == "is known" {
            Test::Known
        } else if rest == "is unknown" {
            Test::Unknown
        } else if let Some(words) = rest.strip_prefix("is not ") {
            Test::IsNot(list(words)?)
        } else if let Some(words) = rest.strip_prefix("is ") {
            Test::Is(list(words)?)
        } else if let Some(words) = rest.strip_prefix("has other than ") {
            Test::HasOther(list(words)?)
        } else if let Some(words) = rest.strip_prefix("has ") {
            Test::Has(list(words)?)
        } else if let Some(word) = rest.strip_prefix("above ") {
            Test::Above(bound(word))
        } else if let Some(word) = rest.strip_prefix("below ") {
            Test::Below(bound(word))
        } else {
            return Err(format!("`{text}` is no test"));
        };
        Ok(Self { key: key.to_owned(), test })
    }

    pub fn holds(&self, known: &Answers) -> bool {
        let Some(value) = known.get(&self.key).map(|value| value.trim()) else { return self.test == Test::Unknown };
        let number = |bound: &Bound| match bound {
            Bound::Number(n) => Some(*n),
            Bound::Key(key) => known.get(key)?.trim().parse().ok(),
        };
        let beside = |bound: &Bound| Some((value.parse::<u64>().ok()?, number(bound)?));
        let mut items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
        match &self.test {
            Test::Empty | Test::Unknown => value.is_empty(),
            Test::Known => !value.is_empty(),
            Test::Is(words) => words.iter().any(|word| word == value),
            // an empty answer is no choice yet
            Test::IsNot(words) => !value.is_empty() && words.iter().all(|word| word != value),
            Test::Has(words) => items.any(|item| words.iter().any(|word| word == item)),
            Test::HasOther(words) => items.any(|item| words.iter().all(|word| word != item)),
            Test::Above(bound) => beside(bound).is_some_and(|(value, bound)| value > bound),
            Test::Below(bound) => beside(bound).is_some_and(|(value, bound)| value < bound),
        }
    }

    /// A value that it holds for; none where that takes another key, or nothing.
    #[cfg(test)]
    pub fn fulfilled(&self) -> Option<String> {
        match &self.test {
            Test::Known => Some("a.ts:1".to_owned()),
            Test::Is(words) | Test::Has(words) => words.first().cloned(),
            Test::Above(Bound::Number(n)) => Some((n + 1).to_string()),
            Test::Empty | Test::Unknown | Test::IsNot(_) | Test::HasOther(_) | Test::Above(Bound::Key(_)) | Test::Below(_) => None,
        }
    }

    /// Values that it names, for a check against the question's options.
    #[cfg(test)]
    pub fn named(&self) -> &[String] {
        match &self.test {
            Test::Is(words) | Test::IsNot(words) => words,
            Test::Empty | Test::Known | Test::Unknown | Test::Has(_) | Test::HasOther(_) | Test::Above(_) | Test::Below(_) => &[],
        }
    }
}

/// Adds the figures that are reckoned from answers and facts; what cannot be reckoned is left out.
pub(super) fn derive(known: &mut Answers, classes: &[Class]) {
    let number = |known: &Answers, key: &str| known.get(key).and_then(|value| value.trim().parse::<u64>().ok());
    let count = known.get("services").and_then(|text| services(text).ok()).map(|found| found.len() as u64);
    let mut put = Vec::new();
    if let Some(count) = count {
        put.push(("services.count", count));
        if let Some(most) = number(known, "tasks_max") {
            put.push(("app.connections", count.saturating_mul(most).saturating_mul(POOL)));
        }
    }
    if let Some(bytes) = number(known, "source.bytes").filter(|bytes| *bytes > 0) {
        put.push(("source.gib", bytes.div_ceil(1 << 30)));
    }
    if let Some(class) = known.get("db_class").and_then(|id| classes.iter().find(|class| &class.id == id)) {
        put.push(("db.memory_gib_tenfold", class.memory_gib * 10));
        put.push(("db.connections", class.connections));
    }
    known.extend(put.into_iter().map(|(key, value)| (key.to_owned(), value.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_holds_for_what_it_says_and_for_nothing_unknown() {
        let lists = BTreeMap::from([("near".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
        let known: Answers = [("place", "b"), ("none", ""), ("list", "a, c"), ("few", "2"), ("many", "10"), ("word", "x")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (text, expected) in [
            ("place is a|b", true),
            ("place is @near", true),
            ("place is not @near", false),
            ("place is not c", true),
            ("none is empty", true),
            ("none is known", false),
            ("none is not a", false),
            ("place is known", true),
            ("place is unknown", false),
            ("none is unknown", true),
            ("gone is unknown", true),
            ("list has c|d", true),
            ("list has other than @near", true),
            ("list has other than a|c", false),
            ("few below many", true),
            ("many above 9", true),
            ("many above 10", false),
            ("word above 1", false),
            ("few above gone", false),
            ("gone is empty", false),
            ("gone is not a", false),
        ] {
            assert_eq!(Condition::parse(text, &lists).unwrap().holds(&known), expected, "{text}");
        }
    }

    #[test]
    fn figures_are_reckoned_from_what_is_known() {
        let classes = [Class { id: "small".to_owned(), memory_gib: 1, connections: 112 }];
        let mut known: Answers =
            [("services", "web:3000,api:3001"), ("tasks_max", "6"), ("source.bytes", "1073741825"), ("db_class", "small")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into();
        derive(&mut known, &classes);
        let of = |key: &str| known.get(key).map(String::as_str);
        assert_eq!([of("services.count"), of("app.connections"), of("source.gib")], [Some("2"), Some("120"), Some("2")]);
        assert_eq!([of("db.connections"), of("db.memory_gib_tenfold")], [Some("112"), Some("10")]);
        let mut nothing = Answers::new();
        derive(&mut nothing, &classes);
        assert!(nothing.is_empty());
    }
}
