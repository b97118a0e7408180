//! A fetch from beginning to end: commit, listing, missing blobs, notes.
//!
//! It costs one request when nothing changed, two and the missing blobs otherwise. It either returns a whole answer
//! or an error; what it put into the blob store on the way is true in both cases, and saves work the next time.

use std::collections::HashMap;

use serde::Deserialize;

use super::blobs::{self, Blobs, LFS_LONGEST};
use super::client::{Answer, Ask, Github, Options, Session};
use super::rate::Rate;
use super::spec::{self, Spec};
use super::tarball;
use super::tree::{self, Entry, Mode, Note, Wanted};
use crate::kernel::error::{Context, Error, Kind, Result};

/// How often a repository may have been renamed in a row.
const MOST_RENAMES: usize = 3;
/// Without a token, fewer files than this are fetched one by one even when nothing is there yet.
const FEW: usize = 3;
/// When the archive cannot be had, so many files are fetched one by one instead, with a token.
const MOST_BY_BLOB: usize = 500;

/// What a fetch is doing, for a progress line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Asking whether anything changed.
    Asking,
    /// Listing the commit.
    Listing,
    /// The listing is there.
    Listed {
        /// Files wanted.
        wanted: usize,
        /// Of these, contents that have to be fetched.
        missing: usize,
    },
    /// Downloading the archive.
    Archive {
        /// Bytes so far.
        bytes: u64,
    },
    /// Fetching one by one.
    Blob {
        /// Contents fetched.
        done: usize,
        /// Contents to fetch.
        total: usize,
    },
}

/// A commit, whole.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The commit's SHA.
    pub commit: String,
    /// The wanted files, each with its content in the blob store, sorted by path.
    pub entries: Vec<Entry>,
    /// What a person should know of.
    pub notes: Vec<Note>,
    /// The spec with what had been open settled, and under the repository's present name: store this one.
    pub spec: Spec,
    /// The new account and name when the repository was renamed.
    pub renamed: Option<(String, String)>,
    /// The limit after the last request.
    pub rate: Option<Rate>,
}

/// How a fetch ended well.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The ref still points to the known commit.
    Unchanged {
        /// The spec under the repository's present name.
        spec: Spec,
        /// The new account and name when the repository was renamed.
        renamed: Option<(String, String)>,
        /// The limit after the last request.
        rate: Option<Rate>,
    },
    /// There is a commit to take over.
    Fetched(Fetched),
}

impl Github {
    /// Fetches what `spec` means. `known_commit` is the commit already taken over, if any; `want` chooses files by
    /// their entry; contents go to `blobs`.
    ///
    /// Needs a tokio runtime with time and IO. Dropping the future ends the fetch.
    ///
    /// # Errors
    /// `NotFound` (repository, ref or path), `Unreachable` (network, limits: then [`Github::limited`] says until
    /// when), `Refused` (token, policy), `BadData` (broken answers), and whatever `blobs` returns.
    pub async fn fetch(
        &self,
        spec: &Spec,
        known_commit: Option<&str>,
        want: &dyn Wanted,
        blobs: &dyn Blobs,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Outcome> {
        if let (Some(known), Some(pinned)) = (known_commit, &spec.git_ref)
            && spec::is_sha(pinned)
            && known.eq_ignore_ascii_case(pinned)
        {
            return Ok(Outcome::Unchanged { spec: spec.clone(), renamed: None, rate: self.rate() });
        }
        let session = self.session()?;
        progress(Progress::Asking);
        let (spec, renamed, commit) = resolve(&session, spec, known_commit).await?;
        let Some(commit) = commit else {
            return Ok(Outcome::Unchanged { spec, renamed, rate: self.rate() });
        };
        progress(Progress::Listing);
        let listing = tree::list(&session, &spec, &commit, want).await?;
        let mut notes = listing.notes;
        let (wanted, links) = sort(listing.entries, want, self.options.largest_file, &mut notes);
        let wanted = bounded(wanted, &self.options, &spec, &mut notes)?;
        fill(&session, &spec, &commit, wanted.iter().chain(&links), wanted.len(), blobs, progress).await?;
        notes.extend(tree::hostile_names(&wanted));
        for link in links {
            let target = blobs.get(&link.sha)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            notes.push(Note::Symlink { path: link.path, target });
        }
        let mut entries = without_pointers(wanted, blobs, &mut notes)?;
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Outcome::Fetched(Fetched { commit, entries, notes, spec, renamed, rate: self.rate() }))
    }
}

