use evanesce_anonymize::{FoldError, RegisterError};
use evanesce_audit::AuditError;
use evanesce_consent::{ConsentError, NoticeError};
use evanesce_core::{Blocked, Error, NotGranted, StoreKind};
use evanesce_crypto::CryptoError;
use evanesce_pipeline::PipelineError;
use evanesce_purge::EraseError;
use evanesce_session::SessionError;

/// Why a request was not served. Each variant holds the error of the room that it
/// comes from, and none of them can hold a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The audit log could not take an entry that has to be durable.
    #[error("the audit log could not take an entry that has to be durable")]
    Audit(#[source] Error),
    /// Output was held back by the screen.
    #[error("output was held back by the screen")]
    Blocked(#[source] Blocked),
    /// Consent could not be asked, answered or read.
    #[error("consent could not be asked, answered or read")]
    Consent(#[from] ConsentError),
    /// The erasure did not come to its end. Unless the journal refused it, it is
    /// remembered and goes on.
    #[error("the erasure did not come to its end")]
    Erase(#[from] EraseError),
    /// An event was not counted.
    #[error("the event was not counted")]
    Fold(#[from] FoldError),
    /// There is no live consent.
    #[error("there is no live consent for this purpose")]
    NotGranted(#[from] NotGranted),
    /// The work was refused or failed.
    #[error("the work was refused or failed")]
    Pipeline(#[from] PipelineError),
    /// The session could not be used.
    #[error("the session could not be used")]
    Session(#[from] SessionError),
    /// A store could not be used.
    #[error("a store could not be used")]
    Store(#[from] Error),
}

/// Why the service does not start. Each names what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The audit log does not verify: it was rolled back, forked or damaged.
    #[error("the audit log does not verify")]
    Audit(#[from] AuditError),
    /// A store may keep data for longer than its class allows.
    #[error("{store} may keep data longer than its class allows; change {setting}")]
    Ceiling {
        /// Which store.
        store: StoreKind,
        /// The setting that decides it.
        setting: evanesce_core::Label,
    },
    /// The root keys could not be used.
    #[error("the root keys could not be used")]
    Crypto(#[from] CryptoError),
    /// Erasures that were not finished could not be taken up.
    #[error("erasures that were not finished could not be taken up")]
    Erasures(#[source] ServiceError),
    /// An event cannot be declared so.
    #[error("an event cannot be declared so")]
    Event(#[from] RegisterError),
    /// The service's name is not a namespace.
    #[error("a service is named by 1 to 32 of a-z 0-9 -, beginning with a letter")]
    Name(#[from] evanesce_core::InvalidLabel),
    /// The kernel does not let this process forbid core dumps and tracing.
    #[error("the kernel does not let this process forbid core dumps and tracing")]
    Process(#[from] evanesce_memory::MemoryError),
    /// A purpose cannot be declared so.
    #[error("a purpose cannot be declared so")]
    Purpose(#[from] NoticeError),
    /// The log's witness did not cosign it.
    #[error("the witness of the audit log did not cosign it; change the witness or its key")]
    Witness(#[source] AuditError),
    /// A server is configured against what is promised.
    #[error("{} is configured against what is promised; change {}", .0.store(), setting(.0))]
    Setting(#[source] Error),
    /// A store could not be used.
    #[error("a store could not be used")]
    Store(#[from] Error),
    /// The log has entries, and no checkpoint of it was kept outside its store.
    #[error(
        "the audit log has entries and no checkpoint of it was kept elsewhere; \
         put the kept checkpoint back, or start in report-only mode once"
    )]
    Unwitnessed,
}

fn setting(error: &Error) -> &'static str {
    error.setting().unwrap_or("its configuration")
}
