//! `app container`, `app pipeline` and `app env`: the app's files for AWS in its own folder, and the table of its variables.
//! Never overwrites what it did not write itself without being told to.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::engines::{blueprint, decisions, say_whose};
use super::{app_dir, out, out_json};
use crate::app::env_table::{self, EnvRow, Kind as Name};
use crate::app::mark::{self, Standing};
use crate::app::{self, Choices, Ci, GeneratedFile, Reading, Scan, env, files};
use crate::cli::{ArchitectureArg, BaseArg, ChoiceArgs, ContainerArgs, EnvArgs, PipelineArgs, ProviderArg, RunArgs, WriteArgs};
use crate::cloud::stacks;
use crate::error::{Context, Error, Kind, Result};
use crate::library;
use crate::progress::{Reporter, aside};
use crate::text;
use crate::wizard::template;

pub fn container(args: &RunArgs, what: &ContainerArgs) -> Result<u8> {
    let (scan, mut choices) = read(args, &what.choice)?;
    if what.base == BaseArg::Alpine {
        "alpine".clone_into(&mut choices.base);
    }
    if let Some(runtime) = &what.runtime {
        if !runtime.starts_with(|c: char| c.is_ascii_digit()) || !runtime.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Err(Error::new(Kind::Usage, format!("--runtime {runtime}: not a version"))
                .hint("expected a version of Node or Python, such as 22 or 3.12"));
        }
        choices.runtime.clone_from(runtime);
    }
    let notes = files::notes(&scan, &choices)?;
    for note in &notes {
        aside(format_args!("note: {note}"));
    }
    let files = files::container(&scan, &choices)?;
    let root = app_dir(args, what.choice.app.as_deref())?;
    put(args, root, &what.write, &files, &notes, "docker compose up --build, then migrate-wizard app pipeline --provider github")
}

pub fn pipeline(args: &RunArgs, what: &PipelineArgs) -> Result<u8> {
    fits(what)?;
    let (scan, mut choices) = read(args, &what.choice)?;
    choices.ci = match what.provider {
        ProviderArg::Github => Ci::Github,
        ProviderArg::Codepipeline => Ci::Codepipeline,
    };
    choices.ghcr |= what.ghcr;
    if !what.branches.is_empty() {
        choices.branches = app::branch_rules(&what.branches)?;
    } else if let Some(branches) = args.profile.as_deref().map(app::branches_of_profile).transpose()?.flatten() {
        choices.branches = branches;
    }
    match &what.migrate {
        Some(command) if command.is_empty() => choices.migrations = None,
        Some(command) => choices.migrations = Some(command.clone()),
        None => {}
    }
    if let Some(word) = what.smoke_word.as_ref().filter(|word| word.contains("${{") || word.contains(['\n', '\r'])) {
        return Err(Error::new(Kind::Usage, format!("--smoke-word {word}: one line, without GitHub's holes"))
            .hint("name a word or a sentence that stands in the page, such as its title"));
    }
    choices.smoke_word.clone_from(&what.smoke_word);
    let root = app_dir(args, what.choice.app.as_deref())?;
    let base = repository(root, &mut choices)?.unwrap_or_else(|| root.to_path_buf());
    let files = files::pipeline(&scan, &choices)?;
    let notes: Vec<String> = app::left_out_of_pipeline(&scan, &choices).filter(|_| !files.is_empty()).into_iter().collect();
    for note in &notes {
        aside(format_args!("note: {note}"));
    }
    let next = match what.provider {
        ProviderArg::Github => "commit it, and make the variables and environments that its head names",
        ProviderArg::Codepipeline => {
            "commit both; the pipeline checks and builds, waits for an approval on main, migrates, deploys, and looks at the page"
        }
    };
    put(args, &base, &what.write, &files, &notes, next)
}

/// GitHub and CodePipeline read their files at the top of the repository alone. Where the app lies in a folder of it the files go there
/// and name the folder; `None`: it is the top, or there is no git.
fn repository(root: &Path, choices: &mut Choices) -> Result<Option<PathBuf>> {
    let Some((top, folder)) = app::remote::top(root).filter(|(_, folder)| !folder.is_empty()) else { return Ok(None) };
    if !app::is_folder_name(&folder) {
        return Err(Error::new(Kind::Input, format!("the app lies in {folder} of its repository, a name that cannot stand in a pipeline"))
            .hint("rename the folder: letters, digits, spaces and . _ - + @"));
    }
    aside(format_args!("note: the app lies in {folder} of the repository {}: its pipeline goes to the top of that", top.display()));
    choices.folder = folder;
    Ok(Some(top))
}

