use evanesce_crypto::{ChannelError, CryptoError, Prekey, Ratchet};
use evanesce_memory::wipe_slice;

use crate::PipelineError;

const VERSION: u8 = 1;
const HEAD: usize = 9;

/// What a session keeps of its channel: the number of the newest offer, at most one prekey
/// that waits and at most one ratchet that stands. See docs/formats.md.
#[derive(Default)]
pub(crate) struct Kept {
    generation: u32,
    pub(crate) prekey: Option<Prekey>,
    pub(crate) ratchet: Option<Ratchet>,
}

impl Kept {
    /// The most bytes that are kept: those of the mechanism with the longest private key.
    pub(crate) const MAX: usize = HEAD + 4096 + Ratchet::LEN;

    pub(crate) fn read(kept: Option<&[u8]>) -> Result<Self, PipelineError> {
        let Some(bytes) = kept else { return Ok(Self::default()) };
        Self::parse(bytes).unwrap_or(Err(malformed()))
    }

    fn parse(bytes: &[u8]) -> Option<Result<Self, PipelineError>> {
        let (version, rest) = bytes.split_first()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let (prekey, ratchet) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        if *version != VERSION || bytes.len() > Self::MAX {
            return None;
        }
        let restored = || {
            Ok(Self {
                generation: u32::from_be_bytes(*generation),
                prekey: some(prekey).map(Prekey::restore).transpose()?,
                ratchet: some(ratchet).map(Ratchet::restore).transpose()?,
            })
        };
        Some(restored())
    }

    pub(crate) fn next_generation(&mut self) -> Result<u32, PipelineError> {
        self.generation = self.generation.checked_add(1).ok_or(malformed())?;
        Ok(self.generation)
    }

    /// The bytes, which whoever seals them wipes.
    pub(crate) fn write(&self) -> Result<Vec<u8>, PipelineError> {
        let prekey = self.prekey.as_ref().map(Prekey::keep).transpose()?;
        let len = prekey.as_ref().map_or(0, |prekey| prekey.len());
        // One allocation of the right size: a larger one would leave a copy behind.
        let mut out = Vec::with_capacity(HEAD + len + Ratchet::LEN);
        out.push(VERSION);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&u32::try_from(len).map_err(|_| malformed())?.to_be_bytes());
        if let Some(prekey) = &prekey {
            prekey.expose(|prekey| out.extend_from_slice(prekey));
        }
        if let Some(ratchet) = &self.ratchet {
            ratchet.keep(|ratchet| out.extend_from_slice(ratchet));
        }
        if out.len() > Self::MAX {
            wipe_slice(&mut out);
            return Err(malformed());
        }
        Ok(out)
    }
}

fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn malformed() -> PipelineError {
    ChannelError::Crypto(CryptoError::Malformed).into()
}
