//! Running a piece of code for somebody: which wall is to stand around it, and what the event log is told. The code itself
//! stands in no log.

use std::ffi::OsStr;

use serde_json::json;

use super::App;
use super::views::code::RanView;
use crate::exec::code::{self, Code, Language};
use crate::exec::sandbox::{Bounds, Reach, Sandbox, Wall};
use crate::exec::{Sink, Stop};
use crate::kernel::error::Result;
use crate::kernel::events::{CODE_RAN, Event};

/// How code is kept in.
#[derive(Clone, Debug, Default)]
pub struct Guarding {
    /// The wall of this name instead of the best that works here.
    pub wall: Option<String>,
    /// No wall at all.
    pub unguarded: bool,
    /// What it may use.
    pub bounds: Bounds,
    /// What it may see.
    pub reach: Reach,
}

impl App {
    /// The languages in which code can be run, and what runs them here.
    ///
    /// # Errors
    /// Those of the settings.
    pub fn languages(&self) -> Result<Vec<Language>> {
        Ok(code::languages(&self.interpreters()?, self.path_var()))
    }

    /// Runs code, and tells the event log that it ran and how it ended.
    ///
    /// # Errors
    /// `Refused` where nothing would keep it in; else those of [`code::execute`].
    pub fn execute(&self, code: Code, guarding: Guarding, sink: &mut dyn Sink, stop: &Stop) -> Result<RanView> {
        let wall = match guarding.unguarded {
            true => Wall::None,
            false => Wall::find(guarding.wall.as_deref(), self.path_var())?,
        };
        let sandbox = Sandbox { wall, bounds: guarding.bounds, reach: guarding.reach };
        let language = code.language.clone();
        let ran = code::execute(code, &sandbox, &self.interpreters()?, self.path_var(), sink, stop)?;
        let view = RanView::of(&language, &sandbox, &ran);
        let told = json!({
            "stage": view.stage, "status": view.status, "exit_code": view.exit_code, "limit": view.limit,
            "duration_ms": view.duration_ms, "sandbox": view.sandbox,
        });
        // It ran, whatever becomes of the note of it.
        let kept = self.store().and_then(|store| store.append(&Event::new(CODE_RAN, language, told)));
        if let Err(error) = kept {
            tracing::warn!(error = error.full_message(), "that code ran could not be written down");
        }
        Ok(view)
    }

    fn path_var(&self) -> &OsStr {
        self.env.os("PATH").unwrap_or_default()
    }
}
