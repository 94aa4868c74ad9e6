use evanesce_core::Digest;
use evanesce_memory::{SecretBytes, scrub_stack, wipe_slice};
use hmac::{Hmac, KeyInit, Mac};
use ring::{digest, hmac as ring_hmac};
use sha2::Sha256;

use crate::CryptoError;

/// The longest output of HKDF-SHA256: 255 blocks of 32 bytes (RFC 5869, section 2.3).
const MAX_OUTPUT: usize = 255 * 32;

/// `len` bytes by HKDF-SHA256 (RFC 5869) with `context` as info, into guarded memory.
///
/// # Errors
/// [`CryptoError::KeyLength`] for an empty secret, for none or more than 8,160 bytes, and
/// [`CryptoError::Memory`].
pub fn derive(
    secret: &SecretBytes,
    salt: &[u8],
    context: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    // Empty is also what a parent's secret is in a forked child: no key comes of it.
    secret.expose(|bytes| {
        if bytes.is_empty() || bytes.len() != secret.len() {
            return Err(CryptoError::KeyLength);
        }
        expand(bytes, salt, context, len)
    })
}

/// As [`derive()`], from two secrets neither of which suffices: the client's and the
/// server's half.
///
/// # Errors
/// As [`derive()`].
pub fn derive_from_halves(
    client: &SecretBytes,
    server: &SecretBytes,
    salt: &[u8],
    context: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    // Each half carries its length, so that no other pair gives the same bytes.
    let (left, right) = (client.len(), server.len());
    let mut both = SecretBytes::zeroed(16 + left + right)?;
    both.expose_mut(|both| {
        let (head, body) = both.split_at_mut(16);
        head[..8].copy_from_slice(&(left as u64).to_be_bytes());
        head[8..].copy_from_slice(&(right as u64).to_be_bytes());
        let (one, two) = body.split_at_mut(left);
        let copied = client.expose(|bytes| copy(one, bytes));
        copied.and(server.expose(|bytes| copy(two, bytes)))
    })?;
    derive(&both, salt, context, len)
}

/// SHA-256 (FIPS 180-4) of bytes that are not secret.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Digest::new(out)
}

/// A commitment to `value` that says nothing of it once the salt is forgotten:
/// HMAC-SHA256 (RFC 2104) under the salt.
#[must_use]
pub fn commit(salt: &Digest, value: &[u8]) -> Digest {
    let key = ring_hmac::Key::new(ring_hmac::HMAC_SHA256, salt.as_bytes());
    let mut out = [0; 32];
    out.copy_from_slice(ring_hmac::sign(&key, value).as_ref());
    Digest::new(out)
}

fn expand(
    secret: &[u8],
    salt: &[u8],
    context: &[u8],
    len: usize,
) -> Result<SecretBytes, CryptoError> {
    if len == 0 || len > MAX_OUTPUT {
        return Err(CryptoError::KeyLength);
    }
    let mut out = SecretBytes::zeroed(len)?;
    let filled = out.expose_mut(|out| fill(secret, salt, context, out));
    // What was moved on its way is wiped nowhere else.
    scrub_stack();
    filled.map(|()| out)
}

// RFC 5869, sections 2.2 and 2.3. Every state of the hash is wiped when it is dropped, which
// ring's are not; building those where they can be wiped costs as much as the derivation.
#[inline(never)]
fn fill(secret: &[u8], salt: &[u8], context: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
    let mut extracting = keyed(salt)?;
    extracting.update(secret);
    let mut block = extracting.finalize().into_bytes();
    let expanding = keyed(&block)?;
    for (number, part) in (1..=u8::MAX).zip(out.chunks_mut(block.len())) {
        let mut next = expanding.clone();
        if number > 1 {
            next.update(&block);
        }
        next.update(context);
        next.update(&[number]);
        block = next.finalize().into_bytes();
        part.copy_from_slice(block.get(..part.len()).unwrap_or_default());
    }
    wipe_slice(&mut block);
    Ok(())
}

fn keyed(key: &[u8]) -> Result<Hmac<Sha256>, CryptoError> {
    Hmac::new_from_slice(key).map_err(|_| CryptoError::KeyLength)
}

fn copy(into: &mut [u8], from: &[u8]) -> Result<(), CryptoError> {
    // Secrets of a parent process are empty in a forked child.
    if into.len() != from.len() {
        return Err(CryptoError::KeyLength);
    }
    into.copy_from_slice(from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{hex, secret};

    fn same(derived: Result<SecretBytes, CryptoError>, expected: &str) {
        derived.unwrap().expose(|bytes| assert_eq!(bytes, hex(expected)));
    }

    /// RFC 5869, appendix A.1 and A.3.
    #[test]
    fn hkdf_vectors() {
        same(
            derive(
                &secret(&[0x0b; 22]),
                &hex("000102030405060708090a0b0c"),
                &hex("f0f1f2f3f4f5f6f7f8f9"),
                42,
            ),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        );
        same(
            derive(&secret(&[0x0b; 22]), &[], &[], 42),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        );
    }

    /// Computed apart from this code, with HMAC and SHA-256 of the Python standard library.
    #[test]
    fn both_halves_count_and_so_does_their_border() {
        let (one, two) = ((0..32).collect::<Vec<u8>>(), (32..64).collect::<Vec<u8>>());
        let halves = |client: &[u8], server: &[u8]| {
            derive_from_halves(&secret(client), &secret(server), b"salt", b"example", 32)
        };
        same(
            halves(&one, &two),
            "c0893192a7eff968489f22248df580226830a3997496e9fab468b5dd70e9213f",
        );
        let shifted = ([&one[..], &two[..1]].concat(), &two[1..]);
        assert!(!halves(&one, &two).unwrap().ct_eq(&halves(&shifted.0, shifted.1).unwrap()));
        assert!(!halves(&one, &two).unwrap().ct_eq(&halves(&two, &one).unwrap()));
    }

    #[test]
    fn empty_secrets_and_wrong_lengths_are_refused() {
        let refused = |secret: &SecretBytes, len| derive(secret, b"", b"", len).err();
        assert_eq!(refused(&secret(&[]), 32), Some(CryptoError::KeyLength));
        assert_eq!(refused(&secret(&[1]), 0), Some(CryptoError::KeyLength));
        assert_eq!(refused(&secret(&[1]), MAX_OUTPUT + 1), Some(CryptoError::KeyLength));
        assert_eq!(refused(&secret(&[1]), MAX_OUTPUT), None);
    }

    /// FIPS 180-4 with "abc"; RFC 4231, test cases 1 and 2 (a shorter key is padded with zeros).
    #[test]
    fn hash_and_commitment_vectors() {
        assert_eq!(
            sha256(b"abc").as_bytes()[..],
            hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        let keyed = |key: &[u8], value: &[u8]| {
            let mut salt = [0; 32];
            salt[..key.len()].copy_from_slice(key);
            commit(&Digest::new(salt), value).as_bytes().to_vec()
        };
        assert_eq!(
            keyed(&[0x0b; 20], b"Hi There"),
            hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        );
        assert_eq!(
            keyed(b"Jefe", b"what do ya want for nothing?"),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
    }
}
