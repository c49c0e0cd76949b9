//! The names in an archive and the bytes behind them: a folder, or a tar file read in place.
//! Knows nothing of images.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Context as _, Error, Kind, Result};

/// A manifest or configuration is smaller than this; a layer is never read as a whole.
const SMALL: u64 = 4 * 1024 * 1024;
/// Links followed from one name to another in old archives of Docker.
pub(super) const LINKS: usize = 8;

#[derive(Debug)]
pub(super) enum Store {
    Folder(PathBuf),
    /// Name → offset and length.
    Tar {
        file: PathBuf,
        entries: BTreeMap<String, (u64, u64)>,
        links: BTreeMap<String, String>,
    },
}

/// A folder for what is unpacked or packed here; goes away with this.
#[derive(Debug, Default)]
pub(super) struct Scratch(Option<PathBuf>);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // nothing can be told from here; it is in the temporary folder
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Scratch {
    pub(super) fn is_used(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn folder(&mut self) -> Result<&Path> {
        let folder = match self.0.take() {
            Some(folder) => folder,
            None => {
                let folder = std::env::temp_dir().join(format!("migrate-wizard-image-{}", uuid::Uuid::new_v4()));
                std::fs::create_dir_all(&folder).or_fail(
                    Kind::Failed,
                    format!("cannot make {}", folder.display()),
                    "check that the temporary folder (TMPDIR) can be written to",
                )?;
                folder
            }
        };
        Ok(self.0.insert(folder))
    }
}

/// A piece of a file as a file of its own.
pub(super) struct Window {
    file: File,
    start: u64,
    length: u64,
    at: u64,
}

impl Window {
    fn new(path: &Path, start: u64, length: u64) -> Result<Self> {
        let mut file = File::open(path).or_fail(Kind::Input, format!("cannot open {}", path.display()), "check the file's name")?;
        file.seek(SeekFrom::Start(start)).or_fail(Kind::Input, format!("cannot read {}", path.display()), "check that it is a file")?;
        Ok(Self { file, start, length, at: 0 })
    }

    pub(super) fn whole(path: &Path) -> Result<Self> {
        let length =
            std::fs::metadata(path).or_fail(Kind::Input, format!("cannot open {}", path.display()), "check the file's name")?.len();
        Self::new(path, 0, length)
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.at)).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read(into.get_mut(..left).unwrap_or_default())?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let SeekFrom::Start(to) = to else { return Err(std::io::ErrorKind::Unsupported.into()) };
        self.file.seek(SeekFrom::Start(self.start + to))?;
        self.at = to;
        Ok(to)
    }
}

impl Store {
    pub(super) fn open(path: &Path, scratch: &mut Scratch) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_owned()));
        }
        let what = format!("cannot read the archive {}", path.display());
        let hint = "name a tar file or a folder with --archive";
        let mut file = File::open(path).or_fail(Kind::Input, &what, hint)?;
        let mut magic = [0; 2];
        let read = file.read(&mut magic).or_fail(Kind::Input, &what, hint)?;
        file.rewind().or_fail(Kind::Input, &what, hint)?;
        let mut path = path.to_owned();
        if read == 2 && magic == [0x1f, 0x8b] {
            // a packed archive cannot be read from the middle
            let unpacked = scratch.folder()?.join("archive.tar");
            let mut to = File::create(&unpacked).or_fail(Kind::Failed, &what, "check that the temporary folder (TMPDIR) has room")?;
            std::io::copy(&mut flate2::read::MultiGzDecoder::new(file), &mut to).or_fail(
                Kind::Input,
                &what,
                "it is packed with gzip and cannot be unpacked: make it again",
            )?;
            path = unpacked;
            file = File::open(&path).or_fail(Kind::Input, &what, hint)?;
        }
        let (mut entries, mut links) = (BTreeMap::new(), BTreeMap::new());
        let mut tar = tar::Archive::new(file);
        for entry in tar.entries_with_seek().or_fail(Kind::Input, &what, hint)? {
            let entry = entry.or_fail(Kind::Input, &what, "it is no whole tar file: make it again")?;
            let name = entry.path().or_fail(Kind::Input, &what, hint)?.to_string_lossy().trim_start_matches("./").to_owned();
            if let Some(link) = entry.link_name().or_fail(Kind::Input, &what, hint)? {
                links.insert(name.clone(), joined(&name, &link.to_string_lossy(), entry.header().entry_type().is_symlink()));
            } else if entry.header().entry_type().is_file() {
                entries.insert(name, (entry.raw_file_position(), entry.size()));
            }
        }
        Ok(Self::Tar { file: path, entries, links })
    }

    /// The name behind links.
    fn real(&self, name: &str) -> String {
        let mut name = name.to_owned();
        if let Self::Tar { links, .. } = self {
            for _ in 0..LINKS {
                match links.get(&name) {
                    Some(next) => name.clone_from(next),
                    None => break,
                }
            }
        }
        name
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(folder) => folder.join(name).is_file(),
            Self::Tar { entries, .. } => entries.contains_key(&self.real(name)),
        }
    }

    pub(super) fn open_at(&self, name: &str) -> Result<Window> {
        let missing = || Error::new(Kind::Input, format!("the archive lacks {name}")).hint("make the archive again: it is not whole");
        match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                if path.is_file() { Window::whole(&path) } else { Err(missing()) }
            }
            Self::Tar { file, entries, .. } => {
                let (start, length) = entries.get(&self.real(name)).ok_or_else(missing)?;
                Window::new(file, *start, *length)
            }
        }
    }

    pub(super) fn small(&self, name: &str) -> Result<Vec<u8>> {
        let mut from = self.open_at(name)?;
        if from.length > SMALL {
            return Err(Error::new(Kind::Input, format!("{name} in the archive has {} bytes and is no manifest", from.length))
                .hint("make the archive again"));
        }
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).or_fail(Kind::Input, format!("cannot read {name} of the archive"), "make the archive again")?;
        Ok(bytes)
    }

    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        parsed(&self.small(name)?, name)
    }
}
pub(super) fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(bytes).or_fail(Kind::Input, format!("{name} in the archive cannot be read"), "make the archive again")
}

/// A link's target as a name of the archive.
fn joined(name: &str, target: &str, relative: bool) -> String {
    let mut parts: Vec<&str> = if relative { name.split('/').collect() } else { Vec::new() };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_names_of_the_archive() {
        assert_eq!(joined("a1/layer.tar", "../b2/layer.tar", true), "b2/layer.tar");
        assert_eq!(joined("x/y", "./b2/layer.tar", false), "b2/layer.tar");
        assert_eq!(joined("x/y", "../../../etc/passwd", true), "etc/passwd");
    }
}
