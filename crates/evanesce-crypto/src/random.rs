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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_are_neither_empty_nor_alike() {
        let (one, two) = (random_secret(32).unwrap(), random_secret(32).unwrap());
        one.expose(|bytes| assert!(bytes.iter().any(|byte| *byte != 0)));
        assert!(!one.ct_eq(&two));
        // A stretch that was left out would be zero in every one of many.
        let mut seen = [0; 64];
        for _ in 0..64 {
            let secret = random_secret(64).unwrap();
            secret.expose(|bytes| seen.iter_mut().zip(bytes).for_each(|(all, byte)| *all |= byte));
        }
        assert_eq!(seen, [0xFF; 64]);
    }
}
