//! Secrets that their issuers mark with a prefix.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};

use super::push;
use crate::window::{Window, alnum, digit};
use crate::words::Heads;
use crate::{Canary, Finding, Kind};

/// Which characters follow a prefix.
#[derive(Clone, Copy)]
enum Set {
    /// Letters and digits.
    Alnum,
    /// Those of base64 in either alphabet, and dots.
    Base,
    /// Those of hashed passwords in the form of crypt.
    Crypt,
    /// Hexadecimal digits.
    Hex,
    /// Letters, digits, `_` and `-`.
    Name,
    /// Upper-case letters and digits.
    Upper,
}

impl Set {
    const fn has(self, b: u8) -> bool {
        match self {
            Self::Alnum => b.is_ascii_alphanumeric(),
            Self::Base => {
                b.is_ascii_alphanumeric()
                    || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'~')
            }
            Self::Crypt => Self::Base.has(b) || matches!(b, b'$' | b','),
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Name => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
            Self::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
        }
    }
}

use Set::{Alnum, Base, Crypt, Hex, Name, Upper};

// A prefix, what follows it, and at least how much of it. Prefixes and lengths as
// the issuers document them; a shorter minimum where their documents leave it open.
const PREFIXES: &[(&str, Set, usize, Kind)] = &[
    ("$2a$", Crypt, 40, Kind::Secret),
    ("$2b$", Crypt, 40, Kind::Secret),
    ("$2y$", Crypt, 40, Kind::Secret),
    ("$5$", Crypt, 40, Kind::Secret),
    ("$6$", Crypt, 60, Kind::Secret),
    ("$argon2", Crypt, 40, Kind::Secret),
    ("$krb5", Crypt, 40, Kind::Secret),
    ("1//0", Name, 24, Kind::Secret),
    ("ABIA", Upper, 16, Kind::SecretAwsKey),
    ("ABSK", Base, 40, Kind::SecretAwsKey),
    ("ACCA", Upper, 16, Kind::SecretAwsKey),
    ("AGE-SECRET-KEY-1", Upper, 50, Kind::SecretPrivateKey),
    ("AIza", Name, 35, Kind::Secret),
    ("AKCp", Alnum, 60, Kind::Secret),
    ("AKIA", Upper, 16, Kind::SecretAwsKey),
    ("APKA", Upper, 16, Kind::SecretAwsKey),
    ("AQVN", Name, 35, Kind::Secret),
    ("ASIA", Upper, 16, Kind::SecretAwsKey),
    ("ATATT3", Base, 50, Kind::Secret),
    ("ATBB", Alnum, 24, Kind::Secret),
    ("CCIPAT_", Name, 30, Kind::Secret),
    ("EAAA", Name, 50, Kind::Secret),
    ("EAAC", Alnum, 60, Kind::Secret),
    ("EAAM", Alnum, 60, Kind::Secret),
    ("EZAK", Alnum, 54, Kind::Secret),
    ("EZTK", Alnum, 54, Kind::Secret),
    ("GOCSPX-", Name, 28, Kind::Secret),
    ("GR1348941", Name, 20, Kind::Secret),
    ("HRKU-", Name, 30, Kind::Secret),
    ("LTAI", Alnum, 12, Kind::Secret),
    ("NRAK-", Alnum, 24, Kind::Secret),
    ("NRII-", Name, 28, Kind::Secret),
    ("NRJS-", Hex, 19, Kind::Secret),
    ("NRSP-", Alnum, 20, Kind::Secret),
    ("PMAK-", Name, 50, Kind::Secret),
    ("SG.", Base, 60, Kind::Secret),
    ("aio_", Alnum, 28, Kind::Secret),
    ("api_org_", Alnum, 30, Kind::Secret),
    ("atlasv1.", Name, 50, Kind::Secret),
    ("bkua_", Hex, 40, Kind::Secret),
    ("cmVmd", Alnum, 55, Kind::Secret),
    ("crates.io", Alnum, 32, Kind::Secret),
    ("cio", Alnum, 32, Kind::Secret),
    ("dapi", Hex, 32, Kind::Secret),
    ("dckr_pat_", Name, 20, Kind::Secret),
    ("doo_v1_", Hex, 64, Kind::Secret),
    ("dop_v1_", Hex, 64, Kind::Secret),
    ("dor_v1_", Hex, 64, Kind::Secret),
    ("dp.ct.", Alnum, 40, Kind::Secret),
    ("dp.pt.", Alnum, 40, Kind::Secret),
    ("dp.st.", Base, 40, Kind::Secret),
    ("dt0c01.", Base, 80, Kind::Secret),
    ("duffel_live_", Base, 40, Kind::Secret),
    ("duffel_test_", Base, 40, Kind::Secret),
    ("ext_", Base, 50, Kind::Secret),
    ("figd_", Name, 38, Kind::Secret),
    ("figu_", Name, 38, Kind::Secret),
    ("fio-u-", Base, 60, Kind::Secret),
    ("fm1_", Base, 50, Kind::Secret),
    ("fm1a_", Base, 50, Kind::Secret),
    ("fm1r_", Base, 50, Kind::Secret),
    ("fm2_", Base, 50, Kind::Secret),
    ("fo1_", Name, 43, Kind::Secret),
    ("gho_", Alnum, 36, Kind::SecretGithubToken),
    ("ghp_", Alnum, 36, Kind::SecretGithubToken),
    ("ghr_", Alnum, 36, Kind::SecretGithubToken),
    ("ghs_", Alnum, 36, Kind::SecretGithubToken),
    ("ghu_", Alnum, 36, Kind::SecretGithubToken),
    ("github_pat_", Name, 70, Kind::SecretGithubToken),
    ("glagent-", Name, 50, Kind::Secret),
    ("glc_", Base, 32, Kind::Secret),
    ("glcbt-", Name, 20, Kind::Secret),
    ("gldt-", Name, 20, Kind::Secret),
    ("glffct-", Name, 20, Kind::Secret),
    ("glft-", Name, 20, Kind::Secret),
    ("glimt-", Name, 25, Kind::Secret),
    ("glpat-", Base, 20, Kind::Secret),
    ("glptt-", Hex, 40, Kind::Secret),
    ("glrt-", Name, 20, Kind::Secret),
    ("glsa_", Name, 40, Kind::Secret),
    ("glsoat-", Name, 20, Kind::Secret),
    ("gsk_", Alnum, 50, Kind::Secret),
    ("hf_", Alnum, 32, Kind::Secret),
    ("hvb.", Name, 100, Kind::Secret),
    ("hvr.", Name, 24, Kind::Secret),
    ("hvs.", Name, 24, Kind::Secret),
    ("lin_api_", Alnum, 40, Kind::Secret),
    ("lsv2_pt_", Name, 32, Kind::Secret),
    ("npm_", Alnum, 36, Kind::Secret),
    ("ntn_", Alnum, 43, Kind::Secret),
    ("oa2-client-id_", Base, 20, Kind::Secret),
    ("ops_eyJ", Base, 100, Kind::Secret),
    ("oy2", Alnum, 43, Kind::Secret),
    ("p8e-", Alnum, 32, Kind::Secret),
    ("phc_", Alnum, 32, Kind::Secret),
    ("pk.eyJ", Base, 60, Kind::Secret),
    ("pnu_", Alnum, 36, Kind::Secret),
    ("pplx-", Alnum, 48, Kind::Secret),
    ("pscale_oauth_", Base, 32, Kind::Secret),
    ("pscale_pw_", Base, 32, Kind::Secret),
    ("pscale_tkn_", Base, 32, Kind::Secret),
    ("pubkey-", Hex, 32, Kind::Secret),
    ("pul-", Hex, 40, Kind::Secret),
    ("px-api-", Hex, 36, Kind::Secret),
    ("pypi-AgEIcHlwaS5vcmc", Name, 50, Kind::Secret),
    ("r8_", Alnum, 37, Kind::Secret),
    ("rdme_", Alnum, 70, Kind::Secret),
    ("rk_live_", Alnum, 10, Kind::Secret),
    ("rk_prod_", Alnum, 10, Kind::Secret),
    ("rk_test_", Alnum, 10, Kind::Secret),
    ("rubygems_", Hex, 48, Kind::Secret),
    ("s-s4t2af-", Hex, 64, Kind::Secret),
    ("s-s4t2ud-", Hex, 64, Kind::Secret),
    ("sc_", Base, 50, Kind::Secret),
    ("scauth_", Base, 50, Kind::Secret),
    ("secret_", Alnum, 43, Kind::Secret),
    ("sgp_", Name, 40, Kind::Secret),
    ("sha256~", Name, 43, Kind::Secret),
    ("shpat_", Hex, 32, Kind::Secret),
    ("shpca_", Hex, 32, Kind::Secret),
    ("shppa_", Hex, 32, Kind::Secret),
    ("shpss_", Hex, 32, Kind::Secret),
    ("sk-", Name, 40, Kind::Secret),
    ("sk.eyJ", Base, 60, Kind::Secret),
    ("sk_live_", Alnum, 10, Kind::Secret),
    ("sk_prod_", Alnum, 10, Kind::Secret),
    ("sk_test_", Alnum, 10, Kind::Secret),
    ("sm_aat_", Alnum, 16, Kind::Secret),
    ("sm_pat_", Alnum, 16, Kind::Secret),
    ("sm_sat_", Alnum, 16, Kind::Secret),
    ("sntrys_", Base, 60, Kind::Secret),
    ("sntryu_", Hex, 64, Kind::Secret),
    ("sq0atp-", Name, 22, Kind::Secret),
    ("sq0csp-", Name, 43, Kind::Secret),
    ("sqa_", Hex, 40, Kind::Secret),
    ("sqp_", Hex, 40, Kind::Secret),
    ("squ_", Hex, 40, Kind::Secret),
    ("t1.", Base, 80, Kind::Secret),
    ("tfp_", Base, 40, Kind::Secret),
    ("tk-us-", Name, 48, Kind::Secret),
    ("tvly-", Name, 30, Kind::Secret),
    ("v1.0-", Name, 100, Kind::Secret),
    ("whsec_", Base, 32, Kind::Secret),
    ("xapp-", Name, 30, Kind::SecretSlack),
    ("xkeysib-", Name, 70, Kind::Secret),
    ("xoxa-", Name, 20, Kind::SecretSlack),
    ("xoxb-", Name, 20, Kind::SecretSlack),
    ("xoxe-", Name, 20, Kind::SecretSlack),
    ("xoxe.", Base, 40, Kind::SecretSlack),
    ("xoxo-", Name, 20, Kind::SecretSlack),
    ("xoxp-", Name, 20, Kind::SecretSlack),
    ("xoxr-", Name, 20, Kind::SecretSlack),
    ("xoxs-", Name, 20, Kind::SecretSlack),
    ("y0_", Name, 50, Kind::Secret),
    ("ya29.", Name, 30, Kind::Secret),
];

