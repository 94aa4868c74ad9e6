//! Secrets that only their name gives away: `password = …`, `"api_key": "…"`.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::push;
use crate::window::{Window, alnum, word};
use crate::words::{Heads, Words, ends_with, lowered};
use crate::{Finding, Kind};

const PASSWORD: &[&str] = &[
    "passwd",
    "password",
    "passwort",
    "passphrase",
    "contraseña",
    "pwd",
    "passw",
    "motdepasse",
    "senha",
    "wachtwoord",
];

const SECRET: &[&str] = &[
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "api.key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "credential",
    "creds",
    "auth",
    "clientid",
    "client_id",
    "client-id",
    "licensekey",
    "license_key",
    "authkey",
    "signature",
    "bearer",
    "accountkey",
    "webhook",
    "sessionid",
    "session_id",
];

// Services whose keys carry no mark of their own.
const SERVICES: &[&str] = &[
    "adobe",
    "airtable",
    "algolia",
    "alibaba",
    "artifactory",
    "asana",
    "atlassian",
    "aws",
    "beamer",
    "bitbucket",
    "bittrex",
    "blynk",
    "cloudflare",
    "codecov",
    "coinbase",
    "confluent",
    "datadog",
    "discord",
    "droneci",
    "dropbox",
    "etsy",
    "facebook",
    "fastly",
    "finicity",
    "finnhub",
    "flickr",
    "freshbooks",
    "gitter",
    "gocardless",
    "heroku",
    "hubspot",
    "intercom",
    "jfrog",
    "kraken",
    "kucoin",
    "launchdarkly",
    "linear",
    "linkedin",
    "lob",
    "looker",
    "mailchimp",
    "mailgun",
    "mapbox",
    "mattermost",
    "meraki",
    "messagebird",
    "netlify",
    "newrelic",
    "new-relic",
    "nytimes",
    "okta",
    "openai",
    "plaid",
    "privateai",
    "rapidapi",
    "sendbird",
    "sentry",
    "sidekiq",
    "snyk",
    "softlayer",
    "sonar",
    "squarespace",
    "sumo",
    "telegram",
    "travis",
    "trello",
    "twilio",
    "twitch",
    "twitter",
    "typeform",
    "yandex",
    "zendesk",
    "cohere",
    "easypost",
    "contribsys",
    "perplexity",
    "postman",
    "doppler",
    "gitlab",
    "github",
    "grafana",
    "slack",
    "stripe",
    "shopify",
    "square",
    "notion",
    "readme",
    "kubernetes",
    "dtrack",
    "truenas",
];

/// A name before the sign at `at` and a value after it.
pub(super) fn at(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    if operator(w.at(at + 1)) {
        return; // The last sign of `:=` or `=>` looks for both sides.
    }
    let quote = |b: u8| matches!(b, b'"' | b'\'' | b'`');
    // A comma after a quoted name, a bracket before a quoted value: `set("name", "value")`.
    let call = match w.at(at) {
        b',' => !quote(w.before(at)),
        b'(' => !quote(w.at(at + 1)),
        _ => false,
    };
    if call {
        return;
    }
    let lines = w.at(at) == b'>';
    let space =
        w.right(at + 1, 40, |b| matches!(b, b' ' | b'\t') || (lines && matches!(b, b'\r' | b'\n')));
    let open = w.right(space, 4, |b| quote(b) || b == b'\\');
    let quoted = open > space;
    // Too short for any secret, unless it is a scheme before one.
    let short = w.right(open, 4, inside(quoted));
    if short - open < 4 && w.at(short) != b' ' {
        return;
    }
    let Some(level) = name(w, at).and_then(level) else { return };
    let stop = value_end(w, open, quoted);
    let span = (open, stop);
    let value = &w.bytes[open..stop];
    let prose = w.at(at) == b':' && !quoted && space > at + 1;
    match level {
        _ if is_placeholder(value) => {}
        Level::Password if is_password(value, prose, quoted) => {
            push(out, Kind::Secret, span, 75, "a value under the name of a password");
        }
        Level::Secret if is_key(value, 10) || sectioned(value) => {
            push(out, Kind::Secret, span, 75, "a varied value under the name of a secret");
        }
        Level::Secret if w.at(stop) == b' ' => scheme(w, stop + 1, out),
        Level::Service if is_key(value, 14) => {
            push(out, Kind::Secret, span, 65, "a varied value under the name of a service");
        }
        _ => {}
    }
}

