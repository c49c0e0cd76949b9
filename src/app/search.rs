//! Looking for signals in an app's files: each file is searched once, for all signals, while its text is at hand.
//! Never knows what a signal is about, and never reads a file.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::Path;

use globset::{GlobSet, GlobSetBuilder};
use regex::Regex;

use super::alone::{self, Programs};
use super::comments::Comments;
use super::finding::Finding;
use super::hide;
use super::mark;
use super::needles::{Builder, Held, Needles, Wants};
use super::orm::script::Script;
use super::signal::{Per, Signal};
use super::syntax::Shapes;
use super::tree::{Entry, is_code, is_test};
use super::walk::folder_bytes;
use crate::error::{Error, Result};

/// Lines of one file that one signal may report.
const MOST_LINES: usize = 20;
/// A file with a longer line was made by a program: its lines are data.
const LONGEST_LINE: usize = 20_000;

/// All signals, ready to be looked for.
pub struct Search<'s> {
    signals: &'s [Signal],
    globs: GlobSet,
    /// For each glob its signal, and what a match says.
    owners: Vec<(usize, Says)>,
    programs: Programs,
    /// In the order of the signals.
    needs: Vec<Need>,
    needles: Needles,
}

/// What it says of a signal that a file's path matches a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Read,
    Exclude,
    /// The file may show that the signal is settled.
    Settle,
    /// The file is a program of its own, unless another imports it.
    Alone,
}

/// What one file says of all signals.
#[derive(Debug, Default)]
pub struct Look {
    hits: Vec<Hit>,
    /// Signals whose `tree_has` (or `tree_lacks`) matches in this file.
    has: Vec<usize>,
    lacks: Vec<usize>,
    /// Signals that this file shows to be settled.
    settled: Vec<usize>,
    /// Names, without folder and ending, of modules that this file imports and that may be programs of their own.
    imports: Vec<String>,
}

#[derive(Debug)]
struct Hit {
    signal: usize,
    line: Option<u32>,
    excerpt: String,
    /// Counts only where another file imports this one.
    alone: bool,
    /// For `distinct`: the text that was found.
    text: String,
}

impl<'s> Search<'s> {
    /// # Errors
    /// `Bug` if globs that compile one by one do not compile together.
    pub fn new(signals: &'s [Signal]) -> Result<Self> {
        let mut set = GlobSetBuilder::new();
        let mut owners = Vec::new();
        for (number, signal) in signals.iter().enumerate().filter(|(_, s)| s.folder_over.is_none()) {
            let settle = signal.settled.as_ref().map(|settled| settled.files.as_slice()).unwrap_or_default();
            let all = [
                (signal.files.as_slice(), Says::Read),
                (signal.exclude.as_slice(), Says::Exclude),
                (settle, Says::Settle),
                (signal.alone.as_slice(), Says::Alone),
            ];
            for (globs, says) in all {
                for glob in globs {
                    set.add(glob.clone());
                    owners.push((number, says));
                }
            }
        }
        let globs = set.build().map_err(|error| Error::bug("the globs of the signals do not go together").because(&error))?;
        let programs = Programs::new(signals.iter().flat_map(|signal| &signal.alone))?;
        let mut all = Builder::default();
        let needs = signals.iter().map(|signal| Need::of(signal, &mut all)).collect();
        Ok(Self { signals, globs, owners, programs, needs, needles: all.build()? })
    }

    /// Signals that read this file, those that it may settle, and those for which it is a program of its own.
    fn wanted(&self, entry: &Entry) -> (BTreeSet<usize>, BTreeSet<usize>, BTreeSet<usize>) {
        let (mut wanted, mut refused, mut settling, mut alone) = (BTreeSet::new(), Vec::new(), BTreeSet::new(), BTreeSet::new());
        for (number, says) in self.globs.matches(&entry.path).into_iter().filter_map(|at| self.owners.get(at)) {
            match says {
                Says::Read => drop(wanted.insert(*number)),
                Says::Exclude => refused.push(*number),
                Says::Settle => drop(settling.insert(*number)),
                Says::Alone => drop(alone.insert(*number)),
            }
        }
        for number in refused {
            wanted.remove(&number);
        }
        (wanted, settling, alone)
    }

