use evanesce_memory::{SecretBytes, scrub_stack_deeply, wipe_slice};
use pqc_kyber::{
    KYBER_CIPHERTEXTBYTES, KYBER_PUBLICKEYBYTES, KYBER_SECRETKEYBYTES, decapsulate, encapsulate,
    keypair,
};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    AlgorithmId, AssociatedData, CryptoError, Decapsulate, Encapsulated, Kem, KeyPair,
    derive_from_halves, hazmat::x25519, random, random_secret,
};

const POINT: usize = 32;
const KEY: usize = 32;

/// Kyber768 as submitted to round 3 of the NIST process (not FIPS 203), from the crate
/// `pqc_kyber`, in a hybrid with X25519 (RFC 7748): for peers that speak nothing newer.
/// Prefer [`XWing`](crate::XWing).
///
/// The crate is no longer maintained. RUSTSEC-2023-0079 (KyberSlash) applies to it: at
/// optimisation levels 0 and `z` the compiler emits divisions whose time depends on the
/// secret key; at 1, 3 and `s` it does not. Programs that enable the feature set
/// `[profile.dev.package.pqc_kyber] opt-level = 3`. The attack needs many decapsulations
/// under one key; here a key decapsulates once, and the agreed key is no weaker than X25519
/// alone. The crate's feature `avx2` is never enabled: its path is broken.
#[derive(Clone, Copy, Debug)]
pub struct KyberRound3;

impl Kem for KyberRound3 {
    fn id(&self) -> AlgorithmId {
        AlgorithmId::KYBER_ROUND3
    }

    fn public_len(&self) -> usize {
        KYBER_PUBLICKEYBYTES + POINT
    }

    fn encapsulated_len(&self) -> usize {
        KYBER_CIPHERTEXTBYTES + POINT
    }

    fn generate(&self) -> Result<KeyPair, CryptoError> {
        let mut lattice = SecretBytes::zeroed(KYBER_SECRETKEYBYTES)?;
        let mut public = Vec::with_capacity(self.public_len());
        let made = lattice.expose_mut(|secret| lattice_pair(secret, &mut public));
        scrub_stack_deeply();
        made?;
        let curve = random_secret(POINT)?;
        public.extend_from_slice(&point_of(&curve)?);
        let private = Box::new(Private { curve, lattice, public: public.clone() });
        Ok(KeyPair { private, public })
    }

    fn encapsulate(&self, public: &[u8], context: &[u8]) -> Result<Encapsulated, CryptoError> {
        if public.len() != self.public_len() {
            return Err(CryptoError::Malformed);
        }
        let (lattice_key, point) = public.split_at(KYBER_PUBLICKEYBYTES);
        let mut shared = SecretBytes::zeroed(KEY)?;
        let mut bytes = Vec::with_capacity(self.encapsulated_len());
        let made = shared.expose_mut(|shared| lattice_send(lattice_key, shared, &mut bytes));
        scrub_stack_deeply();
        made?;
        let curve = random_secret(POINT)?;
        bytes.extend_from_slice(&point_of(&curve)?);
        let agreed = agree(&curve, point)?;
        let key = combine(&shared, &agreed, public, &bytes, context)?;
        Ok(Encapsulated { bytes, key })
    }

    fn restore(&self, kept: &SecretBytes) -> Result<Box<dyn Decapsulate>, CryptoError> {
        if kept.len() != POINT + KYBER_SECRETKEYBYTES {
            return Err(CryptoError::KeyLength);
        }
        let (mut curve, mut lattice) =
            (SecretBytes::zeroed(POINT)?, SecretBytes::zeroed(KYBER_SECRETKEYBYTES)?);
        let mut public = kept.expose(|kept| {
            let (point, secret) = kept.split_at_checked(POINT).ok_or(CryptoError::KeyLength)?;
            if curve.copy_at(0, point) + lattice.copy_at(0, secret) != kept.len() {
                return Err(CryptoError::KeyLength);
            }
            Ok::<_, CryptoError>(pqc_kyber::public(secret).to_vec())
        })?;
        public.extend_from_slice(&point_of(&curve)?);
        Ok(Box::new(Private { curve, lattice, public }))
    }
}

struct Private {
    curve: SecretBytes,
    lattice: SecretBytes,
    public: Vec<u8>,
}

impl Decapsulate for Private {
    fn decapsulate(
        self: Box<Self>,
        encapsulated: &[u8],
        context: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        let Self { curve, lattice, public } = *self;
        if encapsulated.len() != KYBER_CIPHERTEXTBYTES + POINT {
            return Err(CryptoError::Malformed);
        }
        let (ciphertext, point) = encapsulated.split_at(KYBER_CIPHERTEXTBYTES);
        let mut shared = SecretBytes::zeroed(KEY)?;
        let opened = shared.expose_mut(|shared| {
            lattice.expose(|secret| {
                let mut key =
                    decapsulate(ciphertext, secret).map_err(|_| CryptoError::Malformed)?;
                shared.copy_from_slice(&key);
                wipe_slice(&mut key);
                Ok::<_, CryptoError>(())
            })
        });
        scrub_stack_deeply();
        opened?;
        let agreed = agree(&curve, point)?;
        combine(&shared, &agreed, &public, encapsulated, context)
    }