// "Authorization: Scheme value": the word after the first.
fn scheme(w: &Window<'_>, open: usize, out: &mut Vec<Finding>) {
    let stop = value_end(w, open, false);
    let value = &w.bytes[open..stop];
    if is_key(value, 20) && !is_placeholder(value) {
        push(out, Kind::Secret, (open, stop), 70, "a varied value after the scheme of a secret");
    }
}

fn name<'t>(w: &Window<'t>, at: usize) -> Option<&'t str> {
    let sign = w.left(at, 4, operator);
    let blank = w.left(sign, 3, |b| b == b' ' || b == b'\t');
    let quote = w.left(blank, 4, |b| matches!(b, b'"' | b'\'' | b'`' | b'\\' | b']'));
    let start = w.left(quote, 64, |b| {
        alnum(b) || matches!(b, b'_' | b'.' | b'-' | b'[' | b']' | b' ') || b >= 0x80
    });
    let text = w.text.get(w.ceil(start)..quote)?;
    Some(text.trim_end_matches(|c: char| !c.is_alphanumeric())).filter(|text| !text.is_empty())
}

enum Level {
    Password,
    Secret,
    Service,
}

fn level(name: &str) -> Option<Level> {
    lowered(name, level_of)
}

// Without regard to the case of ASCII letters.
fn level_of(name: &str) -> Option<Level> {
    // Almost no name has one of the words, or ends as those of keys do.
    let telling = HEADS.next(name.as_bytes(), 0);
    let last = name.bytes().next_back().map(|b| b.to_ascii_lowercase());
    if telling.is_none() && !matches!(last, Some(b'd' | b's' | b'w' | b'y')) {
        return None;
    }
    let mut spaces = (0..name.len()).rev().filter(|i| name.as_bytes()[*i] == b' ').map(|i| i + 1);
    let last = spaces.next().unwrap_or(0);
    // Only the last three words: a sentence before the sign is not its name.
    let tail = spaces.nth(1).unwrap_or(0);
    let (mut secret, mut service) = (false, false);
    let named = telling.and_then(|_| names().as_ref());
    // No word of the lists has a space, so that each lies in one word of the name.
    for found in named.into_iter().flat_map(|names| names.find_overlapping_iter(&name[tail..])) {
        match found.pattern().as_usize() {
            n if n < PASSWORD.len() => {
                if tail + found.start() >= last {
                    return Some(Level::Password);
                }
            }
            n if n < PASSWORD.len() + SECRET.len() => secret = true,
            _ => service = true,
        }
    }
    let last = &name[last..];
    let ends = |word: &str| {
        ends_with(last, word) && last[..last.len() - word.len()].ends_with(['_', '-', '.'])
    };
    if ends("pass") || ends("pw") {
        Some(Level::Password)
    } else if (secret || ends("key") || ends("sid")) && !is_public(last) {
        Some(Level::Secret)
    } else {
        service.then_some(Level::Service)
    }
}

fn is_public(word: &str) -> bool {
    const PUBLIC: &Words = &Words::new(&["public", "primary", "foreign"]);
    PUBLIC.are_in(word) || ends_with(word, "author") || ends_with(word, "authors")
}

static HEADS: Heads = Heads::NONE.with_all(PASSWORD).with_all(SECRET).with_all(SERVICES);

fn names() -> &'static Option<AhoCorasick> {
    static NAMES: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    NAMES.get_or_init(|| any_case(PASSWORD.iter().chain(SECRET).chain(SERVICES)))
}

// The words are ASCII but for one, whose text is in lower case already.
fn any_case<'w>(words: impl Iterator<Item = &'w &'static str>) -> Option<AhoCorasick> {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    builder.build(words).ok()
}

const fn operator(b: u8) -> bool {
    matches!(b, b'=' | b':' | b'>' | b'|' | b'?' | b'!')
}

fn inside(quoted: bool) -> impl Fn(u8) -> bool {
    move |b| {
        b > b' '
            && !matches!(b, 0x7f | b'"' | b'\'' | b'`' | b'\\')
            && (quoted || !matches!(b, b',' | b';' | b'<' | b'>' | b'&'))
    }
}

fn value_end(w: &Window<'_>, open: usize, quoted: bool) -> usize {
    let mut end = w.right(open, 512, inside(quoted));
    let edge = |b: u8| !quoted && b".:)]".contains(&b);
    while end > open && (!w.text.is_char_boundary(end) || edge(w.at(end - 1))) {
        end -= 1;
    }
    end
}

