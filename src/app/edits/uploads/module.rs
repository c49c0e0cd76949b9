//! The file that keeps uploads in S3: which of its forms a script can load, where it is put, and the line that loads it.
//! Never written over a file of the app's own.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::super::mark;
use super::super::super::orm::edit::Edit;
use super::super::super::orm::imports::Imports;
use super::super::super::orm::script::{Part, Script, arguments, text_of};
use super::super::health::{relative, suffix};
use super::super::package;
use super::super::syntax::{calls, is_typed};
use super::super::work::{Work, folder};
use super::WHY;

pub const STORAGE: &str = "uploadStorage";
pub const SERVE: &str = "serveUploads";

/// What our names end with where the app has them for its own.
const OTHER: &str = "OnS3";

const TYPED: &str = include_str!("../../../../assets/files/uploads.ts");
const PLAIN: &str = include_str!("../../../../assets/files/uploads.mjs");

#[derive(Clone)]
pub struct Module {
    pub path: String,
    pub is_there: bool,
}

/// The file is this one, whoever changed it since.
pub fn is_ours(text: &str) -> bool {
    mark::is_written(text) && text.contains(STORAGE)
}

/// The form that a script can load: a module is imported, CommonJS requires its like. `None`: neither.
pub fn form(script: &Script, imports: &Imports<'_>) -> Option<&'static str> {
    let typed = is_typed(&script.path);
    if !imports.all.is_empty() {
        return Some(if typed { "ts" } else { "mjs" });
    }
    (!typed && script.text.contains("require(")).then_some("cjs")
}

/// The module as CommonJS has it.
pub fn common(module: &str) -> Option<String> {
    let import = Regex::new(r#"(?m)^import (.+) from ("[^"]+");$"#).ok()?;
    let export = Regex::new(r"(?m)^export ((?:async )?function (\w+))").ok()?;
    let names: Vec<&str> = export.captures_iter(module).filter_map(|found| Some(found.get(2)?.as_str())).collect();
    let text = import.replace_all(module, "const $1 = require($2);");
    let text = export.replace_all(&text, "$1");
    Some(format!("{}\n\nmodule.exports = {{ {} }};\n", text.trim_end(), names.join(", ")))
}

impl Module {
    /// The one that the script's package has already, else a new one beside the script.
    pub fn of(work: &mut Work, script: &Script, form: &'static str, imports: &Imports<'_>) -> Self {
        let manifest = package::of(work, &script.path);
        let end = format!(".{form}");
        let known = work.paths(|path, text| path.ends_with(&end) && is_ours(text));
        if let Some(path) = known.into_iter().find(|path| package::of(work, path) == manifest) {
            return Self { path, is_there: true };
        }
        let text = match form {
            "ts" if imports.all.iter().any(|import| import.module == "express" && import.namespace.is_some()) => {
                TYPED.replace("import express from", "import * as express from")
            }
            "ts" => TYPED.to_owned(),
            "mjs" => PLAIN.to_owned(),
            _ => common(PLAIN).unwrap_or_default(),
        };
        let candidates = ["uploads", "uploads-s3"].map(|name| format!("{}{name}{end}", folder(&script.path)));
        let Some(path) = candidates.iter().find(|path| work.text(path).is_none()) else {
            let [path, _] = candidates;
            work.item(&path, None, "keep the users' files in S3: files of this name are there already, so none was put in", WHY);
            return Self { path, is_there: false };
        };
        Self { is_there: work.put(path, text, WHY), path: path.clone() }
    }

    /// The line that loads these names; nothing where the script has them. `None`: there is no place for it.
    pub fn import(
        &self,
        work: &Work,
        script: &Script,
        imports: &Imports<'_>,
        names: &BTreeSet<&'static str>,
        gone: &[Edit],
    ) -> Option<Option<Edit>> {
        let missing: Vec<&str> = names.iter().copied().filter(|name| self.loaded(script, imports, name).is_none()).collect();
        if missing.is_empty() {
            return Some(None);
        }
        let style = script.style();
        let is_common = imports.all.is_empty();
        let end = if is_typed(&self.path) { suffix(work, &script.path, imports) } else { "" };
        let from = style.text(&format!("{}{end}", relative(&script.path, &self.path)?));
        let listed: Vec<String> = missing
            .iter()
            .map(|name| match self.name_in(script, imports, name) {
                own if own == *name => own,
                own if is_common => format!("{name}: {own}"),
                own => format!("{name} as {own}"),
            })
            .collect();
        let listed = listed.join(", ");
        let (newline, end) = (style.newline, style.end());
        if is_common {
            let at = required(script)?.range().end;
            return Some(Some(Edit::new(at..at, format!("{newline}const {{ {listed} }} = require({from}){end}"), WHY)));
        }
        let line = format!("import {{ {listed} }} from {from}{end}");
        let goes = |part: &Part<'_>| gone.iter().any(|edit| edit.range.start <= part.range().start && part.range().end <= edit.range.end);
        Some(Some(match imports.all.iter().rev().find(|import| !goes(&import.statement)) {
            Some(last) => Edit::new(last.statement.range().end..last.statement.range().end, format!("{newline}{line}"), WHY),
            None => {
                let at = imports.all.first()?.statement.range().start;
                Edit::new(at..at, format!("{line}{newline}"), WHY)
            }
        }))
    }

    /// What the script calls it, where it loads it from this file.
    fn loaded(&self, script: &Script, imports: &Imports<'_>, name: &str) -> Option<String> {
        if imports.all.is_empty() {
            let file = self.path.rsplit('/').next().unwrap_or_default();
            let line = script.text.lines().find(|line| line.contains("require(") && line.contains(file) && line.contains(name))?;
            let own = format!("{name}{OTHER}");
            return Some(if line.contains(&own) { own } else { name.to_owned() });
        }
        let ours = imports.all.iter().filter(|import| self.is_named(&import.module));
        ours.flat_map(|import| &import.names).find(|its| its.exported == name).map(|its| its.local.clone())
    }

    /// The name of something of ours in a script: another one where the app has the name for something of its own.
    pub fn name_in(&self, script: &Script, imports: &Imports<'_>, name: &str) -> String {
        let is_name = |part: &Part<'_>| {
            let names = ["identifier", "type_identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"];
            names.contains(&part.kind().as_ref()) && part.text() == name
        };
        self.loaded(script, imports, name).unwrap_or_else(|| {
            let is_taken = script.root().dfs().any(|part| is_name(&part));
            if is_taken { format!("{name}{OTHER}") } else { name.to_owned() }
        })
    }

    /// An import's text means this file.
    fn is_named(&self, module: &str) -> bool {
        let stem = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or_default();
            name.split_once('.').map_or(name, |(stem, _)| stem).to_owned()
        };
        module.starts_with('.') && stem(module) == stem(&self.path)
    }
}

