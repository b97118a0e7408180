//! `plugin.toml`: what a plugin is called, what it hears of, what it brings and what it may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind, Result};

/// The file that makes a folder a plugin.
pub const MANIFEST: &str = "plugin.toml";
/// The script of a plugin.
pub const SCRIPT: &str = "main.luau";
/// The most often that a plugin is woken, milliseconds.
const SHORTEST_TICK: u64 = 1000;

/// What a plugin hears of. Each is a function of the table that its script returns, under the name of [`Hook::function`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// What a person says, before it is kept and sent.
    Prompt,
    /// What a tool says, before it is kept and sent.
    Result,
    /// What a model says, before it is kept and shown.
    Answer,
    /// A command is about to run.
    BeforeCommand,
    /// A command has run.
    AfterCommand,
    /// A fact of the event log.
    Event,
    /// Every so often.
    Tick,
    /// The palette of the full screen is opened.
    Palette,
    /// The status line of the full screen is drawn.
    Status,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Hook; 9] = [
        Hook::Prompt,
        Hook::Result,
        Hook::Answer,
        Hook::BeforeCommand,
        Hook::AfterCommand,
        Hook::Event,
        Hook::Tick,
        Hook::Palette,
        Hook::Status,
    ];

    /// The word in `plugin.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Prompt => "prompt",
            Hook::Result => "result",
            Hook::Answer => "answer",
            Hook::BeforeCommand => "before_command",
            Hook::AfterCommand => "after_command",
            Hook::Event => "event",
            Hook::Tick => "tick",
            Hook::Palette => "palette",
            Hook::Status => "status",
        }
    }

    /// What it means, for the person who is asked.
    pub fn about(self) -> &'static str {
        match self {
            Hook::Prompt => "reads and may change what you say to a model",
            Hook::Result => "reads and may change what tools tell a model",
            Hook::Answer => "reads and may change what a model says",
            Hook::BeforeCommand => "hears of commands before they run, and may refuse them",
            Hook::AfterCommand => "hears of commands that ran, and how they ended",
            Hook::Event => "hears of facts in the event log",
            Hook::Tick => "is woken every so often",
            Hook::Palette => "adds entries to the palette",
            Hook::Status => "adds words to the status line",
        }
    }
}

/// What a plugin may do besides hearing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Permissions {
    /// Keep values of its own.
    pub store: bool,
    /// Ask these hosts: a name, `*.name`, or either with `:port`.
    pub http: Vec<String>,
    /// Run these commands: names, or patterns with `*`.
    pub run: Vec<String>,
    /// Ask the default model.
    pub ask: bool,
    /// Write facts of its own into the event log.
    pub event: bool,
}

impl Permissions {
    /// What is allowed, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        if self.store {
            all.push("keeps values of its own".to_string());
        }
        if !self.http.is_empty() {
            all.push(format!("asks these hosts: {}", self.http.join(", ")));
        }
        if !self.run.is_empty() {
            all.push(format!("runs these commands: {}", self.run.join(", ")));
        }
        if self.ask {
            all.push("asks your model, which may cost money".to_string());
        }
        if self.event {
            all.push("writes facts of its own into the event log, which automations may hear".to_string());
        }
        all
    }
}

/// A command that a plugin brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCommand {
    /// Its name; the function is the one of that name in `commands`.
    pub name: String,
    /// What it does, one line.
    #[serde(default)]
    pub summary: String,
    /// Its parameters, as in the heading of a definition: `<word> [count=3] [--loud] [rest...]`.
    #[serde(default)]
    pub params: String,
    /// Whether models may be offered it as a tool.
    #[serde(default)]
    pub tool: bool,
    /// What it may touch: `read`, `write` or `network`.
    #[serde(default)]
    pub effects: String,
}

/// A tool for models that a plugin brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTool {
    /// Its name: letters, digits, `_` and `-`; the function is the one of that name in `tools`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments.
    #[serde(default)]
    pub schema: Json,
    /// Whether it only looks, so that a person can allow it for a whole chat.
    #[serde(default)]
    pub read_only: bool,
}

