// Lengths and structure by the registry of ISO 13616 that SWIFT keeps: so many digits
// (n), letters (a) or either (c). Countries that use the form without being registered
// have no structure here; those of France's territories have France's.
const COUNTRIES: &[(&[u8; 2], usize, &str)] = &[
    (b"AD", 24, "8n12c"),
    (b"AE", 23, "19n"),
    (b"AL", 28, "8n16c"),
    (b"AO", 25, ""),
    (b"AT", 20, "16n"),
    (b"AX", 18, "14n"),
    (b"AZ", 28, "4a20c"),
    (b"BA", 20, "16n"),
    (b"BE", 16, "12n"),
    (b"BF", 28, ""),
    (b"BG", 22, "4a6n8c"),
    (b"BH", 22, "4a14c"),
    (b"BI", 27, "23n"),
    (b"BJ", 28, ""),
    (b"BL", 27, "10n11c2n"),
    (b"BR", 29, "23n1a1c"),
    (b"BY", 28, "4c4n16c"),
    (b"CF", 27, ""),
    (b"CG", 27, ""),
    (b"CH", 21, "5n12c"),
    (b"CI", 28, ""),
    (b"CM", 27, ""),
    (b"CR", 22, "18n"),
    (b"CV", 25, ""),
    (b"CY", 28, "8n16c"),
    (b"CZ", 24, "20n"),
    (b"DE", 22, "18n"),
    (b"DJ", 27, "23n"),
    (b"DK", 18, "14n"),
    (b"DO", 28, "4c20n"),
    (b"DZ", 26, ""),
    (b"EE", 20, "16n"),
    (b"EG", 29, "25n"),
    (b"ES", 24, "20n"),
    (b"FI", 18, "14n"),
    (b"FK", 18, "2a12n"),
    (b"FO", 18, "14n"),
    (b"FR", 27, "10n11c2n"),
    (b"GA", 27, ""),
    (b"GB", 22, "4a14n"),
    (b"GE", 22, "2a16n"),
    (b"GF", 27, "10n11c2n"),
    (b"GI", 23, "4a15c"),
    (b"GL", 18, "14n"),
    (b"GP", 27, "10n11c2n"),
    (b"GQ", 27, ""),
    (b"GR", 27, "7n16c"),
    (b"GT", 28, "4c20c"),
    (b"GW", 25, ""),
    (b"HN", 28, "4a20n"),
    (b"HR", 21, "17n"),
    (b"HU", 28, "24n"),
    (b"IE", 22, "4a14n"),
    (b"IL", 23, "19n"),
    (b"IQ", 23, "4a15n"),
    (b"IR", 26, ""),
    (b"IS", 26, "22n"),
    (b"IT", 27, "1a10n12c"),
    (b"JO", 30, "4a4n18c"),
    (b"KM", 27, ""),
    (b"KW", 30, "4a22c"),
    (b"KZ", 20, "3n13c"),
    (b"LB", 28, "4n20c"),
    (b"LC", 32, "4a24c"),
    (b"LI", 21, "5n12c"),
    (b"LT", 20, "16n"),
    (b"LU", 20, "3n13c"),
    (b"LV", 21, "4a13c"),
    (b"LY", 25, "21n"),
    (b"MA", 28, ""),
    (b"MC", 27, "10n11c2n"),
    (b"MD", 24, "2c18c"),
    (b"ME", 22, "18n"),
    (b"MF", 27, "10n11c2n"),
    (b"MG", 27, ""),
    (b"MK", 19, "3n10c2n"),
    (b"ML", 28, ""),
    (b"MN", 20, "16n"),
    (b"MQ", 27, "10n11c2n"),
    (b"MR", 27, "23n"),
    (b"MT", 31, "4a5n18c"),
    (b"MU", 30, "4a19n3a"),
    (b"MZ", 25, ""),
    (b"NC", 27, "10n11c2n"),
    (b"NE", 28, ""),
    (b"NI", 28, "4a20n"),
    (b"NL", 18, "4a10n"),
    (b"NO", 15, "11n"),
    (b"OM", 23, "3n16c"),
    (b"PF", 27, "10n11c2n"),
    (b"PK", 24, "4a16c"),
    (b"PL", 28, "24n"),
    (b"PM", 27, "10n11c2n"),
    (b"PS", 29, "4a21c"),
    (b"PT", 25, "21n"),
    (b"QA", 29, "4a21c"),
    (b"RE", 27, "10n11c2n"),
    (b"RO", 24, "4a16c"),
    (b"RS", 22, "18n"),
    (b"RU", 33, "14n15c"),
    (b"SA", 24, "2n18c"),
    (b"SC", 31, "4a20n3a"),
    (b"SD", 18, "14n"),
    (b"SE", 24, "20n"),
    (b"SI", 19, "15n"),
    (b"SK", 24, "20n"),
    (b"SM", 27, "1a10n12c"),
    (b"SN", 28, ""),
    (b"SO", 23, "19n"),
    (b"ST", 25, "21n"),
    (b"SV", 28, "4a20n"),
    (b"TD", 27, ""),
    (b"TF", 27, "10n11c2n"),
    (b"TG", 28, ""),
    (b"TL", 23, "19n"),
    (b"TN", 24, "20n"),
    (b"TR", 26, "5n1n16c"),
    (b"UA", 29, "6n19c"),
    (b"VA", 22, "18n"),
    (b"VG", 24, "4a16n"),
    (b"WF", 27, "10n11c2n"),
    (b"XK", 20, "16n"),
    (b"YE", 30, "4a4n18c"),
    (b"YT", 27, "10n11c2n"),
];

