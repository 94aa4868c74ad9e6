use std::time::Duration;

use evanesce_core::Timestamp;
use evanesce_crypto::Sealed;

use crate::{Record, Version};

/// A record and its id in one block of exactly its size, as it lies in memory.
///
/// The id in 32 bytes, numbers in as few bytes as each needs (LEB128, times
/// as distances from the opening), and the envelope.
pub(crate) struct Packed(Box<[u8]>);

impl Packed {
    /// `until` is when the store forgets it, in the place of the record's own expiry.
    pub(crate) fn new(id: &[u8; ID], record: &Record, until: Timestamp) -> Self {
        let mut head = Head { bytes: [0; MOST], len: 0 };
        head.extend(id);
        let opened = record.opened.as_millis();
        let idle = u64::try_from(record.idle.as_millis()).unwrap_or(u64::MAX);
        let after = |time: Timestamp| time.as_millis().wrapping_sub(opened);
        let [absolute, last_seen] = [after(record.absolute), after(record.last_seen)];
        let numbers = [record.version.0, record.epoch, opened, absolute, idle, last_seen];
        numbers.into_iter().for_each(|number| head.number(number));
        // As a rule it says nothing new, and takes a byte.
        match after(until) {
            until if usual_end(absolute, idle, last_seen) == until => head.number(0),
            until => [1, until].into_iter().for_each(|number| head.number(number)),
        }
        let sealed = record.sealed.as_bytes();
        let mut block = Vec::with_capacity(head.len + sealed.len());
        block.extend_from_slice(head.bytes.get(..head.len).unwrap_or_default());
        block.extend_from_slice(sealed);
        Self(block.into_boxed_slice())
    }

    pub(crate) fn id(&self) -> &[u8; ID] {
        self.0.first_chunk().unwrap_or(&[0; ID])
    }

    pub(crate) fn is(&self, id: &[u8; ID]) -> bool {
        self.0.first_chunk() == Some(id)
    }

    pub(crate) fn until(&self) -> Timestamp {
        self.fields().map_or(Timestamp::from_millis(0), |fields| fields.until())
    }

    pub(crate) fn version(&self) -> Version {
        Version(self.fields().map_or(0, |fields| fields.version))
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.fields().map_or(0, |fields| fields.epoch)
    }

    pub(crate) fn opened(&self) -> Timestamp {
        Timestamp::from_millis(self.fields().map_or(0, |fields| fields.opened))
    }

    /// From its opening to its absolute end.
    pub(crate) fn span(&self) -> Duration {
        Duration::from_millis(self.fields().map_or(0, |fields| fields.absolute))
    }

    pub(crate) fn record(&self) -> Option<Record> {
        let fields = self.fields()?;
        let then = |after: u64| Timestamp::from_millis(fields.opened.wrapping_add(after));
        Some(Record {
            version: Version(fields.version),
            epoch: fields.epoch,
            opened: Timestamp::from_millis(fields.opened),
            expiry: fields.until(),
            absolute: then(fields.absolute),
            idle: Duration::from_millis(fields.idle),
            last_seen: then(fields.last_seen),
            sealed: Sealed::from_bytes(fields.sealed.to_vec()).ok()?,
        })
    }

    fn fields(&self) -> Option<Fields<'_>> {
        let mut rest = self.0.get(ID..)?;
        let mut numbers = [0; 7];
        for number in &mut numbers {
            *number = read(&mut rest)?;
        }
        let [version, epoch, opened, absolute, idle, last_seen, own_end] = numbers;
        let until = match own_end {
            0 => usual_end(absolute, idle, last_seen),
            _ => read(&mut rest)?,
        };
        Some(Fields { until, version, epoch, opened, absolute, idle, last_seen, sealed: rest })
    }
}

impl Clone for Packed {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Fields<'a> {
    until: u64,
    version: u64,
    epoch: u64,
    opened: u64,
    absolute: u64,
    idle: u64,
    last_seen: u64,
    sealed: &'a [u8],
}

impl Fields<'_> {
    fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.opened.wrapping_add(self.until))
    }
}

/// How long an id is.
pub(crate) const ID: usize = 32;
const MOST: usize = ID + 8 * 10;

/// The earlier of the absolute and the idle end, from the opening on.
fn usual_end(absolute: u64, idle: u64, last_seen: u64) -> u64 {
    absolute.min(last_seen.wrapping_add(idle))
}

struct Head {
    bytes: [u8; MOST],
    len: usize,
}

impl Head {
    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

fn read(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for at in 0..10 {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use evanesce_crypto::{Padding, random_secret, seal};
    use proptest::prelude::*;

    use super::*;

    /// A session of 1 KiB, with its form and padding 1,040 bytes of plaintext, lies in a block
    /// of 1,192 bytes: with the 8 of the allocator, 1,200.
    #[test]
    fn a_session_of_1_kib_costs_1200_bytes() {
        let (key, value) = (random_secret(32).unwrap(), random_secret(1040).unwrap());
        let opened = Timestamp::from_millis(1_767_225_600_000);
        let (idle, hours) = (Duration::from_secs(3600), Duration::from_secs(4 * 3600));
        let record = Record {
            version: Version(100),
            epoch: 100,
            opened,
            expiry: opened.plus(idle),
            absolute: opened.plus(hours),
            idle,
            last_seen: opened,
            sealed: seal(&key, b"", &value, Padding::None).unwrap(),
        };
        let packed = Packed::new(&[9; ID], &record, record.expiry);
        assert!(packed.0.len() <= 1176, "{}", packed.0.len());
        assert_eq!(packed.until(), record.expiry);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_given_back(numbers: [u64; 7], id: [u8; 32]) {
            let [version, epoch, opened, until, absolute, idle, last_seen] = numbers;
            let (key, value) = (random_secret(32).unwrap(), random_secret(9).unwrap());
            let record = Record {
                version: Version(version),
                epoch,
                opened: Timestamp::from_millis(opened),
                expiry: Timestamp::from_millis(until),
                absolute: Timestamp::from_millis(absolute),
                idle: Duration::from_millis(idle),
                last_seen: Timestamp::from_millis(last_seen),
                sealed: seal(&key, b"", &value, Padding::None).unwrap(),
            };
            let packed = Packed::new(&id, &record, record.expiry);
            prop_assert!(packed.is(&id) && packed.id() == &id);
            prop_assert_eq!(packed.until(), record.expiry);
            prop_assert_eq!((packed.version(), packed.epoch()), (record.version, epoch));
            prop_assert_eq!(packed.opened(), record.opened);
            let back = packed.record().unwrap();
            prop_assert_eq!(back.expiry, record.expiry);
            prop_assert_eq!(back.absolute, record.absolute);
            prop_assert_eq!((back.idle, back.last_seen), (record.idle, record.last_seen));
            prop_assert!(back.sealed == record.sealed);
        }
    }
}
