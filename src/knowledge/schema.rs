//! The fields of the index. A change here makes the index be made again: it is opened with another schema then.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TantivyDocument, TextFieldIndexing, TextOptions,
};

use super::doc::Doc;
use super::words;

#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) kind: Field,
    pub(super) key: Field,
    pub(super) title: Field,
    pub(super) chat: Field,
    pub(super) body: Field,
    pub(super) role: Field,
    /// The model as it is called, for counting.
    pub(super) model: Field,
    /// Its words, for finding.
    pub(super) model_words: Field,
    pub(super) status: Field,
    pub(super) source: Field,
    pub(super) session: Field,
    pub(super) tag: Field,
    pub(super) when: Field,
    pub(super) extra: Field,
}

/// The fields that are counted, with their names.
pub(super) const COUNTED: [&str; 6] = ["kind", "role", "model", "source", "status", "tag"];

/// The field of a thing's time.
pub(super) const WHEN: &str = "when";

pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default().set_tokenizer(words::NAME);
    let text = TextOptions::default()
        .set_indexing_options(indexing.set_index_option(IndexRecordOption::WithFreqsAndPositions));
    let counted = STRING | FAST;
    let fields = Fields {
        kind: builder.add_text_field("kind", counted.clone() | STORED),
        key: builder.add_text_field("key", STRING | STORED),
        title: builder.add_text_field("title", text.clone() | STORED),
        chat: builder.add_text_field("chat", text.clone() | STORED),
        body: builder.add_text_field("body", text.clone() | STORED),
        role: builder.add_text_field("role", counted.clone()),
        model: builder.add_text_field("model", counted.clone()),
        model_words: builder.add_text_field("model_words", text),
        status: builder.add_text_field("status", counted.clone()),
        source: builder.add_text_field("source", counted.clone()),
        session: builder.add_text_field("session", STRING),
        tag: builder.add_text_field("tag", counted),
        when: builder.add_i64_field(WHEN, INDEXED | FAST | STORED),
        extra: builder.add_text_field("extra", STORED),
    };
    (builder.build(), fields)
}

impl Fields {
    /// What the index keeps of a thing.
    pub(super) fn document(&self, doc: &Doc<'_>) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        out.add_text(self.kind, doc.kind.name());
        out.add_text(self.key, doc.key);
        out.add_text(self.model_words, doc.model);
        out.add_text(self.extra, doc.extra.to_string());
        out.add_i64(self.when, doc.when.as_micros());
        let texts = [
            (self.title, doc.title),
            (self.chat, doc.chat),
            (self.body, doc.body),
            (self.role, doc.role),
            (self.model, doc.model),
            (self.status, doc.status),
            (self.source, doc.source),
        ];
        let sessions = doc.sessions.iter().map(|name| (self.session, name.as_str()));
        let tags = doc.tags.iter().map(|tag| (self.tag, tag.as_str()));
        for (field, text) in texts.into_iter().chain(sessions).chain(tags).filter(|(_, text)| !text.is_empty()) {
            out.add_text(field, text);
        }
        out
    }
}
