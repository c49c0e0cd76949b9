//! Python as its lines tell it: which text is code, which statements stand at the top, and what a function has between its lines.
//! Never judges what code does; where it cannot be told apart by lines it is nobody's statement.

use std::ops::Range;

/// The text with its strings and comments blank, of the same length: lines within a string are one. What stands in the braces of an f-string stays.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let blank = |out: &mut String, part: &str| out.extend(std::iter::repeat_n(' ', part.len()));
    let mut rest = text;
    let mut is_word = false;
    let mut prefix = String::new();
    while let Some(c) = rest.chars().next() {
        match c {
            '#' => {
                let end = rest.find('\n').unwrap_or(rest.len());
                blank(&mut out, rest.get(..end).unwrap_or_default());
                rest = rest.get(end..).unwrap_or_default();
            }
            '"' | '\'' => {
                let formatted = prefix.len() <= 2 && prefix.to_lowercase().contains('f');
                let triple = ["\"\"\"", "'''"].into_iter().find(|mark| rest.starts_with(mark));
                let mark = triple.unwrap_or_else(|| rest.get(..1).unwrap_or_default());
                out.push_str(mark);
                rest = rest.get(mark.len()..).unwrap_or_default();
                let mut depth = 0usize;
                while let Some(inner) = rest.chars().next() {
                    let len = inner.len_utf8();
                    if depth == 0 && rest.starts_with(mark) {
                        out.push_str(mark);
                        rest = rest.get(mark.len()..).unwrap_or_default();
                        break;
                    }
                    if inner == '\n' && triple.is_none() {
                        break;
                    }
                    if inner == '\\' && depth == 0 {
                        let two = rest.chars().take(2).map(char::len_utf8).sum();
                        blank(&mut out, rest.get(..two).unwrap_or_default());
                        rest = rest.get(two..).unwrap_or_default();
                        continue;
                    }
                    match inner {
                        '{' if formatted && depth == 0 && rest.starts_with("{{") => {
                            out.push_str("  ");
                            rest = rest.get(2..).unwrap_or_default();
                            continue;
                        }
                        '{' if formatted => depth += 1,
                        '}' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    let kept = depth > 0 && inner != '{' && inner != '\n';
                    if kept {
                        out.push(inner);
                    } else {
                        out.extend(std::iter::repeat_n(' ', len));
                    }
                    rest = rest.get(len..).unwrap_or_default();
                }
            }
            _ => {
                out.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        let goes_on = c.is_alphanumeric() || c == '_';
        if goes_on {
            if !is_word {
                prefix.clear();
            }
            prefix.push(c);
        } else {
            prefix.clear();
        }
        is_word = goes_on;
    }
    out
}

/// The statements of a block whose lines begin with this indentation, each with its decorators and its body, but not the comments around it.
fn block(code: &str, from: usize, indent: usize) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    let (mut depth, mut joined, mut decorated) = (0usize, false, false);
    let mut start = from;
    for line in code.get(from..).unwrap_or_default().split_inclusive('\n') {
        let at = start;
        start += line.len();
        let bare = line.trim();
        let opens = depth == 0 && !joined;
        for c in line.chars() {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        joined = bare.ends_with('\\');
        if bare.is_empty() {
            continue;
        }
        let own = line.len() - line.trim_start().len();
        if opens && own < indent {
            break;
        }
        let end = at + line.trim_end().len();
        let follows = ["else", "elif", "except", "finally"]
            .iter()
            .any(|word| bare.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')));
        if opens && own == indent && !decorated && !follows {
            out.push(at + own..end);
        } else if let Some(last) = out.last_mut() {
            last.end = end;
        }
        if opens && own == indent {
            decorated = bare.starts_with('@');
        }
    }
    out
}

/// Those at the top of a file.
pub fn statements(code: &str) -> Vec<Range<usize>> {
    block(code, 0, 0)
}

/// Those in the body of a class or a function that begins here.
pub fn body(code: &str, statement: &Range<usize>) -> Vec<Range<usize>> {
    let text = code.get(..statement.end).unwrap_or_default();
    let mut depth = 0usize;
    let mut colon = None;
    let head = ["class ", "def ", "async def "];
    let mut at = statement.start;
    for line in code.get(statement.clone()).unwrap_or_default().split_inclusive('\n') {
        if head.iter().any(|word| line.trim_start().starts_with(word)) {
            break;
        }
        at += line.len();
    }
    for (place, c) in text.get(at..).unwrap_or_default().char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                colon = Some(at + place + 1);
                break;
            }
            _ => {}
        }
    }
    let Some(colon) = colon else { return Vec::new() };
    let Some(from) = text.get(colon..).and_then(|rest| rest.find('\n')).map(|end| colon + end + 1) else { return Vec::new() };
    let first = text.get(from..).unwrap_or_default().lines().find(|line| !line.trim().is_empty());
    let indent = first.map_or(0, |line| line.len() - line.trim_start().len());
    if indent == 0 { Vec::new() } else { block(text, from, indent) }
}