/// What would stand in a workflow and break it, and what only the other provider reads, is refused before anything is made.
fn fits(what: &PipelineArgs) -> Result<()> {
    if let Some(branch) = what.branches.iter().find(|name| !app::is_branch_name(name)) {
        return Err(Error::new(Kind::Usage, format!("--branch {branch}: not a name for a branch"))
            .hint("letters, digits and . _ / + - as git takes them, such as main or release/2"));
    }
    let only_github = [("--branch", !what.branches.is_empty()), ("--ghcr", what.ghcr)];
    let given: Vec<&str> = only_github.iter().filter(|(_, given)| *given).map(|(flag, _)| *flag).collect();
    if what.provider == ProviderArg::Codepipeline && !given.is_empty() {
        return Err(Error::new(Kind::Usage, format!("{}: only with --provider github", given.join(", "))).hint(
            "leave it out: the branch of a CodePipeline is a decision of the stack, and its buildspec builds and pushes to ECR alone",
        ));
    }
    Ok(())
}

pub fn env(args: &RunArgs, what: &EnvArgs) -> Result<u8> {
    let (scan, choices) = read(args, &what.choice)?;
    let plan = env::plan(&scan, &choices)?;
    let rows = env_table::rows(&scan, &choices, &plan, &choices.set_by_stack)?;
    if args.json {
        let never: Vec<_> = plan.never.iter().map(|n| json!({ "name": n.name, "why": n.why })).collect();
        out_json(&json!({ "app": choices.app_name, "environment": choices.environment, "variables": rows, "never_set": never }))?;
        return Ok(0);
    }
    for row in &rows {
        show(row);
    }
    out("\nNever set these on AWS, whether the code reads them or not:");
    for never in &plan.never {
        out(format!("  {}: {}", never.name, never.why));
    }
    let kinds = [(Name::Plain, "plain"), (Name::Secret, "secret"), (Name::Unneeded, "not needed"), (Name::Never, "never to be set")];
    let counted = kinds.iter().map(|(kind, words)| (rows.iter().filter(|r| r.kind == *kind).count(), words));
    let told: Vec<String> = counted.filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    out(format!("\n{}: {}. Next: migrate-wizard secrets import", text::plural(rows.len() as u64, "variable"), told.join(", ")));
    Ok(0)
}

fn show(row: &EnvRow) {
    let kind = match row.kind {
        Name::Plain => "plain",
        Name::Secret => "secret",
        Name::Never => "never",
        Name::Unneeded => "unneeded",
    };
    let when = match (row.at_build, row.at_run) {
        (true, true) => "build and run",
        (true, false) => "build",
        (false, true) => "run",
        (false, false) => "-",
    };
    let default = match row.has_default {
        Some(true) => "has a default",
        Some(false) => "no default",
        None => "not read",
    };
    let services = if row.services.is_empty() { "no service".to_owned() } else { row.services.join(", ") };
    out(format!("{}  {kind}, {when}, {default}; {services}", row.name));
    for source in &row.sources {
        let place = source.place.as_ref().map(|p| format!("  {}:{}", p.file, p.line)).unwrap_or_default();
        out(format!("    from    {}{place}", source.from));
    }
    out(format!("    on AWS  {}\n    why     {}", row.on_aws, row.why));
}

/// The app and what was decided about it: a run's decisions where some are named, then the flags.
fn read(args: &RunArgs, what: &ChoiceArgs) -> Result<(Scan, Choices)> {
    let root = app_dir(args, what.app.as_deref())?;
    named("--app-name", what.app_name.as_deref())?;
    named("--environment", what.environment.as_deref())?;
    app::must_be_app(root)?;
    // what was decided for this checkout, wherever the command runs
    let of_app = RunArgs { dir: root.to_path_buf(), ..args.clone() };
    say_whose(&of_app)?;
    let scan = app::scan(root, &Reporter::silent())?;
    if scan.replit.is_none() {
        aside(format_args!(
            "note: {} has no .replit file: it is not a Replit app, or not the app's root; going on from its other files",
            root.display()
        ));
    }
    let mut choices = Choices::from_scan(&scan);
    choices.decisions = decisions(&of_app)?;
    choices.set_by_stack = stacks::own_variables(library::stack("service")?);
    for difference in app::made_for_other(&Reading::of(root)?.files(), &choices.decisions) {
        aside(format_args!("note: {difference}"));
    }
    if !choices.decisions.is_empty() {
        decided(&of_app, &scan, &mut choices)?;
    }
    if let Some(name) = &what.app_name {
        choices.app_name.clone_from(name);
    }
    if let Some(environment) = &what.environment {
        choices.environment.clone_from(environment);
    }
    named("--app-name", Some(&choices.app_name))?;
    named("--environment", Some(&choices.environment))?;
    if let Some(region) = &args.region {
        choices.region.clone_from(region);
    }
    if let Some(unknown) = what.services.iter().find(|name| scan.services.iter().all(|s| s.name != **name)) {
        let known: Vec<&str> = scan.services.iter().map(|s| s.name.as_str()).collect();
        return Err(Error::new(Kind::Input, format!("the app has no service {unknown}{}", text::meant(unknown, &known)))
            .cause(if known.is_empty() { "no service was found in it".to_owned() } else { format!("its services: {}", known.join(", ")) })
            .hint("`migrate-wizard app scan` says what was found"));
    }
    choices.services.clone_from(&what.services);
    choices.one_image = what.one_image;
    match what.architecture {
        Some(ArchitectureArg::Arm64) => "linux/arm64".clone_into(&mut choices.platform),
        Some(ArchitectureArg::X86_64) => "linux/amd64".clone_into(&mut choices.platform),
        None => {}
    }
    Ok((scan, choices))
}

