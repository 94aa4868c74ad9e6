use std::time::Duration;

use evanesce_core::{Digest, Error, Incarnation, StoreKind, Timestamp};
use evanesce_crypto::Sealed;
use evanesce_session::{EpochRecord, Epochs, Record, Version};

use crate::error::CORRUPT;
use crate::identity::Identity;
use crate::reply::Reply;

/// A record as it lies in its key: one byte of format, seven numbers of 8 bytes,
/// big-endian, and the ciphertext. The scripts compare the fields
/// where they lie.
pub(crate) fn pack(record: &Record, packed: &mut Vec<u8>) {
    packed.push(FORMAT);
    for number in [
        record.version.0,
        record.epoch,
        record.opened.as_millis(),
        record.expiry.as_millis(),
        record.absolute.as_millis(),
        u64::try_from(record.idle.as_millis()).unwrap_or(u64::MAX),
        record.last_seen.as_millis(),
    ] {
        packed.extend_from_slice(&number.to_be_bytes());
    }
    packed.extend_from_slice(record.sealed.as_bytes());
}

/// How long what [`pack`] writes is.
pub(crate) fn packed_len(record: &Record) -> usize {
    HEAD + record.sealed.as_bytes().len()
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack(mut bytes: Vec<u8>) -> Result<Record, Error> {
    let head = bytes.first_chunk::<HEAD>().ok_or(CORRUPT)?;
    let [format, numbers @ ..] = head;
    if *format != FORMAT {
        return Err(CORRUPT);
    }
    let (numbers, _) = numbers.as_chunks::<8>();
    let [version, epoch, opened, expiry, absolute, idle, last_seen] =
        <[[u8; 8]; 7]>::try_from(numbers).map_err(|_| CORRUPT)?.map(u64::from_be_bytes);
    bytes.drain(..HEAD);
    Ok(Record {
        version: Version(version),
        epoch,
        opened: Timestamp::from_millis(opened),
        expiry: Timestamp::from_millis(expiry),
        absolute: Timestamp::from_millis(absolute),
        idle: Duration::from_millis(idle),
        last_seen: Timestamp::from_millis(last_seen),
        sealed: Sealed::from_bytes(bytes).map_err(|_| CORRUPT)?,
    })
}

/// What follows an epoch's number and its beginning in its key: the digest of its
/// incarnation, and the wrapped secret.
pub(crate) fn pack_epoch(epoch: &EpochRecord) -> Vec<u8> {
    [epoch.incarnation.digest().as_bytes().as_slice(), &epoch.wrapped].concat()
}

/// An epoch as it lies in its key: its number and when it began by the server's clock, in
/// 8 bytes each, big-endian, and what [`pack_epoch`] wrote.
fn unpack_epoch(bytes: &[u8], identity: &Identity) -> Result<Option<EpochRecord>, Error> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(CORRUPT)?;
    let (began, rest) = rest.split_first_chunk::<8>().ok_or(CORRUPT)?;
    let (digest, wrapped) = rest.split_first_chunk::<32>().ok_or(CORRUPT)?;
    let began = Timestamp::from_millis(u64::from_be_bytes(*began));
    let is_believed = identity.epochs_since.is_none_or(|since| began >= since);
    Ok(is_believed.then(|| EpochRecord {
        number: u64::from_be_bytes(*number),
        wrapped: wrapped.into(),
        incarnation: Incarnation::new(StoreKind::Redis, Digest::new(*digest)),
    }))
}

/// The epochs of a tag, as a server has them: what the three keys of
/// [`Keys::epochs`](crate::keys::Keys::epochs) hold.
pub(crate) fn unpack_epochs(values: [Reply; 3], identity: &Identity) -> Result<Epochs, Error> {
    let [current, draining, newest] = values;
    let epoch = |reply: Reply| match reply.bytes()? {
        None => Ok(None),
        Some(bytes) => unpack_epoch(&bytes, identity),
    };
    let newest = newest.bytes()?.map(|bytes| bytes.try_into().map(u64::from_be_bytes)).transpose();
    Ok(Epochs {
        current: epoch(current)?,
        draining: epoch(draining)?,
        newest: newest.map_err(|_| CORRUPT)?.unwrap_or(0),
        incarnation: Some(identity.incarnation),
    })
}

const FORMAT: u8 = 2;
const HEAD: usize = 1 + 7 * 8;

#[cfg(test)]
mod tests {
    use evanesce_crypto::{Padding, random_secret, seal};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_back(numbers: [u32; 7]) {
            let [version, epoch, opened, expiry, absolute, idle, last_seen] = numbers.map(u64::from);
            let (key, value) = (random_secret(32).unwrap(), random_secret(9).unwrap());
            let record = Record {
                version: Version(version),
                epoch,
                opened: Timestamp::from_millis(opened),
                expiry: Timestamp::from_millis(expiry),
                absolute: Timestamp::from_millis(absolute),
                idle: Duration::from_millis(idle),
                last_seen: Timestamp::from_millis(last_seen),
                sealed: seal(&key, b"", &value, Padding::Classes).unwrap(),
            };
            let (mut packed, mut again) = (Vec::new(), Vec::new());
            pack(&record, &mut packed);
            prop_assert_eq!(packed.len(), packed_len(&record));
            let read = unpack(packed.clone()).unwrap();
            pack(&read, &mut again);
            prop_assert_eq!(&again, &packed);
            prop_assert_eq!(read.expiry, record.expiry);
            for cut in 0..HEAD + Sealed::MIN {
                prop_assert!(unpack(packed[..cut].to_vec()).is_err());
            }
        }

        #[test]
        fn hostile_values_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(bytes.clone());
            let incarnation = Incarnation::new(StoreKind::Redis, Digest::new([0; 32]));
            let identity = Identity { incarnation, epochs_since: None };
            let value = || Reply::Bytes(bytes.clone());
            let _ = unpack_epochs([value(), Reply::Nil, value()], &identity);
            let _ = unpack_epochs([value(), value(), Reply::Nil], &identity);
        }
    }
}
