//! `image`: builds a service's image with docker, podman, buildah or nerdctl and pushes it to its repository.
//! Only hands the pieces to `cloud::image`; where no builder is there it gives a checklist in its error.

use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use crate::app;
use crate::cloud::{image, registry};
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::text;
use crate::wizard::effect::{Apply, Context, Description, Need, Outputs, Probe, Touch, from_fields, one_of};
use crate::wizard::view::{PreviewLine, Sign};

/// Entries of the build context that are named.
const SHOWN: usize = 12;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    repository: String,
    tag: String,
    /// Of the app's folder; empty is its root.
    #[serde(default)]
    context: String,
    /// Below the run's folder, as `files` wrote it.
    dockerfile: String,
    /// `x86_64` or `arm64`, as the task runs.
    architecture: String,
}

pub fn build(fields: Value) -> Result<Box<dyn Apply<World>>> {
    if fields.get("program").is_some() {
        return super::worker_image::build(fields);
    }
    let image = from_fields::<Image>("image", fields)?;
    one_of("image", "architecture", &image.architecture, &["x86_64", "arm64"])?;
    Ok(Box::new(image))
}

impl Image {
    fn platform(&self) -> &'static str {
        if self.architecture == "arm64" { "linux/arm64" } else { "linux/amd64" }
    }

    /// With the commit of the app's checkout before it, if it has one.
    fn tag(&self, world: &World) -> String {
        tag(&world.app_dir, &self.tag)
    }

    fn outputs(&self, registry: &str, tag: &str, digest: &str) -> Outputs {
        Outputs::from([
            // a tag can be moved: what runs is named by its digest
            ("uri".into(), json!(format!("{registry}/{}@{digest}", self.repository))),
            ("tag".into(), json!(tag)),
            ("digest".into(), json!(digest)),
        ])
    }

    async fn found(&self, world: &World) -> Result<Option<Outputs>> {
        let aws = world.aws().await?;
        let tag = self.tag(world);
        let Some(digest) = registry::image_digest(aws, &self.repository, &tag).await? else { return Ok(None) };
        let uri = registry::describe(aws, &self.repository).await?.map(|r| r.uri).unwrap_or_default();
        let host = uri.split('/').next().unwrap_or_default().to_owned();
        Ok(Some(self.outputs(&host, &tag, &digest)))
    }
}

/// A tag that says what is in the image: the commit of the checkout, if it has one, and `run`.
pub fn tag(app: &Path, run: &str) -> String {
    app::context::commit(app).map_or_else(|| run.to_owned(), |commit| format!("{commit}-{run}"))
}

/// Builds the image of a folder under a local tag: only what the ignore files leave in, never a secret, and for that platform.
pub async fn make(tool: &image::Tool, folder: &Path, dockerfile: &Path, local: &str, platform: &str, reporter: &Reporter) -> Result<()> {
    let context = app::context::gather(folder)?;
    for secret in &context.secrets {
        reporter.log(format!("left out: {} ({})", secret.path, secret.why));
    }
    for (name, files, bytes) in context.by_entry().iter().take(SHOWN) {
        reporter.log(format!("in: {name} {} {}", text::plural(*files as u64, "file"), text::bytes(*bytes)));
    }
    let all = text::plural(context.files.len() as u64, "file");
    let by = context.ignore_file.as_deref().map_or("no ignore file".to_owned(), |name| format!("after {name}"));
    reporter.log(format!("build context: {all}, {} ({by})", text::bytes(context.bytes())));
    let staged = app::context::Staged::of(context).await?;
    let work = image::Build {
        context: staged.path().to_owned(),
        dockerfile: dockerfile.to_owned(),
        tag: local.to_owned(),
        platform: Some(platform.to_owned()),
        build_args: Vec::new(),
    };
    image::build(tool, &work, reporter).await?;
    image::check_platform(&image::platform(tool, local).await?, platform)
}

#[async_trait]
impl Apply<World> for Image {
    fn describe(&self) -> Description {
        Description::new(
            format!("build the image {}:{} for {} and push it", self.repository, self.tag, self.platform()),
            format!(
                "docker build --platform {} -f {} -t {}:{} . && docker push …",
                self.platform(),
                self.dockerfile,
                self.repository,
                self.tag
            ),
        )
    }

    fn touch(&self) -> Touch {
        Touch::Writes
    }

    fn needs(&self) -> Need {
        Need::Builder
    }

    async fn preview(&self, world: &World) -> Result<Vec<PreviewLine>> {
        let tool = image::find_tool().await.map_or("no builder is there".to_owned(), |t| format!("with {}", t.path.display()));
        let there = self.found(world).await?.is_some();
        Ok(vec![
            PreviewLine::new(if there { Sign::Same } else { Sign::Add }, format!("{}:{}", self.repository, self.tag(world))),
            PreviewLine::new(Sign::Note, tool),
        ])
    }

    async fn probe(&self, world: &World) -> Result<Probe> {
        Ok(self.found(world).await?.map_or(Probe::Absent, Probe::Present))
    }

    async fn apply(&self, world: &World, cx: &Context) -> Result<Outputs> {
        if let Some(found) = self.found(world).await? {
            cx.reporter.log("the image is there already");
            return Ok(found);
        }
        let tag = self.tag(world);
        // First of all: who may not push need not build.
        let aws = world.aws().await?;
        let login = registry::login(aws).await?;
        let Some(tool) = image::find_tool().await else {
            return Err(Error::new(Kind::Conflict, "neither docker, podman, buildah nor nerdctl is at hand to build the image").hint(format!(
                "install one of them (apt-get install buildah, or Docker Desktop); or build it elsewhere and send it with `migrate-wizard image push --archive FILE --repository {} --tag {tag}`; or choose CI/CD = codepipeline so that AWS builds it; then try again",
                self.repository
            )));
        };
        let local = format!("{}:{tag}", self.repository);
        let (folder, dockerfile) = (world.app_dir.join(&self.context), world.run_dir.join(&self.dockerfile));
        make(&tool, &folder, &dockerfile, &local, self.platform(), &cx.reporter).await?;
        image::push(&tool, &local, &login.reference(&self.repository, &tag), &login, login.plain_http, &cx.reporter).await?;
        self.found(world).await?.ok_or_else(|| {
            Error::new(Kind::Failed, format!("{local} was pushed and ECR does not show it"))
                .hint("try again to look again; the push itself is not repeated when it is there")
        })
    }

    async fn undo(&self, _world: &World, cx: &Context, _outputs: &Outputs) -> Result<()> {
        cx.reporter.log("the image goes with its repository");
        Ok(())
    }

    fn example(&self) -> Outputs {
        self.outputs("000000000000.dkr.ecr.us-east-1.amazonaws.com", &self.tag, "sha256:0000")
    }
}
