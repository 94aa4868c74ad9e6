//! Words that are looked for without a copy of the text, most of them without regard
//! to case.

/// Some words in lower case, and which two bytes they begin with.
pub(crate) struct Words {
    list: &'static [&'static str],
    // For the low five bits of a first byte, those of the second bytes, as bits. The
    // case of a letter is in none of the five.
    pairs: [u32; 32],
}

impl Words {
    /// Each word has at least two bytes, the first of which is a letter or a part of one.
    pub(crate) const fn new(list: &'static [&'static str]) -> Self {
        let (mut pairs, mut i) = ([0; 32], 0);
        while i < list.len() {
            let word = list[i].as_bytes();
            assert!(word[0] >= b'A', "a word begins with a letter");
            pairs[(word[0] & 31) as usize] |= 1 << (word[1] & 31);
            i += 1;
        }
        Self { list, pairs }
    }

    /// Whether one of the words stands in `place`. A word of up to four letters must
    /// stand alone; a longer one may be a part of a compound, as in "telefonnummer".
    pub(crate) fn are_in(&self, place: &str) -> bool {
        // All of it at once, which the compiler makes a few steps: no letters, no words.
        if !place.bytes().fold(false, |any, b| any | (b >= b'A')) {
            return false;
        }
        lowered(place, |place| {
            place.as_bytes().windows(2).enumerate().any(|(i, pair)| {
                self.pairs[usize::from(pair[0] & 31)] >> (pair[1] & 31) & 1 != 0
                    && self.list.iter().any(|word| begins(word, pair) && stands(place, i, word))
            })
        })
    }

    /// Whether `word` is one of the words.
    pub(crate) fn have(&self, word: &str) -> bool {
        lowered(word, |word| self.list.iter().any(|w| w.eq_ignore_ascii_case(word)))
    }
}

/// What some words begin with: a first look at each place of a text that passes over
/// almost all places where none of them begins, and none where one does, in either case.
pub(crate) struct Heads {
    // For the low five bits of a first and a second byte, those of the third, as bits.
    threes: [u32; 1024],
}

impl Heads {
    /// No words yet.
    pub(crate) const NONE: Self = Self { threes: [0; 1024] };

    /// With this word, which has at least three bytes.
    pub(crate) const fn with(mut self, word: &str) -> Self {
        let word = word.as_bytes();
        let pair = (word[0] & 31) as usize * 32 + (word[1] & 31) as usize;
        self.threes[pair] |= 1 << (word[2] & 31);
        self
    }

    /// With these words.
    pub(crate) const fn with_all(mut self, words: &[&str]) -> Self {
        let mut i = 0;
        while i < words.len() {
            self = self.with(words[i]);
            i += 1;
        }
        self
    }

    /// Whether one may begin with these three bytes.
    #[inline(always)]
    pub(crate) const fn has(&self, a: u8, b: u8, c: u8) -> bool {
        self.threes[(a & 31) as usize * 32 + (b & 31) as usize] >> (c & 31) & 1 != 0
    }

    /// The next place from `from` on at which one may begin.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let &[a, b, ref rest @ ..] = text.get(from..)? else { return None };
        let mut pair = usize::from(a & 31) * 32 + usize::from(b & 31);
        for (i, c) in rest.iter().enumerate() {
            if self.threes[pair % 1024] >> (c & 31) & 1 != 0 {
                return Some(from + i);
            }
            pair = (pair * 32 + usize::from(c & 31)) % 1024;
        }
        None
    }
}

// Whether the low five bits are those of the first two bytes, as a look before all others.
fn begins(word: &str, pair: &[u8]) -> bool {
    matches!((word.as_bytes(), pair), ([a, b, ..], [c, d]) if ((a ^ c) | (b ^ d)) & 31 == 0)
}

