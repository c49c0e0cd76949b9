//! An app's texts for those who edit them, with what was looked for in each: so that what is still found once some have changed can be told.
//! Never reads more of an app than a scan does and its lock files, reads it once, and writes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use super::beside;
use super::by_container::Image;
use super::database;
use super::edits::{CHECKLIST, LOCK_FILES};
use super::finding::Finding;
use super::joined;
use super::layout;
use super::packages;
use super::pasted;
use super::replit::ReplitFile;
use super::scan;
use super::search::{Look, Search};
use super::service::{self, Service};
use super::signal::{self, Signal};
use super::stack;
use super::tree::{Entry, Tree, is_code, is_test};
use super::variable;
use super::walk;
use crate::error::Result;

/// What was read.
#[derive(Debug)]
pub struct Reading {
    tree: Tree,
    looks: Vec<Look>,
    signals: Vec<Signal>,
    image: Image,
    /// Folders that belong to another repository (`.gitmodules`), with `/` at their end.
    submodules: Vec<String>,
    services: Vec<Service>,
    /// Texts of lock files in the root, by name.
    locks: BTreeMap<String, String>,
}

impl Reading {
    /// # Errors
    /// As [`super::scan`].
    pub fn of(root: &Path) -> Result<Self> {
        let signals = signal::load(root)?;
        let search = Search::new(&signals)?;
        let (tree, looks) = Tree::look_and_keep(root, &|entry| search.look(entry))?;
        let replit = tree.text(".replit").map(ReplitFile::parse).transpose()?;
        let manifests = scan::manifests(&tree);
        let packages = packages::read(&tree, replit.as_ref(), &manifests, &layout::read(&tree, &manifests).python)?;
        let stack = stack::read(&tree, replit.as_ref(), &manifests);
        let services = service::read(&tree, replit.as_ref(), &stack, &manifests, &beside::Table::read()?);
        let image = Image::of(&tree, &stack, &services, packages);
        let lock = |name: &str| Some((name.to_owned(), tree.lock(name)?));
        let locks = LOCK_FILES.into_iter().filter_map(lock).collect();
        let paths = tree
            .text(".gitmodules")
            .unwrap_or("")
            .lines()
            .filter_map(|line| line.trim().strip_prefix("path")?.trim_start().strip_prefix('='));
        let submodules = paths.map(|path| format!("{}/", path.trim().trim_end_matches('/'))).collect();
        Ok(Self { tree, looks, signals, image, submodules, services, locks })
    }

    /// A text that may be changed and is told of as one: git has it in this repository, and it would come back byte by byte.
    fn is_open(&self, entry: &Entry) -> bool {
        !entry.local && entry.text.is_some() && !entry.is_altered() && !self.submodules.iter().any(|folder| entry.path.starts_with(folder))
    }

    /// Code of this repository that cannot be read in full, so that it is not edited: path and why.
    pub fn closed(&self) -> Vec<(String, String)> {
        let told = |path: &str| self.tree.unreadable.iter().find_map(|line| line.strip_prefix(path)?.strip_prefix(": "));
        let is_own = |entry: &&Entry| {
            !entry.local && is_code(&entry.path) && !is_test(&entry.path) && !self.submodules.iter().any(|dir| entry.path.starts_with(dir))
        };
        let why = |entry: &Entry| match told(&entry.path) {
            Some(why) => Some(why),
            None => entry.is_altered().then_some("characters are missing from its text"),
        };
        self.tree.entries.iter().filter(is_own).filter_map(|entry| Some((entry.path.clone(), why(entry)?.to_owned()))).collect()
    }

    /// A file of that path is there, whatever is in it.
    pub fn has(&self, path: &str) -> bool {
        self.tree.has(path)
    }

    /// The text of a lock file in the root; `None`: it is not there, or no text.
    pub fn lock(&self, name: &str) -> Option<&str> {
        self.locks.get(name).map(String::as_str)
    }

    /// Folders (empty: the root) of the services that answer on a port, and of all services.
    pub fn folders(&self) -> (Vec<String>, Vec<String>) {
        let answers = |service: &&Service| service.kind.answers();
        let dir = |service: &Service| service.dir.clone();
        (self.services.iter().filter(answers).map(dir).collect(), self.services.iter().map(dir).collect())
    }

    /// Folders (empty: the root) of the services that answer, with their ports.
    pub fn ports(&self) -> Vec<(String, u16)> {
        self.services
            .iter()
            .filter(|service| service.kind.answers())
            .filter_map(|service| Some((service.dir.clone(), service.port?)))
            .collect()
    }

