use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use evanesce_core::{
    Append, BoxFuture, Clock, DataClass, Digest, Entry, Error, Incorporated, Operation, Timestamp,
};
use evanesce_crypto::{SigningKey, VerifyingKey};
use futures_util::FutureExt;
use futures_util::future::Shared;

use crate::commit::{Batch, CHUNK, Core, Head, Item, Slot};
use crate::counts::{Counted, Counts};
use crate::tree::Tile;
use crate::{
    AuditError, AuditStore, CheckpointBody, CheckpointKeeper, NoteSigner, Origin, Role, decode_as,
    encode_as, leaf_hash,
};

// How many entries one write takes; whatever waits beyond is in the next.
const BATCH: usize = 1024;

/// The audit log: entries in a Merkle tree whose root is signed with each write.
///
/// Entries that arrive while a write is on its way share the next one. The write
/// belongs to the log and not to whoever began it: any waiter may be dropped, and
/// the others drive it to its end.
pub struct Log {
    core: Arc<Core>,
    // The write that is on its way, whoever drives it.
    running: Mutex<Option<Running>>,
    clock: Arc<dyn Clock>,
    continuity: Continuity,
    roles: Vec<Role>,
}

/// What a log is opened with.
pub struct LogParts {
    /// Where the leaves lie.
    pub store: Arc<dyn AuditStore>,
    /// Where the newest checkpoint is kept outside the store.
    pub keeper: Arc<dyn CheckpointKeeper>,
    /// The key that signs; all nodes of one log have the same.
    pub signer: SigningKey,
    /// The log's name.
    pub origin: Origin,
    /// The time, for heartbeats.
    pub clock: Arc<dyn Clock>,
}

/// What a log may have beyond its parts.
#[derive(Default)]
pub struct LogOptions {
    roles: Vec<Role>,
    earlier: Vec<VerifyingKey>,
    #[cfg(feature = "ml-dsa")]
    second: Option<evanesce_crypto::MlDsaSigningKey>,
}

impl LogOptions {
    /// Nothing beyond the parts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a role in which something may be done: [`Log::acting`].
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// A key that signed this log before the present one. Checkpoints under it are read, so
    /// that a log goes on after its key was rotated; nothing is signed with it any more, and
    /// the next entry brings a checkpoint under the new key. Leave a key out that somebody
    /// else may know: what it signed then is refused.
    #[must_use]
    pub fn earlier(mut self, key: VerifyingKey) -> Self {
        self.earlier.push(key);
        self
    }

    /// Signs each checkpoint a second time, with ML-DSA-65.
    #[cfg(feature = "ml-dsa")]
    #[must_use]
    pub fn second(mut self, key: evanesce_crypto::MlDsaSigningKey) -> Self {
        self.second = Some(key);
        self
    }
}

/// What opening the log could show about its past.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Continuity {
    /// The log is empty, and no checkpoint was kept.
    Fresh,
    /// The log continues the checkpoint that was kept elsewhere.
    Proven,
    /// The log has leaves and no checkpoint was kept: it may have gone back in time.
    Unwitnessed,
}

/// An entry as it is read back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoggedEntry {
    /// The number of the leaf.
    pub index: u64,
    /// The entry, unless its bytes were pruned.
    pub entry: Option<Entry>,
    /// The role in which it was done, where the leaf tells one.
    pub actor: Option<Role>,
}

/// What a whole reading of the log found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checked {
    /// How many leaves there are.
    pub leaves: u64,
    /// How many of them have no bytes any more.
    pub pruned: u64,
}

type Running = Shared<BoxFuture<'static, ()>>;

