//! What the name of a value says of it: a password, a secret, or the key of a service
//! whose keys have a documented form.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::assign::{any_case, in_name};
use super::service::{SERVICES, Service};
use crate::words::{Heads, ends_with, lowered};

const PASSWORD: &[&str] = &[
    "passwd",
    "password",
    "passwort",
    "passphrase",
    "contraseña",
    "contrasena",
    "pwd",
    "passw",
    "motdepasse",
    "senha",
    "wachtwoord",
    "hasło",
    "salasana",
    "lösenord",
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
    "private-key",
    "credential",
    "creds",
    "auth",
    "clientid",
    "client_id",
    "client-id",
    "licensekey",
    "license_key",
    "authkey",
    "bearer",
    "accountkey",
    "webhook",
    "sessionid",
    "session_id",
    "accesssignature",
];

/// What a name says.
#[derive(Clone, Copy, Default)]
pub(super) struct Named {
    /// A password, which people choose.
    pub(super) password: bool,
    /// A secret, which machines choose.
    pub(super) secret: bool,
    /// The service of the last word for one.
    pub(super) service: Option<&'static Service>,
}

impl Named {
    pub(super) const fn says_nothing(&self) -> bool {
        !self.password && !self.secret && self.service.is_none()
    }
}

/// Whether the name that ends here may say something, or be the word for a value or a
/// part of a key. What lies before the name may be there as well.
pub(super) fn may_say(bytes: &[u8]) -> bool {
    let Some((last, _)) = bytes.split_last() else { return false };
    let mut end = bytes.len();
    if last.is_ascii_digit() {
        let count = |is: fn(&&u8) -> bool| bytes[..end].iter().rev().take_while(is).count();
        end -= count(|b| b.is_ascii_digit());
        let count = |is: fn(&&u8) -> bool| bytes[..end].iter().rev().take_while(is).count();
        end -= count(|b| b" _-#.".contains(b));
    } else if !last.is_ascii_alphabetic() {
        return true;
    }
    if matches!(bytes[..end], [.., a, b, c] if ENDS.has(a, b, c))
        || matches!(bytes[..end], [.., b'p' | b'P', b'w' | b'W'])
        || matches!(bytes[..end], [b'd'])
        || matches!(bytes[..end], [.., a, b'd'] if !a.is_ascii_alphanumeric())
    {
        return true;
    }
    let (mut b, mut c) = (0, 0);
    for a in bytes.iter().rev() {
        if *a >= 0x80 || HEADS.has(*a, b, c) {
            return true;
        }
        if !in_name(*a) {
            return false;
        }
        (b, c) = (*a, b);
    }
    false
}

// What a name without one of the words ends with that says something, or that has its name
// beside it.
static ENDS: Heads = Heads::NONE.with_all(&["ass", "key", "pat", "sid", "ult", "lue"]);

/// What the last three words of a name say: a sentence before a sign is not its name.
pub(super) fn named(name: &str) -> Named {
    lowered(name, named_of)
}

// Without regard to the case of ASCII letters.
fn named_of(name: &str) -> Named {
    let name = without_number(name);
    // Almost no name has one of the words, or ends as those of keys do.
    let telling = HEADS.next(name.as_bytes(), 0);
    let ending = name.len().checked_sub(2).and_then(|at| name.as_bytes().get(at..));
    let ends = |ending: &[u8]| {
        ["at", "ey", "id", "pw", "ss"].iter().any(|it| ending.eq_ignore_ascii_case(it.as_bytes()))
    };
    if telling.is_none() && !ending.is_some_and(ends) {
        return Named::default();
    }
    let mut spaces = (0..name.len()).rev().filter(|i| name.as_bytes()[*i] == b' ').map(|i| i + 1);
    let last = spaces.next().unwrap_or(0);
    let tail = spaces.nth(1).unwrap_or(0);
    let mut named = Named::default();
    let words = telling.and_then(|_| names().as_ref());
    // No word of the lists has a space, so that each lies in one word of the name.
    for found in words.into_iter().flat_map(|names| names.find_overlapping_iter(&name[tail..])) {
        let n = found.pattern().as_usize();
        let start = tail + found.start();
        if n < PASSWORD.len() {
            named.password |= start >= last;
        } else if n < PASSWORD.len() + SECRET.len() {
            named.secret = true;
        } else if begins_a_word(name, start) {
            named.service = SERVICES.get(n - PASSWORD.len() - SECRET.len());
        }
    }
    // "Unseal Key" as "unseal_key".
    let two = if is_key_alone(&name[last..]) { tail_of_two(name, last) } else { last };
    let last = &name[two..];
    named.password |= ["pass", "pw"].iter().any(|word| is_last_word(last, word));
    named.password |= last.eq_ignore_ascii_case("pass");
    named.secret |= ["key", "pat", "sid"].iter().any(|word| is_last_word(last, word));
    if (named.password || named.secret) && is_about(last) {
        named.password = false;
        named.secret = false;
    }
    named.password &= !is_last_word(last, "id");
    named
}

