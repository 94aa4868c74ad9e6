use super::context;
use super::naming::naming;
use super::run::{Part, Run, Sep, separator};
use super::written::{bare, has_check};
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
        if !joined {
            ipv4(w, &part, out);
        }
        if !open_right(w, part.end()) {
            continue;
        }
        if !joined {
            national(w, &part, out);
            birth(w, &part, out);
        }
        if !joined || part.plain() {
            card(w, &part, out);
        }
    }
    phone::at(w, &run, joined, out);
}

/// Whether seven digits or three groups of them begin here: no number has fewer.
pub(super) fn may_be(w: &Window<'_>, start: usize) -> bool {
    let first = w.right(start, 7, digit);
    let Some((_, second)) = separator(w, first).filter(|_| first < start + 7) else {
        return first == start + 7;
    };
    let end = w.right(second, 7, digit);
    (first - start) + (end - second) >= 7 || separator(w, end).is_some()
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
    let (start, end) = part.span();
    let parsed = w.text.get(start..end).is_some_and(|t| t.parse::<std::net::Ipv4Addr>().is_ok());
    let end = network(w, end, 32);
    if parsed && open_right(w, end) {
        push(out, Kind::Ip, (start, end), 85, "four numbers below 256");
    }
}

/// The end of an address with the length of its network's prefix, if there is one.
pub(super) fn network(w: &Window<'_>, end: usize, most: u32) -> usize {
    let to = w.right(end + 1, 4, digit);
    let bits = w.bytes.get(end + 1..to).unwrap_or(&[]);
    let value = bits.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let is_prefix = w.at(end) == b'/' && (1..=3).contains(&bits.len()) && value <= most;
    if is_prefix && !alnum(w.at(to)) && w.at(to) != b'/' { to } else { end }
}

fn card(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    let n = part.digits.len();
    if !(12..=19).contains(&n) || !is_card(part.digits) {
        return;
    }
    let said = || w.near(part.start(), part.end(), naming(Kind::CreditCard));
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

/// How many digits, the kind, the ways in which only this kind is written, and how sure
/// it is so and without separators, if no word nearby names it. With a word nearby both
/// are sure, and other even groups are likely.
type Rule = (usize, Kind, &'static [&'static str], u8, u8);

