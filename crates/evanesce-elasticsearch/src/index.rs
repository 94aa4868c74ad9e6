//! The names of the indices, and the template that shapes them.

use evanesce_core::{Date, Namespace, Timestamp};
use serde_json::{Value, json};

/// The names that one namespace uses.
#[derive(Clone)]
pub(crate) struct Names {
    alias: String,
    namespace_length: usize,
}

impl Names {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self { alias: format!("{namespace}-logs"), namespace_length: namespace.as_str().len() }
    }

    /// The alias over all indices, and the name of the template.
    pub(crate) fn alias(&self) -> &str {
        &self.alias
    }

    /// The index of the day that an instant lies in.
    pub(crate) fn of(&self, at: Timestamp) -> String {
        let (year, month, day) = at.date().parts();
        format!("{}-{year:04}.{month:02}.{day:02}", self.alias)
    }

    /// The first instant of an index of ours, or `None` for any other name: those of
    /// a namespace `a` and a namespace `a-logs` begin alike.
    pub(crate) fn first_instant(&self, index: &str) -> Option<Timestamp> {
        let day = index.strip_prefix(self.alias.as_str())?.strip_prefix('-')?;
        if day.contains('-') {
            return None;
        }
        day.replace('.', "-").parse().map(Date::start).ok()
    }

    /// The index template. Where the patterns of two namespaces meet, the longer name
    /// has the higher priority, and names of equal length never meet.
    pub(crate) fn template(&self) -> Value {
        let patterns: Vec<_> = (1..=9).map(|digit| format!("{}-{digit}*", self.alias)).collect();
        let mut aliases = serde_json::Map::new();
        aliases.insert(self.alias.clone(), json!({}));
        json!({
            "index_patterns": patterns,
            "priority": 500 + self.namespace_length,
            "template": {
                "settings": { "number_of_shards": 1, "auto_expand_replicas": "0-1" },
                "aliases": aliases,
                "mappings": {
                    "dynamic": "strict",
                    "properties": {
                        "@timestamp": { "type": "date" },
                        "level": { "type": "keyword" },
                        "event": { "type": "keyword" },
                        "message": { "type": "text" },
                        "fields": { "type": "flattened" },
                    },
                },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(namespace: &str) -> Names {
        Names::new(&Namespace::new(namespace).unwrap())
    }

    #[test]
    fn an_index_is_named_by_its_day_and_read_back() {
        let at: Timestamp = "2026-11-24T22:38:00Z".parse().unwrap();
        let index = names("newsletter").of(at);
        assert_eq!(index, "newsletter-logs-2026.11.24");
        assert_eq!(
            names("newsletter").first_instant(&index),
            Some("2026-11-24T00:00:00Z".parse().unwrap())
        );
    }

    #[test]
    fn indices_of_others_are_not_taken_for_ours() {
        for index in [
            "a-logs",
            "a-logs-",
            "a-logs-2026.11.31",
            "a-logs-2026-11-24",
            "a-logs-2026.11.24-1",
            "a-logs-logs-2026.11.24",
            "b-logs-2026.11.24",
            ".ds-a-logs-2026.11.24",
        ] {
            assert_eq!(names("a").first_instant(index), None, "{index}");
        }
    }

    #[test]
    fn the_template_refuses_unknown_fields() {
        assert_eq!(names("a").template()["template"]["mappings"]["dynamic"], "strict");
        assert!(
            names("a-logs-2").template()["priority"].as_u64()
                > names("a").template()["priority"].as_u64()
        );
    }
}
