#![doc = include_str!("../README.md")]
#![deny(unsafe_op_in_unsafe_fn)]

// The derive writes `::evanesce_memory`, which must also be found inside this crate.
extern crate self as evanesce_memory;

mod allocator;
mod cache;
mod closed;
mod codec;
mod core_dump;
mod ephemeral;
mod error;
mod export;
mod os;
mod plain;
mod policy;
mod process;
pub mod residue;
#[cfg(feature = "secrecy")]
mod secrecy;
mod secret;
mod slab;
mod wipe;

pub use evanesce_macros::Ephemeral;

pub use crate::{
    allocator::{HeapEvidence, WipingAllocator, heap_is_wiped},
    closed::ClosedBytes,
    codec::{Decoder, Encoder},
    ephemeral::{Ephemeral, from_bytes, from_secret, to_secret},
    error::{DecodeError, EncodeError, MemoryError},
    export::{Exporter, Fields, Items, to_json},
    plain::{Plain, SecureContext},
    policy::{MemoryPolicy, Rung},
    process::{MemoryFlags, ProcessProtection, flags, process_protection, protect_process},
    secret::SecretBytes,
    slab::canary_violations,
    wipe::{Wipe, Wiped, scrub_stack, scrub_stack_deeply, scrubbed, wipe_slice},
};
