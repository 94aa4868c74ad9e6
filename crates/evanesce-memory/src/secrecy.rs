//! Conversions to and from the `secrecy` crate, whose values lie on the plain heap.

use ::secrecy::{
    ExposeSecret, SecretBox, SecretString,
    zeroize::{Zeroize, ZeroizeOnDrop},
};

use crate::{ClosedBytes, DecodeError, MemoryError, SecretBytes, wipe_slice};

impl TryFrom<SecretString> for SecretBytes {
    type Error = MemoryError;

    /// Copies into guarded memory; `secrecy` wipes its own copy on drop.
    fn try_from(text: SecretString) -> Result<Self, MemoryError> {
        copy(text.expose_secret().as_bytes())
    }
}

impl TryFrom<SecretBox<[u8]>> for SecretBytes {
    type Error = MemoryError;

    /// Copies into guarded memory; `secrecy` wipes its own copy on drop.
    fn try_from(bytes: SecretBox<[u8]>) -> Result<Self, MemoryError> {
        copy(bytes.expose_secret())
    }
}

impl From<&SecretBytes> for SecretBox<[u8]> {
    /// Copies out of guarded memory, onto the heap.
    fn from(secret: &SecretBytes) -> Self {
        secret.expose(|bytes| Self::new(bytes.into()))
    }
}

impl TryFrom<&SecretBytes> for SecretString {
    type Error = DecodeError;

    /// Copies out of guarded memory, onto the heap, when the bytes are UTF-8.
    fn try_from(secret: &SecretBytes) -> Result<Self, DecodeError> {
        secret.expose(|bytes| {
            std::str::from_utf8(bytes)
                .map(|text| Self::new(text.into()))
                .map_err(|_| DecodeError::Malformed)
        })
    }
}

impl Zeroize for SecretBytes {
    fn zeroize(&mut self) {
        self.expose_mut(wipe_slice);
    }
}

impl ZeroizeOnDrop for ClosedBytes {}

impl ZeroizeOnDrop for SecretBytes {}

fn copy(bytes: &[u8]) -> Result<SecretBytes, MemoryError> {
    let mut secret = SecretBytes::zeroed(bytes.len())?;
    secret.expose_mut(|into| into.copy_from_slice(bytes));
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let guarded = SecretBytes::try_from(SecretString::from("pass phrase")).unwrap();
        let text = SecretString::try_from(&guarded).unwrap();
        assert_eq!(text.expose_secret(), "pass phrase");
        let boxed = SecretBox::<[u8]>::from(&guarded);
        assert!(SecretBytes::try_from(boxed).unwrap().ct_eq(&guarded));
        let mut guarded = guarded;
        guarded.zeroize();
        guarded.expose(|bytes| assert_eq!(bytes, [0; 11]));
    }

    #[test]
    fn bytes_that_are_no_text() {
        let guarded = SecretBytes::from_slice(&mut [0xFF, 0xFE]).unwrap();
        assert_eq!(SecretString::try_from(&guarded).err(), Some(DecodeError::Malformed));
    }
}
