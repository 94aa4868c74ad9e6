//! Words that make a number more likely to be what it looks like, in lower case.

use crate::Kind;
use crate::words::Words;

macro_rules! words {
    ($($word:literal),* $(,)?) => { const { &Words::new(&[$($word),*]) } };
}

/// Words for a telephone.
pub(super) const PHONE: &Words = words![
    "phone",
    "fax",
    "tel",
    "telefon",
    "téléphone",
    "telephone",
    "teléfono",
    "telefono",
    "telefone",
    "puhelin",
    "celular",
    "cellulare",
    "whatsapp",
    "sms",
    "gsm",
    "전화",
    "연락",
    "휴대",
    "電話",
    "携帯",
    "电话",
    "手机",
    "тел",
    "τηλ",
];

/// Words that go with a telephone number, and with much else.
pub(super) const CALL: &Words = words![
    "cell", "mobile", "mobil", "móvil", "call", "handy", "portable", "contact", "kontakt",
    "contato", "contacto", "contatt", "reach me", "ring", "numer", "office",
];

/// Words for what numbers books and journals.
pub(super) const BOOK: &Words = words!["isbn", "issn"];

/// Words for what is numbered or counted.
pub(super) const COUNTED: &Words = words![
    "build", "bytes", "chapter", "commit", "commits", "issue", "issues", "lines", "pages", "pp",
    "release", "releases", "revision", "rows", "ticket", "version", "versions", "volume", "years",
];

pub(super) const BIRTH: &Words = words![
    "birth",
    "born",
    "dob",
    "d.o.b",
    "bday",
    "geboren",
    "geburt",
    "naissance",
    "né le",
    "née le",
    "nacimiento",
    "nacido",
    "nacida",
    "nascita",
    "nato il",
    "nata il",
    "nascimento",
    "geboorte",
    "urodzenia",
    "urodz",
    "syntymä",
    "född",
    "födelse",
    "født",
    "fødsel",
    "doğum",
    "생년월일",
    "出生",
    "生年月日",
    "рожд",
];

/// The words for a kind whose number alone is weak.
pub(super) const fn words(kind: Kind) -> &'static Words {
    match kind {
        Kind::AbaRouting => words!["routing", "aba", "rtn", "transit", "bank"],
        Kind::AuTfn => words!["tfn", "tax file"],
        Kind::BrCpf => words!["cpf"],
        Kind::CaSin => words!["sin", "social insurance", "assurance sociale"],
        Kind::ChAhv => words!["ahv", "avs"],
        Kind::CreditCard => words![
            "card",
            "karte",
            "carte",
            "tarjeta",
            "carta",
            "cartão",
            "kaart",
            "karta",
            "kort",
            "kortti",
            "kredi",
            "visa",
            "master",
            "amex",
            "credit",
            "debit",
            "kredit",
            "카드",
            "カード",
            "卡",
            "pan",
        ],
        Kind::DeTaxId => words!["steuer", "tin", "idnr", "tax"],
        Kind::FrNir => words!["nir", "sécurité sociale", "insee", "social"],
        Kind::InAadhaar => words!["aadhaar", "aadhar", "uidai", "uid", "आधार"],
        Kind::JpMyNumber => words!["my number", "mynumber", "マイナンバー", "個人番号"],
        Kind::KrRrn => words!["주민", "resident", "rrn"],
        Kind::NlBsn => words!["bsn", "burgerservice", "sofi"],
        Kind::PlPesel => words!["pesel"],
        Kind::SePersonnummer => words!["personnummer", "personal identity", "pnr"],
        Kind::TrNationalId => words!["kimlik", "tckn", "tc no"],
        Kind::UkNhs => words!["nhs", "health service"],
        Kind::UsItin => words!["itin", "taxpayer", "tin"],
        Kind::UsSsn => words!["ssn", "social security", "ssid", "ss#", "id number"],
        Kind::ZaId => words!["id number", "identity", "rsa id"],
        _ => words![],
    }
}
