//! A review in lines: what was understood, the choices, then each object with what is found about it, the gravest first.
//! Never asks: choosing otherwise is done with the question's own command.

use crate::wizard::review::{Review, Weight, in_all, of_object};

/// Ready to be printed one by one.
pub fn lines(review: &Review) -> Vec<String> {
    let mut out = Vec::new();
    let widest = review.known.iter().map(|known| known.name.chars().count()).max().unwrap_or_default();
    for known in &review.known {
        out.push(format!("  {:<widest$}  {} ({})", known.name, known.value, known.from));
    }
    for choice in &review.choices {
        out.push(format!("  {} {}", choice.question, choice.chosen));
        for option in choice.options.iter().filter(|option| option.value != choice.chosen) {
            out.push(format!("      or {}: {} ({})", option.value, option.label, option.effect));
        }
        if choice.asked {
            out.push(format!("      to choose otherwise: Esc, then start again with --set {}=…", choice.id));
        }
    }
    let all = in_all(review);
    if !all.is_empty() {
        let effort = if review.effort.is_empty() { String::new() } else { format!("; about {} in all", review.effort) };
        out.push(format!("  {all}{effort}"));
    }
    for object in &review.objects {
        let serious: Vec<_> = object.findings.iter().filter(|found| found.weight < Weight::Info).collect();
        if serious.is_empty() {
            continue;
        }
        let name = if object.name.is_empty() { "everything else" } else { &object.name };
        let effort = if object.effort.is_empty() { String::new() } else { format!("; about {}", object.effort) };
        out.push(format!("  {name}: {}{effort}", of_object(review.about, object)));
        for found in serious {
            let mark = match found.weight {
                Weight::Blocks | Weight::Must => '!',
                Weight::Changes | Weight::Info => '~',
            };
            out.push(format!("    {mark} {} {}", found.id, found.what));
            out.extend(found.measured.iter().map(|line| format!("      {line}")));
            if found.weight <= Weight::Must && !found.then.is_empty() {
                out.push(format!("      {}", found.then));
            }
            if !found.edit.is_empty() {
                out.push(format!("      edit: {}", found.edit));
            }
        }
    }
    out
}
