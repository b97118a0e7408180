//! Words as they are compared: without case and punctuation, letters beside letters, small numbers as figures.

/// What was heard, word by word: as it is compared, and as it was written.
pub(super) fn heard_words(text: &str) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for written in text.split_whitespace() {
        let written = written.trim_matches(|c: char| !c.is_alphanumeric() && c != '%' && c != '°');
        let plain: String = written.chars().filter(|c| c.is_alphanumeric() || "%°.-".contains(*c)).collect();
        if !plain.is_empty() {
            words.push((plain.to_lowercase(), written.to_string()));
        }
    }
    words
}

/// How alike two words or names are, 0 to 1; what is not alike at all counts as nothing.
pub(super) fn sameness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let (long, short) = (a.chars().count().max(b.chars().count()), a.chars().count().min(b.chars().count()));
    let same = strsim::normalized_damerau_levenshtein(a, b);
    // One letter makes `on` another word than `in`, and leaves `lights` the same as `light`.
    if short < 3 || same < 0.6 || long > 4 * short { 0.0 } else { same }
}

/// A number in figures: `7`, `2.5`, `-3`, `21%`, or in English words up to the millions: `twenty one`.
pub(super) fn number(said: &str) -> Option<String> {
    let figures = said.trim_end_matches(['%', '°']);
    if figures.parse::<f64>().is_ok_and(f64::is_finite) {
        return Some(figures.to_string());
    }
    let (said, minus) = match said.strip_prefix("minus ") {
        Some(rest) => (rest, "-"),
        None => (said, ""),
    };
    let (whole, part) = match said.split_once(" point ") {
        Some((whole, part)) => (whole, Some(part)),
        None => (said, None),
    };
    let whole = counted(whole)?;
    match part {
        None => Some(format!("{minus}{whole}")),
        Some(part) => {
            let digits = part.split_whitespace().map(|word| counted(word).filter(|n| *n < 10));
            let digits: Option<Vec<String>> = digits.map(|digit| digit.map(|n| n.to_string())).collect();
            Some(format!("{minus}{whole}.{}", digits?.concat()))
        }
    }
}

fn counted(said: &str) -> Option<u64> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let (mut total, mut group, mut any) = (0_u64, 0_u64, false);
    for word in said.split([' ', '-']).filter(|word| !word.is_empty() && *word != "and") {
        if let Ok(figures) = word.parse::<u64>() {
            group = group.checked_add(figures)?;
        } else if let Some(small) = SMALL.iter().position(|name| *name == word) {
            group += small as u64;
        } else if let Some(ten) = TENS.iter().position(|name| *name == word) {
            group += 20 + 10 * ten as u64;
        } else if word == "hundred" {
            group = group.max(1).checked_mul(100)?;
        } else if word == "thousand" || word == "million" {
            let scale = if word == "thousand" { 1_000 } else { 1_000_000 };
            total = total.checked_add(group.max(1).checked_mul(scale)?)?;
            group = 0;
        } else {
            return None;
        }
        any = true;
    }
    any.then_some(total.checked_add(group)?)
}
