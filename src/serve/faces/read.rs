//! Reading what a client sent, field by field, with the place of whatever is wrong.
//!
//! It knows no vendor. `null` counts as not said, as all vendors' clients send it.

use serde_json::{Map, Value};

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where, such as `messages[2].content`; empty for the whole body.
    pub place: String,
    /// What, as the end of a sentence that begins with the place.
    pub what: String,
}

impl Wrong {
    /// Something wrong at a place.
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Wrong {
        Wrong { place: place.into(), what: what.into() }
    }

    /// The whole sentence, without its full stop.
    pub fn sentence(&self) -> String {
        match self.place.as_str() {
            "" => format!("the body {}", self.what),
            place => format!("`{place}` {}", self.what),
        }
    }
}

/// What came of reading.
pub type Read<T> = Result<T, Wrong>;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Field<'a> {
    /// The whole body.
    pub fn root(value: &'a Value) -> Field<'a> {
        Field { value, place: String::new() }
    }

    /// The value.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Something wrong here.
    pub fn wrong(&self, what: impl Into<String>) -> Wrong {
        Wrong::new(self.place.clone(), what)
    }

    /// The member `name`, where it is said.
    pub fn get(&self, name: &str) -> Option<Field<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let place = if self.place.is_empty() { name.to_string() } else { format!("{}.{name}", self.place) };
        Some(Field { value, place })
    }

    /// The first of these members that is said: protocol buffers take two spellings.
    pub fn either(&self, names: [&str; 2]) -> Option<Field<'a>> {
        names.iter().find_map(|name| self.get(name))
    }

    /// The member `name`.
    pub fn need(&self, name: &str) -> Read<Field<'a>> {
        let place = if self.place.is_empty() { name.to_string() } else { format!("{}.{name}", self.place) };
        self.get(name).ok_or_else(|| Wrong::new(place, "is missing"))
    }

    /// A text.
    pub fn text(&self) -> Read<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong("wants a text"))
    }

    /// A number that is one.
    pub fn number(&self) -> Read<f64> {
        self.value.as_f64().filter(|n| n.is_finite()).ok_or_else(|| self.wrong("wants a number"))
    }

    /// A whole number of at most 32 bits.
    pub fn small(&self) -> Read<u32> {
        let whole = self
            .value
            .as_u64()
            .or_else(|| self.value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0).map(|n| n as u64));
        whole.and_then(|n| u32::try_from(n).ok()).ok_or_else(|| self.wrong("wants a whole number"))
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong("wants true or false"))
    }

    /// The members of a list.
    pub fn list(&self) -> Read<Vec<Field<'a>>> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("wants a list"))?;
        let field = |(at, value)| Field { value, place: format!("{}[{at}]", self.place) };
        Ok(items.iter().enumerate().map(field).collect())
    }

    /// The members of a list that is not empty.
    pub fn some(&self) -> Read<Vec<Field<'a>>> {
        let items = self.list()?;
        if items.is_empty() { Err(self.wrong("must not be empty")) } else { Ok(items) }
    }

    /// An object.
    pub fn object(&self) -> Read<&'a Map<String, Value>> {
        self.value.as_object().ok_or_else(|| self.wrong("wants an object"))
    }

    /// The text of the member `name`, where it is said.
    pub fn text_of(&self, name: &str) -> Read<Option<&'a str>> {
        self.get(name).map(|field| field.text()).transpose()
    }

    /// The number of the member `name`, where it is said.
    pub fn number_of(&self, name: &str) -> Read<Option<f64>> {
        self.get(name).map(|field| field.number()).transpose()
    }

    /// The whole number of the member `name`, where it is said.
    pub fn small_of(&self, name: &str) -> Read<Option<u32>> {
        self.get(name).map(|field| field.small()).transpose()
    }

    /// The seed `name`: vendors take negative ones, which are said again by their bits.
    pub fn seed_of(&self, name: &str) -> Read<Option<u64>> {
        let Some(field) = self.get(name) else { return Ok(None) };
        let seed = field.value.as_u64().or_else(|| field.value.as_i64().map(|n| n.unsigned_abs()));
        seed.map(Some).ok_or_else(|| field.wrong("wants a whole number"))
    }

    /// Whether the member `name` is `true`.
    pub fn says(&self, name: &str) -> Read<bool> {
        self.get(name).map_or(Ok(false), |field| field.flag())
    }

    /// The members of the list `name`; none where it is not said.
    pub fn list_of(&self, name: &str) -> Read<Vec<Field<'a>>> {
        self.get(name).map_or_else(|| Ok(Vec::new()), |field| field.list())
    }

    /// A text, or the texts of a list.
    pub fn texts(&self) -> Read<Vec<String>> {
        match self.value {
            Value::String(text) => Ok(vec![text.clone()]),
            _ => self.list()?.iter().map(|item| item.text().map(String::from)).collect(),
        }
    }
}

/// The fields of a body that the reader does not know: they go along where the model speaks the same tongue.
pub fn others(body: &Value, known: &[&str]) -> Map<String, Value> {
    let members = body.as_object().into_iter().flatten();
    let unknown = members.filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null());
    unknown.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The MIME type and the base64 of a `data:` address (RFC 2397), where it is one.
pub fn data_url(text: &str) -> Option<(&str, &str)> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    let mime = head.split(';').next().filter(|mime| !mime.is_empty()).unwrap_or("text/plain");
    Some((mime, data))
}

/// The arguments of a call as a model's client writes them: JSON in a text; a text that is none stays one.
pub fn arguments(text: &str) -> Value {
    match text.trim() {
        "" => Value::Object(Map::new()),
        text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let body = json!({"messages": [{"content": 7}], "n": 1.5, "stop": null, "seed": -3});
        let root = Field::root(&body);
        let content = root.need("messages").unwrap().list().unwrap()[0].need("content").unwrap();
        assert_eq!(content.text().unwrap_err().sentence(), "`messages[0].content` wants a text");
        assert_eq!(root.small_of("n").unwrap_err().sentence(), "`n` wants a whole number");
        assert_eq!(root.need("stop").unwrap_err().sentence(), "`stop` is missing");
        assert_eq!(root.seed_of("seed"), Ok(Some(3)));
        assert_eq!(root.wrong("is no object").sentence(), "the body is no object");
    }

    #[test]
    fn files_in_addresses_are_taken_apart() {
        assert_eq!(data_url("data:image/png;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(data_url("data:;base64,AA=="), Some(("text/plain", "AA==")));
        assert_eq!(data_url("data:text/plain;charset=utf-8;base64,AA=="), Some(("text/plain", "AA==")));
        assert_eq!(data_url("data:text/plain,hello"), None);
        assert_eq!(data_url("http://x/y.png"), None);
    }
}
