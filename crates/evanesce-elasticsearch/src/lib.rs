//! Operational logs on Elasticsearch.
