//! One Lua state: what is in it, what is not, and calls within their bounds.
//!
//! It knows no plugin: whoever makes it says what tables it gets. Libraries and the tables of ours are read-only; what a
//! script writes to a global name is its own.

use std::sync::Arc;

use mlua::chunk::{ChunkMode, Compiler};
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value, VmState};

use super::halt::Halt;
use super::inside::from_outside;
use super::limits::{Limits, Meter, Over};
use crate::kernel::error::{Error, Kind, Result};

/// Names that Luau or its binding bring and that no script gets.
const ABSENT: &[&str] = &[
    "collectgarbage",
    "loadstring",
    "load",
    "require",
    "getfenv",
    "setfenv",
    "newproxy",
    "gcinfo",
    "os",
    "io",
    "debug",
];

/// A filter may look at each byte of a text this often: a step of a pattern is about one byte.
const STEPS_A_BYTE: u64 = 32;

/// The largest script, bytes.
pub const MAX_SCRIPT: usize = 128 << 10;

/// A state with its meter.
pub struct State {
    lua: Lua,
    meter: Arc<Meter>,
    limits: Limits,
}

impl State {
    /// A sandbox. `furnish` sets the tables that scripts find in it; they are made read-only. `halt` ends what runs.
    ///
    /// # Errors
    /// `Failed` when there is no memory for it.
    pub fn new(
        limits: Limits,
        halt: Arc<Halt>,
        furnish: impl FnOnce(&Lua, &Arc<Meter>, &Table) -> mlua::Result<()>,
    ) -> Result<State> {
        let meter = Arc::new(Meter::new(halt));
        let made = make(&meter, limits, furnish);
        let lua = made.map_err(|error| Error::new(Kind::Failed, "cannot make a Lua state").because(error))?;
        Ok(State { lua, meter, limits })
    }

    /// Does something with the state within the bounds of one call; `what` is named when it fails.
    ///
    /// # Errors
    /// `TimedOut` at a bound, whatever the script made of it; `Failed` with the script's own words otherwise.
    pub fn call<T>(&self, what: &str, work: impl FnOnce(&Lua) -> mlua::Result<T>) -> Result<T> {
        self.call_about(what, 0, work)
    }

    /// The same about a text of so many bytes, for each of which it may take some steps more.
    ///
    /// # Errors
    /// Those of [`State::call`].
    pub fn call_about<T>(&self, what: &str, bytes: usize, work: impl FnOnce(&Lua) -> mlua::Result<T>) -> Result<T> {
        let mut limits = self.limits;
        if limits.steps > 0 {
            limits.steps += STEPS_A_BYTE * bytes as u64;
        }
        let before = self.meter.begin(&limits);
        let done = work(&self.lua);
        match (self.meter.end(before), done) {
            (Some(over), _) => Err(over_error(what, over, &limits)),
            (None, Ok(done)) => Ok(done),
            (None, Err(error)) => Err(told(what, &error, &limits)),
        }
    }

    /// Compiles a script, whose name stands in its errors, and runs it.
    ///
    /// # Errors
    /// Those of [`State::call`]; `BadData` when it is no Lua.
    pub fn run(&self, what: &str, name: &str, script: &str) -> Result<Value> {
        let function = self.compile(name, script)?;
        self.call(what, |_| function.call(()))
    }

    /// Compiles a script without running it. Bytecode is no script.
    ///
    /// # Errors
    /// `BadData` when it is no Lua, or too large.
    pub fn compile(&self, name: &str, script: &str) -> Result<Function> {
        if script.len() > MAX_SCRIPT {
            return Err(Error::new(Kind::BadData, format!("{name} is larger than {} kB", MAX_SCRIPT >> 10)));
        }
        let chunk = self.lua.load(script).set_name(format!("={name}")).set_mode(ChunkMode::Text);
        let chunk = chunk.set_compiler(compiler());
        chunk.into_function().map_err(|error| match &error {
            mlua::Error::SyntaxError { message, .. } => Error::new(Kind::BadData, message.clone()),
            other => told(name, other, &self.limits),
        })
    }

