//! What was found never leaves, in no form that one step decodes. The forms are made and
//! read here by code of its own, so that a fault of the scanner's decoding does not hide
//! itself.

use evanesce_detect::{HashKey, Kind, Operator, Operators, Scanner};
use proptest::prelude::*;

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .flat_map(|part| {
            let bits =
                part.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - part.len()));
            (0..4).map(move |i| match i <= part.len() {
                true => char::from(SIGNS[(bits >> (18 - 6 * i)) as usize & 63]),
                false => '=',
            })
        })
        .collect()
}

fn unbase64(run: &[u8]) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    run.chunks_exact(4)
        .flat_map(|four| {
            let bits = four.iter().fold(0_u32, |n, b| n << 6 | u32::from(value(*b)));
            [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]
        })
        .collect()
}

/// One escape for each byte, in the way that this letter names.
fn escaped(text: &str, way: u8) -> String {
    text.bytes()
        .map(|b| match way {
            0 => format!("%{b:02X}"),
            1 => format!("\\u{b:04x}"),
            2 => format!("&#{b};"),
            3 => format!("{b:02x}"),
            4 => format!("{}\u{200b}", char::from(b)),
            _ => char::from(b).to_uppercase().to_string(),
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let code = |from: usize, to: usize, radix| {
            rest.get(from..to).and_then(|code| u32::from_str_radix(code, radix).ok())
        };
        let semicolon = rest.find(';').unwrap_or(0);
        let (new, len) = if c == '%' && code(1, 3, 16).is_some() {
            (code(1, 3, 16), 3)
        } else if rest.starts_with("\\u") && code(2, 6, 16).is_some() {
            (code(2, 6, 16), 6)
        } else if rest.starts_with("&#") && semicolon < 8 && code(2, semicolon, 10).is_some() {
            (code(2, semicolon, 10), semicolon + 1)
        } else {
            (Some(u32::from(c)).filter(|_| c != '\u{200b}'), c.len_utf8())
        };
        out.extend(new.and_then(char::from_u32));
        rest = &rest[len..];
    }
    out
}

/// Whether the value can be read from the text, as it is or after one step.
fn readable(text: &str, value: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(&value.to_lowercase());
    let runs = |is: fn(&u8) -> bool| -> Vec<Vec<u8>> {
        text.as_bytes().split(|b| !is(b)).filter(|r| r.len() >= 8).map(<[u8]>::to_vec).collect()
    };
    let sixty_four = runs(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(b));
    let hex = runs(u8::is_ascii_hexdigit);
    has(text)
        || has(&unescaped(text))
        || sixty_four.iter().any(|run| {
            (0..4).any(|at| has(&String::from_utf8_lossy(&unbase64(run.get(at..).unwrap_or(&[])))))
        })
        || hex.iter().any(|run| {
            (0..2).any(|at| {
                let digit = |b: u8| char::from(b).to_digit(16).unwrap_or(0) as u8;
                let pairs = run[at..].chunks_exact(2);
                let bytes = pairs.map(|pair| digit(pair[0]) << 4 | digit(pair[1]));
                has(&String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()))
            })
        })
}

fn operators(n: u8) -> Operators {
    Operators::new(match n {
        0 => Operator::Drop,
        1 => Operator::Generalise,
        2 => Operator::Hash(HashKey::new(&[7; 32])),
        3 => Operator::Mask,
        4 => Operator::MaskBut(4),
        _ => Operator::Replace,
    })
}

#[test]
fn the_reader_of_forms_reads_them() {
    for way in 0..6 {
        assert!(readable(&escaped("Qx7kd82mzt", way), "Qx7kd82mzt"), "{way}");
    }
    for before in ["", "a", "ab"] {
        assert!(readable(&base64(format!("{before}Qx7kd82mzt--").as_bytes()), "Qx7kd82mzt"));
    }
    assert!(!readable("Qx7 kd82 %4 \\u00 &#; cXg3", "Qx7kd82mzt"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    // A secret that only its name tells, and copies of it without the name.
    #[test]
    fn a_found_secret_is_in_no_form_of_the_rest(
        value in "[a-z]{2}[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{2,10}",
        copies in prop::collection::vec((0_u8..9, "[ ,;.\n]{1,3}|[a-z ]{0,12}"), 0..6),
        operator in 0_u8..6,
    ) {
        let mut text = format!("password={value}");
        for (way, noise) in &copies {
            text.push(' ');
            text.push_str(noise);
            text.push(' ');
            text.push_str(&match way {
                0..6 => escaped(&value, *way),
                n => base64(format!("{}{value}--", &"ab"[..usize::from(n - 6)]).as_bytes()),
            });
        }
        let scanner = Scanner::default();
        prop_assert!(scanner.scan(&text).iter().any(|f| f.kind == Kind::Secret));
        let out = scanner.redact_with(&text, &operators(operator)).text;
        prop_assert!(!readable(&out, &value), "{:?} in {:?}", value, out);
        prop_assert!(scanner.scan(&out).is_empty(), "{:?}", out);
    }

    // What is found by itself, in one form only.
    #[test]
    fn what_is_found_in_a_form_is_gone_from_it(
        value in "[a-z]{3,8}@[a-z]{3,8}\\.(com|org|net)|4[0-9]{3} 1111 2222 3333|203\\.0\\.113\\.[1-9]{2}",
        way in 0_u8..9,
        before in "[a-z ]{0,20}",
        operator in 0_u8..6,
    ) {
        let form = match way {
            0..6 => escaped(&value, way),
            n => base64(format!("{}{value}--", &"ab"[..usize::from(n - 6)]).as_bytes()),
        };
        let text = format!("{before} {form} and on");
        let scanner = Scanner::default();
        let redacted = scanner.redact_with(&text, &operators(operator));
        if !redacted.findings.is_empty() {
            prop_assert!(!readable(&redacted.text, &value), "{:?}", redacted.text);
        }
        prop_assert!(scanner.scan(&redacted.text).is_empty(), "{:?}", redacted.text);
    }

    #[test]
    fn no_text_panics_and_nothing_is_found_twice(
        text in "(\\PC|password=|token: |%|&#|\\\\u00|eyJ|ghp_|kind: Secret\n|data:\n|  a: |[A-Za-z0-9+/]{1,40}|[ \n\"'=:@]){0,40}",
        operator in 0_u8..6,
    ) {
        let scanner = Scanner::default();
        let out = scanner.redact_with(&text, &operators(operator)).text;
        prop_assert!(scanner.scan(&out).is_empty(), "{:?}", out);
    }
}
