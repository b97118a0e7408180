//! The machine that drops control sequences and shows invisible characters.
//!
//! It follows the state machine of terminals (ECMA-48 as xterm reads it), but executes nothing. What it decides where
//! the standard leaves a choice:
//!
//! - `\r\n`, and any run of `\r` with or without a `\n` behind it, is one `\n`: an overwritten line becomes two lines,
//!   so nothing can be hidden under something else.
//! - A control string (OSC, DCS, APC, PM, SOS) ends at ST, BEL, CAN, SUB, at any other escape, at a newline, or after
//!   [`STRING_LIMIT`] characters; a CSI ends as soon as a character cannot belong to it, or after [`CSI_LIMIT`]. What
//!   stands behind an unterminated sequence is therefore shown, not swallowed.
//! - Bytes that are not UTF-8 become U+FFFD, so a C1 control as a single byte is never passed on.
//! - Characters that reorder or hide text are written as `⟨U+202E⟩`. Joiners (U+200C, U+200D) and variation selectors
//!   stay, since scripts and emoji need them. A byte order mark at the very start is dropped.

use std::borrow::Cow;
use std::fmt::Write;

/// The longest control string that is skipped, in characters.
const STRING_LIMIT: u32 = 8192;
/// The longest run of CSI parameters that is skipped, in characters.
const CSI_LIMIT: u32 = 256;

const ESC: char = '\x1b';
const CAN: char = '\x18';
const SUB: char = '\x1a';
const BEL: char = '\x07';

/// Makes `text` safe for a terminal; borrows when there was nothing to change.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| matches!(c, '\n' | '\t' | ' '..='~') || (c > '\u{9f}' && !is_hidden(c))) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut machine = Machine::default();
    for c in text.chars() {
        machine.push(c, &mut out);
    }
    machine.finish(&mut out);
    Cow::Owned(out)
}

/// Makes `text` safe for a field of one line: newlines are shown as `↵`, tabs become a space.
pub fn safe_line(text: &str) -> Cow<'_, str> {
    let clean = safe(text);
    if !clean.contains(['\n', '\t']) {
        return clean;
    }
    Cow::Owned(clean.replace('\n', "↵").replace('\t', " "))
}

/// The same as [`safe`] for text that arrives in chunks of bytes, cut anywhere.
#[derive(Debug, Default)]
pub struct Sanitizer {
    machine: Machine,
    /// The bytes of a character whose rest has not arrived: at most three.
    partial: Vec<u8>,
}

impl Sanitizer {
    /// A sanitizer at the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and appends what may be shown to `out`.
    pub fn push(&mut self, chunk: &[u8], out: &mut String) {
        let joined;
        let mut rest = chunk;
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(chunk);
            joined = std::mem::take(&mut self.partial);
            rest = &joined;
        }
        loop {
            let (valid, error) = match std::str::from_utf8(rest) {
                Ok(text) => (text, None),
                Err(e) => {
                    let good = rest.get(..e.valid_up_to()).unwrap_or_default();
                    (std::str::from_utf8(good).unwrap_or_default(), Some((e.valid_up_to(), e.error_len())))
                }
            };
            for c in valid.chars() {
                self.machine.push(c, out);
            }
            match error {
                None => return,
                Some((at, None)) => {
                    self.partial = rest[at..].to_vec();
                    return;
                }
                Some((at, Some(bad))) => {
                    self.machine.push(char::REPLACEMENT_CHARACTER, out);
                    rest = &rest[at + bad..];
                }
            }
        }
    }

    /// Ends the text: a sequence that never ended is dropped, a character that never ended is U+FFFD. The sanitizer
    /// then stands at the start of a new text.
    pub fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.machine.push(char::REPLACEMENT_CHARACTER, out);
        }
        self.machine.finish(out);
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    /// Nothing has been seen yet: a byte order mark may be dropped.
    #[default]
    Start,
    Ground,
    /// After `\r`: the newline is still owed.
    Return,
    /// After ESC.
    Escape,
    /// After ESC and intermediates.
    EscapeMore,
    /// Inside a CSI, with the characters skipped so far.
    Csi(u32),
    /// Inside a control string, with the characters skipped so far.
    Str(u32),
}

#[derive(Debug, Default)]
struct Machine {
    state: State,
}

