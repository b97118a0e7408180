//! What is sent and what is heard, apart from how.
//!
//! A payload is bytes: it becomes text only where it is UTF-8, and goes to a terminal only through
//! [`crate::kernel::terminal`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

/// How surely a message arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// At most once: 0.
    #[default]
    Most,
    /// At least once: 1.
    Least,
    /// Exactly once: 2.
    Exactly,
}

impl Qos {
    /// The level of this number.
    pub fn of(number: u64) -> Option<Qos> {
        Some(match number {
            0 => Qos::Most,
            1 => Qos::Least,
            2 => Qos::Exactly,
            _ => return None,
        })
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// What MQTT 5 can say beside a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// The kind of content, such as `application/json`.
    pub content_type: Option<String>,
    /// Where an answer is wanted.
    pub response_topic: Option<String>,
    /// What an answer is to be marked with.
    pub correlation: Option<Vec<u8>>,
    /// Seconds after which nobody needs it any more.
    pub expiry: Option<u32>,
    /// Whether the payload is declared to be UTF-8.
    pub is_text: bool,
    /// Pairs of the user's own, in order.
    pub user: Vec<(String, String)>,
    /// The ids of the subscriptions that it came by, where those have some.
    pub subscriptions: Vec<u32>,
}

/// A message to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publish {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// How surely.
    pub qos: Qos,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
    /// What else MQTT 5 says; left out in MQTT 3.1.1.
    pub properties: Properties,
}

impl Publish {
    /// How many bytes it has on its way in MQTT 5, headers and all (MQTT 5, 3.3).
    pub fn encoded_len(&self) -> usize {
        let text = |text: &str| 2 + text.len();
        let said = &self.properties;
        let properties = usize::from(said.is_text) * 2
            + said.expiry.map_or(0, |_| 5)
            + said.response_topic.as_deref().map_or(0, |topic| 1 + text(topic))
            + said.correlation.as_ref().map_or(0, |bytes| 3 + bytes.len())
            + said.content_type.as_deref().map_or(0, |kind| 1 + text(kind))
            + said.user.iter().map(|(name, value)| 1 + text(name) + text(value)).sum::<usize>();
        let id = usize::from(self.qos != Qos::Most) * 2;
        let rest = text(&self.topic) + id + variable(properties) + properties + self.payload.len();
        1 + variable(rest) + rest
    }

    /// A message that is not kept.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>, qos: Qos) -> Publish {
        Publish { topic: topic.into(), payload: payload.into(), qos, ..Publish::default() }
    }

    /// The same, kept by the broker.
    pub fn kept(self) -> Publish {
        Publish { retain: true, ..self }
    }
}

/// A message that was heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it was published; what is not UTF-8 in it is replaced.
    pub topic: String,
    /// What.
    pub payload: Vec<u8>,
    /// How surely it came.
    pub qos: Qos,
    /// Whether the broker had kept it: it was published before we asked.
    pub retain: bool,
    /// Whether it may have been delivered before.
    pub dup: bool,
    /// Its number within the session; 0 without one.
    pub id: u16,
    /// What MQTT 5 said beside it.
    pub properties: Properties,
}

impl Message {
    /// The payload as text, where it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.payload).ok()
    }

    /// The payload as JSON, where it is some.
    pub fn json(&self) -> Option<Json> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// The message as one object: `payload` is text; where it is not UTF-8 it is base64 and `encoding` says so.
    pub fn to_json(&self) -> Map<String, Json> {
        let mut all = Map::new();
        all.insert("topic".into(), json!(self.topic));
        match self.text() {
            // No variable of a script can hold a NUL.
            Some(text) if !text.contains('\0') => all.insert("payload".into(), json!(text)),
            _ => {
                all.insert("payload".into(), json!(STANDARD.encode(&self.payload)));
                all.insert("encoding".into(), json!("base64"))
            }
        };
        all.insert("qos".into(), json!(self.qos.number()));
        all.insert("retain".into(), json!(self.retain));
        all.insert("dup".into(), json!(self.dup));
        if let Some(properties) = self.properties.to_json() {
            all.insert("properties".into(), properties);
        }
        all
    }
}

/// The bytes of a number as lengths are written: seven bits each (MQTT 5, 1.5.5).
fn variable(number: usize) -> usize {
    match number {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        _ => 4,
    }
}

impl Properties {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Properties::default()
    }

    /// The last value of a pair of the user's.
    pub fn of_user(&self, name: &str) -> Option<&str> {
        self.user.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What is said, as an object; `None` when nothing is.
    pub fn to_json(&self) -> Option<Json> {
        // By which subscriptions it came is between us and the broker.
        if (Properties { subscriptions: Vec::new(), ..self.clone() }).is_empty() {
            return None;
        }
        let mut all = Map::new();
        let texts = [("content_type", &self.content_type), ("response_topic", &self.response_topic)];
        for (name, value) in texts {
            value.iter().for_each(|text| drop(all.insert(name.into(), json!(text))));
        }
        if let Some(bytes) = &self.correlation {
            all.insert("correlation_base64".into(), json!(STANDARD.encode(bytes)));
        }
        self.expiry.iter().for_each(|seconds| drop(all.insert("expiry".into(), json!(seconds))));
        if self.is_text {
            all.insert("is_text".into(), json!(true));
        }
        if !self.user.is_empty() {
            all.insert("user".into(), json!(self.user.iter().map(|(k, v)| json!([k, v])).collect::<Vec<_>>()));
        }
        Some(Json::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_that_is_no_text_is_base64_and_says_so() {
        let message = Message { topic: "a/b".into(), payload: vec![0xff, 0, 1], ..Message::default() };
        let json = Json::Object(message.to_json());
        assert_eq!((&json["payload"], &json["encoding"]), (&json!("/wAB"), &json!("base64")));
        assert_eq!((message.text(), message.json()), (None, None));
        let message = Message { payload: b"{\"on\": true}".to_vec(), ..message };
        let json = Json::Object(message.to_json());
        assert_eq!((&json["payload"], json.get("encoding")), (&json!("{\"on\": true}"), None));
        assert_eq!(message.json(), Some(json!({"on": true})));
    }

    #[test]
    fn properties_are_told_only_where_there_are_some() {
        assert_eq!(Properties::default().to_json(), None);
        let user = vec![("a".to_string(), "1".to_string()), ("a".to_string(), "2".to_string())];
        let some = Properties { expiry: Some(5), user, ..Properties::default() };
        assert_eq!(some.to_json(), Some(json!({"expiry": 5, "user": [["a", "1"], ["a", "2"]]})));
        assert_eq!(some.of_user("a"), Some("2"));
    }
}
