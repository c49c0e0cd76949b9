//! All scripts of an app together: which names are enums, schemas, types of the app's own, and where its tables are.
//! Never changes anything; a name is followed from file to file by what it is called.

use super::imports::{Imports, PG_CORE};
use super::script::{Chain, Part, Script, arguments, bare, items, text_of, value_of};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// An enumerated type: `public.status`.
    Enum(String),
    /// A schema's name.
    Schema(String),
    /// The app's own column type: its SQL, and what it is in the app.
    Custom { sql: String, js: String },
    /// `pgTableCreator`: what stands before and behind a table's name.
    Creator { before: String, behind: String },
}

/// A name with its meaning.
pub struct Declared<'r> {
    pub name: String,
    pub file: usize,
    pub what: What,
    /// The call that makes it.
    pub call: Part<'r>,
}

/// A table as the app declares it.
pub struct TableCall<'r> {
    pub call: Part<'r>,
    /// `public.orders`.
    pub name: String,
    pub columns: Part<'r>,
    /// `t` of `pgTable("x", (t) => ({ … }))`.
    pub param: Option<String>,
    /// Indexes, checks and keys.
    pub extras: Option<Part<'r>>,
}

pub struct Project<'r> {
    pub scripts: &'r [Script],
    pub imports: Vec<Imports<'r>>,
    pub declared: Vec<Declared<'r>>,
}

impl<'r> Project<'r> {
    pub fn read(scripts: &'r [Script]) -> Self {
        let imports = scripts.iter().map(Imports::of).collect();
        let mut project = Self { scripts, imports, declared: Vec::new() };
        let declarators: Vec<(usize, Part<'r>)> = scripts
            .iter()
            .enumerate()
            .flat_map(|(file, script)| {
                script.root().dfs().filter(|part| part.kind() == "variable_declarator").map(|part| (file, part)).collect::<Vec<_>>()
            })
            .collect();
        // Schemas first: enums may be made with them.
        for schemas in [true, false] {
            for (file, declarator) in &declarators {
                let (Some(name), Some(value)) = (declarator.field("name"), declarator.field("value")) else { continue };
                let call = bare(&value);
                if let Some(what) = project.meaning(*file, &call).filter(|what| matches!(what, What::Schema(_)) == schemas) {
                    project.declared.push(Declared { name: name.text().into_owned(), file: *file, what, call });
                }
            }
        }
        project
    }

    fn meaning(&self, file: usize, call: &Part<'r>) -> Option<What> {
        if call.kind() != "call_expression" {
            return None;
        }
        let function = call.field("function")?;
        let arguments = arguments(call);
        if let Some((schema, "enum")) = self.member_of_schema(file, &function).as_ref().map(|(s, m)| (s, m.as_str())) {
            return Some(What::Enum(format!("{schema}.{}", text_of(arguments.first()?)?)));
        }
        match self.core(file, &function, None)?.as_str() {
            "pgEnum" => Some(What::Enum(format!("public.{}", text_of(arguments.first()?)?))),
            "pgSchema" => Some(What::Schema(text_of(arguments.first()?)?)),
            "pgTableCreator" => creator(arguments.first()?),
            "customType" => custom(call, arguments.first()?),
            _ => None,
        }
    }

    /// What a name means in a file.
    pub fn resolve(&self, file: usize, local: &str) -> Option<&Declared<'r>> {
        let here = self.declared.iter().find(|found| found.file == file && found.name == local);
        here.or_else(|| {
            let (module, exported) = self.imports.get(file)?.resolve(local)?;
            if module.starts_with("drizzle-orm") {
                return None;
            }
            self.declared.iter().find(|found| found.name == exported)
        })
    }

    /// The name in `drizzle-orm/pg-core` that a callee stands for; `param` is what builders hang on in `(t) => ({ … })`.
    pub fn core(&self, file: usize, callee: &Part<'_>, param: Option<&str>) -> Option<String> {
        let imports = self.imports.get(file)?;
        match callee.kind().as_ref() {
            "identifier" => {
                let text = callee.text();
                let (module, exported) = imports.resolve(&text)?;
                (module == PG_CORE).then(|| exported.to_owned())
            }
            "member_expression" => {
                let object = callee.field("object")?.text();
                let property = callee.field("property")?.text().into_owned();
                (param == Some(object.as_ref()) || imports.namespace(&object) == Some(PG_CORE)).then_some(property)
            }
            _ => None,
        }
    }

