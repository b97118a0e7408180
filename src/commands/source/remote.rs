//! Fetching sources: downloads in parallel and bounded, then takes each one over whole.
//!
//! A download changes nothing but the blob cache; rows and layouts change only when everything is there. What
//! failed is said beside what went well.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cache::BlobCache;
use super::github::token::{self, Token};
use super::github::{self, Blobs, Github, Mode, Note};
use super::layout::{self, LaidOut};
use super::sync::{self, Fetched, Synced};
use super::url;
use crate::commands::dialect::detect;
use crate::commands::digest::git_blob;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::http::Http;
use crate::store::{Source, SourceKind, Store};

/// Requests to one host at a time; its documentation asks for few.
const PER_HOST: usize = 4;

/// Answers for a variable of the caller's environment.
pub type EnvLookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Is told how far the download of a source is: its name and what it does.
pub type Report = Arc<dyn Fn(&str, github::Progress) + Send + Sync>;

/// What fetching needs.
#[derive(Clone)]
pub struct Remote {
    /// The pooled client.
    pub http: Http,
    /// The caller's environment: tokens, `GITHUB_API_URL`.
    pub env: EnvLookup,
    /// Fetched content.
    pub blobs: BlobCache,
    /// Where sources are laid out.
    pub layouts: PathBuf,
    /// Sources at a time.
    pub parallel: usize,
    /// Largest file taken, bytes.
    pub largest_file: u64,
    /// Most taken from one source, bytes.
    pub largest_total: u64,
    /// Tokens by host, found by [`Remote::find_tokens`]; a host without one is asked anonymously.
    pub tokens: HashMap<String, Token>,
}

