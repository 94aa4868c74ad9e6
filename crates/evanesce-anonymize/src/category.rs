use std::fmt;
use std::marker::PhantomData;

use evanesce_core::Timestamp;

use crate::Category;

/// A number, coarsened to powers of two: the first of `N` buckets holds 0, the
/// next ones begin at 1, 2, 4, 8 and so on, and the last is open above.
///
/// Each label names the bucket's lower bound, as `from-4`. `N` is 2 to 32.
///
/// ```
/// use evanesce_anonymize::{Bucket, Category};
/// assert_eq!(Bucket::<5>::LABELS, ["from-0", "from-1", "from-2", "from-4", "from-8"]);
/// assert_eq!(Bucket::<5>::from(3_u64).index(), 2);
/// assert_eq!(Bucket::<5>::from(1_000_000_u64).index(), 4);
/// ```
/// ```compile_fail
/// let one: &[&str] = <evanesce_anonymize::Bucket<1> as evanesce_anonymize::Category>::LABELS;
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Bucket<const N: usize>(u8);

impl<const N: usize> From<u64> for Bucket<N> {
    fn from(value: u64) -> Self {
        // The number of bits: 0 for 0, 1 for 1, 2 for 2 and 3, 3 for 4 to 7.
        let bits = u64::BITS - value.leading_zeros();
        let last = u32::try_from(N.saturating_sub(1)).unwrap_or(u32::MAX);
        Self(u8::try_from(bits.min(last)).unwrap_or(u8::MAX))
    }
}

impl<const N: usize> From<usize> for Bucket<N> {
    fn from(value: usize) -> Self {
        Self::from(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

impl<const N: usize> Category for Bucket<N> {
    const LABELS: &'static [&'static str] = {
        assert!(N >= 2 && N <= POWERS.len(), "a bucket category has 2 to 32 buckets");
        POWERS.split_at(N).0
    };

    fn index(&self) -> usize {
        usize::from(self.0)
    }
}

const POWERS: [&str; 32] = [
    "from-0",
    "from-1",
    "from-2",
    "from-4",
    "from-8",
    "from-16",
    "from-32",
    "from-64",
    "from-128",
    "from-256",
    "from-512",
    "from-1024",
    "from-2048",
    "from-4096",
    "from-8192",
    "from-16384",
    "from-32768",
    "from-65536",
    "from-131072",
    "from-262144",
    "from-524288",
    "from-1048576",
    "from-2097152",
    "from-4194304",
    "from-8388608",
    "from-16777216",
    "from-33554432",
    "from-67108864",
    "from-134217728",
    "from-268435456",
    "from-536870912",
    "from-1073741824",
];

/// Declared bounds for [`Banded`].
pub trait Bands {
    /// The lower bounds of all bands but the first, ascending.
    const BOUNDS: &'static [u64];
    /// One label for each band: one more than bounds.
    const LABELS: &'static [&'static str];
}

/// A number, coarsened to bands whose bounds the program declares.
///
/// ```
/// use evanesce_anonymize::{Banded, Bands, Category};
/// struct Seconds;
/// impl Bands for Seconds {
///     const BOUNDS: &'static [u64] = &[10, 60];
///     const LABELS: &'static [&'static str] = &["under-10", "10-to-59", "60-and-more"];
/// }
/// assert_eq!(Banded::<Seconds>::of(59).index(), 1);
/// ```
pub struct Banded<B> {
    index: usize,
    bands: PhantomData<fn() -> B>,
}

impl<B: Bands> Banded<B> {
    /// The band that the number lies in.
    #[must_use]
    pub fn of(value: u64) -> Self {
        let index = B::BOUNDS.iter().take_while(|bound| **bound <= value).count();
        Self { index, bands: PhantomData }
    }
}

impl<B: Bands> Category for Banded<B> {
    const LABELS: &'static [&'static str] = {
        assert!(
            B::LABELS.len() == B::BOUNDS.len() + 1,
            "there is one label for each band: one more than bounds"
        );
        let mut i = 1;
        while i < B::BOUNDS.len() {
            assert!(B::BOUNDS[i - 1] < B::BOUNDS[i], "bounds ascend");
            i += 1;
        }
        B::LABELS
    };

