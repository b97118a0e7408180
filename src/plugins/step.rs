//! `lua` steps of commands: a script in a sandbox of its own, which reaches the log, JSON and the time, and nothing else.
//!
//! Arguments come as the table `args`, the words of a rest parameter as `rest`, what is piped in as `input`, what fired an
//! automation as the table `trigger`. What the script prints is its output, and so is what it returns.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use mlua::{Lua, Value};
use serde_json::Value as Json;

use super::Plugins;
use super::brought::{BY, CALL, spec};
use super::halt::{Asked, Halt};
use super::lane::Ends;
use super::manifest::Permissions;
use super::room::{Answer, Room};
use super::values;
use super::world::{Level, Question, Ran, Request, Response, World, not_here};
use crate::commands::bind::Bound;
use crate::commands::model::StepKind;
use crate::commands::run::{Done, Performed, StepRunner, Work};
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::store::{Captured, Status, Store};

/// Does `lua` steps.
pub(super) fn runner(plugins: &Plugins) -> Arc<dyn StepRunner + Send + Sync> {
    Arc::new(Steps(plugins.clone()))
}

struct Steps(Plugins);

/// The most that a script may print, bytes.
const MOST_PRINTED: usize = 4 << 20;

/// Nothing but a clock, and ears for what is printed.
struct Alone {
    store: Store,
    out: Mutex<(String, String)>,
    /// Whether more was printed than there is room for.
    too_much: AtomicBool,
}

impl World for Alone {
    fn now(&self) -> Timestamp {
        self.store.now()
    }

    fn log(&self, _plugin: &str, level: Level, text: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let place = if matches!(level, Level::Warn | Level::Error) { &mut out.1 } else { &mut out.0 };
        if place.len() + text.len() < MOST_PRINTED {
            place.push_str(text);
            place.push('\n');
        } else {
            self.too_much.store(true, Relaxed);
        }
    }

    fn get(&self, _: &str, _: &str) -> Result<Option<String>> {
        not_here("fac.store")
    }

    fn set(&self, _: &str, _: &str, _: Option<&str>) -> Result<()> {
        not_here("fac.store")
    }

    fn replace(&self, _: &str, _: &str, _: Option<&str>, _: Option<&str>) -> Result<bool> {
        not_here("fac.store")
    }

    fn keys(&self, _: &str, _: &str) -> Result<Vec<String>> {
        not_here("fac.store")
    }

    fn fetch(&self, _: &Request, _: &Halt) -> Result<Response> {
        not_here("fac.http")
    }

    fn run(&self, _: &[String], _: Option<&str>, _: &[String], _: &Halt) -> Result<Ran> {
        not_here("fac.run")
    }

    fn ask(&self, _: &Question, _: &Halt) -> Result<String> {
        not_here("fac.ask")
    }

    fn emit(&self, _: &str, _: &str, _: &Json, _: &Halt) -> Result<()> {
        not_here("fac.event")
    }

    fn longest_line(&self) -> usize {
        MOST_PRINTED
    }
}

/// The arguments as `args`.
pub(super) fn arguments(bound: &Bound) -> Json {
    let mut args = serde_json::Map::new();
    for value in &bound.values {
        let given = match &value.words {
            Some(words) if words.len() > 1 => Json::from(words.clone()),
            _ => Json::from(value.text.clone()),
        };
        args.insert(value.var.clone(), given);
    }
    Json::Object(args)
}

impl StepRunner for Steps {
    fn runs(&self, kind: StepKind) -> bool {
        kind == StepKind::Lua
    }

