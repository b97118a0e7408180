//! Values between JSON and Lua.
//!
//! Towards Lua they are built within its own memory bound; from Lua they are counted while they are copied, so that a
//! small table that holds itself many times cannot fill this process.

use mlua::{Lua, Table, Value};
use serde::de::{DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::state::short;

/// The most bytes that one value may have on its way out of Lua.
pub const MOST_BYTES: usize = 4 << 20;
/// The most parts it may have.
pub const MOST_PARTS: usize = 100_000;
/// The deepest it may be nested.
const DEEPEST: usize = 64;
/// Up to here every whole number of Lua is one of its own.
const EXACT: u64 = (1 << 53) - 1;
/// Where the metatable that marks an array is kept.
const ARRAYS: &str = "fac.arrays";

/// Puts the metatable of arrays where [`array`] finds it.
///
/// # Errors
/// When there is no memory for it.
pub fn prepare(lua: &Lua) -> mlua::Result<()> {
    let mark = lua.create_table()?;
    mark.raw_set("__metatable", "array")?;
    mark.set_readonly(true);
    lua.set_named_registry_value(ARRAYS, mark)
}

/// A table that stays an array in JSON though it is empty.
///
/// # Errors
/// When it is read-only.
pub fn array(lua: &Lua, table: Table) -> mlua::Result<Table> {
    let mark: Table = lua.named_registry_value(ARRAYS)?;
    table.set_metatable(Some(mark))?;
    Ok(table)
}

/// JSON as Lua has it: null is `nil` in objects and the null of `fac.json` in arrays.
///
/// # Errors
/// When there is no memory for it.
pub fn to_lua(lua: &Lua, json: &Json) -> mlua::Result<Value> {
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Boolean(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole_of(lua, whole)?,
            (None, Some(large)) => Value::String(lua.create_string(large.to_string())?),
            (None, None) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(lua.create_string(text)?),
        Json::Array(items) => {
            let table = lua.create_table_with_capacity(items.len(), 0)?;
            for (at, item) in items.iter().enumerate() {
                let item = if item.is_null() { Value::NULL } else { to_lua(lua, item)? };
                table.raw_set(at + 1, item)?;
            }
            if items.is_empty() {
                return Ok(Value::Table(array(lua, table)?));
            }
            Value::Table(table)
        }
        Json::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (key, item) in fields {
                table.raw_set(key.as_str(), to_lua(lua, item)?)?;
            }
            Value::Table(table)
        }
    })
}

/// A whole number; one that Lua cannot hold (an id, mostly) is the text of its digits.
fn whole_of(lua: &Lua, number: i64) -> mlua::Result<Value> {
    match number.unsigned_abs() <= EXACT {
        true => Ok(Value::Number(number as f64)),
        false => lua.create_string(number.to_string()).map(Value::String),
    }
}

/// JSON text as Lua has it, without building it here first.
///
/// # Errors
/// What is wrong with the text, or that there is no memory for it.
pub fn parse(lua: &Lua, text: &str) -> mlua::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let wrong = |error: serde_json::Error| mlua::Error::RuntimeError(format!("that is no JSON: {error}"));
    let value = deserializer.deserialize_any(Build(lua)).map_err(wrong)?;
    deserializer.end().map_err(wrong)?;
    Ok(if value.is_null() { Value::Nil } else { value })
}

/// Builds Lua values while the text is read.
#[derive(Clone, Copy)]
struct Build<'l>(&'l Lua);

impl<'de> DeserializeSeed<'de> for Build<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

fn lost<E: serde::de::Error>(error: mlua::Error) -> E {
    E::custom(error)
}

