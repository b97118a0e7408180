//! Programs whose words are programs again in ways the table of rules cannot say: git, editors, terminal
//! multiplexers, `env`, SQL clients and some more.
//!
//! Each function refuses the first slot in a place that may be run; it does not know quotes or grammar.

use super::lists::SCRIPT_MODULES;
use super::rules::RULES;
use super::{Outcome, SLOT, Shell, Word};

impl Shell<'_> {
    /// Looks at the words behind `name`, a program with rules of its own.
    pub(super) fn program(&mut self, name: &str, words: &[Word]) -> Outcome<()> {
        match name {
            "git" => self.git(words),
            "tmux" => self.multiplexer(name, words, "txy"),
            "crontab" => match words.iter().position(|w| !w.slots.is_empty()) {
                // A table of commands; only the user is none.
                Some(at) if at > 0 && words[at - 1].text.ends_with('u') => self.none_in(name, &words[at + 1..]),
                _ => self.none_in(name, words),
            },
            "screen" => self.multiplexer(name, words, "SrRxdD"),
            "env" | "sudo" | "doas" => self.environment(name, words),
            "vim" | "nvim" | "vi" | "view" | "gvim" | "ex" | "rvim" | "vimdiff" | "less" | "more" | "emacs" | "kak"
            | "nano" | "man" => self.editor(name, words),
            "sqlite3" | "sqlite" | "duckdb" | "socat" | "mlr" => self.all_but_first(name, words),
            "make" | "gmake" | "bmake" => self.make(name, words),
            "python" | "python2" | "python3" | "pypy3" => self.module(name, words),
            "tar" | "gtar" | "bsdtar" => match words.first() {
                // `tar cIf PROGRAM FILE`: letters without a dash take their operands in turn.
                Some(w) if !w.text.starts_with('-') && (w.text.contains(['I', 'F']) || w.text.contains(SLOT)) => {
                    self.none_in(name, words)
                }
                _ => Ok(()),
            },
            "deno" | "bun" if words.iter().any(|w| matches!(w.text.as_str(), "eval" | "exec" | "repl")) => {
                self.none_in(name, words)
            }
            "gh" | "glab" if words.iter().any(|w| w.text == "alias") => self.none_in(name, words),
            "gh" | "glab" if words.first().is_some_and(|w| w.text == "config") => {
                if words.iter().any(|w| w.text == "set") { self.none_in(name, words) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Refuses any slot in `words`.
    fn none_in(&self, name: &str, words: &[Word]) -> Outcome<()> {
        match words.iter().find_map(|w| w.slots.first()) {
            Some(slot) => self.refuse(*slot, format!("would become program text for `{name}`")),
            None => Ok(()),
        }
    }

    /// `git -c KEY=VALUE` and `git config` set what git runs: pagers, editors, aliases, hooks.
    fn git(&self, words: &[Word]) -> Outcome<()> {
        let mut rest = words;
        while let [word, tail @ ..] = rest {
            match word.text.as_str() {
                "-c" | "--config-env" | "--exec-path" => {
                    self.none_in("git -c", &tail[..tail.len().min(1)])?;
                    rest = tail.get(1..).unwrap_or_default();
                }
                "-C" | "--git-dir" | "--work-tree" | "--namespace" | "--super-prefix" => {
                    rest = tail.get(1..).unwrap_or_default();
                }
                t if t.starts_with('-') => {
                    if t.starts_with("-c") || t.starts_with("--config-env") || t.starts_with("--exec-path") {
                        self.none_in("git", &rest[..1])?;
                    }
                    rest = tail;
                }
                _ => break,
            }
        }
        let [command, rest @ ..] = rest else { return Ok(()) };
        match command.text.as_str() {
            "config" => self.git_config(rest),
            "bisect" if rest.first().is_some_and(|w| w.text == "run" || w.text.contains(SLOT)) => {
                self.none_in("git bisect run", rest)
            }
            "alias" => self.none_in("git alias", rest),
            "clone" | "init" => {
                for (at, word) in rest.iter().enumerate() {
                    let text = word.text.as_str();
                    if text.starts_with("-c") || text.starts_with("-u") || text.starts_with("--conf") {
                        self.none_in("git", &rest[at..rest.len().min(at + 2)])?;
                    }
                }
                Ok(())
            }
            "grep" => match rest.iter().find(|w| w.text.starts_with("-O") && !w.slots.is_empty()) {
                Some(w) => self.none_in("git grep -O", std::slice::from_ref(w)),
                None => Ok(()),
            },
            // Which command it is, is not known: what follows might be `-x` or `run`.
            _ if !command.slots.is_empty() => self.none_in("git", rest),
            _ => Ok(()),
        }
    }

    /// A value may be set only for keys whose values git does not run.
    fn git_config(&self, words: &[Word]) -> Outcome<()> {
        const READING: &[&str] = &["--get", "--get-all", "--get-regexp", "--unset", "--unset-all", "--list", "-l"];
        const SAFE: &[&str] = &[
            "user.name",
            "user.email",
            "user.signingkey",
            "init.defaultbranch",
            "http.proxy",
            "https.proxy",
            "core.autocrlf",
            "core.eol",
            "core.filemode",
            "core.ignorecase",
            "pull.rebase",
            "push.default",
            "commit.gpgsign",
            "commit.template",
            "lfs.url",
        ];
        if words.iter().any(|w| READING.contains(&w.text.as_str())) {
            return Ok(());
        }
        let mut operands: Vec<&Word> = Vec::new();
        let mut skip = false;
        for word in words {
            let text = word.text.as_str();
            let option = text.starts_with('-');
            if !skip && !option {
                operands.push(word);
            }
            skip = !skip && matches!(text, "-f" | "--file" | "--blob" | "--type" | "-t" | "--comment");
            if text.contains(SLOT) && option {
                return self.none_in("git config", words);
            }
        }
        match operands.first().map(|w| w.text.as_str()) {
            Some("get" | "list" | "unset") => return Ok(()),
            Some("set") => {
                operands.remove(0);
            }
            _ => {}
        }
        let safe = match operands.as_slice() {
            [] => true,
            [_] => !words.iter().any(|w| matches!(w.text.as_str(), "--add" | "--replace-all" | "set")),
            [key, ..] => SAFE.contains(&key.text.to_ascii_lowercase().as_str()),
        };
        if safe && !words.iter().any(|w| w.open) { Ok(()) } else { self.none_in("git config", words) }
    }

    /// tmux and screen hand words to a shell, type them into one, or expand `#(…)` in names and folders. Only
    /// operands of the options `letters` are plain names and numbers.
    fn multiplexer(&self, name: &str, words: &[Word], letters: &str) -> Outcome<()> {
        let mut plain = false;
        for word in words {
            let attached = word.text.starts_with('-')
                && word.text.chars().nth(1).is_some_and(|c| letters.contains(c))
                && word.text.chars().nth(2) == Some(SLOT);
            if let Some(slot) = word.slots.first().filter(|_| !plain && !attached) {
                return self.refuse(*slot, format!("would become program text for `{name}`"));
            }
            plain = !plain
                && word.text.starts_with('-')
                && !word.text.starts_with("--")
                && word.text.chars().skip(1).all(|c| c.is_ascii_alphabetic())
                && word.text.ends_with(|c| letters.contains(c));
        }
        Ok(())
    }

    /// `env NAME=VALUE …`: with a slot in the name, the value may be a program or a library.
    fn environment(&self, name: &str, words: &[Word]) -> Outcome<()> {
        for (at, word) in words.iter().enumerate() {
            let text = word.text.as_str();
            let last = at + 1 == words.len();
            if let Some((left, _)) = text.split_once('=')
                && left.contains(SLOT)
                && !left.contains('-')
            {
                return self.refuse(word.slots[0], format!("is the name of a variable for `{name}`"));
            }
            match text {
                "-S" | "--split-string" if name == "env" => {
                    return self.none_in("env -S", &words[at + 1..]);
                }
                "-u" | "-C" | "-g" | "-p" | "-h" | "-i" | "-" | "--" | "--unset" | "--chdir" => {}
                _ if name == "env" && text.starts_with('-') => {
                    if text.starts_with("-S") || text.starts_with("--split") || text.contains('S') {
                        self.none_in("env -S", &words[at..])?;
                    }
                }
                _ if text.contains('=') => {}
                // A whole word may be `NAME=VALUE`, and then the next is the command.
                _ if text.starts_with(SLOT)
                    && (name == "env" || names_interpreter(words))
                    && !last
                    && !behind_option(words, at) =>
                {
                    return self.refuse(word.slots[0], format!("may be the name of a variable for `{name}`"));
                }
                _ if behind_option(words, at) => {}
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// `+COMMAND` and what else editors and pagers run.
    fn editor(&mut self, name: &str, words: &[Word]) -> Outcome<()> {
        if let Some(at) = words.iter().position(|w| w.text.starts_with('+') && !w.slots.is_empty()) {
            return self.none_in(name, &words[at..]);
        }
        // `vim -es` and `vim -s -` read commands from standard input.
        let fed = |w: &Word| w.text.starts_with('-') && !w.text.starts_with("--") && w.text.contains(['e', 'E', 's']);
        self.reads_program |= name.ends_with("ex") || (name.contains("vi") && words.iter().any(fed));
        Ok(())
    }

    /// The first operand is a file (none for socat), the rest may be SQL, `.shell` or `EXEC:`.
    fn all_but_first(&self, name: &str, words: &[Word]) -> Outcome<()> {
        if name == "mlr" {
            let runs = words.iter().any(|w| matches!(w.text.as_str(), "put" | "filter" | "tee" | "split"));
            return if runs { self.none_in(name, &words[..words.len().saturating_sub(1)]) } else { Ok(()) };
        }
        let mut file = name == "socat";
        for word in words {
            let dash = word.text.starts_with('-');
            if file || dash {
                self.none_in(name, std::slice::from_ref(word))?;
            }
            file |= word.text == "-cmd" || word.text == "-c" || !dash;
        }
        Ok(())
    }

    /// `make NAME:=$(shell …)` runs a program, so a goal may not be a value; operands of options may.
    fn make(&self, name: &str, words: &[Word]) -> Outcome<()> {
        for (at, word) in words.iter().enumerate() {
            let text = word.text.as_str();
            let long = text.starts_with("--") && text.contains('=') && !text.starts_with("--ev");
            let short = text.starts_with('-') && text.chars().nth(1).is_some_and(|c| "CfjlIoW".contains(c));
            let file = |w: &Word| w.text.starts_with('-') && w.text.ends_with(['C', 'f', 'I', 'o', 'W']);
            let operand = at.checked_sub(1).and_then(|b| words.get(b)).is_some_and(file);
            if let Some(slot) = word.slots.first().filter(|_| !(long || short || operand)) {
                return self.refuse(*slot, format!("may set a variable of `{name}`, which expands it"));
            }
        }
        Ok(())
    }

    /// `python -m timeit CODE`.
    fn module(&self, name: &str, words: &[Word]) -> Outcome<()> {
        let Some(at) = words.iter().position(|w| w.text.starts_with("-m") || w.text.ends_with('m')) else {
            return Ok(());
        };
        let (module, rest) = match words[at].text.strip_prefix("-m") {
            Some(attached) if !attached.is_empty() => (attached, &words[at + 1..]),
            _ => (words.get(at + 1).map_or("", |w| w.text.as_str()), words.get(at + 2..).unwrap_or_default()),
        };
        if SCRIPT_MODULES.contains(&module) || module.contains(SLOT) { self.none_in(name, rest) } else { Ok(()) }
    }
}

/// Whether a program that may read its program from somewhere else is among `words`.
pub(super) fn names_interpreter(words: &[Word]) -> bool {
    let base = |w: &Word| w.text.rsplit('/').next().unwrap_or("").to_string();
    words.iter().map(base).any(|n| RULES.iter().any(|r| r.stdin && r.names.contains(&n.as_str())))
}

/// Whether the word before `at` is an option of `env` or `sudo` that takes an operand.
fn behind_option(words: &[Word], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|b| words.get(b));
    before.is_some_and(|w| {
        matches!(w.text.as_str(), "-u" | "-C" | "-g" | "-p" | "-h" | "-U" | "-D" | "-R" | "-T" | "--user" | "--unset")
            || matches!(w.text.as_str(), "--chdir" | "--group" | "--prompt" | "--host")
    })
}
