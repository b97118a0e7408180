//! Whisper's models on disk: which there are, fetching one so that only a whole and checked file takes its place, and
//! removing it.
//!
//! A download goes into `NAME.part`, is taken up where it broke off, and is renamed when its checksum and its inside are
//! right. Checksums (SHA-1) are those that whisper.cpp publishes with its models; for others the server's own count.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha1::Sha1;
use sha2::{Digest, Sha256};
use url::Url;

use super::whisper::ggml;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::figures::hex;
use crate::kernel::files;
use crate::kernel::http::{self, HeaderMap, Http, Response, header};

/// A model that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its name: `base.en`.
    pub name: &'static str,
    /// About how large it is, MiB.
    pub mib: u64,
    /// Its SHA-1 in hex.
    pub sha1: &'static str,
}

const fn known(name: &'static str, mib: u64, sha1: &'static str) -> Known {
    Known { name, mib, sha1 }
}

/// The models of whisper.cpp's own list (models/README.md), the smallest first.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    known("tiny", 75, "bd577a113a864445d4c299885e0cb97d4ba92b5f"),
    known("tiny.en", 75, "c78c86eb1a8faa21b369bcd33207cc90d64ae9df"),
    known("base", 142, "465707469ff3a37a2b9b8d8f89f2f99de7299dac"),
    known("base.en", 142, "137c40403d78fd54d454da0f9bd998f78703390c"),
    known("small", 466, "55356645c2b361a969dfd0ef2c5a50d530afd8d5"),
    known("small.en", 466, "db8a495a91d927739e50b3fc1cc4c6b8f6c2d022"),
    known("large-v3-turbo-q5_0", 547, "e050f7970618a659205450ad97eb95a18d69c9ee"),
    known("large-v2-q5_0", 1_080, "00e39f2196344e901b3a2bd5814807a769bd1630"),
    known("large-v3-q5_0", 1_080, "e6e2ed78495d403bef4b7cff42ef4aaadcfea8de"),
    known("medium", 1_530, "fd9727b6e1217c2f614f9b698455c4ffd82463b4"),
    known("medium.en", 1_530, "8c30f0e44ce9560643ebd10bbe50cd20eafd3723"),
    known("large-v3-turbo", 1_620, "4af2b29d7ec73d781377bfd1758ca957a807e941"),
    known("large-v1", 2_950, "b1caaf735c4cc1429223d5a74f0f4d0b9b59a299"),
    known("large-v2", 2_950, "0f4c8e34f21cf1a914c59d8b3ce882345ad349d6"),
    known("large-v3", 2_950, "ad82bf6a9043ceed055076d0fd39f5f186ff8062"),
];

/// A model on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
}

/// The folder of models.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// Where.
    pub folder: PathBuf,
}

/// How a download gets on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there.
    pub done: u64,
    /// Bytes in all, where the server says so.
    pub total: Option<u64>,
}

impl Shelf {
    /// The models that are there, by name.
    pub fn held(&self) -> Vec<Held> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<Held> = entries
            .filter_map(|entry| {
                let file = entry.file_name();
                let name = file.to_str()?.strip_prefix("ggml-")?.strip_suffix(".bin")?.to_string();
                let bytes = entry.metadata().ok().filter(fs::Metadata::is_file)?.len();
                Some(Held { name, path: entry.path(), bytes })
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The file of a model by its name.
    ///
    /// # Errors
    /// `Usage` for what cannot be a name.
    pub fn path(&self, name: &str) -> Result<PathBuf> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(fits) || name.len() > 100 {
            return Err(Error::new(Kind::Usage, format!("`{name}` is no name of a model"))
                .hint("`fac voice models ls` lists those that are known"));
        }
        Ok(self.folder.join(format!("ggml-{name}.bin")))
    }

    /// The model of this name that is there, or the best there is when none is named.
    ///
    /// # Errors
    /// `Missing` when there is none.
    pub fn find(&self, name: Option<&str>) -> Result<PathBuf> {
        if let Some(name) = name {
            let path = self.path(name)?;
            return if path.is_file() { Ok(path) } else { Err(no_model(name)) };
        }
        // The largest is the best that the person wanted to have.
        let best = self.held().into_iter().max_by_key(|held| held.bytes);
        best.map(|held| held.path).ok_or_else(|| no_model("base"))
    }

    /// Removes a model, and what is left of a download of it.
    ///
    /// # Errors
    /// `NotFound` when neither is there.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let gone = [path.clone(), part(&path), tag(&path)].map(|file| fs::remove_file(file).is_ok());
        if !gone.contains(&true) {
            return Err(Error::new(Kind::NotFound, format!("there is no model {name} here"))
                .hint("`fac voice models ls` lists those that are"));
        }
        Ok(())
    }