    pub fn look(&self, entry: &Entry) -> Look {
        let mut look = Look::default();
        let test = is_test(&entry.path);
        let file = entry.text.as_deref().filter(|_| !test).map(|text| File::new(entry, text, &self.needles));
        let (wanted, settling, alone) = self.wanted(entry);
        let is_ours = entry.text.as_deref().is_some_and(mark::is_written);
        for number in wanted {
            let asked = self.signals.get(number).zip(self.needs.get(number));
            let Some((signal, need)) = asked.filter(|(s, _)| !(s.committed && entry.local || s.not_ours && is_ours)) else {
                continue;
            };
            if signal.pattern.is_none() && signal.shapes.is_none() {
                let refused = signal.unless.as_ref().zip(entry.text.as_deref()).is_some_and(|(pattern, text)| pattern.is_match(text));
                if !test && !refused {
                    look.hits.push(Hit { signal: number, line: None, excerpt: String::new(), alone: false, text: String::new() });
                }
            } else if let Some(file) = &file {
                file.search(number, signal, need, &mut look.hits);
            }
        }
        look.hits.iter_mut().for_each(|hit| hit.alone = alone.contains(&hit.signal));
        if let Some(file) = &file {
            let shows = |number: &usize| {
                let asked = self.signals.get(*number).and_then(|s| s.settled.as_ref()).zip(self.needs.get(*number));
                asked.is_some_and(|(settled, need)| file.has(&need.settled, &settled.by))
            };
            look.settled.extend(settling.into_iter().filter(shows));
        }
        if let Some(file) = file.filter(|_| is_code(&entry.path)) {
            look.imports = self.programs.imported(file.path, file.text);
            for (number, (signal, need)) in self.signals.iter().zip(&self.needs).enumerate() {
                if signal.tree_has.as_ref().is_some_and(|p| file.has(&need.tree_has, p)) {
                    look.has.push(number);
                }
                if signal.tree_lacks.as_ref().is_some_and(|p| file.has(&need.tree_lacks, p)) {
                    look.lacks.push(number);
                }
            }
        }
        look
    }

    /// All findings, worst first, then by signal, file and line, and those that are settled; `seen` in the order of the files' paths.
    pub fn findings(&self, root: &Path, seen: &[(&Entry, &Look)]) -> (Vec<Finding>, Vec<Finding>) {
        let has: BTreeSet<usize> = seen.iter().flat_map(|(_, l)| l.has.iter().copied()).collect();
        let lacks: BTreeSet<usize> = seen.iter().flat_map(|(_, l)| l.lacks.iter().copied()).collect();
        let settled: BTreeSet<usize> = seen.iter().flat_map(|(_, l)| l.settled.iter().copied()).collect();
        let imports: BTreeSet<&str> = seen.iter().flat_map(|(_, l)| l.imports.iter().map(String::as_str)).collect();
        let mut of: Vec<Vec<(&Entry, &Hit)>> = self.signals.iter().map(|_| Vec::new()).collect();
        for (entry, look) in seen {
            for hit in look.hits.iter().filter(|hit| !hit.alone || imports.contains(alone::stem(&entry.path))) {
                if let Some(list) = of.get_mut(hit.signal) {
                    list.push((entry, hit));
                }
            }
        }
        let mut out: Vec<Vec<Finding>> = Vec::new();
        let mut answered: Vec<Finding> = Vec::new();
        for (number, (signal, mut hits)) in self.signals.iter().zip(of).enumerate() {
            let texts: BTreeSet<&str> = hits.iter().map(|(_, hit)| hit.text.as_str()).collect();
            let fits = (signal.tree_has.is_none() || has.contains(&number))
                && !lacks.contains(&number)
                && signal.distinct.is_none_or(|least| texts.len() >= least);
            if !fits {
                hits.clear();
            }
            if let Some(rule) = signal.settled.as_ref().filter(|_| settled.contains(&number)) {
                let (gone, left): (Vec<_>, Vec<_>) =
                    hits.into_iter().partition(|(entry, hit)| rule.concerns(&hit.text) && !entry.is_altered());
                answered.extend(gone.into_iter().map(|(entry, hit)| Finding::new(signal, 1, &entry.path, hit.line, &hit.excerpt)));
                hits = left;
            }
            let per_file = (signal.distinct.is_some() || signal.settled.is_some()) && signal.per == Per::File;
            if per_file {
                hits.dedup_by(|later, first| later.0.path == first.0.path);
            }
            if signal.per == Per::App {
                hits.truncate(1);
            }
            let mut found: Vec<Finding> =
                hits.iter().enumerate().map(|(at, (entry, hit))| Finding::new(signal, at, &entry.path, hit.line, &hit.excerpt)).collect();
            found.extend(large_folder(signal, root));
            out.push(found);
        }
        // what is settled is still there
        let mut ids: BTreeSet<&str> =
            self.signals.iter().zip(&out).filter(|(_, found)| !found.is_empty()).map(|(s, _)| s.id.as_str()).collect();
        ids.extend(answered.iter().map(|finding| finding.signal.as_str()));
        let stays = |signal: &Signal| {
            signal.only_with.iter().all(|id| ids.contains(id.as_str())) && !signal.not_with.iter().any(|id| ids.contains(id.as_str()))
        };
        let mut all: Vec<Finding> = self.signals.iter().zip(&out).filter(|(s, _)| stays(s)).flat_map(|(_, found)| found.clone()).collect();
        for list in [&mut all, &mut answered] {
            sort(list);
        }
        (all, answered)
    }
}

