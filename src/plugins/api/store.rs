//! `fac.store`: what a plugin keeps for itself, by key.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlua::{Function, Lua, Table, Value};

use crate::kernel::error::{Error, Kind};
use crate::plugins::inside::{Inside, ours, raise};
use crate::plugins::values;

/// The longest key, bytes.
const LONGEST_KEY: usize = 200;

/// So often a change is tried again where others were faster.
const TRIES: usize = 1000;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let here = inside.clone();
    let get = lua.create_function(move |lua, (key, default): (String, Value)| {
        allowed(&here)?;
        let kept = here.world.get(&here.name, &key).map_err(|error| kept(&error))?;
        match kept {
            Some(text) => values::parse(lua, &text),
            None => Ok(default),
        }
    })?;
    table.raw_set("get", get)?;
    // So often this script itself changed something.
    let own = Arc::new(AtomicU64::new(0));
    let (here, changes) = (inside.clone(), own.clone());
    let set = lua.create_function(move |_, (key, value): (String, Value)| {
        allowed(&here)?;
        check(&key)?;
        changes.fetch_add(1, Ordering::Relaxed);
        here.world.set(&here.name, &key, written(&value)?.as_deref()).map_err(|error| kept(&error))
    })?;
    table.raw_set("set", set)?;
    let (here, changes) = (inside.clone(), own);
    let update = lua.create_function(move |lua, (key, change): (String, Function)| {
        allowed(&here)?;
        check(&key)?;
        for _ in 0..TRIES {
            let old = here.world.get(&here.name, &key).map_err(|error| kept(&error))?;
            let value = old.as_deref().map(|text| values::parse(lua, text)).transpose()?.unwrap_or(Value::Nil);
            let before = changes.load(Ordering::Relaxed);
            let value: Value = change.call(value)?;
            let new = written(&value)?;
            let replaced = here.world.replace(&here.name, &key, old.as_deref(), new.as_deref());
            if replaced.map_err(|error| kept(&error))? {
                changes.fetch_add(1, Ordering::Relaxed);
                return Ok(value);
            }
            if changes.load(Ordering::Relaxed) != before {
                return raise("what `update` calls changes the key itself; it is to return the value");
            }
        }
        raise("others change this key all the time")
    })?;
    table.raw_set("update", update)?;
    let here = inside.clone();
    let keys = lua.create_function(move |lua, prefix: Option<String>| {
        allowed(&here)?;
        let prefix = prefix.unwrap_or_default();
        let keys = here.world.keys(&here.name, &prefix).map_err(|error| kept(&error))?;
        let empty = keys.is_empty();
        let keys = lua.create_sequence_from(keys)?;
        if empty { values::array(lua, keys) } else { Ok(keys) }
    })?;
    table.raw_set("keys", keys)?;
    Ok(table)
}

/// An error of the store. What is too much is the plugin's own mistake.
fn kept(error: &Error) -> mlua::Error {
    match error.kind() {
        Kind::Refused => mlua::Error::RuntimeError(error.full_message()),
        _ => ours(error),
    }
}

fn check(key: &str) -> mlua::Result<()> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return raise("a key has between 1 and 200 bytes");
    }
    Ok(())
}

/// A value as it is kept; nothing is not.
fn written(value: &Value) -> mlua::Result<Option<String>> {
    if value.is_nil() { Ok(None) } else { values::to_json(value).map(|json| Some(json.to_string())) }
}

fn allowed(inside: &Inside) -> mlua::Result<()> {
    inside.needs(inside.permissions.store, "fac.store", "`store = true`")
}
