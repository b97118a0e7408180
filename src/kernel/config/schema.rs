//! Every setting there is: one line each.
//!
//! It knows names, types and defaults. Where a value was written, and which one wins, is the business of [`super::layers`].

use super::entries::Entry;
use super::key::KeyPath;

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A whole number between two bounds, both allowed.
    Int(i64, i64),
    /// Any text.
    Text,
    /// A length of time such as `90s`, `10m` or `1h 30m`; a bare number means seconds.
    Duration,
    /// A sum of dollars such as `1.25`.
    Dollars,
    /// Degrees of latitude or longitude, so many at most to each side.
    Degrees(u8),
    /// An address that begins with one of these schemes, or none.
    Address(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    List,
    /// A list of texts that are all of one kind.
    ListOf(Entry),
}

impl Type {
    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        matches!(self, Type::List | Type::ListOf(_))
    }
}

/// One setting, or with `*` as its second part a family of them.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The name, its parts joined by dots.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Type,
    /// What holds when nobody wrote anything, as text.
    pub default: Option<&'static str>,
    /// Whether a project that is not trusted may set it.
    pub harmless: bool,
    /// What it is for, in a few words.
    pub help: &'static str,
}

const ANY_PROJECT: bool = true;
const OWNER_ONLY: bool = false;
/// What is said of a server's settings wherever there is one.
const KEY_ENV: &str = "the variable that holds the server's key";
const SECRET: &str = "the secret (`fac secret set`) that is the server's key";
const HEADERS: &str = "more headers, each `Name: value`";
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

const fn key(name: &'static str, kind: Type, default: &'static str, harmless: bool, help: &'static str) -> Key {
    let default = if default.is_empty() { None } else { Some(default) };
    Key { name, kind, default, harmless, help }
}

