//! `stacks export`: a system's stacks as files in a folder of the person's own.
//! Never overwrites what it did not write itself: a file that is not there as it was written stops it before anything is written.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::engines::{blueprint, system, write_all};
use super::{out, out_json};
use crate::cli::{ExportArgs, FormatArg, RunArgs};
use crate::cloud::export::{self, About, Format};
use crate::error::{Context, Error, Kind, Result};
use crate::text;
use crate::wizard::forecast::Coming;

/// Which files an export wrote, and what was in them.
const SEAL: &str = ".migrate-wizard-export.json";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    /// App, environment and region.
    system: String,
    /// Digests by path.
    files: BTreeMap<String, String>,
}

pub fn run(args: &RunArgs, what: &ExportArgs) -> Result<u8> {
    let coming = blueprint(args, "export")?;
    let system = system(&coming)?;
    let format = match what.format {
        Some(FormatArg::Cloudformation) => Format::Cloudformation,
        Some(FormatArg::Cdk) => Format::Cdk,
        Some(FormatArg::Terraform) => Format::Terraform,
        None => decided(&coming),
    };
    let tag = |name: &str| system.stacks.first().and_then(|stack| stack.spec.tags.get(name)).cloned().unwrap_or_default();
    let about = About { app: tag("app"), environment: tag("environment"), region: answer(&coming, "region").unwrap_or_default() };
    let files = export::files(&system, &about, format)?;
    let folder = what.out.clone().unwrap_or_else(|| "infrastructure".into());
    let of = format!("{} {} {}", about.app, about.environment, about.region);
    write(&folder, &of, &files)?;
    if args.json {
        let stacks: Vec<&str> = system.stacks.iter().map(|stack| stack.spec.name.as_str()).collect();
        out_json(&serde_json::json!({ "system": of, "folder": folder, "stacks": stacks, "files": files.keys().collect::<Vec<_>>() }))?;
        return Ok(0);
    }
    let next = match format {
        Format::Cloudformation => "./deploy.sh there deploys all of it",
        Format::Cdk => "npm ci && npx cdk synth there",
        Format::Terraform => "terraform init && terraform plan there",
    };
    out(format!(
        "{} and {} in {}. Next: read README.md; {next}",
        text::plural(system.stacks.len() as u64, "stack"),
        text::plural(files.len() as u64, "file"),
        folder.display()
    ));
    Ok(0)
}

/// The answer that a new run would go on with.
fn answer(coming: &[Coming], question: &str) -> Option<String> {
    let step = coming.iter().find(|step| step.step == question && step.kind == "ask")?;
    step.describe.rsplit_once(" (").map(|(value, _)| value.to_owned())
}

fn decided(coming: &[Coming]) -> Format {
    match answer(coming, "iac_export").as_deref() {
        Some("cdk") => Format::Cdk,
        Some("terraform") => Format::Terraform,
        Some(_) | None => Format::Cloudformation,
    }
}

/// Writes the files; those of an earlier export that are no longer among them go.
fn write(folder: &Path, system: &str, files: &BTreeMap<String, String>) -> Result<()> {
    let seal = folder.join(SEAL);
    let before: Seal = match std::fs::read_to_string(&seal) {
        Ok(text) => serde_json::from_str(&text).or_fail(
            Kind::Input,
            format!("{} is not as an export wrote it", seal.display()),
            "remove it, and choose an empty folder with --out",
        )?,
        Err(_) => Seal { system: system.to_owned(), ..Seal::default() },
    };
    if before.system != system {
        return Err(Error::new(Kind::Conflict, format!("{} holds the export of another system: {}", folder.display(), before.system))
            .hint("choose another folder with --out; nothing was written"));
    }
    let before = before.files;
    let now = |path: &str| std::fs::read_to_string(folder.join(path)).ok();
    let mut strange = Vec::new();
    for path in before.keys().chain(files.keys()) {
        let Some(there) = now(path) else { continue };
        let ours = before.get(path).is_some_and(|digest| *digest == text::digest(&there, 32)) || files.get(path) == Some(&there);
        if !ours && !strange.contains(path) {
            strange.push(path.clone());
        }
    }
    if !strange.is_empty() {
        let error = Error::new(
            Kind::Conflict,
            format!("{} in {} not as an export wrote them", text::plural(strange.len() as u64, "file"), folder.display()),
        );
        return Err(strange
            .iter()
            .fold(error, Error::cause)
            .hint("choose another folder with --out, or move these files away first; nothing was written"));
    }
    for path in before.keys().filter(|path| !files.contains_key(*path)) {
        let _gone = std::fs::remove_file(folder.join(path));
    }
    let digests = files.iter().map(|(path, contents)| (path.clone(), text::digest(contents, 32))).collect();
    let sealed = Seal { system: system.to_owned(), files: digests };
    let mut all: Vec<(String, String)> = files.iter().map(|(path, contents)| (path.clone(), contents.clone())).collect();
    all.push((SEAL.to_owned(), format!("{:#}\n", serde_json::json!(sealed))));
    write_all(folder, &all)?;
    for script in ["deploy.sh", "look-up.sh"].iter().filter(|name| files.contains_key(**name)) {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.join(script);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).or_fail(
            Kind::Input,
            format!("cannot make {} executable", path.display()),
            "chmod +x it yourself",
        )?;
    }
    Ok(())
}