// Lengths that were in use before a country was registered with another.
const FORMER: &[(&[u8; 2], usize)] = &[(b"BF", 27), (b"BI", 16), (b"DZ", 24), (b"NI", 32)];

fn country(code: [u8; 2]) -> Option<(usize, &'static str)> {
    let place = COUNTRIES.binary_search_by_key(&code, |(code, ..)| **code).ok()?;
    Some((COUNTRIES[place].1, COUNTRIES[place].2))
}

/// How many characters an IBAN of this country has.
pub(crate) fn iban_len(code: [u8; 2]) -> Option<usize> {
    country(code).map(|(len, _)| len)
}

// Whether the part after the check digits is as its country's structure says.
fn is_structured(mut rest: &[u8], structure: &str) -> bool {
    let mut count = 0;
    for sort in structure.bytes() {
        if sort.is_ascii_digit() {
            count = count * 10 + usize::from(sort - b'0');
            continue;
        }
        let Some((part, next)) = rest.split_at_checked(count) else { return false };
        let fits = |b: &u8| match sort {
            b'n' => b.is_ascii_digit(),
            b'a' => b.is_ascii_uppercase(),
            _ => b.is_ascii_alphanumeric(),
        };
        if !part.iter().all(fits) {
            return false;
        }
        (rest, count) = (next, 0);
    }
    structure.is_empty() || rest.is_empty()
}

/// Whether this is an IBAN in upper case: known country, its length and
/// structure, mod 97 of ISO/IEC 7064 equal to 1.
pub(crate) fn is_iban(value: &[u8]) -> bool {
    let [a, b, c, d, ..] = *value else { return false };
    let Some((len, structure)) = country([a, b]) else { return false };
    let regular = value.len() == len && is_structured(&value[4..], structure);
    let former = FORMER.contains(&(&[a, b], value.len()));
    if !(regular || former) || !c.is_ascii_digit() || !d.is_ascii_digit() {
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
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        for (code, len, structure) in COUNTRIES.iter().filter(|c| !c.2.is_empty()) {
            let sizes = structure
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|n| n.parse::<usize>().ok());
            assert_eq!(sizes.sum::<usize>() + 4, *len, "{code:?}");
        }
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
        // Digits where Ireland has the letters of a bank, with a good sum.
        assert!(!is_iban(b"IE04123470900834048660"));
        assert!(!is_iban(b"ZZ89370400440532013000"));
        assert!(!is_iban(b""));
    }
}
