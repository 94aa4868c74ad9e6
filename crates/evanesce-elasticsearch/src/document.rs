//! A record as a document, and a batch as the body of a bulk request.

use evanesce_telemetry::{LogRecord, Value};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Number, Value as Json, json};

use crate::index::Trails;

/// Elasticsearch advises 5 to 15 MB for a bulk request.
const MAX_BODY: usize = 4 << 20;
const MAX_NAME: usize = 256;

/// One bulk request: its body, and the places that its documents have in the batch.
pub(crate) struct Bulk {
    pub(crate) body: String,
    pub(crate) places: Vec<usize>,
}

/// Bulk requests of bounded size for a batch. A record whose names no store takes
/// is in none of them. `None` if the operating system gives no random bytes.
pub(crate) fn bulks(batch: &[LogRecord], trails: &Trails) -> Option<Vec<Bulk>> {
    let random = SystemRandom::new();
    let mut all: Vec<Bulk> = Vec::new();
    for (place, record) in batch.iter().enumerate() {
        let Some(document) = document(record) else { continue };
        let index = trails.of(record.trail()).of(record.at());
        let action = json!({ "create": { "_index": index, "_id": fresh_id(&random)? } });
        let lines = format!("{action}\n{document}\n");
        match all.last_mut() {
            Some(bulk) if bulk.body.len() + lines.len() <= MAX_BODY => {
                bulk.body.push_str(&lines);
                bulk.places.push(place);
            }
            _ => all.push(Bulk { body: lines, places: vec![place] }),
        }
    }
    Some(all)
}

/// A record as Elasticsearch stores it, or `None` if a name is empty, too long or has
/// a NUL, which the type `flattened` keeps for itself.
pub(crate) fn document(record: &LogRecord) -> Option<Json> {
    if !is_name(record.event()) || !record.fields().iter().all(|(name, _)| is_name(name)) {
        return None;
    }
    let mut document = Map::new();
    let mut fields = Map::new();
    for (name, value) in record.fields() {
        match value {
            Value::Text(text) if *name == "message" => {
                put(&mut document, "message", Json::from(text.as_str()));
            }
            other => put(&mut fields, name, json_of(other)?),
        }
    }
    document.insert("@timestamp".into(), record.at().to_string().into());
    document.insert("level".into(), record.level().name().into());
    document.insert("event".into(), record.event().into());
    if !fields.is_empty() {
        document.insert("fields".into(), Json::Object(fields));
    }
    Some(Json::Object(document))
}

/// Whether a document holds `needle` in a name or a value.
pub(crate) fn holds(document: &Json, needle: &str) -> bool {
    match document {
        Json::Array(items) => items.iter().any(|item| holds(item, needle)),
        Json::Bool(flag) => (if *flag { "true" } else { "false" }).contains(needle),
        Json::Null => false,
        Json::Number(number) => number.to_string().contains(needle),
        Json::Object(map) => {
            map.iter().any(|(name, value)| name.contains(needle) || holds(value, needle))
        }
        Json::String(text) => text.contains(needle),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && !name.contains('\0')
}

// A name that comes twice becomes an array, as Elasticsearch understands it.
fn put(map: &mut Map<String, Json>, name: &str, value: Json) {
    match map.get_mut(name) {
        None => {
            map.insert(name.into(), value);
        }
        Some(Json::Array(items)) => items.push(value),
        Some(first) => *first = Json::Array(vec![first.take(), value]),
    }
}

fn json_of(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Flag(flag) => Json::Bool(*flag),
        // JSON has no word for a number that is not finite.
        Value::Float(number) => {
            Number::from_f64(*number).map_or_else(|| Json::String(number.to_string()), Json::Number)
        }
        Value::Integer(number) => Json::from(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Word(word) => Json::from(word.as_str()),
        _ => return None,
    })
}

fn fresh_id(random: &SystemRandom) -> Option<String> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use evanesce_core::{Label, Namespace, Sanitize, Timestamp};
    use evanesce_telemetry::{Level, Sanitized};

    use super::*;

    struct Plain;

    impl Sanitize for Plain {
        fn sanitize(&self, text: &str) -> String {
            text.to_owned()
        }
    }

    fn record() -> LogRecord {
        let at: Timestamp = "2026-11-24T22:38:51Z".parse().unwrap();
        LogRecord::new(at, Level::Warn, "store.slow")
    }

    #[test]
    fn every_kind_of_value_has_its_place() {
        let record = record()
            .with("message", Value::Text(Sanitized::new("took\n\"long\"", &Plain)))
            .with("store", Value::Word(Label::new("redis")))
            .with("store", Value::Word(Label::new("postgres")))
            .with("retried", Value::Flag(true))
            .with("millis", Value::Integer(1500))
            .with("share", Value::Float(0.5))
            .with("rate", Value::Float(f64::NAN));
        let expected = json!({
            "@timestamp": "2026-11-24T22:38:00Z",
            "level": "warn",
            "event": "store.slow",
            "message": "took\n\"long\"",
            "fields": {
                "store": ["redis", "postgres"], "retried": true, "millis": 1500, "share": 0.5, "rate": "NaN",
            },
        });
        assert_eq!(document(&record), Some(expected));
    }

    #[test]
    fn a_field_cannot_take_the_place_of_a_name_of_ours() {
        let record = record().with("@timestamp", Value::Word(Label::new("x")));
        let document = document(&record).unwrap();
        assert_eq!(document["@timestamp"], "2026-11-24T22:38:00Z");
        assert_eq!(document["fields"]["@timestamp"], "x");
    }

    #[test]
    fn a_record_without_a_usable_name_is_in_no_request() {
        let names = Trails::new(&Namespace::new("a").unwrap());
        let batch = [
            LogRecord::new(Timestamp::from_millis(0), Level::Info, ""),
            record(),
            record().with("a\0b", Value::Flag(true)),
        ];
        let bulks = bulks(&batch, &names).unwrap();
        assert_eq!(bulks.len(), 1);
        assert_eq!(bulks[0].places, [1]);
        assert_eq!(bulks[0].body.lines().count(), 2);
    }

    #[test]
    fn a_large_batch_becomes_several_requests() {
        let names = Trails::new(&Namespace::new("a").unwrap());
        let text = "x".repeat(Sanitized::MAX);
        let large = record().with("message", Value::Text(Sanitized::new(&text, &Plain)));
        let batch = vec![large; 2500];
        let bulks = bulks(&batch, &names).unwrap();
        assert!(bulks.len() > 1 && bulks.iter().all(|bulk| bulk.body.len() <= MAX_BODY));
        let places: Vec<_> = bulks.iter().flat_map(|bulk| bulk.places.clone()).collect();
        assert_eq!(places, (0..2500).collect::<Vec<_>>());
    }

    #[test]
    fn a_needle_is_found_in_names_and_values_of_any_kind() {
        let document = json!({ "a": { "needle-1": [1, { "b": "x\"quoted\"y" }] }, "c": 4111 });
        for needle in ["needle", "\"quoted\"", "411", "a"] {
            assert!(holds(&document, needle), "{needle}");
        }
        assert!(!holds(&document, "absent"));
    }
}
