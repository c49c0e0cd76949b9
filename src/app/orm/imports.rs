//! What a file imports, under which name, and how imports follow when its code changes.
//! Never guesses what a module exports: only names that are asked for are added.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use super::edit::Edit;
use super::list::ListEdit;
use super::script::{Part, Script, items, text_of};

/// Where Drizzle's builders of PostgreSQL come from.
pub const PG_CORE: &str = "drizzle-orm/pg-core";
/// Where `sql` comes from.
pub const DRIZZLE: &str = "drizzle-orm";

/// One import statement.
pub struct Import<'r> {
    pub statement: Part<'r>,
    pub module: String,
    /// All of it is types.
    pub types: bool,
    /// `import pg from "pg"`.
    pub default: Option<String>,
    /// `import * as p from …`.
    pub namespace: Option<String>,
    pub named: Option<Part<'r>>,
    pub names: Vec<Name>,
}

/// `integer as int`.
pub struct Name {
    pub exported: String,
    pub local: String,
}

/// All imports of a file, and the names that edits need besides.
pub struct Imports<'r> {
    script: &'r Script,
    pub all: Vec<Import<'r>>,
    declared: BTreeSet<String>,
    /// Module, name, name in this file.
    wanted: RefCell<Vec<(&'static str, String, String)>>,
}

impl<'r> Imports<'r> {
    pub fn of(script: &'r Script) -> Self {
        let root = script.root();
        let all: Vec<Import<'r>> =
            root.children().filter(|part| part.kind() == "import_statement").filter_map(|part| import(&part)).collect();
        let mut declared: BTreeSet<String> = root
            .dfs()
            .filter(|part| {
                matches!(part.kind().as_ref(), "variable_declarator" | "function_declaration" | "class_declaration" | "enum_declaration")
            })
            .filter_map(|part| part.field("name").map(|name| name.text().into_owned()))
            .collect();
        declared.extend(all.iter().flat_map(|import| {
            let own = import.names.iter().map(|name| name.local.clone());
            own.chain(import.default.clone()).chain(import.namespace.clone())
        }));
        Self { script, all, declared, wanted: RefCell::default() }
    }

    /// What a name of this file is: the module and the name there.
    pub fn resolve(&self, local: &str) -> Option<(&str, &str)> {
        self.all.iter().find_map(|import| {
            import.names.iter().find(|name| name.local == local).map(|name| (import.module.as_str(), name.exported.as_str()))
        })
    }

    /// The module that `* as name` stands for.
    pub fn namespace(&self, local: &str) -> Option<&str> {
        self.all.iter().find(|import| import.namespace.as_deref() == Some(local)).map(|import| import.module.as_str())
    }

    /// The name of something exported, as this file writes it; imported when it is not yet.
    pub fn name(&self, module: &'static str, exported: &str) -> String {
        let here = self.all.iter().filter(|import| import.module == module && !import.types);
        for import in here.clone() {
            if let Some(name) = import.names.iter().find(|name| name.exported == exported) {
                return name.local.clone();
            }
        }
        if let Some(namespace) = here.into_iter().find_map(|import| import.namespace.as_ref()) {
            return format!("{namespace}.{exported}");
        }
        let mut wanted = self.wanted.borrow_mut();
        if let Some((_, _, local)) = wanted.iter().find(|(from, name, _)| *from == module && name == exported) {
            return local.clone();
        }
        let mut capital = exported.chars();
        let prefixed = capital.next().map_or_else(String::new, |first| format!("pg{}{}", first.to_uppercase(), capital.as_str()));
        let local = if self.declared.contains(exported) { prefixed } else { exported.to_owned() };
        wanted.push((module, exported.to_owned(), local.clone()));
        local
    }

    /// Imports that follow from the other edits of the file: names that are needed now, names that nothing uses any more.
    pub fn edits(&self, edits: &[Edit]) -> Vec<Edit> {
        let used = self.used(edits);
        let mut wanted = self.wanted.borrow().clone();
        wanted.retain(|(_, _, local)| used.after.contains(local));
        wanted.sort();
        let mut out = Vec::new();
        for import in &self.all {
            if edits.iter().any(|edit| edit.range.start < import.statement.range().end && edit.range.end > import.statement.range().start) {
                continue;
            }
            let lost = |local: &str| used.before.contains(local) && !used.after.contains(local);
            let gone: Vec<(usize, String)> = import
                .names
                .iter()
                .enumerate()
                .filter(|(_, name)| lost(&name.local))
                .map(|(place, name)| (place, format!("{} is no longer used", name.local)))
                .collect();
            let mine = |(module, _, _): &(&str, String, String)| *module == import.module;
            let takes = import.named.is_some() && !import.types;
            let added: Vec<_> = if takes { wanted.extract_if(.., |want| mine(want)).collect() } else { Vec::new() };
            let default_lost = import.default.as_ref().or(import.namespace.as_ref()).is_none_or(|name| lost(name));
            let names_lost = gone.len() == import.names.len() && added.is_empty();
            let empty = import.names.is_empty() && import.default.is_none() && import.namespace.is_none();
            if default_lost && names_lost && !empty {
                out.push(Edit::new(
                    self.whole_line(import.statement.range()),
                    "",
                    format!("nothing of {} is used any more", import.module),
                ));
            } else if let (Some(list), true, Some(_)) = (&import.named, names_lost && !gone.is_empty(), &import.default)
                && let Some(comma) = self.script.text.get(..list.range().start).and_then(|head| head.rfind(','))
            {
                // `import multer, {} from` says nothing
                let why = gone.first().map_or(String::new(), |(_, why)| why.clone());
                out.push(Edit::new(comma..list.range().end, "", why));
            } else if let Some(list) = &import.named
                && !(gone.is_empty() && added.is_empty())
            {
                let added: Vec<_> = added
                    .iter()
                    .map(|(_, name, local)| (self.place(import, name), spelled(name, local), format!("{local} is used now")))
                    .collect();
                out.extend(ListEdit { script: self.script, list, gone: &gone, added: &added }.edits());
            }
        }
        out.extend(self.new_statements(&wanted));
        out
    }

