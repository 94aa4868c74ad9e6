use std::collections::BTreeSet;

use evanesce_core::{DataClass, Entry, Error, ErrorKind, Grain, Operation, Outcome, Timestamp};
use evanesce_crypto::Sealed;

use crate::histogram::{Histogram, associated};
use crate::noise::{Noise, margin};
use crate::suppress;
use crate::table::Table;
use crate::{
    Folds, Gate, Release, ReleaseError, ReleasedRow, ReleasedTable, SealedPartial, WindowId,
};

/// What a release wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct ReleasedWindow {
    /// The window.
    pub window: WindowId,
    /// What was debited from its budget, in millionths of epsilon.
    pub debit: u64,
    /// One table for each declared event, in the order of their names.
    pub tables: Vec<ReleasedTable>,
    /// How many partial sums could not be opened and are lost: of another process,
    /// of another declaration, or damaged.
    pub unreadable: u64,
}

/// What a sweep ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Swept {
    /// Windows that were not released in time.
    pub windows: u64,
    /// Their partial sums, in this process and in the store.
    pub partials: u64,
}

impl Folds {
    /// The windows that have ended and wait for their release, oldest first.
    ///
    /// They include those in which nothing happened: a missing table would tell
    /// that a window was empty, exactly.
    ///
    /// # Errors
    /// [`ReleaseError::Store`].
    pub async fn due(&self) -> Result<Vec<WindowId>, ReleaseError> {
        let now = self.clock.now();
        let current = self.length.window(now);
        let mut windows: BTreeSet<WindowId> =
            (self.first.max(self.oldest()).0..current.0).map(WindowId).collect();
        windows.extend(self.store.windows().await.map_err(ReleaseError::Store)?);
        let mut due = Vec::new();
        for window in windows {
            let is_in_time = window < current && now < self.length.deadline(window);
            if !is_in_time || self.is_marked(window) {
                continue;
            }
            if self.store.spent(window).await.map_err(ReleaseError::Store)?.is_released {
                self.mark_released(window, self.oldest());
            } else {
                due.push(window);
            }
        }
        Ok(due)
    }

    /// Releases a window that has ended: opens its partial sums, applies each
    /// table's gate, and writes the tables and the debit of the budget in one step.
    /// The window's key dies with it.
    ///
    /// The audit log says before what is to be spent, and afterwards what was
    /// released. An answer that got lost is looked up in the ledger.
    ///
    /// # Errors
    /// [`ReleaseError`]. But for [`ReleaseError::Unaudited`], and
    /// [`ReleaseError::Store`] of the kind `Unconfirmed`, nothing was released.
    pub async fn release(&self, window: WindowId) -> Result<ReleasedWindow, ReleaseError> {
        let now = self.clock.now();
        if now < self.length.end(window) {
            return Err(ReleaseError::StillOpen);
        }
        if now >= self.length.deadline(window) {
            return Err(ReleaseError::Expired);
        }
        self.flush().await.map_err(ReleaseError::Fold)?;
        let spent = self.store.spent(window).await.map_err(ReleaseError::Store)?;
        if spent.is_released {
            self.end(window).await?;
            return Err(ReleaseError::AlreadyReleased);
        }
        self.refuse_what_went_back(window).await?;
        let tables: Vec<&Table> = self.tables_of(window).collect();
        let debit = tables.iter().fold(0, |sum, table| sum + table.gate.debit());
        let left = self.budget.micro().saturating_sub(spent.micro_epsilon);
        if debit > left {
            return Err(ReleaseError::BudgetExhausted { left, needed: debit });
        }
        let partials = self.store.partials(window).await.map_err(ReleaseError::Store)?;
        let (sums, unreadable) = self.open(window, &tables, &partials).await?;
        let at = now.coarse(Grain::Hour);
        let mut released = Vec::with_capacity(tables.len());
        for (table, sum) in tables.iter().zip(&sums) {
            released.push(through_gate(table, sum, window, at)?);
        }
        drop(sums);
        let release = Release { window, spent, debit, tables: released };
        self.note(Operation::BudgetSpent, Outcome::Done, debit)
            .await
            .map_err(ReleaseError::Audit)?;
        self.note_spending(&release).await?;
        self.write(&release).await?;
        self.end(window).await?;
        for table in &tables {
            let entry = self.entry(Operation::TableReleased).with_purpose(table.purpose.clone());
            self.audit.append(entry).await.map_err(ReleaseError::Unaudited)?;
        }
        Ok(ReleasedWindow { window, debit, tables: release.tables, unreadable })
    }

