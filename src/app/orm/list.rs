//! Items taken out of a list of an app's source, and items put in: arrays, objects, imports.
//! Never touches the items that stay, nor the comments beside them.

use std::ops::Range;

use super::edit::Edit;
use super::script::{Part, Script, items};

/// What becomes of a list's items.
pub struct ListEdit<'a, 'r> {
    pub script: &'a Script,
    /// With its brackets.
    pub list: &'a Part<'r>,
    /// Places of the items that go, with the reason.
    pub gone: &'a [(usize, String)],
    /// New items, each after the item of this place (`None`: before all others), with the reason.
    pub added: &'a [(Option<usize>, String, String)],
}

impl ListEdit<'_, '_> {
    pub fn edits(&self) -> Vec<Edit> {
        let items = items(self.list);
        let is_gone = |place: usize| self.gone.iter().any(|(gone, _)| *gone == place);
        let kept: Vec<usize> = (0..items.len()).filter(|place| !is_gone(*place)).collect();
        if kept.is_empty() {
            return self.whole(items.first());
        }
        let mut edits = Vec::new();
        let first_kept = kept.first().copied().unwrap_or_default();
        let last_kept = kept.last().copied().unwrap_or_default();
        let trailing = items.last().is_some_and(|last| self.comma(last).is_some());
        for (place, why) in self.gone {
            let Some(item) = items.get(*place) else { continue };
            let before = place.checked_sub(1).and_then(|before| items.get(before));
            let (start, end) = if *place < first_kept {
                // What the bracket is followed by stays for the first item that is kept.
                let next = items.get(place + 1).map_or(item.range().end, |next| next.range().start);
                (item.range().start, self.comma(item).map_or(next, |comma| next.max(comma.end)))
            } else {
                // A last item without a comma takes the comma before it along.
                let start = match before {
                    Some(before) if *place == last_kept + 1 && !trailing => before.range().end,
                    Some(before) => self.after(before),
                    None => item.range().start,
                };
                (start, self.comma(item).map_or(item.range().end, |comma| comma.end))
            };
            edits.push(Edit::new(start..end.max(start), "", why));
        }
        for (after, text, why) in self.added {
            let before = after.and_then(|after| kept.iter().rev().find(|place| **place <= after)).and_then(|place| items.get(*place));
            edits.push(match before {
                Some(item) => {
                    let (end, comma) = (self.after(item), self.comma(item));
                    let blank = self.blank(item);
                    // Behind the comma, when a comment of the item stands there.
                    match comma.filter(|comma| comma.end < end) {
                        Some(_) => Edit::new(end..end, format!("{blank}{text},"), why),
                        None => Edit::new(item.range().end..item.range().end, format!(",{blank}{text}"), why),
                    }
                }
                None => {
                    let first = kept.first().and_then(|place| items.get(*place));
                    let at = first.map_or(self.list.range().start + 1, |item| item.range().start);
                    let blank = first.map_or_else(|| " ".to_owned(), |item| self.blank(item));
                    Edit::new(at..at, format!("{text},{blank}"), why)
                }
            });
        }
        edits
    }

    /// Nothing of the list stays.
    fn whole(&self, first: Option<&Part<'_>>) -> Vec<Edit> {
        let range = self.list.range();
        let inside = range.start + 1..range.end.saturating_sub(1);
        let why = self.added.first().map(|(_, _, why)| why).or_else(|| self.gone.first().map(|(_, why)| why)).cloned().unwrap_or_default();
        let texts: Vec<&str> = self.added.iter().map(|(_, text, _)| text.as_str()).collect();
        let blank = first.map(|item| self.blank(item)).filter(|blank| blank.contains('\n'));
        let text = match blank {
            _ if texts.is_empty() => String::new(),
            Some(blank) => {
                let close = format!("{}{}", self.script.style().newline, self.script.indent(range.end.saturating_sub(1)));
                texts.iter().map(|text| format!("{blank}{text},")).collect::<String>() + &close
            }
            None if self.list.kind() == "array" => texts.join(", "),
            None => format!(" {} ", texts.join(", ")),
        };
        vec![Edit::new(inside, text, why)]
    }

