//! An image that was built elsewhere, as a file or folder: OCI archive, OCI layout, what `docker save` writes. Read in place, digests checked.
//! Never sends anything, and never holds a layer in memory.

mod store;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::store::{LINKS, Scratch, Store, Window, parsed};
use super::tags::hex;
use crate::error::{Context as _, Error, Kind, Result};

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// One image, ready to be sent.
#[derive(Debug)]
pub struct Archive {
    /// The manifest's own bytes: their digest is the image's.
    pub manifest: Vec<u8>,
    pub media_type: String,
    /// `sha256:…` of the manifest.
    pub digest: String,
    /// As Go names it: `linux/amd64`.
    pub platform: String,
    /// Configuration and layers, each once.
    pub blobs: Vec<Blob>,
    store: Store,
    /// Layers that were packed here, and an archive that was unpacked; goes away with this.
    scratch: Scratch,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub digest: String,
    pub bytes: u64,
    pub what: &'static str,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A name in the archive.
    Stored(String),
    /// A file of ours.
    Packed(PathBuf),
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    rootfs: RootFs,
}

#[derive(Deserialize, Default)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// Reads an archive or a folder; of several platforms it takes `platform` (`linux/amd64`), of one it takes what is there.
///
/// # Errors
/// `Input` if it is none of the three kinds, is damaged, or holds no image or several; `Conflict` if none is of that platform.
pub fn open(path: &Path, platform: &str) -> Result<Archive> {
    let mut scratch = Scratch::default();
    let store = Store::open(path, &mut scratch)?;
    let oci = store.has("index.json");
    let odd = |why: &str| {
        Error::new(Kind::Input, format!("{} is no image archive", path.display()))
            .cause(why)
            .hint("make one with `docker save IMAGE -o app.tar`, `podman save --format oci-archive`, `buildah push IMAGE oci-archive:app.tar` or `docker buildx build --output type=oci,dest=app.tar`")
    };
    if oci {
        let mut found = Vec::new();
        store.manifests(&store.json::<Index>("index.json")?, &mut found, 0)?;
        if !found.is_empty() {
            return store.oci(found, platform, scratch);
        }
    }
    if !store.has("manifest.json") {
        return Err(odd(if oci { "its index.json names no image" } else { "it has neither index.json nor manifest.json" }));
    }
    let mut saved: Vec<Saved> = store.json("manifest.json")?;
    match (saved.pop(), saved.len()) {
        (Some(one), 0) => store.docker(&one, scratch),
        (None, _) => Err(odd("its manifest.json names no image")),
        (Some(last), _) => {
            let names: Vec<String> = saved.iter().chain([&last]).map(|one| one.repo_tags.clone().unwrap_or_default().join(", ")).collect();
            Err(odd(&format!("it holds several images: {}; save one alone", names.join("; "))))
        }
    }
}

impl Archive {
    /// Bytes of a blob from `offset`, at most `length`.
    pub fn read(&self, blob: &Blob, offset: u64, length: u64) -> Result<Vec<u8>> {
        let what = format!("cannot read {} of the archive", blob.digest);
        let mut from = self.reader(blob)?;
        from.seek(SeekFrom::Start(offset)).or_fail(Kind::Input, &what, "check that the archive is whole, and has not changed")?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        from.take(length).read_to_end(&mut bytes).or_fail(Kind::Input, &what, "check that the archive is whole, and has not changed")?;
        Ok(bytes)
    }

    /// That a blob is what its digest says.
    pub fn verify(&self, blob: &Blob) -> Result<()> {
        let (found, bytes) = digest_of(&mut self.reader(blob)?, &blob.digest)?;
        if found == blob.digest && bytes == blob.bytes { Ok(()) } else { Err(damaged(&blob.digest, &found)) }
    }

    fn reader(&self, blob: &Blob) -> Result<Window> {
        match &blob.place {
            Place::Stored(name) => self.store.open_at(name),
            Place::Packed(file) => Window::whole(file),
        }
    }

    /// Where layers were packed; `None` if the archive is sent as it is.
    pub fn is_packed_here(&self) -> bool {
        self.scratch.is_used()
    }
}

