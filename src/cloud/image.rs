//! Building and pushing an image with the container tool at hand.
//! Never passes a password as an argument, and leaves no login behind.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::base64;
use super::registry::Login;
use crate::error::{Context, Error, Kind, Result};
use crate::progress::Reporter;

/// Which container tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    Docker,
    Podman,
    Buildah,
    Nerdctl,
}

impl ToolKind {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
            Self::Nerdctl => "nerdctl",
        }
    }
}

/// A container tool that works here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub kind: ToolKind,
    pub path: PathBuf,
}

/// How long a tool may take to say that it works.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The first of docker, podman, buildah and nerdctl on `PATH` that answers; docker and nerdctl only if their daemon does.
pub async fn find_tool() -> Option<Tool> {
    for kind in [ToolKind::Docker, ToolKind::Podman, ToolKind::Buildah, ToolKind::Nerdctl] {
        let Some(path) = on_path(kind.name()) else { continue };
        let question = match kind {
            ToolKind::Docker => ["info", "--format={{.ServerVersion}}"].as_slice(),
            ToolKind::Nerdctl => ["info"].as_slice(),
            ToolKind::Podman | ToolKind::Buildah => ["--version"].as_slice(),
        };
        let mut command = Command::new(&path);
        command.args(question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        if matches!(tokio::time::timeout(ANSWER_WITHIN, command.status()).await, Ok(Ok(status)) if status.success()) {
            return Some(Tool { kind, path });
        }
    }
    None
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// What to build. `platform` is written as Docker writes it: `linux/amd64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    pub context: PathBuf,
    pub dockerfile: PathBuf,
    /// The local name of the result: `app:abc123`.
    pub tag: String,
    pub platform: Option<String>,
    /// Visible to anyone on this machine and in the image's history: never a secret.
    pub build_args: Vec<(String, String)>,
}

/// The arguments of the build, without the program: also what a preview shows.
pub fn build_arguments(tool: &Tool, build: &Build) -> Vec<String> {
    let mut arguments = vec!["build".to_owned()];
    match tool.kind {
        ToolKind::Docker | ToolKind::Nerdctl => arguments.push("--progress=plain".to_owned()),
        ToolKind::Podman | ToolKind::Buildah => {}
    }
    if let Some(platform) = &build.platform {
        arguments.extend(["--platform".to_owned(), platform.clone()]);
    }
    for (key, value) in &build.build_args {
        arguments.extend(["--build-arg".to_owned(), format!("{key}={value}")]);
    }
    arguments.extend(["--file".to_owned(), build.dockerfile.display().to_string(), "--tag".to_owned(), build.tag.clone()]);
    arguments.push(build.context.display().to_string());
    arguments
}

/// Builds the image; each line of the tool goes to the log.
pub async fn build(tool: &Tool, build: &Build, reporter: &Reporter) -> Result<()> {
    let mut command = Command::new(&tool.path);
    command.args(build_arguments(tool, build));
    if tool.kind == ToolKind::Docker {
        command.env("DOCKER_BUILDKIT", "1");
    }
    run(
        &mut command,
        &format!("{} cannot build {}", tool.kind.name(), build.tag),
        "read the last lines above; correct the Dockerfile or the app, then run the same command",
        reporter,
    )
    .await
}

/// What the image `tag` was built for, as its configuration says: `linux/amd64`.
pub async fn platform(tool: &Tool, tag: &str) -> Result<String> {
    let question: &[&str] = match tool.kind {
        ToolKind::Docker | ToolKind::Podman | ToolKind::Nerdctl => &["image", "inspect", "--format", "{{.Os}}/{{.Architecture}}"],
        ToolKind::Buildah => &["inspect", "--type", "image", "--format", "{{.OCIv1.OS}}/{{.OCIv1.Architecture}}"],
    };
    let what = format!("{} cannot say what {tag} was built for", tool.kind.name());
    let hint = "look at the image with the tool itself; then run the same command";
    let mut command = Command::new(&tool.path);
    let output = command.args(question).arg(tag).stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.or_fail(Kind::Failed, &what, hint)?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || !said.contains('/') {
        return Err(Error::new(Kind::Failed, what).cause(String::from_utf8_lossy(&output.stderr).trim()).hint(hint));
    }
    Ok(said)
}

/// That an image runs where its task runs; else its first start ends with "exec format error".
pub fn check_platform(found: &str, wanted: &str) -> Result<()> {
    // a variant of the same processor, such as linux/arm64/v8, runs
    if found == wanted || found.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/')) {
        return Ok(());
    }
    Err(Error::new(Kind::Conflict, format!("the image is for {found}, and the task runs on {wanted}"))
        .cause("it would not start: exec format error")
        .hint(format!(
            "build it with --platform {wanted} (its base image must have that platform too), or change the task's CPU architecture"
        )))
}