impl Log {
    /// Opens a log: reads all leaves, and checks them against the checkpoint
    /// beside them and against the one that was kept elsewhere.
    ///
    /// # Errors
    /// [`AuditError::RolledBack`] if the store has less than what was kept,
    /// [`AuditError::Forked`] if it has something else, [`AuditError::Corrupt`]
    /// if leaves and checkpoint do not fit together, [`AuditError::Unsigned`] for
    /// a log of another key or name, and what store and keeper answer.
    pub async fn open(parts: LogParts) -> Result<Self, AuditError> {
        Self::open_with(parts, LogOptions::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub async fn open_with(parts: LogParts, options: LogOptions) -> Result<Self, AuditError> {
        #[cfg(feature = "ml-dsa")]
        let second = match options.second {
            None => None,
            Some(key) => Some(crate::SecondSigner::new(parts.origin.as_str(), key)?),
        };
        let key = parts.signer.verifying_key();
        let core = Core {
            store: parts.store,
            keeper: parts.keeper,
            signer: NoteSigner::new(parts.origin.as_str(), parts.signer)?,
            #[cfg(feature = "ml-dsa")]
            second,
            key,
            earlier: options.earlier,
            origin: parts.origin,
            counts: Counts::default(),
            head: Mutex::new(Head::default()),
            waiting: Mutex::default(),
        };
        let continuity = load(&core).await?;
        let (core, running, clock) = (Arc::new(core), Mutex::default(), parts.clock);
        Ok(Self { core, running, clock, continuity, roles: options.roles })
    }

    /// What opening could show about the log's past.
    #[must_use]
    pub const fn continuity(&self) -> Continuity {
        self.continuity
    }

    /// The key that verifies this log's checkpoints.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.core.key
    }

    pub(crate) fn opened(&self, checkpoint: &str) -> Result<CheckpointBody, AuditError> {
        self.core.opened(checkpoint)
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.core.origin
    }

    /// How many leaves this node knows to be durable.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.core.head().durable
    }

    /// The newest signed checkpoint that this node knows, `None` for an empty log.
    #[must_use]
    pub fn checkpoint(&self) -> Option<String> {
        self.core.head().checkpoint.clone()
    }

