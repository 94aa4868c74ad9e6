use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use evanesce_audit::{AuditError, Log};
use evanesce_core::{
    DataClass, Digest, Entry, Erasable, ErasureReceipt, Error, ErrorKind, Operation, StoreKind,
};
use evanesce_purge::EraseError;
use evanesce_telemetry::Level;

use crate::house::House;
use crate::retained::enforce;
use crate::tasks::Everything;

/// How many entries are read at a time on the way back through the log.
const CHUNK: u64 = 4096;
/// How many receipts of what was erased anew are kept for the next report.
const RECEIPTS: usize = 64;

/// Which life of each server was seen last, as the audit log remembers it beyond the end of
/// a process, and what was erased anew where it was another one.
#[derive(Default)]
pub(crate) struct Lives {
    known: Mutex<HashMap<(StoreKind, DataClass), Digest>>,
    receipts: Mutex<Vec<ErasureReceipt>>,
}

impl Lives {
    /// Reads back to where each store was seen last. Stores are written down at each start
    /// and once a day, so that this is soon found.
    pub(crate) async fn recall(log: &Log, stores: usize) -> Result<Self, AuditError> {
        let lives = Self::default();
        let (mut end, first) = (log.size(), log.available_from().await?);
        while end > first && lives.known().len() < stores {
            let start = end.saturating_sub(CHUNK).max(first);
            let entries = log.entries(start..end).await?;
            for entry in entries.iter().rev().filter_map(|logged| logged.entry.as_ref()) {
                let seen = matches!(
                    entry.operation(),
                    Operation::IncarnationChanged | Operation::StoreSeen
                );
                if let (true, Some(store), Some(life)) = (seen, entry.store(), entry.commitment()) {
                    lives.known().entry((store, entry.class())).or_insert(*life);
                }
            }
            end = start;
        }
        Ok(lives)
    }

    /// The receipts of what was erased anew, oldest first.
    pub(crate) fn receipts(&self) -> Vec<ErasureReceipt> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, receipt: ErasureReceipt) {
        let mut receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.push(receipt);
        let beyond = receipts.len().saturating_sub(RECEIPTS);
        receipts.drain(..beyond);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(StoreKind, DataClass), Digest>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl House {
    /// Asks each server which life it is in. One that was restored, replaced or promoted may
    /// hold what was erased in the life before: it is erased anew, and only then is the new
    /// life written down, so that whatever fails in between is done again. Says how many
    /// there were.
    pub(crate) async fn recognise(&self) -> Result<u64, Error> {
        let mut changed = 0;
        for store in &self.stores {
            // What lies in this process ends with it, and nobody puts it back.
            if store.store() == StoreKind::Memory {
                continue;
            }
            let life = *store.incarnation().await?.digest();
            let place = (store.store(), store.class());
            let before = self.lives.known().get(&place).copied();
            if before == Some(life) {
                continue;
            }
            let operation = match before {
                None => Operation::StoreSeen,
                Some(_) => {
                    self.note(Level::Warn, "store.replaced");
                    self.erase_anew(&**store).await?;
                    changed += 1;
                    Operation::IncarnationChanged
                }
            };
            self.write_down(operation, place, life).await?;
            self.lives.known().insert(place, life);
        }
        Ok(changed)
    }

    /// Writes down again which lives were seen, so that they are found near the log's end.
    pub(crate) async fn restate(&self) -> Result<u64, Error> {
        let known: Vec<_> =
            self.lives.known().iter().map(|(place, life)| (*place, *life)).collect();
        for (place, life) in &known {
            self.write_down(Operation::StoreSeen, *place, *life).await?;
        }
        Ok(known.len() as u64)
    }

    async fn write_down(
        &self,
        operation: Operation,
        (store, class): (StoreKind, DataClass),
        life: Digest,
    ) -> Result<(), Error> {
        let entry =
            Entry::new(self.clock.now(), operation, class).with_store(store).with_commitment(life);
        self.audit.append(entry).await.map(drop)
    }

    async fn enforce(&self, class: DataClass) -> Result<(), Error> {
        let stores = (&self.aggregates, &self.logs, &self.metrics);
        enforce(stores, &self.clock, &*self.audit, Some(class)).await
    }

    async fn erase_anew(&self, store: &dyn Erasable) -> Result<(), Error> {
        match store.class() {
            // Whoever chose to keep sessions across a failover has them checked one by one.
            DataClass::Ephemeral if store.chosen().is_some() => Ok(()),
            DataClass::Ephemeral => {
                let everything = Everything(self.volatile.clone());
                let receipt = self.erasures.restored(&everything, &everything).await;
                self.lives.keep(receipt.map_err(|error| into_port(error, store.store()))?);
                Ok(())
            }
            DataClass::Aggregate => {
                let swept = self.folds.sweep().await;
                swept.map(drop).map_err(|_| failed(store.store()))?;
                self.enforce(DataClass::Aggregate).await
            }
            class => self.enforce(class).await,
        }
    }
}

fn into_port(error: EraseError, store: StoreKind) -> Error {
    match error {
        EraseError::Store(error) | EraseError::Unreceipted { cause: error, .. } => error,
        _ => failed(store),
    }
}

const fn failed(store: StoreKind) -> Error {
    Error::new(ErrorKind::Unavailable, store, "what a restored store holds could not be erased")
}
