//! `notify` steps: a notification on the desktop. The first line of the text is its title, the rest what it says.
//!
//! Where there is no desktop to show it, it is said on standard error instead.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify_rust::{Notification, Urgency};

use super::{performed, sent_as_it_stands};
use crate::commands::model::StepKind;
use crate::commands::run::{Performed, StepRunner, Work};
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::{safe, safe_line};
use crate::store::Status;

/// How long a desktop may take to show something.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longer texts are cut: no desktop shows them.
const LONGEST: usize = 4000;

/// Shows notifications.
pub struct NotifySteps {
    has_bus: bool,
}

/// What is shown.
#[derive(Debug, PartialEq)]
struct Note {
    title: String,
    body: String,
    urgency: Urgency,
}

impl NotifySteps {
    /// One for the session that `env` describes.
    pub fn new(env: &Env) -> NotifySteps {
        let named = env.text("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
        let usual = || env.path("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
        NotifySteps { has_bus: named || usual() }
    }
}

impl StepRunner for NotifySteps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Notify
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        let note = note(work)?;
        let why = match self.has_bus {
            false => Some("there is no desktop session".to_string()),
            true => match shown(&note, work) {
                Shown::Yes => None,
                Shown::No(why) => Some(why),
                Shown::Stopped => {
                    return Ok(performed(work, begun, Vec::new(), "", (Status::Interrupted, 130, None)));
                }
            },
        };
        let mut said: Vec<String> = work.missing.iter().map(|name| sent_as_it_stands(name)).collect();
        said.extend(why.map(|why| in_words(&note, &why)));
        Ok(performed(work, begun, Vec::new(), &said.join("\n"), (Status::Ok, 0, None)))
    }
}

fn note(work: &Work<'_>) -> Result<Note> {
    let urgency = match work.step.options.get("urgency").map(String::as_str) {
        None | Some("normal") => Urgency::Normal,
        Some("low") => Urgency::Low,
        Some("critical" | "high") => Urgency::Critical,
        Some(other) => {
            return Err(Error::new(Kind::BadData, format!("`urgency={other}` is none of low, normal, critical")));
        }
    };
    let (title, body) = parts(&work.text);
    match title.is_empty() {
        true => Err(Error::new(Kind::BadData, format!("step `{}` has nothing to notify of", work.step.id))),
        false => Ok(Note { title, body, urgency }),
    }
}

/// The title and what it says, without what a desktop could take for more than text.
fn parts(text: &str) -> (String, String) {
    let text: String = text.trim().chars().take(LONGEST).collect();
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    (safe_line(title.trim()).into_owned(), safe(body.trim()).into_owned())
}

/// Bodies may hold markup on many desktops; what came from outside must not become any.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

enum Shown {
    Yes,
    No(String),
    Stopped,
}

/// On a thread of its own, as a bus that nobody serves may keep one waiting.
fn shown(note: &Note, work: &Work<'_>) -> Shown {
    let mut notification = Notification::new();
    notification.appname("factotum").summary(&note.title).body(&escaped(&note.body)).urgency(note.urgency);
    let (tell, told) = channel();
    let show = move || {
        // Nobody listens any more when it took too long.
        let _ = tell.send(notification.show().map(drop).map_err(|error| error.to_string()));
    };
    if std::thread::Builder::new().name("notify".into()).spawn(show).is_err() {
        return Shown::No("there are no threads left".to_string());
    }
    let end = Instant::now() + work.timeout.unwrap_or(PATIENCE).min(PATIENCE);
    loop {
        match told.recv_timeout(Duration::from_millis(20)) {
            Ok(Ok(())) => return Shown::Yes,
            Ok(Err(why)) => return Shown::No(safe_line(&why).into_owned()),
            Err(RecvTimeoutError::Disconnected) => return Shown::No("it cannot be shown".to_string()),
            Err(RecvTimeoutError::Timeout) if work.stop.is_requested() => return Shown::Stopped,
            Err(RecvTimeoutError::Timeout) if Instant::now() >= end => {
                return Shown::No("the desktop does not answer".to_string());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn in_words(note: &Note, why: &str) -> String {
    match note.body.is_empty() {
        true => format!("notification ({why}): {}", note.title),
        false => format!("notification ({why}): {}\n{}", note.title, note.body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_title_and_nothing_is_markup() {
        assert_eq!(
            parts("\n The door \nis <b>open</b>\nsince 5\n"),
            ("The door".into(), "is <b>open</b>\nsince 5".into())
        );
        assert_eq!(parts("one"), ("one".into(), String::new()));
        assert_eq!(escaped("a <img src='x'> & b"), "a &lt;img src='x'&gt; &amp; b");
        assert_eq!(parts("a\u{1b}]0;x\u{7}b").0, "ab");
        let long = "x".repeat(10_000);
        assert_eq!(parts(&long).0.len(), LONGEST);
    }
}
