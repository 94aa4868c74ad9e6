//! From sealed partial sums to released tables: gates, budget, keys, evidence.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Composed, Fault, HOUR, House, Topic, fold_many, rows};
use evanesce_anonymize::{
    AggregateStore, Epsilon, Gate, LocalKeys, ReleaseError, Spent, Swept, WindowId, WindowKeys,
    WindowLength,
};
use evanesce_core::{ErrorKind, Operation, Outcome};

const EXACT: Gate = Gate::disclosure(3);
const NOISED: Gate = Gate::differential(Epsilon::micros(400_000), 5);

#[tokio::test]
async fn noise_covers_the_whole_table_and_states_its_margin() {
    let house = House::new();
    let gate = Gate::differential(Epsilon::micros(200_000), 1);
    let folds = house.folds().register::<Composed>(gate).unwrap();
    let mut empty_cells_shown = 0;
    for _ in 0..3 {
        fold_many(&folds, Topic::Travel, 3, 200).await;
        let window = house.window();
        house.clock.advance(HOUR);
        let released = folds.release(window).await.unwrap();
        let rows = &released.tables[0].rows;
        // P(|X| > 14) = 2 exp(-0.2 * 15) / (1 + exp(-0.2)) = 0.0547, P(|X| > 15) = 0.0448.
        assert!(rows.iter().all(|row| row.margin == 15 && row.value >= 1));
        let travel = rows.iter().find(|row| row.labels == ["travel", "from-2"]).unwrap();
        // Five times the margin is exceeded less than once in a million releases.
        assert!((travel.value - 200).abs() <= 75);
        empty_cells_shown += rows.len() - 1;
        assert_eq!(house.store.spent(window).await.unwrap().micro_epsilon, 200_000);
    }
    // Each of the 14 empty cells is shown with P = 0.45; none of 42, once in 10^10 runs.
    assert!(empty_cells_shown > 0);
}

#[tokio::test]
async fn two_releases_of_equal_counts_differ() {
    let house = House::new();
    let gate = Gate::differential(Epsilon::micros(50_000), 1);
    let folds = house.folds().register::<Composed>(gate).unwrap();
    let mut tables = Vec::new();
    for _ in 0..2 {
        fold_many(&folds, Topic::Travel, 3, 50).await;
        let window = house.window();
        house.clock.advance(HOUR);
        tables.push(rows(&folds.release(window).await.unwrap().tables[0]));
    }
    assert_ne!(tables[0], tables[1]);
}

#[tokio::test]
async fn small_groups_are_not_shown_and_not_found_by_subtraction() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(Gate::disclosure(5)).unwrap();
    for (topic, steps, sessions) in [
        (Topic::Travel, 1, 2),
        (Topic::Travel, 3, 20),
        (Topic::Travel, 4, 30),
        (Topic::Energy, 1, 9),
        (Topic::Energy, 3, 10),
        (Topic::Energy, 4, 11),
        (Topic::Other, 4, 40),
    ] {
        fold_many(&folds, topic, steps, sessions).await;
    }
    let window = house.window();
    house.clock.advance(HOUR);
    let shown = rows(&folds.release(window).await.unwrap().tables[0]);
    // The group of two is hidden, and with it a rectangle of three others.
    let expected = [("energy from-4", 11), ("travel from-4", 30), ("other from-4", 40)];
    assert_eq!(shown, expected.map(|(labels, value)| (labels.to_owned(), value)));
}

#[tokio::test]
async fn a_window_is_released_once_and_after_its_end() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(NOISED).unwrap();
    let window = house.window();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    assert_eq!(folds.due().await, Ok(vec![]));
    assert_eq!(folds.release(window).await, Err(ReleaseError::StillOpen));
    house.clock.advance(HOUR);
    assert_eq!(folds.due().await, Ok(vec![window]));
    folds.release(window).await.unwrap();
    assert_eq!(folds.release(window).await, Err(ReleaseError::AlreadyReleased));
    assert_eq!(folds.due().await, Ok(vec![]));
    let spent = Spent { micro_epsilon: 400_000, is_released: true };
    assert_eq!(house.store.spent(window).await, Ok(spent));
    assert_eq!(house.store.partials(window).await.unwrap().len(), 0);
}

