use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evanesce_core::{
    Allowance, Append, Clock, Contribution, DataClass, Digest, Entry, Error, ErrorKind, Granted,
    Label, Operation, Rule, StoreKind,
};
use evanesce_crypto::random;

use crate::histogram::{Histogram, associated};
use crate::table::Table;
use crate::{
    AggregateStore, Epsilon, Event, FoldError, Folded, Gate, LocalKeys, RegisterError,
    SealedPartial, SpendingKeeper, WindowId, WindowKeys, WindowLength,
};

/// Where events become statistics: declared tables, the partial sums of the open
/// windows, and the releases.
///
/// An event is counted in guarded memory of this process at once, and reaches the
/// store with [`flush`](Self::flush) as a sealed partial sum. A process that is
/// killed in between loses what it had not flushed, and nothing else.
///
/// See the [crate's page](crate) for an example.
pub struct Folds {
    pub(crate) store: Arc<dyn AggregateStore>,
    pub(crate) keys: Arc<dyn WindowKeys>,
    pub(crate) audit: Arc<dyn Append>,
    pub(crate) spending: Option<Arc<dyn SpendingKeeper>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) length: WindowLength,
    pub(crate) budget: Epsilon,
    pub(crate) first: WindowId,
    pub(crate) tables: BTreeMap<&'static str, Table>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<(WindowId, &'static str), Histogram>,
    staged: Vec<Staged>,
    /// Windows that need not be asked for in the ledger again.
    released: BTreeSet<WindowId>,
}

/// A partial sum on its way to the store. Its batch id stays the same however
/// often it is sent.
#[derive(Clone)]
struct Staged {
    /// The table's name.
    table: &'static str,
    window: WindowId,
    batch: Digest,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Plain(Arc<Histogram>),
    Sealed(SealedPartial),
}

/// What a flush did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flushed {
    /// Partial sums that lie in the store now.
    pub stored: u64,
    /// Partial sums that came too late: their window was released, or its key died.
    pub lost: u64,
}

impl Folds {
    /// Statistics over windows of one length, each with one budget, with
    /// [`LocalKeys`].
    #[must_use]
    pub fn new(
        store: Arc<dyn AggregateStore>,
        audit: Arc<dyn Append>,
        clock: Arc<dyn Clock>,
        length: WindowLength,
        budget: Epsilon,
    ) -> Self {
        Self {
            store,
            spending: None,
            keys: Arc::new(LocalKeys::new(Arc::clone(&clock), length)),
            audit,
            first: length.window(clock.now()),
            clock,
            length,
            budget,
            tables: BTreeMap::new(),
            state: Mutex::default(),
        }
    }

    /// With other window keys, such as keys that several nodes share.
    #[must_use]
    pub fn with_keys(mut self, keys: Arc<dyn WindowKeys>) -> Self {
        self.keys = keys;
        self
    }

    /// With a place outside of the store where spent budgets are noted, so that a store
    /// that went back in time releases no window a second time.
    #[must_use]
    pub fn with_spending(mut self, keeper: Arc<dyn SpendingKeeper>) -> Self {
        self.spending = Some(keeper);
        self
    }

    /// Declares the table of an event and what its numbers have to pass.
    ///
    /// # Errors
    /// [`RegisterError`]; `Budget` if the declared events together cost more than a
    /// window has.
    pub fn register<E: Event>(mut self, gate: Gate) -> Result<Self, RegisterError> {
        let table = Table::of::<E>(gate)?;
        if self.tables.contains_key(table.name) {
            return Err(RegisterError::Duplicate);
        }
        let declared = self.tables.values().fold(0_u64, |sum, table| sum + table.gate.debit());
        if declared.saturating_add(gate.debit()) > self.budget.micro() {
            return Err(RegisterError::Budget);
        }
        self.tables.insert(table.name, table);
        Ok(self)
    }

    /// The length of the windows.
    #[must_use]
    pub const fn window_length(&self) -> WindowLength {
        self.length
    }

    /// Counts an event in the current window, if consent is live now and the
    /// session has not contributed to this cell yet.
    ///
    /// The session's contribution is claimed before the event is counted, so that
    /// whatever happens in between loses a count and never doubles one.
    ///
    /// # Errors
    /// [`FoldError`]; nothing was counted then.
    pub async fn fold<E: Event>(
        &self,
        event: E,
        granted: &Granted<E::Purpose>,
        allowance: &dyn Allowance,
    ) -> Result<Contribution, FoldError> {
        let table = self.tables.get(E::NAME).filter(|table| table.is_of::<E>());
        let table = table.ok_or(FoldError::Undeclared)?;
        let place = table.place(&event.cell()).ok_or(FoldError::OutsideTable)?;
        drop(event);
        granted.recheck().await?;
        let now = self.clock.now();
        if now.date() > table.until {
            return Err(FoldError::Ended);
        }
        let window = self.length.window(now);
        self.keys.begin(window).await.map_err(|error| match error.kind() {
            ErrorKind::Expired => FoldError::WindowClosed,
            _ => FoldError::Key(error),
        })?;
        let contribution = claim(table, place, window, allowance).await?;
        if contribution == Contribution::First {
            self.count(table, window, place)?;
        }
        Ok(contribution)
    }

