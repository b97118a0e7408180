//! `fac.event`: facts that a plugin writes into the event log, where automations hear them.

use std::sync::Arc;

use mlua::{Lua, Table, Value};

use crate::plugins::inside::{Inside, ours, raise};
use crate::plugins::values;

/// The most bytes that an event says.
const MOST: usize = 64 << 10;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let here = inside.clone();
    let emit = lua.create_function(move |_, (name, payload): (String, Value)| {
        here.needs(here.permissions.event, "fac.event", "`event = true`")?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 60 || !name.chars().all(plain) {
            return raise("an event has a name of lower-case letters, digits, dots, - and _, at most 60");
        }
        let payload = values::to_json(&payload)?;
        if payload.to_string().len() > MOST {
            return raise("what an event says is larger than 64 kB");
        }
        here.world.emit(&here.name, &name, &payload, here.meter.halt()).map_err(|error| ours(&error))
    })?;
    table.raw_set("emit", emit)?;
    Ok(table)
}
