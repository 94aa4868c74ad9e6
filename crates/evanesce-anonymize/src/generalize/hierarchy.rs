use std::collections::HashMap;
use std::fmt;

use super::GeneralizeError;
use crate::disclosure::csv::Records;

const MOST_LEVELS: usize = 64;

/// What the values of a column become, level by level: level 0 is the values
/// themselves, each further level is coarser. A value of a level lies under one
/// value of the next, so that a coarser level never parts what a finer one joined.
///
/// One that was made from a column holds its values, so that `Debug` shows none.
#[derive(Clone)]
pub struct Hierarchy {
    known: HashMap<String, u32>,
    levels: Vec<Level>,
}

#[derive(Clone, Default)]
struct Level {
    names: Vec<String>,
    // For each value of level 0 its value here.
    of_base: Vec<u32>,
}

impl Hierarchy {
    /// From text without a heading: a line for each value, which stands first, and
    /// behind it what the value becomes, from the finest to the coarsest level.
    /// Fields are quoted as in RFC 4180.
    ///
    /// ```
    /// use evanesce_anonymize::generalize::Hierarchy;
    /// let age = Hierarchy::parse("34;30-39;*\n36;30-39;*\n41;40-49;*\n", ';')?;
    /// assert_eq!(age.levels(), 3);
    /// # Ok::<(), evanesce_anonymize::generalize::GeneralizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`GeneralizeError::Hierarchy`] if it has no line, lines of different lengths,
    /// more than 64 levels, a value twice, or two values that a level joins and a
    /// coarser one parts; [`GeneralizeError::Table`] for malformed quotation.
    pub fn parse(text: &str, delimiter: char) -> Result<Self, GeneralizeError> {
        let mut lines: Vec<Vec<String>> = Vec::new();
        for record in Records::new(text.trim_start_matches('\u{feff}'), delimiter) {
            lines.push(record?.into_iter().map(|field| field.into_owned()).collect());
        }
        Self::from_lines(&lines)
    }

    /// For numbers and codes of which the end matters least: each level hides one
    /// more character from the right, until nothing is left.
    ///
    /// ```
    /// use evanesce_anonymize::generalize::Hierarchy;
    /// let postcode = Hierarchy::masked(["53111", "53113", "24103"])?;
    /// assert_eq!(postcode.levels(), 6);
    /// assert_eq!(postcode.generalized("53113", 2), Some("531**"));
    /// # Ok::<(), evanesce_anonymize::generalize::GeneralizeError>(())
    /// ```
    ///
    /// # Errors
    /// [`GeneralizeError::Hierarchy`] without a value, or with one of 64 and more
    /// characters.
    pub fn masked<'v>(values: impl IntoIterator<Item = &'v str>) -> Result<Self, GeneralizeError> {
        let mut values: Vec<&str> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        let width = values.iter().map(|value| value.chars().count()).max().unwrap_or(0);
        if width >= MOST_LEVELS {
            return Err(GeneralizeError::Hierarchy);
        }
        let line = |value: &&str| -> Vec<String> {
            let shown = |hidden: usize| value.chars().take(width - hidden);
            let masked = |hidden: usize| -> String {
                let kept: String = shown(hidden).collect();
                let stars = "*".repeat(width - kept.chars().count());
                if hidden == 0 { (*value).to_owned() } else { kept + &stars }
            };
            (0..=width).map(masked).collect()
        };
        Self::from_lines(&values.iter().map(line).collect::<Vec<_>>())
    }

    fn from_lines(lines: &[Vec<String>]) -> Result<Self, GeneralizeError> {
        let height = lines.first().map_or(0, Vec::len);
        if height == 0 || height > MOST_LEVELS || lines.iter().any(|it| it.len() != height) {
            return Err(GeneralizeError::Hierarchy);
        }
        let mut levels = Vec::with_capacity(height);
        for depth in 0..height {
            let mut known: HashMap<&str, u32> = HashMap::new();
            let mut level = Level::default();
            for line in lines {
                let name = line[depth].as_str();
                let next =
                    u32::try_from(level.names.len()).map_err(|_| GeneralizeError::Hierarchy)?;
                let number = *known.entry(name).or_insert(next);
                if number == next {
                    level.names.push(name.to_owned());
                }
                level.of_base.push(number);
            }
            levels.push(level);
        }
        let mut known = HashMap::new();
        for (place, line) in (0_u32..).zip(lines) {
            if known.insert(line[0].clone(), place).is_some() {
                return Err(GeneralizeError::Hierarchy);
            }
        }
        for pair in levels.windows(2) {
            let mut above: HashMap<u32, u32> = HashMap::new();
            let both = pair[0].of_base.iter().zip(&pair[1].of_base);
            for (lower, upper) in both {
                if above.insert(*lower, *upper).is_some_and(|earlier| earlier != *upper) {
                    return Err(GeneralizeError::Hierarchy);
                }
            }
        }
        Ok(Self { known, levels })
    }

    /// How many levels there are, the values themselves among them.
    #[must_use]
    pub const fn levels(&self) -> usize {
        self.levels.len()
    }

    /// What a value becomes at a level; `None` if one of the two is not known.
    #[must_use]
    pub fn generalized(&self, value: &str, level: usize) -> Option<&str> {
        self.name(level, *self.levels.get(level)?.of_base.get(self.place(value)? as usize)?)
    }

    pub(super) fn place(&self, value: &str) -> Option<u32> {
        self.known.get(value).copied()
    }

    pub(super) fn name(&self, level: usize, code: u32) -> Option<&str> {
        self.levels.get(level)?.names.get(code as usize).map(String::as_str)
    }

    // How many values it knows.
    pub(super) fn domain(&self) -> usize {
        self.known.len()
    }

    // For each value of level 0 its code at `level`.
    pub(super) fn codes(&self, level: usize) -> &[u32] {
        self.levels.get(level).map_or(&[], |it| &it.of_base)
    }

    // How many codes a level has.
    pub(super) fn width(&self, level: usize) -> usize {
        self.levels.get(level).map_or(0, |it| it.names.len())
    }
}

impl fmt::Debug for Hierarchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hierarchy").field("levels", &self.levels()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hierarchy_is_a_tree() {
        let wrong = ["", "a;x;*\nb;x\n", "a;x\na;y\n", "a;x;p\nb;x;q\n", "\"a;x\n"];
        for text in wrong {
            assert!(Hierarchy::parse(text, ';').is_err(), "{text}");
        }
        let long = vec!["x"; 65].join(";");
        assert_eq!(Hierarchy::parse(&long, ';').err(), Some(GeneralizeError::Hierarchy));
        let fine = Hierarchy::parse("a;x;*\nb;x;*\nc;y;*\n", ';').unwrap();
        assert_eq!((fine.width(0), fine.width(1), fine.width(2)), (3, 2, 1));
        assert_eq!(fine.generalized("c", 1), Some("y"));
        assert_eq!(fine.generalized("d", 1), None);
        assert_eq!(fine.generalized("a", 3), None);
    }

    #[test]
    fn a_mask_hides_from_the_right_and_short_values_are_filled() {
        let mask = Hierarchy::masked(["123", "12", "9", "12"]).unwrap();
        assert_eq!(mask.levels(), 4);
        assert_eq!(mask.generalized("123", 1), Some("12*"));
        assert_eq!(mask.generalized("12", 1), Some("12*"));
        assert_eq!(mask.generalized("12", 0), Some("12"));
        assert_eq!(mask.generalized("9", 3), Some("***"));
        assert!(Hierarchy::masked([]).is_err());
        assert!(Hierarchy::masked(["x".repeat(64).as_str()]).is_err());
    }
}
