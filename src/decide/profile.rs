//! Profiles: whole sets of decisions under a name, from `assets/profiles/` or a file of the user's own.
//! Never asks or fills a gap: what a profile does not answer stays open, and what is not legal is refused with its line.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use toml::Spanned;

use super::Answers;
use super::estimate::Estimate;
use super::money::Money;
use super::question::QuestionSpec;
use crate::error::{Error, Kind, Result};

static BUNDLED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/profiles");

/// The version of the profile format that is understood.
const VERSION: i64 = 1;

/// A named set of decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The file's name without `.toml`.
    pub name: String,
    pub title: String,
    pub summary: String,
    /// What the owners' own plan said it would cost: "about $71 a month".
    pub plan_cost: Option<String>,
    /// The same line by line, where they wrote it down.
    pub plan: Vec<Planned>,
    pub answers: Answers,
}

/// One line of the owners' own plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// `Fargate`, `NAT gateway`.
    pub of: String,
    /// `about $15 a month`.
    pub said: String,
    /// Ids of price lines, or what they begin with (`fargate.`), that it is made of today.
    pub lines: Vec<String>,
    /// Why it differs today.
    pub why: String,
}

impl Planned {
    /// "Fargate: the plan said $15; it is $9.01 + usage, because …".
    pub fn sentence(&self, estimate: &Estimate) -> String {
        let ours = |id: &str| self.lines.iter().any(|line| id == line || (line.ends_with('.') && id.starts_with(line.as_str())));
        let lines: Vec<_> = estimate.lines.iter().filter(|line| ours(&line.id)).collect();
        let fixed: Money = lines.iter().filter_map(|line| line.monthly).sum();
        let usage = if lines.iter().any(|line| line.monthly.is_none()) { " + usage" } else { "" };
        format!("{}: the plan said {}; it is {fixed} a month{usage}, because {}", self.of, self.said, self.why)
    }
}

/// The answers of an answers file: the same format, title and summary may be missing.
pub fn answers_file(file: &str, text: &str, questions: &[QuestionSpec]) -> Result<Answers> {
    Profile::parse(file, text, questions).map(|profile| profile.answers)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<i64>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    summary: String,
    plan_cost: Option<String>,
    #[serde(default)]
    plan: Vec<Planned>,
    answers: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The bundled profiles by name, checked against the questions.
pub fn profiles(questions: &[QuestionSpec]) -> Result<Vec<Profile>> {
    Profile::names().into_iter().map(|name| Profile::load(name, questions)).collect()
}

impl Profile {
    /// The names of the bundled profiles, sorted.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = BUNDLED.files().filter_map(|file| file.path().to_str()?.strip_suffix(".toml")).collect();
        names.sort_unstable();
        names
    }

    /// A bundled profile.
    pub fn load(name: &str, questions: &[QuestionSpec]) -> Result<Self> {
        let file = format!("{name}.toml");
        let text = BUNDLED.get_file(&file).and_then(|found| found.contents_utf8()).ok_or_else(|| {
            Error::new(Kind::Usage, format!("no profile is called `{name}`"))
                .hint(format!("one of: {}; a file of your own is given with --answers FILE", Self::names().join(", ")))
        })?;
        Self::parse(&format!("assets/profiles/{file}"), text, questions)
    }

    /// Reads a profile; every unknown question and every choice that is not legal is named with file, line and the legal values.
    pub fn parse(file: &str, text: &str, questions: &[QuestionSpec]) -> Result<Self> {
        let place = |at: usize| format!("{file}:{}", text.get(..at).unwrap_or(text).matches('\n').count() + 1);
        let raw: File = toml::from_str(text).map_err(|error| {
            Error::new(Kind::Input, format!("{}: {}", place(error.span().map_or(0, |span| span.start)), error.message().replace('\n', " ")))
                .hint("a profile has version = 1, title, summary and [answers] with question = \"answer\" lines, numbers in quotes too")
        })?;
        if *raw.version.as_ref() != VERSION {
            return Err(Error::new(
                Kind::Input,
                format!("{}: version {} is not understood", place(raw.version.span().start), raw.version.as_ref()),
            )
            .hint(format!(
                "this wizard reads version = {VERSION}: write the file in that format, or get a newer wizard for a newer file"
            )));
        }
        let mut problems = Vec::new();
        for (id, value) in &raw.answers {
            match questions.iter().find(|question| &question.id == id.as_ref()) {
                None => {
                    let known: Vec<_> = questions.iter().map(|question| question.id.as_str()).collect();
                    problems.push(format!(
                        "{}: no question is called `{}`; the questions are: {}",
                        place(id.span().start),
                        id.as_ref(),
                        known.join(", ")
                    ));
                }
                Some(question) if !question.options.is_empty() && !question.options.contains(value.as_ref()) => {
                    problems.push(format!(
                        "{}: `{}` is not a choice of `{}`; one of: {}",
                        place(value.span().start),
                        value.as_ref(),
                        id.as_ref(),
                        question.options.join(", ")
                    ));
                }
                Some(_) => {}
            }
        }
        if !problems.is_empty() {
            let error = Error::new(Kind::Input, format!("{} in {file}", crate::text::plural(problems.len() as u64, "mistake")));
            return Err(problems.iter().fold(error, Error::cause).hint("correct these lines and start again"));
        }
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".toml").to_owned();
        let answers = raw.answers.into_iter().map(|(id, value)| (id.into_inner(), value.into_inner())).collect();
        Ok(Self { name, title: raw.title, summary: raw.summary, plan_cost: raw.plan_cost, plan: raw.plan, answers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn questions() -> Vec<QuestionSpec> {
        let database =
            QuestionSpec { id: "database".to_owned(), options: vec!["dsql".to_owned(), "rds".to_owned()], ..QuestionSpec::default() };
        vec![database, QuestionSpec { id: "app_name".to_owned(), ..QuestionSpec::default() }]
    }

    fn parse(answers: &str) -> Result<Profile> {
        Profile::parse("mine/p.toml", &format!("version = 1\ntitle = \"T\"\nsummary = \"S\"\n[answers]\n{answers}"), &questions())
    }

    #[test]
    fn a_good_profile_gives_its_answers() {
        let profile = parse("database = \"rds\"\napp_name = \"x\"\n").unwrap();
        assert_eq!(profile.name, "p");
        assert_eq!(profile.answers.get("database").map(String::as_str), Some("rds"));
    }

    #[test]
    fn every_mistake_is_named_with_its_line_and_the_legal_values() {
        let error = parse("databas = \"rds\"\napp_name = \"x\"\ndatabase = \"mysql\"\n").unwrap_err().to_string();
        for part in [
            "2 mistakes",
            "mine/p.toml:5: no question is called `databas`; the questions are: database, app_name",
            "mine/p.toml:7: `mysql` is not a choice of `database`; one of: dsql, rds",
        ] {
            assert!(error.contains(part), "expected {part:?} in:\n{error}");
        }
        let error = parse("app_name = 3\n").unwrap_err().to_string();
        assert!(error.contains("mine/p.toml:5: invalid type") && error.contains("numbers in quotes"), "{error}");
    }

    #[test]
    fn another_version_and_another_name_are_refused() {
        let error = Profile::parse("p.toml", "version = 2\ntitle = ''\nsummary = ''\n[answers]\n", &[]).unwrap_err();
        assert_eq!(error.what, "p.toml:1: version 2 is not understood");
        assert!(Profile::load("nobody", &[]).unwrap_err().hint.contains("alva"));
    }
}
