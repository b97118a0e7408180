//! Which program runs a script in which language, and how it is given the script.
//!
//! A table of values that settings may change. It knows nothing about steps or dialects. Scripts and arguments are
//! handed over as they are, each as one argument or one file: nothing is spliced into anything.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::kernel::error::{Context, Error, Kind, Result};

use super::{MAX_STRING, find_program, unix};

/// The word of a template that stands for the script's text, as one argument.
pub const SCRIPT: &str = "{script}";
/// The word of a template that stands for the path of a file with the script.
pub const FILE: &str = "{file}";
/// The word of a template that stands for the name a script sees as `$0`.
pub const NAME: &str = "{name}";

/// One way to run a script: the words of a command line, to which the script's arguments are added.
///
/// The first word is the program. [`SCRIPT`], [`FILE`] and [`NAME`] are filled in where they are whole words. A script
/// too long for an argument goes into a file instead: of the words around `{script}` the one before it (`-c`) and all
/// behind it are then left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The template, e.g. `sh -c {script} {name}` or `pwsh -NoProfile -File {file}`.
    pub words: Vec<String>,
    /// What the name of a script's file ends in, without the dot.
    pub extension: String,
    /// How to get it, e.g. `apt install fish`; empty when nobody said.
    pub install_hint: String,
}

impl Interpreter {
    /// An interpreter as a person writes it. Words without `{script}` and `{file}` get `{file}` behind them.
    ///
    /// Errors with [`Kind::BadData`] when there is no program, or when both are there.
    pub fn from_words(words: Vec<String>, extension: &str) -> Result<Self> {
        let count = |mark: &str| words.iter().filter(|w| *w == mark).count();
        let (scripts, files) = (count(SCRIPT), count(FILE));
        let has_program = words.first().is_some_and(|w| !w.is_empty() && ![SCRIPT, FILE, NAME].contains(&w.as_str()));
        if !has_program || scripts + files > 1 {
            return Err(Error::new(
                Kind::BadData,
                format!("{:?} is no command line of an interpreter", words.join(" ")),
            )
            .hint("write the program first, and {script} or {file} once, as in: bash -c {script} {name}"));
        }
        let mut words = words;
        if scripts + files == 0 {
            words.push(FILE.to_owned());
        }
        Ok(Interpreter { words, extension: extension.to_owned(), install_hint: String::new() })
    }

