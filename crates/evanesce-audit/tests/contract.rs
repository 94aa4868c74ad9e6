//! The contract suite on the stores of this crate.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of these tests fail by panicking too"
)]

use std::path::Path;
use std::sync::Arc;

use evanesce_audit::{AuditStore, FolderAudit, MemoryAudit};
use evanesce_testkit::audit;
use tempfile::TempDir;

fn folder(at: &TempDir) -> FolderAudit {
    FolderAudit::open(at.path()).unwrap()
}

macro_rules! contract {
    ($($function:ident),+ $(,)?) => {$(
        mod $function {
            use super::*;

            #[tokio::test]
            async fn memory() {
                audit::$function(&MemoryAudit::new()).await;
            }

            #[tokio::test]
            async fn in_a_folder() {
                let at = tempfile::tempdir().unwrap();
                audit::$function(&folder(&at)).await;
            }
        }
    )+};
}

contract!(
    begins_empty,
    appends_in_order,
    reads_ranges,
    keeps_any_bytes,
    refuses_another_size,
    prunes_whole_tiles_and_keeps_hashes,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_appender_wins_in_memory() {
    audit::one_appender_wins(Arc::new(MemoryAudit::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_appender_wins_in_a_folder() {
    let at = tempfile::tempdir().unwrap();
    audit::one_appender_wins(Arc::new(folder(&at))).await;
}

#[tokio::test]
async fn a_folder_survives_reopening() {
    let at = tempfile::tempdir().unwrap();
    let path: Arc<Path> = at.path().into();
    audit::survives_reopening(Box::new(folder(&at)), &move |old| {
        let path = Arc::clone(&path);
        Box::pin(async move {
            drop(old);
            Box::new(FolderAudit::open(&path).unwrap()) as Box<dyn AuditStore>
        })
    })
    .await;
}
