//! The contract of [`ErasureJournal`], as its documentation states it.
//!
//! Each function takes an empty journal.

use std::sync::Arc;

use evanesce_core::{BoxFuture, Digest, Timestamp};
use evanesce_purge::{ErasureJournal, SealedJob};

fn job(id: u8, requested: u64) -> SealedJob {
    SealedJob {
        id: Digest::new([id; 32]),
        requested: Timestamp::from_millis(requested),
        sealed: vec![id; 40],
    }
}

async fn open(journal: &dyn ErasureJournal) -> Vec<SealedJob> {
    journal.open(100).await.unwrap()
}

/// A new journal has no job, and tells its incarnation the same way twice.
pub async fn begins_empty(journal: &dyn ErasureJournal) {
    assert!(open(journal).await.is_empty());
    let incarnation = journal.incarnation().await.unwrap();
    assert_eq!(incarnation.store(), journal.store());
    assert_eq!(journal.incarnation().await.unwrap(), incarnation);
}

/// Putting an id again changes nothing, whatever else is put with it.
pub async fn puts_once(journal: &dyn ErasureJournal) {
    journal.put(&job(1, 10)).await.unwrap();
    journal.put(&job(1, 10)).await.unwrap();
    let other = SealedJob { sealed: vec![9; 50], ..job(1, 99) };
    journal.put(&other).await.unwrap();
    assert_eq!(open(journal).await, vec![job(1, 10)]);
}

/// Jobs are listed by the time of their request, and no more than were asked for.
pub async fn lists_the_oldest_first(journal: &dyn ErasureJournal) {
    for (id, requested) in [(3, 30), (1, 10), (4, 20), (2, 20)] {
        journal.put(&job(id, requested)).await.unwrap();
    }
    let times: Vec<u64> = open(journal).await.iter().map(|job| job.requested.as_millis()).collect();
    assert_eq!(times, [10, 20, 20, 30]);
    let two = journal.open(2).await.unwrap();
    assert_eq!(two.first(), Some(&job(1, 10)));
    assert_eq!(two.len(), 2);
    assert!(journal.open(0).await.unwrap().is_empty());
}

/// `done` takes off this job and no other; taking off what is not there, or is not
/// there any more, is no error.
pub async fn takes_off(journal: &dyn ErasureJournal) {
    journal.put(&job(1, 10)).await.unwrap();
    journal.put(&job(2, 20)).await.unwrap();
    journal.done(&job(3, 0).id).await.unwrap();
    journal.done(&job(1, 0).id).await.unwrap();
    assert_eq!(open(journal).await, vec![job(2, 20)]);
    journal.done(&job(1, 0).id).await.unwrap();
    journal.done(&job(2, 0).id).await.unwrap();
    assert!(open(journal).await.is_empty());
}

/// Payloads of every byte, short and long, and the first and last times there are
/// come back as they were.
pub async fn keeps_any_bytes(journal: &dyn ErasureJournal) {
    let mut jobs = vec![
        SealedJob { sealed: vec![], ..job(1, 0) },
        SealedJob { sealed: (0..=255).collect(), ..job(2, 1) },
        SealedJob { sealed: vec![0; 300_000], ..job(3, u64::MAX) },
    ];
    for job in &jobs {
        journal.put(job).await.unwrap();
    }
    jobs.sort_by_key(|job| job.requested);
    assert_eq!(open(journal).await, jobs);
}

/// Many nodes put and take off at once, and each job is there once or gone.
pub async fn many_at_once(journal: Arc<dyn ErasureJournal>) {
    let tasks: Vec<_> = (0..32u8)
        .map(|task| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move {
                // Two tasks share each id; the jobs with an odd id stay.
                let id = task / 2;
                journal.put(&job(id, u64::from(id))).await.unwrap();
                if id % 2 == 0 && task % 2 == 0 {
                    journal.done(&job(id, 0).id).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let left = open(&*journal).await;
    for id in (0..16).filter(|id| id % 2 == 1) {
        let same = left.iter().filter(|left| **left == job(id, u64::from(id)));
        assert_eq!(same.count(), 1, "{id}");
    }
    let mut ids: Vec<_> = left.iter().map(|job| job.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), left.len());
}

/// What was put and not taken off is there after the journal was opened again;
/// `reopen` closes the journal that it is given and opens the same place.
pub async fn survives_reopening(
    journal: Box<dyn ErasureJournal>,
    reopen: &dyn Fn(Box<dyn ErasureJournal>) -> BoxFuture<'static, Box<dyn ErasureJournal>>,
) {
    journal.put(&job(1, 10)).await.unwrap();
    journal.put(&job(2, 20)).await.unwrap();
    let incarnation = journal.incarnation().await.unwrap();
    let journal = reopen(journal).await;
    assert_eq!(journal.incarnation().await.unwrap(), incarnation);
    assert_eq!(open(&*journal).await, vec![job(1, 10), job(2, 20)]);
    journal.done(&job(1, 0).id).await.unwrap();
    let journal = reopen(journal).await;
    assert_eq!(open(&*journal).await, vec![job(2, 20)]);
}
