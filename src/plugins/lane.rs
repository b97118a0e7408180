//! Where Lua runs: one piece of work after another, on a thread of its own, or at once on the thread of whoever may wait.
//!
//! What is asked for from within such work (a command that a plugin runs may have a `lua` step) is done in place. Whoever
//! waits for the thread may stop waiting, and then that work ends.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::halt::{Asked, Halt};
use super::limits::Limits;
use super::right::Right;
use super::room::Room;
use super::world::{Level, World};
use crate::kernel::duration::human_ms;
use crate::kernel::error::{Context, Error, Kind, Result};

/// Work for the thread.
type Job = Box<dyn FnOnce(&Room) + Send>;

/// A state that nobody called for so long is let go.
const IDLE: Duration = Duration::from_secs(60);

/// How often whoever waits looks whether it is to wait no more.
const GLANCE: Duration = Duration::from_millis(20);

/// How long a thread that still works when nobody needs it any more is waited for.
const PARTING: Duration = Duration::from_millis(500);

/// What ends a wait before the work has ended.
#[derive(Clone, Copy)]
pub struct Ends<'a> {
    /// Somebody asks for it.
    pub asked: &'a Asked,
    /// It took so long, the time until its turn included.
    pub limit: Option<Duration>,
}

/// The thread.
pub struct Lane {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread has ended.
    ended: Mutex<Receiver<()>>,
    right: Arc<Right>,
    room: Arc<Room>,
    turn: Arc<Turn>,
    tickets: AtomicU64,
}

/// Whose turn it is, and whether it is to end.
#[derive(Default)]
struct Turn {
    now: Mutex<Now>,
    /// What the meters of all states look at.
    halt: Arc<Halt>,
}

#[derive(Default)]
struct Now {
    /// The work that is done, by its number; 0 for none that could be asked to end.
    ticket: u64,
    /// Work that is to be passed over when its turn comes.
    unwanted: Vec<u64>,
    /// Whether the thread is to end.
    leaving: bool,
}

impl Turn {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn of this work comes; whether anybody still wants it.
    fn begin(&self, ticket: u64) -> bool {
        let mut now = self.now();
        now.ticket = ticket;
        let before = now.unwanted.len();
        now.unwanted.retain(|other| *other != ticket);
        now.unwanted.len() == before
    }

    fn end(&self) {
        let mut now = self.now();
        now.ticket = 0;
        self.halt.set(now.leaving);
    }

    /// Nobody wants this work any more.
    fn cancel(&self, ticket: u64) {
        let mut now = self.now();
        if now.ticket == ticket {
            self.halt.set(true);
        } else {
            now.unwanted.push(ticket);
        }
    }

    fn leave(&self) {
        self.now().leaving = true;
        self.halt.set(true);
    }
}

impl Lane {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(limits: Limits, world: Arc<dyn World>) -> Result<Lane> {
        let turn = Arc::new(Turn::default());
        let room = Arc::new(Room::new(limits, world, turn.halt.clone()));
        let (jobs, queue) = channel::<Job>();
        let right = Arc::new(Right::default());
        let there = There { room: room.clone(), right: right.clone() };
        let (ends, ended) = channel::<()>();
        let work = move || {
            let _ends = ends;
            there.work(&queue);
        };
        let thread = std::thread::Builder::new().name("lua".into()).spawn(work);
        let thread = thread.context(Kind::Failed, || "cannot start a thread".to_string())?;
        let (jobs, thread, ended) = (Some(jobs), Some(thread), Mutex::new(ended));
        Ok(Lane { jobs, thread, ended, right, room, turn, tickets: AtomicU64::new(1) })
    }

    /// Has the thread do something. From within such work it is done at once.
    pub fn send(&self, job: impl FnOnce(&Room) + Send + 'static) {
        if self.right.is_mine() {
            return job(&self.room);
        }
        if let Some(jobs) = &self.jobs {
            // A thread that is gone answers nobody; whoever waits sees that.
            let _ = jobs.send(Box::new(job));
        }
    }

