//! Pieces of screens that tabs and pop-ups share. They draw what they are given and know nothing of where it came from.

pub mod chart;
pub mod field;
pub mod frame;
pub mod list;
pub mod prose;
pub mod split;
pub mod text;
