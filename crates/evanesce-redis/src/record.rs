use std::time::Duration;

use evanesce_core::{Digest, Error, Incarnation, StoreKind, Timestamp};
use evanesce_crypto::Sealed;
use evanesce_session::{EpochRecord, Epochs, Record, Version};

use crate::error::CORRUPT;

/// A record as it lies in its key: one byte of format, seven numbers of 8 bytes,
/// big-endian, and the ciphertext. The scripts compare the fields where they lie.
pub(crate) fn pack(record: &Record) -> Vec<u8> {
    let sealed = record.sealed.as_bytes();
    let mut packed = Vec::with_capacity(HEAD + sealed.len());
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
    packed.extend_from_slice(sealed);
    packed
}

/// Reads what [`pack`] wrote.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Record, Error> {
    let (head, sealed) = bytes.split_at_checked(HEAD).ok_or(CORRUPT)?;
    let (format, numbers) = head.split_first().ok_or(CORRUPT)?;
    if *format != FORMAT {
        return Err(CORRUPT);
    }
    let (numbers, _) = numbers.as_chunks::<8>();
    let [version, epoch, opened, expiry, absolute, idle, last_seen] = numbers else {
        return Err(CORRUPT);
    };
    let time = |bytes: &[u8; 8]| Timestamp::from_millis(u64::from_be_bytes(*bytes));
    Ok(Record {
        version: Version(u64::from_be_bytes(*version)),
        epoch: u64::from_be_bytes(*epoch),
        opened: time(opened),
        expiry: time(expiry),
        absolute: time(absolute),
        idle: Duration::from_millis(u64::from_be_bytes(*idle)),
        last_seen: time(last_seen),
        sealed: Sealed::from_bytes(sealed.to_vec()).map_err(|_| CORRUPT)?,
    })
}

/// An epoch as it lies in its key: its number in 8 bytes, big-endian, the digest of
/// its incarnation, and the wrapped secret.
pub(crate) fn pack_epoch(epoch: &EpochRecord) -> Vec<u8> {
    let number = epoch.number.to_be_bytes();
    [&number[..], epoch.incarnation.digest().as_bytes(), &epoch.wrapped].concat()
}

fn unpack_epoch(bytes: &[u8]) -> Result<EpochRecord, Error> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(CORRUPT)?;
    let (digest, wrapped) = rest.split_first_chunk::<32>().ok_or(CORRUPT)?;
    Ok(EpochRecord {
        number: u64::from_be_bytes(*number),
        wrapped: wrapped.to_vec(),
        incarnation: Incarnation::new(StoreKind::Redis, Digest::new(*digest)),
    })
}

/// What the three keys of a tag held, in the order of [`Keys::epochs`](crate::keys::Keys).
pub(crate) type EpochValues = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// The epochs of a tag, as the server of `incarnation` has them.
pub(crate) fn unpack_epochs(
    (current, draining, newest): EpochValues,
    incarnation: Incarnation,
) -> Result<Epochs, Error> {
    let newest = newest.map(|bytes| bytes.try_into().map(u64::from_be_bytes)).transpose();
    Ok(Epochs {
        newest: newest.map_err(|_| CORRUPT)?.unwrap_or(0),
        current: current.map(|bytes| unpack_epoch(&bytes)).transpose()?,
        draining: draining.map(|bytes| unpack_epoch(&bytes)).transpose()?,
        incarnation: Some(incarnation),
    })
}

const FORMAT: u8 = 1;
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
            let packed = pack(&record);
            let read = unpack(&packed).unwrap();
            prop_assert_eq!(pack(&read), packed.clone());
            prop_assert_eq!(read.expiry, record.expiry);
            for cut in 0..HEAD + Sealed::MIN {
                prop_assert!(unpack(&packed[..cut]).is_err());
            }
        }

        #[test]
        fn hostile_values_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&bytes);
            let _ = unpack_epoch(&bytes);
            let incarnation = Incarnation::new(StoreKind::Redis, Digest::new([0; 32]));
            let values = (Some(bytes.clone()), None, Some(bytes));
            let _ = unpack_epochs(values, incarnation);
        }
    }
}
