//! `fac.json`: JSON to values and back.

use mlua::{Lua, Table, Value};

use crate::plugins::values;

/// The table.
pub fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("array", lua.create_function(|lua, table: Table| values::array(lua, table))?)?;
    let decode = lua.create_function(|lua, text: mlua::LuaString| {
        let bytes = text.as_bytes();
        values::parse(lua, &String::from_utf8_lossy(&bytes))
    })?;
    table.raw_set("decode", decode)?;
    let encode = lua.create_function(|lua, (value, pretty): (Value, Option<bool>)| {
        let json = values::to_json(&value)?;
        let text = if pretty == Some(true) { format!("{json:#}") } else { json.to_string() };
        lua.create_string(text)
    })?;
    table.raw_set("encode", encode)?;
    Ok(table)
}
