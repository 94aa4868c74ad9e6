pub use evanesce_core::Category;
use evanesce_core::{Date, Purpose};

/// Something that happened, in words that cannot name anybody: each field is a
/// [`Category`], so that an event holds a place in a table known beforehand and
/// nothing else. Usually derived:
///
/// ```
/// use evanesce_anonymize::{Bucket, Event};
/// # mod shown {
/// use evanesce_macros::{Category, Event, Purpose};
///
/// #[derive(Purpose)]
/// #[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
/// pub struct Usage;
///
/// #[derive(Category, Clone, Copy)]
/// pub enum Topic { Energy, Travel, Other }
///
/// #[derive(Event)]
/// #[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
/// pub struct Composed { pub topic: Topic, pub steps: evanesce_anonymize::Bucket<5> }
/// # }
/// # use shown::*;
/// let event = Composed { topic: Topic::Travel, steps: Bucket::from(3_u64) };
/// assert_eq!(event.cell().indices(), [1, 2]);
/// ```
pub trait Event: Send {
    /// The purpose, whose grant a fold needs.
    type Purpose: Purpose;
    /// The table's name: 1 to 32 of `a-z 0-9 _ -`.
    const NAME: &'static str;
    /// Who in the house answers for the metric.
    const OWNER: &'static str;
    /// The last day on which it is counted. A metric without an end becomes one
    /// that nobody remembers the reason of.
    const UNTIL: Date;
    /// The table's dimensions, in the order of the cell's indices.
    const DIMENSIONS: &'static [Dimension];

    /// The place of this event in its table.
    fn cell(&self) -> Cell;
}

/// One dimension of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Dimension {
    /// Its name.
    pub name: &'static str,
    /// Its words.
    pub labels: &'static [&'static str],
}

/// The most dimensions that a table can have.
pub const MAX_DIMENSIONS: usize = 8;

/// A place in a table: one index for each dimension.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cell {
    indices: [u16; MAX_DIMENSIONS],
    len: u8,
}

impl Cell {
    /// A place, of which the first [`MAX_DIMENSIONS`] indices count; an index that
    /// is too large lies in no table.
    #[must_use]
    pub fn new(indices: &[usize]) -> Self {
        let mut cell = Self { indices: [0; MAX_DIMENSIONS], len: 0 };
        for (place, index) in cell.indices.iter_mut().zip(indices) {
            *place = u16::try_from(*index).unwrap_or(u16::MAX);
            cell.len += 1;
        }
        cell
    }

    /// The indices.
    #[must_use]
    pub fn indices(&self) -> &[u16] {
        self.indices.get(..usize::from(self.len)).unwrap_or_default()
    }
}