// In the order of the number of their digits.
const RULES: &[Rule] = &[
    (8, Kind::ArDni, &["dd.ddd.ddd"], 0, 0),
    (8, Kind::AuTfn, &[], 0, 30),
    (8, Kind::CzBusiness, &[], 0, 25),
    (8, Kind::DkBusiness, &["dd dd dd dd"], 30, 25),
    (8, Kind::EeBusiness, &[], 0, 25),
    (8, Kind::FiBusiness, &[], 0, 25),
    (8, Kind::HuVat, &[], 0, 25),
    (8, Kind::LuVat, &[], 0, 25),
    (8, Kind::MtVat, &[], 0, 25),
    (8, Kind::NlBsn, &[], 0, 25),
    (8, Kind::NzTax, &["dd-ddd-ddd"], 40, 25),
    (8, Kind::SiTax, &[], 0, 25),
    (8, Kind::TwBusiness, &[], 0, 25),
    (8, Kind::UaBusiness, &[], 0, 25),
    (9, Kind::AbaRouting, &[], 0, 30),
    (9, Kind::AtTax, &["dd-ddd/dddd"], 88, 30),
    (9, Kind::AuCompany, &["ddd ddd ddd"], 40, 30),
    (9, Kind::AuTfn, &["ddd ddd ddd"], 40, 30),
    (9, Kind::BgVat, &[], 0, 25),
    (9, Kind::CaBusiness, &["ddd ddd ddd"], 40, 30),
    (9, Kind::CaSin, &["ddd ddd ddd", "ddd-ddd-ddd"], 45, 30),
    (9, Kind::ChBusiness, &["ddd.ddd.ddd"], 45, 25),
    (9, Kind::CzBirth, &["dddddd/ddd"], 60, 25),
    (9, Kind::DePhysician, &[], 0, 30),
    (9, Kind::DeVat, &["ddd ddd ddd"], 45, 30),
    (9, Kind::DoTax, &["d-dd-ddddd-d"], 75, 25),
    (9, Kind::EeVat, &[], 0, 25),
    (9, Kind::FrSiren, &["ddd ddd ddd"], 40, 30),
    (9, Kind::GrVat, &[], 0, 30),
    (9, Kind::IlCompany, &[], 0, 25),
    (9, Kind::IlPersonal, &[], 0, 30),
    (9, Kind::LtVat, &[], 0, 25),
    (9, Kind::NlBsn, &["dddd.dd.ddd"], 60, 50),
    (9, Kind::NlEducation, &[], 0, 25),
    (9, Kind::NoOrganisation, &["ddd ddd ddd"], 45, 30),
    (9, Kind::NzTax, &["ddd-ddd-ddd"], 45, 25),
    (9, Kind::PhTax, &["ddd-ddd-ddd"], 48, 30),
    (9, Kind::PlBusiness, &[], 0, 30),
    (9, Kind::PtTax, &["ddd ddd ddd"], 45, 30),
    (9, Kind::RsTax, &[], 0, 25),
    (9, Kind::UkVat, &["ddd dddd dd"], 65, 30),
    (9, Kind::UsEmployer, &["dd-ddddddd"], 35, 0),
    (9, Kind::UsItin, &["ddd-dd-dddd", "ddd dd dddd"], 80, 30),
    (9, Kind::UsSsn, &["ddd-dd-dddd"], 85, 30),
    (10, Kind::AtInsurance, &["dddd dddddd", "dddd-dddddd"], 78, 40),
    (10, Kind::AuMedicare, &["dddd ddddd d"], 78, 30),
    (10, Kind::BeVat, &["dddd.ddd.ddd"], 80, 35),
    (10, Kind::BgForeigner, &[], 0, 25),
    (10, Kind::BgPersonal, &[], 0, 45),
    (10, Kind::CaHealthBc, &["dddd ddd ddd"], 55, 30),
    (10, Kind::CoTax, &["ddd.ddd.ddd-d"], 88, 30),
    (10, Kind::CzBirth, &["dddddd/dddd"], 85, 45),
    (10, Kind::DkCpr, &["dddddd-dddd"], 45, 20),
    (10, Kind::EcPersonal, &["ddddddddd-d"], 70, 30),
    (10, Kind::HuTax, &[], 0, 30),
    (10, Kind::IsKennitala, &["dddddd-dddd"], 75, 45),
    (10, Kind::KrBusiness, &["ddd-dd-ddddd"], 80, 25),
    (10, Kind::PlTax, &["ddd-ddd-dd-dd", "ddd-dd-dd-ddd"], 80, 30),
    (10, Kind::RuTax, &[], 0, 25),
    (10, Kind::SeOrganisation, &["dddddd-dddd"], 48, 30),
    (10, Kind::SePersonnummer, &["dddddd-dddd"], 80, 40),
    (10, Kind::TrTax, &[], 0, 25),
    (10, Kind::UaTax, &[], 0, 25),
    (10, Kind::UkNhs, &["ddd ddd dddd"], 60, 30),
    (10, Kind::UkTaxpayer, &["ddddd ddddd"], 55, 25),
    (10, Kind::UsProvider, &["dddd-ddd-ddd"], 55, 30),
    (10, Kind::VnTax, &[], 0, 25),
    (10, Kind::ZaTax, &[], 0, 25),
    (11, Kind::ArTax, &["dd-dddddddd-d"], 90, 35),
    (11, Kind::AuBusiness, &["dd ddd ddd ddd"], 78, 40),
    (
        11,
        Kind::BePersonal,
        &[
            "dd.dd.dd-ddd.dd",
            "dd.dd.dd ddd dd",
            "dddddd-ddd.dd",
            "dddddd-ddd-dd",
            "dd.dd.dd-ddd-dd",
        ],
        97,
        60,
    ),
    (11, Kind::BrCpf, &["ddd.ddd.ddd-dd"], 90, 50),
    (11, Kind::DeTaxId, &["dd ddd ddd ddd"], 80, 50),
    (11, Kind::DoCard, &["ddd-ddddddd-d"], 80, 30),
    (11, Kind::EePersonal, &[], 0, 55),
    (11, Kind::GrAmka, &[], 0, 45),
    (11, Kind::HrOib, &[], 0, 30),
    (11, Kind::ItVat, &[], 0, 40),
    (11, Kind::LtPersonal, &[], 0, 50),
    (11, Kind::LvPersonal, &["dddddd-ddddd"], 80, 35),
    (11, Kind::NgPersonal, &[], 0, 30),
    (11, Kind::NoAccount, &["dddd.dd.ddddd", "dddd dd ddddd"], 85, 30),
    (11, Kind::NoBirth, &["dddddd ddddd"], 85, 60),
    (11, Kind::PeTax, &[], 0, 40),
    (11, Kind::PlPesel, &[], 0, 60),
    (11, Kind::TrNationalId, &[], 0, 60),
    (12, Kind::BeCard, &["ddd-ddddddd-dd"], 85, 45),
    (
        12,
        Kind::EsSocial,
        &["dd/ddddddddd/dd", "dd dddddddd dd", "dd dddddddddd", "dd-dddddddd-dd", "dd/dddddddd/dd"],
        80,
        45,
    ),
    (12, Kind::FiTax, &[], 0, 0),
    (12, Kind::InAadhaar, &["dddd dddd dddd", "dddd-dddd-dddd"], 70, 40),
    (12, Kind::JpMyNumber, &["dddd dddd dddd", "dddd-dddd-dddd"], 45, 40),
    (12, Kind::MyPersonal, &["dddddd-dd-dddd"], 70, 0),
    (12, Kind::PhTax, &["ddd-ddd-ddd-ddd"], 70, 25),
    (12, Kind::RuTax, &[], 0, 45),
    (12, Kind::SePersonnummer, &["dddddddd-dddd"], 88, 48),
    (12, Kind::UyTax, &[], 0, 45),
    (13, Kind::ChAhv, &["ddd.dddd.dddd.dd"], 95, 60),
    (13, Kind::FrTax, &["dd dd ddd ddd ddd"], 70, 45),
    (13, Kind::JpCorporate, &["d-dddd-dddd-dddd"], 80, 30),
    (13, Kind::KrForeigner, &["dddddd-ddddddd"], 84, 45),
    (13, Kind::KrRrn, &["dddddd-ddddddd"], 85, 50),
    (13, Kind::LuPersonal, &[], 0, 80),
    (13, Kind::MkTax, &[], 0, 30),
    (13, Kind::PkPersonal, &["ddddd-ddddddd-d"], 70, 0),
    (13, Kind::RoPersonal, &[], 0, 75),
    (13, Kind::SiPersonal, &[], 0, 60),
    (13, Kind::ThPersonal, &["d-dddd-ddddd-dd-d", "d dddd ddddd dd d"], 95, 48),
    (13, Kind::VnTax, &["dddddddddd-ddd"], 60, 25),
    (13, Kind::ZaId, &["dddddd dddd ddd"], 70, 55),
    (14, Kind::BrCnpj, &["dd.ddd.ddd/dddd-dd"], 95, 55),
    (14, Kind::FrSiret, &["ddd ddd ddd ddddd"], 85, 45),
    (14, Kind::PlBusiness, &[], 0, 40),
    (14, Kind::SvTax, &["dddd-dddddd-ddd-d"], 85, 30),
    (15, Kind::FrNir, &["d dd dd dd ddd ddd dd"], 95, 75),
    (15, Kind::Imei, &["dd-dddddd-dddddd-d", "dd dddddd dddddd d"], 85, 45),
    (16, Kind::InVirtual, &["dddd dddd dddd dddd"], 48, 40),
    (18, Kind::CnResident, &[], 0, 90),
];

