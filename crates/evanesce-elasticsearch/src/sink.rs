use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::http::Method;
use evanesce_core::{
    BoxFuture, Ceiling, Digest, Error, ErrorKind, Incarnation, Label, Namespace, StoreKind,
    Timestamp,
};
use evanesce_telemetry::{ItemOutcome, LogRecord, LogSink, Written};
use evanesce_tls::Tls;
use serde_json::{Value, json};

use crate::connect;
use crate::document::{self, Bulk};
use crate::index::{Names, Trails};
use crate::wire::{Effect, Failure, Wire, failure};

/// From connecting to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What a document waits that the server had no room for.
const BUSY: Duration = Duration::from_secs(1);
const PAGE: usize = 500;
/// More than this is not read through for one needle.
const MAX_READ: usize = 5_000_000;

/// Operational logs in Elasticsearch, one index a day.
pub struct ElasticsearchSink {
    pub(crate) wire: Wire,
    trails: Trails,
}

impl ElasticsearchSink {
    /// A sink at `https://user:password@host:port`, both percent-encoded. Nothing is
    /// sent yet. The URL may leave out user and password where `tls` carries a client
    /// identity that the server maps to a user.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a URL that cannot be used, [`ErrorKind::Refused`]
    /// where it is not https and `tls` does not permit plaintext to that host.
    pub fn connect(url: &str, tls: &Tls, namespace: &Namespace) -> Result<Self, Error> {
        let (transport, url) = connect::transport(url, tls, TIMEOUT)?;
        Ok(Self { wire: Wire::new(transport, url), trails: Trails::new(namespace) })
    }

    /// As [`connect`](Self::connect), with an API key in its encoded form (the field
    /// `encoded` of the answer that made it) in the place of user and password, which the
    /// URL must then leave out.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect), and [`ErrorKind::Invalid`] for a key that is none.
    pub fn connect_with_key(
        url: &str,
        key: &str,
        tls: &Tls,
        namespace: &Namespace,
    ) -> Result<Self, Error> {
        let (transport, url) = connect::transport_with_key(url, key, tls, TIMEOUT)?;
        Ok(Self { wire: Wire::new(transport, url), trails: Trails::new(namespace) })
    }

