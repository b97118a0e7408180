//! The table of commands that read one of their words, or their input, as a program.
//!
//! It is a list to be added to; how its columns are used stands in `reparse`.

/// How a command reads its words.
pub(super) struct Rule {
    pub(super) names: &'static [&'static str],
    /// Letters of options whose operand is a program.
    pub(super) code: &'static str,
    /// Long options whose operand is a program.
    pub(super) code_long: &'static [&'static str],
    /// Letters of options that take an operand which is data.
    pub(super) takes: &'static str,
    /// What the words without a dash are.
    pub(super) operands: Operands,
    /// Whether the name counts wherever it stands among the words (`docker exec c sh -c …`).
    pub(super) anywhere: bool,
    /// Whether it reads a program from standard input when it is given none.
    pub(super) stdin: bool,
    /// Whether it reads commands from standard input whatever its words are (`psql` knows `\!`, `ed` knows `!`).
    pub(super) fed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operands {
    /// Data, or files.
    Data,
    /// The first is a program, unless an option gave one.
    FirstIsCode,
    /// Everything is code.
    Code,
    /// The first is a destination, the rest is code there.
    Remote,
    /// All are code after the word `shell`.
    AfterShell,
}

pub(super) const BASE: Rule = Rule {
    names: &[],
    code: "",
    code_long: &[],
    takes: "",
    operands: Operands::Data,
    anywhere: true,
    stdin: false,
    fed: false,
};

/// A command whose name is in a variable, `$SHELL` for one.
pub(super) const UNNAMED: Rule = Rule { code: "c", ..BASE };

pub(super) const RULES: &[Rule] = &[
    Rule {
        names: &[
            "psql", "mysql", "mariadb", "sqlite3", "ed", "red", "ex", "dc", "gdb", "lldb", "gnuplot", "octave", "R",
            "lua", "julia", "ftp", "sftp", "lftp", "telnet", "mail", "mailx",
        ],
        fed: true,
        anywhere: false,
        ..BASE
    },
    Rule { names: &["source", "."], stdin: true, anywhere: false, ..BASE },
    Rule { names: &["rebase", "difftool"], code: "x", code_long: &["exec", "extcmd"], ..BASE },
    Rule {
        names: &["filter-branch"],
        code_long: &[
            "env-filter",
            "tree-filter",
            "index-filter",
            "parent-filter",
            "msg-filter",
            "commit-filter",
            "tag-name-filter",
        ],
        ..BASE
    },
    Rule { names: &["split"], code_long: &["filter"], anywhere: false, ..BASE },
    Rule {
        names: &[
            "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "rbash", "elvish", "nu", "xonsh",
            "busybox",
        ],
        code: "c",
        code_long: &["command", "init-command", "commands"],
        takes: "oO",
        stdin: true,
        ..BASE
    },
    Rule {
        names: &["su", "runuser", "script", "flock", "wezterm"],
        code: "c",
        code_long: &["command", "session-command"],
        ..BASE
    },
    Rule {
        names: &["python", "python2", "python3", "pypy3", "ipython", "bpython"],
        code: "c",
        takes: "mWX",
        stdin: true,
        ..BASE
    },
    Rule { names: &["perl"], code: "eE", takes: "IMm", stdin: true, ..BASE },
    Rule { names: &["ruby", "jruby"], code: "e", takes: "ICrEx", stdin: true, ..BASE },
    Rule {
        names: &["node", "nodejs", "bun", "deno", "iojs"],
        code: "ep",
        code_long: &["eval", "print"],
        takes: "r",
        ..BASE
    },
    Rule { names: &["php"], code: "rBRE", code_long: &["run"], takes: "dfcz", stdin: true, ..BASE },
    Rule {
        names: &[
            "lua",
            "luajit",
            "julia",
            "Rscript",
            "R",
            "octave",
            "gnuplot",
            "elixir",
            "erl",
            "iex",
            "osascript",
            "scala",
            "groovy",
            "ghc",
            "raku",
            "d8",
            "bpftrace",
            "dc",
            "mysql",
            "mariadb",
            "racket",
            "guile",
            "sbcl",
            "emacs",
            "clojure",
            "bb",
        ],
        code: "eE",
        code_long: &["eval", "execute", "expression", "print"],
        ..BASE
    },
    Rule {
        names: &["vim", "nvim", "vi", "ex", "view", "gvim"],
        code: "c",
        code_long: &["cmd"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["gdb", "lldb"],
        code: "oO",
        code_long: &["ex", "eval-command", "one-line"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["awk", "gawk", "mawk", "nawk", "original-awk"],
        code: "e",
        code_long: &["source"],
        takes: "Fvf",
        operands: Operands::FirstIsCode,
        ..BASE
    },
    Rule {
        names: &["sed", "gsed", "ssed"],
        code: "e",
        code_long: &["expression"],
        takes: "fl",
        operands: Operands::FirstIsCode,
        ..BASE
    },
    Rule { names: &["eval", "foreach", "send-keys"], operands: Operands::Code, ..BASE },
    Rule {
        names: &["ssh", "autossh", "slogin", "dbclient"],
        code: "o",
        takes: "BbcDEeFIiJLlMmOpQRSWw",
        operands: Operands::Remote,
        stdin: true,
        ..BASE
    },
    Rule { names: &["adb"], takes: "sHPtL", operands: Operands::AfterShell, ..BASE },
    Rule { names: &["rsync"], code: "e", code_long: &["rsh", "rsync-path"], anywhere: false, ..BASE },
    Rule { names: &["git"], code_long: &["exec", "upload-pack", "receive-pack"], anywhere: false, ..BASE },
    Rule {
        names: &["tar", "gtar", "bsdtar"],
        code: "I",
        code_long: &["to-command", "use-compress-program", "checkpoint-action"],
        takes: "CfTX",
        anywhere: false,
        ..BASE
    },
    Rule { names: &["npx", "npm", "pnpm"], code: "c", code_long: &["call", "shell-mode"], anywhere: false, ..BASE },
    Rule {
        names: &["nix-shell", "doppler", "pwsh", "powershell", "cmd", "powershell.exe", "cmd.exe"],
        code: "c",
        code_long: &["run", "command"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &[
            "watch",
            "trap",
            "alias",
            "complete",
            "compgen",
            "compopt",
            "bind",
            "fc",
            "let",
            "parallel",
            "hyperfine",
            "pdsh",
            "clush",
            "entr",
            "expect",
            "getopts",
            "enable",
        ],
        operands: Operands::Code,
        anywhere: false,
        ..BASE
    },
    Rule { names: &["at", "batch", "crontab", "expect"], stdin: true, anywhere: false, ..BASE },
];

/// Commands that run the rest of their words as a command, so that a name behind them counts as one.
pub(super) const CARRIERS: &[&str] = &[
    "sudo",
    "doas",
    "env",
    "xargs",
    "nohup",
    "time",
    "nice",
    "ionice",
    "exec",
    "command",
    "builtin",
    "timeout",
    "setsid",
    "stdbuf",
    "chroot",
    "strace",
    "ltrace",
    "unshare",
    "nsenter",
    "caffeinate",
    "systemd-run",
    "firejail",
    "proxychains",
    "torsocks",
];
