//! The audit log as a house keeps it: under every key that it had, in declared roles, seen
//! by a witness and published.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use evanesce_audit::{
    AuditError, Cosign, Log, LogOptions, LogParts, NoteKey, Origin, Publisher, Role,
};
use evanesce_core::{Append, Clock, DataClass, Entry, Operation, Outcome};
use evanesce_crypto::{CryptoError, RootProvider, RootVersion, SigningKey, VerifyingKey};
use evanesce_telemetry::Level;

use crate::StartError;
use crate::builder::{Mode, Ports};
use crate::house::House;

/// What the log's keys are derived for: `KeyHistory::record` takes the same.
pub(crate) const CONTEXT: &[u8] = b"evanesce audit log";
/// How many versions of the root back a log is looked for under its keys.
const VERSIONS: u32 = 16;

/// What a builder was told of the log.
#[derive(Default)]
pub(crate) struct LogPlan {
    pub(crate) options: LogOptions,
    pub(crate) earlier: Vec<VerifyingKey>,
    pub(crate) witness: Option<Witnessed>,
    pub(crate) publisher: Option<Publisher>,
}

/// A witness, and what it cosigned last.
pub(crate) struct Witnessed {
    witness: Arc<dyn Cosign>,
    key: NoteKey,
    cosigned: Mutex<Option<String>>,
}

/// The log's own keys, those of the root's earlier versions and those that were named.
pub(crate) fn keys(
    root: &dyn RootProvider,
    named: Vec<VerifyingKey>,
) -> Result<(SigningKey, Vec<VerifyingKey>), CryptoError> {
    let current = root.current();
    let mut earlier = named;
    for version in (current.0.saturating_sub(VERSIONS)..current.0).rev() {
        match SigningKey::from_root_at(root, RootVersion(version), CONTEXT) {
            Ok(key) => earlier.push(key.verifying_key()),
            // Retired, as are those before it.
            Err(CryptoError::UnknownVersion) => break,
            Err(error) => return Err(error),
        }
    }
    Ok((SigningKey::from_root(root, CONTEXT)?, earlier))
}

pub(crate) async fn open(
    plan: LogOptions,
    ports: &Ports,
    keys: (SigningKey, &[VerifyingKey]),
    origin: Origin,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Log>, AuditError> {
    let parts = LogParts {
        store: Arc::clone(&ports.audit),
        keeper: Arc::clone(&ports.keeper),
        signer: keys.0,
        origin,
        clock: Arc::clone(clock),
    };
    let options = keys.1.iter().fold(plan, |options, key| options.earlier(*key));
    Ok(Arc::new(Log::open_with(parts, options).await?))
}

impl Witnessed {
    pub(crate) fn new(witness: Arc<dyn Cosign>, key: NoteKey) -> Self {
        Self { witness, key, cosigned: Mutex::default() }
    }

    pub(crate) fn cosigned(&self) -> Option<String> {
        self.cosigned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn ask(&self, log: &Log) -> Result<(), AuditError> {
        let checkpoint = log.cosign(&*self.witness, &self.key).await?;
        *self.cosigned.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint);
        Ok(())
    }

    /// Refuses a log of which the witness saw more, or another. A witness that gives no
    /// answer is written down, or in strict mode refused.
    pub(crate) async fn ask_at_start(
        &self,
        mode: Mode,
        clock: &dyn Clock,
        log: &Log,
    ) -> Result<(), StartError> {
        match self.ask(log).await {
            // A log without an entry has nothing to be cosigned yet.
            Ok(()) | Err(AuditError::OutOfRange) => Ok(()),
            Err(error @ (AuditError::Forked | AuditError::RolledBack)) => Err(error.into()),
            Err(error) if mode == Mode::Strict => Err(StartError::Witness(error)),
            Err(_) => {
                let overridden = Operation::PolicyOverridden;
                let entry = Entry::new(clock.now(), overridden, DataClass::Operational);
                log.append(entry).await?;
                Ok(())
            }
        }
    }
}

impl House {
    /// Has the newest checkpoint cosigned. Of two logs under one key nothing that was promised
    /// holds any more, which is a violation; a witness out of reach is only noted.
    pub(crate) async fn cosign(&self) {
        let Some(witnessed) = &self.witness else { return };
        match witnessed.ask(&self.log).await {
            Ok(()) | Err(AuditError::OutOfRange) => {}
            Err(AuditError::Forked | AuditError::RolledBack) => {
                let forked = Operation::IncarnationChanged;
                let entry = Entry::new(self.clock.now(), forked, DataClass::Operational);
                self.audit.append(entry.with_outcome(Outcome::Violation)).await.ok();
            }
            Err(_) => self.note(Level::Warn, "witness.silent"),
        }
    }

    /// How many entries the published folder shows.
    pub(crate) async fn publish(&self) -> Result<u64, AuditError> {
        match &self.publisher {
            Some(publisher) => publisher.publish(&self.log).await,
            None => Ok(0),
        }
    }
}

impl crate::Builder {
    /// Declares a role in which something may be done: [`Evanesce::acting`]. Roles are
    /// written into the log, persons never.
    ///
    /// [`Evanesce::acting`]: crate::Evanesce::acting
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.log.options = std::mem::take(&mut self.log.options).role(role);
        self
    }

    /// A key that signed the audit log under a version of the root that was retired since.
    /// Those of versions that the root still has need not be named. Keep them with
    /// `KeyHistory`; leave out one that somebody else may know.
    #[must_use]
    pub fn earlier_log_key(mut self, key: VerifyingKey) -> Self {
        self.log.earlier.push(key);
        self
    }

    /// Who cosigns the log, and under which key: asked at start whether it saw a newer log
    /// or another one, which is refused in each mode, and again with every quarter of an
    /// hour.
    #[must_use]
    pub fn witness(mut self, witness: impl Cosign + 'static, key: NoteKey) -> Self {
        self.log.witness = Some(Witnessed::new(Arc::new(witness), key));
        self
    }

    /// A folder that a static web server can serve (C2SP tlog-tiles), so that strangers can
    /// follow the log. It is brought up to date every minute and when the service stops.
    #[must_use]
    pub fn publish_log(mut self, folder: &Path) -> Self {
        self.log.publisher = Some(Publisher::new(folder));
        self
    }

    /// Signs each checkpoint of the log a second time, with ML-DSA-65 (FIPS 204).
    #[cfg(feature = "ml-dsa")]
    #[must_use]
    pub fn second_log_key(mut self, key: evanesce_crypto::MlDsaSigningKey) -> Self {
        self.log.options = std::mem::take(&mut self.log.options).second(key);
        self
    }
}
