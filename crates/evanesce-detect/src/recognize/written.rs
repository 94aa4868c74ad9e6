//! How numbers with letters in them are written: documents, taxpayers, value added tax.

use super::naming::naming;
use super::push;
use crate::check;
use crate::window::{Window, alnum, digit, one_case};
use crate::{Finding, Kind};

/// A kind, how it is written (`d` a digit, `l` a letter, `x` either, all else itself),
/// and how sure it is alone and with a word nearby that names it.
type Written = (Kind, &'static str, u8, u8);

/// Everything of [`WRITTEN`] that begins with the run of letters and digits from `start`
/// to `end`, and an address of Bitcoin.
pub(super) fn at(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let len = end - start;
    if matches!(w.before(start), b'_' | b'@' | b'#') {
        return;
    }
    if (26..=74).contains(&len) && w.text.get(start..end).is_some_and(check::is_bitcoin) {
        push(out, Kind::Crypto, (start, end), 95, "base 58 or bech32 and checksum");
        return;
    }
    let Some(rules) = RULES.get(len) else { return };
    let mut fit = rules.after[sign(w.at(end))]
        & rules.first[usize::from(digit(w.at(start)))]
        & rules.last[usize::from(digit(w.before(end)))];
    w.count(fit.count_ones() as usize);
    while fit != 0 {
        one(w, start, &WRITTEN[rules.from + fit.trailing_zeros() as usize], out);
        fit &= fit - 1;
    }
}

fn one(w: &Window<'_>, start: usize, (kind, shape, alone, said): &Written, out: &mut Vec<Finding>) {
    let end = start + shape.len();
    let Some(place) = w.bytes.get(start..end) else { return };
    let fits = |(b, sort): (&u8, u8)| match sort {
        b'd' => digit(*b),
        b'l' => b.is_ascii_alphabetic(),
        b'x' => alnum(*b),
        sign => b.to_ascii_uppercase() == sign,
    };
    if !place.iter().zip(shape.bytes()).all(fits) || !ends(w, end) || !one_case(place) {
        return;
    }
    let mut value = [0; 24];
    let mut n = 0;
    for b in place.iter().filter(|b| alnum(**b)) {
        let Some(slot) = value.get_mut(n) else { return };
        (*slot, n) = (b.to_ascii_uppercase(), n + 1);
    }
    let value = &value[..n];
    if !is_right(*kind, value) {
        return;
    }
    let short = *kind == Kind::DeDocument && !check::is_de_serial(&value[..9]);
    let (score, why) = if short && !w.near(start, end, naming(*kind)) {
        return; // As many consonants as this are a word of their own.
    } else if w.near(start, end, naming(*kind)) {
        (*said, "structure, check and a word nearby")
    } else if *kind == Kind::MxTax && check::is_mx_tax_checked(value) {
        (85, "structure and check digit")
    } else if *alone < bare(*kind) && *alone > 0 && has_check(*kind) && w.is_all(start, end) {
        (bare(*kind), "structure and check, and nothing else")
    } else {
        (*alone, "structure and check")
    };
    push(out, *kind, (start, end), score, why);
}

/// How sure a number is that passes its check and is all that a text holds: a person's
/// more than one whose form many others have, and an organisation's not at all.
pub(super) const fn bare(kind: Kind) -> u8 {
    match kind {
        Kind::CoTax
        | Kind::DeDocument
        | Kind::DoCard
        | Kind::EcPersonal
        | Kind::NlEducation
        | Kind::UaTax
        | Kind::UyTax
        | Kind::VnTax => 51,
        Kind::SeOrganisation | Kind::SgEntity => 52,
        Kind::ArAccount
        | Kind::AtVat
        | Kind::AuBusiness
        | Kind::AuCompany
        | Kind::BeVat
        | Kind::BgVat
        | Kind::BrCnpj
        | Kind::CaBusiness
        | Kind::ChBusiness
        | Kind::ChVat
        | Kind::CnBusiness
        | Kind::CyVat
        | Kind::CzBusiness
        | Kind::CzVat
        | Kind::DeVat
        | Kind::DkBusiness
        | Kind::DoTax
        | Kind::EeBusiness
        | Kind::EeVat
        | Kind::EsCif
        | Kind::EsTax
        | Kind::FiBusiness
        | Kind::FoVat
        | Kind::FrSiren
        | Kind::FrSiret
        | Kind::FrVat
        | Kind::GrVat
        | Kind::GtTax
        | Kind::HuVat
        | Kind::IeVat
        | Kind::IlCompany
        | Kind::InGst
        | Kind::IsVat
        | Kind::ItVat
        | Kind::JpCorporate
        | Kind::KrBusiness
        | Kind::LtVat
        | Kind::LuVat
        | Kind::LvVat
        | Kind::MeTax
        | Kind::MkTax
        | Kind::MtVat
        | Kind::NlVat
        | Kind::NoAccount
        | Kind::NoOrganisation
        | Kind::NoVat
        | Kind::PlBusiness
        | Kind::RoVat
        | Kind::RsTax
        | Kind::SeVat
        | Kind::SkVat
        | Kind::TwBusiness
        | Kind::UaBusiness
        | Kind::UkVat => 0,
        _ => 54,
    }
}

/// Whether a kind has a check digit and not a structure alone.
pub(super) const fn has_check(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::ArDni
            | Kind::FiTax
            | Kind::FoVat
            | Kind::IsVat
            | Kind::LiPersonal
            | Kind::MyPersonal
            | Kind::NlDocument
            | Kind::PkPersonal
            | Kind::UsAtin
            | Kind::UsEmployer
            | Kind::UsItin
            | Kind::UsPreparer
            | Kind::UsSsn
    )
}