/// A download that is complete and not yet taken over.
#[derive(Clone, Debug)]
pub struct Download {
    /// The source with its new commit, validators and name.
    pub source: Source,
    /// Its files; `None` when nothing changed.
    pub files: Option<Vec<Fetched>>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Remote {
    /// Looks for the token of each host of `sources`, once a host, and tells `learn` every one that was found.
    ///
    /// Asking `gh` may block for seconds, so this comes before the downloads and outside of any async runtime.
    pub fn find_tokens(&mut self, sources: &[Source], learn: &dyn Fn(&Token)) {
        let env = self.env.clone();
        let lookup = move |name: &str| env(name);
        let hosts: BTreeSet<String> = sources
            .iter()
            .filter(|s| s.kind == SourceKind::Github)
            .filter_map(|s| github_spec(s).ok())
            .map(|spec| spec.host.to_ascii_lowercase())
            .collect();
        for host in hosts {
            if let Some(token) = token::find(&host, &lookup) {
                learn(&token);
                self.tokens.insert(host, token);
            }
        }
    }

    /// Downloads all of `sources`; the answers come in the same order. Dropping the future changes nothing.
    pub async fn download(&self, sources: &[Source], report: &Report) -> Vec<Result<Download>> {
        let all = Arc::new(Semaphore::new(self.parallel.max(1)));
        let mut hosts: HashMap<String, Arc<Semaphore>> = HashMap::new();
        let mut tasks = JoinSet::new();
        for (at, source) in sources.iter().enumerate() {
            let host = hosts.entry(host_of(source)).or_insert_with(|| Arc::new(Semaphore::new(PER_HOST))).clone();
            let (remote, source, all, report) = (self.clone(), source.clone(), all.clone(), report.clone());
            tasks.spawn(async move {
                let (_one, _two) = (all.acquire_owned().await, host.acquire_owned().await);
                (at, remote.one(source, &report).await)
            });
        }
        let mut answers: Vec<Option<Result<Download>>> = sources.iter().map(|_| None).collect();
        while let Some(joined) = tasks.join_next().await {
            if let Ok((at, answer)) = joined {
                answers[at] = Some(answer);
            }
        }
        let lost = || Err(Error::new(Kind::Failed, "the download ended without an answer"));
        answers.into_iter().map(|a| a.unwrap_or_else(lost)).collect()
    }

    async fn one(&self, source: Source, report: &Report) -> Result<Download> {
        match source.kind {
            SourceKind::Github => self.github(source, report).await,
            SourceKind::Url => self.url(source).await,
            _ => Ok(Download { source, files: None, notes: Vec::new() }),
        }
    }

    async fn github(&self, mut source: Source, report: &Report) -> Result<Download> {
        let spec = github_spec(&source)?;
        let env = self.env.clone();
        let lookup = move |name: &str| env(name);
        let token = self.tokens.get(&spec.host.to_ascii_lowercase()).cloned();
        let client = Github::new(self.http.clone(), &spec.host, &lookup, token)?.with(github::Options {
            largest_file: self.largest_file,
            largest_total: self.largest_total,
            essential: |entry| detect::could_be(&entry.path),
            ..github::Options::default()
        });
        let name = source.name.clone();
        let progress = {
            let report = report.clone();
            move |p: github::Progress| report(&name, p)
        };
        let wanted = spec.clone();
        let want = move |entry: &github::Entry| is_wanted(&wanted, entry);
        // A layout that somebody deleted is made again from a full listing.
        let known = source.commit.as_deref().filter(|c| layout::folder(&self.layouts, source.id, c).is_dir());
        match client.fetch(&spec, known, &want, &self.blobs, &progress).await? {
            github::Outcome::Unchanged { spec, renamed, rate } => {
                let mut notes = Vec::new();
                if renamed.is_some() {
                    source.spec = github::Spec { git_ref: None, ..spec }.to_string();
                }
                rename(&mut source, renamed, &mut notes);
                source.rate = rate_json(rate.as_ref());
                Ok(Download { source, files: None, notes })
            }
            github::Outcome::Fetched(fetched) => {
                let mut notes: Vec<String> = fetched.notes.iter().map(said).collect();
                rename(&mut source, fetched.renamed.clone(), &mut notes);
                let settled = fetched.spec.clone();
                source.reference = settled.git_ref.clone();
                source.spec = github::Spec { git_ref: None, ..settled }.to_string();
                source.commit = Some(fetched.commit.clone());
                source.rate = rate_json(fetched.rate.as_ref());
                let files = fetched.entries.into_iter().map(|e| Fetched {
                    path: e.path,
                    sha: e.sha,
                    size: e.size,
                    executable: e.mode == Mode::Executable,
                });
                let files = files.collect();
                Ok(Download { source, files: Some(files), notes })
            }
        }
    }

    async fn url(&self, mut source: Source) -> Result<Download> {
        let bad = |e: ::url::ParseError| {
            Error::new(Kind::BadData, format!("the address of `{}` is broken", source.name)).because(e)
        };
        let address = ::url::Url::parse(&source.spec).map_err(bad)?;
        let known = url::Validators { etag: source.etag.clone(), last_modified: source.last_modified.clone() };
        // Content that somebody deleted is fetched again.
        let whole = source.commit.as_deref().is_some_and(|sha| self.blobs.read(sha).is_some());
        let known = if whole { known } else { url::Validators::default() };
        match url::fetch(&self.http, &address, &known).await? {
            url::Outcome::Unchanged => Ok(Download { source, files: None, notes: Vec::new() }),
            url::Outcome::Fetched { bytes, validators, .. } => {
                let sha = git_blob(&bytes);
                self.blobs.put(&sha, &bytes)?;
                source.etag = validators.etag;
                source.last_modified = validators.last_modified;
                source.commit = Some(sha.clone());
                let last = address.path_segments().and_then(|mut s| s.next_back()).filter(|s| !s.is_empty());
                let path = last.unwrap_or("index.md").to_string();
                let size = bytes.len() as u64;
                let files = vec![Fetched { path, sha, size, executable: false }];
                Ok(Download { source, files: Some(files), notes: Vec::new() })
            }
        }
    }

    /// Takes a download over: lays its files out, then writes rows and commit in one transaction.
    pub fn take_over(&self, store: &Store, download: &Download, now: Timestamp) -> Result<Synced> {
        let mut source = download.source.clone();
        source.fetched_at = Some(now);
        source.state = "ok".to_string();
        source.error = None;
        // What was allowed stays allowed under the new name: permissions are given to content.
        if let Some(before) = store.source_by_name(&source.name)?.filter(|s| s.spec != source.spec) {
            store.carry_grants(&before.spec, &source.spec)?;
        }
        let Some(files) = &download.files else {
            store.update_source(&source)?;
            return Ok(Synced { notes: download.notes.clone(), ..Synced::default() });
        };
        let mut notes = download.notes.clone();
        if let Some(commit) = source.commit.as_deref() {
            let laid: Vec<LaidOut<'_>> =
                files.iter().map(|f| LaidOut { path: &f.path, sha: &f.sha, executable: f.executable }).collect();
            let left = layout::lay_out(&self.layouts, source.id, commit, &laid, &self.blobs)?;
            notes.extend(left.iter().map(|path| format!("kept as data only, not laid out: {path}")));
        }
        let mut synced = sync::commit(store, &source, files, &self.blobs)?;
        synced.notes = notes;
        layout::sweep(&self.layouts, source.id, source.commit.as_deref());
        Ok(synced)
    }
}

/// A note as a sentence.
fn said(note: &Note) -> String {
    match note {
        Note::Symlink { path, target: Some(target) } => format!("not followed: {path} links to {target}"),
        Note::Symlink { path, target: None } => format!("not followed: {path} is a link"),
        Note::Submodule { path, commit } => format!("not fetched: {path} is another repository at {commit}"),
        Note::LfsPointer { path } => format!("left out: the content of {path} lies in Git LFS"),
        Note::TooLarge { path, size } => format!("left out: {path} is too large ({} MB)", size.div_ceil(1 << 20)),
        Note::OnlyEssential { files, bytes } => {
            format!("only definitions were taken: {files} files, {} MB are too much", bytes.div_ceil(1 << 20))
        }
        Note::HostileName { path, why } => format!("an odd name, kept as data: {path} ({why})"),
        Note::CutShort { folder } => format!("{folder}/ holds more than GitHub lists; some of it is missing"),
    }
}

/// The spec a stored source stands for.
pub fn github_spec(source: &Source) -> Result<github::Spec> {
    let enterprise = source.options.get("host").and_then(|h| h.as_str());
    let mut spec = github::Spec::parse(&source.spec, enterprise).unwrap_or_else(|| {
        Err(Error::new(Kind::BadData, format!("the source `{}` has the broken spec `{}`", source.name, source.spec)))
    })?;
    spec.git_ref = source.reference.clone();
    if let Some(open) = source.options.get("open").and_then(|o| o.as_array()).filter(|_| source.commit.is_none()) {
        spec.open = open.iter().filter_map(|o| o.as_str().map(String::from)).collect();
    }
    Ok(spec)
}

/// Everything below the asked path but other people's packages.
fn is_wanted(spec: &github::Spec, entry: &github::Entry) -> bool {
    const NEVER: [&str; 5] = ["node_modules", ".git", "target", "vendor", "__pycache__"];
    spec.covers(&entry.path) && !entry.path.split('/').any(|part| NEVER.contains(&part))
}

fn host_of(source: &Source) -> String {
    match source.kind {
        SourceKind::Github => github_spec(source).map(|s| s.host).unwrap_or_default(),
        _ => ::url::Url::parse(&source.spec).ok().and_then(|u| u.host_str().map(String::from)).unwrap_or_default(),
    }
}

fn rename(source: &mut Source, renamed: Option<(String, String)>, notes: &mut Vec<String>) {
    let Some((owner, repo)) = renamed else { return };
    notes.push(format!("the repository is called {owner}/{repo} now; the new name was stored"));
    source.renamed_to = Some(format!("{owner}/{repo}"));
}

fn rate_json(rate: Option<&github::Rate>) -> Option<serde_json::Value> {
    let rate = rate?;
    Some(serde_json::json!({"limit": rate.limit, "remaining": rate.remaining, "reset": rate.reset}))
}
