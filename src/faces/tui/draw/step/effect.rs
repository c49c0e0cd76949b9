//! What is about to be done: by the wizard (a gate) or by hand (a checklist).
//! Never hides that something cannot be undone: that stays in the foot, beside Enter.
//!
//! ```text
//!  describe
//!  $ the equivalent command
//!
//!  What would change
//!  + AWS::EC2::VPC Vpc
//!  ± AWS::RDS::DBInstance Database   (replaced)
//!
//!  ! this cannot be undone
//!  Enter applies it to 123456789012 us-east-1
//! ```

use ratatui::style::Style;

use super::super::super::model::Model;
use super::{Sheet, command, list};
use crate::wizard::view::{GateView, ManualView, Mode, Sign, View};

pub(super) fn gate(sheet: &mut Sheet, model: &Model, view: &View, gate: &GateView) {
    let theme = model.theme;
    sheet.head(model, &gate.title, &gate.why);
    sheet.body.blank();
    sheet.body.text(&gate.describe, Style::new());
    command(&mut sheet.body, model, &gate.command);
    if let Some(estimate) = &gate.estimate {
        sheet.body.text(&format!("takes {estimate}"), theme.muted());
    }
    if let Some(why) = &gate.irreversible {
        sheet.body.section("! Cannot be undone", theme.warning(), why, Style::new());
    }
    if let Some(review) = &gate.review {
        super::review::draw(sheet, model, review);
    }
    if !gate.preview.is_empty() {
        sheet.body.blank();
        sheet.body.text(if gate.reads { "What is read" } else { "What would change" }, theme.strong());
    }
    for line in &gate.preview {
        let (sign, style) = theme.sign(line.sign);
        let text_style = match line.sign {
            Sign::Replace | Sign::Remove | Sign::Warning => style,
            Sign::Same | Sign::Note => theme.muted(),
            Sign::Add | Sign::Change => Style::new(),
        };
        sheet.body.hanging(&format!("{sign} "), style, &line.text, text_style);
    }
    sheet.refused(model, gate.error.as_ref());
    if gate.irreversible.is_some() {
        sheet.foot.hanging("! ", theme.warning(), "this cannot be undone", theme.warning());
    }
    let does = match (view.run.mode, &view.run.simulated, &view.run.account) {
        _ if gate.reads => "Enter goes on; nothing is touched".to_owned(),
        (Mode::Dry, _, _) => "Enter goes on; a dry run changes nothing".to_owned(),
        (Mode::Live, None, Some(account)) => format!("Enter applies it ({account})"),
        (Mode::Live, Some(_), _) | (Mode::Live, None, None) => "Enter applies it".to_owned(),
    };
    match &gate.type_to_confirm {
        Some(text) => {
            sheet.foot.text(&format!("Type {text} to confirm; {does}"), theme.strong());
            sheet.field = Some(false);
        }
        None => sheet.foot.text(&does, theme.strong()),
    }
}

pub(super) fn manual(sheet: &mut Sheet, model: &Model, manual: &ManualView) {
    let theme = model.theme;
    sheet.head(model, &manual.title, &manual.why);
    sheet.body.blank();
    list(&mut sheet.body, "□ ", theme.accent(), &manual.items);
    sheet.body.blank();
    match &manual.verified_by {
        Some(how) => sheet.body.hanging("Checked by the wizard: ", theme.muted(), how, Style::new()),
        None => sheet.body.text("The wizard cannot check this: your word counts.", theme.muted()),
    }
    sheet.refused(model, manual.error.as_ref());
    sheet.foot.text("Enter when all of it is done", theme.strong());
}