/// The name that a statement gives to a function or a class, or to what it assigns.
pub fn name(statement: &str) -> Option<&str> {
    let heads = ["async def ", "def ", "class "];
    let is_decorated = statement.trim_start().starts_with('@');
    let line = statement.lines().map(str::trim_start).find(|line| !is_decorated || heads.iter().any(|head| line.starts_with(head)))?;
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if let Some(rest) = heads.iter().find_map(|head| line.strip_prefix(head)) {
        return rest.get(..word(rest)).filter(|name| !name.is_empty());
    }
    let (name, rest) = line.split_at_checked(word(line))?;
    let rest = rest.trim_start();
    let is_one = rest.starts_with('=') && !rest.starts_with("==") || rest.starts_with(':') && rest.contains('=');
    (is_one && !name.is_empty()).then_some(name)
}

/// A name that a file imports, with the statement that imports it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub name: String,
    /// What the module calls it.
    pub given: String,
    pub module: String,
    pub line: String,
}

/// What a statement imports: `import a.b as c`, `from a import (b, c as d)`.
pub fn imports(statement: &str) -> Vec<Import> {
    let one = |part: &str| {
        let (given, name) = part.split_once(" as ").map_or((part, part), |(given, name)| (given.trim(), name.trim()));
        (given.to_owned(), name.to_owned())
    };
    let parts = |list: &str| -> Vec<String> {
        let plain = list.replace(['(', ')', '\\', '\n', '\r'], " ");
        plain.split(',').map(|part| part.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|part| !part.is_empty()).collect()
    };
    if let Some((module, list)) = statement.strip_prefix("from ").and_then(|rest| rest.split_once(" import")) {
        let module = module.trim().to_owned();
        return parts(list)
            .iter()
            .map(|part| {
                let (given, name) = one(part);
                Import { name, given, line: format!("from {module} import {part}"), module: module.clone() }
            })
            .collect();
    }
    let Some(list) = statement.strip_prefix("import ") else { return Vec::new() };
    parts(list)
        .iter()
        .map(|part| {
            let (module, name) = one(part);
            // `import a.b` makes the name `a`
            let name = if name == module { module.split('.').next().unwrap_or_default().to_owned() } else { name };
            Import { name, given: String::new(), module, line: format!("import {part}") }
        })
        .collect()
}

/// What code imports from modules, also inside of functions.
pub fn imported(code: &str) -> Vec<Import> {
    let starts = code.match_indices("from ").map(|(at, _)| at).filter(|at| {
        let head = code.get(..*at).unwrap_or_default();
        head.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
    });
    starts
        .flat_map(|at| {
            let rest = code.get(at..).unwrap_or_default();
            let line = rest.lines().next().unwrap_or_default();
            let end = if line.contains('(') { rest.find(')').map_or(rest.len(), |end| end + 1) } else { line.len() };
            imports(rest.get(..end).unwrap_or_default())
        })
        .collect()
}

/// Names in code that are no attributes.
pub fn names(code: &str) -> impl Iterator<Item = &str> {
    let mut before = ' ';
    let mut rest = code;
    std::iter::from_fn(move || {
        loop {
            let c = rest.chars().next()?;
            let is_name = c.is_alphabetic() || c == '_';
            let end = if c.is_alphanumeric() || c == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else {
                c.len_utf8()
            };
            let (word, after) = rest.split_at_checked(end)?;
            rest = after;
            let attribute = std::mem::replace(&mut before, word.chars().next_back().unwrap_or(' ')) == '.';
            if is_name && !attribute {
                return Some(word);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\"\"\"What it is.\n\ndef no():\n\"\"\"\nimport os, sys as system\nfrom a.b import (\n    c,  # one\n    d as e,\n)\n\n# a comment\n@first(\n    1)\n@second\ndef f(a,\n      b):\n    \"\"\"it's\"\"\"\n    return f\"{a!r} and {b['x']} {{no}}\"\n\n\nif x:\n    y = 1\nelse:\n    y = 2\nz: int = 3\n";

    #[test]
    fn statements_are_told_by_their_lines() {
        let code = code(TEXT);
        assert_eq!(code.len(), TEXT.len());
        let found: Vec<&str> = statements(&code).into_iter().map(|range| TEXT.get(range).unwrap()).collect();
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found[3].starts_with("@first(\n    1)\n@second\ndef f(a,") && found[3].ends_with("{{no}}\""), "{}", found[3]);
        assert_eq!(found[4], "if x:\n    y = 1\nelse:\n    y = 2");
        let named: Vec<Option<&str>> = found.iter().map(|statement| name(statement)).collect();
        assert_eq!(named, [None, None, None, Some("f"), None, Some("z")]);
        let inside = body(&code, &statements(&code)[3]);
        assert_eq!(inside.len(), 2, "{inside:?}");
        let all: Vec<String> =
            found.iter().flat_map(|statement| imports(statement)).map(|one| format!("{} = {}", one.name, one.line)).collect();
        assert_eq!(all[..2], ["os = import os", "system = import sys as system"]);
    }

    #[test]
    fn a_name_is_none_in_a_text_or_behind_a_dot() {
        let code = code("user.role = roles[\"admin\"]  # of the role\nlog(f\"for {who}: {{what}}\")\n");
        assert_eq!(names(&code).collect::<Vec<_>>(), ["user", "roles", "log", "f", "who"]);
    }
}
