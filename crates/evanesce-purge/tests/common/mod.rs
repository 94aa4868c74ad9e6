//! Stores that fail when they are told to.
#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evanesce_core::{
    Append, BoxFuture, Ceiling, DataClass, Digest, Entry, Erasable, Error, ErrorKind, Incarnation,
    Incorporated, Label, Presence, StoreKind, Subject,
};
use evanesce_purge::{ErasureJournal, MemoryJournal, SealedJob};

/// Counts the steps that are left until everything that shares it fails.
pub(crate) struct Steps(AtomicI64);

impl Steps {
    pub(crate) fn endless() -> Arc<Self> {
        Self::until(i64::MAX)
    }

    pub(crate) fn until(steps: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(steps)))
    }

    pub(crate) fn set(&self, steps: i64) {
        self.0.store(steps, Ordering::SeqCst);
    }

    fn step(&self, store: StoreKind) -> Result<(), Error> {
        if self.0.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unavailable, store, "a planted fault"))
    }
}

/// A store of subjects by their handle.
pub(crate) struct Shelf {
    kind: StoreKind,
    class: DataClass,
    steps: Arc<Steps>,
    pub(crate) subjects: Mutex<HashSet<Vec<u8>>>,
    pub(crate) life: Mutex<u8>,
    /// Whether erasing does nothing and says that it did.
    pub(crate) lies: Mutex<bool>,
    /// Whether erasing is done and not acknowledged.
    pub(crate) mute: Mutex<bool>,
    pub(crate) age: Mutex<Option<Duration>>,
    pub(crate) ceiling: Mutex<Option<Duration>>,
}

impl Shelf {
    pub(crate) fn new(kind: StoreKind, class: DataClass, steps: &Arc<Steps>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            class,
            steps: Arc::clone(steps),
            subjects: Mutex::default(),
            life: Mutex::new(1),
            lies: Mutex::new(false),
            mute: Mutex::new(false),
            age: Mutex::new(None),
            ceiling: Mutex::new(None),
        })
    }

    pub(crate) fn put(&self, handle: &[u8]) {
        self.subjects.lock().unwrap().insert(handle.to_vec());
    }

    pub(crate) fn has(&self, handle: &[u8]) -> bool {
        self.subjects.lock().unwrap().contains(handle)
    }
}

impl Erasable for Shelf {
    fn store(&self) -> StoreKind {
        self.kind
    }

    fn class(&self) -> DataClass {
        self.class
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        Box::pin(async {
            self.steps.step(self.kind)?;
            Ok(Incarnation::new(self.kind, Digest::new([*self.life.lock().unwrap(); 32])))
        })
    }

    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>> {
        Box::pin(async {
            self.steps.step(self.kind)?;
            Ok(match self.class {
                DataClass::Aggregate => Presence::NotAddressable,
                _ if self.has(subject.handle()) => Presence::Present,
                _ => Presence::Absent,
            })
        })
    }

    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async {
            self.steps.step(self.kind)?;
            if *self.lies.lock().unwrap() {
                return Ok(1);
            }
            let removed = self.subjects.lock().unwrap().remove(subject.handle());
            if *self.mute.lock().unwrap() {
                return Err(Error::new(ErrorKind::Unconfirmed, self.kind, "a planted silence"));
            }
            Ok(u64::from(removed))
        })
    }

    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>> {
        Box::pin(async {
            self.steps.step(self.kind)?;
            Ok(*self.age.lock().unwrap())
        })
    }

    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>> {
        Box::pin(async {
            self.steps.step(self.kind)?;
            let worst = *self.ceiling.lock().unwrap();
            Ok(Ceiling { worst, setting: Label::new("default-ttl") })
        })
    }
}

/// An audit log that remembers what it was told.
pub(crate) struct Book {
    steps: Arc<Steps>,
    pub(crate) entries: Mutex<Vec<Entry>>,
    pub(crate) counted: Mutex<Vec<Entry>>,
}

impl Book {
    pub(crate) fn new(steps: &Arc<Steps>) -> Arc<Self> {
        let steps = Arc::clone(steps);
        Arc::new(Self { steps, entries: Mutex::default(), counted: Mutex::default() })
    }
}

impl Append for Book {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        Box::pin(async move {
            self.steps.step(StoreKind::Folder)?;
            let mut entries = self.entries.lock().unwrap();
            entries.push(entry);
            let index = entries.len() as u64 - 1;
            Ok(Incorporated { index, proof: vec![], checkpoint: String::new(), actor: None })
        })
    }

    fn count(&self, entry: Entry) {
        self.counted.lock().unwrap().push(entry);
    }
}

/// A journal that fails with the others.
pub(crate) struct Notes {
    steps: Arc<Steps>,
    pub(crate) inner: MemoryJournal,
    pub(crate) puts: AtomicUsize,
}

impl Notes {
    pub(crate) fn new(steps: &Arc<Steps>) -> Arc<Self> {
        let steps = Arc::clone(steps);
        Arc::new(Self { steps, inner: MemoryJournal::new(), puts: AtomicUsize::new(0) })
    }
}

impl ErasureJournal for Notes {
    fn store(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>> {
        self.inner.incarnation()
    }

    fn put<'a>(&'a self, job: &'a SealedJob) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.steps.step(StoreKind::Memory)?;
            self.puts.fetch_add(1, Ordering::SeqCst);
            self.inner.put(job).await
        })
    }

    fn open(&self, limit: usize) -> BoxFuture<'_, Result<Vec<SealedJob>, Error>> {
        Box::pin(async move {
            self.steps.step(StoreKind::Memory)?;
            self.inner.open(limit).await
        })
    }

    fn done<'a>(&'a self, id: &'a Digest) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.steps.step(StoreKind::Memory)?;
            self.inner.done(id).await
        })
    }
}
