//! The words that go with a kind's number: in the languages of its country, and in
//! English.

use super::context::words;
use crate::Kind;
use crate::words::Words;

/// The words for a kind whose number alone is weak.
pub(super) const fn naming(kind: Kind) -> &'static Words {
    match kind {
        Kind::AbaRouting => words!["routing", "aba", "rtn", "transit", "bank"],
        Kind::ArAccount | Kind::ArDni | Kind::ArTax => {
            words!["cuit", "cuil", "cbu", "dni", "documento", "identificación tributaria"]
        }
        Kind::AtInsurance => words![
            "sozialversicherung",
            "sv-nummer",
            "svnr",
            "sv-nr",
            "versicherungsnummer",
            "social security",
            "insurance number"
        ],
        Kind::AtTax => words!["steuer", "abgabenkonto", "finanzamt", "tax"],
        Kind::AtVat
        | Kind::BeVat
        | Kind::BgVat
        | Kind::CyVat
        | Kind::CzVat
        | Kind::DeVat
        | Kind::DkBusiness
        | Kind::EeVat
        | Kind::FrVat
        | Kind::GrVat
        | Kind::HuVat
        | Kind::ItVat
        | Kind::LtVat
        | Kind::LuVat
        | Kind::LvVat
        | Kind::MeTax
        | Kind::MkTax
        | Kind::MtVat
        | Kind::NlVat
        | Kind::RoVat
        | Kind::RsTax
        | Kind::SiTax
        | Kind::SkVat
        | Kind::UkVat => words![
            "vat",
            "cvr",
            "edb",
            "pib",
            "ust-id",
            "ustid",
            "uid",
            "umsatzsteuer",
            "mehrwertsteuer",
            "mwst",
            "tva",
            "iva",
            "btw",
            "moms",
            "mva",
            "alv",
            "dph",
            "dič",
            "ddv",
            "pvm",
            "pvn",
            "kdv",
            "ндс",
            "φπα",
            "αφμ",
            "afm",
            "adószám",
            "partita",
            "cui",
            "tax id",
            "tax number",
            "taxpayer",
            "tax no",
            "tin",
            "steuernummer"
        ],
        Kind::AuBusiness | Kind::AuCompany => {
            words!["abn", "acn", "business number", "company number"]
        }
        Kind::AuMedicare => words!["medicare"],
        Kind::AuTfn => words!["tfn", "tax file"],
        Kind::BeCard => words![
            "identiteitskaart",
            "carte d'identité",
            "identity card",
            "personalausweis",
            "eid"
        ],
        Kind::BePersonal => words![
            "rijksregister",
            "registre national",
            "national register",
            "nationalregister",
            "niss",
            "insz",
            "nrn",
            "national number"
        ],
        Kind::BgForeigner | Kind::BgPersonal => {
            words!["егн", "egn", "лнч", "pnf", "единен", "personal number"]
        }
        Kind::BrCnpj => words!["cnpj"],
        Kind::BrCpf => words!["cpf", "cadastro"],
        Kind::CaBusiness => words!["business number", "numéro d'entreprise", "gst", "hst"],
        Kind::CaHealthBc => words!["phn", "health number", "care card", "health card", "msp"],
        Kind::CaSin => words!["sin", "social insurance", "assurance sociale", "nas"],
        Kind::ChAhv => {
            words!["ahv", "avs", "sozialversicherung", "assurance sociale", "assicurazione"]
        }
        Kind::ChBusiness | Kind::ChVat => words!["uid", "mwst", "tva", "iva", "unternehmen"],
        Kind::ClRut => words!["rut", "run", "rol único", "cédula"],
        Kind::CnBusiness => words!["信用代码", "组织机构", "uscc", "credit code"],
        Kind::CnResident => {
            words!["身份证", "居民", "resident id", "identity card", "id card", "id number"]
        }
        Kind::CoTax => words!["nit", "identificación tributaria", "rut"],
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
        Kind::CzBirth => words![
            "rodné číslo",
            "rodne cislo",
            "rodné č",
            "rodného čísla",
            "r.č",
            "rč",
            "birth number",
            "rc"
        ],
        Kind::CzBusiness => words!["ičo", "ico", "identifikační"],
        Kind::DeDocument => words![
            "personalausweis",
            "reisepass",
            "ausweis",
            "passport",
            "passnummer",
            "pass-nr",
            "passnr",
            "identity card",
            "id card",
            "dokument",
            "seriennummer"
        ],
        Kind::DeHealth => words![
            "krankenkasse",
            "krankenversicherung",
            "kvnr",
            "versichertennummer",
            "versicherten",
            "egk",
            "gesundheitskarte",
            "health insurance"
        ],
        Kind::DePhysician => words!["lanr", "arztnummer", "arzt"],
        Kind::DeSocialSecurity => words![
            "sozialversicherung",
            "rentenversicherung",
            "sv-nummer",
            "svnr",
            "rvnr",
            "versicherungsnummer",
            "social security"
        ],
        Kind::DeTaxId => words!["steuer", "tin", "idnr", "id-nr", "identifikationsnummer", "tax"],
        Kind::DkCpr => words!["cpr", "personnummer", "cpr-nr", "cpr-nummer"],
        Kind::DoCard | Kind::DoTax => words!["cédula", "cedula", "rnc", "identidad"],
        Kind::EcPersonal => words!["cédula", "cedula", "ci", "identidad"],
        Kind::EeBusiness => words!["registrikood", "registry code"],
        Kind::EePersonal => words!["isikukood", "personal code", "personal identification"],
        Kind::EsCif | Kind::EsNie | Kind::EsNif | Kind::EsTax => words![
            "nif",
            "nie",
            "dni",
            "cif",
            "documento",
            "identidad",
            "identificación fiscal",
            "fiscal"
        ],
        Kind::EsSocial => {
            words!["nuss", "seguridad social", "afiliación", "naf", "social security"]
        }
        Kind::FiBusiness => words!["y-tunnus", "alv", "business id", "fo-nummer", "liiketoiminta"],
        Kind::FiPersonalIdentityCode => {
            words!["hetu", "henkilötunnus", "personbeteckning", "identity code"]
        }
        Kind::FiTax => words!["veronumero", "skattenummer", "tax number"],
        Kind::FoVat => words!["v-tal", "vinnutal", "mvg"],
        Kind::FrNir => words!["nir", "sécurité sociale", "insee", "social", "carte vitale"],
        Kind::FrSiren | Kind::FrSiret => words!["siren", "siret", "rcs", "entreprise"],
        Kind::FrTax => words!["spi", "numéro fiscal", "fiscal", "impôt", "tax"],
        Kind::GrAmka => words!["αμκα", "amka", "κοινωνικής", "social security"],
        Kind::HrOib => words!["oib", "osobni identifikacijski", "pdv", "vat"],
        Kind::HuTax => words!["adóazonosító", "adoazonosito", "adószám", "adoszam", "tax"],
        Kind::IePps | Kind::IeVat => words!["pps", "ppsn", "personal public", "revenue", "vat"],
        Kind::IlCompany | Kind::IlPersonal => words![
            "תעודת זהות",
            "ת.ז",
            "ח.פ",
            "teudat",
            "israeli id",
            "israel id",
            "id number",
            "identity number",
            "mispar zehut",
            "company number",
            "company id",
            "company no"
        ],
        Kind::Imei => words!["imei", "device", "handset"],
        Kind::InAadhaar | Kind::InVirtual => {
            words!["aadhaar", "aadhar", "uidai", "uid", "आधार", "vid", "virtual id"]
        }
        Kind::InGst => words!["gst", "gstin"],
        Kind::InPan => words!["pan", "permanent account", "income tax"],
        Kind::InVoter => words!["voter", "epic", "election", "vote"],
        Kind::IsKennitala | Kind::IsVat => {
            words!["kennitala", "kt", "kt.", "vsk", "identity number"]
        }
        Kind::ItFiscalCode => words!["codice fiscale", "fiscale", "c.f", "cf"],
        Kind::JpCorporate => words!["法人番号", "corporate number"],
        Kind::JpMyNumber => {
            words!["my number", "mynumber", "マイナンバー", "個人番号", "個人ナンバー"]
        }
        Kind::KrBusiness => words!["사업자", "business registration", "brn"],
        Kind::KrForeigner => words!["외국인", "foreigner", "alien", "frn", "registration number"],
        Kind::KrRrn => words!["주민", "resident", "rrn", "registration number"],
        Kind::LiPersonal => words!["peid", "personennummer"],
        Kind::LtPersonal => words!["asmens kodas", "asmens", "personal code"],
        Kind::LuPersonal => {
            words!["matricule", "nin", "identification national", "national id", "sécurité sociale"]
        }
        Kind::LvPersonal => words!["personas kods", "personal code", "pk"],
        Kind::MxCurp | Kind::MxTax => {
            words!["rfc", "curp", "registro federal", "contribuyente", "clave única"]
        }
        Kind::MyPersonal => words!["nric", "mykad", "kad pengenalan", "ic no", "identity card"],
        Kind::NgPersonal => words!["nin", "national identification", "national identity"],
        Kind::NlBsn => words!["bsn", "burgerservice", "sofi", "fiscaal nummer"],
        Kind::NlDocument => words![
            "paspoort",
            "passport",
            "identiteitskaart",
            "documentnummer",
            "rijbewijs",
            "identity card"
        ],
        Kind::NlEducation => words!["onderwijsnummer", "education number", "pgn"],
        Kind::NoAccount => words!["kontonummer", "kontonr", "konto", "account"],
        Kind::NoBirth => words![
            "fødselsnummer",
            "fodselsnummer",
            "personnummer",
            "f.nr",
            "fnr",
            "birth number",
            "d-nummer",
            "national identity"
        ],
        Kind::NoOrganisation | Kind::NoVat => {
            words!["orgnr", "organisasjonsnummer", "org.nr", "org. nr", "foretak", "mva"]
        }
        Kind::NzTax => words!["ird", "inland revenue", "tax"],
        Kind::PeIdentity | Kind::PeTax => words!["ruc", "dni", "cui", "contribuyente"],
        Kind::PhTax => words!["tin", "tax id", "taxpayer", "bir"],
        Kind::PkPersonal => words!["cnic", "nic", "nadra", "identity card", "شناختی"],
        Kind::PlBusiness | Kind::PlTax => words!["nip", "regon", "podatk", "identyfikacji", "vat"],
        Kind::PlCard => words!["dowód", "dowodu", "dowod", "identity card", "id card"],
        Kind::PlPesel => words!["pesel", "ewidencyjny"],
        Kind::PtCard => {
            words!["cartão de cidadão", "cartão", "cidadão", "cc", "citizen card", "documento"]
        }
        Kind::PtTax => words!["nif", "contribuinte", "nipc", "fiscal", "iva", "vat"],
        Kind::RoPersonal => words!["cnp", "cod numeric", "numeric personal"],
        Kind::RuTax => words!["инн", "inn", "налог"],
        Kind::SeOrganisation | Kind::SeVat => words![
            "orgnr",
            "orgnummer",
            "organisationsnummer",
            "org.nr",
            "org nr",
            "moms",
            "vat",
            "company",
            "organisation",
            "organization"
        ],
        Kind::SePersonnummer => {
            words!["personnummer", "personal identity", "pnr", "persnr", "samordningsnummer"]
        }
        Kind::SgEntity => words!["uen", "entity", "company", "business reg", "acra", "roc"],
        Kind::SgNric => words!["nric", "fin", "identity card"],
        Kind::SiPersonal => {
            words!["emšo", "emso", "jmbg", "matični broj", "matična", "personal number"]
        }
        Kind::SvTax => words!["nit", "tributaria"],
        Kind::ThPersonal => words![
            "ประชาชน",
            "thai id",
            "national id",
            "identity card",
            "tnin",
            "id card",
            "citizen id"
        ],
        Kind::TrNationalId => words!["kimlik", "tckn", "tc no", "t.c", "turkish id", "vatandaşlık"],
        Kind::TrTax => words!["vergi", "vkn", "tax"],
        Kind::TwBusiness | Kind::TwPersonal => {
            words![
                "統一編號",
                "統編",
                "身分證",
                "身份證",
                "ubn",
                "identity card",
                "id number",
                "national id"
            ]
        }
        Kind::UaBusiness | Kind::UaTax => words![
            "єдрпоу",
            "едрпоу",
            "ідентифікаційний",
            "рнокпп",
            "іпн",
            "инн",
            "edrpou",
            "rntrc"
        ],
        Kind::UkDriver => words!["driving", "driver", "licence", "license", "dvla"],
        Kind::UkNhs => words!["nhs", "health service", "health number"],
        Kind::UkNino => words!["national insurance", "nino", "ni number", "ni no"],
        Kind::UkPupil => words!["upn", "pupil"],
        Kind::UkTaxpayer => {
            words!["utr", "taxpayer reference", "tax reference", "self assessment", "hmrc"]
        }
        Kind::UsAtin | Kind::UsItin => words!["itin", "atin", "taxpayer", "tin", "tax id"],
        Kind::UsDea => words!["dea", "prescriber", "physician", "medical license", "license"],
        Kind::UsEmployer => {
            words!["ein", "employer identification", "fein", "federal tax", "tax id", "employer id"]
        }
        Kind::UsMedicare => words!["mbi", "medicare", "beneficiary"],
        Kind::UsPreparer => words!["ptin", "preparer"],
        Kind::UsProvider => words!["npi", "national provider", "provider"],
        Kind::UsSsn => words![
            "ssn",
            "social security",
            "social sec",
            "ssid",
            "ss#",
            "ssn#",
            "id number",
            "social insurance"
        ],
        Kind::UyTax => words!["rut", "ruc", "dgi"],
        Kind::VeTax => words!["rif", "registro de información"],
        Kind::VnTax => words!["mst", "mã số thuế", "tax"],
        Kind::ZaId => words!["id number", "identity", "rsa id", "id no", "sa id"],
        Kind::ZaTax => words!["tax", "sars", "income tax"],
        _ => words![],
    }
}
