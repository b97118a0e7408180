//! What of a shell block is to be run: commands without their `$ `, without labels and without printed output.
//!
//! Many documents show a session, `$ ls` and below it what `ls` printed. runme takes the `$ ` off and runs every
//! line; here, once a line began with `$ `, lines that neither begin so nor continue a command (a backslash, an open
//! quote, a here-document) are output and left out. Lines before the first `$ ` are commands. Blocks without any
//! `$ ` are not touched, except that `### ` lines, runme's labels, become empty. Lines are never moved.

/// The text to run and how many lines of output were left out.
pub(super) fn runnable(text: &str) -> (String, usize) {
    let (mut out, mut dropped, mut prompted) = (String::with_capacity(text.len()), 0, false);
    let mut open = Open::default();
    for line in text.split_inclusive('\n') {
        let (words, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        if open.is_open() {
            out.push_str(words);
            open.feed(words);
        } else if let Some(command) = prompt(words) {
            prompted = true;
            out.push_str(command);
            open.feed(command);
        } else if prompted && !words.trim().is_empty() && !words.trim_start().starts_with('#') {
            dropped += 1;
        } else if !words.starts_with("### ") {
            out.push_str(words);
            open.feed(words);
        }
        out.push_str(end);
    }
    (out, dropped)
}

/// What follows `$ ` at the beginning of a line.
pub(super) fn prompt(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix('$')?;
    rest.starts_with([' ', '\t']).then(|| rest.trim_start())
}

/// What a command still waits for at the end of a line.
#[derive(Default)]
struct Open {
    quote: Option<char>,
    backslash: bool,
    documents: std::collections::VecDeque<String>,
}

impl Open {
    fn is_open(&self) -> bool {
        self.quote.is_some() || self.backslash || !self.documents.is_empty()
    }

    fn feed(&mut self, line: &str) {
        if self.quote.is_none() && !self.backslash && !self.documents.is_empty() {
            if self.documents.front().is_some_and(|end| line.trim_start_matches('\t') == end) {
                self.documents.pop_front();
            }
            return;
        }
        self.backslash = false;
        let mut before = ' ';
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let after = &rest[c.len_utf8()..];
            match (self.quote, c) {
                (Some('\''), '\\') => {}
                (_, '\\') => {
                    let Some(escaped) = after.chars().next() else {
                        self.backslash = true;
                        return;
                    };
                    (rest, before) = (&after[escaped.len_utf8()..], 'x');
                    continue;
                }
                (Some(quote), c) if quote == c => self.quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') => self.quote = Some(c),
                (None, '#') if before.is_whitespace() => return,
                (None, '<') if after.starts_with("<<") => {
                    rest = &after[2..];
                    continue;
                }
                (None, '<') if after.starts_with('<') => {
                    if let Some(end) = delimiter(&after[1..]) {
                        self.documents.push_back(end);
                    }
                    rest = &after[1..];
                    continue;
                }
                _ => {}
            }
            (rest, before) = (after, c);
        }
    }
}

/// The word that ends a here-document, from behind its `<<`.
fn delimiter(rest: &str) -> Option<String> {
    let word = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches([' ', '\t']);
    let word = word.trim_start_matches(['\'', '"', '\\']);
    let end = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
    (end > 0 && !word.starts_with(|c: char| c.is_ascii_digit())).then(|| word[..end].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_left_out_and_lines_stay() {
        let text = "$ echo hi\nhi\n\n# next\n$ ls \\\n  -l\ntotal 0\n";
        assert_eq!(runnable(text), ("echo hi\n\n\n# next\nls \\\n  -l\n\n".to_string(), 2));
    }

    #[test]
    fn what_continues_a_command_is_kept() {
        let text =
            "$ cat <<-'EOF' > x\n$ not a prompt\nEOF\n$ curl -d '{\n \"a\": 1}'\nout\n$ echo \"it's\" # don't\nout\n";
        let (kept, dropped) = runnable(text);
        assert_eq!(dropped, 2);
        assert_eq!(kept, "cat <<-'EOF' > x\n$ not a prompt\nEOF\ncurl -d '{\n \"a\": 1}'\n\necho \"it's\" # don't\n\n");
    }

    #[test]
    fn plain_scripts_are_not_touched() {
        let text = "export A=1\nif x; then\n  echo $A\nfi";
        assert_eq!(runnable(text), (text.to_string(), 0));
        assert_eq!(runnable("### label\necho\n"), ("\necho\n".to_string(), 0));
        assert_eq!(runnable("export V=1\n$ echo $V\n"), ("export V=1\necho $V\n".to_string(), 0));
        assert_eq!((prompt("$HOME"), prompt("  $ x")), (None, Some("x")));
    }
}
