//! Prefixes that issuers put before their tokens, so that these are known anywhere.

use super::form::Set::{self, Alnum, Base, Crypt, Dotted, Hex, Name, Padded, Ticket, Upper, Uuid};
use super::placeholder::is_words;
use crate::Kind;

/// A prefix and what follows it. Prefixes, signs and lengths as the issuers document
/// them; a shorter minimum where their documents leave it open.
pub(super) struct Prefix {
    pub(super) text: &'static str,
    pub(super) set: Set,
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) kind: Kind,
    pub(super) test: Test,
}

/// How sure it is that what follows a prefix is a token, in percent: 0 for none.
type Test = fn(&[u8]) -> u8;

const fn from(text: &'static str, set: Set, least: usize) -> Prefix {
    Prefix { text, set, least, most: usize::MAX, kind: Kind::Secret, test: any }
}

impl Prefix {
    const fn to(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    const fn tested(mut self, test: Test) -> Self {
        self.test = test;
        self
    }
}

const fn exact(text: &'static str, set: Set, len: usize) -> Prefix {
    from(text, set, len).to(len)
}

const fn aws(text: &'static str) -> Prefix {
    from(text, Upper, 16).kind(Kind::SecretAwsKey)
}

const fn github(text: &'static str) -> Prefix {
    from(text, Alnum, 36).kind(Kind::SecretGithubToken).tested(summed)
}

const fn slack(text: &'static str) -> Prefix {
    from(text, Name, 20).kind(Kind::SecretSlack).tested(unworded)
}

pub(super) const PREFIXES: &[Prefix] = &[
    from("$1$", Crypt, 28),
    from("$2a$", Crypt, 40),
    from("$2b$", Crypt, 40),
    from("$2x$", Crypt, 40),
    from("$2y$", Crypt, 40),
    from("$5$", Crypt, 40),
    from("$6$", Crypt, 60),
    from("$7$", Crypt, 40),
    from("$8$", Crypt, 40),
    from("$9$", Crypt, 40),
    from("$argon2", Crypt, 40),
    from("$krb5", Ticket, 40),
    from("$y$", Crypt, 40),
    from("1//0", Name, 24),
    exact("4b1d", Alnum, 38),
    from("A3-", Base, 30).tested(one_password),
    from("A3T", Upper, 17).kind(Kind::SecretAwsKey),
    aws("ABIA"),
    from("ABSK", Base, 40).kind(Kind::SecretAwsKey),
    aws("ACCA"),
    from("AGE-SECRET-KEY-1", Upper, 50).kind(Kind::SecretPrivateKey),
    aws("AGPA"),
    aws("AIDA"),
    aws("AIPA"),
    from("AIza", Name, 35),
    from("AKCp", Alnum, 60),
    aws("AKIA"),
    aws("ANPA"),
    aws("ANVA"),
    exact("API-", Upper, 26),
    aws("APKA"),
    from("AQVN", Name, 35),
    aws("AROA"),
    aws("ASIA"),
    from("ATATT3", Base, 30),
    from("ATBB", Alnum, 24),
    from("ATCTT3", Base, 50),
    from("CCIPAT_", Name, 30),
    from("CLOJARS_", Alnum, 60),
    from("EAAA", Name, 50),
    from("EAAC", Alnum, 60),
    from("EAACEdEose0cBA", Alnum, 4),
    from("EAAM", Alnum, 60),
    from("EZAK", Alnum, 54),
    from("EZTK", Alnum, 54),
    from("FLWPUBK_TEST-", Name, 32),
    from("FLWSECK-", Name, 32),
    from("FLWSECK_TEST-", Name, 12),
    from("GOCSPX-", Name, 28),
    from("GR1348941", Name, 20),
    from("HRKU-", Name, 30),
    from("LTAI", Alnum, 12),
    from("NRAA-", Hex, 27),
    from("NRAK-", Alnum, 24),
    from("NRII-", Name, 28),
    from("NRIQ-", Name, 28),
    from("NRJS-", Hex, 19),
    from("NRRA-", Hex, 42),
    from("NRSP-", Alnum, 20),
    from("PMAK-", Name, 50),
    from("SG.", Base, 60),
    from("_gitlab_session=", Alnum, 32),
    from("aio_", Alnum, 28),
    from("amzn.mws.", Name, 36),
    from("api_org_", Alnum, 30),
    from("authress_", Base, 50),
    from("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t", Base, 0),
    from("bkua_", Hex, 40),
    exact("cio", Alnum, 32),
    from("cmVmd", Alnum, 55),
    from("crates.io", Alnum, 32),
    exact("da2-", Alnum, 26),
    from("dapi", Hex, 32),
    from("dckr_oat_", Name, 20),
    from("dckr_pat_", Name, 20),
    from("dnkey-", Padded, 79),
    from("doo_v1_", Hex, 64),
    from("dop_v1_", Hex, 64),
    from("dor_v1_", Hex, 64),
    from("dp.audit.", Alnum, 40),
    from("dp.ct.", Alnum, 40),
    from("dp.pt.", Alnum, 40),
    from("dp.sa.", Alnum, 40),
    from("dp.scim.", Alnum, 40),
    from("dp.st.", Base, 40),
    from("dt0", Base, 93).tested(dynatrace),
    from("duffel_live_", Base, 40),
    from("duffel_test_", Base, 40),
    from("ext_", Base, 50).tested(access),
    from("eyJrIjoi", Base, 60).to(404),
    exact("fc-", Hex, 32),
    from("figd_", Name, 38),
    from("figu_", Name, 38),
    from("fio-u-", Base, 60),
    from("fm1_", Base, 50),
    from("fm1a_", Base, 50),
    from("fm1r_", Base, 50),
    from("fm2_", Base, 50),
    from("fo1_", Name, 43),
    github("gho_"),
    github("ghp_"),
    github("ghr_"),
    github("ghs_"),
    github("ghu_"),
    from("github_pat_", Name, 70).kind(Kind::SecretGithubToken),
    from("glagent-", Name, 50),
    from("glc_", Base, 32),
    from("glcbt-", Name, 20).to(57),
    from("gldt-", Name, 20).to(50),
    from("glffct-", Name, 20).to(50),
    from("glft-", Name, 20).to(50),
    from("glimt-", Name, 25),
    from("gloas-", Name, 64),
    from("glpat-", Base, 20),
    from("glptt-", Hex, 40),
    from("glrt-", Base, 20),
    from("glsa_", Name, 40),
    from("glsoat-", Name, 20).to(50),
    from("gsk_", Alnum, 50),
    from("hawk.", Dotted, 41),
    from("hf_", Alnum, 32),
    from("hvb.", Name, 24),
    from("hvr.", Name, 24),
    from("hvs.", Name, 24),
    exact("ico-", Alnum, 32),
    from("jina_", Alnum, 60),
    from("lin_api_", Alnum, 40),
    from("lin_oauth_", Hex, 64),
    from("live_", Name, 39).tested(stream),
    from("lsv2_pt_", Name, 32),
    from("lsv2_sk_", Name, 32),
    from("npm_", Alnum, 36).tested(summed),
    from("ntn_", Alnum, 43),
    from("nvapi-", Name, 60),
    from("oa2-client-id_", Base, 20),
    from("odt_", Alnum, 32),
    from("ops_eyJ", Base, 100),
    exact("oy2", Alnum, 43),
    from("p8e-", Name, 32),
    from("pat.", Dotted, 68).tested(harness),
    from("phc_", Alnum, 32),
    from("phx_", Alnum, 32),
    from("pk.eyJ", Base, 60),
    from("pnu_", Alnum, 36),
    from("pplx-", Alnum, 48),
    from("pscale_oauth_", Base, 32),
    from("pscale_pw_", Base, 32),
    from("pscale_tkn_", Base, 32),
    from("pubkey-", Hex, 32),
    from("pul-", Hex, 40),
    from("px-api-", Uuid, 36),
    from("px-dep-", Uuid, 36),
    from("pypi-AgEIcHlwaS5vcmc", Name, 70),
    from("r8_", Alnum, 37),
    from("rdme_", Alnum, 70),
    from("rk_live_", Alnum, 10),
    from("rk_prod_", Alnum, 10),
    from("rk_test_", Alnum, 10),
    from("rubygems_", Hex, 48),
    from("rzp_live_", Alnum, 14),
    from("rzp_test_", Alnum, 14),
    from("s-s4t2af-", Hex, 64),
    from("s-s4t2ud-", Hex, 64),
    from("sat.", Dotted, 68).tested(harness),
    from("sb_secret_", Name, 20),
    from("sbp_", Hex, 40),
    from("sc_", Base, 50).tested(access),
    from("scauth_", Base, 50).tested(access),
    from("secret_", Alnum, 43),
    from("sgp_", Name, 40).tested(sourcegraph),
    from("sha256~", Name, 43),
    from("shippo_live_", Hex, 40),
    from("shippo_test_", Hex, 40),
    from("shpat_", Hex, 32),
    from("shpca_", Hex, 32),
    from("shppa_", Hex, 32),
    from("shpss_", Hex, 32),
    from("sk-", Name, 32),
    exact("sk-ant-admin01-", Name, 95).tested(anthropic),
    exact("sk-ant-api03-", Name, 95).tested(anthropic),
    exact("sk-ant-oat01-", Name, 95).tested(anthropic),
    exact("sk-ant-ort01-", Name, 95).tested(anthropic),
    from("sk-or-v1-", Hex, 64),
    from("sk.eyJ", Base, 60),
    from("sk_live_", Alnum, 10),
    from("sk_prod_", Alnum, 10),
    from("sk_test_", Alnum, 10),
    from("sl.", Name, 130).to(160),
    exact("sm_aat_", Alnum, 16),
    exact("sm_pat_", Alnum, 16),
    exact("sm_sat_", Alnum, 16),
    from("sntrys_", Base, 60),
    from("sntryu_", Hex, 64),
    from("sq0atp-", Name, 22),
    from("sq0csp-", Name, 43),
    from("sqa_", Hex, 40),
    from("sqp_", Hex, 40),
    from("squ_", Hex, 40),
    from("t1.", Base, 80),
    from("tfp_", Base, 40),
    from("tk-us-", Name, 48),
    from("tvly-", Name, 30),
    from("v1.0-", Name, 100),
    from("whsec_", Base, 32),
    from("xai-", Alnum, 70),
    slack("xapp-"),
    from("xkeysib-", Name, 70),
    slack("xoxa-"),
    slack("xoxb-"),
    slack("xoxe-"),
    from("xoxe.", Base, 100).kind(Kind::SecretSlack),
    slack("xoxo-"),
    slack("xoxp-"),
    slack("xoxr-"),
    slack("xoxs-"),
    from("xsmtpsib-", Name, 70),
    from("y0_", Name, 50),
    from("ya29.", Name, 20),
];

fn any(_: &[u8]) -> u8 {
    95
}

fn unworded(body: &[u8]) -> u8 {
    if is_words(body) { 0 } else { 95 }
}

fn anthropic(body: &[u8]) -> u8 {
    if body.ends_with(b"AA") { 97 } else { 0 }
}

// A service, an account, `acc`, and so on, with dots between.
fn access(body: &[u8]) -> u8 {
    let parts = body.split(|b| *b == b'.').count();
    if parts == 4 { 90 } else { 0 }
}

// A letter, two digits, 24 signs and 64 signs.
fn dynatrace(body: &[u8]) -> u8 {
    let dots = [3, 28].iter().all(|at| body.get(*at) == Some(&b'.'));
    if dots && body[1].is_ascii_digit() && body[2].is_ascii_digit() { 95 } else { 0 }
}

fn harness(body: &[u8]) -> u8 {
    let mut parts = body.split(|b| *b == b'.').map(<[u8]>::len);
    let is_token = [22, 24, 20].iter().all(|len| parts.next() == Some(*len));
    if is_token && parts.next().is_none() { 95 } else { 0 }
}

fn one_password(body: &[u8]) -> u8 {
    let mut parts = body.split(|b| *b == b'-').map(<[u8]>::len);
    let upper = body.iter().all(|b| Upper.has(*b) || *b == b'-');
    let is_key = match parts.clone().count() {
        5 => [6, 11, 5, 5, 5].iter().all(|len| parts.next() == Some(*len)),
        6 => [6, 6, 5, 5, 5, 5].iter().all(|len| parts.next() == Some(*len)),
        _ => false,
    };
    if upper && is_key { 95 } else { 0 }
}

// With the number of an instance before it, or `local`, or none; Segment has another.
fn sourcegraph(body: &[u8]) -> u8 {
    let hex = |part: &[u8], len: usize| part.len() == len && part.iter().all(|b| Hex.has(*b));
    let is_token = match body.iter().position(|b| *b == b'_') {
        Some(at) => (hex(&body[..at], 16) || &body[..at] == b"local") && hex(&body[at + 1..], 40),
        None => hex(body, 40) || (body.len() == 64 && body.iter().all(|b| Alnum.has(*b))),
    };
    if is_token { 95 } else { 0 }
}

// Twitch: the number of an account, `_`, and the key.
fn stream(body: &[u8]) -> u8 {
    let number = body.iter().take_while(|b| b.is_ascii_digit()).count();
    let is_key = (8..=12).contains(&number)
        && body.get(number) == Some(&b'_')
        && (30..=36).contains(&(body.len() - number - 1))
        && body[number + 1..].iter().all(|b| Alnum.has(*b));
    if is_key { 95 } else { 0 }
}

// The last six signs of 36 are the CRC32 of the others in base 62, as GitHub has
// published and npm has taken over. One that does not fit may be torn or made up.
fn summed(body: &[u8]) -> u8 {
    if body.len() == 36 && has_sum(body) { 99 } else { 90 }
}

fn has_sum(body: &[u8]) -> bool {
    let Some((random, sum)) = body.split_last_chunk::<6>() else { return false };
    let said = sum.iter().try_fold(0_u64, |n, b| {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            b'A'..=b'Z' => b - b'A' + 10,
            b'a'..=b'z' => b - b'a' + 36,
            _ => return None,
        };
        Some(n * 62 + u64::from(digit))
    });
    said == Some(u64::from(crc32(random)))
}

