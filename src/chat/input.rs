//! What a line that was typed means, and whether it is whole.

use super::slash::{self, SlashCommand};
use crate::kernel::error::{Error, Kind, Result};

/// Opens and closes a message of several lines where lines cannot be edited.
pub const BLOCK: &str = "\"\"\"";

/// What was read.
#[derive(Debug)]
pub enum Input {
    /// Something to say to the model, exactly as it was written.
    Message(String),
    /// A command, with what stands behind it.
    Command(SlashCommand, String),
    /// A line for the shell.
    Shell(String),
    /// A command that does not exist; the error says which ones come near.
    Unknown(Error),
    /// The line was given up.
    Interrupted,
    /// Nothing more will come.
    End,
}

/// Reads the meaning of what was typed. `None` where it is empty.
///
/// `/word` is a command unless the word holds another `/` (a path); `//…` is a message that begins with one `/`; `!…` is
/// for the shell; a text between `"""` is a message, whatever it begins with.
pub fn parse(typed: &str) -> Option<Input> {
    let text = typed.trim();
    if text.is_empty() {
        return None;
    }
    if let Some(inner) = text.strip_prefix(BLOCK) {
        let inner = inner.strip_suffix(BLOCK).unwrap_or(inner).trim_matches('\n');
        return (!inner.trim().is_empty()).then(|| Input::Message(inner.to_string()));
    }
    if let Some(line) = text.strip_prefix('!') {
        let line = line.trim();
        return (!line.is_empty()).then(|| Input::Shell(line.to_string()));
    }
    let message = || Some(Input::Message(typed.trim_end().to_string()));
    let Some(rest) = text.strip_prefix('/') else { return message() };
    if rest.starts_with('/') {
        return Some(Input::Message(rest.to_string()));
    }
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if word.is_empty() || word.contains('/') {
        return message();
    }
    Some(match slash::find(word) {
        Some(slash) => Input::Command(slash.command, argument.trim().to_string()),
        None => Input::Unknown(unknown(word)),
    })
}

fn unknown(word: &str) -> Error {
    let near: Vec<String> = slash::nearest(word).iter().map(|name| format!("/{name}")).collect();
    let hint = match near.as_slice() {
        [] => "`/help` lists the commands; `//` sends a text that begins with a slash".to_string(),
        near => format!("did you mean {}? `/help` lists the commands", near.join(" or ")),
    };
    Error::new(Kind::Usage, format!("there is no command `/{word}`")).hint(hint)
}

/// Whether Enter begins a new line instead of sending: a backslash ends the last line, or a fence or `"""` is open.
pub fn goes_on(typed: &str) -> bool {
    let backslashes = typed.len() - typed.trim_end_matches('\\').len();
    if backslashes % 2 == 1 {
        return true;
    }
    let text = typed.trim_start();
    if let Some(inner) = text.strip_prefix(BLOCK) {
        return !inner.trim_end().ends_with(BLOCK);
    }
    !text.starts_with(['/', '!']) && open_fence(text)
}

/// Whether a fenced block was opened and not closed.
fn open_fence(text: &str) -> bool {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let line = line.trim();
        let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else { continue };
        let count = line.chars().take_while(|c| *c == mark).count();
        let info = line.get(count..).unwrap_or_default();
        match open {
            None if count >= 3 && !(mark == '`' && info.contains('`')) => open = Some((mark, count)),
            Some((m, n)) if m == mark && count >= n && info.trim().is_empty() => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// The key and value of `/set`; a value may hold `=` and blanks.
pub fn setting(argument: &str) -> Result<(&str, &str)> {
    match argument.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim(), value.trim())),
        _ => Err(Error::new(Kind::Usage, format!("`{argument}` is no setting")).hint("write `/set key=value`")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(typed: &str) -> String {
        match parse(typed) {
            None => "nothing".into(),
            Some(Input::Message(text)) => format!("message {text}"),
            Some(Input::Command(command, argument)) => format!("{command:?} {argument}"),
            Some(Input::Shell(line)) => format!("shell {line}"),
            Some(Input::Unknown(error)) => format!("{error}; {}", error.way_forward().unwrap_or_default()),
            Some(Input::Interrupted | Input::End) => "end".into(),
        }
    }

    #[test]
    fn lines_mean_what_they_begin_with() {
        let cases = [
            ("  \n", "nothing"),
            ("hello\n  you \n", "message hello\n  you"),
            ("    indented code", "message     indented code"),
            ("/model  gpt-x ", "Model gpt-x"),
            ("/SET temperature = 0.2", "Set temperature = 0.2"),
            ("/system a\nb", "System a\nb"),
            ("//etc is a folder", "message /etc is a folder"),
            ("/etc/passwd holds what?", "message /etc/passwd holds what?"),
            ("/ alone", "message / alone"),
            ("! ls -l", "shell ls -l"),
            ("!", "nothing"),
            ("\"\"\"\n/not a command\n\"\"\"", "message /not a command"),
            ("/modle x", "there is no command `/modle`; did you mean /model or /models? `/help` lists the commands"),
            (
                "/zzz",
                "there is no command `/zzz`; `/help` lists the commands; `//` sends a text that begins with a slash",
            ),
        ];
        for (typed, meant) in cases {
            assert_eq!(said(typed), meant, "{typed:?}");
        }
    }

    #[test]
    fn a_message_goes_on_in_fences_blocks_and_behind_a_backslash() {
        for typed in
            ["a\\", "```sh\nls", "x\n~~~\n```\n", "````\n```\n", "\"\"\"\na", "\"\"\"", "!ls \\", "/system a\\"]
        {
            assert!(goes_on(typed), "{typed:?}");
        }
        for typed in [
            "",
            "a",
            "a\\\\",
            "```sh\nls\n```",
            "say ```this``` now",
            "```inline```",
            "\"\"\"a\"\"\"",
            "/system ```",
            "!echo ```",
        ] {
            assert!(!goes_on(typed), "{typed:?}");
        }
    }

    #[test]
    fn settings_have_a_key() {
        assert_eq!(setting("stop = a=b").unwrap(), ("stop", "a=b"));
        assert!(setting("x").is_err() && setting("=x").is_err());
    }

    proptest! {
        #[test]
        fn any_line_has_a_meaning(typed in "(/|!|\"\"\"|```|[a-z]{1,4}|\\\\| |\n|\\PC){0,12}") {
            let _ = (parse(&typed), goes_on(&typed));
        }
    }
}
