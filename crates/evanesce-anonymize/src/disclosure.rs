//! How much a table that someone brings discloses: classes of rows that look
//! alike, and what a class says about a sensitive value.
//!
//! ```
//! use evanesce_anonymize::disclosure::{Distance, MicroTable};
//! let table = MicroTable::parse("city,illness\nBonn,flu\nBonn,cold\nKiel,flu\n", ',')?;
//! let classes = table.classes(&["city"])?;
//! assert_eq!((classes.k(), classes.uniques()), (1, 1));
//! let illness = classes.sensitive("illness")?;
//! assert_eq!(illness.distinct_l(), 1);
//! assert!(illness.t_closeness(Distance::Equal) > 0.3);
//! # Ok::<(), evanesce_anonymize::disclosure::DisclosureError>(())
//! ```

use std::collections::HashMap;

pub(crate) mod csv;
mod sensitive;

pub use sensitive::{Absent, Distance, Reading, Sensitive};

/// Why a table cannot be measured. Nothing of the table is in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DisclosureError {
    /// No column has this name.
    #[error("the table has no such column")]
    Column,
    /// Two columns have the same name.
    #[error("two columns have the same name")]
    Duplicate,
    /// The table has no row.
    #[error("the table has no row")]
    Empty,
    /// No quasi-identifier was named.
    #[error("a class needs at least one quasi-identifier")]
    NoQuasiIdentifier,
    /// A quotation mark is not closed, or followed by text.
    #[error("a quoted field is malformed")]
    Quotes,
    /// A row has more or fewer fields than the heading.
    #[error("a row has another number of fields than the heading")]
    Ragged,
    /// More than 4,294,967,295 rows.
    #[error("the table has too many rows")]
    TooLong,
}

/// A table of rows about persons, held as numbers of values. It implements
/// neither `Debug` nor `Serialize`, because it holds personal data.
pub struct MicroTable {
    columns: Vec<Column>,
    rows: usize,
}

pub(crate) struct Column {
    name: String,
    pub(crate) cells: Vec<u32>,
    pub(crate) values: Vec<String>,
}

impl Column {
    /// A row's value.
    pub(crate) fn value(&self, row: usize) -> &str {
        &self.values[self.cells[row] as usize]
    }

    /// For each row the rank of its value, and for each rank its rows.
    pub(crate) fn ranked(&self) -> (Vec<u32>, Vec<u32>) {
        let (ranks, _) = sensitive::ranks(&self.values);
        let of_row: Vec<u32> = self.cells.iter().map(|cell| ranks[*cell as usize]).collect();
        let mut totals = vec![0; ranks.iter().max().map_or(0, |it| *it as usize + 1)];
        for rank in &of_row {
            totals[*rank as usize] += 1;
        }
        (of_row, totals)
    }

    /// A value of each rank.
    pub(crate) fn ranked_values(&self) -> Vec<&str> {
        let (ranks, _) = sensitive::ranks(&self.values);
        let mut values = vec![""; ranks.iter().max().map_or(0, |it| *it as usize + 1)];
        for (value, rank) in self.values.iter().zip(&ranks) {
            values[*rank as usize] = value;
        }
        values
    }
}

impl MicroTable {
    /// From text with a heading, fields between `delimiter`, quoted as in RFC 4180.
    ///
    /// # Errors
    /// If it has no row, a row of another length, two columns of one name or a
    /// malformed quotation.
    pub fn parse(text: &str, delimiter: char) -> Result<Self, DisclosureError> {
        let mut records = csv::Records::new(text.trim_start_matches('\u{feff}'), delimiter);
        let heading = records.next().ok_or(DisclosureError::Empty)??;
        let heading: Vec<String> = heading.into_iter().map(|it| it.into_owned()).collect();
        Self::from_rows(heading, records)
    }

