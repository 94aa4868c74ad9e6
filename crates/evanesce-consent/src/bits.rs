use crate::InvalidSignal;

/// Bits read from the front of base64url text (RFC 4648, section 5, without padding), six
/// for each character. A field beyond the end is an error, never zero.
#[derive(Clone)]
pub(crate) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(text: &'a str) -> Result<Self, InvalidSignal> {
        let text = text.as_bytes();
        if text.is_empty() || !text.iter().all(|digit| value(*digit).is_some()) {
            return Err(InvalidSignal::Encoding);
        }
        Ok(Self { text, at: 0 })
    }

    /// How many bits there are at all.
    pub(crate) const fn len(&self) -> usize {
        self.text.len() * 6
    }

    pub(crate) fn flag(&mut self) -> Result<bool, InvalidSignal> {
        let digit = self.text.get(self.at / 6).and_then(|digit| value(*digit));
        let digit = digit.ok_or(InvalidSignal::Truncated)?;
        let bit = digit >> (5 - self.at % 6) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// A number of up to 64 bits, most significant first.
    pub(crate) fn number(&mut self, width: u32) -> Result<u64, InvalidSignal> {
        (0..width).try_fold(0, |number, _| Ok(number << 1 | u64::from(self.flag()?)))
    }

    pub(crate) fn small(&mut self, width: u32) -> Result<u16, InvalidSignal> {
        u16::try_from(self.number(width)?).map_err(|_| InvalidSignal::Truncated)
    }

    /// Two letters of six bits each, A as 0.
    pub(crate) fn letters(&mut self) -> Result<[u8; 2], InvalidSignal> {
        let mut letter = || match self.number(6)? {
            number @ 0..26 => Ok(b'A' + number as u8),
            _ => Err(InvalidSignal::Value),
        };
        Ok([letter()?, letter()?])
    }

    /// The numbers, counted from 1, whose bit is set.
    pub(crate) fn set(&mut self, width: u16) -> Result<Ids, InvalidSignal> {
        let mut ids = Ids::default();
        for id in 1..=width {
            if self.flag()? {
                ids.add(id, id)?;
            }
        }
        Ok(ids)
    }

    /// A number in Fibonacci code: a sum of Fibonacci numbers, the smallest first, that
    /// ends with two ones.
    pub(crate) fn fibonacci(&mut self) -> Result<u64, InvalidSignal> {
        let (mut one, mut two, mut sum, mut last) = (1_u64, 2_u64, 0_u64, false);
        // More digits than this are no number that is used here.
        for _ in 0..32 {
            let bit = self.flag()?;
            if bit && last {
                return Ok(sum);
            }
            sum += if bit { one } else { 0 };
            (one, two, last) = (two, one + two, bit);
        }
        Err(InvalidSignal::Value)
    }
}

/// A set of numbers as ranges, so that it is no larger than the text that it was read from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ids(Vec<(u16, u16)>);

impl Ids {
    /// Whether a number is in it.
    #[must_use]
    pub fn contains(&self, id: u16) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < id);
        self.0.get(at).is_some_and(|(first, _)| *first <= id)
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, first: u16, last: u16) -> Result<(), InvalidSignal> {
        if first == 0 || last < first {
            return Err(InvalidSignal::Value);
        }
        match self.0.last_mut() {
            Some((_, end)) if first == end.saturating_add(1) && *end < u16::MAX => *end = last,
            _ => self.0.push((first, last)),
        }
        Ok(())
    }

    /// Puts ranges that came in any order in order, and joins those that overlap.
    pub(crate) fn ordered(mut self) -> Self {
        self.0.sort_unstable();
        let mut joined: Vec<(u16, u16)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0 {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        Self(joined)
    }
}

const fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_fibonacci_codes() {
        // 011 is 2, 11 is 1, 0011 is 3, 1011 is 4, 0000011 is 13 + ... by the definition.
        let text = |bits: &str| {
            let padded = format!("{bits:0<36}");
            let digit = |at: usize| u8::from_str_radix(&padded[at..at + 6], 2).unwrap();
            const DIGITS: &[u8] =
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            (0..36).step_by(6).map(|at| DIGITS[usize::from(digit(at))] as char).collect::<String>()
        };
        for (bits, number) in [("11", 1), ("011", 2), ("0011", 3), ("1011", 4), ("00011", 5)] {
            assert_eq!(Bits::new(&text(bits)).unwrap().fibonacci(), Ok(number), "{bits}");
        }
        assert!(Bits::new("AAAAAA").unwrap().fibonacci().is_err());
    }

    proptest! {
        #[test]
        fn ranges_are_the_set_of_their_numbers(
            ranges in prop::collection::vec((1..300_u16, 0..40_u16), 0..20),
        ) {
            let (mut ids, mut model) = (Ids::default(), std::collections::BTreeSet::new());
            for (first, more) in ranges {
                ids.add(first, first + more).unwrap();
                model.extend(first..=first + more);
            }
            let ids = ids.ordered();
            prop_assert_eq!(ids.iter().collect::<Vec<_>>(), Vec::from_iter(model.clone()));
            for id in 0..400 {
                prop_assert_eq!(ids.contains(id), model.contains(&id));
            }
        }
    }
}