    /// In order where the list is in order, else at its end.
    fn place(&self, import: &Import<'_>, name: &str) -> Option<usize> {
        let key = |name: &str| name.to_lowercase();
        let sorted = import.names.windows(2).all(|pair| matches!(pair, [a, b] if key(&a.exported) <= key(&b.exported)));
        let last = import.names.len().checked_sub(1);
        if !sorted {
            return last;
        }
        import.names.iter().position(|other| key(&other.exported) > key(name)).map_or(last, |next| next.checked_sub(1))
    }

    fn new_statements(&self, wanted: &[(&'static str, String, String)]) -> Vec<Edit> {
        let style = self.script.style();
        let modules: BTreeSet<&str> = wanted.iter().map(|(module, _, _)| *module).collect();
        let before = self.all.iter().find(|import| import.module.starts_with(DRIZZLE)).or(self.all.first());
        let at = before.map_or(0, |import| import.statement.range().start);
        modules
            .into_iter()
            .map(|module| {
                let names: Vec<String> =
                    wanted.iter().filter(|(from, _, _)| *from == module).map(|(_, name, local)| spelled(name, local)).collect();
                let text = format!("import {{ {} }} from {}{}{}", names.join(", "), style.text(module), style.end(), style.newline);
                Edit::new(at..at, text, format!("{} used now", names.join(", ")))
            })
            .collect()
    }

    /// A statement with the end of its line.
    pub fn whole_line(&self, range: Range<usize>) -> Range<usize> {
        let rest = self.script.text.get(range.end..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        let end = if rest.get(blank..).is_some_and(|rest| rest.starts_with('\n')) { range.end + blank + 1 } else { range.end };
        range.start..end
    }

    fn used(&self, edits: &[Edit]) -> Used {
        let mut used = Used::default();
        for part in self.script.root().dfs() {
            let kind = part.kind();
            if !matches!(kind.as_ref(), "identifier" | "type_identifier" | "shorthand_property_identifier") {
                continue;
            }
            let range = part.range();
            if self.all.iter().any(|import| import.statement.range().contains(&range.start)) {
                continue;
            }
            let name = part.text().into_owned();
            if !edits.iter().any(|edit| edit.range.contains(&range.start)) {
                used.after.insert(name.clone());
            }
            used.before.insert(name);
        }
        let word = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$'));
        // `$` of a template's hole is no part of a name; `boolean` is a builder only where it is called.
        let type_only = |edit: &Edit, name: &str| name == "boolean" && !edit.text.contains("boolean(");
        for edit in edits {
            let words = edit.text.split(word).map(|name| name.trim_start_matches('$'));
            used.after.extend(words.filter(|name| !name.is_empty() && !type_only(edit, name)).map(str::to_owned));
        }
        used
    }
}

#[derive(Default)]
struct Used {
    before: BTreeSet<String>,
    after: BTreeSet<String>,
}

fn spelled(name: &str, local: &str) -> String {
    if name == local { name.to_owned() } else { format!("{name} as {local}") }
}

fn import<'r>(statement: &Part<'r>) -> Option<Import<'r>> {
    let module = text_of(&statement.field("source")?)?;
    let types = statement.children().any(|part| part.kind() == "type");
    let mut found = Import { statement: statement.clone(), module, types, default: None, namespace: None, named: None, names: Vec::new() };
    for part in
        statement.children().find(|part| part.kind() == "import_clause").iter().flat_map(|clause| clause.children().collect::<Vec<_>>())
    {
        match part.kind().as_ref() {
            "identifier" => found.default = Some(part.text().into_owned()),
            "namespace_import" => found.namespace = items(&part).first().map(|name| name.text().into_owned()),
            "named_imports" => {
                found.names = items(&part)
                    .iter()
                    .filter_map(|name| {
                        let exported = name.field("name")?.text().into_owned();
                        let local = name.field("alias").map_or_else(|| exported.clone(), |alias| alias.text().into_owned());
                        Some(Name { exported, local })
                    })
                    .collect();
                found.named = Some(part);
            }
            _ => {}
        }
    }
    Some(found)
}
