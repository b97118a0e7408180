//! Attachments: from a file's bytes to a part of a message.
//!
//! What a file is, its bytes say, never its name. Text becomes a text part that says which file it was; pictures, sound
//! and PDF become file parts. It does not know which model takes what: the provider refuses what it cannot send.
//!
//! The magic numbers are those of the MIME Sniffing standard (<https://mimesniff.spec.whatwg.org/>, sections 6.1 to 6.3)
//! and, for what it does not list, of the formats' own texts (RFC 9639 for FLAC, ISO 14496-12 for `ftyp` brands).

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::kernel::error::{Context, Error, Kind, Result};
use crate::kernel::terminal::safe_line;
use crate::providers::model::Part;

/// The name of what came through stdin.
pub const STDIN: &str = "standard input";

/// First bytes, where they stand, and what they mean.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBPVP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS\0", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftypqt  ", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
];

/// What a file is by its first bytes: `text/plain` for text in UTF-8 or UTF-16, `None` for what nobody knows.
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    // Words may begin like a magic number (`ID3 tags …`); no picture and no sound is text from end to end. PDF may be.
    if !bytes.starts_with(b"%PDF-") && text(bytes).is_some() {
        return Some("text/plain");
    }
    let riff = bytes.starts_with(b"RIFF");
    let fits = |(at, magic, _): &&(usize, &[u8], &str)| {
        bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)) && (*at != 8 || riff)
    };
    if let Some((_, _, mime)) = MAGIC.iter().find(fits) {
        return Some(mime);
    }
    // Weak marks come last: two letters, or the frame sync of an MP3 without a tag.
    match bytes {
        [b'B', b'M', ..] => Some("image/bmp"),
        [0xff, second, ..] if second & 0xe6 == 0xe2 => Some("audio/mpeg"),
        _ => None,
    }
}

/// The text of these bytes, without its byte order mark; `None` where they are something else.
fn text(bytes: &[u8]) -> Option<String> {
    let decoded = match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok()?.to_string(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        plain => std::str::from_utf8(plain).ok()?.to_string(),
    };
    (!decoded.contains('\0')).then_some(decoded)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    String::from_utf16(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>()).ok()
}

/// A part from a file that was named on the command line; `-` reads `stdin`. `limit` is in bytes.
///
/// # Errors
/// `NotFound` for a missing file; `Usage` for a folder, a device, a pipe; `BadData` for one that is too large, empty or
/// of an unknown kind. Each names the file and the way forward.
pub fn read(name: &str, stdin: &mut dyn Read, limit: u64) -> Result<Part> {
    let bytes = match name {
        "-" => {
            let mut bytes = Vec::new();
            take(stdin, limit, &mut bytes).context(Kind::Failed, || "cannot read stdin".to_string())?;
            bytes
        }
        path => of_file(Path::new(path), limit)?,
    };
    part(if name == "-" { STDIN } else { name }, bytes, limit)
}

/// A part from bytes. `name` is for people and the model; it decides nothing.
///
/// # Errors
/// `BadData` as for [`read`].
pub fn part(name: &str, bytes: Vec<u8>, limit: u64) -> Result<Part> {
    let shown = safe_line(name).into_owned();
    if bytes.len() as u64 > limit {
        return Err(too_large(&shown, limit));
    }
    if bytes.is_empty() {
        return Err(Error::new(Kind::BadData, format!("{shown} is empty")).hint("there is nothing to attach"));
    }
    let last = Path::new(name).file_name().map_or_else(|| shown.clone(), |n| n.to_string_lossy().into_owned());
    match sniff(&bytes) {
        Some("text/plain") => Ok(Part::text(labelled(&shown, &text(&bytes).unwrap_or_default()))),
        Some(mime) if is_sendable(mime) => Ok(Part::File {
            mime: mime.to_string(),
            name: safe_line(&last).into_owned(),
            data: STANDARD.encode(&bytes),
            url: None,
        }),
        Some(mime) => Err(Error::new(Kind::BadData, format!("{shown} is {mime}, which no model reads"))
            .hint("attach what is in it: text, a picture, sound or a PDF")),
        None => Err(Error::new(Kind::BadData, format!("{shown} is neither text nor of a known kind"))
            .hint("text must be UTF-8 or UTF-16: iconv -f latin1 -t utf8 FILE | fac ask -f -")),
    }
}