fn is_password(value: &[u8], prose: bool, quoted: bool) -> bool {
    let plain = value.iter().all(u8::is_ascii_alphabetic);
    let name = value.iter().take_while(|b| word(**b) || **b == b'.').count();
    let code = !quoted
        && (matches!(value.first(), Some(b'$' | b'(' | b'[')) || value.get(name) == Some(&b'('));
    (4..=256).contains(&value.len()) && !(prose && plain) && !code
}

/// Letters and digits in a mix that no word has, or a long number.
fn is_key(value: &[u8], least: usize) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|b| is(b)).count();
    let (digits, upper) = (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase));
    let (lower, signs) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_punctuation));
    let mixed = (upper > 0 && lower > 0) || digits >= 2 || value.len() >= 20;
    let shape = match upper + lower {
        0 => digits >= 16,
        _ if signs * 4 > value.len() => value.len() >= 20,
        _ => digits >= 1 && mixed,
    };
    (least..=512).contains(&value.len())
        && value.iter().all(u8::is_ascii_graphic)
        && shape
        && entropy(value) >= 2.5
        && !looks_like_a_path(value)
}

// Two hex words as Sidekiq's credentials have.
fn sectioned(value: &[u8]) -> bool {
    let mut parts = value.split(|b| *b == b':');
    let hex =
        |p: Option<&[u8]>| p.is_some_and(|p| p.len() == 8 && p.iter().all(u8::is_ascii_hexdigit));
    hex(parts.next()) && hex(parts.next()) && parts.next().is_none()
}

fn looks_like_a_path(value: &[u8]) -> bool {
    let slashes = value.iter().filter(|b| **b == b'/').count();
    value.starts_with(b"/")
        || value.starts_with(b"./")
        || value.windows(3).any(|p| p == b"://")
        || slashes * 8 > value.len()
}

/// Shannon's entropy in bits per byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    value.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let n = value.len() as f64;
    counts.iter().filter(|c| **c > 0).map(|c| f64::from(*c) / n).map(|p| -p * p.log2()).sum()
}

// In the lower case of ASCII; some have no letters.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "placeholder",
    "changeme",
    "change_me",
    "redacted",
    "dummy",
    "****",
    "...",
    "insert",
    "replace",
    "<secret",
    "%s",
    "todo",
    "sample",
    "fixme",
];

/// What stands where a secret would, so that readers put theirs there.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WHOLE: &[&str] = &["none", "null", "true", "false", "nil", "undefined", "string", "self"];
    static PARTS: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let parts = PARTS.get_or_init(|| any_case(PLACEHOLDERS.iter()));
    let opens = |open: &&str| {
        value.get(..open.len()).is_some_and(|head| head.eq_ignore_ascii_case(open.as_bytes()))
    };
    value.windows(2).all(|pair| pair[0] == pair[1])
        || value.first().is_some_and(|b| b"<%".contains(b))
        || ["${", "{{", "$(", "$env"].iter().any(opens)
        || WHOLE.iter().any(|whole| value.eq_ignore_ascii_case(whole.as_bytes()))
        || parts.as_ref().is_some_and(|parts| parts.is_match(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_fit_to_be_searched_for() {
        let all = || PASSWORD.iter().chain(SECRET).chain(SERVICES);
        assert!(all().all(|word| !word.contains(' ') && **word == word.to_lowercase()));
        assert!(names().is_some() && any_case(PLACEHOLDERS.iter()).is_some());
    }

    #[test]
    fn the_last_three_words_name_a_secret_and_the_last_one_a_password() {
        let of = |name| {
            level(name).map(|level| match level {
                Level::Password => "password",
                Level::Secret => "secret",
                Level::Service => "service",
            })
        };
        assert_eq!(of("the MyPassword"), Some("password"));
        assert_eq!(of("password of mine"), None);
        assert_eq!(of("CONTRASEÑA"), Some("password"));
        assert_eq!(of("db_pass"), Some("password"));
        assert_eq!(of("Api_Key of mine"), Some("secret"));
        assert_eq!(of("token one two three"), None);
        assert_eq!(of("public_key"), None);
        assert_eq!(of("signing.key"), Some("secret"));
        assert_eq!(of("GitHub"), Some("service"));
        assert_eq!(of("github token"), Some("secret"));
        assert_eq!(of("github author"), Some("service"));
    }
}
