//! One TypeScript or JavaScript file as a syntax tree over its unchanged text, and how its parts are read.
//! Never changes a file, and knows nothing of an ORM.

use ast_grep_core::language::Language;
use ast_grep_core::matcher::PatternBuilder;
use ast_grep_core::tree_sitter::{LanguageExt, StrDoc, TSLanguage};
use ast_grep_core::{AstGrep, Node, Pattern, PatternError};

/// A node of the tree.
pub type Part<'r> = Node<'r, StrDoc<Grammar>>;

/// The two grammars: `<T>x` is a cast in one and an element in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    TypeScript,
    Tsx,
}

impl Language for Grammar {
    fn kind_to_id(&self, kind: &str) -> u16 {
        self.get_ts_language().id_for_node_kind(kind, true)
    }

    fn field_to_id(&self, field: &str) -> Option<u16> {
        self.get_ts_language().field_id_for_name(field).map(std::num::NonZero::get)
    }

    fn build_pattern(&self, builder: &PatternBuilder) -> Result<Pattern, PatternError> {
        builder.build(|text| StrDoc::try_new(text, *self))
    }
}

impl LanguageExt for Grammar {
    fn get_ts_language(&self) -> TSLanguage {
        match self {
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
        }
    }
}

impl Grammar {
    /// By the name of a file; `None`: it is not a script.
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit('.').next()? {
            "ts" | "mts" | "cts" => Some(Self::TypeScript),
            "tsx" | "jsx" | "js" | "mjs" | "cjs" => Some(Self::Tsx),
            _ => None,
        }
    }
}

/// A file of the app.
pub struct Script {
    /// From the app's root.
    pub path: String,
    pub text: String,
    grammar: Grammar,
    tree: AstGrep<StrDoc<Grammar>>,
}

impl Script {
    /// `None` for a file that is not a script, or that the grammar cannot read at all.
    pub fn read(path: &str, text: &str) -> Option<Self> {
        let grammar = Grammar::of(path)?;
        let tree = AstGrep::try_new(text, grammar).ok()?;
        Some(Self { path: path.to_owned(), text: text.to_owned(), grammar, tree })
    }

    pub fn grammar(&self) -> Grammar {
        self.grammar
    }

    pub fn root(&self) -> Part<'_> {
        self.tree.root()
    }

    /// Some part of the text is not the language: its tree is a guess.
    pub fn is_broken(&self) -> bool {
        self.root().dfs().any(|part| part.is_error() || part.is_missing())
    }

    /// The line of a byte, from 1.
    pub fn line(&self, byte: usize) -> usize {
        self.text.get(..byte).map_or(1, |head| head.matches('\n').count() + 1)
    }

    /// How this file writes texts and ends its lines and statements.
    pub fn style(&self) -> Style {
        let import = self.root().children().find(|part| part.kind() == "import_statement");
        let quote = import.as_ref().and_then(|part| part.field("source")).and_then(|source| source.text().chars().next());
        Style {
            quote: quote.unwrap_or_else(|| if self.text.matches('"').count() >= self.text.matches('\'').count() { '"' } else { '\'' }),
            semicolons: import
                .map_or_else(|| self.text.contains(";\n") || self.text.contains(";\r\n"), |part| part.text().trim_end().ends_with(';')),
            newline: if self.text.contains("\r\n") { "\r\n" } else { "\n" },
        }
    }

    /// The blanks that the line of a byte begins with.
    pub fn indent(&self, byte: usize) -> &str {
        let start = self.text.get(..byte).and_then(|head| head.rfind('\n')).map_or(0, |at| at + 1);
        let line = self.text.get(start..byte).unwrap_or_default();
        line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub quote: char,
    pub semicolons: bool,
    pub newline: &'static str,
}

impl Style {
    /// A text as this file writes it.
    pub fn text(self, value: &str) -> String {
        let mut out = String::from(self.quote);
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                c if c == self.quote => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
        out.push(self.quote);
        out
    }

    pub fn end(self) -> &'static str {
        if self.semicolons { ";" } else { "" }
    }
}

/// SQL as the inside of a template.
pub fn template(sql: &str) -> String {
    sql.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${")
}

/// The parts of a list, an object or arguments, without comments.
pub fn items<'r>(list: &Part<'r>) -> Vec<Part<'r>> {
    list.children().filter(|part| part.is_named() && part.kind() != "comment").collect()
}

/// The arguments of a call; none of a tagged template.
pub fn arguments<'r>(call: &Part<'r>) -> Vec<Part<'r>> {
    call.field("arguments").filter(|found| found.kind() == "arguments").map(|found| items(&found)).unwrap_or_default()
}

/// The value of a text without escapes or holes in it.
pub fn text_of(part: &Part<'_>) -> Option<String> {
    let plain = match part.kind().as_ref() {
        "string" => part.children().all(|inner| inner.kind() != "escape_sequence"),
        "template_string" => part.children().all(|inner| !inner.is_named() || inner.kind() == "string_fragment"),
        _ => false,
    };
    let text = part.text();
    plain.then(|| text.get(1..text.len().saturating_sub(1)).unwrap_or_default().to_owned())
}

/// What is inside `as`, `satisfies`, `!` and parentheses.
pub fn bare<'r>(part: &Part<'r>) -> Part<'r> {
    match part.kind().as_ref() {
        "as_expression" | "satisfies_expression" | "parenthesized_expression" | "non_null_expression" => {
            items(part).first().map_or_else(|| part.clone(), bare)
        }
        _ => part.clone(),
    }
}

/// The key of a pair of an object.
pub fn key_of(pair: &Part<'_>) -> Option<String> {
    let key = pair.field("key")?;
    if key.kind() == "string" { text_of(&key) } else { Some(key.text().into_owned()) }
}

/// The value of one key of an object.
pub fn value_of<'r>(object: &Part<'r>, key: &str) -> Option<Part<'r>> {
    items(object).into_iter().filter(|pair| pair.kind() == "pair").find(|pair| key_of(pair).as_deref() == Some(key))?.field("value")
}

/// `integer("id").notNull().references(…)`: what it begins with, and the calls on it.
pub struct Chain<'r> {
    pub root: Part<'r>,
    pub links: Vec<Link<'r>>,
}

/// `.notNull()`.
pub struct Link<'r> {
    pub name: String,
    /// All up to and including this call.
    pub call: Part<'r>,
    /// The name itself.
    pub property: Part<'r>,
    /// Where what it is called on ends.
    pub start: usize,
}

impl<'r> Chain<'r> {
    pub fn of(part: &Part<'r>) -> Self {
        let (mut root, mut links) = (bare(part), Vec::new());
        while root.kind() == "call_expression"
            && let Some(function) = root.field("function").filter(|function| function.kind() == "member_expression")
            && let (Some(object), Some(property)) = (function.field("object"), function.field("property"))
        {
            // `t.integer("id")` and `app.table("x")` begin a chain; `t.createdAt.desc()` goes on with one.
            if object.kind() == "identifier" {
                break;
            }
            links.push(Link { name: property.text().into_owned(), call: root.clone(), property, start: object.range().end });
            root = object;
        }
        links.reverse();
        Self { root, links }
    }

    pub fn link(&self, name: &str) -> Option<&Link<'r>> {
        self.links.iter().find(|link| link.name == name)
    }
}

impl Link<'_> {
    /// The bytes of `.notNull()` with the blanks before it.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.call.range().end
    }
}
