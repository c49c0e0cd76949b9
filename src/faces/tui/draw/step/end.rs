//! Where the way forward stops: a failure, a roll back to confirm, the end of the run.
//! Never leaves a person without what to do next.
//!
//! ```text
//!  ✗ Copy the rows failed
//!  what
//!  · cause
//!
//!  → what to do
//!  r tries again · b rolls back 3 steps · q stops
//! ```

use ratatui::style::Style;

use super::super::super::model::Model;
use super::{Sheet, list};
use crate::text;
use crate::wizard::view::{EndedView, FailedView, Outcome, RollbackView};

pub(super) fn failed(sheet: &mut Sheet, model: &Model, failed: &FailedView) {
    let theme = model.theme;
    let doing = if failed.undoing { format!("undoing “{}” failed", failed.title) } else { format!("{} failed", failed.title) };
    sheet.body.hanging("✗ ", theme.bad(), &doing, theme.bad());
    sheet.body.blank();
    sheet.body.text(&failed.what, theme.strong());
    list(&mut sheet.body, "· ", theme.muted(), &failed.causes);
    sheet.foot.hanging("→ ", theme.accent(), &failed.hint, Style::new());
    let undoable = match failed.undoable {
        0 => "nothing to roll back".to_owned(),
        n => format!("b rolls back {}", text::plural(n as u64, "step")),
    };
    sheet.foot.text(&format!("r tries again · {undoable} · q stops"), theme.strong());
}

pub(super) fn rollback(sheet: &mut Sheet, model: &Model, rollback: &RollbackView) {
    let theme = model.theme;
    sheet.head(model, "Roll back", "What was done is undone, newest first. Nothing happens before you confirm.");
    sheet.body.blank();
    if rollback.steps.is_empty() {
        sheet.body.text("there is nothing to undo", theme.muted());
    }
    for step in &rollback.steps {
        sheet.body.hanging("↶ ", theme.accent(), &step.title, theme.strong());
        sheet.body.hanging("  ", Style::new(), &step.describe, Style::new());
    }
    if !rollback.irreversible.is_empty() {
        sheet.body.blank();
        sheet.body.text("! Cannot be undone", theme.warning());
        list(&mut sheet.body, "  ! ", theme.warning(), &rollback.irreversible);
    }
    sheet.refused(model, rollback.error.as_ref());
    sheet.foot.text(&format!("Type {} and Enter to roll back; Esc goes back", rollback.type_to_confirm), theme.strong());
    sheet.field = Some(false);
}

pub(super) fn ended(sheet: &mut Sheet, model: &Model, ended: &EndedView) {
    let theme = model.theme;
    let (mark, style, words) = match ended.outcome {
        Outcome::Finished => ("✓ ", theme.good(), "Finished: every step is done"),
        Outcome::Rehearsed => ("✓ ", theme.good(), "The dry run is complete; nothing was changed"),
        Outcome::RolledBack => ("↶ ", theme.accent(), "Rolled back"),
        Outcome::Stopped => ("– ", theme.warning(), "Stopped; nothing is lost"),
        Outcome::Failed => ("✗ ", theme.bad(), "A step failed"),
        Outcome::Interrupted => ("– ", theme.warning(), "Interrupted; nothing is lost"),
    };
    sheet.body.hanging(mark, style, words, style.patch(theme.strong()));
    sheet.body.blank();
    for line in &ended.summary {
        sheet.body.text(line, Style::new());
    }
    if !ended.next.is_empty() {
        sheet.body.blank();
        sheet.body.text("What to do next", theme.strong());
        list(&mut sheet.body, "→ ", theme.accent(), &ended.next);
    }
    sheet.foot.text("Enter leaves", theme.strong());
}
