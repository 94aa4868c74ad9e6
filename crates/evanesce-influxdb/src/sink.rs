use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evanesce_core::{
    BoxFuture, Ceiling, Clock, DataClass, Digest, Error, ErrorKind, Grain, Incarnation, Label,
    Namespace, StoreKind, SystemClock, Timestamp,
};
use evanesce_telemetry::{ItemOutcome, MetricPoint, MetricSink, Written};
use evanesce_tls::Tls;
use http::Method;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use crate::csv::Row;
use crate::flux::{self, Source};
use crate::line::{NAMESPACE, OFFSETS, Point};
use crate::settings::{Settings, encode};
use crate::wire::{Effect, Failure, Wire};

const DAY: Duration = Duration::from_secs(86_400);
/// What a bucket that is made here keeps, so that one shard group and the check that
/// removes it still fit under the class's ceiling.
const RETENTION: Duration = Duration::from_secs(
    DataClass::Operational.ceiling().as_secs() - DAY.as_secs() - CHECK_MARGIN.as_secs(),
);
const CHECK_MARGIN: Duration = Duration::from_secs(3600);
/// `storage-retention-check-interval` unless somebody sets it.
const USUAL_CHECK: Duration = Duration::from_secs(30 * 60);
/// InfluxDB advises batches of 5,000 lines.
const MAX_LINES: usize = 5000;
const MAX_BYTES: usize = 1 << 20;
/// What a point waits that the server had no time for.
const BUSY: Duration = Duration::from_secs(1);
/// More points than this with one needle are not told apart.
const MAX_MATCHES: usize = 1_000_000;

/// Operational metrics in a bucket of InfluxDB 2.
pub struct InfluxSink {
    pub(crate) wire: Wire,
    org: String,
    bucket: String,
    namespace: Namespace,
    clock: Arc<dyn Clock>,
}

impl InfluxSink {
    /// A sink at `https://host:port?org=…&bucket=…`, the names percent-encoded;
    /// without a bucket it is `<namespace>-metrics`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a URL or a token that cannot be used,
    /// [`ErrorKind::Refused`] where it is not https and `tls` does not permit
    /// plaintext to that host.
    pub fn connect(
        url: &str,
        token: &str,
        tls: &Tls,
        namespace: &Namespace,
    ) -> Result<Self, Error> {
        let Settings { base, org, bucket } = Settings::parse(url, tls, namespace)?;
        Ok(Self {
            wire: Wire::new(base, token, tls)?,
            org,
            bucket,
            namespace: namespace.clone(),
            clock: Arc::new(SystemClock),
        })
    }

