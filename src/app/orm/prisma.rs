//! `schema.prisma`: the lines that must change, with the new lines.
//! Never edits it: prisma's own tools check what a person writes.

use super::database::{Change, Column, Table};
use super::report::Hand;
use super::sql_type::SqlType;

/// A `model` or `enum` block.
struct Block<'a> {
    name: &'a str,
    /// Line numbers from 1, without comments.
    lines: Vec<(usize, &'a str)>,
}

/// The lines to change.
pub fn report(path: &str, text: &str, change: &Change) -> Vec<Hand> {
    let models = blocks(text, "model");
    let mut hands = Vec::new();
    for model in &models {
        let schema = attribute(model, "@@schema").unwrap_or("public");
        let table = format!("{schema}.{}", attribute(model, "@@map").unwrap_or(model.name));
        let (Some(from), Some(to)) = (change.from.table(&table), change.to.table(&table)) else { continue };
        for (line, code) in &model.lines {
            hands.extend(field(path, *line, code, (from, to)));
        }
        hands.extend(indexes(path, model, from, to));
    }
    for found in blocks(text, "enum") {
        let schema = attribute(&found, "@@schema").unwrap_or("public");
        let name = format!("{schema}.{}", attribute(&found, "@@map").unwrap_or(found.name));
        if change.from.has_enum(&name) && !change.to.has_enum(&name) {
            let line = found.lines.first().map_or(1, |(line, _)| line.saturating_sub(1));
            let why = "its columns become text with a CHECK: take the enum away, and keep its values in the app";
            hands.push(hand(path, line, &name, &format!("enum {} {{ … }}", found.name), "", why));
        }
    }
    let dropped =
        change.from.tables.iter().any(|from| change.to.table(&from.name).is_some_and(|to| to.foreign_keys.len() < from.foreign_keys.len()));
    if dropped
        && !text.contains("relationMode")
        && let Some(datasource) = blocks(text, "datasource").first()
    {
        let (line, code) = datasource
            .lines
            .iter()
            .find(|(_, code)| code.trim_start().starts_with("url"))
            .or(datasource.lines.first())
            .copied()
            .unwrap_or((1, ""));
        let to = format!("{}\n  relationMode = \"prisma\"", code.trim());
        hands.push(hand(
            path,
            line,
            "datasource",
            code.trim(),
            &to,
            "the converted schema has fewer foreign keys: Prisma must keep them itself",
        ));
    }
    hands.sort_by_key(|hand| hand.line);
    hands
}

fn hand(path: &str, line: usize, object: &str, from: &str, to: &str, why: &str) -> Hand {
    Hand { path: path.to_owned(), line, object: object.to_owned(), from: from.to_owned(), to: to.to_owned(), why: why.to_owned() }
}

fn blocks<'a>(text: &'a str, keyword: &str) -> Vec<Block<'a>> {
    let (mut found, mut open): (Vec<Block<'a>>, bool) = (Vec::new(), false);
    for (at, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default().trim_end();
        let mut words = code.split_whitespace();
        if let (Some(first), Some(name)) = (words.next(), words.next())
            && first == keyword
            && code.ends_with('{')
        {
            found.push(Block { name, lines: Vec::new() });
            open = true;
        } else if code.trim() == "}" {
            open = false;
        } else if open
            && !code.trim().is_empty()
            && let Some(block) = found.last_mut()
        {
            block.lines.push((at + 1, code));
        }
    }
    found
}

/// The text in `@@map("orders")`.
fn attribute<'a>(block: &Block<'a>, name: &str) -> Option<&'a str> {
    block.lines.iter().find(|(_, code)| code.trim_start().starts_with(name)).and_then(|(_, code)| code.split('"').nth(1))
}

fn field(path: &str, line: usize, code: &str, table: (&Table, &Table)) -> Option<Hand> {
    let mut words = code.split_whitespace();
    let (key, kind) = (words.next()?, words.next()?);
    if key.starts_with('@') {
        return None;
    }
    let rest = words.collect::<Vec<_>>().join(" ");
    let name = mapped(&rest).unwrap_or(key);
    let (old, new) = (table.0.column(name)?, table.1.column(name)?);
    let (had, want) = (SqlType::read(&old.type_name), SqlType::read(&new.type_name));
    if had.is(&want) && old.default == new.default && old.identity == new.identity {
        return None;
    }
    let (base, suffix) = kind.find(['?', '[']).map_or((kind, ""), |at| kind.split_at(at));
    let optional = if suffix == "?" { "?" } else { "" };
    let (prisma, native) = prisma_type(&want)?;
    let keep = had.is(&want);
    let kind = if keep { kind.to_owned() } else { format!("{prisma}{optional}") };
    let mut parts = vec![key.to_owned(), kind];
    for attribute in attributes(&rest) {
        if attribute.starts_with("@db.") && !keep {
            continue;
        }
        parts.push(match attribute.strip_prefix("@default(").and_then(|inside| inside.strip_suffix(')')) {
            Some(inside) => format!("@default({})", default(inside, &had, &want, base)),
            None => attribute,
        });
    }
    if !keep {
        parts.extend(native);
    }
    let to = parts.join(" ");
    let from = code.split_whitespace().collect::<Vec<_>>().join(" ");
    if from == to {
        return None;
    }
    Some(hand(path, line, &format!("{}.{name}", table.0.name), &from, &to, &why(old, new)))
}

