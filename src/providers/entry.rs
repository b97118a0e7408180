//! Who can be asked: a provider's address, wire, key and patience, as the settings or the environment name them.

use std::time::Duration;

use crate::kernel::secret::Secret;

/// How a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// OpenAI Chat Completions, and everything that speaks like it.
    OpenAi,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent.
    Gemini,
    /// Ollama's own.
    Ollama,
}

impl Wire {
    /// Every wire.
    pub const ALL: [Wire; 5] = [Wire::OpenAi, Wire::Responses, Wire::Anthropic, Wire::Gemini, Wire::Ollama];

    /// The word in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Wire::OpenAi => "openai",
            Wire::Responses => "responses",
            Wire::Anthropic => "anthropic",
            Wire::Gemini => "gemini",
            Wire::Ollama => "ollama",
        }
    }

    /// The wire of that name.
    pub fn parse(name: &str) -> Option<Wire> {
        Wire::ALL.into_iter().find(|wire| wire.name() == name)
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the first piece of an answer.
    pub first_token: Duration,
    /// Between two pieces.
    pub idle: Duration,
    /// How often a request is sent again.
    pub retries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { first_token: Duration::from_secs(120), idle: Duration::from_secs(60), retries: 3 }
    }
}

/// A provider.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name in the settings, before the slash of a model's name.
    pub name: String,
    /// How it speaks.
    pub wire: Wire,
    /// Where it is, with a slash at its end.
    pub url: String,
    /// Its key, where it wants one.
    pub key: Option<Secret>,
    /// Where the key is looked for, for the error when it is missing.
    pub key_from: Option<String>,
    /// More headers.
    pub headers: Vec<(String, String)>,
    /// More fields of each request.
    pub body: serde_json::Map<String, serde_json::Value>,
    /// Models that it is known to have, beside those it lists.
    pub models: Vec<String>,
    /// How long to wait for it.
    pub patience: Patience,
}

/// A provider that needs no settings but a key.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// How it speaks.
    pub wire: Wire,
    /// Where it is.
    pub url: &'static str,
    /// Variables that may hold its key, the first that is set counts.
    pub keys: &'static [&'static str],
    /// Variables that may move it elsewhere.
    pub urls: &'static [&'static str],
    /// The model that is used when none is named.
    pub default_model: &'static str,
}

const fn known(
    name: &'static str,
    wire: Wire,
    url: &'static str,
    keys: &'static [&'static str],
    urls: &'static [&'static str],
    default_model: &'static str,
) -> Known {
    Known { name, wire, url, keys, urls, default_model }
}

/// The providers that are looked for by their usual variables, in the order in which they are preferred.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    known("anthropic", Wire::Anthropic, "https://api.anthropic.com/v1/", &["ANTHROPIC_API_KEY"], &["ANTHROPIC_BASE_URL"], "claude-sonnet-4-5"),
    known("openai", Wire::OpenAi, "https://api.openai.com/v1/", &["OPENAI_API_KEY"], &["OPENAI_BASE_URL", "OPENAI_API_BASE"], "gpt-5-mini"),
    known("gemini", Wire::Gemini, "https://generativelanguage.googleapis.com/v1beta/", &["GEMINI_API_KEY", "GOOGLE_API_KEY"], &["GOOGLE_GEMINI_BASE_URL"], "gemini-2.5-flash"),
    known("openrouter", Wire::OpenAi, "https://openrouter.ai/api/v1/", &["OPENROUTER_API_KEY"], &[], "openrouter/auto"),
    known("groq", Wire::OpenAi, "https://api.groq.com/openai/v1/", &["GROQ_API_KEY"], &[], "llama-3.3-70b-versatile"),
    known("mistral", Wire::OpenAi, "https://api.mistral.ai/v1/", &["MISTRAL_API_KEY"], &[], "mistral-small-latest"),
    known("deepseek", Wire::OpenAi, "https://api.deepseek.com/v1/", &["DEEPSEEK_API_KEY"], &[], "deepseek-chat"),
    known("xai", Wire::OpenAi, "https://api.x.ai/v1/", &["XAI_API_KEY"], &[], "grok-4"),
    known("together", Wire::OpenAi, "https://api.together.xyz/v1/", &["TOGETHER_API_KEY"], &[], "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    known("fireworks", Wire::OpenAi, "https://api.fireworks.ai/inference/v1/", &["FIREWORKS_API_KEY"], &[], "accounts/fireworks/models/llama-v3p3-70b-instruct"),
    known("cerebras", Wire::OpenAi, "https://api.cerebras.ai/v1/", &["CEREBRAS_API_KEY"], &[], "llama-3.3-70b"),
];

/// Servers that may run on this machine: name, wire, address.
pub const LOCAL: &[(&str, Wire, &str)] = &[
    ("ollama", Wire::Ollama, "http://127.0.0.1:11434/"),
    ("llamacpp", Wire::OpenAi, "http://127.0.0.1:8080/v1/"),
    ("lmstudio", Wire::OpenAi, "http://127.0.0.1:1234/v1/"),
];

/// The address with a slash at its end, as the wires want it.
pub fn with_slash(url: &str) -> String {
    let url = url.trim();
    if url.ends_with('/') { url.to_string() } else { format!("{url}/") }
}
