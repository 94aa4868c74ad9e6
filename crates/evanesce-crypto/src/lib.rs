//! Sealed envelopes, key derivation, signatures and the hybrid post-quantum channel.
