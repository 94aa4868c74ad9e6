use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_core::{Digest, Error, ErrorKind, Incorporated};
use evanesce_crypto::VerifyingKey;

use crate::counts::{Counted, Counts};
use crate::memory::conflict;
use crate::tree::{Tile, Tree};
use crate::{
    AuditError, AuditStore, CheckpointBody, CheckpointKeeper, NoteSigner, Origin, leaf_hash,
};

/// How many leaves are read at a time.
pub(crate) const CHUNK: usize = 256;
// How often a batch is tried again after another node was faster.
const ATTEMPTS: usize = 64;

/// What the log and its running batch share.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn AuditStore>,
    pub(crate) keeper: Arc<dyn CheckpointKeeper>,
    pub(crate) signer: NoteSigner,
    #[cfg(feature = "ml-dsa")]
    pub(crate) second: Option<crate::SecondSigner>,
    pub(crate) key: VerifyingKey,
    /// Those that signed before; what they signed is read, and nothing is signed with them.
    pub(crate) earlier: Vec<VerifyingKey>,
    pub(crate) origin: Origin,
    pub(crate) counts: Counts,
    pub(crate) head: Mutex<Head>,
    /// What the next write takes.
    pub(crate) waiting: Mutex<Vec<Item>>,
}

/// The log as this node knows it.
#[derive(Default)]
pub(crate) struct Head {
    /// The durable leaves, and behind them those of the running batch.
    pub(crate) tree: Tree,
    /// How many leaves are durable.
    pub(crate) durable: u64,
    /// The signed checkpoint over the durable leaves.
    pub(crate) checkpoint: Option<String>,
    /// Whether a write ended without an answer, so that the store is asked first.
    pub(crate) doubt: bool,
}

/// Leaves that are appended in one write, and who waits for them.
pub(crate) struct Batch {
    core: Arc<Core>,
    leaves: Vec<Vec<u8>>,
    hashes: Vec<Digest>,
    items: Vec<Item>,
    // Whether an entry carries a commitment, so that no other node's batch is equal.
    unique: bool,
}

/// One entry on its way into the log.
pub(crate) struct Item {
    pub(crate) leaf: Vec<u8>,
    /// The entry, if it was counted: it goes back to the counts if it was not written.
    pub(crate) counted: Option<Counted>,
    pub(crate) committed: bool,
    pub(crate) slot: Option<Arc<Slot>>,
}

/// Where the answer for one waiter is left.
#[derive(Default)]
pub(crate) struct Slot(Mutex<Option<Result<Incorporated, Error>>>);

impl Slot {
    pub(crate) fn take(&self) -> Option<Result<Incorporated, Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, answer: Result<Incorporated, Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

impl Batch {
    pub(crate) fn new(core: Arc<Core>, items: Vec<Item>) -> Self {
        let mut batch = Self { core, leaves: vec![], hashes: vec![], items, unique: false };
        for item in &mut batch.items {
            batch.hashes.push(leaf_hash(&item.leaf));
            batch.leaves.push(std::mem::take(&mut item.leaf));
            batch.unique |= item.committed;
        }
        batch
    }