    fn index(&self) -> usize {
        self.index
    }
}

/// A declared list of words for [`Listed`]; the last one is `other`.
pub trait List {
    /// The words.
    const LABELS: &'static [&'static str];
}

/// A word out of a declared list. Whatever is not in the list becomes `other`,
/// so that no text of a person gets into a table.
///
/// ```
/// use evanesce_anonymize::{Category, List, Listed};
/// struct Topics;
/// impl List for Topics {
///     const LABELS: &'static [&'static str] = &["energy", "travel", "other"];
/// }
/// assert_eq!(Listed::<Topics>::of("travel").index(), 1);
/// assert_eq!(Listed::<Topics>::of("Jane Doe, 4 Elm Street").index(), 2);
/// ```
pub struct Listed<L> {
    index: usize,
    list: PhantomData<fn() -> L>,
}

impl<L: List> Listed<L> {
    /// The place of `word` in the list, compared byte by byte.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let labels = <Self as Category>::LABELS;
        let other = labels.len().saturating_sub(1);
        let index = labels.iter().position(|label| *label == word).unwrap_or(other);
        Self { index, list: PhantomData }
    }
}

impl<L: List> Category for Listed<L> {
    const LABELS: &'static [&'static str] = {
        assert!(!L::LABELS.is_empty(), "a list ends with `other`");
        let last = L::LABELS[L::LABELS.len() - 1].as_bytes();
        assert!(matches!(last, b"other"), "a list ends with `other`");
        L::LABELS
    };

    fn index(&self) -> usize {
        self.index
    }
}

/// The hour of the day in UTC: a time of which neither day nor minute is left.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct HourOfDay(u8);

impl From<Timestamp> for HourOfDay {
    fn from(instant: Timestamp) -> Self {
        Self(u8::try_from(instant.as_millis() / 3_600_000 % 24).unwrap_or(0))
    }
}

impl Category for HourOfDay {
    const LABELS: &'static [&'static str] = &[
        "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14",
        "15", "16", "17", "18", "19", "20", "21", "22", "23",
    ];

    fn index(&self) -> usize {
        usize::from(self.0)
    }
}

macro_rules! opaque {
    ($($name:literal: ($($generics:tt)*) $kind:ty),*) => {$(
        impl<$($generics)*> fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($name)
            }
        }
    )*};
}

// A value in hand still belongs to one session, so it is not printed.
opaque! {
    "Banded": (B) Banded<B>,
    "Bucket": (const N: usize) Bucket<N>,
    "HourOfDay": () HourOfDay,
    "Listed": (L) Listed<L>
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Small;
    impl Bands for Small {
        const BOUNDS: &'static [u64] = &[1, 10, 100];
        const LABELS: &'static [&'static str] = &["0", "1", "10", "100"];
    }

    proptest! {
        #[test]
        fn every_number_lies_in_the_bucket_whose_bounds_hold_it(value: u64) {
            let index = Bucket::<32>::from(value).index();
            let lower = |label: &str| label.trim_start_matches("from-").parse::<u64>().unwrap();
            prop_assert!(lower(POWERS[index]) <= value);
            if index < 31 {
                prop_assert!(value < lower(POWERS[index + 1]));
            }
            prop_assert_eq!(Bucket::<4>::from(value).index(), index.min(3));
        }

        #[test]
        fn every_number_lies_in_one_band(value: u64) {
            let index = Banded::<Small>::of(value).index();
            prop_assert!(index == 0 || Small::BOUNDS[index - 1] <= value);
            prop_assert!(index == 3 || value < Small::BOUNDS[index]);
        }
    }

    #[test]
    fn an_hour_has_no_day() {
        let hour = HourOfDay::from(Timestamp::from_millis(1_767_225_600_000 + 13 * 3_600_000));
        assert_eq!(HourOfDay::LABELS[hour.index()], "13");
        assert_eq!(format!("{hour:?}"), "HourOfDay");
    }
}