    /// Has the thread do something and waits for what comes of it.
    ///
    /// # Errors
    /// Those of the work; `Failed` when the thread is gone.
    pub fn wait<T: Send + 'static>(&self, job: impl FnOnce(&Room) -> Result<T> + Send + 'static) -> Result<T> {
        let (answer, answered) = channel();
        self.send(move |room| drop(answer.send(job(room))));
        answered.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Does something with the states that are there, at once and on this thread, unless Lua runs elsewhere just now: two changes of
    /// threads take longer than most calls. It ends when it is `asked` to. Without an answer nothing was done.
    ///
    /// # Errors
    /// Those of the work.
    pub fn at_once<T>(&self, asked: Option<&Asked>, job: impl FnOnce(&Room) -> Result<T>) -> Option<Result<T>> {
        // What a script asks of the network blocks, which a thread of an asynchronous runtime must not.
        if self.right.is_mine() || tokio::runtime::Handle::try_current().is_ok() {
            return None;
        }
        let right = self.right.take_at_once()?;
        let done = guarded(&self.room, |room| room.heeding(asked, job)).unwrap_or_else(|| Err(gone()));
        drop(right);
        if self.room.world().has_rest() {
            // What was put off is the thread's to do.
            self.send(|_| ());
        }
        Some(done)
    }

    /// [`Lane::wait`] until `ends`, if that comes first: the work is then asked to end, and not waited for. `what` is named.
    ///
    /// # Errors
    /// Those of [`Lane::wait`]; `Interrupted` and `TimedOut` at an end.
    pub fn wait_until<T: Send + 'static>(
        &self,
        what: &str,
        ends: Ends<'_>,
        job: impl FnOnce(&Room) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.right.is_mine() {
            return self.room.heeding(Some(ends.asked), job);
        }
        let begun = Instant::now();
        let ticket = self.tickets.fetch_add(1, Relaxed);
        let (answer, answered) = channel();
        let (turn, asked) = (self.turn.clone(), ends.asked.clone());
        self.send(move |room| {
            if turn.begin(ticket) {
                // The turn is over also where the work panics.
                let _over = Over(&turn);
                drop(answer.send(room.heeding(Some(&asked), job)));
            } else {
                turn.end();
            }
        });
        loop {
            let left = ends.limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            match answered.recv_timeout(left.map_or(GLANCE, |left| left.min(GLANCE))) {
                Ok(done) => return done,
                Err(RecvTimeoutError::Disconnected) => return Err(gone()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let over = ends.limit.filter(|limit| begun.elapsed() >= *limit);
            if ends.asked.is_asked() || over.is_some() {
                self.turn.cancel(ticket);
                return Err(match over {
                    Some(limit) => {
                        let time = human_ms(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
                        Error::new(Kind::TimedOut, format!("{what} took longer than {time}"))
                    }
                    None => Error::new(Kind::Interrupted, format!("{what} was stopped")),
                });
            }
        }
    }
}

/// Ends a turn.
struct Over<'a>(&'a Turn);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The thread ended.
pub fn gone() -> Error {
    Error::new(Kind::Failed, "the thread of the plugins is gone")
}

/// Does something; `None` where it broke off. A bug in it must not take others with it.
fn guarded<T>(room: &Room, job: impl FnOnce(&Room) -> T) -> Option<T> {
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(room)));
    if done.is_err() {
        room.world().log("fac", Level::Error, "a call of a plugin broke off");
    }
    done.ok()
}

/// What the thread has.
struct There {
    room: Arc<Room>,
    right: Arc<Right>,
}

