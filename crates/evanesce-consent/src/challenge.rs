use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use evanesce_core::{Digest, Error, Timestamp};
use evanesce_crypto::{AssociatedData, Padding, Sealed, random, seal, unseal};
use evanesce_memory::SecretBytes;

use crate::ConsentError;

const LIFE: Duration = Duration::from_secs(3600);
const LENGTH: usize = 32 + 32 + 8;
const LONGEST: usize = 1024;

/// A question that was put to one session: which version of the notice, and until
/// when it may be answered. It is sealed under a key of the service, so that the
/// service keeps no state and the client can change nothing.
///
/// It goes into the form beside the question, and comes back with the answer. It is
/// bound to a session, so that another site cannot have a visitor's browser answer
/// a question that was put to somebody else.
pub struct Challenge {
    text: String,
    expires: Timestamp,
}

impl Challenge {
    /// The form that goes to the client: base64url without padding (RFC 4648,
    /// section 5).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// From this instant on it cannot be answered: one hour after it was made.
    #[must_use]
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    pub(crate) fn seal(
        key: &SecretBytes,
        notice: Digest,
        session: &[u8],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let expires = now.plus(LIFE);
        let mut bytes = [0; LENGTH];
        random(&mut bytes[..32])?;
        bytes[32..64].copy_from_slice(notice.as_bytes());
        bytes[64..].copy_from_slice(&expires.as_millis().to_be_bytes());
        let plain =
            SecretBytes::from_slice(&mut bytes).map_err(evanesce_crypto::CryptoError::from)?;
        let sealed = seal(key, place(session).as_bytes(), &plain, Padding::None)?;
        Ok(Self { text: Base64UrlUnpadded::encode_string(sealed.as_bytes()), expires })
    }

    /// Checks that `text` was made under `key` for this session and this notice, and
    /// can still be answered.
    pub(crate) fn check(
        text: &str,
        key: &SecretBytes,
        notice: Digest,
        session: &[u8],
        now: Timestamp,
    ) -> Result<(), ConsentError> {
        if text.len() > LONGEST {
            return Err(ConsentError::Altered);
        }
        let bytes = Base64UrlUnpadded::decode_vec(text).map_err(|_| ConsentError::Altered)?;
        let sealed = Sealed::from_bytes(bytes).map_err(|_| ConsentError::Altered)?;
        let plain =
            unseal(key, place(session).as_bytes(), &sealed).map_err(|_| ConsentError::Altered)?;
        let (asked, expires) = plain
            .expose(|bytes| {
                let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
                let asked: [u8; 32] = bytes[32..64].try_into().ok()?;
                let expires: [u8; 8] = bytes[64..].try_into().ok()?;
                Some((Digest::new(asked), Timestamp::from_millis(u64::from_be_bytes(expires))))
            })
            .ok_or(ConsentError::Altered)?;
        if now >= expires {
            return Err(ConsentError::Expired);
        }
        if asked != notice {
            return Err(ConsentError::NoticeChanged);
        }
        Ok(())
    }
}

fn place(session: &[u8]) -> AssociatedData {
    AssociatedData::new("evanesce consent challenge v1").field(session)
}
