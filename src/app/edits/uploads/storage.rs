//! Multer's disk storage: where it is made, the folder that it writes to, and the same on S3.
//! Never touches what keeps files in memory, in the system's temporary folder, or at a place that the request decides.

use super::super::super::orm::edit::Edit;
use super::super::super::orm::imports::Imports;
use super::super::super::orm::script::{Part, Script, arguments, items, key_of, text_of, value_of};
use super::super::syntax::{calls, is_function};
use super::{Plan, WHY, Written, folder};

/// The folders that multer writes to in this script, be it already by ours; the edits and items go into the plan.
pub fn folders(script: &Script, root: &str, plan: &mut Plan) -> Vec<Written> {
    let names = Names::of(script);
    let mut out = Vec::new();
    let mut add = |folder: String, part: &Part<'_>| {
        out.push(Written { folder, path: script.path.clone(), line: script.line(part.range().start) });
    };
    let tree = script.root();
    for call in tree.dfs().filter(|part| part.kind() == "call_expression") {
        let Some(function) = call.field("function") else { continue };
        let text = function.text();
        let given = arguments(&call);
        let options = given.first().filter(|options| options.kind() == "object");
        if text == super::module::STORAGE || text.starts_with(super::module::STORAGE) && function.kind() == "identifier" {
            let folder = options.and_then(|options| folder::meant(script, root, &value_of(options, "destination")?));
            folder.into_iter().for_each(|folder| add(folder, &call));
        } else if names.disk(&text) {
            match options.map(|options| disk(script, root, options)) {
                Some(Disk::Known { folder, edit }) => {
                    add(folder, &call);
                    plan.edits.push(Edit::new(function.range(), super::module::STORAGE, WHY));
                    plan.edits.extend(edit);
                    plan.names.insert(super::module::STORAGE);
                }
                Some(Disk::Temporary) | None => plan.keeps_disk = true,
                Some(Disk::Unknown) => {
                    plan.keeps_disk = true;
                    plan.item(script.line(call.range().start), UNKNOWN);
                }
            }
        } else if (names.multer.iter().any(|name| *name == text) || is_nests(&text))
            && let Some(options) = given.last().filter(|options| options.kind() == "object")
        {
            let Some((pair, value)) = dest(options) else { continue };
            if value_of(options, "storage").is_some() || items(options).iter().any(|one| one.text() == "storage") {
                continue;
            }
            if is_temporary(&value) {
                plan.keeps_disk = true;
                continue;
            }
            match folder::meant(script, root, &value) {
                Some(folder) => {
                    add(folder, &call);
                    let text = format!("storage: {}({{ destination: {} }})", super::module::STORAGE, value.text());
                    plan.edits.push(Edit::new(pair.range(), text, WHY));
                    plan.names.insert(super::module::STORAGE);
                }
                None => {
                    plan.keeps_disk = true;
                    plan.item(script.line(pair.range().start), UNKNOWN);
                }
            }
        }
    }
    out
}

const UNKNOWN: &str = "keep these files in S3: storage: uploadStorage({ destination: \"FOLDER\", filename: … }) of OURS, one for each folder; the folder is not one literal path of the app here, so it was not done for you";

/// NestJS hands the same options to multer.
fn is_nests(function: &str) -> bool {
    ["FileInterceptor", "FilesInterceptor", "AnyFilesInterceptor", "FileFieldsInterceptor", "MulterModule.register"].contains(&function)
}

/// What multer is called in a script.
struct Names {
    multer: Vec<String>,
    /// `diskStorage` by itself.
    storage: Vec<String>,
}

impl Names {
    fn of(script: &Script) -> Self {
        let imports = Imports::of(script);
        let own = imports.all.iter().filter(|import| import.module == "multer");
        let mut names = Self { multer: Vec::new(), storage: Vec::new() };
        for import in own {
            names.multer.extend(import.default.clone());
            names.multer.extend(import.namespace.clone());
            names.storage.extend(import.names.iter().filter(|name| name.exported == "diskStorage").map(|name| name.local.clone()));
        }
        let tree = script.root();
        for required in calls(&tree, "require") {
            if arguments(&required).first().and_then(text_of).as_deref() != Some("multer") {
                continue;
            }
            let Some(name) = required.parent().filter(|up| up.kind() == "variable_declarator").and_then(|up| up.field("name")) else {
                continue;
            };
            if name.kind() == "identifier" {
                names.multer.push(name.text().into_owned());
            } else if items(&name).iter().any(|one| one.text() == "diskStorage") {
                names.storage.push("diskStorage".to_owned());
            }
        }
        names
    }

