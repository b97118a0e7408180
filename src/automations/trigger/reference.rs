//! What triggers there are and what each takes, for people.

/// One kind of trigger.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Its kind, as in a definition.
    pub kind: &'static str,
    /// What it waits for.
    pub what: &'static str,
    /// Triggers as they are written.
    pub examples: &'static [&'static str],
    /// Its options and what they say.
    pub options: &'static [(&'static str, &'static str)],
    /// What steps and conditions are told: `x` is `trigger.x` in an `If:`, and `trigger_x` in steps.
    pub tells: &'static [&'static str],
}

const LIMIT: (&str, &str) = ("limit", "at most so many firings in a time: `5/1h`");
const MAX: (&str, &str) = ("max", "how many may run or wait in the modes queued and parallel");
const DEBOUNCE: (&str, &str) = ("debounce", "fire once nothing more came for so long");
const FOR: (&str, &str) = ("for", "only when it stays so for so long");
const ABOVE: (&str, &str) = ("above", "a number that it must be above");
const BELOW: (&str, &str) = ("below", "a number that it must be below");

/// All kinds.
pub const REFERENCE: [Reference; 8] = [
    Reference {
        kind: "schedule",
        what: "a time: a cron expression (seconds first where there are six fields; L, # and W), a beat, times of day, the sun",
        examples: &[
            "schedule \"0 9 * * 1-5\" tz=Europe/Berlin",
            "schedule \"0 18 L * *\" missed=skip",
            "schedule every 15m offset=5m",
            "schedule at 07:30,19:00 days=mon-fri",
            "schedule sunset -30m",
        ],
        options: &[
            ("tz", "the zone whose clock counts; automations.timezone, else that of this machine"),
            ("missed", "what becomes of times at which nobody was there: once (one firing for all), skip, all"),
            ("cap", "the most that are caught up at once (24)"),
            ("grace", "how late is still in time (90s)"),
            ("days", "the days of the week of `at`: mon-fri, sat,sun"),
            ("offset", "so much later, or earlier: `-30m`"),
            ("lat", "degrees north, with lon=; automations.latitude and automations.longitude otherwise"),
            ("lon", "degrees east"),
            LIMIT,
            MAX,
        ],
        tells: &["at", "slot", "late_ms", "tz"],
    },
    Reference {
        kind: "mqtt",
        what: "a message of a broker; `+` stands for one level of a topic, `#` for all below",
        examples: &["mqtt home/+/button payload=press", "mqtt sensors/# path=$.temperature above=25"],
        options: &[
            ("payload", "what the message is; `a|b` for one of several"),
            ("path", "a JSON path into the message: `$.action`, or `action` for short"),
            ("value", "what stands there; without it, that something does"),
            ABOVE,
            BELOW,
            ("retained", "whether messages count that the broker kept: no, yes, only"),
            ("retain", "the same"),
            ("qos", "at which quality it is subscribed to: 0, 1, 2 (1)"),
            ("broker", "the broker's name in the settings"),
            FOR,
            DEBOUNCE,
            LIMIT,
            MAX,
        ],
        tells: &["topic", "payload", "json", "qos", "retain", "broker", "encoding", "dup", "properties"],
    },
    Reference {
        kind: "homeassistant",
        what: "a change of a state; coming from or going to `unavailable` and `unknown` is none",
        examples: &[
            "homeassistant binary_sensor.door from=off to=on for=5m",
            "homeassistant sensor.* attribute=battery below=20",
        ],
        options: &[
            ("from", "what the state was; `a|b` for one of several"),
            ("to", "what it is now"),
            ("attribute", "look at this attribute instead of the state; from and to are its values then"),
            ABOVE,
            BELOW,
            ("unavailable", "yes: such changes count too"),
            FOR,
            DEBOUNCE,
            LIMIT,
            MAX,
        ],
        tells: &[
            "entity",
            "from",
            "to",
            "attributes",
            "from_attributes",
            "attribute",
            "state",
            "last_changed",
            "found_late",
        ],
    },
    Reference {
        kind: "file",
        what: "a file that was created or changed and is whole; a folder means all below it, `**` any folders",
        examples: &["file ~/Downloads/*.pdf", "file /srv/in change=created,removed debounce=2s"],
        options: &[
            ("change", "created, changed, removed, several with commas (created,changed)"),
            ("debounce", "how long it must be quiet (300ms)"),
            ("hidden", "yes: names that begin with a dot count too"),
            LIMIT,
            MAX,
        ],
        tells: &["path", "name", "folder", "change", "size", "modified"],
    },
    Reference {
        kind: "event",
        what: "an event of fac itself (`fac events tail` shows them); `*` stands for any letters",
        examples: &["event run.finished path=status value=failed", "event recording.*"],
        options: &[
            ("subject", "what it is about"),
            ("path", "a JSON path into what it says"),
            ("value", "what stands there"),
            ABOVE,
            BELOW,
            DEBOUNCE,
            LIMIT,
            MAX,
        ],
        tells: &["name", "subject", "payload", "seq"],
    },
    Reference {
        kind: "webhook",
        what: "a request to the server of fac",
        examples: &["webhook deploy method=POST secret=deploy-hook"],
        options: &[
            ("method", "GET, POST, PUT or PATCH; `a|b` for one of several (POST)"),
            ("secret", "the secret (`fac secret set`) with which callers sign: X-Hub-Signature-256, as GitHub does"),
            DEBOUNCE,
            LIMIT,
            MAX,
        ],
        tells: &["name", "method", "json", "body", "headers", "delivery"],
    },
    Reference {
        kind: "voice",
        what: "something that is said while fac listens; `{x}` fills the parameter x, `[x]` may be left out, `(a|b)` is either",
        examples: &["voice \"release version {version}\" \"[please] ship {version}\""],
        options: &[LIMIT, MAX],
        tells: &["phrase"],
    },
    Reference {
        kind: "startup",
        what: "whoever runs automations begins to",
        examples: &["startup"],
        options: &[LIMIT, MAX],
        tells: &["at"],
    },
];
