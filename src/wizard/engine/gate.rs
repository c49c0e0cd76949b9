//! A gate: what an effect would do is put on show, closely where there is more to see, and waits for a yes.
//! Touches nothing of the world but by read-only previews.

use std::sync::Arc;

use super::{Engine, Flow};
use crate::error::{Error, Kind, Result};
use crate::wizard::effect::{Apply, Touch, World};
use crate::wizard::plan::Planned;
use crate::wizard::playbook::Action;
use crate::wizard::review::Review;
use crate::wizard::screens;
use crate::wizard::state::Status;
use crate::wizard::view::{Command, GateView, Mode, PreviewLine, Screen, Sign};

impl<W: World> Engine<W> {
    /// Shows what an effect would do and waits for a yes. `None`: go on.
    pub(super) async fn gate(&mut self, planned: &Planned<'_>, effect: &dyn Apply<W>) -> Result<Option<Flow>> {
        let real = self.only_by_example(effect.needs()).is_none()
            || (effect.touch() == Touch::Reads && self.world.simulates(effect.needs()).is_none());
        let typed = planned.step.irreversible.as_ref().filter(|_| real && !self.state.rehearsal()).map(|_| planned.id.clone());
        if self.settings.unattended {
            return match typed {
                Some(id) if !self.settings.confirmed.contains(&id) => Err(Error::new(
                    Kind::Input,
                    format!("step `{id}` cannot be undone: {}", planned.step.irreversible.as_deref().unwrap_or_default()),
                )
                .hint(format!("run it by hand without --yes, or confirm it beforehand with --confirm {id}"))),
                Some(_) | None => Ok(None),
            };
        }
        // What only reads is as safe to look at in a dry run.
        let reads = effect.touch() == Touch::Reads;
        if self.state.mode == Mode::Dry && !reads {
            return Ok(None);
        }
        let about = effect.describe();
        let mut preview = if real {
            let world = Arc::clone(&self.world);
            match self.look(effect.preview(&world)).await {
                Err(flow) => return Ok(Some(flow)),
                Ok(Ok(lines)) => lines,
                Ok(Err(error)) => vec![PreviewLine::new(Sign::Warning, format!("no preview: {}", error.line()))],
            }
        } else {
            vec![PreviewLine::new(Sign::Note, "simulated here: nothing is touched")]
        };
        let review = if real {
            let world = Arc::clone(&self.world);
            match self.look(effect.review(&world)).await {
                Err(flow) => return Ok(Some(flow)),
                Ok(Ok(review)) => review.map(|review| self.with_questions(review)),
                Ok(Err(error)) => {
                    preview.push(PreviewLine::new(Sign::Warning, format!("cannot be looked at closely: {}", error.line())));
                    None
                }
            }
        } else {
            None
        };
        if let Some(why) = &planned.step.abort_if {
            preview.push(PreviewLine::new(Sign::Note, format!("stop here if {why}")));
        }
        let error = self.refused.take();
        self.show(Screen::Gate(GateView {
            step: planned.id.clone(),
            title: screens::title(planned),
            why: screens::why(planned, &self.state.facts()),
            describe: about.sentence,
            command: about.command,
            preview,
            review: review.clone(),
            reads,
            irreversible: planned.step.irreversible.clone(),
            type_to_confirm: typed.clone(),
            estimate: screens::estimate(planned, &self.settings.rehearsed),
            error,
        }));
        match self.command().await? {
            Command::Apply { step, typed: given } if step == planned.id => match typed {
                Some(wanted) if given.as_deref().map(str::trim) != Some(wanted.as_str()) => {
                    self.refused = Some(format!("type `{wanted}` to go on: this step cannot be undone"));
                    Ok(Some(Flow::Go))
                }
                Some(_) | None => Ok(None),
            },
            Command::Answer { step, value } if review.is_some_and(|r| r.choices.iter().any(|c| c.asked && c.id == step)) => {
                self.choose(&step, &value).map(Some)
            }
            other => self.elsewhere(other).map(Some),
        }
    }

    /// Which choices a question of this run asks.
    fn with_questions(&self, mut review: Review) -> Review {
        for choice in &mut review.choices {
            let answered = self.state.status(&choice.id) == Status::Answered;
            choice.asked = answered && self.books.find(&choice.id).is_some_and(|(_, step)| matches!(step.action, Action::Ask(_)));
        }
        review
    }

    /// Answers an earlier question from where its consequences are on show; the gate comes again with what follows.
    fn choose(&mut self, id: &str, value: &str) -> Result<Flow> {
        let books = Arc::clone(&self.books);
        let Some((_, step)) = books.find(id) else { return Ok(Flow::Go) };
        let Action::Ask(ask) = &step.action else { return Ok(Flow::Go) };
        let stales = screens::built_from(&self.books, &self.state, id);
        self.take_answer(id, ask, value)?;
        self.settings.answers.remove(id);
        if self.refused.is_none() {
            self.log(Some(id), &format!("chosen: {value}"));
            if !stales.is_empty() {
                self.log(Some(id), &format!("built from this answer, looked at again: {}", stales.join(", ")));
            }
        }
        Ok(Flow::Go)
    }
}
