//! Lengths of time as people write them: `500ms`, `10s`, `5m`, `1h30m`, `2d`; a bare number means seconds.

/// Milliseconds of a written length of time; `None` when it is none.
///
/// Units: `ms`, `s`, `m`, `h`, `d`. Several may follow each other. Fractions are allowed (`1.5s`).
pub fn parse_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    let mut total = 0f64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|at| *at > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_len = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        total += number * unit_ms(&rest[..unit_len])?;
        rest = rest[unit_len..].trim_start();
    }
    (total.is_finite() && total < 1e15).then_some(total.round() as u64)
}

fn unit_ms(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" => 1.0,
        "s" | "sec" | "secs" => 1e3,
        "m" | "min" | "mins" => 60e3,
        "h" | "hour" | "hours" => 3600e3,
        "d" | "day" | "days" => 86400e3,
        _ => return None,
    })
}

/// A length of time for a person: `412 ms`, `3.2 s`, `2m 05s`, `1h 03m`, `9d 23h`.
pub fn human_ms(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1000..=59_999 => format!("{:.1} s", ms as f64 / 1000.0),
        60_000..=3_599_999 => format!("{}m {:02}s", ms / 60_000, ms % 60_000 / 1000),
        3_600_000..=172_799_999 => format!("{}h {:02}m", ms / 3_600_000, ms % 3_600_000 / 60_000),
        _ => format!("{}d {:02}h", ms / 86_400_000, ms % 86_400_000 / 3_600_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_lengths_are_read() {
        let read: Vec<Option<u64>> =
            ["10", "10s", "500ms", "1h30m", "1.5s", "2 d", "", "x", "5 parsecs", "1e9", "-3s", "99999999999999999999"]
                .iter()
                .map(|t| parse_ms(t))
                .collect();
        let want = [
            Some(10_000),
            Some(10_000),
            Some(500),
            Some(5_400_000),
            Some(1500),
            None,
            None,
            None,
            None,
            None,
            None,
            None,
        ];
        assert_eq!(read, want);
    }

    #[test]
    fn lengths_are_said_shortly() {
        let said: Vec<String> = [7, 3210, 125_000, 3_780_000, 860_400_000].iter().map(|m| human_ms(*m)).collect();
        assert_eq!(said, ["7 ms", "3.2 s", "2m 05s", "1h 03m", "9d 23h"]);
    }
}
