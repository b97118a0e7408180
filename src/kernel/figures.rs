//! Numbers as people read them: money, tokens, bytes.

/// Millionths of a dollar, with as many places as small sums need.
pub fn dollars(micros: i64) -> String {
    let sum = micros as f64 / 1e6;
    if micros == 0 {
        "$0".to_string()
    } else if micros < 10_000 {
        format!("${sum:.6}")
    } else {
        format!("${sum:.4}")
    }
}

/// A count in few letters.
pub fn short(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{}k", count / 1000),
        _ => format!("{}M", count / 1_000_000),
    }
}

/// A number of things in words: `1 command`, `2 commands`.
pub fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A lying bar of at most `width` columns for `value` of `most`, drawn with eighths of a character.
pub fn bar(value: u64, most: u64, width: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = u128::from(value) * (width as u128) * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(0).min(width * 8);
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// Bytes in few letters: `512 B`, `14.2 MB` (powers of ten).
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut size = count as f64;
    if count < 1000 {
        return format!("{count} B");
    }
    let mut unit = 0;
    size /= 1000.0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// The value below which `percent` of a hundred lie (nearest rank); `values` are in order.
pub fn percentile(values: &[u64], percent: usize) -> Option<u64> {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// A sign as high as `value` is beside `most`.
pub fn spark(value: u64, most: u64) -> char {
    const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    SIGNS[usize::try_from(u128::from(value) * 7 / u128::from(most.max(1))).unwrap_or(7).min(7)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        assert_eq!([dollars(0), dollars(1234), dollars(2_500_000)], ["$0", "$0.001234", "$2.5000"]);
        assert_eq!([short(9_999), short(10_000), short(12_345_678)], ["9999", "10k", "12M"]);
        assert_eq!(
            [bytes(999), bytes(1000), bytes(14_230_000), bytes(999_960)],
            ["999 B", "1.0 kB", "14.2 MB", "1.0 MB"]
        );
    }

    #[test]
    fn a_bar_grows_by_eighths_and_never_beyond_its_place() {
        assert_eq!([bar(0, 192, 24), bar(1, 192, 24), bar(9, 192, 24)], ["", "▏", "█▏"]);
        assert_eq!(bar(192, 192, 24), "█".repeat(24));
        assert_eq!([bar(0, 10, 8), bar(10, 10, 3), bar(5, 10, 3), bar(20, 10, 3)], ["", "███", "█▌", "███"]);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<u64> = (1..=20).collect();
        assert_eq!(
            (percentile(&values, 50), percentile(&values, 95), percentile(&[7], 95)),
            (Some(10), Some(19), Some(7))
        );
        assert_eq!(percentile(&[], 50), None);
    }
}