    /// Waits so long for each answer, and not the usual ten seconds.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.wire.timeout = Some(timeout);
        self
    }

    /// Installs the index template, and checks on the server that it is the one that
    /// shapes new indices and that existing ones refuse unknown fields.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`], [`ErrorKind::Unavailable`] and their kin;
    /// [`ErrorKind::Foreign`] if this is not Elasticsearch; [`ErrorKind::Refused`] if
    /// another template rules, or an index takes unknown fields.
    pub async fn start(&self) -> Result<(), Error> {
        for names in self.trails.all() {
            self.install(names).await?;
        }
        self.require_strict_indices().await
    }

    /// Removes every index and the template: the end of the namespace. Answers how
    /// many records went.
    ///
    /// # Errors
    /// Those of [`LogSink::enforce`].
    pub async fn remove(self) -> Result<u64, Error> {
        let removed = self.enforce(Timestamp::MAX).await?;
        for names in self.trails.all() {
            let path = format!("_index_template/{}", names.alias());
            found(self.wire.json(Method::Delete, &path, None, Effect::Writes).await)?;
        }
        Ok(removed)
    }

    async fn install(&self, names: &Names) -> Result<(), Error> {
        let (alias, template) = (names.alias(), names.template());
        let path = format!("_index_template/{alias}");
        self.wire.json(Method::Put, &path, Some(&template), Effect::Writes).await?;
        let path = format!("_index_template/_simulate_index/{}", names.of(Timestamp::default()));
        let simulated = self.wire.json(Method::Post, &path, None, Effect::Reads).await?;
        let ours = &simulated["template"];
        if ours["mappings"]["dynamic"] != "strict" || ours["aliases"].get(alias).is_none() {
            return Err(refused("another index template rules the names of these indices")
                .with_setting("index template priority"));
        }
        Ok(())
    }

    async fn require_strict_indices(&self) -> Result<(), Error> {
        let path = format!(
            "{}/_mapping?expand_wildcards=all&filter_path=*.mappings.dynamic",
            self.trails.patterns()
        );
        let mappings = self.wire.json(Method::Get, &path, None, Effect::Reads).await?;
        for part in self.parts().await? {
            if mappings[&part.name]["mappings"]["dynamic"] != "strict" {
                return Err(refused("an index of this namespace takes unknown fields")
                    .with_setting("dynamic mapping of the existing index"));
            }
        }
        Ok(())
    }

    /// The indices of this namespace and the instants at which they began.
    async fn parts(&self) -> Result<Vec<Part>, Error> {
        let path = format!(
            "{}/_settings/index.creation_date?flat_settings=true&expand_wildcards=all",
            self.trails.patterns()
        );
        let answer = self.wire.json(Method::Get, &path, None, Effect::Reads).await?;
        let indices = answer.as_object().ok_or_else(|| corrupt("indices are not an object"))?;
        let mut parts = Vec::new();
        for (name, index) in indices {
            let Some(day) = self.trails.first_instant(name) else { continue };
            let created = index["settings"]["index.creation_date"]
                .as_str()
                .and_then(|millis| millis.parse().ok())
                .ok_or_else(|| corrupt("an index has no creation date"))?;
            parts
                .push(Part { name: name.clone(), began: day.min(Timestamp::from_millis(created)) });
        }
        Ok(parts)
    }

    /// Makes what was written visible to searches; whether there is any index at all.
    async fn refresh(&self, target: &str) -> Result<bool, Error> {
        let path = format!("{target}/_refresh?ignore_unavailable=true");
        let answer = found(self.wire.json(Method::Post, &path, None, Effect::Reads).await)?;
        answer.map_or(Ok(false), |answer| whole(&answer).map(|()| true))
    }

    async fn count_in(&self, target: &str, query: &Value) -> Result<u64, Error> {
        if !self.refresh(target).await? {
            return Ok(0);
        }
        let path = format!("{target}/_count?ignore_unavailable=true");
        let body = json!({ "query": query });
        let answer = found(self.wire.json(Method::Post, &path, Some(&body), Effect::Reads).await)?;
        let Some(answer) = answer else { return Ok(0) };
        whole(&answer)?;
        answer["count"].as_u64().ok_or_else(|| corrupt("an answer has no count"))
    }

    async fn write_batch(&self, batch: &[LogRecord]) -> Result<Written, Error> {
        let bulks = document::bulks(batch, &self.trails)
            .ok_or_else(|| error(ErrorKind::Unavailable, "the system gives no random bytes"))?;
        // What is in no request has names that no index takes.
        let mut outcomes = vec![ItemOutcome::Refused; batch.len()];
        let mut acknowledged = false;
        for bulk in bulks {
            match self.write_bulk(&bulk).await {
                Ok(answers) => {
                    for (place, answer) in bulk.places.iter().zip(answers) {
                        if let Some(outcome) = outcomes.get_mut(*place) {
                            *outcome = answer;
                        }
                    }
                    acknowledged = true;
                }
                // After a part was stored, an error would have all of it sent again.
                Err(Failure { busy, .. }) if busy.is_some() || acknowledged => {
                    for place in &bulk.places {
                        if let Some(outcome) = outcomes.get_mut(*place) {
                            *outcome = ItemOutcome::Retry(busy.unwrap_or(BUSY));
                        }
                    }
                }
                Err(failure) => return Err(failure.error),
            }
        }
        Ok(Written { outcomes })
    }

    async fn write_bulk(&self, bulk: &Bulk) -> Result<Vec<ItemOutcome>, Failure> {
        let body = Bytes::from(bulk.body.clone());
        let answer = match self.wire.bulk(body.clone()).await {
            // The ids are the same, so that what was stored the first time answers 409.
            Err(lost) if lost.error.kind() == ErrorKind::Unconfirmed => {
                match self.wire.bulk(body).await {
                    Ok(answer) => answer,
                    Err(_) => return Err(lost),
                }
            }
            other => other?,
        };
        let items = answer["items"].as_array().filter(|items| items.len() == bulk.places.len());
        let items = items.ok_or_else(|| {
            failure(ErrorKind::Unconfirmed, "the answer does not speak of each document")
        })?;
        let statuses: Option<Vec<u64>> =
            items.iter().map(|item| item["create"]["status"].as_u64()).collect();
        let statuses = statuses.ok_or_else(|| {
            failure(ErrorKind::Unconfirmed, "the answer does not speak of each document")
        })?;
        if statuses.iter().all(|status| matches!(status, 401 | 403)) {
            return Err(failure(
                ErrorKind::Authentication,
                "the user may not write to these indices",
            ));
        }
        Ok(statuses.into_iter().map(outcome).collect())
    }

    async fn oldest_record(&self) -> Result<Option<Timestamp>, Error> {
        if !self.refresh(&self.trails.aliases()).await? {
            return Ok(None);
        }
        let path = format!(
            "{}/_search?allow_partial_search_results=false&ignore_unavailable=true",
            self.trails.aliases()
        );
        let body = json!({
            "size": 1, "track_total_hits": false, "_source": ["@timestamp"],
            "sort": [{ "@timestamp": "asc" }],
        });
        let answer = found(self.wire.json(Method::Post, &path, Some(&body), Effect::Reads).await)?;
        let Some(answer) = answer else { return Ok(None) };
        let hits = hits(&answer)?;
        let Some(hit) = hits.first() else { return Ok(None) };
        let time = hit["_source"]["@timestamp"].as_str().and_then(|text| text.parse().ok());
        time.map(Some).ok_or_else(|| corrupt("a record has no time"))
    }

    /// Reads every record through at one point in time. No query of Elasticsearch
    /// finds any substring of any field, so this is slow and exact: for tests and canaries.
    async fn read_through(&self, needle: &str) -> Result<u64, Error> {
        if needle.is_empty() {
            return Err(error(ErrorKind::Invalid, "an empty needle is everywhere"));
        }
        if !self.refresh(&self.trails.aliases()).await? {
            return Ok(0);
        }
        let path = format!("{}/_pit?keep_alive=1m&ignore_unavailable=true", self.trails.aliases());
        let opened = found(self.wire.json(Method::Post, &path, None, Effect::Reads).await)?;
        let Some(opened) = opened else { return Ok(0) };
        let point = opened["id"].as_str().ok_or_else(|| corrupt("a point in time has no id"))?;
        let result = self.pages(point, needle).await;
        // It lapses by itself after a minute, so a failure to close it changes nothing.
        let close = json!({ "id": point });
        let _ = self.wire.json(Method::Delete, "_pit", Some(&close), Effect::Reads).await;
        result
    }

    async fn pages(&self, point: &str, needle: &str) -> Result<u64, Error> {
        let (mut matches, mut read) = (0, 0);
        let mut body = json!({
            "size": PAGE, "track_total_hits": false, "sort": ["_shard_doc"],
            "pit": { "id": point, "keep_alive": "1m" },
        });
        loop {
            let path = "_search?allow_partial_search_results=false";
            let answer = self.wire.json(Method::Post, path, Some(&body), Effect::Reads).await?;
            let hits = hits(&answer)?;
            let Some(last) = hits.last() else { return Ok(matches) };
            for hit in hits {
                matches += u64::from(document::holds(&hit["_source"], needle));
            }
            read += hits.len();
            if read > MAX_READ {
                return Err(error(
                    ErrorKind::Exhausted,
                    "there are more records than are read through",
                ));
            }
            body["search_after"] = last["sort"].clone();
        }
    }

    async fn drop_parts(&self, before: Timestamp) -> Result<u64, Error> {
        let mut removed = 0_u64;
        for part in self.parts().await?.iter().filter(|part| part.began <= before) {
            // A closed index cannot be counted; it then counts as one part.
            let records = self.count_in(&part.name, &json!({ "match_all": {} })).await.unwrap_or(1);
            let gone = self.wire.json(Method::Delete, &part.name, None, Effect::Writes).await;
            if found(gone)?.is_some() {
                removed = removed.saturating_add(records);
            }
        }
        if self.parts().await?.iter().any(|part| part.began <= before) {
            return Err(error(
                ErrorKind::Unconfirmed,
                "an index was there again after its deletion",
            ));
        }
        Ok(removed)
    }

    async fn identify(&self) -> Result<Incarnation, Error> {
        let path = "_cluster/state/nodes?filter_path=cluster_uuid,nodes.*.ephemeral_id";
        let state = self.wire.json(Method::Get, path, None, Effect::Reads).await?;
        let cluster = state["cluster_uuid"].as_str().filter(|uuid| *uuid != "_na_");
        let cluster =
            cluster.ok_or_else(|| error(ErrorKind::Unavailable, "the cluster has not formed"))?;
        let nodes = state["nodes"].as_object().ok_or_else(|| corrupt("the state has no nodes"))?;
        let mut lives: Vec<_> =
            nodes.iter().map(|(id, node)| (id.as_str(), node["ephemeral_id"].as_str())).collect();
        lives.sort_unstable();
        let named = json!(["evanesce elasticsearch incarnation 1", cluster, lives]).to_string();
        let digest = ring::digest::digest(&ring::digest::SHA256, named.as_bytes());
        let bytes = digest.as_ref().try_into().map_err(|_| corrupt("a digest is not 32 bytes"))?;
        Ok(Incarnation::new(StoreKind::Elasticsearch, Digest::new(bytes)))
    }
}

