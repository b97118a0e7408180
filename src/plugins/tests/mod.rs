//! The sandbox against scripts that want out, the bounds against scripts that want more, and every bundled plugin.

mod bounds;
mod bundled;
mod escape;
mod values;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;

use super::halt::Halt;
use super::limits::Limits;
use super::manifest::Permissions;
use super::room::Room;
use super::state::State;
use super::world::{Level, Question, Ran, Request, Response, World, not_here};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::Result;

/// A world that only hears the log.
#[derive(Default)]
pub(super) struct Deaf(pub(super) Mutex<Vec<String>>);

impl World for Deaf {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }

    fn log(&self, _plugin: &str, _level: Level, text: &str) {
        self.0.lock().unwrap().push(text.to_string());
    }

    fn get(&self, _: &str, _: &str) -> Result<Option<String>> {
        Ok(Some("[1]".to_string()))
    }

    fn set(&self, _: &str, _: &str, _: Option<&str>) -> Result<()> {
        not_here("set")
    }

    fn replace(&self, _: &str, _: &str, _: Option<&str>, _: Option<&str>) -> Result<bool> {
        not_here("update")
    }

    fn keys(&self, _: &str, _: &str) -> Result<Vec<String>> {
        not_here("keys")
    }

    fn fetch(&self, request: &Request, _: &Halt) -> Result<Response> {
        Ok(Response { status: 200, body: request.url.clone().into_bytes(), ..Response::default() })
    }

    fn run(&self, _: &[String], _: Option<&str>, _: &[String], _: &Halt) -> Result<Ran> {
        Ok(Ran::default())
    }

    fn ask(&self, _: &Question, _: &Halt) -> Result<String> {
        Ok("an answer".to_string())
    }

    fn emit(&self, _: &str, _: &str, _: &Json, _: &Halt) -> Result<()> {
        Ok(())
    }
}

/// A sandbox with these bounds and permissions.
pub(super) fn sandbox_with(limits: Limits, permissions: &Permissions) -> State {
    let room = Room::new(limits, Arc::new(Deaf::default()), Arc::default());
    let world = room.world().clone();
    room.sandbox("test", permissions, world).unwrap()
}

/// A sandbox without permissions.
pub(super) fn sandbox(limits: Limits) -> State {
    sandbox_with(limits, &Permissions::default())
}

/// Bounds that a test reaches soon.
pub(super) fn short() -> Limits {
    Limits { wall: Duration::from_millis(150), steps: 0, ..Limits::default() }
}

/// What a script returns, as JSON.
pub(super) fn eval(state: &State, script: &str) -> Result<Json> {
    let function = state.compile("test", script)?;
    state.call("`test`", |_| super::values::to_json(&function.call(())?))
}