/// Finds the commit, the repository's present name and, where it was open, the ref. `None` for the commit: unchanged.
async fn resolve(
    session: &Session<'_>,
    spec: &Spec,
    known: Option<&str>,
) -> Result<(Spec, Option<(String, String)>, Option<String>)> {
    let mut spec = spec.clone();
    let mut renamed = None;
    for _ in 0..=MOST_RENAMES {
        match ask_commit(session, &spec, known).await? {
            Resolved::Moved => {
                let (owner, repo) = present_name(session, &spec).await?;
                renamed = Some((owner.clone(), repo.clone()));
                spec = Spec { owner, repo, ..spec };
            }
            Resolved::Commit(settled, commit) => return Ok((settled, renamed, commit)),
            Resolved::Nothing(answer) => return Err(nothing(session, &spec, &answer).await),
        }
    }
    Err(Error::new(Kind::Unreachable, format!("{} is redirected in a circle", spec.full_name())))
}

enum Resolved {
    Commit(Spec, Option<String>),
    Moved,
    Nothing(Answer),
}

/// Asks for the commit of the ref; where an address left it open, of ever longer ones (git has no branch `a/b` beside a
/// branch `a`, so the first that exists is the one).
async fn ask_commit(session: &Session<'_>, spec: &Spec, known: Option<&str>) -> Result<Resolved> {
    let first = spec.open.len().min(1);
    let mut last = None;
    for candidate in (first..=spec.open.len()).map(|n| spec.settled(n)) {
        let git_ref = candidate.git_ref.as_deref().unwrap_or("HEAD");
        let route = repo_route(spec, &format!("/commits/{}", spec::encode_path(git_ref)));
        let ask = Ask {
            accept: "application/vnd.github.sha",
            etag: known.map(|sha| format!("\"{sha}\"")),
            limit: 4096,
            ..Ask::new(&route)
        };
        let answer = session.get(&ask).await?;
        match answer.status {
            304 if known.is_some() => return Ok(Resolved::Commit(candidate, None)),
            200 => {
                let sha = sha_in(session, &answer.body)?;
                let changed = known != Some(sha.as_str());
                return Ok(Resolved::Commit(candidate, changed.then_some(sha)));
            }
            301 | 302 | 307 | 308 => return Ok(Resolved::Moved),
            404 | 409 | 422 => last = Some(answer),
            status => return Err(unexpected(session, status)),
        }
    }
    last.map(Resolved::Nothing).ok_or_else(|| unexpected(session, 0))
}

fn sha_in(session: &Session<'_>, body: &[u8]) -> Result<String> {
    let text = String::from_utf8_lossy(body).trim().to_string();
    if spec::is_sha(&text) {
        return Ok(text);
    }
    Err(Error::new(Kind::BadData, format!("{} sent no commit id", session.host()))
        .hint("if GITHUB_API_URL is set, does it point to a GitHub API?"))
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
    default_branch: String,
}

