//! An answer while it comes: only what is new is drawn again, however long it has become.
//!
//! What stands before the last place at which Markdown surely begins anew is drawn once. Inside of a long block of code
//! every hundred lines are such a place. When the answer is whole it is drawn as a whole, so nothing here has to be
//! right for ever.

use super::messages::{Drawn, Look, plain, thoughts};
use crate::kernel::ids::Id;
use crate::kernel::terminal::{safe_line, truncate_to_width};
use crate::tui::theme::Role;
use crate::tui::widgets::prose;
use crate::tui::widgets::text::wrapped_words;

/// Lines of an open block of code that are drawn together.
const CHUNK: usize = 100;

/// Bytes that are drawn together where an answer is shown as it is written.
const RAW: usize = 2_000;

/// Characters of thoughts that are looked at for the last lines.
const THOUGHTS: usize = 4_000;

/// Lines of thoughts that are shown while they come.
const THOUGHT_LINES: usize = 6;

/// A tool that works, or did.
#[derive(Clone, Debug, PartialEq)]
pub struct Working {
    /// What it is.
    pub origin: String,
    /// What runs.
    pub preview: String,
    /// What it said, and whether it failed.
    pub ended: Option<(String, bool)>,
}

/// The answer that comes.
#[derive(Debug, Default)]
pub struct Live {
    /// Its row in the store.
    pub answer: Option<Id>,
    text: String,
    thoughts: String,
    /// Tools at work.
    pub tools: Vec<Working>,
    /// What was said beside it.
    pub notes: Vec<String>,
    rows: Vec<Drawn>,
    /// Rows that stay.
    fixed: usize,
    /// Bytes of the text that these are.
    settled: usize,
    /// The line that opened the block of code that goes on there.
    fence: Option<String>,
    width: u16,
    begun: bool,
}

impl Live {
    /// Another answer begins.
    pub fn begin(&mut self, answer: Id) {
        *self = Live { answer: Some(answer), ..Live::default() };
    }

    /// Everything is drawn anew the next time.
    pub fn forget(&mut self) {
        (self.begun, self.settled, self.fence) = (false, 0, None);
    }

    /// Words came.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Thoughts came.
    pub fn thought(&mut self, text: &str) {
        self.thoughts.push_str(text);
    }