const MOST: usize = 19;

// Where the rules for so many digits lie.
const PLACES: [(usize, usize); MOST] = {
    let (mut places, mut i) = ([(0, 0); MOST], 0);
    while i < RULES.len() {
        let n = RULES[i].0;
        if places[n].1 == 0 {
            places[n].0 = i;
        }
        assert!(places[n].1 == 0 || places[n].1 == i, "in the order of their digits");
        places[n].1 = i + 1;
        i += 1;
    }
    places
};

fn national(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    let Some((from, to)) = PLACES.get(part.digits.len()) else { return };
    let (written, usual) = (part.shape(), part.plain() || part.even());
    for (_, kind, shapes, own, plain) in &RULES[*from..*to] {
        let is_own = || shapes.iter().any(|shape| written.is(shape));
        if !(usual || is_own()) {
            continue;
        }
        let (start, end) = part.span();
        let said = || w.near(start, end, naming(*kind));
        if !is_right(*kind, part.digits) {
            // The check digit of a number that its word names is enough.
            if *kind == Kind::DeTaxId && check::is_de_tax_sum(part.digits) && said() {
                push(out, *kind, part.span(), 60, "check and a word nearby");
            }
            // Numbers that Korea has given since 2020, in place of old ones too, have none.
            if *kind == Kind::KrRrn && is_own() && check::is_kr_resident_date(part.digits) {
                push(out, *kind, part.span(), if said() { 80 } else { 60 }, "date, sex and shape");
            }
            continue;
        }
        let found = match (is_own(), part.plain()) {
            (true, _) if said() => (99, "shape, check and a word nearby"),
            (_, true) if said() => (95, "check and a word nearby"),
            (false, false) if said() => (70, "digits, check and a word nearby"),
            (true, _) => (*own, "shape and check"),
            (_, true) if is_measured(w, start, end) => (*plain / 2, "check, beside a measure"),
            (_, true) => (*plain, "check"),
            _ => (0, ""),
        };
        let telling = is_own() || (part.digits.len() > 8 && is_telling(*kind));
        let alone = found.0 < bare(*kind) && telling && has_check(*kind) && w.is_all(start, end);
        let (score, why) = if alone { (bare(*kind), "check, and nothing else") } else { found };
        if score > 0 {
            push(out, *kind, part.span(), score, why);
        }
    }
}

