use std::time::Duration;

use evanesce_core::{Granted, Label, NotGranted, Purpose};

use crate::{Level, LogRecord, Telemetry, Value};

/// The purpose that a record about a person's own requests needs, by its name.
const PERFORMANCE: &str = "performance";

/// One answered request as an access log keeps it: there is no place for an address, a
/// query, a session, a referrer or the name of a browser.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Access {
    /// The method.
    pub method: Method,
    /// The route as the program declares it, such as `/letters/:id`, and never a path.
    pub route: Label,
    /// The status of the answer.
    pub status: u16,
    /// How long the answer took. It is kept as one of a few steps: an exact duration beside
    /// a time is a fingerprint.
    pub took: Duration,
}

/// The methods of RFC 9110 and RFC 5789. What a client makes up is `Other`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// `CONNECT`.
    Connect,
    /// `DELETE`.
    Delete,
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `OPTIONS`.
    Options,
    /// Any other.
    Other,
    /// `PATCH`.
    Patch,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `TRACE`.
    Trace,
}

impl Method {
    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        const ALL: [Method; 9] = [
            Method::Connect,
            Method::Delete,
            Method::Get,
            Method::Head,
            Method::Options,
            Method::Patch,
            Method::Post,
            Method::Put,
            Method::Trace,
        ];
        ALL.into_iter().find(|method| method.word().as_str() == name).unwrap_or(Self::Other)
    }

    const fn word(self) -> Label {
        Label::new(match self {
            Self::Connect => "CONNECT",
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Other => "other",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Trace => "TRACE",
        })
    }
}

impl Telemetry {
    /// Puts a record about one of a person's own requests in the queue, which takes their
    /// grant for the purpose named `performance`: with another purpose it does not build.
    /// Consent is asked for again first. Without a grant there are counters
    /// ([`Metrics`](crate::Metrics)), which are about nobody.
    ///
    /// # Errors
    /// [`NotGranted`], and nothing was written.
    pub async fn access<P: Purpose>(
        &self,
        access: Access,
        grant: &Granted<P>,
    ) -> Result<(), NotGranted> {
        let record = LogRecord::new(self.clock().now(), severity(access.status), "access")
            .with("method", Value::Word(access.method.word()))
            .with("route", Value::Word(access.route))
            .with("status", Value::Integer(i64::from(access.status)))
            .with("took", Value::Word(step(access.took)));
        self.log_own(record, grant).await
    }

    /// As [`access`](Self::access) for any record about a person's own requests.
    ///
    /// # Errors
    /// [`NotGranted`], and nothing was written.
    pub async fn log_own<P: Purpose>(
        &self,
        record: LogRecord,
        grant: &Granted<P>,
    ) -> Result<(), NotGranted> {
        const { assert!(is(P::NAME, PERFORMANCE), "only the purpose `performance` allows this") };
        grant.recheck().await?;
        self.log(record);
        Ok(())
    }
}

const fn severity(status: u16) -> Level {
    if status >= 500 { Level::Warn } else { Level::Info }
}

// The least of a few durations that it did not take longer than.
fn step(took: Duration) -> Label {
    const STEPS: [(u64, Label); 6] = [
        (10, Label::new("up to 10 ms")),
        (50, Label::new("up to 50 ms")),
        (200, Label::new("up to 200 ms")),
        (1000, Label::new("up to 1 s")),
        (5000, Label::new("up to 5 s")),
        (30_000, Label::new("up to 30 s")),
    ];
    let longest = |(most, _): &&(u64, Label)| took <= Duration::from_millis(*most);
    let known = STEPS.iter().find(longest).map(|(_, name)| name.clone());
    known.unwrap_or(const { Label::new("over 30 s") })
}

const fn is(name: &str, other: &str) -> bool {
    let (name, other) = (name.as_bytes(), other.as_bytes());
    if name.len() != other.len() {
        return false;
    }
    let mut i = 0;
    while i < name.len() {
        if name[i] != other[i] {
            return false;
        }
        i += 1;
    }
    true
}
