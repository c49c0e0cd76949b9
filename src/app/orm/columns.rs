//! The columns of one table: each builder, its options and the calls on it follow what the conversion made of the column.
//! Never touches a column that the conversion left as it was.

use super::builder::{self, Builder};
use super::database::{Column, Table};
use super::defaults;
use super::edit::Edit;
use super::imports::{DRIZZLE, Imports, PG_CORE};
use super::project::{Project, TableCall, What};
use super::report::{Hand, Note, Work};
use super::script::{Chain, Link, Part, Script, arguments, items, key_of, text_of};
use super::sql_type::SqlType;

/// One table of the app, with both sides of the database's.
pub struct Place<'a, 'r> {
    pub project: &'a Project<'r>,
    pub script: &'r Script,
    pub imports: &'a Imports<'r>,
    pub file: usize,
    pub call: &'a TableCall<'r>,
    pub from: &'a Table,
    pub to: &'a Table,
}

/// What a column's builder is now.
struct Now {
    /// Its name in pg-core; empty for one of the app's own.
    export: String,
    sql: SqlType,
    /// What an element is in the app.
    js: String,
    /// The enum's name in this file.
    labels: Option<String>,
}

impl<'r> Place<'_, 'r> {
    pub fn columns(&self, work: &mut Work) {
        let mut seen = Vec::new();
        let mut spread = false;
        for pair in items(&self.call.columns) {
            if pair.kind() != "pair" {
                spread = true;
                continue;
            }
            let (Some(key), Some(value)) = (key_of(&pair), pair.field("value")) else { continue };
            let chain = Chain::of(&value);
            let name = self.column_name(&key, &chain);
            seen.push(name.clone());
            match (self.from.column(&name), self.to.column(&name)) {
                (Some(from), Some(to)) => self.column(&chain, &pair, from, to, work),
                (Some(from), None) => {
                    let why = "the converted table has no such column: remove it here, and compute it in the app where it is read";
                    work.hands.push(self.hand(&pair, &name, &from.type_name, "", why));
                }
                (None, Some(_)) => {}
                (None, None) => work.notes.push(self.note(&pair, format!("{}.{name}: the database has no such column", self.call.name))),
            }
        }
        for from in self.from.columns.iter().filter(|column| !seen.contains(&column.name)) {
            match self.to.column(&from.name) {
                Some(to) if spread && changed(from, to) => {
                    let why = "it comes from a spread object, which may serve several tables";
                    work.hands.push(self.hand(&self.call.columns, &from.name, &from.type_name, &to.type_name, why));
                }
                Some(_) if spread => {}
                _ => work.notes.push(self.note(
                    &self.call.columns,
                    format!("{}.{}: the database has this column, the file does not", self.call.name, from.name),
                )),
            }
        }
    }

    /// A column's name in the database: as written, else the key, else the key in snake case.
    pub fn column_name(&self, key: &str, chain: &Chain<'_>) -> String {
        if let Some(name) = arguments(&chain.root).first().and_then(text_of) {
            return name;
        }
        let snake = snake(key);
        if self.from.column(key).is_none() && self.from.column(&snake).is_some() { snake } else { key.to_owned() }
    }

    /// The database's name of `t.createdAt`.
    pub fn column_of(&self, key: &str) -> Option<String> {
        let pair = items(&self.call.columns).into_iter().find(|pair| key_of(pair).as_deref() == Some(key))?;
        Some(self.column_name(key, &Chain::of(&pair.field("value")?)))
    }

    pub fn hand(&self, part: &Part<'_>, column: &str, from: &str, to: &str, why: impl Into<String>) -> Hand {
        Hand {
            path: self.script.path.clone(),
            line: self.script.line(part.range().start),
            object: format!("{}.{column}", self.call.name),
            from: from.to_owned(),
            to: to.to_owned(),
            why: why.into(),
        }
    }

    fn note(&self, part: &Part<'_>, what: String) -> Note {
        Note { path: self.script.path.clone(), line: self.script.line(part.range().start), what }
    }

    fn now(&self, chain: &Chain<'r>) -> Option<Now> {
        let function = chain.root.field("function")?;
        let options = arguments(&chain.root).into_iter().find(|argument| argument.kind() == "object");
        let dimensions = chain.links.iter().filter(|link| link.name == "array").count();
        if let Some(export) = self.project.core(self.file, &function, self.call.param.as_deref()) {
            let sql = SqlType { dimensions, ..builder::sql_type(&export, options.as_ref())? };
            return Some(Now { js: builder::js_type(&export, options.as_ref()), export, sql, labels: None });
        }
        let text = function.text().into_owned();
        match &self.project.resolve(self.file, &text)?.what {
            What::Enum(name) => Some(Now {
                export: String::new(),
                sql: SqlType { dimensions, ..SqlType::named(name) },
                js: format!("(typeof {text}.enumValues)[number]"),
                labels: Some(text),
            }),
            What::Custom { sql, js } => {
                Some(Now { export: String::new(), sql: SqlType { dimensions, ..SqlType::read(sql) }, js: js.clone(), labels: None })
            }
            What::Schema(_) | What::Creator { .. } => None,
        }
    }

    fn column(&self, chain: &Chain<'r>, pair: &Part<'r>, from: &Column, to: &Column, work: &mut Work) {
        self.keys(chain, pair, from, work);
        if !changed(from, to) {
            return;
        }
        let (had, want) = (SqlType::read(&from.type_name), SqlType::read(&to.type_name));
        let hand = |why: String| self.hand(pair, &from.name, &from.type_name, &to.type_name, why);
        let Some(now) = self.now(chain) else {
            if had != want {
                work.hands.push(hand(format!("`{}` is not a column builder that we know", chain.root.text())));
            }
            return;
        };
        let mut root = None;
        if !had.is(&want) && !now.sql.is(&want) {
            if !now.sql.is(&had) {
                let (file, database) = (&now.sql.base, &from.type_name);
                work.hands.push(hand(format!("the file says {file}, the database {database}: bring them together first")));
                return;
            }
            match self.new_builder(chain, &now, &had, &want) {
                Ok(text) => root = Some(text),
                Err(why) => {
                    work.hands.push(hand(why));
                    return;
                }
            }
        } else if matches!(now.export.as_str(), "serial" | "bigserial" | "smallserial") && to.identity.is_some() {
            root = self.new_builder(chain, &now, &had, &want).ok();
        }
        let mut added = String::new();
        self.identity(chain, to, work, &mut added);
        let was_array = had.dimensions > 0 && want.is(&SqlType::named("jsonb"));
        if was_array {
            for link in chain.links.iter().filter(|link| link.name == "array") {
                work.edits.push(Edit::new(link.range(), "", why(from, to)));
            }
            self.element_type(chain, &now, to, work, &mut added);
            if now.js == "Date" || now.js == "bigint" || (now.sql.base == "numeric" && now.js == "string") {
                let element = json_type(&now);
                work.hands.push(hand(format!("elements are {} in JSON: the app now reads {element} where it had {}", element, now.js)));
            }
        }
        self.default(chain, from, to, (was_array, want.base == "uuid"), work, &mut added);
        match root {
            Some(text) => work.edits.push(Edit::new(chain.root.range(), text + &added, why(from, to))),
            None if !added.is_empty() => {
                let end = chain.root.range().end;
                work.edits.push(Edit::new(end..end, added, why(from, to)));
            }
            None => {}
        }
    }

    /// `bigint("id", { mode: "number" })`, or why a person must write it.
    fn new_builder(&self, chain: &Chain<'r>, now: &Now, had: &SqlType, want: &SqlType) -> Result<String, String> {
        let all = arguments(&chain.root);
        let options = all.iter().find(|argument| argument.kind() == "object");
        let quote = self.script.style().quote;
        let found = builder::builder(want, &now.export, options, quote);
        let Some(Builder { export, options }) = found else {
            return Err(format!("there is no builder for {} that we know", want.base));
        };
        let whole = |base: &str| matches!(base, "int2" | "int4" | "int8");
        let new_js = builder::js_type(&export, None);
        let same_for_the_app = if had.dimensions > 0 {
            want.base == "jsonb"
        } else {
            had.base == want.base || now.labels.is_some() || whole(&had.base) || now.js == new_js
        };
        if !same_for_the_app {
            return Err(format!("the app has {} there, and would get {new_js}", if now.js.is_empty() { "its own type" } else { &now.js }));
        }
        let mut options = options;
        if had.dimensions == 0
            && let Some(labels) = &now.labels
            && export == "text"
        {
            options = vec![format!("enum: {labels}.enumValues")];
        }
        let callee = match &self.call.param {
            Some(param) => format!("{param}.{export}"),
            None => self.imports.name(PG_CORE, &export),
        };
        let name = all.first().filter(|first| text_of(first).is_some()).map(|first| first.text().into_owned());
        let options = (!options.is_empty()).then(|| format!("{{ {} }}", options.join(", ")));
        let inside: Vec<String> = name.into_iter().chain(options).collect();
        Ok(format!("{callee}({})", inside.join(", ")))
    }

    fn identity(&self, chain: &Chain<'r>, to: &Column, work: &mut Work, added: &mut String) {
        let is = |link: &&Link<'_>| matches!(link.name.as_str(), "generatedAlwaysAsIdentity" | "generatedByDefaultAsIdentity");
        let link = chain.links.iter().find(is);
        match (&to.identity, link) {
            (Some(when), Some(link)) if when == "by default" && link.name == "generatedAlwaysAsIdentity" => work.edits.push(Edit::new(
                link.property.range(),
                "generatedByDefaultAsIdentity",
                "BY DEFAULT, so that rows keep their numbers",
            )),
            (Some(_), Some(_)) | (None, None) => {}
            (Some(_), None) => added.push_str(".generatedByDefaultAsIdentity()"),
            (None, Some(link)) => work.edits.push(Edit::new(link.range(), "", "the converted column is no identity")),
        }
    }

    /// `.$type<string[]>()` for what was an array.
    fn element_type(&self, chain: &Chain<'r>, now: &Now, to: &Column, work: &mut Work, added: &mut String) {
        let array = chain.links.iter().position(|link| link.name == "array");
        let typed = chain.links.iter().position(|link| link.name == "$type");
        match (array, typed) {
            // Said of the element: it becomes that of the whole.
            (Some(array), Some(typed)) if typed < array => {
                if let Some(of) = chain.links.get(typed).and_then(|link| link.call.field("type_arguments")) {
                    let text = of.text();
                    let inner = text.get(1..text.len() - 1).unwrap_or_default();
                    let inner = if inner.contains([' ', '|', '&']) { format!("({inner})") } else { inner.to_owned() };
                    let brackets = "[]".repeat(now.sql.dimensions);
                    work.edits.push(Edit::new(of.range(), format!("<{inner}{brackets}>"), format!("an array is {} now", to.type_name)));
                }
            }
            (Some(_), Some(_)) | (None, _) => {}
            (Some(_), None) => added.push_str(&format!(".$type<{}{}>()", json_type(now), "[]".repeat(now.sql.dimensions))),
        }
    }

    fn default(
        &self,
        chain: &Chain<'r>,
        from: &Column,
        to: &Column,
        (was_array, is_uuid): (bool, bool),
        work: &mut Work,
        added: &mut String,
    ) {
        let Some(link) = chain.link("default") else {
            let written = chain.links.iter().any(|link| matches!(link.name.as_str(), "defaultRandom" | "$defaultFn" | "$default"));
            if is_uuid && !written && from.default != to.default && to.default.as_deref() == Some("gen_random_uuid()") {
                added.push_str(".defaultRandom()");
            }
            return;
        };
        let arguments = arguments(&link.call);
        let Some(argument) = arguments.first() else { return };
        // Only SQL follows; a value of the app is the same for both.
        let sql = argument.kind() == "call_expression" && argument.field("arguments").is_some_and(|part| part.kind() == "template_string");
        let text_for_array = was_array && text_of(argument).is_some();
        if from.default == to.default || !(sql || text_for_array) {
            return;
        }
        let because = "the default of the converted column";
        match &to.default {
            None => {
                work.edits.push(Edit::new(link.range(), "", "the converted column has no such default"));
                if to.identity.is_none() {
                    let why = "its default is left out: give the value in the app (`$defaultFn`)";
                    work.hands.push(self.hand(&link.call, &from.name, from.default.as_deref().unwrap_or_default(), "", why));
                }
            }
            Some(default) => {
                let value = if was_array { defaults::json(default, self.script.style()) } else { None };
                let text = value.unwrap_or_else(|| defaults::tagged(&self.imports.name(DRIZZLE, "sql"), default));
                work.edits.push(Edit::new(argument.range(), text, because));
            }
        }
    }

    /// Keys that stand beside the column.
    fn keys(&self, chain: &Chain<'r>, pair: &Part<'r>, from: &Column, work: &mut Work) {
        let own = std::slice::from_ref(&from.name);
        if let Some(link) = chain.link("references").filter(|_| self.from.refers(own) && !self.to.refers(own)) {
            work.edits.push(Edit::new(link.range(), "", "the converted table has no such foreign key"));
        }
        if self.to.refers(own) && !self.from.refers(own) && chain.link("references").is_none() {
            let to = self.to.foreign_keys.iter().find(|key| key.columns == own).map(|key| key.references.clone()).unwrap_or_default();
            work.hands.push(self.hand(
                pair,
                &from.name,
                "",
                &to,
                "the conversion adds a foreign key: declare its table and `.references()`",
            ));
        }
        if chain.link("unique").is_some() && self.from.is_unique(own) && !self.to.is_unique(own) {
            let index = self.to.indexes.iter().find(|index| index.unique && self.from.index(&index.name).is_none());
            let to = index.map(|index| {
                let keys = index.keys.iter().map(|key| if key.column.is_empty() { &key.expression } else { &key.column });
                format!("uniqueIndex({:?}).on(sql`{}`)", index.name, keys.cloned().collect::<Vec<_>>().join(", "))
            });
            let why = "the unique constraint becomes an index: take `.unique()` away and put the index beside the columns";
            work.hands.push(self.hand(pair, &from.name, ".unique()", &to.unwrap_or_default(), why));
        }
    }
}

/// The conversion changed what Drizzle says of a column.
fn changed(from: &Column, to: &Column) -> bool {
    !SqlType::read(&from.type_name).is(&SqlType::read(&to.type_name)) || from.identity != to.identity || from.default != to.default
}

fn why(from: &Column, to: &Column) -> String {
    let identity = |column: &Column| if column.identity.is_some() { " identity" } else { "" };
    format!("{}: {}{} becomes {}{}", from.name, from.type_name, identity(from), to.type_name, identity(to))
}

/// What JSON holds of an element.
fn json_type(now: &Now) -> String {
    match (now.js.as_str(), now.sql.base.as_str()) {
        ("bigint", _) | (_, "numeric") => "number".to_owned(),
        ("Date", _) => "string".to_owned(),
        ("", _) => "unknown".to_owned(),
        (js, _) => js.to_owned(),
    }
}

fn snake(key: &str) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in key.chars() {
        if c.is_uppercase() && before != '_' && !before.is_uppercase() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        before = c;
    }
    out
}
