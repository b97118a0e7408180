//! Where the work of requests is done: blocking work on threads with an [`App`] each, talking on a few threads with a
//! runtime each.
//!
//! An `App` may go to another thread but is nobody's common property; so they are kept in a pile and lent. It
//! deliberately does not know what the work is.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, oneshot};

use super::access::caller::Caller;
use crate::app::App;
use crate::kernel::error::{Context, Error, Kind, Result};

/// Longer than this nobody trusts what an `App` has read of folders of commands.
const FRESH: Duration = Duration::from_secs(1);
/// Kept for the next request at most; more are thrown away when they come back.
const KEPT: usize = 64;

type Work = Box<dyn FnOnce(Rc<App>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The pile of `App`s and the threads that talk. Clones are the same.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    /// What others are made of.
    seed: Mutex<App>,
    idle: Mutex<Vec<Lent>>,
    generation: AtomicU64,
    workers: Vec<mpsc::UnboundedSender<Work>>,
    next: AtomicUsize,
    /// Rung when work is done, which may have changed something.
    done: Arc<Notify>,
}

struct Lent {
    app: App,
    generation: u64,
    looked: Instant,
}

impl Desk {
    /// A desk whose `App`s are like this one, with `workers` threads for what talks.
    ///
    /// # Errors
    /// When the process is out of threads.
    pub fn new(seed: App, workers: usize) -> Result<Desk> {
        let mut senders = Vec::new();
        let mut heard = Vec::new();
        for number in 0..workers.max(1) {
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            heard.push((number, receiver));
        }
        let shared = Arc::new(Shared {
            seed: Mutex::new(seed),
            idle: Mutex::default(),
            generation: AtomicU64::new(0),
            workers: senders,
            next: AtomicUsize::new(0),
            done: Arc::default(),
        });
        for (number, receiver) in heard {
            // A worker ends when the desk is gone, so it must not hold it.
            let weak = Arc::downgrade(&shared);
            std::thread::Builder::new()
                .name(format!("serve-{number}"))
                .spawn(move || talk(receiver, &|| Some(Desk { shared: weak.upgrade()? })))
                .context(Kind::Failed, || "cannot start a thread".to_string())?;
        }
        Ok(Desk { shared })
    }

    /// Does `work` on a blocking thread, with an `App` in which only is what `caller` may see, and whose records carry the
    /// caller's name and trace id.
    ///
    /// # Errors
    /// Those of `work`; `Failed` when it panicked.
    pub async fn sync<T, E>(
        &self,
        caller: &Caller,
        work: impl FnOnce(&App) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let desk = self.clone();
        let (trace, person, sees_all) = (caller.trace, caller.person(), caller.role.sees_all());
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || -> Result<T, E> {
            let _in = span.enter();
            let mut lent = desk.take()?;
            lent.app.set_acting(trace, person, sees_all);
            let result = work(&lent.app);
            // What panics never comes here, and its `App` is not lent again.
            desk.give_back(lent);
            desk.shared.done.notify_one();
            result
        });
        done.await.unwrap_or_else(|_| Err(broken_off().into()))
    }

    /// Starts a future on one of the threads that talk, with an `App` like that of [`Desk::sync`]; it need not be `Send`. Who drops the [`Task`] ends it.
    pub fn local<T, F, Fut>(&self, caller: &Caller, make: F) -> Task<T>
    where
        T: Send + 'static,
        F: FnOnce(Rc<App>) -> Fut + Send + 'static,
        Fut: Future<Output = T> + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let (alive, ended) = oneshot::channel::<()>();
        let (trace, person, sees_all) = (caller.trace, caller.person(), caller.role.sees_all());
        let span = tracing::info_span!("request", trace = %trace);
        let desk = self.shared.done.clone();
        let work: Work = Box::new(move |app| {
            Box::pin(tracing::Instrument::instrument(
                async move {
                    let app = match app.acting_for(trace, person, sees_all) {
                        Ok(app) => Rc::new(app),
                        Err(error) => return tracing::error!(error = error.full_message(), "no room for a request"),
                    };
                    tokio::select! {
                        value = make(app) => {
                            // Nobody may be there any more to hear it.
                            let _ = answer.send(value);
                        }
                        _ = ended => {}
                    }
                    desk.notify_one();
                },
                span,
            ))
        });
        let turn = self.shared.next.fetch_add(1, Ordering::Relaxed);
        if let Some(worker) = self.shared.workers.get(turn % self.shared.workers.len().max(1)) {
            // A worker that is gone drops the work, and the task says that it broke off.
            let _ = worker.send(work);
        }
        Task { answer: receiver, _alive: alive }
    }

    /// Rung whenever work is done.
    pub fn done(&self) -> Arc<Notify> {
        self.shared.done.clone()
    }

    /// Takes this `App`'s settings for all work that begins from now on.
    pub fn renew(&self, seed: App) {
        *lock(&self.shared.seed) = seed;
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        lock(&self.shared.idle).clear();
    }

    /// Which settings these are: a number that grows with [`Desk::renew`].
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
    }

    fn take(&self) -> Result<Lent> {
        let kept = lock(&self.shared.idle).pop();
        let mut lent = match kept {
            Some(lent) if lent.generation == self.generation() => lent,
            _ => self.fresh()?,
        };
        if lent.looked.elapsed() > FRESH {
            lent.app.look_again();
            lent.looked = Instant::now();
        }
        Ok(lent)
    }

    fn fresh(&self) -> Result<Lent> {
        let generation = self.generation();
        Ok(Lent { app: lock(&self.shared.seed).another()?, generation, looked: Instant::now() })
    }

    fn give_back(&self, lent: Lent) {
        let mut idle = lock(&self.shared.idle);
        if lent.generation == self.generation() && idle.len() < KEPT {
            idle.push(lent);
        }
    }
}

/// What was started on a thread that talks.
pub struct Task<T> {
    answer: oneshot::Receiver<T>,
    _alive: oneshot::Sender<()>,
}

impl<T> Task<T> {
    /// Waits for its end.
    ///
    /// # Errors
    /// `Failed` when it panicked.
    pub async fn done(self) -> Result<T> {
        self.answer.await.map_err(|_| broken_off())
    }
}

fn broken_off() -> Error {
    Error::new(Kind::Failed, "the work on this request broke off")
}

/// One thread that talks: its `App` lives as long as the settings that it was made of.
fn talk(mut work: mpsc::UnboundedReceiver<Work>, desk: &dyn Fn() -> Option<Desk>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        let mut mine: Option<(Rc<App>, u64)> = None;
        while let Some(next) = work.recv().await {
            let Some(desk) = desk() else { return };
            let generation = desk.generation();
            let app = match &mine {
                Some((app, of)) if *of == generation => app.clone(),
                _ => match desk.fresh() {
                    Ok(lent) => mine.insert((Rc::new(lent.app), generation)).0.clone(),
                    Err(error) => {
                        tracing::error!(error = error.full_message(), "no room for a request");
                        continue;
                    }
                },
            };
            tokio::task::spawn_local(next(app));
        }
    });
}

/// What a thread that panicked left is as good as before: nothing is changed in between.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
