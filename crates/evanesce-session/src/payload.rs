use evanesce_memory::{MemoryError, SecretBytes};

use crate::{Compartment, SessionError};

/// What is sealed, as views into guarded memory: the user's data with its schema,
/// and the compartments.
#[derive(Clone)]
pub(crate) struct Parts<'a> {
    pub(crate) data: &'a [u8],
    rooms: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, rooms: Vec::new() }
    }

    pub(crate) fn with_data<'b>(&self, data: &'b [u8]) -> Parts<'b>
    where
        'a: 'b,
    {
        Parts { data, rooms: self.rooms.clone() }
    }

    /// Reads a layout that this program wrote and somebody may have written anew.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, SessionError> {
        Self::parse(bytes).ok_or(SessionError::Unreadable)
    }

    pub(crate) fn room(&self, room: Compartment) -> Option<&'a [u8]> {
        self.rooms.iter().find(|(name, _)| *name == room.name().as_bytes()).map(|(_, held)| *held)
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.rooms.iter().copied()
    }

    pub(crate) fn put(&mut self, room: Compartment, held: &'a [u8]) {
        self.remove(room);
        self.rooms.push((room.name().as_bytes(), held));
    }

    pub(crate) fn remove(&mut self, room: Compartment) {
        self.rooms.retain(|(name, _)| *name != room.name().as_bytes());
    }

    /// Lays everything out in guarded memory, at most `max` bytes of it.
    pub(crate) fn write(&self, max: usize) -> Result<SecretBytes, SessionError> {
        let rooms: usize = self.rooms.iter().map(|(name, held)| 5 + name.len() + held.len()).sum();
        let len = 6 + self.data.len() + rooms;
        if len > max || self.rooms.len() > MOST_ROOMS {
            return Err(SessionError::TooLarge);
        }
        let mut payload = SecretBytes::zeroed(padded(len))?;
        // What is behind stays zero.
        let whole = payload.expose_mut(|out| {
            let padding = out.len().checked_sub(len);
            padding.is_some() && self.fill(out).map(|rest| rest.len()) == padding
        });
        if whole { Ok(payload) } else { Err(MemoryError::Exhausted.into()) }
    }

    fn fill<'o>(&self, out: &'o mut [u8]) -> Option<&'o mut [u8]> {
        let out = push(out, &[LAYOUT])?;
        let out = push(out, &u32::try_from(self.data.len()).ok()?.to_be_bytes())?;
        let out = push(out, self.data)?;
        let mut out = push(out, &[u8::try_from(self.rooms.len()).ok()?])?;
        for (name, held) in &self.rooms {
            out = push(out, &[u8::try_from(name.len()).ok()?])?;
            out = push(out, name)?;
            out = push(out, &u32::try_from(held.len()).ok()?.to_be_bytes())?;
            out = push(out, held)?;
        }
        Some(out)
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (layout, rest) = bytes.split_first()?;
        let (data, rest) = long(rest)?;
        let (count, mut rest) = rest.split_first()?;
        let mut parts = Self::new(data);
        for _ in 0..*count {
            let (len, name) = rest.split_first()?;
            let (name, held) = name.split_at_checked(usize::from(*len))?;
            let plain = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'@');
            if !name.iter().all(plain) {
                return None;
            }
            let (held, after) = long(held)?;
            parts.rooms.push((name, held));
            rest = after;
        }
        let padding = rest.iter().all(|byte| *byte == 0);
        (*layout == LAYOUT && padding && parts.rooms.len() <= MOST_ROOMS).then_some(parts)
    }
}

const LAYOUT: u8 = 1;
/// The size class of a payload: multiples of 64 bytes, and of a sixteenth to a thirty-second
/// of itself above 2 KiB, so that at most 6.25 % are added to more than 1 KiB and a length
/// tells the logarithm of its logarithm (Padmé; Nikitin and others, PoPETS 2019, section 4).
/// The borders lie 16 bytes above round numbers, for the form around a round value.
fn padded(len: usize) -> usize {
    let body = len.saturating_sub(FORM).max(1);
    let magnitude = body.ilog2();
    let kept = magnitude.checked_ilog2().map_or(0, |kept| kept + 1);
    let step = (1 << magnitude.saturating_sub(kept)).max(64);
    FORM + body.next_multiple_of(step)
}

const FORM: usize = 16;
const MOST_ROOMS: usize = 16;

fn push<'o>(out: &'o mut [u8], bytes: &[u8]) -> Option<&'o mut [u8]> {
    let (here, rest) = out.split_at_mut_checked(bytes.len())?;
    here.copy_from_slice(bytes);
    Some(rest)
}

fn long(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONSENT: Compartment = Compartment::new("consent");
    const CLAIMS: Compartment = Compartment::new("claims");

    #[test]
    fn compartments_are_kept_apart_from_the_data() {
        let mut parts = Parts::new(b"data");
        parts.put(CONSENT, b"yes");
        parts.put(CLAIMS, b"");
        parts.put(CONSENT, b"no");
        let payload = parts.write(1000).unwrap();
        payload.expose(|bytes| {
            let read = Parts::read(bytes).unwrap();
            assert_eq!(read.data, b"data");
            assert_eq!(read.room(CONSENT), Some(&b"no"[..]));
            assert_eq!(read.room(CLAIMS), Some(&b""[..]));
        });
        parts.remove(CONSENT);
        parts.write(1000).unwrap().expose(|bytes| {
            assert_eq!(Parts::read(bytes).unwrap().room(CONSENT), None);
        });
        assert!(matches!(parts.write(10), Err(SessionError::TooLarge)));
    }

    /// What is sealed of 1 KiB, with its form around it, costs 16 bytes; lengths are told to
    /// a few per cent.
    #[test]
    fn lengths_are_hidden_within_a_class() {
        for (len, class) in
            [(1, 80), (80, 80), (81, 144), (1036, 1040), (1041, 1104), (2064, 2064), (2065, 2192)]
        {
            assert_eq!(padded(len), class, "{len}");
        }
        for len in (1..3000).chain([4097, 30_000, 65_537, 1_000_000]) {
            let more = padded(len) - len;
            assert!(more <= (len / 15).max(79), "{len} gains {more}");
            assert_eq!(padded(padded(len)), padded(len), "a class is its own");
        }
        let payload = |len| Parts::new(&vec![7; len]).write(usize::MAX).unwrap().len();
        assert_eq!(payload(1000), payload(1034));
        assert_ne!(payload(1034), payload(1035));
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(parts) = Parts::read(&bytes) {
                parts.write(1000).unwrap().expose(|again| {
                    let len = again.len().min(bytes.len());
                    assert_eq!(again[..len], bytes[..len]);
                    assert!(again[len..].iter().chain(&bytes[len..]).all(|byte| *byte == 0));
                });
            }
        }
    }
}
