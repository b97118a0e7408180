//! Reads what `/metrics` says, and makes of two readings what a person wants to know: how much a second, how long.

use std::collections::BTreeMap;

/// One reading: series by name and labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading(BTreeMap<String, Vec<(Labels, f64)>>);

type Labels = BTreeMap<String, String>;

/// What of one thing happened between two readings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// The thing: a route with its method, a command, a provider.
    pub name: String,
    /// How often.
    pub count: f64,
    /// Of these: not well.
    pub failed: f64,
    /// Seconds that half of them took at most.
    pub p50: f64,
    /// That 95 of 100 took at most.
    pub p95: f64,
    /// That 99 of 100 took at most.
    pub p99: f64,
}

impl Reading {
    /// Reads the text; lines that are none are left out.
    pub fn parse(text: &str) -> Reading {
        let mut all: BTreeMap<String, Vec<(Labels, f64)>> = BTreeMap::new();
        for (name, labels, value) in text.lines().filter_map(sample) {
            all.entry(name).or_default().push((labels, value));
        }
        Reading(all)
    }

    /// The sum of all series of a name.
    pub fn sum(&self, name: &str) -> f64 {
        self.0.get(name).into_iter().flatten().map(|(_, value)| value).sum()
    }

    /// The series of a name, each by one of its labels.
    pub fn by(&self, name: &str, label: &str) -> Vec<(String, f64)> {
        let named = |(labels, value): &(Labels, f64)| Some((labels.get(label)?.clone(), *value));
        self.0.get(name).into_iter().flatten().filter_map(named).collect()
    }

    /// What a histogram counted since `before`, by what `name` makes of the labels, the most frequent first; `failed` says
    /// of which labels it did not go well.
    pub fn lines(
        &self,
        before: &Reading,
        histogram: &str,
        name: &dyn Fn(&BTreeMap<String, String>) -> String,
        failed: &dyn Fn(&BTreeMap<String, String>) -> bool,
    ) -> Vec<Line> {
        let series = format!("{histogram}_bucket");
        let mut found: BTreeMap<String, (BTreeMap<u64, f64>, f64)> = BTreeMap::new();
        for (labels, value) in self.0.get(&series).into_iter().flatten() {
            let Some(bound) = labels.get("le").and_then(|le| limit(le)) else { continue };
            let was = before.0.get(&series).into_iter().flatten().find(|(old, _)| old == labels);
            let more = (value - was.map_or(0.0, |(_, value)| *value)).max(0.0);
            let (buckets, bad) = found.entry(name(labels)).or_default();
            // Positive numbers are ordered as their bits are.
            *buckets.entry(bound.to_bits()).or_default() += more;
            if bound.is_infinite() && failed(labels) {
                *bad += more;
            }
        }
        let line = |(name, (buckets, failed)): (String, (BTreeMap<u64, f64>, f64))| {
            let buckets: Vec<(f64, f64)> = buckets.into_iter().map(|(bits, n)| (f64::from_bits(bits), n)).collect();
            let count = buckets.last().map_or(0.0, |last| last.1);
            let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| quantile(&buckets, part));
            Line { name, count, failed, p50, p95, p99 }
        };
        let mut lines: Vec<Line> = found.into_iter().map(line).filter(|line| line.count > 0.0).collect();
        lines.sort_by(|a, b| b.count.total_cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        lines
    }
}

/// Where a part of what was counted ends, straight between the bounds of its bucket, as Prometheus has it.
fn quantile(buckets: &[(f64, f64)], part: f64) -> f64 {
    let Some((_, all)) = buckets.last() else { return 0.0 };
    let wanted = all * part;
    let (mut low, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= wanted && *count > below {
            if bound.is_infinite() {
                return low;
            }
            return low + (bound - low) * ((wanted - below) / (count - below)).clamp(0.0, 1.0);
        }
        (low, below) = (*bound, *count);
    }
    low
}

fn limit(text: &str) -> Option<f64> {
    if text == "+Inf" { Some(f64::INFINITY) } else { text.parse().ok().filter(|bound: &f64| *bound >= 0.0) }
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ')?;
        return Some((name.to_string(), Labels::new(), value.trim().parse().ok()?));
    };
    let (mut labels, mut rest) = (Labels::new(), rest);
    loop {
        rest = rest.trim_start_matches(',');
        if let Some(value) = rest.strip_prefix('}') {
            let value = value.split_whitespace().next()?;
            return Some((name.to_string(), labels, value.parse().ok()?));
        }
        let (label, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(label.to_string(), value);
        rest = after;
    }
}

/// A value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// Eight heights of a line of figures, the highest of them full.
pub fn sparkline(values: &[f64]) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = values.iter().copied().fold(0.0, f64::max);
    let height = |value: &f64| match most > 0.0 {
        true => HEIGHTS[((value / most * 7.0).round() as usize).min(7)],
        false => HEIGHTS[0],
    };
    values.iter().map(height).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_what_came_between_two_readings() {
        let text = |fast: u32, all: u32, bad: u32| {
            let series = |status: &str, le: &str, n: u32| {
                format!("h_bucket{{route=\"/x\",status=\"{status}\",le=\"{le}\"}} {n}\n")
            };
            [
                series("200", "0.125", fast),
                series("200", "+Inf", all),
                series("500", "0.125", 0),
                series("500", "+Inf", bad),
            ]
            .concat()
        };
        let (before, after) = (Reading::parse(&text(10, 10, 0)), Reading::parse(&text(18, 20, 2)));
        let route = |labels: &BTreeMap<String, String>| labels["route"].clone();
        let lines = after.lines(&before, "h", &route, &|labels| labels["status"].starts_with('5'));
        let line = Line { name: "/x".into(), count: 12.0, failed: 2.0, p50: 0.09375, p95: 0.125, p99: 0.125 };
        assert_eq!(lines, [line]);
    }

    #[test]
    fn series_are_read_with_their_labels() {
        let reading = Reading::parse(
            "# HELP x X.\nx 3\njobs{status=\"a \\\"b\\\\\"} 2 17\njobs{status=\"c\",o=\"p\"} 1.5\nbroken{a=\"b\n",
        );
        assert_eq!((reading.sum("x"), reading.sum("jobs"), reading.sum("broken")), (3.0, 3.5, 0.0));
        assert_eq!(reading.by("jobs", "status"), [("a \"b\\".to_string(), 2.0), ("c".to_string(), 1.5)]);
        assert_eq!(sparkline(&[0.0, 1.0, 8.0]), "▁▂█");
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,200}") {
            Reading::parse(&text);
        }
    }
}
