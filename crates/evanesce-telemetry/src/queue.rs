use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A queue with an end: what does not fit is dropped and counted, and nobody waits
/// for a store. Its lock is held for one move at a time, never across an await.
pub(crate) struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    capacity: usize,
    dropped: AtomicU64,
    /// Who waits for a batch, and how many items make one.
    waiting: Mutex<Option<(Waker, usize)>>,
}

impl<T> Queue<T> {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self {
            items: Mutex::new(VecDeque::new()),
            capacity,
            dropped: AtomicU64::new(0),
            waiting: Mutex::new(None),
        }
    }

    pub(crate) fn push(&self, item: T) {
        let mut items = self.items();
        if items.len() < self.capacity {
            items.push_back(item);
            let waits = items.len();
            drop(items);
            self.tell(waits);
        } else {
            drop(items);
            self.lose(1);
        }
    }

    /// Ready once so many items wait, or as many as fit.
    pub(crate) fn poll_batch(&self, batch: usize, context: &Context<'_>) -> Poll<()> {
        let batch = batch.min(self.capacity);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = Some((context.waker().clone(), batch));
        if self.len() >= batch {
            *waiting = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn tell(&self, waits: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((waker, _)) = waiting.take_if(|(_, batch)| waits >= *batch) {
            waker.wake();
        }
    }

    pub(crate) fn take(&self, most: usize) -> Vec<T> {
        let mut items = self.items();
        let most = most.min(items.len());
        items.drain(..most).collect()
    }

    /// Drops what waits, counts it as lost, and says how much it was.
    pub(crate) fn clear(&self) -> u64 {
        let waited = std::mem::take(&mut *self.items()).len() as u64;
        self.lose(waited);
        waited
    }

    pub(crate) fn len(&self) -> usize {
        self.items().len()
    }

    pub(crate) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn items(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let queue = Queue::new(3);
        (0..5).for_each(|n| queue.push(n));
        assert_eq!((queue.len(), queue.dropped()), (3, 2));
        assert_eq!(queue.take(2), [0, 1]);
        queue.push(9);
        assert_eq!(queue.take(10), [2, 9]);
        assert_eq!(queue.dropped(), 2);
        queue.push(7);
        assert_eq!((queue.clear(), queue.clear(), queue.len()), (1, 0, 0));
        assert_eq!(queue.dropped(), 3);
    }
}