impl Machine {
    fn push(&mut self, c: char, out: &mut String) {
        self.state = match (self.state, c) {
            (State::Start, '\u{feff}') => State::Ground,
            (State::Start | State::Ground, c) => ground(c, out),
            (State::Return, '\r') => State::Return,
            (State::Return, '\n') => ground(c, out),
            (State::Return, c) => {
                out.push('\n');
                ground(c, out)
            }
            (State::Escape, c) => escape(c, out),
            (State::EscapeMore, ' '..='/') => State::EscapeMore,
            (State::EscapeMore, '0'..='~') => State::Ground,
            (State::EscapeMore, c) => ground(c, out),
            (State::Csi(n), c) => csi(n, c, out),
            (State::Str(n), c) => control_string(n, c, out),
        };
    }

    fn finish(&mut self, out: &mut String) {
        if self.state == State::Return {
            out.push('\n');
        }
        self.state = State::Start;
    }
}

fn ground(c: char, out: &mut String) -> State {
    match c {
        ESC => return State::Escape,
        '\u{9b}' => return State::Csi(0),
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => return State::Str(0),
        '\r' => return State::Return,
        '\n' | '\t' => out.push(c),
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => {}
        c if is_hidden(c) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "⟨U+{:04X}⟩", c as u32);
        }
        c => out.push(c),
    }
    State::Ground
}

fn escape(c: char, out: &mut String) -> State {
    match c {
        '[' => State::Csi(0),
        ']' | 'P' | 'X' | '^' | '_' => State::Str(0),
        ' '..='/' => State::EscapeMore,
        '0'..='~' => State::Ground,
        c => ground(c, out),
    }
}

fn csi(skipped: u32, c: char, out: &mut String) -> State {
    match c {
        ' '..='?' if skipped < CSI_LIMIT => State::Csi(skipped + 1),
        '@'..='~' => State::Ground,
        CAN | SUB => State::Ground,
        ESC | '\r' | '\n' => ground(c, out),
        // Terminals execute these in the middle of a sequence and go on with it.
        '\0'..='\x1f' | '\x7f' if skipped < CSI_LIMIT => State::Csi(skipped + 1),
        c => ground(c, out),
    }
}

fn control_string(skipped: u32, c: char, out: &mut String) -> State {
    match c {
        ESC => State::Escape,
        BEL | CAN | SUB | '\u{9c}' => State::Ground,
        '\n' | '\r' | '\u{80}'..='\u{9f}' => ground(c, out),
        c if skipped >= STRING_LIMIT => ground(c, out),
        _ => State::Str(skipped + 1),
    }
}