impl There {
    fn work(&self, queue: &Receiver<Job>) {
        loop {
            let job = match queue.try_recv() {
                Ok(job) => job,
                Err(_) => match self.rest(queue) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                },
            };
            let _right = self.right.take();
            // Whoever waits for it sees that no answer comes.
            guarded(&self.room, job);
        }
        self.room.world().rest();
    }

    /// Nothing is to be done: what was put off, then a sleep until something is.
    fn rest(&self, queue: &Receiver<Job>) -> std::result::Result<Job, RecvTimeoutError> {
        self.room.world().rest();
        if self.room.let_go(IDLE) {
            return queue.recv_timeout(IDLE);
        }
        queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.turn.leave();
        self.jobs = None;
        let thread = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id());
        let Some(thread) = thread else { return };
        // What it waits for (a server, a command) may come in a minute, and nobody wants it any more.
        let works = self.right.take_at_once().is_none();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        if works && ended.recv_timeout(PARTING) == Err(RecvTimeoutError::Timeout) {
            return self.room.world().rest();
        }
        // One that panicked has nothing more to say.
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Stop;
    use crate::plugins::manifest::Permissions;
    use crate::plugins::tests::Deaf;

    #[test]
    fn whoever_waits_no_longer_ends_the_work_and_no_other() {
        let limits = Limits { wall: Duration::from_secs(3600), steps: 0, ..Limits::default() };
        let lane = Lane::start(limits, Arc::new(Deaf::default())).unwrap();
        let run = |script: &'static str| {
            move |room: &Room| {
                let state = room.sandbox("x", &Permissions::default(), room.world().clone())?;
                state.run("`x`", "x", script).map(|value| value.to_string().unwrap_or_default())
            }
        };
        let stop = Stop::new().unwrap();
        let asked = Asked::ever(&stop);
        let ends = Ends { asked: &asked, limit: Some(Duration::from_millis(50)) };
        let error = lane.wait_until("`x`", ends, run("while true do end")).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::TimedOut, "`x` took longer than 50 ms"));
        stop.request();
        let ends = Ends { asked: &asked, limit: None };
        let error = lane.wait_until("`x`", ends, run("while true do end")).unwrap_err();
        assert_eq!((error.kind(), error.message()), (Kind::Interrupted, "`x` was stopped"));
        // The thread is free again, and what comes next is not ended.
        assert_eq!(lane.wait(run("return 'still here'")).unwrap(), "still here");
    }

    #[test]
    fn what_may_wait_is_done_at_once_where_nobody_else_is() {
        let lane = Lane::start(Limits::default(), Arc::new(Deaf::default())).unwrap();
        let here = |_: &Room| Ok(std::thread::current().id());
        // The thread lets go a moment after it answered.
        fn soon<T>(mut ask: impl FnMut() -> Option<Result<T>>) -> Result<T> {
            loop {
                match ask() {
                    Some(done) => return done,
                    None => std::thread::yield_now(),
                }
            }
        }
        assert_eq!(soon(|| lane.at_once(None, here)).unwrap(), std::thread::current().id());
        assert_ne!(lane.wait(here).unwrap(), std::thread::current().id());
        // From within, everything is done in place.
        let within = soon(|| {
            lane.at_once(None, |_| {
                assert!(lane.at_once(None, here).is_none());
                lane.wait(here)
            })
        });
        assert_eq!(within.unwrap(), std::thread::current().id());
        // While the thread works nobody else does.
        let (begun, begins) = channel();
        let (end, ends) = channel::<()>();
        lane.send(move |_| {
            begun.send(()).unwrap();
            let _ = ends.recv();
        });
        begins.recv().unwrap();
        assert!(lane.at_once(None, here).is_none());
        drop(end);
        assert_ne!(lane.wait(here).unwrap(), std::thread::current().id());
        let broken = soon(|| lane.at_once(None, |_| -> Result<()> { panic!("a bug") }));
        assert_eq!(broken.unwrap_err().message(), gone().message());
        assert!(soon(|| lane.at_once(None, here)).is_ok(), "and the next goes on");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(async { lane.at_once(None, here).is_none() }), "a runtime's thread must not wait");
    }
}
