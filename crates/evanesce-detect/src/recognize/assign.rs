//! Secrets that only their name gives away: `password = …`, `"api_key": "…"`.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::named::{Named, may_say, named};
pub(super) use super::placeholder::is_placeholder;
use super::placeholder::{entropy, is_random, is_sequence, is_words};
use super::push;
use crate::window::{Window, alnum, word};
use crate::{Finding, Kind};

/// A name before the sign at `at` and a value after it.
pub(super) fn at(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    // The last sign of `:=` or `=>` looks for both sides; `::` is a path.
    if operator(w.at(at + 1)) || (w.at(at) == b':' && w.before(at) == b':') {
        return;
    }
    // A comma after a quoted name, a bracket before a quoted value: `set("name", "value")`.
    let call = match w.at(at) {
        b',' => !quote(w.before(at)),
        b'(' => !quote(w.at(at + 1)),
        _ => false,
    };
    if call {
        return;
    }
    compared(w, at, out);
    let Some(place) = Place::after(w, at) else { return };
    let Some((name, start)) = name(w, at) else { return };
    if w.at(at) == b'>' && !matches!(w.before(at), b'=' | b'-') && w.before(start) != b'<' {
        return; // A redirection or a comparison, and no element.
    }
    let named = if is_value(name) {
        pair(w, start).map(named)
    } else if w.before(start) == b'$' && name.bytes().all(|b| b.is_ascii_digit()) {
        parameter(w, start, name).map(named)
    } else {
        Some(named(name))
    };
    match named {
        // A list of words is no call with a name and a value.
        Some(named) if named.password && w.at(at) == b',' && !first_in_call(w, start) => {}
        Some(named) if !named.says_nothing() => place.judge(w, named, name, out),
        _ if name == "d" => place.exponent(w, out),
        _ => {}
    }
}

/// A run of letters and digits with its name and one blank before it: `api_key 5f0a…`.
pub(super) fn beside(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    if end - start < 20 || w.before(start) != b' ' || word(w.at(end)) {
        return;
    }
    let from = w.left(start - 1, 48, |b| word(b) || matches!(b, b'-' | b'.'));
    let Some(name) = w.text.get(from..start - 1) else { return };
    // The words of a sentence have no signs in them.
    let joined = name.bytes().any(|b| matches!(b, b'_' | b'-'));
    if joined && named(name).secret && is_key(w, (start, end), 20) {
        push(out, Kind::Secret, (start, end), 60, "a varied value beside the name of a secret");
    }
}

/// Names that say nothing: a log has the same ones again and again.
pub(super) struct Silent([u128; SLOTS]);

const SLOTS: usize = 32;

impl Silent {
    pub(super) const fn new() -> Self {
        Self([0; SLOTS])
    }

    // The slot of the name that ends here, and the name, if it is short and all letters,
    // digits and signs that join them.
    fn place(w: &Window<'_>, end: usize) -> Option<(usize, u128)> {
        let start = w.marks().start(end, |block| block.base);
        let last = end.checked_sub(16).and_then(|from| w.bytes[from..end].first_chunk())?;
        let len = end - start;
        if !(1..=16).contains(&len) || in_name(w.before(start)) {
            return None;
        }
        let name = u128::from_le_bytes(*last) >> (8 * (16 - len));
        let mixed = ((name >> 64) as u64 ^ name as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(((mixed >> 59) as usize, name))
    }
}

/// Whether the bytes before the sign at `at` may be the end of a name that says something,
/// or of a value that is compared: almost none are.
pub(super) fn may_be(w: &Window<'_>, at: usize, silent: &mut Silent) -> bool {
    let before = &w.bytes[..at];
    if w.at(at) == b'=' && matches!(before.last(), Some(b'=' | b'!')) {
        return true;
    }
    let end = match before {
        [.., b')'] if in_brackets(w, at) => at - 1,
        [.., last, b'"'] if alnum(*last) => at - 1,
        [.., last] if alnum(*last) => at,
        _ => name_end(before),
    };
    let name = &before[..end];
    let digits = name.iter().rev().take(3).take_while(|b| b.is_ascii_digit()).count();
    if digits > 0 && name[..end - digits].ends_with(b"$") {
        return true;
    }
    if !name.last().is_some_and(|b| in_name(*b)) {
        return false;
    }
    let place = Silent::place(w, end);
    if place.is_some_and(|(slot, name)| silent.0[slot] == name) {
        return false;
    }
    w.count(NAME);
    let says = may_say(&name[name.len().saturating_sub(NAME)..]);
    if let Some((slot, name)) = place.filter(|_| !says) {
        silent.0[slot] = name;
    }
    says
}

// As in `name`, by the same steps.
fn name_end(before: &[u8]) -> usize {
    let without = |bytes: &'_ [u8], most: usize, is: fn(u8) -> bool| {
        let n = bytes.iter().rev().take(most).take_while(|b| is(**b)).count();
        bytes.len() - n
    };
    let end = without(before, 4, operator);
    let end = without(&before[..end], 3, |b| b == b' ' || b == b'\t');
    without(&before[..end], 4, |b| quote(b) || matches!(b, b'\\' | b']'))
}