    fn run(&self, work: &Work<'_>) -> Result<Performed> {
        let begun = Instant::now();
        if let Some(plugin) = work.step.options.get(BY) {
            return self.by_plugin(work, plugin, begun);
        }
        let alone =
            Arc::new(Alone { store: self.0.store().clone(), out: Mutex::default(), too_much: AtomicBool::new(false) });
        let name = format!("{}:{}", work.unit.resolved.command.name, work.step.id);
        let (script, world) = (work.step.text.clone(), alone.clone());
        let trigger = (work.look)("trigger").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let given = Given {
            args: arguments(&work.unit.bound),
            rest: Json::from(work.unit.bound.rest.clone()),
            input: work.input.clone(),
            trigger,
        };
        let what = format!("`{name}`");
        let asked = Asked::ever(work.stop);
        let ends = Ends { asked: &asked, limit: work.timeout };
        let done = self.0.lane()?.wait_until(&what, ends, move |room| script_in(room, &name, &script, given, world));
        let (mut wrote, complained) = std::mem::take(&mut *alone.out.lock().unwrap_or_else(PoisonError::into_inner));
        let (status, trouble) = match done {
            Ok(_) if alone.too_much.load(Relaxed) => {
                let said = format!("step `{}` printed more than {} MB", work.step.id, MOST_PRINTED >> 20);
                (Status::Failed, Some(Error::new(Kind::Failed, said).hint("have it write a file, or return less")))
            }
            Ok(returned) => {
                wrote.push_str(&returned);
                (Status::Ok, None)
            }
            Err(error) => (Status::of(error.kind()), Some(error)),
        };
        let code = trouble.as_ref().map_or(0, |error| i32::from(error.kind().exit_code()));
        let done = Done {
            status,
            exit_code: Some(code),
            stdout: Captured::cut(wrote.as_bytes(), work.capture.head, work.capture.tail),
            stderr: Captured::cut(complained.as_bytes(), work.capture.head, work.capture.tail),
            duration_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
        };
        Ok(Performed { done, wrote: wrote.into_bytes(), trouble })
    }
}

impl Steps {
    /// A command that a plugin brings. Only the definitions that were written when it was allowed may call it.
    fn by_plugin(&self, work: &Work<'_>, plugin: &str, begun: Instant) -> Result<Performed> {
        let command = &work.unit.resolved.command.name;
        if work.unit.resolved.source.spec != spec(&self.0.0.settings.definitions, plugin) {
            let said = format!("`{command}` is no command of the plugin `{plugin}`, so it may not call it");
            return Err(Error::new(Kind::Refused, said));
        }
        let active = self.0.active(plugin)?;
        let call = work.step.options.get(CALL).unwrap_or(command);
        let input = work.input.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let args = vec![arguments(&work.unit.bound), Json::from(work.unit.bound.rest.clone()), Json::from(input)];
        let done = self.0.answer(
            &active,
            call,
            args,
            Ends { asked: &Asked::ever(work.stop).within(work.trace), limit: work.timeout },
        );
        let (wrote, trouble) = match done {
            Ok(Answer::Value(Json::Null)) => (String::new(), None),
            Ok(Answer::Value(Json::String(text))) if text.ends_with('\n') || text.is_empty() => (text, None),
            Ok(Answer::Value(Json::String(text))) => (format!("{text}\n"), None),
            Ok(Answer::Value(other)) => (format!("{other:#}\n"), None),
            Ok(Answer::No(said)) => (String::new(), Some(Error::new(Kind::Failed, said))),
            Err(error) => (String::new(), Some(error)),
        };
        let status = trouble.as_ref().map_or(Status::Ok, |error| Status::of(error.kind()));
        let done = Done {
            status,
            exit_code: Some(trouble.as_ref().map_or(0, |error| i32::from(error.kind().exit_code()))),
            stdout: Captured::cut(wrote.as_bytes(), work.capture.head, work.capture.tail),
            stderr: Captured::default(),
            duration_us: i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX),
        };
        Ok(Performed { done, wrote: wrote.into_bytes(), trouble })
    }
}

/// What a script finds.
struct Given {
    args: Json,
    rest: Json,
    input: Option<Vec<u8>>,
    /// What fired it; null where nothing did.
    trigger: Json,
}

fn script_in(room: &Room, name: &str, script: &str, given: Given, world: Arc<dyn World>) -> Result<String> {
    let state = room.sandbox(name, &Permissions::default(), world)?;
    let function = state.compile(name, script)?;
    let what = format!("`{name}`");
    state.call(&what, |lua| {
        globals(lua, given)?;
        let value: Value = function.call(())?;
        match value {
            Value::Nil => Ok(String::new()),
            Value::String(text) => Ok(format!("{}\n", text.to_string_lossy())),
            other => Ok(format!("{}\n", values::to_json(&other)?)),
        }
    })
}

fn globals(lua: &Lua, given: Given) -> mlua::Result<()> {
    let globals = lua.globals();
    for (name, value) in [("args", given.args), ("rest", given.rest), ("trigger", given.trigger)] {
        globals.set(name, values::to_lua(lua, &value)?)?;
    }
    let input = given.input.map(|bytes| lua.create_string(bytes)).transpose()?;
    globals.set("input", input)
}
