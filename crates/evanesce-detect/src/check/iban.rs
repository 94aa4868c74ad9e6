// Lengths by the registry of ISO 13616 that SWIFT keeps, and of the countries
// that use the form without being registered.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AO", 25),
    (b"AT", 20),
    (b"AX", 18),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BF", 28),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BJ", 28),
    (b"BR", 29),
    (b"BY", 28),
    (b"CF", 27),
    (b"CG", 27),
    (b"CH", 21),
    (b"CI", 28),
    (b"CM", 27),
    (b"CR", 22),
    (b"CV", 25),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"DZ", 26),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GA", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GQ", 27),
    (b"GR", 27),
    (b"GT", 28),
    (b"GW", 25),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IR", 26),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KM", 27),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MA", 28),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MG", 27),
    (b"MK", 19),
    (b"ML", 28),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"MZ", 25),
    (b"NE", 28),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SN", 28),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TD", 27),
    (b"TG", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// How many characters an IBAN of this country has.
pub(crate) fn iban_len(country: [u8; 2]) -> Option<usize> {
    let place = LENGTHS.binary_search_by_key(&country, |(code, _)| **code).ok()?;
    Some(LENGTHS[place].1)
}

/// Whether this is an IBAN in upper case: known country, its length, mod 97 of
/// ISO/IEC 7064 equal to 1.
pub(crate) fn is_iban(value: &[u8]) -> bool {
    let [a, b, c, d, ..] = *value else { return false };
    if iban_len([a, b]) != Some(value.len()) || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return false;
    }
    // The check digits of the standard run from 02 to 98.
    if matches!((c, d), (b'0', b'0' | b'1') | (b'9', b'9')) {
        return false;
    }
    let mut rest = 0_u32;
    for byte in value[4..].iter().chain(&value[..4]) {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return false,
        } % 97;
    }
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(LENGTHS.is_sorted_by(|a, b| a.0 < b.0));
    }

    // The examples that national banks print in their brochures.
    #[test]
    fn known_examples_pass_and_each_changed_character_fails() {
        for iban in ["DE89370400440532013000", "GB29NWBK60161331926819", "NO9386011117947"] {
            assert!(is_iban(iban.as_bytes()), "{iban}");
            for i in 2..iban.len() {
                let mut other = iban.as_bytes().to_vec();
                other[i] = if other[i] == b'7' { b'8' } else { b'7' };
                assert!(!is_iban(&other), "{iban} at {i}");
            }
        }
    }

    #[test]
    fn a_wrong_length_or_country_fails() {
        assert!(!is_iban(b"DE8937040044053201300"));
        assert!(!is_iban(b"ZZ89370400440532013000"));
        assert!(!is_iban(b""));
    }
}
