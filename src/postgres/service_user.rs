//! Who runs a local server: us, or another user where we are root, as whom PostgreSQL does not run.
//! Knows users and processes, never a cluster or a connection.

use std::path::Path;

use tokio::process::Command;

use crate::error::{Context, Error, Kind, Result};

/// PostgreSQL refuses to run as root: then another user runs it.
pub enum ServiceUser {
    Myself,
    Other { name: String, uid: u32, gid: u32 },
}

impl ServiceUser {
    pub async fn choose(folder: &Path) -> Result<Self> {
        if id(&["-u"]).await != Some(0) {
            return Ok(Self::Myself);
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id(&["-u", name]).await, id(&["-g", name]).await) {
                let user = Self::Other { name: name.to_owned(), uid, gid };
                user.own(folder)?;
                user.run(Path::new("test"), &["-w".as_ref(), folder.as_os_str()]).await.map_err(|_| {
                    Error::new(
                        Kind::Input,
                        format!("user {name}, who must run the local server because root may not, cannot enter {}", folder.display()),
                    )
                    .hint("use a folder that every user can enter, or do not run as root")
                })?;
                return Ok(user);
            }
        }
        Err(Error::new(Kind::Input, "PostgreSQL does not run as root, and there is no user postgres or nobody").hint("run as another user"))
    }

    pub fn own(&self, path: &Path) -> Result<()> {
        match self {
            Self::Myself => Ok(()),
            Self::Other { name, uid, gid } => std::os::unix::fs::chown(path, Some(*uid), Some(*gid)).or_fail(
                Kind::Failed,
                format!("cannot give {} to user {name}", path.display()),
                "run as another user than root",
            ),
        }
    }

    pub async fn run(&self, program: &Path, args: &[&std::ffi::OsStr]) -> Result<()> {
        let mut command = match self {
            Self::Myself => Command::new(program),
            Self::Other { name, uid, gid } => become_user(name, *uid, *gid, program).await,
        };
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGDATA", "PGOPTIONS"] {
            command.env_remove(name);
        }
        let what = format!("{} failed", program.display());
        // Not piped: the server would hold a pipe open, and we would wait for it for ever.
        let said = std::env::temp_dir().join(format!("migrate-wizard-{}.out", uuid::Uuid::new_v4()));
        let file = std::fs::File::create(&said).or_fail(Kind::Failed, &what, "check that the temporary folder is writable")?;
        let copy = file.try_clone().or_fail(Kind::Failed, &what, "try again")?;
        command.args(args).current_dir("/").stdin(std::process::Stdio::null()).stdout(file).stderr(copy);
        let status = command.status().await;
        let text = std::fs::read_to_string(&said).unwrap_or_default();
        let _ = std::fs::remove_file(&said);
        if status.or_fail(Kind::Failed, &what, "check that the program can be run")?.success() {
            return Ok(());
        }
        Err(Error::new(Kind::Failed, what).cause(text.trim()).hint("read the cause"))
    }
}

/// A command that runs `program` as `name`, with whichever tool is there.
async fn become_user(name: &str, uid: u32, gid: u32, program: &Path) -> Command {
    let mut command = if Command::new("runuser").arg("--version").output().await.is_ok() {
        let mut command = Command::new("runuser");
        command.args(["-u", name, "--"]);
        command
    } else {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups", "--"]);
        command
    };
    command.arg(program);
    command
}

async fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).output().await.ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
