//! `fac help [NAME …]`: the help of a subcommand or of a command, and the words for a name that is neither.

use std::ffi::OsString;

use super::{Context, RESERVED, args, run};
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::near::nearest;
use crate::kernel::terminal::safe_line;

/// Prints the help of what the words name; of the whole program without any.
pub(super) fn run(context: &mut Context, words: &[OsString]) -> Result<u8> {
    let words: Vec<String> = run::text_words(words.to_vec())?.into_iter().filter(|w| !w.starts_with('-')).collect();
    let mut root = args::tree();
    root.build();
    let mut command = &root;
    for (at, word) in words.iter().enumerate() {
        match command.find_subcommand(word) {
            Some(sub) => command = sub,
            None if at == 0 => return of_command(context, words),
            None => return Err(unknown(Kind::NotFound, command, &words[..at], word)),
        }
    }
    let text = command.clone().render_help();
    let text = if context.ui.colour() { text.ansi().to_string() } else { text.to_string() };
    context.ui.write(text.as_bytes())?;
    Ok(0)
}

/// Whether the words ask for help that is built in: of the program or of a subcommand.
pub(super) fn is_of_subcommand(words: &[OsString]) -> bool {
    let mut words = words.iter().map(|w| w.to_string_lossy());
    words.next().is_some_and(|w| w == "help")
        && words.next().is_none_or(|w| args::tree().find_subcommand(&*w).is_some())
}

fn of_command(context: &mut Context, words: Vec<String>) -> Result<u8> {
    if words.first().is_some_and(|w| RESERVED.contains(&w.as_str())) {
        return run::external(context, words.into_iter().map(OsString::from).collect());
    }
    run::start(context, run::Asked { words, help: true, ..run::Asked::default() })
}

/// The error about a word that is no subcommand of `command`, which stands at `path`.
pub(super) fn unknown(kind: Kind, command: &clap::Command, path: &[String], word: &str) -> Error {
    let parent = format!("fac {}", path.join(" "));
    let names = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .flat_map(clap::Command::get_name_and_visible_aliases);
    let hint = match nearest(word, names) {
        Some(near) => format!("did you mean `{parent} {near}`?"),
        None => format!("`{parent} --help` lists what there is"),
    };
    Error::new(kind, format!("`{parent}` has no subcommand `{}`", safe_line(word))).hint(hint)
}

/// The error about an unknown name with the nearest subcommand beside the nearest command.
pub(super) fn or_subcommand(error: Error, word: &str) -> Error {
    let root = args::tree();
    let names = root.get_subcommands().filter(|s| !s.is_hide_set()).map(clap::Command::get_name);
    let Some(near) = nearest(word, names) else { return error };
    let old = error.way_forward().unwrap_or_default();
    let hint = match old.strip_prefix("did you mean ") {
        Some(rest) => format!("did you mean the subcommand `{near}` or the command {rest}"),
        None => format!("did you mean the subcommand `{near}`? {old}"),
    };
    let hint = hint.trim().to_string();
    error.hint(hint)
}
