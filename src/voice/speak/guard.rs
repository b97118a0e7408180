//! What holds for every speaker: only voices that are allowed, no text without end, nothing in it that is no text.

use super::{Speaker, Voice, Wishes};
use crate::exec::Stop;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near;
use crate::kernel::terminal::{is_hidden, safe_line};
use crate::voice::clip::Clip;

/// A speaker with these guards.
pub struct Guarded {
    inner: Box<dyn Speaker>,
    allowed: Vec<String>,
    most: usize,
}

impl Guarded {
    /// Guards a speaker: `allowed` are the only voices that may be asked for (all, when empty), `most` the letters of one
    /// text at most.
    pub fn new(inner: Box<dyn Speaker>, allowed: Vec<String>, most: usize) -> Guarded {
        Guarded { inner, allowed, most }
    }

    /// Whether a voice may be asked for.
    ///
    /// # Errors
    /// `Refused` for one that is not in the list of the settings.
    pub fn check_voice(&self, voice: &str) -> Result<()> {
        if self.allowed.is_empty() || self.allowed.iter().any(|one| one == voice) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Refused,
            format!("the voice `{}` is not among those that voice.voices allows", shown(voice)),
        )
        .hint(format!("{}; `fac config set voice.voices …` changes the list", near(voice, &self.allowed))))
    }
}

/// Whether a text can be read aloud.
///
/// # Errors
/// `Usage` for one that is too long, or holds characters that are no text.
pub fn check_text(text: &str, most: usize) -> Result<()> {
    let letters = text.chars().count();
    if letters > most {
        return Err(Error::new(
            Kind::Usage,
            format!("the text has {letters} letters, and {most} are read aloud at most"),
        )
        .hint("say less, or raise `fac config set voice.max_text`"));
    }
    let wrong = text.chars().find(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_hidden(*c));
    match wrong {
        Some(c) => Err(Error::new(Kind::Usage, format!("the text holds U+{:04X}, which has no sound", u32::from(c)))
            .hint("take out what is no text; `fac say -` cleans Markdown, but not control characters")),
        None => Ok(()),
    }
}

/// The error for a voice that a speaker has not, with the names that look like it.
pub fn unknown_voice(speaker: &str, voice: &str, known: &[String]) -> Error {
    Error::new(Kind::NotFound, format!("{speaker} has no voice `{}`", shown(voice)))
        .hint(format!("{}; `fac voice voices` lists them all", near(voice, known)))
}

fn shown(voice: &str) -> String {
    safe_line(voice).chars().take(60).collect()
}

/// The names that look most like `wrong`, as the beginning of a hint.
fn near(wrong: &str, known: &[String]) -> String {
    let mut names = near::near(wrong, known.iter().map(String::as_str), 0.6);
    names.truncate(4);
    match (names.is_empty(), known.first()) {
        (false, _) => format!("near it are {}", names.join(", ")),
        (true, Some(one)) => format!("for example {one}"),
        (true, None) => "it does not tell which it has".to_string(),
    }
}

impl Speaker for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn voices(&mut self) -> Result<Vec<Voice>> {
        if self.allowed.is_empty() {
            return self.inner.voices();
        }
        let known = self.inner.voices().unwrap_or_default();
        let of = |name: &String| {
            let language = known.iter().find(|voice| voice.name == *name).and_then(|voice| voice.language.clone());
            Voice { name: name.clone(), language }
        };
        Ok(self.allowed.iter().map(of).collect())
    }

    fn speak(&mut self, text: &str, wishes: &Wishes, stop: &Stop) -> Result<Clip> {
        if let Some(voice) = &wishes.voice {
            self.check_voice(voice)?;
        }
        check_text(text, self.most)?;
        if stop.is_requested() {
            return Err(Error::new(Kind::Interrupted, "stopped"));
        }
        self.inner.speak(text, wishes, stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;
    impl Speaker for Silent {
        fn name(&self) -> &str {
            "silent"
        }
        fn voices(&mut self) -> Result<Vec<Voice>> {
            Ok(vec![Voice { name: "en-us".into(), language: Some("en".into()) }])
        }
        fn speak(&mut self, _: &str, _: &Wishes, _: &Stop) -> Result<Clip> {
            Ok(Clip::new(8000, vec![0.1; 8]))
        }
    }

    #[test]
    fn a_voice_that_is_not_allowed_is_refused_and_near_ones_named() {
        let mut guarded = Guarded::new(Box::new(Silent), vec!["en-us".into(), "de".into()], 20);
        let stop = Stop::new().unwrap();
        let with = |voice: &str| Wishes { voice: Some(voice.into()), speed: None };
        let error = guarded.speak("hi", &with("en-uk"), &stop).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (Kind::Refused, "the voice `en-uk` is not among those that voice.voices allows")
        );
        assert_eq!(error.way_forward(), Some("near it are en-us; `fac config set voice.voices …` changes the list"));
        assert_eq!(guarded.speak("hi", &with("de"), &stop).unwrap().samples.len(), 8);
        assert_eq!(guarded.voices().unwrap()[0].language.as_deref(), Some("en"));
        assert_eq!(guarded.voices().unwrap().len(), 2);
    }

    #[test]
    fn only_text_of_a_sane_length_is_read() {
        let mut guarded = Guarded::new(Box::new(Silent), Vec::new(), 5);
        let stop = Stop::new().unwrap();
        let mut kind = |text: &str| guarded.speak(text, &Wishes::default(), &stop).map_err(|e| e.message().to_string());
        assert_eq!(kind("123456").unwrap_err(), "the text has 6 letters, and 5 are read aloud at most");
        assert_eq!(kind("a\u{1b}").unwrap_err(), "the text holds U+001B, which has no sound");
        assert_eq!(kind("a\u{202e}").unwrap_err(), "the text holds U+202E, which has no sound");
        assert!(kind("é\n\t!").is_ok());
    }

    #[test]
    fn names_that_look_alike_come_first() {
        let known = ["af", "en-gb", "en-us"].map(String::from);
        assert_eq!(
            unknown_voice("espeak-ng", "en-su", &known).way_forward(),
            Some("near it are en-us, en-gb; `fac voice voices` lists them all")
        );
        assert_eq!(
            unknown_voice("x", "q", &[]).way_forward(),
            Some("it does not tell which it has; `fac voice voices` lists them all")
        );
    }
}
