//! What can be done in the chat tab, and the keys for it.

use crate::tui::actions;
use crate::tui::keymap::{Action, Entry, Section, entry};

/// Begin another chat.
pub const NEW: Action = Action("chat-new");
/// Stop the answer that comes.
pub const STOP: Action = Action("chat-stop");
/// Choose the model.
pub const MODEL: Action = Action("chat-model");
/// Choose the tools that the model may ask for.
pub const TOOLS: Action = Action("chat-tools");
/// Send a file along.
pub const ATTACH: Action = Action("chat-attach");
/// Leave a file out again.
pub const DETACH: Action = Action("chat-detach");
/// What the model is to be and to do.
pub const SYSTEM: Action = Action("chat-system");
/// How hard the model thinks.
pub const THINK: Action = Action("chat-think");
/// To where a message is written.
pub const WRITE: Action = Action("chat-write");
/// To the list of chats, and find one.
pub const CHATS: Action = Action("chat-find-chat");

/// The version of a message before.
pub const OLDER_VERSION: Action = Action("chat-older-version");
/// The version of a message behind.
pub const NEWER_VERSION: Action = Action("chat-newer-version");
/// The question before.
pub const PREVIOUS_QUESTION: Action = Action("chat-previous-question");
/// The next question.
pub const NEXT_QUESTION: Action = Action("chat-next-question");
/// All questions, to go to one.
pub const QUESTIONS: Action = Action("chat-questions");
/// Put a question otherwise.
pub const EDIT: Action = Action("chat-edit");
/// Put the last question otherwise, in its place.
pub const FIX: Action = Action("chat-fix");
/// Answer again.
pub const RETRY: Action = Action("chat-retry");
/// Answer again, another model.
pub const RETRY_WITH: Action = Action("chat-retry-with");
/// Go on where an answer stopped.
pub const CONTINUE: Action = Action("chat-continue");
/// Copy a block of code.
pub const COPY_CODE: Action = Action("chat-copy-code");
/// Copy where a link leads.
pub const COPY_LINK: Action = Action("chat-copy-link");
/// Begin or end marking rows.
pub const MARK: Action = Action("chat-mark");
/// All branches.
pub const TREE: Action = Action("chat-tree");
/// Open or close all thoughts and tools.
pub const FOLD_ALL: Action = Action("chat-fold-all");
/// What would be sent, and what it takes.
pub const USAGE: Action = Action("chat-usage");

/// What would be sent now.
pub const CONTEXT: Action = Action("chat-context");
/// Write the chat into a file.
pub const SAVE: Action = Action("chat-save");
/// Black out a message, or words of it.
pub const REDACT: Action = Action("chat-redact");
/// Answers as they are written, or drawn.
pub const RAW: Action = Action("chat-raw");
/// Read answers aloud, or not.
pub const ALOUD: Action = Action("chat-aloud");
/// Begin a chat that is not kept.
pub const TEMP: Action = Action("chat-temporary");
/// Run a line in the person's shell.
pub const SHELL: Action = Action("chat-shell");
/// The commands that can be typed.
pub const COMMANDS: Action = Action("chat-commands");

/// Give a chat a name.
pub const RENAME: Action = Action("chat-rename");
/// Give a chat a title.
pub const TITLE: Action = Action("chat-title");
/// Keep a chat at the top, or not.
pub const PIN: Action = Action("chat-pin");
/// Put a chat away, or back.
pub const ARCHIVE: Action = Action("chat-archive");
/// The chats that were put away.
pub const ARCHIVED: Action = Action("chat-archived");
/// Labels.
pub const TAG: Action = Action("chat-tag");
/// Erase a chat.
pub const DELETE: Action = Action("chat-delete");

/// Send what was written.
pub const SEND: Action = Action("chat-send");
/// A new line.
pub const NEWLINE: Action = Action("chat-newline");
/// Write in the person's editor.
pub const EDITOR: Action = Action("chat-editor");

use Section::{Chat, Compose, Sessions, Thread};