    /// Ends the keys whose latest moment has come, and discards what was sealed
    /// under them, also what an earlier process left in the store. To be called
    /// every few minutes.
    ///
    /// # Errors
    /// [`ReleaseError::Key`] and [`ReleaseError::Store`].
    pub async fn sweep(&self) -> Result<Swept, ReleaseError> {
        let now = self.clock.now();
        let mut windows: BTreeSet<WindowId> =
            self.keys.end_overdue().await.map_err(ReleaseError::Key)?.into_iter().collect();
        let stored = self.store.windows().await.map_err(ReleaseError::Store)?;
        windows.extend(stored.into_iter().filter(|w| now >= self.length.deadline(*w)));
        self.discard(windows).await
    }

    /// Ends every window's key and discards what was counted and not released, for an
    /// emergency. The present window counts nothing more; the next one begins as usual.
    ///
    /// # Errors
    /// [`ReleaseError::Key`] and [`ReleaseError::Store`]; the keys have ended where it is
    /// the store that failed.
    pub async fn end_all(&self) -> Result<Swept, ReleaseError> {
        let ended = self.keys.end_all().await.map_err(ReleaseError::Key)?;
        let mut windows: BTreeSet<WindowId> = ended.into_iter().collect();
        // What a flush is about to store has no key any more.
        windows.insert(self.length.window(self.clock.now()));
        for window in &windows {
            self.keys.end(*window).await.map_err(ReleaseError::Key)?;
        }
        windows.extend(self.store.windows().await.map_err(ReleaseError::Store)?);
        self.discard(windows).await
    }

    async fn discard(&self, windows: BTreeSet<WindowId>) -> Result<Swept, ReleaseError> {
        let mut swept = Swept { windows: windows.len() as u64, partials: 0 };
        for window in windows {
            self.keys.end(window).await.map_err(ReleaseError::Key)?;
            swept.partials += self.forget(window);
            let discarded = self.store.discard(window).await.map_err(ReleaseError::Store)?;
            swept.partials += discarded;
        }
        Ok(swept)
    }

    /// The tables that were still counted when the window began.
    fn tables_of(&self, window: WindowId) -> impl Iterator<Item = &Table> {
        let day = self.length.start(window).date();
        self.tables.values().filter(move |table| day <= table.until)
    }

    /// The sums of all partial sums, table by table, and how many did not open.
    async fn open(
        &self,
        window: WindowId,
        tables: &[&Table],
        partials: &[SealedPartial],
    ) -> Result<(Vec<Histogram>, u64), ReleaseError> {
        let sums: Result<Vec<Histogram>, Error> =
            tables.iter().map(|table| Histogram::zeroed(&table.schema, table.cells)).collect();
        let mut sums = sums.map_err(ReleaseError::Key)?;
        let mut unreadable = 0;
        let mut seen = BTreeSet::new();
        for partial in partials {
            // A store that shows a batch twice does not count it twice.
            if partial.window != window || !seen.insert(partial.batch) {
                continue;
            }
            let opened = self.unseal(partial).await?;
            let place = opened.as_ref().and_then(|opened| {
                tables.iter().position(|table| opened.is_of(&table.schema, table.cells))
            });
            match (opened, place.and_then(|place| sums.get_mut(place))) {
                (Some(opened), Some(sum)) => sum.add(&opened),
                _ => unreadable += 1,
            }
        }
        Ok((sums, unreadable))
    }

    async fn unseal(&self, partial: &SealedPartial) -> Result<Option<Histogram>, ReleaseError> {
        let Ok(sealed) = Sealed::from_bytes(partial.sealed.clone()) else { return Ok(None) };
        let place = associated(partial.window, &partial.batch);
        match self.keys.unseal(partial.window, place.as_bytes(), &sealed).await {
            Ok(bytes) => Ok(Histogram::parse(bytes)),
            Err(error) => match error.kind() {
                ErrorKind::Corrupt | ErrorKind::Missing => Ok(None),
                ErrorKind::Expired => Err(ReleaseError::Expired),
                _ => Err(ReleaseError::Key(error)),
            },
        }
    }

    async fn refuse_what_went_back(&self, window: WindowId) -> Result<(), ReleaseError> {
        let Some(keeper) = &self.spending else { return Ok(()) };
        match keeper.noted(window).await.map_err(ReleaseError::Spending)? {
            None => Ok(()),
            Some(_) => Err(ReleaseError::WentBack),
        }
    }

