//! Whisper's model files (ggml `.bin`), looked through before anybody loads them: a file that ends early makes the library
//! abort the whole process.
//!
//! The form, as whisper.cpp's `whisper_model_load` reads it: magic, eleven numbers, mel filters, vocabulary, then one
//! tensor after the other, each with its name, type and size. Nothing but their headers is read.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::kernel::error::{Context, Error, Kind, Result};

/// `ggml`, as a number.
const MAGIC: u32 = 0x6767_6d6c;

/// What a model file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Words and signs that it knows.
    pub vocabulary: u32,
    /// Steps of 20 ms that it hears at once.
    pub audio_context: u32,
    /// Width of its encoder.
    pub audio_state: u32,
    /// Layers of its encoder.
    pub audio_layers: u32,
    /// Width of its decoder.
    pub text_state: u32,
    /// Layers of its decoder.
    pub text_layers: u32,
    /// Mel bands.
    pub mels: u32,
    /// How many tensors stand in the file.
    pub tensors: u32,
    /// Its size, bytes.
    pub bytes: u64,
}

impl Header {
    /// Whether it knows more languages than English.
    pub fn is_multilingual(&self) -> bool {
        self.vocabulary >= 51_865
    }

    /// Tensors that a model of these layers has.
    fn expected(&self) -> u32 {
        11 + 15 * self.audio_layers + 24 * self.text_layers
    }
}

/// Looks a model file through from its first to its last byte. `empty`: whether a file without any weights will do, as
/// tests have it.
///
/// # Errors
/// `NotFound` when there is no file, `BadData` for one that is no model, or not a whole one.
pub fn check(path: &Path, empty: bool) -> Result<Header> {
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::new(Kind::NotFound, format!("there is no model {}", path.display()))
            .hint("`fac voice models ls` lists the models that there are, `fac voice models pull base` fetches one"),
        _ => Error::new(Kind::Failed, format!("cannot read the model {}", path.display())).because(error),
    })?;
    let failed = || format!("cannot read the model {}", path.display());
    let bytes = file.metadata().context(Kind::Failed, failed)?.len();
    let mut walk = Walk { reader: BufReader::new(file), at: 0, bytes };
    walk.header(empty).map_err(|what| {
        Error::new(Kind::BadData, format!("the model {} is broken: {what}", path.display()))
            .hint("fetch it again: `fac voice models pull NAME --again`")
    })
}

struct Walk<R> {
    reader: R,
    at: u64,
    bytes: u64,
}

/// What is wrong, as the end of a sentence.
type Fault = String;

impl<R: Read + Seek> Walk<R> {
    fn number(&mut self) -> Result<u32, Fault> {
        let mut four = [0; 4];
        self.reader.read_exact(&mut four).map_err(|_| self.cut())?;
        self.at += 4;
        Ok(u32::from_le_bytes(four))
    }

    fn cut(&self) -> Fault {
        format!("it ends after {} bytes, in the middle of something", self.bytes)
    }

    /// Passes over so many bytes, which must be there.
    fn skip(&mut self, count: u64) -> Result<(), Fault> {
        let to = self.at.checked_add(count).filter(|to| *to <= self.bytes).ok_or_else(|| self.cut())?;
        let by = i64::try_from(count).map_err(|_| self.cut())?;
        self.reader.seek(SeekFrom::Current(by)).map_err(|_| self.cut())?;
        self.at = to;
        Ok(())
    }

    /// A number between two bounds.
    fn within(&mut self, what: &str, low: u32, high: u32) -> Result<u32, Fault> {
        let found = self.number()?;
        if (low..=high).contains(&found) { Ok(found) } else { Err(format!("its {what} is {found}")) }
    }

    fn header(&mut self, empty: bool) -> Result<Header, Fault> {
        if self.bytes < 4 || self.number()? != MAGIC {
            return Err("it does not begin like a ggml file of Whisper".to_string());
        }
        let mut header = Header { bytes: self.bytes, ..Header::default() };
        header.vocabulary = self.within("vocabulary", 1_000, 200_000)?;
        header.audio_context = self.within("audio context", 1, 16_384)?;
        header.audio_state = self.within("audio state", 8, 8_192)?;
        let audio_heads = self.within("number of audio heads", 1, 128)?;
        header.audio_layers = self.within("number of audio layers", 1, 128)?;
        self.within("text context", 1, 16_384)?;
        header.text_state = self.within("text state", 8, 8_192)?;
        let text_heads = self.within("number of text heads", 1, 128)?;
        header.text_layers = self.within("number of text layers", 1, 128)?;
        header.mels = self.within("number of mel bands", 1, 512)?;
        self.within("type", 0, 9_999)?;
        if !header.audio_state.is_multiple_of(audio_heads) || !header.text_state.is_multiple_of(text_heads) {
            return Err("its heads do not divide its states".to_string());
        }
        self.filters(header.mels)?;
        self.vocabulary(header.vocabulary)?;
        while self.at < self.bytes {
            self.tensor()?;
            header.tensors += 1;
        }
        match header.tensors {
            0 if empty => Ok(header),
            0 => Err("it has no weights".to_string()),
            found if found == header.expected() => Ok(header),
            found => Err(format!("it has {found} of its {} tensors", header.expected())),
        }
    }

