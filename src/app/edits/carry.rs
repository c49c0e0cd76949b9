//! Methods that an app wrote into a class of a template's file, carried over into the drop-in that takes the file's place.
//! Never one that uses anything which the drop-in has not: then the file stays as it is.

use std::collections::BTreeSet;

use super::super::orm::script::{Part, Script, bare, items, key_of};
use super::syntax::is_function;

/// What the template's file and the drop-in both have, and mean alike.
const ALIKE: [&str; 10] = [
    "objectStorageClient",
    "ObjectNotFoundError",
    "parseObjectPath",
    "signObjectURL",
    "randomUUID",
    "ObjectPermission",
    "canAccessObject",
    "getObjectAclPolicy",
    "setObjectAclPolicy",
    "File",
];
const GLOBALS: [&str; 26] = [
    "Buffer",
    "URL",
    "URLSearchParams",
    "Date",
    "Math",
    "JSON",
    "Promise",
    "console",
    "process",
    "Error",
    "Array",
    "Object",
    "String",
    "Number",
    "Boolean",
    "Set",
    "Map",
    "RegExp",
    "Uint8Array",
    "Response",
    "undefined",
    "encodeURIComponent",
    "decodeURIComponent",
    "parseInt",
    "isNaN",
    "setTimeout",
];
/// Methods of the drop-in's that give an object.
const GIVE: [&str; 2] = ["getObjectEntityFile", "searchPublicObject"];
/// Of Google Cloud Storage alone, wherever they stand.
const GONE: [&str; 9] =
    ["makePublic", "makePrivate", "publicUrl", "move", "upload", "createResumableUpload", "setStorageClass", "isPublic", "acl"];
/// Of lists, texts and streams.
const PLAIN: [&str; 12] = ["map", "filter", "some", "every", "find", "forEach", "length", "slice", "sort", "toString", "pipe", "on"];

/// The drop-in with the methods (`Class.method`) of the app's own file; `None`: one of them cannot be carried over.
pub fn over(path: &str, text: &str, drop_in: &str, lost: &[String]) -> Option<String> {
    let (own, ours) = (Script::read(path, text)?, Script::read(path, drop_in)?);
    let (own_root, our_root) = (own.root(), ours.root());
    let names = members(&our_root);
    let mut after = drop_in.to_owned();
    let carried: BTreeSet<&str> = lost.iter().filter_map(|name| Some(name.split_once('.')?.1)).collect();
    for name in lost.iter().rev() {
        let (class, method) = name.split_once('.')?;
        let mut same = items(&class_of(&own_root, class)?).into_iter().filter(|member| is_named(member, method));
        let found = same.next().filter(|found| found.kind() == "method_definition" && same.next().is_none())?;
        let here = class_of(&our_root, class)?;
        let inside: BTreeSet<String> = items(&here).iter().filter_map(|member| Some(member.field("name")?.text().into_owned())).collect();
        let knows = |name: &str| inside.contains(name) || carried.contains(name);
        if !is_covered(&found, &names, &knows) {
            return None;
        }
        let above: Vec<String> =
            found.prev_all().take_while(|part| part.kind() == "comment").map(|part| part.text().into_owned()).collect();
        let lines = above.iter().rev().map(|line| format!("  {line}\n")).collect::<String>();
        let end = here.range().end.checked_sub(1)?;
        after.insert_str(end, &format!("\n{lines}  {}\n", found.text()));
    }
    Some(after)
}

fn class_of<'r>(root: &Part<'r>, name: &str) -> Option<Part<'r>> {
    root.dfs().find(|part| part.kind() == "class_declaration" && part.field("name").is_some_and(|own| own.text() == name))?.field("body")
}

fn is_named(member: &Part<'_>, name: &str) -> bool {
    member.field("name").is_some_and(|own| own.text() == name)
}

/// All that something of the drop-in's may be asked for: methods, and what its types have.
fn members(root: &Part<'_>) -> BTreeSet<String> {
    let named = root.dfs().filter(|part| matches!(part.kind().as_ref(), "method_definition" | "property_signature" | "required_parameter"));
    let mut out: BTreeSet<String> =
        named.filter_map(|part| Some(part.field("name").or_else(|| part.field("pattern"))?.text().into_owned())).collect();
    out.extend(PLAIN.iter().chain(&["bucket"]).map(|name| (*name).to_owned()));
    out
}

