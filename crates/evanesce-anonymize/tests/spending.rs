//! What was spent, noted outside of the store: a store that went back in time releases
//! nothing a second time.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::sync::Arc;

use common::{BUDGET, Fault, HOUR, House, Topic, fold_many};
use evanesce_anonymize::{
    AggregateStore, FileSpending, Folds, Gate, MemoryAggregates, MemorySpending, ReleaseError,
    SpendingKeeper, WindowId, WindowLength,
};
use evanesce_core::ErrorKind;

use crate::common::Composed;

fn keeping(folds: Folds, keeper: &Arc<dyn SpendingKeeper>) -> Folds {
    let folds = folds.with_spending(Arc::clone(keeper));
    folds.register::<Composed>(Gate::differential(BUDGET, 20)).unwrap()
}

fn keepers(folder: &tempfile::TempDir) -> [Arc<dyn SpendingKeeper>; 2] {
    [Arc::new(MemorySpending::new()), Arc::new(FileSpending::new(&folder.path().join("spent")))]
}

#[tokio::test]
async fn a_store_that_went_back_releases_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for keeper in keepers(&folder) {
        let house = House::new();
        let folds = keeping(house.folds(), &keeper);
        let window = house.window();
        fold_many(&folds, Topic::Travel, 1, 40).await;
        house.clock.advance(HOUR);
        assert_eq!(folds.release(window).await.unwrap().debit, BUDGET.micro());
        assert_eq!(folds.release(window).await, Err(ReleaseError::AlreadyReleased));

        // A copy from before the release, on another node of the same service.
        let copy = Arc::new(MemoryAggregates::new(Arc::new(house.clock.clone())).unwrap());
        let clock = Arc::new(house.clock.clone());
        let node =
            Folds::new(copy.clone(), house.log.clone(), clock, WindowLength::hours(1), BUDGET);
        let node = keeping(node, &keeper);
        assert_eq!(node.release(window).await, Err(ReleaseError::WentBack));
        assert_eq!(copy.spent(window).await.unwrap().micro_epsilon, 0);
        assert!(copy.released("composed").await.unwrap().is_empty());
        // The next window is another one.
        let next = house.window();
        house.clock.advance(HOUR);
        assert!(node.release(next).await.is_ok());
    }
}

#[tokio::test]
async fn without_a_keeper_the_copy_would_spend_it_again() {
    let house = House::new();
    let gate = Gate::differential(BUDGET, 20);
    let folds = house.folds().register::<Composed>(gate).unwrap();
    let window = house.window();
    house.clock.advance(HOUR);
    assert!(folds.release(window).await.is_ok());
    let other = House {
        store: common::Faulty::new(&house.clock),
        clock: house.clock.clone(),
        log: house.log.clone(),
    };
    let node = other.folds().register::<Composed>(gate).unwrap();
    assert!(node.release(window).await.is_ok(), "this is what the keeper is for");
}

#[tokio::test]
async fn a_release_that_certainly_failed_can_be_tried_again() {
    let keeper: Arc<dyn SpendingKeeper> = Arc::new(MemorySpending::new());
    let house = House::new();
    let folds = keeping(house.folds(), &keeper);
    let window = house.window();
    house.clock.advance(HOUR);
    *house.store.next_release.lock().unwrap() = Some(Fault::Down);
    assert!(matches!(folds.release(window).await, Err(ReleaseError::Store(_))));
    assert_eq!(keeper.noted(window).await, Ok(None));
    assert!(folds.release(window).await.is_ok());
    assert_eq!(keeper.noted(window).await, Ok(Some(BUDGET.micro())));
}

#[tokio::test]
async fn a_release_that_was_broken_off_is_exhausted_and_one_whose_answer_got_lost_stands() {
    let keeper: Arc<dyn SpendingKeeper> = Arc::new(MemorySpending::new());
    let house = House::new();
    let folds = keeping(house.folds(), &keeper);
    let (first, length) = (house.window(), HOUR);
    house.clock.advance(length);
    let second = house.window();
    house.clock.advance(length);
    *house.store.next_release.lock().unwrap() = Some(Fault::Hangs);
    {
        // Dropped in the middle, as if the process were killed there.
        let mut broken = Box::pin(folds.release(first));
        let poll = std::future::poll_fn(|context| {
            for _ in 0..50 {
                if broken.as_mut().poll(context).is_ready() {
                    return std::task::Poll::Ready(true);
                }
            }
            std::task::Poll::Ready(false)
        });
        assert!(!poll.await);
    }
    assert_eq!(folds.release(first).await, Err(ReleaseError::WentBack));
    *house.store.next_release.lock().unwrap() = Some(Fault::AnswerLost);
    assert!(folds.release(second).await.is_ok());
    assert_eq!(folds.release(second).await, Err(ReleaseError::AlreadyReleased));
}

#[tokio::test]
async fn a_keeper_that_cannot_be_read_or_written_stops_the_release() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spent");
    let keeper: Arc<dyn SpendingKeeper> = Arc::new(FileSpending::new(&file));
    let house = House::new();
    let folds = keeping(house.folds(), &keeper);
    let window = house.window();
    house.clock.advance(HOUR);
    std::fs::write(&file, "evanesce spending v1\n7").unwrap();
    let error = folds.release(window).await.unwrap_err();
    assert!(matches!(error, ReleaseError::Spending(error) if error.kind() == ErrorKind::Corrupt));
    std::fs::remove_file(&file).unwrap();
    let nowhere = FileSpending::new(&folder.path().join("no/such/folder"));
    assert!(nowhere.note(window, 1, WindowId(0)).await.is_err());
    assert!(!house.store.inner.spent(window).await.unwrap().is_released);
    assert!(folds.release(window).await.is_ok());
}

#[tokio::test]
async fn notes_are_kept_as_long_as_a_window_can_be_released() {
    let folder = tempfile::tempdir().unwrap();
    for keeper in keepers(&folder) {
        for window in 10..40 {
            keeper
                .note(WindowId(window), window, WindowId(window.saturating_sub(24)))
                .await
                .unwrap();
        }
        assert_eq!(keeper.noted(WindowId(14)).await, Ok(None));
        assert_eq!(keeper.noted(WindowId(15)).await, Ok(Some(15)));
        keeper.retract(WindowId(39)).await.unwrap();
        assert_eq!(keeper.noted(WindowId(39)).await, Ok(None));
        assert_eq!(keeper.noted(WindowId(38)).await, Ok(Some(38)));
    }
    // Another process reads what this one wrote.
    let again = FileSpending::new(&folder.path().join("spent"));
    assert_eq!(again.noted(WindowId(20)).await, Ok(Some(20)));
}
