//! Transcripts as files: subtitles (SRT, WebVTT) and JSON, written and read.

use serde_json::{Value, json};

use super::{Segment, Transcript};

impl Transcript {
    /// A transcript of pieces; its text is theirs, joined by blanks.
    pub fn of(segments: Vec<Segment>) -> Transcript {
        let texts: Vec<&str> = segments.iter().map(|s| s.text.trim()).filter(|t| !t.is_empty()).collect();
        Transcript { text: texts.join(" "), segments, language: None }
    }

    /// A transcript of a text without times.
    pub fn plain(text: impl Into<String>) -> Transcript {
        Transcript { text: text.into().trim().to_string(), ..Transcript::default() }
    }

    /// Its pieces; one of the whole length where nobody said when what was said.
    pub fn pieces(&self, ms: u64) -> Vec<Segment> {
        if self.segments.is_empty() && !self.text.is_empty() {
            return vec![Segment { start_ms: 0, end_ms: ms, text: self.text.clone() }];
        }
        self.segments.clone()
    }

    /// As SubRip subtitles of a clip of `ms`.
    pub fn srt(&self, ms: u64) -> String {
        let one = |(n, s): (usize, &Segment)| {
            format!("{}\n{} --> {}\n{}\n\n", n + 1, stamp(s.start_ms, ','), stamp(s.end_ms, ','), cue(&s.text))
        };
        self.pieces(ms).iter().enumerate().map(one).collect()
    }

    /// As WebVTT subtitles of a clip of `ms`.
    pub fn vtt(&self, ms: u64) -> String {
        let one = |s: &Segment| {
            let text = cue(&s.text).replace('&', "&amp;").replace('<', "&lt;");
            format!("\n{} --> {}\n{text}\n", stamp(s.start_ms, '.'), stamp(s.end_ms, '.'))
        };
        std::iter::once("WEBVTT\n".to_string()).chain(self.pieces(ms).iter().map(one)).collect()
    }

    /// As JSON: `text`, `language`, and `segments` with `start_ms`, `end_ms` and `text`.
    pub fn json(&self) -> Value {
        let pieces: Vec<Value> =
            self.segments.iter().map(|s| json!({"start_ms": s.start_ms, "end_ms": s.end_ms, "text": s.text})).collect();
        json!({"text": self.text, "language": self.language, "segments": pieces})
    }

    /// Moves its pieces by `ms`.
    pub fn later(mut self, ms: u64) -> Transcript {
        for piece in &mut self.segments {
            piece.start_ms = piece.start_ms.saturating_add(ms);
            piece.end_ms = piece.end_ms.saturating_add(ms);
        }
        self
    }
}

/// A text that ends no cue: on one line, without the arrow of a time.
fn cue(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("-->", "→")
}

