//! What a text must hold for a pattern to match it: a text is gone through once for all of them, and most patterns are then not tried at all.
//! Never says that a pattern matches, and never leaves out one that may.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::error::{Error, Result};

/// A shorter needle is in nearly every file.
const SHORTEST: usize = 3;
/// More needles for one pattern are no help.
const MOST: usize = 40;

/// One of these must be in a text: places in the list of all needles. `None`: the pattern may match any text.
#[derive(Debug, Clone, Default)]
pub struct Wants(Option<Vec<usize>>);

/// All needles, while patterns are added.
#[derive(Default)]
pub struct Builder {
    places: BTreeMap<String, usize>,
}

impl Builder {
    /// What a text must hold for this pattern.
    pub fn pattern(&mut self, pattern: &str) -> Wants {
        let parsed = regex_syntax::Parser::new().parse(pattern).ok();
        let needles = parsed.and_then(|hir| required(&hir));
        Wants(needles.map(|needles| needles.iter().map(|needle| self.place(needle)).collect()))
    }

    /// A word that is asked for as it stands, but for the case of its letters.
    pub fn word(&mut self, word: &str) -> Wants {
        Wants(Some(vec![self.place(&word.to_ascii_lowercase())]))
    }

    fn place(&mut self, needle: &str) -> usize {
        let next = self.places.len();
        *self.places.entry(needle.to_owned()).or_insert(next)
    }

    /// # Errors
    /// `Bug` if the needles do not go together.
    pub fn build(self) -> Result<Needles> {
        let mut all = vec![""; self.places.len()];
        for (needle, place) in &self.places {
            if let Some(slot) = all.get_mut(*place) {
                *slot = needle;
            }
        }
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&all)
            .map_err(|error| Error::bug("the needles of the signals do not go together").because(&error))?;
        Ok(Needles { finder, count: all.len() })
    }
}

/// All needles, ready to be looked for.
pub struct Needles {
    finder: AhoCorasick,
    count: usize,
}

impl Needles {
    /// Those that a text holds.
    pub fn of(&self, text: &str) -> Held {
        let mut held = vec![false; self.count];
        for found in self.finder.find_overlapping_iter(text) {
            if let Some(slot) = held.get_mut(found.pattern().as_usize()) {
                *slot = true;
            }
        }
        Held(held)
    }
}

/// The needles that one text holds.
#[derive(Debug)]
pub struct Held(Vec<bool>);

impl Held {
    pub fn may(&self, wants: &Wants) -> bool {
        wants.0.as_ref().is_none_or(|places| places.iter().any(|place| self.0.get(*place).is_none_or(|held| *held)))
    }
}

/// In lower case: whatever matches holds one of these; `None` where nothing can be said.
fn required(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => None,
        HirKind::Literal(literal) => worth(vec![std::str::from_utf8(&literal.0).ok()?.to_ascii_lowercase()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) => (repetition.min > 0).then(|| required(&repetition.sub)).flatten(),
        HirKind::Alternation(all) => {
            let mut out = Vec::new();
            for one in all {
                out.extend(required(one)?);
            }
            worth(out)
        }
        HirKind::Concat(parts) => {
            let mut best: Option<Vec<String>> = None;
            let mut run = String::new();
            let mut offer = |found: Option<Vec<String>>| {
                if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|best| weight(found) > weight(best))) {
                    best = Some(found);
                }
            };
            flat(parts, &mut |part| match exact(part) {
                Some(text) => run.push_str(&text),
                None => {
                    offer(worth(vec![std::mem::take(&mut run)]));
                    offer(required(part));
                }
            });
            offer(worth(vec![run]));
            best
        }
    }
}

/// The parts of a sequence, groups opened.
fn flat<'h>(parts: &'h [Hir], each: &mut impl FnMut(&'h Hir)) {
    for part in parts {
        let inner = match part.kind() {
            HirKind::Capture(capture) => &capture.sub,
            HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Literal(_) => part,
            HirKind::Repetition(_) | HirKind::Alternation(_) | HirKind::Concat(_) => part,
        };
        match inner.kind() {
            HirKind::Concat(parts) => flat(parts, each),
            _ => each(inner),
        }
    }
}

/// The one text that a part matches, in lower case: a literal, a letter in both its cases, or nothing at all.
fn exact(part: &Hir) -> Option<String> {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => Some(String::new()),
        HirKind::Literal(literal) => Some(std::str::from_utf8(&literal.0).ok()?.to_ascii_lowercase()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut letters: Vec<char> = class.ranges().iter().flat_map(|range| [range.start(), range.end()]).collect();
            let single = class.ranges().iter().all(|range| range.start() == range.end());
            // what Unicode folds to k and s is nobody's code
            letters.retain(|c| !matches!(c, '\u{212a}' | '\u{17f}'));
            letters.iter_mut().for_each(|c| c.make_ascii_lowercase());
            letters.dedup();
            match letters.as_slice() {
                [c] if single && c.is_ascii_alphabetic() => Some(c.to_string()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn worth(needles: Vec<String>) -> Option<Vec<String>> {
    let fits = needles.len() <= MOST && needles.iter().all(|needle| needle.len() >= SHORTEST);
    (fits && !needles.is_empty()).then_some(needles)
}

/// Longer needles are rarer; of the same length fewer are better.
fn weight(needles: &[String]) -> (usize, std::cmp::Reverse<usize>) {
    let shortest = needles.iter().map(String::len).min().unwrap_or_default();
    (shortest.min(8), std::cmp::Reverse(needles.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str) -> Option<Vec<String>> {
        required(&regex_syntax::Parser::new().parse(pattern).unwrap())
    }

    #[test]
    fn a_pattern_says_what_a_text_must_hold() {
        for (pattern, needles) in [
            (r"setInterval\(", Some(vec!["setinterval("])),
            (r#"(?i)\bpgEnum\("#, Some(vec!["pgenum("])),
            (r#"(?:process|import\.meta)\.env\.([A-Z]+)"#, Some(vec!["process", "import.meta"])),
            (r#"REPLIT_CONNECTORS_HOSTNAME|connector_names=|a@b"#, Some(vec!["replit_connectors_hostname", "connector_names=", "a@b"])),
            (r"from\s+replit\s+import", Some(vec!["replit"])),
            (r"(?:abcdef)?xyz", Some(vec!["xyz"])),
            (r"(?:ab|c)+\d{4}", None),
            (r"[a-z]+\s*=", None),
            (r"x|process\.env", None),
        ] {
            let expected = needles.map(|all| all.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(of(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn a_text_is_asked_once_for_all() {
        let mut builder = Builder::default();
        let (timer, any, word) = (builder.pattern(r"(?i)\bsetInterval\("), builder.pattern(r"\d+"), builder.word("Redis"));
        let needles = builder.build().unwrap();
        let held = needles.of("x = SETINTERVAL(f)");
        assert_eq!((held.may(&timer), held.may(&any), held.may(&word)), (true, true, false));
        let held = needles.of("new redis");
        assert_eq!((held.may(&timer), held.may(&any), held.may(&word)), (false, true, true));
    }
}
