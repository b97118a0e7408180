//! What the voice tab has done for it: listening, and what is kept of it. It draws nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::super::Answer as AnyAnswer;
use crate::app::App;
use crate::app::voice::listen::Wanted;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::kernel::terminal::safe_line;
use crate::store::{Recording, RecordingStatus};
use crate::tui::happening::Fault;
use crate::tui::jobs::Desk;
use crate::voice::listen::{Look, Said, Until};

/// How often a listening is looked after.
const TICK: Duration = Duration::from_millis(30);
/// How many recordings are listed.
const LISTED: usize = 500;

/// How a listening is ended from outside. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    close: Arc<AtomicBool>,
    cancel: Arc<AtomicBool>,
}

impl Ending {
    /// Nothing more is taken; what was said is written down.
    pub fn close(&self) {
        self.close.store(true, Ordering::SeqCst);
    }

    /// It is given up.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::SeqCst);
    }

    /// Whether it was ended, and whether it was given up.
    pub fn state(&self) -> (bool, bool) {
        (self.close.load(Ordering::SeqCst), self.cancel.load(Ordering::SeqCst))
    }
}

impl PartialEq for Ending {
    fn eq(&self, other: &Ending) -> bool {
        self.state() == other.state()
    }
}

/// A wish to listen.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// When it ends by itself.
    pub until: Until,
    /// How it is ended.
    pub ending: Ending,
    /// Whether it goes beside something that is read aloud, which falls silent when somebody speaks; nothing is listened
    /// to where that is not wanted.
    pub against: bool,
}

/// What the tab asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Listen.
    Listen(Wish),
    /// What was said, the newest first.
    List,
    /// Write a recording down again.
    Retry(Id),
    /// Erase a recording and its text.
    Erase(Id),
}

/// What was said at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The recording's id.
    pub id: Id,
    /// When.
    pub at: Timestamp,
    /// Its length, ms.
    pub ms: u64,
    /// Its text.
    pub text: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub enum Answer {
    /// Sound comes from this device.
    Ready(String),
    /// How loud it is.
    Looked(Look),
    /// What is being said: what is certain, and the rest.
    Words(String, String),
    /// Something is odd; `None` when it is right again.
    Trouble(Option<String>),
    /// Nothing more is taken.
    Closed,
    /// The text, or why there is none. Empty when nobody spoke; none when nobody needed to.
    Over(std::result::Result<Option<String>, Fault>),
    /// What was said.
    Listed(std::result::Result<Vec<Line>, Fault>),
    /// What was asked for is done.
    Done(std::result::Result<String, Fault>),
}

/// Does what was asked for.
pub fn work(request: Request, desk: &Desk<'_>) {
    let app = desk.app;
    let answer = match request {
        Request::Listen(wish) => Answer::Over(heard(&wish, desk).map_err(Fault::from)),
        Request::List => Answer::Listed(list(app).map_err(Fault::from)),
        Request::Retry(id) => Answer::Done(retry(id, desk).map_err(Fault::from)),
        Request::Erase(id) => Answer::Done(erase(app, id).map_err(Fault::from)),
    };
    tell(desk, answer);
}

fn tell(desk: &Desk<'_>, answer: Answer) {
    desk.send(AnyAnswer::Voice(Box::new(answer)));
}

fn list(app: &App) -> Result<Vec<Line>> {
    let mut all = app.store()?.recordings(None)?;
    all.reverse();
    Ok(all.into_iter().take(LISTED).map(line).collect())
}

fn line(recording: Recording) -> Line {
    let error = recording.error.filter(|_| recording.status == RecordingStatus::Failed);
    Line { id: recording.id, at: recording.created, ms: recording.ms, text: recording.text, error }
}

