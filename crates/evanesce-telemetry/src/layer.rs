use std::fmt;

use evanesce_core::{Sanitize, label};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::{Level, LogRecord, Sanitized, Telemetry, Value};

/// The most fields that one record takes, its spans' included.
const MAX_FIELDS: usize = 32;
/// The most text that one record takes, its spans' included, in bytes.
const MAX_TEXT: usize = 16 * 1024;
/// A longer value is not read: a value cut in two might no longer be recognised.
const MAX_VALUE: usize = 64 * 1024;
/// From here on a number may be one that somebody has: a telephone, a card.
const NUMBERS: u64 = 1_000_000;
/// Fields of which the value is never looked at.
const WITHHELD: &[&str] =
    &["authorization", "cookie", "credential", "passphrase", "passwd", "password", "secret"];

/// The sink for `tracing`: events become [`LogRecord`]s. Names come from the program's
/// source; short numbers and flags pass; every other value is text and goes through the
/// sanitiser together with the name of its field, whether it stands in the message, a
/// field, or a field of a span. Values under names such as `password` are withheld
/// unread. A record holds at most 32 fields and 16 KiB of text.
///
/// A layer cannot change what its siblings see: a `fmt` layer of one's own prints events as
/// they are. [`Telemetry::printed`] makes one that does not.
pub struct TelemetryLayer {
    telemetry: Telemetry,
}

impl TelemetryLayer {
    pub(crate) const fn new(telemetry: Telemetry) -> Self {
        Self { telemetry }
    }

    fn fields(&self) -> Fields<'_> {
        Fields::new(&self.telemetry)
    }
}

/// The fields of a span, already sanitised.
struct SpanFields(Vec<(&'static str, Value)>);

impl<S> Layer<S> for TelemetryLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = self.fields();
        attributes.record(&mut fields);
        let fields = SpanFields(fields.fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = self.fields();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<SpanFields>()
        {
            known.0.extend(fields.fields);
            known.0.truncate(MAX_FIELDS);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let about = event.metadata();
        let mut fields = self.fields();
        event.record(&mut fields);
        let mut record = LogRecord::new(self.telemetry.clock().now(), level(about), about.target());
        let mut room = Room { fields: MAX_FIELDS, text: MAX_TEXT };
        for (name, value) in fields.fields {
            record = room.add(record, name, value);
        }
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let Some(known) = extensions.get::<SpanFields>() else { continue };
            for (name, value) in &known.0 {
                record = room.add(record, name, value.clone());
            }
        }
        self.telemetry.log(record);
    }
}

pub(crate) fn level(about: &Metadata<'_>) -> Level {
    match *about.level() {
        tracing::Level::TRACE => Level::Trace,
        tracing::Level::DEBUG => Level::Debug,
        tracing::Level::INFO => Level::Info,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::ERROR => Level::Error,
    }
}

/// What still fits into a record.
struct Room {
    fields: usize,
    text: usize,
}

impl Room {
    fn add(&mut self, record: LogRecord, name: &'static str, mut value: Value) -> LogRecord {
        if self.fields == 0 {
            return record;
        }
        self.fields -= 1;
        if let Value::Text(text) = &value {
            match self.text.checked_sub(text.as_str().len()) {
                Some(left) => self.text = left,
                None => value = Value::Word(label!("left out")),
            }
        }
        record.with(name, value)
    }
}

/// The fields of an event or a span, sanitised as they come.
pub(crate) struct Fields<'t> {
    telemetry: &'t Telemetry,
    pub(crate) fields: Vec<(&'static str, Value)>,
}

impl<'t> Fields<'t> {
    pub(crate) const fn new(telemetry: &'t Telemetry) -> Self {
        Self { telemetry, fields: Vec::new() }
    }
}

impl Fields<'_> {
    fn push(&mut self, field: &Field, value: Value) {
        if self.fields.len() < MAX_FIELDS {
            self.fields.push((field.name(), value));
        }
    }

    fn text(&mut self, field: &Field, text: &str) {
        let name = field.name();
        let value = if is_withheld(name) {
            Value::Word(label!("withheld"))
        } else if text.len() > MAX_VALUE {
            Value::Word(label!("too long"))
        } else {
            let named = Named { name, sanitize: self.telemetry.sanitize() };
            Value::Text(Sanitized::new(text, &named))
        };
        self.push(field, value);
    }

    // The number itself, unless the sanitiser finds something in it.
    fn number(&mut self, field: &Field, number: &str, value: Option<Value>) {
        let named = Named { name: field.name(), sanitize: self.telemetry.sanitize() };
        let clean = Sanitized::new(number, &named);
        match value {
            Some(value) if clean.as_str() == number => self.push(field, value),
            _ => self.text(field, number),
        }
    }
}

fn is_withheld(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    WITHHELD.iter().any(|word| name.contains(word))
}

/// A sanitiser that sees the name of the field before the value: `pin=1234` says more
/// than `1234`. A message has no name.
struct Named<'s> {
    name: &'static str,
    sanitize: &'s dyn Sanitize,
}

impl Sanitize for Named<'_> {
    fn sanitize(&self, text: &str) -> String {
        if self.name == "message" {
            return self.sanitize.sanitize(text);
        }
        let clean = self.sanitize.sanitize(&format!("{}={text}", self.name));
        let value = clean.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('='));
        value.map_or_else(|| clean.clone(), str::to_owned)
    }
}

/// Keeps what is written to it up to [`MAX_VALUE`], and says so if there was more.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MAX_VALUE {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, Value::Flag(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.fract() == 0.0 && value.abs() >= NUMBERS as f64 {
            self.number(field, &format!("{value:.0}"), Some(Value::Float(value)));
        } else {
            self.push(field, Value::Float(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if value.unsigned_abs() < NUMBERS {
            self.push(field, Value::Integer(value));
        } else {
            self.number(field, &value.to_string(), Some(Value::Integer(value)));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.number(field, &value.to_string(), None),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_bytes(&mut self, field: &Field, _: &[u8]) {
        // As a list of numbers no scanner would know them again.
        self.push(field, Value::Word(label!("bytes")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_withheld(field.name()) {
            return self.push(field, Value::Word(label!("withheld")));
        }
        let mut text = Bounded(String::new());
        if fmt::write(&mut text, format_args!("{value:?}")).is_ok() {
            self.text(field, &text.0);
        } else {
            self.push(field, Value::Word(label!("too long")));
        }
    }

    fn record_error(&mut self, field: &Field, _: &(dyn std::error::Error + 'static)) {
        // What an error prints is not known to be closed, and its sources even less.
        self.push(field, Value::Word(label!("an error")));
    }
}
