//! What builds and deploys the app after a push: a workflow of GitHub Actions, or what CodeBuild runs in CodePipeline.
//! Never a key or a secret's value, and never the text of a file (that is `assets/files/`).

mod checks;
mod head;
mod look;

use std::collections::BTreeMap;

use super::choices::Choices;
use super::dockerfile::{self, Dockerfile};
use super::env::EnvPlan;
use super::scan::Scan;
use super::service::Service;
use super::template;
use crate::error::Result;
use look::{Look, look};

/// Services whose image runs the migrations, by preference; else the first.
const MIGRATES: &str = "api";
/// Builds the stage that runs the migrations, where the service's own image cannot.
const MIGRATE_BUILD: &str = "          if [ -n \"$MIGRATE\" ]; then
            docker build \"${options[@]}\" --target \"$MIGRATE\" --tag \"$REPOSITORY:$MIGRATE-$GITHUB_SHA\" .
            docker push \"$REPOSITORY:$MIGRATE-$GITHUB_SHA\"
          fi";

/// What a person is told of services that are files alone; nothing where there are none.
pub fn left_out(scan: &Scan, choices: &Choices) -> Option<String> {
    let names: Vec<&str> = head::fixed(scan, choices).map(|s| s.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "not in the pipeline, since they are files alone and no stack makes a place for them: {}. The head of the file says how each is built and where it goes",
            names.join(", ")
        )
    })
}

/// A file of the pipeline is of another app of the same repository.
pub fn is_of_another(there: &str, new: &str) -> bool {
    let folder = |text: &str| text.lines().find_map(|line| line.strip_prefix(head::FOLDER)).map(str::to_owned);
    folder(there) != folder(new)
}

/// The workflow's path from the top of the repository: several apps of one repository have one each.
pub fn workflow_path(choices: &Choices) -> String {
    if choices.folder.is_empty() {
        return ".github/workflows/deploy.yml".to_owned();
    }
    format!(".github/workflows/deploy-{}.yml", choices.app_name)
}

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
    let cases = branches.iter().map(|b| format!("            {}) environment={} ;;", b.name, b.environment));
    let each = |line: &dyn Fn(&Service, &str, &str) -> String| {
        services.iter().map(|(s, path, target)| format!("          - {}", line(s, path, target))).collect::<Vec<_>>().join("\n")
    };
    let ghcr = |text: &str| if choices.ghcr { text.to_owned() } else { String::new() };
    let mut values = BTreeMap::from([
        ("app", app.clone()),
        ("region", choices.region.clone()),
        ("folder_head", head::folder(choices)),
        ("settings", head::settings(scan, choices, plan, &services, &branches)),
        ("statics", head::statics(scan, choices, plan)),
        ("branches", names.join(", ")),
        ("paths", paths(choices)),
        ("group", if choices.folder.is_empty() { "deploy".to_owned() } else { format!("deploy-{app}") }),
        ("working_directory", working_directory(choices)),
        ("needed", head::needed(scan, choices, &services).join(" ")),
        ("build_names", head::given(scan, plan, choices).into_iter().collect::<Vec<_>>().join(" ")),
        ("branch_cases", cases.collect::<Vec<_>>().join("\n")),
        ("platform", choices.platform.clone()),
        ("runner", if choices.platform == "linux/arm64" { "ubuntu-24.04-arm" } else { "ubuntu-24.04" }.to_owned()),
        ("checks", checks::steps(scan, choices)),
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
                let Look { health, kind, page, word, address } = look(scan, choices, s);
                format!(
                    "{{ service: {name}, variable: {}, address: {}, health: \"{health}\", kind: \"{kind}\", page: \"{page}\", word: {} }}",
                    variable(name),
                    address.word(),
                    serde_json::Value::from(word)
                )
            }),
        ),
        ("build_arg_env", build_arg_env(scan, plan, choices)),
        ("build_arg_lines", build_args(scan, plan, choices, "          ")),
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
        ("unseen", head::unseen(scan, choices, &services)),
        ("migrating", migrating.unwrap_or_default().to_owned()),
        ("migrations", choices.migrations.as_deref().map(quoted).unwrap_or_default()),
    ]);
    let migrate = match &choices.migrations {
        Some(_) => template::fill("migrate.yml", include_str!("../../../assets/files/migrate.yml"), &values)?,
        None => "      - name: No migrations\n        run: echo 'no migrations are run here, the services are next'".to_owned(),
    };
    values.insert("migrate", migrate.trim_end().to_owned());
    template::fill("deploy.yml", include_str!("../../../assets/files/deploy.yml"), &values)
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
    let lines = build_args(scan, plan, choices, "");
    let told = head::given(scan, plan, choices).into_iter().map(|name| {
        format!(
            "      - if [ -z \"${{{name}:-}}\" ]; then echo 'this project has no variable {name}, so the build goes without it' >&2; fi"
        )
    });
    let migrate = apart.filter(|_| choices.migrations.is_some()).zip(migrating).map_or_else(String::new, |(stage, service)| {
        let image = format!("\"$REPOSITORY_URI:{stage}-$COMMIT\"");
        format!(
            "      - if [ \"$CONTAINER_NAME\" = {service} ]; then docker build \"${{options[@]}}\" --target {stage} --tag {image} . && docker push {image}; fi"
        )
    });
    let values = BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("folder_head", head::folder(choices)),
        ("variables", head::project(scan, choices, plan)),
        ("statics", head::statics(scan, choices, plan)),
        ("told", told.collect::<Vec<_>>().join("\n")),
        ("enter", enter(choices)),
        ("base_directory", base_directory(choices)),
        ("platform", choices.platform.clone()),
        ("checks", checks::commands(scan, choices)),
        ("services", services.iter().map(|(s, _, _)| choices.name_of(s)).collect::<Vec<_>>().join(", ")),
        ("service_cases", cases.collect::<Vec<_>>().join("\n")),
        ("build_arg_lines", lines.lines().map(|line| format!("      - {line}")).collect::<Vec<_>>().join("\n")),
        ("migrate_build", migrate),
    ]);
    template::fill("buildspec.yml", include_str!("../../../assets/files/buildspec.yml"), &values)
}