// The longest name.
const NAME: usize = 64;

/// What a name is made of, and what stands between its words.
pub(super) const fn in_name(b: u8) -> bool {
    alnum(b) || matches!(b, b'_' | b'.' | b'-' | b'[' | b']' | b' ') || b >= 0x80
}

fn first_in_call(w: &Window<'_>, start: usize) -> bool {
    let open = w.left(start, 3, |b| quote(b) || b == b'\\');
    w.before(open) == b'('
}

/// Where a value stands after a sign.
struct Place {
    sign: u8,
    open: usize,
    quoted: bool,
    // In a sentence, perhaps: after a colon and a blank, without quotes.
    prose: bool,
}

impl Place {
    fn after(w: &Window<'_>, at: usize) -> Option<Self> {
        let sign = w.at(at);
        let lines = sign == b'>';
        let blank = |b| matches!(b, b' ' | b'\t') || (lines && matches!(b, b'\r' | b'\n'));
        let space = w.right(at + 1 + usize::from(in_brackets(w, at)), 40, blank);
        // What the quotes of some languages have before them: r"", b'', @"".
        let has_kind = quote(w.at(space + 1)) && b"@BFLRUbfru".contains(&w.at(space));
        let space = space + usize::from(has_kind);
        let open = w.right(space, 4, |b| quote(b) || b == b'\\');
        let quoted = open > space;
        if open == space + 2 && w.at(space) == w.at(space + 1) {
            return None; // Nothing in quotes.
        }
        // Too short for any secret, unless it is a scheme before one.
        let short = w.right(open, 4, inside(quoted));
        if short - open < 4 && w.at(short) != b' ' && !joins(w, short) {
            return None;
        }
        let prose = sign == b':' && !quoted && space > at + 1;
        Some(Self { sign, open, quoted, prose })
    }

    fn judge(&self, w: &Window<'_>, named: Named, name: &str, out: &mut Vec<Finding>) {
        let stop = value_end(w, self.open, self.quoted);
        let span = (self.open, stop);
        let value = &w.bytes[self.open..stop];
        let form = named.service.is_some_and(|it| it.forms.iter().any(|form| form.is(value)));
        if form && !is_words(value) && !w.bytes[stop..].starts_with(b"://") {
            push(out, Kind::Secret, span, 80, "a value in the form of the keys of its service");
        } else if named.password {
            self.password(w, span, name, out);
        } else if named.secret && w.at(stop) == b' ' && !is_key(w, span, 10) {
            scheme(w, stop + 1, out);
        } else if named.secret && !is_placeholder(value) && !self.is_wrapped(w, span) {
            let code = !self.quoted && is_code(value);
            if (is_key(w, span, 10) && !code) || sectioned(value) {
                push(out, Kind::Secret, span, 75, "a varied value under the name of a secret");
            } else if self.is_chosen(name, value) {
                push(out, Kind::Secret, span, 60, "a value with signs under the name of a secret");
            }
        }
    }