fn is_right(kind: Kind, value: &[u8]) -> bool {
    // The nine places on the face of a document have no check digit.
    if kind == Kind::DeDocument && value.len() == 9 {
        return check::is_de_serial(value);
    }
    check::scheme(kind).is_some_and(|(prefixes, test)| {
        test(value) || prefixes.iter().any(|p| value.strip_prefix(p.as_bytes()).is_some_and(test))
    })
}

fn ends(w: &Window<'_>, end: usize) -> bool {
    let next = w.at(end);
    let joins = matches!(next, b'-' | b'/' | b'.') && alnum(w.at(end + 1)) && next != b'.';
    !alnum(next) && next != b'_' && !joins
}

/// How all are written.
#[cfg(test)]
pub(super) fn shapes() -> impl Iterator<Item = &'static str> {
    WRITTEN.iter().map(|written| written.1)
}

// In the order of the length of their first run of letters and digits.
const WRITTEN: &[Written] = &[
    (Kind::ClRut, "d.ddd.ddd-x", 90, 99),
    (Kind::EsCif, "l-dddddddx", 70, 99),
    (Kind::EsNie, "l-ddddddd-l", 95, 99),
    (Kind::EsNie, "l-dddddddl", 92, 99),
    (Kind::VeTax, "l-dddddddd-d", 88, 99),
    (Kind::BeVat, "BE dddd.ddd.ddd", 95, 99),
    (Kind::BeVat, "BE dddd ddd ddd", 92, 99),
    (Kind::BrCnpj, "xx.xxx.xxx/xxxx-dd", 95, 99),
    (Kind::ClRut, "dd.ddd.ddd-x", 95, 99),
    (Kind::CzVat, "CZ dddddddd", 70, 99),
    (Kind::DeVat, "DE ddd ddd ddd", 92, 99),
    (Kind::DeVat, "DE ddddddddd", 88, 99),
    (Kind::DeVat, "DE.ddd.ddd.ddd", 92, 99),
    (Kind::DeVat, "DE-ddddddddd", 88, 99),
    (Kind::DkBusiness, "DK dddddddd", 70, 99),
    (Kind::FrVat, "FR xx ddd ddd ddd", 95, 99),
    (Kind::FrVat, "FR xx ddddddddd", 92, 99),
    (Kind::GrVat, "EL ddddddddd", 88, 99),
    (Kind::ItVat, "IT ddddddddddd", 88, 99),
    (Kind::NoVat, "NO ddd ddd ddd MVA", 97, 99),
    (Kind::PlTax, "PL dddddddddd", 85, 99),
    (Kind::PtTax, "PT ddddddddd", 85, 99),
    (Kind::SgEntity, "dd-ddddddl", 40, 90),
    (Kind::DeSocialSecurity, "dd dddddd l ddd", 88, 97),
    (Kind::UkVat, "GB ddd dddd dd", 95, 99),
    (Kind::AtVat, "ATU dddddddd", 90, 99),
    (Kind::ChBusiness, "CHE-ddd.ddd.ddd", 98, 99),
    (Kind::ChBusiness, "CHE ddd ddd ddd", 95, 99),
    (Kind::ChBusiness, "CHE ddd.ddd.ddd", 98, 99),
    (Kind::NoVat, "ddd ddd ddd MVA", 95, 99),
    (Kind::PlCard, "lll dddddd", 40, 97),
    (Kind::FrVat, "FRxx ddd ddd ddd", 95, 99),
    (Kind::FrVat, "FRxx ddddddddd", 92, 99),
    (Kind::UsMedicare, "dlxd-lxd-lldd", 95, 99),
    (Kind::BeVat, "BEdddd.ddd.ddd", 95, 99),
    (Kind::ClRut, "ddddddd-x", 40, 95),
    (Kind::EsNif, "ddddddd-l", 60, 97),
    (Kind::FiBusiness, "ddddddd-d", 40, 97),
    (Kind::ClRut, "dddddddd-x", 60, 99),
    (Kind::EsCif, "lddddddd-x", 60, 99),
    (Kind::EsNif, "dddddddl", 40, 97),
    (Kind::IePps, "dddddddl", 45, 97),
    (Kind::DeDocument, "lxxxxxxxd", 0, 85),
    (Kind::EsCif, "ldddddddx", 45, 97),
    (Kind::IePps, "dddddddll", 60, 97),
    (Kind::NlDocument, "llxxxxxxd", 0, 75),
    (Kind::PlCard, "llldddddd", 45, 97),
    (Kind::SgEntity, "ddddddddl", 45, 97),
    (Kind::UsDea, "llddddddd", 45, 97),
    (Kind::UsDea, "lxddddddd", 45, 97),
    (Kind::UsPreparer, "Pdddddddd", 0, 90),
    (Kind::CzVat, "CZdddddddd", 70, 99),
    (Kind::DeDocument, "lxxxxxxxxd", 45, 95),
    (Kind::DeHealth, "lddddddddd", 45, 97),
    (Kind::DkBusiness, "DKdddddddd", 70, 99),
    (Kind::FiBusiness, "FIdddddddd", 75, 99),
    (Kind::HuVat, "HUdddddddd", 70, 99),
    (Kind::IeVat, "IEdddddddl", 85, 99),
    (Kind::InPan, "lllllddddl", 60, 97),
    (Kind::InVoter, "lllddddddd", 45, 97),
    (Kind::LuVat, "LUdddddddd", 80, 99),
    (Kind::MtVat, "MTdddddddd", 80, 99),
    (Kind::RoVat, "ROdddddddd", 45, 97),
    (Kind::SgEntity, "dddddddddl", 45, 97),
    (Kind::SgEntity, "lddllddddl", 65, 99),
    (Kind::SiTax, "SIdddddddd", 75, 99),
    (Kind::TwPersonal, "lddddddddd", 48, 97),
    (Kind::VeTax, "lddddddddd", 40, 97),
    (Kind::AtVat, "ATUdddddddd", 88, 99),
    (Kind::BgVat, "BGddddddddd", 75, 99),
    (Kind::CyVat, "CYddddddddl", 85, 99),
    (Kind::CzVat, "CZddddddddd", 60, 99),
    (Kind::DeVat, "DEddddddddd", 88, 99),
    (Kind::EeVat, "EEddddddddd", 80, 99),
    (Kind::EsTax, "ESxdddddddx", 85, 99),
    (Kind::GrVat, "ELddddddddd", 85, 99),
    (Kind::IeVat, "IEdddddddll", 85, 99),
    (Kind::LtVat, "LTddddddddd", 75, 99),
    (Kind::PtTax, "PTddddddddd", 85, 99),
    (Kind::RoVat, "ROddddddddd", 45, 97),
    (Kind::UkTaxpayer, "ddddddddddK", 65, 99),
    (Kind::UkVat, "GBddddddddd", 85, 99),
    (Kind::UsMedicare, "dlxdlxdlldd", 80, 99),
    (Kind::BeVat, "BEdddddddddd", 85, 99),
    (Kind::BgVat, "BGdddddddddd", 70, 99),
    (Kind::ChBusiness, "CHEddddddddd", 88, 99),
    (Kind::CzVat, "CZdddddddddd", 80, 99),
    (Kind::MxTax, "lllddddddxxx", 40, 92),
    (Kind::PlTax, "PLdddddddddd", 85, 99),
    (Kind::PtCard, "dddddddddlxd", 65, 99),
    (Kind::SkVat, "SKdddddddddd", 85, 99),
    (Kind::FrVat, "FRxxddddddddd", 90, 99),
    (Kind::HrOib, "HRddddddddddd", 85, 99),
    (Kind::ItVat, "ITddddddddddd", 88, 99),
    (Kind::LvVat, "LVddddddddddd", 85, 99),
    (Kind::MxTax, "llllddddddxxx", 40, 92),
    (Kind::UkPupil, "lddddddddddxd", 65, 99),
    (Kind::LtVat, "LTdddddddddddd", 80, 99),
    (Kind::NlVat, "NLdddddddddBdd", 95, 99),
    (Kind::NoVat, "NOdddddddddMVA", 97, 99),
    (Kind::SeVat, "SEdddddddddddd", 90, 99),
    (Kind::UkVat, "GBdddddddddddd", 80, 99),
    (Kind::CaBusiness, "dddddddddRTdddd", 95, 99),
    (Kind::CaBusiness, "dddddddddRPdddd", 95, 99),
    (Kind::CaBusiness, "dddddddddRCdddd", 95, 99),
    (Kind::InGst, "ddlllllddddlxZx", 95, 99),
    (Kind::MkTax, "MKddddddddddddd", 80, 99),
    (Kind::UkDriver, "xxxxxddddddxxxll", 75, 97),
    (Kind::CnBusiness, "xxddddddxxxxxxxxxx", 60, 97),
    (Kind::CnResident, "dddddddddddddddddX", 92, 99),
    (Kind::MxCurp, "llllddddddllllllxd", 97, 99),
];