/// What begins with one of these is parsed further.
const SHAPES: &[(&str, Shape)] = &[
    (BEGIN, |_, _, _, _| {}),
    (END, |_, _, _, _| {}),
    ("eyJ", jwt),
    ("hooks.slack.com/", webhook),
    (":AA", bot),
    ("Bearer ", bearer),
    ("bearer ", bearer),
    ("Basic ", basic),
    ("basic ", basic),
    (crate::canary::PREFIX, canary),
];

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

// The longest armour, in bytes.
const ARMOUR: usize = 8192;

#[derive(Clone, Copy, Eq, PartialEq)]
enum Mark {
    Begin,
    End,
}

type Shape = fn(&Window<'_>, usize, usize, &mut Vec<Finding>);

// It is only asked what begins at one place.
fn automaton() -> &'static Option<AhoCorasick> {
    static AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    AUTOMATON.get_or_init(|| {
        let words = PREFIXES.iter().map(|p| p.0).chain(SHAPES.iter().map(|s| s.0));
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).start_kind(StartKind::Anchored);
        builder.build(words).ok()
    })
}

static HEADS: Heads = {
    let (mut heads, mut i) = (Heads::NONE, 0);
    while i < PREFIXES.len() {
        heads = heads.with(PREFIXES[i].0);
        i += 1;
    }
    let mut i = 0;
    while i < SHAPES.len() {
        heads = heads.with(SHAPES[i].0);
        i += 1;
    }
    heads
};