// By ISO 3309, bit by bit: the values are short.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, b| (0..8).fold(crc ^ u32::from(*b), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_in_order_and_told_apart() {
        for pair in PREFIXES.windows(2) {
            assert!(pair[0].text < pair[1].text, "{} {}", pair[0].text, pair[1].text);
        }
        assert!(PREFIXES.iter().all(|prefix| prefix.least <= prefix.most));
    }

    #[test]
    fn the_sum_of_a_token_makes_it_surer() {
        // The check value of the algorithm, and a token that has expired.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(summed(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"), 99);
        assert_eq!(summed(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18"), 90);
    }

    #[test]
    fn parts_have_their_lengths() {
        let hex = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(sourcegraph(format!("local_{hex}").as_bytes()), 95);
        assert_eq!(sourcegraph(format!("other_{hex}").as_bytes()), 0);
        assert_eq!(one_password(b"ABCDEF-ABCDEFGHIJK-ABCDE-ABCDE-ABCDE"), 95);
        assert_eq!(one_password(b"ABCDEF-ABCDEFGHIJ-ABCDE-ABCDE-ABCDE"), 0);
        assert_eq!(stream(b"123456789_abcdefghijklmnopqrstuvwxyz1234"), 95);
        assert_eq!(stream(b"123_abcdefghijklmnopqrstuvwxyz1234"), 0);
    }
}
