//! Something that must not be there, asked in steps that every Tantivy scorer allows.
//!
//! To leave things out Tantivy 0.27 asks "is it this one?" with `seek_danger`, also about things before the next match;
//! its phrases object to that where debug assertions are on. Here the question goes through `seek`, as the rules of a
//! `DocSet` have it.

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TantivyError};

/// A query that is asked so.
#[derive(Debug)]
pub(super) struct Apart(pub(super) Box<dyn Query>);

impl Clone for Apart {
    fn clone(&self) -> Self {
        Apart(self.0.box_clone())
    }
}

impl Query for Apart {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(ApartWeight(self.0.weight(scoring)?)))
    }
}

struct ApartWeight(Box<dyn Weight>);

impl Weight for ApartWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        Ok(Box::new(Steps(self.0.scorer(reader, boost)?)))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut scorer = self.scorer(reader, 1.0)?;
        if scorer.doc() > doc || scorer.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("apart", scorer.score()))
    }
}

/// Leaves `seek_danger` to its default, which looks where it stands and then seeks.
struct Steps(Box<dyn Scorer>);

impl DocSet for Steps {
    fn advance(&mut self) -> DocId {
        self.0.advance()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        self.0.seek(target)
    }

    fn doc(&self) -> DocId {
        self.0.doc()
    }

    fn size_hint(&self) -> u32 {
        self.0.size_hint()
    }
}

impl Scorer for Steps {
    fn score(&mut self) -> Score {
        self.0.score()
    }
}
