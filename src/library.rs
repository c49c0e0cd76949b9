//! What travels inside the binary: playbooks, profiles, stacks, prices, the sample; and the files that override playbooks by name.
//! Only finds and reads: it knows the meaning of none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::error::{Context, Error, Kind, Result};
use crate::wizard::plan::Books;
use crate::wizard::playbook::{self, Action, Playbook};

static PLAYBOOKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");
static STACKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/stacks");
static SAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/sample");

/// The image of this program for tasks inside the VPC; its binary lies beside it.
pub const WORKER_DOCKERFILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/files/worker.Dockerfile"));

/// Playbooks of all journeys with the texts they came from.
#[derive(Debug, Clone)]
pub struct Library {
    pub books: Vec<Playbook>,
    /// File name → text, for carets.
    pub texts: BTreeMap<String, String>,
    /// Playbooks that came from the person's own folder: name → path.
    pub overridden: BTreeMap<String, PathBuf>,
}

/// Loads the embedded playbooks, then those of each folder: a file of the same name replaces ours, a new name is added.
pub fn playbooks(folders: &[PathBuf]) -> Result<Library> {
    let mut texts: BTreeMap<String, String> = PLAYBOOKS
        .files()
        .filter_map(|f| Some((f.path().to_str()?.to_owned(), f.contents_utf8()?.to_owned())))
        .filter(|(name, _)| name.ends_with(".toml"))
        .collect();
    let mut overridden = BTreeMap::new();
    for folder in folders {
        for entry in std::fs::read_dir(folder).or_fail(
            Kind::Input,
            format!("cannot read the playbooks in {}", folder.display()),
            "check the folder's name",
        )? {
            let path =
                entry.or_fail(Kind::Input, format!("cannot read the playbooks in {}", folder.display()), "check its permissions")?.path();
            let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| n.ends_with(".toml")) else { continue };
            let text = std::fs::read_to_string(&path).or_fail(
                Kind::Input,
                format!("cannot read {}", path.display()),
                "it must be a UTF-8 text file",
            )?;
            texts.insert(name.to_owned(), text);
            overridden.insert(name.to_owned(), path.clone());
        }
    }
    let mut books = texts
        .iter()
        .map(|(name, text)| playbook::parse(&overridden.get(name).map_or_else(|| name.clone(), |p| p.display().to_string()), text))
        .collect::<Result<Vec<_>>>()?;
    books.sort_by(|a, b| (a.order, &a.phase).cmp(&(b.order, &b.phase)));
    let texts = texts
        .into_iter()
        .map(|(name, text)| (overridden.get(&name).map_or_else(|| name.clone(), |p| p.display().to_string()), text))
        .collect();
    Ok(Library { books, texts, overridden })
}

impl Library {
    /// The playbooks of a journey (`move`, `stacks`, `destroy`, `repair`, `rotate`, `back`, `tour`) with those of its roll back.
    pub fn journey(&self, name: &str) -> Result<Books> {
        let of = |journey: &str| -> Vec<Playbook> { self.books.iter().filter(|b| b.journey == journey).cloned().collect() };
        let forward = if name == "stacks" { only_stacks(of("move")) } else { of(name) };
        if forward.is_empty() {
            return Err(Error::bug(format!("no playbook belongs to the journey `{name}`")));
        }
        let rollback = if name == "move" { of("rollback") } else { Vec::new() };
        Ok(Books { forward, rollback })
    }
}

/// What `stacks deploy` does of a move: its decisions, its checks of AWS, and what is made there; nothing of the app's own files and data.
///
/// The stacks of a service keep what runs: a later deployment has given them another image and number of tasks.
fn only_stacks(books: Vec<Playbook>) -> Vec<Playbook> {
    const EFFECTS: [&str; 8] =
        ["scan_app", "decision_records", "check_aws", "service_plan", "stack", "secret", "app_secrets", "environment"];
    const BEFORE: &str = "schema";
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut kept = Vec::new();
    for mut book in books.into_iter().take_while(|book| book.phase != BEFORE) {
        book.steps.retain_mut(|step| {
            let base = |fact: &str| fact.split(['.', '[']).next().unwrap_or(fact).to_owned();
            let there = step.when.keys().chain(&step.each).all(|fact| known.contains(&base(fact)));
            let ours = match &mut step.action {
                Action::Ask(ask) => {
                    ask.recommended_when.retain(|one| one.when.keys().all(|fact| known.contains(&base(fact))));
                    book.phase != "assess"
                }
                // by hand: only what a later stack waits for
                Action::Manual(_) => book.phase == "provision",
                Action::Effect(spec) => {
                    if spec.fields.get("layer").is_some_and(|layer| layer == "service") {
                        spec.fields.insert("keep".to_owned(), serde_json::json!(["ImageUri", "DesiredCount"]));
                    }
                    EFFECTS.contains(&spec.kind.as_str())
                }
            };
            if there && ours {
                known.insert(step.id.clone());
            }
            there && ours
        });
        kept.push(book);
    }
    kept.retain(|book| !book.steps.is_empty());
    kept
}

/// A CloudFormation template of `assets/stacks` by layer name.
pub fn stack(layer: &str) -> Result<&'static str> {
    STACKS.get_file(format!("{layer}.yaml")).and_then(include_dir::File::contents_utf8).ok_or_else(|| {
        Error::new(Kind::Input, format!("no stack template is called `{layer}`")).hint(format!("one of: {}", stacks().join(", ")))
    })
}

/// Names of all stack templates.
pub fn stacks() -> Vec<&'static str> {
    let mut names: Vec<_> = STACKS.files().filter_map(|f| f.path().to_str()?.strip_suffix(".yaml")).collect();
    names.sort_unstable();
    names
}

/// Writes the sample app into a folder; files that are there are left alone.
pub fn write_sample(into: &Path) -> Result<()> {
    fn write(dir: &Dir<'_>, into: &Path) -> std::io::Result<()> {
        for file in dir.files() {
            let path = into.join(file.path());
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            if !path.exists() {
                // Whole or not at all: half a file would be left alone the next time.
                let partial = path.with_extension("partial");
                std::fs::write(&partial, file.contents())?;
                std::fs::rename(&partial, &path)?;
            }
        }
        dir.dirs().try_for_each(|d| write(d, into))
    }
    write(&SAMPLE, into).or_fail(
        Kind::Input,
        format!("cannot write the sample app into {}", into.display()),
        "choose another folder with --dir",
    )
}

/// A file of the sample.
pub fn sample_file(name: &str) -> Result<&'static str> {
    SAMPLE.get_file(name).and_then(include_dir::File::contents_utf8).ok_or_else(|| Error::bug(format!("the sample has no {name}")))
}