    /// How many counted operations were lost, or may have been, since the log was
    /// opened.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.core.counts.lost()
    }

    /// Appends a heartbeat, so that a silent log can be told from a cut one.
    ///
    /// # Errors
    /// As [`Append::append`].
    pub async fn heartbeat(&self) -> Result<Incorporated, Error> {
        let now = self.clock.now();
        self.append(Entry::new(now, Operation::Heartbeat, DataClass::Operational)).await
    }

    /// Appends what was counted until now.
    ///
    /// # Errors
    /// The first error of the store; what was not written is counted further.
    pub async fn flush(&self) -> Result<(), Error> {
        let slots: Vec<_> = self
            .core
            .counts
            .take()
            .into_iter()
            .filter_map(|entry: Counted| {
                let slot = Arc::new(Slot::default());
                let item = counted(&self.core, entry, Some(Arc::clone(&slot)))?;
                self.core.waiting().push(item);
                Some(slot)
            })
            .collect();
        let mut result = Ok(());
        for slot in slots {
            let answer = self.drive(&slot).await;
            result = result.and(answer.map(drop));
        }
        result
    }

    /// Entries of a range, at most 4096 at a time.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] beyond the log's end, [`AuditError::Corrupt`]
    /// for bytes that are not their hash's, and what the store answers.
    pub async fn entries(&self, range: Range<u64>) -> Result<Vec<LoggedEntry>, AuditError> {
        if range.end > self.size() || range.start > range.end {
            return Err(AuditError::OutOfRange);
        }
        let end = range.end.min(range.start.saturating_add(4096));
        let mut entries = Vec::new();
        let mut start = range.start;
        while start < end {
            let limit = usize::try_from(end - start).unwrap_or(CHUNK).min(CHUNK);
            let leaves = self.core.store.leaves(start, limit).await?;
            if leaves.is_empty() {
                return Err(AuditError::Corrupt);
            }
            for (leaf, index) in leaves.iter().zip(start..) {
                let (entry, actor) = entry_of(leaf)?.unzip();
                entries.push(LoggedEntry { index, entry, actor: actor.flatten() });
            }
            start += leaves.len() as u64;
        }
        Ok(entries)
    }

    /// The place of an entry in the log as it is now, with the proof of it.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] beyond the log's end, and what the store answers.
    pub async fn prove(&self, index: u64) -> Result<Incorporated, AuditError> {
        let (size, checkpoint) = {
            let head = self.core.head();
            (head.durable, head.checkpoint.clone().ok_or(AuditError::OutOfRange)?)
        };
        if index >= size {
            return Err(AuditError::OutOfRange);
        }
        let tile = self.tiles([index, size]).await?;
        let proof = self.core.head().tree.inclusion(index, size, &tile)?;
        Ok(Incorporated { index, proof, checkpoint, actor: None })
    }

    /// The place of an entry in the log as it was at a checkpoint of it, such as one
    /// that a witness cosigned.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] for an entry behind that checkpoint or a checkpoint
    /// beyond the log's end, [`AuditError::Unsigned`] for one of another log, and what
    /// the store answers.
    pub async fn prove_at(&self, index: u64, checkpoint: &str) -> Result<Incorporated, AuditError> {
        let body = self.core.opened(checkpoint)?;
        if index >= body.size {
            return Err(AuditError::OutOfRange);
        }
        let tile = self.tiles([index, body.size]).await?;
        let proof = self.core.head().tree.inclusion(index, body.size, &tile)?;
        Ok(Incorporated { index, proof, checkpoint: checkpoint.to_owned(), actor: None })
    }

    /// The proof that the log of `old` leaves is the beginning of the log of `new`.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] unless `old <= new <= size`, and what the store
    /// answers.
    pub async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, AuditError> {
        let tile = self.tiles([old, new]).await?;
        self.core.head().tree.consistency(old, new, &tile)
    }

    /// Reads the whole log again and checks every leaf, every entry and the root.
    ///
    /// # Errors
    /// [`AuditError::Corrupt`], [`AuditError::Malformed`] for a leaf that is no
    /// entry, and what the store answers.
    pub async fn fsck(&self) -> Result<Checked, AuditError> {
        let body = match self.checkpoint() {
            None => return Ok(Checked { leaves: 0, pruned: 0 }),
            Some(text) => self.core.opened(&text)?,
        };
        let mut checked = Checked { leaves: 0, pruned: 0 };
        let mut tree = crate::tree::Tree::default();
        while checked.leaves < body.size {
            let rest = usize::try_from(body.size - checked.leaves).unwrap_or(CHUNK);
            let leaves = self.core.store.leaves(checked.leaves, rest.min(CHUNK)).await?;
            if leaves.is_empty() {
                return Err(AuditError::Corrupt);
            }
            for leaf in &leaves {
                checked.pruned += u64::from(entry_of(leaf)?.is_none());
                tree.push(leaf.hash);
            }
            checked.leaves += leaves.len() as u64;
            tree.compact();
        }
        if tree.root() == body.root { Ok(checked) } else { Err(AuditError::Corrupt) }
    }

    /// Forgets the bytes of the whole tiles (256 leaves) before `index`, and keeps
    /// their hashes, so that proofs go on to verify. Says how many leaves were
    /// forgotten now.
    ///
    /// # Errors
    /// [`AuditError::OutOfRange`] beyond the log's end, and what the store answers.
    pub async fn prune(&self, index: u64) -> Result<u64, AuditError> {
        if index > self.size() {
            return Err(AuditError::OutOfRange);
        }
        Ok(self.core.store.prune(index).await?)
    }

    // The leaf hashes of the tiles that hold these places. Above whole tiles all nodes
    // are in memory, so that the tree may grow while these are read.
    async fn tiles(&self, places: [u64; 2]) -> Result<Tile, AuditError> {
        let size = self.size();
        let mut tile = Tile::default();
        for place in places {
            let first = place / CHUNK as u64 * CHUNK as u64;
            if place > size {
                return Err(AuditError::OutOfRange);
            }
            let end = size.min(first.saturating_add(CHUNK as u64));
            tile.add(first, self.core.read_hashes(first, end).await?);
        }
        Ok(tile)
    }

    pub(crate) fn store(&self) -> &dyn AuditStore {
        &*self.core.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn declares(&self, role: &Role) -> bool {
        self.roles.contains(role)
    }

    pub(crate) fn append_as<'a>(
        &'a self,
        entry: Entry,
        actor: Option<&Role>,
    ) -> BoxFuture<'a, Result<Incorporated, Error>> {
        let leaf =
            encode_as(&entry, actor).map_err(|error| error.into_port(self.core.store.store()));
        Box::pin(async move {
            let slot = Arc::new(Slot::default());
            let committed = entry.commitment().is_some();
            let waiter = Some(Arc::clone(&slot));
            self.core.waiting().push(Item { leaf: leaf?, counted: None, committed, slot: waiter });
            self.drive(&slot).await
        })
    }

    pub(crate) fn count_as(&self, entry: Entry, actor: Option<&Role>) {
        self.core.counts.add(entry, actor);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Waits for one answer, and drives whichever write is running meanwhile.
    async fn drive(&self, slot: &Slot) -> Result<Incorporated, Error> {
        loop {
            if let Some(answer) = slot.take() {
                return answer;
            }
            let Some(write) = self.write() else { continue };
            write.clone().await;
            let mut running = self.running();
            if running.as_ref().is_some_and(|other| other.ptr_eq(&write)) {
                *running = None;
            }
        }
    }

    // The running write, or a new one if something waits.
    fn write(&self) -> Option<Running> {
        let mut running = self.running();
        if running.is_none() && !self.core.waiting().is_empty() {
            let write = AssertUnwindSafe(write(Arc::clone(&self.core)));
            *running = Some(write.catch_unwind().map(drop).boxed().shared());
        }
        running.clone()
    }
}

