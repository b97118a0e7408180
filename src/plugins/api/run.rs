//! `fac.run`: runs a command that is trusted, as anybody would run it.

use std::sync::Arc;

use mlua::{Function, Lua, Table, Value};

use crate::plugins::inside::{Inside, ours, raise};

/// The function.
pub fn function(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Function> {
    let here = inside.clone();
    lua.create_function(move |lua, (words, options): (Value, Option<Table>)| {
        here.needs(!here.permissions.run.is_empty(), "fac.run", "`run = [\"…\"]` with the command")?;
        let words: Vec<String> = match words {
            Value::String(text) => match shlex::split(&text.to_string_lossy()) {
                Some(words) => words,
                None => return raise("the words have a quote that is never closed"),
            },
            Value::Table(list) => list.sequence_values().collect::<mlua::Result<_>>()?,
            _ => return raise("fac.run takes a command line, or a list of words"),
        };
        if words.is_empty() {
            return raise("fac.run takes the name of a command");
        }
        let input = options.map(|o| o.raw_get::<Option<String>>("input")).transpose()?.flatten();
        let ran = here
            .meter
            .free(|| here.world.run(&words, input.as_deref(), &here.permissions.run))
            .map_err(|error| ours(&error))?;
        let table = lua.create_table()?;
        table.raw_set("ok", ran.code == 0)?;
        table.raw_set("code", ran.code)?;
        table.raw_set("stdout", ran.stdout)?;
        table.raw_set("stderr", ran.stderr)?;
        table.raw_set("id", ran.id)?;
        Ok(table)
    })
}
