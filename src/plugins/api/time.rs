//! `fac.time`: what time it is, and how it is written.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mlua::{Lua, Table};

use crate::plugins::inside::{Inside, raise};

/// The longest form, bytes: each of its fields may be padded to 255.
const LONGEST_FORM: usize = 200;

/// The table.
pub fn table(lua: &Lua, inside: &Arc<Inside>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let here = inside.clone();
    let now = move || here.world.now().as_micros() as f64 / 1e6;
    let clock = now.clone();
    table.raw_set("now", lua.create_function(move |_, ()| Ok(clock()))?)?;
    let clock = now.clone();
    let iso = lua.create_function(move |_, seconds: Option<f64>| {
        let at = moment(seconds.unwrap_or_else(&clock))?;
        Ok(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    })?;
    table.raw_set("iso", iso)?;
    let format = lua.create_function(move |_, (form, seconds, zone): (String, Option<f64>, Option<String>)| {
        if form.len() > LONGEST_FORM {
            return raise("a form for a time has at most 200 bytes");
        }
        let at = moment(seconds.unwrap_or_else(&now))?.to_zoned(zone_of(zone)?);
        let mut text = String::new();
        match jiff::fmt::strtime::BrokenDownTime::from(&at).format(&form, &mut text) {
            Ok(()) => Ok(text),
            Err(error) => raise(&format!("that is no form for a time: {error}")),
        }
    })?;
    table.raw_set("format", format)?;
    let parse = lua.create_function(|_, text: String| match text.trim().parse::<Timestamp>() {
        Ok(at) => Ok(at.as_microsecond() as f64 / 1e6),
        Err(error) => raise(&format!("that is no time: {error}")),
    })?;
    table.raw_set("parse", parse)?;
    Ok(table)
}

fn moment(seconds: f64) -> mlua::Result<Timestamp> {
    if !seconds.is_finite() {
        return raise(&format!("{seconds} is no time"));
    }
    let at = Timestamp::from_microsecond((seconds * 1e6) as i64);
    at.or_else(|error| raise(&format!("that is no time: {error}")))
}

fn zone_of(name: Option<String>) -> mlua::Result<TimeZone> {
    match name {
        None => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(&name).or_else(|error| raise(&format!("there is no such time zone: {error}"))),
    }
}
