//! Whether addresses answer as they should, looked at again and again.
//!
//! What is said to whom is the caller's business; this looks, and tells what it saw.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::http::{HeaderMap, Http};

/// The largest answer that is searched for a text, bytes.
const LARGEST: u64 = 4 << 20;

/// So many looks are remembered.
const MOST: usize = 120;

/// What an address must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A status below 400.
    Fine,
    /// This status.
    Code(u16),
    /// A status below 400, and this text somewhere in the body.
    Text(String),
}

impl Expected {
    /// As it is typed: three digits are a status, anything else is a text.
    pub fn read(text: &str) -> Expected {
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(code) if is_code => Expected::Code(code),
            _ => Expected::Text(text.to_string()),
        }
    }
}

/// What is watched, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The addresses.
    pub urls: Vec<Url>,
    /// What each must answer.
    pub expected: Expected,
    /// How long from one look to the next.
    pub every: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whether each is looked at once only.
    pub once: bool,
}

/// What one look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which address, by its number in the plan.
    pub number: usize,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// The status, where there was an answer.
    pub status: Option<u16>,
    /// What is wrong; `None` where it is as it should be.
    pub wrong: Option<String>,
}

/// How an address stands, from all that was seen of it.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The last look.
    pub last: Option<Seen>,
    /// Since which look it stands so, counted from 1.
    pub since: u64,
    /// How often it was looked at.
    pub looks: u64,
    /// How often something was wrong.
    pub wrong: u64,
    /// How long the last answers took, milliseconds, the oldest first; `None` where something was wrong.
    pub took: VecDeque<Option<u64>>,
}

impl Standing {
    /// Takes a look; whether it stands otherwise than before, or this was the first.
    pub fn take(&mut self, seen: Seen) -> bool {
        let is_other = self.last.as_ref().is_none_or(|last| last.wrong.is_some() != seen.wrong.is_some());
        self.looks += 1;
        self.wrong += u64::from(seen.wrong.is_some());
        if is_other {
            self.since = self.looks;
        }
        if self.took.len() >= MOST {
            self.took.pop_front();
        }
        self.took.push_back(seen.wrong.is_none().then_some(seen.took_ms));
        self.last = Some(seen);
        is_other
    }

    /// Whether something was wrong at the last look.
    pub fn is_down(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.wrong.is_some())
    }
}

/// Looks at addresses on a thread of its own, until it is dropped.
pub struct Watchdog {
    stop: UnboundedSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Begins to look. Each address has a pace of its own: one that is slow keeps no other waiting.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(http: Http, plan: Plan, tell: Sender<Seen>) -> Result<Watchdog> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context(Kind::Failed, || "cannot start the network runtime".to_string())?;
        let (stop, stopped) = unbounded_channel();
        let work = move || {
            runtime.block_on(all(http, plan, tell, stopped));
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("watchdog".into()).spawn(work);
        let thread = thread.context(Kind::Failed, || "cannot start a thread".to_string())?;
        Ok(Watchdog { stop, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // One that has ended hears nothing.
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn all(http: Http, plan: Plan, tell: Sender<Seen>, mut stopped: UnboundedReceiver<()>) {
    let mut each = tokio::task::JoinSet::new();
    for (number, url) in plan.urls.iter().cloned().enumerate() {
        let (http, plan, tell) = (http.clone(), plan.clone(), tell.clone());
        each.spawn(async move {
            loop {
                let begun = Instant::now();
                let heard = tell.send(look(&http, &url, number, &plan).await);
                if plan.once || heard.is_err() {
                    return;
                }
                tokio::time::sleep(plan.every.saturating_sub(begun.elapsed())).await;
            }
        });
    }
    drop(tell);
    tokio::select! {
        () = async { while each.join_next().await.is_some() {} } => {}
        _ = stopped.recv() => {}
    }
}

async fn look(http: &Http, url: &Url, number: usize, plan: &Plan) -> Seen {
    let begun = Instant::now();
    let asked = tokio::time::timeout(plan.timeout, ask(http, url, &plan.expected)).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (status, wrong) = match asked {
        Ok(Ok((status, wrong))) => (Some(status), wrong),
        Ok(Err(error)) => (None, Some(error.full_message())),
        Err(_) => (None, Some("it does not answer in time".to_string())),
    };
    Seen { number, took_ms, status, wrong }
}

async fn ask(http: &Http, url: &Url, expected: &Expected) -> Result<(u16, Option<String>)> {
    let response = http.get(url, HeaderMap::new()).await?;
    let status = response.status();
    let wrong = match expected {
        Expected::Code(code) if *code == status => None,
        Expected::Code(code) => Some(format!("it answers {status}, not {code}")),
        Expected::Fine | Expected::Text(_) if status >= 400 => Some(format!("it answers {status}")),
        Expected::Fine => None,
        Expected::Text(text) => {
            let body = response.bytes(LARGEST).await?;
            (!contains(&body, text.as_bytes())).then(|| "the text is not in its answer".to_string())
        }
    };
    Ok((status, wrong))
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || String::from_utf8_lossy(body).contains(&*String::from_utf8_lossy(text))
}

/// An address as it was typed; without a scheme it is one of `https`, or of `http` on this machine.
///
/// # Errors
/// `Usage` when it is none.
pub fn address(text: &str) -> Result<Url> {
    let local = ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| text.starts_with(host));
    let whole = match text.contains("://") {
        true => text.to_string(),
        false => format!("{}://{text}", if local { "http" } else { "https" }),
    };
    let url = Url::parse(&whole).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    url.ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{text}` is no address")).hint("write it like https://example.org/health")
    })
}

/// An address for people and records: without name and password, and without what a query may hold.
pub fn shown(url: &Url) -> String {
    let mut plain = url.clone();
    // They fail only for addresses that can have neither.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_query(None);
    plain.set_fragment(None);
    plain.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(wrong: Option<&str>) -> Seen {
        Seen { number: 0, took_ms: 7, status: Some(200), wrong: wrong.map(String::from) }
    }

    #[test]
    fn only_a_change_is_one() {
        let mut standing = Standing::default();
        let told: Vec<bool> =
            [None, None, Some("a"), Some("b"), None].into_iter().map(|wrong| standing.take(seen(wrong))).collect();
        assert_eq!(told, [true, false, true, false, true]);
        assert_eq!((standing.looks, standing.wrong, standing.since, standing.is_down()), (5, 2, 5, false));
        assert_eq!(standing.took, [Some(7), Some(7), None, None, Some(7)]);
        assert!(!(0..500).any(|_| standing.take(seen(None))));
        assert_eq!(standing.took.len(), MOST);
    }

    #[test]
    fn what_is_expected_and_where_is_read_as_it_is_typed() {
        assert_eq!(Expected::read("204"), Expected::Code(204));
        assert_eq!(
            ["2xx", "20", "2041", "fine"].map(Expected::read),
            ["2xx", "20", "2041", "fine"].map(|t| Expected::Text(t.into()))
        );
        assert_eq!(address("example.org/x").unwrap().as_str(), "https://example.org/x");
        assert_eq!(address("localhost:80/x").unwrap().as_str(), "http://localhost/x");
        assert_eq!(shown(&address("https://me:pass@a.org/b?key=1#c").unwrap()), "https://a.org/b");
        for bad in ["ftp://a", "", "://", "http://", "a b"] {
            assert_eq!(address(bad).unwrap_err().kind(), Kind::Usage, "{bad}");
        }
    }
}
