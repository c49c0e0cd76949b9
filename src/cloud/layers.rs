//! An image into ECR without a container tool, through ECR's own layer API: only the layers that are not there, by part, resumable.
//! Never builds an image, and never speaks the registry protocol.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_ecr::primitives::Blob as Bytes;
use aws_sdk_ecr::types::LayerAvailability;
use serde::{Deserialize, Serialize};

use super::archive::{Archive, Blob};
use super::fault::{code, fault};
use super::registry;
use super::session::Aws;
use crate::error::{Context as _, Error, Kind, Result};
use crate::own_folder;
use crate::progress::{Figure, Progress, Reporter, Unit};
use crate::text;

/// The largest part that ECR takes, in bytes (ECR API reference of UploadLayerPart, 2026-11).
const PART: u64 = 20_971_520;
/// Digests of one question (ECR API reference of BatchCheckLayerAvailability, 2026-11).
const ASKED: usize = 100;
/// How often ECR may name another place to go on from, for one layer, before it is sent anew.
const PUT_RIGHT: u32 = 5;

/// What [`push`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// `sha256:…` of the image.
    pub digest: String,
    pub tag: String,
    pub layers_sent: usize,
    pub layers_there: usize,
    pub bytes_sent: u64,
    /// Sent by an earlier call that was interrupted.
    pub bytes_before: u64,
}

/// How far an upload is: a file of its own for each layer, so that another process goes on from there.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Mark {
    repository: String,
    region: String,
    upload: String,
    part: u64,
    next: u64,
}

/// Sends the image under `tag`. Twice equals once. `marks` is a folder where it is written down how far each layer is.
pub async fn push(aws: &Aws, repository: &str, tag: &str, archive: Archive, marks: &Path, reporter: &Reporter) -> Result<Pushed> {
    let archive = Arc::new(archive);
    let mut done = Pushed {
        digest: archive.digest.clone(),
        tag: tag.to_owned(),
        layers_sent: 0,
        layers_there: archive.blobs.len(),
        bytes_sent: 0,
        bytes_before: 0,
    };
    if registry::image_digest(aws, repository, tag).await?.as_deref() == Some(archive.digest.as_str()) {
        reporter.log(format!("{repository}:{tag} is there already: {}", archive.digest));
        return Ok(done);
    }
    let there = available(aws, repository, &archive.blobs).await?;
    let missing: Vec<&Blob> = archive.blobs.iter().filter(|blob| !there.contains(&blob.digest)).collect();
    done.layers_there = archive.blobs.len() - missing.len();
    let total: u64 = missing.iter().map(|blob| blob.bytes).sum();
    reporter.log(format!(
        "{} to send ({}), {} there already",
        text::plural(missing.len() as u64, "layer"),
        text::bytes(total),
        text::plural(done.layers_there as u64, "layer")
    ));
    let mut sending = Sending {
        aws,
        repository,
        marks,
        archive: archive.clone(),
        reporter,
        total,
        settled: 0,
        sent: 0,
        before: 0,
        began: Instant::now(),
    };
    for blob in missing {
        sending.blob(blob).await?;
        done.layers_sent += 1;
    }
    (done.bytes_sent, done.bytes_before) = (sending.sent, sending.before);
    put(aws, repository, tag, &archive).await?;
    Ok(done)
}

/// Digests that the repository has.
async fn available(aws: &Aws, repository: &str, blobs: &[Blob]) -> Result<BTreeSet<String>> {
    let mut there = BTreeSet::new();
    for some in blobs.chunks(ASKED) {
        let digests = some.iter().map(|blob| blob.digest.clone()).collect();
        let asked = aws.ecr().batch_check_layer_availability().repository_name(repository).set_layer_digests(Some(digests)).send().await;
        let answer = asked.map_err(|error| {
            no_repository(repository, code(&error) == "RepositoryNotFoundException", || fault("ecr:BatchCheckLayerAvailability", error))
        })?;
        let available = answer.layers().iter().filter(|layer| layer.layer_availability() == Some(&LayerAvailability::Available));
        there.extend(available.filter_map(|layer| layer.layer_digest()).map(str::to_owned));
    }
    Ok(there)
}

fn no_repository(repository: &str, missing: bool, other: impl FnOnce() -> Error) -> Error {
    if missing {
        return Error::new(Kind::Conflict, format!("there is no image repository {repository} in this account and region"))
            .hint("the wizard's step `repository` makes it; or name another with --repository");
    }
    other()
}