    /// Takes another clock than the system's to tell which points are dated into the
    /// future.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Waits so long for each answer, and for each part of one, and not the usual ten seconds.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.wire.timeout = timeout;
        self
    }

    /// Makes the bucket if there is none, with shard groups of a day and a retention
    /// that keep 90 days. A bucket that exists is left as it is:
    /// [`ceiling`](MetricSink::ceiling) says what it keeps.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`], [`ErrorKind::Unavailable`] and their kin;
    /// [`ErrorKind::Foreign`] if this is not InfluxDB; [`ErrorKind::Refused`] if the
    /// server did not take the retention.
    pub async fn start(&self) -> Result<(), Error> {
        match self.find_bucket().await {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Missing => {}
            Err(error) => return Err(error),
        }
        let path = format!("/api/v2/orgs?org={}", encode(&self.org));
        let orgs = self.wire.json(Method::GET, &path, None, Effect::Reads).await?;
        let org = orgs["orgs"][0]["id"].as_str();
        let org = org.ok_or_else(|| error(ErrorKind::Missing, "there is no such organisation"))?;
        let body = json!({
            "orgID": org, "name": self.bucket,
            "retentionRules": [{
                "type": "expire",
                "everySeconds": RETENTION.as_secs(),
                "shardGroupDurationSeconds": DAY.as_secs(),
            }],
        });
        let made =
            self.wire.json(Method::POST, "/api/v2/buckets", Some(&body), Effect::Writes).await;
        // Another node of the service may have been first.
        if let Err(Failure { error, .. }) = made
            && error.kind() != ErrorKind::Invalid
        {
            return Err(error);
        }
        let bucket = self.find_bucket().await?;
        if bucket.retention == Some(RETENTION) && bucket.shard_group == Some(DAY) {
            return Ok(());
        }
        Err(error(ErrorKind::Refused, "the server did not take the bucket's retention")
            .with_setting("bucket retention"))
    }

    /// Removes every point of this namespace, and the bucket if it is the namespace's
    /// own. Answers how many points went.
    ///
    /// # Errors
    /// Those of [`MetricSink::enforce`].
    pub async fn remove(self) -> Result<u64, Error> {
        let removed = self.delete_until(Timestamp::MAX).await?;
        if self.bucket == format!("{}-metrics", self.namespace) {
            let path = format!("/api/v2/buckets/{}", encode(&self.find_bucket().await?.id));
            self.wire.json(Method::DELETE, &path, None, Effect::Writes).await?;
        }
        Ok(removed)
    }

    async fn find_bucket(&self) -> Result<Bucket, Error> {
        let path =
            format!("/api/v2/buckets?org={}&name={}", encode(&self.org), encode(&self.bucket));
        let answer = self.wire.json(Method::GET, &path, None, Effect::Reads).await?;
        let bucket = &answer["buckets"][0];
        let text = |name: &str| bucket[name].as_str().map(str::to_owned);
        let (Some(id), Some(org_id), Some(created)) =
            (text("id"), text("orgID"), text("createdAt"))
        else {
            return Err(error(ErrorKind::Missing, "there is no such bucket"));
        };
        let rule = &bucket["retentionRules"][0];
        let seconds = |name: &str| rule[name].as_u64().filter(|s| *s > 0).map(Duration::from_secs);
        Ok(Bucket {
            id,
            org_id,
            created,
            retention: seconds("everySeconds"),
            shard_group: seconds("shardGroupDurationSeconds"),
        })
    }

    async fn write_batch(&self, batch: &[MetricPoint]) -> Result<Written, Error> {
        let points: Vec<_> = batch
            .iter()
            .map(|point| {
                Some(Point {
                    measurement: point.measurement(),
                    tags: point.tags().iter().map(|(key, value)| (*key, value.as_ref())).collect(),
                    fields: point.fields().to_vec(),
                    at: point.at(),
                })
            })
            .collect();
        self.write_points(&points).await
    }

    /// Writes what can be written; `None` is refused.
    pub(crate) async fn write_points(
        &self,
        points: &[Option<Point<'_>>],
    ) -> Result<Written, Error> {
        let random = SystemRandom::new();
        // A shard group that lies in the future ends later than its points are written.
        let latest = self.clock.now().plus(DAY);
        let mut lines = Vec::new();
        for (place, point) in points.iter().enumerate() {
            let Some(point) = point.as_ref().filter(|point| point.at <= latest) else { continue };
            if let Some(text) = point.line(self.namespace.as_str(), offset(&random)?) {
                lines.push(Line { place, text });
            }
        }
        let mut outcomes = vec![ItemOutcome::Refused; points.len()];
        let mut acknowledged = false;
        let mut open: Vec<&[Line]> = chunks(&lines);
        open.reverse();
        while let Some(chunk) = open.pop() {
            let outcome = match self.write_chunk(chunk).await {
                Ok(()) => ItemOutcome::Stored,
                Err(Failure { busy: Some(wait), .. }) => ItemOutcome::Retry(wait),
                // The server does not say which of them it refuses, so they are asked for
                // in halves. What was stored is stored again in its own place.
                Err(failure) if failure.error.kind() == ErrorKind::Invalid => {
                    acknowledged = true;
                    if let [_, _, ..] = chunk {
                        let (first, second) = chunk.split_at(chunk.len() / 2);
                        open.extend([second, first]);
                        continue;
                    }
                    ItemOutcome::Refused
                }
                // After a part was stored, an error would have all of it sent again.
                Err(_) if acknowledged => ItemOutcome::Retry(BUSY),
                Err(failure) => return Err(failure.error),
            };
            acknowledged |= outcome == ItemOutcome::Stored;
            for line in chunk {
                if let Some(place) = outcomes.get_mut(line.place) {
                    *place = outcome;
                }
            }
        }
        Ok(Written { outcomes })
    }

    async fn write_chunk(&self, chunk: &[Line]) -> Result<(), Failure> {
        let path = format!(
            "/api/v2/write?org={}&bucket={}&precision=ns",
            encode(&self.org),
            encode(&self.bucket)
        );
        let body: String = chunk.iter().map(|line| line.text.as_str()).collect();
        let body = Bytes::from(body);
        match self.wire.lines(&path, body.clone()).await {
            // The same points at the same times take the same places.
            Err(lost) if lost.error.kind() == ErrorKind::Unconfirmed => {
                self.wire.lines(&path, body).await.map_err(|_| lost)
            }
            other => other,
        }
    }

    async fn ask(
        &self,
        query: String,
        row: &mut (dyn FnMut(Row<'_>) -> Result<(), Error> + Send),
    ) -> Result<(), Error> {
        let path = format!("/api/v2/query?org={}", encode(&self.org));
        self.wire.query(&path, query, row).await
    }

    async fn count_until(&self, measurement: Option<&str>, until: Timestamp) -> Result<u64, Error> {
        let mut count = 0;
        self.ask(self.source().count(measurement, until), &mut |row| {
            let value = row.cell("_value").and_then(|text| text.parse().ok());
            count = value.ok_or_else(|| corrupt("a count is not a number"))?;
            Ok(())
        })
        .await?;
        Ok(count)
    }

    async fn oldest_point(&self) -> Result<Option<Timestamp>, Error> {
        let mut oldest = None;
        self.ask(self.source().oldest(), &mut |row| {
            let time = row.cell("_time").and_then(|text| text.get(..19));
            let time = time.and_then(|text| format!("{text}Z").parse::<Timestamp>().ok());
            oldest =
                Some(time.ok_or_else(|| corrupt("a point has no time"))?.coarse(Grain::Minute));
            Ok(())
        })
        .await?;
        Ok(oldest)
    }

    /// Reads every row through, as they arrive: slow and exact, for tests and canaries.
    async fn read_through(&self, needle: &str) -> Result<u64, Error> {
        if needle.is_empty() {
            return Err(error(ErrorKind::Invalid, "an empty needle is everywhere"));
        }
        let mut found = HashSet::new();
        self.ask(self.source().everything(), &mut |row| {
            if holds(row, needle) {
                found.insert(identity(row));
            }
            if found.len() > MAX_MATCHES {
                return Err(error(ErrorKind::Exhausted, "more points hold it than are told apart"));
            }
            Ok(())
        })
        .await?;
        Ok(found.len() as u64)
    }

    async fn delete_until(&self, before: Timestamp) -> Result<u64, Error> {
        let removed = self.count_until(None, before).await?;
        if removed == 0 {
            return Ok(0);
        }
        let path =
            format!("/api/v2/delete?org={}&bucket={}", encode(&self.org), encode(&self.bucket));
        let body = json!({
            "start": "1970-01-01T00:00:00Z",
            "stop": flux::end_of_minute(before),
            "predicate": format!("{NAMESPACE}=\"{}\"", self.namespace),
        });
        self.wire.json(Method::POST, &path, Some(&body), Effect::Writes).await?;
        if self.count_until(None, before).await? > 0 {
            return Err(error(ErrorKind::Unconfirmed, "points can be read after their deletion"));
        }
        Ok(removed)
    }

    async fn identify(&self) -> Result<Incarnation, Error> {
        let bucket = self.find_bucket().await?;
        let ready = self.wire.json(Method::GET, "/ready", None, Effect::Reads).await?;
        let started = ready["started"].as_str();
        let started = started.ok_or_else(|| corrupt("the server does not say when it started"))?;
        let named = json!([
            "evanesce influxdb incarnation 1",
            bucket.org_id,
            bucket.id,
            bucket.created,
            started,
        ]);
        let digest = ring::digest::digest(&ring::digest::SHA256, named.to_string().as_bytes());
        let bytes = digest.as_ref().try_into().map_err(|_| corrupt("a digest is not 32 bytes"))?;
        Ok(Incarnation::new(StoreKind::InfluxDb, Digest::new(bytes)))
    }

    async fn bound(&self) -> Result<Ceiling, Error> {
        let bucket = self.find_bucket().await?;
        // Only an operator's token may read the server's configuration.
        let config = self.wire.json(Method::GET, "/api/v2/config", None, Effect::Reads).await;
        let measured = config.ok().and_then(|answer| {
            go_duration(answer["config"]["storage-retention-check-interval"].as_str()?)
        });
        let setting = if measured.is_some() {
            const {
                Label::new(
                    "bucket retention, shard group duration, storage-retention-check-interval",
                )
            }
        } else {
            const {
                Label::new(
                    "bucket retention, shard group duration; check interval of 30 min assumed",
                )
            }
        };
        let worst =
            bucket.retention.zip(bucket.shard_group).and_then(|(retention, shard_group)| {
                retention.checked_add(shard_group)?.checked_add(measured.unwrap_or(USUAL_CHECK))
            });
        Ok(Ceiling { worst, setting })
    }

    fn source(&self) -> Source<'_> {
        Source { bucket: &self.bucket, namespace: self.namespace.as_str() }
    }
}

impl MetricSink for InfluxSink {
    fn store(&self) -> StoreKind {
        StoreKind::InfluxDb
    }

    /// The bucket with the time of its making, its organisation, and the time at which
    /// the server started.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.identify())
    }

    fn write<'a>(&'a self, batch: &'a [MetricPoint]) -> BoxFuture<'a, Result<Written, Error>> {
        Box::pin(self.write_batch(batch))
    }

    fn count<'a>(&'a self, measurement: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.count_until(Some(measurement), Timestamp::MAX))
    }

    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.read_through(needle))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        Box::pin(self.oldest_point())
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.delete_until(before))
    }

    /// A deletion hides points at once, but their bytes go with their shard group: when
    /// its last instant is older than the bucket's retention, at the next check. So the
    /// first point of a group decides, and age and interval do not.
    fn ceiling(&self, _: Duration, _: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(self.bound())
    }
}

