//! One listening: from the first real sample to the text.
//!
//! Two threads: one takes frames from an [`Ear`], cleans them and cuts utterances, one writes them down. Whoever listens
//! gets [`Said`] after [`Said`] and may end it or give it up; dropping the handle gives it up. It knows neither who asks
//! nor what the text is for.

mod session;
mod words;

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub use session::{Look, Outcome, Plan, Session, Until};
pub use words::{Scribe, Written};

use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::FRAME;
use crate::voice::file::Writer;
use words::Work;

/// How long one wait for a frame may take; somebody may want to end it meanwhile.
const WAIT: Duration = Duration::from_millis(100);

/// Where frames come from.
pub trait Ear: Send {
    /// The next 10 ms, waiting no longer than `limit`.
    fn next(&mut self, limit: Duration) -> Heard;

    /// What the loudspeaker was given while that was heard; `None` when nothing is played.
    fn played(&mut self) -> Option<[f32; FRAME]> {
        None
    }

    /// What it is called.
    fn name(&self) -> String;
}

/// What an ear heard.
#[derive(Debug)]
pub enum Heard {
    /// 10 ms at 48 kHz.
    Frame([f32; FRAME]),
    /// Nothing came within the limit.
    Nothing,
    /// Something is odd, and it goes on.
    Trouble(String),
    /// Nothing will come any more.
    Lost(Error),
}

/// What is said about a listening.
#[derive(Debug)]
pub enum Said {
    /// The first real sample came: one can speak.
    Ready {
        /// The device.
        device: String,
    },
    /// How loud it is.
    Look(Look),
    /// Somebody begins to speak.
    Begun,
    /// Something is odd, and it goes on.
    Trouble(String),
    /// Nothing more is taken; what is left is written down.
    Closed {
        /// How long it listened, ms.
        ms: u64,
        /// Whether somebody spoke.
        voice: bool,
    },
    /// What is being said: what is certain, and what may still change.
    Partial {
        /// Certain.
        sure: String,
        /// Not yet.
        rest: String,
    },
    /// A piece of text.
    Text(String),
    /// It is over; nothing comes after this.
    Over(Result<Written>),
}

enum Tell {
    Close,
}

/// A listening that goes on. Dropping it gives it up.
pub struct Listening {
    /// What it says.
    pub said: Receiver<Said>,
    tell: Sender<Tell>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// Who listens, opened on the listening's own thread: a device may take its time.
pub type OpenEar = Box<dyn FnOnce() -> Result<Box<dyn Ear>> + Send>;
/// Who writes down, made on the listening's own thread.
pub type OpenScribe = Box<dyn FnOnce() -> Result<Scribe> + Send>;

impl Listening {
    /// Begins. What is heard goes to `keep` as well, raw, as it comes.
    ///
    /// # Errors
    /// When there are no threads or file descriptors left; everything else is [`Said::Over`].
    pub fn start(plan: Plan, ear: OpenEar, scribe: OpenScribe, keep: Option<Writer>) -> Result<Listening> {
        let (say, said) = channel();
        let (tell, told) = channel();
        let stop = Stop::new()?;
        let stopped = stop.clone();
        let body = move || {
            let over = listen(plan, ear, scribe, keep, &told, &stopped, &say);
            // Whoever listened may be gone.
            let _ = say.send(Said::Over(over));
        };
        let spawned = std::thread::Builder::new().name("listen".to_string()).spawn(body);
        let thread = spawned.context(Kind::Failed, || "cannot start a thread".to_string())?;
        Ok(Listening { said, tell, stop, thread: Some(thread) })
    }

    /// Ends it: the tail is taken, the rest is written down, then it is over.
    pub fn close(&self) {
        let _ = self.tell.send(Tell::Close);
    }

    /// Gives it up; what was said is lost to the caller, not to the file that keeps it.
    pub fn cancel(&self) {
        self.stop.request();
    }

    /// Whether it was given up.
    pub fn is_cancelled(&self) -> bool {
        self.stop.is_requested()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take().filter(|thread| thread.is_finished()) {
            // A device that never answers is left to itself.
            let _ = thread.join();
        }
    }
}

fn listen(
    plan: Plan,
    ear: OpenEar,
    scribe: OpenScribe,
    keep: Option<Writer>,
    told: &Receiver<Tell>,
    stop: &Stop,
    say: &Sender<Said>,
) -> Result<Written> {
    let (work, works) = channel();
    let tell = &|said| {
        let _ = say.send(said);
    };
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || {
            // Who writes down is found while one speaks already.
            let mut scribe = scribe()?;
            words::write_down(&mut scribe, &works, stop, tell)
        });
        let is_broken = || writing.is_finished();
        // The device is free as soon as nothing more is taken.
        let heard = ear().and_then(|mut ear| take(plan, ear.as_mut(), keep, told, stop, &work, &is_broken, tell));
        drop(work);
        let written = writing.join().unwrap_or_else(|_| Err(Error::new(Kind::Failed, "the transcriber broke down")));
        // Why nobody writes down says more than that it ended.
        if matches!(&heard, Err(error) if error.kind() == Kind::Interrupted) && !stop.is_requested() {
            return written;
        }
        heard.and(written)
    })
}

/// Takes frames until it is over.
fn take(
    plan: Plan,
    ear: &mut dyn Ear,
    mut keep: Option<Writer>,
    told: &Receiver<Tell>,
    stop: &Stop,
    work: &Sender<Work>,
    is_broken: &dyn Fn() -> bool,
    say: &dyn Fn(Said),
) -> Result<()> {
    let mut session = Session::new(plan)?;
    let (mut lost, mut broken) = (None, false);
    'listening: loop {
        if stop.is_requested() {
            return Err(Error::new(Kind::Interrupted, "cancelled"));
        }
        if !broken && is_broken() {
            broken = true;
            if !session.has_heard_voice() {
                return Err(Error::new(Kind::Interrupted, "nobody writes down"));
            }
            say(Said::Trouble("nobody writes this down any more; it is kept as a recording".to_string()));
        }
        match told.try_recv() {
            Ok(Tell::Close) => session.close(),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        let outcomes = match ear.next(WAIT) {
            Heard::Frame(frame) => {
                if session.ms() == 0 {
                    say(Said::Ready { device: ear.name() });
                }
                if let Some(writer) = &mut keep {
                    writer.push(&frame)?;
                }
                session.frame(&frame, ear.played().as_ref())
            }
            Heard::Nothing if session.is_closing() => session.finish(),
            Heard::Nothing => Vec::new(),
            Heard::Trouble(trouble) => {
                say(Said::Trouble(trouble));
                Vec::new()
            }
            Heard::Lost(error) => {
                lost = Some(error);
                session.finish()
            }
        };
        for outcome in outcomes {
            match outcome {
                Outcome::Look(look) => say(Said::Look(look)),
                Outcome::Begun => say(Said::Begun),
                // Whoever writes down says itself what failed.
                Outcome::Glance(clip) => drop(work.send(Work::Glance(clip))),
                Outcome::Said(utterance) => drop(work.send(Work::Piece(utterance))),
                Outcome::Over => break 'listening,
            }
        }
    }
    keep.map_or(Ok(()), Writer::finish)?;
    say(Said::Closed { ms: session.ms(), voice: session.has_heard_voice() });
    match lost {
        // What was said before the device went is worth writing down.
        Some(error) if session.has_heard_voice() => {
            say(Said::Trouble(error.full_message()));
            Ok(())
        }
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
