//! The app's own checks, which must pass before anything is built: as steps of a workflow, as commands of CodeBuild.
//! Never a check that the app does not have.

use crate::app::choices::Choices;
use crate::app::scan::Scan;
use crate::app::service::run_script;
use crate::app::stack::{Language, PackageManager, Stack};

/// Scripts of package.json that must pass before anything is built, in this order.
const CHECKS: [&str; 5] = ["lint", "check", "typecheck", "test", "test:ci"];
const NO_CHECKS: &str = "the app has no script of its own for lint, types or tests";

/// Commands of the app's own that must pass before anything is built, after its packages are there; none: it has none.
fn checks(scan: &Scan) -> Vec<String> {
    let stack = &scan.stack;
    match stack.language {
        Language::Node => {
            let found: Vec<&&str> = CHECKS.iter().filter(|n| scan.scripts.iter().any(|s| s == **n)).collect();
            if found.is_empty() {
                return Vec::new();
            }
            install(scan, stack).into_iter().chain(found.into_iter().map(|n| run_script(stack.package_manager, n))).collect()
        }
        Language::Python if scan.layout.python.iter().any(|p| p == "pytest") => {
            let lines: &[&str] = match stack.package_manager {
                PackageManager::Poetry => &["pipx install poetry", "poetry install", "poetry run pytest"],
                PackageManager::Uv => &["pipx install uv", "uv run pytest"],
                PackageManager::Pip
                | PackageManager::Npm
                | PackageManager::Pnpm
                | PackageManager::Yarn
                | PackageManager::Bun
                | PackageManager::Composer
                | PackageManager::None => &["pip install -r requirements.txt", "python -m pytest"],
            };
            lines.iter().map(|line| (*line).to_owned()).collect()
        }
        Language::Python | Language::Php | Language::Html | Language::Unknown => Vec::new(),
    }
}

/// The checks as steps of a job.
pub fn steps(scan: &Scan, choices: &Choices) -> String {
    let lines: Vec<String> = checks(scan).iter().map(|line| format!("          {line}")).collect();
    if lines.is_empty() {
        return format!("      - name: No checks\n        run: echo '{NO_CHECKS}'");
    }
    let (action, key) =
        if scan.stack.language == Language::Python { ("setup-python@v5", "python-version") } else { ("setup-node@v4", "node-version") };
    format!(
        "      - uses: actions/{action}\n        with:\n          {key}: \"{}\"\n      - name: Checks\n        run: |\n{}",
        choices.runtime,
        lines.join("\n")
    )
}

/// The checks as commands of CodeBuild: in a container of the app's own version, on a copy, so that nothing of it gets into the image.
pub fn commands(scan: &Scan, choices: &Choices) -> String {
    let lines: Vec<String> = checks(scan).iter().map(|line| line.replace("pipx install", "pip install --quiet")).collect();
    if lines.is_empty() {
        return format!("      - echo '{NO_CHECKS}'");
    }
    let image = if scan.stack.language == Language::Python { "python" } else { "node" };
    format!(
        "      - rm -rf /tmp/checks && cp -a . /tmp/checks\n      - docker run --rm --env CI=true --volume /tmp/checks:/app --workdir /app {image}:{}-bookworm sh -c '{}'",
        choices.runtime,
        lines.join(" && ")
    )
}

fn install(scan: &Scan, stack: &Stack) -> Vec<String> {
    let version = |usual: &str| stack.package_manager_version.clone().unwrap_or_else(|| usual.to_owned());
    match stack.package_manager {
        PackageManager::Pnpm => {
            vec![format!("npm install --global pnpm@{}", version("10")), "pnpm install --frozen-lockfile".to_owned()]
        }
        PackageManager::Yarn => vec!["corepack enable".to_owned(), "yarn install".to_owned()],
        PackageManager::Bun => vec![format!("npm install --global bun@{}", version("1")), "bun install".to_owned()],
        PackageManager::Npm
        | PackageManager::Pip
        | PackageManager::Uv
        | PackageManager::Poetry
        | PackageManager::Composer
        | PackageManager::None => {
            vec![
                if scan.has_file("package-lock.json") { "npm ci --no-audit --no-fund" } else { "npm install --no-audit --no-fund" }
                    .to_owned(),
            ]
        }
    }
}