impl fmt::Debug for InfluxSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxSink").finish_non_exhaustive()
    }
}

struct Bucket {
    id: String,
    org_id: String,
    created: String,
    retention: Option<Duration>,
    shard_group: Option<Duration>,
}

struct Line {
    place: usize,
    text: String,
}

fn chunks(lines: &[Line]) -> Vec<&[Line]> {
    let mut all = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (end, line) in lines.iter().enumerate() {
        if end > begin && (end - begin == MAX_LINES || bytes + line.text.len() > MAX_BYTES) {
            all.push(&lines[begin..end]);
            (begin, bytes) = (end, 0);
        }
        bytes += line.text.len();
    }
    if begin < lines.len() {
        all.push(&lines[begin..]);
    }
    all
}

fn offset(random: &SystemRandom) -> Result<u64, Error> {
    let mut bytes = [0; 8];
    random
        .fill(&mut bytes)
        .map_err(|_| error(ErrorKind::Unavailable, "the system gives no random bytes"))?;
    Ok(u64::from_le_bytes(bytes) % OFFSETS)
}

/// Whether a row holds the needle in what a point carries: its measurement, its field
/// and value, the names and values of its tags.
fn holds(row: Row<'_>, needle: &str) -> bool {
    row.columns().any(|(column, cell)| match column {
        "" | "result" | "table" | "_time" | NAMESPACE => false,
        "_measurement" | "_field" | "_value" => cell.contains(needle),
        tag => !cell.is_empty() && (tag.contains(needle) || cell.contains(needle)),
    })
}