#[tokio::test]
async fn of_two_nodes_one_releases_and_the_budget_is_spent_once() {
    let house = House::new();
    let window = house.window();
    let keys: Arc<dyn WindowKeys> =
        Arc::new(LocalKeys::new(Arc::new(house.clock.clone()), WindowLength::hours(1)));
    let node = || house.folds().with_keys(keys.clone()).register::<Composed>(NOISED).unwrap();
    let (one, two) = (node(), node());
    fold_many(&one, Topic::Travel, 3, 9).await;
    fold_many(&two, Topic::Travel, 3, 9).await;
    one.flush().await.unwrap();
    two.flush().await.unwrap();
    house.clock.advance(HOUR);
    let (first, second) = tokio::join!(one.release(window), two.release(window));
    let lost = if first.is_ok() { second } else { first };
    assert!(matches!(lost, Err(ReleaseError::AlreadyReleased | ReleaseError::Conflict)));
    assert_eq!(house.store.spent(window).await.unwrap().micro_epsilon, 400_000);
    assert_eq!(house.store.released("composed").await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_exhausted_budget_releases_nothing() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(NOISED).unwrap();
    let window = house.window();
    *house.store.spent_before.lock().unwrap() = 600_001;
    house.clock.advance(HOUR);
    let exhausted = ReleaseError::BudgetExhausted { left: 399_999, needed: 400_000 };
    assert_eq!(folds.release(window).await, Err(exhausted));
    // It does not renew with time.
    house.clock.advance(10 * HOUR);
    assert_eq!(folds.release(window).await, Err(exhausted));
    assert!(house.store.released("composed").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_window_that_is_not_released_in_time_is_gone() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let window = house.window();
    let start = house.clock_now();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    folds.flush().await.unwrap();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    house.clock.advance(23 * HOUR);
    assert_eq!(folds.sweep().await, Ok(Swept::default()));
    house.clock.advance(HOUR);
    assert_eq!(folds.release(window).await, Err(ReleaseError::Expired));
    assert!(!folds.due().await.unwrap().contains(&window));
    assert_eq!(folds.sweep().await, Ok(Swept { windows: 1, partials: 2 }));
    assert_eq!(house.store.partials(window).await.unwrap().len(), 0);
    // Setting the wall clock back brings neither key nor window back.
    house.clock.step_to(start.plus(2 * HOUR));
    let released = folds.release(window).await.unwrap();
    assert_eq!(released.tables[0].rows, []);
}

#[tokio::test]
async fn a_key_dies_at_24_hours_whatever_the_wall_clock_says() {
    let house = House::new();
    let keys = LocalKeys::new(Arc::new(house.clock.clone()), WindowLength::hours(1));
    let window = house.window();
    let plain = evanesce_memory::SecretBytes::zeroed(8).unwrap();
    keys.begin(window).await.unwrap();
    let sealed = keys.seal(window, b"place", &plain).await.unwrap();
    let start = house.clock_now();
    house.clock.advance(24 * HOUR);
    house.clock.step_to(start);
    let expired = |error: evanesce_core::Error| error.kind() == ErrorKind::Expired;
    assert!(keys.unseal(window, b"place", &sealed).await.is_err_and(expired));
    assert_eq!(keys.end_overdue().await, Ok(vec![window]));
    assert!(keys.begin(window).await.is_err_and(expired));
    assert!(keys.seal(window, b"place", &plain).await.is_err_and(expired));
    let missing = keys.unseal(WindowId(1), b"place", &sealed).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Missing);
}

#[tokio::test]
async fn what_an_earlier_process_left_is_counted_and_swept() {
    let house = House::new();
    let window = house.window();
    let killed = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&killed, Topic::Travel, 3, 9).await;
    killed.flush().await.unwrap();
    drop(killed);
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&folds, Topic::Travel, 3, 5).await;
    house.clock.advance(HOUR);
    let released = folds.release(window).await.unwrap();
    assert_eq!(released.unreadable, 1);
    assert_eq!(rows(&released.tables[0]), [("travel from-2".to_owned(), 5)]);

    let window = house.window();
    let killed = house.folds().register::<Composed>(EXACT).unwrap();
    fold_many(&killed, Topic::Travel, 3, 9).await;
    killed.flush().await.unwrap();
    house.clock.advance(24 * HOUR);
    assert_eq!(folds.sweep().await, Ok(Swept { windows: 1, partials: 1 }));
    assert!(house.store.partials(window).await.unwrap().is_empty());
}