    fn keep(&self) -> Result<SecretBytes, CryptoError> {
        let mut kept = SecretBytes::zeroed(POINT + KYBER_SECRETKEYBYTES)?;
        let curve = self.curve.expose(|curve| kept.copy_at(0, curve));
        let lattice = self.lattice.expose(|lattice| kept.copy_at(POINT, lattice));
        if curve + lattice == kept.len() { Ok(kept) } else { Err(CryptoError::KeyLength) }
    }
}

/// Both secrets and both transcripts go into the key, so that neither part can be exchanged.
fn combine(
    lattice: &SecretBytes,
    curve: &SecretBytes,
    public: &[u8],
    encapsulated: &[u8],
    context: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let transcript = AssociatedData::new("evanesce kyber-round3 x25519 v1")
        .field(public)
        .field(encapsulated)
        .field(context);
    derive_from_halves(lattice, curve, b"evanesce channel key v1", transcript.as_bytes(), KEY)
}

#[inline(never)]
fn lattice_pair(secret: &mut [u8], public: &mut Vec<u8>) -> Result<(), CryptoError> {
    let mut pair = keypair(&mut Source::new()?).map_err(|_| CryptoError::Random)?;
    secret.copy_from_slice(&pair.secret);
    wipe_slice(&mut pair.secret);
    public.extend_from_slice(&pair.public);
    Ok(())
}

#[inline(never)]
fn lattice_send(public: &[u8], shared: &mut [u8], out: &mut Vec<u8>) -> Result<(), CryptoError> {
    let (ciphertext, mut key) =
        encapsulate(public, &mut Source::new()?).map_err(|_| CryptoError::Malformed)?;
    shared.copy_from_slice(&key);
    wipe_slice(&mut key);
    out.extend_from_slice(&ciphertext);
    Ok(())
}

/// The x-coordinate of the base point (RFC 7748, section 4.1).
const BASE: [u8; POINT] = {
    let mut base = [0; POINT];
    base[0] = 9;
    base
};

fn point_of(key: &SecretBytes) -> Result<[u8; POINT], CryptoError> {
    let point = x25519(key, BASE)?;
    point.expose(|point| point.try_into().map_err(|_| CryptoError::KeyLength))
}

/// X25519. A point of small order, whose result would be zero, is refused.
fn agree(key: &SecretBytes, point: &[u8]) -> Result<SecretBytes, CryptoError> {
    let point = point.try_into().map_err(|_| CryptoError::Malformed)?;
    let agreed = x25519(key, point)?;
    if agreed.ct_eq(&SecretBytes::zeroed(KEY)?) {
        return Err(CryptoError::Malformed);
    }
    Ok(agreed)
}

/// ring's generator under the traits that `pqc_kyber` asks for.
struct Source(SystemRandom);

impl Source {
    fn new() -> Result<Self, CryptoError> {
        random(&mut [0; 32])?;
        Ok(Self(SystemRandom::new()))
    }
}

impl rand_core_06::CryptoRng for Source {}

impl rand_core_06::RngCore for Source {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_ne_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_ne_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // `pqc_kyber` calls only the fallible method. Without randomness there is no honest
        // answer here, so the process waits for the generator rather than go on with zeros.
        while self.try_fill_bytes(bytes).is_err() {
            std::thread::yield_now();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
        let unavailable = const { std::num::NonZeroU32::MIN };
        self.0.fill(bytes).map_err(|_| rand_core_06::Error::from(unavailable))
    }
}

/// The lattice alone, with every input known, for the module `hazmat`.
pub(crate) mod known {
    use evanesce_memory::{SecretBytes, scrub_stack_deeply, wipe_slice};
    use pqc_kyber::{KYBER_PUBLICKEYBYTES, Keypair};

    use crate::{CryptoError, Encapsulated};

    pub(crate) fn public_key(seed: &SecretBytes) -> Result<Vec<u8>, CryptoError> {
        with_pair(seed, |pair| Ok(pair.public.to_vec()))
    }

    pub(crate) fn encapsulate(
        public: &[u8],
        randomness: &SecretBytes,
    ) -> Result<Encapsulated, CryptoError> {
        if public.len() != KYBER_PUBLICKEYBYTES {
            return Err(CryptoError::Malformed);
        }
        let made = randomness.expose(|bytes| {
            let mut once = Once(Some(bytes));
            let (bytes, mut key) =
                pqc_kyber::encapsulate(public, &mut once).map_err(|_| CryptoError::KeyLength)?;
            Ok(Encapsulated { bytes: bytes.to_vec(), key: SecretBytes::from_slice(&mut key)? })
        });
        scrub_stack_deeply();
        made
    }

