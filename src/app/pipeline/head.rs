//! What a person must know and set before a pipeline runs, for the head of its file; and the names that it then looks for.
//! Never a value, and never a name that nothing in the file reads.

use std::collections::BTreeSet;

use super::look::{Address, look};
use super::variable;
use crate::app::branch::Branch;
use crate::app::build_args;
use crate::app::choices::Choices;
use crate::app::env::EnvPlan;
use crate::app::scan::Scan;
use crate::app::service::{Service, ServiceKind};

type Services<'a> = [(&'a Service, &'a str, &'a str)];

/// How each file of an app in a folder of its repository begins; with it the files of two apps are told apart.
pub const FOLDER: &str = "# The app's folder: ";

pub fn folder(choices: &Choices) -> String {
    if choices.folder.is_empty() { String::new() } else { format!("{FOLDER}{}", choices.folder) }
}

/// Names that the build of an image reads and only a person knows. What has one value everywhere stands in the Dockerfile; an address differs
/// from environment to environment, whatever domain is known.
pub fn given<'a>(scan: &Scan, plan: &'a EnvPlan, choices: &Choices) -> BTreeSet<&'a str> {
    let is_address = |value: &str| choices.domain.as_deref().is_some_and(|domain| !domain.is_empty() && value.contains(domain));
    let args = build_args::of(scan, plan, &choices.containers(scan));
    args.into_iter().filter(|(_, value)| value.is_empty() || is_address(value)).map(|(name, _)| name).collect()
}

/// Variables without which nothing can be deployed, each for every environment.
pub fn needed(scan: &Scan, choices: &Choices, services: &Services<'_>) -> Vec<String> {
    let own = services.iter().filter(|(s, _, _)| is_asked(scan, choices, s, Address::Own));
    let own = own.map(|(s, _, _)| format!("URL_{}", variable(choices.name_of(s))));
    std::iter::once("AWS_ROLE_ARN".to_owned()).chain(own).collect()
}

/// The service is looked at from outside, and at such an address.
fn is_asked(scan: &Scan, choices: &Choices, service: &Service, address: Address) -> bool {
    let look = look(scan, choices, service);
    !look.health.is_empty() && look.address == address
}

/// What the build makes of a name.
fn use_of(scan: &Scan, name: &str) -> &'static str {
    let in_pages = scan.variables.iter().any(|v| v.name == name && v.at_build);
    if in_pages { "the build writes it into the pages" } else { "the build reads it" }
}

/// What is to be set at GitHub, once.
pub fn settings(scan: &Scan, choices: &Choices, plan: &EnvPlan, services: &Services<'_>, branches: &[Branch]) -> String {
    let app = &choices.app_name;
    let mut lines = Vec::new();
    for branch in branches {
        let suffix = variable(&branch.environment);
        lines.push(format!(
            "#   variable AWS_ROLE_ARN_{suffix}: the output RoleArn of the stack {app}-{}-github (it trusts the branch {})",
            branch.environment, branch.name
        ));
        lines.push(if branch.approval {
            format!(
                "#   environment {}: with required reviewers, since a person agrees before {} is released",
                branch.environment, branch.name
            )
        } else {
            format!("#   environment {}: without reviewers, since {} goes out by itself", branch.environment, branch.name)
        });
    }
    let of_each = |name: &str| branches.iter().map(|b| format!("{name}_{}", variable(&b.environment))).collect::<Vec<_>>().join(", ");
    for name in given(scan, plan, choices) {
        lines.push(format!(
            "#   variable {}: {}, each environment has its own value; {name} alone counts where one is not set",
            of_each(name),
            use_of(scan, name)
        ));
    }
    for (service, _, _) in services.iter().filter(|(s, _, _)| is_asked(scan, choices, s, Address::Own)) {
        let name = choices.name_of(service);
        lines.push(format!(
            "#   variable {}: where {name} answers, such as https://{name}.example.com: it has an address of its own, and the smoke test asks there",
            of_each(&format!("URL_{}", variable(name)))
        ));
    }
    lines.push("#   variable URL_<SERVICE>_<ENVIRONMENT>: only where a service does not answer at the APP_URL of its task".to_owned());
    let addresses = addresses(scan, choices, services);
    lines.extend((!addresses.is_empty()).then_some(addresses));
    lines.join("\n")
}