    /// The bytes it holds.
    pub fn used_memory(&self) -> usize {
        self.lua.used_memory()
    }

    /// Gives back what nobody holds any more.
    pub fn tidy(&self) {
        // It fails only where a script is running, and then the next time will do.
        let _ = self.lua.gc_collect();
    }

    /// The state itself, for values that go in and come out.
    pub fn lua(&self) -> &Lua {
        &self.lua
    }
}

fn compiler() -> Compiler {
    Compiler::new().set_optimization_level(1).set_debug_level(1)
}

fn make(
    meter: &Arc<Meter>,
    limits: Limits,
    furnish: impl FnOnce(&Lua, &Arc<Meter>, &Table) -> mlua::Result<()>,
) -> mlua::Result<Lua> {
    let libraries = StdLib::COROUTINE
        | StdLib::TABLE
        | StdLib::STRING
        | StdLib::UTF8
        | StdLib::BIT
        | StdLib::MATH
        | StdLib::BUFFER
        | StdLib::VECTOR;
    let lua = Lua::new_with(libraries, LuaOptions::new())?;
    let globals = lua.globals();
    for name in ABSENT {
        globals.raw_set(*name, Value::Nil)?;
    }
    lua.load(include_str!("prelude.luau")).set_name("=prelude").set_compiler(compiler()).exec()?;
    furnish(&lua, meter, &globals)?;
    lua.sandbox(true)?;
    let watch = meter.clone();
    lua.set_interrupt(move |_| match watch.tick() {
        None => Ok(VmState::Continue),
        Some(over) => Err(mlua::Error::RuntimeError(sentence(over).to_string())),
    });
    lua.gc_collect()?;
    lua.set_memory_limit(limits.memory)?;
    Ok(lua)
}

fn sentence(over: Over) -> &'static str {
    match over {
        Over::Time => "the time for this call is over",
        Over::Steps => "the steps for this call are over",
        Over::Stopped => "stopped",
    }
}

fn over_error(what: &str, over: Over, limits: &Limits) -> Error {
    match over {
        Over::Time => {
            let ms = u64::try_from(limits.wall.as_millis()).unwrap_or(u64::MAX);
            let time = crate::kernel::duration::human_ms(ms);
            Error::new(Kind::TimedOut, format!("{what} took longer than {time}"))
        }
        Over::Steps => Error::new(Kind::TimedOut, format!("{what} took more than {} steps", counted_big(limits.steps))),
        Over::Stopped => Error::new(Kind::Interrupted, format!("{what} was stopped")),
    }
}

fn counted_big(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A failure of Lua in words: where it was and what it said, without the stack below it.
fn told(what: &str, error: &mlua::Error, limits: &Limits) -> Error {
    if is_memory(error) {
        return Error::new(Kind::Failed, format!("{what} wanted more than {} MB of memory", limits.memory >> 20));
    }
    let said = words(error);
    let mut lines = said.lines();
    let first = lines.next().unwrap_or_default();
    let more = lines.map(str::trim).take_while(|line| !line.starts_with("stack traceback:") && !line.is_empty());
    let said = std::iter::once(first).chain(more).take(4).collect::<Vec<_>>().join("; ");
    Error::new(from_outside(error).unwrap_or(Kind::Failed), format!("{what} failed: {}", short(&said)))
}

/// The longest text that a failure brings along, bytes.
const LONGEST: usize = 2000;

/// As much of what a script said as is kept and shown.
pub fn short(said: &str) -> String {
    match said.len() > LONGEST {
        true => format!("{}…", &said[..said.floor_char_boundary(LONGEST)]),
        false => said.to_string(),
    }
}

fn is_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } => is_memory(cause),
        mlua::Error::RuntimeError(said) => said.starts_with("not enough memory"),
        _ => false,
    }
}

fn words(error: &mlua::Error) -> String {
    match error {
        mlua::Error::RuntimeError(said) => said.clone(),
        mlua::Error::CallbackError { cause, .. } => words(cause),
        mlua::Error::ExternalError(inner) => inner.to_string(),
        other => other.to_string(),
    }
}
