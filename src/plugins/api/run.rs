//! `fac.run`: runs a command that is trusted, as anybody would run it.

use std::sync::Arc;

use mlua::{Function, Lua, Table, Value};

use crate::plugins::inside::{Inside, ours, raise};

/// The most bytes of words, as the system takes them.
const MOST_WORDS: usize = 128 << 10;

/// The words of a list. They are counted before they are copied: one text may stand there many times.
fn words_of(list: &Table) -> mlua::Result<Vec<String>> {
    let (mut words, mut room) = (Vec::new(), MOST_WORDS);
    for word in list.sequence_values::<mlua::LuaString>() {
        let word = word?;
        let Some(left) = room.checked_sub(word.as_bytes().len() + 1) else {
            return raise("the words are longer than 128 kB; more can be given as `input`");
        };
        room = left;
        words.push(word.to_str()?.to_string());
    }
    Ok(words)
}

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
            Value::Table(list) => words_of(&list)?,
            _ => return raise("fac.run takes a command line, or a list of words"),
        };
        if words.is_empty() {
            return raise("fac.run takes the name of a command");
        }
        let input = options.map(|o| o.raw_get::<Option<String>>("input")).transpose()?.flatten();
        let ran = here
            .meter
            .free(|| here.world.run(&words, input.as_deref(), &here.permissions.run, here.meter.halt()))
            .map_err(|error| ours(&error))?;
        let table = lua.create_table()?;
        table.raw_set("ok", ran.code == 0)?;
        table.raw_set("code", ran.code)?;
        table.raw_set("stdout", lua.create_string(ran.stdout)?)?;
        table.raw_set("stderr", lua.create_string(ran.stderr)?)?;
        table.raw_set("truncated", ran.truncated)?;
        table.raw_set("id", ran.id)?;
        Ok(table)
    })
}
