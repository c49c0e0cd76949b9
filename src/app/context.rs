//! What of an app's folder goes into its image: files that the ignore files leave in, without secrets, with their sizes.
//! Never builds anything; it writes only copies, into a folder that it is given.

use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};

use crate::error::{Context as _, Error, Kind, Result};

const SECRETS: &str = include_str!("../../assets/secret_files.toml");
/// Never of use in an image, whatever the ignore files say.
const NEVER: [&str; 4] = [".git", ".migrate-wizard", ".hg", ".svn"];
/// So much of a file is searched for a secret.
const SEARCHED: u64 = 64 * 1024;

/// The files of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildContext {
    pub root: PathBuf,
    /// `.dockerignore`, `.gitignore`, or none was there.
    pub ignore_file: Option<String>,
    /// By path.
    pub files: Vec<ContextFile>,
    /// Left out although the ignore files would let them in.
    pub secrets: Vec<SecretFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContextFile {
    /// From the root, with `/`.
    pub path: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretFile {
    pub path: String,
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretRules {
    file: Vec<SecretRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretRule {
    names: Vec<String>,
    #[serde(default)]
    but: Vec<String>,
    #[serde(default)]
    contains: Vec<String>,
    why: String,
}

/// A line of a `.dockerignore`: the last that matches a path or a folder above it decides.
/// Source: Docker's documentation of the build context, 2026-11.
struct Pattern {
    glob: GlobMatcher,
    leaves_in: bool,
}

/// Lists what goes in from `root`: what `.dockerignore` leaves in, without one what `.gitignore` files do.
pub fn gather(root: &Path) -> Result<BuildContext> {
    let what = || format!("cannot read the build context {}", root.display());
    if !root.is_dir() {
        return Err(Error::new(Kind::Input, what()).cause("there is no such folder").hint("name the app's checkout with --dir"));
    }
    let docker = root.join(".dockerignore");
    let patterns = if docker.is_file() {
        Some(patterns(&std::fs::read_to_string(&docker).or_fail(Kind::Input, what(), "check that .dockerignore can be read")?)?)
    } else {
        None
    };
    let rules: SecretRules = toml::from_str(SECRETS).map_err(|e| Error::bug("assets/secret_files.toml cannot be read").because(&e))?;
    let mut context = BuildContext {
        root: root.to_owned(),
        ignore_file: match &patterns {
            Some(_) => Some(".dockerignore".to_owned()),
            None => root.join(".gitignore").is_file().then(|| ".gitignore".to_owned()),
        },
        files: Vec::new(),
        secrets: Vec::new(),
    };
    let mut walk = WalkBuilder::new(root);
    walk.standard_filters(false).hidden(false).follow_links(false).sort_by_file_path(Path::cmp);
    // not .ignore, not a global file of this person: the image must not depend on who builds it
    walk.git_ignore(patterns.is_none()).require_git(false);
    walk.filter_entry(|entry| !NEVER.iter().any(|name| entry.file_name() == *name));
    for entry in walk.build() {
        let entry = entry.map_err(|e| Error::new(Kind::Input, what()).because(&e).hint("check that every file in it can be read"))?;
        let Some(kind) = entry.file_type().filter(|kind| !kind.is_dir()) else { continue };
        let Ok(below) = entry.path().strip_prefix(root) else { continue };
        let path = below.to_string_lossy().replace('\\', "/");
        if patterns.as_deref().is_some_and(|all| is_ignored(all, &path)) {
            continue;
        }
        if let Some(why) = secret(&rules.file, entry.path(), &path)? {
            context.secrets.push(SecretFile { path, why });
            continue;
        }
        let bytes = if kind.is_symlink() { 0 } else { entry.metadata().map(|m| m.len()).unwrap_or_default() };
        context.files.push(ContextFile { path, bytes });
    }
    if context.files.is_empty() {
        return Err(Error::new(Kind::Input, what())
            .cause(format!("{} leaves no file in", context.ignore_file.as_deref().unwrap_or("the folder")))
            .hint("correct the ignore file, or name another folder"));
    }
    Ok(context)
}

impl BuildContext {
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Files and bytes of each entry of the root (folders end with `/`), largest first.
    pub fn by_entry(&self) -> Vec<(String, usize, u64)> {
        let mut entries = std::collections::BTreeMap::<String, (usize, u64)>::new();
        for file in &self.files {
            let name = file.path.split_once('/').map_or(file.path.clone(), |(top, _)| format!("{top}/"));
            let entry = entries.entry(name).or_default();
            entry.0 += 1;
            entry.1 += file.bytes;
        }
        let mut all: Vec<_> = entries.into_iter().map(|(name, (files, bytes))| (name, files, bytes)).collect();
        all.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// Copies the files below `to`, links as links: a folder that any builder takes as it is.
    pub fn copy(&self, to: &Path) -> Result<()> {
        for file in &self.files {
            let (from, to) = (self.root.join(&file.path), to.join(&file.path));
            let what = format!("cannot copy {} into the build context", file.path);
            let hint = "check that it can be read and that the temporary folder (TMPDIR) has room";
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent).or_fail(Kind::Failed, &what, hint)?;
            }
            #[cfg(unix)]
            if from.is_symlink() {
                let target = std::fs::read_link(&from).or_fail(Kind::Failed, &what, hint)?;
                std::os::unix::fs::symlink(target, &to).or_fail(Kind::Failed, &what, hint)?;
                continue;
            }
            std::fs::copy(&from, &to).or_fail(Kind::Failed, &what, hint)?;
        }
        Ok(())
    }
}

/// A copy of a build context in the temporary folder; removed when dropped.
#[derive(Debug)]
pub struct Staged(PathBuf);

impl Staged {
    pub async fn of(context: BuildContext) -> Result<Self> {
        let staged = Self(std::env::temp_dir().join(format!("migrate-wizard-context-{}", uuid::Uuid::new_v4())));
        let what = format!("cannot make {}", staged.0.display());
        std::fs::create_dir_all(&staged.0).or_fail(Kind::Failed, what, "check that the temporary folder (TMPDIR) can be written to")?;
        let to = staged.0.clone();
        let copied = tokio::task::spawn_blocking(move || context.copy(&to)).await;
        copied.map_err(|e| Error::bug(format!("copying the build context stopped by itself: {e}")))??;
        Ok(staged)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // nothing can be told from here; it is in the temporary folder
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The commit that a checkout is at, in twelve digits, and a digest of what was changed since, if anything; `None` without git or a commit.
pub fn commit(root: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            std::process::Command::new("git").arg("-C").arg(root).args(arguments).stdin(std::process::Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|commit| !commit.is_empty())?;
    // changed files make another image: they are in the name by what they are
    let changes = git(&["diff", "HEAD", "--", "."]).filter(|lines| !lines.is_empty());
    Some(changes.map_or_else(|| commit.clone(), |lines| format!("{commit}-changed-{}", crate::text::digest(&lines, 4))))
}

fn patterns(text: &str) -> Result<Vec<Pattern>> {
    let mut all = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (leaves_in, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
        let rest = rest.trim_start_matches("./").trim_matches('/');
        if rest.is_empty() || rest == "." {
            continue;
        }
        let glob = GlobBuilder::new(rest).literal_separator(true).backslash_escape(true).build().map_err(|e| {
            Error::new(Kind::Input, format!(".dockerignore:{}: {line} is no pattern", number + 1))
                .because(&e)
                .hint("correct the line: * and ? match within a name, ** any folders")
        })?;
        all.push(Pattern { glob: glob.compile_matcher(), leaves_in });
    }
    Ok(all)
}

fn is_ignored(patterns: &[Pattern], path: &str) -> bool {
    let above = |path: &str| path.rmatch_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
    let ends = above(path);
    patterns.iter().fold(false, |ignored, pattern| {
        let meant =
            pattern.glob.is_match(path) || ends.iter().filter_map(|end| path.get(..*end)).any(|folder| pattern.glob.is_match(folder));
        if meant { !pattern.leaves_in } else { ignored }
    })
}

/// Why the file is a secret, if it is one.
fn secret(rules: &[SecretRule], file: &Path, path: &str) -> Result<Option<String>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    for rule in rules {
        if !named(&rule.names, name)? || named(&rule.but, name)? {
            continue;
        }
        if rule.contains.is_empty() || holds(file, &rule.contains) {
            return Ok(Some(rule.why.clone()));
        }
    }
    Ok(None)
}

fn named(globs: &[String], name: &str) -> Result<bool> {
    for glob in globs {
        let glob = GlobBuilder::new(glob).case_insensitive(true).build();
        let glob = glob.map_err(|e| Error::bug("a name in assets/secret_files.toml is no pattern").because(&e))?;
        if glob.compile_matcher().is_match(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A file that cannot be read counts as one that holds them.
fn holds(file: &Path, words: &[String]) -> bool {
    use std::io::Read;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(file).and_then(|file| file.take(SEARCHED).read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    read.is_err() || words.iter().any(|word| text.contains(word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn names(context: &BuildContext) -> Vec<&str> {
        context.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn dockerignore_counts_as_docker_reads_it_and_secrets_never_go_in() {
        let dir = tempfile::tempdir().unwrap();
        put(
            dir.path(),
            &[
                (".dockerignore", "# all but\n*\n!src\n!package.json\nsrc/**/*.test.ts\n!.env\n!keys\n"),
                (".gitignore", "src\n"),
                (".git/config", "x"),
                (".env", "A=b"),
                ("keys/server.pem", "-----BEGIN RSA PRIVATE KEY-----"),
                ("keys/rds-ca.pem", "-----BEGIN CERTIFICATE-----"),
                ("package.json", "{}"),
                ("src/app.ts", "1"),
                ("src/deep/app.test.ts", "1"),
                ("src/.env.example", "A="),
                ("src/.env.production", "A=b"),
                ("node_modules/x/index.js", "1"),
            ],
        );
        let context = gather(dir.path()).unwrap();
        assert_eq!(names(&context), ["keys/rds-ca.pem", "package.json", "src/.env.example", "src/app.ts"]);
        let secrets: Vec<_> = context.secrets.iter().map(|s| s.path.as_str()).collect();
        assert_eq!(secrets, [".env", "keys/server.pem", "src/.env.production"]);
        assert_eq!(context.ignore_file.as_deref(), Some(".dockerignore"));

        let copy = tempfile::tempdir().unwrap();
        context.copy(copy.path()).unwrap();
        assert_eq!(std::fs::read_to_string(copy.path().join("src/app.ts")).unwrap(), "1");
        assert!(!copy.path().join(".env").exists() && !copy.path().join("keys/server.pem").exists());
    }

    #[test]
    fn without_one_gitignore_counts_and_a_bad_pattern_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        put(
            dir.path(),
            &[(".gitignore", "dist\n"), ("dist/a.js", "1"), ("web/dist/b.js", "1"), ("web/a.ts", "12"), (".npmrc", "save-exact=true")],
        );
        let context = gather(dir.path()).unwrap();
        assert_eq!(names(&context), [".gitignore", ".npmrc", "web/a.ts"]);
        assert_eq!(context.by_entry()[0].0, ".npmrc");
        put(dir.path(), &[(".dockerignore", "dist\n[z-a]\n")]);
        assert!(gather(dir.path()).unwrap_err().what.starts_with(".dockerignore:2:"));
        put(dir.path(), &[(".dockerignore", "**\n")]);
        assert_eq!(gather(dir.path()).unwrap_err().kind, Kind::Input);
    }
}
