use std::fmt;

use crate::AuditError;

/// Where a tile of the tree lies, relative to the log's prefix: C2SP tlog-tiles.
/// `partial` is the number of hashes of an unfinished tile, 0 for a whole one.
///
/// ```
/// # use evanesce_audit::tile_path;
/// assert_eq!(tile_path(0, 1_234_067, 0), "tile/0/x001/x234/067");
/// assert_eq!(tile_path(1, 0, 3), "tile/1/000.p/3");
/// ```
#[must_use]
pub fn tile_path(level: u8, index: u64, partial: u8) -> String {
    format!("tile/{level}/{}{}", index_path(index), suffix(partial))
}

/// Where a bundle of up to 256 entries lies: C2SP tlog-tiles.
#[must_use]
pub fn entries_path(index: u64, partial: u8) -> String {
    format!("tile/entries/{}{}", index_path(index), suffix(partial))
}

/// Where the bundle lies that holds entry `index` of a log of `size` entries.
///
/// # Errors
/// [`AuditError::OutOfRange`] if the log has no such entry.
pub fn entries_path_of(index: u64, size: u64) -> Result<String, AuditError> {
    if index >= size {
        return Err(AuditError::OutOfRange);
    }
    let bundle = index / 256;
    // Below 256 by the comparison, so the remainder is the number of its entries.
    let partial = if bundle == size / 256 { (size % 256) as u8 } else { 0 };
    Ok(entries_path(bundle, partial))
}

/// Reads level and rest of a tile's path, as [`tile_path`] writes them after
/// `tile/`, into level, index and partial width.
///
/// # Errors
/// [`AuditError::Malformed`] for any other spelling, and for a level over 63.
pub fn parse_tile_path(level: &str, path: &str) -> Result<(u8, u64, u8), AuditError> {
    if path.len() > 64 {
        return Err(AuditError::Malformed);
    }
    let level = decimal(level)?.try_into().map_err(|_| AuditError::Malformed)?;
    if level > 63 {
        return Err(AuditError::Malformed);
    }
    let (index, partial) = match path.split_once(".p/") {
        None => (path, 0),
        Some((index, width)) => {
            let width = decimal(width)?.try_into().map_err(|_| AuditError::Malformed)?;
            if width == 0 {
                return Err(AuditError::Malformed);
            }
            (index, width)
        }
    };
    Ok((level, parse_index(index)?, partial))
}

/// A tile of the Go checksum database, whose tiles have heights of their own and whose
/// entries are a level called `data`: the predecessor of C2SP tlog-tiles. For tools
/// that read other logs; ours has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SumdbTile {
    /// How many levels of the tree it spans, 1 to 30.
    pub height: u8,
    /// The level, 0 to 63; `None` for entries.
    pub level: Option<u8>,
    /// The number in its level.
    pub index: u64,
    /// How many hashes it has, 1 to 2^height.
    pub width: u32,
}

impl SumdbTile {
    /// Reads `tile/<height>/<level>/<index>[.p/<width>]`.
    ///
    /// # Errors
    /// [`AuditError::Malformed`] for any other spelling.
    pub fn parse(path: &str) -> Result<Self, AuditError> {
        let malformed = AuditError::Malformed;
        let rest = path.strip_prefix("tile/").filter(|_| path.len() <= 64).ok_or(malformed)?;
        let (height, rest) = rest.split_once('/').ok_or(malformed)?;
        let (level, rest) = rest.split_once('/').ok_or(malformed)?;
        let small = |text: &str, most: u8| -> Result<u8, AuditError> {
            let number = u8::try_from(decimal(text)?).map_err(|_| malformed)?;
            if number <= most { Ok(number) } else { Err(malformed) }
        };
        let height = small(height, 30)?;
        let level = if level == "data" { None } else { Some(small(level, 63)?) };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, 1 << height),
            Some((index, width)) => (index, decimal(width)?.try_into().map_err(|_| malformed)?),
        };
        let tile = Self { height, level, index: parse_index(index)?, width };
        // A whole tile has one spelling, and none is empty.
        if height > 0 && width > 0 && tile.to_string() == path { Ok(tile) } else { Err(malformed) }
    }
}