fn stamp(ms: u64, comma: char) -> String {
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}{comma}{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

/// Reads SRT, WebVTT, or the lines `[00:00:00.000 --> 00:00:02.000]  text` that whisper.cpp prints. Lines that are none of
/// it are passed over.
pub fn read_cues(text: &str) -> Transcript {
    let mut pieces: Vec<Segment> = Vec::new();
    let mut open = false;
    for line in text.lines().map(str::trim) {
        if let Some((start_ms, end_ms, rest)) = cue_times(line) {
            pieces.push(Segment { start_ms, end_ms, text: rest.to_string() });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if open && let Some(piece) = pieces.last_mut() {
            let gap = if piece.text.is_empty() { "" } else { " " };
            piece.text.push_str(gap);
            piece.text.push_str(line);
        }
    }
    for piece in &mut pieces {
        piece.text = piece.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim().to_string();
    }
    pieces.retain(|piece| !piece.text.is_empty());
    Transcript::of(pieces)
}

/// The times of a cue's line, and what stands behind them when they stand in brackets.
fn cue_times(line: &str) -> Option<(u64, u64, &str)> {
    let (line, bracket) = match line.strip_prefix('[') {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let (from, rest) = line.split_once("-->")?;
    let (to, rest) = if bracket { rest.split_once(']')? } else { (rest, "") };
    // Settings of a cue may stand behind its end.
    Some((read_stamp(from.trim())?, read_stamp(to.split_whitespace().next()?)?, rest.trim()))
}

/// `01:02:03,456`, `02:03.456`.
fn read_stamp(text: &str) -> Option<u64> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut seconds = 0u64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let ms: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(ms)
}

/// Reads the JSON of an OpenAI-style server (`text`, `segments` in seconds) or of whisper.cpp (`transcription` with
/// `offsets` in ms). `None` when it is neither.
///
/// Pieces that the model itself holds for silence, and of which it is not sure, are left out.
pub fn read_json(value: &Value) -> Option<Transcript> {
    let language = |value: &Value| value.as_str().map(String::from);
    if let Some(pieces) = value.get("transcription").and_then(Value::as_array) {
        let one = |piece: &Value| {
            let at = |end: &str| piece["offsets"][end].as_u64();
            Some(Segment { start_ms: at("from")?, end_ms: at("to")?, text: piece["text"].as_str()?.trim().to_string() })
        };
        let spoken = Transcript::of(pieces.iter().filter_map(one).filter(|s| !s.text.is_empty()).collect());
        return Some(Transcript { language: language(&value["result"]["language"]), ..spoken });
    }
    let whole = value.get("text").and_then(Value::as_str)?;
    let language = language(&value["language"]);
    let pieces = value.get("segments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let doubtful = |piece: &&Value| {
        piece["no_speech_prob"].as_f64().is_some_and(|p| p > 0.6)
            && piece["avg_logprob"].as_f64().is_some_and(|p| p < -1.0)
    };
    let one = |piece: &Value| {
        let ms =
            |end: &str| piece[end].as_f64().filter(|s| s.is_finite()).map(|s| (s.max(0.0) * 1000.0).round() as u64);
        Some(Segment { start_ms: ms("start")?, end_ms: ms("end")?, text: piece["text"].as_str()?.trim().to_string() })
    };
    let kept: Vec<Segment> =
        pieces.iter().filter(|p| !doubtful(p)).filter_map(one).filter(|s| !s.text.is_empty()).collect();
    if pieces.iter().any(|piece| doubtful(&piece)) {
        return Some(Transcript { language, ..Transcript::of(kept) });
    }
    Some(Transcript { language, segments: kept, ..Transcript::plain(whole) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(start_ms: u64, end_ms: u64, text: &str) -> Segment {
        Segment { start_ms, end_ms, text: text.to_string() }
    }

    fn two() -> Transcript {
        Transcript::of(vec![piece(0, 1_500, "One & two"), piece(3_661_001, 3_662_000, "a <b> --> c")])
    }

    #[test]
    fn subtitles_are_as_players_want_them() {
        assert_eq!(
            two().srt(9),
            "1\n00:00:00,000 --> 00:00:01,500\nOne & two\n\n2\n01:01:01,001 --> 01:01:02,000\na <b> → c\n\n"
        );
        assert_eq!(
            two().vtt(9),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne &amp; two\n\n01:01:01.001 --> 01:01:02.000\na &lt;b> → c\n"
        );
        assert_eq!(Transcript::plain("x").srt(250), "1\n00:00:00,000 --> 00:00:00,250\nx\n\n");
        assert_eq!(Transcript::default().srt(250), "");
        assert_eq!(two().json()["segments"][1]["start_ms"], 3_661_001);
    }

    #[test]
    fn what_programs_print_is_read() {
        let printed = "\n[00:00:00.000 --> 00:00:02.500]   And so\n[00:00:02.500 --> 00:00:03.000]  it goes.\n";
        let heard = read_cues(printed);
        assert_eq!(heard.text, "And so it goes.");
        assert_eq!(heard.segments[1], piece(2500, 3000, "it goes."));
        let vtt = "WEBVTT\n\nNOTE hi\n\n1\n00:01.5 --> 00:02.000 align:left\nfirst\nline &amp; more\n\n00:03.000 --> 00:04.000\n\n";
        assert_eq!(read_cues(vtt).segments, [piece(1500, 2000, "first line & more")]);
    }

    #[test]
    fn json_of_servers_and_of_whisper_cpp_is_read() {
        let server = json!({"text": " Hi there. Thank you.", "language": "english", "segments": [
            {"start": 0.0, "end": 1.25, "text": " Hi there.", "no_speech_prob": 0.01, "avg_logprob": -0.2},
            {"start": 1.25, "end": 30.0, "text": " Thank you.", "no_speech_prob": 0.9, "avg_logprob": -1.4}]});
        let heard = read_json(&server).unwrap();
        assert_eq!((heard.text.as_str(), heard.language.as_deref()), ("Hi there.", Some("english")));
        assert_eq!(heard.segments, [piece(0, 1250, "Hi there.")]);
        assert_eq!(read_json(&json!({"text": " x "})).unwrap(), Transcript::plain("x"));
        let own = json!({"result": {"language": "de"}, "transcription": [{"offsets": {"from": 0, "to": 900}, "text": " ja"}]});
        let heard = read_json(&own).unwrap();
        assert_eq!((heard.text.as_str(), heard.language.as_deref(), heard.segments.len()), ("ja", Some("de"), 1));
        assert_eq!(read_json(&json!({"error": 1})), None);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_again(pieces in proptest::collection::vec((0u64..9_000_000, 1u64..9000, "[a-z&<é]{1,8}( [a-z>]{1,8})?"), 0..6)) {
            let all: Vec<Segment> = pieces.iter().map(|(at, long, text)| piece(*at, at + long, text)).collect();
            let spoken = Transcript::of(all);
            prop_assert_eq!(&read_cues(&spoken.vtt(1)), &spoken);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read_cues(&text);
            let _ = read_cues(&format!("{text} --> {text}"));
        }
    }
}
