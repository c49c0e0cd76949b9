//! `image build` and `image push`: one call each of what the wizard's `image` effect does.
//! No domain knowledge here: arguments in, words or JSON out.

use serde_json::json;

use super::data::{interrupted, unless_interrupted};
use super::telling::{out_event, reporter};
use super::workload::{Image, Newest};
use super::{out, out_json};
use crate::app::context;
use crate::cli::{ImageBuildArgs, ImagePushArgs, RunArgs};
use crate::cloud::{Access, Aws, archive, image, layers, registry};
use crate::effects;
use crate::error::{Error, Kind, Result};
use crate::progress::Reporter;
use crate::text;

/// Entries of the build context that are named in words.
const SHOWN: usize = 20;

async fn tool() -> Result<image::Tool> {
    image::find_tool().await.ok_or_else(|| {
        Error::new(Kind::Conflict, "neither docker, podman, buildah nor nerdctl works on this machine")
            .hint("install one (apt-get install buildah, or Docker Desktop), or build elsewhere and send the archive: migrate-wizard image push --archive FILE")
    })
}

fn local(image: &Image) -> String {
    format!("{}:{}", image.repository, image.tag)
}

pub async fn build(args: &RunArgs, what: &ImageBuildArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let image = newest.image(args, &what.name)?;
    let dockerfile = newest.dockerfile(args, what.dockerfile.as_ref())?;
    if args.dry_run {
        return would_build(args, &image, &dockerfile).await;
    }
    let tool = tool().await?;
    let teller = reporter(args);
    let made = unless_interrupted(effects::make_image(&tool, &args.dir, &dockerfile, &local(&image), &image.platform, &teller)).await;
    drop(teller);
    if made?.is_none() {
        return interrupted();
    }
    if args.json {
        out_event("report", &json!({ "image": local(&image), "platform": image.platform, "tool": tool.kind }))?;
    } else {
        out(format!("{} for {}, with {}. Next: migrate-wizard image push", local(&image), image.platform, tool.kind.name()));
    }
    Ok(0)
}

/// What would go in; nothing is built.
async fn would_build(args: &RunArgs, image: &Image, dockerfile: &std::path::Path) -> Result<u8> {
    let found = context::gather(&args.dir)?;
    let tool = image::find_tool().await;
    if args.json {
        let value = json!({ "image": local(image), "platform": image.platform, "dockerfile": dockerfile, "tool": tool, "bytes": found.bytes(), "context": found });
        return out_json(&value).map(|()| 0);
    }
    let by = found.ignore_file.as_deref().map_or("no ignore file".to_owned(), |name| format!("after {name}"));
    out(format!("{}, {} ({by})", text::plural(found.files.len() as u64, "file"), text::bytes(found.bytes())));
    let entries = found.by_entry();
    for (name, files, bytes) in entries.iter().take(SHOWN) {
        out(format!("  {name:<40} {:>12}  {}", text::bytes(*bytes), text::plural(*files as u64, "file")));
    }
    if entries.len() > SHOWN {
        out(format!("  and {} more", entries.len() - SHOWN));
    }
    for secret in &found.secrets {
        out(format!("! left out: {} ({})", secret.path, secret.why));
    }
    let with = tool.map_or("nothing: no container tool works here".to_owned(), |tool| tool.path.display().to_string());
    out(format!("{} for {} from {} would be built with {with}. Nothing was built.", local(image), image.platform, dockerfile.display()));
    Ok(0)
}

pub async fn push(args: &RunArgs, what: &ImagePushArgs) -> Result<u8> {
    let newest = Newest::read(args)?;
    let image = newest.image(args, &what.name)?;
    let aws = newest.aws(args, Access::ReadWrite).await?;
    let teller = reporter(args);
    let sent = async {
        match &what.archive {
            Some(path) => {
                let (path, platform) = (path.clone(), image.platform.clone());
                let read = tokio::task::spawn_blocking(move || archive::open(&path, &platform)).await;
                let read = read.map_err(|e| Error::bug(format!("reading the archive stopped by itself: {e}")))??;
                image::check_platform(&read.platform, &image.platform)?;
                if args.dry_run {
                    return Ok(
                        json!({ "digest": read.digest, "platform": read.platform, "media_type": read.media_type, "layers": read.blobs.len(), "bytes": read.blobs.iter().map(|b| b.bytes).sum::<u64>() }),
                    );
                }
                let marks = args.dir.join(crate::runs::FOLDER).join("uploads");
                let pushed = layers::push(&aws, &image.repository, &image.tag, read, &marks, &teller).await?;
                serde_json::to_value(&pushed).map_err(|e| Error::bug("a result cannot be written as JSON").because(&e))
            }
            None => built_here(&aws, &image, args.dry_run, &teller).await,
        }
    };
    let sent = unless_interrupted(sent).await;
    drop(teller);
    let Some(mut sent) = sent? else { return interrupted() };
    let uri = registry::describe(&aws, &image.repository).await?.map(|found| found.uri);
    let text_of = |key: &str| sent.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let named = format!("{}@{}", uri.as_deref().unwrap_or(&image.repository), text_of("digest"));
    if args.json {
        if let Some(fields) = sent.as_object_mut() {
            fields.insert("image".into(), json!(named));
            fields.insert("repository".into(), json!(image.repository));
        }
        out_event("report", &sent)?;
    } else if args.dry_run {
        out(format!("would push {named} as {}: {sent}. Nothing was sent.", local(&image)));
    } else {
        let number = |key: &str| sent.get(key).and_then(serde_json::Value::as_u64);
        if let (Some(layers), Some(there), Some(bytes)) = (number("layers_sent"), number("layers_there"), number("bytes_sent")) {
            let layers = text::plural(layers, "layer");
            out(format!("{layers} sent ({}), {} there before", text::bytes(bytes), text::plural(there, "layer")));
        }
        out(format!("{named}\nNext: migrate-wizard service deploy --image {named}"));
    }
    Ok(0)
}

/// Pushes what `image build` made, through the tool that made it.
async fn built_here(aws: &Aws, image: &Image, dry: bool, teller: &Reporter) -> Result<serde_json::Value> {
    let tool = tool().await?;
    let local = local(image);
    image::check_platform(&image::platform(&tool, &local).await?, &image.platform)?;
    if dry {
        return Ok(json!({ "tag": image.tag, "tool": tool.kind }));
    }
    let login = registry::login(aws).await?;
    image::push(&tool, &local, &login.reference(&image.repository, &image.tag), &login, login.plain_http, teller).await?;
    let digest = registry::image_digest(aws, &image.repository, &image.tag).await?.ok_or_else(|| {
        Error::new(Kind::Failed, format!("{local} was pushed and ECR does not show it")).hint("run the same command again to look again")
    })?;
    Ok(json!({ "digest": digest, "tag": image.tag, "tool": tool.kind }))
}
