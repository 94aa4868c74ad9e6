use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_core::{Digest, Entry, Grain, Operation, PurposeId, Retention, Timestamp};
use evanesce_crypto::{
    AssociatedData, CryptoError, Signature, SigningKey, VerifyingKey, commit, random,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Choices, Notice};

const LONGEST: usize = 128 * 1024;

/// What the person keeps of an answer: a signed JSON-LD document in the terms of the
/// Data Privacy Vocabulary (W3C community group), whose guide to consent records
/// and receipts after ISO/IEC TS 27560 it follows as far as it has something to say:
/// it names no person and no kind of personal data.
///
/// The service keeps no copy. A receipt proves what was told and answered, to
/// anybody who has the service's public key; it never restores a grant, and nothing
/// here makes a record out of it. Its text is wiped when dropped, and there is no
/// `Debug`.
pub struct ConsentReceipt {
    text: Zeroizing<String>,
    content: Content,
}

/// How one purpose was decided.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Status {
    /// Consent was given.
    #[serde(rename = "dpv:ConsentGiven")]
    Given,
    /// Consent was refused, by a word or by silence.
    #[serde(rename = "dpv:ConsentRefused")]
    Refused,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    receipt: Content,
    signature: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(rename = "@context")]
    context: Context,
    #[serde(rename = "@type")]
    kind: String,
    /// Random; it is kept nowhere else.
    #[serde(rename = "dct:identifier")]
    id: Digest,
    #[serde(rename = "dct:created")]
    created: Timestamp,
    #[serde(rename = "dpv:hasDataController")]
    controller: String,
    #[serde(rename = "dpv:hasNotice")]
    notice: Digest,
    #[serde(rename = "dpv:hasProcess")]
    decisions: Vec<Decision>,
    key: Digest,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Context {
    dct: String,
    dpv: String,
}

/// One purpose as it was told, and how it was decided.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    #[serde(rename = "dpv:hasPurpose")]
    purpose: PurposeId,
    #[serde(rename = "dct:description")]
    sentence: String,
    #[serde(rename = "dpv:hasLegalBasis")]
    legal_basis: String,
    #[serde(rename = "dpv:hasDuration")]
    keep: String,
    #[serde(rename = "dpv:hasConsentStatus")]
    status: Status,
    salt: Digest,
}

impl Decision {
    /// The purpose.
    #[must_use]
    pub const fn purpose(&self) -> &PurposeId {
        &self.purpose
    }

    /// The sentence that was told.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// How long what comes of it is kept, as a duration of ISO 8601.
    #[must_use]
    pub fn keep(&self) -> &str {
        &self.keep
    }

    /// How it was decided.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }
}

impl ConsentReceipt {
    pub(crate) fn issue(
        notice: &Notice,
        choices: &Choices,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<Self, CryptoError> {
        let mut decisions = Vec::new();
        for offer in notice.asked() {
            let is_given = choices.accepts(&offer.purpose);
            decisions.push(Decision {
                purpose: offer.purpose.clone(),
                sentence: offer.sentence.to_owned(),
                legal_basis: "dpv:Consent".to_owned(),
                keep: period(offer.keep),
                status: if is_given { Status::Given } else { Status::Refused },
                salt: fresh()?,
            });
        }
        let content = Content {
            context: Context {
                dct: "http://purl.org/dc/terms/".to_owned(),
                dpv: "https://w3id.org/dpv#".to_owned(),
            },
            kind: "dpv:ConsentReceipt".to_owned(),
            id: fresh()?,
            created: now.coarse(Grain::Minute),
            controller: notice.name().as_str().to_owned(),
            notice: notice.version(),
            key: Digest::new(*key.verifying_key().as_bytes()),
            decisions,
        };
        let signed = Zeroizing::new(json(&content)?);
        let signature = encode(&key.sign(signed.as_bytes())?);
        let text = written(&signed, &signature);
        Ok(Self { text, content })
    }

    /// Reads a receipt and verifies that it was signed under this key, byte by byte:
    /// a receipt has one form, and any other text of the same meaning is none.
    ///
    /// # Errors
    /// [`InvalidReceipt`].
    pub fn verify(text: &str, key: &VerifyingKey) -> Result<Self, InvalidReceipt> {
        if text.len() > LONGEST {
            return Err(InvalidReceipt);
        }
        let parsed: Signed = serde_json::from_str(text).map_err(|_| InvalidReceipt)?;
        let signature = decode(&parsed.signature).ok_or(InvalidReceipt)?;
        let content = parsed.receipt;
        let signed = Zeroizing::new(json(&content).map_err(|_| InvalidReceipt)?);
        let canonical = written(&signed, &encode(&signature));
        let is_ours = content.key.as_bytes() == key.as_bytes();
        if !is_ours || canonical.as_str() != text {
            return Err(InvalidReceipt);
        }
        key.verify(signed.as_bytes(), &signature).map_err(|_| InvalidReceipt)?;
        Ok(Self { text: canonical, content })
    }

    /// The document, for the person to keep.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its identifier, which is random and kept nowhere else.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.content.id
    }