    // Hexadecimal digits that go on in the next line: a listing of test vectors.
    fn is_wrapped(&self, w: &Window<'_>, (open, stop): (usize, usize)) -> bool {
        let hex = |b: &u8| b.is_ascii_hexdigit();
        let next = w.right(stop, 3, |b| matches!(b, b'\r' | b'\n'));
        let end = w.right(next, 200, |b| b.is_ascii_hexdigit());
        !self.quoted
            && w.bytes[open..stop].iter().all(hex)
            && next > stop
            && end >= next + 4
            && matches!(w.at(end), b'\r' | b'\n' | 0)
    }

    fn password(
        &self,
        w: &Window<'_>,
        (open, mut stop): (usize, usize),
        name: &str,
        out: &mut Vec<Finding>,
    ) {
        // With blanks or other quotes in it, as far as its own quote.
        let around = w.before(open);
        if self.quoted && around != b'\\' && w.at(stop) != around {
            let end = w.right(stop, 256, |b| b >= b' ' && b != around && b != b'\\');
            let is_whole = w.at(end) == around && stop > open;
            if is_whole && self.is_sentence(&w.bytes[open..end]) {
                return;
            }
            if is_whole {
                stop = end;
            }
        }
        let value = &w.bytes[open..stop];
        // `password = password` hands on what it got.
        // The word alone says something else as well.
        let last = name.rsplit(' ').next().unwrap_or(name);
        let short = !self.quoted && last.eq_ignore_ascii_case("pass");
        let same = !self.quoted && name.as_bytes().ends_with(value);
        if !same && !short && !is_placeholder(value) && is_password(value, self.prose, self.quoted)
        {
            push(out, Kind::Secret, (open, stop), 75, "a value under the name of a password");
        }
    }

    // Words, as a form or a message has them; an assignment may have a few without
    // punctuation, as a person's password.
    fn is_sentence(&self, value: &[u8]) -> bool {
        let words = value.iter().filter(|b| **b == b' ').count() + 1;
        let plain = value.iter().all(|b| b.is_ascii_alphabetic() || *b == b' ');
        let sentence = |b: &u8| b.is_ascii_alphabetic() || b" .,:;!?'-()".contains(b);
        value.iter().all(sentence) && !(plain && self.sign == b'=' && words <= 5)
    }

    // A secret that a person chose: the last word of its name is "secret".
    fn is_chosen(&self, name: &str, value: &[u8]) -> bool {
        let last = name.rsplit(' ').next().unwrap_or(name).as_bytes();
        let named = |end: &[u8]| {
            last.len().checked_sub(end.len()).is_some_and(|at| last[at..].eq_ignore_ascii_case(end))
        };
        let sign = |b: &u8| b"#!@$%^&*?+~".contains(b) || *b >= 0x80;
        (named(b"secret") || named(b"secrete"))
            && (self.quoted || self.sign == b'=')
            && (8..=128).contains(&value.len())
            && value.iter().skip(1).any(sign)
            && !value.iter().any(|b| matches!(b, b'{' | b'}' | b'(' | b')'))
    }

    // The private part of a key in JSON (RFC 7517), which also says what kind it is of.
    fn exponent(&self, w: &Window<'_>, out: &mut Vec<Finding>) {
        let stop = w.right(self.open, 1024, |b| alnum(b) || b == b'_' || b == b'-');
        let near = |from: usize, to: usize| {
            let to = to.min(w.bytes.len());
            w.count(to - from.min(to));
            w.bytes[from.min(to)..to].windows(5).any(|five| five == b"\"kty\"")
        };
        let is_part = self.quoted && stop - self.open >= 40;
        if is_part && (near(self.open.saturating_sub(256), self.open) || near(stop, stop + 512)) {
            push(out, Kind::SecretPrivateKey, (self.open, stop), 95, "the private part of a JWK");
        }
    }
}

// "Authorization: Scheme value": the word after the first.
fn scheme(w: &Window<'_>, open: usize, out: &mut Vec<Finding>) {
    let stop = value_end(w, open, false);
    if is_key(w, (open, stop), 20) && !is_placeholder(&w.bytes[open..stop]) {
        push(out, Kind::Secret, (open, stop), 70, "a varied value after the scheme of a secret");
    }
}

