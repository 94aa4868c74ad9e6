//! The audit log of a configuration, opened beside the service that writes it.

use std::sync::Arc;

use evanesce_audit::{
    AuditError, AuditStore, Continuity, FileKeeper, Log, LogOptions, LogParts, Origin, Role,
};
use evanesce_core::{Clock, Error, ErrorKind, Evidence, FnProbe, Label, Reading, StoreKind, label};
use evanesce_crypto::CryptoError;

use super::operator::OperatorError;
use super::survey::Judged;
use super::{Config, ConfigError};
use crate::checks::Verdict;
use crate::log;

/// In which role the log says that something was done from here.
pub(super) const OPERATOR: Role = Role::new("operator");

impl Config {
    pub(super) fn keeps_a_log(&self) -> bool {
        self.log.folder.is_some() || self.postgres.is_some()
    }

    pub(super) const fn log_store(&self) -> StoreKind {
        if self.log.folder.is_some() { StoreKind::Folder } else { StoreKind::Postgres }
    }

    /// The log in its folder, or in the database that is handed in.
    pub(super) async fn open_log(
        &self,
        durable: Option<Result<Arc<dyn AuditStore>, ConfigError>>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Arc<Log>, OperatorError> {
        let missing = |key: &str| ConfigError::Missing { key: key.to_owned() };
        let store = match self.audit_folder()? {
            Some(store) => store,
            None => durable.ok_or_else(|| missing("audit.folder"))??,
        };
        let kept = self.log.checkpoint.as_deref();
        let kept = kept.ok_or_else(|| missing("audit.checkpoint_file"))?;
        let (signer, earlier) = log::keys(&self.root()?, Vec::new()).map_err(unusable)?;
        let parts = LogParts {
            store,
            keeper: Arc::new(FileKeeper::new(kept)),
            signer,
            origin: Origin::new(&format!("evanesce/{}", self.name))?,
            clock: Arc::clone(clock),
        };
        let options = earlier.into_iter().fold(LogOptions::new(), LogOptions::earlier);
        let log = Log::open_with(parts, options.role(OPERATOR)).await?;
        if log.continuity() == Continuity::Unwitnessed {
            return Err(OperatorError::Unwitnessed);
        }
        Ok(Arc::new(log))
    }

    /// Whether the log verifies, entry by entry, and continues what was kept outside its
    /// store. A log in a folder that is not there yet is not begun.
    pub(super) async fn log_facts(
        &self,
        durable: Option<Arc<dyn AuditStore>>,
        clock: &Arc<dyn Clock>,
    ) -> Vec<Judged> {
        if self.log.folder.as_ref().is_some_and(|folder| !folder.exists()) {
            return Vec::new();
        }
        let opened = self.open_log(durable.map(Ok), clock).await;
        let (reading, verdict) = judge(&opened, self.log_store());
        let (fact, method) = (label!("audit log"), label!("read whole, and compared"));
        let probe = FnProbe::new(self.log_store(), fact, method, || reading.clone());
        let evidence = Evidence::measure(&**clock, &probe).await;
        vec![Judged { evidence, verdict, setting: Some("audit.checkpoint_file, or the store") }]
    }
}

fn judge(
    opened: &Result<Arc<Log>, OperatorError>,
    store: StoreKind,
) -> (Result<Reading, Error>, Option<Verdict>) {
    const HIDDEN: &str = "the audit log could not be opened";
    let word = |word: Label, verdict| (Ok(Reading::Word(word)), verdict);
    let (broken, kept) = (Some(Verdict::Broken), Some(Verdict::Kept));
    match opened {
        Ok(log) if log.continuity() == Continuity::Fresh => word(label!("is empty"), kept),
        Ok(_) => word(label!("continues the kept checkpoint"), kept),
        Err(OperatorError::Unwitnessed) => word(label!("has no kept checkpoint"), broken),
        Err(OperatorError::Audit(AuditError::RolledBack)) => {
            word(label!("went back in time"), broken)
        }
        Err(OperatorError::Audit(AuditError::Forked)) => word(label!("is another log"), broken),
        Err(OperatorError::Audit(AuditError::Unsigned)) => {
            word(label!("is of another key or name"), broken)
        }
        Err(OperatorError::Audit(AuditError::Corrupt | AuditError::Malformed)) => {
            word(label!("is damaged"), broken)
        }
        Err(OperatorError::Config(ConfigError::Store { cause, .. }))
            if cause.kind() == ErrorKind::Conflict =>
        {
            word(label!("held by a running process"), None)
        }
        Err(_) => {
            let error = Error::new(ErrorKind::Unavailable, store, HIDDEN);
            (Err(error), Some(Verdict::Unknown))
        }
    }
}

pub(super) fn unusable(cause: CryptoError) -> ConfigError {
    ConfigError::Keys { key: "keys.root_file".to_owned(), cause }
}