impl LogSink for ElasticsearchSink {
    fn store(&self) -> StoreKind {
        StoreKind::Elasticsearch
    }

    /// The cluster's id and the ids that its nodes took when they last started: a
    /// node that restarts or joins makes another incarnation.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(self.identify())
    }

    fn write<'a>(&'a self, batch: &'a [LogRecord]) -> BoxFuture<'a, Result<Written, Error>> {
        Box::pin(self.write_batch(batch))
    }

    fn count<'a>(&'a self, event: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            self.count_in(&self.trails.aliases(), &json!({ "term": { "event": event } })).await
        })
    }

    fn occurrences<'a>(&'a self, needle: &'a str) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(self.read_through(needle))
    }

    fn oldest(&self) -> BoxFuture<'_, Result<Option<Timestamp>, Error>> {
        Box::pin(self.oldest_record())
    }

    fn enforce(&self, before: Timestamp) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.drop_parts(before))
    }

    /// An index goes in the first round after its first instant reached the age, so
    /// what was written in that instant lives longest: age and one interval.
    fn ceiling(&self, age: Duration, interval: Duration) -> BoxFuture<'_, Result<Ceiling, Error>> {
        let setting = const { Label::new("enforcement age and interval") };
        let worst = age.checked_add(interval);
        Box::pin(std::future::ready(Ok(Ceiling { worst, setting })))
    }
}