/// Whether models of some vendor take it: pictures, sound, film, PDF.
fn is_sendable(mime: &str) -> bool {
    mime == "application/pdf" || ["image/", "audio/", "video/"].iter().any(|family| mime.starts_with(family))
}

/// The text of a file below a line with its name, in a fence that no text can end.
fn labelled(name: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("File: {name}\n{fence}\n{text}{end}{fence}\n")
}

fn of_file(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let shown = safe_line(&path.to_string_lossy()).into_owned();
    // Opening must not wait for the other end of a pipe; what was opened is looked at, not what the name says.
    let flags = i32::try_from((rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits()).unwrap_or(0);
    // A device may act on being opened, so it is not opened at all.
    let before = fs::metadata(path).map_err(|error| missing(&shown, error))?;
    special(&before, &shown)?;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| missing(&shown, error))?;
    let meta = file.metadata().context(Kind::Failed, || format!("cannot read {shown}"))?;
    special(&meta, &shown)?;
    if meta.len() > limit {
        return Err(too_large(&shown, limit));
    }
    let mut bytes = Vec::new();
    take(&mut &file, limit, &mut bytes).context(Kind::Failed, || format!("cannot read {shown}"))?;
    Ok(bytes)
}

/// Reads one byte more than allowed, so that the caller sees that there was more.
fn take(from: &mut dyn Read, limit: u64, bytes: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(limit.saturating_add(1)).read_to_end(bytes)
}

fn special(meta: &fs::Metadata, shown: &str) -> Result<()> {
    let kind = meta.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let (what, hint) = if kind.is_dir() {
        ("a folder", format!("name the files in it, such as {}/*.md", shown.trim_end_matches('/')))
    } else if kind.is_fifo() || kind.is_socket() {
        ("a pipe", format!("read it into stdin: cat {shown} | fac ask -f -"))
    } else {
        ("a device", "attach a file, or pipe text in and name it -".to_string())
    };
    Err(Error::new(Kind::Usage, format!("{shown} is {what}, not a file")).hint(hint))
}

fn missing(shown: &str, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Kind::NotFound, format!("there is no file {shown}")).hint("check the name, or use - for stdin")
        }
        _ => Error::new(Kind::Failed, format!("cannot read {shown}")).because(error),
    }
}

