use std::time::Duration;

use evanesce_core::{Incarnation, Namespace, Timestamp};
use evanesce_crypto::{
    AssociatedData, CryptoError, HalfSalt, Padding, RootProvider, Sealed, Wrapped, derive,
    derive_from_halves, random, random_secret, seal_salted, unseal, unwrap, wrap,
};
use evanesce_memory::SecretBytes;

use crate::{EpochRecord, LookupId, Record, SessionError, Tag, Token, Version};

const KEY: usize = 32;

/// How long a share is.
pub(crate) const SHARE: usize = KEY;

/// What a share is derived with: random, no secret, and the first half of the envelope's.
pub(crate) type Salt = HalfSalt;

/// What one record needs of its epoch's secret, and what no other record does.
pub(crate) struct Share {
    salt: Salt,
    secret: SecretBytes,
}

impl Share {
    pub(crate) const fn new(salt: Salt, secret: SecretBytes) -> Self {
        Self { salt, secret }
    }

    pub(crate) const fn secret(&self) -> &SecretBytes {
        &self.secret
    }
}

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

    fn record(self, sealed: Sealed) -> Record {
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
    place_of(token.secret(), "evanesce session id v1", namespace, token.tag())
}

/// Where a child's session lies.
pub(crate) fn child_lookup_id(
    namespace: &Namespace,
    tag: Tag,
    child: &SecretBytes,
) -> Result<LookupId, SessionError> {
    place_of(child, "evanesce session child id v1", namespace, tag)
}

/// A child's half of its key: of its own token and of what its parent's payload keeps.
pub(crate) fn child_half(
    namespace: &Namespace,
    (child, id): (&SecretBytes, &LookupId),
    family: &SecretBytes,
) -> Result<SecretBytes, SessionError> {
    let context = AssociatedData::new("evanesce session child v1")
        .field(namespace.as_str().as_bytes())
        .field(id.id());
    Ok(derive_from_halves(child, family, &[], context.as_bytes(), KEY)?)
}

/// Seals a payload for one place and one header. `client` is the client's half.
pub(crate) fn seal_record(
    namespace: &Namespace,
    (client, id): (&SecretBytes, &LookupId),
    share: &Share,
    header: Header,
    payload: &SecretBytes,
) -> Result<Record, SessionError> {
    let key = data_key(namespace, client, id, &share.secret)?;
    let associated = header.associated(namespace, id);
    // The payload is padded already.
    let sealed = seal_salted(&key, associated.as_bytes(), payload, Padding::None, &share.salt)?;
    Ok(header.record(sealed))
}

/// Opens a record, if it is this client's and was sealed for this place and header.
pub(crate) fn open_record(
    namespace: &Namespace,
    (client, id): (&SecretBytes, &LookupId),
    epoch: &SecretBytes,
    record: &Record,
) -> Result<SecretBytes, SessionError> {
    let share = share(namespace, id.tag(), (record.epoch, epoch), record.sealed.half_salt())?;
    open_with(namespace, (client, id), &share, record)
}

pub(crate) fn open_with(
    namespace: &Namespace,
    (client, id): (&SecretBytes, &LookupId),
    share: &Share,
    record: &Record,
) -> Result<SecretBytes, SessionError> {
    let key = data_key(namespace, client, id, &share.secret)?;
    let associated = Header::of(record).associated(namespace, id);
    Ok(unseal(&key, associated.as_bytes(), &record.sealed)?)
}

/// The share of an epoch's secret that belongs to this salt.
pub(crate) fn share(
    namespace: &Namespace,
    tag: Tag,
    (number, epoch): (u64, &SecretBytes),
    salt: Salt,
) -> Result<Share, SessionError> {
    let context = AssociatedData::new("evanesce session share v1")
        .field(namespace.as_str().as_bytes())
        .field(&[tag.0])
        .number(number);
    Ok(Share { salt, secret: derive(epoch, &salt, context.as_bytes(), SHARE)? })
}

