//! A GitHub on loopback: real git repositories behind the REST routes a definition fetcher uses.
//!
//! It speaks plain HTTP/1.1 on one port for the API and on another one for archives (codeload). Every JSON body it
//! serves, and every route it is asked for, is checked against GitHub's own OpenAPI description; a violation fails the
//! test when the stand-in is dropped. It does not use the library under test, so that tests of the built program can
//! point `GITHUB_API_URL` to it.

#![allow(dead_code)]

pub mod failure;
pub mod openapi;
pub mod repo;
mod routes;
mod server;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use super::http;

pub use failure::Failure;
pub use repo::{Change, Repo};

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Whether it came to the archive port.
    pub codeload: bool,
    /// Path and query, as sent.
    pub target: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What it was answered with (0: nothing).
    pub status: u16,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// The primary limit, as told in headers. A request with a token has `limit` 5000 instead.
#[derive(Clone, Debug)]
pub struct Limit {
    pub limit: u64,
    pub remaining: u64,
    pub reset: i64,
}

pub(crate) struct Shared {
    pub repos: Mutex<Vec<Arc<Repo>>>,
    pub script: Mutex<Vec<failure::Planned>>,
    pub requests: Mutex<Vec<Recorded>>,
    pub problems: Mutex<Vec<String>>,
    pub limit: Mutex<Limit>,
    pub gate: (Mutex<Gate>, Condvar),
    pub api: String,
    pub codeload: String,
}

#[derive(Default)]
pub(crate) struct Gate {
    pub waiting: usize,
    pub open: bool,
}

/// The stand-in. Dropping it ends it and fails the test when an answer violated the description.
pub struct Standin {
    /// For `GITHUB_API_URL`.
    pub api_url: String,
    /// Where archives come from.
    pub codeload_url: String,
    shared: Arc<Shared>,
    listeners: Vec<http::Listener>,
    dir: tempfile::TempDir,
}

impl Standin {
    pub fn start() -> Standin {
        let (api, codeload) = (http::bind(), http::bind());
        let url = |l: &std::net::TcpListener| format!("http://{}", l.local_addr().unwrap());
        let shared = Arc::new(Shared {
            repos: Mutex::default(),
            script: Mutex::default(),
            requests: Mutex::default(),
            problems: Mutex::default(),
            limit: Mutex::new(Limit { limit: 60, remaining: 60, reset: 4_102_444_800 }),
            gate: Default::default(),
            api: url(&api),
            codeload: url(&codeload),
        });
        Standin {
            api_url: shared.api.clone(),
            codeload_url: shared.codeload.clone(),
            listeners: vec![server::listen(api, shared.clone(), false), server::listen(codeload, shared.clone(), true)],
            shared,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The repository `owner/name`, made empty when it is new.
    pub fn repo(&self, full_name: &str) -> Arc<Repo> {
        let mut repos = self.shared.repos.lock().unwrap();
        if let Some(known) = repos.iter().find(|r| r.is_called(full_name)) {
            return known.clone();
        }
        let id = repos.len() as u64 + 1000;
        let repo = Arc::new(Repo::create(&self.dir.path().join(format!("{id}.git")), full_name, id));
        repos.push(repo.clone());
        repo
    }

    /// The repository `owner/name` with one commit that holds everything below `folder`.
    pub fn serve_folder(&self, full_name: &str, folder: &Path) -> Arc<Repo> {
        let repo = self.repo(full_name);
        repo.commit_changes("main", &repo::folder_changes(folder), "Import");
        repo
    }

    /// Plans a failure for the next request whose path and query contain `pattern`.
    pub fn fail_next(&self, pattern: &str, failure: Failure) {
        self.plan(pattern, failure, false);
    }

    /// Plans a failure for every request whose path and query contain `pattern`.
    pub fn fail_always(&self, pattern: &str, failure: Failure) {
        self.plan(pattern, failure, true);
    }

    /// Forgets all planned failures.
    pub fn heal(&self) {
        self.shared.script.lock().unwrap().clear();
    }

    fn plan(&self, pattern: &str, failure: Failure, stays: bool) {
        self.shared.script.lock().unwrap().push(failure::Planned { pattern: pattern.into(), failure, stays });
    }

    /// The limit that is told from now on.
    pub fn set_limit(&self, limit: Limit) {
        *self.shared.limit.lock().unwrap() = limit;
    }

    /// Everything asked so far.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Everything asked since the last call, as `status target` lines.
    pub fn take_log(&self) -> Vec<String> {
        let taken = std::mem::take(&mut *self.shared.requests.lock().unwrap());
        taken
            .iter()
            .map(|r| format!("{} {}{}", r.status, if r.codeload { "codeload " } else { "" }, r.target))
            .collect()
    }

    /// Whether an answer is held back by [`Failure::Hold`].
    pub fn is_holding(&self) -> bool {
        self.shared.gate.0.lock().unwrap().waiting > 0
    }

    /// How many answers have been held back by [`Failure::Hold`] so far.
    pub fn requests_held(&self) -> usize {
        self.shared.gate.0.lock().unwrap().waiting
    }

    /// Waits until an answer is held back by [`Failure::Hold`].
    pub fn wait_until_held(&self) {
        let (gate, bell) = &self.shared.gate;
        let mut gate = gate.lock().unwrap();
        while gate.waiting == 0 {
            gate = bell.wait(gate).unwrap();
        }
    }

    /// Lets held answers go.
    pub fn open_gate(&self) {
        let (gate, bell) = &self.shared.gate;
        gate.lock().unwrap().open = true;
        bell.notify_all();
    }

    /// What violated GitHub's description so far; takes it, so that the drop is quiet.
    pub fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.problems.lock().unwrap())
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.open_gate();
        for listener in &mut self.listeners {
            listener.stop();
        }
        let problems = self.take_problems();
        if !problems.is_empty() && !std::thread::panicking() {
            panic!("the stand-in and GitHub's description disagree:\n{}", problems.join("\n"));
        }
    }
}
