//! From the text of OpenMetrics to that of Prometheus (version 0.0.4), in which a counter's own name ends in `_total`.

use std::collections::BTreeSet;

/// The media type.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The same figures in the older form, which everybody reads.
pub(super) fn plain(open: &str) -> String {
    let counters: BTreeSet<&str> = open
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .filter(|(_, kind)| *kind == "counter")
        .map(|(name, _)| name)
        .collect();
    let mut text = String::with_capacity(open.len() + 256);
    for line in open.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        let about = line
            .strip_prefix("# HELP ")
            .map(|rest| ("HELP", rest))
            .or(line.strip_prefix("# TYPE ").map(|rest| ("TYPE", rest)));
        match about.and_then(|(word, rest)| Some((word, rest.split_once(' ')?))) {
            Some((word, (name, rest))) if counters.contains(name) => {
                text.push_str(&format!("# {word} {name}_total {rest}\n"));
            }
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_called_as_their_samples() {
        let open = "# HELP panics Tasks.\n# TYPE panics counter\npanics_total 1\n# HELP jobs Jobs.\n# TYPE jobs gauge\n\
                    jobs{status=\"done\"} 2\n# EOF\n";
        assert_eq!(
            plain(open),
            "# HELP panics_total Tasks.\n# TYPE panics_total counter\npanics_total 1\n# HELP jobs Jobs.\n\
             # TYPE jobs gauge\njobs{status=\"done\"} 2\n"
        );
    }
}