impl fmt::Display for SumdbTile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.level.map_or_else(|| "data".to_owned(), |level| level.to_string());
        write!(f, "tile/{}/{level}/{}", self.height, index_path(self.index))?;
        if self.width < 1 << self.height { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn index_path(mut index: u64) -> String {
    let mut path = format!("{:03}", index % 1000);
    while index >= 1000 {
        index /= 1000;
        path = format!("x{:03}/{path}", index % 1000);
    }
    path
}

fn suffix(partial: u8) -> String {
    if partial == 0 { String::new() } else { format!(".p/{partial}") }
}

fn parse_index(path: &str) -> Result<u64, AuditError> {
    let mut index: u64 = 0;
    let mut groups = path.split('/').peekable();
    while let Some(group) = groups.next() {
        let more = groups.peek().is_some();
        let digits = if more { group.strip_prefix('x') } else { Some(group) };
        let digits = digits.filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()));
        let value: u64 = digits.and_then(|d| d.parse().ok()).ok_or(AuditError::Malformed)?;
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(value))
            .ok_or(AuditError::Malformed)?;
    }
    // One index has one spelling: no leading group of zeros.
    if index_path(index) == path { Ok(index) } else { Err(AuditError::Malformed) }
}

// Decimal digits without sign and without leading zero.
pub(crate) fn decimal(text: &str) -> Result<u64, AuditError> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return Err(AuditError::Malformed);
    }
    text.parse().map_err(|_| AuditError::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bundle_is_partial_only_at_the_end() {
        assert_eq!(entries_path_of(10, 300).unwrap(), "tile/entries/000");
        assert_eq!(entries_path_of(256, 300).unwrap(), "tile/entries/001.p/44");
        assert_eq!(entries_path_of(300, 300), Err(AuditError::OutOfRange));
    }

    #[test]
    fn other_spellings_are_refused() {
        for (level, path) in [
            ("00", "001"),
            ("+1", "001"),
            ("64", "001"),
            ("0", ""),
            ("0", "1"),
            ("0", "x000/001"),
            ("0", "001/x002"),
            ("0", "001.p/0"),
            ("0", "001.p/256"),
            ("0", "001.p/007"),
            ("0", "x018/x446/x744/x073/x709/x551/616"),
        ] {
            assert_eq!(parse_tile_path(level, path), Err(AuditError::Malformed), "{level} {path}");
        }
    }

    #[test]
    fn tiles_of_the_go_checksum_database_are_read_in_their_one_spelling() {
        let tile = |height, level, index, width| SumdbTile { height, level, index, width };
        assert_eq!(SumdbTile::parse("tile/8/0/x001/234.p/5"), Ok(tile(8, Some(0), 1234, 5)));
        assert_eq!(SumdbTile::parse("tile/2/data/007"), Ok(tile(2, None, 7, 4)));
        for path in [
            "tile/0/0/001",
            "tile/31/0/001",
            "tile/8/64/001",
            "tile/8/0/001.p/256",
            "tile/8/0/001.p/0",
            "tile/8/0/001.p/05",
            "tile/8/00/001",
            "tile/8/date/001",
            "tile/8/0/1",
            "tile/8/0/x001",
            "/tile/8/0/001",
            "8/0/001",
        ] {
            assert_eq!(SumdbTile::parse(path), Err(AuditError::Malformed), "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_tile_of_the_go_checksum_database_is_read_back(
            height in 1u8..=30,
            level in prop::option::of(0u8..64),
            index: u64,
            width: u32,
        ) {
            let width = width % (1 << height) + 1;
            let tile = SumdbTile { height, level, index, width };
            prop_assert_eq!(SumdbTile::parse(&tile.to_string()), Ok(tile));
        }

        #[test]
        fn no_path_of_that_database_panics(path in "tile/[0-9]{1,3}/(data|[0-9]{1,3})/[x0-9./p]{0,20}") {
            let _ = SumdbTile::parse(&path);
        }

        #[test]
        fn what_is_written_is_read_back(level in 0u8..64, index: u64, partial: u8) {
            let path = tile_path(level, index, partial);
            let (first, rest) = path.strip_prefix("tile/").unwrap().split_once('/').unwrap();
            prop_assert_eq!(parse_tile_path(first, rest), Ok((level, index, partial)));
        }

        #[test]
        fn no_text_panics(level in ".{0,4}", path in "[x0-9./p]{0,40}") {
            let _ = parse_tile_path(&level, &path);
        }
    }
}
