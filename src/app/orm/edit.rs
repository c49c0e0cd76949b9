//! Edits of one file, applied and shown as a unified diff.
//! Never reads or writes a file.

use std::fmt::Write;
use std::ops::Range;

use serde::Serialize;

/// Unchanged lines around a change.
const AROUND: usize = 3;

/// One replaced piece of a file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub text: String,
    /// What the database has there now.
    pub why: String,
}

impl Edit {
    pub fn new(range: Range<usize>, text: impl Into<String>, why: impl Into<String>) -> Self {
        Self { range, text: text.into(), why: why.into() }
    }
}

/// A file before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileEdit {
    /// From the app's root.
    pub path: String,
    pub edits: Vec<Shown>,
    #[serde(skip)]
    pub before: String,
    #[serde(skip)]
    pub after: String,
    /// Unified, with `a/` and `b/` before the path.
    pub diff: String,
}

/// One edit as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// From 1, in the file as it was.
    pub line: usize,
    pub before: String,
    pub after: String,
    pub why: String,
}

/// Applies the edits, which must not overlap: of two that do, the later one is left out. `None` when nothing changes.
pub fn apply(path: &str, before: &str, mut edits: Vec<Edit>) -> Option<FileEdit> {
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut end = 0;
    edits.retain(|edit| {
        let fits = edit.range.start >= end && before.get(edit.range.clone()).is_some_and(|old| old != edit.text);
        if fits {
            end = edit.range.end;
        }
        fits
    });
    if edits.is_empty() {
        return None;
    }
    let line = |byte: usize| before.get(..byte).map_or(1, |head| head.matches('\n').count() + 1);
    let shown = edits.iter().map(|edit| Shown {
        line: line(edit.range.start + leading(before.get(edit.range.clone()).unwrap_or_default())),
        before: before.get(edit.range.clone()).unwrap_or_default().trim().to_owned(),
        after: edit.text.trim().to_owned(),
        why: edit.why.clone(),
    });
    let after = replaced(before, 0..before.len(), &edits);
    Some(FileEdit { path: path.to_owned(), edits: shown.collect(), diff: diff(path, before, &edits), before: before.to_owned(), after })
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn replaced(before: &str, within: Range<usize>, edits: &[Edit]) -> String {
    let (mut out, mut at) = (String::new(), within.start);
    for edit in edits.iter().filter(|edit| edit.range.start >= within.start && edit.range.end <= within.end) {
        out.push_str(before.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(before.get(at..within.end).unwrap_or_default());
    out
}

/// Lines `from..to` of the old text and what stands for them in the new one.
struct Changed<'a> {
    from: usize,
    old: Vec<&'a str>,
    new: Vec<String>,
}

fn diff(path: &str, before: &str, edits: &[Edit]) -> String {
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let mut starts = vec![0];
    for line in &lines {
        starts.push(starts.last().copied().unwrap_or_default() + line.len());
    }
    let line_of = |byte: usize| starts.partition_point(|start| *start <= byte).saturating_sub(1).min(lines.len().saturating_sub(1));
    // Whole lines that some edit touches; edits on lines next to each other are one change.
    let mut spans: Vec<Range<usize>> = Vec::new();
    for edit in edits {
        let (first, last) = (line_of(edit.range.start), line_of(edit.range.end));
        match spans.last_mut() {
            Some(span) if first <= span.end => span.end = span.end.max(last + 1),
            Some(_) | None => spans.push(first..last + 1),
        }
    }
    let changes = spans.into_iter().flat_map(|span| {
        let bytes = starts.get(span.start).copied().unwrap_or_default()..starts.get(span.end).copied().unwrap_or(before.len());
        let new = replaced(before, bytes, edits);
        split(span.start, lines.get(span).unwrap_or_default(), &new.split_inclusive('\n').collect::<Vec<_>>())
    });
    let mut out = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n");
    let mut hunk: Vec<Changed<'_>> = Vec::new();
    let mut moved = 0_i64;
    for change in changes {
        if hunk.last().is_some_and(|last| last.from + last.old.len() + 2 * AROUND < change.from) {
            write_hunk(&mut out, &lines, &std::mem::take(&mut hunk), &mut moved);
        }
        hunk.push(change);
    }
    write_hunk(&mut out, &lines, &hunk, &mut moved);
    out
}

/// Only the lines that differ: the longest common run of lines stays.
fn split<'a>(from: usize, old: &[&'a str], new: &[&str]) -> Vec<Changed<'a>> {
    // Lines of `old[i..]` and `new[j..]` that are the same in both; a region is a few edits that stand next to each other.
    let width = new.len() + 1;
    let mut same = vec![0_usize; (old.len() + 1) * width];
    let at = |same: &[usize], i: usize, j: usize| same.get(i * width + j).copied().unwrap_or_default();
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let best = if old.get(i) == new.get(j) { at(&same, i + 1, j + 1) + 1 } else { at(&same, i + 1, j).max(at(&same, i, j + 1)) };
            if let Some(cell) = same.get_mut(i * width + j) {
                *cell = best;
            }
        }
    }
    let (mut i, mut j, mut out): (usize, usize, Vec<Changed<'a>>) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && old.get(i) == new.get(j) {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        if out.last().is_none_or(|last| last.from + last.old.len() != from + i) {
            out.push(Changed { from: from + i, old: Vec::new(), new: Vec::new() });
        }
        let Some(last) = out.last_mut() else { break };
        if i < old.len() && (j >= new.len() || at(&same, i + 1, j) >= at(&same, i, j + 1)) {
            last.old.extend(old.get(i));
            i += 1;
        } else {
            last.new.extend(new.get(j).map(|line| (*line).to_owned()));
            j += 1;
        }
    }
    out
}

