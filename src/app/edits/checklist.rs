//! What is left for a person, in a list of its own (CHECKLIST.md is written with the files for AWS): one section of it, whose ticks stay.
//! Never touches another section, and never takes away what a person ticked.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::finding::{Finding, Severity};
use super::super::orm::edit;
use super::work::{Item, Work};
use super::{Edit, Prepared, lock};

pub const CHECKLIST: &str = "CHECKLIST-CODE.md";
const TITLE: &str = "## Left by app prepare";

/// Where the list stands once the edits are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// What is not ticked, as `file:line: what (why)`.
    pub open: Vec<String>,
    pub ticked: usize,
}

/// Lines of a text as an edit left it, said of the text as all edits left it.
pub fn follow(items: &mut [Item], then: &BTreeMap<String, String>, work: &Work) {
    for item in items {
        if let (Some(line), Some(then), Some(now)) = (item.line, then.get(&item.path), work.text(&item.path)) {
            item.line = Some(edit::follow(then, now, line));
        }
    }
}

/// The items of a round on the changed files say where things are now; those that only come with a change stay as they were.
pub fn newest(first: &[Item], second: Vec<Item>) -> Vec<Item> {
    let same = |a: &Item, b: &Item| a.path == b.path && a.what == b.what;
    let gone = first.iter().filter(|item| !second.iter().any(|other| same(item, other))).cloned();
    let mut out: Vec<Item> = gone.collect();
    out.extend(second);
    out.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    out
}

/// Findings that are left when the edits are made, but those that an edit has its own word about. What is for information asks for nothing.
pub fn findings(found: &[Finding], prepared: &[Prepared], wanted: &[Edit]) -> Vec<Item> {
    let is_told = |finding: &Finding| {
        let eased = wanted.iter().any(|edit| edit.eases.contains(&finding.signal));
        // a word about the whole file says that the edit was not made: then the finding stands for itself
        let told = |one: &Prepared| {
            one.edit.signals.contains(&finding.signal) && one.items.iter().any(|item| item.path == finding.file && item.line.is_some())
        };
        eased || prepared.iter().any(told)
    };
    let item = |finding: &Finding| {
        let line = finding.line.and_then(|line| usize::try_from(line).ok());
        let edit = finding.edit.as_ref().map_or(String::new(), |edit| format!("{edit}; on AWS: "));
        if let Some(how) = &finding.by_container {
            let what = format!("[{}] {BY_CONTAINER} {how}", finding.signal);
            return Item { path: finding.file.clone(), line, what, why: finding.title.clone(), done: true };
        }
        let code = if finding.excerpt.is_empty() { String::new() } else { format!(", at `{}`", finding.excerpt.replace('`', "'")) };
        Item {
            path: finding.file.clone(),
            line,
            what: format!("[{}] {edit}{}{code}", finding.signal, finding.replacement),
            why: format!("{}: {}", finding.title, finding.means),
            done: false,
        }
    };
    found.iter().filter(|finding| finding.severity != Severity::Info && !is_told(finding)).map(item).collect()
}

const BY_CONTAINER: &str = "done by the container (migrate-wizard app container):";
const IMAGE: &str = "run `migrate-wizard app container` and commit what it makes";

/// What the container does is done once its files are there.
pub fn image(items: &[Item], there: bool) -> Option<Item> {
    (!there && items.iter().any(|item| item.done)).then(|| Item {
        path: "Dockerfile".to_owned(),
        line: None,
        what: IMAGE.to_owned(),
        why: "the lines that say \"done by the container\" are true of its image".to_owned(),
        done: false,
    })
}

const CLOSED: &str = "do by hand what this file needs, or save it as UTF-8 of less than 1 MB and run this again: no edit is made in it";

/// A file that cannot be read in full.
pub fn closed(path: String, why: String) -> Item {
    Item { path, line: None, what: CLOSED.to_owned(), why, done: false }
}

const OPEN: &str = "- [ ] ";
const TICKED: [&str; 2] = ["- [x] ", "- [X] "];

fn is_open(line: &str) -> bool {
    line.trim_start().starts_with(OPEN)
}

fn is_ticked(line: &str) -> bool {
    TICKED.iter().any(|mark| line.trim_start().starts_with(mark))
}

/// `- [ ] server/mail.ts:12: send by SES here (why)`.
fn line(item: &Item) -> String {
    format!("{}{}: {} ({})", if item.done { TICKED[0] } else { OPEN }, item.place(), item.what, item.why)
}