/// It stands in shell scripts and in names of AWS.
fn named(flag: &str, name: Option<&str>) -> Result<()> {
    let fits = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    match name {
        Some(name) if !fits(name) => {
            Err(Error::new(Kind::Usage, format!("{flag} {name}: not a name of lower-case letters, digits and hyphens"))
                .hint("write it as it is to stand in names on AWS, such as my-app"))
        }
        Some(_) | None => Ok(()),
    }
}

/// What the step that generates the files would be given.
fn decided(args: &RunArgs, scan: &Scan, choices: &mut Choices) -> Result<()> {
    let coming = blueprint(args, "app")?;
    let step = coming.iter().find(|step| step.kind == "files" && !step.fields.is_null());
    // where nobody answered, the app's own files say more than what a question would recommend
    let answers = choices.decisions.clone();
    let is_open = |name: &str| match name {
        "app" => answers.outcome("app_name").is_none(),
        "services" | "database" => answers.outcome(name).is_none(),
        _ => false,
    };
    let field = |name: &str| {
        let given = step.and_then(|s| s.fields.get(name)).filter(|_| !is_open(name));
        given.map(template::plain).filter(|v| !v.is_empty())
    };
    choices.decided(scan, &field);
    Ok(())
}

/// Writes the files, prints them, or says what would be written.
fn put(args: &RunArgs, root: &Path, write: &WriteArgs, files: &[GeneratedFile], notes: &[String], next: &str) -> Result<u8> {
    if write.stdout {
        for file in files {
            out(format!("==> {} <==\n{}", file.path, file.contents));
        }
        return Ok(0);
    }
    let folder = write.out.as_deref().unwrap_or(root);
    let mut standings = Vec::new();
    for file in files {
        standings.push((file, standing(folder, file)?));
    }
    let theirs: Vec<&str> = standings.iter().filter(|(_, s)| *s == Standing::Theirs).map(|(f, _)| f.path.as_str()).collect();
    if args.json {
        let list: Vec<_> = standings.iter().map(|(f, s)| json!({ "path": f.path, "now": word(*s), "why": f.why })).collect();
        out_json(
            &json!({ "folder": folder.display().to_string(), "files": list, "notes": notes, "written": !args.dry_run && (theirs.is_empty() || write.force) }),
        )?;
        if !theirs.is_empty() && !write.force {
            // the list says which: a machine needs no second text
            return Ok(1);
        }
    } else {
        for (file, standing) in &standings {
            out(format!("{:<10} {}: {}", word(*standing), file.path, file.why));
        }
    }
    if !theirs.is_empty() && !write.force {
        let error = Error::new(
            Kind::Conflict,
            format!(
                "{} in {} not made by the wizard, changed since, or made for another app",
                text::plural(theirs.len() as u64, "file"),
                folder.display()
            ),
        );
        return Err(theirs.iter().fold(error, |e, path| e.cause(path)).hint(
            "look at the new ones with --stdout or write them elsewhere with --out DIR; --force writes over these; nothing was written",
        ));
    }
    if args.dry_run {
        if !args.json {
            out("nothing was written. Next: the same without --dry-run");
        }
        return Ok(0);
    }
    for (file, standing) in standings {
        if standing != Standing::Same {
            save(&folder.join(&file.path), &file.contents)?;
        }
    }
    if !args.json {
        let place = if folder == Path::new(".") { "this folder".to_owned() } else { folder.display().to_string() };
        out(format!("{} in {place}\nNext: {next}", text::plural(files.len() as u64, "file")));
    }
    Ok(0)
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Absent => "new",
        Standing::Same => "unchanged",
        Standing::Ours => "renewed",
        Standing::Theirs => "not ours",
    }
}

fn standing(folder: &Path, file: &GeneratedFile) -> Result<Standing> {
    let path = folder.join(&file.path);
    match std::fs::read(&path) {
        // what is not text is not ours
        Ok(bytes) => {
            let there = String::from_utf8_lossy(&bytes);
            let standing = mark::standing(Some(&there), &file.contents);
            // one repository may hold several apps
            let another = standing == Standing::Ours && app::is_of_another_app(&there, &file.contents);
            Ok(if another { Standing::Theirs } else { standing })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Standing::Absent),
        Err(error) => Err(Error::new(Kind::Input, format!("cannot read {}", path.display()))
            .because(&error)
            .hint("check its permissions, or choose another folder with --out")),
    }
}

/// Whole or not at all.
fn save(path: &Path, contents: &str) -> Result<()> {
    let what = format!("cannot write {}", path.display());
    let hint = "check permissions and free space, or choose another folder with --out";
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).or_fail(Kind::Input, &what, hint)?;
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, contents).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _nothing_to_remove = std::fs::remove_file(&beside);
    }
    written.or_fail(Kind::Input, &what, hint)
}
