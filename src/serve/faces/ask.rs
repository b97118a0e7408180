//! Asking for a face: the models that are meant, what plugins read on the way, the records, and an answer that comes as
//! slowly as its reader takes it.
//!
//! Nothing is started beside the request: the question is asked by whoever polls the answer. So a client that goes away
//! ends it upstream, by dropping, and a slow one holds nothing up but itself.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::Stream;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::{Instant, Sleep, sleep_until};

use super::asked::{Asked, Label, Writer};
use super::fault::Fault;
use super::frame::Frame;
use crate::app::App;
use crate::app::models::{budget_check, traceparent};
use crate::chat::driver::Listener;
use crate::chat::filter::{self, Filter, Way};
use crate::chat::record::Recorder;
use crate::kernel::error::Result;
use crate::kernel::figures::hex;
use crate::kernel::ids::{Id, Ids};
use crate::providers::entry::Wire;
use crate::providers::model::{Answer, Finish, Part, Piece, Request, Role, words};
use crate::providers::{Attempt, Choice, Models, Needs, Watch, tokens};
use crate::serve::live;
use crate::store::{NewCall, Store};

/// What requests of a face are for, in the records.
pub const PURPOSE: &str = "serve";
/// A stream begins after this even when nothing has come: before it, a failure still has a status of its own.
const BEGIN: Duration = Duration::from_secs(10);
/// Nobody on the way hangs up on a stream that says something this often.
const PAUSE: Duration = Duration::from_secs(15);

/// What asking needs of the rooms.
pub struct Room {
    models: Models,
    store: Store,
    filters: Vec<Arc<dyn Filter>>,
    use_cache: bool,
}

impl Room {
    /// Everything for one request of `person`. Answers that were kept for one person are given to no other.
    ///
    /// # Errors
    /// `Refused` when the budget is spent; those of the settings and the store.
    pub fn open(app: &App, standing: &Models, person: Option<Id>) -> Result<Room> {
        budget_check(app)?;
        let whose = person.map(|id| id.to_string()).unwrap_or_default();
        Ok(Room {
            models: standing.on_behalf(traceparent(app.trace()), &whose),
            store: app.store()?.clone(),
            filters: app.plugins()?.filters()?,
            use_cache: app.config()?.flag("cache.answers"),
        })
    }

    /// The models.
    pub fn models(&self) -> &Models {
        &self.models
    }

    /// A name for an answer of `model` that is made now.
    pub fn label(&self, model: &str) -> Label {
        let id = hex(&Ids::random().bytes16());
        Label { id, at: self.store.now().as_micros() / 1_000_000, model: model.to_string() }
    }

    /// Finds the models that are meant.
    ///
    /// # Errors
    /// When there is none.
    pub async fn prepare(self, asked: Asked, own: Wire) -> std::result::Result<Question, Fault> {
        let typed = Some(asked.model.as_str()).filter(|name| !matches!(*name, "" | "default"));
        let parts = || asked.request.turns.iter().flat_map(|turn| &turn.parts);
        let is_picture = |part: &Part| matches!(part, Part::File { mime, .. } if mime.starts_with("image/"));
        let texts = asked.request.turns.iter().map(|turn| words(&turn.parts));
        let size = texts.map(|text| tokens::count("", &text, false).tokens).sum();
        let needs = Needs { task: "chat".to_string(), tokens: size, vision: parts().any(is_picture) };
        let choices = self.models.resolve(typed, &needs).await.map_err(|error| Fault::no_model(&error))?;
        let mut wires = choices.iter().map(|choice| choice.entry.wire);
        let wire = wires.next().filter(|first| wires.all(|other| other == *first));
        Ok(Question { room: self, choices, request: asked.request_for(own, wire) })
    }
}

/// A question with the models that it goes to.
pub struct Question {
    room: Room,
    choices: Vec<Choice>,
    request: Request,
}

impl Question {
    /// The name of the model that is asked first.
    pub fn model(&self) -> String {
        self.choices.first().map(Choice::name).unwrap_or_default()
    }

    /// A name for its answer.
    pub fn label(&self) -> Label {
        self.room.label(&self.model())
    }

