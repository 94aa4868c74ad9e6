use evanesce_core::{Date, Digest, Label, Purpose, PurposeId};
use evanesce_crypto::{AssociatedData, sha256};

use crate::{Cell, Dimension, Event, Gate, MAX_DIMENSIONS, RegisterError};

const MAX_CELLS: usize = 4096;
const MAX_LABELS: usize = 256;

/// A table that was declared: everything of an event's type that a release needs.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) purpose: PurposeId,
    pub(crate) until: Date,
    pub(crate) dimensions: &'static [Dimension],
    pub(crate) cells: usize,
    pub(crate) gate: Gate,
    /// SHA-256 of name and dimensions: a partial sum of another declaration is not
    /// added to this one.
    pub(crate) schema: Digest,
}

impl Table {
    pub(crate) fn of<E: Event>(gate: Gate) -> Result<Self, RegisterError> {
        gate.check()?;
        if PurposeId::parse(E::NAME).is_err() {
            return Err(RegisterError::Name);
        }
        let ceiling = evanesce_core::DataClass::Aggregate.ceiling();
        if <E::Purpose as Purpose>::KEEP.ceiling() > ceiling {
            return Err(RegisterError::Retention);
        }
        Ok(Self {
            name: E::NAME,
            purpose: E::Purpose::id(),
            until: E::UNTIL,
            dimensions: E::DIMENSIONS,
            cells: cells(E::DIMENSIONS)?,
            gate,
            schema: schema(E::NAME, E::DIMENSIONS),
        })
    }

    /// Whether this is the table of the event's type, not only of its name.
    pub(crate) fn is_of<E: Event>(&self) -> bool {
        self.purpose == E::Purpose::id()
            && self.until == E::UNTIL
            && (std::ptr::eq(self.dimensions, E::DIMENSIONS) || self.dimensions == E::DIMENSIONS)
    }

    /// The number of a cell, of which the last dimension changes fastest.
    pub(crate) fn place(&self, cell: &Cell) -> Option<usize> {
        if cell.indices().len() != self.dimensions.len() {
            return None;
        }
        let mut places = self.dimensions.iter().zip(cell.indices());
        places.try_fold(0, |place, (dimension, index)| {
            let index = usize::from(*index);
            (index < dimension.labels.len()).then(|| place * dimension.labels.len() + index)
        })
    }

    /// The labels of a cell, by its number.
    pub(crate) fn labels(&self, mut place: usize) -> Vec<String> {
        let mut labels: Vec<String> = self
            .dimensions
            .iter()
            .rev()
            .map(|dimension| {
                let length = dimension.labels.len().max(1);
                let label = dimension.labels.get(place % length).copied().unwrap_or_default();
                place /= length;
                label.to_owned()
            })
            .collect();
        labels.reverse();
        labels
    }

    pub(crate) fn shape(&self) -> Vec<usize> {
        self.dimensions.iter().map(|dimension| dimension.labels.len()).collect()
    }
}

fn cells(dimensions: &[Dimension]) -> Result<usize, RegisterError> {
    if dimensions.is_empty() || dimensions.len() > MAX_DIMENSIONS {
        return Err(RegisterError::Shape);
    }
    let mut cells = 1_usize;
    for dimension in dimensions {
        let labels = dimension.labels;
        let is_plain = |label: &&str| label.len() <= 64 && Label::parse(label).is_ok();
        let mut sorted = labels.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let is_closed = !labels.is_empty() && labels.len() <= MAX_LABELS;
        if !is_closed || sorted.len() != labels.len() || !labels.iter().all(is_plain) {
            return Err(RegisterError::Shape);
        }
        cells = cells.saturating_mul(labels.len());
    }
    if cells > MAX_CELLS { Err(RegisterError::Shape) } else { Ok(cells) }
}

fn schema(name: &str, dimensions: &[Dimension]) -> Digest {
    let mut bytes = AssociatedData::new("evanesce table v1").field(name.as_bytes());
    for dimension in dimensions {
        bytes = bytes.field(dimension.name.as_bytes()).number(dimension.labels.len() as u64);
        bytes = dimension.labels.iter().fold(bytes, |bytes, label| bytes.field(label.as_bytes()));
    }
    sha256(bytes.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOURS: Dimension = Dimension { name: "colour", labels: &["red", "green", "blue"] };
    const SIZES: Dimension = Dimension { name: "size", labels: &["small", "large"] };

    fn table(dimensions: &'static [Dimension]) -> Table {
        Table {
            name: "painted",
            purpose: PurposeId::new("usage"),
            until: Date::new(2027, 6, 30).unwrap(),
            dimensions,
            cells: cells(dimensions).unwrap(),
            gate: Gate::disclosure(5),
            schema: schema("painted", dimensions),
        }
    }

    #[test]
    fn a_place_and_its_labels_belong_together() {
        let table = table(&[COLOURS, SIZES]);
        for place in 0..table.cells {
            let labels = table.labels(place);
            let indices: Vec<usize> = table
                .dimensions
                .iter()
                .zip(&labels)
                .map(|(d, label)| d.labels.iter().position(|l| l == label).unwrap())
                .collect();
            assert_eq!(table.place(&Cell::new(&indices)), Some(place));
        }
        assert_eq!(table.place(&Cell::new(&[3, 0])), None);
        assert_eq!(table.place(&Cell::new(&[1])), None);
        assert_eq!(table.place(&Cell::new(&[1, usize::MAX])), None);
    }

    #[test]
    fn tables_are_plain_closed_and_small() {
        const LONG: &[&str] = &["x"; 257];
        const WIDE: Dimension = Dimension { name: "wide", labels: LONG };
        const DOUBLED: Dimension = Dimension { name: "twice", labels: &["a", "a"] };
        const ADDRESS: Dimension = Dimension { name: "to", labels: &["reader@example.org"] };
        const EMPTY: Dimension = Dimension { name: "none", labels: &[] };
        const EIGHT: Dimension =
            Dimension { name: "eight", labels: &["0", "1", "2", "3", "4", "5", "6", "7"] };
        for wrong in
            [&[][..], &[WIDE], &[DOUBLED], &[ADDRESS], &[EMPTY], &[EIGHT; 5], &[COLOURS; 9]]
        {
            assert_eq!(cells(wrong), Err(RegisterError::Shape));
        }
        assert_eq!(cells(&[EIGHT; 4]), Ok(4096));
    }

    #[test]
    fn another_declaration_is_another_schema() {
        assert_ne!(table(&[COLOURS]).schema, table(&[SIZES]).schema);
        assert_ne!(table(&[COLOURS, SIZES]).schema, table(&[SIZES, COLOURS]).schema);
    }
}