/// Worst first, then by signal, file and line.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (a.severity, order(&a.signal), &a.file, a.line).cmp(&(b.severity, order(&b.signal), &b.file, b.line)));
}

fn large_folder(signal: &Signal, root: &Path) -> Option<Finding> {
    let (folder, limit) = signal.folder_over.as_ref()?;
    let bytes = folder_bytes(&root.join(folder));
    (bytes > *limit).then(|| Finding::new(signal, 0, folder, None, &crate::text::bytes(bytes)))
}

/// `B2` before `B10`.
fn order(id: &str) -> (String, u32, String) {
    let letters: String = id.chars().take_while(char::is_ascii_alphabetic).collect();
    let number = id.trim_start_matches(|c: char| c.is_ascii_alphabetic()).parse().unwrap_or(u32::MAX);
    (letters, number, id.to_owned())
}

/// One file while it is searched: parsed, and asked for its comments, only where something was found in it.
struct File<'t> {
    path: &'t str,
    text: &'t str,
    script: OnceCell<Option<Script>>,
    comments: &'t Comments,
    needles: &'t Needles,
    held: OnceCell<Held>,
}

/// What a file must hold for each question that a signal asks of its text.
struct Need {
    pattern: Wants,
    near: Wants,
    /// Of each shape all the words.
    shapes: Vec<Vec<Wants>>,
    tree_has: Wants,
    tree_lacks: Wants,
    settled: Wants,
}

impl Need {
    fn of(signal: &Signal, all: &mut Builder) -> Self {
        let mut pattern = |pattern: Option<&Regex>| pattern.map(|pattern| all.pattern(pattern.as_str())).unwrap_or_default();
        let [found, near, tree_has, tree_lacks, settled] = [
            signal.pattern.as_ref(),
            signal.near.as_ref(),
            signal.tree_has.as_ref(),
            signal.tree_lacks.as_ref(),
            signal.settled.as_ref().map(|settled| &settled.by),
        ]
        .map(&mut pattern);
        let words = signal.shapes.as_ref().map(Shapes::words).unwrap_or_default();
        let shapes = words.iter().map(|words| words.iter().map(|word| all.word(word)).collect()).collect();
        Self { pattern: found, near, shapes, tree_has, tree_lacks, settled }
    }
}

impl<'t> File<'t> {
    fn new(entry: &'t Entry, text: &'t str, needles: &'t Needles) -> Self {
        Self { path: &entry.path, text, script: OnceCell::new(), comments: entry.comments(), needles, held: OnceCell::new() }
    }

    /// It is worth trying: the text holds what it must.
    fn may(&self, wants: &Wants) -> bool {
        self.held.get_or_init(|| self.needles.of(self.text)).may(wants)
    }