impl fmt::Debug for ElasticsearchSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElasticsearchSink").finish_non_exhaustive()
    }
}

struct Part {
    name: String,
    began: Timestamp,
}

/// `None` for what is not there.
fn found(answer: Result<Value, Failure>) -> Result<Option<Value>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.error.kind() == ErrorKind::Missing => Ok(None),
        Err(failure) => Err(failure.error),
    }
}

/// An answer of some of the shards is none.
fn whole(answer: &Value) -> Result<(), Error> {
    if answer["_shards"]["failed"].as_u64() == Some(0) && answer["timed_out"] != true {
        return Ok(());
    }
    Err(error(ErrorKind::Unavailable, "not every shard answered"))
}

fn hits(answer: &Value) -> Result<&Vec<Value>, Error> {
    whole(answer)?;
    answer["hits"]["hits"].as_array().ok_or_else(|| corrupt("an answer has no hits"))
}

const fn outcome(status: u64) -> ItemOutcome {
    match status {
        // 409: the id is taken, and only an earlier sending of this document had it.
        200..=299 | 409 => ItemOutcome::Stored,
        429 | 500.. => ItemOutcome::Retry(BUSY),
        _ => ItemOutcome::Refused,
    }
}

const fn error(kind: ErrorKind, sentence: &'static str) -> Error {
    Error::new(kind, StoreKind::Elasticsearch, sentence)
}

const fn corrupt(sentence: &'static str) -> Error {
    error(ErrorKind::Corrupt, sentence)
}

const fn refused(sentence: &'static str) -> Error {
    error(ErrorKind::Refused, sentence)
}