/// `buildspec-release.yml`: what CodeBuild runs before and after the update of a service; one text for all.
///
/// # Errors
/// As [`github`].
pub fn release_buildspec(scan: &Scan, choices: &Choices, images: &[Dockerfile<'_>]) -> Result<String> {
    let services = services(images);
    let (migrating, apart) = migrating(scan, choices, &services);
    let looks = services.iter().map(|(s, _, _)| {
        let Look { health, kind, page, word, address } = look(scan, choices, s);
        let words = [address.word(), &health, kind, page, &word].map(shell);
        let [address, health, kind, page, word] = words;
        format!("          {}) address={address} health={health} kind={kind} page={page} word={word} ;;", choices.name_of(s))
    });
    let values = BTreeMap::from([
        ("app", choices.app_name.clone()),
        ("folder_head", head::folder(choices)),
        ("unseen", head::unseen(scan, choices, &services)),
        ("addresses", head::addresses(scan, choices, &services)),
        ("look_cases", looks.collect::<Vec<_>>().join("\n")),
        ("migrating", migrating.unwrap_or_default().to_owned()),
        ("migrate_tag", apart.map_or(String::new(), |stage| format!("{stage}-"))),
        ("migrations", shell(choices.migrations.as_deref().unwrap_or_default())),
    ]);
    let migrate = match &choices.migrations {
        Some(_) => template::fill("buildspec-migrate.yml", include_str!("../../../assets/files/buildspec-migrate.yml"), &values)?,
        None => "      - if [ \"$STEP\" = migrate ]; then echo 'no migrations are run here, the service is next'; fi".to_owned(),
    };
    let values: BTreeMap<&str, String> = values.into_iter().chain([("migrate", migrate.trim_end().to_owned())]).collect();
    template::fill("buildspec-release.yml", include_str!("../../../assets/files/buildspec-release.yml"), &values)
}

/// A word of a shell's line, whatever is in it.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The name of the service whose image runs the migrations, and the stage that does where its own image cannot.
fn migrating<'a>(scan: &Scan, choices: &'a Choices, services: &[(&'a Service, &str, &str)]) -> (Option<&'a str>, Option<&'static str>) {
    // the service of the package that the migrations are of has what they need
    let dir =
        scan.migrations.iter().find(|found| Some(&found.command) == choices.migrations.as_ref()).map_or("", |found| found.dir.as_str());
    let own = services.iter().find(|(s, _, _)| !dir.is_empty() && s.dir == dir);
    let service = own.or_else(|| services.iter().find(|(s, _, _)| choices.name_of(s) == MIGRATES)).or(services.first()).map(|(s, _, _)| *s);
    (service.map(|s| choices.name_of(s)), service.and_then(|s| dockerfile::migrate_target(scan, choices, s)))
}

/// Each service with its Dockerfile and its target (empty: the last stage).
fn services<'a>(images: &'a [Dockerfile<'a>]) -> Vec<(&'a Service, &'a str, &'a str)> {
    images
        .iter()
        .flat_map(|image| image.services.iter().map(|(s, target)| (*s, image.path.as_str(), target.as_deref().unwrap_or(""))))
        .collect()
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
fn build_args(scan: &Scan, plan: &EnvPlan, choices: &Choices, indent: &str) -> String {
    let line = |name: &str| format!("{indent}if [ -n \"${{{name}:-}}\" ]; then options+=(--build-arg {name}); fi");
    head::given(scan, plan, choices).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Each environment has a variable of its own; where it has none, the one for all counts.
fn build_arg_env(scan: &Scan, plan: &EnvPlan, choices: &Choices) -> String {
    let line = |n: &str| format!("          {n}: ${{{{ vars[format('{n}_{{0}}', needs.where.outputs.suffix)] || vars.{n} }}}}");
    head::given(scan, plan, choices).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A push that leaves the app's folder and its workflow alone builds nothing.
fn paths(choices: &Choices) -> String {
    if choices.folder.is_empty() {
        return String::new();
    }
    format!("    paths: [{}, {}]", quoted(&format!("{}/**", choices.folder)), quoted(&workflow_path(choices)))
}

/// For jobs that have the source: the app's folder is where everything is run, the build's context too.
fn working_directory(choices: &Choices) -> String {
    if choices.folder.is_empty() {
        return String::new();
    }
    format!("    defaults:\n      run:\n        working-directory: {}", quoted(&choices.folder))
}

fn enter(choices: &Choices) -> String {
    // CodeBuild runs all commands in one shell
    if choices.folder.is_empty() { String::new() } else { format!("      - cd {}", shell(&choices.folder)) }
}

fn base_directory(choices: &Choices) -> String {
    if choices.folder.is_empty() { String::new() } else { format!("  base-directory: {}", quoted(&choices.folder)) }
}
