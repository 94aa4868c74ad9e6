//! The contract suite on the journals of this crate.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::path::Path;
use std::sync::Arc;

use evanesce_core::ErrorKind;
use evanesce_purge::{ErasureJournal, FolderJournal, MemoryJournal};
use evanesce_testkit::journal;

macro_rules! contract {
    ($($function:ident),+ $(,)?) => {$(
        mod $function {
            use super::*;

            #[tokio::test]
            async fn memory() {
                journal::$function(&MemoryJournal::new()).await;
            }

            #[tokio::test]
            async fn in_a_folder() {
                let at = tempfile::tempdir().unwrap();
                journal::$function(&FolderJournal::open(at.path()).unwrap()).await;
            }
        }
    )+};
}

contract!(begins_empty, puts_once, lists_the_oldest_first, takes_off, keeps_any_bytes);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_in_memory() {
    journal::many_at_once(Arc::new(MemoryJournal::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_in_a_folder() {
    let at = tempfile::tempdir().unwrap();
    journal::many_at_once(Arc::new(FolderJournal::open(at.path()).unwrap())).await;
}

#[tokio::test]
async fn a_folder_survives_reopening() {
    let at = tempfile::tempdir().unwrap();
    let path: Arc<Path> = at.path().into();
    let first = FolderJournal::open(&path).unwrap();
    journal::survives_reopening(Box::new(first), &move |old| {
        let path = Arc::clone(&path);
        Box::pin(async move {
            drop(old);
            Box::new(FolderJournal::open(&path).unwrap()) as Box<dyn ErasureJournal>
        })
    })
    .await;
}

#[tokio::test]
async fn what_a_crash_left_in_the_folder_is_no_job_and_a_damaged_job_is_an_error() {
    let at = tempfile::tempdir().unwrap();
    let journal = FolderJournal::open(at.path()).unwrap();
    let name = "ab".repeat(32);
    std::fs::write(at.path().join(format!("{name}.new")), "half").unwrap();
    std::fs::write(at.path().join("notes.job"), "not ours").unwrap();
    assert!(journal.open(10).await.unwrap().is_empty());
    std::fs::write(at.path().join(format!("{name}.job")), "damaged").unwrap();
    assert_eq!(journal.open(10).await.unwrap_err().kind(), ErrorKind::Corrupt);
}
