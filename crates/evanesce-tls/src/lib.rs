//! One verified rustls configuration for every store.
