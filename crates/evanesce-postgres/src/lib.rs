//! Aggregates, audit log and erasure journal on PostgreSQL.