// Where the word ends that begins at `at`. A blank of it may be the sign that joins the words
// of a name, as in `my_number`, or none before a capital, as in `myNumber`.
fn ends(place: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let mut end = at;
    for b in word {
        let here = *place.get(end)?;
        match b {
            b' ' if matches!(here, b' ' | b'_' | b'-' | b'.') => end += 1,
            b' ' if here.is_ascii_uppercase() && place[end - 1].is_ascii_lowercase() => {}
            _ if here.eq_ignore_ascii_case(b) => end += 1,
            _ => return None,
        }
    }
    Some(end)
}

fn stands(place: &str, at: usize, word: &str) -> bool {
    let Some(end) = ends(place.as_bytes(), at, word.as_bytes()) else { return false };
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    word.len() > 4
        || !word.is_ascii()
        || (!letter(place[..at].chars().next_back()) && !letter(place[end..].chars().next()))
}

/// Hands `place`, of which no more than 128 bytes count, to `look`: as it is where it
/// is ASCII, so that `look` must not regard the case of ASCII letters, and else with
/// each character in lower case.
pub(crate) fn lowered<T>(place: &str, look: impl FnOnce(&str) -> T) -> T {
    if place.is_ascii() {
        return look(place);
    }
    // No character grows by more than half when it is made lower.
    let (mut buffer, mut n) = ([0; 192], 0);
    for c in place.chars().flat_map(char::to_lowercase) {
        let Some(slot) = buffer.get_mut(n..n + c.len_utf8()) else { break };
        n += c.encode_utf8(slot).len();
    }
    look(std::str::from_utf8(&buffer[..n]).unwrap_or(""))
}

/// Whether `text` ends with `end`, which is ASCII, without regard to case.
pub(crate) fn ends_with(text: &str, end: &str) -> bool {
    let from = text.len().checked_sub(end.len());
    from.and_then(|from| text.as_bytes().get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOME: Words = Words::new(&["fax", "telefon", "née le", "电话", "тел", "ss#"]);

    #[test]
    fn short_words_stand_alone_and_long_ones_need_not() {
        for text in ["FAX: 1", "(fax)", "Telefonnummer", "NÉE LE", "电话1", "ТЕЛ.", "é ss#", "ss#"]
        {
            assert!(SOME.are_in(text), "{text}");
        }
        for text in ["faxes", "éfax", "telefo", "nee le", "", "f", "ss"] {
            assert!(!SOME.are_in(text), "{text}");
        }
        assert!(SOME.have("Telefon") && SOME.have("Тел") && !SOME.have("fa"));
    }

    proptest! {
        #[test]
        fn no_head_is_passed_over(text in "(fax|FAX|telefon|née le|电话|[a-fx]){0,20}") {
            static HEADS: Heads = Heads::NONE.with_all(&["fax", "telefon", "née le"]).with("电话");
            let next = |i: &usize| HEADS.next(text.as_bytes(), i + 1);
            let first = HEADS.next(text.as_bytes(), 0);
            let seen: Vec<_> = std::iter::successors(first, next).collect();
            for word in ["fax", "FAX", "telefon", "née le", "电话"] {
                prop_assert!(text.match_indices(word).all(|(i, _)| seen.contains(&i)));
            }
        }

        // What it means, spelled out.
        #[test]
        fn words_are_found_as_in_a_copy_in_lower_case(
            text in "(fax|FAX|Telefon|née |Née le|电|电话|Тел|ss|#|x|\\PC|[ .a-fKİΣ]){0,10}"
        ) {
            let copy = text.to_lowercase();
            let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
            let expected = SOME.list.iter().any(|word| copy.match_indices(word).any(|(i, _)| {
                let (before, after) = (&copy[..i], &copy[i + word.len()..]);
                word.chars().count() > 4 || !word.is_ascii()
                    || (!letter(before.chars().next_back()) && !letter(after.chars().next()))
            }));
            prop_assert_eq!(SOME.are_in(&text), expected);
        }
    }
}
