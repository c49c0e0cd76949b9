//! What builds and deploys the app after a push: a workflow of GitHub Actions, or what CodeBuild runs in CodePipeline.
//! Never a key or a secret's value, and never the text of a file (that is `assets/files/`).

use std::collections::BTreeMap;

use super::choices::Choices;
use super::dockerfile::{self, Dockerfile, health_path};
use super::env::EnvPlan;
use super::scan::Scan;
use super::service::{Service, ServiceKind, run_script};
use super::stack::{Language, PackageManager, Stack};
use super::template;
use crate::error::Result;

/// Scripts of package.json that must pass before anything is built, in this order.
const CHECKS: [&str; 5] = ["lint", "check", "typecheck", "test", "test:ci"];
const NO_CHECKS: &str = "the app has no script of its own for lint, types or tests";
/// Services whose image runs the migrations, by preference; else the first.
const MIGRATES: &str = "api";
/// Builds the stage that runs the migrations, where the service's own image cannot.
const MIGRATE_BUILD: &str = "          if [ -n \"$MIGRATE\" ]; then
            docker build \"${options[@]}\" --target \"$MIGRATE\" --tag \"$REPOSITORY:$MIGRATE-$GITHUB_SHA\" .
            docker push \"$REPOSITORY:$MIGRATE-$GITHUB_SHA\"
          fi";
/// Folders that a page of a service lies in, from its own.
const PAGE_FOLDERS: [&str; 5] = ["", "client", "public", "src", "templates"];
/// Where the page of a service lies, from its folder.
const PAGES: [&str; 4] = ["index.html", "client/index.html", "public/index.html", "src/index.html"];

