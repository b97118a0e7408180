//! `fac.ask`: a question to the default model, beside every chat.

use std::sync::Arc;

use mlua::{Function, Lua, Table};

use crate::plugins::inside::{Inside, ours};
use crate::plugins::world::Question;

/// The function.
pub fn function(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Function> {
    let here = inside.clone();
    lua.create_function(move |lua, (prompt, options): (String, Option<Table>)| {
        here.needs(here.permissions.ask, "fac.ask", "`ask = true`")?;
        let system = options.map(|o| o.raw_get::<Option<String>>("system")).transpose()?.flatten();
        let question = Question { by: here.name.clone(), prompt, system };
        let answer = here.meter.free(|| here.world.ask(&question, here.meter.halt())).map_err(|error| ours(&error))?;
        lua.create_string(answer)
    })
}
