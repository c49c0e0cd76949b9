//! `image` with `program`: the image of this very program, for tasks inside the VPC: built from `assets/files/worker.Dockerfile` and pushed.
//! Never puts anything but the program into it.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::cloud::{Aws, image, registry};
use crate::error::{Context as _, Error, Kind, Result};
use crate::library;
use crate::progress::Reporter;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

/// The binary that goes into the image, when it is not the one that runs.
const BINARY: &str = "MIGRATE_WIZARD_WORKER_BINARY";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerImage {
    /// It is there already.
    repository: String,
    /// `x86_64` or `arm64`, as the task runs.
    architecture: String,
    /// `migrate-wizard`: there is no other.
    program: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    let image = from_fields::<WorkerImage>("image", fields)?;
    one_of("image", "program", &image.program, &["migrate-wizard"])?;
    one_of("image", "architecture", &image.architecture, &["x86_64", "arm64"])?;
    Ok(Box::new(image))
}

impl WorkerImage {
    fn arm(&self) -> bool {
        self.architecture == "arm64"
    }

    fn outputs(uri: &str) -> Outputs {
        Outputs::from([("uri".into(), json!(uri))])
    }
}

#[async_trait]
impl Apply<World> for WorkerImage {
    fn describe(&self) -> Description {
        Description::new(
            format!("build the image of this program for tasks inside the VPC and push it to {}", self.repository),
            format!("docker build -f worker.Dockerfile -t {} . && docker push …", self.repository),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Builder
    }

    async fn preview(&self, _world: &World) -> Result<Vec<PreviewLine>> {
        let tool = image::find_tool().await.map_or("no builder is there".to_owned(), |tool| format!("with {}", tool.path.display()));
        Ok(vec![
            PreviewLine::new(Sign::Add, format!("{}:{}", self.repository, tag(&program(self.arm())?))),
            PreviewLine::new(Sign::Note, tool),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        let tag = tag(&program(self.arm())?);
        let aws = world.aws().await?;
        if registry::image_digest(aws, &self.repository, &tag).await?.is_none() {
            return Ok(Probe::Absent);
        }
        let uri = registry::describe(aws, &self.repository).await?.map(|found| found.uri).unwrap_or_default();
        Ok(Probe::Present(Self::outputs(&format!("{uri}:{tag}"))))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        let uri = worker_image(world.aws().await?, &self.repository, self.arm(), &cx.reporter).await?;
        Ok(Self::outputs(&uri))
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("the image goes with its repository");
        Ok(())
    }

    fn example(&self) -> Outputs {
        Self::outputs("000000000000.dkr.ecr.us-east-1.amazonaws.com/migrate-worker:0.1.0")
    }
}

/// This program, or the one that is named, for the processor of the task.
fn program(arm: bool) -> Result<Vec<u8>> {
    let binary: PathBuf = match std::env::var_os(BINARY) {
        Some(path) => path.into(),
        None => std::env::current_exe().or_fail(Kind::Failed, "cannot find this program's own file", format!("name it with {BINARY}"))?,
    };
    let bytes = std::fs::read(&binary).or_fail(Kind::Input, format!("cannot read {}", binary.display()), format!("check {BINARY}"))?;
    check_machine(&bytes, arm, &binary)?;
    Ok(bytes)
}

/// The same program is the same tag.
fn tag(bytes: &[u8]) -> String {
    format!("{}-{}", env!("CARGO_PKG_VERSION"), digest(bytes))
}

/// Builds the image of this program and pushes it; the image's URI. One of this version that is there already is taken.
pub async fn worker_image(aws: &Aws, repository: &str, arm: bool, reporter: &Reporter) -> Result<String> {
    let bytes = program(arm)?;
    // First of all: who may not push need not build.
    let login = registry::login(aws).await?;
    let repository = registry::describe(aws, repository).await?.ok_or_else(|| {
        Error::new(Kind::Conflict, format!("there is no image repository {repository}"))
            .hint("run the provision phase first: it makes the repository")
    })?;
    let tag = tag(&bytes);
    let uri = format!("{}:{tag}", repository.uri);
    if registry::image_digest(aws, &repository.name, &tag).await?.is_some() {
        return Ok(uri);
    }
    let Some(tool) = image::find_tool().await else {
        return Err(Error::new(Kind::Conflict, "neither docker, podman nor buildah is at hand to build the worker's image").hint(format!(
            "install one of them, or build it elsewhere ({}) and name it with --worker-image",
            "assets/files/worker.Dockerfile"
        )));
    };
    let folder = std::env::temp_dir().join(format!("migrate-wizard-worker-{}", uuid::Uuid::new_v4().simple()));
    let built = laid_out(&tool, &folder, &bytes, &tag, arm, reporter).await;
    let _left_for_the_system = std::fs::remove_dir_all(&folder);
    let local = built?;
    image::push(&tool, &local, &login.reference(&repository.name, &tag), &login, login.plain_http, reporter).await?;
    Ok(uri)
}

async fn laid_out(tool: &image::Tool, folder: &Path, bytes: &[u8], tag: &str, arm: bool, reporter: &Reporter) -> Result<String> {
    let (what, hint) = ("cannot lay out the worker's image", "check that the temporary folder (TMPDIR) can be written to");
    std::fs::create_dir_all(folder).or_fail(Kind::Failed, what, hint)?;
    std::fs::write(folder.join("migrate-wizard"), bytes).or_fail(Kind::Failed, what, hint)?;
    std::fs::write(folder.join("Dockerfile"), library::WORKER_DOCKERFILE).or_fail(Kind::Failed, what, hint)?;
    let work = image::Build {
        context: folder.to_owned(),
        dockerfile: folder.join("Dockerfile"),
        tag: format!("migrate-wizard-worker:{tag}"),
        platform: Some(if arm { "linux/arm64" } else { "linux/amd64" }.to_owned()),
        build_args: Vec::new(),
    };
    image::build(tool, &work, reporter).await?;
    Ok(work.tag)
}

fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// A program for Linux and the processor of the task: ELF, and its machine (62 is x86-64, 183 is AArch64; ELF specification, `e_machine`).
fn check_machine(bytes: &[u8], arm: bool, path: &Path) -> Result<()> {
    let machine = match bytes {
        [0x7f, b'E', b'L', b'F', rest @ ..] => rest.get(14..16).and_then(|two| two.try_into().ok()).map(u16::from_le_bytes),
        _ => None,
    };
    if machine == Some(if arm { 183 } else { 62 }) {
        return Ok(());
    }
    let wanted = if arm { "Linux on ARM64" } else { "Linux on x86-64" };
    Err(Error::new(Kind::Input, format!("{} is not a program for {wanted}, which the task runs", path.display()))
        .hint(format!("download or build one and name it with {BINARY}, or name an image with --worker-image")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_for_the_tasks_processor_goes_into_the_image() {
        let mut elf = vec![0x7f, b'E', b'L', b'F'];
        elf.resize(18, 0);
        elf.extend([62, 0, 0]);
        let path = Path::new("mw");
        assert!(check_machine(&elf, false, path).is_ok());
        assert!(check_machine(&elf, true, path).unwrap_err().what.contains("not a program for Linux on ARM64"));
        assert!(check_machine(b"\xcf\xfa\xed\xfe", false, path).is_err());
        assert!(check_machine(b"\x7fELF", false, path).is_err());
    }
}
