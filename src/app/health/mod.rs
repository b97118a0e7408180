//! What is installed, where the files are, what is wrong, and what to do about it.
//!
//! Every finding that is not good says how to mend it. Looking changes nothing but what is derived and can be made again.

mod access;
mod gauges;
mod mcp;
mod models;
mod places;
mod programs;
mod records;
mod settings;
mod unattended;

pub use self::gauges::{Gauges, Kept, gauges, kept};
use super::App;
use crate::kernel::error::Error;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Wrong.
    Bad,
}

impl Level {
    /// Its word, for machines.
    pub fn word(self) -> &'static str {
        match self {
            Level::Good => "ok",
            Level::Note => "note",
            Level::Bad => "problem",
        }
    }

    /// Its sign, for people.
    pub fn sign(self) -> &'static str {
        match self {
            Level::Good => "✓",
            Level::Note => "·",
            Level::Bad => "✗",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it belongs to, a word.
    pub area: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found. It may hold text from outside.
    pub said: String,
    /// How to mend it.
    pub fix: Option<String>,
}

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

/// The terminal as whoever draws sees it.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Its columns.
    pub columns: usize,
    /// Whether there are colours.
    pub colour: bool,
}

impl Findings {
    /// All, in the order in which they were found.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }

    fn good(&mut self, area: &'static str, said: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Good, said: said.into(), fix: None });
    }

    fn note(&mut self, area: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Note, said: said.into(), fix: Some(fix.into()) });
    }

    fn bad(&mut self, area: &'static str, said: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { area, level: Level::Bad, said: said.into(), fix: Some(fix.into()) });
    }

    /// An error as a finding, with its own way forward or this one.
    fn error(&mut self, area: &'static str, error: &Error, otherwise: &str) {
        self.bad(area, error.full_message(), error.way_forward().unwrap_or(otherwise));
    }

    /// How many are of this level.
    pub fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|f| f.level == level).count()
    }
}

/// Looks at everything; `so_far` hears of what was found after each part.
pub fn look(app: &App, window: &Window, so_far: &mut dyn FnMut(&Findings)) -> Findings {
    let mut found = Findings::default();
    let version = format!("fac {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH);
    found.good("version", version);
    places::look(app, &mut found);
    settings::look(app, &mut found);
    so_far(&found);
    let languages = records::look(app, &mut found);
    so_far(&found);
    models::look(app, &mut found);
    so_far(&found);
    programs::look(app, &languages, &mut found);
    mcp::look(app, &mut found);
    unattended::look(app, &mut found);
    access::look(app, &mut found);
    programs::terminal(app, window, &mut found);
    found
}
