//! Operational metrics on InfluxDB 2.
