//! What stands where a secret would, and what looks like one and is none: words,
//! rows of signs, names of variables.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::assign::any_case;
use crate::window::word;

// In the lower case of ASCII; some have no letters.
const PARTS: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "placeholder",
    "changeme",
    "change_me",
    "redacted",
    "dummy",
    "fake",
    "****",
    "...",
    "insert",
    "replace",
    "<secret",
    "todo",
    "sample",
    "fixme",
    "_here",
];

// Of these, what a token that is whole does not have by chance.
const FILL: &[&str] = &["example", "placeholder", "redacted", "xxxx", "your", "_here", "..."];

const WHOLE: &[&str] =
    &["%s", "false", "nil", "none", "null", "self", "string", "true", "undefined"];

/// What stands where a secret would, so that readers put theirs there.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    value.windows(2).all(|pair| pair[0] == pair[1])
        || is_reference(value)
        || WHOLE.iter().any(|whole| value.eq_ignore_ascii_case(whole.as_bytes()))
        || has(value, &FOUND, PARTS)
}

static FOUND: OnceLock<Option<AhoCorasick>> = OnceLock::new();
static FILLED: OnceLock<Option<AhoCorasick>> = OnceLock::new();

/// Whether a part of what has an issuer's prefix says that a token is to be put there.
pub(super) fn is_filled(body: &[u8]) -> bool {
    has(body, &FILLED, FILL)
}

fn has(value: &[u8], found: &OnceLock<Option<AhoCorasick>>, parts: &[&'static str]) -> bool {
    let parts = found.get_or_init(|| any_case(parts.iter()));
    parts.as_ref().is_some_and(|parts| parts.is_match(value))
}

/// Whether it names what has the secret: `${TOKEN}`, `$TOKEN`, `%TOKEN%`, `{{ token }}`,
/// `<token>`, `@TOKEN@`.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let opens = ["${", "{{", "$(", "#{", "@{", "&lt;", "%("];
    let name = |value: &[u8]| !value.is_empty() && value.iter().all(|b| word(*b));
    match value {
        [b'<', ..] | [b'%', b'<' | b'{', ..] => true,
        // One name, or several with signs between that paths and addresses have.
        [b'$', first, rest @ ..] if first.is_ascii_alphabetic() || *first == b'_' => {
            rest.iter().all(|b| word(*b) || b"$/:.-".contains(b))
        }
        [b'{', .., b'}'] => true,
        [a @ (b'%' | b'@'), inner @ .., z] if a == z && name(inner) => true,
        _ => opens.iter().any(|open| value.starts_with(open.as_bytes())),
    }
}

/// Whether most of its letters and digits go up by one, alone or in two rows that are
/// interleaved: `abcdef123456`, `a1b2c3d4`.
pub(super) fn is_sequence(value: &[u8]) -> bool {
    let mut last = [0_u8; 2];
    let (mut steps, mut signs) = (0, 0_usize);
    for b in value.iter().filter(|b| b.is_ascii_alphanumeric()) {
        let b = b.to_ascii_lowercase();
        let follows = |before: u8| before != 0 && (before + 1 == b || (before, b) == (b'9', b'0'));
        steps += usize::from(follows(last[0]) || follows(last[1]));
        signs += 1;
        last = [b, last[0]];
    }
    signs >= 4 && steps * 2 >= signs
}

// Which letters follow which in English prose, of those pairs that make up at least one
// in a thousand: they are 93 in a hundred of all pairs there, and 3 in 10 of all that
// there could be.
const FOLLOW: [&str; 26] = [
    "bcdgilmnprstuvy",
    "aeiloru",
    "aehiklorstu",
    "adeiosu",
    "acdefgilmnpqrstvx",
    "aefioru",
    "eho",
    "aeio",
    "abcdefglmnoprstvz",
    "",
    "e",
    "adeilostuy",
    "aeiopsu",
    "acdegiklosty",
    "cdglmnoprstuvw",
    "aeiloprtu",
    "u",
    "acdegikmorstuvy",
    "acehiopstuy",
    "adehilorstuy",
    "aceilmnprst",
    "aei",
    "aehio",
    "p",
    "op",
    "e",
];