/// `.github/workflows/deploy.yml`.
///
/// # Errors
/// `Bug` if our template names an unknown value.
pub fn github(scan: &Scan, choices: &Choices, plan: &EnvPlan, images: &[Dockerfile<'_>]) -> Result<String> {
    let services = services(images);
    let branches = choices.deployed()?;
    let names: Vec<&str> = branches.iter().map(|b| b.name.as_str()).collect();
    let app = &choices.app_name;
    let (migrating, apart) = migrating(scan, choices, &services);
    let mut settings = Vec::new();
    for branch in &branches {
        let suffix = variable(&branch.environment);
        settings.push(format!(
            "#   variable AWS_ROLE_ARN_{suffix}: the output RoleArn of the stack {app}-{}-github (it trusts the branch {})",
            branch.environment, branch.name
        ));
        settings.push(if branch.approval {
            format!(
                "#   environment {}: with required reviewers, since a person agrees before {} is released",
                branch.environment, branch.name
            )
        } else {
            format!("#   environment {}: without reviewers, since {} goes out by itself", branch.environment, branch.name)
        });
    }
    settings.push("#   variable URL_<SERVICE>_<ENVIRONMENT>: only where a service does not answer at the APP_URL of its task".to_owned());
    for name in plan.build.keys() {
        settings.push(format!("#   variable {name}: the build writes it into the pages"));
    }
    let cases = branches.iter().map(|b| format!("            {}) environment={} ;;", b.name, b.environment));
    let each = |line: &dyn Fn(&Service, &str, &str) -> String| {
        services.iter().map(|(s, path, target)| format!("          - {}", line(s, path, target))).collect::<Vec<_>>().join("\n")
    };
    let ghcr = |text: &str| if choices.ghcr { text.to_owned() } else { String::new() };
    let mut values = BTreeMap::from([
        ("app", app.clone()),
        ("region", choices.region.clone()),
        ("settings", settings.join("\n")),
        ("branches", names.join(", ")),
        ("branch_cases", cases.collect::<Vec<_>>().join("\n")),
        ("platform", choices.platform.clone()),
        ("runner", if choices.platform == "linux/arm64" { "ubuntu-24.04-arm" } else { "ubuntu-24.04" }.to_owned()),
        ("checks", check_steps(scan, choices)),
        (
            "matrix_images",
            each(&|s, path, target| {
                let name = choices.name_of(s);
                let more =
                    apart.map_or(String::new(), |stage| format!(", migrate: \"{}\"", if migrating == Some(name) { stage } else { "" }));
                format!("{{ service: {name}, dockerfile: {path}, target: \"{target}\"{more} }}")
            }),
        ),
        (
            "matrix_services",
            each(&|s, _, _| {
                let name = choices.name_of(s);
                let Look { health, kind, page, word } = look(scan, choices, s);
                format!(
                    "{{ service: {name}, variable: {}, health: \"{health}\", kind: \"{kind}\", page: \"{page}\", word: {} }}",
                    variable(name),
                    serde_json::Value::from(word)
                )
            }),
        ),
        ("build_arg_env", plan.build.keys().map(|n| format!("          {n}: ${{{{ vars.{n} }}}}")).collect::<Vec<_>>().join("\n")),
        ("build_arg_lines", build_args(plan, "          ")),
        ("packages_right", ghcr("      packages: write")),
        (
            "ghcr_login",
            ghcr(
                "      - uses: docker/login-action@v3\n        with:\n          registry: ghcr.io\n          username: ${{ github.actor }}\n          password: ${{ secrets.GITHUB_TOKEN }}",
            ),
        ),
        ("ghcr_env", ghcr(&format!("          COPY: ghcr.io/${{{{ github.repository_owner }}}}/{app}-${{{{ matrix.service }}}}"))),
        (
            "ghcr_push",
            ghcr(
                "          name=${COPY,,}\n          docker tag \"$REPOSITORY:$GITHUB_SHA\" \"$name:$GITHUB_SHA\"\n          docker push \"$name:$GITHUB_SHA\"",
            ),
        ),
        ("migrate_env", apart.map_or(String::new(), |_| "          MIGRATE: ${{ matrix.migrate }}".to_owned())),
        ("migrate_build", apart.map_or(String::new(), |_| MIGRATE_BUILD.to_owned())),
        ("migrate_tag", apart.map_or(String::new(), |stage| format!("{stage}-"))),
        ("unseen", unseen(scan, choices, &services)),
        ("migrating", migrating.unwrap_or_default().to_owned()),
        ("migrations", choices.migrations.as_deref().map(quoted).unwrap_or_default()),
    ]);
    let migrate = match &choices.migrations {
        Some(_) => template::fill("migrate.yml", include_str!("../../assets/files/migrate.yml"), &values)?,
        None => "      - name: No migrations\n        run: echo 'no migrations are run here, the services are next'".to_owned(),
    };
    values.insert("migrate", migrate.trim_end().to_owned());
    template::fill("deploy.yml", include_str!("../../assets/files/deploy.yml"), &values)
}

/// `buildspec.yml`: one text for the pipelines of all services.
///
/// # Errors
/// As [`github`].
pub fn buildspec(scan: &Scan, choices: &Choices, plan: &EnvPlan, images: &[Dockerfile<'_>]) -> Result<String> {
    let services = services(images);
    let (migrating, apart) = migrating(scan, choices, &services);
    let cases = services.iter().map(|(s, path, target)| {
        let target = if target.is_empty() { String::new() } else { format!(" --target {target}") };
        format!("          {}) options+=(--file {path}{target}) ;;", choices.name_of(s))
    });
    let lines = build_args(plan, "");
    let migrate = apart.filter(|_| choices.migrations.is_some()).zip(migrating).map_or_else(String::new, |(stage, service)| {
        let image = format!("\"$REPOSITORY_URI:{stage}-$COMMIT\"");
        format!(
            "      - if [ \"$CONTAINER_NAME\" = {service} ]; then docker build \"${{options[@]}}\" --target {stage} --tag {image} . && docker push {image}; fi"
        )
    });
    let values = BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("platform", choices.platform.clone()),
        ("checks", check_commands(scan, choices)),
        ("services", services.iter().map(|(s, _, _)| choices.name_of(s)).collect::<Vec<_>>().join(", ")),
        ("service_cases", cases.collect::<Vec<_>>().join("\n")),
        ("build_arg_lines", lines.lines().map(|line| format!("      - {line}")).collect::<Vec<_>>().join("\n")),
        ("migrate_build", migrate),
    ]);
    template::fill("buildspec.yml", include_str!("../../assets/files/buildspec.yml"), &values)
}

/// `buildspec-release.yml`: what CodeBuild runs before and after the update of a service; one text for all.
///
/// # Errors
/// As [`github`].
pub fn release_buildspec(scan: &Scan, choices: &Choices, images: &[Dockerfile<'_>]) -> Result<String> {
    let services = services(images);
    let (migrating, apart) = migrating(scan, choices, &services);
    let looks = services.iter().map(|(s, _, _)| {
        let Look { health, kind, page, word } = look(scan, choices, s);
        let words = [health, kind, page, &word].map(shell);
        format!("          {}) health={} kind={} page={} word={} ;;", choices.name_of(s), words[0], words[1], words[2], words[3])
    });
    let values = BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("unseen", unseen(scan, choices, &services)),
        ("look_cases", looks.collect::<Vec<_>>().join("\n")),
        ("migrating", migrating.unwrap_or_default().to_owned()),
        ("migrate_tag", apart.map_or(String::new(), |stage| format!("{stage}-"))),
        ("migrations", shell(choices.migrations.as_deref().unwrap_or_default())),
    ]);
    let migrate = match &choices.migrations {
        Some(_) => template::fill("buildspec-migrate.yml", include_str!("../../assets/files/buildspec-migrate.yml"), &values)?,
        None => "      - if [ \"$STEP\" = migrate ]; then echo 'no migrations are run here, the service is next'; fi".to_owned(),
    };
    let values: BTreeMap<&str, String> = values.into_iter().chain([("migrate", migrate.trim_end().to_owned())]).collect();
    template::fill("buildspec-release.yml", include_str!("../../assets/files/buildspec-release.yml"), &values)
}