    /// `app.table`: the schema's name and the member.
    fn member_of_schema(&self, file: usize, function: &Part<'_>) -> Option<(String, String)> {
        let object = function.field("object").filter(|object| object.kind() == "identifier")?;
        match &self.resolve(file, &object.text())?.what {
            What::Schema(schema) => Some((schema.clone(), function.field("property")?.text().into_owned())),
            What::Enum(_) | What::Custom { .. } | What::Creator { .. } => None,
        }
    }

    /// The tables that a file declares.
    pub fn tables(&self, file: usize) -> Vec<TableCall<'r>> {
        let Some(script) = self.scripts.get(file) else { return Vec::new() };
        script.root().dfs().filter(|part| part.kind() == "call_expression").filter_map(|call| self.table(file, call)).collect()
    }

    fn table(&self, file: usize, call: Part<'r>) -> Option<TableCall<'r>> {
        // `pgTable(…).enableRLS()` is a call on a call: only the inner one declares.
        let function = call.field("function")?;
        let arguments = arguments(&call);
        let written = text_of(arguments.first()?)?;
        let name = if let Some((schema, member)) = self.member_of_schema(file, &function) {
            (member == "table").then(|| format!("{schema}.{written}"))?
        } else if self.core(file, &function, None).as_deref() == Some("pgTable") {
            format!("public.{written}")
        } else {
            match &self.resolve(file, &function.text())?.what {
                What::Creator { before, behind } => format!("public.{before}{written}{behind}"),
                What::Enum(_) | What::Schema(_) | What::Custom { .. } => return None,
            }
        };
        let second = arguments.get(1)?;
        let (columns, param) = match second.kind().as_ref() {
            "object" => (second.clone(), None),
            "arrow_function" => (returned(second)?, first_param(second)),
            _ => return None,
        };
        if columns.kind() != "object" {
            return None;
        }
        Some(TableCall { name, columns, param, extras: arguments.get(2).cloned(), call })
    }
}

impl TableCall<'_> {
    /// Where the second argument begins.
    pub fn columns_start(&self) -> usize {
        arguments(&self.call).get(1).map_or(0, |second| second.range().start)
    }

    /// Where the second argument ends.
    pub fn columns_end(&self) -> usize {
        arguments(&self.call).get(1).map_or(0, |second| second.range().end)
    }
}

/// What a function gives: its expression, or that of its `return`.
pub fn returned<'r>(function: &Part<'r>) -> Option<Part<'r>> {
    let body = function.field("body")?;
    if body.kind() != "statement_block" {
        return Some(bare(&body));
    }
    let back = body.children().find(|part| part.kind() == "return_statement")?;
    items(&back).first().map(bare)
}

/// The name of a function's first parameter.
pub fn first_param(function: &Part<'_>) -> Option<String> {
    let one = function.field("parameter").map(|name| name.text().into_owned());
    one.or_else(|| {
        let first = items(&function.field("parameters")?).first()?.clone();
        Some(first.field("pattern").unwrap_or(first).text().into_owned())
    })
}

/// `(name) => `shop_${name}``.
fn creator(function: &Part<'_>) -> Option<What> {
    let template = returned(function).filter(|found| found.kind() == "template_string")?;
    let holes: Vec<_> = template.children().filter(|part| part.kind() == "template_substitution").collect();
    let [hole] = holes.as_slice() else { return None };
    let (whole, start) = (template.text().into_owned(), template.range().start);
    let before = whole.get(1..hole.range().start - start)?.to_owned();
    let behind = whole.get(hole.range().end - start..whole.len() - 1)?.to_owned();
    Some(What::Creator { before, behind })
}

/// `customType<{ data: string }>({ dataType: () => "citext" })`.
fn custom(call: &Part<'_>, options: &Part<'_>) -> Option<What> {
    let kind = value_of(options, "dataType").or_else(|| {
        items(options)
            .into_iter()
            .find(|part| part.kind() == "method_definition" && part.field("name").is_some_and(|name| name.text() == "dataType"))
    })?;
    let sql = kind.dfs().find_map(|part| text_of(&part))?;
    let types = call.field("type_arguments").map(|found| found.text().into_owned()).unwrap_or_default();
    let js = types.split_once("data:").map(|(_, rest)| rest.split([';', ',', '}']).next().unwrap_or_default().trim().to_owned());
    Some(What::Custom { sql, js: js.unwrap_or_default() })
}

/// Whether a chain begins with this name of pg-core.
pub fn begins_with(project: &Project<'_>, file: usize, chain: &Chain<'_>) -> Option<String> {
    let function = chain.root.field("function")?;
    project.core(file, &function, None)
}