fn damaged(wanted: &str, found: &str) -> Error {
    Error::new(Kind::Input, format!("the archive is damaged: what should be {wanted} is {found}"))
        .hint("make the archive again, or copy it again from where it was made")
}

fn digest_of(from: &mut impl Read, name: &str) -> Result<(String, u64)> {
    let mut hash = Sha256::new();
    let bytes = std::io::copy(from, &mut hash).or_fail(Kind::Input, format!("cannot read {name}"), "check that the archive is whole")?;
    Ok((format!("sha256:{}", hex(&hash.finalize())), bytes))
}

impl Store {
    /// All image manifests that an index leads to; attestations and signatures are none.
    fn manifests(&self, index: &Index, into: &mut Vec<Descriptor>, depth: usize) -> Result<()> {
        for one in &index.manifests {
            let is_attestation = one.annotations.contains_key("vnd.docker.reference.type");
            let name = blob_name(&one.digest)?;
            if is_attestation || !self.has(&name) {
                continue;
            }
            if one.media_type.contains("image.index") || one.media_type.contains("manifest.list") {
                if depth < LINKS {
                    self.manifests(&self.json(&name)?, into, depth + 1)?;
                }
            } else if !into.iter().any(|other| other.digest == one.digest) {
                into.push(one.clone());
            }
        }
        Ok(())
    }

    fn oci(self, found: Vec<Descriptor>, platform: &str, scratch: Scratch) -> Result<Archive> {
        let mut images = Vec::new();
        for one in found {
            let name = blob_name(&one.digest)?;
            let bytes = self.small(&name)?;
            let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
            if digest != one.digest || bytes.len() as u64 != one.size {
                return Err(damaged(&one.digest, &digest));
            }
            let manifest: Manifest = parsed(&bytes, &name)?;
            let config: Config = self.json(&blob_name(&manifest.config.digest)?)?;
            if !config.os.is_empty() && config.os != "unknown" {
                images.push((bytes, one, manifest, format!("{}/{}", config.os, config.architecture)));
            }
        }
        let have = images.iter().map(|image| image.3.clone()).collect::<Vec<_>>();
        let at = if images.len() == 1 { Some(0) } else { have.iter().position(|one| one == platform) };
        let same = have.iter().filter(|one| *one == platform).count();
        if images.len() > 1 && same > 1 {
            return Err(Error::new(Kind::Input, format!("the archive holds {same} images for {platform}")).hint("save one alone"));
        }
        let Some((bytes, one, manifest, platform)) = at.map(|at| images.swap_remove(at)) else {
            return Err(Error::new(Kind::Conflict, format!("the archive holds no image for {platform}"))
                .cause(format!("it holds {}", if have.is_empty() { "none at all".to_owned() } else { have.join(", ") }))
                .hint("build it with --platform for the task's CPU architecture"));
        };
        let mut blobs = Vec::new();
        for (what, part) in manifest.layers.iter().map(|layer| ("layer", layer)).chain([("configuration", &manifest.config)]) {
            let name = blob_name(&part.digest)?;
            if !self.has(&name) {
                return Err(Error::new(Kind::Input, format!("the archive lacks the {what} {}", part.digest))
                    .hint("make the archive again with all its layers"));
            }
            push_once(&mut blobs, Blob { digest: part.digest.clone(), bytes: part.size, what, place: Place::Stored(name) });
        }
        let media_type =
            [manifest.media_type, one.media_type].into_iter().find(|t| !t.is_empty()).unwrap_or_else(|| OCI_MANIFEST.to_owned());
        Ok(Archive { manifest: bytes, media_type, digest: one.digest, platform, blobs, store: self, scratch })
    }

