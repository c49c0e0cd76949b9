//! What a person may choose about a conversion.
//! Never holds facts about a target, nor what a choice is good for: those are in the capabilities.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::capabilities::ChoiceFact;
use crate::error::{Error, Kind, Result};
use crate::text::meant;

/// Digits in all, and how many of them stand after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Numeric {
    pub precision: u16,
    pub scale: u16,
}

/// What a key that the database numbers becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SerialKeys {
    /// Each number from the cluster: in order, and a point of contention.
    #[default]
    #[serde(rename = "cache_1")]
    Cache1,
    /// Each session takes 65,536 numbers at once.
    #[serde(rename = "cache_65536")]
    Cache65536,
    /// A uuid made from table and old key; the columns that refer to it follow.
    Uuid,
}

/// What holds the values of an enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnumForm {
    #[default]
    Check,
    LookupTable,
}

/// What an array is stored as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrayForm {
    #[default]
    Jsonb,
    Text,
}

/// What becomes of foreign keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForeignKeys {
    #[default]
    Kept,
    Dropped,
}

/// Where the figures of a bare `numeric` come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numerics {
    /// From the widest value in the data, when there is a live source; else as [`Numerics::Wide`].
    #[default]
    Measured,
    /// [`Options::numeric`] for all.
    Wide,
}

/// One value for all objects, and others for some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pick<T: Default> {
    pub all: T,
    /// By object: `public.orders.id`, `public.status`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub only: BTreeMap<String, T>,
}

impl<T: Default> Default for Pick<T> {
    fn default() -> Self {
        Self { all: T::default(), only: BTreeMap::new() }
    }
}

impl<T: Default + Copy> Pick<T> {
    pub fn of(&self, object: &str) -> T {
        self.only.get(object).copied().unwrap_or(self.all)
    }

    fn set(&mut self, object: Option<&str>, value: T) {
        match object {
            Some(object) => {
                self.only.insert(object.to_owned(), value);
            }
            None => self.all = value,
        }
    }
}

/// Choices with defaults that lose no data; used where the target makes a choice necessary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub serial_keys: Pick<SerialKeys>,
    pub enums: Pick<EnumForm>,
    pub arrays: Pick<ArrayForm>,
    pub foreign_keys: Pick<ForeignKeys>,
    pub numerics: Numerics,
    /// What a `numeric` without figures becomes where it must have some.
    pub numeric: Numeric,
    /// The same for one column (`public.orders.total`), as measured in the data.
    pub numeric_columns: BTreeMap<String, Numeric>,
    /// Columns (`public.users.email`) whose declared width goes, because a key they stand in is declared too wide and its values are short.
    pub text_columns: BTreeSet<String>,
    /// Schemas that are left out, with what stands on them.
    pub except: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            serial_keys: Pick::default(),
            enums: Pick::default(),
            arrays: Pick::default(),
            foreign_keys: Pick::default(),
            numerics: Numerics::default(),
            numeric: Numeric { precision: 38, scale: 9 },
            numeric_columns: BTreeMap::new(),
            text_columns: BTreeSet::new(),
            except: Vec::new(),
        }
    }
}

