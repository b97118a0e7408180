//! A text that is read aloud while it still comes: sentence by sentence, until it is over or somebody hushes it.
//!
//! Two threads: one makes the sound of the next sentence while the other plays the one before. It knows no chat; who
//! speaks against it is told what the loudspeaker gets, so that a microphone need not hear it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rtrb::Consumer;

use super::clip::Clip;
use super::sound::{Player, Wanted};
use super::speak::ear::{Code, Ear};
use super::speak::reading::read_aloud;
use super::speak::{Speaker, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Context, Error, Kind, Result};

/// How often it is looked whether somebody asked to stop.
const WATCH: Duration = Duration::from_millis(20);

/// What a loudspeaker gets, 48 kHz, one channel; it comes when the loudspeaker is open.
pub type Echo = Receiver<Consumer<f32>>;

/// What this program reads aloud, one text at a time. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Speaking(Arc<Mutex<Option<Text>>>);

/// How far a text is.
#[derive(Debug, Default)]
struct Progress {
    /// Whether its first sentence sounds.
    sounds: AtomicBool,
    over: AtomicBool,
    failed: Mutex<Option<Error>>,
}

/// The text that is read.
#[derive(Debug)]
struct Text {
    /// Gone when nothing more comes.
    words: Option<Sender<String>>,
    stop: Stop,
    progress: Arc<Progress>,
    echo: Option<Echo>,
}