fn why(old: &Column, new: &Column) -> String {
    let note = match (SqlType::read(&old.type_name).base.as_str(), SqlType::read(&new.type_name).base.as_str()) {
        (old, "int8") if old != "int8" => "; a BigInt is a `bigint` in the app",
        _ => "",
    };
    format!("{} becomes {}{note}", old.type_name, new.type_name)
}

/// The name in `@map("owner_id")`.
fn mapped(attributes: &str) -> Option<&str> {
    attributes.split_once("@map(")?.1.split('"').nth(1)
}

/// Attributes one by one: a space inside of parentheses does not part them.
fn attributes(rest: &str) -> Vec<String> {
    let (mut out, mut depth): (Vec<String>, i32) = (Vec::new(), 0);
    for c in rest.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if c == '@' && depth == 0 {
            out.push(String::new());
        }
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out.into_iter().map(|attribute| attribute.trim().to_owned()).collect()
}

/// Prisma's type, and the native one where it must be said.
fn prisma_type(want: &SqlType) -> Option<(&'static str, Option<String>)> {
    let figures = || want.figures.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    Some(match want.base.as_str() {
        _ if want.dimensions > 0 => return None,
        "int8" => ("BigInt", None),
        "int4" => ("Int", None),
        "int2" => ("Int", Some("@db.SmallInt".to_owned())),
        "numeric" => ("Decimal", Some(format!("@db.Decimal({})", figures()))),
        "text" => ("String", None),
        "varchar" => ("String", Some(format!("@db.VarChar({})", figures()))),
        "uuid" => ("String", Some("@db.Uuid".to_owned())),
        "jsonb" => ("Json", None),
        "json" => ("Json", Some("@db.Json".to_owned())),
        "bool" => ("Boolean", None),
        "float8" => ("Float", None),
        _ => return None,
    })
}

/// A default in the new type: an enum's value becomes a text, a list the JSON of it.
fn default(inside: &str, had: &SqlType, want: &SqlType, base: &str) -> String {
    if had.dimensions > 0 && want.dimensions == 0 {
        return format!("{:?}", inside.replace(", ", ","));
    }
    let scalar = matches!(base, "String" | "Int" | "BigInt" | "Decimal" | "Float" | "Boolean" | "Json" | "DateTime" | "Bytes");
    let word = inside.chars().all(|c| c.is_alphanumeric() || c == '_');
    if want.base == "text" && !scalar && word { format!("\"{inside}\"") } else { inside.to_owned() }
}

/// `@@index` of an index that the conversion leaves out or builds otherwise.
fn indexes(path: &str, model: &Block<'_>, from: &Table, to: &Table) -> Vec<Hand> {
    let mut hands = Vec::new();
    for (line, code) in model.lines.iter().filter(|(_, code)| code.trim_start().starts_with("@@index")) {
        let columns: Vec<&str> = code
            .split_once('[')
            .and_then(|(_, rest)| rest.split_once(']'))
            .map_or_else(Vec::new, |(inside, _)| inside.split(',').map(|key| key.split('(').next().unwrap_or_default().trim()).collect());
        let name = code
            .split_once("map:")
            .and_then(|(_, rest)| rest.split('"').nth(1))
            .map_or_else(|| format!("{}_{}_idx", from.name.rsplit('.').next().unwrap_or_default(), columns.join("_")), str::to_owned);
        if let Some(index) = from.index(&name).filter(|_| to.index(&name).is_none()) {
            let why = format!("the conversion leaves index {name} ({}) out", index.method);
            hands.push(hand(path, *line, &name, code.trim(), "", &why));
        } else if code.contains("type:") && from.index(&name).map(|index| &index.method) != to.index(&name).map(|index| &index.method) {
            let to = format!("@@index([{}])", columns.join(", "));
            hands.push(hand(path, *line, &name, code.trim(), &to, "the converted index has the default method"));
        }
    }
    hands
}