/// The statement at the top that loads multer, else express, else anything.
fn required<'r>(script: &'r Script) -> Option<Part<'r>> {
    let root = script.root();
    let loads = |part: &Part<'_>, module: Option<&str>| {
        matches!(part.kind().as_ref(), "lexical_declaration" | "variable_declaration")
            && calls(part, "require").iter().any(|call| {
                let named = arguments(call).first().and_then(text_of);
                module.is_none_or(|module| named.as_deref() == Some(module))
            })
    };
    [Some("multer"), Some("express"), None].into_iter().find_map(|module| root.children().find(|part| loads(part, module)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commonjs_loads_and_gives_the_same() {
        let text = common(PLAIN).unwrap();
        let script = Script::read("uploads.cjs", &text).unwrap();
        assert!(!script.is_broken());
        for gone in ["\nimport ", "\nexport "] {
            assert!(!text.contains(gone), "{gone}");
        }
        assert!(text.contains("const { Upload } = require(\"@aws-sdk/lib-storage\");\nconst express = require(\"express\");\n"), "{text}");
        assert!(
            text.ends_with(
                "module.exports = { uploadStorage, writeUpload, streamUpload, readUpload, hasUpload, sizeOfUpload, removeUpload, serveUploads, sendUpload };\n"
            ),
            "{text}"
        );
        assert!(is_ours(&text) && is_ours(TYPED) && is_ours(PLAIN));
    }
}
