use evanesce_core::{Digest, Erasure, ErasureReceipt, Operation, Outcome};
use evanesce_crypto::{commit, random};

use crate::EraseError;

/// What an audit entry says of an erasure without telling it: HMAC-SHA256 under
/// the salt, over the erasure as JSON without spaces, members in the order of
/// [`Erasure`]. Once the salt is forgotten, nobody can tell which erasure it was.
///
/// # Errors
/// [`EraseError::Malformed`] if it cannot be written.
pub fn commitment(salt: &Digest, erasure: &Erasure) -> Result<Digest, EraseError> {
    let told = serde_json::to_vec(erasure).map_err(|_| EraseError::Malformed)?;
    Ok(commit(salt, &told))
}

/// Verifies that a receipt's entry is of an erasure that was done, that it commits
/// to what the receipt tells, and that nothing could be read afterwards. That the
/// entry is in the log is verified with the log's key.
///
/// # Errors
/// [`EraseError::Mismatch`].
pub fn verify_commitment(receipt: &ErasureReceipt) -> Result<(), EraseError> {
    let entry = &receipt.entry;
    let told = commitment(&receipt.salt, &receipt.erasure)?;
    let operation = matches!(entry.operation(), Operation::Erased | Operation::EmergencyPurged);
    let belongs =
        operation && entry.outcome() == Outcome::Done && entry.commitment() == Some(&told);
    if belongs && receipt.erasure.is_complete() { Ok(()) } else { Err(EraseError::Mismatch) }
}

/// A fresh salt or id.
pub(crate) fn fresh() -> Result<Digest, EraseError> {
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    Ok(Digest::new(bytes))
}