/// Where a renamed repository is now, by following its redirect within the API.
async fn present_name(session: &Session<'_>, spec: &Spec) -> Result<(String, String)> {
    let mut route = repo_route(spec, "");
    for _ in 0..=MOST_RENAMES {
        let answer = session.get(&Ask::new(&route)).await?;
        match (answer.status, answer.location()) {
            (200, _) => {
                let name = repository(session, &answer)?.full_name;
                let (owner, repo) = name.split_once('/').unwrap_or((&name, ""));
                // The name becomes part of routes and of what is stored: it must be one.
                let checked = Spec::parse(&format!("github:{owner}/{repo}"), None).and_then(Result::ok);
                let checked = checked.filter(|s| !s.full_name().eq_ignore_ascii_case(&spec.full_name()));
                return checked.map(|s| (s.owner, s.repo)).ok_or_else(|| unexpected(session, 301));
            }
            (301..=308, Some(location)) => route = session.own_route(location)?,
            (404, _) => return Err(nothing(session, spec, &answer).await),
            (status, _) => return Err(unexpected(session, status)),
        }
    }
    Err(Error::new(Kind::Unreachable, format!("{} is redirected in a circle", spec.full_name())))
}

fn repository(session: &Session<'_>, answer: &Answer) -> Result<Repository> {
    serde_json::from_slice(&answer.body)
        .context(Kind::BadData, || format!("{} sent a description that cannot be read", session.host()))
}

/// Why there is no commit: no repository, no such ref, or nothing in it. Costs one more request.
async fn nothing(session: &Session<'_>, spec: &Spec, answer: &Answer) -> Error {
    let name = spec.full_name();
    if answer.status == 409 {
        return Error::new(Kind::NotFound, format!("{name} is empty")).hint("push a commit first");
    }
    let route = repo_route(spec, "");
    let described = match session.get(&Ask::new(&route)).await {
        Ok(found) if found.status == 200 => repository(session, &found),
        Ok(_) => return gone(session, &name),
        Err(error) => return error,
    };
    let asked = if spec.open.is_empty() { spec.git_ref.clone().unwrap_or("HEAD".into()) } else { spec.open.join("/") };
    let error = Error::new(Kind::NotFound, format!("{name} has no branch, tag or commit {asked:?}"));
    match described {
        Ok(repository) => {
            error.hint(format!("it may have been deleted; the default branch is {:?}", repository.default_branch))
        }
        Err(_) => error,
    }
}

fn gone(session: &Session<'_>, name: &str) -> Error {
    let hint = match session.github.token_source() {
        Some(source) => format!("check the name; if it is private, the token from {source} may not see it"),
        None => "check the name; if it is private, set GH_TOKEN or run `gh auth login`".to_string(),
    };
    Error::new(Kind::NotFound, format!("{} has no repository {name}, or it is private", session.host())).hint(hint)
}

fn unexpected(session: &Session<'_>, status: u16) -> Error {
    Error::new(
        Kind::Unreachable,
        format!("{} gave an answer that makes no sense here (status {status})", session.host()),
    )
}

fn repo_route(spec: &Spec, rest: &str) -> String {
    format!("/repos/{}/{}{rest}", spec::encode(&spec.owner), spec::encode(&spec.repo))
}

/// Parts a listing into wanted files and wanted links, and notes the rest that matters.
fn sort(entries: Vec<Entry>, want: &dyn Wanted, largest: u64, notes: &mut Vec<Note>) -> (Vec<Entry>, Vec<Entry>) {
    let (mut files, mut links) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.mode {
            Mode::Submodule => notes.push(Note::Submodule { path: entry.path, commit: entry.sha }),
            Mode::Symlink if want.file(&entry) && entry.size <= LFS_LONGEST as u64 * 4 => links.push(entry),
            Mode::Symlink => notes.push(Note::Symlink { path: entry.path, target: None }),
            Mode::File | Mode::Executable if !want.file(&entry) => {}
            Mode::File | Mode::Executable if entry.size > largest => {
                notes.push(Note::TooLarge { path: entry.path, size: entry.size });
            }
            Mode::File | Mode::Executable => files.push(entry),
        }
    }
    (files, links)
}

