use super::context::{self, words};
use super::run::{Part, Run, Sep};
use super::{phone, push};
use crate::check::{self, is_card};
use crate::window::{Window, alnum, digit};
use crate::{Finding, Kind};

/// Everything that begins with the digit at `start`: for each number of leading
/// groups, whatever their digits and shape allow.
pub(super) fn at(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    let Some(run) = Run::read(w, start) else { return };
    let joined = joined_left(w, start);
    for k in 1..=run.len() {
        let part = run.part(k);
        if !open_right(w, part.end()) {
            continue;
        }
        if !joined {
            ipv4(w, &part, out);
            national(w, &part, out);
            birth(w, &part, out);
        }
        if !joined || part.plain() {
            card(w, &part, out);
        }
    }
    phone::at(w, &run, joined, out);
}

// A digit with a sign before it that makes it the middle of a longer number.
fn joined_left(w: &Window<'_>, start: usize) -> bool {
    matches!(w.before(start), b'.' | b'-' | b'/') && digit(w.before(start - 1))
}

// Nothing follows that makes the number longer, or a word of it.
pub(super) fn open_right(w: &Window<'_>, end: usize) -> bool {
    let next = w.at(end);
    let joins = matches!(next, b'.' | b'-' | b'/') && digit(w.at(end + 1));
    !joins && !alnum(next) && next != b'_'
}

fn ipv4(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    if part.groups.len() != 4 || !part.by(Sep::Dot) || part.digits.len() > 12 {
        return;
    }
    if w.text.get(part.start()..part.end()).is_some_and(|t| t.parse::<std::net::Ipv4Addr>().is_ok())
    {
        push(out, Kind::Ip, part.span(), 85, "four numbers below 256");
    }
}

fn card(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    let n = part.digits.len();
    if !(12..=19).contains(&n) || !is_card(part.digits) {
        return;
    }
    let said = || w.near(part.start(), part.end(), words(Kind::CreditCard));
    let grouped = part.is(&[4, 4, 4, 4])
        || part.is(&[4, 6, 5])
        || part.is(&[4, 6, 4])
        || part.is(&[4, 4, 4, 4, 3]);
    let score = match (grouped && (part.even() || part.by(Sep::Dot)), part.plain()) {
        (true, _) => 95,
        (_, true) if matches!(n, 15 | 16) => 85,
        (_, true) if said() => 90,
        (_, true) => 50,
        _ if part.even() && said() => 70,
        _ => return,
    };
    push(out, Kind::CreditCard, part.span(), score, "issuer range, length and Luhn");
}

/// How a number looks: `Own` is the way in which only this kind is written,
/// `Plain` has no separators.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Shape {
    Other,
    Own,
    Plain,
}

