//! What the demonstration shows: its parts and their steps, as data.
//!
//! A step is a command line as one would type it, the exit code it must end with, and words that must stand in what it
//! says. The files it speaks of are those of `assets/demo`. Where an argument tries to be code, it would
//! leave the file [`super::world::CANARY`].

/// A heading and what is typed below it.
pub(super) struct Part {
    /// The word that picks it.
    pub(super) name: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// One sentence below the heading.
    pub(super) about: &'static str,
    /// What earlier parts left behind and this one builds on; typed unseen when it is shown alone.
    pub(super) before: &'static [&'static str],
    /// What is typed.
    pub(super) steps: &'static [Step],
}

/// One command line and what must come of it.
pub(super) struct Step {
    /// The line, without `$`.
    pub(super) line: &'static str,
    /// The exit code it ends with.
    pub(super) code: i32,
    /// What it says, among other things.
    pub(super) says: &'static [&'static str],
}

const fn does(line: &'static str, says: &'static [&'static str]) -> Step {
    Step { line, code: 0, says }
}

/// A step that is refused, or fails, on purpose.
const fn refuses(line: &'static str, code: i32, says: &'static [&'static str]) -> Step {
    Step { line, code, says }
}

const ADD: &str = "fac source add ./tasks";
const TRUST: &str = "fac source trust tasks --yes";
const LABEL: &str = "fac label 'Tea & Biscuits' --width 22";

/// Every part, in the order in which they are shown.
pub(super) const PARTS: &[Part] = &[
    Part {
        name: "bundled",
        title: "What fac brings along",
        about: "Commands for every day come along; each is Markdown, and shows its script.",
        before: &[],
        steps: &[
            does("fac commands ls disk", &["disk usage", "disk duplicates"]),
            does("fac commands show todo add", &["fac todo add <text...>", "bundled todo.md", "set -euo pipefail"]),
        ],
    },
    Part {
        name: "run",
        title: "Running them",
        about: "A name and its arguments, like any program.",
        before: &[],
        steps: &[
            does("fac calc '3 km + 200 m in mi'", &["1.98838781516 mi"]),
            does("fac csv table tea.csv", &["Ada      3"]),
            does("fac disk usage --count 3", &["tasks/", "in all"]),
            does("fac dev lines tasks", &["md", "in all"]),
            does("fac note add 'show fac to Ada'", &["noted in"]),
            does("fac note find Ada", &["show fac to Ada"]),
        ],
    },
    Part {
        name: "markdown",
        title: "Other people's Markdown",
        about: "A maskfile, a tldr page, a Claude Code command, a fabric pattern, and fac's own format, as they are.",
        before: &[],
        steps: &[
            does(ADD, &["tasks: 7 commands", "not trusted yet"]),
            does("fac commands ls --source tasks", &["greet", "explain", "plain_words", "shout count-the-letters"]),
            does("fac help label", &["Usage: fac label <name> [--width <width>]", "How wide the label is"]),
        ],
    },
    Part {
        name: "trust",
        title: "Nothing from outside runs by itself",
        about: "Somebody says yes to exactly these bytes. When they change, fac asks again.",
        before: &[ADD],
        steps: &[
            refuses("fac greet Ada", 4, &["is not trusted yet"]),
            does(TRUST, &["trusted 7 commands"]),
            does("fac greet Ada", &["Hello, Ada!"]),
            does("cp update/maskfile.md tasks/maskfile.md", &[]),
            refuses("fac greet Ada", 4, &["has changed since it was trusted"]),
            does("fac source diff tasks", &["- printf 'Hello, %s!", "+ printf 'Good day, %s!"]),
            does("fac source trust tasks --command greet --yes", &["trusted 1 command"]),
            does("fac greet Ada", &["Good day, Ada!"]),
        ],
    },
    Part {
        name: "arguments",
        title: "Arguments are data, whatever they hold",
        about: "They reach a script beside its text, never inside it, and are checked before it starts.",
        before: &[ADD, TRUST],
        steps: &[
            does("fac greet \"x'; touch PWNED; #\"", &["x'; touch PWNED; #!"]),
            does("fac shout write-a-text-in-capital-letters 'tea & $(touch PWNED)'", &["TEA & $(TOUCH PWNED)"]),
            does(LABEL, &["|    Tea & Biscuits    |"]),
            refuses("fac label Tea --width wide", 2, &["`width` must be a number, not `wide`"]),
            does("fac morning --name Ada --loud", &["Good morning, Ada.", "GOOD MORNING, ADA."]),
        ],
    },
    Part {
        name: "dry-run",
        title: "What would run, and what a model would be asked",
        about: "`--dry-run` prints exactly that: nothing runs, and nobody is asked.",
        before: &[ADD, TRUST],
        steps: &[
            does("fac label Tea --dry-run", &["name=Tea", "import os"]),
            does("fac explain tea.csv --dry-run", &["Read tea.csv and explain"]),
            does("fac plain_words 'kindly remit payment' --tone friendly --dry-run", &["The tone is friendly."]),
        ],
    },
    Part {
        name: "write",
        title: "Commands of your own",
        about: "They begin as one line, and can be had in other dialects.",
        before: &[],
        steps: &[
            does("fac commands new 'hello <who>' --script 'echo \"Hello, $who!\"'", &["hello.md"]),
            does("fac hello Ada", &["Hello, Ada!"]),
            does("fac commands export hello --to mask", &["## hello (who)"]),
            refuses(
                "fac commands check broken.md",
                6,
                &["broken.md:6:", "`PATH` cannot be a parameter", "1 command, 2 errors"],
            ),
        ],
    },
    Part {
        name: "records",
        title: "Everything is kept and found again",
        about: "Each run with its arguments, output, exit code and times; each fact in a log that cannot be changed unseen.",
        before: &[ADD, TRUST, LABEL],
        steps: &[
            does("fac runs ls", &["label", "name=Tea & Biscuits"]),
            does("fac search biscuits", &["run label"]),
            does("fac runs rerun last", &[]),
            does("fac runs show last", &["ok"]),
            does("fac events tail 'run.*' -n 2", &["run.started", "run.finished"]),
            does("fac events verify", &["the chain holds"]),
        ],
    },
    Part {
        name: "automations",
        title: "What happens by itself",
        about: "A command with `On:` fires on a time, a message, a state, a file or an event, once it was trusted and enabled.",
        before: &[],
        steps: &[
            does("fac source add ./home", &["home: 1 command"]),
            refuses("fac auto enable evening", 4, &["comes from outside and is not trusted yet"]),
            does("fac source trust home --yes", &["trusted 1 command"]),
            does("fac auto enable evening", &["home:evening fires on schedule '30 21 * * *'"]),
            does("fac auto next -n 2", &["home:evening"]),
            does("fac auto test evening --at 2026-12-24T21:30", &["would fire", "looked at now.hour = 21", "echo"]),
            does("fac auto run evening", &["good night, everybody"]),
            does("fac auto trace evening", &["fired  manual"]),
            does("fac tick", &["nothing is due"]),
        ],
    },
    Part {
        name: "plugins",
        title: "Plugins in a sandbox",
        about: "Small Lua programs hear what passes and may change it; each says what it may do before it is allowed.",
        before: &[],
        steps: &[
            does("fac plugin ls", &["redact", "snippets", "words"]),
            does("fac plugin enable redact --yes", &["reads and may change what you say to a model", "is enabled"]),
            does("fac plugin test redact --prompt 'my key is sk-abc123def456ghi789'", &["+ my key is [redacted]"]),
            does("fac redact 'password: hunter2'", &["[redacted]"]),
        ],
    },
    Part {
        name: "chats",
        title: "Chats of elsewhere",
        about: "An export of Claude, ChatGPT, llm or aichat is taken over, and searched like everything else.",
        before: &[],
        steps: &[
            does("fac sessions import conversations.json", &["took over 1 chat with 2 messages"]),
            does("fac sessions ls", &["Bees in winter"]),
            does("fac search shiver", &["They huddle around the queen"]),
        ],
    },
    Part {
        name: "settings",
        title: "Settings that say where they come from",
        about: "Flags, environment, project, your file, defaults: the first that says something holds.",
        before: &[],
        steps: &[
            does("fac config set run.shell bash", &[]),
            does("fac config explain run", &["run.shell             bash", "run.keep_days"]),
            refuses("fac config set run.shel zsh", 2, &["the nearest is run.shell"]),
        ],
    },
    Part {
        name: "json",
        title: "For scripts",
        about: "`--json` puts one JSON value on stdout, and exit codes mean something.",
        before: &[],
        steps: &[
            does("fac calc '6 * 7' --json", &["\"exit_code\":0", "\"stdout\":\"42\\n\""]),
            refuses("fac nothing-like-this --json", 3, &["\"kind\":\"not_found\"", "\"exit_code\":3"]),
        ],
    },
];

/// What this demonstration leaves out, and how to get it.
pub(super) const ELSEWHERE: [(&str, &str); 3] = [
    ("a model", "start `ollama serve` or set ANTHROPIC_API_KEY, OPENAI_API_KEY …, then: fac ask 'hello'"),
    ("a microphone", "`fac voice doctor` says what it hears, then: fac listen"),
    ("the network", "fac source add github:OWNER/REPO takes a repository's Markdown as commands"),
];
