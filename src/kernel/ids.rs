//! Names for things: UUIDv7 ids that grow with time, and W3C trace ids.
//!
//! Ids are made by a value that is passed in; a seeded one gives the same ids in each test. It knows
//! nothing of what an id names.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Context, Error, Kind, Result};

/// A UUIDv7 (RFC 9562): 48 bits of milliseconds since 1970, then randomness. Its text sorts by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Uuid);

impl Id {
    /// Milliseconds since 1970 that the id carries.
    pub fn millis(self) -> u64 {
        (self.0.as_u128() >> 80) as u64
    }

    /// Its 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// The id of these bytes, as [`Id::to_bytes`] gave them.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Id(Uuid::from_bytes(bytes))
    }

    /// The eight characters at the end, which differ even between ids of one moment.
    pub fn tail(self) -> String {
        let text = self.to_string();
        text[text.len() - 8..].to_string()
    }

    /// The smallest id of the moment `at`: every id made then or later is not below it.
    pub fn floor(at: Timestamp) -> Self {
        Id(build(at.as_millis(), 0))
    }
}

/// Hyphenated lower-case hex, 36 characters.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads any usual spelling of a UUID.
impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::parse_str(text).map(Id).context(Kind::Usage, || format!("{text:?} is no id"))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What ties everything done for one request together: the 16-byte trace id of W3C Trace Context, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// A trace id of these bytes; all zero is not one.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (bytes != [0; 16]).then_some(TraceId(bytes))
    }
}

/// 32 lower-case hex digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads exactly 32 lower-case hex digits, as the W3C asks.
impl FromStr for TraceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Kind::Usage, format!("{text:?} is no trace id"));
        let fits = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !fits {
            return Err(wrong());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong())?;
        TraceId::from_bytes(number.to_be_bytes()).ok_or_else(wrong)
    }
}

/// Makes ids. Clones share one source, so ids of one process always grow.
#[derive(Clone)]
pub struct Ids {
    source: Arc<Mutex<Source>>,
}

struct Source {
    seed: [u8; 32],
    drawn: u64,
    last: u128,
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

impl Ids {
    /// Ids nobody can foresee, seeded once by the operating system.
    pub fn random() -> Self {
        // Each UUIDv7 of the uuid crate holds at least 32 fresh random bits of the system, the first of a process 74.
        let mut hash = Sha256::new();
        for _ in 0..8 {
            hash.update(Uuid::now_v7().as_bytes());
        }
        hash.update(std::process::id().to_le_bytes());
        Self::from_seed(hash.finalize().into())
    }

    /// The same ids each time, for tests. Two processes that share a store need different seeds or different clocks.
    pub fn seeded(seed: u64) -> Self {
        Self::from_seed(Sha256::digest(seed.to_le_bytes()).into())
    }

    fn from_seed(seed: [u8; 32]) -> Self {
        Ids { source: Arc::new(Mutex::new(Source { seed, drawn: 0, last: 0 })) }
    }

    /// The next id, made at `at`. It is above every id made before, even when the clock stood still or went back.
    pub fn next(&self, at: Timestamp) -> Id {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let drawn = u128::from_be_bytes(source.draw());
        let mut id = build(at.as_millis(), drawn);
        if id.as_u128() <= source.last {
            // RFC 9562, 6.2 method 2: the random part of the last id grows by a random step.
            id = above(source.last, 1 + (drawn as u32));
        }
        source.last = id.as_u128();
        Id(id)
    }

    /// A trace id for a new request.
    pub fn trace(&self) -> TraceId {
        let mut bytes = self.bytes16();
        bytes[15] |= u8::from(bytes == [0; 16]);
        TraceId(bytes)
    }

    /// Sixteen bytes nobody can foresee (foreseeable when seeded).
    pub fn bytes16(&self) -> [u8; 16] {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).draw()
    }
}

impl Source {
    /// SHA-256 in counter mode over the seed.
    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let block: [u8; 32] =
            Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_le_bytes()).finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&block[..16]);
        half
    }
}

const RAND_B: u128 = (1 << 62) - 1;

/// A UUIDv7 of these milliseconds and the low 74 bits of `random`.
fn build(millis: u64, random: u128) -> Uuid {
    let time = u128::from(millis & 0xffff_ffff_ffff) << 80;
    let rand_a = ((random >> 62) & 0xfff) << 64;
    Uuid::from_u128(time | (7 << 76) | rand_a | (0b10 << 62) | (random & RAND_B))
}

/// The UUIDv7 `step` above `last`; what overflows the random part moves its time on.
fn above(last: u128, step: u32) -> Uuid {
    let random = (((last >> 64) & 0xfff) << 62 | (last & RAND_B)) + u128::from(step);
    let carry = (random >> 74) as u64;
    build(((last >> 80) as u64).saturating_add(carry), random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOON: i64 = 1_795_219_861_250_000;

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_its_time() {
        let id = Ids::random().next(Timestamp::from_micros(NOON));
        let uuid = Uuid::parse_str(&id.to_string()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.millis(), 1_795_219_861_250);
        assert!(id > Id::floor(Timestamp::from_micros(NOON)));
        assert_eq!(id.tail(), id.to_string()[28..]);
    }

    #[test]
    fn a_seed_gives_the_same_ids_each_time() {
        let (a, b) = (Ids::seeded(7), Ids::seeded(7));
        let at = Timestamp::from_micros(NOON);
        assert_eq!(a.next(at), b.next(at));
        assert_eq!(a.trace(), b.trace());
        assert_ne!(Ids::seeded(8).next(at), Ids::seeded(7).next(at));
        assert_ne!(Ids::random().next(at), Ids::random().next(at));
    }

    #[test]
    fn ids_grow_while_the_clock_stands_still_or_goes_back() {
        let ids = Ids::seeded(1);
        let mut last = ids.next(Timestamp::from_micros(NOON));
        for step in 0..5000 {
            let next = ids.clone().next(Timestamp::from_micros(NOON - step * 1000));
            assert!(next > last, "{next} after {last}");
            last = next;
        }
        assert_eq!(last.millis(), 1_795_219_861_250);
    }

    #[test]
    fn the_random_part_overflows_into_the_time() {
        let full = build(5, u128::MAX).as_u128();
        assert_eq!(above(full, 1), build(6, 0));
    }

    #[test]
    fn a_trace_id_is_read_strictly() {
        let text = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(text.parse::<TraceId>().unwrap().to_string(), text);
        for wrong in [
            "",
            "00000000000000000000000000000000",
            "4BF92F3577B34DA6A3CE929D0E0E4736",
            "+bf92f3577b34da6a3ce929d0e0e4736",
        ] {
            assert_eq!(wrong.parse::<TraceId>().unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_an_id_gives_it_back(micros in 0i64..250_000_000_000_000_000, seed: u64) {
            let id = Ids::seeded(seed).next(Timestamp::from_micros(micros));
            prop_assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
            prop_assert_eq!(id.millis(), (micros / 1000) as u64);
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in "\\PC{0,40}") {
            let _ = text.parse::<Id>();
            let _ = text.parse::<TraceId>();
        }

        #[test]
        fn ids_sort_as_their_text_and_their_time(mut times in proptest::collection::vec(0i64..250_000_000_000_000_000, 2..20)) {
            times.sort_unstable();
            let ids = Ids::seeded(3);
            let made: Vec<Id> = times.iter().map(|t| ids.next(Timestamp::from_micros(*t))).collect();
            prop_assert!(made.windows(2).all(|w| w[0] < w[1] && w[0].to_string() < w[1].to_string()));
        }
    }
}
