//! The line editor of a chat.
//!
//! It knows the prompt and how a line is read; what a line means is [`super::input`]'s.

use std::borrow::Cow;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reedline::{
    Color, ColumnarMenu, EditCommand, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch,
    PromptHistorySearchStatus, PromptViMode, Reedline, ReedlineMenu, Signal, ValidationResult, Validator,
};

use super::complete::{ChatCompleter, Names, Shared};
use super::hint::ChatHinter;
use super::history::Remembered;
use super::input::{Input, goes_on, parse};
use super::keys;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::terminal::safe_line;

const MENU: &str = "completion";
/// What stands between the prompt and the line.
const SIGN: &str = " › ";

/// How the editor behaves.
pub struct Wishes {
    /// The file of remembered lines.
    pub history: PathBuf,
    /// Whether keys are vi's.
    pub vi: bool,
    /// Whether there are colours.
    pub colour: bool,
    /// The person's editor and its arguments, for Ctrl-O.
    pub editor: Vec<String>,
    /// The file that this editor works on.
    pub scratch: PathBuf,
    /// What Tab offers.
    pub candidates: Shared,
    /// Tools that Tab offers.
    pub tools: Names,
}

/// Reads lines at a terminal.
pub struct Editor {
    line: Reedline,
    colour: bool,
    /// Whether what is typed outlives the chat.
    keep: Arc<AtomicBool>,
    /// What is written before the person begins.
    draft: String,
}

impl Editor {
    /// An editor that remembers what was typed.
    pub fn new(wishes: Wishes) -> Result<Editor> {
        let keep = Arc::new(AtomicBool::new(true));
        let history = Remembered::new(wishes.history, Arc::clone(&keep))
            .map_err(|error| Error::new(Kind::Failed, "cannot remember what is typed").because(error))?;
        let mut line = Reedline::create()
            .with_history(Box::new(history))
            .with_history_exclusion_prefix(Some(" ".to_string()))
            .with_edit_mode(keys::mode(wishes.vi, MENU))
            .with_validator(Box::new(Whole))
            .with_completer(Box::new(ChatCompleter { shared: wishes.candidates, tools: wishes.tools }))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(
                ColumnarMenu::default().with_name(MENU).with_marker(SIGN),
            )))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_ansi_colors(wishes.colour)
            .use_bracketed_paste(true);
        if wishes.colour {
            // Without colours a hint would look like what was typed.
            line = line.with_hinter(Box::new(ChatHinter::new(Color::DarkGray)));
        }
        if let Some((program, arguments)) = wishes.editor.split_first() {
            let mut command = Command::new(program);
            command.args(arguments);
            line = line.with_buffer_editor(command, wishes.scratch);
        }
        Ok(Editor { line, colour: wishes.colour, keep, draft: String::new() })
    }

    /// Puts a text on the next line, for the person to go on with.
    pub fn put(&mut self, text: &str) {
        self.draft = keys::visible(text);
    }

    /// Adds a text to what stands on the line.
    pub fn add(&mut self, text: &str) {
        let line = self.line.current_buffer_contents();
        let blank = if line.is_empty() || line.ends_with(char::is_whitespace) { "" } else { " " };
        let text = format!("{blank}{}", keys::visible(text));
        self.line.run_edit_commands(&[EditCommand::MoveToEnd { select: false }, EditCommand::InsertString(text)]);
    }

    /// Reads until there is something to act on. `left` stands before the line, `right` at its end; `keep`: whether the
    /// line is remembered after this chat.
    pub fn read(&mut self, left: &str, right: &str, keep: bool) -> Result<Input> {
        self.keep.store(keep, Ordering::SeqCst);
        let prompt = Sign { left: left.to_string(), right: right.to_string(), colour: self.colour };
        loop {
            if !self.draft.is_empty() {
                let text = std::mem::take(&mut self.draft);
                self.line.run_edit_commands(&[EditCommand::Clear, EditCommand::InsertString(text)]);
            }
            let signal = self.line.read_line(&prompt);
            let signal = signal.map_err(|error| {
                Error::new(Kind::Failed, "the terminal cannot be read")
                    .because(error)
                    .hint("pipe lines in instead: echo 'hello' | fac chat")
            })?;
            match signal {
                Signal::Success(text) => {
                    if let Some(input) = parse(&unescaped(&text)) {
                        return Ok(input);
                    }
                }
                // A key that is a command; what stands on the line stays there.
                Signal::HostCommand(command) => {
                    if let Some(input) = parse(&command) {
                        return Ok(input);
                    }
                }
                Signal::CtrlC => return Ok(Input::Interrupted),
                _ => return Ok(Input::End),
            }
        }
    }
}

/// A backslash before the end of a line only went on.
fn unescaped(text: &str) -> String {
    text.replace("\\\n", "\n")
}

/// Says when Enter sends.
struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if goes_on(line) { ValidationResult::Incomplete } else { ValidationResult::Complete }
    }
}

/// What stands around the line.
struct Sign {
    left: String,
    right: String,
    colour: bool,
}

impl Prompt for Sign {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        safe_line(&self.left)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        safe_line(&self.right)
    }

    fn render_prompt_indicator(&self, mode: PromptEditMode) -> Cow<'_, str> {
        match mode {
            PromptEditMode::Vi(PromptViMode::Normal) => " : ".into(),
            _ => SIGN.into(),
        }
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "… ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = if matches!(search.status, PromptHistorySearchStatus::Failing) { "nothing for " } else { "" };
        format!(" ({failing}{}) ", safe_line(&search.term)).into()
    }

    fn get_prompt_color(&self) -> Color {
        if self.colour { Color::Cyan } else { Color::Default }
    }

    fn get_indicator_color(&self) -> Color {
        self.get_prompt_color()
    }

    fn get_prompt_right_color(&self) -> Color {
        if self.colour { Color::DarkGray } else { Color::Default }
    }
}