/// The manifest of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Lower-case letters, digits and `-`.
    pub name: String,
    /// Its version, as its author counts.
    pub version: String,
    /// What it is for, one line.
    #[serde(default)]
    pub summary: String,
    /// Where it stands among others that hear the same; smaller comes first.
    #[serde(default = "middle")]
    pub order: i64,
    /// Whether what it filters passes only when it could look at it: where it fails, the message does not go out.
    #[serde(default)]
    pub required: bool,
    /// What it hears of.
    #[serde(default)]
    pub hooks: Vec<Hook>,
    /// The kinds of events that it hears of, such as `run.*`.
    #[serde(default)]
    pub events: Vec<String>,
    /// How often it is woken, such as `30s`.
    #[serde(default)]
    pub tick: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub permissions: Permissions,
    /// Commands that it brings.
    #[serde(default)]
    pub commands: Vec<NewCommand>,
    /// Tools that it brings.
    #[serde(default)]
    pub tools: Vec<NewTool>,
}

fn middle() -> i64 {
    50
}

impl Manifest {
    /// Reads and checks a manifest; `place` is named when it is wrong.
    ///
    /// # Errors
    /// `BadData` with the line and what is wrong.
    pub fn parse(text: &str, place: &str) -> Result<Manifest> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            Error::new(Kind::BadData, format!("{place}:{line}: {}", error.message()))
        })?;
        manifest.check().map_err(|said| Error::new(Kind::BadData, format!("{place}: {said}")))?;
        Ok(manifest)
    }

    fn check(&self) -> std::result::Result<(), String> {
        check_name(&self.name)?;
        if let Some(text) = self.texts().find(|text| text.contains(ends_line)) {
            return Err(format!("{text:?} holds a line end or another control character"));
        }
        if self.version.is_empty() || self.version.len() > 40 {
            return Err("the version is empty or too long".to_string());
        }
        if self.required && !self.hooks.iter().any(|hook| matches!(hook, Hook::Prompt | Hook::Result | Hook::Answer)) {
            return Err("`required` is for what filters: prompt, result or answer".to_string());
        }
        for command in &self.commands {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
            let begins = command.name.starts_with(|c: char| c.is_ascii_alphanumeric());
            if !begins || command.name.ends_with(' ') || !command.name.chars().all(plain) {
                return Err(format!("the command `{}` needs a name of letters, digits, - and _", command.name));
            }
            if command.params.contains('`') {
                return Err(format!("the parameters of `{}` hold a `, which none may", command.name));
            }
            if !["", "read", "write", "network"].contains(&command.effects.as_str()) {
                return Err(format!("the effects of `{}` are none of read, write and network", command.name));
            }
        }
        for tool in &self.tools {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if tool.name.is_empty() || tool.name.len() > 64 || !tool.name.chars().all(plain) {
                return Err(format!("the tool `{}` needs a name of letters, digits, - and _", tool.name));
            }
            // Models see it under both names, and no more than 64 characters of them.
            if self.name.len() + 1 + tool.name.len() > 64 {
                return Err(format!("the name of the tool `{}` is too long beside `{}`", tool.name, self.name));
            }
            if !(tool.schema.is_null() || tool.schema.is_object()) {
                return Err(format!("the schema of the tool `{}` is no table", tool.name));
            }
        }
        unique("command", self.commands.iter().map(|one| one.name.as_str()))?;
        unique("tool", self.tools.iter().map(|one| one.name.as_str()))?;
        let wants = |hook| self.hooks.contains(&hook);
        if wants(Hook::Event) == self.events.is_empty() {
            return Err("`event` among the hooks and `events` belong together".to_string());
        }
        if wants(Hook::Tick) != self.tick.is_some() {
            return Err("`tick` among the hooks and `tick` with a length of time belong together".to_string());
        }
        if self.tick.is_some() && self.tick_ms().is_none_or(|ms| ms < SHORTEST_TICK) {
            return Err("`tick` is a length of time of at least a second, such as \"30s\"".to_string());
        }
        Ok(())
    }

    /// What is shown to people, or written where a line means something.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let commands = self.commands.iter().flat_map(|one| [&one.name, &one.summary, &one.params, &one.effects]);
        let tools = self.tools.iter().map(|one| &one.name);
        let may = self.permissions.http.iter().chain(&self.permissions.run);
        let own = [&self.version, &self.summary].into_iter().chain(&self.tick).chain(&self.events);
        own.chain(commands).chain(tools).chain(may).map(String::as_str)
    }

    /// How often it is woken, milliseconds.
    pub fn tick_ms(&self) -> Option<u64> {
        parse_ms(self.tick.as_deref()?)
    }

    /// All that it hears of, brings and may do, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for hook in Hook::ALL.into_iter().filter(|hook| self.hooks.contains(hook)) {
            match hook {
                Hook::Event => all.push(format!("hears of these events: {}", self.events.join(", "))),
                Hook::Tick => all.push(format!("is woken every {}", self.tick.as_deref().unwrap_or_default())),
                _ => all.push(hook.about().to_string()),
            }
        }
        if self.required {
            all.push("lets nothing pass where it fails".to_string());
        }
        let names = |names: Vec<&str>| names.join(", ");
        if !self.commands.is_empty() {
            all.push(format!("brings commands: {}", names(self.commands.iter().map(|c| c.name.as_str()).collect())));
        }
        if !self.tools.is_empty() {
            all.push(format!("brings tools: {}", names(self.tools.iter().map(|t| t.name.as_str()).collect())));
        }
        all.extend(self.permissions.sentences());
        all
    }
}

