use std::sync::Arc;

use evanesce_core::{Append, Clock, Entry, Operation, PurposeId};
use evanesce_crypto::{SigningKey, VerifyingKey};
use evanesce_memory::SecretBytes;

use crate::{Challenge, Choices, ConsentError, ConsentReceipt, ConsentRecord, Notice, Signals};

/// Asks for consent, takes the answer, and lets it be taken back. It keeps nothing
/// of anybody: the question is sealed and lies with the client, the record lies in
/// the session, the receipt with the person, and the audit log has commitments.
///
/// `session` is always a value that is the same for the whole session and secret to
/// its client, or derived from such a one; it is not kept.
pub struct Consents {
    notice: Arc<Notice>,
    signing: SigningKey,
    challenges: SecretBytes,
    clock: Arc<dyn Clock>,
    audit: Arc<dyn Append>,
}

impl Consents {
    /// For one notice. `challenges` is a key of 32 bytes that all nodes of the
    /// service share, such as one derived from its root.
    #[must_use]
    pub fn new(
        notice: Arc<Notice>,
        signing: SigningKey,
        challenges: SecretBytes,
        clock: Arc<dyn Clock>,
        audit: Arc<dyn Append>,
    ) -> Self {
        Self { notice, signing, challenges, clock, audit }
    }

    /// What the person is told.
    #[must_use]
    pub const fn notice(&self) -> &Arc<Notice> {
        &self.notice
    }

    /// The key under which receipts can be verified.
    #[must_use]
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// Puts the question to a session.
    ///
    /// # Errors
    /// [`ConsentError::Key`].
    pub fn ask(&self, session: &[u8]) -> Result<Challenge, ConsentError> {
        let now = self.clock.now();
        let challenge = Challenge::seal(&self.challenges, self.notice.version(), session, now)
            .map_err(ConsentError::Key)?;
        let operation = Operation::ConsentAsked;
        self.audit.count(Entry::new(now, operation, operation.class()));
        Ok(challenge)
    }

    /// Takes an answer, and returns once the audit log has it. What the answer does
    /// not accept is refused.
    ///
    /// The record goes into the session and replaces the one before; the receipt goes
    /// to the person. A challenge may be answered again within its hour: the session
    /// then has the later answer.
    ///
    /// # Errors
    /// [`ConsentError`]; nothing is granted then. After `Audit` the log may hold
    /// entries of an answer that did not come about.
    pub async fn answer(
        &self,
        challenge: &str,
        session: &[u8],
        choices: &Choices,
        signals: &Signals,
    ) -> Result<(ConsentRecord, ConsentReceipt), ConsentError> {
        let now = self.clock.now();
        let version = self.notice.version();
        Challenge::check(challenge, &self.challenges, version, session, now)?;
        if !choices.fits(&self.notice) {
            return Err(ConsentError::NotAsked);
        }
        let receipt = ConsentReceipt::issue(&self.notice, choices, &self.signing, now)
            .map_err(|error| ConsentError::Key(error.into()))?;
        for entry in receipt.entries(now) {
            self.audit.append(entry).await.map_err(ConsentError::Audit)?;
        }
        let mut record = ConsentRecord::new();
        for offer in self.notice.asked() {
            let accepted = choices.accepts(&offer.purpose);
            record.decide(offer.purpose.clone(), accepted, version, signals, now);
        }
        Ok((record, receipt))
    }

    /// Takes a grant back. The record says so even if the audit log fails, so that it
    /// can be stored in any case.
    ///
    /// # Errors
    /// [`ConsentError::NotGiven`], and [`ConsentError::Audit`] after the withdrawal.
    pub async fn withdraw(
        &self,
        record: &mut ConsentRecord,
        purpose: &PurposeId,
    ) -> Result<(), ConsentError> {
        if !record.withdraw(purpose, self.clock.now()) {
            return Err(ConsentError::NotGiven);
        }
        self.withdrawn(purpose).await
    }

    /// Makes a browser's signal last: grants from before it are withdrawn. Says how
    /// many those were; if there were any, the record is to be stored.
    ///
    /// # Errors
    /// [`ConsentError::Audit`] after the withdrawal.
    pub async fn heed(
        &self,
        record: &mut ConsentRecord,
        signals: &Signals,
    ) -> Result<usize, ConsentError> {
        let purposes = record.heed(signals, self.clock.now());
        for purpose in &purposes {
            self.withdrawn(purpose).await?;
        }
        Ok(purposes.len())
    }

    /// Tells the audit log of a withdrawal that a record says already, for records
    /// that are changed in place where they lie.
    ///
    /// # Errors
    /// [`ConsentError::Audit`]; the withdrawal stands all the same.
    pub async fn withdrawn(&self, purpose: &PurposeId) -> Result<(), ConsentError> {
        let operation = Operation::ConsentWithdrawn;
        let entry = Entry::new(self.clock.now(), operation, operation.class())
            .with_purpose(purpose.clone());
        self.audit.append(entry).await.map(drop).map_err(ConsentError::Audit)
    }
}
