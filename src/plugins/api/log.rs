//! `fac.log`: lines for `fac plugin log`.

use std::sync::Arc;

use mlua::{Lua, MultiValue, Table};

use crate::plugins::inside::{Inside, line};
use crate::plugins::world::Level;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
        let inside = inside.clone();
        let write = lua.create_function(move |_, words: MultiValue| {
            inside.world.log(&inside.name, level, &line(words, inside.world.longest_line()));
            Ok(())
        })?;
        table.raw_set(level.name(), write)?;
    }
    Ok(table)
}