/// The tab's keys.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(NEW, Chat, &["ctrl-n"], "new", "Begin another chat"),
    entry(STOP, Chat, &["ctrl-x"], "stop", "Stop the answer; what came is kept"),
    entry(MODEL, Chat, &["ctrl-o", "m"], "model", "Choose the model"),
    entry(TOOLS, Chat, &["ctrl-t"], "tools", "Choose the tools that the model may ask for"),
    entry(ATTACH, Chat, &["ctrl-a"], "attach", "Send a file along"),
    entry(DETACH, Chat, &["alt-a"], "", "Leave a file out again"),
    entry(SYSTEM, Chat, &["alt-s"], "", "Say what the model is to be and to do"),
    entry(THINK, Chat, &["alt-t"], "", "Choose how hard the model thinks"),
    entry(WRITE, Chat, &["i"], "write", "Write a message"),
    entry(CHATS, Chat, &["ctrl-g"], "", "Find a chat by its name"),
    entry(USAGE, Chat, &["u"], "", "Show what this chat took"),
    entry(CONTEXT, Chat, &["U"], "", "Show what would be sent now, and its tokens"),
    entry(SAVE, Chat, &["S"], "", "Write this chat into a file"),
    entry(RAW, Chat, &["w"], "", "Show answers as they are written, or drawn"),
    entry(ALOUD, Chat, &["alt-v"], "", "Read answers aloud, or not"),
    entry(TEMP, Chat, &["alt-n"], "", "Begin a chat that is forgotten when it ends"),
    entry(SHELL, Chat, &["!"], "", "Run a line in your shell"),
    entry(COMMANDS, Chat, &["f2"], "", "Show the commands that can be typed behind /"),
    entry(PREVIOUS_QUESTION, Thread, &["{"], "", "To the question before"),
    entry(NEXT_QUESTION, Thread, &["}"], "", "To the next question"),
    entry(QUESTIONS, Thread, &["O"], "", "Go to one of the questions"),
    entry(OLDER_VERSION, Thread, &["left", "h"], "", "Show the version of this message before"),
    entry(NEWER_VERSION, Thread, &["right", "l"], "", "Show the version of this message behind"),
    entry(EDIT, Thread, &["e"], "edit", "Put this question otherwise, beside the old one"),
    entry(FIX, Thread, &["E"], "", "Put the last question otherwise, in its place"),
    entry(RETRY, Thread, &["r"], "retry", "Ask for this answer again, beside the old one"),
    entry(RETRY_WITH, Thread, &["R"], "", "Ask another model for this answer"),
    entry(CONTINUE, Thread, &["c"], "continue", "Let the last answer go on where it stopped"),
    entry(COPY_CODE, Thread, &["b"], "code", "Copy a block of code of this message"),
    entry(COPY_LINK, Thread, &["o"], "", "Copy where a link of this message leads"),
    entry(REDACT, Thread, &["B"], "", "Black out this message, or words of it"),
    entry(MARK, Thread, &["v"], "", "Begin or end to mark rows"),
    entry(TREE, Thread, &["t"], "tree", "Show all branches of this chat"),
    entry(FOLD_ALL, Thread, &["z"], "", "Open or close all thoughts and tools"),
    entry(RENAME, Sessions, &["r"], "rename", "Give this chat a name"),
    entry(TITLE, Sessions, &["T"], "", "Title this chat; the model finds one for no words"),
    entry(PIN, Sessions, &["p"], "pin", "Keep this chat at the top, or not"),
    entry(ARCHIVE, Sessions, &["a"], "archive", "Put this chat away, or back"),
    entry(ARCHIVED, Sessions, &["A"], "", "Show the chats that were put away, or the others"),
    entry(TAG, Sessions, &["t"], "tag", "Change the labels of this chat"),
    entry(DELETE, Sessions, &["d", "delete"], "delete", "Erase this chat"),
    entry(SEND, Compose, &["enter"], "send", "Send the message"),
    entry(NEWLINE, Compose, &["alt-enter", "ctrl-j", "shift-enter"], "new line", "Begin a new line"),
    entry(EDITOR, Compose, &["ctrl-e"], "editor", "Write the message in your editor"),
    entry(actions::PAGE_UP, Compose, &["pageup"], "", "Scroll the conversation up"),
    entry(actions::PAGE_DOWN, Compose, &["pagedown"], "", "Scroll the conversation down"),
];