/// No two have one name.
fn unique<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> std::result::Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("there are two of the {what} `{name}`"));
        }
    }
    Ok(())
}

/// Whether something reads this as the end of a line, or a terminal as a command.
fn ends_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A name that is good for a folder, a source and a setting.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> std::result::Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if begins && name.len() <= 40 && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!("`{name}` is no name for a plugin: lower-case letters, digits and -, at most 40, a letter first"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_manifest_says_what_it_wants() {
        let text = "name = \"redact\"\nversion = \"1.0\"\nhooks = [\"prompt\", \"event\"]\nevents = [\"run.*\"]\n\
                    [permissions]\nhttp = [\"example.org\"]\nstore = true\n\
                    [[commands]]\nname = \"hello\"\nparams = \"<who>\"\n\
                    [[tools]]\nname = \"add\"\ndescription = \"adds\"\nschema = { type = \"object\" }\n";
        let manifest = Manifest::parse(text, "plugin.toml").unwrap();
        assert_eq!(
            manifest.sentences(),
            [
                "reads and may change what you say to a model",
                "hears of these events: run.*",
                "brings commands: hello",
                "brings tools: add",
                "keeps values of its own",
                "asks these hosts: example.org",
            ]
        );
        assert_eq!(manifest.tools[0].schema, serde_json::json!({"type": "object"}));
    }

    #[test]
    fn mistakes_name_their_place() {
        let head = "name = \"x\"\nversion = \"1\"\n";
        for (more, said) in [
            ("hooks = [\"nothing\"]", "p:3: "),
            ("permissions = { root = true }", "p:3: unknown field `root`"),
            ("colour = 1", "p:3: unknown field `colour`"),
            ("hooks = [\"event\"]", "`event` among the hooks and `events` belong together"),
            ("hooks = [\"tick\"]\ntick = \"10ms\"", "at least a second"),
            ("[[commands]]\nname = \"a`b\"", "needs a name"),
            ("[[commands]]\nname = \"a\"\nparams = \"`\"", "which none may"),
            ("[[commands]]\nname = \"a\"\nsummary = \"b\\r**Env:** `A=1`\"", "holds a line end"),
            ("[[commands]]\nname = \"a\"\nparams = \"<x>\\u2028<y>\"", "holds a line end"),
            ("[permissions]\nhttp = [\"a\\u001b[2J\"]", "holds a line end"),
            ("[[tools]]\nname = \"a b\"\ndescription = \"\"", "needs a name"),
            ("[[commands]]\nname = \"  \"", "needs a name"),
            ("[[commands]]\nname = \"-x --help\"", "needs a name"),
            ("[[commands]]\nname = \"a\"\n[[commands]]\nname = \"a\"", "two of the command `a`"),
            (
                "[[tools]]\nname = \"a\"\ndescription = \"\"\n[[tools]]\nname = \"a\"\ndescription = \"\"",
                "two of the tool `a`",
            ),
        ] {
            let error = Manifest::parse(&format!("{head}{more}\n"), "p").unwrap_err().full_message();
            assert!(error.contains(said), "{more}: {error}");
        }
        for name in ["", "A", "1a", "a_b", "../a", &"a".repeat(41)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(name|version|hooks|=|\"|\\[|\\]|\\n|[a-z]{1,3}|\\PC){0,40}") {
            let _ = Manifest::parse(&text, "p");
        }
    }
}