/// Names the image, now that all of it is there.
async fn put(aws: &Aws, repository: &str, tag: &str, archive: &Archive) -> Result<()> {
    let manifest =
        String::from_utf8(archive.manifest.clone()).or_fail(Kind::Input, "the image's manifest is no text", "make the archive again")?;
    let put = aws
        .ecr()
        .put_image()
        .repository_name(repository)
        .image_manifest(manifest)
        .image_manifest_media_type(&archive.media_type)
        .image_digest(&archive.digest)
        .image_tag(tag)
        .send()
        .await;
    match put {
        Ok(answer) => {
            let found = answer.image().and_then(|image| image.image_id()).and_then(|id| id.image_digest()).unwrap_or_default();
            if found != archive.digest {
                return Err(Error::new(Kind::Failed, format!("ECR calls the image {found}, and it is {}", archive.digest))
                    .hint("do not deploy it; run the same command again"));
            }
            Ok(())
        }
        Err(error) if code(&error) == "ImageAlreadyExistsException" => Ok(()),
        Err(error) if code(&error) == "ImageTagAlreadyExistsException" => {
            Err(Error::new(Kind::Conflict, format!("{repository} has another image under the tag {tag}, and its tags cannot be moved"))
                .hint("choose another tag with --tag"))
        }
        Err(error) => Err(fault("ecr:PutImage", error)),
    }
}

struct Sending<'a> {
    aws: &'a Aws,
    repository: &'a str,
    marks: &'a Path,
    archive: Arc<Archive>,
    reporter: &'a Reporter,
    total: u64,
    /// Bytes of the layers that are complete.
    settled: u64,
    /// Bytes that this call sent.
    sent: u64,
    /// Bytes that an earlier call had sent.
    before: u64,
    began: Instant,
}