    /// Seals what was counted since the last flush and hands it to the store.
    ///
    /// What the store did not take stays here, under its batch id, for the next
    /// flush. This may be dropped at any time.
    ///
    /// # Errors
    /// The first failure, after everything was tried.
    pub async fn flush(&self) -> Result<Flushed, FoldError> {
        let mut flushed = Flushed::default();
        let mut failure = None;
        for Staged { table, window, batch, content } in self.stage().map_err(FoldError::Key)? {
            match self.hand_over(window, batch, content).await {
                Ok(true) => {
                    flushed.stored += 1;
                    self.audit.count(self.folded(table));
                }
                Ok(false) => flushed.lost += 1,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(flushed), Err)
    }

    /// Forgets what this process still holds of a window; says how many partial
    /// sums that were.
    pub(crate) fn forget(&self, window: WindowId) -> u64 {
        let mut state = self.state();
        let before = state.open.len() + state.staged.len();
        state.open.retain(|(of, _), _| *of != window);
        state.staged.retain(|staged| staged.window != window);
        (before - state.open.len() - state.staged.len()) as u64
    }

    /// Remembers that a window was released, and forgets those before `oldest`.
    pub(crate) fn mark_released(&self, window: WindowId, oldest: WindowId) {
        let mut state = self.state();
        state.released.insert(window);
        state.released.retain(|released| *released >= oldest);
    }

    pub(crate) fn is_marked(&self, window: WindowId) -> bool {
        self.state().released.contains(&window)
    }

    fn count(&self, table: &Table, window: WindowId, place: usize) -> Result<(), FoldError> {
        let mut state = self.state();
        let histogram = match state.open.entry((window, table.name)) {
            btree_map::Entry::Occupied(open) => open.into_mut(),
            btree_map::Entry::Vacant(place) => {
                place.insert(Histogram::zeroed(&table.schema, table.cells).map_err(FoldError::Key)?)
            }
        };
        histogram.count(place);
        Ok(())
    }

    // The log counts partial sums: how many events are in one is nobody's to know before
    // its release.
    fn folded(&self, table: &str) -> Entry {
        let entry = Entry::new(self.clock.now(), Operation::Folded, DataClass::Aggregate)
            .with_rule(Rule::ConsentLive)
            .with_store(self.store.store());
        match self.tables.get(table) {
            Some(table) => entry.with_purpose(table.purpose.clone()),
            None => entry,
        }
    }

    /// Gives every open partial sum its batch id, and lists all that are to be sent.
    fn stage(&self) -> Result<Vec<Staged>, Error> {
        let mut state = self.state();
        while let Some(key) = state.open.keys().next().copied() {
            let mut batch = [0; 32];
            random(&mut batch)?;
            if let Some(histogram) = state.open.remove(&key) {
                state.staged.push(Staged {
                    table: key.1,
                    window: key.0,
                    batch: Digest::new(batch),
                    content: Content::Plain(Arc::new(histogram)),
                });
            }
        }
        Ok(state.staged.clone())
    }

    /// Seals and stores one partial sum; `false` if it came too late.
    async fn hand_over(
        &self,
        window: WindowId,
        batch: Digest,
        content: Content,
    ) -> Result<bool, FoldError> {
        let partial = match content {
            Content::Sealed(partial) => partial,
            Content::Plain(histogram) => {
                let place = associated(window, &batch);
                let sealed = self.keys.seal(window, place.as_bytes(), histogram.bytes()).await;
                let sealed = match sealed {
                    Err(error) if error.kind() == ErrorKind::Expired => {
                        self.unstage(&batch);
                        return Ok(false);
                    }
                    other => other.map_err(FoldError::Key)?,
                };
                let partial = SealedPartial { window, batch, sealed: sealed.as_bytes().to_vec() };
                self.keep_sealed(&partial);
                partial
            }
        };
        match self.store.fold(&partial).await {
            Ok(Folded::Added | Folded::Repeated) => {
                self.unstage(&batch);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::Expired => {
                self.unstage(&batch);
                Ok(false)
            }
            Err(error) => Err(FoldError::Store(error)),
        }
    }

    fn keep_sealed(&self, partial: &SealedPartial) {
        let mut state = self.state();
        if let Some(staged) = state.staged.iter_mut().find(|s| s.batch == partial.batch) {
            staged.content = Content::Sealed(partial.clone());
        }
    }

    fn unstage(&self, batch: &Digest) {
        self.state().staged.retain(|staged| staged.batch != *batch);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Claims what bounds the session's part in the table.
///
/// Under differential privacy the noise is made for a number of cells per session,
/// so the session has as many slots; where that is more than one, the cell is
/// claimed first, so that no cell takes two slots.
async fn claim(
    table: &Table,
    place: usize,
    window: WindowId,
    allowance: &dyn Allowance,
) -> Result<Contribution, FoldError> {
    let slots = match table.gate {
        Gate::Differential { cells_per_session, .. } => cells_per_session,
        Gate::Disclosure { .. } => 0,
    };
    let claim = async |kind: &str, number: usize| {
        let label = Label::parse(&format!("{}:{kind}:{number}", table.name)).map_err(|_| {
            Error::new(ErrorKind::Invalid, StoreKind::Memory, "the event's name is no label")
        })?;
        allowance.claim(window.0, &label).await
    };
    if slots != 1 {
        let cell = claim("cell", place).await.map_err(FoldError::Allowance)?;
        if slots == 0 || cell == Contribution::Already {
            return Ok(cell);
        }
    }
    for slot in 0..slots {
        let claimed = claim("slot", usize::from(slot)).await.map_err(FoldError::Allowance)?;
        if claimed == Contribution::First {
            return Ok(claimed);
        }
    }
    Ok(Contribution::Already)
}
