use super::{address, assign, push, secret, written};
use crate::check;
use crate::window::{Window, alnum, digit, one_case, word as word_sign};
use crate::{Finding, Kind};

/// Everything that begins with the run of letters and digits from `start` to `end`,
/// of which one is a digit.
pub(super) fn at(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let token = &w.bytes[start..end];
    let len = token.len();
    if len <= 4 && token.iter().all(u8::is_ascii_hexdigit) {
        address::mac(w, start, end, out);
    }
    secret::run(w, start, end, out);
    assign::beside(w, start, end, out);
    if len >= 2 && letters(&token[..2]) {
        if matches!(token, [_, _, c, d, ..] if digit(*c) && digit(*d)) {
            iban(w, start, out);
        }
        nino(w, start, out);
    }
    if (8..=16).contains(&len) && w.at(end) != b'_' && w.before(start) != b'_' {
        compact(w, start, end, out);
    }
    written::at(w, start, end, out);
    if len == 8 || (len == 6 && token.iter().all(u8::is_ascii_digit)) || len == 11 {
        separated(w, start, end, out);
    }
}

/// The longest run of letters that [`word`] looks at.
pub(super) const SHORT: usize = 4;

/// Everything that begins with the run of up to [`SHORT`] letters from `start` to `end`
/// and goes on behind it.
pub(super) fn word(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let word = &w.bytes[start..end];
    let next = w.at(end);
    if matches!(next, b' ' | b'-' | b'.') && word.len() <= 3 && digit(w.at(end + 1)) {
        written::at(w, start, end, out);
    }
    match word.len() {
        2 => {
            if word.iter().all(u8::is_ascii_hexdigit) {
                address::mac(w, start, end, out);
            }
            if matches!(next, b' ' | b'-') && digit(w.at(end + 1)) {
                nino(w, start, out);
            }
        }
        3 if next == b'.' && word.eq_ignore_ascii_case(b"www") => address::www(w, start, out),
        4 if word.iter().all(u8::is_ascii_hexdigit) => address::mac(w, start, end, out),
        _ => {}
    }
}

/// What the run of letters from `start` on is, if there are as many as a fiscal code of
/// Italy has, which may have letters in place of its digits.
pub(super) fn long_word(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    let end = w.marks().end(start, |block| block.alnum & !block.digit);
    if end == start + 16 && !word_sign(w.at(end)) && w.before(start) != b'_' {
        compact(w, start, end, out);
    }
}

fn letters(pair: &[u8]) -> bool {
    pair.iter().all(u8::is_ascii_alphabetic)
}

/// As many letters and digits as the country's IBAN has, in one piece or in
/// groups with a space or a dash between.
fn iban(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    let country = [w.at(start).to_ascii_uppercase(), w.at(start + 1).to_ascii_uppercase()];
    let Some(len) = check::iban_len(country) else { return };
    let mut value = [0; 34];
    let (mut n, mut at) = (0, start);
    while n < len {
        let b = w.at(at);
        if alnum(b) {
            value[n] = b.to_ascii_uppercase();
            n += 1;
        } else if !matches!(b, b' ' | b'-' | b'.') || !alnum(w.at(at + 1)) {
            return;
        }
        at += 1;
    }
    w.count(at - start);
    if check::is_iban(&value[..len]) && !alnum(w.at(at)) && one_case(&w.bytes[start..at]) {
        push(out, Kind::Iban, (start, at), 99, "country, length and mod 97");
    }
}

// Two letters, six digits, a letter, with spaces between pairs or none.
fn nino(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    let mut value = [0; 9];
    let (mut n, mut at) = (0, start);
    while n < 9 {
        let b = w.at(at);
        if alnum(b) {
            value[n] = b.to_ascii_uppercase();
            n += 1;
        } else if !matches!(b, b' ' | b'-') || !alnum(w.at(at + 1)) || n < 2 {
            return;
        }
        at += 1;
        if (3..=8).contains(&n) && !digit(value[n - 1]) {
            return;
        }
    }
    if check::is_uk_nino(&value) && !alnum(w.at(at)) {
        push(out, Kind::UkNino, (start, at), 80, "letters that are assigned, six digits");
    }
}

// Numbers with letters in them, written in one piece.
fn compact(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let mut value = [0; 16];
    let len = end - start;
    if !one_case(&w.bytes[start..end]) {
        return;
    }
    value[..len].copy_from_slice(&w.bytes[start..end]);
    let value = &mut value[..len];
    value.make_ascii_uppercase();
    let found = match len {
        9 if check::is_es_nif(value) => Some((Kind::EsNif, 85)),
        9 if check::is_es_nie(value) => Some((Kind::EsNie, 90)),
        9 if check::is_sg_nric(value) => Some((Kind::SgNric, 85)),
        12 if check::is_de_social_security(value) => Some((Kind::DeSocialSecurity, 90)),
        15 if !value.iter().all(u8::is_ascii_digit) && check::is_fr_nir(value) => {
            Some((Kind::FrNir, 95))
        }
        16 if check::is_it_fiscal_code(value) => Some((Kind::ItFiscalCode, 95)),
        _ => None,
    };
    if let Some((kind, score)) = found {
        push(out, kind, (start, end), score, "structure and check letter");
    }
}

// Numbers that have a sign in them: Finland's century, Spain's dash.
fn separated(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let code = w.bytes.get(start..start + 11).unwrap_or(&[]);
    if check::is_fi(code) && !alnum(w.at(start + 11)) && !matches!(w.before(start), b'-' | b'.') {
        push(out, Kind::FiPersonalIdentityCode, (start, start + 11), 90, "date and check sign");
    }
    if !matches!(w.at(end), b'-' | b' ') || alnum(w.at(end + 2)) {
        return;
    }
    let mut value = [0; 9];
    if end - start == 8 {
        value[..8].copy_from_slice(&w.bytes[start..end]);
        value[8] = w.at(end + 1);
        value.make_ascii_uppercase();
        let kind =
            [(Kind::EsNif, check::is_es_nif(&value)), (Kind::EsNie, check::is_es_nie(&value))];
        for (kind, _) in kind.into_iter().filter(|(_, fits)| *fits) {
            push(out, kind, (start, end + 2), 80, "eight places and check letter");
        }
    }
}
