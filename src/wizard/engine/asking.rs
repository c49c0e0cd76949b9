//! Questions: what is suggested, what will do, and what a flag says of one that was answered before.
//! Never touches the world; an answer is an entry of the journal.

use std::sync::Arc;

use serde_json::Value;

use super::{Engine, Flow};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::World;
use crate::wizard::journal::{Entry, Source};
use crate::wizard::plan::{self, Planned, Suggestion};
use crate::wizard::playbook::{Action, Ask, Ground};
use crate::wizard::template;
use crate::wizard::view::{AnswerKind, Command};

impl<W: World> Engine<W> {
    /// A flag that says something else than the run's own answer changes it, as reopening the question would.
    pub(super) fn change_by_flags(&mut self) -> Result<()> {
        if self.state.ended.is_some() || self.state.rollback.is_some() {
            return Ok(());
        }
        let books = Arc::clone(&self.books);
        for (id, given) in self.settings.answers.clone() {
            let answered = self.state.steps.get(&id).and_then(|s| s.answer.as_ref()).map(|(value, _)| template::plain(value));
            let Some((_, step)) = books.find(&id).filter(|_| given.source == Source::Flag && answered.is_some_and(|a| a != given.value))
            else {
                continue;
            };
            let Action::Ask(ask) = &step.action else { continue };
            if let Err(why) = plan::legal(ask, &given.value) {
                return Err(Error::new(Kind::Input, format!("the answer to `{id}` from the flag will not do: {why}"))
                    .hint("correct it, or leave it out"));
            }
            let stales = crate::wizard::screens::built_from(&books, &self.state, &id);
            self.answer(&id, ask, &given.value, Source::Flag)?;
            if !stales.is_empty() {
                self.log(Some(&id), &format!("built from this answer, looked at again: {}", stales.join(", ")));
            }
        }
        Ok(())
    }

    pub(super) async fn ask(&mut self, planned: &Planned<'_>, ask: &Ask) -> Result<Flow> {
        let given = self.settings.answers.get(&planned.id).cloned();
        if let Some(given) = given {
            if let Err(why) = plan::legal(ask, &given.value) {
                return Err(Error::new(
                    Kind::Input,
                    format!("the answer to `{}` from the {} will not do: {why}", planned.id, given.source.words()),
                )
                .hint("correct it there, or leave it out to be asked"));
            }
            self.answer(&planned.id, ask, &given.value, given.source)?;
            return Ok(Flow::Go);
        }
        let suggestion = self.suggest(planned, ask);
        if self.settings.unattended {
            // A rehearsal may take what is recommended; what is real must have been said by somebody.
            let rehearsal = self.state.rehearsal();
            return match suggestion {
                Some(s) if s.source == Source::Default && ask.kind == AnswerKind::Choice && !rehearsal => self.missing(planned, ask),
                Some(s) if plan::legal(ask, &s.value).is_ok() => {
                    self.answer(&planned.id, ask, &s.value, s.source)?;
                    Ok(Flow::Go)
                }
                Some(_) | None if ask.optional => {
                    self.answer(&planned.id, ask, "", Source::Default)?;
                    Ok(Flow::Go)
                }
                Some(_) | None => self.missing(planned, ask),
            };
        }
        self.show_ask(planned, ask, suggestion);
        match self.command().await? {
            Command::Answer { step, value } if step == planned.id => {
                self.take_answer(&planned.id, ask, &value)?;
                Ok(Flow::Go)
            }
            other => self.elsewhere(other),
        }
    }

    fn missing(&self, planned: &Planned<'_>, ask: &Ask) -> Result<Flow> {
        let options: Vec<_> = ask.options.iter().map(|o| o.id.as_str()).collect();
        let how = if options.is_empty() { "\"…\"".to_owned() } else { format!("\"{}\"", options.join("|")) };
        Err(Error::new(Kind::Input, format!("no answer for `{}` ({})", planned.id, planned.step.title)).hint(format!(
            "give it with --set {}={how}, in an answers file ([answers] {} = {how}), or run without --yes to be asked",
            planned.id, planned.id
        )))
    }

    /// An answer by hand: refused with a word when it will not do.
    pub(super) fn take_answer(&mut self, id: &str, ask: &Ask, value: &str) -> Result<()> {
        self.refused = plan::legal(ask, value).err();
        if self.refused.is_none() {
            self.answer(id, ask, value, Source::Asked)?;
        }
        Ok(())
    }

    fn answer(&mut self, id: &str, ask: &Ask, value: &str, source: Source) -> Result<()> {
        let value = value.trim();
        let kept = if ask.kind == AnswerKind::Secret {
            self.world.keep_secret(id, value);
            Value::Null
        } else {
            Value::from(value)
        };
        self.append(Entry::Answered { step: id.to_owned(), value: kept, source })?;
        self.tell_finding(id, ask, value);
        Ok(())
    }

    /// The log keeps why a finding proposed this answer, or another one.
    fn tell_finding(&self, id: &str, ask: &Ask, answer: &str) {
        let told = ask.recommendation(&self.state.facts());
        let Some(proposed) = told.answer.filter(|_| told.ground == Ground::Finding) else { return };
        let what = if proposed == answer { "recommended".to_owned() } else { format!("`{proposed}` is recommended instead") };
        self.log(Some(id), &format!("{what} because {}", told.because));
    }

    /// What Enter would give, and where it comes from.
    pub(super) fn suggest(&self, planned: &Planned<'_>, ask: &Ask) -> Option<Suggestion> {
        let all = self.state.facts();
        let facts = plan::facts_for(planned, &all);
        if let Some((value, source)) = self.state.steps.get(&planned.id).and_then(|s| s.answer.clone())
            && !value.is_null()
        {
            return Some(Suggestion { value: template::plain(&value), source });
        }
        let told = ask.recommendation(&facts);
        // a choice is a person's, whatever was found
        let source = if told.ground != Ground::Question && ask.kind != AnswerKind::Choice { Source::Detected } else { Source::Default };
        told.answer.map(|value| Suggestion { value, source })
    }
}