impl Speaking {
    /// Begins a text; what was read before falls silent.
    ///
    /// # Errors
    /// `Failed` when there are no threads left; what goes wrong later is [`Speaking::failure`].
    pub fn begin(&self, speaker: Box<dyn Speaker>, wishes: Wishes, loudspeaker: Wanted) -> Result<()> {
        self.hush();
        let (words, coming) = channel();
        let (give, echo) = channel();
        let stop = Stop::new()?;
        let progress = Arc::new(Progress::default());
        let (made, stopped) = (progress.clone(), stop.clone());
        let body = move || {
            let sentences = Sentences { coming, ear: Some(Ear::new(Code::Announce)), ready: VecDeque::new() };
            let spoken = read_aloud(speaker, sentences, wishes, stopped.clone()).and_then(|clips| {
                play(&clips, &loudspeaker, &stopped, |reference| {
                    // Nobody needs to listen against it.
                    let _ = give.send(reference);
                    made.sounds.store(true, Ordering::SeqCst);
                })
            });
            if let Err(error) = spoken
                && error.kind() != Kind::Interrupted
            {
                *made.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
            made.over.store(true, Ordering::SeqCst);
        };
        let spawned = std::thread::Builder::new().name("aloud".to_string()).spawn(body);
        spawned.context(Kind::Failed, || "cannot start a thread that speaks".to_string())?;
        *self.text() = Some(Text { words: Some(words), stop, progress, echo: Some(echo) });
        Ok(())
    }

    /// More of the text, Markdown as it is written.
    pub fn say(&self, more: &str) {
        if let Some(Text { words: Some(words), .. }) = &*self.text() {
            // Who was hushed hears nothing more.
            let _ = words.send(more.to_string());
        }
    }

    /// Nothing more comes: what is there is read to its end.
    pub fn finish(&self) {
        if let Some(text) = &mut *self.text() {
            text.words = None;
        }
    }

    /// Falls silent at once.
    pub fn hush(&self) {
        if let Some(text) = &mut *self.text() {
            text.words = None;
            text.stop.request();
        }
    }

    /// Whether something is being read, or waits for more.
    pub fn is_at_it(&self) -> bool {
        self.text().as_ref().is_some_and(Text::is_read)
    }

    /// Whether one hears it.
    pub fn sounds(&self) -> bool {
        self.text().as_ref().is_some_and(|text| text.is_read() && text.progress.sounds.load(Ordering::SeqCst))
    }

    /// Waits until the text that is being read is over, or another one takes its place; `stop` silences it. What kept it
    /// from being read.
    pub fn hear_out(&self, stop: &Stop) -> Option<Error> {
        let which = self.text().as_ref().map(|text| text.progress.clone());
        let is_at = |which: &Arc<Progress>| {
            self.text().as_ref().is_some_and(|text| text.is_read() && Arc::ptr_eq(&text.progress, which))
        };
        while which.as_ref().is_some_and(is_at) {
            if stop.wait(WATCH) && which.as_ref().is_some_and(is_at) {
                self.hush();
            }
        }
        self.failure()
    }

    /// What kept it from being read; said once.
    pub fn failure(&self) -> Option<Error> {
        self.text().as_ref().and_then(|text| text.progress.failed.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    /// What the loudspeaker gets while this text is read; for one listener.
    pub fn echo(&self) -> Option<Echo> {
        self.text().as_mut().filter(|text| text.is_read()).and_then(|text| text.echo.take())
    }

    fn text(&self) -> MutexGuard<'_, Option<Text>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Text {
    fn is_read(&self) -> bool {
        !self.stop.is_requested() && !self.progress.over.load(Ordering::SeqCst)
    }
}

/// Sentences of a text that still comes.
struct Sentences {
    coming: Receiver<String>,
    /// Gone when the text is whole.
    ear: Option<Ear>,
    ready: VecDeque<String>,
}

impl Iterator for Sentences {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        while self.ready.is_empty() {
            let ear = self.ear.as_mut()?;
            match self.coming.recv() {
                Ok(more) => self.ready.extend(ear.push(&more)),
                Err(_) => {
                    self.ready.extend(ear.finish());
                    self.ear = None;
                }
            }
        }
        self.ready.pop_front()
    }
}

/// The next sentence's sound; `None` after the last.
///
/// # Errors
/// `Interrupted` after `stop`, and whatever kept the sentence from being spoken.
pub fn next_clip(clips: &Receiver<Result<Clip>>, stop: &Stop) -> Result<Option<Clip>> {
    loop {
        match clips.recv_timeout(WATCH) {
            _ if stop.is_requested() => return Err(Error::new(Kind::Interrupted, "stopped")),
            Ok(clip) => return clip.map(Some),
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Plays sentences, each while the next one is made; whether there were any. The loudspeaker is opened for the first.
/// `echo` is told what the loudspeaker gets.
///
/// # Errors
/// `Interrupted` after `stop`, which silences it; whatever kept a sentence from being spoken, once what was made before
/// it has been heard; and what the loudspeaker says.
pub fn play(
    clips: &Receiver<Result<Clip>>,
    loudspeaker: &Wanted,
    stop: &Stop,
    echo: impl FnOnce(Consumer<f32>),
) -> Result<bool> {
    let Some(first) = next_clip(clips, stop)? else { return Ok(false) };
    let mut player = Player::open(loudspeaker)?;
    if let Some(reference) = player.reference() {
        echo(reference);
    }
    player.play(&first)?;
    loop {
        match next_clip(clips, stop) {
            Ok(Some(clip)) => player.play(&clip)?,
            Ok(None) => {
                player.drain(stop)?;
                return Ok(true);
            }
            Err(error) if error.kind() == Kind::Interrupted => {
                player.stop();
                return Err(error);
            }
            Err(error) => {
                player.drain(stop)?;
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_come_as_soon_as_they_are_certain() {
        let (words, coming) = channel();
        let mut sentences = Sentences { coming, ear: Some(Ear::new(Code::Announce)), ready: VecDeque::new() };
        words.send("Hello *there*. How".to_string()).unwrap();
        words.send(" are you? I".to_string()).unwrap();
        assert_eq!(sentences.next().as_deref().map(str::trim), Some("Hello there."));
        assert_eq!(sentences.next().as_deref().map(str::trim), Some("How are you?"));
        words.send(" am well".to_string()).unwrap();
        drop(words);
        assert_eq!(sentences.next().as_deref().map(str::trim), Some("I am well."));
        assert_eq!(sentences.next(), None);
        assert_eq!(sentences.next(), None);
    }

    /// Says its words one after another, and remembers them.
    struct Slow(Arc<Mutex<Vec<String>>>);

    impl Speaker for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn voices(&mut self) -> Result<Vec<crate::voice::speak::Voice>> {
            Ok(Vec::new())
        }

        fn speak(&mut self, text: &str, _: &Wishes, _: &Stop) -> Result<Clip> {
            self.0.lock().unwrap().push(text.trim().to_string());
            Err(Error::new(Kind::Unreachable, "the speaker is away"))
        }
    }

    #[test]
    fn what_goes_wrong_is_said_once_and_silence_is_no_failure() {
        let speaking = Speaking::default();
        assert!(!speaking.is_at_it() && speaking.echo().is_none() && speaking.failure().is_none());
        let said = Arc::default();
        speaking.begin(Box::new(Slow(Arc::clone(&said))), Wishes::default(), Wanted::default()).unwrap();
        assert!(speaking.is_at_it());
        speaking.say("One. Two. Th");
        speaking.finish();
        while speaking.is_at_it() {
            std::thread::yield_now();
        }
        assert_eq!(speaking.failure().unwrap().kind(), Kind::Unreachable);
        assert!(speaking.failure().is_none());
        assert_eq!(*said.lock().unwrap(), ["One."]);
        speaking.begin(Box::new(Slow(said)), Wishes::default(), Wanted::default()).unwrap();
        speaking.hush();
        assert!(!speaking.is_at_it());
    }
}
