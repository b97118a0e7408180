//! What changed between two texts, line by line. It knows nothing of how it is shown.

use similar::{ChangeTag, TextDiff};

/// Lines around each change that are shown with it.
const AROUND: usize = 3;

/// A line of a comparison; without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Lines that are the same were left out here.
    Gap,
    /// It is in both.
    Kept(String),
    /// It is only in the first.
    Gone(String),
    /// It is only in the second.
    New(String),
}

/// The changes from `before` to `after` with three lines around each; empty when there are none.
pub fn lines(before: &str, after: &str) -> Vec<Change> {
    let diff = TextDiff::from_lines(before, after);
    let mut all = Vec::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            all.push(Change::Gap);
        }
        all.extend(group.iter().flat_map(|op| diff.iter_changes(op)).map(|change| {
            let line = change.value().trim_end_matches(['\n', '\r']).to_string();
            match change.tag() {
                ChangeTag::Delete => Change::Gone(line),
                ChangeTag::Insert => Change::New(line),
                ChangeTag::Equal => Change::Kept(line),
            }
        }));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_changes_have_a_gap_between_them() {
        let before = (1..=20).map(|n| format!("{n}\n")).collect::<String>();
        let after = before.replace("\n2\n", "\ntwo\n").replace("\n19\n", "\n");
        let changes = lines(&before, &after);
        assert_eq!(changes.iter().filter(|c| **c == Change::Gap).count(), 1);
        assert_eq!(changes[..3], [Change::Kept("1".into()), Change::Gone("2".into()), Change::New("two".into())]);
        assert_eq!(lines(&before, &before), []);
    }
}