/// The list. An empty default means that there is none.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("color", Type::Choice(&["auto", "always", "never"]), "auto", ANY_PROJECT, "when to use colours"),
    key("pager", Type::Text, "", OWNER_ONLY, "the program that shows long texts on a terminal; empty for none"),
    key("editor", Type::Text, "", OWNER_ONLY, "the program that edits a definition or the settings"),
    key("log.level", Type::Choice(LEVELS), "info", OWNER_ONLY, "how much goes to the log"),
    key("log.max_mb", Type::Int(1, 10_000), "5", OWNER_ONLY, "megabytes of log before it is turned over; three old ones are kept"),
    key("run.timeout", Type::Duration, "", OWNER_ONLY, "how long a step may take when its definition does not say"),
    key("run.shell", Type::Text, "sh", OWNER_ONLY, "the shell for bindings and for steps that name none"),
    key("run.keep_runs", Type::Int(0, 10_000_000), "10000", OWNER_ONLY, "how many runs are kept"),
    key("run.keep_days", Type::Int(0, 36_500), "90", OWNER_ONLY, "how many days a run is kept"),
    key("run.output_head_kb", Type::Int(0, 1_048_576), "64", OWNER_ONLY, "kilobytes recorded from the start of an output"),
    key("run.output_tail_kb", Type::Int(0, 1_048_576), "64", OWNER_ONLY, "kilobytes recorded from the end of an output"),
    key("run.feed_mb", Type::Int(1, 65_536), "256", OWNER_ONLY, "the most that a step may write for another one to read"),
    key("run.confirm_snippets", Type::Bool, "true", OWNER_ONLY, "ask before a tldr or navi snippet runs"),
    key("sources.parallel", Type::Int(1, 64), "8", ANY_PROJECT, "how many sources are fetched at once"),
    key("sources.max_file_kb", Type::Int(1, 1_048_576), "1024", OWNER_ONLY, "the largest file taken from a source"),
    key("sources.max_total_mb", Type::Int(1, 1_048_576), "256", OWNER_ONLY, "the most that is taken from one source"),
    key("sources.timeout_s", Type::Int(1, 86_400), "60", ANY_PROJECT, "seconds before a silent server is given up"),
    key("network.proxy", Type::Text, "", OWNER_ONLY, "the proxy for every connection"),
    key("network.ca_file", Type::Text, "", OWNER_ONLY, "more certificate authorities, in PEM form"),
    key("interpreters.*.program", Type::Text, "", OWNER_ONLY, "the program that runs this language"),
    key("interpreters.*.args", Type::List, "", OWNER_ONLY, "its arguments before the script"),
    key("interpreters.*.style", Type::Choice(&["arg", "file"]), "", OWNER_ONLY, "how it gets the script"),
    key("interpreters.*.install", Type::Text, "", OWNER_ONLY, "what to install when it is missing"),
    key("bindings.*.to", Type::Text, "", OWNER_ONLY, "the command that this one stands for"),
    key("bindings.*.prompt", Type::Text, "", OWNER_ONLY, "the prompt that this command sends"),
    key("bindings.*.shell", Type::Text, "", OWNER_ONLY, "the shell line that this command runs"),
    key("model", Type::Text, "", OWNER_ONLY, "the model that is asked when none is named"),
    key("model_fallbacks", Type::List, "", OWNER_ONLY, "models that step in when one fails"),
    key("model_aliases.*", Type::Text, "", OWNER_ONLY, "another name for a model"),
    key("chat.system", Type::Text, "", OWNER_ONLY, "the system text of chats that have none"),
    key("chat.compact", Type::Bool, "true", OWNER_ONLY, "summarize older messages when a chat no longer fits"),
    key("chat.memory", Type::Bool, "true", OWNER_ONLY, "send along what you asked to be remembered"),
    key("chat.markdown", Type::Choice(&["auto", "on", "off"]), "auto", ANY_PROJECT, "render answers as Markdown on a terminal"),
    key("chat.reasoning", Type::Choice(&["dim", "hide", "show"]), "dim", ANY_PROJECT, "what to do with a model's thoughts"),
    key("chat.keys", Type::Choice(&["emacs", "vi"]), "emacs", ANY_PROJECT, "the keys of the line editor"),
    key("chat.keep_days", Type::Int(0, 36_500), "0", OWNER_ONLY, "days after which a chat that is not pinned is erased; 0 for never"),
    key("chat.max_attachment_mb", Type::Int(1, 1024), "20", OWNER_ONLY, "the largest file that is sent to a model"),
    key("chat.max_calls", Type::Int(1, 1000), "20", OWNER_ONLY, "how often a model may be called in one turn"),
    key("chat.max_turn_time", Type::Duration, "10m", OWNER_ONLY, "how long one turn may take"),
    key("chat.max_turn_cost", Type::Dollars, "", OWNER_ONLY, "dollars that one turn may cost; it stops after the call that reaches them"),
    key("plugins.timeout", Type::Duration, "5s", OWNER_ONLY, "how long one call of a plugin may work"),
    key("plugins.steps", Type::Int(0, 1_000_000_000_000), "1000000", OWNER_ONLY, "steps that one call of a plugin may take; 0 for no bound"),
    key("plugins.memory_mb", Type::Int(1, 4096), "50", OWNER_ONLY, "megabytes that one plugin may hold"),
    key("plugins.store_kb", Type::Int(0, 1_048_576), "1024", OWNER_ONLY, "kilobytes that one plugin may keep"),
    key("tools.allow", Type::List, "", OWNER_ONLY, "tools that need no question, such as `command git:*`"),
    key("tools.result_kb", Type::Int(1, 10_240), "64", OWNER_ONLY, "the most of a tool's result that a model is given"),
    key("usage.daily_budget", Type::Dollars, "", OWNER_ONLY, "dollars a day; more is refused"),
    key("usage.confirm_above", Type::Dollars, "", OWNER_ONLY, "dollars; a question that may cost more is asked about first"),
    key("usage.daily_warning", Type::Dollars, "", OWNER_ONLY, "dollars a day after which a warning is said"),
    key("cache.answers", Type::Bool, "false", OWNER_ONLY, "give the same answer to the same question again"),
    key("cache.ttl", Type::Duration, "24h", OWNER_ONLY, "how long an answer may be given again"),
    key("cache.max_mb", Type::Int(1, 2048), "64", OWNER_ONLY, "the most that kept answers may take"),
    key("local_models", Type::Bool, "true", OWNER_ONLY, "look for model servers on this machine"),
    key("providers.*.wire", Type::Choice(&["openai", "responses", "anthropic", "gemini", "ollama"]), "", OWNER_ONLY, "how the provider speaks"),
    key("providers.*.url", Type::Address(&["http", "https"]), "", OWNER_ONLY, "where it is"),
    key("providers.*.key_env", Type::Text, "", OWNER_ONLY, "the variable that holds its key"),
    key("providers.*.secret", Type::Text, "", OWNER_ONLY, "the secret (`fac secret set`) that is its key"),
    key("providers.*.headers", Type::List, "", OWNER_ONLY, HEADERS),
    key("providers.*.body", Type::Text, "", OWNER_ONLY, "more fields of each request, a JSON object"),
    key("providers.*.models", Type::List, "", OWNER_ONLY, "models that it has; the first is its default"),
    key("providers.*.first_token_timeout", Type::Duration, "", OWNER_ONLY, "how long to wait for the first word (2m)"),
    key("providers.*.idle_timeout", Type::Duration, "", OWNER_ONLY, "how long an answer may stop (1m)"),
    key("providers.*.retries", Type::Int(0, 20), "", OWNER_ONLY, "how often a request is sent again (3)"),
    key("models.*.context", Type::Int(1, 1_000_000_000), "", OWNER_ONLY, "tokens that fit into the model"),
    key("models.*.max_output", Type::Int(1, 1_000_000_000), "", OWNER_ONLY, "its longest answer, tokens"),
    key("models.*.input_price", Type::Dollars, "", OWNER_ONLY, "dollars for a million tokens in"),
    key("models.*.output_price", Type::Dollars, "", OWNER_ONLY, "dollars for a million tokens out"),
    key("models.*.cached_price", Type::Dollars, "", OWNER_ONLY, "dollars for a million tokens read from the provider's cache"),
    key("models.*.cache_write_price", Type::Dollars, "", OWNER_ONLY, "dollars for a million tokens written to it"),
    key("models.*.vision", Type::Bool, "", OWNER_ONLY, "whether it sees pictures"),
    key("models.*.tools", Type::Bool, "", OWNER_ONLY, "whether it uses tools"),
    key("models.*.reasoning", Type::Bool, "", OWNER_ONLY, "whether it thinks before it answers"),
    key("routes.*.task", Type::Choice(&["chat", "ask", "step", "title", "summary", "compare"]), "", OWNER_ONLY, "the rule is for this kind of question"),
    key("routes.*.min_tokens", Type::Int(1, 1_000_000_000), "", OWNER_ONLY, "the rule is for questions of at least so many tokens"),
    key("routes.*.vision", Type::Bool, "", OWNER_ONLY, "the rule is for questions with pictures"),
    key("routes.*.max_output_price", Type::Dollars, "", OWNER_ONLY, "leave out models that cost more dollars a million tokens out"),
    key("routes.*.models", Type::List, "", OWNER_ONLY, "the models that the rule chooses, the preferred one first"),
    key("tui.theme", Type::Choice(&["auto", "dusk", "ember", "fjord", "dawn", "paper", "terminal", "plain"]), "auto", ANY_PROJECT, "the colours of the full-screen terminal"),
    key("colors.*", Type::Text, "", OWNER_ONLY, "a colour of the full-screen terminal, `#rrggbb`"),
    key("keys.*", Type::List, "", OWNER_ONLY, "the keys of an action of the full-screen terminal (`?` lists them there)"),
    key("tui.mouse", Type::Bool, "true", ANY_PROJECT, "use the mouse there"),
    key("tui.motion", Type::Choice(&["full", "reduced"]), "full", ANY_PROJECT, "whether things may move there"),
    key("tui.tab", Type::Choice(&["chat", "commands", "runs", "automations", "voice", "search", "events", "usage", "health", "plugins"]), "", ANY_PROJECT, "the tab that it begins with"),
    key("tui.images", Type::Choice(&["auto", "off", "kitty", "iterm2", "sixel", "blocks"]), "auto", OWNER_ONLY, "how pictures are shown there: auto goes by what the terminal says it is, blocks needs 24-bit colour"),
    key("aliases.*", Type::Text, "", OWNER_ONLY, "another name for a command"),
    key("voice.microphones", Type::List, "", OWNER_ONLY, "microphones in the order of preference; the default is followed when none is there"),
    key("voice.loudspeakers", Type::List, "", OWNER_ONLY, "loudspeakers in the order of preference; the default is followed when none is there"),
    key("voice.patience", Type::Duration, "6s", OWNER_ONLY, "how long a microphone or speaker that went away is waited for"),
    key("voice.channel", Type::Text, "auto", OWNER_ONLY, "the channel of the microphone that is heard: a number, or auto for the loudest"),
    key("mcp.*.command", Type::List, "", OWNER_ONLY, "the program of this MCP server, and its arguments"),
    key("mcp.*.env", Type::List, "", OWNER_ONLY, "variables that it gets: NAME, NAME=text or NAME=secret:NAME"),
    key("mcp.*.url", Type::Address(&["http", "https"]), "", OWNER_ONLY, "the address of an MCP server that is reached over HTTP"),
    key("mcp.*.headers", Type::List, "", OWNER_ONLY, "headers for it: Name: text, or Name: secret:NAME"),
    key("mcp.*.secret", Type::Text, "", OWNER_ONLY, "the name of the secret that it gets as bearer token"),
    key("mcp.*.tools", Type::List, "", OWNER_ONLY, "the only tools of it that are offered"),
    key("mcp.*.enabled", Type::Bool, "", OWNER_ONLY, "whether its tools are offered"),
    key("mcp.*.timeout", Type::Duration, "", OWNER_ONLY, "how long it may take to start and to answer (60s)"),
    key("mcp.*.trust_hints", Type::Bool, "", OWNER_ONLY, "believe it when it calls a tool read-only"),
    key("voice.stages", Type::Text, "all", OWNER_ONLY, "what cleans the microphone's sound: all, none, or some of echo,denoise,detect"),
    key("voice.denoise", Type::Choice(&["auto", "on", "off"]), "auto", OWNER_ONLY, "whether a transcriber gets the sound without its noise; auto: only where there is much"),
    key("voice.pause", Type::Duration, "700ms", OWNER_ONLY, "how long a pause ends what is said"),
    key("voice.give_up", Type::Duration, "10s", OWNER_ONLY, "how long nobody needs to speak before listening is given up"),
    key("voice.longest", Type::Duration, "30m", OWNER_ONLY, "the longest that is listened in one go"),
    key("voice.transcriber", Type::Text, "", OWNER_ONLY, "who writes down what is said: whisper, whisper-cli, a provider, or one of yours"),
    key("voice.language", Type::Text, "", OWNER_ONLY, "the language that is spoken, such as `en`; empty to let the transcriber find out"),
    key("voice.prompt", Type::Text, "", OWNER_ONLY, "names and words that a transcriber should expect"),
    key("voice.model", Type::Text, "", OWNER_ONLY, "the Whisper model: a name such as `base.en`, or a file"),
    key("voice.models_url", Type::Address(&["http", "https"]), "https://huggingface.co/ggerganov/whisper.cpp/resolve/main/", OWNER_ONLY, "where Whisper models are fetched from"),
    key("voice.keep_days", Type::Int(0, 36_500), "7", OWNER_ONLY, "days that a recording and its text are kept; 0 to erase both when the text is there"),
    key("voice.answers", Type::Bool, "false", OWNER_ONLY, "whether the answers of a chat are read aloud as they come"),
    key("voice.barge_in", Type::Bool, "false", OWNER_ONLY, "whether the full screen listens while an answer is read, so that speaking silences it"),
    key("voice.speaker", Type::Text, "", OWNER_ONLY, "who reads aloud: espeak-ng, piper, a provider, or one of yours"),
    key("voice.voice", Type::Text, "", OWNER_ONLY, "the voice that reads aloud"),
    key("voice.voices", Type::List, "", OWNER_ONLY, "the only voices that may be asked for; empty for all that the speaker has"),
    key("voice.speed", Type::Int(25, 400), "100", OWNER_ONLY, "how fast it reads, percent"),
    key("voice.max_text", Type::Int(1, 10_000_000), "100000", OWNER_ONLY, "letters that are read aloud at most"),
    key("voice.transcribers.*.command", Type::List, "", OWNER_ONLY, "the program of this transcriber and its arguments; {wav}, {language} and {prompt} are filled in"),
    key("voice.transcribers.*.times", Type::Choice(&["srt", "vtt", "json"]), "", OWNER_ONLY, "the form in which it says when each piece was said"),
    key("voice.transcribers.*.url", Type::Address(&["http", "https"]), "", OWNER_ONLY, "the address of a server with /audio/transcriptions, such as http://127.0.0.1:8000/v1"),
    key("voice.transcribers.*.model", Type::Text, "", OWNER_ONLY, "the model that the server is to use, or a Whisper model file"),
    key("voice.transcribers.*.key_env", Type::Text, "", OWNER_ONLY, KEY_ENV),
    key("voice.transcribers.*.secret", Type::Text, "", OWNER_ONLY, SECRET),
    key("voice.transcribers.*.headers", Type::List, "", OWNER_ONLY, HEADERS),
    key("voice.transcribers.*.timeout", Type::Duration, "", OWNER_ONLY, "how long it may take (10m)"),
    key("voice.speakers.*.engine", Type::Choice(&["espeak-ng", "piper", "piper-http", "http", "command"]), "", OWNER_ONLY, "what kind of speaker it is, where that cannot be seen"),
    key("voice.speakers.*.command", Type::List, "", OWNER_ONLY, "the program of this speaker and its arguments; {text} (a file), {wav}, {voice} and {speed} are filled in"),
    key("voice.speakers.*.url", Type::Address(&["http", "https"]), "", OWNER_ONLY, "the address of a server with /audio/speech, or of a Piper server"),
    key("voice.speakers.*.model", Type::Text, "", OWNER_ONLY, "the model that the server is to use, or Piper's .onnx file"),
    key("voice.speakers.*.voice", Type::Text, "", OWNER_ONLY, "its voice when none is named"),
    key("voice.speakers.*.voices", Type::List, "", OWNER_ONLY, "the voices that it has, where it cannot tell"),
    key("voice.speakers.*.format", Type::Choice(&["wav", "pcm"]), "", OWNER_ONLY, "the form of sound that the server is asked for (wav)"),
    key("voice.speakers.*.rate", Type::Int(8_000, 192_000), "", OWNER_ONLY, "samples a second of sound without a header (24000)"),
    key("voice.speakers.*.key_env", Type::Text, "", OWNER_ONLY, KEY_ENV),
    key("voice.speakers.*.secret", Type::Text, "", OWNER_ONLY, SECRET),
    key("voice.speakers.*.headers", Type::List, "", OWNER_ONLY, HEADERS),
    key("voice.speakers.*.timeout", Type::Duration, "", OWNER_ONLY, "how long a sentence may take (1m)"),
    key("automations.latitude", Type::Degrees(90), "", OWNER_ONLY, "degrees north, for sunrise and sunset"),
    key("automations.longitude", Type::Degrees(180), "", OWNER_ONLY, "degrees east, for sunrise and sunset"),
    key("automations.timezone", Type::Text, "", OWNER_ONLY, "the time zone of schedules that name none, such as Europe/Berlin; empty for this machine's"),
    key("automations.workers", Type::Int(1, 256), "8", OWNER_ONLY, "how many jobs are done at once"),
    key("automations.max_depth", Type::Int(1, 1000), "8", OWNER_ONLY, "a firing that is the consequence of so many others is taken for a loop"),
    key("automations.max_per_minute", Type::Int(0, 1_000_000), "300", OWNER_ONLY, "an automation that is fired more often in a minute is stopped; 0 for never"),
    key("automations.keep_days", Type::Int(1, 36_500), "30", OWNER_ONLY, "days that the trace and jobs that ended are kept"),
    key("mqtt.broker", Type::Text, "", OWNER_ONLY, "the broker that is meant when none is named"),
    key("broker.*.url", Type::Address(&["mqtt", "mqtts", "ws", "wss", "tcp", "ssl"]), "", OWNER_ONLY, "where it is: mqtt://host, mqtts://host, ws://host/mqtt or wss://host/mqtt"),
    key("broker.*.version", Type::Choice(&["5", "3.1.1"]), "", OWNER_ONLY, "the MQTT that it speaks (5)"),
    key("broker.*.user", Type::Text, "", OWNER_ONLY, "who you are there"),
    key("broker.*.secret", Type::Text, "", OWNER_ONLY, "the secret (`fac secret set`) that is the password"),
    key("broker.*.ca_file", Type::Text, "", OWNER_ONLY, "the only certificate authorities that are believed, in PEM form"),
    key("broker.*.cert_file", Type::Text, "", OWNER_ONLY, "a certificate of yours, in PEM form"),
    key("broker.*.key_file", Type::Text, "", OWNER_ONLY, "the key of that certificate, in PEM form"),
    key("broker.*.client_id", Type::Text, "", OWNER_ONLY, "the name of the connections there (made of this machine's)"),
    key("broker.*.keep_alive", Type::Duration, "", OWNER_ONLY, "how often a silent connection shows that it is there (30s)"),
    key("broker.*.timeout", Type::Duration, "", OWNER_ONLY, "how long a connection or an answer may take (10s)"),
    key("broker.*.keep_session", Type::Duration, "", OWNER_ONLY, "how long the broker keeps what automations missed (24h)"),
    key("broker.*.max_packet_kb", Type::Int(1, 262_143), "", OWNER_ONLY, "the largest message that is taken (1024); larger ones are skipped"),
    key("broker.*.queue", Type::Int(0, 1_000_000), "", OWNER_ONLY, "how many messages wait for a broker that is away (1000)"),
    key("broker.*.status_topic", Type::Text, "", OWNER_ONLY, "the topic that says, retained, whether automations are `online` or `offline`"),
    key("homeassistant.url", Type::Address(&["http", "https"]), "", OWNER_ONLY, "where Home Assistant is, such as http://homeassistant.local:8123"),
    key("homeassistant.secret", Type::Text, "homeassistant", OWNER_ONLY, "the secret (`fac secret set`) that is its long-lived access token"),
    key("homeassistant.ca_file", Type::Text, "", OWNER_ONLY, "certificate authorities that vouch for it beside the system's, in PEM form"),
    key("homeassistant.discovery", Type::Bool, "false", OWNER_ONLY, "show enabled commands in Home Assistant as buttons, by MQTT discovery"),
    key("homeassistant.discovery_prefix", Type::Text, "homeassistant", OWNER_ONLY, "the discovery prefix that Home Assistant listens to"),
    key("homeassistant.broker", Type::Text, "", OWNER_ONLY, "the broker that both use, where it is not the default"),
    key("homeassistant.topic", Type::Text, "factotum", OWNER_ONLY, "the first level of the topics of those buttons"),
    key("serve.hosts", Type::ListOf(Entry::Host), "", OWNER_ONLY, "names by which the server may be asked for, beside localhost and addresses in digits"),
    key("serve.origins", Type::ListOf(Entry::Origin), "", OWNER_ONLY, "pages of other places that may ask it from a browser, such as https://app.example.org"),
    key("serve.allow", Type::ListOf(Entry::Network), "", OWNER_ONLY, "the only networks that may ask it, such as 10.0.0.0/8"),
    key("serve.trusted_proxies", Type::ListOf(Entry::Network), "", OWNER_ONLY, "networks of proxies whose word about the asker's address counts"),
    key("serve.access_ttl", Type::Duration, "15m", OWNER_ONLY, "how long an access token is good, at most 24h"),
    key("serve.refresh_ttl", Type::Duration, "720h", OWNER_ONLY, "how long a login lasts that nobody goes on with"),
    key("serve.register", Type::Bool, "false", OWNER_ONLY, "whether anybody may add themselves as a member"),
    key("serve.lock_after", Type::Int(1, 1000), "5", OWNER_ONLY, "wrong passwords after which an account is closed to their address"),
    key("serve.lock_time", Type::Duration, "15m", OWNER_ONLY, "how long it stays closed to it"),
    key("serve.command_length", Type::Int(0, 1_000_000_000), "1000", OWNER_ONLY, "characters that the words of a command may have over HTTP; 0 for no limit"),
    key("serve.limit_window", Type::Duration, "15m", OWNER_ONLY, "the time in which requests are counted"),
    key("serve.limit_anonymous", Type::Int(0, 1_000_000_000), "100", OWNER_ONLY, "requests of an address that does not say who asks; 0 for no limit"),
    key("serve.limit_user", Type::Int(0, 1_000_000_000), "1000", OWNER_ONLY, "requests of a user; 0 for no limit"),
    key("serve.limit_auth", Type::Int(0, 1_000_000_000), "10", OWNER_ONLY, "passwords tried from an address in a minute; 0 for no limit"),
    key("limits.*", Type::Int(0, 1_000_000_000), "", OWNER_ONLY, "requests of a user of this tier; 0 for no limit"),
    key("serve.cert_file", Type::Text, "", OWNER_ONLY, "the server's certificate and what vouches for it, in PEM form"),
    key("serve.key_file", Type::Text, "", OWNER_ONLY, "the key of that certificate, in PEM form"),
    key("serve.tls_min", Type::Choice(&["1.2", "1.3"]), "1.3", OWNER_ONLY, "the oldest TLS that the server speaks"),
];