    /// The program's name or path.
    pub fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// A script ready to be run: what goes into a [`Job`](super::Job). Keep it until the job is over, since the script's
/// file goes with it.
#[derive(Debug)]
pub struct Prepared {
    /// The program, with its path.
    pub program: PathBuf,
    /// Its arguments, the script's own among them.
    pub args: Vec<OsString>,
    /// The private folder of the script's file, where there is one.
    pub folder: Option<TempDir>,
}

/// The table from languages to interpreters, in the order they are tried. Clones share it.
#[derive(Clone, Debug)]
pub struct Interpreters {
    table: Arc<BTreeMap<String, Vec<Interpreter>>>,
}

/// The languages that are known from the start: names, extension, how to install, and the ways in order.
///
/// `--` stands where a program would take a script's arguments for its own options (node, ruby, php, fish). PowerShell
/// joins the words behind `-Command` to the script's text, so it gets a file; so do languages that have no such option
/// or read data behind their text.
const KNOWN: &[(&[&str], &str, &str, &[&str])] = &[
    (&["sh", "shell"], "sh", "apt install dash", &["sh -c {script} {name}"]),
    (&["bash"], "sh", "apt install bash", &["bash -c {script} {name}"]),
    (&["zsh"], "zsh", "apt install zsh", &["zsh -c {script} {name}"]),
    (&["dash"], "sh", "apt install dash", &["dash -c {script} {name}"]),
    (&["ksh"], "sh", "apt install ksh", &["ksh -c {script} {name}"]),
    (&["fish"], "fish", "apt install fish", &["fish -c {script} --"]),
    (
        &["pwsh", "powershell", "ps1"],
        "ps1",
        "see https://aka.ms/install-powershell",
        &["pwsh -NoProfile -File {file}", "powershell -NoProfile -File {file}"],
    ),
    (&["python", "python3", "py"], "py", "apt install python3", &["python3 -c {script}", "python -c {script}"]),
    (&["node", "nodejs", "js", "javascript"], "js", "apt install nodejs", &["node -e {script} --"]),
    (&["ruby", "rb"], "rb", "apt install ruby", &["ruby -e {script} --"]),
    (&["php"], "php", "apt install php-cli", &["php -r {script} --"]),
    (&["perl", "pl"], "pl", "apt install perl", &["perl {file}"]),
    (&["deno"], "ts", "see https://docs.deno.com/runtime/getting_started/installation", &["deno run -A {file}"]),
    (&["bun"], "ts", "see https://bun.sh", &["bun run {file}"]),
    (
        &["ts", "typescript"],
        "ts",
        "see https://docs.deno.com/runtime/getting_started/installation",
        &["deno run -A {file}", "bun run {file}", "ts-node {file}", "tsx {file}"],
    ),
    (&["plain-lua"], "lua", "apt install lua5.4", &["lua {file}", "luajit {file}", "lua5.4 {file}"]),
    (&["r", "rscript"], "R", "apt install r-base-core", &["Rscript {file}"]),
    (&["cmd", "bat", "batch"], "bat", "only Windows has it", &["cmd /d /c {file}"]),
];

impl Default for Interpreters {
    /// The languages known from the start. `lua` is not among them, since it means a plugin; `plain-lua` is the program.
    fn default() -> Self {
        let mut table = BTreeMap::new();
        for (names, extension, install_hint, ways) in KNOWN {
            let ways: Vec<Interpreter> = ways
                .iter()
                .map(|way| Interpreter {
                    words: way.split(' ').map(str::to_owned).collect(),
                    extension: (*extension).to_owned(),
                    install_hint: (*install_hint).to_owned(),
                })
                .collect();
            table.extend(names.iter().map(|name| ((*name).to_owned(), ways.clone())));
        }
        Interpreters { table: Arc::new(table) }
    }
}

impl Interpreters {
    /// The ways to run `language`, best first; none when it is not known. Case does not matter.
    pub fn get(&self, language: &str) -> &[Interpreter] {
        self.table.get(&language.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Says how `language` is run from now on. The old extension and hint stay where the new ones are empty.
    pub fn set(&mut self, language: &str, mut interpreter: Interpreter) {
        let language = language.to_ascii_lowercase();
        if let Some(old) = self.table.get(&language).and_then(|ways| ways.first()) {
            for (new, old) in
                [(&mut interpreter.extension, &old.extension), (&mut interpreter.install_hint, &old.install_hint)]
            {
                if new.is_empty() {
                    new.clone_from(old);
                }
            }
        }
        Arc::make_mut(&mut self.table).insert(language, vec![interpreter]);
    }

    /// The known languages, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    /// The usual name of each language, those from the settings last.
    pub(super) fn usual_names(&self) -> impl Iterator<Item = &str> {
        let known = |name: &str| KNOWN.iter().any(|(names, ..)| names.contains(&name));
        KNOWN.iter().map(|(names, ..)| names[0]).chain(self.languages().filter(move |name| !known(name)))
    }

    /// Makes `script` ready to be run with `args`. Its first line chooses the program when it begins with `#!`; else the
    /// first interpreter of `language` that is on `path_var` does. `name` is what shells see as `$0`.
    ///
    /// Errors: [`Kind::Usage`] for a language nobody knows, [`Kind::Missing`] for a program that is not installed,
    /// [`Kind::Failed`] when the script's file cannot be written.
    pub fn prepare(
        &self,
        language: &str,
        script: &str,
        name: &str,
        args: &[OsString],
        path_var: impl AsRef<OsStr>,
    ) -> Result<Prepared> {
        let path_var = path_var.as_ref();
        if let Some(line) = Shebang::of(script) {
            let extension = self.get(language).first().map_or("", |i| &i.extension);
            return line.prepare(script, extension, args, path_var);
        }
        let (way, program) = self.way(language, path_var)?;
        // PHP takes no opening tag on its command line, and a file without one is text.
        let needs_file = way.extension == "php" && script.trim_start().starts_with("<?");
        // Shells and node would take a text that begins so for one of their options.
        let needs_file = needs_file || script.starts_with(['-', '+']) || script.len() > MAX_STRING;
        way.fill(program, script, name, args, needs_file)
    }

    /// The program that [`prepare`](Self::prepare) would choose; where a first line asks `env` for one, the one it
    /// finds. Nothing is written.
    ///
    /// Errors as there.
    pub fn program(&self, language: &str, script: &str, path_var: impl AsRef<OsStr>) -> Result<PathBuf> {
        let path_var = path_var.as_ref();
        let Some(name) = asked_by_first_line(script) else {
            return self.way(language, path_var).map(|(_, program)| program);
        };
        find_program(name, path_var).ok_or_else(|| missing(name, ""))
    }

    /// The first way to run `language` whose program is there.
    pub(super) fn way(&self, language: &str, path_var: &OsStr) -> Result<(&Interpreter, PathBuf)> {
        let ways = self.get(language);
        let Some(first) = ways.first() else {
            return Err(Error::new(Kind::Usage, format!("no interpreter is known for {language:?}"))
                .hint("name one in the settings, or begin the script with a #! line"));
        };
        let found = ways.iter().find_map(|way| find_program(way.program(), path_var).map(|path| (way, path)));
        found.ok_or_else(|| missing(first.program(), &first.install_hint))
    }
}

impl Interpreter {
    /// The words behind the program where the script stands in a file.
    fn words_for_file(&self) -> Vec<&str> {
        let mut words: Vec<&str> = self.words.iter().skip(1).map(String::as_str).collect();
        if let Some(at) = words.iter().position(|w| *w == SCRIPT) {
            words.truncate(at.saturating_sub(1));
            words.push(FILE);
        }
        words
    }

    /// The arguments by which it runs a script that stands in `file` already, without the script's own.
    pub(super) fn on_file(&self, file: &str) -> Vec<OsString> {
        let fill = |word: &str| if word == FILE { file.into() } else { OsString::from(word) };
        self.words_for_file().into_iter().map(fill).collect()
    }

    fn fill(
        &self,
        program: PathBuf,
        script: &str,
        name: &str,
        args: &[OsString],
        needs_file: bool,
    ) -> Result<Prepared> {
        let words: Vec<&str> = match needs_file {
            true => self.words_for_file(),
            false => self.words.iter().skip(1).map(String::as_str).collect(),
        };
        let mut prepared = Prepared { program, args: Vec::new(), folder: None };
        for word in words {
            prepared.args.push(match word {
                SCRIPT => script.into(),
                NAME => name.into(),
                FILE => {
                    let (folder, path) = write_script(script, &self.extension)?;
                    prepared.folder = Some(folder);
                    path.into()
                }
                word => word.into(),
            });
        }
        prepared.args.extend_from_slice(args);
        Ok(prepared)
    }
}

fn missing(program: &str, install_hint: &str) -> Error {
    let error = Error::new(Kind::Missing, format!("{program} is not installed"));
    if install_hint.is_empty() { error.hint("install it, or add its folder to PATH") } else { error.hint(install_hint) }
}

/// The program that a script's first line asks for, where it begins with `#!`.
pub(super) fn asked_by_first_line(script: &str) -> Option<&str> {
    let line = Shebang::of(script)?;
    Some(line.asked_of_env().unwrap_or(line.program))
}

/// The first line of a script, read as the kernel reads it: a program, and all that follows as one argument.
#[derive(Debug, PartialEq)]
struct Shebang<'a> {
    program: &'a str,
    argument: Option<&'a str>,
}

impl<'a> Shebang<'a> {
    fn of(script: &'a str) -> Option<Self> {
        let line = script.strip_prefix("#!")?.lines().next()?.trim();
        let (program, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let argument = Some(rest.trim()).filter(|a| !a.is_empty());
        (!program.is_empty()).then_some(Shebang { program, argument })
    }

    /// The file is handed to the program rather than executed, which also works where temporary files may not be.
    fn prepare(&self, script: &str, extension: &str, args: &[OsString], path_var: &OsStr) -> Result<Prepared> {
        let program = find_program(self.program, path_var).ok_or_else(|| missing(self.program, ""))?;
        if let Some(asked) = self.asked_of_env()
            && find_program(asked, path_var).is_none()
        {
            return Err(missing(asked, ""));
        }
        let (folder, path) = write_script(script, extension)?;
        let mut words: Vec<OsString> = self.argument.map(OsString::from).into_iter().collect();
        words.push(path.into());
        words.extend_from_slice(args);
        Ok(Prepared { program, args: words, folder: Some(folder) })
    }

    /// The program that `/usr/bin/env` is asked for.
    fn asked_of_env(&self) -> Option<&'a str> {
        let is_env = Path::new(self.program).file_name() == Some(OsStr::new("env"));
        let mut words = self.argument.filter(|_| is_env)?.split_whitespace();
        words.find(|w| !w.starts_with('-') && !w.contains('='))
    }
}

/// Writes a script to a file of its own, in a folder that only the user may enter.
fn write_script(script: &str, extension: &str) -> Result<(TempDir, PathBuf)> {
    let write = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("fac-");
        let folder = unix::private_folder(&mut builder)?;
        let path = folder.path().join(Path::new("script").with_extension(extension));
        let mut options = std::fs::File::options();
        options.write(true).create_new(true);
        unix::private(&mut options, 0o700);
        options.open(&path)?.write_all(script.as_bytes())?;
        Ok::<_, std::io::Error>((folder, path))
    };
    write().context(Kind::Failed, || "cannot write the script to a temporary file".to_owned())
}

#[cfg(test)]
#[path = "tests/interpreters.rs"]
mod tests;
