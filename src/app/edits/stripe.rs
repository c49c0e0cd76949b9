//! Stripe's sync is let go only by the deployment that takes the payments: at its start it deletes the webhook that another one has.
//! With a test key it may run wherever it is not switched off by name: test webhooks are apart from live ones at Stripe.

use super::super::orm::edit::Edit;
use super::super::orm::list::ListEdit;
use super::super::orm::script::{Part, items, text_of};
use super::syntax::{calls, function_of, is_function};
use super::work::Work;

const PACKAGE: &str = "stripe-replit-sync";
const WEBHOOK: &str = "findOrCreateManagedWebhook";
/// Variables of Replit's that name a host.
const HOSTS: [&str; 3] = ["REPLIT_DOMAINS", "REPLIT_DEV_DOMAIN", "REPLIT_INTERNAL_APP_DOMAIN"];
const WHY: &str =
    "at start the sync deletes the live webhook and makes one for its own host: a rehearsal with live keys would take the payments away";

pub fn edit(work: &mut Work) {
    for script in work.server(|_, text| text.contains(WEBHOOK)) {
        let mut edits = Vec::new();
        for call in calls(&script.root(), WEBHOOK) {
            let line = Some(script.line(call.range().start));
            let body = function_of(&call).and_then(|function| function.field("body")).filter(|body| body.kind() == "statement_block");
            // A bare return does only where nobody waits for a value.
            let gives = |body: &Part<'_>| {
                let own = |part: &Part<'_>| {
                    part.ancestors().find(is_function).is_some_and(|up| up.field("body").is_some_and(|own| own.range() == body.range()))
                };
                body.dfs().any(|part| part.kind() == "return_statement" && !items(&part).is_empty() && own(&part))
            };
            let Some(body) = body.filter(|body| !gives(body)) else {
                let what = "run this only where STRIPE_SYNC is live, or with a test key";
                work.item(&script.path, line, what, WHY);
                continue;
            };
            if body.text().contains("STRIPE_SYNC") || edits.iter().any(|edit: &Edit| edit.range.start == body.range().start + 1) {
                continue;
            }
            let style = script.style();
            let open = body.range().start + 1;
            let first = items(&body).into_iter().next();
            let indent = first.map_or("  ", |first| script.indent(first.range().start)).to_owned();
            let semi = style.end();
            let mut lines = vec![
                "// The sync deletes and makes the webhook at Stripe: with a live key only the deployment that takes the payments may start it.".to_owned(),
                format!("const stripeTest = /^[rs]k_test_/.test(process.env.STRIPE_SECRET_KEY ?? {}){semi}", style.text("")),
                format!(
                    "if (process.env.STRIPE_SYNC === {} || (process.env.STRIPE_SYNC !== {} && !stripeTest)) {{",
                    style.text("off"),
                    style.text("live")
                ),
                format!("  console.warn({}){semi}", style.text("Stripe sync is off: STRIPE_SYNC=live switches it on where the payments are taken")),
                format!("  return{semi}"),
                "}".to_owned(),
            ];
            let told_by: Vec<String> =
                HOSTS.iter().filter(|name| body.text().contains(**name)).map(|name| format!("!process.env.{name}")).collect();
            if !told_by.is_empty() {
                // Not an error that is thrown: nobody may catch it, and the app would stop. E5 passes over these words.
                lines.push(format!("if ({}) {{ // the service's stack sets it", told_by.join(" && ")));
                let told = "Stripe sync is off: no variable names the host that the webhook is made for";
                lines.push(format!("  console.error({}){semi}", style.text(told)));
                lines.push(format!("  return{semi}"));
                lines.push("}".to_owned());
            }
            let text: String = lines.iter().map(|line| format!("{}{indent}{line}", style.newline)).collect();
            edits.push(Edit::new(open..open, text, WHY));
        }
        if work.edit(&script, edits) {
            let what =
                "set STRIPE_SYNC=live on the service at the cutover, never in a rehearsal; the health check's grace must be 120 s or more";
            work.item(&script.path, None, what, WHY);
        }
    }
    for script in work.scripts(|_, text| text.contains(PACKAGE) && text.contains("allowlist")) {
        let mut edits = Vec::new();
        for array in script.root().dfs().filter(|part| part.kind() == "array") {
            let gone: Vec<(usize, String)> = items(&array)
                .iter()
                .enumerate()
                .filter(|(_, item)| text_of(item).as_deref() == Some(PACKAGE))
                .map(|(place, _)| (place, "in a bundle the package does not find its migrations: it must stay outside".to_owned()))
                .collect();
            if !gone.is_empty() {
                edits.extend(ListEdit { script: &script, list: &array, gone: &gone, added: &[] }.edits());
            }
        }
        work.edit(&script, edits);
    }
}