impl Key {
    /// Whether the second part is free to choose.
    pub fn is_family(&self) -> bool {
        self.name.contains('*')
    }

    /// The variables that set it, the strongest first. A family has none.
    pub fn variables(&self) -> Vec<String> {
        if self.is_family() {
            return Vec::new();
        }
        let own = format!("FAC_{}", self.name.to_uppercase().replace('.', "_"));
        let others: &[&str] = match self.name {
            "color" => &["NO_COLOR"],
            "pager" => &["PAGER"],
            "editor" => &["VISUAL", "EDITOR"],
            "log.level" => &["FAC_LOG"],
            _ => &[],
        };
        std::iter::once(own).chain(others.iter().map(|name| (*name).to_string())).collect()
    }

    fn matches(&self, path: &KeyPath) -> bool {
        let mut parts = path.parts().iter();
        self.name.split('.').all(|want| parts.next().is_some_and(|part| want == "*" || want == part))
            && parts.next().is_none()
    }

    fn begins_with(&self, path: &KeyPath) -> bool {
        let mut want = self.name.split('.');
        path.parts().iter().all(|part| want.next().is_some_and(|w| w == "*" || w == part))
    }

    /// The name with `*` filled in from the same place of `path`.
    fn filled(&self, path: &KeyPath) -> KeyPath {
        let parts = self.name.split('.').enumerate();
        let given = |at: usize| path.parts().get(at).map_or("NAME", String::as_str);
        KeyPath::new(parts.map(|(at, part)| if part == "*" { given(at) } else { part }))
    }
}