    fn filters(&mut self, mels: u32) -> Result<(), Fault> {
        let (bands, steps) = (self.number()?, self.within("number of filter steps", 1, 4_096)?);
        if bands != mels {
            return Err(format!("it has filters for {bands} of {mels} mel bands"));
        }
        self.skip(4 * u64::from(bands) * u64::from(steps))
    }

    fn vocabulary(&mut self, known: u32) -> Result<(), Fault> {
        for _ in 0..self.within("number of words", 1, known)? {
            let length = self.within("longest word", 0, 4_096)?;
            self.skip(u64::from(length))?;
        }
        Ok(())
    }

    fn tensor(&mut self) -> Result<(), Fault> {
        let dimensions = self.within("number of a tensor's dimensions", 1, 4)?;
        let name = self.within("length of a tensor's name", 1, 256)?;
        let kind = self.number()?;
        let (bytes, of) = block(kind).ok_or_else(|| format!("a tensor of it has the unknown type {kind}"))?;
        let mut elements = 1u64;
        for _ in 0..dimensions {
            elements = elements.saturating_mul(u64::from(self.within("size of a tensor", 1, 1 << 28)?));
        }
        self.skip(u64::from(name))?;
        if !elements.is_multiple_of(of) {
            return Err("a tensor of it does not fill its blocks".to_string());
        }
        self.skip((elements / of).saturating_mul(bytes))
    }
}

/// Bytes of a block of a type, and how many numbers stand in it (ggml.h, `ggml_type`).
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (4, 1),
        1 | 30 => (2, 1),
        2 => (18, 32),
        3 => (20, 32),
        6 => (22, 32),
        7 => (24, 32),
        8 => (34, 32),
        10 => (84, 256),
        11 => (110, 256),
        12 => (144, 256),
        13 => (176, 256),
        14 => (210, 256),
        15 => (292, 256),
        _ => return None,
    })
}

/// A model without weights, for tests of loading and unloading: it says nothing about accuracy.
#[cfg(any(test, feature = "whisper"))]
#[doc(hidden)]
pub fn empty_model() -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |number: u32| out.extend(number.to_le_bytes());
    put(MAGIC);
    // 50257 words and the signs behind them, as an English model has them; one layer of 64 each.
    [51_864, 1_500, 64, 1, 1, 448, 64, 1, 1, 80, 1].into_iter().for_each(&mut put);
    put(80);
    put(201);
    (0..80 * 201).for_each(|_| put(0));
    put(50_257);
    for token in 0..50_257u32 {
        // Token 220 has to be a blank: it is looked for by its text.
        let text = if token == 220 { " ".to_string() } else { format!("t{token}") };
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    /// The same with all tensors, each of one number.
    fn full_model() -> Vec<u8> {
        let mut out = empty_model();
        for n in 0..50u32 {
            let name = format!("tensor{n}");
            for number in [1, name.len() as u32, 0, 1] {
                out.extend(number.to_le_bytes());
            }
            out.extend(name.as_bytes());
            out.extend([0; 4]);
        }
        out
    }

    fn look(bytes: &[u8], empty: bool) -> Result<Header, Fault> {
        Walk { reader: Cursor::new(bytes), at: 0, bytes: bytes.len() as u64 }.header(empty)
    }

    #[test]
    fn a_whole_model_passes_and_an_empty_one_only_in_tests() {
        let header = look(&full_model(), false).unwrap();
        assert_eq!((header.tensors, header.audio_layers, header.vocabulary), (50, 1, 51_864));
        assert!(!header.is_multilingual());
        assert_eq!(look(&empty_model(), true).unwrap().tensors, 0);
        assert_eq!(look(&empty_model(), false).unwrap_err(), "it has no weights");
    }

    #[test]
    fn every_fault_is_named() {
        let full = full_model();
        assert_eq!(look(b"GGUF", false).unwrap_err(), "it does not begin like a ggml file of Whisper");
        assert_eq!(look(&full[..1000], true).unwrap_err(), "it ends after 1000 bytes, in the middle of something");
        let less = look(&full[..full.len() - 28], false).unwrap_err();
        assert!(less.starts_with("it has 49 of its 50") || less.starts_with("it ends after"), "{less}");
        let mut wrong = full.clone();
        wrong[20] = 0;
        assert_eq!(look(&wrong, false).unwrap_err(), "its number of audio layers is 0");
        let path = Path::new("/no/such/model.bin");
        assert_eq!(check(path, false).unwrap_err().kind(), Kind::NotFound);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn a_model_that_ends_early_never_passes(cut in 0usize..10_000) {
            let full = full_model();
            // Near the end, where tensors are, and near the beginning.
            prop_assert!(look(&full[..full.len() - 1 - cut.min(1400)], false).is_err());
            prop_assert!(look(&full[..cut], true).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut all = empty_model()[..48].to_vec();
            all.extend(bytes);
            let _ = look(&all, true);
        }
    }
}