fn retry(id: Id, desk: &Desk<'_>) -> Result<String> {
    let app = desk.app;
    let recording = app.store()?.recording(&id.to_string())?;
    let mut engine = app.transcriber(None)?;
    let text = app.write_down(&recording, engine.as_mut(), &app.transcriber_wishes()?, desk.stop)?.text;
    Ok(if text.is_empty() { "nobody speaks in it".to_string() } else { format!("written down: {}", safe_line(&text)) })
}

fn erase(app: &App, id: Id) -> Result<String> {
    let recording = app.store()?.recording(&id.to_string())?;
    app.remove_recording(&recording)?;
    Ok("erased".to_string())
}

/// What was said, where somebody was to speak or did.
fn heard(wish: &Wish, desk: &Desk<'_>) -> Result<Option<String>> {
    let speaking = &desk.app.speaking;
    if !wish.against {
        speaking.hush();
        return listen(wish, desk).map(Some);
    }
    if !desk.app.config()?.flag("voice.barge_in") {
        return Ok(None);
    }
    while speaking.is_at_it() {
        let (close, cancel) = wish.ending.state();
        if close || cancel || desk.stop.is_requested() {
            break;
        }
        if !speaking.sounds() {
            desk.stop.wait(TICK);
            continue;
        }
        let text = listen(wish, desk)?;
        if !text.is_empty() {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn listen(wish: &Wish, desk: &Desk<'_>) -> Result<String> {
    let wishes = desk.app.transcriber_wishes()?;
    let wanted = Wanted { until: wish.until, wishes, glances: true, source: "tui", ..Wanted::default() };
    let hearing = desk.app.listen(wanted)?;
    let (mut closed, mut voice, mut ms) = (false, false, 0);
    let mut texts: Vec<String> = Vec::new();
    let over = loop {
        let (close, cancel) = wish.ending.state();
        let needless = wish.against && !voice && !desk.app.speaking.is_at_it();
        if cancel || needless || desk.stop.is_requested() {
            hearing.listening.cancel();
        } else if close && !closed {
            closed = true;
            hearing.listening.close();
        }
        match hearing.listening.said.recv_timeout(TICK) {
            Ok(Said::Over(over)) => break over,
            Ok(Said::Ready { device }) => tell(desk, Answer::Ready(device)),
            Ok(Said::Look(look)) => tell(desk, Answer::Looked(look)),
            Ok(Said::Begun) => {
                voice = true;
                desk.app.speaking.hush();
            }
            Ok(Said::Trouble(trouble)) => {
                let right = matches!(trouble, crate::voice::sound::Trouble::Sounding);
                tell(desk, Answer::Trouble((!right).then(|| trouble.to_string())));
            }
            Ok(Said::Odd(odd)) => tell(desk, Answer::Trouble(Some(odd))),
            Ok(Said::Partial { sure, rest }) => {
                texts.push(sure);
                tell(desk, Answer::Words(texts.join(" ").trim().to_string(), rest));
                texts.pop();
            }
            Ok(Said::Text(text)) => {
                texts.push(text);
                tell(desk, Answer::Words(texts.join(" "), String::new()));
            }
            Ok(Said::Closed { ms: length, voice: spoken }) => {
                (ms, voice) = (length, spoken);
                tell(desk, Answer::Closed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break Err(Error::new(Kind::Failed, "the listening broke down")),
        }
    };
    // Who leaves the program gives up the listening, not what was said.
    let left = desk.stop.is_requested() && !wish.ending.state().1;
    let over = match over {
        Err(error) if left && error.kind() == Kind::Interrupted => {
            Err(Error::new(Kind::Failed, "the program was left before this was written down"))
        }
        over => over,
    };
    let kept = desk.app.heard(&hearing, voice, ms, &over)?;
    match over {
        Ok(transcript) => Ok(transcript.text),
        Err(error) if error.kind() == Kind::Interrupted => Ok(String::new()),
        Err(error) if kept => Err(error.hint("it is kept: r writes it down again")),
        Err(error) => Err(error),
    }
}