/// The method uses nothing but what the drop-in has.
fn is_covered(method: &Part<'_>, names: &BTreeSet<String>, knows: &impl Fn(&str) -> bool) -> bool {
    let local = declared(method);
    let mut stored: BTreeSet<String> = ["objectStorageClient".to_owned()].into();
    // what comes from the storage, in the order of the code
    for part in method.dfs() {
        match part.kind().as_ref() {
            "variable_declarator" if part.field("value").is_some_and(|value| is_stored(&value, &stored)) => {
                stored.extend(part.field("name").iter().flat_map(identifiers));
            }
            "for_in_statement" if part.field("right").is_some_and(|right| is_stored(&right, &stored)) => {
                stored.extend(part.field("left").iter().flat_map(identifiers));
            }
            // `files.map((file) => …)`
            "arrow_function" if part.ancestors().nth(1).is_some_and(|call| is_stored(&call, &stored)) => {
                stored.extend(part.field("parameter").or_else(|| part.field("parameters")).iter().flat_map(identifiers));
            }
            "required_parameter" | "optional_parameter" if part.field("type").is_some_and(|of| of.text().contains("File")) => {
                stored.extend(part.field("pattern").iter().flat_map(identifiers));
            }
            _ => {}
        }
    }
    method.dfs().all(|part| match part.kind().as_ref() {
        "this" => part.parent().is_some_and(|up| up.kind() == "member_expression"),
        "identifier" => {
            let name = part.text();
            local.contains(name.as_ref()) || ALIKE.contains(&name.as_ref()) || GLOBALS.contains(&name.as_ref())
        }
        "shorthand_property_identifier" => local.contains(part.text().as_ref()),
        "type_identifier" => {
            let name = part.text();
            ["File", "ObjectAclPolicy", "Buffer", "Promise", "Array", "Record", "Uint8Array", "Date", "Error", "Response", "Partial"]
                .contains(&name.as_ref())
        }
        "member_expression" => {
            let (Some(object), Some(property)) = (part.field("object"), part.field("property")) else { return false };
            let name = property.text();
            if object.kind() == "this" {
                return knows(&name);
            }
            !GONE.contains(&name.as_ref()) && (!is_stored(&object, &stored) || names.contains(name.as_ref()))
        }
        "subscript_expression" => part.field("object").is_some_and(|object| object.kind() != "this" && !is_stored(&object, &stored)),
        "call_expression" if part.field("function").is_some_and(|function| is_stored(&function, &stored)) => {
            let pairs = part.field("arguments").into_iter().flat_map(|given| items(&given)).filter(|one| one.kind() == "object");
            pairs.flat_map(|object| items(&object)).all(|pair| match pair.kind().as_ref() {
                "pair" => key_of(&pair).is_some_and(|key| names.contains(&key)),
                "shorthand_property_identifier" => names.contains(pair.text().as_ref()),
                _ => false,
            })
        }
        _ => true,
    })
}

/// It comes from the storage: an object, a bucket, a list of them, or what is known of one.
fn is_stored(part: &Part<'_>, stored: &BTreeSet<String>) -> bool {
    let part = bare(part);
    match part.kind().as_ref() {
        "identifier" => stored.contains(part.text().as_ref()),
        "await_expression" => items(&part).first().is_some_and(|inner| is_stored(inner, stored)),
        "call_expression" => part.field("function").is_some_and(|function| {
            let given = function.field("property").is_some_and(|name| GIVE.contains(&name.text().as_ref()));
            given || is_stored(&function, stored)
        }),
        "member_expression" | "subscript_expression" => part.field("object").is_some_and(|object| is_stored(&object, stored)),
        _ => false,
    }
}

/// Names that the method itself declares.
fn declared(method: &Part<'_>) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for part in method.dfs() {
        let name = match part.kind().as_ref() {
            "variable_declarator" => part.field("name"),
            "required_parameter" | "optional_parameter" => part.field("pattern"),
            "catch_clause" | "arrow_function" => part.field("parameter"),
            "for_in_statement" => part.field("left"),
            _ if is_function(&part) => part.field("name"),
            _ => None,
        };
        out.extend(name.iter().flat_map(identifiers));
    }
    out
}

/// The names of a pattern.
fn identifiers(pattern: &Part<'_>) -> Vec<String> {
    let is_name = |part: &Part<'_>| matches!(part.kind().as_ref(), "identifier" | "shorthand_property_identifier_pattern");
    pattern.dfs().filter(is_name).map(|part| part.text().into_owned()).collect()
}