const LONGEST: usize = 19;

// Where those lie whose first run has so many letters and digits.
// Those of WRITTEN whose first run has one length: bits from the first of them on.
#[derive(Clone, Copy)]
struct Rules {
    from: usize,
    // By what follows the run.
    after: [u32; SIGNS],
    // By whether its first sign is a digit, and its last one.
    first: [u32; 2],
    last: [u32; 2],
}

const SIGNS: usize = 5;

// Which sign of those that stand in shapes, or none of them.
const fn sign(b: u8) -> usize {
    match b {
        b' ' => 1,
        b'-' => 2,
        b'.' => 3,
        b'/' => 4,
        _ => 0,
    }
}

const NO_RULES: Rules = Rules { from: 0, after: [0; SIGNS], first: [0; 2], last: [0; 2] };

static RULES: [Rules; LONGEST] = {
    let (mut rules, mut i) = ([NO_RULES; LONGEST], 0);
    while i < WRITTEN.len() {
        let (shape, mut run) = (WRITTEN[i].1.as_bytes(), 0);
        while run < shape.len() && shape[run].is_ascii_alphanumeric() {
            run += 1;
        }
        if i == 0 || rules[run].first[0] | rules[run].first[1] == 0 {
            rules[run].from = i;
        }
        let n = i - rules[run].from;
        assert!(n < 32, "in the order of their first runs");
        let bit = 1_u32 << n;
        // What ends with its first run may have any sign behind it.
        let mut after = 0;
        while after < SIGNS {
            if run == shape.len() || sign(shape[run]) == after {
                rules[run].after[after] |= bit;
            }
            after += 1;
        }
        let mut is_digit = 0;
        while is_digit < 2 {
            if may_be(shape[0], is_digit == 1) {
                rules[run].first[is_digit] |= bit;
            }
            if may_be(shape[run - 1], is_digit == 1) {
                rules[run].last[is_digit] |= bit;
            }
            is_digit += 1;
        }
        i += 1;
    }
    rules
};

// Whether a place of a shape may be a digit, or a letter.
const fn may_be(sort: u8, is_digit: bool) -> bool {
    sort == b'x' || (sort == b'd' || sort.is_ascii_digit()) == is_digit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_can_be_found_and_has_a_check() {
        for (kind, shape, alone, said) in WRITTEN {
            assert!(check::scheme(*kind).is_some(), "{kind}");
            assert!(alone < said && *said <= 99, "{kind} {shape}");
            assert!(shape.bytes().filter(u8::is_ascii_alphanumeric).count() <= 24, "{shape}");
        }
    }
}