fn is_key_alone(word: &str) -> bool {
    word.eq_ignore_ascii_case("key")
}

// Where the word before the one at `last` begins, if there is one.
fn tail_of_two(name: &str, last: usize) -> usize {
    let before = name[..last].trim_end_matches(' ');
    if before.is_empty() { last } else { before.rfind(' ').map_or(0, |at| at + 1) }
}

// "Key 2" is a key as well.
fn without_number(name: &str) -> &str {
    if !name.as_bytes().last().is_some_and(u8::is_ascii_digit) {
        return name;
    }
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    bare.trim_end_matches([' ', '_', '-', '#', '.'])
}

// At its beginning, after a sign, or as a capital after a small letter.
fn begins_a_word(name: &str, at: usize) -> bool {
    let bytes = name.as_bytes();
    let Some(before) = at.checked_sub(1).map(|i| bytes[i]) else { return true };
    !before.is_ascii_alphanumeric()
        || before.is_ascii_digit()
        || (before.is_ascii_lowercase() && bytes[at].is_ascii_uppercase())
}

// Of several words that are joined by signs or capitals.
fn is_last_word(name: &str, word: &str) -> bool {
    let Some(at) = name.len().checked_sub(word.len()).filter(|_| ends_with(name, word)) else {
        return false;
    };
    name.is_char_boundary(at) && at > 0 && begins_a_word(name, at)
}

// Names of what is said of a secret, or of keys that are none.
fn is_about(name: &str) -> bool {
    const LAST: &[&str] = &[
        "alg",
        "algorithm",
        "alias",
        "audience",
        "count",
        "dir",
        "domain",
        "enabled",
        "endpoint",
        "expiry",
        "file",
        "filename",
        "folder",
        "format",
        "host",
        "hostname",
        "issuer",
        "kind",
        "length",
        "level",
        "limit",
        "location",
        "method",
        "mode",
        "name",
        "names",
        "ns",
        "path",
        "policy",
        "prefix",
        "ref",
        "region",
        "scheme",
        "scope",
        "scopes",
        "selector",
        "server",
        "size",
        "source",
        "store",
        "storetype",
        "timeout",
        "ttl",
        "type",
        "uri",
        "url",
        "user",
        "username",
        "version",
        "word",
    ];
    const QUALIFIED: &[&str] = &[
        "publickey",
        "pubkey",
        "primarykey",
        "foreignkey",
        "bucketkey",
        "schemakey",
        "sequencekey",
        "idxkey",
        "hotkey",
        "naturalkey",
        "partitionkey",
        "sortkey",
        "cachekey",
        "routingkey",
        "accessid",
        "credentialid",
        "credentialsid",
        "keyid",
        "secretid",
        "secretsid",
        "tokenid",
        "apiid",
        "authid",
        "authors",
        "author",
        "publictoken",
        "accessor",
        "publishablekey",
    ];
    // Without its signs, of which there are few in so short a name.
    let mut bare = [0; 64];
    let mut n = 0;
    for b in name.bytes().filter(u8::is_ascii_alphanumeric) {
        let Some(slot) = bare.get_mut(n) else { break };
        *slot = b.to_ascii_lowercase();
        n += 1;
    }
    let bare = &bare[..n];
    LAST.iter().any(|word| bare.len() > word.len() && is_last_word(name, word))
        || QUALIFIED.iter().any(|word| bare.ends_with(word.as_bytes()))
        || bare.starts_with(b"public")
}

