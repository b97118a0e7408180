//! How many of all things found are of each kind, role, model, source, status and tag.

use std::collections::{BTreeMap, HashMap};

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::StrColumn;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use super::doc::Doc;
use super::query::kind_name;
use super::schema::COUNTED;

/// Values of a field that are told, the most frequent ones.
const TOLD: usize = 20;

/// Counts over everything that was found, not only what is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Facets {
    /// Things found.
    pub total: u64,
    /// By field (`kind`, `role`, `model`, `source`, `status`, `tag`): each value and how often, the most frequent first.
    pub fields: BTreeMap<String, Vec<(String, u64)>>,
}

/// Counts that are still growing: for each of [`COUNTED`] its values.
#[derive(Debug, Default)]
pub(super) struct Counts {
    total: u64,
    values: [HashMap<String, u64>; COUNTED.len()],
}

impl Counts {
    /// Counts a thing that is not in the index.
    pub(super) fn add(&mut self, doc: &Doc<'_>) {
        self.total += 1;
        for (name, counts) in COUNTED.iter().zip(&mut self.values) {
            let one = |text: &str| (!text.is_empty()).then(|| text.to_string());
            let values: Vec<String> = match *name {
                "kind" => one(doc.kind.name()).into_iter().collect(),
                "role" => one(doc.role).into_iter().collect(),
                "model" => one(doc.model).into_iter().collect(),
                "source" => one(doc.source).into_iter().collect(),
                "status" => one(doc.status).into_iter().collect(),
                _ => doc.tags.clone(),
            };
            for value in values {
                *counts.entry(value).or_default() += 1;
            }
        }
    }

    pub(super) fn finish(self) -> Facets {
        let mut fields = BTreeMap::new();
        for (name, counts) in COUNTED.iter().zip(self.values) {
            let named = |value: String| if *name == "kind" { kind_name(&value).to_string() } else { value };
            let mut list: Vec<(String, u64)> = counts.into_iter().map(|(value, n)| (named(value), n)).collect();
            list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            list.truncate(TOLD);
            if !list.is_empty() {
                fields.insert((*name).to_string(), list);
            }
        }
        Facets { total: self.total, fields }
    }
}

/// Collects [`Counts`] from an index.
pub(super) struct Counting;

/// The counts of one segment: by the numbers of the values in its columns.
pub(super) struct Segment {
    total: u64,
    columns: Vec<(Option<StrColumn>, Vec<u64>)>,
}

impl Collector for Counting {
    type Fruit = Counts;
    type Child = Segment;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<Segment> {
        let mut columns = Vec::with_capacity(COUNTED.len());
        for name in COUNTED {
            let column = segment.fast_fields().str(name)?;
            let values = column.as_ref().map_or(0, |column| column.num_terms());
            columns.push((column, vec![0; values]));
        }
        Ok(Segment { total: 0, columns })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Counts>>) -> tantivy::Result<Counts> {
        let mut all = Counts::default();
        for counts in segments {
            let counts = counts?;
            all.total += counts.total;
            for (sum, part) in all.values.iter_mut().zip(counts.values) {
                for (value, n) in part {
                    *sum.entry(value).or_default() += n;
                }
            }
        }
        Ok(all)
    }
}

impl SegmentCollector for Segment {
    type Fruit = tantivy::Result<Counts>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.total += 1;
        for (column, counts) in &mut self.columns {
            let Some(column) = column else { continue };
            for value in column.term_ords(doc) {
                if let Some(n) = usize::try_from(value).ok().and_then(|at| counts.get_mut(at)) {
                    *n += 1;
                }
            }
        }
    }

    fn harvest(self) -> tantivy::Result<Counts> {
        let mut counts = Counts { total: self.total, ..Counts::default() };
        for ((column, numbers), values) in self.columns.into_iter().zip(&mut counts.values) {
            let Some(column) = column else { continue };
            for (at, n) in numbers.into_iter().enumerate().filter(|(_, n)| *n > 0) {
                let mut value = String::new();
                column.ord_to_str(at as u64, &mut value)?;
                values.insert(value, n);
            }
        }
        Ok(counts)
    }
}
