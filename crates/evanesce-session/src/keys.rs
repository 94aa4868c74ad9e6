use std::time::Duration;

use evanesce_core::{Incarnation, Namespace, Timestamp};
use evanesce_crypto::{
    AssociatedData, CryptoError, Padding, RootProvider, Sealed, Wrapped, derive,
    derive_from_halves, random_secret, seal, unseal, unwrap, wrap,
};
use evanesce_memory::SecretBytes;

use crate::{EpochRecord, LookupId, Record, SessionError, Tag, Token, Version};

const KEY: usize = 32;

/// What a record says of itself, all of it authenticated by its seal.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    pub(crate) version: Version,
    pub(crate) epoch: u64,
    pub(crate) opened: Timestamp,
    pub(crate) absolute: Timestamp,
    pub(crate) idle: Duration,
    pub(crate) last_seen: Timestamp,
}

impl Header {
    pub(crate) const fn of(record: &Record) -> Self {
        Self {
            version: record.version,
            epoch: record.epoch,
            opened: record.opened,
            absolute: record.absolute,
            idle: record.idle,
            last_seen: record.last_seen,
        }
    }

    /// The earlier of the absolute and the idle expiry.
    pub(crate) fn expiry(&self) -> Timestamp {
        self.absolute.min(self.last_seen.plus(self.idle))
    }

    pub(crate) fn record(self, sealed: Sealed) -> Record {
        Record {
            version: self.version,
            epoch: self.epoch,
            opened: self.opened,
            expiry: self.expiry(),
            absolute: self.absolute,
            idle: self.idle,
            last_seen: self.last_seen,
            sealed,
        }
    }

    fn associated(&self, namespace: &Namespace, id: &LookupId) -> AssociatedData {
        AssociatedData::new("evanesce session record v1")
            .field(namespace.as_str().as_bytes())
            .field(&[id.tag().0])
            .field(id.id())
            .number(self.version.0)
            .number(self.epoch)
            .number(self.opened.as_millis())
            .number(self.absolute.as_millis())
            .number(u64::try_from(self.idle.as_millis()).unwrap_or(u64::MAX))
            .number(self.last_seen.as_millis())
    }
}

/// Where a token's session lies.
pub(crate) fn lookup_id(namespace: &Namespace, token: &Token) -> Result<LookupId, SessionError> {
    let context = AssociatedData::new("evanesce session id v1")
        .field(namespace.as_str().as_bytes())
        .field(&[token.tag().0]);
    let derived = derive(token.secret(), &[], context.as_bytes(), KEY)?;
    let id = derived.expose(|bytes| bytes.try_into().ok());
    Ok(LookupId::new(token.tag(), id.ok_or(CryptoError::KeyLength)?))
}

/// Seals a payload for one place and one header.
pub(crate) fn seal_record(
    namespace: &Namespace,
    (token, id): (&Token, &LookupId),
    epoch: &SecretBytes,
    header: Header,
    payload: &SecretBytes,
) -> Result<Record, SessionError> {
    let key = data_key(namespace, token, id, epoch)?;
    let associated = header.associated(namespace, id);
    Ok(header.record(seal(&key, associated.as_bytes(), payload, Padding::Classes)?))
}

/// Opens a record, if it is this token's and was sealed for this place and header.
pub(crate) fn open_record(
    namespace: &Namespace,
    (token, id): (&Token, &LookupId),
    epoch: &SecretBytes,
    record: &Record,
) -> Result<SecretBytes, SessionError> {
    let key = data_key(namespace, token, id, epoch)?;
    let associated = Header::of(record).associated(namespace, id);
    Ok(unseal(&key, associated.as_bytes(), &record.sealed)?)
}

/// A fresh epoch secret, wrapped.
pub(crate) fn new_epoch(
    root: &dyn RootProvider,
    namespace: &Namespace,
    tag: Tag,
    number: u64,
    incarnation: Incarnation,
) -> Result<EpochRecord, SessionError> {
    let secret = random_secret(KEY)?;
    let context = epoch_context(namespace, tag, number, &incarnation);
    let wrapped = wrap(root, context.as_bytes(), &secret)?.to_bytes();
    Ok(EpochRecord { number, wrapped, incarnation })
}

/// An epoch's secret, for the length of one operation.
pub(crate) fn epoch_secret(
    root: &dyn RootProvider,
    namespace: &Namespace,
    tag: Tag,
    epoch: &EpochRecord,
) -> Result<SecretBytes, SessionError> {
    let context = epoch_context(namespace, tag, epoch.number, &epoch.incarnation);
    let opened = Wrapped::from_bytes(&epoch.wrapped)
        .and_then(|wrapped| unwrap(root, context.as_bytes(), &wrapped));
    opened.map_err(|error| match error {
        CryptoError::Memory(error) => SessionError::Memory(error),
        error => SessionError::Foreign(error),
    })
}

// The client's half and the server's: neither opens anything alone.
fn data_key(
    namespace: &Namespace,
    token: &Token,
    id: &LookupId,
    epoch: &SecretBytes,
) -> Result<SecretBytes, CryptoError> {
    let context = AssociatedData::new("evanesce session data v1")
        .field(namespace.as_str().as_bytes())
        .field(id.id());
    derive_from_halves(token.secret(), epoch, &[], context.as_bytes(), KEY)
}

fn epoch_context(
    namespace: &Namespace,
    tag: Tag,
    number: u64,
    incarnation: &Incarnation,
) -> AssociatedData {
    AssociatedData::new("evanesce session epoch v1")
        .field(namespace.as_str().as_bytes())
        .field(&[tag.0])
        .number(number)
        .field(incarnation.store().name().as_bytes())
        .field(incarnation.digest().as_bytes())
}

// The vectors of docs/formats.md, made by an independent HKDF and SHA-256.
#[cfg(test)]
mod tests {
    use evanesce_core::Digest;
    use evanesce_crypto::sha256;

    use super::*;

    fn digest(bytes: &[u8]) -> String {
        Digest::new(bytes.try_into().unwrap()).to_string()
    }

    #[test]
    fn a_known_token_has_a_known_place_and_key() {
        let namespace = Namespace::new("news").unwrap();
        let token =
            Token::parse("ev1_AQcAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyC17Nc").unwrap();
        let id = lookup_id(&namespace, &token).unwrap();
        let known = "33281a218dfa72d524934e809eee1340b8a17f266c8eebc8869394f7f313aa1f";
        assert_eq!(digest(id.id()), known);
        let mut epoch: Vec<u8> = (0x80..0xa0).collect();
        let epoch = SecretBytes::from_slice(&mut epoch).unwrap();
        let key = data_key(&namespace, &token, &id, &epoch).unwrap();
        let known = "83c206b3bf8bb7450e71bf89206d510f97c146b939c1d448378f2ccf9f5a499a";
        key.expose(|key| assert_eq!(digest(key), known));
        let header = Header {
            version: Version(3),
            epoch: 2,
            opened: Timestamp::from_millis(1_767_225_600_000),
            absolute: Timestamp::from_millis(1_767_240_000_000),
            idle: Duration::from_secs(3600),
            last_seen: Timestamp::from_millis(1_767_225_960_000),
        };
        let associated = header.associated(&namespace, &id);
        assert_eq!(associated.as_bytes().len(), 191);
        let known = "dbbcfaf42a2e154aa45b3f8fc6ad3c9ece6977cb9ec905c79d3c82af0edeb1ca";
        assert_eq!(sha256(associated.as_bytes()).to_string(), known);
    }
}
