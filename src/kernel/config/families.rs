//! The settings whose second part is free to choose, as values: interpreters, bindings, aliases and MCP servers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::layers::Config;
use super::value::{self, Value};

/// How an interpreter is given the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the last argument.
    Arg,
    /// As the name of a file.
    File,
}

/// What the user wrote about the program that runs a language; what is `None` keeps the built-in meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpreter {
    /// The program.
    pub program: Option<String>,
    /// Its arguments before the script.
    pub args: Option<Vec<String>>,
    /// How it gets the script.
    pub style: Option<Style>,
    /// What to install when it is missing.
    pub install: Option<String>,
}

/// What a command without a body stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Another command.
    To(String),
    /// A prompt for a model.
    Prompt(String),
    /// A shell line.
    Shell(String),
}

/// What is written about an MCP server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct McpServer {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables: `NAME`, `NAME=text` or `NAME=secret:NAME`.
    pub env: Vec<String>,
    /// Its address.
    pub url: Option<String>,
    /// Headers: `Name: text` or `Name: secret:NAME`.
    pub headers: Vec<String>,
    /// The name of the secret that is its bearer token.
    pub secret: Option<String>,
    /// The only tools that are offered.
    pub tools: Option<Vec<String>>,
    /// Whether it is used.
    pub disabled: bool,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether its word about its tools counts.
    pub trust_hints: bool,
}

impl Binding {
    /// The field it is written under, and its text.
    pub fn field(&self) -> (&'static str, &str) {
        match self {
            Binding::To(text) => ("to", text),
            Binding::Prompt(text) => ("prompt", text),
            Binding::Shell(text) => ("shell", text),
        }
    }
}

impl Config {
    /// What is written about interpreters, by language.
    pub fn interpreters(&self) -> BTreeMap<String, Interpreter> {
        let mut found: BTreeMap<String, Interpreter> = BTreeMap::new();
        for (path, _, value) in self.winners() {
            let [family, lang, field] = path.parts() else { continue };
            if family != "interpreters" {
                continue;
            }
            let entry = found.entry(lang.clone()).or_default();
            match (field.as_str(), value) {
                ("program", Value::Text(text)) => entry.program = Some(text.clone()),
                ("install", Value::Text(text)) => entry.install = Some(text.clone()),
                ("args", Value::List(args)) => entry.args = Some(args.clone()),
                ("style", Value::Text(text)) => entry.style = Style::from_word(text),
                _ => {}
            }
        }
        found
    }

    /// What commands without a body are bound to. Where layers disagree, the stronger layer wins as a whole.
    pub fn bindings(&self) -> BTreeMap<String, Binding> {
        let mut found: BTreeMap<String, (u8, Binding)> = BTreeMap::new();
        for (path, rank, value) in self.winners() {
            let ([family, command, field], Value::Text(text)) = (path.parts(), value) else { continue };
            let stronger = found.get(command).is_none_or(|(old, _)| *old <= rank);
            if family == "bindings" && stronger {
                let binding = match field.as_str() {
                    "to" => Binding::To(text.clone()),
                    "prompt" => Binding::Prompt(text.clone()),
                    _ => Binding::Shell(text.clone()),
                };
                found.insert(command.clone(), (rank, binding));
            }
        }
        found.into_iter().map(|(command, (_, binding))| (command, binding)).collect()
    }

    /// The MCP servers, by name.
    pub fn mcp_servers(&self) -> BTreeMap<String, McpServer> {
        let mut found: BTreeMap<String, McpServer> = BTreeMap::new();
        for (path, _, value) in self.winners() {
            let [family, name, field] = path.parts() else { continue };
            if family != "mcp" {
                continue;
            }
            let entry = found.entry(name.clone()).or_default();
            match (field.as_str(), value) {
                ("command", Value::List(words)) => entry.command.clone_from(words),
                ("env", Value::List(names)) => entry.env.clone_from(names),
                ("headers", Value::List(lines)) => entry.headers.clone_from(lines),
                ("tools", Value::List(names)) => entry.tools = Some(names.clone()),
                ("url", Value::Text(text)) => entry.url = Some(text.clone()).filter(|t| !t.is_empty()),
                ("secret", Value::Text(text)) => entry.secret = Some(text.clone()).filter(|t| !t.is_empty()),
                ("timeout", Value::Text(text)) => entry.timeout = value::duration(text).filter(|d| !d.is_zero()),
                ("enabled", Value::Bool(on)) => entry.disabled = !on,
                ("trust_hints", Value::Bool(on)) => entry.trust_hints = *on,
                _ => {}
            }
        }
        found
    }

    /// Other names for commands: from the new name to the old one.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (path, _, value) in self.winners() {
            if let ([family, name], Value::Text(target)) = (path.parts(), value)
                && family == "aliases"
            {
                found.insert(name.clone(), target.clone());
            }
        }
        found
    }
}

impl Style {
    fn from_word(word: &str) -> Option<Style> {
        match word {
            "arg" => Some(Style::Arg),
            "file" => Some(Style::File),
            _ => None,
        }
    }
}