    fn settle(&mut self, mut answer: impl FnMut(usize) -> Result<Incorporated, Error>) {
        for (at, item) in self.items.drain(..).enumerate() {
            let answer = answer(at);
            if let (Some((entry, actor)), Err(error)) = (item.counted, &answer) {
                match error.kind() {
                    ErrorKind::Unconfirmed => self.core.counts.lose(entry.count()),
                    _ => self.core.counts.add(entry, actor.as_ref()),
                }
            }
            if let Some(slot) = item.slot {
                slot.put(answer);
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.settle(|_| Err(error));
    }
}

impl Drop for Batch {
    // A batch that nobody finished, because a store panicked or the log was dropped.
    fn drop(&mut self) {
        let error = unconfirmed(&self.core);
        self.fail(error);
    }
}

impl Core {
    pub(crate) fn waiting(&self) -> MutexGuard<'_, Vec<Item>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a batch and answers everybody who waits for it.
    pub(crate) async fn commit(self: Arc<Self>, mut batch: Batch) {
        let mut doubted = false;
        for _ in 0..ATTEMPTS {
            let known = self.head().durable;
            if self.head().doubt {
                let tail = match self.resync().await {
                    Ok(tail) => tail,
                    Err(error) if doubted => {
                        let _ = error;
                        return batch.fail(unconfirmed(&self));
                    }
                    Err(error) => return batch.fail(error.into_port(self.store.store())),
                };
                if doubted && tail.get(..batch.hashes.len()) == Some(&batch.hashes[..]) {
                    if batch.unique {
                        return self.finish(known, &mut batch).await;
                    }
                    // Equal entries of another node cannot be told from ours.
                    return batch.fail(unconfirmed(&self));
                }
                // Once the log has grown past it, the write in doubt can never land.
                doubted &= tail.is_empty();
            }
            let (expected, checkpoint) = match self.stage(&batch.hashes) {
                Ok(staged) => staged,
                Err(error) => return batch.fail(error.into_port(self.store.store())),
            };
            match self.store.append(expected, &batch.leaves, &checkpoint).await {
                Ok(()) => {
                    self.advance(checkpoint);
                    return self.finish(expected, &mut batch).await;
                }
                // The next round reads what is there and then decides.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) if error.kind() == ErrorKind::Unconfirmed => doubted = true,
                Err(error) => {
                    // Whatever it was, it was no write; an earlier one may still land.
                    return batch.fail(if doubted { unconfirmed(&self) } else { error });
                }
            }
        }
        batch.fail(if doubted { unconfirmed(&self) } else { conflict(self.store.store()) });
    }

    // Puts the batch behind the durable leaves and signs the root over both.
    fn stage(&self, hashes: &[Digest]) -> Result<(u64, String), AuditError> {
        let mut head = self.head();
        let expected = head.durable;
        head.tree.truncate(expected);
        hashes.iter().for_each(|hash| head.tree.push(*hash));
        head.doubt = true;
        let (size, root) = (head.tree.size(), head.tree.root());
        drop(head);
        let body = CheckpointBody { origin: self.origin.clone(), size, root };
        Ok((expected, self.sign(&body)?))
    }

    fn sign(&self, body: &CheckpointBody) -> Result<String, AuditError> {
        let signed = body.sign(&self.signer)?;
        #[cfg(feature = "ml-dsa")]
        if let Some(second) = &self.second {
            return second.sign(&signed);
        }
        Ok(signed)
    }

    fn advance(&self, checkpoint: String) {
        let mut head = self.head();
        head.durable = head.tree.size();
        head.checkpoint = Some(checkpoint);
        head.doubt = false;
    }

    // Keeps the checkpoint elsewhere, then answers: acknowledged means that even
    // the loss of the store's newest record would be noticed.
    async fn finish(&self, first: u64, batch: &mut Batch) {
        let checkpoint = self.head().checkpoint.clone().unwrap_or_default();
        if self.keeper.keep(&checkpoint).await.is_err() {
            let sentence = "the entry is durable, but its checkpoint was not kept elsewhere";
            let error = Error::new(ErrorKind::Unconfirmed, self.store.store(), sentence);
            for item in &mut batch.items {
                item.counted = None;
            }
            return batch.fail(error);
        }
        let mut head = self.head();
        let none = Tile::default();
        batch.settle(|at| {
            let index = first + at as u64;
            let proof = head
                .tree
                .inclusion(index, head.durable, &none)
                .map_err(|error| error.into_port(self.store.store()))?;
            Ok(Incorporated { index, proof, checkpoint: checkpoint.clone(), actor: None })
        });
        head.tree.compact();
    }

    /// Reads what was appended since, checks that it continues what is known, and
    /// returns the new leaf hashes.
    pub(crate) async fn resync(&self) -> Result<Vec<Digest>, AuditError> {
        let known = {
            let mut head = self.head();
            let known = head.durable;
            head.tree.truncate(known);
            known
        };
        let Some(text) = self.store.checkpoint().await? else {
            return if known == 0 { self.settled(None) } else { Err(AuditError::RolledBack) };
        };
        let body = self.opened(&text)?;
        if body.size < known {
            return Err(AuditError::RolledBack);
        }
        let hashes = self.read_hashes(known, body.size).await?;
        {
            let mut head = self.head();
            hashes.iter().for_each(|hash| head.tree.push(*hash));
            if head.tree.root() != body.root {
                head.tree.truncate(known);
                return Err(AuditError::Forked);
            }
        }
        self.advance(text);
        Ok(hashes)
    }

    /// A checkpoint of this log, whichever of its keys signed it.
    pub(crate) fn opened(&self, checkpoint: &str) -> Result<CheckpointBody, AuditError> {
        let open = |key| CheckpointBody::open(checkpoint, key, self.origin.as_str());
        let newest = open(&self.key);
        if newest != Err(AuditError::Unsigned) {
            return newest;
        }
        self.earlier.iter().map(open).find(Result::is_ok).unwrap_or(newest)
    }

    fn settled(&self, checkpoint: Option<String>) -> Result<Vec<Digest>, AuditError> {
        let mut head = self.head();
        head.doubt = false;
        head.checkpoint = checkpoint;
        Ok(Vec::new())
    }

    /// The leaf hashes of a range, each checked against its bytes where they are.
    pub(crate) async fn read_hashes(
        &self,
        mut start: u64,
        end: u64,
    ) -> Result<Vec<Digest>, AuditError> {
        let mut hashes = Vec::new();
        while start < end {
            let limit = usize::try_from(end - start).unwrap_or(CHUNK).min(CHUNK);
            let leaves = self.store.leaves(start, limit).await?;
            if leaves.is_empty() || leaves.len() > limit {
                return Err(AuditError::Corrupt);
            }
            start += leaves.len() as u64;
            for leaf in leaves {
                if leaf.bytes.is_some_and(|bytes| leaf_hash(&bytes) != leaf.hash) {
                    return Err(AuditError::Corrupt);
                }
                hashes.push(leaf.hash);
            }
        }
        Ok(hashes)
    }
}

fn unconfirmed(core: &Core) -> Error {
    Error::new(
        ErrorKind::Unconfirmed,
        core.store.store(),
        "no answer came; the entry may or may not be in the log",
    )
}