    /// The blanks between items: a space, or a new line and its indent.
    fn blank(&self, item: &Part<'_>) -> String {
        let open = self.list.range().start + 1;
        let head = self.script.text.get(open..item.range().start).unwrap_or_default();
        if head.trim_start_matches([' ', '\t', '\r']).starts_with('\n') {
            format!("{}{}", self.script.style().newline, self.script.indent(item.range().start))
        } else {
            " ".to_owned()
        }
    }

    fn comma(&self, item: &Part<'_>) -> Option<Range<usize>> {
        item.next_all()
            .take_while(|next| !next.is_named() || next.kind() == "comment")
            .find(|next| next.kind() == ",")
            .map(|comma| comma.range())
    }

    /// The end of an item with its comma and the comment on the comma's line.
    fn after(&self, item: &Part<'_>) -> usize {
        let Some(comma) = self.comma(item) else { return item.range().end };
        let line = self.script.line(comma.start);
        let comment = item.next_all().find(|next| next.kind() == "comment" && next.range().start >= comma.end);
        comment.filter(|comment| self.script.line(comment.range().start) == line).map_or(comma.end, |comment| comment.range().end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::orm::edit::apply;

    fn edited(text: &str, gone: &[usize], added: &[(Option<usize>, &str)]) -> String {
        let script = Script::read("a.ts", text).unwrap();
        let list = script.root().dfs().find(|part| part.kind() == "array").unwrap();
        let gone: Vec<(usize, String)> = gone.iter().map(|place| (*place, String::new())).collect();
        let added: Vec<_> = added.iter().map(|(after, text)| (*after, (*text).to_owned(), String::new())).collect();
        let edits = ListEdit { script: &script, list: &list, gone: &gone, added: &added }.edits();
        apply("a.ts", text, edits).map_or_else(|| text.to_owned(), |file| file.after)
    }

    #[test]
    fn items_come_and_go() {
        for (given, gone, added, then) in [
            ("x = [a, b, c];", &[1][..], &[][..], "x = [a, c];"),
            ("x = [a, b, c];", &[0], &[], "x = [b, c];"),
            ("x = [a, b, c];", &[2], &[], "x = [a, b];"),
            ("x = [a, b, c];", &[0, 1], &[(None, "d")], "x = [d, c];"),
            ("x = [\n  a,\n  b,\n  c,\n];", &[0, 1], &[], "x = [\n  c,\n];"),
            ("x = [a, b, c];", &[1, 2], &[], "x = [a];"),
            ("x = [a, b];", &[0, 1], &[], "x = [];"),
            ("x = [a];", &[], &[(Some(0), "b")], "x = [a, b];"),
            ("x = [a];", &[], &[(None, "b")], "x = [b, a];"),
            ("x = [];", &[], &[(None, "b")], "x = [b];"),
            ("x = [\n  a,\n  b,\n];", &[1], &[(Some(1), "c")], "x = [\n  a,\n  c,\n];"),
            ("x = [\n  a,\n  b\n];", &[1], &[], "x = [\n  a\n];"),
            ("x = [\n  a,\n  b\n];", &[1], &[(Some(1), "c")], "x = [\n  a,\n  c\n];"),
            ("x = [\n  a, // of a\n  b,\n];", &[1], &[(Some(0), "c")], "x = [\n  a, // of a\n  c,\n];"),
            ("x = [\r\n  a,\r\n];", &[], &[(Some(0), "b")], "x = [\r\n  a,\r\n  b,\r\n];"),
            ("x = [\n  a,\n];", &[0], &[(None, "b")], "x = [\n  b,\n];"),
            ("x = [\n  a,\n  // of b\n  b,\n];", &[1], &[], "x = [\n  a,\n];"),
        ] {
            assert_eq!(edited(given, gone, added), then, "{given}");
        }
    }
}
