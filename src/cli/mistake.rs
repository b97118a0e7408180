//! What is said to words that are not understood: what clap found, in our shape and voice.

use std::ffi::OsString;

use clap::ColorChoice;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::ui::Ui;
use super::{Globals, args, complete, help, wishes};
use crate::kernel::env::Env;
use crate::kernel::error::{Error, Kind};
use crate::kernel::near::nearest;

/// `--color` as it stands among the words, for what is said before they are understood.
pub(super) fn colour_choice(words: &[OsString]) -> ColorChoice {
    let mut asked = ColorChoice::Auto;
    let mut words = words.iter().map(|w| w.to_string_lossy()).take_while(|w| w != "--").peekable();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.peek().map(|w| w.to_string()),
            Some(rest) => rest.strip_prefix('=').map(String::from),
            None => None,
        };
        match value.as_deref() {
            Some("always") => asked = ColorChoice::Always,
            Some("never") => asked = ColorChoice::Never,
            _ => {}
        }
    }
    asked
}

/// Whether `--json` stands among the words.
pub(super) fn wants_json(words: &[OsString]) -> bool {
    words.iter().take_while(|w| *w != "--").any(|w| w == "--json")
}

/// `fac mqtt help sub` as `fac help mqtt sub`, where `help` is what was not understood.
pub(super) fn asks_for_help(words: &[OsString], error: &clap::Error) -> Option<Vec<OsString>> {
    if wrong_word(error)? != "help" {
        return None;
    }
    let help = words.iter().position(|word| word == "help")?;
    let tree = args::tree();
    let first = words[..help].iter().position(|word| tree.find_subcommand(word).is_some())?;
    let mut turned = words.to_vec();
    turned[first..=help].rotate_right(1);
    Some(turned)
}

/// Clap's own answers: help and version go to stdout, mistakes to stderr (or stdout as JSON) with their exit code.
pub(super) fn refuse(words: &[OsString], mut error: clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe is not worth a word.
        let _ = error.print();
        return 0;
    }
    error = with_help(words, error);
    without_far_tip(&mut error);
    match unknown_subcommand(words, &error) {
        Some(error) => ui(words).failure(&error),
        None if wants_json(words) => ui(words).failure(&usage_error(&error)),
        None => {
            let _ = error.print();
        }
    }
    Kind::Usage.exit_code()
}

/// A printer by what stands among the words.
fn ui(words: &[OsString]) -> Ui {
    let color = match colour_choice(words) {
        ColorChoice::Always => Some("always".to_string()),
        ColorChoice::Never => Some("never".to_string()),
        ColorChoice::Auto => None,
    };
    let global = Globals { json: wants_json(words), color, ..Globals::default() };
    Ui::new(&wishes(&global, &Env::from_process()))
}

/// The word that stands where a subcommand is expected.
fn wrong_word(error: &clap::Error) -> Option<&str> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => Some(word),
        _ => None,
    }
}

/// The words behind the program's name, up to `--`.
fn typed(words: &[OsString]) -> Vec<String> {
    let words = words.iter().skip(1).take_while(|word| *word != "--");
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The same words as an unknown subcommand of the whole program gets, and `fac help`.
fn unknown_subcommand(words: &[OsString], error: &clap::Error) -> Option<Error> {
    let wrong = wrong_word(error)?;
    let typed = typed(words);
    let tree = args::tree_of(&typed);
    let (command, rest, path) = complete::descend(&tree, &typed);
    let found = rest.first().is_some_and(|word| word == wrong);
    found.then(|| help::unknown(Kind::Usage, command, &path, wrong))
}

/// Where nothing but flags stands behind a group of subcommands, its help, as where nothing at all does.
fn with_help(words: &[OsString], error: clap::Error) -> clap::Error {
    if error.kind() != ErrorKind::MissingSubcommand {
        return error;
    }
    let typed = typed(words);
    let tree = args::tree_of(&typed);
    let (_, _, path) = complete::descend(&tree, &typed);
    let alone = ["fac".to_string()].into_iter().chain(path);
    args::tree().color(colour_choice(words)).try_get_matches_from(alone).err().unwrap_or(error)
}

/// Takes the tip of a flag away that nobody meant.
fn without_far_tip(error: &mut clap::Error) {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.trim_start_matches('-').to_string()),
        _ => None,
    };
    let (Some(typed), Some(tip)) = (text(ContextKind::InvalidArg), text(ContextKind::SuggestedArg)) else { return };
    let typed = typed.split('=').next().unwrap_or_default();
    if nearest(typed, [tip.as_str()]).is_none() {
        error.remove(ContextKind::SuggestedArg);
    }
}

/// A mistake that clap found, in our shape.
fn usage_error(error: &clap::Error) -> Error {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Error::new(Kind::Usage, "a subcommand or an argument is missing").hint("run it with --help");
    }
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let message = paragraphs.next().unwrap_or("").trim_start_matches("error: ").split_whitespace();
    let message: Vec<&str> = message.collect();
    let tips: Vec<&str> = text.lines().filter_map(|l| l.trim().strip_prefix("tip: ")).collect();
    let hint = if tips.is_empty() { "run it with --help".to_string() } else { tips.join("; ") };
    Error::new(Kind::Usage, message.join(" ")).hint(hint)
}