/// A line without its tick and without the number of the line, which moves.
fn key(line: &str) -> String {
    let text = line.trim();
    let text = [OPEN, TICKED[0], TICKED[1]].iter().find_map(|mark| text.strip_prefix(mark)).unwrap_or(text);
    match text.split_once(": ") {
        Some((place, rest)) => {
            let file =
                place.rsplit_once(':').filter(|(_, number)| number.chars().all(|c| c.is_ascii_digit())).map_or(place, |(file, _)| file);
            format!("{file}: {rest}")
        }
        None => text.to_owned(),
    }
}

/// The line is a finding's: `…: [B6] …`.
fn is_finding(line: &str) -> bool {
    let signal = line.split_once(": [").and_then(|(_, rest)| rest.split_once("] ")).map(|(signal, _)| signal);
    signal.is_some_and(|signal| {
        signal.starts_with(|c: char| c.is_ascii_uppercase()) && signal.ends_with(|c: char| c.is_ascii_digit()) && signal.len() < 12
    })
}

/// The line is one that goes when it is not so any more: nobody wrote or ticked it but this program.
fn is_passing(line: &str) -> bool {
    if is_open(line) {
        is_finding(line) || lock::is_item(line) || line.contains(IMAGE) || line.contains(CLOSED)
    } else {
        is_ticked(line) && line.contains(BY_CONTAINER)
    }
}

/// The section's lines as they become, and whether that is more than other numbers of lines.
fn section(known: &str, items: &[&Item], whole: bool) -> (Vec<String>, bool) {
    let mut left: Vec<(String, String)> = Vec::new();
    for item in items {
        let line = line(item);
        if !left.iter().any(|(_, other)| *other == line) {
            left.push((key(&line), line));
        }
    }
    let mut take = |line: &str| left.iter().position(|(its, _)| *its == key(line)).map(|at| left.remove(at).1);
    // what is open goes first: of two alike the one that is ticked is the one that is done
    let ours = |line: &str| is_open(line) || (is_ticked(line) && line.contains(BY_CONTAINER));
    let fresh: Vec<Option<String>> = known.lines().map(|line| if ours(line) { take(line) } else { None }).collect();
    known.lines().filter(|line| is_ticked(line)).for_each(|line| drop(take(line)));
    let mut changed = !left.is_empty();
    let mut out = Vec::new();
    for (line, fresh) in known.lines().zip(fresh) {
        match fresh {
            Some(fresh) => out.push(fresh),
            None if whole && is_passing(line) => changed = true,
            None => out.push(line.to_owned()),
        }
    }
    while out.last().is_some_and(|line| line.trim().is_empty()) {
        out.pop();
    }
    if out.last().is_some_and(|line| line == TITLE) && !left.is_empty() {
        out.push(String::new());
    }
    out.extend(left.into_iter().map(|(_, line)| line));
    (out, changed)
}

