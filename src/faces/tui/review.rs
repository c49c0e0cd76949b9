//! Which lines of a review are on show, and what a key does to the selected one.
//! Never draws.

use super::model::{Measured, Model};
use crate::wizard::review::{Choice, Object, Review, Weight};
use crate::wizard::view::{Command, Screen};

/// A line that can be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// What was understood, as a whole.
    Known,
    Choice(&'a Choice),
    Object(&'a Object),
}

/// What was understood, the choices, then the objects that weight and filter let through, in their order.
pub fn rows<'a>(model: &Model, review: &'a Review) -> Vec<Row<'a>> {
    let filter = model.filter_text().map(|text| text.to_lowercase()).unwrap_or_default();
    let named = |object: &Object| {
        filter.is_empty()
            || object.name.to_lowercase().contains(&filter)
            || object.findings.iter().any(|found| [&found.id, &found.what].iter().any(|text| text.to_lowercase().contains(&filter)))
    };
    let heavy = |object: &Object| object.weight().is_some_and(|weight| weight <= model.least);
    // whoever looks for something looks among the findings
    let known = (!review.known.is_empty() && filter.is_empty()).then_some(Row::Known);
    let choices = known.into_iter().chain(review.choices.iter().map(Row::Choice));
    choices.chain(review.objects.iter().filter(|object| heavy(object) && named(object)).map(Row::Object)).collect()
}

impl Model {
    /// The review on show.
    pub fn review(&self) -> Option<&Review> {
        match self.screen()? {
            Screen::Gate(gate) => gate.review.as_ref(),
            Screen::Ask(_) | Screen::Manual(_) | Screen::Running(_) | Screen::Failed(_) | Screen::RollbackGate(_) | Screen::Ended(_) => {
                None
            }
        }
    }

    /// Moves the selection by so many lines.
    pub fn select_by(&mut self, by: isize) {
        let last = self.review().map_or(0, |review| rows(self, review).len()).saturating_sub(1);
        self.option = self.option.min(last).saturating_add_signed(by).min(last);
        self.step_top = None;
    }

    /// Through what is selected, where it goes on beyond the screen, then to the next line: what is selected stays in sight.
    pub fn walk(&mut self, by: isize) {
        let Measured { step_rows, step_top, kept: (first, last), .. } = self.measured.get();
        let page = step_rows.saturating_sub(1).max(1);
        let left = if by < 0 { step_top.saturating_sub(first) } else { last.saturating_sub(step_top + step_rows) };
        // to an end is to an end
        if left == 0 || by.unsigned_abs() > page {
            self.select_by(by);
        } else {
            let most = if by.unsigned_abs() == 1 { (step_rows / 2).max(1) } else { page };
            self.scroll_step(by.signum() * isize::try_from(left.min(most)).unwrap_or(1));
        }
    }

    /// Leaves out the lightest findings that are on show, at last shows all again.
    pub fn next_weight(&mut self) {
        self.least = self.review().map_or(Weight::Info, |review| review.lighter_than(self.least));
        self.select_by(0);
    }

    /// Opens the selected line to its code, or closes it; where no finding is selected yet, the first one is.
    pub fn show_code(&mut self) {
        self.code = !self.code;
        let shown = self.review().map(|review| rows(self, review)).unwrap_or_default();
        let is_finding = |row: &Row<'_>| matches!(row, Row::Object(_));
        if self.code
            && !shown.get(self.option.min(shown.len().saturating_sub(1))).is_some_and(is_finding)
            && let Some(first) = shown.iter().position(is_finding)
        {
            self.option = first;
        }
        self.step_top = None;
    }

    /// The selected choice answered with its next option; or why not.
    pub fn next_option(&self) -> Result<Command, &'static str> {
        let review = self.review().ok_or("nothing can be chosen here")?;
        let shown = rows(self, review);
        match shown.get(self.option.min(shown.len().saturating_sub(1))) {
            Some(Row::Choice(choice)) if choice.asked => match choice.next() {
                Some(next) => Ok(Command::Answer { step: choice.id.clone(), value: next.value.clone() }),
                None => Err("there is no other option"),
            },
            Some(Row::Choice(_)) => Err("this one is not asked by the wizard: schema convert --choose takes it"),
            Some(Row::Known | Row::Object(_)) | None => Err("select a choice first, with ↑"),
        }
    }
}