    /// Asks. Pieces go to `heard` as they come, unless plugins read the answer first. Dropping the future ends the request.
    ///
    /// # Errors
    /// What went wrong, as a client is told.
    pub async fn ask(mut self, heard: Heard) -> std::result::Result<Answer, Fault> {
        let filters = std::mem::take(&mut self.room.filters);
        let mut ear = Ear(heard);
        for turn in &mut self.request.turns {
            let way = match turn.role {
                Role::User => Way::Prompt,
                Role::Tool => Way::Result,
                Role::Assistant => continue,
                Role::System => {
                    let guards: Vec<_> = filters.iter().filter(|filter| filter.guards()).cloned().collect();
                    pass(&guards, Way::Prompt, &mut turn.parts, &mut ear).await?;
                    continue;
                }
            };
            pass(&filters, way, &mut turn.parts, &mut ear).await?;
        }
        let new = NewCall { purpose: PURPOSE.to_string(), ..NewCall::default() };
        let store = self.room.store.clone();
        let holds = filter::any(&filters, Way::Answer);
        let asked = {
            let mut recorder = Recorder::new(&store, &mut ear, new);
            recorder.hold = holds;
            let mut recording = Recording(recorder);
            let models = &self.room.models;
            models.ask(&self.choices, &self.request, self.room.use_cache, &mut recording).await
        };
        let mut answer = asked.map_err(|failure| Fault::from(&failure))?;
        if answer.finish == Finish::CutOff {
            return Err(Fault::cut_off(&answer.model));
        }
        if holds {
            let parts = std::mem::take(&mut answer.parts);
            let passed = filter::parts(&filters, Way::Answer, parts, &mut ear).await;
            answer.parts = passed.map_err(|why| Fault::new(403, why))?;
        }
        Ok(answer)
    }
}

/// Lets plugins read and change texts; results of tools are texts too.
async fn pass(
    filters: &[Arc<dyn Filter>],
    way: Way,
    parts: &mut Vec<Part>,
    ear: &mut Ear,
) -> std::result::Result<(), Fault> {
    if !filter::any(filters, way) {
        return Ok(());
    }
    let refused = |why: String| Fault::new(403, why);
    *parts = filter::parts(filters, way, std::mem::take(parts), ear).await.map_err(refused)?;
    for part in parts {
        if let Part::ToolResult(result) = part {
            let said = std::mem::take(&mut result.content);
            result.content = filter::text(filters, way, said, ear).await.map_err(refused)?;
        }
    }
    Ok(())
}

/// Pieces that came and were not told yet.
pub type Heard = Arc<Mutex<VecDeque<Piece>>>;

struct Ear(Heard);

impl Listener for Ear {
    fn piece(&mut self, piece: &Piece) {
        // Notices are for people; what a client is told is the answer.
        if !matches!(piece, Piece::Notice(_)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(piece.clone());
        }
    }

    fn tool_begins(&mut self, _origin: &str, _preview: &str) {}

    fn tool_ended(&mut self, _origin: &str, _said: &str, _failed: bool) {}
}

/// Writes down what happens, off the threads of the runtime; a request that is given up is written down as such.
struct Recording<'a>(Recorder<'a>);

impl Watch for Recording<'_> {
    fn piece(&mut self, piece: Piece) {
        self.0.piece(piece);
    }

    fn attempt(&mut self, model: &Choice, cached: bool) {
        waiting(|| self.0.attempt(model, cached));
    }

    fn attempt_ended(&mut self, model: &Choice, ended: &Attempt<'_>) {
        waiting(|| self.0.attempt_ended(model, ended));
        if let Some(trouble) = &self.0.trouble {
            tracing::error!(error = trouble.full_message(), "a request to a model could not be written down");
        }
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        waiting(|| self.0.cancel());
    }
}

