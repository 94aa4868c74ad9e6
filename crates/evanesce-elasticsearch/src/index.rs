//! The names of the indices, and the template that shapes them.

use evanesce_core::{Date, Namespace, Timestamp};
use evanesce_telemetry::Trail;
use serde_json::{Value, json};

/// Where a namespace keeps its records: those of operation, and those of security, which
/// fewer may read.
pub(crate) struct Trails {
    operation: Names,
    security: Names,
}

impl Trails {
    pub(crate) fn new(namespace: &Namespace) -> Self {
        Self {
            operation: Names::new(namespace, Trail::Operation),
            security: Names::new(namespace, Trail::Security),
        }
    }

    /// The names of one trail.
    pub(crate) const fn of(&self, trail: Trail) -> &Names {
        match trail {
            Trail::Operation => &self.operation,
            Trail::Security => &self.security,
        }
    }

    pub(crate) fn all(&self) -> [&Names; 2] {
        [&self.operation, &self.security]
    }

    /// Both aliases, as the path of a request has them.
    pub(crate) fn aliases(&self) -> String {
        self.all().map(Names::alias).join(",")
    }

    /// Both patterns of index names, as the path of a request has them.
    pub(crate) fn patterns(&self) -> String {
        self.all().map(|names| format!("{}-*", names.alias())).join(",")
    }

    /// The first instant of an index of ours, or `None` for any other name.
    pub(crate) fn first_instant(&self, index: &str) -> Option<Timestamp> {
        self.all().into_iter().find_map(|names| names.first_instant(index))
    }
}

/// The names that one namespace uses for one trail.
#[derive(Clone)]
pub(crate) struct Names {
    alias: String,
    namespace_length: usize,
}

impl Names {
    pub(crate) fn new(namespace: &Namespace, trail: Trail) -> Self {
        let kept = match trail {
            Trail::Operation => "logs",
            Trail::Security => "security",
        };
        Self { alias: format!("{namespace}-{kept}"), namespace_length: namespace.as_str().len() }
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
        Names::new(&Namespace::new(namespace).unwrap(), Trail::Operation)
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
    fn the_two_trails_share_no_name() {
        let namespace = Namespace::new("a").unwrap();
        let security = Names::new(&namespace, Trail::Security);
        assert_eq!(security.of(Timestamp::from_millis(0)), "a-security-1970.01.01");
        assert_eq!(names("a").first_instant("a-security-2026.11.24"), None);
        assert_eq!(security.first_instant("a-logs-2026.11.24"), None);
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