    fn from_rows<'t>(
        heading: Vec<String>,
        records: impl Iterator<Item = Result<csv::Record<'t>, DisclosureError>>,
    ) -> Result<Self, DisclosureError> {
        let mut seen = std::collections::HashSet::new();
        if !heading.iter().all(|name| seen.insert(name.as_str())) {
            return Err(DisclosureError::Duplicate);
        }
        let mut known: Vec<HashMap<String, u32>> = vec![HashMap::new(); heading.len()];
        let mut columns: Vec<Column> = heading
            .into_iter()
            .map(|name| Column { name, cells: Vec::new(), values: Vec::new() })
            .collect();
        let mut rows = 0_usize;
        for record in records {
            let record = record?;
            if record.len() != columns.len() {
                return Err(DisclosureError::Ragged);
            }
            rows += 1;
            for ((field, column), known) in record.iter().zip(&mut columns).zip(&mut known) {
                let number = match known.get(field.as_ref()) {
                    Some(number) => *number,
                    None => {
                        let number = number(column.values.len())?;
                        column.values.push(field.to_string());
                        known.insert(field.to_string(), number);
                        number
                    }
                };
                column.cells.push(number);
            }
        }
        number(rows)?;
        if rows == 0 { Err(DisclosureError::Empty) } else { Ok(Self { columns, rows }) }
    }

    /// From whole columns of one length.
    pub(crate) fn from_columns(columns: Vec<(String, Vec<&str>)>) -> Result<Self, DisclosureError> {
        let rows = columns.first().map_or(0, |(_, cells)| cells.len());
        if rows == 0 {
            return Err(DisclosureError::Empty);
        }
        let column = |(name, fields): (String, Vec<&str>)| {
            let mut known: HashMap<&str, u32> = HashMap::new();
            let mut values = Vec::new();
            let cells = fields.iter().map(|field| {
                let next = number(values.len())?;
                let cell = *known.entry(field).or_insert(next);
                if cell == next {
                    values.push((*field).to_owned());
                }
                Ok(cell)
            });
            let cells = cells.collect::<Result<Vec<u32>, DisclosureError>>()?;
            if cells.len() != rows {
                return Err(DisclosureError::Ragged);
            }
            Ok(Column { name, cells, values })
        };
        let columns = columns.into_iter().map(column).collect::<Result<_, _>>()?;
        Ok(Self { columns, rows })
    }

    /// As text: a heading and a line for each row, fields between `delimiter`, quoted as
    /// in RFC 4180 where they have to be. What it holds leaves the table here.
    #[must_use]
    pub fn write(&self, delimiter: char) -> String {
        let mut text = String::new();
        let names = self.columns.iter().map(|column| column.name.as_str());
        csv::write(&mut text, names, delimiter);
        for row in 0..self.rows {
            csv::write(&mut text, self.columns.iter().map(|it| it.value(row)), delimiter);
        }
        text
    }

    /// How many rows it has.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The different values of a column, in the order of their first row, such as to
    /// make a [`Hierarchy`](crate::generalize::Hierarchy) of them.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn values(&self, name: &str) -> Result<impl Iterator<Item = &str>, DisclosureError> {
        Ok(self.column(name)?.values.iter().map(String::as_str))
    }

    /// The classes of rows that agree in every quasi-identifier, in time linear in
    /// rows and quasi-identifiers.
    ///
    /// # Errors
    /// If no quasi-identifier is named, or one is no column.
    pub fn classes(&self, quasi_identifiers: &[&str]) -> Result<Classes<'_>, DisclosureError> {
        if quasi_identifiers.is_empty() {
            return Err(DisclosureError::NoQuasiIdentifier);
        }
        let mut of_row = vec![0_u32; self.rows];
        for name in quasi_identifiers {
            let column = self.column(name)?;
            let mut known: HashMap<(u32, u32), u32> = HashMap::new();
            for (class, cell) in of_row.iter_mut().zip(&column.cells) {
                // There are never more classes than rows, whose number fits.
                let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                *class = *known.entry((*class, *cell)).or_insert(next);
            }
        }
        let count = of_row.iter().max().map_or(0, |last| *last as usize + 1);
        let mut sizes = vec![0_u32; count];
        for class in &of_row {
            sizes[*class as usize] += 1;
        }
        Ok(Classes { table: self, of_row, sizes })
    }

    pub(crate) fn column(&self, name: &str) -> Result<&Column, DisclosureError> {
        self.columns.iter().find(|it| it.name == name).ok_or(DisclosureError::Column)
    }
}

/// The rows of a table, in classes that agree in every quasi-identifier.
pub struct Classes<'t> {
    table: &'t MicroTable,
    of_row: Vec<u32>,
    sizes: Vec<u32>,
}

impl Classes<'_> {
    /// How many classes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sizes.len()
    }

    /// The size of the smallest class (Sweeney, "k-anonymity: a model for
    /// protecting privacy", 2002).
    #[must_use]
    pub fn k(&self) -> u32 {
        self.sizes.iter().copied().min().unwrap_or(0)
    }

    /// How many rows are alone in their class.
    #[must_use]
    pub fn uniques(&self) -> usize {
        self.sizes.iter().filter(|size| **size == 1).count()
    }

    /// The mean over rows of `1 / size of its class`: the share of rows that a
    /// prosecutor who knows every quasi-identifier names rightly (El Emam and
    /// Dankar, "Protecting privacy using k-anonymity", 2008).
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "rows are under 2^32")]
    pub fn average_risk(&self) -> f64 {
        self.sizes.len() as f64 / self.table.rows as f64
    }

    /// The prosecutor's risk of the row in the smallest class.
    #[must_use]
    pub fn maximum_risk(&self) -> f64 {
        1.0 / f64::from(self.k())
    }

    /// What the classes say about a sensitive column, in time n log n in rows.
    ///
    /// # Errors
    /// If there is no such column.
    pub fn sensitive(&self, name: &str) -> Result<Sensitive, DisclosureError> {
        let column = self.table.column(name)?;
        Ok(Sensitive::new(&self.of_row, &self.sizes, &column.cells, &column.values))
    }
}

fn number(count: usize) -> Result<u32, DisclosureError> {
    u32::try_from(count).map_err(|_| DisclosureError::TooLong)
}
