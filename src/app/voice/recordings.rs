//! Recordings: a file in the data folder and a row in the store, both kept until the text is there.

use std::path::PathBuf;

use crate::app::App;
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::files;
use crate::store::{Recording, RecordingStatus};
use crate::voice::clip::{Clip, SPEECH_RATE};
use crate::voice::file;
use crate::voice::transcribe::{Transcriber, Transcript, Wishes};

impl App {
    /// Where recordings are kept.
    pub fn recordings_folder(&self) -> PathBuf {
        self.paths.data.join("recordings")
    }

    /// The file of a recording.
    pub fn recording_file(&self, recording: &Recording) -> PathBuf {
        self.recordings_folder().join(&recording.file)
    }

    /// A recording begins: its row is there, and its file is to be written at the path given back. `source`: `listen`,
    /// `chat`, `tui`.
    pub fn begin_recording(&self, source: &str) -> Result<(Recording, PathBuf)> {
        files::ensure_private_dir(&self.recordings_folder())?;
        let recording = self.store()?.begin_recording(source, 0, |id| format!("{id}.wav"))?;
        let path = self.recording_file(&recording);
        Ok((recording, path))
    }

    /// Keeps a clip as a recording whose text is owed.
    pub fn keep_recording(&self, source: &str, clip: &Clip) -> Result<Recording> {
        let (recording, path) = self.begin_recording(source)?;
        file::write(&path, clip)?;
        Ok(recording)
    }

    /// The text of a recording is there: it is stored, and what the settings do not keep goes.
    pub fn recording_written(
        &self,
        recording: &Recording,
        engine: &str,
        text: &str,
        language: Option<&str>,
        ms: u64,
    ) -> Result<()> {
        let store = self.store()?;
        store.write_recording(recording.id, engine, text, language, ms)?;
        match self.config()?.int("voice.keep_days") {
            0 => {
                self.remove_recording(recording)?;
                self.drop_erased()
            }
            days => self.prune_recordings(days),
        }
    }

    /// Nobody could write a recording down: it is kept, with the reason.
    pub fn recording_failed(&self, recording: &Recording, engine: &str, error: &Error) -> Result<()> {
        let said = self.redactor.redact(&error.full_message()).into_owned();
        self.store()?.fail_recording(recording.id, engine, &said)
    }

    /// Nothing was said: there is no text to wait for.
    pub fn remove_recording(&self, recording: &Recording) -> Result<()> {
        // The row goes last: a file without one would be found by nobody.
        let path = self.recording_file(recording);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::new(Kind::Failed, format!("cannot remove {}", path.display())).because(error));
            }
            _ => self.store()?.remove_recording(recording.id)?,
        }
        if recording.text.is_some() { self.drop_erased() } else { Ok(()) }
    }

    /// Writes a recording down (again), and stores its text or why there is none.
    ///
    /// # Errors
    /// `NotFound` when its file is gone; as [`Transcriber::transcribe`].
    pub fn write_down(
        &self,
        recording: &Recording,
        engine: &mut dyn Transcriber,
        wishes: &Wishes,
        stop: &Stop,
    ) -> Result<Transcript> {
        let told = file::read(&self.recording_file(recording), Some(SPEECH_RATE))
            .and_then(|clip| Ok((engine.transcribe(&clip, wishes, stop, &mut |_| {})?, clip.ms())));
        match told {
            Ok((transcript, ms)) => {
                let language = transcript.language.as_deref();
                self.recording_written(recording, engine.name(), &transcript.text, language, ms)?;
                Ok(transcript)
            }
            Err(error) => {
                self.recording_failed(recording, engine.name(), &error)?;
                Err(error)
            }
        }
    }

    /// Recordings whose text is owed, oldest first. One that is being made just now is among them.
    pub fn owed_recordings(&self) -> Result<Vec<Recording>> {
        let all = self.store()?.recordings(None)?;
        Ok(all.into_iter().filter(|one| one.status != RecordingStatus::Done).collect())
    }

    /// Once a day: recordings whose text is older than the settings keep go.
    pub(in crate::app) fn prune_recordings(&self, days: u64) -> Result<()> {
        if !self.is_due("recordings.pruned")? {
            return Ok(());
        }
        let gone = self.store()?.prune_recordings(self.days_ago(days))?;
        for old in &gone {
            let _ = std::fs::remove_file(self.recording_file(old));
        }
        if gone.is_empty() { Ok(()) } else { self.drop_erased() }
    }
}
