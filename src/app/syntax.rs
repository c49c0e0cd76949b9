//! Shapes of a TypeScript or JavaScript syntax tree to look for, such as `new OpenAI($$$)`.
//! Never reads a file, and knows nothing of what a shape means.

use ast_grep_core::language::Language;
use ast_grep_core::{Pattern, PatternError};

use super::orm::script::{Grammar, Part, Script};

/// The shapes of one signal. Only code can match: never a text, a comment or a type.
#[derive(Debug, Clone)]
pub struct Shapes {
    typescript: Vec<Pattern>,
    tsx: Vec<Pattern>,
    /// For each shape the words that stand in every place of it: a file without them need not be parsed.
    words: Vec<Vec<String>>,
    inside: Vec<String>,
    not_inside: Vec<String>,
}

impl Shapes {
    /// `part`: the kind of node to find where a shape must be written with something around it (`({ a: 1 })` for `pair`).
    /// `inside`, `not_inside`: kinds of nodes above it, of which one must be there, or none may be.
    ///
    /// # Errors
    /// The key of the signal that is wrong, and why.
    pub fn new(
        shapes: &[String],
        part: Option<&str>,
        inside: Vec<String>,
        not_inside: Vec<String>,
    ) -> Result<Self, (&'static str, String)> {
        let known = |kind: &str| Grammar::TypeScript.kind_to_id(kind) != 0 || Grammar::Tsx.kind_to_id(kind) != 0;
        for (key, kinds) in [("inside", &inside), ("not_inside", &not_inside)] {
            if let Some(kind) = kinds.iter().find(|kind| !known(kind)) {
                return Err((key, format!("names {kind}, which is no kind of node of TypeScript's syntax tree")));
            }
        }
        if let Some(kind) = part.filter(|kind| !known(kind)) {
            return Err(("part", format!("names {kind}, which is no kind of node of TypeScript's syntax tree")));
        }
        let build = |grammar: Grammar| -> Result<Vec<Pattern>, (&'static str, String)> {
            shapes.iter().map(|shape| compiled(shape, part, grammar)).collect()
        };
        Ok(Self {
            typescript: build(Grammar::TypeScript)?,
            tsx: build(Grammar::Tsx)?,
            words: shapes.iter().map(|shape| words(shape)).collect(),
            inside,
            not_inside,
        })
    }

    /// For each shape the words that stand in every place of it.
    pub fn words(&self) -> &[Vec<String>] {
        &self.words
    }

    /// Byte ranges of what has one of the shapes, in order.
    pub fn find(&self, script: &Script) -> Vec<std::ops::Range<usize>> {
        let patterns = match script.grammar() {
            Grammar::TypeScript => &self.typescript,
            Grammar::Tsx => &self.tsx,
        };
        let root = script.root();
        let mut out: Vec<_> = patterns
            .iter()
            .flat_map(|pattern| {
                root.find_all(pattern).filter(|found| self.stands_right(found)).map(|found| found.range()).collect::<Vec<_>>()
            })
            .collect();
        out.sort_by_key(|range| (range.start, range.end));
        out.dedup();
        out
    }

    fn stands_right(&self, part: &Part<'_>) -> bool {
        let above = |kinds: &[String]| part.ancestors().any(|up| kinds.iter().any(|kind| *kind == up.kind()));
        (self.inside.is_empty() || above(&self.inside)) && !above(&self.not_inside)
    }
}

fn compiled(shape: &str, part: Option<&str>, grammar: Grammar) -> Result<Pattern, (&'static str, String)> {
    let built = match part {
        Some(part) => Pattern::contextual(shape, part, grammar),
        None => Pattern::try_new(shape, grammar),
    };
    let wrong = |error: &PatternError| ("syntax", format!("is not one piece of TypeScript: {error}"));
    match built {
        Ok(pattern) if pattern.has_error() => Err(("syntax", format!("is not TypeScript: {shape}"))),
        Ok(pattern) => Ok(pattern),
        Err(error) => Err(wrong(&error)),
    }
}

/// The names in a shape that are not holes.
fn words(shape: &str) -> Vec<String> {
    let names = shape.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '-'));
    names.filter(|name| name.len() > 2 && !name.starts_with('$') && *name != "new" && *name != "await").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(shape: &str, part: Option<&str>, not_inside: &[&str], path: &str, text: &str) -> Vec<String> {
        let shapes = Shapes::new(&[shape.to_owned()], part, Vec::new(), not_inside.iter().map(|k| (*k).to_owned()).collect()).unwrap();
        let script = Script::read(path, text).unwrap();
        assert!(shapes.words().iter().flatten().all(|word| text.contains(word)), "{:?}", shapes.words());
        shapes.find(&script).into_iter().map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn only_code_has_a_shape() {
        let text = "// new OpenAI()\nconst s = \"new OpenAI()\";\ntype T = OpenAI;\nconst a = new OpenAI({ apiKey: k });\nfunction f() { return new OpenAI(); }\n";
        assert_eq!(found("new OpenAI($$$)", None, &[], "a.ts", text), ["new OpenAI({ apiKey: k })", "new OpenAI()"]);
        assert_eq!(found("new OpenAI($$$)", None, &["function_declaration"], "a.ts", text), ["new OpenAI({ apiKey: k })"]);
        let text = "session({ cookie: { sameSite: 'none', secure: true } });\nconst x = `sameSite: 'none'`;\n";
        assert_eq!(found("({ sameSite: 'none' })", Some("pair"), &[], "a.js", text), ["sameSite: 'none'"]);
    }

    #[test]
    fn a_wrong_shape_is_refused() {
        let of = |shape: &str, part: Option<&str>, inside: &str| {
            let inside = if inside.is_empty() { Vec::new() } else { vec![inside.to_owned()] };
            Shapes::new(&[shape.to_owned()], part, inside, Vec::new()).map(|_| ()).unwrap_err()
        };
        assert_eq!(of("a; b", None, "").0, "syntax");
        assert_eq!(of("new OpenAI(", None, "").0, "syntax");
        assert_eq!(of("f()", Some("pear"), ""), ("part", "names pear, which is no kind of node of TypeScript's syntax tree".to_owned()));
        assert_eq!(of("f()", None, "funktion").0, "inside");
    }
}
