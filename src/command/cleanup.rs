//! What a command makes on AWS for a while, written down before it is made, so that it is taken away however the command ends.
//! Never holds a value of a secret: names alone.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cloud::ground::Ground;
use crate::cloud::secrets::Recovery;
use crate::cloud::{Aws, apart, crew, revision, secrets};
use crate::error::{Context, Error, Kind, Result};
use crate::own_folder;
use crate::progress::aside;
use crate::runs;

/// Where these are, below the folder of all runs.
const FOLDER: &str = "inside";

/// What was or will be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Names the work: its tasks carry it.
    pub id: String,
    pub region: String,
    /// As [`Ground`] is written, with the task definition that the temporary one is made from.
    pub ground: String,
    /// What the work is, so that the same command goes on with it: both databases without passwords, and what is run.
    pub what: String,
    pub secrets: Vec<String>,
    /// Of the temporary task definition.
    pub family: String,
}

/// The file that remembers it. Dropping it takes everything away; a process that was killed leaves that to the next start.
pub struct Cleanup {
    pub left: Left,
    /// It was left by a process that ended before its work did.
    pub resumed: bool,
    path: PathBuf,
    aws: Aws,
    /// Nobody else may have it while this process lives.
    _lock: File,
    done: bool,
}

impl Cleanup {
    /// Goes on with what an earlier start left of the same work, or begins anew: written and synced before anything is made.
    ///
    /// # Errors
    /// [`Kind::Conflict`] while another process is at it.
    pub fn open(dir: &Path, aws: &Aws, ground: &Ground, what: &str, secret_prefix: &str) -> Result<Self> {
        let folder = folder(dir)?;
        let same = |left: &Left| left.region == aws.region() && left.ground == ground.to_string() && left.what == what;
        if let Some((path, left)) = all(&folder)?.into_iter().find(|(_, left)| same(left)) {
            let Some(lock) = locked(&path)? else {
                return Err(Error::new(Kind::Conflict, "another process of this folder is at the same work inside the VPC")
                    .hint("let it end, or stop it with Ctrl-C there"));
            };
            return Ok(Self { left, resumed: true, path, aws: aws.clone(), _lock: lock, done: false });
        }
        let id = uuid::Uuid::new_v4().simple().to_string().chars().take(12).collect::<String>();
        let left = Left {
            secrets: ["source", "target"].map(|side| format!("{secret_prefix}/worker/{id}/{side}")).to_vec(),
            family: format!("{}-{id}", ground.family()),
            region: aws.region().to_owned(),
            ground: ground.to_string(),
            what: what.to_owned(),
            id,
        };
        let path = folder.join(format!("{}.json", left.id));
        write(&path, &left)?;
        let lock = locked(&path)?.ok_or_else(|| Error::bug("a file that was just made is held by somebody else"))?;
        Ok(Self { left, resumed: false, path, aws: aws.clone(), _lock: lock, done: false })
    }

    /// Takes everything away. Twice is once.
    pub async fn clean(mut self) -> Result<()> {
        let cleaned = clean(&self.aws, &self.left, &self.path).await;
        self.done = cleaned.is_ok();
        cleaned
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if !self.done {
            let (left, path) = (self.left.clone(), self.path.clone());
            apart::now(&self.aws, async move |aws| {
                if let Err(error) = clean(&aws, &left, &path).await {
                    aside(format_args!("{error}"));
                }
            });
        }
    }
}

/// Takes away what earlier starts in this folder left in this region and nobody holds; how many pieces of work it was.
pub async fn sweep(dir: &Path, aws: &Aws) -> Result<usize> {
    let mut swept = 0;
    for (path, left) in all(&folder(dir)?)? {
        let Some(_lock) = locked(&path)?.filter(|_| left.region == aws.region()) else { continue };
        clean(aws, &left, &path).await?;
        swept += 1;
    }
    Ok(swept)
}

async fn clean(aws: &Aws, left: &Left, path: &Path) -> Result<()> {
    let base: Ground = left.ground.parse()?;
    let ground = Ground { task_definition: left.family.clone(), ..base };
    // Each is tried whatever became of the others: a secret must not stay because a task does.
    let stopped = crew::stop(aws, &ground, &left.id).await.map(drop);
    let mut outcome = stopped;
    for name in &left.secrets {
        let gone = secrets::delete(aws, name, Recovery::Never).await;
        outcome = outcome.and(gone);
    }
    outcome = outcome.and(revision::deregister(aws, &left.family).await);
    outcome.map_err(|error| {
        let hint = format!("`migrate-wizard data copy --on ecs --stop` in the same folder tries again; {}", error.hint);
        Error { hint, ..error }.cause(format!("to be taken away: tasks started by {}, secrets {}", left.id, left.secrets.join(", ")))
    })?;
    std::fs::remove_file(path).or_fail(Kind::Failed, format!("cannot remove {}", path.display()), "remove it by hand: all it names is gone")
}

fn folder(dir: &Path) -> Result<PathBuf> {
    let folder = dir.join(runs::FOLDER).join(FOLDER);
    own_folder::make(&folder).or_fail(
        Kind::Input,
        format!("cannot make {}", folder.display()),
        "check that the folder can be written to",
    )?;
    Ok(folder)
}

fn all(folder: &Path) -> Result<Vec<(PathBuf, Left)>> {
    let what = format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).or_fail(Kind::Input, &what, "check its permissions")? {
        let path = entry.or_fail(Kind::Input, &what, "check its permissions")?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let what = format!("cannot read {}", path.display());
        let hint = "it names tasks and secrets to be taken away: do that by hand, then remove the file";
        let text = std::fs::read_to_string(&path).or_fail(Kind::Input, &what, hint)?;
        found.push((path, serde_json::from_str(&text).or_fail(Kind::Input, &what, hint)?));
    }
    Ok(found)
}

/// The file, held by this process alone; `None` while another one holds it.
fn locked(path: &Path) -> Result<Option<File>> {
    let file = File::open(path).or_fail(Kind::Input, format!("cannot open {}", path.display()), "check its permissions")?;
    Ok(file.try_lock().is_ok().then_some(file))
}

/// Whole and synced, or not at all.
fn write(path: &Path, left: &Left) -> Result<()> {
    let (what, hint) = (format!("cannot write {}", path.display()), "check that the folder can be written to and the disk is not full");
    let text =
        serde_json::to_string_pretty(left).map_err(|e| Error::bug(format!("what is to be taken away cannot be written down: {e}")))?;
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial).or_fail(Kind::Failed, &what, hint)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).or_fail(Kind::Failed, &what, hint)?;
    std::fs::rename(&partial, path).or_fail(Kind::Failed, &what, hint)
}
