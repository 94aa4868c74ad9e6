//! Sessions, epochs and leases on Redis.