/// The edit of the checklist itself. `whole`: findings are all among the items, so that one that is no more goes, unless it is ticked.
pub fn list(work: &mut Work, items: Vec<Item>, told: &[&Item], whole: bool) -> Prepared {
    let before = work.text(CHECKLIST).unwrap_or_default().to_owned();
    let place = before.find(TITLE).map(|at| {
        let rest = before.get(at + TITLE.len()..).unwrap_or_default();
        at..rest.find("\n## ").map_or(before.len(), |end| at + TITLE.len() + end)
    });
    let known = place.clone().and_then(|range| before.get(range)).unwrap_or_default();
    let all: Vec<&Item> = told.iter().copied().chain(&items).collect();
    let (lines, changed) = section(known, &all, whole);
    let text = lines.join("\n");
    let is_new = place.is_none();
    let (head, tail) = place.map_or((before.as_str(), ""), |range| {
        (before.get(..range.start).unwrap_or_default(), before.get(range.end..).unwrap_or_default())
    });
    let after = match (is_new, head.is_empty()) {
        (true, true) => format!("# What is left for a person\n\n{TITLE}\n\n{text}\n"),
        (true, false) => format!("{}\n\n{TITLE}\n\n{text}\n", head.trim_end()),
        (false, _) => format!("{head}{text}\n{tail}"),
    };
    let lines: Vec<&str> = head.lines().chain(lines.iter().map(String::as_str)).chain(tail.lines()).collect();
    let standing = Standing {
        open: lines.iter().filter_map(|line| line.trim_start().strip_prefix(OPEN)).map(str::to_owned).collect(),
        ticked: lines.iter().filter(|line| is_ticked(line)).count(),
    };
    if changed {
        work.put(CHECKLIST, after, "what a person must do, with places");
    }
    let (changes, _, _) = work.taken();
    let edit = Edit {
        id: "checklist".to_owned(),
        title: "what is left for a person".to_owned(),
        why: "what could not be done mechanically, with places and reasons".to_owned(),
        signals: Vec::new(),
        eases: Vec::new(),
        needs: None,
    };
    Prepared { edit, changes, items, commands: Vec::new(), standing: Some(standing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(path: &str, line: usize, what: &str) -> Item {
        Item { path: path.to_owned(), line: Some(line), what: what.to_owned(), why: "why".to_owned(), done: false }
    }

    fn after(list: &str, items: &[Item], whole: bool) -> (Option<String>, Standing) {
        let mut work = Work::new(
            &[(CHECKLIST.to_owned(), list.to_owned())],
            &std::collections::BTreeSet::new(),
            &crate::app::needs::Decided::default(),
        );
        let prepared = super::list(&mut work, items.to_vec(), &[], whole);
        (prepared.changes.into_iter().next().and_then(|change| change.after), prepared.standing.unwrap())
    }

    #[test]
    fn what_is_found_no_more_goes_and_what_is_ticked_stays() {
        let list = "# Ours\n\n- [ ] buy milk\n\n## Left by app prepare\n\n- [ ] a.ts:1: [B6] one (why)\n- [x] a.ts:2: [B6] two (why)\n- [ ] a.ts:3: by hand (why)\n\n## Mine\n\n- [x] z\n";
        // the first is gone, the second is ticked and still found, a third is new
        let (text, standing) = after(list, &[item("a.ts", 9, "[B6] two"), item("b.ts", 4, "[C9] three")], true);
        assert_eq!(
            text.unwrap(),
            "# Ours\n\n- [ ] buy milk\n\n## Left by app prepare\n\n- [x] a.ts:2: [B6] two (why)\n- [ ] a.ts:3: by hand (why)\n- [ ] b.ts:4: [C9] three (why)\n\n## Mine\n\n- [x] z\n"
        );
        assert_eq!(
            standing,
            Standing { open: vec!["buy milk".into(), "a.ts:3: by hand (why)".into(), "b.ts:4: [C9] three (why)".into()], ticked: 2 }
        );
        // without all findings at hand nothing goes
        assert_eq!(after(list, &[], false).0, None);
    }

    #[test]
    fn a_line_that_moved_is_told_where_it_is_and_is_no_change_by_itself() {
        let list = "## Left by app prepare\n\n- [ ] a.ts:1: [B6] one (why)\n";
        let (text, standing) = after(list, &[item("a.ts", 7, "[B6] one")], true);
        assert_eq!((text, standing.open), (None, vec!["a.ts:7: [B6] one (why)".to_owned()]));
        let both = [item("a.ts", 7, "[B6] one"), item("a.ts", 9, "[B6] one")];
        let (text, _) = after(list, &both, true);
        assert_eq!(text.unwrap(), "## Left by app prepare\n\n- [ ] a.ts:7: [B6] one (why)\n- [ ] a.ts:9: [B6] one (why)\n");
        let ticked = "## Left by app prepare\n\n- [x] a.ts:1: [B6] one (why)\n- [ ] a.ts:3: [B6] one (why)\n";
        assert_eq!(after(ticked, &both[..1], true).1.open.len(), 1, "what is left of two alike is the one that is open");
    }

    #[test]
    fn what_the_container_does_is_ticked_and_what_is_made_goes_from_the_list() {
        let done = Item { done: true, ..item(".replit", 7, &format!("[F7] {BY_CONTAINER} packages")) };
        let all = [done.clone(), item("package-lock.json", 0, "x")];
        let run = image(&all, false).unwrap();
        assert_eq!((image(&all, true), image(&all[1..], false)), (None, None));
        let lock = Item { line: None, what: "run `npm install` and commit this file".to_owned(), ..item("package-lock.json", 0, "") };
        let (text, standing) = after("", &[run, done.clone(), lock], true);
        let text = text.unwrap();
        assert_eq!(
            text.lines().skip(4).collect::<Vec<_>>(),
            [
                "- [ ] Dockerfile: run `migrate-wizard app container` and commit what it makes (the lines that say \"done by the container\" are true of its image)",
                "- [x] .replit:7: [F7] done by the container (migrate-wizard app container): packages (why)",
                "- [ ] package-lock.json: run `npm install` and commit this file (why)",
            ]
        );
        assert_eq!((standing.open.len(), standing.ticked), (2, 1));
        // the image is there, the packages are locked
        let (text, standing) = after(&text, &[done], true);
        assert_eq!((text.unwrap().lines().count(), standing.open.len(), standing.ticked), (5, 0, 1));
        // somebody's own Dockerfile: the finding is open
        let list = "## Left by app prepare\n\n- [x] .replit:7: [F7] done by the container (migrate-wizard app container): packages (why)\n";
        let (text, standing) = after(list, &[item(".replit", 7, "[F7] install them")], true);
        assert_eq!((text.unwrap().as_str(), standing.ticked), ("## Left by app prepare\n\n- [ ] .replit:7: [F7] install them (why)\n", 0));
    }
}
