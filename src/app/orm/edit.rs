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
    let after = replaced(before, &edits);
    let edits = shown.collect();
    Some(FileEdit { path: path.to_owned(), edits, diff: diff(path, Some(before), Some(&after)), before: before.to_owned(), after })
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

fn replaced(before: &str, edits: &[Edit]) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for edit in edits {
        out.push_str(before.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(before.get(at..).unwrap_or_default());
    out
}

/// Lines `from..to` of the old text and what stands for them in the new one.
struct Changed<'a> {
    from: usize,
    old: Vec<&'a str>,
    new: Vec<&'a str>,
}

/// The unified diff of a text and what it becomes; `None` for a file that is not there.
pub fn diff(path: &str, before: Option<&str>, after: Option<&str>) -> String {
    let (old, new) = (lines(before.unwrap_or_default()), lines(after.unwrap_or_default()));
    let mut out = format!("diff --git a/{path} b/{path}\n");
    match (before, after) {
        (None, _) => out.push_str(&format!("new file mode 100644\n--- /dev/null\n+++ b/{path}\n")),
        (_, None) => out.push_str(&format!("deleted file mode 100644\n--- a/{path}\n+++ /dev/null\n")),
        (Some(_), Some(_)) => out.push_str(&format!("--- a/{path}\n+++ b/{path}\n")),
    }
    let mut hunk: Vec<Changed<'_>> = Vec::new();
    let mut moved = 0_i64;
    for change in changes(&old, &new) {
        if hunk.last().is_some_and(|last| last.from + last.old.len() + 2 * AROUND < change.from) {
            write_hunk(&mut out, &old, &std::mem::take(&mut hunk), &mut moved);
        }
        hunk.push(change);
    }
    write_hunk(&mut out, &old, &hunk, &mut moved);
    out
}

/// Where a line (from 1) of a text is in what the text became; what was replaced is where its replacement begins.
pub fn follow(before: &str, after: &str, line: usize) -> usize {
    let at = line.saturating_sub(1);
    let (mut gone, mut come) = (0, 0);
    for change in changes(&lines(before), &lines(after)) {
        if change.from + change.old.len() > at {
            if change.from <= at {
                let inside = (at - change.from).min(change.new.len().saturating_sub(1));
                return (change.from + come + inside + 1).saturating_sub(gone);
            }
            break;
        }
        gone += change.old.len();
        come += change.new.len();
    }
    (line + come).saturating_sub(gone)
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The fewest lines that differ, by E. Myers' walk along diagonals (An O(ND) Difference Algorithm, 1986): cheap where little changes.
fn changes<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Changed<'a>> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (old.get(start..).unwrap_or_default(), new.get(start..).unwrap_or_default());
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let a = old_rest.get(..old_rest.len() - end).unwrap_or_default();
    let b = new_rest.get(..new_rest.len() - end).unwrap_or_default();
    let mut out: Vec<Changed<'a>> = Vec::new();
    for (i, j, is_old) in walk(a, b) {
        if out.last().is_none_or(|last| last.from + last.old.len() != start + i) {
            out.push(Changed { from: start + i, old: Vec::new(), new: Vec::new() });
        }
        let Some(last) = out.last_mut() else { break };
        if is_old {
            last.old.extend(a.get(i));
        } else {
            last.new.extend(b.get(j));
        }
    }
    out
}

/// Lines taken out (place in the old text, `true`) and put in (place in the new one, `false`), in order.
fn walk(a: &[&str], b: &[&str]) -> Vec<(usize, usize, bool)> {
    let reach = a.len() + b.len();
    // The furthest old line on each diagonal, one row for each number of differences.
    let mut rows: Vec<Vec<usize>> = Vec::new();
    let get = |row: &[usize], d: usize, k: isize| row.get((k + d as isize + 1).unsigned_abs()).copied().unwrap_or_default();
    let down =
        |row: &[usize], d: usize, k: isize| k == -(d as isize) || (k != d as isize && get(row, d - 1, k - 1) < get(row, d - 1, k + 1));
    'search: for d in 0..=reach {
        let mut row = vec![0; 2 * d + 3];
        for k in (-(d as isize)..=d as isize).step_by(2) {
            let last = rows.last().map(Vec::as_slice).unwrap_or_default();
            let mut x = match d {
                0 => 0,
                _ if down(last, d, k) => get(last, d - 1, k + 1),
                _ => get(last, d - 1, k - 1) + 1,
            };
            while x < a.len() && a.get(x) == b.get((x as isize - k).unsigned_abs()) {
                x += 1;
            }
            if let Some(cell) = row.get_mut((k + d as isize + 1).unsigned_abs()) {
                *cell = x;
            }
            if x >= a.len() && x as isize - k >= b.len() as isize {
                rows.push(row);
                break 'search;
            }
        }
        rows.push(row);
    }
    let (mut x, mut y, mut steps) = (a.len(), b.len(), Vec::new());
    for d in (1..rows.len()).rev() {
        let last = rows.get(d - 1).map(Vec::as_slice).unwrap_or_default();
        let k = x as isize - y as isize;
        let from = if down(last, d, k) { k + 1 } else { k - 1 };
        let before = get(last, d - 1, from);
        let before_y = (before as isize - from).unsigned_abs();
        steps.push((before, before_y, from < k));
        (x, y) = (before, before_y);
    }
    steps.reverse();
    steps
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
    fn a_line_is_followed_through_what_its_text_becomes() {
        let (before, after) = ("a\nb\nc\nd\ne\n", "new\nnew\na\nc\nD\nmore\ne\n");
        assert_eq!([1, 2, 3, 4, 5].map(|line| follow(before, after, line)), [3, 4, 4, 5, 7]);
        assert_eq!(follow(before, before, 4), 4);
        // right before a line that something was put in front of
        assert_eq!(follow("a\nb\n", "a\nx\nb\n", 2), 3);
    }

    #[test]
    fn what_changes_nothing_is_no_edit() {
        assert_eq!(apply("a.ts", "one", vec![Edit::new(0..3, "one", "")]), None);
    }
}
