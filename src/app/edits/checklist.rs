//! What is left for a person, in a list of its own (CHECKLIST.md is written with the files for AWS): one section of it, to which lines are only added, so that what was ticked stays.
//! Never touches another section.

use super::work::{Item, Work};
use super::{Edit, Prepared};

pub const CHECKLIST: &str = "CHECKLIST-CODE.md";
const TITLE: &str = "## Left by app prepare";

/// The items of a round on the changed files say where things are now; those that only come with a change stay as they were.
pub fn newest(first: &[Item], second: Vec<Item>) -> Vec<Item> {
    let same = |a: &Item, b: &Item| a.path == b.path && a.what == b.what;
    let gone = first.iter().filter(|item| !second.iter().any(|other| same(item, other))).cloned();
    let mut out: Vec<Item> = gone.collect();
    out.extend(second);
    out.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    out
}

/// `- [ ] server/mail.ts:12: send by SES here (why)`.
fn line(item: &Item) -> String {
    let place = item.line.map_or_else(|| item.path.clone(), |line| format!("{}:{line}", item.path));
    format!("- [ ] {place}: {} ({})", item.what, item.why)
}

/// A line without its tick and without the number of the line, which moves.
fn key(line: &str) -> String {
    let text = line.trim().trim_start_matches("- [ ] ").trim_start_matches("- [x] ").trim_start_matches("- [X] ");
    match text.split_once(": ") {
        Some((place, rest)) => {
            let file =
                place.rsplit_once(':').filter(|(_, number)| number.chars().all(|c| c.is_ascii_digit())).map_or(place, |(file, _)| file);
            format!("{file}: {rest}")
        }
        None => text.to_owned(),
    }
}

/// The edit of the checklist itself, when there is something new to say.
pub fn edit(work: &mut Work, items: &[&Item]) -> Option<Prepared> {
    let before = work.text(CHECKLIST).unwrap_or_default().to_owned();
    let section = before.find(TITLE).map(|at| {
        let rest = before.get(at + TITLE.len()..).unwrap_or_default();
        at..rest.find("\n## ").map_or(before.len(), |end| at + TITLE.len() + end)
    });
    let known = section.clone().and_then(|range| before.get(range)).unwrap_or_default().to_owned();
    let mut keys: Vec<String> = known.lines().map(key).collect();
    let mut added: Vec<String> = Vec::new();
    for item in items {
        let line = line(item);
        if !keys.contains(&key(&line)) || added.iter().any(|other| key(other) == key(&line) && *other != line) {
            keys.push(key(&line));
            if !added.contains(&line) {
                added.push(line);
            }
        }
    }
    if added.is_empty() {
        return None;
    }
    let lines = added.join("\n");
    let after = match section {
        Some(range) => {
            let (head, tail) = (before.get(..range.end).unwrap_or_default(), before.get(range.end..).unwrap_or_default());
            format!("{}\n{lines}\n{tail}", head.trim_end())
        }
        None if before.is_empty() => format!("# What is left for a person\n\n{TITLE}\n\n{lines}\n"),
        None => format!("{}\n\n{TITLE}\n\n{lines}\n", before.trim_end()),
    };
    work.put(CHECKLIST, after, "what a person must do, with places");
    let (changes, _, _) = work.taken();
    let edit = Edit {
        id: "checklist".to_owned(),
        title: "what is left for a person".to_owned(),
        why: "what could not be done mechanically, with places and reasons".to_owned(),
        signals: Vec::new(),
        eases: Vec::new(),
        needs: None,
    };
    Some(Prepared { edit, changes, items: Vec::new(), commands: Vec::new() })
}