impl<'de> Visitor<'de> for Build<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> std::result::Result<Value, E> {
        whole_of(self.0, value).map_err(lost)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> std::result::Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_str(&value.to_string()),
        }
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Value, E> {
        self.0.create_string(text).map(Value::String).map_err(lost)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Value, A::Error> {
        let table = self.0.create_table().map_err(lost)?;
        let mut at = 0;
        while let Some(item) = items.next_element_seed(self)? {
            at += 1;
            table.raw_set(at, item).map_err(lost)?;
        }
        let table = if at == 0 { array(self.0, table).map_err(lost)? } else { table };
        Ok(Value::Table(table))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> std::result::Result<Value, A::Error> {
        let table = self.0.create_table().map_err(lost)?;
        while let Some(key) = fields.next_key_seed(Build(self.0))? {
            let item = fields.next_value_seed(self)?;
            let item = if item.is_null() { Value::Nil } else { item };
            table.raw_set(key, item).map_err(lost)?;
        }
        Ok(Value::Table(table))
    }
}

/// A value of Lua as JSON.
///
/// # Errors
/// When it holds what JSON has no word for, or is too large or too deep.
pub fn to_json(value: &Value) -> mlua::Result<Json> {
    Copy { bytes: MOST_BYTES, parts: MOST_PARTS }.value(value, 0)
}

/// What a copy may still take.
struct Copy {
    bytes: usize,
    parts: usize,
}

fn wrong<T>(said: &str) -> mlua::Result<T> {
    Err(mlua::Error::RuntimeError(said.to_string()))
}

impl Copy {
    fn text(&mut self, text: &mlua::LuaString) -> mlua::Result<String> {
        let bytes = text.as_bytes();
        match self.bytes.checked_sub(bytes.len()) {
            Some(left) => self.bytes = left,
            None => return wrong("the value has more than 4 MB"),
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn value(&mut self, value: &Value, depth: usize) -> mlua::Result<Json> {
        match self.parts.checked_sub(1) {
            Some(left) => self.parts = left,
            None => return wrong("the value has more than 100,000 parts"),
        }
        if depth > DEEPEST {
            return wrong("the value is nested too deeply, or holds itself");
        }
        Ok(match value {
            Value::Nil => Json::Null,
            value if value.is_null() => Json::Null,
            Value::Boolean(value) => Json::Bool(*value),
            Value::Integer(number) => Json::from(*number),
            Value::Number(number) => number_of(*number)?,
            Value::String(text) => Json::String(self.text(text)?),
            Value::Table(table) => self.table(table, depth)?,
            other => return wrong(&format!("a {} has no place in JSON", other.type_name())),
        })
    }

    fn table(&mut self, table: &Table, depth: usize) -> mlua::Result<Json> {
        let length = table.raw_len();
        if length > 0
            || table.metatable().is_some_and(|mark| mark.raw_get::<String>("__metatable").is_ok_and(|m| m == "array"))
        {
            only_items(table, length)?;
            let mut items = Vec::new();
            for at in 1..=length {
                items.push(self.value(&table.raw_get(at)?, depth + 1)?);
            }
            return Ok(Json::Array(items));
        }
        let mut fields = Map::new();
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            let key = match &key {
                Value::String(text) => self.text(text)?,
                Value::Integer(number) => number.to_string(),
                Value::Number(number) => number.to_string(),
                other => return wrong(&format!("a {} is no name of a field", other.type_name())),
            };
            let value = self.value(&value, depth + 1)?;
            if fields.contains_key(&key) {
                return wrong(&format!("a table has `{}` both as a number and as a text", short(&key)));
            }
            fields.insert(key, value);
        }
        // Lua keeps no order; the same table is to give the same text.
        fields.sort_keys();
        Ok(Json::Object(fields))
    }
}

/// A list has no names beside its items and no holes, which JSON could not say.
fn only_items(table: &Table, length: usize) -> mlua::Result<()> {
    let mut count = 0;
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(at) if usize::try_from(at).is_ok_and(|at| (1..=length).contains(&at)) => {}
            Value::Number(at) if at.fract() == 0.0 && at >= 1.0 && at <= length as f64 => {}
            Value::String(name) => {
                let name = short(&name.to_string_lossy());
                return wrong(&format!("a table is a list or has names, and this list also has `{name}`"));
            }
            _ => return wrong("a list with holes has no place in JSON"),
        }
        count += 1;
    }
    if count == length { Ok(()) } else { wrong("a list with holes has no place in JSON") }
}

/// Whole numbers stay whole.
fn number_of(number: f64) -> mlua::Result<Json> {
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        return Ok(Json::from(number as i64));
    }
    match serde_json::Number::from_f64(number) {
        Some(number) => Ok(Json::Number(number)),
        None => wrong("JSON has no word for infinity or for what is no number"),
    }
}
