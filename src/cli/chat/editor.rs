//! The line editor of a chat: the only home of reedline.
//!
//! It knows keys, history and the prompt; what a line means is [`super::input`]'s.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::process::Command;

use reedline::{
    Color, ColumnarMenu, DefaultHinter, EditCommand, EditMode, Emacs, FileBackedHistory, KeyCode, KeyModifiers,
    Keybindings, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, PromptHistorySearchStatus, PromptViMode,
    Reedline, ReedlineEvent, ReedlineMenu, Signal, ValidationResult, Validator, Vi, default_emacs_keybindings,
    default_vi_insert_keybindings, default_vi_normal_keybindings, default_vi_visual_keybindings,
};

use super::complete::{ChatCompleter, Shared};
use super::input::{Input, goes_on, parse};
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::terminal::safe_line;

/// Lines that are remembered.
const REMEMBERED: usize = 10_000;
const MENU: &str = "completion";

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
}

/// Reads lines at a terminal.
pub struct Editor {
    line: Reedline,
    colour: bool,
    /// What is written before the person begins.
    draft: String,
}

impl Editor {
    /// An editor whose history is private to the person.
    pub fn new(wishes: Wishes) -> Result<Editor> {
        keep_private(&wishes.history)?;
        let history = FileBackedHistory::with_file(REMEMBERED, wishes.history.clone()).map_err(|error| {
            Error::new(Kind::Failed, format!("cannot read the history {}", wishes.history.display())).because(error)
        })?;
        let mode: Box<dyn EditMode> = match wishes.vi {
            true => {
                let mut insert = default_vi_insert_keybindings();
                bind(&mut insert);
                Box::new(Vi::new(insert, default_vi_normal_keybindings(), default_vi_visual_keybindings()))
            }
            false => {
                let mut keys = default_emacs_keybindings();
                bind(&mut keys);
                Box::new(Emacs::new(keys))
            }
        };
        let dim = if wishes.colour { Color::DarkGray.normal() } else { Color::Default.normal() };
        let mut line = Reedline::create()
            .with_history(Box::new(history))
            .with_history_exclusion_prefix(Some(" ".to_string()))
            .with_edit_mode(mode)
            .with_validator(Box::new(Whole))
            .with_completer(Box::new(ChatCompleter(wishes.candidates)))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(ColumnarMenu::default().with_name(MENU))))
            .with_quick_completions(true)
            .with_partial_completions(true)
            .with_hinter(Box::new(DefaultHinter::default().with_style(dim)))
            .with_ansi_colors(wishes.colour)
            .use_bracketed_paste(true);
        if let Some((program, arguments)) = wishes.editor.split_first() {
            let mut command = Command::new(program);
            command.args(arguments);
            line = line.with_buffer_editor(command, wishes.scratch);
        }
        Ok(Editor { line, colour: wishes.colour, draft: String::new() })
    }

    /// Puts a text on the next line, for the person to go on with.
    pub fn put(&mut self, text: &str) {
        self.draft = text.to_string();
    }

    /// Reads until there is something to act on. `left` stands before the line, `right` at its end.
    pub fn read(&mut self, left: &str, right: &str) -> Result<Input> {
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

/// Makes the file where it is not, so that nobody else can read it.
fn keep_private(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).context(Kind::Failed, || format!("cannot make {}", folder.display()))?;
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).context(Kind::Failed, || format!("cannot write {}", file.display()))
}

/// The keys beside the usual ones.
fn bind(keys: &mut Keybindings) {
    let newline = || ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline());
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::Enter, newline());
    // What was typed ahead ends with the terminal's own newline, which is Ctrl-J: it sends, as Enter does.
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('j'), ReedlineEvent::Enter);
    let next = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_string()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, next);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('o'), ReedlineEvent::OpenEditor);
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
            _ => " › ".into(),
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
