//! The coarse part of a value: a network, a country, a year.

use crate::Kind;
use crate::window::digit;

/// What may stand after the kind, or nothing where no part of the value is coarse.
pub(crate) fn generalised(kind: Kind, value: &str) -> Option<String> {
    match kind {
        Kind::DateOfBirth => year(value).map(str::to_owned),
        Kind::Iban => value.get(..2).map(str::to_ascii_uppercase),
        Kind::Ip => network(value),
        Kind::Mac => vendor(value),
        Kind::Phone => calling_code(value).map(|code| format!("+{code}")),
        Kind::Url => value.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()),
        _ => None,
    }
    .filter(|part| part.is_ascii() && part.len() <= 24)
}

// Four digits that stand alone and begin as years of birth do.
fn year(value: &str) -> Option<&str> {
    let parts = value.split(|c: char| !c.is_ascii_digit());
    parts
        .into_iter()
        .find(|part| part.len() == 4 && (part.starts_with("19") || part.starts_with("20")))
}

// The first 16 bits of version 4, the first 32 of version 6: what a provider has.
fn network(value: &str) -> Option<String> {
    if value.contains(':') {
        let address: std::net::Ipv6Addr = value.parse().ok()?;
        let [a, b, ..] = address.segments();
        return Some(format!("{a:x}:{b:x}:x"));
    }
    let address: std::net::Ipv4Addr = value.parse().ok()?;
    let [a, b, ..] = address.octets();
    Some(format!("{a}.{b}.x.x"))
}

// The three bytes that are a maker's, unless a bit says that somebody chose the address.
fn vendor(value: &str) -> Option<String> {
    let mut digits = value.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_uppercase());
    let six: String = digits.by_ref().take(6).collect();
    let chosen = u8::from_str_radix(six.get(..2)?, 16).ok()? & 2 != 0;
    (!chosen && six.len() == 6 && digits.count() == 6).then_some(six)
}

// ITU-T E.164: one digit for 1 and 7, two for those listed, and else three.
fn calling_code(value: &str) -> Option<String> {
    const TWO: &[&str] = &[
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    let national = value.trim_start().strip_prefix('+')?;
    let digits: String =
        national.chars().filter(|c| digit(*c as u8) && c.is_ascii()).take(3).collect();
    let len = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [_, _, ..] if TWO.contains(&&digits[..2]) => 2,
        [_, _, _] => 3,
        _ => return None,
    };
    Some(digits[..len].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_coarse_part_is_left() {
        for (kind, value, part) in [
            (Kind::DateOfBirth, "12 March 1985", Some("1985")),
            (Kind::DateOfBirth, "12/03/85", None),
            (Kind::Email, "reader@example.org", None),
            (Kind::Iban, "DE89 3704 0044 0532 0130 00", Some("DE")),
            (Kind::Ip, "203.0.113.77", Some("203.0.x.x")),
            (Kind::Ip, "2001:db8::7:1", Some("2001:db8:x")),
            (Kind::Mac, "00-00-5E-00-53-AF", Some("00005E")),
            (Kind::Mac, "02-00-5E-00-53-AF", None),
            (Kind::Phone, "+49 30 901820", Some("+49")),
            (Kind::Phone, "+1 (202) 555-0123", Some("+1")),
            (Kind::Phone, "+420 601 123 456", Some("+420")),
            (Kind::Phone, "(202) 555-0123", None),
            (Kind::Url, "https://example.org/a", Some("https")),
            (Kind::UsSsn, "536-22-1234", None),
        ] {
            assert_eq!(generalised(kind, value).as_deref(), part, "{value}");
        }
    }
}
