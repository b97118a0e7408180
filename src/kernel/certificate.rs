//! When a certificate ends: as much of X.509 (RFC 5280, 4.1) as it takes to find `notAfter`.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::kernel::clock::Timestamp;
use crate::kernel::files;

/// The largest file that is read, bytes.
const LARGEST: u64 = 1 << 20;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which stands only where it is not the first.
const VERSION: u8 = 0xa0;

/// When the first certificate of a file in PEM form ends; `None` when that cannot be read from it.
pub fn ends(file: &Path) -> Option<Timestamp> {
    let text = files::read_text(file, LARGEST).ok()??;
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END")?;
    let body: String = body.split_ascii_whitespace().collect();
    not_after(&STANDARD.decode(body).ok()?)
}

/// When the certificate in DER form ends; `None` when it is none.
pub fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = inside(der, SEQUENCE)?;
    let (mut rest, _) = inside(certificate, SEQUENCE)?;
    if rest.first() == Some(&VERSION) {
        rest = value(rest)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        rest = value(rest)?.2;
    }
    let (validity, _) = inside(rest, SEQUENCE)?;
    let (_, _, end) = value(validity)?;
    let (tag, text, _) = value(end)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// The first value: its tag, what is in it, and what follows.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((*tag, inside, rest))
}

fn inside(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, inside, rest) = value(der)?;
    (tag == wanted).then_some((inside, rest))
}

/// `YYMMDDHHMMSSZ`, where years from 50 on are of the last century, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let full = match (tag, digits.len()) {
        (UTC_TIME, 12) => format!("{}{digits}", if digits < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => digits.to_string(),
        _ => return None,
    };
    let part = |from: usize, to: usize| &full[from..to];
    let (date, clock) = ((part(0, 4), part(4, 6), part(6, 8)), (part(8, 10), part(10, 12), part(12, 14)));
    format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, clock.0, clock.1, clock.2).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_of_time_are_read() {
        assert_eq!(time(UTC_TIME, "270102030405Z").unwrap().to_string(), "2027-01-02T03:04:05.000000Z");
        assert_eq!(time(UTC_TIME, "990102030405Z").unwrap().to_string(), "1999-01-02T03:04:05.000000Z");
        assert_eq!(time(GENERALIZED_TIME, "20510102030405Z").unwrap().to_string(), "2051-01-02T03:04:05.000000Z");
        assert_eq!(time(UTC_TIME, "270102030405"), None);
        assert_eq!(time(UTC_TIME, "271302030405Z"), None);
    }

    proptest! {
        #[test]
        fn whatever_it_is_given_it_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            not_after(&bytes);
        }
    }
}