/// What the rows of one point have in common.
fn identity(row: Row<'_>) -> String {
    let apart = |name: &str| matches!(name, "" | "result" | "table" | "_field" | "_value");
    let mut columns: Vec<_> = row.columns().filter(|(name, _)| !apart(name)).collect();
    columns.sort_unstable();
    json!(columns).to_string()
}

/// A duration as Go writes it, such as `1h30m0s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        rest = &rest[unit..];
        total = total.checked_add(Duration::from_secs(number.checked_mul(seconds)?))?;
    }
    (!text.is_empty()).then_some(total)
}

const fn error(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::InfluxDb, sentence)
}

const fn corrupt(sentence: &'static str) -> Error {
    error(ErrorKind::Corrupt, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_are_read() {
        assert_eq!(go_duration("30m0s"), Some(USUAL_CHECK));
        assert_eq!(go_duration("1h30m1s"), Some(Duration::from_secs(5401)));
        for text in ["", "m", "1", "1.5h", "1d", "-1h", "99999999999999999999h"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_bucket_made_here_keeps_the_ceiling_of_its_class() {
        assert!(RETENTION + DAY + USUAL_CHECK <= DataClass::Operational.ceiling());
    }

    #[test]
    fn chunks_hold_every_line_once_and_not_too_many() {
        let line = |place| Line { place, text: "x".repeat(100) };
        let lines: Vec<_> = (0..12_000).map(line).collect();
        let chunks = chunks(&lines);
        assert!(chunks.iter().all(|chunk| chunk.len() <= MAX_LINES));
        let places: Vec<_> =
            chunks.iter().flat_map(|chunk| chunk.iter().map(|l| l.place)).collect();
        assert_eq!(places, (0..12_000).collect::<Vec<_>>());
    }
}
