//! Words that make a number more likely to be what it looks like, in lower case.

use crate::words::Words;

/// Some words, made at build time.
macro_rules! words {
    ($($word:literal),* $(,)?) => { const { &$crate::words::Words::new(&[$($word),*]) } };
}
pub(super) use words;

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

/// Words for what is measured: beside one, digits are a quantity and nobody's number.
pub(super) const MEASURED: &Words = words![
    "bytes",
    "cycles",
    "dauer",
    "duración",
    "durata",
    "duration",
    "durée",
    "elapsed",
    "epoch",
    "größe",
    "kesto",
    "latency",
    "length",
    "micros",
    "millis",
    "ms",
    "nanos",
    "ns",
    "offset",
    "seconds",
    "secs",
    "size",
    "timestamp",
    "timeout",
    "total",
    "uptime",
    "utime",
    "μs",
    "µs",
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