    /// `app container` has made its files.
    pub fn has_image(&self) -> bool {
        self.image.there
    }

    /// Path from the app's root and text of every file that may be edited.
    pub fn files(&self) -> Vec<(String, String)> {
        let text = |entry: &Entry| Some((entry.path.clone(), entry.text.clone()?));
        self.tree.entries.iter().filter(|entry| self.is_open(entry)).filter_map(text).collect()
    }

    /// What a scan finds when the files that may be edited are these. Only what has changed is looked at again.
    ///
    /// # Errors
    /// `Bug` if the globs of the signals do not go together; `Input` if `.replit` is no longer TOML.
    pub fn findings(&self, files: &[(String, String)]) -> Result<Vec<Finding>> {
        let search = Search::new(&self.signals)?;
        let now: BTreeMap<&str, &str> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let is_so = |entry: &Entry| now.get(entry.path.as_str()).is_some_and(|text| entry.text.as_deref() == Some(*text));
        let mut seen: Vec<(&Entry, &Look)> =
            self.tree.entries.iter().zip(&self.looks).filter(|(entry, _)| !self.is_open(entry) || is_so(entry)).collect();
        let kept: Vec<&str> = seen.iter().map(|(entry, _)| entry.path.as_str()).collect();
        // the next walk would not meet the rest: drop-ins, our list
        let is_met = |path: &str| {
            let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
            path != CHECKLIST && !folders.split('/').any(walk::is_excluded)
        };
        let changed: Vec<(Entry, Look)> = now
            .iter()
            .filter(|(path, _)| is_met(path) && kept.binary_search(path).is_err())
            .map(|(path, text)| {
                let entry = Entry::new((*path).to_owned(), false, Some((*text).to_owned()));
                let look = search.look(&entry);
                (entry, look)
            })
            .collect();
        seen.extend(changed.iter().map(|(entry, look)| (entry, look)));
        seen.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let (mut findings, _) = search.findings(&self.tree.root, &seen);
        let root = &self.tree.root;
        let entries = seen.iter().map(|(entry, _)| (*entry).clone()).collect();
        let tree = Tree { root: root.clone(), entries, unreadable: Vec::new() };
        let replit = tree.text(".replit").map(ReplitFile::parse).transpose()?;
        let manifests = scan::manifests(&tree);
        let databases = database::read(&tree, replit.as_ref(), &manifests, &variable::read(&tree));
        joined::add(&mut findings, &self.signals, &tree, replit.as_ref(), &manifests, &databases);
        pasted::add(&mut findings, &self.signals, root);
        self.image.fit(&mut findings, &self.tree);
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::App;
    use super::*;

    #[test]
    fn what_belongs_to_another_repository_is_not_changed_and_is_told_of() {
        let code = "export const url = \"https://shop.replit.app\";\n";
        let app = App::new(&[
            (".gitmodules", "[submodule \"shared\"]\n\tpath = shared\n\turl = ../shared.git\n"),
            ("shared/a.ts", code),
            ("server/a.ts", code),
        ]);
        let reading = Reading::of(app.path()).unwrap();
        let files = reading.files();
        assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), [".gitmodules", "server/a.ts"]);
        assert!(reading.findings(&files).unwrap().iter().any(|finding| finding.place() == "shared/a.ts:1"));
    }

    #[test]
    fn what_is_left_is_what_a_scan_of_the_changed_files_finds() {
        let app = App::new(&[
            ("package.json", "{ \"name\": \"a\" }\n"),
            ("server/a.ts", "export const url = \"https://shop.replit.app\";\n"),
            ("server/b.ts", "export const ADMIN_USER_IDS = [\"31415926\"];\n"),
        ]);
        let reading = Reading::of(app.path()).unwrap();
        let mut files = reading.files();
        assert_eq!(files.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["package.json", "server/a.ts", "server/b.ts"]);
        assert_eq!(reading.findings(&files).unwrap(), app.scan().findings);
        files[1].1 = "// shorter\n".to_owned();
        files[2].1 = format!("\n\n{}", files[2].1);
        files.push((".migrate/shims/x.ts".to_owned(), "const url = \"https://shop.replit.app\";\n".to_owned()));
        let left = reading.findings(&files).unwrap();
        app.put("server/a.ts", &files[1].1);
        app.put("server/b.ts", &files[2].1);
        assert_eq!(left, app.scan().findings);
        assert!(left.iter().any(|finding| finding.place() == "server/b.ts:3"), "{left:?}");
    }
}
