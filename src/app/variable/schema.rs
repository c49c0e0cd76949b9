//! Names that code reads through a schema (zod, valibot, Joi, t3-env, envalid) or a function of its own, which no pattern of a single read sees.
//! Never a guess: a schema counts only where `process.env` is given to it, a function only where its parameter is what it asks `process.env` for.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::super::orm::script::{Part, Script, arguments, bare, items, key_of, text_of, value_of};

/// A name, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Where in the text it stands.
    pub at: usize,
    pub name: String,
    pub has_default: bool,
    /// What else reads the name in here is a part of the same.
    pub within: Range<usize>,
}

/// A function whose parameter is the name that it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    name: String,
    file: String,
    /// It has a value of its own where the variable is not set.
    has_default: bool,
    /// The same, where a call gives it one.
    takes_default: bool,
}

/// How far constants are followed.
const DEEP: usize = 4;

static MARKS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:parse|safeParse|parseAsync|safeParseAsync|validate)\(|\b(?:createEnv|cleanEnv)\(").ok());
static ASKED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bprocess\.env\[\s*[A-Za-z_$]").ok());
static DEFAULT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\.(?:default|prefault|optional|nullish|catch)\(|\b(?:optional|nullish)\(|\bdefault\s*:").ok());

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Names in the schemas of a file.
pub fn names(file: &str, text: &str) -> Vec<Named> {
    let is_marked = MARKS.as_ref().is_some_and(|marks| marks.is_match(text));
    if !text.contains("process.env") || !is_marked {
        return Vec::new();
    }
    let Some(script) = Script::read(file, text) else { return Vec::new() };
    let root = script.root();
    let mut out = Vec::new();
    for call in root.dfs().filter(|part| part.kind() == "call_expression") {
        let Some(function) = call.field("function") else { continue };
        let given = arguments(&call);
        let method = function.field("property").map_or_else(|| function.text().into_owned(), |name| name.text().into_owned());
        let (mut objects, is_joi) = (Vec::new(), method == "validate");
        match method.as_str() {
            "parse" | "safeParse" | "parseAsync" | "safeParseAsync" | "validate" => match given.as_slice() {
                [env, ..] if is_env(env) => {
                    objects.extend(function.field("object").iter().flat_map(|schema| fields(&root, schema, DEEP)));
                }
                // valibot
                [schema, env, ..] if is_env(env) => objects.extend(fields(&root, schema, DEEP)),
                _ => {}
            },
            "cleanEnv" => match given.as_slice() {
                [env, schema, ..] if is_env(env) => objects.extend(object(&root, schema, DEEP)),
                _ => {}
            },
            "createEnv" => {
                let kinds = ["server", "client", "shared"];
                let values = given.iter().flat_map(|options| kinds.iter().filter_map(|kind| value_of(options, kind)));
                objects.extend(values.filter_map(|value| object(&root, &value, DEEP)).collect::<Vec<_>>());
            }
            _ => {}
        }
        for (name, pair, value) in objects.iter().flat_map(pairs) {
            let value = constant(&root, &value).unwrap_or(value);
            let said = value.text();
            let has_default =
                if is_joi { !said.contains(".required()") } else { DEFAULT.as_ref().is_some_and(|default| default.is_match(&said)) };
            out.push(Named { at: pair.range().start, name, has_default, within: call.range() });
        }
    }
    out
}

/// `process.env`, or an object that is made of it.
fn is_env(part: &Part<'_>) -> bool {
    let part = bare(part);
    part.text() == "process.env" || (part.kind() == "object" && part.text().contains("process.env"))
}

fn pairs<'r>(object: &Part<'r>) -> Vec<(String, Part<'r>, Part<'r>)> {
    let pairs = items(object).into_iter().filter(|pair| pair.kind() == "pair");
    pairs.filter_map(|pair| Some((key_of(&pair).filter(|key| is_name(key))?, pair.clone(), pair.field("value")?))).collect()
}

/// The value of a constant of the file.
fn constant<'r>(root: &Part<'r>, part: &Part<'r>) -> Option<Part<'r>> {
    let part = bare(part);
    (part.kind() == "identifier").then_some(())?;
    let name = part.text();
    let declared = root.dfs().filter(|one| one.kind() == "variable_declarator");
    declared.filter(|one| one.field("name").is_some_and(|own| own.text() == name)).find_map(|one| one.field("value"))
}

fn object<'r>(root: &Part<'r>, part: &Part<'r>, deep: usize) -> Option<Part<'r>> {
    let deep = deep.checked_sub(1)?;
    let part = bare(part);
    match part.kind().as_ref() {
        "object" => Some(part),
        "identifier" => object(root, &constant(root, &part)?, deep),
        _ => None,
    }
}

/// The objects that a schema is made of: `z.object({…}).extend({…}).merge(other)`.
fn fields<'r>(root: &Part<'r>, schema: &Part<'r>, deep: usize) -> Vec<Part<'r>> {
    let Some(deep) = deep.checked_sub(1) else { return Vec::new() };
    let schema = bare(schema);
    match schema.kind().as_ref() {
        "identifier" => constant(root, &schema).map(|value| fields(root, &value, deep)).unwrap_or_default(),
        "call_expression" => {
            let Some(function) = schema.field("function") else { return Vec::new() };
            let given = arguments(&schema);
            let method = function.field("property").map_or_else(|| function.text().into_owned(), |name| name.text().into_owned());
            if matches!(method.as_str(), "object" | "strictObject" | "looseObject") {
                return given.first().and_then(|first| object(root, first, DEEP)).into_iter().collect();
            }
            // a step of a chain does not use up how far constants are followed
            let mut out = function.field("object").map(|before| fields(root, &before, deep + 1)).unwrap_or_default();
            match method.as_str() {
                "extend" | "keys" | "append" => out.extend(given.first().and_then(|first| object(root, first, DEEP))),
                "merge" | "and" | "concat" => out.extend(given.iter().flat_map(|other| fields(root, other, deep))),
                _ => {}
            }
            out
        }
        _ => Vec::new(),
    }
}

/// Functions of a file that read the name which they are given.
pub fn readers(file: &str, text: &str) -> Vec<Reader> {
    if !ASKED.as_ref().is_some_and(|asked| asked.is_match(text)) {
        return Vec::new();
    }
    let Some(script) = Script::read(file, text) else { return Vec::new() };
    let root = script.root();
    let mut out: Vec<Reader> = Vec::new();
    for part in root.dfs().filter(|part| part.kind() == "subscript_expression") {
        let asks = part.field("object").is_some_and(|object| object.text() == "process.env");
        let Some(index) = part.field("index").filter(|index| asks && index.kind() == "identifier") else { continue };
        let Some((name, given)) = function_around(&part) else { continue };
        if given.first() != Some(&index.text().into_owned()) || out.iter().any(|known| known.name == name) {
            continue;
        }
        let other = part
            .parent()
            .filter(|up| {
                up.kind() == "binary_expression" && up.field("operator").is_some_and(|one| matches!(one.text().as_ref(), "??" | "||"))
            })
            .and_then(|up| up.field("right"));
        let (has_default, takes_default) = match other {
            Some(other) if other.kind() == "identifier" => (false, given.iter().skip(1).any(|name| *name == other.text())),
            // `?? missing(name)` may throw
            Some(other) => (text_of(&other).is_some_and(|text| !text.is_empty()) || other.kind() == "number", false),
            None => (false, given.len() > 1),
        };
        out.push(Reader { name, file: file.to_owned(), has_default, takes_default });
    }
    out
}

/// The name of the function around, and those of its parameters. A method is called by a name that others have, too.
fn function_around(part: &Part<'_>) -> Option<(String, Vec<String>)> {
    let function = part
        .ancestors()
        .find(|up| matches!(up.kind().as_ref(), "function_declaration" | "function_expression" | "arrow_function" | "method_definition"))?;
    let name = match function.kind().as_ref() {
        "function_declaration" => function.field("name")?,
        "method_definition" => return None,
        _ => function.parent().filter(|up| up.kind() == "variable_declarator")?.field("name")?,
    };
    let list = function.field("parameters").map(|list| items(&list)).or_else(|| Some(vec![function.field("parameter")?]))?;
    let own = |one: Part<'_>| one.field("pattern").or_else(|| one.field("left")).unwrap_or(one).text().into_owned();
    Some((name.text().into_owned(), list.into_iter().map(own).collect()))
}

/// Names that calls of these functions give them as a literal, where the file has or imports the function.
pub fn calls(file: &str, text: &str, readers: &[Reader]) -> Vec<Named> {
    let mut out = Vec::new();
    for reader in readers.iter().filter(|reader| text.contains(&format!("{}(", reader.name))) {
        let name = regex::escape(&reader.name);
        let stem = reader.file.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
        let folder = reader.file.rsplit('/').nth(1).filter(|_| stem == "index").unwrap_or(stem);
        let import = format!(
            r#"(?:import\s*\{{[^}}]*\b{name}\b[^}}]*\}}\s*from\s*|\{{[^}}]*\b{name}\b[^}}]*\}}\s*=\s*require\(\s*)["'][^"']*(?:^|[/@.]){}(?:/index)?(?:\.[a-z]+)?["']"#,
            regex::escape(folder)
        );
        let is_known = file == reader.file || Regex::new(&import).is_ok_and(|import| import.is_match(text));
        let Some(call) =
            is_known.then(|| Regex::new(&format!(r#"(?:^|[^.\w$]){name}\(\s*["'`]([A-Z][A-Z0-9_]*)["'`]\s*(,\s*[^\s)])?"#)).ok()).flatten()
        else {
            continue;
        };
        out.extend(call.captures_iter(text).filter_map(|found| {
            let own = found.get(1)?;
            let has_default = reader.has_default || (reader.takes_default && found.get(2).is_some());
            Some(Named { at: own.start(), name: own.as_str().to_owned(), has_default, within: own.range() })
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::App;
    use super::*;

    fn named(text: &str) -> Vec<String> {
        names("env.ts", text).iter().map(|one| format!("{}{}", one.name, if one.has_default { "?" } else { "" })).collect()
    }

    #[test]
    fn a_schema_that_process_env_is_given_to_names_what_it_reads() {
        let zod = "const env = z.object({ ONE_SECRET: z.string(), PORT: z.coerce.number().default(3000), \"TWO\": z.string().optional(), own: z.string() }).parse(process.env);\n";
        assert_eq!(named(zod), ["ONE_SECRET", "PORT?", "TWO?"]);
        let apart = "const base = z.object({ THREE_TOKEN: z.string(), FOUR: z.coerce.number().nullish() });\nconst url = z.string().url();\nconst schema = base.extend({ FIVE: url }).strict();\nconst read = schema.safeParse(process.env);\n";
        assert_eq!(named(apart), ["THREE_TOKEN", "FOUR?", "FIVE"]);
        let t3 = "export const env = createEnv({ server: { A: z.string(), O: z.string().optional() }, client: { NEXT_PUBLIC_B: z.string() }, runtimeEnv: process.env });\n";
        assert_eq!(named(t3), ["A", "O?", "NEXT_PUBLIC_B"]);
        let envalid = "export const env = cleanEnv(process.env, { C: str(), D: num({ default: 1 }), E: str({ devDefault: \"x\" }) });\n";
        assert_eq!(named(envalid), ["C", "D?", "E"]);
        let valibot = "const env = v.parse(v.object({ F: v.string(), G: v.optional(v.string(), \"x\") }), process.env);\n";
        assert_eq!(named(valibot), ["F", "G?"]);
        let joi = "const { value } = Joi.object({ H: Joi.string().required(), I: Joi.number() }).unknown().validate(process.env);\n";
        assert_eq!(named(joi), ["H", "I?"]);
        // what is no environment
        assert_eq!(named("const b = z.object({ NAME: z.string() }).parse(req.body);\nconst e = process.env.X;\n"), [] as [&str; 0]);
    }

    #[test]
    fn the_scan_knows_them_by_place_and_a_read_inside_of_a_schema_is_the_schemas() {
        let app = App::new(&[
            ("package.json", "{}"),
            (
                "src/env.ts",
                "export const env = createEnv({\n  server: { OPEN: z.string().optional(), KEY: z.string() },\n  runtimeEnv: { OPEN: process.env.OPEN, KEY: process.env.KEY },\n});\n",
            ),
            (
                "src/need.ts",
                "export function need(n: string, other?: string) {\n  const v = process.env[n] ?? other;\n  if (!v) throw new Error(n);\n  return v;\n}\nexport const a = need(\"EIGHT_SECRET\");\nconst get = (n: string) => process.env[n] || \"x\";\nget(\"NINE\");\n",
            ),
            ("src/mail.ts", "import { need } from \"./need.js\";\nconst b = need(\"TEN_TOKEN\");\nconst c = need(\"ELEVEN\", \"c\");\n"),
            ("src/other.ts", "import { need } from \"lodash\";\nneed(\"NO_ONE\");\nx.need(\"NOBODY\");\n"),
        ]);
        let found: Vec<String> = app
            .scan()
            .variables
            .iter()
            .map(|v| format!("{}{} {}:{}", v.name, if v.has_default { "?" } else { "" }, v.places[0].file, v.places[0].line))
            .collect();
        assert_eq!(
            found,
            [
                "EIGHT_SECRET src/need.ts:6",
                "ELEVEN? src/mail.ts:3",
                "KEY src/env.ts:2",
                "NINE? src/need.ts:8",
                "OPEN? src/env.ts:2",
                "TEN_TOKEN src/mail.ts:2"
            ]
        );
    }
}