static HEADS: Heads = {
    let (mut heads, mut i) = (Heads::NONE.with_all(PASSWORD).with_all(SECRET), 0);
    while i < SERVICES.len() {
        heads = heads.with(SERVICES[i].name);
        i += 1;
    }
    heads
};

fn names() -> &'static Option<AhoCorasick> {
    static NAMES: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let services = SERVICES.iter().map(|service| &service.name);
    NAMES.get_or_init(|| any_case(PASSWORD.iter().chain(SECRET).chain(services)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_are_fit_to_be_searched_for() {
        let services = SERVICES.iter().map(|service| &service.name);
        let all = || PASSWORD.iter().chain(SECRET).chain(services.clone());
        assert!(all().all(|word| !word.contains(' ') && **word == word.to_lowercase()));
        assert!(names().is_some());
    }

    proptest! {
        #[test]
        fn a_name_that_says_something_is_not_passed_over(
            words in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(PASSWORD),
                    prop::sample::select(SECRET),
                    prop::sample::select(vec!["pass", "pw", "key", "pat", "sid", "My", "é", "of"]),
                    prop::sample::select(SERVICES.iter().map(|it| it.name).collect::<Vec<_>>()),
                ],
                1..4,
            ),
            joint in "[ _.-]?",
            number in "([ _.-]?[0-9]{1,3})?",
            upper in any::<bool>(),
        ) {
            let name = words.join(&joint) + &number;
            let name = if upper { name.to_uppercase() } else { name };
            prop_assert!(named(&name).says_nothing() || may_say(name.as_bytes()), "{}", name);
            for before in ["{\"", "x.", "("] {
                let bytes = format!("{before}{name}");
                prop_assert!(named(&name).says_nothing() || may_say(bytes.as_bytes()), "{}", bytes);
            }
        }
    }

    #[test]
    fn endings_and_the_names_of_values_are_not_passed_over() {
        for name in ["db_pass", "PASS", "dbPw", "of_key", "a Key 2", "of_pat", "AppSid", "a.sid-3"]
        {
            assert!(!named(name).says_nothing() && may_say(name.as_bytes()), "{name}");
        }
        for name in ["default", "VALUE", "d", "{\"d"] {
            assert!(may_say(name.as_bytes()), "{name}");
        }
        for name in ["ts", "level", "request_id", "path", "status", "bytes", "T10", "20", ""] {
            assert!(!may_say(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_last_three_words_name_a_secret_and_the_last_one_a_password() {
        let of = |name| {
            let named = named(name);
            if named.password {
                "password"
            } else if named.secret {
                "secret"
            } else {
                named.service.map_or("", |service| service.name)
            }
        };
        for (name, says) in [
            ("the MyPassword", "password"),
            ("password of mine", ""),
            ("CONTRASEÑA", "password"),
            ("db_pass", "password"),
            ("pass", "password"),
            ("compass", ""),
            ("Api_Key of mine", "secret"),
            ("token one two three", ""),
            ("public_key", ""),
            ("signing.key", "secret"),
            ("presharedKey", "secret"),
            ("Unseal Key 2", "secret"),
            ("monkey", ""),
            ("GitLab", ""),
            ("Heroku", "heroku"),
            ("heroku author", "heroku"),
            ("ReactNativeCameraKit", ""),
            ("myMerakiThing", "meraki"),
            ("github token", "secret"),
            ("token_url", ""),
            ("secretName", ""),
            ("kms_key_id", ""),
            ("bucket_key", ""),
            ("passwordFile", ""),
        ] {
            assert_eq!(of(name), says, "{name}");
        }
    }
}