// `"value" == password`: the value stands before the name.
fn compared(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    if w.at(at) != b'=' || !matches!(w.before(at), b'=' | b'!') {
        return;
    }
    let sign = w.left(at, 3, operator);
    let stop = w.left(sign, 3, |b| b == b' ').saturating_sub(1);
    let around = w.at(stop);
    if !quote(around) {
        return;
    }
    let open = w.left(stop, 250, |b| b >= b' ' && b != around && b != b'\\');
    let from = w.right(at + 1, 3, |b| b == b' ');
    let to = w.right(from, 64, |b| word(b) || b == b'.');
    let named = w.text.get(from..to).map(named).unwrap_or_default();
    let value = &w.bytes[open..stop];
    if w.before(open) == around
        && (named.password || named.secret)
        && is_password(value, false, true)
        && !is_placeholder(value)
    {
        push(out, Kind::Secret, (open, stop), 65, "a value that a secret is compared with");
    }
}

// The name before the sign, and where it begins.
fn name<'t>(w: &Window<'t>, at: usize) -> Option<(&'t str, usize)> {
    let sign = w.left(at, 4, operator);
    let blank = w.left(sign, 3, |b| b == b' ' || b == b'\t');
    let end = w.left(blank, 4, |b| quote(b) || matches!(b, b'\\' | b']'));
    let end = end - usize::from(in_brackets(w, at));
    let start = w.ceil(w.left(end, NAME, in_name));
    let text = w.text.get(start..end)?;
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let skipped = text.bytes().take_while(|b| matches!(b, b' ' | b'-' | b'.')).count();
    let name = text.get(skipped..)?;
    (!name.is_empty()).then_some((name, start + skipped))
}

// `(name)=(value)`, as PostgreSQL tells a key.
fn in_brackets(w: &Window<'_>, at: usize) -> bool {
    w.at(at) == b'=' && w.before(at) == b')' && w.at(at + 1) == b'('
}

// What a statement before calls its parameter of this number: `name = $1`.
fn parameter<'t>(w: &Window<'t>, start: usize, number: &str) -> Option<&'t str> {
    let from = w.ceil(start.saturating_sub(256)).min(start);
    w.count(start - from);
    let statement = w.text.get(from..start - 1)?;
    let (before, _) = statement.rmatch_indices('$').map(|(at, _)| statement.split_at(at)).find(
        |(_, after)| {
            let rest = after[1..].strip_prefix(number);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        },
    )?;
    let name = before.trim_end().strip_suffix('=')?.trim_end();
    let len = name.bytes().rev().take_while(|b| word(*b)).count();
    name.get(name.len() - len..)
}

// The name of what has its own name beside it.
fn is_value(name: &str) -> bool {
    matches!(name.len(), 5 | 7)
        && ["default", "value"].iter().any(|it| name.eq_ignore_ascii_case(it))
}

// `name="NAME" value="…"`, `variable "NAME" { default = "…"`: what the name of a value
// that begins at `start` has before it.
fn pair<'t>(w: &Window<'t>, start: usize) -> Option<&'t str> {
    let gap = |b: u8| b <= b' ' || matches!(b, b',' | b'{' | b'<' | b'"' | b'\'');
    let end = w.left(start, 40, gap);
    let from = w.left(end, 64, |b| word(b) || matches!(b, b'.' | b'-' | b':'));
    let before = w.left(from, 4, |b| matches!(b, b' ' | b'"' | b'\'' | b'=' | b':'));
    let label = w.left(before, 12, |b| b.is_ascii_alphabetic());
    let label = w.text.get(label..before)?;
    let labels = ["key", "name", "option", "property", "variable"];
    let is_label = labels.iter().any(|it| label.eq_ignore_ascii_case(it));
    w.text.get(from..end).filter(|_| is_label)
}

fn is_password(value: &[u8], prose: bool, quoted: bool) -> bool {
    let plain = value.iter().all(u8::is_ascii_alphabetic);
    let code = !quoted && is_code(value);
    // An element of a page, by its id or its class; an address; a name in Amazon's cloud.
    let selector = matches!(value, [b'#' | b'.', rest @ ..]
        if rest.contains(&b'-') && rest.iter().all(|b| b.is_ascii_lowercase() || *b == b'-'));
    let address = value.iter().take(12).position(|b| *b == b':').is_some_and(|at| {
        value[at..].starts_with(b"://") && value[..at].iter().all(u8::is_ascii_lowercase)
    });
    let named = selector || address || value.starts_with(b"arn:");
    let other = code || named || (prose && plain);
    (4..=256).contains(&value.len()) && !other
}

