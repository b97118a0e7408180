//! How a message is shown: a line by a pattern. What goes to a terminal is made safe there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::automations::mqtt::Message;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Field(char),
}

/// A pattern in which `%` and a letter stand for something of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Piece>);

/// The letters and what they stand for.
pub(super) const LETTERS: &str = "\
%t topic          %p payload           %x payload in hex   %b payload in base64
  %l bytes          %q QoS               %r retained (0/1)   %d again (0/1)
  %m number         %I time (RFC 3339)   %U time (seconds)   %j everything as JSON
  %C content type   %R response topic    %D correlation      %P pairs of the sender
  %% a percent sign; \\n, \\t and \\0 are an end of line, a tab and a zero byte";

impl Pattern {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Result<Pattern> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut plain = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => match letters.next() {
                    Some('%') => plain.push(b'%'),
                    Some(field) if "tpxblqrdmIUjCRDP".contains(field) => {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                        pieces.push(Piece::Field(field));
                    }
                    other => {
                        let what = other.map_or_else(|| "% at the end".to_string(), |c| format!("%{c}"));
                        return Err(Error::new(Kind::Usage, format!("{what} stands for nothing"))
                            .hint("`fac mqtt sub --help` lists the letters; %% is a percent sign"));
                    }
                },
                '\\' => match letters.next() {
                    Some('n') => plain.push(b'\n'),
                    Some('t') => plain.push(b'\t'),
                    Some('0') => plain.push(0),
                    Some('\\') | None => plain.push(b'\\'),
                    Some(other) => plain.extend(format!("\\{other}").bytes()),
                },
                other => plain.extend(other.to_string().bytes()),
            }
        }
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| *piece != Piece::Text(Vec::new()));
        Ok(Pattern(pieces))
    }

    /// The message by the pattern, its payload as it is.
    pub(super) fn show(&self, message: &Message, at: Timestamp, whole: &dyn Fn() -> Json) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Field('p') => out.extend_from_slice(&message.payload),
                Piece::Field(field) => out.extend(one(*field, message, at, whole).into_bytes()),
            }
        }
        out
    }
}

fn one(field: char, message: &Message, at: Timestamp, whole: &dyn Fn() -> Json) -> String {
    let said = &message.properties;
    let flag = |on: bool| u8::from(on).to_string();
    match field {
        't' => message.topic.clone(),
        'x' => message.payload.iter().map(|byte| format!("{byte:02x}")).collect(),
        'b' => STANDARD.encode(&message.payload),
        'l' => message.payload.len().to_string(),
        'q' => message.qos.number().to_string(),
        'r' => flag(message.retain),
        'd' => flag(message.dup),
        'm' => message.id.to_string(),
        'I' => at.to_string(),
        'U' => format!("{}.{:06}", at.as_micros().div_euclid(1_000_000), at.as_micros().rem_euclid(1_000_000)),
        'j' => super::super::ui::json_line(&whole()),
        'C' => said.content_type.clone().unwrap_or_default(),
        'R' => said.response_topic.clone().unwrap_or_default(),
        'D' => said.correlation.as_deref().map(|c| String::from_utf8_lossy(c).into_owned()).unwrap_or_default(),
        'P' => said.user.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pattern: &str) -> Vec<u8> {
        let message = Message { topic: "a/b".into(), payload: vec![b'h', 0xff], id: 7, ..Message::default() };
        Pattern::parse(pattern).unwrap().show(&message, Timestamp::from_micros(1_500_000), &|| Json::Null)
    }

    #[test]
    fn letters_stand_for_what_they_say() {
        assert_eq!(shown("%t=%p"), b"a/b=h\xff");
        assert_eq!(shown("%x %b %l %q%r%d %m"), b"68ff aP8= 2 000 7");
        assert_eq!(shown("%U %I %j"), b"1.500000 1970-01-01T00:00:01.500000Z null");
        assert_eq!(shown("100%%\\t\\n\\0\\q\\\\"), b"100%\t\n\0\\q\\");
        for wrong in ["%", "%z", "%t %"] {
            assert_eq!(Pattern::parse(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_pattern_or_an_error(text in "\\PC{0,40}") {
            if let Ok(pattern) = Pattern::parse(&text) {
                pattern.show(&Message::default(), Timestamp::from_micros(0), &|| Json::Null);
            }
        }
    }
}