    fn disk(&self, function: &str) -> bool {
        self.storage.iter().any(|name| name == function)
            || function.strip_suffix(".diskStorage").is_some_and(|of| self.multer.iter().any(|name| name == of))
    }
}

/// `dest: X`, or `dest` alone: what stands there, and its value.
fn dest<'r>(options: &Part<'r>) -> Option<(Part<'r>, Part<'r>)> {
    items(options).into_iter().find_map(|one| match one.kind().as_ref() {
        "pair" if key_of(&one).as_deref() == Some("dest") => one.field("value").map(|value| (one.clone(), value)),
        "shorthand_property_identifier" if one.text() == "dest" => Some((one.clone(), one)),
        _ => None,
    })
}

enum Disk {
    Known {
        folder: String,
        /// The callback becomes the path that it gives.
        edit: Option<Edit>,
    },
    /// The system's temporary folder.
    Temporary,
    Unknown,
}

fn is_temporary(value: &Part<'_>) -> bool {
    let text = value.text();
    text.contains("tmpdir(") || text.trim_start_matches(['"', '\'', '`']).starts_with("/tmp")
}

fn disk<'r>(script: &'r Script, root: &str, options: &Part<'r>) -> Disk {
    let all = items(options);
    let name = |one: &Part<'_>| match one.kind().as_ref() {
        "pair" => key_of(one),
        "method_definition" => one.field("name").map(|name| name.text().into_owned()),
        "shorthand_property_identifier" => Some(one.text().into_owned()),
        _ => None,
    };
    if all.iter().any(|one| !matches!(name(one).as_deref(), Some("destination" | "filename"))) {
        return Disk::Unknown;
    }
    let Some(own) = all.iter().find(|one| name(one).as_deref() == Some("destination")) else { return Disk::Temporary };
    let value = own.field("value").filter(|_| own.kind() == "pair").unwrap_or_else(|| own.clone());
    if !is_function(&value) {
        if is_temporary(&value) {
            return Disk::Temporary;
        }
        return folder::meant(script, root, &value).map_or(Disk::Unknown, |folder| Disk::Known { folder, edit: None });
    }
    let Some(given) = given(&value) else { return Disk::Unknown };
    if is_temporary(&given) {
        return Disk::Temporary;
    }
    match folder::meant(script, root, &given) {
        Some(folder) => {
            let edit = Edit::new(own.range(), format!("destination: {}", given.text()), WHY);
            Disk::Known { folder, edit: Some(edit) }
        }
        None => Disk::Unknown,
    }
}

/// What a callback gives in its only answer, as it can be written outside of it. It may make the folder besides, and nothing else.
fn given<'r>(function: &Part<'r>) -> Option<Part<'r>> {
    let last = items(&function.field("parameters")?).into_iter().next_back()?;
    let done = last.field("pattern").unwrap_or(last).text().into_owned();
    let body = function.field("body")?;
    let answers: Vec<Part<'r>> = body
        .dfs()
        .filter(|part| part.kind() == "call_expression" && part.field("function").is_some_and(|its| its.text() == done))
        .collect();
    let [answer] = answers.as_slice() else { return None };
    let arguments = arguments(answer);
    let [error, path] = arguments.as_slice() else { return None };
    let plain = matches!(error.text().as_ref(), "null" | "undefined" | "''" | "\"\"");
    let statements = if body.kind() == "statement_block" { items(&body) } else { Vec::new() };
    let harmless = |one: &Part<'_>| {
        let text = one.text();
        matches!(one.kind().as_ref(), "lexical_declaration" | "variable_declaration")
            || one.range().start <= answer.range().start && answer.range().end <= one.range().end && one.kind() != "if_statement"
            || (text.contains("mkdir") && matches!(one.kind().as_ref(), "if_statement" | "expression_statement"))
    };
    if !plain || !statements.iter().all(harmless) {
        return None;
    }
    // a constant of the callback's own is written out
    let inner = |name: &Part<'_>| {
        let named =
            |part: &Part<'_>| part.kind() == "variable_declarator" && part.field("name").is_some_and(|its| its.text() == name.text());
        body.dfs().find(|part| named(part)).and_then(|part| part.field("value"))
    };
    match inner(path).filter(|_| path.kind() == "identifier") {
        Some(value) => {
            let own = value.dfs().any(|part| part.kind() == "identifier" && inner(&part).is_some());
            (!own).then_some(value)
        }
        None => Some(path.clone()),
    }
}