    /// Something was tried again or elsewhere: what came of that attempt is no part of the answer.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
        self.text.clear();
        self.thoughts.clear();
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.thoughts.is_empty() && self.tools.is_empty()
    }

    /// All that came.
    pub fn words(&self) -> &str {
        &self.text
    }

    /// The rows as they are.
    pub fn rows(&self) -> &[Drawn] {
        &self.rows
    }

    /// Draws what is new; `head` stands before it.
    pub fn draw(&mut self, head: impl FnOnce() -> Option<Drawn>, waiting: &str, look: &Look<'_>) {
        if self.width != look.width || self.text.is_empty() || !self.begun {
            (self.settled, self.fence, self.width) = (0, None, look.width);
            self.rows = head().into_iter().collect();
            if !self.thoughts.is_empty() {
                let lines = self.thoughts.trim().lines().count();
                let said = format!("┊ thoughts · {lines} {}", if lines == 1 { "line" } else { "lines" });
                self.rows.push(Drawn::of(look.span(Role::Dim, said)));
            }
            (self.fixed, self.begun) = (self.rows.len(), true);
        }
        self.rows.truncate(self.fixed);
        while let Some(end) = self.next_place(look) {
            let piece = self.drawn(end, look);
            self.rows.extend(piece);
            self.fixed = self.rows.len();
        }
        if self.text.is_empty() && !self.thoughts.is_empty() {
            self.rows.extend(last_thoughts(&self.thoughts, look));
        }
        let rest = self.open_piece(look);
        self.rows.extend(rest);
        for tool in &self.tools {
            self.rows.push(working(tool, look));
        }
        for note in &self.notes {
            self.rows.extend(plain(wrapped_words(&format!("• {note}"), look.width, look.theme.style(Role::Warn))));
        }
        self.rows.push(Drawn::of(look.span(Role::Accent, waiting)));
        self.rows.push(Drawn::default());
    }

    /// The end of the next piece that can be drawn for good.
    fn next_place(&self, look: &Look<'_>) -> Option<usize> {
        let rest = &self.text[self.settled..];
        if look.raw {
            return rest.rfind('\n').filter(|at| *at > RAW).map(|at| self.settled + at + 1);
        }
        match &self.fence {
            Some(fence) => {
                let end = rest.match_indices('\n').nth(CHUNK - 1).map(|(at, _)| at + 1)?;
                // A block that is closed is no block any more.
                (!rest[..end].lines().any(|line| closes(line, fence))).then_some(self.settled + end)
            }
            None => safe_place(rest).map(|at| self.settled + at).or_else(|| long_block(rest).map(|_| self.settled)),
        }
    }

    /// Draws the text up to `end` for good.
    fn drawn(&mut self, end: usize, look: &Look<'_>) -> Vec<Drawn> {
        let piece = &self.text[self.settled..end];
        if look.raw {
            let rows = look.answer(piece);
            self.settled = end;
            return plain(rows).collect();
        }
        let mut rows = match &self.fence {
            Some(fence) => {
                let mut rows = prose::rows(&format!("{fence}\n{piece}"), look.width, look.theme);
                rows.pop();
                if !rows.is_empty() {
                    rows.remove(0);
                }
                rows
            }
            None => prose::rows(piece, look.width, look.theme),
        };
        if self.fence.is_none() && !rows.is_empty() {
            rows.push(crate::tui::widgets::text::Row::default());
        }
        self.settled = end;
        if let Some(fence) = self.fence.is_none().then(|| long_block(&self.text[end..])).flatten().map(String::from) {
            self.settled = end + fence.len() + 1;
            rows.extend(prose::rows(&format!("{fence}\n"), look.width, look.theme).into_iter().next());
            self.fence = Some(fence);
        }
        plain(rows).collect()
    }

    /// What is not settled.
    fn open_piece(&self, look: &Look<'_>) -> Vec<Drawn> {
        let rest = &self.text[self.settled..];
        let rows = match &self.fence {
            Some(fence) => {
                let mut rows = prose::rows(&format!("{fence}\n{rest}"), look.width, look.theme);
                if !rows.is_empty() {
                    rows.remove(0);
                }
                rows
            }
            None => look.answer(rest),
        };
        plain(rows).collect()
    }
}

/// Whether a line opens a block of code at the margin.
fn opens(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

/// Whether a line closes the block that `fence` opened.
fn closes(line: &str, fence: &str) -> bool {
    let mark = fence.chars().next().unwrap_or('`');
    let long = fence.chars().take_while(|c| *c == mark).count();
    let line = line.trim();
    line.chars().all(|c| c == mark) && line.chars().count() >= long && !line.is_empty()
}

/// The last place in `text`, which begins outside of everything, where surely nothing goes on: a line at the margin that
/// is no item, behind a blank one and outside of a block of code.
fn safe_place(text: &str) -> Option<usize> {
    let (mut at, mut found, mut blank) = (0, None, false);
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let whole = line.ends_with('\n');
        let begins_anew = line.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '#' | '`' | '~'));
        if fence.is_none() && blank && at > 0 && begins_anew && (whole || !line.starts_with(['`', '~'])) {
            found = Some(at);
        }
        match fence {
            Some(open) if closes(line, open) => fence = None,
            None if opens(line.trim_start()) => fence = Some(line.trim()),
            _ => {}
        }
        blank = fence.is_none() && line.trim().is_empty();
        at += line.len();
    }
    found
}