fn write_hunk(out: &mut String, lines: &[&str], hunk: &[Changed<'_>], moved: &mut i64) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let from = first.from.saturating_sub(AROUND);
    let to = (last.from + last.old.len() + AROUND).min(lines.len());
    let mut body = String::new();
    let (mut at, mut old_count, mut new_count) = (from, 0_usize, 0_usize);
    for change in hunk {
        for line in lines.get(at..change.from).unwrap_or_default() {
            push(&mut body, ' ', line);
        }
        let same = change.from.saturating_sub(at);
        change.old.iter().for_each(|line| push(&mut body, '-', line));
        change.new.iter().for_each(|line| push(&mut body, '+', line));
        old_count += same + change.old.len();
        new_count += same + change.new.len();
        at = change.from + change.old.len();
    }
    for line in lines.get(at..to).unwrap_or_default() {
        push(&mut body, ' ', line);
    }
    let rest = to.saturating_sub(at);
    (old_count, new_count) = (old_count + rest, new_count + rest);
    let new_from = i64::try_from(from).unwrap_or_default() + *moved;
    // An empty side is said to begin at the line before it.
    let begin = |count: usize, from: i64| if count == 0 { from } else { from + 1 };
    let old_from = begin(old_count, i64::try_from(from).unwrap_or_default());
    let _always_fits = writeln!(out, "@@ -{old_from},{old_count} +{},{new_count} @@", begin(new_count, new_from));
    out.push_str(&body);
    *moved += i64::try_from(new_count).unwrap_or_default() - i64::try_from(old_count).unwrap_or_default();
}

fn push(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_has_three_lines_around_each_change() {
        let text: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let at = |what: &str| text.find(what).unwrap();
        let edits =
            vec![Edit::new(at("line 2\n")..at("line 3\n"), "", ""), Edit::new(at("line 19")..at("line 19") + 7, "new 19\nnew 19b", "")];
        assert_eq!(
            apply("a.ts", &text, edits).unwrap().diff,
            "diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n\
             @@ -1,5 +1,4 @@\n line 1\n-line 2\n line 3\n line 4\n line 5\n\
             @@ -16,5 +15,6 @@\n line 16\n line 17\n line 18\n-line 19\n+new 19\n+new 19b\n line 20\n"
        );
    }

    #[test]
    fn a_line_that_stays_between_two_changes_is_not_shown_as_changed() {
        let edits = vec![Edit::new(0..3, "1", ""), Edit::new(7..7, "\nnew", "")];
        assert_eq!(
            apply("a.ts", "one\ntwo\nend\n", edits).unwrap().diff,
            "diff --git a/a.ts b/a.ts\n--- a/a.ts\n+++ b/a.ts\n@@ -1,3 +1,4 @@\n-one\n+1\n two\n+new\n end\n"
        );
    }

    #[test]
    fn a_file_without_a_last_newline_says_so() {
        let edited = apply("a.ts", "one\ntwo", vec![Edit::new(4..7, "2", "")]).unwrap();
        assert_eq!(edited.after, "one\n2");
        assert!(edited.diff.ends_with("@@ -1,2 +1,2 @@\n one\n-two\n\\ No newline at end of file\n+2\n\\ No newline at end of file\n"));
    }

    #[test]
    fn what_changes_nothing_is_no_edit() {
        assert_eq!(apply("a.ts", "one", vec![Edit::new(0..3, "one", "")]), None);
    }
}
