use std::sync::LazyLock;

use proptest::prelude::*;
use regex_automata::meta;

use super::*;

// As such patterns are written for other scanners: with a word's beginning in front.
const USUAL: &[&str] = &[
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b",
    r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b",
    r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    r"\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]?\d{2,4}){1,4}\b",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",
    r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@[^\s/]+",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+",
    r"\bAKIA[A-Z0-9]{16}\b",
    r"\bgh[opsur]_[A-Za-z0-9]{6}\b",
    r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
];

// Without a word's beginning, with few bytes, with no hot byte at all, with a space first,
// with letters beyond ASCII, lazy, without regard to case, with one that is the beginning
// of another.
const ODD: &[&[&str]] = &[
    &[r"[a-z.]+@[a-z]+\.org", r"\d{3}-\d{4}"],
    &[r"[a-z]+://\S+", r"[\w.]+@\w+", r"a=\w+"],
    &["ab", "abc", r"c\d"],
    &[r"\bsecret\b", r" \d{4} "],
    &[r"é[a-z]", "(?i)straße|[^a-y ]{3}"],
    &["a.*?b", "a.*c"],
    &["(?i)key=[a-f]{4}"],
    &[r"\b[A-Z][a-z]+\d", r"\b[a-f]{2}:[A-Z]_", r"[#$]\d\b"],
    &[r"[a-c]+#\d", r"[a-z]+%[0-9]", r"\b[A-Za-z]+\+x"],
];

const PIECES: &str = "(reader@example\\.org|a\\.b@c\\.de|203\\.0\\.113\\.7|DE89 3704 0044 0532 0130 00|\\+49 30 901820|536-22-1234\
    |00:00:5e:00:53:af|postgres://app:x1@db/s|eyJhbGciOiJI\\.eyJzdWIiOiJ\\.c2ln|AKIAQ3EGRTYUIOP24680|ghp_a1b2c3|xoxb-1234567890\
    |-----BEGIN RSA PRIVATE KEY-----|secret| 1234 |éa|STRASSE|abc|c1|key=ABCD|Ab1|#1\
    |[a-zA-Z]{1,9}|[0-9]{1,6}|[a-f0-9]{4}|[ .,@:=/_#%+\"\n-]|\\PC)";

fn engine(patterns: &[&str]) -> Engine {
    let hirs: Vec<_> = patterns.iter().map(|pattern| parse(pattern).unwrap()).collect();
    Engine::new(&hirs).unwrap()
}

fn peer(patterns: &[&str]) -> meta::Regex {
    let hirs: Vec<_> = patterns.iter().map(|pattern| parse(pattern).unwrap()).collect();
    meta::Builder::new().build_many_from_hir(&hirs).unwrap()
}

// Both of each set, made once.
static ALL: LazyLock<Vec<(Engine, meta::Regex)>> = LazyLock::new(|| {
    let sets = [USUAL].into_iter().chain(ODD.iter().copied());
    sets.map(|patterns| (engine(patterns), peer(patterns))).collect()
});

fn told(regex: &meta::Regex, text: &str) -> Vec<Match> {
    let found = regex.find_iter(text).map(|m| Match {
        start: m.start(),
        end: m.end(),
        pattern: u16::try_from(m.pattern().as_usize()).unwrap(),
    });
    found.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_usual_patterns_give_what_a_peer_gives(pieces in prop::collection::vec(PIECES, 0..50)) {
        let text = pieces.concat();
        let (engine, peer) = &ALL[0];
        prop_assert!(engine.plan.hot_only && engine.plan.long && engine.inner.len() == 2);
        let slow = engine.find_slowly(text.as_bytes(), (0, text.len()));
        prop_assert_eq!(&slow, &told(peer, &text));
        prop_assert_eq!(engine.find(text.as_bytes(), (0, text.len())).0, slow);
    }

    #[test]
    fn any_patterns_give_what_a_peer_gives(
        pieces in prop::collection::vec(PIECES, 0..50),
        which in 1..=ODD.len(),
    ) {
        let text = pieces.concat();
        let (engine, peer) = &ALL[which];
        let slow = engine.find_slowly(text.as_bytes(), (0, text.len()));
        prop_assert_eq!(&slow, &told(peer, &text));
        prop_assert_eq!(engine.find(text.as_bytes(), (0, text.len())).0, slow);
    }

    #[test]
    fn a_part_of_a_text_is_searched_as_such(
        pieces in prop::collection::vec(PIECES, 1..50),
        cut in (0_usize..500, 0_usize..500),
        which in 0..=ODD.len(),
    ) {
        let text = pieces.concat();
        let (from, to) = (cut.0.min(text.len()), cut.1.min(text.len()));
        let (engine, _) = &ALL[which];
        let slow = engine.find_slowly(text.as_bytes(), (from, to));
        prop_assert!(slow.iter().all(|m| from <= m.start && m.start < to));
        prop_assert_eq!(engine.find(text.as_bytes(), (from, to)).0, slow);
    }
}

#[test]
fn the_longest_match_has_4096_bytes() {
    let engine = engine(&[r"\bx[a-z]+y"]);
    for (inside, found) in [(4094, 1), (4095, 0)] {
        let text = format!("x{}y and more", "a".repeat(inside));
        assert_eq!(engine.find(text.as_bytes(), (0, text.len())).0.len(), found);
    }
}

/// Texts that make rescanning matchers slow, and the patterns that they do it to.
const HOSTILE: &[(&str, &str)] = &[
    (r"[a-z.]+@[a-z]+\.org", "a."),
    (r"[a-z.]+@[a-z]+\.org", "a@"),
    (r"\b\w+@\w+\.org", "a@a@b."),
    (r"x.*y|x", "x"),
    (r"\d+-\d+-\d+-x", "1-"),
    (r"(?:[a-z]+ )+\d", "ab "),
    (r"[0-9a-f]{32,}z", "0af1"),
    (r"\b[a-z+.]+://[^ ]+:[^ ]+@[^ ]+", "a://a:"),
    (r"(?:(?:a+)+)+b", "a"),
    (r"password=[^;]*;", "password="),
    (r"-----BEGIN[^!]*!", "-----BEGIN "),
    (r"[a-z]+\d|[a-z]+@", "a"),
];

#[test]
fn steps_grow_with_the_length_and_no_faster() {
    for (pattern, unit) in HOSTILE {
        let engine = engine(&[pattern]);
        let steps = |n: usize| {
            let text = unit.repeat(n / unit.len());
            engine.find(text.as_bytes(), (0, text.len())).1 as f64
        };
        let (one, two) = (steps(32 << 10), steps(64 << 10));
        assert!(two <= one * 2.2 + 64.0, "{pattern}: {one} then {two}");
        assert!(two <= 100.0 * (64 << 10) as f64, "{pattern}: {two}");
    }
}