impl Sending<'_> {
    async fn blob(&mut self, blob: &Blob) -> Result<()> {
        let (archive, checked) = (self.archive.clone(), blob.clone());
        blocking(move || archive.verify(&checked)).await?;
        let mark_file = self.marks.join(format!("{}.json", blob.digest.replace(':', "-")));
        let mut mark = match self.marked(&mark_file) {
            Some(mark) => {
                self.reporter.log(format!("goes on at {} of {}", text::bytes(mark.next), text::bytes(blob.bytes)));
                self.before += mark.next;
                mark
            }
            None => self.begin(&mark_file).await?,
        };
        let mut put_right = 0;
        loop {
            self.tell(blob, mark.next);
            if mark.next >= blob.bytes {
                match self.complete(blob, &mark).await? {
                    Completed::Yes => break,
                    Completed::Gone => {
                        put_right += 1;
                        mark = self.anew(&mark_file, put_right, blob).await?;
                        continue;
                    }
                }
            }
            match self.part(blob, &mark).await? {
                Part::Took(next) => {
                    self.sent += next - mark.next;
                    mark.next = next;
                }
                Part::GoOnAt(next) => {
                    put_right += 1;
                    if put_right > PUT_RIGHT {
                        return Err(stuck(blob));
                    }
                    mark.next = next;
                }
                Part::Gone => {
                    put_right += 1;
                    mark = self.anew(&mark_file, put_right, blob).await?;
                }
            }
            write(&mark_file, &mark)?;
        }
        // a mark that stays would only make a later call ask in vain
        let _ = std::fs::remove_file(&mark_file);
        self.settled += blob.bytes;
        Ok(())
    }

    /// What an earlier call wrote down, if it is of this repository.
    fn marked(&self, file: &Path) -> Option<Mark> {
        let mark: Mark = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        (mark.repository == self.repository && mark.region == self.aws.region() && mark.part > 0 && mark.part <= PART).then_some(mark)
    }

    async fn begin(&self, file: &Path) -> Result<Mark> {
        let began = self.aws.ecr().initiate_layer_upload().repository_name(self.repository).send().await;
        let began = began.map_err(|e| fault("ecr:InitiateLayerUpload", e))?;
        let upload = began.upload_id().ok_or_else(|| Error::bug("ECR began an upload and did not name it"))?.to_owned();
        let part = began.part_size().and_then(|size| u64::try_from(size).ok()).filter(|size| *size > 0).unwrap_or(PART).min(PART);
        let mark = Mark { repository: self.repository.to_owned(), region: self.aws.region().to_owned(), upload, part, next: 0 };
        write(file, &mark)?;
        Ok(mark)
    }

    async fn anew(&self, file: &Path, put_right: u32, blob: &Blob) -> Result<Mark> {
        if put_right > PUT_RIGHT {
            return Err(stuck(blob));
        }
        self.reporter.log("ECR no longer knows the upload: the layer is sent anew");
        self.begin(file).await
    }

    async fn part(&self, blob: &Blob, mark: &Mark) -> Result<Part> {
        let (archive, read, at) = (self.archive.clone(), blob.clone(), mark.next);
        let length = mark.part.min(blob.bytes - mark.next);
        let bytes = blocking(move || archive.read(&read, at, length)).await?;
        if bytes.len() as u64 != length {
            return Err(Error::new(Kind::Input, format!("the archive ends amid {}", blob.digest)).hint("make the archive again"));
        }
        let next = mark.next + length;
        let sent = self
            .aws
            .ecr()
            .upload_layer_part()
            .repository_name(self.repository)
            .upload_id(&mark.upload)
            .part_first_byte(signed(mark.next))
            .part_last_byte(signed(next - 1))
            .layer_part_blob(Bytes::new(bytes))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Part::Took(next)),
            Err(error) => {
                if let Some(aws_sdk_ecr::operation::upload_layer_part::UploadLayerPartError::InvalidLayerPartException(invalid)) =
                    error.as_service_error()
                {
                    // counted from zero; none yet is minus one or nothing
                    let last = invalid.last_valid_byte_received().unwrap_or(-1);
                    return Ok(Part::GoOnAt(u64::try_from(last + 1).unwrap_or_default().min(blob.bytes)));
                }
                if code(&error) == "UploadNotFoundException" {
                    return Ok(Part::Gone);
                }
                Err(fault("ecr:UploadLayerPart", error))
            }
        }
    }

    async fn complete(&self, blob: &Blob, mark: &Mark) -> Result<Completed> {
        let complete = self.aws.ecr().complete_layer_upload().repository_name(self.repository).upload_id(&mark.upload);
        match complete.layer_digests(&blob.digest).send().await {
            Ok(answer) => match answer.layer_digest() {
                Some(found) if found != blob.digest => {
                    Err(Error::new(Kind::Failed, format!("ECR received {found} instead of {}", blob.digest))
                        .hint("run the same command again: the layer is sent anew"))
                }
                Some(_) | None => Ok(Completed::Yes),
            },
            Err(error) => match code(&error) {
                "LayerAlreadyExistsException" => Ok(Completed::Yes),
                // what arrived is not what was sent, or nothing is left of it
                "InvalidLayerException" | "UploadNotFoundException" | "EmptyUploadException" => Ok(Completed::Gone),
                _ => Err(fault("ecr:CompleteLayerUpload", error)),
            },
        }
    }

    fn tell(&self, blob: &Blob, next: u64) {
        let done = (self.settled + next).min(self.total);
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.sent.saturating_mul(1000) / ms;
        let short = blob.digest.get(7..19).unwrap_or(&blob.digest);
        let mut progress = Progress::new(done, Some(self.total), Unit::Bytes, format!("{} {short}, {}/s", blob.what, text::bytes(rate)));
        progress.figures.push(Figure { name: "bytes_per_s".to_owned(), value: rate, unit: Unit::Bytes });
        progress.remaining_s = (self.total - done).checked_div(rate);
        self.reporter.report(progress);
    }
}

enum Part {
    /// It has all bytes before this one.
    Took(u64),
    /// It did not take it, and has all bytes before this one.
    GoOnAt(u64),
    /// The upload is not known any more.
    Gone,
}

enum Completed {
    Yes,
    Gone,
}

fn stuck(blob: &Blob) -> Error {
    Error::new(Kind::Failed, format!("ECR does not take {} {}", blob.what, blob.digest))
        .cause(format!("it was begun {PUT_RIGHT} times"))
        .hint("run the same command again in a minute; layers that are complete are not sent again")
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn write(file: &Path, mark: &Mark) -> Result<()> {
    let what = format!("cannot write {}", file.display());
    let hint = "check that the checkout's .migrate-wizard folder can be written to";
    if let Some(parent) = file.parent() {
        own_folder::make(parent).or_fail(Kind::Failed, &what, hint)?;
    }
    let text = serde_json::to_vec(mark).map_err(|e| Error::bug("how far an upload is cannot be written").because(&e))?;
    let new = file.with_extension("new");
    std::fs::write(&new, text).or_fail(Kind::Failed, &what, hint)?;
    std::fs::rename(&new, file).or_fail(Kind::Failed, &what, hint)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::bug(format!("reading the archive stopped by itself: {e}")))?
}