/// What begins with a prefix or a shape, from left to right; of those that begin at
/// one place the longest counts, and none begins inside of another.
pub(super) fn prefixed(w: &Window<'_>, out: &mut Vec<Finding>) {
    w.count(w.bytes.len());
    let Some(automaton) = automaton() else { return };
    let (mut marks, mut from) = (Vec::new(), 0);
    while let Some(start) = HEADS.next(w.bytes, from) {
        let here = Input::new(w.bytes).range(start..).anchored(Anchored::Yes);
        let Some(found) = automaton.find(here) else {
            from = start + 1;
            continue;
        };
        from = found.end();
        begun(w, found.pattern().as_usize(), (start, from), &mut marks, out);
    }
    armour(w, &marks, out);
}

// The `n`-th of all prefixes and shapes lies at this span.
fn begun(
    w: &Window<'_>,
    n: usize,
    (start, end): (usize, usize),
    marks: &mut Vec<(usize, Mark)>,
    out: &mut Vec<Finding>,
) {
    if let Some((_, set, least, kind)) = PREFIXES.get(n) {
        if alnum(w.before(start)) {
            return;
        }
        let stop = w.right(end, 1024, |b| set.has(b));
        if stop - end >= *least && varied(&w.bytes[end..stop]) {
            push(out, *kind, (start, stop), 95, "an issuer's prefix");
        }
    } else if let Some((word, shape)) = SHAPES.get(n - PREFIXES.len()) {
        match *word {
            BEGIN => marks.push((start, Mark::Begin)),
            END => marks.push((start, Mark::End)),
            _ => shape(w, start, end, out),
        }
    }
}

