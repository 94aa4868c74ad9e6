//! The contract suite for every [`AggregateStore`]. Each function wants an empty
//! store of its own.

use std::time::Duration;

use evanesce_anonymize::{
    AggregateStore, Folded, Release, ReleasedRow, ReleasedTable, SealedPartial, Spent, WindowId,
};
use evanesce_core::{Digest, ErrorKind, Timestamp};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
// 2026-01-01T00:00:00Z
const START: u64 = 1_767_225_600_000;

/// A batch that comes again, even with other bytes, changes nothing; another batch,
/// or the same id in another window, is added.
pub async fn a_fold_is_idempotent_by_batch(store: &dyn AggregateStore) {
    let first = partial(1, 1, b"first");
    assert_eq!(store.fold(&first).await, Ok(Folded::Added));
    assert_eq!(store.fold(&first).await, Ok(Folded::Repeated));
    assert_eq!(store.fold(&partial(1, 1, b"other")).await, Ok(Folded::Repeated));
    assert!(store.partials(WindowId(1)).await == Ok(vec![first.clone()]), "kept as it came");
    assert_eq!(store.fold(&partial(1, 2, b"second")).await, Ok(Folded::Added));
    assert_eq!(store.fold(&partial(2, 3, b"third")).await, Ok(Folded::Added));
    let partials = store.partials(WindowId(1)).await.expect("partials are listed");
    assert_eq!(partials.len(), 2);
    assert!(partials.contains(&first) && partials.contains(&partial(1, 2, b"second")));
}

/// A fold after the release is `Expired`, and nothing lies in the window.
pub async fn a_released_window_takes_no_fold(store: &dyn AggregateStore) {
    store.fold(&partial(1, 1, b"before")).await.expect("an open window takes folds");
    store.release(&release(1, 0, Spent::default())).await.expect("it is released");
    for late in [partial(1, 1, b"before"), partial(1, 2, b"after")] {
        let error = store.fold(&late).await.expect_err("the window is closed");
        assert_eq!(error.kind(), ErrorKind::Expired);
    }
    assert_eq!(store.partials(WindowId(1)).await.map(|partials| partials.len()), Ok(0));
    assert_eq!(store.windows().await, Ok(Vec::new()));
}

/// A release debits exactly its cost, marks the window and forgets its partials,
/// and those of no other window.
pub async fn a_release_debits_and_forgets(store: &dyn AggregateStore) {
    store.fold(&partial(1, 1, b"one")).await.expect("folded");
    store.fold(&partial(2, 1, b"two")).await.expect("folded");
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
    store.release(&release(1, 250_000, Spent::default())).await.expect("released");
    let spent = Spent { micro_epsilon: 250_000, is_released: true };
    assert_eq!(store.spent(WindowId(1)).await, Ok(spent));
    assert_eq!(store.spent(WindowId(2)).await, Ok(Spent::default()));
    assert_eq!(store.partials(WindowId(1)).await.map(|partials| partials.len()), Ok(0));
    assert_eq!(store.windows().await, Ok(vec![WindowId(2)]));
}

