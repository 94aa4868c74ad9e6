use evanesce_memory::SecretBytes;
use ring::rand::{SecureRandom, SystemRandom};

use crate::CryptoError;

/// Fills bytes from the operating system's generator.
///
/// # Errors
/// [`CryptoError::Random`] when it gives none.
pub fn random(bytes: &mut [u8]) -> Result<(), CryptoError> {
    SystemRandom::new().fill(bytes).map_err(|_| CryptoError::Random)
}

/// `len` random bytes, born in guarded memory.
///
/// # Errors
/// [`CryptoError::Random`] and [`CryptoError::Memory`].
pub fn random_secret(len: usize) -> Result<SecretBytes, CryptoError> {
    let mut secret = SecretBytes::zeroed(len)?;
    secret.expose_mut(random)?;
    Ok(secret)
}
