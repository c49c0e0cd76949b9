//! A review in lines: the choices, then each object with what is found about it, the gravest first.
//! Never asks: choosing otherwise is done with the question's own command.

use crate::wizard::review::{Review, Weight, counts};

/// Ready to be printed one by one.
pub fn lines(review: &Review) -> Vec<String> {
    let mut out = Vec::new();
    for choice in &review.choices {
        out.push(format!("  {} {}", choice.question, choice.chosen));
        for option in choice.options.iter().filter(|option| option.value != choice.chosen) {
            out.push(format!("      or {}: {} ({})", option.value, option.label, option.effect));
        }
        if choice.asked {
            out.push(format!("      to choose otherwise: Esc, then start again with --set {}=…", choice.id));
        }
    }
    let all = counts(review.objects.iter().flat_map(|object| &object.findings));
    if !all.is_empty() {
        out.push(format!("  {all}"));
    }
    for object in &review.objects {
        let serious: Vec<_> = object.findings.iter().filter(|found| found.weight < Weight::Info).collect();
        if serious.is_empty() {
            continue;
        }
        out.push(format!("  {}: {}", if object.name.is_empty() { "everything else" } else { &object.name }, counts(&object.findings)));
        for found in serious {
            let mark = if found.weight == Weight::Blocks { '!' } else { '~' };
            out.push(format!("    {mark} {} {}", found.id, found.what));
            out.extend(found.measured.iter().map(|line| format!("      {line}")));
            if found.weight == Weight::Blocks && !found.then.is_empty() {
                out.push(format!("      {}", found.then));
            }
        }
    }
    out
}
