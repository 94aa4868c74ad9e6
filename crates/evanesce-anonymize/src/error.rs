use evanesce_core::{Error, NotGranted};

/// Why an event cannot be declared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// With this event a window would cost more than its budget.
    #[error("the declared events cost more than a window's budget")]
    Budget,
    /// Another event has this name.
    #[error("two events have the same name")]
    Duplicate,
    /// A threshold of 0, fewer than 3 for exact counts, or no cell per session.
    #[error("a gate needs a threshold (3 and more for exact counts) and a cell per session")]
    Gate,
    /// The name is not 1 to 32 of `a-z 0-9 _ -`.
    #[error("an event is named by 1 to 32 of a-z 0-9 _ -")]
    Name,
    /// The purpose keeps its data longer than Class 2 may be kept.
    #[error("the purpose keeps its data longer than 12 months")]
    Retention,
    /// No dimension or more than 8, a malformed or doubled label, or more than
    /// 4,096 cells.
    #[error("a table has 1 to 8 dimensions of different plain labels, and 4,096 cells at most")]
    Shape,
}

/// Why an event was not counted, or a partial sum not stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The session could not be asked whether it has contributed.
    #[error("the session's contribution could not be claimed")]
    Allowance(#[source] Error),
    /// The metric's last day is over.
    #[error("the metric has ended")]
    Ended,
    /// There is no key for the window, or memory for the sum.
    #[error("the partial sum could not be protected")]
    Key(#[source] Error),
    /// Consent is not live.
    #[error("there is no live consent for the event's purpose")]
    NotGranted(#[from] NotGranted),
    /// The event's cell is none of its table.
    #[error("the cell lies outside the declared table")]
    OutsideTable,
    /// The store did not take the partial sum; it is kept for the next flush.
    #[error("the partial sum could not be stored")]
    Store(#[source] Error),
    /// The event was not declared, or differently.
    #[error("the event was not declared")]
    Undeclared,
    /// The clock stands in a window that was released or has expired.
    #[error("the window is closed")]
    WindowClosed,
}

/// Why a window was not released.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// It was released before. A window is released once.
    #[error("the window was released before")]
    AlreadyReleased,
    /// The audit log did not take the entry that comes before a release.
    #[error("the audit log could not be written, so nothing was released")]
    Audit(#[source] Error),
    /// The window's budget does not suffice, and it never renews.
    #[error("the window's budget is exhausted")]
    BudgetExhausted {
        /// What the window has left, in millionths of epsilon.
        left: u64,
        /// What the release costs.
        needed: u64,
    },
    /// Another release of this window came first; nothing was written.
    #[error("another release of this window came first")]
    Conflict,
    /// The window's key has died, and with it what was not released.
    #[error("the window's key has died")]
    Expired,
    /// A partial sum could not be stored before.
    #[error("the window's partial sums could not be gathered")]
    Fold(#[source] FoldError),
    /// There is no key, no memory or no randomness.
    #[error("the window could not be opened")]
    Key(#[source] Error),
    /// What is spent could not be noted outside of the store, so that nothing was released.
    #[error("what is spent could not be noted outside of the store")]
    Spending(#[source] Error),
    /// The window has not ended.
    #[error("the window is still open")]
    StillOpen,
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] Error),
    /// The tables are released, but the audit log did not take the entry after it.
    #[error("the window was released, and the audit log did not take the entry")]
    Unaudited(#[source] Error),
    /// The store's ledger says less than what was noted outside of it: it went back in
    /// time, or a release was broken off. The window counts as exhausted.
    #[error("the ledger says less than what was noted elsewhere; the window is exhausted")]
    WentBack,
}