/// The first line of `text`, where it opens a block of code at the margin that has become long and goes on.
fn long_block(text: &str) -> Option<&str> {
    let first = text.lines().next().filter(|line| opens(line))?;
    let mut lines = text.split_inclusive('\n').skip(1).filter(|line| line.ends_with('\n'));
    let chunk: Vec<&str> = lines.by_ref().take(CHUNK).collect();
    (chunk.len() == CHUNK && !chunk.iter().any(|line| closes(line, first))).then_some(first)
}

fn last_thoughts(text: &str, look: &Look<'_>) -> Vec<Drawn> {
    let from = text.char_indices().rev().nth(THOUGHTS).map_or(0, |(at, _)| at);
    let mut rows = thoughts(text[from..].trim_end(), look);
    let over = rows.len().saturating_sub(THOUGHT_LINES);
    rows.split_off(over)
}

fn working(tool: &Working, look: &Look<'_>) -> Drawn {
    let (sign, role, said) = match &tool.ended {
        None => ("…", Role::Warn, "runs".to_string()),
        Some((said, true)) => ("✗", Role::Bad, said.lines().next().unwrap_or_default().to_string()),
        Some((said, false)) => ("✓", Role::Good, format!("{} lines", said.trim_end().lines().count())),
    };
    let preview = tool.preview.trim().lines().next().unwrap_or_default();
    let room = usize::from(look.width).saturating_sub(6);
    let what = truncate_to_width(&safe_line(&format!("{}: {preview}", tool.origin)), room * 2 / 3);
    Drawn::of(vec![
        look.span(Role::Accent, "⚙ "),
        look.span(Role::Text, what),
        look.span(role, format!("  {sign} {}", truncate_to_width(&safe_line(&said), room / 4))),
    ])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::kernel::clock::Timestamp;
    use crate::tui::keymap::Keymap;
    use crate::tui::theme::{Depth, Theme};

    /// Draws `text` as it comes in pieces; gives the rows, and the most that was drawn again at once.
    fn streamed(text: &str, by: usize) -> (Vec<String>, usize) {
        let theme = Theme::choose("plain", &BTreeMap::new(), Depth::None, false);
        let (keys, _) = Keymap::new(&[], &BTreeMap::new());
        let now = Timestamp::from_micros(0);
        let look = Look { width: 60, theme: &theme, keys: &keys, zone: &TimeZone::UTC, now, raw: false };
        let mut live = Live::default();
        let mut most = 0;
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(by) {
            live.text(&piece.iter().collect::<String>());
            live.draw(|| None, "waits", &look);
            most = most.max(live.rows().len() - live.fixed);
        }
        let rows = live.rows().iter().map(|d| d.row.text()).collect();
        (rows, most)
    }

    fn whole(text: &str) -> Vec<String> {
        let theme = Theme::choose("plain", &BTreeMap::new(), Depth::None, false);
        let mut rows: Vec<String> = prose::rows(text, 60, &theme).iter().map(|r| r.text()).collect();
        rows.extend(["waits".to_string(), String::new()]);
        rows
    }

    #[test]
    fn a_long_answer_is_drawn_as_a_whole_one_and_only_its_end_again() {
        let paragraph = "Some words that go on for more than one row of the screen, **strong** ones too.\n\n";
        let code = format!("```rust\n{}```\n\n", "let x = 1;\n".repeat(5));
        let text = format!("# Title\n\n{}", format!("{paragraph}{code}- a\n- b\n\nThen.\n\n").repeat(40));
        let (rows, most) = streamed(&text, 7);
        assert_eq!(rows, whole(&text));
        assert!(most < 20, "{most}");
    }

    #[test]
    fn a_long_block_of_code_is_drawn_in_parts() {
        let text = format!("Here:\n\n```\n{}```\n\nDone.\n", "line of code\n".repeat(950));
        let (rows, most) = streamed(&text, 13);
        assert_eq!(rows, whole(&text));
        assert!(most < 110, "{most}");
    }
}
