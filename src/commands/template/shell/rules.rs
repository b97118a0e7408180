//! The table of commands that read one of their words, or their input, as a program.
//!
//! It is a list to be added to, as are the names in `lists`; how its columns are used stands in `reparse`.

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
            "psql",
            "mysql",
            "mariadb",
            "sqlite3",
            "ed",
            "red",
            "ex",
            "dc",
            "gdb",
            "lldb",
            "gnuplot",
            "octave",
            "R",
            "lua",
            "julia",
            "ftp",
            "sftp",
            "lftp",
            "telnet",
            "mail",
            "mailx",
            "sqlite",
            "duckdb",
            "m4",
            "expect",
            "ghci",
            "parallel",
            "at",
            "batch",
            "crontab",
            "clickhouse-client",
            "mongo",
            "mongosh",
            "gp",
            "maxima",
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
    Rule { names: &["perl"], code: "eEMmd", takes: "I", stdin: true, ..BASE },
    Rule { names: &["ruby", "jruby"], code: "e", takes: "ICrEx", stdin: true, ..BASE },
    Rule {
        names: &["node", "nodejs", "bun", "deno", "iojs"],
        code: "ep",
        code_long: &["eval", "print", "import", "loader", "experimental-loader"],
        takes: "r",
        stdin: true,
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
            "tclsh",
            "wish",
            "ghci",
            "runghc",
            "runhaskell",
            "ocaml",
            "swipl",
            "gp",
            "maxima",
            "jshell",
            "kotlin",
            "irb",
            "pry",
            "psysh",
            "janet",
            "txr",
            "newlisp",
            "clisp",
            "chez",
            "gosh",
            "mongo",
            "mongosh",
        ],
        code: "eE",
        code_long: &["eval", "execute", "expression", "print", "init-command"],
        stdin: true,
        ..BASE
    },
    Rule {
        names: &[
            "vim", "nvim", "vi", "ex", "view", "gvim", "rvim", "vimdiff", "gvimdiff", "nvim-qt", "rview", "evim",
            "mvim", "kak", "vis",
        ],
        code: "ce",
        code_long: &["cmd"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["gdb", "lldb"],
        code: "oO",
        code_long: &[
            "ex",
            "eval-command",
            "one-line",
            "iex",
            "init-eval-command",
            "one-line-before-file",
            "source-before-file",
        ],
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
    Rule { names: &["eval", "foreach", "send-keys", "cmd.run", "cmd.shell"], operands: Operands::Code, ..BASE },
    Rule {
        names: &["ssh", "autossh", "slogin", "dbclient"],
        code: "o",
        takes: "BbcDEeFIiJLlMmOpQRSWw",
        operands: Operands::Remote,
        stdin: true,
        ..BASE
    },
    Rule { names: &["adb"], takes: "sHPtL", operands: Operands::AfterShell, ..BASE },
    Rule { names: &["rsync"], code: "eM", code_long: &["rsh", "rsync-path", "remote-option"], anywhere: false, ..BASE },
    Rule {
        names: &["git"],
        code_long: &[
            "exec",
            "upload-pack",
            "receive-pack",
            "config-env",
            "exec-path",
            "open-files-in-pager",
            "extcmd",
            "to-cmd",
            "template",
            "cc-cmd",
            "header-cmd",
            "sendmail-cmd",
            "smtp-server",
            "httpd",
            "browser",
        ],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["tar", "gtar", "bsdtar"],
        code: "IF",
        code_long: &[
            "to-command",
            "use-compress-program",
            "checkpoint-action",
            "info-script",
            "new-volume-script",
            "rsh-command",
            "rmt-command",
        ],
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
            "watchexec",
            "concurrently",
            "pssh",
            "parallel-ssh",
            "dsh",
            "mussh",
            "i3-msg",
            "swaymsg",
            "hyprctl",
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
    Rule { names: &["at", "batch"], code: "f", anywhere: false, ..BASE },
    Rule { names: &["psql", "duckdb"], code: "c", code_long: &["command"], anywhere: false, ..BASE },
    Rule { names: &["m4"], code: "D", code_long: &["define"], anywhere: false, ..BASE },
    Rule {
        names: &["make", "gmake", "bmake"],
        code: "E",
        takes: "CfjlIoW",
        code_long: &["eval"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["nc", "ncat", "netcat", "nc.traditional"],
        code: "ec",
        code_long: &["sh-exec", "exec", "lua-exec", "lua-exec-internal"],
        anywhere: false,
        ..BASE
    },
    Rule {
        names: &["fzf", "sk", "fzf-tmux"],
        code_long: &["preview", "bind", "with-shell", "listen-unsafe", "cmd"],
        anywhere: false,
        ..BASE
    },
    Rule { names: &["nodemon"], code: "x", code_long: &["exec"], anywhere: false, ..BASE },
    Rule {
        names: &["cargo", "cargo-watch"],
        code: "s",
        code_long: &["shell", "exec", "config"],
        anywhere: false,
        ..BASE
    },
    Rule { names: &["scp", "sftp"], code: "SoDR", anywhere: false, ..BASE },
    Rule { names: &["sshfs", "ssh-copy-id"], code: "o", code_long: &["ssh_command"], anywhere: false, ..BASE },
    Rule {
        names: &["mosh"],
        code_long: &["ssh", "server", "client"],
        takes: "p",
        operands: Operands::Remote,
        anywhere: false,
        ..BASE
    },
    Rule { names: &["zip"], code_long: &["TT", "unzip-command"], anywhere: false, ..BASE },
    Rule { names: &["man"], code: "PH", code_long: &["pager", "html"], anywhere: false, ..BASE },
    Rule { names: &["less"], code_long: &["lesskey-content"], anywhere: false, ..BASE },
    Rule { names: &["systemd-run"], code: "p", code_long: &["property"], anywhere: false, ..BASE },
    Rule {
        names: &[
            "xterm",
            "urxvt",
            "rxvt",
            "lxterminal",
            "xfce4-terminal",
            "terminator",
            "mate-terminal",
            "konsole",
            "gnome-terminal",
            "x-terminal-emulator",
        ],
        code: "ex",
        code_long: &["command", "execute"],
        anywhere: false,
        ..BASE
    },
    Rule { names: &["mutt", "neomutt", "wget"], code: "e", code_long: &["execute"], anywhere: false, ..BASE },
    Rule { names: &["apt", "apt-get", "aptitude"], code: "o", code_long: &["option"], anywhere: false, ..BASE },
    Rule {
        names: &["ansible", "ansible-playbook", "ansible-console"],
        code: "ae",
        code_long: &["args", "extra-vars"],
        anywhere: false,
        ..BASE
    },
    Rule { names: &["msfconsole"], code: "x", code_long: &["execute-command"], anywhere: false, ..BASE },
    Rule { names: &["vagrant", "gcloud"], code: "c", code_long: &["command", "ssh-flag"], anywhere: false, ..BASE },
    Rule { names: &["ranger", "lf"], code_long: &["cmd", "command"], anywhere: false, ..BASE },
];
