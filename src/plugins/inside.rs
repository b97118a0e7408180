//! The tables that scripts find: `fac` with its parts, and `print`.
//!
//! A part that a plugin has no permission for is there all the same, and says what `plugin.toml` would have to say.

use std::sync::Arc;

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::api;
use super::limits::Meter;
use super::manifest::Permissions;
use super::state::short;
use super::values;
use super::world::{Level, World};
use crate::kernel::error::{Error, Kind};

/// Who is in a state, and what it may do.
pub struct Inside {
    /// The plugin's name.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
    /// What it reaches.
    pub world: Arc<dyn World>,
    /// Watches it; the time that the world takes is not its own.
    pub meter: Arc<Meter>,
}

impl Inside {
    /// Refuses what `plugin.toml` does not ask for.
    ///
    /// # Errors
    /// A sentence for the plugin's author.
    pub fn needs(&self, allowed: bool, what: &str, line: &str) -> mlua::Result<()> {
        if allowed {
            return Ok(());
        }
        raise(&format!("{what} is not allowed: plugin.toml needs {line} under [permissions]"))
    }
}

/// What `fac.fail` raises: an answer that is no, and no mistake of the plugin.
#[derive(Clone, Debug)]
pub struct OnPurpose(pub String);

impl std::fmt::Display for OnPurpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OnPurpose {}

/// The words of `fac.fail`, where an error comes from it.
pub fn on_purpose(error: &mlua::Error) -> Option<String> {
    match error {
        mlua::Error::ExternalError(inner) => inner.downcast_ref::<OnPurpose>().map(|said| short(&said.0)),
        mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => on_purpose(cause),
        _ => None,
    }
}

/// An error for the script.
///
/// # Errors
/// Always.
pub fn raise<T>(said: &str) -> mlua::Result<T> {
    Err(mlua::Error::RuntimeError(said.to_string()))
}

/// Something outside that a plugin needed and that is not there: no server, no model, no permission. It is no mistake of
/// the plugin, and not counted as one where it lets it through.
#[derive(Clone, Debug)]
struct Outside(Kind, String);

impl std::fmt::Display for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.1)
    }
}

impl std::error::Error for Outside {}

/// The kind of trouble outside that an error comes from, if it does.
pub fn from_outside(error: &mlua::Error) -> Option<Kind> {
    match error {
        mlua::Error::ExternalError(inner) => inner.downcast_ref::<Outside>().map(|outside| outside.0),
        mlua::Error::CallbackError { cause, .. } | mlua::Error::WithContext { cause, .. } => from_outside(cause),
        _ => None,
    }
}

/// An error of ours as the script sees it.
pub fn ours(error: &Error) -> mlua::Error {
    let outside = match error.kind() {
        Kind::Unreachable | Kind::TimedOut => Kind::Unreachable,
        Kind::Missing | Kind::NotFound => Kind::Missing,
        Kind::Refused => Kind::Refused,
        _ => return mlua::Error::RuntimeError(error.full_message()),
    };
    mlua::Error::external(Outside(outside, error.full_message()))
}

/// Fills the globals of a state.
///
/// # Errors
/// When there is no memory for it.
pub fn furnish(lua: &Lua, globals: &Table, inside: Inside) -> mlua::Result<()> {
    values::prepare(lua)?;
    let inside = Arc::new(inside);
    let fac = lua.create_table()?;
    for (name, table) in [
        ("log", api::log::table(lua, &inside)?),
        ("store", api::store::table(lua, &inside)?),
        ("http", api::http::table(lua, &inside)?),
        ("event", api::event::table(lua, &inside)?),
        ("json", api::json::table(lua)?),
        ("time", api::time::table(lua, &inside)?),
    ] {
        table.set_readonly(true);
        fac.raw_set(name, table)?;
    }
    fac.raw_set("run", api::run::function(lua, &inside)?)?;
    fac.raw_set("ask", api::ask::function(lua, &inside)?)?;
    fac.raw_set("name", inside.name.as_str())?;
    fac.raw_set(
        "fail",
        lua.create_function(|_, said: String| -> mlua::Result<()> { Err(mlua::Error::external(OnPurpose(said))) })?,
    )?;
    fac.set_readonly(true);
    globals.raw_set("fac", fac)?;
    globals.raw_set("print", print(lua, &inside)?)
}

fn print(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Function> {
    let inside = inside.clone();
    lua.create_function(move |_, words: MultiValue| {
        inside.world.log(&inside.name, Level::Info, &line(words, inside.world.longest_line()));
        Ok(())
    })
}

/// Words as one line of a log, cut where it gets too long.
pub fn line(words: MultiValue, longest: usize) -> String {
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(' ');
        }
        match word {
            Value::String(text) => {
                line.push_str(&String::from_utf8_lossy(&text.as_bytes()[..text.as_bytes().len().min(longest)]))
            }
            Value::Table(_) => match values::to_json(word) {
                Ok(json) => line.push_str(&json.to_string()),
                Err(_) => line.push_str("table"),
            },
            // Metamethods of plugins have nothing to say here.
            Value::Nil => line.push_str("nil"),
            Value::Boolean(value) => line.push_str(if *value { "true" } else { "false" }),
            Value::Integer(number) => line.push_str(&number.to_string()),
            Value::Number(number) => line.push_str(&number.to_string()),
            other => line.push_str(other.type_name()),
        }
        if line.len() > longest {
            line.truncate(line.floor_char_boundary(longest));
            line.push('…');
            break;
        }
    }
    line
}
