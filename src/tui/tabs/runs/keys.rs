//! What can be done in the runs tab, and the keys for it.

use crate::tui::keymap::{Action, Entry, Section, entry};

/// Run again with the same arguments.
pub const RERUN: Action = Action("runs-rerun");
/// Stop what runs.
pub const STOP: Action = Action("runs-stop");
/// Remove runs.
pub const REMOVE: Action = Action("runs-remove");
/// Mark a run.
pub const MARK: Action = Action("runs-mark");
/// Go to the command.
pub const COMMAND: Action = Action("runs-command");
/// Show only runs of some commands.
pub const FILTER: Action = Action("runs-filter");
/// Show only runs with a status.
pub const STATUS: Action = Action("runs-status");
/// Wrap long lines.
pub const WRAP: Action = Action("runs-wrap");
/// Give the output the whole screen.
pub const ZOOM: Action = Action("runs-zoom");
/// Copy the whole output.
pub const COPY_ALL: Action = Action("runs-copy-all");
/// Go left in lines that are not wrapped.
pub const LEFT: Action = Action("runs-left");
/// Go right in lines that are not wrapped.
pub const RIGHT: Action = Action("runs-right");

use Section::Runs as Here;

/// The tab's keys.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(RERUN, Here, &["r"], "rerun", "Run it again with the same arguments"),
    entry(STOP, Here, &["x"], "stop", "Stop what runs (again: at once)"),
    entry(FILTER, Here, &["f"], "filter", "Show only runs of some commands"),
    entry(STATUS, Here, &["s"], "status", "Show only runs that ended in one way"),
    entry(MARK, Here, &["m"], "", "Mark it, to remove several at once"),
    entry(REMOVE, Here, &["delete", "D"], "remove", "Remove runs and their output for good"),
    entry(COMMAND, Here, &["o"], "command", "Go to its command"),
    entry(ZOOM, Here, &["z"], "zoom", "Give the output the whole screen"),
    entry(WRAP, Here, &["w"], "wrap", "Wrap long lines, or not"),
    entry(COPY_ALL, Here, &["Y"], "", "Copy the whole output"),
    entry(LEFT, Here, &["left"], "", "Go left in long lines"),
    entry(RIGHT, Here, &["right"], "", "Go right in long lines"),
];
