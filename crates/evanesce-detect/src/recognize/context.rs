//! Words that make a number more likely to be what it looks like, in lower case.

use crate::Kind;

/// Words for a telephone.
pub(super) const PHONE: &[&str] = &[
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
pub(super) const CALL: &[&str] = &[
    "cell", "mobile", "mobil", "móvil", "call", "handy", "portable", "contact", "kontakt",
    "contato", "contacto", "contatt", "reach me", "ring", "numer", "office",
];

/// Words for what is numbered or counted.
pub(super) const COUNTED: &[&str] = &[
    "build", "bytes", "chapter", "commit", "commits", "issue", "issues", "lines", "pages", "pp",
    "release", "releases", "revision", "rows", "ticket", "version", "versions", "volume", "years",
];

pub(super) const BIRTH: &[&str] = &[
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
pub(super) const fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::AbaRouting => &["routing", "aba", "rtn", "transit", "bank"],
        Kind::AuTfn => &["tfn", "tax file"],
        Kind::BrCpf => &["cpf"],
        Kind::CaSin => &["sin", "social insurance", "assurance sociale"],
        Kind::ChAhv => &["ahv", "avs"],
        Kind::CreditCard => &[
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
        Kind::DeTaxId => &["steuer", "tin", "idnr", "tax"],
        Kind::FrNir => &["nir", "sécurité sociale", "insee", "social"],
        Kind::InAadhaar => &["aadhaar", "aadhar", "uidai", "uid", "आधार"],
        Kind::JpMyNumber => &["my number", "mynumber", "マイナンバー", "個人番号"],
        Kind::KrRrn => &["주민", "resident", "rrn"],
        Kind::NlBsn => &["bsn", "burgerservice", "sofi"],
        Kind::PlPesel => &["pesel"],
        Kind::SePersonnummer => &["personnummer", "personal identity", "pnr"],
        Kind::TrNationalId => &["kimlik", "tckn", "tc no"],
        Kind::UkNhs => &["nhs", "health service"],
        Kind::UsItin => &["itin", "taxpayer", "tin"],
        Kind::UsSsn => &["ssn", "social security", "ssid", "ss#", "id number"],
        Kind::ZaId => &["id number", "identity", "rsa id"],
        _ => &[],
    }
}
