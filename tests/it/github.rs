//! The GitHub client through the library's face, against real repositories served by the stand-in.

mod address;
mod archive;
mod cost;
mod description;
mod limits;
mod listing;
mod place;
mod trouble;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use factotum::commands::source::github::{
    Blobs, Entry, Fetched, Github, Mode, Note, Options, Outcome, Progress, Spec, Token, blob_sha, token,
};
use factotum::commands::source::url as page;
use factotum::kernel::error::{Error, Kind, Result};
use factotum::kernel::http::{Http, Settings};

use crate::support::github::{Change, Failure, Limit, Standin, openapi};

/// 2023-11-14 22:13:20 UTC.
const NOW: i64 = 1_700_000_000;

/// Contents in memory.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Vec<u8>>>);

impl Blobs for Memory {
    fn has(&self, sha: &str) -> Result<bool> {
        Ok(self.0.lock().unwrap().contains_key(sha))
    }
    fn get(&self, sha: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(sha).cloned())
    }
    fn put(&self, sha: &str, bytes: &[u8]) -> Result<()> {
        assert_eq!(blob_sha(bytes), sha, "only verified contents are kept");
        self.0.lock().unwrap().insert(sha.into(), bytes.to_vec());
        Ok(())
    }
}

/// A stand-in, a client and what was fetched before.
struct World {
    standin: Standin,
    github: Github,
    blobs: Memory,
}

fn http() -> Http {
    Http::new(&Settings { proxies: false, ..Settings::default() }).unwrap()
}

fn options() -> Options {
    Options { pause: Duration::ZERO, now: Arc::new(|| NOW), zone: jiff::tz::TimeZone::UTC, ..Options::default() }
}

fn client(standin: &Standin, token: Option<&str>) -> Github {
    let api = standin.api_url.clone();
    let env = move |name: &str| (name == "GITHUB_API_URL").then(|| api.clone());
    let token = token.and_then(|t| Token::new(t, "github.com", "GH_TOKEN"));
    Github::new(http(), "github.com", &env, token).unwrap().with(options())
}

impl World {
    fn anonymous() -> World {
        World::new(None)
    }

    fn new(token: Option<&str>) -> World {
        let standin = Standin::start();
        World { github: client(&standin, token), standin, blobs: Memory::default() }
    }

    fn fetch_knowing(&self, spec: &str, known: Option<&str>) -> Result<Outcome> {
        run(self.github.fetch(&spec_of(spec), known, &markdown, &self.blobs, &|_| ()))
    }

    fn fetch(&self, spec: &str) -> Result<Fetched> {
        self.fetch_knowing(spec, None).map(|outcome| match outcome {
            Outcome::Fetched(fetched) => fetched,
            Outcome::Unchanged { .. } => panic!("nothing was known, so nothing is unchanged"),
        })
    }

    fn failure(&self, spec: &str) -> Error {
        self.fetch(spec).expect_err("this fetch must fail")
    }

    /// path=content of all entries, in order.
    fn contents(&self, fetched: &Fetched) -> Vec<String> {
        let text = |e: &Entry| String::from_utf8(self.blobs.get(&e.sha).unwrap().unwrap()).unwrap();
        fetched.entries.iter().map(|e| format!("{}={}", e.path, text(e))).collect()
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn spec_of(text: &str) -> Spec {
    Spec::parse(text, None).unwrap().unwrap()
}

fn markdown(entry: &Entry) -> bool {
    entry.path.ends_with(".md")
}

fn paths(fetched: &Fetched) -> Vec<&str> {
    fetched.entries.iter().map(|e| e.path.as_str()).collect()
}