/// Pushes the local image `tag` as `reference` (see [`Login::reference`]). `insecure_tls` accepts plain HTTP and unknown certificates: loopback only.
pub async fn push(tool: &Tool, tag: &str, reference: &str, login: &Login, insecure_tls: bool, reporter: &Reporter) -> Result<()> {
    let local = ["127.", "localhost", "[::1]"].iter().any(|host| login.registry.starts_with(host));
    if insecure_tls && !local {
        return Err(Error::new(Kind::Refused, format!("will not push to {} without checking its certificate", login.registry))
            .hint("only a registry on this machine may be pushed to so"));
    }
    let auth = AuthDir::write(login)?;
    let what = format!("{} cannot push {reference}", tool.kind.name());
    let hint =
        "check the network and the right to push to the repository, then run the same command: layers that arrived are not sent again";
    match tool.kind {
        ToolKind::Docker => {
            // its own configuration directory holds the login and, without the user's contexts, needs the daemon's address
            let host = docker_host(tool).await;
            run(Command::new(&tool.path).args(["tag", tag, reference]), &what, hint, reporter).await?;
            let mut command = Command::new(&tool.path);
            command.arg("--config").arg(auth.path());
            if let Some(host) = host {
                command.args(["--host", &host]);
            }
            run(command.args(["push", reference]), &what, hint, reporter).await
        }
        ToolKind::Nerdctl => {
            run(Command::new(&tool.path).args(["tag", tag, reference]), &what, hint, reporter).await?;
            let mut command = Command::new(&tool.path);
            command.env("DOCKER_CONFIG", auth.path());
            if insecure_tls {
                command.arg("--insecure-registry");
            }
            run(command.args(["push", reference]), &what, hint, reporter).await
        }
        ToolKind::Podman | ToolKind::Buildah => {
            let mut command = Command::new(&tool.path);
            command.arg("push").arg("--authfile").arg(auth.path().join("config.json"));
            if insecure_tls {
                command.arg("--tls-verify=false");
            }
            run(command.args([tag.to_owned(), format!("docker://{reference}")]), &what, hint, reporter).await
        }
    }
}

async fn docker_host(tool: &Tool) -> Option<String> {
    if std::env::var_os("DOCKER_HOST").is_some() {
        return None;
    }
    let asked = Command::new(&tool.path)
        .args(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(ANSWER_WITHIN, asked).await.ok()?.ok()?;
    let host = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && host.contains("://")).then_some(host)
}

/// Runs a program, its lines to the log; an error carries the last of them.
async fn run(command: &mut Command, what: &str, hint: &str, reporter: &Reporter) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().or_fail(Kind::Failed, what, "check that the program can be started")?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err, status) = tokio::join!(lines(out, reporter), lines(err, reporter), child.wait());
    let status = status.or_fail(Kind::Failed, what, hint)?;
    if status.success() {
        return Ok(());
    }
    let said = if err.is_empty() { out } else { err };
    let error = said.iter().fold(Error::new(Kind::Failed, what).cause(status.to_string()), |error, line| error.cause(line));
    Err(error.hint(hint))
}

/// Sends each line to the log and keeps the last eight.
async fn lines(from: Option<impl AsyncRead + Unpin>, reporter: &Reporter) -> Vec<String> {
    let mut kept = std::collections::VecDeque::new();
    let Some(from) = from else { return Vec::new() };
    let mut reader = BufReader::new(from);
    let mut bytes = Vec::new();
    while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(n) if n > 0) {
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        bytes.clear();
        if line.is_empty() {
            continue;
        }
        reporter.log(&line);
        if kept.len() == 8 {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    kept.into()
}

/// A directory only we can enter, with a login in the form all three tools read; removed when dropped.
struct AuthDir(PathBuf);

impl AuthDir {
    fn write(login: &Login) -> Result<Self> {
        let dir = Self(std::env::temp_dir().join(format!("migrate-wizard-{}", uuid::Uuid::new_v4())));
        let what = "cannot write the registry login to a temporary directory";
        let hint = "check that the temporary directory (TMPDIR) can be written";
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&dir.0).or_fail(Kind::Failed, what, hint)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let auth = base64::encode(format!("{}:{}", login.user, login.password.expose()).as_bytes());
        let body = serde_json::json!({ "auths": { (login.registry.as_str()): { "auth": auth } } }).to_string();
        let mut file = options.open(dir.0.join("config.json")).or_fail(Kind::Failed, what, hint)?;
        std::io::Write::write_all(&mut file, body.as_bytes()).or_fail(Kind::Failed, what, hint)?;
        Ok(dir)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for AuthDir {
    fn drop(&mut self) {
        // nothing can be told from here; the login ends by itself after twelve hours
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Secret;

    fn login(registry: &str) -> Login {
        Login { registry: registry.into(), user: "AWS".into(), password: Secret::new("pw"), plain_http: false }
    }

    #[cfg(unix)]
    #[test]
    fn the_login_is_ours_alone_and_goes_away() {
        use std::os::unix::fs::PermissionsExt;
        let dir = AuthDir::write(&login("reg.example")).unwrap();
        let (path, file) = (dir.path().to_owned(), dir.path().join("config.json"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), r#"{"auths":{"reg.example":{"auth":"QVdTOnB3"}}}"#);
        drop(dir);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn an_unchecked_certificate_is_accepted_only_here() {
        let tool = Tool { kind: ToolKind::Buildah, path: "/does/not/exist".into() };
        let error = push(&tool, "a:1", "reg.example/a:1", &login("reg.example"), true, &Reporter::silent()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
    }

    #[test]
    fn an_image_for_another_processor_is_refused_before_it_is_sent() {
        assert!(check_platform("linux/amd64", "linux/amd64").is_ok());
        assert!(check_platform("linux/arm64/v8", "linux/arm64").is_ok());
        let error = check_platform("linux/arm64", "linux/amd64").unwrap_err();
        assert_eq!(error.what, "the image is for linux/arm64, and the task runs on linux/amd64");
    }

    #[test]
    fn the_build_says_platform_and_file() {
        let tool = Tool { kind: ToolKind::Podman, path: "podman".into() };
        let build = Build {
            context: "app".into(),
            dockerfile: "app/Dockerfile".into(),
            tag: "app:1".into(),
            platform: Some("linux/amd64".into()),
            build_args: vec![("A".into(), "b".into())],
        };
        assert_eq!(
            build_arguments(&tool, &build).join(" "),
            "build --platform linux/amd64 --build-arg A=b --file app/Dockerfile --tag app:1 app"
        );
    }
}
