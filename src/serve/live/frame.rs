//! What sockets may say: one JSON object a frame, with a type and, where there is an answer, an id that the answer bears.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use crate::serve::problem::Problem;

/// The longest frame, bytes.
pub const LONGEST: usize = 1 << 20;
/// The longest id, bytes.
const ID: usize = 128;

/// A frame that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// By which the answer is known: a text or a number.
    pub id: Option<Json>,
    /// What is asked for.
    pub kind: String,
    rest: Map<String, Json>,
}

impl Asked {
    /// Reads a frame.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub fn read(text: &str) -> Result<Asked, Problem> {
        let malformed = |said: &str| {
            Problem::new(axum::http::StatusCode::BAD_REQUEST, "usage", said)
                .hint("send objects such as {\"id\":\"1\",\"type\":\"ping\"}")
        };
        let Ok(Json::Object(mut rest)) = serde_json::from_str::<Json>(text) else {
            return Err(malformed("a frame is one JSON object"));
        };
        let id = match rest.shift_remove("id") {
            None | Some(Json::Null) => None,
            Some(id @ Json::Number(_)) => Some(id),
            Some(Json::String(id)) if id.len() <= ID => Some(Json::String(id)),
            Some(_) => return Err(malformed("an id is a short text or a number")),
        };
        match rest.shift_remove("type") {
            Some(Json::String(kind)) => Ok(Asked { id, kind, rest }),
            _ => Err(malformed("a frame says its type")),
        }
    }

    /// The id.
    ///
    /// # Errors
    /// 422 where there is none.
    pub fn id(&self) -> Result<Json, Problem> {
        self.id.clone().ok_or_else(|| wrong("this type needs an id, by which its answers are known"))
    }

    /// The rest, as the type wants it, beside one text that may stand there too.
    ///
    /// # Errors
    /// 422 with what does not fit.
    pub fn rest_beside<T: DeserializeOwned>(&self, name: &str) -> Result<(Option<String>, T), Problem> {
        let mut rest = self.rest.clone();
        let text = match rest.shift_remove(name) {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(text),
            Some(_) => return Err(wrong(&format!("{name} is a text"))),
        };
        Ok((text, Asked { rest, ..self.clone() }.rest()?))
    }

    /// The rest, as the type wants it.
    ///
    /// # Errors
    /// 422 with what does not fit.
    pub fn rest<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_value(Json::Object(self.rest.clone())).map_err(|error| {
            let said: String = error.to_string().chars().take(300).collect();
            wrong(&said)
        })
    }
}

fn wrong(said: &str) -> Problem {
    Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "usage", said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[test]
    fn frames_are_objects_with_a_type() {
        let asked = Asked::read(r#"{"type":"x","id":7,"a":"b"}"#).unwrap();
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(deny_unknown_fields)]
        struct A {
            a: String,
        }
        assert_eq!((asked.id().unwrap(), asked.kind.as_str()), (Json::from(7), "x"));
        assert_eq!(asked.rest::<A>().unwrap(), A { a: "b".to_string() });
        assert_eq!(Asked::read(r#"{"type":"x","c":1}"#).unwrap().rest::<A>().unwrap_err().status, 422);
        for wrong in ["", "[]", "{}", "{\"type\":1}", "{\"type\":\"x\",\"id\":[1]}", "nul", "{\"type\":\"x\"", "\"x\""]
        {
            assert_eq!(Asked::read(wrong).unwrap_err().status, 400, "{wrong}");
        }
        let deep = format!("{{\"type\":\"x\",\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(Asked::read(&deep).unwrap_err().status, 400);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_it(text in "\\PC*") {
            let _ = Asked::read(&text);
        }
    }
}
