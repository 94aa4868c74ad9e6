#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The derives write `::evanesce_anonymize`, which must also be found inside this crate.
extern crate self as evanesce_anonymize;

mod category;
pub mod disclosure;
mod error;
mod event;
pub mod exact;
mod folds;
mod gate;
pub mod generalize;
mod histogram;
mod keys;
mod memory;
mod noise;
mod release;
mod spending;
pub mod statistics;
mod store;
mod suppress;
mod table;
mod window;

pub use category::{Banded, Bands, Bucket, HourOfDay, List, Listed};
pub use error::{FoldError, RegisterError, ReleaseError};
pub use evanesce_macros::{Category, Event};
pub use event::{Category, Cell, Dimension, Event, MAX_DIMENSIONS};
pub use folds::{Flushed, Folds};
pub use gate::{Epsilon, Gate};
pub use keys::{LocalKeys, WindowKeys};
pub use memory::MemoryAggregates;
pub use release::{ReleasedWindow, Swept};
pub use spending::{FileSpending, MemorySpending, SpendingKeeper};
pub use store::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
pub use window::WindowLength;