impl Options {
    /// Makes a choice as a person writes it: `enums=check`, or for one object `enums:public.status=lookup_table`.
    /// `known`: the target's choices. Errors name what there is.
    pub fn choose(&mut self, written: &str, known: &[ChoiceFact]) -> Result<()> {
        let wrong = |what: String, hint: String| Err(Error::new(Kind::Usage, what).hint(hint));
        let Some((name, value)) = written.split_once('=') else {
            return wrong(format!("`{written}` is not a choice"), "write it as NAME=VALUE, or NAME:OBJECT=VALUE for one object".into());
        };
        let (name, object) = match name.split_once(':') {
            Some((name, object)) => (name, Some(object)),
            None => (name, None),
        };
        let Some(fact) = known.iter().find(|fact| fact.id == name) else {
            let names: Vec<&str> = known.iter().map(|fact| fact.id.as_str()).collect();
            return match names.as_slice() {
                [] => wrong(format!("there is nothing to choose for this target: `{written}`"), "leave --choose out".into()),
                _ => wrong(format!("there is no choice `{name}`{}", meant(name, &names)), format!("one of: {}", names.join(", "))),
            };
        };
        let values: Vec<&str> = fact.options.iter().map(|option| option.value.as_str()).collect();
        if !values.contains(&value) {
            return wrong(
                format!("`{value}` is not an option of `{name}`{}", meant(value, &values)),
                format!("one of: {}", values.join(", ")),
            );
        }
        if object.is_some() && fact.scope.is_empty() {
            return wrong(format!("`{name}` is chosen for all objects at once"), format!("write {name}={value}"));
        }
        match name {
            "serial_keys" => self.serial_keys.set(object, read(value)?),
            "enums" => self.enums.set(object, read(value)?),
            "arrays" => self.arrays.set(object, read(value)?),
            "foreign_keys" => self.foreign_keys.set(object, read(value)?),
            "numerics" => self.numerics = read(value)?,
            _ => return Err(Error::bug(format!("choice {name:?} of the capability file has no place in the options"))),
        }
        Ok(())
    }

    /// What is chosen for all objects, and for which ones otherwise; as written in [`Options::choose`].
    pub fn chosen(&self, name: &str) -> (String, BTreeMap<String, String>) {
        fn both<T: Default + Copy + Serialize>(pick: &Pick<T>) -> (String, BTreeMap<String, String>) {
            (write(pick.all), pick.only.iter().map(|(object, value)| (object.clone(), write(*value))).collect())
        }
        match name {
            "serial_keys" => both(&self.serial_keys),
            "enums" => both(&self.enums),
            "arrays" => both(&self.arrays),
            "foreign_keys" => both(&self.foreign_keys),
            "numerics" => (write(self.numerics), BTreeMap::new()),
            _ => (String::new(), BTreeMap::new()),
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(value: &str) -> Result<T> {
    serde_json::from_value(serde_json::Value::from(value))
        .map_err(|error| Error::bug(format!("option {value:?} of the capability file has no place in the options")).because(&error))
}

fn write<T: Serialize>(value: T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Capabilities, Target};

    #[test]
    fn every_option_of_the_capability_file_can_be_chosen_and_is_read_back() {
        let known = Capabilities::of(Target::Dsql).unwrap().choices;
        assert_eq!(known.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["serial_keys", "enums", "arrays", "numerics", "foreign_keys"]);
        for fact in &known {
            assert_eq!(Options::default().chosen(&fact.id).0, fact.recommended, "{}: the default is what is recommended", fact.id);
            for option in &fact.options {
                let mut options = Options::default();
                options.choose(&format!("{}={}", fact.id, option.value), &known).unwrap();
                assert_eq!(options.chosen(&fact.id).0, option.value);
            }
        }
    }

    #[test]
    fn one_object_may_differ() {
        let known = Capabilities::of(Target::Dsql).unwrap().choices;
        let mut options = Options::default();
        options.choose("enums:public.status=lookup_table", &known).unwrap();
        assert_eq!((options.enums.of("public.status"), options.enums.of("public.mood")), (EnumForm::LookupTable, EnumForm::Check));
    }

    #[test]
    fn a_wrong_choice_says_what_there_is() {
        let known = Capabilities::of(Target::Dsql).unwrap().choices;
        let says = |written: &str, known: &[ChoiceFact]| Options::default().choose(written, known).unwrap_err().line();
        assert_eq!(says("enums", &known), "`enums` is not a choice");
        assert_eq!(says("enum=check", &known), "there is no choice `enum`: did you mean `enums`?");
        assert_eq!(says("enums=chek", &known), "`chek` is not an option of `enums`: did you mean `check`?");
        assert_eq!(says("numerics:public.t.n=wide", &known), "`numerics` is chosen for all objects at once");
        assert_eq!(says("enums=check", &[]), "there is nothing to choose for this target: `enums=check`");
    }
}
