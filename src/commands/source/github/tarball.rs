//! Many files at once: GitHub's archive of a commit, read as it arrives.
//!
//! Files are recognised by their content, never by their name: what has the SHA of a missing blob is that blob. So
//! hostile names, renamed roots and attributes that leave files out or change them need no special care; what the
//! archive lacks is fetched one by one afterwards.
//!
//! The archive lies on another host (codeload), reached by a link that carries its own short-lived permission; our
//! token is never sent there.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};

use flate2::read::GzDecoder;
use tokio::sync::mpsc;
use url::Url;

use super::blobs::{Blobs, blob_sha};
use super::client::{Ask, Session, rest};
use super::spec::{self, Spec};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::{self, HeaderMap, Response};

/// No more is downloaded of an archive, in bytes.
const LARGEST_DOWNLOAD: u64 = 1 << 30;
/// No more is unpacked of an archive, in bytes: some thousand times less than a bomb unpacks to.
const LARGEST_ARCHIVE: u64 = 8 << 30;
/// So many links in a row are followed from the API to the archive.
const LONGEST_CHAIN: usize = 4;

/// Puts the blobs of `missing` (SHA to size) that the archive of `commit` holds into `blobs`, and takes them out of
/// `missing`. `progress` is told the bytes downloaded so far.
///
/// # Errors
/// `Unreachable` when the archive cannot be had or breaks off for good, `Refused` when its link is unsafe, and what
/// the blob store returns.
pub(super) async fn fetch(
    session: &Session<'_>,
    spec: &Spec,
    commit: &str,
    missing: &mut HashMap<String, u64>,
    blobs: &dyn Blobs,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<()> {
    let options = &session.github.options;
    let mut pause = options.pause;
    for left in (0..options.tries.max(1)).rev() {
        let link = link(session, spec, commit).await?;
        let tried = match follow(session, spec, link).await {
            Ok(answer) => read(answer, missing, blobs, progress).await,
            Err(error) => Err(error),
        };
        match tried {
            // A broken-off answer may be whole the next time; what it brought so far is kept.
            Err(error) if error.kind() == Kind::Unreachable && left > 0 => rest(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    Ok(())
}

/// Asks for the archive's address.
async fn link(session: &Session<'_>, spec: &Spec, commit: &str) -> Result<Url> {
    let route = format!("/repos/{}/{}/tarball/{commit}", spec::encode(&spec.owner), spec::encode(&spec.repo));
    let answer = session.get(&Ask::new(&route)).await?;
    match answer.location() {
        Some(location) => safe_link(session.github.api(), location),
        None => Err(no_archive(session, spec, answer.status)),
    }
}

/// Follows the address by hand, without our token, to an answer whose body is the archive.
async fn follow(session: &Session<'_>, spec: &Spec, mut url: Url) -> Result<Response> {
    for _ in 0..LONGEST_CHAIN {
        let answer = session.github.http().get(&url, HeaderMap::new()).await?;
        match (answer.status(), answer.header("location")) {
            (200, _) => return Ok(answer),
            (300..400, Some(next)) => url = safe_link(&url, next)?,
            (status, _) => return Err(no_archive(session, spec, status)),
        }
    }
    Err(Error::new(Kind::Unreachable, format!("the archive of {} is redirected in a circle", spec.full_name())))
}

fn safe_link(from: &Url, location: &str) -> Result<Url> {
    // An API out there must not make us ask this machine's own services.
    let allowed = |to: &Url| http::is_safe(to) && (http::is_loopback(from) || !http::is_loopback(to));
    from.join(location).ok().filter(allowed).ok_or_else(|| {
        Error::new(Kind::Refused, format!("the archive's link is not an encrypted address: {location}"))
            .hint("something between here and GitHub changes answers")
    })
}

fn no_archive(session: &Session<'_>, spec: &Spec, status: u16) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{} gave no archive of {} (status {status})", session.host(), spec.full_name()),
    )
    .hint("try again in a few minutes")
}

/// Feeds the download to a thread that unpacks it, and keeps what comes back.
async fn read(
    mut answer: Response,
    missing: &mut HashMap<String, u64>,
    blobs: &dyn Blobs,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<()> {
    let (pieces, pieces_in) = mpsc::channel::<Vec<u8>>(16);
    let (found, found_in) = mpsc::channel::<(String, Vec<u8>)>(16);
    let wanted = missing.clone();
    let unpacking = tokio::task::spawn_blocking(move || unpack(Pieces::new(pieces_in), wanted, &found));
    let feed = async move {
        let mut total = 0;
        while let Some(piece) = answer.chunk().await? {
            total += piece.len() as u64;
            progress(total);
            // The other side stops listening when it has all it wants, or gave up.
            if total > LARGEST_DOWNLOAD || pieces.send(piece).await.is_err() {
                break;
            }
        }
        Ok::<(), Error>(())
    };
    // Takes its end of the channel along: when keeping fails, the thread finds nobody listening and stops.
    let keep = async {
        let mut found_in = found_in;
        while let Some((sha, bytes)) = found_in.recv().await {
            blobs.put(&sha, &bytes)?;
            missing.remove(&sha);
        }
        Ok::<(), Error>(())
    };
    let (fed, kept) = tokio::join!(feed, keep);
    // A malformed archive is no failure: what it lacks is fetched one by one.
    let _ = unpacking.await;
    kept?;
    if missing.is_empty() { Ok(()) } else { fed }
}

/// Reads an archive and sends every file or link target whose SHA is wanted, until all are found.
fn unpack(
    from: impl Read,
    mut wanted: HashMap<String, u64>,
    found: &mpsc::Sender<(String, Vec<u8>)>,
) -> io::Result<()> {
    let sizes: HashSet<u64> = wanted.values().copied().collect();
    let mut archive = tar::Archive::new(GzDecoder::new(from).take(LARGEST_ARCHIVE));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        let bytes = if kind.is_symlink() {
            entry.link_name_bytes().map(|b| b.into_owned()).unwrap_or_default()
        } else if kind.is_file() && sizes.contains(&entry.size()) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            bytes
        } else {
            continue;
        };
        let sha = blob_sha(&bytes);
        if wanted.remove(&sha).is_some() && found.blocking_send((sha, bytes)).is_err() {
            break;
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(())
}

/// The pieces of a download as a reader.
struct Pieces {
    from: mpsc::Receiver<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Pieces {
    fn new(from: mpsc::Receiver<Vec<u8>>) -> Self {
        Pieces { from, current: Vec::new(), at: 0 }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            match self.from.blocking_recv() {
                Some(piece) => (self.current, self.at) = (piece, 0),
                None => return Ok(0),
            }
        }
        let n = buffer.len().min(self.current.len() - self.at);
        buffer[..n].copy_from_slice(&self.current[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        tar.append_link(&mut link, "root/link", "pages").unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar.into_inner().unwrap()).unwrap();
        gz.finish().unwrap()
    }

    fn unpacked(archive: &[u8], wanted: &[&[u8]]) -> Vec<Vec<u8>> {
        let wanted = wanted.iter().map(|b| (blob_sha(b), b.len() as u64)).collect();
        let (send, mut receive) = mpsc::channel(100);
        let _ = unpack(archive, wanted, &send);
        drop(send);
        std::iter::from_fn(|| receive.blocking_recv()).map(|(_, bytes)| bytes).collect()
    }

    #[test]
    fn a_link_leads_to_encrypted_places_and_never_back_to_this_machine() {
        let from = |api: &str, to: &str| safe_link(&Url::parse(api).unwrap(), to).is_ok();
        assert!(from("https://api.github.com/", "https://codeload.github.com/x"));
        assert!(from("http://127.0.0.1:1/", "http://127.0.0.1:2/x"));
        for bad in [
            "http://codeload.github.com/x",
            "https://127.0.0.1/x",
            "http://localhost/x",
            "https://[::1]/x",
            "file:///x",
        ] {
            assert!(!from("https://api.github.com/", bad), "{bad}");
        }
    }

    #[test]
    fn files_and_links_are_found_by_content() {
        let long = "long/".repeat(60) + "name.md";
        let archive = archive(&[("root/a.md", b"alpha"), (&long, b"beta\n"), ("root/c.md", b"gamma")]);
        assert_eq!(unpacked(&archive, &[b"beta\n", b"pages", b"absent"]), [b"beta\n".to_vec(), b"pages".to_vec()]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_unpacked_without_panic(mut bytes: Vec<u8>, flip in 0usize..400) {
            unpacked(&bytes, &[b"alpha"]);
            bytes = archive(&[("a.md", b"alpha"), ("b.md", b"beta")]);
            let at = flip % bytes.len();
            bytes[at] ^= 0x55;
            for found in unpacked(&bytes, &[b"alpha"]) {
                proptest::prop_assert_eq!(found, b"alpha".to_vec());
            }
        }
    }

    #[test]
    fn a_torn_archive_gives_what_stands_before_the_tear() {
        let noise: Vec<u8> = (0..60_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = archive(&[("a.md", b"alpha"), ("noise", &noise), ("z.md", b"omega")]);
        assert_eq!(unpacked(&whole[..whole.len() / 2], &[b"alpha", b"omega"]), [b"alpha".to_vec()]);
        assert!(unpacked(b"no archive at all", &[b"alpha"]).is_empty());
    }
}
