//! The words and `key=value` pairs of a trigger, read with diagnostics that say what was meant.

use super::Timing;
use crate::commands::model::{Diagnostic, Trigger};
use crate::kernel::duration::parse_ms;
use crate::kernel::near::nearest;

/// A trigger while it is read.
pub struct Options<'t> {
    trigger: &'t Trigger,
}

type Read<T> = Result<T, Diagnostic>;

impl<'t> Options<'t> {
    pub(super) fn new(trigger: &'t Trigger) -> Self {
        Options { trigger }
    }

    /// A diagnostic at the trigger's line.
    pub fn wrong(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.trigger.line.max(1), 1, message)
    }

    /// Every option must be one of these or, as far as the kind has them, of those that say when it may fire.
    pub fn only(&self, known: &[&str]) -> Read<()> {
        let Some(unknown) = self.trigger.options.keys().find(|key| !known.contains(&key.as_str())) else {
            return Ok(());
        };
        let kind = &self.trigger.kind;
        Err(self.wrong(match nearest(unknown, known.iter().copied()) {
            Some(key) => format!("`{unknown}=` is no option of `{kind}`; did you mean `{key}=`?"),
            None => format!("`{unknown}=` is no option of `{kind}`; it has {}", listed(known)),
        }))
    }

    /// The words after the kind.
    pub fn args(&self) -> &'t [String] {
        &self.trigger.args
    }

    /// The one word that the kind needs.
    pub fn one(&self, what: &str) -> Read<&'t str> {
        match self.args() {
            [one] if !one.trim().is_empty() => Ok(one),
            [_, more, ..] => {
                Err(self.wrong(format!("`{}` takes {what}, and `{more}` is one word too many", self.trigger.kind)))
            }
            _ => Err(self.wrong(format!("`{}` needs {what}", self.trigger.kind))),
        }
    }

    /// An option's text.
    pub fn text(&self, key: &str) -> Option<&'t str> {
        self.trigger.options.get(key).map(String::as_str)
    }

    /// A length of time, milliseconds.
    pub fn ms(&self, key: &str) -> Read<Option<u64>> {
        self.read(key, "is no length of time such as `10s`", parse_ms)
    }

    /// A number.
    pub fn number(&self, key: &str) -> Read<Option<f64>> {
        self.read(key, "is no number", |text| text.trim().parse().ok().filter(|n: &f64| n.is_finite()))
    }

    /// A number of things, at least one.
    pub fn count(&self, key: &str) -> Read<Option<u32>> {
        self.read(key, "is no number of times", |text| text.trim().parse().ok().filter(|n| *n > 0))
    }

    /// `yes` or `no`.
    pub fn yes(&self, key: &str) -> Read<Option<bool>> {
        self.read(key, "is neither `yes` nor `no`", |text| match text.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Some(true),
            "no" | "false" | "off" | "0" => Some(false),
            _ => None,
        })
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Read<Option<T>> {
        let Some(text) = self.text(key) else { return Ok(None) };
        match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, meant)) => Ok(Some(*meant)),
            None => {
                let all: Vec<&str> = words.iter().map(|w| w.0).collect();
                Err(self.wrong(format!("`{key}={text}` is none of {}", all.join(", "))))
            }
        }
    }

    /// An option read by `read`, which says with `None` that it is not `what` asks for.
    pub fn read<T>(&self, key: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Read<Option<T>> {
        match self.text(key) {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or_else(|| self.wrong(format!("`{key}={text}` {what}"))),
        }
    }

    /// When and how often it may fire.
    pub(super) fn timing(&self) -> Read<Timing> {
        Ok(Timing {
            held_ms: self.ms("for")?,
            debounce_ms: self.ms("debounce")?,
            limit: self.read("limit", "is not written as `5/1h`", limit)?,
            max: self.count("max")?,
        })
    }
}

fn limit(text: &str) -> Option<(u32, u64)> {
    let (count, per) = text.split_once('/')?;
    let per = per.trim();
    // `5/h` is five an hour.
    let per =
        parse_ms(per).or_else(|| parse_ms(&format!("1{per}")).filter(|_| !per.is_empty())).filter(|ms| *ms > 0)?;
    Some((count.trim().parse().ok().filter(|n| *n > 0)?, per))
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|w| format!("`{w}=`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_in_a_time() {
        assert_eq!(limit("5/1h"), Some((5, 3_600_000)));
        assert_eq!(limit("5/h"), Some((5, 3_600_000)));
        assert_eq!(limit("1 / 10s"), Some((1, 10_000)));
        for bad in ["", "5", "0/h", "5/0s", "x/h", "5/", "-1/h"] {
            assert_eq!(limit(bad), None, "{bad}");
        }
    }
}
