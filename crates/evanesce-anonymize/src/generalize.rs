//! Generalising a table that someone brings until it keeps what is asked of it:
//! every column is coarsened as a whole, along a [`Hierarchy`], and up to a given
//! number of rows is left out (full-domain generalisation with suppression:
//! Samarati, "Protecting respondents' identities in microdata release", 2001).
//!
//! Of all combinations of levels the one with the least [`Loss`] is found, not only
//! a good one. Combinations are passed over where a requirement that only gets
//! easier by generalising has failed above them, or where their loss is at least
//! that of what was found (Kohlmayer and others, "Flash: efficient, stable and
//! optimal k-anonymity", 2012).
//!
//! ```
//! use evanesce_anonymize::disclosure::MicroTable;
//! use evanesce_anonymize::generalize::{Generalization, Hierarchy, Loss, Requirement};
//! let text = "age,city,illness\n34,Bonn,flu\n36,Bonn,cold\n34,Kiel,flu\n38,Kiel,flu\n";
//! let table = MicroTable::parse(text, ',')?;
//! let age = Hierarchy::parse("34,30-39,*\n36,30-39,*\n38,30-39,*\n", ',')?;
//! let city = Hierarchy::parse("Bonn,*\nKiel,*\n", ',')?;
//! let mut brought = Generalization::of(&table);
//! brought.quasi_identifier("age", &age)?.quasi_identifier("city", &city)?;
//! brought.require(Requirement::KAnonymity { k: 2 })?;
//! let found = brought.optimum(Loss::Entropy)?;
//! assert_eq!(found.levels(), [1, 0]);
//! assert_eq!(found.table()?.classes(&["age", "city"])?.k(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is not promised
//! k-anonymity and its relatives are properties of one table. They say nothing
//! about a reader who holds another table of the same persons, or about two
//! releases of this one; where that matters, release counts under differential
//! privacy instead ([`Gate::differential`](crate::Gate::differential)).

use crate::disclosure::{DisclosureError, MicroTable};

mod hierarchy;
mod loss;
mod problem;
mod requirement;
mod search;

pub use hierarchy::Hierarchy;
pub use loss::Loss;
pub use requirement::Requirement;

use problem::{Axis, Problem};
use requirement::Check;

/// Combinations of levels that are looked at, at most.
const MOST_COMBINATIONS: usize = 1 << 20;

/// Why a table cannot be generalised. Nothing of the table is in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeneralizeError {
    /// A hierarchy is empty, ragged, has more than 64 levels, has a value twice or
    /// parts at a coarser level what a finer one joined.
    #[error("a hierarchy is malformed")]
    Hierarchy,
    /// Levels are named that the hierarchies do not have.
    #[error("the levels are not those of the quasi-identifiers")]
    Levels,
    /// A quasi-identifier is named twice, or is also the sensitive column.
    #[error("a column has two roles")]
    Roles,
    /// No requirement was made, or no quasi-identifier named: nothing would change.
    #[error("nothing is required of the table")]
    NothingRequired,
    /// A requirement's number lies outside what it means.
    #[error("a requirement is out of range")]
    Requirement,
    /// The table cannot be read.
    #[error("the table cannot be read")]
    Table(#[from] DisclosureError),
    /// More than 1,048,576 combinations of levels, or of values more than 2^128.
    #[error("there are too many combinations of levels")]
    TooLarge,
    /// No combination of levels keeps what is required.
    #[error("no generalisation keeps what is required")]
    Unreachable,
    /// A value of the table is not in its column's hierarchy.
    #[error("a value is missing in its hierarchy")]
    Value,
}

/// A table with its quasi-identifiers and what is required of it.
pub struct Generalization<'t> {
    table: &'t MicroTable,
    axes: Vec<Axis<'t>>,
    checks: Vec<Check<'t>>,
    most_suppressed: usize,
}

impl<'t> Generalization<'t> {
    /// Of this table, with nothing required yet and no row suppressed.
    #[must_use]
    pub const fn of(table: &'t MicroTable) -> Self {
        Self { table, axes: Vec::new(), checks: Vec::new(), most_suppressed: 0 }
    }

    /// Adds a column by which a reader may know a person, and what it may become.
    ///
    /// # Errors
    /// [`GeneralizeError::Value`] if the hierarchy lacks a value of the column,
    /// [`GeneralizeError::Roles`] for a column that has a role, and
    /// [`GeneralizeError::Table`] if there is no such column.
    pub fn quasi_identifier(
        &mut self,
        name: &'t str,
        hierarchy: &'t Hierarchy,
    ) -> Result<&mut Self, GeneralizeError> {
        let is_sensitive = self.checks.iter().any(|it| it.column() == Some(name));
        if is_sensitive || self.axes.iter().any(|axis| axis.name == name) {
            return Err(GeneralizeError::Roles);
        }
        self.axes.push(Axis::new(self.table, name, hierarchy)?);
        Ok(self)
    }

