//! Slow work: threads, lanes in which only the newest request counts, and cancelling.
//!
//! It knows neither what is asked nor what is answered.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::happening::{Fault, Lane};
use super::tabs::{Answer, Request, TabId, work};
use crate::app::App;
use crate::exec::Stop;
use crate::kernel::error::Result;

/// Whoever leaves is not told what is waited for before this.
const MOMENT: Duration = Duration::from_millis(700);

/// Where work is done: the rooms, and a way to answer.
pub struct Desk<'a> {
    /// The rooms, for this thread alone.
    pub app: &'a App,
    /// Says when nobody wants the answer any more.
    pub stop: &'a Stop,
    post: &'a (dyn Fn(Answer) + Sync),
}

impl<'a> Desk<'a> {
    /// A desk whose answers go to `post`.
    pub fn new(app: &'a App, stop: &'a Stop, post: &'a (dyn Fn(Answer) + Sync)) -> Desk<'a> {
        Desk { app, stop, post }
    }

    /// The way to answer, for a thread that helps this one.
    pub fn post(&self) -> &'a (dyn Fn(Answer) + Sync) {
        self.post
    }

    /// Answers. What comes after the desk was told to stop is dropped by whoever reads.
    pub fn send(&self, answer: Answer) {
        (self.post)(answer);
    }
}

/// What a job says.
#[derive(Debug)]
pub struct Posted {
    /// Whose it is.
    pub tab: TabId,
    lane: Lane,
    ticket: u64,
    /// What it says; `None` when it is over. The fault is a panic of ours.
    pub what: std::result::Result<Option<Answer>, Fault>,
}

struct Running {
    ticket: u64,
    stop: Stop,
}

/// Everything that goes on beside the screen.
#[derive(Default)]
pub struct Jobs {
    lanes: HashMap<(TabId, Lane), Running>,
    /// Threads that are waited for in the end, and what they keep.
    threads: Vec<(JoinHandle<()>, &'static str)>,
    next: u64,
}

impl Jobs {
    /// Begins a request; what its lane was at before is given up.
    ///
    /// # Errors
    /// When there are no rooms or no threads.
    pub fn start<T: From<Posted> + Send + 'static>(
        &mut self,
        app: App,
        tab: TabId,
        lane: Lane,
        request: Request,
        to: &Sender<T>,
    ) -> Result<()> {
        self.stop(tab, &lane);
        self.next += 1;
        let keeps = request.keeps();
        let (ticket, stop, sender) = (self.next, Stop::new()?, to.clone());
        self.lanes.insert((tab, lane.clone()), Running { ticket, stop: stop.clone() });
        let body = move || {
            let say = |what| {
                // Nobody reads when the program is being left.
                let _ = sender.send(T::from(Posted { tab, lane: lane.clone(), ticket, what }));
            };
            let post = |answer| say(Ok(Some(answer)));
            let desk = Desk::new(&app, &stop, &post);
            match catch_unwind(AssertUnwindSafe(|| work(request, &desk))) {
                Ok(()) => say(Ok(None)),
                Err(_) => say(Err(Fault {
                    said: "this went wrong inside of fac itself".to_string(),
                    hint: Some("`fac doctor` says where the log is".to_string()),
                })),
            }
        };
        let spawned = std::thread::Builder::new().name("tui-job".to_string()).spawn(body);
        let thread = crate::kernel::error::Context::context(spawned, crate::kernel::error::Kind::Failed, || {
            "cannot start a thread".to_string()
        })?;
        self.threads.retain(|(thread, _)| !thread.is_finished());
        self.threads.extend(keeps.map(|keeps| (thread, keeps)));
        Ok(())
    }

    /// Gives up what a lane is at.
    pub fn stop(&mut self, tab: TabId, lane: &Lane) {
        if let Some(running) = self.lanes.remove(&(tab, lane.clone())) {
            running.stop.request();
        }
    }

    /// What is still wanted of what a job said.
    pub fn accept(&mut self, posted: Posted) -> Option<(TabId, std::result::Result<Answer, Fault>)> {
        let key = (posted.tab, posted.lane);
        if self.lanes.get(&key).is_none_or(|running| running.ticket != posted.ticket) {
            return None;
        }
        match posted.what {
            Ok(Some(answer)) => Some((posted.tab, Ok(answer))),
            Ok(None) => {
                self.lanes.remove(&key);
                None
            }
            Err(fault) => {
                self.lanes.remove(&key);
                Some((posted.tab, Err(fault)))
            }
        }
    }

    /// Waits until what was given up has ended its programs and written its records, no longer than `limit`. What is
    /// waited for is told to `say` once that takes a moment.
    pub fn settle(&self, limit: Duration, mut say: impl FnMut(&str)) {
        let begun = Instant::now();
        let mut said = false;
        loop {
            let open = self.threads.iter().filter(|(thread, _)| !thread.is_finished()).map(|(_, keeps)| *keeps);
            let open: BTreeSet<&str> = open.collect();
            let open = open.into_iter().collect::<Vec<_>>().join(", ");
            if open.is_empty() {
                return;
            }
            if begun.elapsed() >= limit {
                return say(&format!("not waited for any longer: {open}"));
            }
            if begun.elapsed() >= MOMENT && !std::mem::replace(&mut said, true) {
                let locked = "where the database is locked by another program that takes a while";
                say(&format!("waiting at most {} s for {open}; {locked}", limit.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gives up everything; how much that was.
    pub fn stop_all(&mut self) -> usize {
        let count = self.lanes.len();
        self.lanes.drain().for_each(|(_, running)| running.stop.request());
        count
    }
}
