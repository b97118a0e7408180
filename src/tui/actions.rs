//! The actions that do not belong to one tab, and their keys.

use super::keymap::{Action, Entry, Section, entry};

/// Take the form as it is.
pub const SEND: Action = Action("form-send");
/// Leave the program.
pub const QUIT: Action = Action("quit");
/// Open the palette.
pub const PALETTE: Action = Action("palette");
/// Show every key.
pub const HELP: Action = Action("help");
/// The tab to the right.
pub const NEXT_TAB: Action = Action("next-tab");
/// The tab to the left.
pub const PREVIOUS_TAB: Action = Action("previous-tab");
/// The next pane of a tab.
pub const NEXT_PANE: Action = Action("next-pane");
/// The pane before.
pub const PREVIOUS_PANE: Action = Action("previous-pane");
/// Step into the background.
pub const SUSPEND: Action = Action("suspend");
/// Draw everything anew.
pub const REPAINT: Action = Action("repaint");
/// Another theme.
pub const THEME: Action = Action("theme");
/// Talk, while the key is held or until it is pressed again.
pub const TALK: Action = Action("talk");
/// Make the pane at the left or above wider.
pub const WIDER: Action = Action("wider");
/// Make the pane at the left or above narrower.
pub const NARROWER: Action = Action("narrower");
/// Close a pop-up, leave a line that is typed.
pub const BACK: Action = Action("back");

/// What means nothing in a tab of one short list.
pub const OF_PANES: &[Action] = &[NEXT_PANE, PREVIOUS_PANE, WIDER, NARROWER, FIND, FIND_NEXT, FIND_PREVIOUS];
/// The same where nothing can be opened either.
pub const OF_PANES_AND_OPEN: &[Action] =
    &[NEXT_PANE, PREVIOUS_PANE, WIDER, NARROWER, FIND, FIND_NEXT, FIND_PREVIOUS, OPEN];

/// Up by a row.
pub const UP: Action = Action("up");
/// Down by a row.
pub const DOWN: Action = Action("down");
/// Up by a screen.
pub const PAGE_UP: Action = Action("page-up");
/// Down by a screen.
pub const PAGE_DOWN: Action = Action("page-down");
/// Up by half a screen.
pub const HALF_UP: Action = Action("half-up");
/// Down by half a screen.
pub const HALF_DOWN: Action = Action("half-down");
/// To the first row.
pub const FIRST: Action = Action("first");
/// To the last row.
pub const LAST: Action = Action("last");
/// Open what is chosen.
pub const OPEN: Action = Action("open");
/// Find in what is shown.
pub const FIND: Action = Action("find");
/// The next place where it stands.
pub const FIND_NEXT: Action = Action("find-next");
/// The place before.
pub const FIND_PREVIOUS: Action = Action("find-previous");
/// Copy what is chosen.
pub const COPY: Action = Action("copy");

/// Confirm what is typed.
pub const ACCEPT: Action = Action("accept");
/// The next field or choice while typing.
pub const NEXT_CHOICE: Action = Action("next-choice");
/// The field or choice before.
pub const PREVIOUS_CHOICE: Action = Action("previous-choice");

use Section::{Everywhere, Lists, Typing};

/// Their keys.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(PALETTE, Everywhere, &["ctrl-p"], "palette", "Find and do anything"),
    entry(HELP, Everywhere, &["?", "f1"], "help", "Show every key"),
    entry(Action("tab-1"), Everywhere, &["alt-1", "1"], "", "Tab 1"),
    entry(Action("tab-2"), Everywhere, &["alt-2", "2"], "", "Tab 2"),
    entry(Action("tab-3"), Everywhere, &["alt-3", "3"], "", "Tab 3"),
    entry(Action("tab-4"), Everywhere, &["alt-4", "4"], "", "Tab 4"),
    entry(Action("tab-5"), Everywhere, &["alt-5", "5"], "", "Tab 5"),
    entry(Action("tab-6"), Everywhere, &["alt-6", "6"], "", "Tab 6"),
    entry(Action("tab-7"), Everywhere, &["alt-7", "7"], "", "Tab 7"),
    entry(Action("tab-8"), Everywhere, &["alt-8", "8"], "", "Tab 8"),
    entry(Action("tab-9"), Everywhere, &["alt-9", "9"], "", "Tab 9"),
    entry(Action("tab-10"), Everywhere, &["alt-0", "0"], "", "Tab 10"),
    entry(NEXT_TAB, Everywhere, &["ctrl-right", "]"], "", "Next tab"),
    entry(PREVIOUS_TAB, Everywhere, &["ctrl-left", "["], "", "Previous tab"),
    entry(NEXT_PANE, Everywhere, &["tab"], "", "Next pane"),
    entry(PREVIOUS_PANE, Everywhere, &["shift-tab"], "", "Previous pane"),
    entry(WIDER, Everywhere, &[">"], "", "Widen the first pane"),
    entry(NARROWER, Everywhere, &["<"], "", "Narrow the first pane"),
    entry(THEME, Everywhere, &["f9"], "", "Choose a theme"),
    entry(TALK, Everywhere, &["f8"], "talk", "Talk: hold it, or press it again when you have spoken"),
    entry(REPAINT, Everywhere, &["ctrl-l"], "", "Draw the screen anew"),
    entry(SUSPEND, Everywhere, &["ctrl-z"], "", "Step into the background (fg comes back)"),
    entry(QUIT, Everywhere, &["ctrl-q", "q", "ctrl-c"], "quit", "Leave"),
    entry(UP, Lists, &["k", "up"], "", "Up"),
    entry(DOWN, Lists, &["j", "down"], "", "Down"),
    entry(PAGE_UP, Lists, &["pageup", "ctrl-b"], "", "A screen up"),
    entry(PAGE_DOWN, Lists, &["pagedown", "ctrl-f", "space"], "", "A screen down"),
    entry(HALF_UP, Lists, &["ctrl-u"], "", "Half a screen up"),
    entry(HALF_DOWN, Lists, &["ctrl-d"], "", "Half a screen down"),
    entry(FIRST, Lists, &["g", "home"], "", "To the beginning"),
    entry(LAST, Lists, &["G", "end"], "", "To the end"),
    entry(OPEN, Lists, &["enter"], "open", "Open what is chosen"),
    entry(FIND, Lists, &["/"], "find", "Find in what is shown"),
    entry(FIND_NEXT, Lists, &["n"], "", "Next place found"),
    entry(FIND_PREVIOUS, Lists, &["N"], "", "Previous place found"),
    entry(COPY, Lists, &["y"], "copy", "Copy what is chosen"),
    entry(ACCEPT, Typing, &["enter"], "done", "Take what is typed"),
    entry(BACK, Typing, &["esc"], "back", "Leave what is typed"),
    entry(SEND, Section::Form, &["ctrl-s"], "go", "Take the form as it is"),
    entry(NEXT_CHOICE, Typing, &["down", "ctrl-n", "tab"], "", "Next choice"),
    entry(PREVIOUS_CHOICE, Typing, &["up", "shift-tab"], "", "Previous choice"),
    entry(PAGE_UP, Typing, &["pageup"], "", "A screen up"),
    entry(PAGE_DOWN, Typing, &["pagedown"], "", "A screen down"),
];
