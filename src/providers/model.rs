//! What goes to a model and what comes back, in no vendor's shape.
//!
//! The values are kept as JSON in the store (a message's parts), so fields are only ever added. They know nothing of
//! wires, files, prices or the person.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules of the chat.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Results of tools.
    Tool,
}

impl Role {
    /// The word used in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Role> {
        [Role::System, Role::User, Role::Assistant, Role::Tool].into_iter().find(|role| role.name() == name)
    }
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Words.
    Text {
        /// Markdown, as a rule.
        text: String,
    },
    /// What the model thought before it answered.
    Reasoning {
        /// Its words; may be empty where a vendor gives only the signature.
        text: String,
        /// What the vendor wants back with it, unread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// A picture or another file.
    File {
        /// Its MIME type, such as `image/png`.
        mime: String,
        /// Its name, for people.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// Its bytes in base64; empty when `url` says where it is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        data: String,
        /// Where the provider finds it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// The model asks for a tool.
    ToolCall(ToolCall),
    /// What a tool answered.
    ToolResult(ToolResult),
}

impl Part {
    /// A text.
    pub fn text(text: impl Into<String>) -> Part {
        Part::Text { text: text.into() }
    }
}

/// A model's wish to use a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Joins the call and its result.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments, an object as a rule; a string holds what could not be read as JSON.
    pub arguments: Value,
    /// What the vendor wants back with it, unread.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<String>,
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// What the model is told.
    pub content: String,
    /// Whether it is the account of a failure.
    #[serde(default)]
    pub is_error: bool,
}

/// One message for the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What, in order.
    pub parts: Vec<Part>,
}

impl Turn {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Turn {
        Turn { role, parts: vec![Part::text(text)] }
    }

    /// Its texts, joined.
    pub fn words(&self) -> String {
        words(&self.parts)
    }
}

/// The texts among `parts`, joined.
pub fn words(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|p| match p {
        Part::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().concat()
}

/// A tool that the model may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, at most 64.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// How hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// Hard.
    High,
}

/// Whether a model may ask for tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolUse {
    /// As it likes.
    Auto,
    /// Not at all.
    Never,
    /// For at least one.
    Always,
    /// For this one.
    Only(String),
}

/// How the model should answer. What is not said is left to the provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// 0 is steady, higher is freer.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For answers that can be had again.
    pub seed: Option<u64>,
    /// Reasoning.
    pub effort: Option<Effort>,
    /// JSON Schema that the answer must satisfy.
    pub schema: Option<Value>,
    /// Whether tools may, must or must not be asked for; the model decides where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_use: Option<ToolUse>,
    /// More fields of the request's body, as the provider names them.
    pub extra: Map<String, Value>,
}

impl Tuning {
    /// Sets `key` from text. What the room does not know goes to the provider as it is written, as JSON where it is.
    ///
    /// # Errors
    /// What is wrong with the value, as the end of a sentence.
    pub fn set(&mut self, key: &str, value: &str) -> std::result::Result<(), &'static str> {
        let number = || value.parse::<f64>().ok().filter(|n| n.is_finite()).ok_or("wants a number");
        match key {
            "temperature" => self.temperature = Some(number()?),
            "top_p" => self.top_p = Some(number()?),
            "max_tokens" => self.max_tokens = Some(value.parse().map_err(|_| "wants a whole number")?),
            "seed" => self.seed = Some(value.parse().map_err(|_| "wants a whole number")?),
            "stop" => self.stop.push(value.to_string()),
            _ => {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_string()));
                self.extra.insert(key.to_string(), value);
            }
        }
        Ok(())
    }
}

/// A whole question to a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The messages, system texts first.
    pub turns: Vec<Turn>,
    /// Tools on offer.
    pub tools: Vec<ToolSpec>,
    /// How to answer.
    pub tuning: Tuning,
}

/// A piece of the answer, as it comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Words.
    Text(String),
    /// Thoughts.
    Reasoning(String),
    /// A tool is being asked for (its name may be all that is known yet).
    ToolStarts(String),
    /// Something was tried again or elsewhere: a sentence for the person.
    Notice(String),
}

/// Tokens of one call, as the provider counted them; `None` where it said nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// All tokens that went in, cached ones too.
    pub input: Option<u64>,
    /// All tokens that came out, reasoning too.
    pub output: Option<u64>,
    /// Of `input`: read from the provider's cache.
    pub cached: Option<u64>,
    /// Of `input`: written to the provider's cache.
    pub cache_written: Option<u64>,
    /// Of `output`: reasoning.
    pub reasoning: Option<u64>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    Stop,
    /// The most tokens were reached.
    Length,
    /// It asks for tools.
    Tools,
    /// The provider withheld the rest.
    Filtered,
    /// The stream ended without its end mark: the answer may lack its rest.
    CutOff,
    /// Something else, in the provider's word.
    Other(String),
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What came, in order: reasoning, text, tool calls.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
    /// What it took.
    pub usage: Usage,
    /// `provider/model` that answered.
    pub model: String,
    /// Milliseconds from sending to the first piece.
    pub first_token_ms: Option<u64>,
    /// Milliseconds in all.
    pub duration_ms: u64,
}