    pub(crate) fn decapsulate(
        seed: &SecretBytes,
        encapsulated: &[u8],
    ) -> Result<SecretBytes, CryptoError> {
        with_pair(seed, |pair| {
            let mut key = pqc_kyber::decapsulate(encapsulated, &pair.secret)
                .map_err(|_| CryptoError::Malformed)?;
            Ok(SecretBytes::from_slice(&mut key)?)
        })
    }

    fn with_pair<T>(
        seed: &SecretBytes,
        work: impl FnOnce(&Keypair) -> Result<T, CryptoError>,
    ) -> Result<T, CryptoError> {
        let mut pair = seed.expose(pqc_kyber::derive).map_err(|_| CryptoError::KeyLength)?;
        let done = work(&pair);
        wipe_slice(&mut pair.secret);
        scrub_stack_deeply();
        done
    }

    /// Randomness for one draw of its whole length.
    struct Once<'a>(Option<&'a [u8]>);

    impl rand_core_06::CryptoRng for Once<'_> {}

    impl rand_core_06::RngCore for Once<'_> {
        fn next_u32(&mut self) -> u32 {
            rand_core_06::impls::next_u32_via_fill(self)
        }

        fn next_u64(&mut self) -> u64 {
            rand_core_06::impls::next_u64_via_fill(self)
        }

        // `pqc_kyber` calls only the fallible method.
        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            let filled = self.try_fill_bytes(bytes);
            debug_assert!(filled.is_ok(), "the fallible method says that randomness is used up");
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
            match self.0.take() {
                Some(given) if given.len() == bytes.len() => {
                    bytes.copy_from_slice(given);
                    Ok(())
                }
                _ => Err(rand_core_06::Error::from(const { std::num::NonZeroU32::MIN })),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evanesce_memory::{assert_no_residue, residue::Needle};

    use super::*;

    /// Randomness that is known: the bytes 0, 1, 2 and so on.
    struct Counted(u8);

    impl rand_core_06::CryptoRng for Counted {}

    impl rand_core_06::RngCore for Counted {
        fn next_u32(&mut self) -> u32 {
            rand_core_06::impls::next_u32_via_fill(self)
        }

        fn next_u64(&mut self) -> u64 {
            rand_core_06::impls::next_u64_via_fill(self)
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0;
                self.0 += 1;
            }
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core_06::Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    /// Computed with another implementation of round 3, whose shared key differs from that of
    /// FIPS 203 for the same randomness.
    #[test]
    fn the_lattice_part_is_that_of_round_3() {
        let is = |bytes: &[u8], digest: &str| {
            assert_eq!(crate::sha256(bytes).as_bytes()[..], crate::vectors::hex(digest));
        };
        let mut source = Counted(0);
        let pair = keypair(&mut source).unwrap();
        is(&pair.public, "32992ebf18a03bc8efb6dc12782f0ec788dda3599580f5ffc8a52f761c7fbe5a");
        is(&pair.secret, "e5d4889e39eb5d8746b348d00571a9ed38997ac789e10092962a102436bebdd3");
        let (mut sent, key) = encapsulate(&pair.public, &mut source).unwrap();
        is(&sent, "ef1885c43a88337bfcbd0d2d33ae8bf4f96eb54012b61c0debe322f2eb4dabc5");
        let shared = "7973130dd759b854824a18a0e046afd26cdd02ec874734200bc98d387965de7c";
        assert_eq!(key[..], crate::vectors::hex(shared));
        assert_eq!(decapsulate(&sent, &pair.secret).unwrap(), key);
        sent[0] ^= 1;
        let rejected = "1f6f5151d7478ec9fe1fec0145f8df5e084f0497d82ef45aed4c280449e51a44";
        let other = decapsulate(&sent, &pair.secret).unwrap();
        assert_eq!(other[..], crate::vectors::hex(rejected));
    }

    #[test]
    fn keys_are_gone_after_use_and_bound_to_their_context() {
        let pair = KyberRound3.generate().unwrap();
        let made = KyberRound3.encapsulate(&pair.public, b"context").unwrap();
        let mut copy = made.key.try_clone().unwrap();
        let needle = copy.expose_mut(|bytes| Needle::from_slice(bytes).unwrap());
        let key = pair.private.decapsulate(&made.bytes, b"context").unwrap();
        assert!(key.ct_eq(&made.key));
        drop((key, made, copy));
        assert_no_residue!(needle);

        let pair = KyberRound3.generate().unwrap();
        let made = KyberRound3.encapsulate(&pair.public, b"context").unwrap();
        let other = pair.private.decapsulate(&made.bytes, b"another").unwrap();
        assert!(!other.ct_eq(&made.key));
    }
}
