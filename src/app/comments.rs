//! Where a file holds comments, so that words in them are no findings.
//! Never knows what is looked for.

use std::ops::Range;
use std::sync::OnceLock;

use super::orm::script::{Grammar, Script};
use super::tree::extension;

/// Byte ranges of the comments of a file, in order; Python's doc strings count as comments.
/// `script` is the file's syntax tree where there is one.
pub fn ranges(path: &str, text: &str, script: Option<&Script>) -> Vec<Range<usize>> {
    if let Some(script) = script {
        return script.root().dfs().filter(|part| part.kind() == "comment" || part.kind() == "html_comment").map(|p| p.range()).collect();
    }
    match extension(path) {
        "py" => Lexer::new(text).read(&PYTHON),
        "sql" => Lexer::new(text).read(&SQL),
        "html" | "htm" | "xml" | "vue" | "svelte" | "astro" | "ejs" | "hbs" => Lexer::new(text).read(&MARKUP),
        "php" | "prisma" | "css" | "scss" => Lexer::new(text).read(&C),
        "json" | "md" | "mdx" | "txt" => Vec::new(),
        // one whose tree cannot be had
        _ if Grammar::of(path).is_some() => Lexer::new(text).read(&SCRIPT),
        _ => Lexer::new(text).read(&SHELL),
    }
}

/// Those of one file, looked for at the first question and never twice.
#[derive(Debug, Clone, Default)]
pub struct Comments(OnceLock<Vec<Range<usize>>>);

impl Comments {
    /// This byte of the file lies in one. `script`: the file's tree, where somebody has it already or can make it.
    pub fn hold<'s>(&self, path: &str, text: &str, at: usize, script: impl FnOnce() -> Option<&'s Script>) -> bool {
        within(self.0.get_or_init(|| ranges(path, text, script())), at)
    }

    /// The same where nobody has the tree.
    pub fn inside(&self, path: &str, text: &str, at: usize) -> bool {
        within(self.0.get_or_init(|| ranges(path, text, Script::read(path, text).as_ref())), at)
    }
}

fn within(ranges: &[Range<usize>], at: usize) -> bool {
    let after = ranges.partition_point(|range| range.start <= at);
    after.checked_sub(1).and_then(|last| ranges.get(last)).is_some_and(|range| range.contains(&at))
}

/// How a language writes comments and texts.
struct Marks {
    line: &'static [&'static str],
    block: &'static [(&'static str, &'static str)],
    quotes: &'static [&'static str],
    /// A text that stands alone is a comment.
    doc: bool,
}

const PYTHON: Marks = Marks { line: &["#"], block: &[], quotes: &["\"\"\"", "'''", "\"", "'"], doc: true };
const SHELL: Marks = Marks { line: &["#"], block: &[], quotes: &["\"\"\"", "'''", "\"", "'"], doc: false };
const SQL: Marks = Marks { line: &["--"], block: &[("/*", "*/")], quotes: &["'", "\""], doc: false };
const MARKUP: Marks = Marks { line: &[], block: &[("<!--", "-->")], quotes: &[], doc: false };
const SCRIPT: Marks = Marks { line: &["//"], block: &[("/*", "*/")], quotes: &["\"", "'", "`"], doc: false };
const C: Marks = Marks { line: &["//"], block: &[("/*", "*/")], quotes: &["\"", "'"], doc: false };

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Open parentheses: a text inside them is an argument, not a doc string.
    depth: usize,
    /// Nothing but blanks stands before `at` on its line.
    fresh: bool,
    out: Vec<Range<usize>>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, fresh: true, out: Vec::new() }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn read(mut self, marks: &Marks) -> Vec<Range<usize>> {
        while let Some(next) = self.rest().chars().next() {
            let (start, rest) = (self.at, self.rest());
            if let Some(mark) = marks.line.iter().find(|m| rest.starts_with(**m)).filter(|m| self.begins_comment(m)) {
                self.at += rest.find('\n').unwrap_or(rest.len()).max(mark.len());
                self.out.push(start..self.at);
            } else if let Some((open, close)) = marks.block.iter().find(|(open, _)| rest.starts_with(open)) {
                let inner = rest.get(open.len()..).unwrap_or_default();
                self.at += open.len() + inner.find(close).map_or(inner.len(), |end| end + close.len());
                self.out.push(start..self.at);
            } else if let Some(quote) = marks.quotes.iter().find(|q| rest.starts_with(**q)) {
                let alone = self.fresh && self.depth == 0 && quote.len() == 3;
                self.at += quote.len();
                self.skip_text(quote);
                if marks.doc && alone {
                    self.out.push(start..self.at);
                }
                self.fresh = false;
            } else {
                match next {
                    '(' | '[' | '{' => self.depth += 1,
                    ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.fresh = next == '\n' || (self.fresh && next.is_whitespace());
                self.at += next.len_utf8();
            }
        }
        self.out
    }

    /// In a shell `a#b` and `$#` are words, not comments.
    fn begins_comment(&self, mark: &str) -> bool {
        mark != "#" || self.text.get(..self.at).and_then(|t| t.chars().last()).is_none_or(|c| c.is_whitespace() || ")]};,\"':".contains(c))
    }

    /// Goes behind the end of a text; one of a single quote ends with its line at the latest.
    fn skip_text(&mut self, quote: &str) {
        while let Some(next) = self.rest().chars().next() {
            if self.rest().starts_with(quote) {
                self.at += quote.len();
                return;
            }
            if next == '\n' && quote.len() == 1 {
                return;
            }
            self.at += next.len_utf8();
            if next == '\\' {
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_code() {
        for (path, text, then) in [
            ("a.py", "x = 1  # one\ny = \"# no\"\n", vec!["# one"]),
            ("a.py", "def f():\n    \"\"\"doc # x\"\"\"\n    run(\n\"\"\"CREATE\"\"\")\n", vec!["\"\"\"doc # x\"\"\""]),
            ("a.py", "s = 'it''s' # t", vec!["# t"]),
            ("a.ts", "f(\"// no\"); // yes\n/* a\n b */ const u = `http://x/${/* in */ y}`;", vec!["// yes", "/* a\n b */", "/* in */"]),
            ("a.tsx", "const a = <a href=\"x\">http://x {/* c */ 1}</a>;", vec!["/* c */"]),
            ("a.sql", "select '-- no' -- yes\n/* b */", vec!["-- yes", "/* b */"]),
            ("a.html", "<p>--</p><!-- c\nd -->e", vec!["<!-- c\nd -->"]),
            ("a.sh", "echo $# a#b \"# no\" # yes\n", vec!["# yes"]),
            (".replit", "run = \"a # b\"\n# c\n", vec!["# c"]),
            ("a.json", "{ \"a\": \"# // x\" }", vec![]),
        ] {
            let script = Script::read(path, text);
            let found: Vec<&str> = ranges(path, text, script.as_ref()).into_iter().map(|r| &text[r]).collect();
            assert_eq!(found, then, "{path}: {text}");
        }
    }
}
