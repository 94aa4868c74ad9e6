use std::sync::Arc;

use evanesce_consent::{ConsentRecord, Notice, Signals};
use evanesce_core::{
    Allowance, BoxFuture, Contribution, Error, ErrorKind, GrantState, Label, Liveness, PurposeId,
    StoreKind,
};
use evanesce_crypto::sha256;
use evanesce_session::{Change, Compartment, SessionError, Sessions, Token};

/// Where the consent record lies inside a session.
pub(crate) const CONSENT: Compartment = Compartment::new("consent");
/// Where a session remembers what it has contributed to.
pub(crate) const CONTRIBUTIONS: Compartment = Compartment::new("contributions");

/// The most contributions that a session remembers; beyond it nothing is counted.
const MAX_CLAIMS: usize = 512;
const WINDOW: usize = 8;
const CLAIM: usize = WINDOW + 16;

/// The consent that lies in one session, read anew each time.
pub(crate) struct SessionConsent {
    pub(crate) sessions: Sessions,
    pub(crate) token: Arc<Token>,
    pub(crate) notice: Arc<Notice>,
    pub(crate) signals: Signals,
}

impl Liveness for SessionConsent {
    fn grant(&self, purpose: &PurposeId) -> BoxFuture<'_, Result<GrantState, Error>> {
        let purpose = purpose.clone();
        Box::pin(async move {
            let bytes =
                self.sessions.compartment(&self.token, CONSENT).await.map_err(port_error)?;
            let Some(bytes) = bytes else { return Ok(GrantState::Absent) };
            let record = bytes.expose(ConsentRecord::from_bytes).map_err(|_| CORRUPT)?;
            Ok(record.state(&purpose, &self.notice, &self.signals))
        })
    }
}

const CORRUPT: Error =
    Error::new(ErrorKind::Corrupt, StoreKind::Memory, "the consent record cannot be read");

/// The session's own memory of what it has contributed to. It ends with the session,
/// so no id is needed that would outlive it.
pub(crate) struct SessionAllowance {
    pub(crate) sessions: Sessions,
    pub(crate) token: Arc<Token>,
}

impl Allowance for SessionAllowance {
    fn claim(&self, window: u64, cell: &Label) -> BoxFuture<'_, Result<Contribution, Error>> {
        let claim = claim_bytes(window, cell);
        Box::pin(async move {
            let remembered = self
                .sessions
                .update_compartment(&self.token, CONTRIBUTIONS, |claims| {
                    remember(claims.unwrap_or(&[]), window, claim)
                })
                .await
                .map_err(port_error)?;
            remembered.ok_or(Error::new(
                ErrorKind::Exhausted,
                StoreKind::Memory,
                "the session has contributed to as many cells as it may",
            ))
        })
    }
}

fn claim_bytes(window: u64, cell: &Label) -> [u8; CLAIM] {
    let mut claim = [0; CLAIM];
    let digest = sha256(cell.as_str().as_bytes());
    claim[..WINDOW].copy_from_slice(&window.to_be_bytes());
    claim[WINDOW..].copy_from_slice(&digest.as_bytes()[..CLAIM - WINDOW]);
    claim
}

// Claims of windows before the last but one are forgotten: those windows are closed.
fn remember(claims: &[u8], window: u64, claim: [u8; CLAIM]) -> (Change, Option<Contribution>) {
    if claims.chunks_exact(CLAIM).any(|known| known == claim) {
        return (Change::Keep, Some(Contribution::Already));
    }
    let recent = |known: &&[u8]| {
        let number = known.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        number.saturating_add(1) >= window
    };
    let mut kept: Vec<u8> = claims.chunks_exact(CLAIM).filter(recent).flatten().copied().collect();
    if kept.len() / CLAIM >= MAX_CLAIMS {
        return (Change::Keep, None);
    }
    kept.extend_from_slice(&claim);
    (Change::Put(kept), Some(Contribution::First))
}

/// A session's error as the ports know it.
pub(crate) fn port_error(error: SessionError) -> Error {
    match error {
        SessionError::Store(error) => error,
        SessionError::Absent | SessionError::Expired | SessionError::EpochEnded => {
            Error::new(ErrorKind::Missing, StoreKind::Memory, "the session is gone")
        }
        SessionError::Contended => {
            Error::new(ErrorKind::Conflict, StoreKind::Memory, "the session is being changed")
        }
        _ => Error::new(ErrorKind::Corrupt, StoreKind::Memory, "the session cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use evanesce_core::label;

    use super::*;

    #[test]
    fn a_cell_is_claimed_once_in_a_window() {
        let claim = claim_bytes(7, &label!("topic:travel"));
        let (change, first) = remember(&[], 7, claim);
        assert_eq!(first, Some(Contribution::First));
        let Change::Put(claims) = change else { panic!("a first claim is kept") };
        assert_eq!(remember(&claims, 7, claim).1, Some(Contribution::Already));
        let next = claim_bytes(8, &label!("topic:travel"));
        assert_eq!(remember(&claims, 8, next).1, Some(Contribution::First));
    }

    #[test]
    fn what_a_session_remembers_is_bounded() {
        let mut claims = Vec::new();
        for n in 0..MAX_CLAIMS as u64 {
            let cell = Label::parse(&format!("cell {n}")).unwrap();
            let (Change::Put(kept), Some(_)) = remember(&claims, 1, claim_bytes(1, &cell)) else {
                panic!("claim {n} fits")
            };
            claims = kept;
        }
        let one_more = claim_bytes(1, &label!("one more"));
        assert_eq!(remember(&claims, 1, one_more).1, None);
        // Three windows later the old claims are forgotten.
        let later = claim_bytes(4, &label!("one more"));
        assert_eq!(remember(&claims, 4, later).1, Some(Contribution::First));
    }
}
