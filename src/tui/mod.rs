//! The full-screen terminal: events go into an update, effects come out, a frame is drawn.
//!
//! Drawing borrows and changes nothing. Slow work runs in jobs; nothing here waits for longer than a frame.

pub mod actions;
mod crash;
pub mod extras;
pub mod happening;
mod input;
pub mod jobs;
pub mod keymap;
mod linear;
pub mod permission;
pub mod pictures;
pub mod popups;
mod screen;
mod session;
pub mod shell;
#[cfg(test)]
mod stage;
pub mod tabs;
pub mod theme;
pub mod widgets;

pub use session::{CHAT_DOOR, Start, run};
