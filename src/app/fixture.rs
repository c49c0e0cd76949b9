//! Miniature apps for tests: a folder with the files that a test names.
//! Never used outside tests.

use std::path::Path;

use tempfile::TempDir;

use super::{Scan, scan};
use crate::progress::Reporter;

/// An app on disk that goes away with the value.
pub struct App(TempDir);

impl App {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let app = Self(TempDir::with_prefix("app-").unwrap());
        for (path, text) in files {
            app.put(path, text);
        }
        app
    }

    pub fn put(&self, path: &str, text: &str) {
        let file = self.0.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn scan(&self) -> Scan {
        scan(self.path(), &Reporter::silent()).unwrap()
    }
}

/// The ids of the findings of severity B, M and S, in order, once each.
pub fn ids(scan: &Scan) -> Vec<&str> {
    let mut ids: Vec<&str> = scan.findings.iter().filter(|f| f.severity != super::Severity::Info).map(|f| f.signal.as_str()).collect();
    ids.dedup();
    ids
}