/// A release on another ledger than the one that stands, or a second one, is a
/// `Conflict` and writes nothing.
pub async fn a_release_is_conditional(store: &dyn AggregateStore) {
    store.fold(&partial(1, 1, b"one")).await.expect("folded");
    let stale = Spent { micro_epsilon: 7, is_released: false };
    let error = store.release(&release(1, 5, stale)).await.expect_err("the ledger says 0");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
    assert_eq!(store.released(TABLE).await, Ok(Vec::new()));
    assert_eq!(store.partials(WindowId(1)).await.map(|partials| partials.len()), Ok(1));

    store.release(&release(1, 5, Spent::default())).await.expect("released");
    let spent = store.spent(WindowId(1)).await.expect("the ledger is read");
    for again in [release(1, 5, Spent::default()), release(1, 5, spent)] {
        let error = store.release(&again).await.expect_err("a window is released once");
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    assert_eq!(store.spent(WindowId(1)).await, Ok(spent));
    assert_eq!(store.released(TABLE).await.map(|tables| tables.len()), Ok(1));
}

/// Of two releases at the same time one wins and the other is a `Conflict`.
pub async fn of_two_releases_one_wins(store: &dyn AggregateStore) {
    let (one, two) = (release(1, 3, Spent::default()), release(1, 4, Spent::default()));
    let (one, two) = tokio::join!(store.release(&one), store.release(&two));
    let (won, lost) = if one.is_ok() { (3, two) } else { (4, one) };
    assert_eq!(lost.expect_err("one of them loses").kind(), ErrorKind::Conflict);
    let spent = Spent { micro_epsilon: won, is_released: true };
    assert_eq!(store.spent(WindowId(1)).await, Ok(spent));
    assert_eq!(store.released(TABLE).await.map(|tables| tables.len()), Ok(1));
}

/// What was released is read back as it was, oldest window first, and only under
/// its table's name; a table without rows is a table.
pub async fn released_tables_are_read_back(store: &dyn AggregateStore) {
    let mut later = release(20, 1, Spent::default());
    later.tables.push(ReleasedTable { table: "quiet".to_owned(), ..empty(20) });
    let earlier = release(10, 1, Spent::default());
    store.release(&later).await.expect("released");
    store.release(&earlier).await.expect("released");
    let expected = vec![earlier.tables[0].clone(), later.tables[0].clone()];
    assert_eq!(store.released(TABLE).await, Ok(expected));
    assert_eq!(store.released("quiet").await, Ok(vec![later.tables[1].clone()]));
    assert_eq!(store.released("unknown").await, Ok(Vec::new()));
}

/// Windows with partials are listed oldest first, each once.
pub async fn windows_are_listed_oldest_first(store: &dyn AggregateStore) {
    assert_eq!(store.windows().await, Ok(Vec::new()));
    for (window, batch) in [(30, 1), (10, 2), (20, 3), (10, 4)] {
        store.fold(&partial(window, batch, b"sum")).await.expect("folded");
    }
    assert_eq!(store.windows().await, Ok(vec![WindowId(10), WindowId(20), WindowId(30)]));
}

/// Discarding drops a window's partials, says how many, and releases nothing.
pub async fn discard_drops_partials_unread(store: &dyn AggregateStore) {
    for (window, batch) in [(1, 1), (1, 2), (2, 3)] {
        store.fold(&partial(window, batch, b"sum")).await.expect("folded");
    }
    assert_eq!(store.discard(WindowId(1)).await, Ok(2));
    assert_eq!(store.discard(WindowId(1)).await, Ok(0));
    assert_eq!(store.partials(WindowId(1)).await.map(|partials| partials.len()), Ok(0));
    assert_eq!(store.windows().await, Ok(vec![WindowId(2)]));
    assert_eq!(store.spent(WindowId(1)).await, Ok(Spent::default()));
}

/// Tables as old as the limit or older go whole, younger ones stay, and a window
/// whose tables are gone can't be released or folded into again.
pub async fn enforce_removes_whole_tables_by_age(store: &dyn AggregateStore) {
    let old = release_at(1, START);
    let young = release_at(2, START + 100 * DAY);
    store.release(&old).await.expect("released");
    store.release(&young).await.expect("released");
    let before = |millis| Timestamp::from_millis(millis);
    assert_eq!(store.enforce(before(START - 40 * DAY)).await, Ok(0));
    assert_eq!(store.enforce(before(START)).await, Ok(1));
    assert_eq!(store.enforce(before(START)).await, Ok(0));
    assert_eq!(store.released(TABLE).await, Ok(young.tables));
    assert!(store.spent(WindowId(1)).await.is_ok_and(|spent| spent.is_released));
    let error = store.release(&old).await.expect_err("a budget never renews");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = store.fold(&partial(1, 9, b"late")).await.expect_err("the window is closed");
    assert_eq!(error.kind(), ErrorKind::Expired);
}

/// The oldest is the first release time that is still there, whatever the window.
pub async fn oldest_is_the_first_release(store: &dyn AggregateStore) {
    assert_eq!(store.oldest().await, Ok(None));
    store.release(&release_at(1, START + 100 * DAY)).await.expect("released");
    store.release(&release_at(2, START)).await.expect("released");
    assert_eq!(store.oldest().await, Ok(Some(Timestamp::from_millis(START))));
    store.enforce(Timestamp::from_millis(START)).await.expect("enforced");
    assert_eq!(store.oldest().await, Ok(Some(Timestamp::from_millis(START + 100 * DAY))));
}

/// The computed worst case is no shorter than the age plus one interval, and a
/// server's incarnation is the same each time it is asked.
pub async fn a_ceiling_covers_age_and_interval(store: &dyn AggregateStore) {
    let (age, interval) = (Duration::from_millis(300 * DAY), Duration::from_millis(DAY));
    let ceiling = store.ceiling(age, interval).await.expect("it is computed");
    let worst = ceiling.worst.expect("something bounds it");
    assert!(worst >= age + interval);
    assert!(worst <= age + interval + Duration::from_millis(31 * DAY));
    assert_eq!(store.incarnation().await, store.incarnation().await);
}

const TABLE: &str = "composed";

fn partial(window: u64, batch: u8, sealed: &[u8]) -> SealedPartial {
    SealedPartial {
        window: WindowId(window),
        batch: Digest::new([batch; 32]),
        sealed: sealed.to_vec(),
    }
}

fn release(window: u64, debit: u64, spent: Spent) -> Release {
    Release { debit, spent, ..release_at(window, START + window * HOUR) }
}

fn release_at(window: u64, at: u64) -> Release {
    let row = |topic: &str, value, margin| ReleasedRow {
        labels: vec![topic.to_owned(), "from-2".to_owned()],
        value,
        margin,
    };
    let rows = vec![
        row("travel", 42, 3),
        row("energy", -7, 0),
        row("other", i64::MAX, u64::from(u32::MAX)),
    ];
    Release {
        window: WindowId(window),
        spent: Spent::default(),
        debit: 0,
        tables: vec![ReleasedTable { at: Timestamp::from_millis(at), rows, ..empty(window) }],
    }
}

fn empty(window: u64) -> ReleasedTable {
    ReleasedTable {
        table: TABLE.to_owned(),
        window: WindowId(window),
        at: Timestamp::from_millis(START + window * HOUR),
        rows: Vec::new(),
    }
}