/// Characters that have no picture of their own but change or hide what stands around them (Unicode 16, `Bidi_Control`,
/// default-ignorable format characters and fillers, line and paragraph separator).
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(bytes: &[u8]) -> String {
        let mut out = String::new();
        let mut sanitizer = Sanitizer::new();
        sanitizer.push(bytes, &mut out);
        sanitizer.finish(&mut out);
        out
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "plain\ttext\n", "Grüße, 世界 👩‍👩‍👧 ❤️", "می‌خواهم"] {
            assert!(matches!(safe(text), Cow::Borrowed(t) if t == text), "{text:?}");
        }
    }

    #[test]
    fn each_kind_of_sequence_leaves_only_its_text() {
        let cases = [
            ("a\x1b[31mred\x1b[0mb", "aredb"),
            ("a\u{9b}31mred\u{9b}mb", "aredb"),
            ("\x1b]0;title\x07x", "x"),
            ("\x1b]8;;http://e.com\x1b\\link\x1b]8;;\x1b\\.", "link."),
            ("\u{9d}52;c;cm0gLXJm\u{9c}x", "x"),
            ("\x1bPq#0;2;0\x1b\\x\x1b_G;AAAA\x1b\\y\x1b^pm\x1b\\z\x1bXsos\x1b\\!", "xyz!"),
            ("\u{90}dcs\u{9c}x\u{9f}apc\u{9c}y\u{9e}pm\u{9c}z\u{98}sos\u{9c}!", "xyz!"),
            ("\x1bc\x1b(B\x1b#8\x1bM\x1b7x\x1bDy\x1b\\", "xy"),
            ("a\x08\x07\x00\x7f\x0b\x0cb\u{85}\u{84}c", "abc"),
            ("\x1b[12\x1b[3mx", "x"),
            ("\x1b[1\x18x\x1b[1\x1ay", "xy"),
            ("\x1b[1é\x1bé", "éé"),
            ("\x1b\x1b\x1b[1mx", "x"),
        ];
        for (text, clean) in cases {
            assert_eq!(safe(text), clean, "{text:?}");
        }
    }

    #[test]
    fn carriage_returns_become_one_newline() {
        assert_eq!(safe("a\r\nb\rc\r\r\nd\r"), "a\nb\nc\nd\n");
        assert_eq!(safe("rm -rf /\rls      "), "rm -rf /\nls      ");
    }

    #[test]
    fn an_unterminated_string_ends_at_the_newline_or_the_bound() {
        assert_eq!(safe("\x1b]0;evil\nshown"), "\nshown");
        assert_eq!(safe("\x1b[12\nshown"), "\nshown");
        assert_eq!(safe("\x1b]0;evil"), "");
        assert_eq!(safe("\x1b]0;evil\x1b[1mshown"), "shown");
        let long = format!("\x1b]{}shown", "x".repeat(STRING_LIMIT as usize));
        assert_eq!(safe(&long), "shown");
        let long = format!("\x1b[{}9", "1".repeat(CSI_LIMIT as usize));
        assert_eq!(safe(&long), "9");
    }

    #[test]
    fn what_reorders_or_hides_is_shown() {
        assert_eq!(safe("access\u{202e}nimda\u{2066}x"), "access⟨U+202E⟩nimda⟨U+2066⟩x");
        assert_eq!(safe("\u{feff}bom in\u{feff}side"), "bom in⟨U+FEFF⟩side");
        assert_eq!(safe("a\u{e0041}\u{2028}\u{2029}\u{200e}\u{61c}"), "a⟨U+E0041⟩⟨U+2028⟩⟨U+2029⟩⟨U+200E⟩⟨U+061C⟩");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(whole(b"a\x9b31mb\xff\xe2\x82"), "a\u{fffd}31mb\u{fffd}\u{fffd}");
        assert_eq!(whole(b"\xc2"), "\u{fffd}");
    }

    #[test]
    fn a_line_shows_its_newlines() {
        assert_eq!(safe_line("a\r\nb\tc\x1b[2J"), "a↵b c");
        assert!(matches!(safe_line("plain"), Cow::Borrowed("plain")));
    }

    /// Bytes that the machine has an opinion about, mixed with any others.
    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..4),
            proptest::sample::select(vec![
                "\x1b",
                "\x1b[",
                "\x1b]",
                "\x1bP",
                "\x1b_",
                "\x1b\\",
                "\u{9b}",
                "\u{9d}",
                "\u{9c}",
                "\x07",
                "\r",
                "\n",
                "\t",
                "\x18",
                "\u{202e}",
                "\u{feff}",
                "é",
                "👩",
                "31m",
                ";",
                "\u{e0041}",
                "\u{85}",
            ])
            .prop_map(|s| s.as_bytes().to_vec()),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|v| v.concat())
    }

    proptest! {
        #[test]
        fn splits_change_nothing_and_nothing_gets_through(bytes in hostile(), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6)) {
            let expected = whole(&bytes);
            let mut at: Vec<usize> = cuts.iter().map(|i| i.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let (mut sanitizer, mut out, mut from) = (Sanitizer::new(), String::new(), 0);
            for to in at.into_iter().chain([bytes.len()]) {
                sanitizer.push(&bytes[from..to], &mut out);
                from = to;
            }
            sanitizer.finish(&mut out);
            prop_assert_eq!(&out, &expected);
            prop_assert!(!out.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c)), "{:?}", out);
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(safe(text), expected.as_str());
            }
            prop_assert_eq!(safe(&out), out.as_str());
            prop_assert!(!safe_line(&out).contains(['\n', '\t']));
        }

        #[test]
        fn byte_by_byte_is_the_same(bytes in hostile()) {
            let (mut sanitizer, mut out) = (Sanitizer::new(), String::new());
            for byte in &bytes {
                sanitizer.push(&[*byte], &mut out);
            }
            sanitizer.finish(&mut out);
            prop_assert_eq!(out, whole(&bytes));
        }
    }
}