    /// Before the release, because whoever is killed in between has then spent a budget
    /// without a table, and not the other way round.
    async fn note_spending(&self, release: &Release) -> Result<(), ReleaseError> {
        let Some(keeper) = &self.spending else { return Ok(()) };
        let noted = keeper.note(release.window, release.debit, self.oldest()).await;
        noted.map_err(ReleaseError::Spending)
    }

    /// Writes the release, and looks up in the ledger what became of it where the
    /// store's answer was lost.
    async fn write(&self, release: &Release) -> Result<(), ReleaseError> {
        let error = match self.store.release(release).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let outcome = match error.kind() {
            ErrorKind::Unconfirmed => match self.is_written(release).await {
                Ok(true) => return Ok(()),
                Ok(false) | Err(_) => Outcome::Unconfirmed,
            },
            // Another release came first, and its note is right.
            ErrorKind::Conflict => Outcome::Failed,
            _ => {
                self.retract_spending(release.window).await;
                Outcome::Failed
            }
        };
        // Where this entry fails too, the log says that more was spent than was.
        let _ = self.note(Operation::BudgetSpent, outcome, release.debit).await;
        Err(match error.kind() {
            ErrorKind::Conflict => ReleaseError::Conflict,
            _ => ReleaseError::Store(error),
        })
    }

    /// Only where the ledger confirms that nobody released the window. Where this fails, it
    /// is exhausted without a release.
    async fn retract_spending(&self, window: WindowId) {
        let Some(keeper) = &self.spending else { return };
        if self.store.spent(window).await.is_ok_and(|spent| !spent.is_released) {
            let _ = keeper.retract(window).await;
        }
    }

    /// Whether these very tables are what the store shows of the window.
    async fn is_written(&self, release: &Release) -> Result<bool, Error> {
        if !self.store.spent(release.window).await?.is_released {
            return Ok(false);
        }
        for table in &release.tables {
            if !self.store.released(&table.table).await?.contains(table) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn end(&self, window: WindowId) -> Result<(), ReleaseError> {
        self.keys.end(window).await.map_err(ReleaseError::Key)?;
        self.forget(window);
        self.mark_released(window, self.oldest());
        Ok(())
    }

    /// The oldest window whose key may live.
    fn oldest(&self) -> WindowId {
        self.length.window(self.clock.now().minus(DataClass::Ephemeral.ceiling()))
    }

    async fn note(&self, operation: Operation, outcome: Outcome, count: u64) -> Result<(), Error> {
        let entry = self.entry(operation).with_outcome(outcome).with_count(count);
        self.audit.append(entry).await.map(drop)
    }

    fn entry(&self, operation: Operation) -> Entry {
        Entry::new(self.clock.now(), operation, DataClass::Aggregate).with_store(self.store.store())
    }
}

/// What may be shown of a table's counts.
fn through_gate(
    table: &Table,
    sum: &Histogram,
    window: WindowId,
    at: Timestamp,
) -> Result<ReleasedTable, ReleaseError> {
    let rows = match table.gate {
        Gate::Differential { epsilon, at_least, cells_per_session } => {
            let mut noise = Noise::new(epsilon, cells_per_session).map_err(ReleaseError::Key)?;
            let margin = margin(epsilon, cells_per_session);
            sum.counts(|counts| {
                let noised = counts.iter().map(|count| noise.add(u64::from_be_bytes(*count)));
                let rows = noised.enumerate().filter(|(_, value)| *value >= i64::from(at_least));
                rows.map(|(place, value)| row(table, place, value, margin)).collect()
            })
        }
        Gate::Disclosure { at_least } => sum.counts(|counts| {
            let counts: zeroize::Zeroizing<Vec<u64>> =
                zeroize::Zeroizing::new(counts.iter().map(|c| u64::from_be_bytes(*c)).collect());
            let shown = suppress::shown(&counts, &table.shape(), u64::from(at_least));
            let rows = counts.iter().zip(shown).enumerate().filter(|(_, (_, shown))| *shown);
            rows.map(|(place, (count, _))| {
                row(table, place, i64::try_from(*count).unwrap_or(i64::MAX), 0)
            })
            .collect()
        }),
    };
    Ok(ReleasedTable { table: table.name.to_owned(), window, at, rows })
}

fn row(table: &Table, place: usize, value: i64, margin: u64) -> ReleasedRow {
    ReleasedRow { labels: table.labels(place), value, margin }
}