/// Keeps the total within its bounds, before anything is downloaded: what is essential, or everything.
fn bounded(wanted: Vec<Entry>, options: &Options, spec: &Spec, notes: &mut Vec<Note>) -> Result<Vec<Entry>> {
    let sum = |entries: &[Entry]| entries.iter().map(|e| e.size).fold(0u64, u64::saturating_add);
    let too_much = |entries: &[Entry]| sum(entries) > options.largest_total || entries.len() > options.most_files;
    if !too_much(&wanted) {
        return Ok(wanted);
    }
    let (files, bytes) = (wanted.len(), sum(&wanted));
    let essential: Vec<Entry> = wanted.into_iter().filter(options.essential).collect();
    if too_much(&essential) {
        let (files, size) = (essential.len(), sum(&essential).div_ceil(1 << 20));
        return Err(Error::new(
            Kind::Refused,
            format!("{} holds {files} definitions of {size} MB together, which is too much", spec.full_name()),
        )
        .hint(format!(
            "name a folder of it (owner/repo/folder), or raise `fac config set sources.max_total_mb` (files: at most {})",
            options.most_files
        )));
    }
    notes.push(Note::OnlyEssential { files, bytes });
    Ok(essential)
}

/// Brings every content of `entries` into `blobs`: the archive when that is cheaper, then one by one.
async fn fill(
    session: &Session<'_>,
    spec: &Spec,
    commit: &str,
    entries: impl Iterator<Item = &Entry>,
    wanted: usize,
    blobs: &dyn Blobs,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<()> {
    let mut missing: HashMap<String, u64> = HashMap::new();
    let mut order = Vec::new();
    let mut cold = true;
    for entry in entries {
        if missing.contains_key(&entry.sha) {
            continue;
        }
        if blobs.has(&entry.sha)? {
            cold = false;
        } else {
            missing.insert(entry.sha.clone(), entry.size);
            order.push((entry.sha.clone(), entry.size));
        }
    }
    progress(Progress::Listed { wanted, missing: missing.len() });
    if archive_is_cheaper(session.github, missing.len(), cold) {
        let tell = |bytes| progress(Progress::Archive { bytes });
        let brought = tarball::fetch(session, spec, commit, &mut missing, blobs, &tell).await;
        order.retain(|(sha, _)| missing.contains_key(sha));
        match brought {
            // Some networks let the API through and not the archives' host.
            Err(error) if error.kind() == Kind::Unreachable && can_go_on_by_blob(session.github, order.len()) => {}
            brought => brought?,
        }
    }
    for (done, (sha, size)) in order.iter().enumerate() {
        progress(Progress::Blob { done, total: order.len() });
        let bytes = blobs::fetch_one(session, spec, sha, *size).await?;
        blobs.put(sha, &bytes)?;
    }
    Ok(())
}

fn archive_is_cheaper(github: &Github, missing: usize, cold: bool) -> bool {
    let left = github.rate().map(|rate| rate.remaining);
    let cold_and_anonymous = cold && github.is_anonymous() && missing > FEW;
    missing > github.options.archive_above || cold_and_anonymous || left.is_some_and(|left| missing as u64 > left)
}

fn can_go_on_by_blob(github: &Github, missing: usize) -> bool {
    let enough = github.rate().is_none_or(|rate| rate.remaining > missing as u64);
    !github.is_anonymous() && github.limited().is_none() && enough && missing <= MOST_BY_BLOB
}

/// Takes git-lfs pointers out of the wanted files and notes them.
fn without_pointers(wanted: Vec<Entry>, blobs: &dyn Blobs, notes: &mut Vec<Note>) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(wanted.len());
    for entry in wanted {
        let small = entry.size <= LFS_LONGEST as u64;
        if small && blobs.get(&entry.sha)?.is_some_and(|bytes| blobs::is_lfs_pointer(&bytes)) {
            notes.push(Note::LfsPointer { path: entry.path });
        } else {
            entries.push(entry);
        }
    }
    Ok(entries)
}