/// The share of a record that is about to be written.
pub(crate) fn fresh_share(
    namespace: &Namespace,
    tag: Tag,
    epoch: (u64, &SecretBytes),
) -> Result<Share, SessionError> {
    let mut salt = Salt::default();
    random(&mut salt)?;
    share(namespace, tag, epoch, salt)
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
    let wrapped = wrap(root, context.as_bytes(), &secret)?.to_bytes().into();
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

fn place_of(
    secret: &SecretBytes,
    label: &'static str,
    namespace: &Namespace,
    tag: Tag,
) -> Result<LookupId, SessionError> {
    let context = AssociatedData::new(label).field(namespace.as_str().as_bytes()).field(&[tag.0]);
    let derived = derive(secret, &[], context.as_bytes(), KEY)?;
    let id = derived.expose(|bytes| bytes.try_into().ok());
    Ok(LookupId::new(tag, id.ok_or(CryptoError::KeyLength)?))
}

// The client's half and the server's: neither opens anything alone.
fn data_key(
    namespace: &Namespace,
    client: &SecretBytes,
    id: &LookupId,
    share: &SecretBytes,
) -> Result<SecretBytes, CryptoError> {
    let context = AssociatedData::new("evanesce session data v1")
        .field(namespace.as_str().as_bytes())
        .field(id.id());
    derive_from_halves(client, share, &[], context.as_bytes(), KEY)
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
        let salt = std::array::from_fn(|at| 0xc0 + at as u8);
        let share = share(&namespace, id.tag(), (2, &epoch), salt).unwrap();
        let known = "5309939b0c95982d137331cc3f3ac7d9189a22aa50e056eefc211164139f8b12";
        share.secret.expose(|share| assert_eq!(digest(share), known));
        let key = data_key(&namespace, token.secret(), &id, &share.secret).unwrap();
        let known = "85fb3ae6ede415bbb3399035c809d43bf521291a8b6d05733a79e5dba3c3ecba";
        key.expose(|key| assert_eq!(digest(key), known));
        let mut child: Vec<u8> = (0x40..0x60).collect();
        let mut family: Vec<u8> = (0xa0..0xc0).collect();
        let child = SecretBytes::from_slice(&mut child).unwrap();
        let family = SecretBytes::from_slice(&mut family).unwrap();
        let below = child_lookup_id(&namespace, id.tag(), &child).unwrap();
        let known = "644929eb3d5dad0d835094dfc37d9ec160c253ef6ad45de4bfad0b8c10e1b4aa";
        assert_eq!(digest(below.id()), known);
        let half = child_half(&namespace, (&child, &below), &family).unwrap();
        let known = "942d7d910e251042b70d4a6f5f1546dbe46072068ad64181e2b78f432c7c308d";
        half.expose(|half| assert_eq!(digest(half), known));
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

    /// A child's record, with its token and the secret of its epoch, opens nothing: what its
    /// parent's payload keeps is missing.
    #[test]
    fn a_childs_record_opens_with_its_family_only() {
        let namespace = Namespace::new("news").unwrap();
        let [child, family, other, epoch] = std::array::from_fn(|_| random_secret(KEY).unwrap());
        let id = child_lookup_id(&namespace, Tag(7), &child).unwrap();
        let now = Timestamp::from_millis(1000);
        let header = Header {
            version: Version(1),
            epoch: 2,
            opened: now,
            absolute: now,
            idle: Duration::ZERO,
            last_seen: now,
        };
        let half = |family| child_half(&namespace, (&child, &id), family).unwrap();
        let share = fresh_share(&namespace, Tag(7), (2, &epoch)).unwrap();
        let (own, payload) = (half(&family), random_secret(50).unwrap());
        let record = seal_record(&namespace, (&own, &id), &share, header, &payload).unwrap();
        let opens = |client| open_record(&namespace, (client, &id), &epoch, &record).is_ok();
        assert!(opens(&own));
        assert!(!opens(&child));
        assert!(!opens(&half(&other)));
    }
}