    /// What `docker save` wrote before it wrote OCI layouts too: layers are packed here, and the manifest is made of them.
    fn docker(self, saved: &Saved, mut scratch: Scratch) -> Result<Archive> {
        let config_bytes = self.small(&saved.config)?;
        let config: Config = parsed(&config_bytes, &saved.config)?;
        if config.rootfs.diff_ids.len() != saved.layers.len() {
            return Err(Error::new(
                Kind::Input,
                format!("the archive has {} layers and its configuration names {}", saved.layers.len(), config.rootfs.diff_ids.len()),
            )
            .hint("make the archive again"));
        }
        let (mut blobs, mut layers) = (Vec::new(), Vec::new());
        for (name, diff_id) in saved.layers.iter().zip(&config.rootfs.diff_ids) {
            let blob = self.layer(name, diff_id, &mut scratch)?;
            layers.push(serde_json::json!({ "mediaType": DOCKER_LAYER, "size": blob.bytes, "digest": blob.digest }));
            push_once(&mut blobs, blob);
        }
        let digest = format!("sha256:{}", hex(&Sha256::digest(&config_bytes)));
        let bytes = config_bytes.len() as u64;
        push_once(&mut blobs, Blob { digest: digest.clone(), bytes, what: "configuration", place: Place::Stored(saved.config.clone()) });
        let manifest = serde_json::to_vec(&serde_json::json!({
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": { "mediaType": DOCKER_CONFIG, "size": bytes, "digest": digest },
            "layers": layers,
        }))
        .map_err(|e| Error::bug("a manifest cannot be written").because(&e))?;
        Ok(Archive {
            digest: format!("sha256:{}", hex(&Sha256::digest(&manifest))),
            manifest,
            media_type: DOCKER_MANIFEST.to_owned(),
            platform: format!("{}/{}", config.os, config.architecture),
            blobs,
            store: self,
            scratch,
        })
    }

    /// A layer of `docker save`, checked against what the configuration says is in it.
    fn layer(&self, name: &str, diff_id: &str, scratch: &mut Scratch) -> Result<Blob> {
        let what = format!("cannot pack the layer {name}");
        let room = "check that the temporary folder (TMPDIR) has room";
        let mut from = self.open_at(name)?;
        let mut magic = Vec::new();
        from.by_ref().take(2).read_to_end(&mut magic).or_fail(Kind::Input, &what, "make the archive again")?;
        from.seek(SeekFrom::Start(0)).or_fail(Kind::Input, &what, "make the archive again")?;
        if magic == [0x1f, 0x8b] {
            let (unpacked, _) = digest_of(&mut flate2::read::MultiGzDecoder::new(&mut from), name)?;
            if unpacked != diff_id {
                return Err(damaged(diff_id, &unpacked));
            }
            let (digest, bytes) = digest_of(&mut self.open_at(name)?, name)?;
            return Ok(Blob { digest, bytes, what: "layer", place: Place::Stored(name.to_owned()) });
        }
        let path = scratch.folder()?.join(diff_id.replace(':', "-"));
        // packed by the same library in the same way: the same layer has the same digest, and is not sent twice
        let packed = Hashing { to: File::create(&path).or_fail(Kind::Failed, &what, room)?, hash: Sha256::new(), bytes: 0 };
        let mut gzip = flate2::GzBuilder::new().mtime(0).write(packed, flate2::Compression::default());
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let read = from.read(&mut buffer).or_fail(Kind::Input, &what, "make the archive again")?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            gzip.write_all(part).or_fail(Kind::Failed, &what, room)?;
        }
        let packed = gzip.finish().or_fail(Kind::Failed, &what, room)?;
        let unpacked = format!("sha256:{}", hex(&hash.finalize()));
        if unpacked != diff_id {
            return Err(damaged(diff_id, &unpacked));
        }
        let digest = format!("sha256:{}", hex(&packed.hash.finalize()));
        Ok(Blob { digest, bytes: packed.bytes, what: "layer", place: Place::Packed(path) })
    }
}

struct Hashing {
    to: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn push_once(blobs: &mut Vec<Blob>, blob: Blob) {
    if !blobs.iter().any(|other| other.digest == blob.digest) {
        blobs.push(blob);
    }
}

/// `sha256:ab…` → `blobs/sha256/ab…`; nothing else is let into a path.
fn blob_name(digest: &str) -> Result<String> {
    match digest.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(format!("blobs/sha256/{hex}")),
        Some(_) | None => {
            Err(Error::new(Kind::Input, format!("the archive names `{digest}`, which is no sha256 digest")).hint("make the archive again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_stays_inside_the_archive() {
        assert!(blob_name("sha256:../../etc/passwd").is_err());
        assert!(blob_name(&format!("sha256:{}", "a".repeat(64))).is_ok());
    }
}
