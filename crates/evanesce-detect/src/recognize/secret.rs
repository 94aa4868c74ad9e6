//! Secrets that are known by a prefix or a shape of their own, wherever they stand.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};

use super::form::{Set, varied};
use super::issuer::{PREFIXES, Prefix};
use super::placeholder::{is_filled, is_placeholder, is_words};
use super::starts::Starts;
use super::{manifest, push};
use crate::marks::places;
use crate::window::{Window, alnum, digit};
use crate::{Canary, Finding, Kind};

/// What begins with one of these is parsed further.
const SHAPES: &[(&str, Shape)] = &[
    (BEGIN, |_, _, _, _| {}),
    (END, |_, _, _, _| {}),
    (KIND, |_, _, _, _| {}),
    ("eyJ", jwt),
    ("hooks.slack.com/", webhook),
    (".webhook.office.com/webhookb2/", webhook),
    ("outlook.office.com/webhook/", webhook),
    (":AA", bot),
    ("Bearer ", bearer),
    ("bearer ", bearer),
    ("Basic ", basic),
    ("basic ", basic),
    (".apps.googleusercontent.com", client),
    (".atlasv1.", atlas),
    ("_mmk", license),
    ("0Q~", entra),
    ("1Q~", entra),
    ("2Q~", entra),
    ("3Q~", entra),
    ("4Q~", entra),
    ("5Q~", entra),
    ("6Q~", entra),
    ("7Q~", entra),
    ("8Q~", entra),
    ("9Q~", entra),
    ("NetworkCredential(", |w, _, end, out| credential(w, end, 2, out)),
    ("DirectoryEntry(", |w, _, end, out| credential(w, end, 3, out)),
    ("PasswordAuthentication(", |w, _, end, out| credential(w, end, 2, out)),
    ("UsernamePasswordCredentials(", |w, _, end, out| credential(w, end, 2, out)),
    (PUTTY, |_, _, _, _| {}),
    ("arn:aws", resource),
    (".amazonaws.com", storage),
    ("storage.googleapis.com", storage),
    (".blob.core.windows.net", storage),
    (".myshopify.com", storage),
    ("&sig=", signature),
    ("?sig=", signature),
    ("X-Amz-Signature=", signature),
    (crate::canary::PREFIX, canary),
];

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const KIND: &str = "kind:";
const PUTTY: &str = "PuTTY-User-Key-File-";

// The longest armour, in bytes.
const ARMOUR: usize = 8192;

/// What is read together with what stands elsewhere, and where it begins.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Mark {
    Begin,
    End,
}

#[derive(Default)]
struct Marks {
    armour: Vec<(usize, Mark)>,
    kinds: Vec<usize>,
    putty: Vec<usize>,
}

type Shape = fn(&Window<'_>, usize, usize, &mut Vec<Finding>);

// It is only asked what begins at one place.
fn automaton() -> &'static Option<AhoCorasick> {
    static AUTOMATON: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    AUTOMATON.get_or_init(|| {
        let words = PREFIXES.iter().map(|p| p.text).chain(SHAPES.iter().map(|s| s.0));
        let mut builder = AhoCorasick::builder();
        builder.match_kind(MatchKind::LeftmostLongest).start_kind(StartKind::Anchored);
        builder.kind(Some(AhoCorasickKind::DFA));
        builder.build(words).ok()
    })
}

static STARTS: Starts = {
    let (mut starts, mut i) = (Starts::NONE, 0);
    while i < PREFIXES.len() {
        starts = starts.with(PREFIXES[i].text);
        i += 1;
    }
    i = 0;
    while i < SHAPES.len() {
        starts = starts.with(SHAPES[i].0);
        i += 1;
    }
    starts
};

// Where a word lies, and which one of all.
type Place = (usize, usize, usize);

/// What begins with a prefix or a shape, from left to right; of those that begin at
/// one place the longest counts, and none begins inside of another.
pub(super) fn prefixed(w: &Window<'_>, out: &mut Vec<Finding>) {
    taken(w, &beginnings(w), out);
}