// At least five different characters: no row of x.
fn varied(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|b| seen[usize::from(*b)] = true);
    seen.iter().filter(|seen| **seen).count() >= 5
}

/// Private keys in their armour, from the marks that were seen in order of place:
/// each opening reaches to the next closing, or as far as it looks like armour.
fn armour(w: &Window<'_>, marks: &[(usize, Mark)], out: &mut Vec<Finding>) {
    let mut done = 0;
    for (i, &(start, mark)) in marks.iter().enumerate() {
        if mark != Mark::Begin || start < done {
            continue;
        }
        let title = |from| w.right(from, 40, |b| b.is_ascii_uppercase() || b == b' ' || digit(b));
        let body = title(start + BEGIN.len());
        if !w.text.get(start..body).is_some_and(|t| t.contains("PRIVATE KEY")) {
            continue;
        }
        let stop = match marks.get(i + 1) {
            Some(&(end, Mark::End)) if end - start <= ARMOUR => {
                w.right(title(end + END.len()), 5, |b| b == b'-')
            }
            _ => w.right(body, ARMOUR, |b| alnum(b) || b"+/=-:,\\ \r\n\t".contains(&b)),
        };
        push(out, Kind::SecretPrivateKey, (start, stop), 99, "armour of a private key");
        done = stop;
    }
}

fn jwt(w: &Window<'_>, start: usize, _: usize, out: &mut Vec<Finding>) {
    let part = |from: usize| w.right(from, 4096, |b| Name.has(b));
    // The cheap question first: a row of such prefixes would be read again and again.
    if alnum(w.before(start)) {
        return;
    }
    let head = part(start);
    if w.at(head) != b'.' || head - start < 12 {
        return;
    }
    let body = part(head + 1);
    if body - head < 12 {
        return;
    }
    let mut stop = body;
    if w.at(body) == b'.' {
        stop = w.right(part(body + 1), 2, |b| b == b'=');
    }
    push(out, Kind::SecretJwt, (start, stop), 97, "header and claims of a token");
}

// Telegram: the number of the bot, then 35 characters that begin with AA.
fn bot(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let number = w.left(start, 11, digit);
    let stop = w.right(end, 34, |b| Name.has(b));
    if (8..=10).contains(&(start - number)) && stop - end >= 32 {
        push(out, Kind::Secret, (number, stop), 95, "number and token of a bot");
    }
}

fn webhook(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 128, |b| Base.has(b));
    let scheme = w.left(start, 8, |b| b"htps:/".contains(&b));
    if stop - end >= 40 {
        push(out, Kind::SecretSlack, (scheme, stop), 95, "address of a webhook");
    }
}

fn bearer(w: &Window<'_>, _: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 2048, |b| Base.has(b));
    let value = &w.bytes[end..stop];
    if value.len() >= 16 && value.iter().any(u8::is_ascii_digit) && varied(value) {
        push(out, Kind::Secret, (end, stop), 85, "a bearer's token");
    }
}

fn basic(w: &Window<'_>, _: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 512, |b| Base.has(b));
    let pair = crate::decode::base64(&w.bytes[end..stop], 0);
    if stop - end >= 8 && pair.contains(&b':') && pair.iter().all(|b| (32..127).contains(b)) {
        push(out, Kind::Secret, (end, stop), 85, "user and password in base64");
    }
}

fn canary(w: &Window<'_>, start: usize, _: usize, out: &mut Vec<Finding>) {
    if let Some(len) = w.bytes.get(start..).and_then(Canary::recognise) {
        push(out, Kind::Canary, (start, start + len), 100, "a planted value");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_told_apart() {
        let mut words: Vec<_> = PREFIXES.iter().map(|p| p.0).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), PREFIXES.len());
        assert!(automaton().is_some());
    }
}
