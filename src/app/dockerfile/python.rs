//! How a Python app is installed: pip, uv or Poetry, into a virtual environment that is copied into the image.
//! Never a compiler in the image itself.

use std::collections::{BTreeMap, BTreeSet};

use super::super::choices::Choices;
use super::super::scan::{DROP_INS, Scan};
use super::super::stack::PackageManager;
use super::framework::{self, Framework};
use super::{apt, run, start};

/// The versions that install the packages; raised by hand (checked on PyPI 2026-11-28).
const UV: &str = "uv==0.13.9";
const POETRY: &str = "poetry==2.5.1";
/// The last that runs on Python 3.9 (2026-11-29).
const OLD_POETRY: &str = "poetry==2.2.1";

pub fn values(
    scan: &Scan,
    choices: &Choices,
    given: &str,
    compilers: &BTreeSet<String>,
    frameworks: &[Framework],
    missing: &BTreeSet<(&str, &str)>,
) -> BTreeMap<&'static str, String> {
    let more = missing.iter().map(|(name, version)| {
        let install = if scan.stack.package_manager == PackageManager::Uv {
            "VIRTUAL_ENV=/venv uv pip install --no-cache"
        } else {
            "pip install --no-cache-dir"
        };
        format!("\n# the start command needs {name}, and the app does not declare it: once it does, this goes\nRUN {install} {version}")
    });
    let undeclared: String = more.collect();
    let poetry = if start::is_old(&choices.runtime) { OLD_POETRY } else { POETRY };
    let lock = |file: &str| if scan.has_file(file) { format!(" {file}") } else { String::new() };
    let (files, install) = match scan.stack.package_manager {
        PackageManager::Poetry => (
            format!("pyproject.toml{}", lock("poetry.lock")),
            format!(
                "RUN pip install --no-cache-dir {poetry} \\\n && poetry config virtualenvs.create false \\\n && VIRTUAL_ENV=/venv poetry install --only main --no-root --no-interaction"
            ),
        ),
        PackageManager::Uv => {
            let frozen = if scan.stack.lock_file { " --frozen" } else { "" };
            (
                format!("pyproject.toml{}", lock("uv.lock")),
                format!(
                    "RUN pip install --no-cache-dir {UV} \\\n && UV_PROJECT_ENVIRONMENT=/venv uv sync{frozen} --no-dev --no-install-project"
                ),
            )
        }
        PackageManager::Pip
        | PackageManager::Npm
        | PackageManager::Pnpm
        | PackageManager::Yarn
        | PackageManager::Bun
        | PackageManager::Composer
        | PackageManager::None => ("requirements.txt".to_owned(), "RUN pip install --no-cache-dir -r requirements.txt".to_owned()),
    };
    let more = scan.layout.requirements.iter().filter(|_| scan.stack.package_manager == PackageManager::Pip);
    let drop_ins = scan.has_file(DROP_INS).then(|| format!("COPY {DROP_INS} ./{DROP_INS}"));
    let copies: Vec<String> =
        std::iter::once(format!("COPY {files} ./")).chain(more.map(|path| format!("COPY {path} ./{path}"))).chain(drop_ins).collect();
    let mut build: Vec<String> = framework::before(scan, frameworks);
    if !build.is_empty() {
        build.insert(0, given.to_owned());
    }
    BTreeMap::from([
        ("compilers", apt(compilers)),
        ("copy_manifests", copies.join("\n")),
        ("install", install + &undeclared),
        ("build", run(&build)),
    ])
}