fn too_large(shown: &str, limit: u64) -> Error {
    let (number, unit) = if limit >= 1 << 20 { (limit >> 20, "MB") } else { (limit, "bytes") };
    Error::new(Kind::BadData, format!("{shown} is larger than the {number} {unit} allowed for an attachment"))
        .hint("attach a part of it, or raise the limit: fac config set chat.max_attachment_mb NUMBER")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn bytes_say_what_a_file_is() {
        let cases: &[(&[u8], Option<&str>)] = &[
            (b"\x89PNG\r\n\x1a\n....", Some("image/png")),
            (b"\xff\xd8\xff\xe0..", Some("image/jpeg")),
            (b"GIF89a\0.", Some("image/gif")),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 \0", Some("image/webp")),
            (b"RIFF\x01\x02\x03\x04WAVEfmt \0", Some("audio/wav")),
            (b"%PDF-1.7\n%\xe2\xe3", Some("application/pdf")),
            (b"ID3\x04\0\0", Some("audio/mpeg")),
            (b"\xff\xfb\x90\x64\0", Some("audio/mpeg")),
            (b"OggS\0\x02", Some("audio/ogg")),
            (b"\0\0\0\x1cftypisom", Some("video/mp4")),
            (b"\0\0\0\x1cftypM4A ", Some("audio/mp4")),
            (b"PK\x03\x04\x14\0", Some("application/zip")),
            (b"BM\x01\0\0\0", Some("image/bmp")),
            (b"BMW is a text", Some("text/plain")),
            (b"ID3 tags are old", Some("text/plain")),
            ("häuser\n".as_bytes(), Some("text/plain")),
            (b"\xef\xbb\xbfx", Some("text/plain")),
            (b"\xff\xfea\0b\0", Some("text/plain")),
            (b"abcdefghWAVE", Some("text/plain")),
            (b"a\0b", None),
            (b"h\xe4user", None),
            (b"\x80\x81", None),
            (b"", Some("text/plain")),
        ];
        for (bytes, wanted) in cases {
            assert_eq!(sniff(bytes), *wanted, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn names_decide_nothing() {
        let Part::File { mime, name, data, .. } = part("a/b.exe", b"\x89PNG\r\n\x1a\nx".to_vec(), LIMIT).unwrap()
        else {
            panic!("a picture is a file part")
        };
        assert_eq!((mime.as_str(), name.as_str(), data.as_str()), ("image/png", "b.exe", "iVBORw0KGgp4"));
        assert_eq!(part("x.png", b"hi".to_vec(), LIMIT).unwrap(), Part::text("File: x.png\n```\nhi\n```\n"));
    }

    #[test]
    fn a_text_cannot_leave_its_fence_and_a_name_cannot_leave_its_line() {
        let text = part("a\nb.md", b"```sh\nx\n````\n".to_vec(), LIMIT).unwrap();
        let Part::Text { text } = text else { panic!("text") };
        assert!(text.ends_with("\n`````\n```sh\nx\n````\n`````\n"), "{text}");
        assert_eq!(text.lines().count(), 6, "{text}");
    }

    #[test]
    fn refusals_name_the_file_and_the_way_forward() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).to_str().unwrap().to_string();
        let refused = |name: &str| {
            let error = read(name, &mut std::io::empty(), 8).unwrap_err();
            let text = error.message().replace(root.path().to_str().unwrap(), "DIR");
            (error.kind(), text, error.way_forward().unwrap_or_default().replace(root.path().to_str().unwrap(), "DIR"))
        };
        fs::write(path("big"), "123456789").unwrap();
        fs::write(path("void"), "").unwrap();
        fs::write(path("blob"), b"\x80\0\x80").unwrap();
        fs::write(path("zip"), b"PK\x03\x04\x14\0").unwrap();
        fs::create_dir(path("dir")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("fifo"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        std::os::unix::fs::symlink(path("fifo"), path("link")).unwrap();
        let raise = "attach a part of it, or raise the limit: fac config set chat.max_attachment_mb NUMBER";
        let table = [
            ("none", Kind::NotFound, "there is no file DIR/none", "check the name, or use - for stdin"),
            ("big", Kind::BadData, "DIR/big is larger than the 8 bytes allowed for an attachment", raise),
            ("void", Kind::BadData, "DIR/void is empty", "there is nothing to attach"),
            ("dir", Kind::Usage, "DIR/dir is a folder, not a file", "name the files in it, such as DIR/dir/*.md"),
            ("fifo", Kind::Usage, "DIR/fifo is a pipe, not a file", "read it into stdin: cat DIR/fifo | fac ask -f -"),
            ("link", Kind::Usage, "DIR/link is a pipe, not a file", "read it into stdin: cat DIR/link | fac ask -f -"),
            (
                "blob",
                Kind::BadData,
                "DIR/blob is neither text nor of a known kind",
                "text must be UTF-8 or UTF-16: iconv -f latin1 -t utf8 FILE | fac ask -f -",
            ),
            (
                "zip",
                Kind::BadData,
                "DIR/zip is application/zip, which no model reads",
                "attach what is in it: text, a picture, sound or a PDF",
            ),
        ];
        for (name, kind, message, hint) in table {
            assert_eq!(refused(&path(name)), (kind, message.to_string(), hint.to_string()));
        }
        assert_eq!(refused("/dev/zero").1, "/dev/zero is a device, not a file");
    }

    #[test]
    fn stdin_is_read_to_the_limit_and_named() {
        let with = |bytes: &'static [u8]| read("-", &mut &bytes[..], 4);
        assert_eq!(with(b"abcd").unwrap(), Part::text("File: standard input\n```\nabcd\n```\n"));
        let error = read("-", &mut std::io::repeat(b'x'), 4).unwrap_err();
        assert_eq!(error.message(), "standard input is larger than the 4 bytes allowed for an attachment");
        assert_eq!(with(b"").unwrap_err().message(), "standard input is empty");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_part_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64), name in any::<String>()) {
            let _ = part(&name, bytes, LIMIT);
        }

        #[test]
        fn text_arrives_whole(words in "[^\0\u{feff}]{1,80}") {
            let Part::Text { text } = part("n", words.clone().into_bytes(), LIMIT).unwrap() else { panic!("text") };
            let kept = text.contains(&words);
            prop_assert!(kept);
        }
    }
}
