use std::time::Duration;

use zeroize::Zeroizing;

use crate::{BoxFuture, Clock, DataClass, Error, Incarnation, Label, StoreKind};

/// What a purge needs of every store: to erase, to read back, and to say how old
/// its oldest data is.
///
/// # Contract
/// [`presence`](Self::presence) reads the store itself, never a cache, and says
/// [`Presence::NotAddressable`] where data cannot be looked up by person.
/// After [`erase`](Self::erase) returns, `presence` is never
/// [`Presence::Present`] again for that subject.
///
/// # Errors
/// An erasure that was sent and not acknowledged is
/// [`ErrorKind::Unconfirmed`](crate::ErrorKind::Unconfirmed).
pub trait Erasable: Send + Sync {
    /// Where.
    fn store(&self) -> StoreKind;

    /// Which class of data lies there.
    fn class(&self) -> DataClass;

    /// Which life of the server this is.
    fn incarnation(&self) -> BoxFuture<'_, Result<Incarnation, Error>>;

    /// Whether anything of the subject can be read now.
    fn presence<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<Presence, Error>>;

    /// Removes what there is of the subject, and says how many records that were.
    fn erase<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Result<u64, Error>>;

    /// How old the oldest record is, or `None` in an empty store.
    fn oldest_age(&self) -> BoxFuture<'_, Result<Option<Duration>, Error>>;

    /// The computed worst case: how long a record may exist in this store as it is
    /// configured now.
    fn ceiling(&self) -> BoxFuture<'_, Result<Ceiling, Error>>;

    /// What a strict start asks of the server's configuration beyond the ceiling, such as
    /// that nobody is let in without a password. A store without a server asks for nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) with the setting to change; what
    /// could not be found out counts as not kept.
    fn demand<'a>(&'a self, clock: &'a dyn Clock) -> BoxFuture<'a, Result<(), Error>> {
        let _ = clock;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The setting by which the embedding program chose less than the strictest, such as
    /// sessions that outlive a failover. The service writes into its log at each start that
    /// something was chosen, in every mode.
    fn chosen(&self) -> Option<Label> {
        None
    }
}

/// Whom an erasure concerns, in the terms of a store: an opaque handle that is
/// wiped when dropped and cannot be printed.
pub struct Subject(Zeroizing<Vec<u8>>);

impl Subject {
    /// From the store's own handle.
    #[must_use]
    pub fn new(handle: Vec<u8>) -> Self {
        Self(Zeroizing::new(handle))
    }

    /// The handle.
    #[must_use]
    pub fn handle(&self) -> &[u8] {
        &self.0
    }
}

/// What a store can say of a subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Nothing of the subject was found.
    Absent,
    /// The store has no way to address a person.
    NotAddressable,
    /// Something of the subject can be read.
    Present,
}

/// The longest that a record may exist, and the setting that decides it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ceiling {
    /// The computed worst case; `None` where nothing bounds it.
    pub worst: Option<Duration>,
    /// What decides it, such as `default-ttl` or `save`.
    pub setting: Label,
}

impl Ceiling {
    /// Whether the worst case keeps within `policy`.
    #[must_use]
    pub fn keeps(&self, policy: Duration) -> bool {
        self.worst.is_some_and(|worst| worst <= policy)
    }
}