    /// The minute in which it was issued.
    #[must_use]
    pub const fn issued(&self) -> Timestamp {
        self.content.created
    }

    /// The version of the notice that was answered.
    #[must_use]
    pub const fn notice(&self) -> Digest {
        self.content.notice
    }

    /// What was decided, purpose by purpose.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        &self.content.decisions
    }

    /// Whether a log entry is about this receipt's decision on its purpose. The
    /// entry's commitment can only be recognised with the receipt in hand.
    #[must_use]
    pub fn is_logged_as(&self, entry: &Entry) -> bool {
        let decision = |decision: &&Decision| entry.purpose() == Some(&decision.purpose);
        self.decisions().iter().find(decision).is_some_and(|decision| {
            entry.operation() == operation(decision.status)
                && entry.commitment() == Some(&self.commitment(decision))
        })
    }

    /// A log entry for each decision.
    pub(crate) fn entries(&self, now: Timestamp) -> Vec<Entry> {
        let entry = |decision: &Decision| {
            let operation = operation(decision.status);
            Entry::new(now, operation, operation.class())
                .with_purpose(decision.purpose.clone())
                .with_commitment(self.commitment(decision))
        };
        self.decisions().iter().map(entry).collect()
    }

    /// Under a salt of its own, so that two entries of one answer cannot be told to
    /// belong together.
    fn commitment(&self, decision: &Decision) -> Digest {
        let value = AssociatedData::new("evanesce consent decision v1")
            .field(self.content.id.as_bytes())
            .field(decision.purpose.as_str().as_bytes())
            .number(u64::from(decision.status == Status::Given));
        commit(&decision.salt, value.as_bytes())
    }
}

/// A text is not a receipt of this service.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the text is not a receipt that was signed under this key")]
pub struct InvalidReceipt;

const fn operation(status: Status) -> Operation {
    match status {
        Status::Given => Operation::ConsentGiven,
        Status::Refused => Operation::ConsentRefused,
    }
}

/// As a duration of ISO 8601.
fn period(keep: Retention) -> String {
    match keep {
        Retention::Hours(hours) => format!("PT{hours}H"),
        Retention::Days(days) => format!("P{days}D"),
        Retention::Months(months) => format!("P{months}M"),
    }
}

fn written(signed: &str, signature: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("{{\"receipt\":{signed},\"signature\":\"{signature}\"}}"))
}

fn json(content: &Content) -> Result<String, CryptoError> {
    serde_json::to_string(content).map_err(|_| CryptoError::Malformed)
}

fn encode(signature: &Signature) -> String {
    Base64UrlUnpadded::encode_string(signature.as_bytes())
}

fn decode(text: &str) -> Option<Signature> {
    let mut bytes = [0; 64];
    let length = Base64UrlUnpadded::decode(text, &mut bytes).ok()?.len();
    (length == bytes.len()).then(|| Signature::new(bytes))
}

fn fresh() -> Result<Digest, CryptoError> {
    let mut bytes = [0; 32];
    random(&mut bytes)?;
    Ok(Digest::new(bytes))
}