// Writes everything that waits, once nobody else comes to wait between two polls: those
// whom one write answered share the next.
async fn write(core: Arc<Core>) {
    let mut before = 0;
    std::future::poll_fn(|context| {
        let waiting = core.waiting().len();
        if waiting == std::mem::replace(&mut before, waiting) || waiting >= BATCH {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    let mut items: Vec<Item> = {
        let mut waiting = core.waiting();
        let take = waiting.len().min(BATCH);
        waiting.drain(..take).collect()
    };
    items.extend(core.counts.take().into_iter().filter_map(|entry| counted(&core, entry, None)));
    let batch = Batch::new(Arc::clone(&core), items);
    core.commit(batch).await;
}

impl Append for Log {
    fn append(&self, entry: Entry) -> BoxFuture<'_, Result<Incorporated, Error>> {
        self.append_as(entry, None)
    }

    fn count(&self, entry: Entry) {
        self.count_as(entry, None);
    }
}

impl Drop for Log {
    // What nobody wrote any more counts as lost for whoever still asks.
    fn drop(&mut self) {
        let waiting = std::mem::take(&mut *self.core.waiting());
        let waiting = waiting.into_iter().filter_map(|item| item.counted);
        for (entry, _) in self.core.counts.take().into_iter().chain(waiting) {
            self.core.counts.lose(entry.count());
        }
    }
}

fn counted(core: &Core, counted: Counted, slot: Option<Arc<Slot>>) -> Option<Item> {
    let (entry, actor) = &counted;
    match encode_as(entry, actor.as_ref()) {
        Ok(leaf) => {
            let committed = entry.commitment().is_some();
            Some(Item { leaf, counted: Some(counted), committed, slot })
        }
        Err(_) => {
            core.counts.lose(entry.count());
            None
        }
    }
}

fn entry_of(leaf: &crate::StoredLeaf) -> Result<Option<Counted>, AuditError> {
    match &leaf.bytes {
        None => Ok(None),
        Some(bytes) if leaf_hash(bytes) == leaf.hash => decode_as(bytes).map(Some),
        Some(_) => Err(AuditError::Corrupt),
    }
}

// Reads the log for the first time.
async fn load(core: &Core) -> Result<Continuity, AuditError> {
    let kept = match core.keeper.newest().await? {
        None => None,
        Some(text) => Some(core.opened(&text)?),
    };
    let Some((text, stored)) = newest(core).await? else {
        return match kept {
            None => Ok(Continuity::Fresh),
            Some(_) => Err(AuditError::RolledBack),
        };
    };
    if kept.as_ref().is_some_and(|kept| kept.size > stored.size) {
        return Err(AuditError::RolledBack);
    }
    let turn = kept.as_ref().map_or(0, |kept| kept.size);
    for (start, end) in [(0, turn), (turn, stored.size)] {
        let mut at = start;
        while at < end {
            let until = end.min(at + CHUNK as u64);
            let hashes = core.read_hashes(at, until).await?;
            let mut head = core.head();
            hashes.into_iter().for_each(|hash| head.tree.push(hash));
            head.tree.compact();
            at = until;
        }
        let due = kept.as_ref().filter(|kept| kept.size == end);
        if due.is_some_and(|kept| core.head().tree.root() != kept.root) {
            return Err(AuditError::Forked);
        }
    }
    let mut head = core.head();
    if head.tree.root() != stored.root {
        return Err(AuditError::Corrupt);
    }
    head.durable = stored.size;
    head.checkpoint = Some(text);
    Ok(if kept.is_some() { Continuity::Proven } else { Continuity::Unwitnessed })
}

// The stored checkpoint, which covers all leaves unless somebody appends just now.
async fn newest(core: &Core) -> Result<Option<(String, CheckpointBody)>, AuditError> {
    let mut before = None;
    for _ in 0..64 {
        let text = core.store.checkpoint().await?;
        let size = core.store.size().await?;
        let Some(text) = text else {
            if size == 0 {
                return Ok(None);
            }
            if before == Some(0) {
                return Err(AuditError::Corrupt);
            }
            before = Some(0);
            continue;
        };
        let body = core.opened(&text)?;
        if body.size == size {
            return Ok(Some((text, body)));
        }
        if body.size > size || before == Some(body.size) {
            return Err(AuditError::Corrupt);
        }
        before = Some(body.size);
    }
    Err(AuditError::Corrupt)
}