/// What is to be set at the CodeBuild project of each service, which the stack makes without it.
pub fn project(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> String {
    let names = given(scan, plan, choices);
    if names.is_empty() {
        return String::new();
    }
    let app = &choices.app_name;
    let project = format!("{app}-ENVIRONMENT-SERVICE");
    let mut lines = vec![format!(
        "# Once for each environment, as environment variables of the project {project} (a later change of its stack may take them away):"
    )];
    lines.extend(names.iter().map(|name| format!("#   {name}: {}", use_of(scan, name))));
    lines.push(format!(
        "#   aws codebuild batch-get-projects --names {project} --query 'projects[0].environment' > environment.json   add {{\"name\": …, \"value\": …}} to environmentVariables"
    ));
    lines.push(format!("#   aws codebuild update-project --name {project} --environment file://environment.json"));
    lines.join("\n")
}

/// Services that nothing leads to from outside.
pub fn addresses(scan: &Scan, choices: &Choices, services: &Services<'_>) -> String {
    let of = |address| -> Vec<&str> {
        services.iter().filter(|(s, _, _)| is_asked(scan, choices, s, address)).map(|(s, _, _)| choices.name_of(s)).collect()
    };
    let unknown = of(Address::Unknown);
    if unknown.is_empty() {
        return String::new();
    }
    format!(
        "# From outside nothing is known to lead to the health of {}: ECS alone looks at it, unless a variable says where it answers",
        unknown.join(", ")
    )
}

/// Services whose page nobody looks at.
pub fn unseen(scan: &Scan, choices: &Choices, services: &Services<'_>) -> String {
    let looked_at = |s: &Service| s.kind != ServiceKind::Web || !look(scan, choices, s).page.is_empty();
    let answers = |s: &Service| s.kind.answers();
    let asked = |s: &Service| !look(scan, choices, s).health.is_empty();
    let of = |wanted: &dyn Fn(&Service) -> bool| -> Vec<&str> {
        services.iter().filter(|(s, _, _)| wanted(s)).map(|(s, _, _)| choices.name_of(s)).collect()
    };
    let mut lines = Vec::new();
    let names = of(&|s| !looked_at(s) && asked(s));
    if !names.is_empty() {
        lines.push(format!(
            "# Only the health of {} is looked at: that a page is at / cannot be told from the files. With one: app pipeline --smoke-word WORD",
            names.join(", ")
        ));
    }
    let names = of(&|s| answers(s) && !asked(s));
    if !names.is_empty() {
        lines.push(format!(
            "# No health of {} is asked from outside: no such route is known, and app prepare can make none",
            names.join(", ")
        ));
    }
    lines.join("\n")
}

/// Services of files alone: no stack makes a place for them, so nothing here builds them.
pub fn statics(scan: &Scan, choices: &Choices, plan: &EnvPlan) -> String {
    // a value that the service's own command gives stays
    let known = |build: &str| -> String {
        let missing = |(name, value): &(&String, &String)| !value.is_empty() && !build.contains(&format!("{name}="));
        plan.build.iter().filter(missing).map(|(name, value)| format!("{name}={value} ")).collect()
    };
    let lines: Vec<String> = fixed(scan, choices)
        .map(|service| {
            let open = build_args::open(scan, plan, service);
            let with = if open.is_empty() { String::new() } else { format!(" with {} set", open.join(" and ")) };
            let built = service.build.as_ref().map(|build| format!("`{}{build}`{with} makes it, ", known(build))).unwrap_or_default();
            let folder = service.static_files().unwrap_or_else(|| format!("{}/dist", service.dir).trim_start_matches('/').to_owned());
            let paths = if service.paths.is_empty() { String::new() } else { format!(" (it serves {})", service.paths.join(" ")) };
            format!("#   {}{paths}: {built}`aws s3 sync {folder} s3://BUCKET --delete` takes it there", service.name)
        })
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    let head = "# Files alone, so not in this pipeline, and no stack makes a place for them. Make a bucket with CloudFront before it, or serve them from a service:";
    format!("{head}\n{}", lines.join("\n"))
}

/// The chosen services that are files alone.
pub fn fixed<'a>(scan: &'a Scan, choices: &'a Choices) -> impl Iterator<Item = &'a Service> {
    scan.services.iter().filter(|s| s.kind == ServiceKind::Static && (choices.services.is_empty() || choices.services.contains(&s.name)))
}
