//! Class 2: events become anonymous aggregates.
#![forbid(unsafe_code)]

mod store;

pub use store::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