type Rule = (Kind, fn(&Part<'_>) -> Shape, u8, u8, fn(&[u8]) -> bool);

// Scores without a word nearby: in the kind's own shape, and plain. With a word
// nearby all but `Other` are sure, and `Other` is likely.
const RULES: &[Rule] = &[
    (Kind::AbaRouting, |p| own(p, false), 30, 30, check::is_aba),
    (Kind::AuTfn, |p| own(p, p.is(&[3, 3, 3]) && p.by(Sep::Space)), 40, 30, check::is_au_tfn),
    (Kind::BrCpf, |p| own(p, p.is(&[3, 3, 3, 2])), 90, 50, check::is_br_cpf),
    (Kind::CaSin, |p| own(p, p.is(&[3, 3, 3]) && p.even()), 45, 30, check::is_ca_sin),
    (Kind::ChAhv, |p| own(p, p.is(&[3, 4, 4, 2]) && p.by(Sep::Dot)), 95, 60, check::is_ch_ahv),
    (Kind::DeTaxId, |p| own(p, p.is(&[2, 3, 3, 3])), 80, 50, check::is_de_tax_id),
    (Kind::FrNir, |p| own(p, p.is(&[1, 2, 2, 2, 3, 3, 2])), 95, 75, check::is_fr_nir),
    (Kind::InAadhaar, |p| own(p, p.is(&[4, 4, 4]) && p.even()), 70, 40, check::is_in_aadhaar),
    (Kind::JpMyNumber, |p| own(p, p.is(&[4, 4, 4]) && p.even()), 45, 40, check::is_jp_my_number),
    (Kind::KrRrn, |p| own(p, p.is(&[6, 7]) && p.by(Sep::Dash)), 85, 50, check::is_kr_rrn),
    (Kind::NlBsn, |p| own(p, p.is(&[4, 2, 3])), 60, 50, check::is_nl_bsn),
    (Kind::PlPesel, |p| own(p, false), 60, 60, check::is_pl_pesel),
    (
        Kind::SePersonnummer,
        |p| own(p, (p.is(&[6, 4]) || p.is(&[8, 4])) && p.by(Sep::Dash)),
        80,
        40,
        check::is_se_personnummer,
    ),
    (Kind::TrNationalId, |p| own(p, false), 60, 60, check::is_tr_national_id),
    (Kind::UkNhs, |p| own(p, p.is(&[3, 3, 4]) && p.by(Sep::Space)), 60, 30, check::is_uk_nhs),
    (Kind::UsItin, |p| own(p, p.is(&[3, 2, 4]) && p.even()), 80, 30, check::is_us_itin),
    (Kind::UsSsn, |p| own(p, p.is(&[3, 2, 4]) && p.by(Sep::Dash)), 85, 30, check::is_us_ssn),
    (Kind::ZaId, |p| own(p, p.is(&[6, 4, 3])), 70, 55, check::is_za_id),
];

fn own(part: &Part<'_>, own: bool) -> Shape {
    match (own, part.plain()) {
        (true, _) => Shape::Own,
        (_, true) => Shape::Plain,
        _ => Shape::Other,
    }
}

fn national(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    if !(9..=15).contains(&part.digits.len()) {
        return;
    }
    for (kind, shape, own, plain, test) in RULES {
        if !test(part.digits) {
            continue;
        }
        let said = || w.near(part.start(), part.end(), words(*kind));
        let (score, why) = match shape(part) {
            Shape::Own if said() => (99, "shape, check and a word nearby"),
            Shape::Plain if said() => (95, "check and a word nearby"),
            Shape::Other if part.even() && said() => (70, "digits, check and a word nearby"),
            Shape::Own => (*own, "shape and check"),
            Shape::Plain => (*plain, "check"),
            Shape::Other => continue,
        };
        push(out, *kind, part.span(), score, why);
    }
}

fn birth(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    if is_date(part) && w.ahead(part.start(), context::BIRTH) {
        push(out, Kind::DateOfBirth, part.span(), 80, "a date after a word of birth");
    }
}

/// Three groups that can be read as year, month and day in some order.
pub(super) fn is_date(part: &Part<'_>) -> bool {
    let &[a, b, c] = part.groups else { return false };
    if !part.by(Sep::Dash) && !part.by(Sep::Slash) && !part.by(Sep::Dot) {
        return false;
    }
    let digits = part.digits;
    let split = (a.end - a.start, a.end - a.start + b.end - b.start);
    let value = |d: &[u8]| d.iter().fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
    let (x, y, z) =
        (value(&digits[..split.0]), value(&digits[split.0..split.1]), value(&digits[split.1..]));
    let pair = |m: u32, d: u32| (1..=12).contains(&m) && (1..=31).contains(&d);
    let year = |len: usize, n: u32| (len == 4 && (1880..=2100).contains(&n)) || len == 2;
    let short = |len: usize| matches!(len, 1 | 2);
    let (la, lb, lc) = (a.end - a.start, b.end - b.start, c.end - c.start);
    (la == 4 && year(la, x) && short(lb) && short(lc) && pair(y, z))
        || (short(la) && short(lb) && year(lc, z) && (pair(x, y) || pair(y, x)))
}
