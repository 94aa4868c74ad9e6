//! Fields of a row, and what is said of it.

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

/// Whether the library's answer is the row's.
pub(crate) fn judged(is_right: bool, why: &str) -> Value {
    json!({ "outcome": if is_right { "pass" } else { "fail" }, "why": why })
}

/// The library has no such function.
pub(crate) fn unclaimed(why: &str) -> Value {
    json!({ "outcome": "unclaimed", "why": why })
}

/// The field's text.
pub(crate) fn text<'r>(row: &'r Value, name: &str) -> Option<&'r str> {
    row[name].as_str()
}

/// The bytes that the field's hexadecimal digits say.
pub(crate) fn hex(row: &Value, name: &str) -> Option<Vec<u8>> {
    hex_of(text(row, name)?)
}

/// The bytes that hexadecimal digits of either case say.
pub(crate) fn hex_of(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// The bytes that a text in base64 says.
pub(crate) fn base64_of(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}

/// Whether a field says `value`; one that is not there says nothing else.
pub(crate) fn agrees(row: &Value, name: &str, value: impl Into<Value>) -> bool {
    row[name].is_null() || row[name] == value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_pairs() {
        assert_eq!(hex_of("00fF"), Some(vec![0, 255]));
        assert_eq!(hex_of(""), Some(vec![]));
        for text in ["0", "0g", "+1", "é"] {
            assert_eq!(hex_of(text), None, "{text}");
        }
    }
}
