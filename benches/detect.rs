//! Detection: the time to look through about 1 MB of text, and how it grows on hostile text.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::time::Duration;

use benches::texts;
use benches::turns::{in_turns, side};
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_detect::{Patterns, Scanner};

criterion_group!(detect, patterns, scan);
criterion_main!(detect);

const EACH: Duration = Duration::from_millis(400);
const SIZE: usize = 1 << 20;

/// What a service looks for, as such patterns are written for other scanners.
const PATTERNS: &[&str] = &[
    r"\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b",
    r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b",
    r"\b(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}\b",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    r"\b(?:4\d{3}|5[1-5]\d{2}|6011|3[47]\d{2})[ -]?\d{4}[ -]?\d{4}[ -]?\d{3,4}\b",
    r"\+\d{1,3}[ -]?(?:\(\d{1,4}\)[ -]?)?\d{2,4}(?:[ -]?\d{2,4}){1,4}\b",
    r"\b\d{3}-\d{2}-\d{4}\b",
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",
    r"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@[^\s/]+",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+",
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"\bgh[opsur]_[A-Za-z0-9]{36}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{22,}\b",
    r"\bglpat-[A-Za-z0-9_-]{20}\b",
    r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    r"\bhttps://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}\b",
    r"\bAIza[A-Za-z0-9_-]{35}\b",
    r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b",
    r"\bsk-[A-Za-z0-9]{20,}\b",
    r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
    r"\b\d{8}[A-HJ-NP-TV-Z]\b",
    r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b",
];

/// The forms of other kinds that our own recognisers know, without their checksums.
#[cfg(feature = "peers")]
const FORMS: &[&str] = &[
    r"\bhttps?://[^\s]+",
    r"\b\d{9}\b",
    r"\b\d{10}\b",
    r"\b\d{11}\b",
    r"\b\d{3}[ .-]\d{3}[ .-]\d{3}(?:[ .-]\d{2})?\b",
    r"\b\d{6}-\d{4}\b",
    r"\b[0-9XYZ]\d{7}-?[A-Z]\b",
    r"\b756\.\d{4}\.\d{4}\.\d{2}\b",
    r"\b[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3} ?\d{2}\b",
    r"\b0\d{2,4}[ /-]\d{4,8}\b",
    r"\(?\b[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}\b",
    r"(?i:password|passwd|secret|token|api_?key)[^\S\n]{0,3}[=:][^\S\n]{0,3}[^\s]{6,}",
    r"\b(?:\d{1,2}[./-]\d{1,2}[./-]\d{4})\b",
];

type Text = (&'static str, String);

fn all() -> [Text; 4] {
    [
        ("mixed", texts::mixed(SIZE)),
        ("prose", texts::prose(SIZE)),
        ("tickets", texts::tickets(SIZE)),
        ("json-logs", texts::logs(SIZE)),
    ]
}

/// The same patterns, with identical spans.
fn patterns(criterion: &mut Criterion) {
    let file = PATTERNS.iter().enumerate();
    let file: String =
        file.map(|(n, p)| format!("P{n} 80 /{}/\n", p.replace('/', r"\/"))).collect();
    let ours = Patterns::parse(&file).expect("patterns");
    for (name, text) in &all() {
        let mut sides = vec![side("ours", || ours.scan(text).len())];
        #[cfg(feature = "peers")]
        peers::sides(PATTERNS, text, &mut sides);
        #[cfg(feature = "peers")]
        assert_eq!(
            ours.scan(text)
                .iter()
                .map(|f| (f.kind.name()[1..].parse().expect("a number"), f.start, f.end))
                .collect::<Vec<(usize, usize, usize)>>(),
            peers::spans(PATTERNS, text),
            "{name}"
        );
        in_turns(criterion, &format!("detect/patterns-{name}"), &mut sides, EACH);
    }
}

/// All that is recognised, with checksums, context and decoding, against the forms alone.
fn scan(criterion: &mut Criterion) {
    let ours = Scanner::default();
    for (name, text) in &all() {
        assert_eq!(ours.scan(text).is_empty(), *name == "prose", "{name}");
        let mut sides = vec![side("ours", || ours.scan(text).len())];
        #[cfg(feature = "peers")]
        let forms: Vec<_> = PATTERNS.iter().chain(FORMS).copied().collect();
        #[cfg(feature = "peers")]
        peers::sides(&forms, text, &mut sides);
        in_turns(criterion, &format!("detect/scan-{name}"), &mut sides, EACH);
    }
}

/// regex-automata, with classes of ASCII, which is the fastest that it can do here: its meta
/// engine, and the lazy automaton that this one rests on. One dense automaton of all patterns
/// takes more than 200 MB and half a minute to make, and is left out.
#[cfg(feature = "peers")]
mod peers {
    use std::cell::RefCell;

    use benches::turns::{Side, side};
    use regex_automata::util::syntax;
    use regex_automata::{hybrid, meta, nfa::thompson};

    fn syntax() -> syntax::Config {
        syntax::Config::new().unicode(false).utf8(false)
    }

    fn meta(patterns: &[&str]) -> meta::Regex {
        let config = meta::Config::new().utf8_empty(false);
        let mut builder = meta::Regex::builder();
        builder.syntax(syntax()).configure(config).build_many(patterns).expect("patterns")
    }

    pub(crate) fn spans(patterns: &[&str], text: &str) -> Vec<(usize, usize, usize)> {
        let found = meta(patterns);
        let spans = found.find_iter(text).map(|m| (m.pattern().as_usize(), m.start(), m.end()));
        spans.collect()
    }

    pub(crate) fn sides<'t>(patterns: &[&str], text: &'t str, out: &mut Vec<Side<'t>>) {
        let meta = meta(patterns);
        out.push(side("regex-automata", move || meta.find_iter(text).count()));
        let mut builder = hybrid::regex::Regex::builder();
        builder.syntax(syntax()).thompson(thompson::Config::new().utf8(false));
        let lazy = builder.build_many(patterns).expect("patterns");
        let cache = RefCell::new(lazy.create_cache());
        out.push(side("regex-automata-lazy", move || {
            lazy.find_iter(&mut cache.borrow_mut(), text).count()
        }));
    }
}