/// The setting of this name.
pub fn find(path: &KeyPath) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}

/// Whether settings lie below this name, so that it must be a table.
pub fn is_section(path: &KeyPath) -> bool {
    find(path).is_none() && KEYS.iter().any(|key| key.begins_with(path))
}

/// The known name that looks most like this one; `None` when nothing comes near.
pub fn nearest(path: &KeyPath) -> Option<KeyPath> {
    let wrong = path.to_string();
    if wrong.len() > 200 {
        return None;
    }
    let last = path.parts().last().map_or("", String::as_str);
    let score = |key: &Key| {
        let name = key.filled(path).to_string();
        let tail = key.name.rsplit('.').next().unwrap_or_default();
        // Of two that are as near, the one that stands alone is meant.
        let tail = strsim::jaro_winkler(tail, last) * if key.is_family() { 0.94 } else { 0.95 };
        strsim::jaro_winkler(&name, &wrong).max(tail)
    };
    // Of several that are as near, the first of the list is meant: it is there for everybody.
    KEYS.iter()
        .rev()
        .map(|key| (score(key), key))
        .filter(|(score, _)| *score >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key.filled(path))
}

/// Whether a name looks as if a secret stood behind it, which the settings must not hold.
pub fn looks_secret(path: &KeyPath) -> bool {
    let last = path.parts().last().map(|part| part.to_lowercase()).unwrap_or_default();
    ["token", "key", "password", "passwd", "secret"].iter().any(|end| last.ends_with(end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::value::Value;
    use super::*;

    fn near(text: &str) -> Option<String> {
        nearest(&KeyPath::parse(text).unwrap()).map(|path| path.to_string())
    }

    #[test]
    fn every_default_fits_its_type_and_no_two_settings_share_a_variable() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            if let Some(text) = key.default {
                Value::from_text(text, key.kind).unwrap();
            }
            for name in key.variables() {
                assert!(seen.insert(name.clone()), "{name} twice");
            }
            // A key that ends so holds the name of a secret, never its value.
            let names_one = key.name.ends_with(".secret");
            assert!(
                names_one || !looks_secret(&KeyPath::parse(key.name.replace('*', "x").as_str()).unwrap()),
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn only_these_settings_are_open_to_any_project() {
        let open: Vec<&str> = KEYS.iter().filter(|key| key.harmless).map(|key| key.name).collect();
        assert_eq!(
            open,
            [
                "color",
                "sources.parallel",
                "sources.timeout_s",
                "chat.markdown",
                "chat.reasoning",
                "chat.keys",
                "tui.theme",
                "tui.mouse",
                "tui.motion",
                "tui.tab"
            ]
        );
    }

    #[test]
    fn slips_are_answered_with_the_nearest_name() {
        assert_eq!(near("colour").as_deref(), Some("color"));
        assert_eq!(near("run.timout").as_deref(), Some("run.timeout"));
        assert_eq!(near("timeout").as_deref(), Some("run.timeout"));
        assert_eq!(near("soruces.parallel").as_deref(), Some("sources.parallel"));
        assert_eq!(near("interpreters.ruby.programm").as_deref(), Some("interpreters.ruby.program"));
        assert_eq!(near("zzzzzz"), None);
        assert_eq!(near(&"x".repeat(100_000)), None);
    }

    #[test]
    fn families_take_any_second_part_and_nothing_longer() {
        let find = |text: &str| find(&KeyPath::parse(text).unwrap()).map(|key| key.name);
        assert_eq!(find("bindings.\"git log\".to"), Some("bindings.*.to"));
        assert_eq!(find("aliases.x"), Some("aliases.*"));
        assert_eq!(find("aliases.x.y"), None);
        assert_eq!(find("aliases"), None);
        assert!(is_section(&KeyPath::parse("aliases").unwrap()));
        assert!(is_section(&KeyPath::parse("interpreters.lua").unwrap()));
        assert!(!is_section(&KeyPath::parse("color").unwrap()));
    }

    #[test]
    fn variables_follow_the_rule() {
        let of = |name: &str| KEYS.iter().find(|key| key.name == name).unwrap().variables();
        assert_eq!(of("run.keep_runs"), ["FAC_RUN_KEEP_RUNS"]);
        assert_eq!(of("color"), ["FAC_COLOR", "NO_COLOR"]);
        assert_eq!(of("editor"), ["FAC_EDITOR", "VISUAL", "EDITOR"]);
        assert_eq!(of("log.level"), ["FAC_LOG_LEVEL", "FAC_LOG"]);
        assert_eq!(of("aliases.*"), Vec::<String>::new());
    }
}
