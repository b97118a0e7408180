//! One listening: from the first real sample to the text.
//!
//! Two threads: one takes frames from an [`Ear`], cleans them and cuts utterances, one writes them down. Whoever listens
//! gets [`Said`] after [`Said`] and may end it or give it up; dropping the handle gives it up. It knows neither who asks
//! nor what the text is for.

mod ear;
mod session;
mod words;

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub use ear::AtMicrophone;
pub use session::{Look, Outcome, Plan, Session, Until};
pub use words::Scribe;

use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::voice::clip::FRAME;
use crate::voice::file::Writer;
use crate::voice::sound::{Heard, Trouble};
use crate::voice::transcribe::Transcript;
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
    /// Something is odd with the microphone, and it goes on.
    Trouble(Trouble),
    /// Something else is odd, and it goes on.
    Odd(String),
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
    /// It is over: the whole text, its pieces with their times from the start of the listening. Nothing comes after this.
    Over(Result<Transcript>),
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
) -> Result<Transcript> {
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
        let is_broken = &|| writing.is_finished();
        let taking = Taking { told, stop, work: &work, is_broken, say: tell };
        // The device is free as soon as nothing more is taken.
        let heard = ear().and_then(|mut ear| taking.take(plan, ear.as_mut(), keep));
        drop(work);
        let written = writing.join().unwrap_or_else(|_| Err(Error::new(Kind::Failed, "the transcriber broke down")));
        // Why nobody writes down says more than that it ended.
        if matches!(&heard, Err(error) if error.kind() == Kind::Interrupted) && !stop.is_requested() {
            return written;
        }
        heard.and(written)
    })
}

/// Whom the thread that takes frames heeds and tells.
struct Taking<'a> {
    told: &'a Receiver<Tell>,
    stop: &'a Stop,
    work: &'a Sender<Work>,
    /// Whether nobody writes down any more.
    is_broken: &'a dyn Fn() -> bool,
    say: &'a dyn Fn(Said),
}

impl Taking<'_> {
    /// Takes frames until it is over.
    fn take(&self, plan: Plan, ear: &mut dyn Ear, mut keep: Option<Writer>) -> Result<()> {
        let mut session = Session::new(plan)?;
        let (mut lost, mut broken) = (None, false);
        let mut over = false;
        while !over {
            if self.stop.is_requested() {
                return Err(Error::new(Kind::Interrupted, "cancelled"));
            }
            if !broken && (self.is_broken)() {
                broken = true;
                if !session.has_heard_voice() {
                    return Err(Error::new(Kind::Interrupted, "nobody writes down"));
                }
                (self.say)(Said::Odd("nobody writes this down any more; it is kept as a recording".to_string()));
            }
            match self.told.try_recv() {
                Ok(Tell::Close) => session.close(),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
            }
            let outcomes = match ear.next(WAIT) {
                Heard::Frame(frame) => {
                    if session.ms() == 0 {
                        (self.say)(Said::Ready { device: ear.name() });
                    }
                    if let Some(writer) = &mut keep {
                        writer.push(&frame)?;
                    }
                    session.frame(&frame, ear.played().as_ref())
                }
                Heard::Nothing if session.is_closing() => session.finish(),
                Heard::Nothing => Vec::new(),
                Heard::Trouble(trouble) => {
                    (self.say)(Said::Trouble(trouble));
                    Vec::new()
                }
                Heard::Lost(error) => {
                    lost = Some(error);
                    session.finish()
                }
            };
            over = outcomes.into_iter().any(|outcome| self.pass_on(outcome));
        }
        keep.map_or(Ok(()), Writer::finish)?;
        (self.say)(Said::Closed { ms: session.ms(), voice: session.has_heard_voice() });
        match lost {
            // What was said before the device went is worth writing down.
            Some(error) if session.has_heard_voice() => {
                (self.say)(Said::Odd(error.full_message()));
                Ok(())
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Whether it is over.
    fn pass_on(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Look(look) => (self.say)(Said::Look(look)),
            Outcome::Begun => (self.say)(Said::Begun),
            // Whoever writes down says itself what failed.
            Outcome::Glance(clip) => drop(self.work.send(Work::Glance(clip))),
            Outcome::Said(utterance) => drop(self.work.send(Work::Piece(utterance))),
            Outcome::Over => return true,
        }
        false
    }
}

#[cfg(test)]
mod tests;
