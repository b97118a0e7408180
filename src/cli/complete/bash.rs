//! Bash's side of completion: its half-typed line as words, and a candidate as the text that bash inserts.
//!
//! Readline replaces what stands behind the last break character (`:` and `=` among them) or behind an open quote, so
//! a candidate comes without what stands before that, and with the quotes its place asks for.

/// A line up to the cursor.
#[derive(Debug, PartialEq)]
pub(super) struct Typed {
    /// Its words without their quotes; the last is the one being typed and may be empty.
    pub(super) words: Vec<String>,
    /// The quote that is still open.
    quote: Option<char>,
    /// Bytes of the last word that bash leaves as they are.
    kept: usize,
}

impl Typed {
    /// Takes `line` apart as bash does; `breaks` is its `COMP_WORDBREAKS`.
    pub(super) fn read(line: &str, breaks: &str) -> Typed {
        let mut typed = Typed { words: Vec::new(), quote: None, kept: 0 };
        let (mut word, mut is_inside) = (String::new(), false);
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match (typed.quote, c) {
                (Some(quote), c) if c == quote => typed.quote = None,
                (Some('"'), '\\') => match chars.next() {
                    Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                    Some(c) => word.extend(['\\', c]),
                    None => word.push('\\'),
                },
                (Some(_), c) => word.push(c),
                (None, ' ' | '\t' | '\n') => {
                    if is_inside {
                        typed.words.push(std::mem::take(&mut word));
                    }
                    (is_inside, typed.kept) = (false, 0);
                    continue;
                }
                (None, '"' | '\'') => (typed.quote, typed.kept) = (Some(c), word.len()),
                (None, '\\') => word.extend(chars.next()),
                (None, c) => {
                    word.push(c);
                    if breaks.contains(c) {
                        typed.kept = word.len();
                    }
                }
            }
            is_inside = true;
        }
        typed.words.push(word);
        typed
    }

    /// What bash puts in place of the part it replaces.
    pub(super) fn insertion(&self, value: &str) -> String {
        if value == super::FILES {
            return value.to_string();
        }
        let rest = value.get(self.kept..).unwrap_or(value);
        let mut out = String::new();
        for c in rest.chars() {
            match (self.quote, c) {
                (Some('"'), '"' | '\\' | '$' | '`') => out.extend(['\\', c]),
                (Some('\''), '\'') => out.push_str("'\\''"),
                (None, c) if !(c.is_alphanumeric() || "_./:=@%+,-".contains(c)) => out.extend(['\\', c]),
                (_, c) => out.push(c),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BREAKS: &str = " \t\n\"'@><=;|&(:";

    fn typed(line: &str, value: &str) -> (Vec<String>, String) {
        let typed = Typed::read(line, BREAKS);
        let text = typed.insertion(value);
        (typed.words, text)
    }

    #[test]
    fn words_come_without_quotes_and_candidates_with_them() {
        assert_eq!(typed("fac gi", "git"), (vec!["fac".into(), "gi".into()], "git".into()));
        assert_eq!(typed("fac ", "a b"), (vec!["fac".into(), String::new()], "a\\ b".into()));
        assert_eq!(typed("fac run we\\ i", "we ird").0, ["fac", "run", "we i"]);
        assert_eq!(
            typed("fac run \"we i", "we \"ird\"$"),
            (vec!["fac".into(), "run".into(), "we i".into()], "we \\\"ird\\\"\\$".into())
        );
        assert_eq!(typed("fac 'x", "x'y z").1, "x'\\''y z");
    }

    #[test]
    fn what_stands_before_a_break_is_left_alone() {
        assert_eq!(typed("fac tools:bu", "tools:build it").1, "build\\ it");
        assert_eq!(typed("fac x --channel=st", "--channel=stable").1, "stable");
        assert_eq!(typed("fac \"tools:bu", "tools:build it").1, "tools:build it");
        assert_eq!(Typed::read("fac tools:bu", " ").insertion("tools:build"), "tools:build");
    }

    #[test]
    fn nothing_of_a_candidate_can_act_in_bash() {
        assert_eq!(typed("fac ", "$(touch x);`y`&").1, "\\$\\(touch\\ x\\)\\;\\`y\\`\\&");
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_taken_apart_and_put_together_again(line in ".{0,40}", value in "[ -~é]{1,20}") {
            let typed = Typed::read(&line, BREAKS);
            let _ = typed.insertion(&value);
            let again = Typed::read(&format!("fac {}", Typed::read("fac ", BREAKS).insertion(&value)), "");
            proptest::prop_assert_eq!(&again.words[1..], [value]);
        }
    }
}
