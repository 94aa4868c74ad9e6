use std::fmt::Write as _;

use base64ct::{Base64, Encoding};
use evanesce_core::{Digest, Entry, ErasureReceipt, Incorporated, Operation, Outcome};
use evanesce_crypto::{VerifyingKey, commit};

use crate::tiles::decimal;
use crate::{AuditError, CheckpointBody, Role, encode_as, leaf_hash, verify_inclusion};

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";
const MAX_PROOF: usize = 64 * 1024;

/// Verifies offline that an entry is in the log that `key` signs under `origin`,
/// and returns what the signed checkpoint says.
///
/// # Errors
/// [`AuditError::Unsigned`] for another key or log, [`AuditError::Unproven`] if
/// the proof does not lead from this entry to the signed root,
/// [`AuditError::Malformed`].
///
/// ```
/// # use evanesce_audit::{AuditError, verify};
/// # use evanesce_core::ErasureReceipt;
/// # use evanesce_crypto::VerifyingKey;
/// fn in_the_log(receipt: &ErasureReceipt, key: &VerifyingKey) -> Result<u64, AuditError> {
///     Ok(verify(&receipt.entry, &receipt.incorporated, key, "log.example/audit")?.size)
/// }
/// ```
pub fn verify(
    entry: &Entry,
    incorporated: &Incorporated,
    key: &VerifyingKey,
    origin: &str,
) -> Result<CheckpointBody, AuditError> {
    let body = CheckpointBody::open(&incorporated.checkpoint, key, origin)?;
    let role = incorporated.actor.as_ref().map(|actor| Role::parse(actor.as_str())).transpose()?;
    let leaf = leaf_hash(&encode_as(entry, role.as_ref())?);
    if verify_inclusion(&leaf, incorporated.index, body.size, &incorporated.proof, &body.root) {
        Ok(body)
    } else {
        Err(AuditError::Unproven)
    }
}

/// Verifies a whole erasure receipt offline: the entry is in the signed log, it
/// says that an erasure was done, it commits to what the receipt tells, and what
/// the receipt tells is complete.
///
/// # Errors
/// As [`verify`]; [`AuditError::Unproven`] also if entry and erasure do not
/// belong together, or if something could still be read.
pub fn verify_receipt(
    receipt: &ErasureReceipt,
    key: &VerifyingKey,
    origin: &str,
) -> Result<CheckpointBody, AuditError> {
    let body = verify(&receipt.entry, &receipt.incorporated, key, origin)?;
    let told = serde_json::to_vec(&receipt.erasure).map_err(|_| AuditError::Malformed)?;
    let commitment = commit(&receipt.salt, &told);
    let operation =
        matches!(receipt.entry.operation(), Operation::Erased | Operation::EmergencyPurged);
    let belongs = operation
        && receipt.entry.outcome() == Outcome::Done
        && receipt.entry.commitment() == Some(&commitment);
    if belongs && receipt.erasure.is_complete() { Ok(body) } else { Err(AuditError::Unproven) }
}

/// An entry's place and proof as a text of C2SP tlog-proof.
#[must_use]
pub fn write_tlog_proof(incorporated: &Incorporated) -> String {
    let mut text = String::from(HEADER);
    // Writing into a String cannot fail.
    let _ = writeln!(text, "index {}", incorporated.index);
    for hash in &incorporated.proof {
        let _ = writeln!(text, "{}", Base64::encode_string(hash.as_bytes()));
    }
    let _ = write!(text, "\n{}", incorporated.checkpoint);
    text
}

/// Reads a text of C2SP tlog-proof. An `extra` line is read and dropped; nothing
/// is verified.
///
/// # Errors
/// [`AuditError::Malformed`].
pub fn parse_tlog_proof(text: &str) -> Result<Incorporated, AuditError> {
    let malformed = || AuditError::Malformed;
    if text.len() > MAX_PROOF {
        return Err(malformed());
    }
    let rest = text.strip_prefix(HEADER).ok_or_else(malformed)?;
    let (head, checkpoint) = rest.split_once("\n\n").ok_or_else(malformed)?;
    let mut lines = head.split('\n').peekable();
    if let Some(extra) = lines.next_if(|line| line.starts_with("extra ")) {
        Base64::decode_vec(extra.trim_start_matches("extra ")).map_err(|_| malformed())?;
    }
    let index = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or_else(malformed)?;
    let index = decimal(index)?;
    let mut proof = Vec::new();
    for line in lines {
        let mut bytes = [0; 32];
        let read = Base64::decode(line, &mut bytes).map_err(|_| malformed())?.len();
        // A tree of 2^63 leaves has no longer path.
        if read != 32 || proof.len() == 63 {
            return Err(malformed());
        }
        proof.push(Digest::new(bytes));
    }
    if !checkpoint.ends_with('\n') {
        return Err(malformed());
    }
    Ok(Incorporated { index, proof, checkpoint: checkpoint.to_owned(), actor: None })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_tlog_proof_is_read_back(index: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..12)) {
            let proof = hashes.into_iter().map(Digest::new).collect();
            let incorporated =
                Incorporated { index, proof, checkpoint: "some\ntext\n".into(), actor: None };
            let text = write_tlog_proof(&incorporated);
            prop_assert_eq!(parse_tlog_proof(&text), Ok(incorporated));
        }

        #[test]
        fn no_text_panics(text in "(?s)(index|extra|[0-9A-Za-z+/= \n]){0,60}") {
            let _ = parse_tlog_proof(&format!("{HEADER}{text}"));
            let _ = parse_tlog_proof(&text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "c2sp.org/tlog-proof@v2\nindex 0\n\nc\n",
            "c2sp.org/tlog-proof@v1\nindex 00\n\nc\n",
            "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nc\n",
            "c2sp.org/tlog-proof@v1\nindex 0\n\nc",
            "c2sp.org/tlog-proof@v1\nindex 0\n",
        ] {
            assert_eq!(parse_tlog_proof(text), Err(AuditError::Malformed), "{text}");
        }
        assert!(parse_tlog_proof("c2sp.org/tlog-proof@v1\nextra YWI=\nindex 0\n\nc\n").is_ok());
    }
}
