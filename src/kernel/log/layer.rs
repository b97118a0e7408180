//! From events of `tracing` to lines of the log.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::{Level, Line, Log};

/// The layer that writes to a [`Log`].
pub(super) struct JsonLines {
    log: Log,
}

/// The trace id that a span carries, kept with the span.
struct TraceId(String);

impl JsonLines {
    pub(super) fn new(log: Log) -> Self {
        JsonLines { log }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLines {
    fn enabled(&self, meta: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // A span costs little and may carry the trace id of lines below it, so the quieter rule for libraries is for events.
        let wanted = self.log.wants(level_of(meta), meta.target());
        wanted || (meta.is_span() && self.log.level() != Level::Off && *meta.level() <= tracing::Level::INFO)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        let level = self.log.level();
        // Spans down to `info` are kept for their trace ids even when fewer lines are written.
        Some(if level == Level::Off { level.filter() } else { level.max(Level::Info).filter() })
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(Value::String(trace)), Some(span)) = (fields.map.remove("trace"), context.span(id)) {
            span.extensions_mut().insert(TraceId(trace));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let meta = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let trace = context.event_scope(event).and_then(|mut scope| {
            scope.find_map(|span| span.extensions().get::<TraceId>().map(|trace| trace.0.clone()))
        });
        self.log.write(Line {
            level: level_of(meta),
            trace,
            target: meta.target().to_string(),
            message: fields.message,
            fields: fields.map,
        });
    }
}

fn level_of(meta: &Metadata<'_>) -> Level {
    match *meta.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::TRACE => Level::Trace,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    map: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => drop(self.map.insert(name.to_string(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, Value::String(value.to_string()));
    }
}
