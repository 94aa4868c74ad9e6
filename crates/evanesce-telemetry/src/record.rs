use std::borrow::Cow;

use evanesce_core::{Grain, Label, Sanitize, Timestamp};

/// One operational log line. Its names are static, its time is coarse, and its
/// text went through a [`Sanitize`] port: there is no other way to put text in.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord {
    at: Timestamp,
    level: Level,
    trail: Trail,
    event: &'static str,
    fields: Vec<(&'static str, Value)>,
}

impl LogRecord {
    /// A record of the event `event`, a static name such as `session.opened`. The
    /// time is coarsened to the minute.
    #[must_use]
    pub const fn new(at: Timestamp, level: Level, event: &'static str) -> Self {
        let (at, trail) = (at.coarse(Grain::Minute), Trail::Operation);
        Self { at, level, trail, event, fields: Vec::new() }
    }

    /// As [`new`](Self::new), for the security trail: a refused password, a changed right.
    /// Stores keep it apart, so that fewer may read it.
    #[must_use]
    pub const fn security(at: Timestamp, level: Level, event: &'static str) -> Self {
        let mut record = Self::new(at, level, event);
        record.trail = Trail::Security;
        record
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The minute.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// How serious.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What it is for.
    #[must_use]
    pub const fn trail(&self) -> Trail {
        self.trail
    }

    /// The name of the event.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        self.event
    }

    /// The fields in their order.
    #[must_use]
    pub fn fields(&self) -> &[(&'static str, Value)] {
        &self.fields
    }
}

/// How serious a record is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// For those who trace a fault.
    Trace,
    /// For developers.
    Debug,
    /// The ordinary course.
    Info,
    /// Worth a look.
    Warn,
    /// Something failed.
    Error,
}

impl Level {
    /// The name in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// What a record is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trail {
    /// Running the service.
    Operation,
    /// Telling who did what to its security.
    Security,
}

/// A value that may stand in a log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Flag(bool),
    /// A measured number.
    Float(f64),
    /// A number.
    Integer(i64),
    /// Text after sanitising.
    Text(Sanitized),
    /// A word that the program declares.
    Word(Label),
}

/// Text that went through a [`Sanitize`] port. The only constructor performs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sanitized(Box<str>);

impl Sanitized {
    /// The longest text that is kept, in bytes.
    pub const MAX: usize = 4096;

    /// Sanitises, and cuts what is longer than [`Self::MAX`].
    #[must_use]
    pub fn new(text: &str, sanitize: &dyn Sanitize) -> Self {
        let mut clean = sanitize.sanitize(text);
        if clean.len() > Self::MAX {
            let end = (0..=Self::MAX).rev().find(|&i| clean.is_char_boundary(i)).unwrap_or(0);
            clean.truncate(end);
        }
        Self(clean.into_boxed_str())
    }

    /// The clean text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One measured point. Names and tags are closed words; the time is coarse.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricPoint {
    at: Timestamp,
    measurement: &'static str,
    tags: Vec<(&'static str, Cow<'static, str>)>,
    fields: Vec<(&'static str, f64)>,
}

impl MetricPoint {
    /// A point of a measurement, such as `sessions`, coarsened to the minute.
    #[must_use]
    pub const fn new(at: Timestamp, measurement: &'static str) -> Self {
        Self { at: at.coarse(Grain::Minute), measurement, tags: Vec::new(), fields: Vec::new() }
    }

    /// Adds a tag whose value is a declared word.
    #[must_use]
    pub fn tag(mut self, name: &'static str, value: Label) -> Self {
        self.tags.push((name, Cow::Owned(value.as_str().to_owned())));
        self
    }

    /// Adds a field. A value that is not finite is left out, since no store keeps it.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: f64) -> Self {
        if value.is_finite() {
            self.fields.push((name, value));
        }
        self
    }

    /// The minute.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The measurement's name.
    #[must_use]
    pub const fn measurement(&self) -> &'static str {
        self.measurement
    }

    /// The tags in their order.
    #[must_use]
    pub fn tags(&self) -> &[(&'static str, Cow<'static, str>)] {
        &self.tags
    }

    /// The fields in their order.
    #[must_use]
    pub fn fields(&self) -> &[(&'static str, f64)] {
        &self.fields
    }
}