// Whether a word of measures stands close before, on the same line, or is what follows.
fn is_measured(w: &Window<'_>, start: usize, end: usize) -> bool {
    let after = w.text.get(end..w.ceil((end + 8).min(w.bytes.len()))).unwrap_or("");
    w.count(after.len());
    let before = w.lead_in(start);
    context::MEASURED.are_in(before) || is_counted(before) || context::MEASURED.are_in(after)
}

// The word "count", which is a part of "account" as well.
fn is_counted(before: &str) -> bool {
    let before = before.as_bytes();
    let count = |at: usize| before[at..at + 5].eq_ignore_ascii_case(b"count");
    (0..before.len().saturating_sub(4))
        .any(|at| count(at) && !matches!(at.checked_sub(1).map(|i| before[i]), Some(b'c' | b'C')))
}

// Whether digits without a separator that are all of a text are taken for this kind: one
// whose structure few numbers have by chance, or that most of a large country's people
// have. With all kinds, half of all numbers would be something.
const fn is_telling(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::AbaRouting
            | Kind::AuTfn
            | Kind::BeCard
            | Kind::BgPersonal
            | Kind::CaSin
            | Kind::EsSocial
            | Kind::GrAmka
            | Kind::InAadhaar
            | Kind::IsKennitala
            | Kind::KrForeigner
            | Kind::SePersonnummer
            | Kind::ThPersonal
            | Kind::UkNhs
            | Kind::UsProvider
    )
}

fn is_right(kind: Kind, digits: &[u8]) -> bool {
    match kind {
        // Without its old check a number of Denmark is a date and four digits.
        Kind::DkCpr => check::is_dk_cpr_checked(digits),
        // Births before 1900 are too long ago.
        Kind::KrRrn => matches!(digits.get(6), Some(b'1'..=b'8')) && check::is_kr_rrn(digits),
        // The third digit tells an organisation from a person.
        Kind::SeOrganisation => digits[2] >= b'2' && check::is_se_organisation(digits),
        _ => check::scheme(kind).is_some_and(|(_, test)| test(digits)),
    }
}

fn birth(w: &Window<'_>, part: &Part<'_>, out: &mut Vec<Finding>) {
    if is_date(part) && w.ahead_of_digits(part.start(), context::BIRTH) {
        push(out, Kind::DateOfBirth, part.span(), 80, "a date after a word of birth");
    }
}

/// Three groups that can be read as year, month and day in some order.
pub(super) fn is_date(part: &Part<'_>) -> bool {
    let &[a, b, c] = part.groups else { return false };
    if !part.by(Sep::Dash) && !part.by(Sep::Slash) && !part.by(Sep::Dot) {
        return false;
    }
    // Longer ones are no year, and too large for what follows.
    if part.groups.iter().any(|g| g.end - g.start > 4) {
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
