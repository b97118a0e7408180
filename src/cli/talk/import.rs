//! `fac sessions import`: chats of other programs, and of an export of ours, taken over one by one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::super::Context;
use super::super::bar::Bar;
use crate::app::carry;
use crate::chat::archive::Chat;
use crate::chat::import;
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::figures::counted;
use crate::kernel::terminal::safe_line;
use crate::store::foreign::LlmLog;

/// How databases of SQLite begin.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// The largest export that is read, MiB; it is held in memory.
const LARGEST: u64 = 256;

/// Takes over what is in `file`, and says how much that was.
pub(super) fn take_in(context: &Context, file: &Path) -> Result<u8> {
    let mut taken = Taken { context, bar: Bar::new(&context.ui, None), chats: 0, messages: 0 };
    let notes = if begins_as_database(file)? { of_database(file, &mut taken)? } else { of_text(file, &mut taken)? };
    taken.bar.end();
    for note in &notes {
        context.ui.note(&safe_line(note));
    }
    let (chats, messages) = (taken.chats, taken.messages);
    if context.ui.json {
        context.ui.value(&json!({"imported": {"sessions": chats, "messages": messages}, "notes": notes}))?;
    } else {
        context.ui.note(&format!("took over {} with {}", number(chats, "chat"), number(messages, "message")));
    }
    Ok(0)
}

fn number(count: u64, word: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), word)
}

/// What was taken over so far.
struct Taken<'a> {
    context: &'a Context,
    bar: Bar,
    chats: u64,
    messages: u64,
}

impl Taken<'_> {
    fn add(&mut self, chat: &Chat) -> Result<()> {
        carry::take_in(self.context.app.store()?, chat)?;
        self.chats += 1;
        self.messages += chat.messages.len() as u64;
        let (chats, messages) = (self.chats, self.messages);
        self.bar.at(chats, || format!("{} with {}", number(chats, "chat"), number(messages, "message")));
        Ok(())
    }
}

fn cannot_read(file: &Path) -> impl Fn() -> String + '_ {
    move || format!("cannot read {}", file.display())
}

fn begins_as_database(file: &Path) -> Result<bool> {
    let mut begin = Vec::new();
    let open = File::open(file).context(Kind::NotFound, cannot_read(file))?;
    open.take(SQLITE.len() as u64).read_to_end(&mut begin).context(Kind::NotFound, cannot_read(file))?;
    Ok(begin == SQLITE)
}

fn of_database(file: &Path, taken: &mut Taken<'_>) -> Result<Vec<String>> {
    let log = LlmLog::open(file)?;
    let mut notes: Vec<String> = Vec::new();
    let mut keep = |(chat, said): (Chat, Vec<String>)| {
        notes.extend(said);
        if chat.messages.is_empty() { Ok(()) } else { taken.add(&chat) }
    };
    log.conversations(&mut |conversation| keep(import::llm(conversation)))?;
    log.threads(&mut |thread| keep(import::llm_thread(thread)))?;
    notes.dedup();
    Ok(notes)
}

fn of_text(file: &Path, taken: &mut Taken<'_>) -> Result<Vec<String>> {
    let bytes = File::open(file).and_then(|open| {
        let mut bytes = Vec::new();
        open.take((LARGEST << 20) + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.context(Kind::NotFound, cannot_read(file))?;
    if bytes.len() as u64 > LARGEST << 20 {
        return Err(Error::new(Kind::BadData, format!("{} is larger than {LARGEST} MiB", file.display()))
            .hint("take it apart into smaller lists of conversations, for example with `jq`"));
    }
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    import::read(&name, &bytes, &mut |chat| taken.add(&chat))
}
