/// The sum of ISO/IEC 7812-1, annex B, over ASCII digits.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b.wrapping_sub(b'0'));
            match (i % 2, d) {
                (0, d) => d,
                (_, d) if d > 4 => d * 2 - 9,
                (_, d) => d * 2,
            }
        })
        .sum();
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) && sum.is_multiple_of(10)
}

/// Whether these are the digits of a payment card: an issuer's range, one of its
/// lengths, and the check digit.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits)
}

// Issuer ranges and lengths as the networks publish them.
fn is_issued(digits: &[u8]) -> bool {
    if digits.len() < 12 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let six = super::sum::number(&digits[..6]);
    let len = digits.len();
    let (four, three, two) = (six / 100, six / 1000, six / 10_000);
    match two {
        40..=49 => matches!(len, 13 | 16 | 19),
        51..=55 => len == 16,
        34 | 37 => len == 15,
        36 | 38 | 39 => (14..=19).contains(&len),
        30 if (300..=305).contains(&three) || three == 309 => (14..=19).contains(&len),
        // 3528 to 3589 are given out; generators of test numbers use all of 35.
        35 => (16..=19).contains(&len),
        _ if four == 1800 || four == 2131 => len == 15,
        _ if (2200..=2204).contains(&four) => (16..=19).contains(&len),
        _ if (2221..=2720).contains(&four) => len == 16,
        60 | 64 | 65 | 81 | 82 => (16..=19).contains(&len) || (two == 60 && len >= 12),
        62 => (16..=19).contains(&len),
        50 | 56..=58 | 61 | 63 | 66..=69 => (12..=19).contains(&len),
        97 => len == 16 && four == 9792,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The numbers that the networks and payment services document for testing.
    #[test]
    fn documented_test_numbers_are_cards() {
        for number in [
            "4111111111111111",
            "4222222222222",
            "4012888888881881",
            "5555555555554444",
            "5105105105105100",
            "2223003122003222",
            "378282246310005",
            "371449635398431",
            "30569309025904",
            "38520000023237",
            "6011111111111117",
            "3530111333300000",
            "6200000000000005",
            "6759649826438453",
        ] {
            assert!(is_card(number.as_bytes()), "{number}");
            let mut other = number.as_bytes().to_vec();
            let last = other.len() - 1;
            other[last] = b'0' + (other[last] - b'0' + 1) % 10;
            assert!(!is_card(&other), "{number} with another check digit");
        }
    }

    #[test]
    fn a_good_sum_without_an_issuer_is_no_card() {
        assert!(luhn(b"0000000000000000"));
        assert!(!is_card(b"0000000000000000"));
        assert!(!is_card(b"9999999999999995"));
        assert!(!is_card(b""));
    }
}