    /// Fetches a model from `base` into its place and tells how it gets on. `look_inside`: whether it has to be a whole
    /// model.
    ///
    /// # Errors
    /// `Unreachable`, `NotFound` when the server has none, `BadData` when what came is damaged: nothing takes its place then.
    pub async fn pull(
        &self,
        http: &Http,
        base: &str,
        name: &str,
        empty: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<PathBuf> {
        let path = self.path(name)?;
        files::ensure_private_dir(&self.folder)?;
        let slash = if base.ends_with('/') { "" } else { "/" };
        let url = Url::parse(&format!("{base}{slash}ggml-{name}.bin")).ok().filter(http::is_safe).ok_or_else(|| {
            Error::new(Kind::BadData, format!("models cannot be fetched from {base}"))
                .hint("voice.models_url has to begin with https://")
        })?;
        let sums = self.download(http, url, &path, progress).await?;
        self.accept(&path, name, &sums, empty)?;
        Ok(path)
    }

    /// Brings the bytes into the part file; gives what the server says they hash to.
    async fn download(
        &self,
        http: &Http,
        url: Url,
        path: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<String>> {
        let (part, tag) = (part(path), tag(path));
        let mut have = fs::metadata(&part).map_or(0, |meta| meta.len());
        let known = fs::read_to_string(&tag).ok().filter(|_| have > 0);
        if known.is_none() {
            have = 0;
        }
        let (mut response, sum) = follow(http, url.clone(), have, known.as_deref()).await?;
        // The file changed, or the rest of it begins elsewhere.
        if have > 0 && response.status() != 206 {
            if response.status() == 416 {
                response = follow(http, url, 0, None).await?.0;
            }
            have = 0;
        }
        let name = || part.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match response.status() {
            200 | 206 => {}
            404 => {
                return Err(Error::new(Kind::NotFound, format!("the server has no {}", name().replace(".part", "")))
                    .hint("`fac voice models ls` lists the models that are known"));
            }
            other => return Err(Error::new(Kind::Unreachable, format!("the server of models answered {other}"))),
        }
        let total = response.header("content-length").and_then(|n| n.parse::<u64>().ok()).map(|rest| rest + have);
        if let Some(etag) = response.header("etag") {
            files::write_atomic(&tag, etag.as_bytes(), true)?;
        }
        let failed = || format!("cannot write {}", part.display());
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(have > 0)
            .truncate(have == 0)
            .mode(0o600)
            .open(&part)
            .context(Kind::Failed, failed)?;
        let mut done = have;
        progress(Progress { done, total });
        while let Some(bytes) = response.chunk().await? {
            file.write_all(&bytes).context(Kind::Failed, failed)?;
            done += bytes.len() as u64;
            progress(Progress { done, total });
        }
        file.sync_all().context(Kind::Failed, failed)?;
        if let Some(total) = total.filter(|total| *total != done) {
            return Err(Error::new(Kind::Unreachable, format!("the download broke off after {done} of {total} bytes"))
                .hint("the same command goes on from there"));
        }
        Ok(sum)
    }

    /// Checks the part file and gives it its name.
    fn accept(&self, path: &Path, name: &str, sum: &Option<String>, empty: bool) -> Result<()> {
        let part = part(path);
        let wanted = KNOWN.iter().find(|known| known.name == name).map(|known| known.sha1.to_string()).or(sum.clone());
        let refuse = |error: Error| {
            // It would never become right by going on.
            let _ = fs::remove_file(&part);
            Err(error)
        };
        if let Some(wanted) = wanted {
            let found = if wanted.len() == 40 { hash::<Sha1>(&part)? } else { hash::<Sha256>(&part)? };
            if found != wanted {
                return refuse(
                    Error::new(Kind::BadData, format!("what came for {name} has the checksum {found}, not {wanted}"))
                        .hint("it was thrown away; try again, and look at voice.models_url"),
                );
            }
        }
        if let Err(error) = ggml::check(&part, empty) {
            return refuse(error.hint("it was thrown away; look at voice.models_url"));
        }
        fs::rename(&part, path).context(Kind::Failed, || format!("cannot write {}", path.display()))?;
        let _ = fs::remove_file(tag(path));
        Ok(())
    }
}

/// Sends a GET and follows redirects, never to a place that is not encrypted. Gives the answer, and the SHA-256 that a
/// server says on the way (`x-linked-etag`).
async fn follow(http: &Http, mut url: Url, have: u64, tag: Option<&str>) -> Result<(Response, Option<String>)> {
    let mut sum = None;
    for _ in 0..6 {
        let mut headers = HeaderMap::new();
        // Compressed answers have other lengths.
        headers.insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
        let value = |text: &str| header::HeaderValue::from_str(text).ok();
        if let (true, Some(tag)) = (have > 0, tag.and_then(value)) {
            headers.insert(header::IF_RANGE, tag);
            headers.extend(value(&format!("bytes={have}-")).map(|range| (header::RANGE, range)));
        }
        let response = http.get(&url, headers).await?;
        for name in ["x-linked-etag", "etag"] {
            let said = response.header(name).map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_string());
            let is_sum = |s: &String| s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit());
            sum = sum.or(said.filter(is_sum));
        }
        if !matches!(response.status(), 301 | 302 | 303 | 307 | 308) {
            return Ok((response, sum));
        }
        let next = response.header("location").and_then(|to| url.join(to).ok()).filter(http::is_safe);
        url =
            next.ok_or_else(|| Error::new(Kind::Refused, "the server of models points to a place that is not safe"))?;
    }
    Err(Error::new(Kind::Unreachable, "the server of models sends from one place to the next without end"))
}

fn part(path: &Path) -> PathBuf {
    path.with_extension("bin.part")
}

fn tag(path: &Path) -> PathBuf {
    path.with_extension("bin.part.etag")
}

/// The hash of a file in hex.
fn hash<D: Digest>(path: &Path) -> Result<String> {
    let failed = || format!("cannot read {}", path.display());
    let mut file = File::open(path).context(Kind::Failed, failed)?;
    let (mut digest, mut buffer) = (D::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).context(Kind::Failed, failed)? {
            0 => return Ok(hex(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

fn no_model(name: &str) -> Error {
    Error::new(Kind::Missing, "there is no Whisper model on this machine")
        .hint(format!("`fac voice models pull {name}` fetches one; `fac voice models ls` lists them with their sizes"))
}