fn beginnings(w: &Window<'_>) -> Vec<Place> {
    let mut found = Vec::new();
    for part in w.marks().between(0, w.bytes.len()) {
        let (eight, fourteen) = part.long(|block| block.token);
        for at in places(part.at, part.starts() & fourteen) {
            found.extend(lookup(w, at));
        }
        for at in places(part.at, part.block.sign) {
            marked(w, at, |start| found.extend(lookup(w, start)));
        }
        // The blanks after which a scheme may have its value.
        let after = eight >> 1 | u64::from(part.next.token & 0xff == 0xff) << 63;
        for at in places(part.at, !part.block.token & after) {
            let len = match w.before(at) {
                b'c' => "basic".len(),
                b'r' => "bearer".len(),
                _ => continue,
            };
            found.extend(at.checked_sub(len).and_then(|start| lookup(w, start)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// As [`prefixed`], asking at each place: what the other has to be equal to.
#[cfg(test)]
pub(super) fn prefixed_slowly(w: &Window<'_>, out: &mut Vec<Finding>) {
    let found: Vec<_> = (0..w.bytes.len()).filter_map(|at| lookup(w, at)).collect();
    taken(w, &found, out);
}

/// What is looked for.
#[cfg(test)]
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    PREFIXES.iter().map(|p| p.text).chain(SHAPES.iter().map(|s| s.0))
}

fn taken(w: &Window<'_>, found: &[Place], out: &mut Vec<Finding>) {
    let (mut marks, mut from) = (Marks::default(), 0);
    for &(start, end, n) in found {
        if start < from {
            continue;
        }
        from = end;
        match PREFIXES.get(n) {
            Some(prefix) => token(w, prefix, (start, end), out),
            None => shaped(w, n - PREFIXES.len(), (start, end), &mut marks, out),
        }
    }
    armour(w, &marks.armour, out);
    manifest::secrets(w, &marks.kinds, out);
    putty(w, &marks.putty, out);
}

// The longest word that begins here. A prefix counts where it begins a run of letters and
// digits, and where a token of any length follows.
fn lookup(w: &Window<'_>, start: usize) -> Option<Place> {
    if !STARTS.may_be(&w.bytes[start..]) {
        return None;
    }
    let here = Input::new(w.bytes).range(start..).anchored(Anchored::Yes);
    let found = automaton().as_ref()?.find(here)?;
    let n = found.pattern().as_usize();
    let token = |b: u8| b > b' ' && b != b'"';
    let counts = n >= PREFIXES.len()
        || !alnum(w.before(start)) && w.right(start, LEAST, token) == start + LEAST;
    counts.then_some((start, found.end(), n))
}

// No prefix and token are shorter together.
const LEAST: usize = 14;

// Where a word may begin that has the sign at `at` in it, or does not begin with a letter.
fn marked(w: &Window<'_>, at: usize, mut begins: impl FnMut(usize)) {
    let (before, after) = (w.before(at), w.at(at + 1));
    let words: &[&str] = match (w.at(at), before) {
        (b'$', _) => &[""],
        (b'(', b'l' | b'n' | b's' | b'y') => CALLS,
        (b'-', b'Y' | b'y') => &["", "PuTTY", "evcanary"],
        (b'-', _) if after == b'-' && matches!(w.at(at + 5), b'B' | b'E') => &[""],
        (b'.', _) if after.is_ascii_lowercase() => &["", "hooks", "outlook", "storage"],
        (b':', b'd' | b'n') => &["", "arn", "kind"],
        (b':', _) if after == b'A' => &[""],
        (b'=', b'e') => &["X-Amz-Signature"],
        (b'=', b'g') => &["&sig", "?sig"],
        (b'_', _) if matches!(after, b'g' | b'm') => &[""],
        (b'~', b'Q') => &["0Q", "1Q", "2Q", "3Q", "4Q", "5Q", "6Q", "7Q", "8Q", "9Q"],
        _ => return,
    };
    for word in words {
        let start = at.checked_sub(word.len());
        let same = |start: &usize| w.bytes[*start..at] == *word.as_bytes();
        if let Some(start) = start.filter(same) {
            begins(start);
        }
    }
}

const CALLS: &[&str] = &[
    "DirectoryEntry",
    "NetworkCredential",
    "PasswordAuthentication",
    "UsernamePasswordCredentials",
];

// What stands after a prefix that lies at this span.
fn token(w: &Window<'_>, prefix: &Prefix, (start, end): (usize, usize), out: &mut Vec<Finding>) {
    if alnum(w.before(start)) {
        return;
    }
    let stop = w.right(end, 1024, |b| prefix.set.has(b));
    let body = &w.bytes[end..stop];
    let is_long = (prefix.least..=prefix.most).contains(&body.len());
    // Two or three signs are no mark of their own before words.
    let words = prefix.text.len() < 4 && is_words(body);
    if !is_long || !(varied(body) || prefix.least == 0) || is_filled(body) || words {
        return;
    }
    let score = (prefix.test)(body);
    if score > 0 {
        push(out, prefix.kind, (start, stop), score, "an issuer's prefix");
    }
}

// The `n`-th of all shapes lies at this span.
fn shaped(
    w: &Window<'_>,
    n: usize,
    (start, end): (usize, usize),
    marks: &mut Marks,
    out: &mut Vec<Finding>,
) {
    let Some((word, shape)) = SHAPES.get(n) else { return };
    match *word {
        BEGIN => marks.armour.push((start, Mark::Begin)),
        END => marks.armour.push((start, Mark::End)),
        KIND => marks.kinds.push(start),
        PUTTY => marks.putty.push(start),
        _ => shape(w, start, end, out),
    }
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

// RFC 7519: the first part is a JSON object in base64, the second one too or encrypted.
fn jwt(w: &Window<'_>, start: usize, _: usize, out: &mut Vec<Finding>) {
    let part = |from: usize| w.right(from, 4096, |b| Set::Name.has(b));
    // The cheap question first: a row of such prefixes would be read again and again.
    if alnum(w.before(start)) {
        return;
    }
    let head = part(start);
    if w.at(head) != b'.' || head - start < 12 || !is_object(&w.bytes[start..head]) {
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

fn is_object(part: &[u8]) -> bool {
    let text = crate::runs::base64(part, 0);
    let text = text.trim_ascii();
    let has = |name: &[u8]| text.windows(name.len()).any(|it| it == name);
    // RFC 7515, section 4.1.1: every header names its algorithm; some only their type.
    text.last() == Some(&b'}') && (has(b"\"alg\"") || has(b"\"typ\""))
}

// Telegram: the number of the bot, then 35 characters that begin with AA.
fn bot(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let number = w.left(start, 11, digit);
    let stop = w.right(end, 34, |b| Set::Name.has(b));
    if (8..=10).contains(&(start - number)) && stop - end >= 32 {
        push(out, Kind::Secret, (number, stop), 95, "number and token of a bot");
    }
}

fn webhook(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 256, |b| Set::Base.has(b) || b == b'@');
    let from = w.left(start, 40, |b| Set::Dotted.has(b) || b == b':' || b == b'/');
    let kind = if w.at(start) == b'h' { Kind::SecretSlack } else { Kind::Secret };
    if stop - end >= 40 && !is_filled(&w.bytes[end..stop]) {
        push(out, kind, (from, stop), 95, "address of a webhook");
    }
}

fn bearer(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 2048, |b| Set::Base.has(b));
    let value = &w.bytes[end..stop];
    // After the name of the header that it belongs to, less is needed.
    let header = w.lead_in(start).trim_end_matches([' ', ':', '"', '\'', '=', '\\']);
    let least = if crate::words::ends_with(header, "authorization") { 8 } else { 16 };
    let token = value.len() >= least && value.iter().any(u8::is_ascii_digit) && varied(value);
    if token && !is_filled(value) && !is_words(value) {
        push(out, Kind::Secret, (end, stop), 85, "a bearer's token");
    }
}

fn basic(w: &Window<'_>, _: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 512, |b| Set::Base.has(b));
    let pair = crate::runs::base64(&w.bytes[end..stop], 0);
    if stop - end >= 8 && pair.contains(&b':') && pair.iter().all(|b| (32..127).contains(b)) {
        push(out, Kind::Secret, (end, stop), 85, "user and password in base64");
    }
}

// Google: a number, `-`, 32 signs, and this domain.
fn client(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let name = w.left(start, 33, |b| alnum(b) || b == b'_');
    let number = w.left(name.saturating_sub(1), 20, digit);
    if start - name == 32 && w.before(name) == b'-' && number + 1 < name {
        push(out, Kind::Secret, (number, end), 90, "number and name of a client");
    }
}

// Terraform: 14 signs, `.atlasv1.`, 60 to 70 more.
fn atlas(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let from = w.left(start, 15, alnum);
    let stop = w.right(end, 80, |b| Set::Padded.has(b));
    let body = &w.bytes[end..stop];
    if start - from == 14 && body.len() >= 50 && varied(body) && !is_filled(body) {
        push(out, Kind::Secret, (from, stop), 95, "an issuer's infix");
    }
}

// MaxMind: 6 signs, 29 signs, and this end.
fn license(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let long = w.left(start, 30, alnum);
    let short = w.left(long.saturating_sub(1), 7, alnum);
    let is_key = start - long == 29 && w.before(long) == b'_' && short + 7 == long;
    if is_key && !alnum(w.at(end)) && varied(&w.bytes[long..start]) {
        push(out, Kind::Secret, (short, end), 95, "an issuer's ending");
    }
}

// Microsoft Entra: 3 signs, a digit, `Q~`, 31 to 34 signs.
fn entra(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let inside = |b: u8| alnum(b) || matches!(b, b'_' | b'~' | b'.' | b'-');
    let from = w.left(start, 3, |b| inside(b) && b != b'-');
    let stop = w.right(end, 35, inside);
    let body = &w.bytes[end..stop];
    let apart = |b: u8| b == 0 || b <= b' ' || b"\\'\"`>=:(,)<".contains(&b);
    let is_secret = start - from == 3
        && (31..=34).contains(&body.len())
        && apart(w.before(from))
        && apart(w.at(stop));
    if is_secret && varied(body) && !is_filled(body) {
        push(out, Kind::Secret, (from, stop), 90, "an issuer's infix");
    }
}

// Of an address that opens a store to whoever has it, for a time.
fn signature(w: &Window<'_>, _: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 128, |b| alnum(b) || matches!(b, b'+' | b'/' | b'=' | b'%'));
    let value = &w.bytes[end..stop];
    if value.len() >= 40 && varied(value) {
        push(out, Kind::Secret, (end, stop), 85, "the signature of an address");
    }
}

// The quoted argument of this number, of a call that makes credentials.
fn credential(w: &Window<'_>, mut at: usize, number: usize, out: &mut Vec<Finding>) {
    for n in 1..=number {
        let open = w.right(at, 24, |b| b <= b' ' || b == b',');
        if w.at(open) != b'"' {
            return;
        }
        let stop = w.right(open + 1, 128, |b| b != b'"' && b >= b' ');
        if w.at(stop) != b'"' {
            return;
        }
        let value = &w.bytes[open + 1..stop];
        if n == number && value.len() >= 3 && !is_placeholder(value) {
            push(out, Kind::Secret, (open + 1, stop), 75, "the password of credentials");
        }
        at = stop + 1;
    }
}

// Keys of PuTTY, each as far as the code that authenticates it, or the next one.
fn putty(w: &Window<'_>, marks: &[usize], out: &mut Vec<Finding>) {
    let inside = |b: u8| alnum(b) || b"+/=-:,.@ \r\n\t_".contains(&b);
    for (i, &start) in marks.iter().enumerate() {
        let most = marks.get(i + 1).map_or(ARMOUR, |next| (next - start).min(ARMOUR));
        let stop = w.right(start, most, inside);
        w.count(stop - start);
        if w.text.get(start..stop).is_some_and(|text| text.contains("Private-Lines:")) {
            push(out, Kind::SecretPrivateKey, (start, stop), 97, "a private key of PuTTY");
        }
    }
}

// The host of a shop or of stored files: its name is the customer's.
fn storage(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let host = |b: u8| Set::Dotted.has(b);
    let from = w.left(start, 128, host);
    let path =
        if w.at(end) == b'/' { w.right(end + 1, 256, |b| host(b) || b == b'/') } else { end };
    let labels = || w.bytes[from..start].split(|b| *b == b'.');
    let is_s3 = |label: &[u8]| label == b"s3" || label.starts_with(b"s3-");
    let named = match w.at(start) {
        b's' => from < start || path > end + 2,
        // Of Amazon's hosts those of S3, with a name in front or behind.
        _ if w.bytes[start..end].ends_with(b"amazonaws.com") => {
            let at = labels().position(is_s3);
            at.is_some_and(|at| at > 0 || path > end + 2)
        }
        _ => from < start,
    };
    if named && !host(w.at(path)) && !alnum(w.before(from)) {
        push(out, Kind::Url, (from, path.max(end)), 60, "the host of stored files");
    }
}

// Amazon's name of a resource that has the number of an account in it.
fn resource(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let stop = w.right(end, 256, |b| Set::Dotted.has(b) || matches!(b, b':' | b'/' | b'+' | b'='));
    let mut parts = w.bytes[end..stop].split(|b| *b == b':').skip(3);
    let account =
        parts.next().is_some_and(|it| it.len() == 12 && it.iter().all(u8::is_ascii_digit));
    if account && parts.next().is_some_and(|it| !it.is_empty()) {
        push(out, Kind::Url, (start, stop), 55, "the name of a resource of an account");
    }
}

fn canary(w: &Window<'_>, start: usize, _: usize, out: &mut Vec<Finding>) {
    if let Some(len) = w.bytes.get(start..).and_then(Canary::recognise) {
        push(out, Kind::Canary, (start, start + len), 100, "a planted value");
    }
}

/// Airtable, Twilio, New Relic, Azure DevOps, Discord, Facebook, Salesforce and TrueNAS mark their
/// keys by lengths and a few letters: those that begin with the run of letters and digits
/// from `start` to `end`.
pub(super) fn run(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let run = &w.bytes[start..end];
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let mut key = |stop: usize, why: &'static str| push(out, Kind::Secret, (start, stop), 90, why);
    match run.len() {
        1..=3 if w.at(end) == b'-' && run.iter().all(u8::is_ascii_digit) => {
            let stop = w.right(end + 1, 65, alnum);
            if stop - end == 65 && varied(&w.bytes[end + 1..stop]) {
                key(stop, "a number and 64 signs");
            }
        }
        15 if w.at(end) == b'!' && run.starts_with(b"00") => {
            let stop = w.right(end + 1, 97, |b| Set::Dotted.has(b));
            if stop - end == 97 {
                key(stop, "an organisation and its session");
            }
        }
        15 | 16 if w.at(end) == b'|' && run.iter().all(u8::is_ascii_digit) => {
            let stop = w.right(end + 1, 41, |b| Set::Name.has(b));
            if (27..=40).contains(&(stop - end - 1)) {
                key(stop, "number and secret of an app");
            }
        }
        17 if w.at(end) == b'.' && run.starts_with(b"pat") => {
            let stop = w.right(end + 1, 65, |b| b.is_ascii_hexdigit());
            if stop - end == 65 && !alnum(w.at(stop)) && varied(&w.bytes[end + 1..stop]) {
                key(stop, "an issuer's prefix, a name and 64 hexadecimal digits");
            }
        }
        24..=28 if w.at(end) == b'.' => {
            // The number of an account in base64, which begins with one of three signs.
            let begins = matches!(run[0], b'M'..=b'O') && !is_words(run);
            if let Some(stop) = parts(w, end).filter(|_| begins) {
                key(stop, "the three parts of a bot's token");
            }
        }
        34 if matches!(run, [b'S', b'K', ..] | [b'A', b'C', ..])
            && hex(&run[2..])
            && varied(&run[2..]) =>
        {
            key(end, "two letters and 32 hexadecimal digits");
        }
        40 if run[36..].eq_ignore_ascii_case(b"nral") && hex(&run[6..36]) && varied(&run[..36]) => {
            key(end, "an issuer's ending");
        }
        84 if &run[76..80] == b"AZDO" => key(end, "an issuer's infix"),
        _ => {}
    }
}

// Discord: six signs and 27 to 38 signs, each after a dot.
fn parts(w: &Window<'_>, dot: usize) -> Option<usize> {
    let middle = w.right(dot + 1, 7, |b| Set::Name.has(b));
    if middle - dot != 7 || w.at(middle) != b'.' {
        return None;
    }
    let stop = w.right(middle + 1, 39, |b| Set::Name.has(b));
    (27..=38).contains(&(stop - middle - 1)).then_some(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_come_upon_where_it_may_stand() {
        for (n, word) in words().enumerate() {
            for before in ["", " ", "\"", "-", ".", "x"] {
                let text = format!("{before}{word}Qx7Kd82mQx7Kd82mQx7Kd82m");
                let w = Window::new(&text);
                let slow = lookup(&w, before.len());
                // A token of JSON is one only where letters do not go before it.
                if before == "x" && word.starts_with("eyJ") {
                    continue;
                }
                assert_eq!(slow.is_some(), before != "x" || n >= PREFIXES.len(), "{text}");
                assert!(slow.is_none_or(|place| beginnings(&w).contains(&place)), "{text}");
            }
        }
    }

    #[test]
    fn shapes_and_prefixes_are_told_apart() {
        let mut words: Vec<_> = words().collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
        assert!(words.iter().all(|word| STARTS.may_be(word.as_bytes())));
        assert!(automaton().is_some());
    }
}
