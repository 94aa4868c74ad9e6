//! From event to sealed partial sum: who may count, how often, and what the store
//! gets to see.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{
    Composed, Consent, Fault, HOUR, House, Rated, Session, Topic, composed, fold_many, rows, usage,
};
use evanesce_anonymize::{
    AggregateStore, Bucket, Epsilon, Flushed, FoldError, Gate, RegisterError,
};
use evanesce_core::{Contribution, Granted, NotGranted, Operation};

const EXACT: Gate = Gate::disclosure(3);

#[tokio::test]
async fn a_session_counts_once_in_a_cell() {
    let house = House::new();
    let folds = Arc::new(house.folds().register::<Composed>(EXACT).unwrap());
    let session = Arc::new(Session::default());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (folds, session) = (folds.clone(), session.clone());
        tasks.spawn(async move {
            folds.fold(composed(Topic::Travel, 3), &usage().await, &*session).await
        });
    }
    let first = tasks.join_all().await.into_iter().filter(|c| *c == Ok(Contribution::First));
    assert_eq!(first.count(), 1);
    fold_many(&folds, Topic::Travel, 3, 9).await;
    fold_many(&folds, Topic::Other, 3, 10).await;
    let window = house.window();
    house.clock.advance(HOUR);
    let released = folds.release(window).await.unwrap();
    let expected = [("travel from-2".to_owned(), 10), ("other from-2".to_owned(), 10)];
    assert_eq!(rows(&released.tables[0]), expected);
}

#[tokio::test]
async fn noise_bounds_the_cells_of_a_session() {
    let house = House::new();
    let gate = Gate::Differential {
        epsilon: Epsilon::micros(1_000_000),
        at_least: 1,
        cells_per_session: 2,
    };
    let two = house.folds().register::<Composed>(gate).unwrap();
    let (usage, session) = (usage().await, Session::default());
    let mut contributions = Vec::new();
    for (topic, steps) in [
        (Topic::Travel, 1),
        (Topic::Travel, 1),
        (Topic::Energy, 1),
        (Topic::Other, 1),
        (Topic::Energy, 1),
    ] {
        contributions.push(two.fold(composed(topic, steps), &usage, &session).await.unwrap());
    }
    use Contribution::{Already, First};
    assert_eq!(contributions, [First, Already, First, Already, Already]);

    let one = house
        .folds()
        .register::<Composed>(Gate::differential(Epsilon::micros(1_000_000), 1))
        .unwrap();
    let session = Session::default();
    assert_eq!(one.fold(composed(Topic::Travel, 1), &usage, &session).await, Ok(First));
    assert_eq!(one.fold(composed(Topic::Energy, 1), &usage, &session).await, Ok(Already));
    house.clock.advance(HOUR);
    assert_eq!(one.fold(composed(Topic::Energy, 1), &usage, &session).await, Ok(First));
}

#[tokio::test]
async fn without_live_consent_nothing_is_counted() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let consent = Consent::live();
    let granted = Granted::check(consent.clone()).await.unwrap();
    let session = Session::default();
    consent.withdraw();
    let refused = folds.fold(composed(Topic::Travel, 1), &granted, &session).await;
    assert!(matches!(refused, Err(FoldError::NotGranted(NotGranted::State(_)))));
    assert_eq!(folds.flush().await, Ok(Flushed::default()));
    // Nor was the session's contribution used up.
    let contribution = folds.fold(composed(Topic::Travel, 1), &usage().await, &session).await;
    assert_eq!(contribution, Ok(Contribution::First));
}

#[tokio::test]
async fn a_metric_ends_after_its_last_day() {
    let house = House::new();
    let folds = house.folds().register::<Rated>(EXACT).unwrap();
    let usage = usage().await;
    let fold = async || folds.fold(Rated { is_good: true }, &usage, &Session::default()).await;
    house.clock.advance(23 * HOUR);
    assert_eq!(fold().await, Ok(Contribution::First));
    house.clock.advance(HOUR);
    assert_eq!(fold().await, Err(FoldError::Ended));
    // A window after the last day has no such table.
    let window = house.window();
    house.clock.advance(HOUR);
    assert_eq!(folds.release(window).await.unwrap().tables, []);
}

#[tokio::test]
async fn tables_are_declared_beforehand() {
    let house = House::new();
    let folds = house.folds();
    let undeclared =
        folds.fold(composed(Topic::Travel, 1), &usage().await, &Session::default()).await;
    assert_eq!(undeclared, Err(FoldError::Undeclared));

    let folds = folds.register::<Composed>(EXACT).unwrap();
    assert_eq!(folds.register::<Composed>(EXACT).err(), Some(RegisterError::Duplicate));
    for gate in [Gate::disclosure(2), Gate::differential(common::BUDGET, 0)] {
        let refused = house.folds().register::<Composed>(gate).err();
        assert_eq!(refused, Some(RegisterError::Gate));
    }
    let most = Gate::differential(common::BUDGET, 10);
    let folds = house.folds().register::<Composed>(most).unwrap();
    let little = Gate::differential(Epsilon::micros(1), 10);
    assert_eq!(folds.register::<Rated>(little).err(), Some(RegisterError::Budget));
}

mod impostor {
    use super::*;