// A call, an index, a path or a constant, where what has no quotes is an expression.
fn is_code(value: &[u8]) -> bool {
    let name = value.iter().take_while(|b| word(**b) || **b == b'.').count();
    let after = &value[name..];
    let constant = after.is_empty()
        && value.contains(&b'_')
        && value.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    let opens = matches!(after, [b'(' | b'[', ..] | [b'!', b'(' | b'[', ..]) && name > 0;
    let begins = matches!(value, [b'$' | b'(' | b'[', ..] | [b'*' | b'&', b'a'..=b'z', ..]);
    let own = after.is_empty() && [&b"self."[..], b"this."].iter().any(|it| value.starts_with(it));
    constant || opens || begins || own || after.starts_with(b"::")
}

/// Letters and digits in a mix that no word has, or a long number.
fn is_key(w: &Window<'_>, (open, stop): (usize, usize), least: usize) -> bool {
    let value = &w.bytes[open..stop];
    let count = |is: fn(&u8) -> bool| value.iter().filter(|b| is(b)).count();
    let (digits, upper) = (count(u8::is_ascii_digit), count(u8::is_ascii_uppercase));
    let (lower, signs) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_punctuation));
    let mixed = (upper > 0 && lower > 0) || digits >= 2 || value.len() >= 20;
    let shape = match upper + lower {
        0 => digits >= 16 && entropy(value) >= 2.5,
        _ if signs * 4 > value.len() => value.len() >= 20,
        _ => (digits >= 1 || is_mixed(value)) && mixed && is_random(value),
    };
    (least..=512).contains(&value.len())
        && value.iter().all(u8::is_ascii_graphic)
        && shape
        && !w.bytes[stop..].starts_with(b"...")
        && !looks_like_a_path(value)
        && !matches!(value.first(), Some(b'[' | b'(' | b'{' | b'^'))
        && !is_sequence(value)
        && !is_words(value)
}

// Letters alone, too many of which change their case for the words of a name.
fn is_mixed(value: &[u8]) -> bool {
    let upper = |b: &u8| b.is_ascii_uppercase();
    let changes = value.windows(2).filter(|pair| upper(&pair[0]) != upper(&pair[1])).count();
    value.len() >= 32 && changes * 5 >= value.len() * 2
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

const fn operator(b: u8) -> bool {
    matches!(b, b'=' | b':' | b'>' | b'|' | b'?' | b'!')
}

pub(super) const fn quote(b: u8) -> bool {
    matches!(b, b'"' | b'\'' | b'`')
}

fn inside(quoted: bool) -> impl Fn(u8) -> bool {
    move |b| {
        b > b' '
            && !matches!(b, 0x7f | b'"' | b'\'' | b'`' | b'\\')
            && (quoted || !matches!(b, b',' | b';' | b'<' | b'>' | b'&'))
    }
}

// A comma that another sign follows is a part of a value and ends no item of a list.
fn joins(w: &Window<'_>, at: usize) -> bool {
    let next = w.at(at + 1);
    w.at(at) == b','
        && next.is_ascii_punctuation()
        && inside(false)(next)
        && !b"[{($".contains(&next)
}

fn value_end(w: &Window<'_>, open: usize, quoted: bool) -> usize {
    let mut end = w.right(open, 512, inside(quoted));
    for _ in 0..3 {
        if joins(w, end) {
            end = w.right(end + 1, 512, inside(quoted));
        }
    }
    let edge = |b: u8| !quoted && b".:)]".contains(&b);
    while end > open && (!w.text.is_char_boundary(end) || edge(w.at(end - 1))) {
        end -= 1;
    }
    end
}

/// A search for words without regard to the case of ASCII letters.
pub(super) fn any_case<'w>(words: impl Iterator<Item = &'w &'static str>) -> Option<AhoCorasick> {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    builder.build(words).ok()
}