/// A word of a shell's line, whatever is in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The name of the service whose image runs the migrations, and the stage that does where its own image cannot.
fn migrating<'a>(scan: &Scan, choices: &'a Choices, services: &[(&'a Service, &str, &str)]) -> (Option<&'a str>, Option<&'static str>) {
    let service = services.iter().find(|(s, _, _)| choices.name_of(s) == MIGRATES).or(services.first()).map(|(s, _, _)| *s);
    (service.map(|s| choices.name_of(s)), service.and_then(|s| dockerfile::migrate_target(scan, choices, s)))
}

/// What is looked at from outside once a service is updated; empty: it has none.
struct Look<'a> {
    health: &'a str,
    /// What kind of answer the health route gives; empty: a route of the app's own may answer as it likes.
    kind: &'static str,
    page: &'a str,
    word: String,
}

fn look<'a>(scan: &Scan, choices: &Choices, service: &'a Service) -> Look<'a> {
    let health = if answers(service) { health_path(service) } else { "" };
    let kind = if !health.is_empty() && is_ours(scan, service) { "application/json" } else { "" };
    let has_page = service.kind == ServiceKind::Web && (choices.smoke_word.is_some() || has_page(scan, service));
    let page = if has_page { service.paths.first().map_or("/", String::as_str) } else { "" };
    let word = if page.is_empty() { String::new() } else { word(scan, choices, service) };
    Look { health, kind, page, word }
}

/// The health route is the one that we make.
fn is_ours(scan: &Scan, service: &Service) -> bool {
    let files = ["server/health.ts", "src/health.ts", "health.ts", "server/health.mjs", "src/health.mjs", "health.mjs", "health.py"];
    let at = |file: &&str| if service.dir.is_empty() { (*file).to_owned() } else { format!("{}/{file}", service.dir) };
    service.health.is_none() || (service.health.as_deref() == Some("/api/health") && files.iter().any(|file| scan.has_file(&at(file))))
}

/// The app's files say that the service has a page at `/`; what its code answers there cannot be told.
fn has_page(scan: &Scan, service: &Service) -> bool {
    let join = |folder: &str| [service.dir.as_str(), folder].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("/");
    let streamlit = scan.stack.frameworks.iter().any(|name| name == "Streamlit");
    streamlit || PAGE_FOLDERS.iter().any(|folder| scan.layout.pages.contains(&join(folder)))
}

/// Remarks for the head of a file: services whose page nobody looks at.
fn unseen(scan: &Scan, choices: &Choices, services: &[(&Service, &str, &str)]) -> String {
    let looked_at = |s: &Service| s.kind != ServiceKind::Web || !look(scan, choices, s).page.is_empty();
    let names: Vec<&str> = services.iter().filter(|(s, _, _)| !looked_at(s)).map(|(s, _, _)| choices.name_of(s)).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "# Only the health of {} is looked at: that a page is at / cannot be told from the files. With one: app pipeline --smoke-word WORD",
        names.join(", ")
    )
}

/// Each service with its Dockerfile and its target (empty: the last stage).
fn services<'a>(images: &'a [Dockerfile<'a>]) -> Vec<(&'a Service, &'a str, &'a str)> {
    images
        .iter()
        .flat_map(|image| image.services.iter().map(|(s, target)| (*s, image.path.as_str(), target.as_deref().unwrap_or(""))))
        .collect()
}

/// What the page of a service must contain: what was asked for, else its title.
fn word(scan: &Scan, choices: &Choices, service: &Service) -> String {
    if let Some(word) = &choices.smoke_word {
        return word.clone();
    }
    let at = |page: &str| if service.dir.is_empty() { page.to_owned() } else { format!("{}/{page}", service.dir) };
    PAGES.iter().find_map(|page| scan.layout.titles.get(&at(page))).cloned().unwrap_or_default()
}

fn answers(service: &Service) -> bool {
    matches!(service.kind, ServiceKind::Web | ServiceKind::Api)
}

/// As GitHub names variables.
fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

/// A YAML text in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Docker takes the value of an argument without one from its environment; one that is not set is not given.
fn build_args(plan: &EnvPlan, indent: &str) -> String {
    let line = |name: &String| format!("{indent}if [ -n \"${{{name}:-}}\" ]; then options+=(--build-arg {name}); fi");
    plan.build.keys().map(line).collect::<Vec<_>>().join("\n")
}

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
fn check_steps(scan: &Scan, choices: &Choices) -> String {
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
fn check_commands(scan: &Scan, choices: &Choices) -> String {
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