    #[derive(evanesce_anonymize::Event)]
    #[event(purpose = common::Usage, owner = "nobody", until = "2027-06-30", name = "composed")]
    pub(super) struct Impostor {
        pub(super) steps: Bucket<5>,
    }
}

#[tokio::test]
async fn another_event_of_the_same_name_is_not_mistaken() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let event = impostor::Impostor { steps: Bucket::from(1_u64) };
    let refused = folds.fold(event, &usage().await, &Session::default()).await;
    assert_eq!(refused, Err(FoldError::Undeclared));
}

#[tokio::test]
async fn the_store_sees_ciphertext_only() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&folds, Topic::Travel, 3, 77).await;
    folds.flush().await.unwrap();
    let partials = house.store.partials(house.window()).await.unwrap();
    assert_eq!(partials.len(), 1);
    let stored = &partials[0].sealed;
    let count = 77_u64.to_be_bytes();
    for secret in [&b"composed"[..], b"travel", b"from-2", &count[4..]] {
        assert!(!contains(stored, secret));
    }
    // The control: the same search finds the count where it lies in the clear.
    assert!(contains(&[&[0; 9][..], &count, &[1]].concat(), &count[4..]));

    // Equal counts give other bytes in each window.
    house.clock.advance(HOUR);
    fold_many(&folds, Topic::Travel, 3, 77).await;
    folds.flush().await.unwrap();
    let again = house.store.partials(house.window()).await.unwrap();
    assert_ne!(*stored, again[0].sealed);
    assert_eq!(stored.len(), again[0].sealed.len());
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn the_log_counts_partial_sums_and_not_events() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    assert_eq!(folds.flush().await, Ok(Flushed { stored: 1, lost: 0 }));
    let entries = house.log.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].operation(), entries[0].count()), (Operation::Folded, 1));
}

#[tokio::test]
async fn a_repeated_flush_counts_once() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    for fault in [Fault::AnswerLost, Fault::Down] {
        fold_many(&folds, Topic::Travel, 3, 5).await;
        *house.store.next_fold.lock().unwrap() = Some(fault);
        assert!(matches!(folds.flush().await, Err(FoldError::Store(_))));
        assert_eq!(folds.flush().await, Ok(Flushed { stored: 1, lost: 0 }));
        assert_eq!(folds.flush().await, Ok(Flushed::default()));
    }
    let window = house.window();
    house.clock.advance(HOUR);
    let released = folds.release(window).await.unwrap();
    assert_eq!(rows(&released.tables[0]), [("travel from-2".to_owned(), 10)]);
}

#[tokio::test]
async fn a_flush_that_is_dropped_loses_nothing() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&folds, Topic::Travel, 3, 5).await;
    *house.store.next_fold.lock().unwrap() = Some(Fault::Hangs);
    {
        let mut flush = Box::pin(folds.flush());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(flush.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(folds.flush().await, Ok(Flushed { stored: 1, lost: 0 }));
}

#[tokio::test]
async fn a_killed_process_loses_what_it_had_not_flushed_and_no_more() {
    let house = House::new();
    let window = house.window();
    let keys: Arc<dyn evanesce_anonymize::WindowKeys> =
        Arc::new(evanesce_anonymize::LocalKeys::new(
            Arc::new(house.clock.clone()),
            evanesce_anonymize::WindowLength::hours(1),
        ));
    // Shared keys, so that the second process can open what the first one sealed.
    let node = || house.folds().with_keys(keys.clone()).register::<Composed>(EXACT).unwrap();
    let killed = node();
    fold_many(&killed, Topic::Travel, 3, 8).await;
    killed.flush().await.unwrap();
    fold_many(&killed, Topic::Travel, 3, 4).await;
    drop(killed);
    let survivor = node();
    house.clock.advance(HOUR);
    let released = survivor.release(window).await.unwrap();
    assert_eq!(rows(&released.tables[0]), [("travel from-2".to_owned(), 8)]);
    assert_eq!(released.unreadable, 0);
}

#[tokio::test]
async fn a_fold_after_the_release_is_refused_and_a_late_partial_is_lost() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let window = house.window();
    let start = evanesce_anonymize::WindowLength::hours(1).start(window);
    house.clock.advance(HOUR);
    folds.release(window).await.unwrap();
    // The wall clock is set back into the released window.
    house.clock.step_to(start.plus(Duration::from_secs(60)));
    let refused = folds.fold(composed(Topic::Travel, 1), &usage().await, &Session::default()).await;
    assert_eq!(refused, Err(FoldError::WindowClosed));

    // Another process that does not know of the release has its partial sum refused.
    let other = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&other, Topic::Travel, 1, 3).await;
    assert_eq!(other.flush().await, Ok(Flushed { stored: 0, lost: 1 }));
}

#[tokio::test]
async fn every_future_can_be_spawned() {
    fn can_be_spawned(_: &(impl Future + Send)) {}
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let (usage, session) = (usage().await, Session::default());
    can_be_spawned(&folds.fold(composed(Topic::Travel, 1), &usage, &session));
    can_be_spawned(&folds.flush());
    can_be_spawned(&folds.due());
    can_be_spawned(&folds.release(house.window()));
    can_be_spawned(&folds.sweep());
}
