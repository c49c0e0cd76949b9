//! Files that users send are kept in S3: multer's disk storage and `express.static` of its folder become ours (`assets/files/uploads.*`).
//! Never guesses a folder: what is no literal path in the app, and what touches such a file in a form that it does not know, is left to a person.

mod calls;
pub(super) mod folder;
mod media;
mod module;
mod python;
mod python_folder;
mod serve;
mod storage;

use std::collections::{BTreeMap, BTreeSet};

use super::super::orm::edit::Edit;
use super::super::orm::imports::Imports;
use super::super::orm::script::Script;
use super::package;
use super::work::Work;
use module::Module;

const WHY: &str = "a container's disk is empty after every deployment: the files of users are objects of an S3 bucket now";
const PACKAGES: [&str; 2] = ["@aws-sdk/client-s3", "@aws-sdk/lib-storage"];

/// A folder that multer writes to, and the first place that says so.
struct Written {
    /// From the repository's root.
    folder: String,
    path: String,
    line: usize,
}

/// What is wanted of one script.
#[derive(Default)]
struct Plan {
    edits: Vec<Edit>,
    /// Names of ours that its new code calls.
    names: BTreeSet<&'static str>,
    /// Some multer of it goes on writing to the disk.
    keeps_disk: bool,
    /// Lines for a person.
    items: Vec<(usize, String)>,
}

/// Whether the file of a request is surely one of S3's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    No,
}

impl Plan {
    fn item(&mut self, line: usize, what: impl Into<String>) {
        // one word for one line
        if !self.items.iter().any(|(its, _)| *its == line) {
            self.items.push((line, what.into()));
        }
    }
}

pub fn edit(work: &mut Work) {
    node(work);
    python::edit(work);
    media::django(work);
    media::fastapi(work);
}

fn node(work: &mut Work) {
    // what is there by a name of S3's own is the app's
    let is_left = |text: &str| text.contains("multer-s3") || module::is_ours(text);
    let marks = ["multer", "FileInterceptor", "FilesInterceptor", "MulterModule", module::STORAGE];
    let writes = |text: &str| marks.iter().any(|mark| text.contains(mark)) && !is_left(text);
    let mut scripts = work.server(|_, text| writes(text));
    let mut written: Vec<Written> = Vec::new();
    let mut plans: BTreeMap<String, Plan> = BTreeMap::new();
    for script in &scripts {
        let root = folder::root_of(work, &script.path);
        let plan = plans.entry(script.path.clone()).or_default();
        for found in storage::folders(script, &root, plan) {
            if !written.iter().any(|known| known.folder == found.folder) {
                written.push(found);
            }
        }
    }
    if written.is_empty() && plans.values().all(|plan| plan.items.is_empty()) {
        return;
    }
    // where some files stay on the disk nobody can tell which of them a call is about
    let sure = if plans.values().any(|plan| plan.keeps_disk) { Sure::No } else { Sure::Yes };
    let folders: Vec<&str> = written.iter().map(|one| one.folder.as_str()).collect();
    let names: Vec<&str> = folders.iter().filter_map(|folder| folder.rsplit('/').next()).collect();
    let serves = ["file.path", "express.static"];
    let touches =
        |text: &str| !is_left(text) && (serves.iter().any(|mark| text.contains(mark)) || names.iter().any(|name| text.contains(name)));
    if !folders.is_empty() {
        scripts.extend(work.server(|_, text| !writes(text) && touches(text)));
    }
    for script in scripts.iter().filter(|_| !folders.is_empty()) {
        let root = folder::root_of(work, &script.path);
        let plan = plans.entry(script.path.clone()).or_default();
        serve::replace(script, &root, &folders, plan);
        calls::replace(script, &root, &folders, sure, plan);
    }
    let mut modules = BTreeMap::new();
    let mut done = true;
    for script in &scripts {
        let Some(plan) = plans.remove(&script.path).filter(|plan| !plan.edits.is_empty() || !plan.items.is_empty()) else { continue };
        done &= change(work, script, plan, &mut modules);
    }
    let is_inner = |one: &Written| written.iter().any(|up| one.folder.starts_with(&format!("{}/", up.folder)));
    for one in written.iter().filter(|one| done && !is_inner(one)) {
        let local = one.folder.strip_prefix(&folder::root_of(work, &one.path)).unwrap_or(&one.folder);
        let what = format!(
            "copy what lies in {local}/ to the bucket, when writes have stopped on Replit: aws s3 sync {local} s3://$S3_BUCKET/{local}"
        );
        let why = "the app looks for its users' files in the bucket, and those sent until now are on Replit's disk";
        work.item(&one.path, Some(one.line), &what, why);
    }
}

type Modules = BTreeMap<(Option<String>, &'static str), Module>;

/// Says whether the file is as it is wanted.
fn change(work: &mut Work, script: &Script, plan: Plan, modules: &mut Modules) -> bool {
    let imports = Imports::of(script);
    let Some(form) = module::form(script, &imports) else {
        for (line, what) in plan.items {
            work.item(&script.path, Some(line), &what, WHY);
        }
        for edit in &plan.edits {
            let what = "write the users' files to S3 here: in a file without imports and without require nothing of ours can be put in";
            work.item(&script.path, Some(script.line(edit.range.start)), what, WHY);
        }
        return false;
    };
    let key = (package::of(work, &script.path), form);
    let made = modules.entry(key.clone()).or_insert_with(|| Module::of(work, script, form, &imports)).clone();
    for (line, what) in &plan.items {
        work.item(&script.path, Some(*line), &what.replace("OURS", &made.path), WHY);
    }
    if !made.is_there {
        return false;
    }
    if plan.edits.is_empty() {
        return true;
    }
    let named = |text: &str| {
        let own = plan.names.iter().map(|name| (*name, made.name_in(script, &imports, name))).filter(|(name, own)| name != own);
        own.fold(
            text.to_owned(),
            |text, (name, own)| if text == name { own } else { text.replace(&format!("{name}("), &format!("{own}(")) },
        )
    };
    let mut edits: Vec<Edit> = plan.edits.iter().map(|edit| Edit { text: named(&edit.text), ..edit.clone() }).collect();
    let gone = imports.edits(&edits);
    let Some(import) = made.import(work, script, &imports, &plan.names, &gone) else {
        work.item(&script.path, None, &format!("use what {} has in this file: its first lines say how", made.path), WHY);
        return false;
    };
    edits.extend(gone);
    edits.extend(import);
    let done = work.edit(script, edits);
    if let (true, Some(manifest)) = (done, &key.0) {
        for wanted in PACKAGES {
            package::add(work, manifest, false, wanted, WHY);
        }
    }
    done
}
