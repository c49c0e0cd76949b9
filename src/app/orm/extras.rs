//! What stands beside a table's columns: indexes, checks and foreign keys follow the conversion.
//! Never adds an index; a check only where the conversion made one.

use super::columns::Place;
use super::database::{Index, IndexKey};
use super::defaults::tagged;
use super::edit::Edit;
use super::imports::{DRIZZLE, PG_CORE};
use super::list::ListEdit;
use super::project::{begins_with, returned};
use super::report::Work;
use super::script::{Chain, Part, arguments, items, text_of, value_of};

impl<'r> Place<'_, 'r> {
    /// `old_form` is `(t) => ({ … })`, which Drizzle knew before 0.36.
    pub fn extras(&self, old_form: bool, work: &mut Work) {
        let list = match &self.call.extras {
            None => None,
            Some(function) => {
                let list = returned(function).filter(|list| matches!(list.kind().as_ref(), "array" | "object"));
                if list.is_none() {
                    self.unread(function, work);
                    return;
                }
                list
            }
        };
        let all = list.as_ref().map(items).unwrap_or_default();
        let (mut gone, mut names) = (Vec::new(), Vec::new());
        for (place, item) in all.iter().enumerate() {
            let value = if item.kind() == "pair" { item.field("value") } else { Some(item.clone()) };
            let Some(value) = value else { continue };
            let chain = Chain::of(&value);
            let name = arguments(&chain.root).first().and_then(text_of);
            let verdict = match begins_with(self.project, self.file, &chain).as_deref() {
                Some("index" | "uniqueIndex") => self.index(&chain, name.clone(), work),
                Some("check") => self.check(&chain, name.as_deref(), work),
                Some("foreignKey") => self.foreign_key(&chain),
                Some("unique") => self.unique(&chain, item, work),
                Some(_) | None => None,
            };
            match verdict {
                Some(why) => gone.push((place, why)),
                None => names.extend(name),
            }
        }
        let new = self.to.checks.iter().filter(|check| self.from.check(&check.name).is_none() && !names.contains(&check.name));
        let style = self.script.style();
        let mut added = Vec::new();
        for check in new {
            let made = format!(
                "{}({}, {})",
                self.imports.name(PG_CORE, "check"),
                style.text(&check.name),
                tagged(&self.imports.name(DRIZZLE, "sql"), &check.expression)
            );
            let is_object = list.as_ref().map_or(old_form, |list| list.kind() == "object");
            let made = if is_object { format!("{}: {made}", camel(&check.name)) } else { made };
            added.push((all.len().checked_sub(1), made, format!("the conversion adds check {}", check.name)));
        }
        match (&list, &self.call.extras) {
            (_, Some(function)) if !gone.is_empty() && gone.len() == all.len() && added.is_empty() => {
                let start = self.call.columns_end();
                let why = gone.first().map(|(_, why)| why.clone()).unwrap_or_default();
                work.edits.push(Edit::new(start..function.range().end, "", why));
            }
            (Some(list), _) if !(gone.is_empty() && added.is_empty()) => {
                work.edits.extend(ListEdit { script: self.script, list, gone: &gone, added: &added }.edits());
            }
            (None, _) if !added.is_empty() => self.first_extras(&added, old_form, work),
            _ => {}
        }
    }

    fn first_extras(&self, added: &[(Option<usize>, String, String)], old_form: bool, work: &mut Work) {
        let end = self.call.columns_end();
        let indent = self.script.indent(self.call.columns_start());
        let newline = self.script.style().newline;
        let lines: String = added.iter().map(|(_, text, _)| format!("{newline}{indent}  {text},")).collect();
        let (open, close) = if old_form { ("({", "})") } else { ("[", "]") };
        let why = added.first().map(|(_, _, why)| why.clone()).unwrap_or_default();
        // A second argument on a line of its own wants the third on one, too.
        let before = self.script.text.get(self.call.call.range().start..self.call.columns_start()).unwrap_or_default();
        let blank = if before.ends_with(indent) && before.contains('\n') { format!("{newline}{indent}") } else { " ".to_owned() };
        work.edits.push(Edit::new(end..end, format!(",{blank}() => {open}{lines}{newline}{indent}{close}"), why));
    }

    /// The third argument is not written out here.
    fn unread(&self, function: &Part<'r>, work: &mut Work) {
        let new = self.to.checks.iter().filter(|check| self.from.check(&check.name).is_none());
        for check in new {
            let to = format!("check({:?}, sql`{}`)", check.name, check.expression);
            work.hands.push(self.hand(function, &check.name, "", &to, "what stands beside the columns is not written out here"));
        }
        for index in self.from.indexes.iter().filter(|index| self.to.index(&index.name).is_none()) {
            work.hands.push(self.hand(function, &index.name, &index.method, "", "the conversion leaves this index out"));
        }
    }

    /// Why an index goes; else it is edited in place.
    fn index(&self, chain: &Chain<'r>, name: Option<String>, work: &mut Work) -> Option<String> {
        let on = chain.links.iter().find(|link| matches!(link.name.as_str(), "on" | "onOnly" | "using"))?;
        let mut keys = arguments(&on.call);
        if on.name == "using" && !keys.is_empty() {
            keys.remove(0);
        }
        let name = name.unwrap_or_else(|| {
            let columns: Vec<String> = keys.iter().filter_map(|key| self.key_column(&Chain::of(key))).collect();
            format!("{}_{}_index", self.call.name.rsplit('.').next().unwrap_or_default(), columns.join("_"))
        });
        let from = self.from.index(&name)?;
        let Some(to) = self.to.index(&name) else { return Some(format!("the conversion leaves index {name} out")) };
        if on.name == "using"
            && from.method != to.method
            && let Some(first) = keys.first()
        {
            let open = on.call.field("arguments").map_or(first.range().start, |list| list.range().start + 1);
            work.edits.push(Edit::new(on.property.range(), "on", format!("{} becomes {}", from.method, to.method)));
            work.edits.push(Edit::new(open..first.range().start, "", format!("{} becomes {}", from.method, to.method)));
        }
        for (place, key) in keys.iter().enumerate() {
            if let (Some(from), Some(to)) = (from.keys.get(place), to.keys.get(place)) {
                self.index_key(&name, key, from, to, work);
            }
        }
        self.index_rest(chain, from, to, work);
        None
    }

    fn index_rest(&self, chain: &Chain<'r>, from: &Index, to: &Index, work: &mut Work) {
        if let (Some(link), Some(predicate)) = (chain.link("where"), to.predicate.as_ref().filter(|_| from.predicate != to.predicate))
            && let Some(written) = arguments(&link.call).first().filter(|written| written.text().contains("::"))
        {
            work.edits.push(Edit::new(
                written.range(),
                tagged(&self.imports.name(DRIZZLE, "sql"), predicate),
                "the condition of the converted index",
            ));
        }
        if let Some(link) = chain.link("with").filter(|_| !from.with.is_empty() && to.with.is_empty()) {
            work.edits.push(Edit::new(link.range(), "", "the converted index has no storage parameters"));
        }
    }

    fn key_column(&self, key: &Chain<'_>) -> Option<String> {
        self.column_of(&key.root.field("property")?.text())
    }

    fn index_key(&self, index: &str, key: &Part<'r>, from: &IndexKey, to: &IndexKey, work: &mut Work) {
        if from == to {
            return;
        }
        let chain = Chain::of(key);
        let because = format!("index {index} keeps its columns, not their direction or operator class");
        let Some(column) = self.key_column(&chain) else {
            let text = key.text().to_lowercase();
            let said = from.operator_class.as_ref().is_some_and(|class| text.contains(&class.to_lowercase()))
                || (from.descending && text.contains(" desc"))
                || (from.expression != to.expression && text.contains("::"));
            if said {
                let to = if to.expression.is_empty() { &to.column } else { &to.expression };
                work.hands.push(self.hand(key, index, &key.text(), to, "the conversion changes this part of the index"));
            }
            return;
        };
        if to.column.is_empty() {
            let root = chain.root.text();
            if to.expression.replace('"', "") == format!("lower({column})") {
                let text = format!("{}`lower(${{{root}}})`", self.imports.name(DRIZZLE, "sql"));
                work.edits.push(Edit::new(key.range(), text, format!("index {index} ignores case by lower()")));
            } else {
                work.hands.push(self.hand(key, index, &key.text(), &to.expression, "the index is on an expression now"));
            }
            return;
        }
        // `.asc()` says nothing that goes.
        let ours = |name: &str| matches!(name, "desc" | "nullsFirst" | "nullsLast" | "op");
        let now: Vec<&str> = chain.links.iter().map(|link| link.name.as_str()).filter(|name| ours(name)).collect();
        let op = chain.link("op").filter(|_| to.operator_class.is_some());
        let mut wanted: Vec<&str> = Vec::new();
        wanted.extend(to.descending.then_some("desc"));
        wanted.extend((to.nulls.as_deref() == Some("first")).then_some("nullsFirst"));
        wanted.extend(op.map(|_| "op"));
        if now == wanted {
            return;
        }
        let mut text = chain.root.text().into_owned();
        for link in chain.links.iter().filter(|link| !ours(&link.name)) {
            text.push_str(self.script.text.get(link.range()).unwrap_or_default());
        }
        for name in wanted {
            match op.filter(|_| name == "op") {
                Some(link) => text.push_str(self.script.text.get(link.range()).unwrap_or_default()),
                None => text.push_str(&format!(".{name}()")),
            }
        }
        work.edits.push(Edit::new(key.range(), text, because));
    }

    fn check(&self, chain: &Chain<'r>, name: Option<&str>, work: &mut Work) -> Option<String> {
        let from = self.from.check(name?)?;
        let Some(to) = self.to.check(name?) else { return Some(format!("the conversion leaves check {} out", from.name)) };
        let all = arguments(&chain.root);
        if let Some(written) = all.get(1).filter(|written| from.expression != to.expression && written.text().contains("::")) {
            work.edits.push(Edit::new(
                written.range(),
                tagged(&self.imports.name(DRIZZLE, "sql"), &to.expression),
                "the check as it is converted",
            ));
        }
        None
    }

    fn columns_in(&self, list: &Part<'r>) -> Vec<String> {
        items(list).iter().filter_map(|key| self.column_of(&key.field("property")?.text())).collect()
    }

    fn foreign_key(&self, chain: &Chain<'r>) -> Option<String> {
        let columns = self.columns_in(&value_of(arguments(&chain.root).first()?, "columns")?);
        (self.from.refers(&columns) && !self.to.refers(&columns)).then(|| "the converted table has no such foreign key".to_owned())
    }

    fn unique(&self, chain: &Chain<'r>, item: &Part<'r>, work: &mut Work) -> Option<String> {
        let on = chain.link("on")?;
        let columns: Vec<String> = arguments(&on.call).iter().filter_map(|key| self.column_of(&key.field("property")?.text())).collect();
        if self.from.is_unique(&columns) && !self.to.is_unique(&columns) {
            work.hands.push(self.hand(
                item,
                &columns.join(", "),
                "unique",
                "",
                "the conversion has no such unique constraint: see its findings",
            ));
        }
        None
    }
}

/// `orders_status_check` as a key.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        let mut chars = part.chars();
        let first = chars.next().into_iter();
        if out.is_empty() {
            out.extend(first.flat_map(char::to_lowercase))
        } else {
            out.extend(first.flat_map(char::to_uppercase))
        }
        out.push_str(chars.as_str());
    }
    out
}
