//! Moments as people write them.

use crate::kernel::clock::Timestamp;
use crate::kernel::duration::parse_ms;
use crate::kernel::error::{Error, Kind, Result};

/// A moment: a length of time ago, a date, or an instant.
///
/// # Errors
/// `Usage` for what is none.
pub fn when(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Some(ms) = parse_ms(text).filter(|_| !text.chars().all(|c| c.is_ascii_digit())) {
        return Ok(now.plus_micros(-i64::try_from(ms.saturating_mul(1000)).unwrap_or(i64::MAX)));
    }
    let full = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_string() };
    full.parse().map_err(|_| {
        Error::new(Kind::Usage, format!("`{text}` is no time")).hint("write 2h, 3d, 2026-01-31 or 2026-01-31T12:00:00Z")
    })
}
