//! Going back by itself: an unattended run may have been told beforehand that the failure of a step begins the roll back.
//! Never without that word, never with a person there, and never a second time for what failed in going back.

use super::Engine;
use crate::error::Result;
use crate::wizard::effect::World;
use crate::wizard::journal::Entry;
use crate::wizard::plan;
use crate::wizard::view::Mode;

impl<W: World> Engine<W> {
    /// Begins the roll back that the failed step's playbook and the answers call for. `false`: they call for none.
    pub(super) fn goes_back(&mut self) -> Result<bool> {
        let live = self.state.mode == Mode::Live && self.state.rollback.is_none();
        let Some(paused) = self.paused.as_ref().filter(|paused| live && !paused.undoing) else { return Ok(false) };
        let Some((_, step)) = self.books.find(&paused.step) else { return Ok(false) };
        let facts = self.state.facts();
        if step.rollback_when.is_empty() || plan::holds(&step.rollback_when, &facts) != Some(true) {
            return Ok(false);
        }
        let begun = step.rollback_to.iter().filter_map(|name| plan::back_to(&self.books, &self.state, name));
        let to = begun.min_by_key(|id| self.state.steps.get(id).map_or(u64::MAX, |step| step.started_n));
        if to.is_none() && !step.rollback_to.is_empty() {
            return Ok(false);
        }
        let answered: Vec<String> = step.rollback_when.iter().map(|(name, values)| format!("{name} is {}", values.join(" or "))).collect();
        let because = format!("{} failed, and {}: {}", paused.step, answered.join(", "), paused.error.line());
        let mut error = paused.error.clone();
        error.what = format!("step `{}` ({}) failed, and the run went back by itself: {}", paused.step, step.title, error.what);
        error.hint = "see what was undone, and what was left to you, with `migrate-wizard log`; look what is on AWS before you go forward \
                      again: the next final copy makes its database equal to the source"
            .to_owned();
        self.append(Entry::RollbackStarted { to, because: Some(because) })?;
        self.paused = None;
        self.went_back = Some(error);
        Ok(true)
    }
}
