//! What bytes say as text: as UTF-8, and as UTF-16 where they look like it.

use zeroize::Zeroizing;

use crate::decode;

/// Hands every reading of the bytes to `each`. What is no text has become spaces.
pub(crate) fn readings(bytes: &[u8], mut each: impl FnMut(&str)) {
    each(&Zeroizing::new(decode::as_text(bytes.to_vec())));
    for read in [u16::from_le_bytes as fn([u8; 2]) -> u16, u16::from_be_bytes] {
        for skip in 0..2 {
            let units = bytes.get(skip..).unwrap_or(&[]).as_chunks::<2>().0;
            if is_wide(units, read) {
                let units = units.iter().map(|unit| read(*unit));
                let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(' ')).collect();
                each(&Zeroizing::new(text));
            }
        }
    }
}

// Eight letters of Latin in a row: in bytes every second one of them is zero, which text
// in UTF-8 has nowhere.
fn is_wide(units: &[[u8; 2]], read: fn([u8; 2]) -> u16) -> bool {
    let mut row = 0;
    units.iter().any(|unit| {
        row = if (0x20..0x7f).contains(&read(*unit)) { row + 1 } else { 0 };
        row >= 8
    })
}

/// Whether the bytes are packed: compressed, or an archive of compressed files. What is in
/// them cannot be read here.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    // RFC 1952, RFC 8878, APPNOTE 4.3, and the documents of bzip2, xz, 7-Zip and RAR.
    const MARKS: &[&[u8]] = &[
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"BZh",
        b"\xfd7zXZ\0",
        b"7z\xbc\xaf\x27\x1c",
        b"Rar!\x1a\x07",
    ];
    MARKS.iter().any(|mark| bytes.starts_with(mark))
        && !std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(bytes: &[u8], word: &str) -> bool {
        let mut said = false;
        readings(bytes, |text| said |= text.contains(word));
        said
    }

    #[test]
    fn wide_text_is_read_in_either_order_and_at_either_place() {
        let little: Vec<u8> = "a reader".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "a reader".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            assert!(says(&bytes, "reader"));
            assert!(says(&[b"x", bytes.as_slice()].concat(), "reader"));
        }
        assert!(says(b"a reader", "reader") && !says(b"a\0r\0e", "are"));
    }

    #[test]
    fn packed_bytes_are_told_from_text_that_begins_alike() {
        assert!(is_packed(b"\x1f\x8b\x08\0\0\0\0\0"));
        assert!(is_packed(b"PK\x03\x04\x14\0"));
        assert!(!is_packed(b"BZh is how such files begin") && !is_packed(b""));
    }
}