    /// Adds something that every class of rows has to keep.
    ///
    /// # Errors
    /// [`GeneralizeError::Requirement`] for a number out of range,
    /// [`GeneralizeError::Value`] if a hierarchy lacks a value,
    /// [`GeneralizeError::Roles`] if the sensitive column is a quasi-identifier, and
    /// [`GeneralizeError::Table`] if there is no such column.
    pub fn require(&mut self, requirement: Requirement<'t>) -> Result<&mut Self, GeneralizeError> {
        let check = Check::new(self.table, requirement)?;
        if self.axes.iter().any(|axis| check.column() == Some(axis.name)) {
            return Err(GeneralizeError::Roles);
        }
        self.checks.push(check);
        Ok(self)
    }

    /// Lets up to `rows` rows be left out, whole classes of them, where their class
    /// does not keep what is required. None at first.
    pub const fn suppress_at_most(&mut self, rows: usize) -> &mut Self {
        self.most_suppressed = rows;
        self
    }

    /// The combination of levels that keeps what is required with the least loss. Of
    /// equal ones it is one of the finest, and the same one every time.
    ///
    /// # Errors
    /// [`GeneralizeError::Unreachable`] if there is none,
    /// [`GeneralizeError::NothingRequired`] and [`GeneralizeError::TooLarge`].
    pub fn optimum(&self, loss: Loss) -> Result<Generalized<'_, 't>, GeneralizeError> {
        let problem = self.problem()?;
        let found = search::optimum(&problem, loss).ok_or(GeneralizeError::Unreachable)?;
        Ok(self.generalized(&problem, found.levels, loss))
    }

    /// What a given combination of levels gives, kept or not: one for each
    /// quasi-identifier, in the order of their naming.
    ///
    /// # Errors
    /// [`GeneralizeError::Levels`], [`GeneralizeError::NothingRequired`] and
    /// [`GeneralizeError::TooLarge`].
    pub fn at(&self, levels: &[usize], loss: Loss) -> Result<Generalized<'_, 't>, GeneralizeError> {
        let problem = self.problem()?;
        let fits = |(level, axis): (&usize, &Axis<'_>)| *level < axis.hierarchy.levels();
        if levels.len() != self.axes.len() || !levels.iter().zip(&self.axes).all(fits) {
            return Err(GeneralizeError::Levels);
        }
        Ok(self.generalized(&problem, levels.to_vec(), loss))
    }

    fn problem(&self) -> Result<Problem<'_>, GeneralizeError> {
        if self.axes.is_empty() || self.checks.is_empty() {
            return Err(GeneralizeError::NothingRequired);
        }
        Problem::new(self.table, &self.axes, &self.checks, self.most_suppressed)
    }

    fn generalized(
        &self,
        problem: &Problem<'_>,
        levels: Vec<usize>,
        loss: Loss,
    ) -> Generalized<'_, 't> {
        let grouped = problem.group(&levels);
        let kept = problem.kept(&grouped);
        let (value, _) = loss.of(problem, &levels, &grouped, &kept);
        let suppressed = grouped.suppressed(&kept);
        Generalized {
            of: self,
            loss: value,
            classes: grouped.sizes.len(),
            smallest: grouped.sizes.iter().copied().min().unwrap_or(0),
            suppressed,
            holds: suppressed <= self.most_suppressed,
            is_row_kept: problem.rows(&grouped, &kept),
            levels,
        }
    }
}

/// A combination of levels, and what it gives.
pub struct Generalized<'g, 't> {
    of: &'g Generalization<'t>,
    levels: Vec<usize>,
    loss: f64,
    classes: usize,
    smallest: usize,
    suppressed: usize,
    holds: bool,
    is_row_kept: Vec<bool>,
}

impl Generalized<'_, '_> {
    /// The level of each quasi-identifier, in the order of their naming.
    #[must_use]
    pub fn levels(&self) -> &[usize] {
        &self.levels
    }

    /// The loss.
    #[must_use]
    pub const fn loss(&self) -> f64 {
        self.loss
    }

    /// How many classes of rows there are, with those that are left out.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// The smallest of those classes.
    #[must_use]
    pub const fn smallest(&self) -> usize {
        self.smallest
    }

    /// How many rows are in a class that does not keep what is required.
    #[must_use]
    pub const fn suppressed(&self) -> usize {
        self.suppressed
    }

    /// Whether no more rows than allowed are left out.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.holds
    }

    /// The generalised table: the rows that are kept, of each quasi-identifier the
    /// generalised value, of each sensitive column the value. A column that was not
    /// named is left out, because nobody said what it tells.
    ///
    /// # Errors
    /// [`GeneralizeError::Table`] if no row is left.
    pub fn table(&self) -> Result<MicroTable, GeneralizeError> {
        let mut columns = Vec::new();
        for (axis, level) in self.of.axes.iter().zip(&self.levels) {
            let value = |row: usize| axis.value(row, *level);
            columns.push((axis.name.to_owned(), self.column(value)));
        }
        for check in &self.of.checks {
            let Some(name) = check.column().filter(|it| !columns.iter().any(|(n, _)| n == it))
            else {
                continue;
            };
            let column = self.of.table.column(name)?;
            columns.push((name.to_owned(), self.column(|row| column.value(row))));
        }
        Ok(MicroTable::from_columns(columns)?)
    }

    fn column<'v>(&self, value: impl Fn(usize) -> &'v str) -> Vec<&'v str> {
        let rows = self.is_row_kept.iter().enumerate().filter(|(_, is_kept)| **is_kept);
        rows.map(|(row, _)| value(row)).collect()
    }
}