const FOLLOWERS: [u32; 26] = {
    let (mut out, mut i) = ([0; 26], 0);
    while i < 26 {
        let (letters, mut n) = (FOLLOW[i].as_bytes(), 0);
        while n < letters.len() {
            out[i] |= 1 << (letters[n] - b'a');
            n += 1;
        }
        i += 1;
    }
    out
};

/// Whether at least half of it is words: runs of letters of one case, or with a capital,
/// that follow each other as they do in prose. One in 500 random values of 16 letters and
/// digits is taken for words, and of longer ones fewer.
pub(super) fn is_words(value: &[u8]) -> bool {
    let (mut at, mut wordy) = (0, 0);
    while at < value.len() {
        let run = letters(&value[at..]);
        if run >= 3 && reads(&value[at..at + run]) {
            wordy += run;
        }
        at += run.max(1);
    }
    wordy * 2 >= value.len()
}

// How long the word is that it begins with: capitals, or at most one and small letters.
fn letters(value: &[u8]) -> usize {
    let count =
        |from: usize, is: fn(&u8) -> bool| value.iter().skip(from).take_while(|b| is(b)).count();
    let upper = count(0, u8::is_ascii_uppercase);
    let lower = count(upper, u8::is_ascii_lowercase);
    match (upper, lower) {
        (0 | 1, _) => upper + lower,
        (_, 0) => upper,
        // The last capital begins the next word.
        _ => upper - 1,
    }
}

fn reads(word: &[u8]) -> bool {
    let place = |b: u8| usize::from(b.to_ascii_lowercase() - b'a');
    let usual = word.windows(2).filter(|p| FOLLOWERS[place(p[0])] >> place(p[1]) & 1 != 0).count();
    usual + 1 + word.len() / 5 >= word.len()
}

/// Shannon's entropy in bits per byte.
pub(super) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let n = value.len() as f64;
    counts.iter().filter(|c| **c > 0).map(|c| f64::from(*c) / n).map(|p| -p * p.log2()).sum()
}

/// Whether its entropy is that of a random value: 3 bits a byte where all is hexadecimal,
/// and else 3.5, or seven eighths of what a value so short can have.
pub(super) fn is_random(value: &[u8]) -> bool {
    let most = (value.len() as f64).log2();
    let hex = value.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'-' | b'.'));
    entropy(value) >= if hex { (most * 0.75).min(3.0) } else { (most * 0.875).min(3.5) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_random_values() {
        for value in ["SalesResults-1.2", "ApplicationConfigurationTokenHere", "my-service-account"]
        {
            assert!(is_words(value.as_bytes()), "{value}");
        }
        for value in ["q8Z1v0Lk2Xw9Rt5b", "0123456789abcdef", "kx7ewq4mzt2hj9vd", "", "9f8e7d"] {
            assert!(!is_words(value.as_bytes()) || value.is_empty(), "{value}");
        }
    }

    #[test]
    fn few_random_values_are_taken_for_words() {
        let alphabet = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            alphabet[(state >> 33) as usize % alphabet.len()]
        };
        let taken = (0..10_000).filter(|_| is_words(&[(); 20].map(|()| next()))).count();
        assert!(taken < 50, "{taken}");
    }

    #[test]
    fn rows_that_go_up_are_no_secrets() {
        for value in ["abcdef123456", "a1b2c3d4e5f6", "0123456789", "abc123-bcd234"] {
            assert!(is_sequence(value.as_bytes()), "{value}");
        }
        for value in ["q8Z1v0Lk2Xw9Rt5b", "abc", "f15a5a04b0f6dc6073e6"] {
            assert!(!is_sequence(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn what_names_a_secret_is_none() {
        for value in
            ["${TOKEN}", "$TOKEN", "%TOKEN%", "{{ token }}", "<token>", "@TOKEN@", "your-key"]
        {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in ["$2a$10$abc", "$xY#82k", "p%ssw", "q8Z1v0Lk", "#gets0m3", "100%"] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }
}
