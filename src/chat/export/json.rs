//! Chats as JSON, nothing left out: what [`crate::chat::import`] reads back is what was written.
//!
//! `{"factotum": "sessions", "version": 1, "sessions": […]}`; a session and a message have the fields of
//! [`Chat`] and [`Message`](crate::chat::archive::Message). Fields are only ever added.

use std::io::Write;

use crate::chat::archive::Chat;
use crate::kernel::error::{Context, Kind, Result};

/// What the file is.
pub const FORMAT: &str = "sessions";
/// The version of the format.
pub const VERSION: u64 = 1;

/// A file being written, one session after the other.
pub struct Writer<W: Write> {
    out: W,
    count: usize,
}

impl<W: Write> Writer<W> {
    /// Begins the file.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn new(mut out: W) -> Result<Writer<W>> {
        write!(out, "{{\"factotum\":\"{FORMAT}\",\"version\":{VERSION},\"sessions\":[").context(Kind::Failed, said)?;
        Ok(Writer { out, count: 0 })
    }

    /// Adds a session.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn add(&mut self, chat: &Chat) -> Result<()> {
        let before = if self.count == 0 { "\n" } else { ",\n" };
        self.count += 1;
        self.out.write_all(before.as_bytes()).context(Kind::Failed, said)?;
        serde_json::to_writer(&mut self.out, chat).context(Kind::Failed, said)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// `Failed` when it cannot be written.
    pub fn finish(mut self) -> Result<W> {
        self.out.write_all(b"\n]}\n").and_then(|()| self.out.flush()).context(Kind::Failed, said)?;
        Ok(self.out)
    }
}

/// All of `chats` as one text.
///
/// # Errors
/// `Failed`, which memory never gives.
pub fn to_bytes(chats: &[Chat]) -> Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new())?;
    chats.iter().try_for_each(|chat| writer.add(chat))?;
    writer.finish()
}

fn said() -> String {
    "cannot write the export".to_string()
}