    fn script(&self) -> Option<&Script> {
        self.script.get_or_init(|| Script::read(self.path, self.text)).as_ref()
    }

    fn in_comment(&self, at: usize) -> bool {
        self.comments.hold(self.path, self.text, at, || self.script())
    }

    /// The pattern matches outside of comments.
    fn has(&self, wants: &Wants, pattern: &Regex) -> bool {
        self.may(wants) && pattern.find_iter(self.text).any(|found| !self.in_comment(found.start()))
    }

    fn search(&self, number: usize, signal: &Signal, need: &Need, out: &mut Vec<Hit>) {
        // cheap questions first: a file is parsed only where the rest may be true
        if signal.near.as_ref().is_some_and(|p| !(self.may(&need.near) && p.is_match(self.text))) {
            return;
        }
        let mut places = self.by_shape(signal, need);
        places.extend(self.by_pattern(signal, need));
        if places.is_empty()
            || signal.near.as_ref().is_some_and(|p| !self.has(&need.near, p))
            || signal.unless.as_ref().is_some_and(|p| self.has(&Wants::default(), p))
        {
            return;
        }
        places.sort();
        let mut last = 0;
        let mut count = 0;
        // the places come in order: the text is gone through once, however many there are
        let (mut line_start, mut line_number) = (0, 1);
        for (at, text) in places {
            if let Some(between) = self.text.get(line_start..at) {
                line_number += between.matches('\n').count();
                line_start += between.rfind('\n').map_or(0, |n| n + 1);
            }
            let line = self.text.get(line_start..).and_then(|t| t.lines().next()).unwrap_or("");
            // of several texts on one line each counts where they are counted
            if (line_number == last && signal.distinct.is_none())
                || line.len() > LONGEST_LINE
                || signal.skip.as_ref().is_some_and(|p| p.is_match(line))
            {
                continue;
            }
            last = line_number;
            count += 1;
            let excerpt = hide::excerpt(self.path, line);
            out.push(Hit { signal: number, line: u32::try_from(line_number).ok(), excerpt, alone: false, text });
            let enough = match signal.per {
                Per::Line => count >= MOST_LINES,
                // of several on a file some may be settled
                Per::App | Per::File => signal.distinct.is_none() && (signal.settled.is_none() || count >= MOST_LINES),
            };
            if enough {
                break;
            }
        }
    }

    fn by_shape(&self, signal: &Signal, need: &Need) -> Vec<(usize, String)> {
        let may = need.shapes.iter().any(|words| words.iter().all(|word| self.may(word)));
        let Some(shapes) = signal.shapes.as_ref().filter(|_| may) else { return Vec::new() };
        let Some(script) = self.script() else { return Vec::new() };
        let found = shapes.find(script).into_iter().filter_map(|range| Some((range.start, self.text.get(range)?)));
        found
            .filter(|(_, text)| signal.holding.as_ref().is_none_or(|p| p.is_match(text)))
            .filter(|(_, text)| signal.lacking.as_ref().is_none_or(|p| !p.is_match(text)))
            .map(|(at, text)| (at, text.to_owned()))
            .collect()
    }

    fn by_pattern(&self, signal: &Signal, need: &Need) -> Vec<(usize, String)> {
        let Some(pattern) = signal.pattern.as_ref().filter(|_| self.may(&need.pattern)) else { return Vec::new() };
        let mut out = Vec::new();
        for captures in pattern.captures_iter(self.text) {
            let Some(at) = captures.name("at").or_else(|| captures.get(0)) else { continue };
            // a match that opens with white space begins at its first word
            let start = at.start() + at.as_str().len() - at.as_str().trim_start().len();
            if self.in_comment(start) {
                continue;
            }
            let text = captures.get(1).filter(|_| captures.name("at").is_none()).unwrap_or(at);
            out.push((start, text.as_str().to_owned()));
            // places beyond what is reported are of no interest
            if signal.skip.is_none() && signal.distinct.is_none() && signal.settled.is_none() && signal.per != Per::Line {
                break;
            }
        }
        out
    }
}
