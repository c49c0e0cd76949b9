//! A new git branch made of whole commits, and the checkout moved to it.
//! Everything is written into git's own store first: until the branch is there, neither a file nor a branch of the person has changed.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::app::edits::Change;
use crate::error::{Context, Error, Kind, Result};

/// One commit to come.
pub struct Commit<'a> {
    pub message: String,
    pub changes: &'a [Change],
}

/// Where the person was.
pub struct Before {
    commit: String,
    /// The app's folder from the top of the work tree, with `/` at its end.
    prefix: String,
}

/// Without hooks: nothing of the app's is executed.
fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]).stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
}

fn must(command: &mut Command, what: &str) -> Result<String> {
    let output = command.output().or_fail(Kind::Failed, format!("cannot run git to {what}"), "install git")?;
    told(output, what)
}

fn told(output: Output, what: &str) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned());
    }
    Err(Error::new(Kind::Failed, format!("git could not {what}"))
        .cause(String::from_utf8_lossy(&output.stderr).trim())
        .hint("your files and branches are as they were; correct what git says, and run the command again"))
}

/// Refuses where a branch could not be made, or where something would be lost.
///
/// # Errors
/// `Refused`, saying what to do; `Usage` for a name that git does not take.
pub fn check(root: &Path, branch: &str, changes: &[&Change]) -> Result<Before> {
    let refused = |what: String, hint: &str| Err(Error::new(Kind::Refused, what).hint(hint));
    let patches = "or write patch files: --patches DIR";
    if said(git(root).args(["rev-parse", "--is-inside-work-tree"])).as_deref() != Some("true") {
        return refused(
            format!("{} is not in a git work tree", root.display()),
            &format!("git init && git add . && git commit -m \"the app\"; {patches}"),
        );
    }
    if said(git(root).args(["check-ref-format", "--branch", branch])).is_none() {
        return Err(
            Error::new(Kind::Usage, format!("{branch} is no name for a branch")).hint("name it as git does, such as --branch prepare-aws")
        );
    }
    let Some(commit) = said(git(root).args(["rev-parse", "--verify", "-q", "HEAD^{commit}"])) else {
        return refused(format!("{} has no commit yet", root.display()), &format!("git add . && git commit -m \"the app\"; {patches}"));
    };
    if said(git(root).args(["show-ref", "--verify", "-q", &format!("refs/heads/{branch}")])).is_some() {
        let is_here = said(git(root).args(["symbolic-ref", "--short", "-q", "HEAD"])).as_deref() == Some(branch);
        let hint = if is_here {
            format!("you are on it: merge it into your own branch first, or go on from here on another one with --branch {branch}-2")
        } else {
            format!("name another one with --branch, or delete it: git branch -D {branch}")
        };
        return refused(format!("the branch {branch} is there already"), &hint);
    }
    let Some(status) = said(git(root).args(["status", "--porcelain", "--untracked-files=no"])) else {
        return refused("git cannot tell what has changed".to_owned(), "see what `git status` says");
    };
    if !status.is_empty() {
        let files: Vec<&str> = status.lines().filter_map(|line| line.get(3..)).take(5).collect();
        return refused(
            format!("not committed: {}", files.join(", ")),
            "commit or stash these changes first: they would be mixed with ours",
        );
    }
    let tracked = said(git(root).args(["ls-files", "-z"])).unwrap_or_default();
    let is_tracked = |path: &str| tracked.split('\0').any(|known| known == path);
    let foreign: Vec<&str> =
        changes.iter().map(|change| change.path.as_str()).filter(|path| !is_tracked(path) && root.join(path).exists()).collect();
    if !foreign.is_empty() {
        return refused(format!("not in git: {}", foreign.join(", ")), "add and commit these files first, or move them away");
    }
    let prefix = said(git(root).args(["rev-parse", "--show-prefix"])).unwrap_or_default();
    Ok(Before { commit, prefix })
}

/// Writes the commits, makes the branch, and moves the checkout there.
///
/// # Errors
/// `Failed` with git's own words; the person is where they were then, and there is no new branch.
pub fn make(root: &Path, branch: &str, before: &Before, commits: &[Commit<'_>]) -> Result<()> {
    let index = tempfile_name(root)?;
    let made = written(root, before, commits, &index);
    let _nothing_to_remove = std::fs::remove_file(&index);
    let tip = made?;
    // Made only if it is not there: forty zeros say so.
    must(
        git(root).args(["update-ref", "-m", "migrate-wizard app prepare", &format!("refs/heads/{branch}"), &tip, &"0".repeat(tip.len())]),
        "make the branch",
    )?;
    let moved = must(git(root).args(["switch", "--quiet", "--no-guess", branch]), "move to the branch");
    if moved.is_err() {
        let _told_below = said(git(root).args(["update-ref", "-d", &format!("refs/heads/{branch}"), &tip]));
    }
    moved.map(|_| ())
}

/// An index of our own, in git's folder.
fn tempfile_name(root: &Path) -> Result<std::path::PathBuf> {
    let name = format!("migrate-wizard-index-{}", std::process::id());
    let path = must(git(root).args(["rev-parse", "--path-format=absolute", "--git-path", &name]), "name a file of its own")?;
    Ok(path.into())
}

fn written(root: &Path, before: &Before, commits: &[Commit<'_>], index: &Path) -> Result<String> {
    let git = || {
        let mut command = git(root);
        command.env("GIT_INDEX_FILE", index);
        command
    };
    must(git().args(["read-tree", &before.commit]), "read the commit that you are at")?;
    let modes = must(git().args(["ls-files", "-s", "-z"]), "list its files")?;
    let mode_of = |path: &str| {
        let line = modes.split('\0').find(|line| line.split_once('\t').is_some_and(|(_, known)| known == path));
        line.and_then(|line| line.split(' ').next()).unwrap_or("100644").to_owned()
    };
    let mut parent = before.commit.clone();
    for commit in commits {
        for change in commit.changes {
            let whole = format!("{}{}", before.prefix, change.path);
            match &change.after {
                Some(text) => {
                    let blob = fed(git().args(["hash-object", "-w", "--stdin", "--path", &change.path]), text, "keep a file")?;
                    let entry = format!("{},{blob},{whole}", mode_of(&change.path));
                    must(git().args(["update-index", "--add", "--cacheinfo", &entry]), "put a file into a commit")?;
                }
                None => {
                    must(git().args(["update-index", "--force-remove", &change.path]), "take a file out of a commit")?;
                }
            }
        }
        let tree = must(git().arg("write-tree"), "write a tree")?;
        let mut make = git();
        for (key, value) in [("user.name", "migrate-wizard"), ("user.email", "migrate-wizard@localhost")] {
            if said(git().args(["config", key])).is_none_or(|own| own.is_empty()) {
                make.args(["-c", &format!("{key}={value}")]);
            }
        }
        parent = fed(make.args(["commit-tree", &tree, "-p", &parent, "-F", "-"]), &commit.message, "write a commit")?;
    }
    Ok(parent)
}

/// Runs git with a text on its standard input.
fn fed(command: &mut Command, text: &str, what: &str) -> Result<String> {
    let hint = "install git";
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().or_fail(
        Kind::Failed,
        format!("cannot run git to {what}"),
        hint,
    )?;
    let sent = child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text.as_bytes()));
    let output = child.wait_with_output().or_fail(Kind::Failed, format!("cannot run git to {what}"), hint)?;
    let told = told(output, what)?;
    sent.or_fail(Kind::Failed, format!("git did not read what it was to {what}"), "run the command again")?;
    Ok(told)
}