#[tokio::test]
async fn damaged_and_moved_partials_are_not_counted() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let window = house.window();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    folds.flush().await.unwrap();
    let whole = house.store.partials(window).await.unwrap().remove(0);
    let mut copy = whole.clone();
    copy.batch = evanesce_core::Digest::new([9; 32]);
    house.store.fold(&copy).await.unwrap();
    let mut damaged = whole;
    damaged.batch = evanesce_core::Digest::new([8; 32]);
    damaged.sealed.truncate(40);
    house.store.fold(&damaged).await.unwrap();
    house.clock.advance(HOUR);
    let released = folds.release(window).await.unwrap();
    assert_eq!(released.unreadable, 2);
    assert_eq!(rows(&released.tables[0]), [("travel from-2".to_owned(), 9)]);
}

#[tokio::test]
async fn quiet_windows_are_released_too() {
    let house = House::new();
    let first = house.window();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    house.clock.advance(3 * HOUR);
    let due = folds.due().await.unwrap();
    assert_eq!(due, [first, WindowId(first.0 + 1), WindowId(first.0 + 2)]);
    for window in due {
        folds.release(window).await.unwrap();
    }
    assert_eq!(house.store.released("composed").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_log_that_is_down_stops_the_release() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(NOISED).unwrap();
    let window = house.window();
    house.clock.advance(HOUR);
    house.log.take_down();
    assert!(matches!(folds.release(window).await, Err(ReleaseError::Audit(_))));
    assert_eq!(house.store.spent(window).await, Ok(Spent::default()));
}

#[tokio::test]
async fn the_log_says_what_was_spent_and_released() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(NOISED).unwrap();
    let window = house.window();
    house.clock.advance(HOUR);
    *house.store.next_release.lock().unwrap() = Some(Fault::Down);
    assert!(matches!(folds.release(window).await, Err(ReleaseError::Store(_))));
    folds.release(window).await.unwrap();
    let entries: Vec<_> = house
        .log
        .entries()
        .iter()
        .map(|entry| (entry.operation(), entry.outcome(), entry.count()))
        .collect();
    assert_eq!(
        entries,
        [
            (Operation::BudgetSpent, Outcome::Done, 400_000),
            (Operation::BudgetSpent, Outcome::Failed, 400_000),
            (Operation::BudgetSpent, Outcome::Done, 400_000),
            (Operation::TableReleased, Outcome::Done, 1),
        ]
    );
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_in_the_ledger() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(NOISED).unwrap();
    let window = house.window();
    house.clock.advance(HOUR);
    *house.store.next_release.lock().unwrap() = Some(Fault::AnswerLost);
    let released = folds.release(window).await.unwrap();
    assert_eq!(house.store.released("composed").await.unwrap(), released.tables);
    assert_eq!(folds.release(window).await, Err(ReleaseError::AlreadyReleased));
}

#[tokio::test]
async fn a_release_that_is_dropped_can_be_repeated() {
    let house = House::new();
    let folds = house.folds().register::<Composed>(EXACT).unwrap();
    let window = house.window();
    fold_many(&folds, Topic::Travel, 3, 9).await;
    house.clock.advance(HOUR);
    *house.store.next_release.lock().unwrap() = Some(Fault::Hangs);
    {
        let mut release = Box::pin(folds.release(window));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(release.as_mut().poll(&mut context).is_pending());
    }
    let released = folds.release(window).await.unwrap();
    assert_eq!(rows(&released.tables[0]), [("travel from-2".to_owned(), 9)]);
}

#[test]
fn windows_are_long_enough_for_their_release() {
    assert!(WindowLength::new(Duration::from_secs(24 * 3600)).is_none());
}

impl House {
    fn clock_now(&self) -> evanesce_core::Timestamp {
        use evanesce_core::Clock;
        self.clock.now()
    }
}