/// Waits for the disk without holding up what else the thread has to do.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Work that a server which ends waits for, and what it is told when that has waited long enough.
pub struct UnderWay {
    _work: live::Work,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl UnderWay {
    /// Begins.
    ///
    /// # Errors
    /// When the server is ending.
    pub fn begin(live: &live::Live) -> std::result::Result<UnderWay, Fault> {
        let mut phase = live.phase();
        let over = async move { drop(phase.wait_for(|phase| *phase == live::Phase::Over).await) };
        Ok(UnderWay { _work: live.begin().map_err(|_| ending())?, over: Box::pin(over) })
    }

    /// What comes of work, unless the server ends before.
    ///
    /// # Errors
    /// Those of the work; that the server is ending.
    pub async fn bound<T>(
        self,
        work: impl Future<Output = std::result::Result<T, Fault>>,
    ) -> std::result::Result<T, Fault> {
        tokio::select! {
            done = work => done,
            () = self.over => Err(ending()),
        }
    }
}

fn ending() -> Fault {
    Fault::new(503, "the server is ending; try again in a moment")
}

type Work = Pin<Box<dyn Future<Output = std::result::Result<Answer, Fault>> + Send>>;

/// An answer that is told piece by piece.
pub struct Telling {
    work: Option<Work>,
    under_way: UnderWay,
    heard: Heard,
    ended: Option<std::result::Result<Answer, Fault>>,
    writer: Box<dyn Writer>,
    ready: VecDeque<Bytes>,
    first: bool,
    closed: bool,
    pause: Pin<Box<Sleep>>,
}

/// Something that happened.
enum Event {
    Piece(Piece),
    Ended(std::result::Result<Answer, Fault>),
}

impl Telling {
    /// Waits for the first piece of an answer, or a while; the rest comes as it is read.
    ///
    /// # Errors
    /// What went wrong before anything came.
    pub async fn begin(
        question: Question,
        writer: Box<dyn Writer>,
        under_way: UnderWay,
    ) -> std::result::Result<Telling, Fault> {
        let heard = Heard::default();
        let mut telling = Telling {
            under_way,
            work: Some(Box::pin(question.ask(heard.clone()))),
            heard,
            ended: None,
            writer,
            ready: VecDeque::new(),
            first: true,
            closed: false,
            pause: Box::pin(sleep_until(Instant::now() + PAUSE)),
        };
        let begun = tokio::time::timeout(BEGIN, std::future::poll_fn(|context| telling.event(context))).await;
        match begun {
            Ok(Event::Ended(Err(fault))) => return Err(fault),
            Ok(event) => {
                let frames = telling.writer.begin();
                telling.take(frames);
                telling.tell(event);
            }
            Err(_) => {
                let frames = telling.writer.begin();
                telling.take(frames);
            }
        }
        Ok(telling)
    }

    fn event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(piece) = self.next_heard() {
            return Poll::Ready(Event::Piece(piece));
        }
        if let Some(work) = &mut self.work
            && let Poll::Ready(ended) = work.as_mut().poll(context)
        {
            (self.work, self.ended) = (None, Some(ended));
        }
        // Half an answer must not look like a whole one.
        if self.work.is_some() && self.under_way.over.as_mut().poll(context).is_ready() {
            (self.work, self.ended) = (None, Some(Err(ending())));
        }
        match (self.next_heard(), self.work.is_none()) {
            (Some(piece), _) => Poll::Ready(Event::Piece(piece)),
            (None, true) => match self.ended.take() {
                Some(ended) => Poll::Ready(Event::Ended(ended)),
                None => Poll::Pending,
            },
            (None, false) => Poll::Pending,
        }
    }

    fn next_heard(&self) -> Option<Piece> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn tell(&mut self, event: Event) {
        let (frames, over) = match event {
            Event::Piece(piece) => (self.writer.piece(&piece), false),
            Event::Ended(Ok(answer)) => (self.writer.end(&answer), true),
            Event::Ended(Err(fault)) => (self.writer.fail(&fault), true),
        };
        self.take(frames);
        if over {
            self.closed = true;
            let end = self.writer.framing().end(self.first);
            if !end.is_empty() {
                self.ready.push_back(Bytes::from_static(end));
            }
        }
    }

    fn take(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.ready.push_back(Bytes::from(self.writer.framing().bytes(&frame, self.first)));
            self.first = false;
        }
    }
}

impl Stream for Telling {
    type Item = std::result::Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                this.pause.as_mut().reset(Instant::now() + PAUSE);
                return Poll::Ready(Some(Ok(bytes)));
            }
            if this.closed {
                return Poll::Ready(None);
            }
            match this.event(context) {
                Poll::Ready(event) => this.tell(event),
                Poll::Pending => {
                    let Poll::Ready(()) = this.pause.as_mut().poll(context) else { return Poll::Pending };
                    this.pause.as_mut().reset(Instant::now() + PAUSE);
                    let frames = this.writer.pause().into_iter().collect();
                    this.take(frames);
                }
            }
        }
    }
}
