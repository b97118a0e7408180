//! `fac.store`: what a plugin keeps for itself, by key.

use std::sync::Arc;

use mlua::{Lua, Table, Value};

use crate::plugins::inside::{Inside, ours, raise};
use crate::plugins::values;

/// The longest key, bytes.
const LONGEST_KEY: usize = 200;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let here = inside.clone();
    let get = lua.create_function(move |lua, (key, default): (String, Value)| {
        allowed(&here)?;
        let kept = here.world.get(&here.name, &key).map_err(|error| ours(&error))?;
        match kept {
            Some(text) => values::parse(lua, &text),
            None => Ok(default),
        }
    })?;
    table.raw_set("get", get)?;
    let here = inside.clone();
    let set = lua.create_function(move |_, (key, value): (String, Value)| {
        allowed(&here)?;
        if key.is_empty() || key.len() > LONGEST_KEY {
            return raise("a key has between 1 and 200 bytes");
        }
        let text = if value.is_nil() { None } else { Some(values::to_json(&value)?.to_string()) };
        here.world.set(&here.name, &key, text.as_deref()).map_err(|error| ours(&error))
    })?;
    table.raw_set("set", set)?;
    let here = inside.clone();
    let keys = lua.create_function(move |lua, prefix: Option<String>| {
        allowed(&here)?;
        let prefix = prefix.unwrap_or_default();
        let keys = here.world.keys(&here.name, &prefix).map_err(|error| ours(&error))?;
        lua.create_sequence_from(keys)
    })?;
    table.raw_set("keys", keys)?;
    Ok(table)
}

fn allowed(inside: &Inside) -> mlua::Result<()> {
    inside.needs(inside.permissions.store, "fac.store", "`store = true`")
}
