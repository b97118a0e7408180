//! The events that somebody wants, from a place in the log on: each once, in order, none left out, however slowly they
//! are taken.

use tokio::sync::{SemaphorePermit, watch};

use super::hub::Hub;
use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::events::{Position, Recorded};

/// Events that are read at once.
const AT_ONCE: usize = 500;
/// And so many bytes of them: thousands may follow, and take nothing.
const BYTES: usize = 256 << 10;
/// Patterns of one subscription.
const PATTERNS: usize = 20;

/// The kinds that are wanted: names, or patterns in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(Vec<String>);

impl Kinds {
    /// Reads them.
    ///
    /// # Errors
    /// `Usage` for none, for too many, and for what can be no kind.
    pub fn new(patterns: Vec<String>) -> Result<Kinds> {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._*".contains(c);
        if let Some(odd) = patterns.iter().find(|one| one.is_empty() || one.len() > 64 || !one.chars().all(known)) {
            let shown: String = odd.chars().take(64).collect();
            return Err(Error::new(Kind::Usage, format!("{shown:?} is no kind of event"))
                .hint("write kinds such as run.finished, or patterns such as job.*"));
        }
        if patterns.is_empty() || patterns.len() > PATTERNS {
            return Err(Error::new(Kind::Usage, format!("a subscription takes 1 to {PATTERNS} patterns")));
        }
        Ok(Kinds(patterns))
    }

    /// Those of a list with commas.
    ///
    /// # Errors
    /// As [`Kinds::new`].
    pub fn list(text: &str) -> Result<Kinds> {
        Kinds::new(text.split(',').map(|one| one.trim().to_string()).collect())
    }

    /// Whether an event of this kind is wanted.
    pub fn want(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern.as_bytes(), kind.as_bytes()))
    }

    /// What the store is asked for.
    fn asked(&self) -> &str {
        match self.0.as_slice() {
            [one] => one,
            _ => "*",
        }
    }
}

/// Whether `text` is as `pattern` says; linear in both but for the last star.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// The events that somebody wants.
pub struct Feed {
    hub: Hub,
    kinds: Kinds,
    after: Option<Position>,
    end: watch::Receiver<Option<Position>>,
}

impl Feed {
    /// What comes behind `after`; behind the end of the log where nothing is said.
    ///
    /// # Errors
    /// When the log cannot be read; `Usage` for a place behind its end.
    pub async fn new(hub: &Hub, kinds: Kinds, after: Option<Position>) -> Result<Feed> {
        let end = hub.end();
        hub.ring();
        let last = hub.now().await?;
        // Such as from before a backup was put back: nothing would come until the log has grown past it.
        if after > last {
            return Err(Error::new(Kind::Usage, "the log does not reach so far").hint("begin anew without `after`"));
        }
        let after = after.or(last);
        Ok(Feed { hub: hub.clone(), kinds, after, end })
    }

    /// To be held while something is made of an event: of those who are far behind one at a time has it.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let end = *self.end.borrow();
        let behind = end.map_or(0, Position::stored) - self.after.map_or(0, Position::stored);
        match behind > AT_ONCE as i64 {
            true => self.hub.turn().await,
            false => None,
        }
    }

    /// Up to where it has looked.
    pub fn position(&self) -> Option<Position> {
        self.after
    }

    /// Waits for the next events, at least one.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn next(&mut self) -> Result<Vec<Recorded>> {
        loop {
            let end = *self.end.borrow_and_update();
            if end > self.after {
                let found = self.read(end).await?;
                if !found.is_empty() {
                    return Ok(found);
                }
                continue;
            }
            let gone = |_| Error::new(Kind::Interrupted, "the server is ending");
            self.end.changed().await.map_err(gone)?;
        }
    }

    async fn read(&mut self, end: Option<Position>) -> Result<Vec<Recorded>> {
        let (store, after) = (self.hub.store().clone(), self.after);
        let asked = self.kinds.asked().to_string();
        let turn = self.turn().await;
        let read = tokio::task::spawn_blocking(move || store.events_up_to(after, &asked, AT_ONCE, BYTES)).await;
        drop(turn);
        let (mut found, more) = read.context(Kind::Failed, || "the log cannot be read".to_string())??;
        let last = found.last().map(|event| event.position);
        // Where fewer came there is nothing else up to the end that was known before.
        self.after = if more { last } else { last.max(end) };
        found.retain(|event| self.kinds.want(&event.kind));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_names_with_stars() {
        let kinds = Kinds::list("job.*, run.finished,*.removed").unwrap();
        for (kind, wanted) in [
            ("job.done", true),
            ("job.", true),
            ("jobs.done", false),
            ("run.finished", true),
            ("run.finished2", false),
            ("key.removed", true),
        ] {
            assert_eq!(kinds.want(kind), wanted, "{kind}");
        }
        for wrong in ["", "a,,b", "Job.*", "job.[a-z]", "job.?", "a b"] {
            assert_eq!(Kinds::list(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        assert!(Kinds::new(vec!["*".to_string(); 21]).is_err());
    }

    proptest! {
        #[test]
        fn a_pattern_fits_as_the_plain_definition_says(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            fn plainly(p: &[u8], t: &[u8]) -> bool {
                match p.split_first() {
                    None => t.is_empty(),
                    Some((b'*', rest)) => (0..=t.len()).any(|n| plainly(rest, &t[n..])),
                    Some((c, rest)) => t.first() == Some(c) && plainly(rest, &t[1..]),
                }
            }
            prop_assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), plainly(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
