use std::fmt;

pub use crate::name::Name;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a finding is. The names are those of Presidio where it has one;
        /// whatever is secret begins with `SECRET`.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
            /// A kind that a file of [`Patterns`](crate::Patterns) names.
            Named(Name),
        }

        impl Kind {
            /// Every kind that is built in, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name as it is written in redacted text and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Named(name) => name.as_str(),
                }
            }
        }
    };
}

kinds! {
    /// A routing number of a bank in the United States.
    AbaRouting = "ABA_ROUTING_NUMBER",
    /// A bank account of Argentina.
    ArAccount = "AR_CBU",
    /// An identity number of Argentina.
    ArDni = "AR_DNI",
    /// A taxpayer of Argentina.
    ArTax = "AR_CUIT",
    /// A social insurance number of Austria.
    AtInsurance = "AT_VNR",
    /// A tax account of Austria.
    AtTax = "AT_TIN",
    /// A value added tax number of Austria.
    AtVat = "AT_VAT",
    /// A business number of Australia.
    AuBusiness = "AU_ABN",
    /// A company number of Australia.
    AuCompany = "AU_ACN",
    /// A number of Australia's Medicare.
    AuMedicare = "AU_MEDICARE",
    /// A tax file number of Australia.
    AuTfn = "AU_TFN",
    /// An identity card of Belgium.
    BeCard = "BE_EID",
    /// A national register number of Belgium, or one in place of it.
    BePersonal = "BE_NATIONAL_NUMBER",
    /// A value added tax number of Belgium.
    BeVat = "BE_VAT",
    /// A foreigner's number of Bulgaria.
    BgForeigner = "BG_PNF",
    /// A civil number of Bulgaria.
    BgPersonal = "BG_EGN",
    /// A value added tax number of Bulgaria.
    BgVat = "BG_VAT",
    /// A registration number of a business in Brazil.
    BrCnpj = "BR_CNPJ",
    /// A taxpayer number of a person in Brazil.
    BrCpf = "BR_CPF",
    /// A business number of Canada.
    CaBusiness = "CA_BN",
    /// A health number of British Columbia.
    CaHealthBc = "CA_BC_PHN",
    /// A social insurance number of Canada.
    CaSin = "CA_SIN",
    /// A planted value of [`Canary`](crate::Canary).
    Canary = "CANARY",
    /// A social insurance number of Switzerland.
    ChAhv = "CH_AHV",
    /// A business of Switzerland.
    ChBusiness = "CH_UID",
    /// A value added tax number of Switzerland.
    ChVat = "CH_VAT",
    /// A taxpayer of Chile.
    ClRut = "CL_RUT",
    /// A social credit code of an organisation in China.
    CnBusiness = "CN_USCC",
    /// A resident identity number of China.
    CnResident = "CN_RESIDENT_ID",
    /// A taxpayer of Colombia.
    CoTax = "CO_NIT",
    /// The number of a payment card.
    CreditCard = "CREDIT_CARD",
    /// An address of Bitcoin.
    Crypto = "CRYPTO",
    /// A value added tax number of Cyprus.
    CyVat = "CY_VAT",
    /// A birth number of Czechia or Slovakia.
    CzBirth = "CZ_BIRTH_NUMBER",
    /// A business of Czechia or Slovakia.
    CzBusiness = "CZ_ICO",
    /// A value added tax number of Czechia.
    CzVat = "CZ_VAT",
    /// A date beside a word that says it is of birth.
    DateOfBirth = "DATE_OF_BIRTH",
    /// A passport or identity card of Germany.
    DeDocument = "DE_DOCUMENT",
    /// A health insurance number of Germany.
    DeHealth = "DE_HEALTH_INSURANCE",
    /// A physician of statutory health care in Germany.
    DePhysician = "DE_LANR",
    /// A pension insurance number of Germany.
    DeSocialSecurity = "DE_SOCIAL_SECURITY",
    /// A tax identification number of Germany.
    DeTaxId = "DE_TAX_ID",
    /// A value added tax number of Germany.
    DeVat = "DE_VAT_ID",
    /// A business of Denmark.
    DkBusiness = "DK_CVR",
    /// A person's number of Denmark.
    DkCpr = "DK_CPR",
    /// An identity card of the Dominican Republic.
    DoCard = "DO_CEDULA",
    /// A taxpayer of the Dominican Republic.
    DoTax = "DO_RNC",
    /// An identity number of Ecuador.
    EcPersonal = "EC_CI",
    /// A business of Estonia.
    EeBusiness = "EE_BUSINESS",
    /// A personal code of Estonia.
    EePersonal = "EE_PERSONAL_CODE",
    /// A value added tax number of Estonia.
    EeVat = "EE_VAT",
    /// An address of mail.
    Email = "EMAIL_ADDRESS",
    /// An organisation of Spain.
    EsCif = "ES_CIF",
    /// A foreigner's number of Spain.
    EsNie = "ES_NIE",
    /// An identity number of Spain.
    EsNif = "ES_NIF",
    /// A social security number of Spain.
    EsSocial = "ES_NUSS",
    /// A taxpayer of Spain, person or organisation.
    EsTax = "ES_VAT",
    /// A value added tax number of a member of the European Union, with its country; for
    /// [`check`](crate::check) alone, as a scan names the country.
    EuVat = "EU_VAT",
    /// A business of Finland, or its value added tax.
    FiBusiness = "FI_BUSINESS_ID",
    /// A personal identity code of Finland.
    FiPersonalIdentityCode = "FI_PERSONAL_IDENTITY_CODE",
    /// A worker's tax number of Finland.
    FiTax = "FI_TAX_NUMBER",
    /// A taxpayer of the Faroe Islands.
    FoVat = "FO_VAT",
    /// A registration number of France.
    FrNir = "FR_NIR",
    /// A business of France.
    FrSiren = "FR_SIREN",
    /// A place of business in France.
    FrSiret = "FR_SIRET",
    /// A taxpayer of France.
    FrTax = "FR_TAX_ID",
    /// A value added tax number of France.
    FrVat = "FR_VAT",
    /// A social security number of Greece.
    GrAmka = "GR_AMKA",
    /// A taxpayer of Greece.
    GrVat = "GR_VAT",
    /// A taxpayer of Guatemala.
    GtTax = "GT_NIT",
    /// A person or business of Croatia.
    HrOib = "HR_OIB",
    /// A person's tax number of Hungary.
    HuTax = "HU_TAX_ID",
    /// A value added tax number of Hungary.
    HuVat = "HU_VAT",
    /// An account number by ISO 13616.
    Iban = "IBAN_CODE",
    /// A personal public service number of Ireland.
    IePps = "IE_PPS",
    /// A value added tax number of Ireland.
    IeVat = "IE_VAT",
    /// A company of Israel.
    IlCompany = "IL_COMPANY",
    /// An identity number of Israel.
    IlPersonal = "IL_ID_NUMBER",
    /// The number of a mobile device.
    Imei = "IMEI",
    /// An Aadhaar number of India.
    InAadhaar = "IN_AADHAAR",
    /// A taxpayer of goods and services in India.
    InGst = "IN_GST",
    /// An account number of India's tax office.
    InPan = "IN_PAN",
    /// A number in place of an Aadhaar number.
    InVirtual = "IN_VID",
    /// A voter of India.
    InVoter = "IN_EPIC",
    /// An internet address, of version 4 or 6.
    Ip = "IP_ADDRESS",
    /// A person or organisation of Iceland.
    IsKennitala = "IS_KENNITALA",
    /// A value added tax number of Iceland.
    IsVat = "IS_VAT",
    /// A tax code of a person in Italy.
    ItFiscalCode = "IT_FISCAL_CODE",
    /// A value added tax number of Italy.
    ItVat = "IT_VAT_CODE",
    /// A corporation of Japan.
    JpCorporate = "JP_CORPORATE_NUMBER",
    /// An individual number of Japan.
    JpMyNumber = "JP_MY_NUMBER",
    /// A business of Korea.
    KrBusiness = "KR_BRN",
    /// A foreigner registered in Korea.
    KrForeigner = "KR_FRN",
    /// A resident registration number of Korea.
    KrRrn = "KR_RRN",
    /// A person's number of Liechtenstein.
    LiPersonal = "LI_PEID",
    /// A personal code of Lithuania.
    LtPersonal = "LT_PERSONAL_CODE",
    /// A value added tax number of Lithuania.
    LtVat = "LT_VAT",
    /// A person of Luxembourg.
    LuPersonal = "LU_NIN",
    /// A value added tax number of Luxembourg.
    LuVat = "LU_VAT",
    /// A personal code of Latvia.
    LvPersonal = "LV_PERSONAL_CODE",
    /// A value added tax number of Latvia.
    LvVat = "LV_VAT",
    /// The hardware address of a network device.
    Mac = "MAC_ADDRESS",
    /// A taxpayer of Montenegro.
    MeTax = "ME_PIB",
    /// A taxpayer of North Macedonia.
    MkTax = "MK_EDB",
    /// A value added tax number of Malta.
    MtVat = "MT_VAT",
    /// A population registry key of Mexico.
    MxCurp = "MX_CURP",
    /// A taxpayer of Mexico.
    MxTax = "MX_RFC",
    /// An identity card of Malaysia.
    MyPersonal = "MY_NRIC",
    /// An identity number of Nigeria.
    NgPersonal = "NG_NIN",
    /// A citizen service number of the Netherlands.
    NlBsn = "NL_BSN",
    /// An identity card or passport of the Netherlands.
    NlDocument = "NL_DOCUMENT",
    /// An education number of the Netherlands.
    NlEducation = "NL_EDUCATION",
    /// A value added tax number of the Netherlands.
    NlVat = "NL_VAT",
    /// A bank account of Norway.
    NoAccount = "NO_ACCOUNT",
    /// A birth number of Norway.
    NoBirth = "NO_BIRTH_NUMBER",
    /// An organisation of Norway.
    NoOrganisation = "NO_ORGANISATION",
    /// A value added tax number of Norway.
    NoVat = "NO_VAT",
    /// A taxpayer of New Zealand.
    NzTax = "NZ_IRD",
    /// An identity number of Peru.
    PeIdentity = "PE_CUI",
    /// A taxpayer of Peru.
    PeTax = "PE_RUC",
    /// A telephone number.
    Phone = "PHONE_NUMBER",
    /// A taxpayer of the Philippines.
    PhTax = "PH_TIN",
    /// An identity card of Pakistan.
    PkPersonal = "PK_CNIC",
    /// A business of Poland.
    PlBusiness = "PL_REGON",
    /// An identity card of Poland.
    PlCard = "PL_ID_CARD",
    /// A population register number of Poland.
    PlPesel = "PL_PESEL",
    /// A taxpayer of Poland.
    PlTax = "PL_NIP",
    /// A citizen card of Portugal.
    PtCard = "PT_CITIZEN_CARD",
    /// A taxpayer of Portugal.
    PtTax = "PT_NIF",
    /// A taxpayer of Paraguay.
    PyTax = "PY_RUC",
    /// A personal code of Romania.
    RoPersonal = "RO_CNP",
    /// A value added tax number of Romania.
    RoVat = "RO_VAT",
    /// A taxpayer of Serbia.
    RsTax = "RS_PIB",
    /// A taxpayer of Russia.
    RuTax = "RU_INN",
    /// An organisation of Sweden.
    SeOrganisation = "SE_ORGANISATIONSNUMMER",
    /// A personal identity number of Sweden.
    SePersonnummer = "SE_PERSONNUMMER",
    /// A value added tax number of Sweden.
    SeVat = "SE_VAT",
    /// A secret without a better name: a key, a token, a password.
    Secret = "SECRET",
    /// A key id or a secret key of Amazon Web Services.
    SecretAwsKey = "SECRET_AWS_KEY",
    /// A token of GitHub.
    SecretGithubToken = "SECRET_GITHUB_TOKEN",
    /// A JSON web token.
    SecretJwt = "SECRET_JWT",
    /// A private key in its armour.
    SecretPrivateKey = "SECRET_PRIVATE_KEY",
    /// A token or webhook of Slack.
    SecretSlack = "SECRET_SLACK",
    /// User and password inside of a URL.
    SecretUrlCredentials = "SECRET_URL_CREDENTIALS",
    /// An entity of Singapore.
    SgEntity = "SG_UEN",
    /// An identity number of Singapore.
    SgNric = "SG_NRIC_FIN",
    /// A person of Slovenia or a neighbour that keeps the same register.
    SiPersonal = "SI_EMSO",
    /// A taxpayer of Slovenia.
    SiTax = "SI_TAX_NUMBER",
    /// A value added tax number of Slovakia.
    SkVat = "SK_VAT",
    /// A taxpayer of El Salvador.
    SvTax = "SV_NIT",
    /// An identity number of Thailand.
    ThPersonal = "TH_TNIN",
    /// An identity number of Turkey.
    TrNationalId = "TR_NATIONAL_ID",
    /// A taxpayer of Turkey.
    TrTax = "TR_VKN",
    /// A business of Taiwan.
    TwBusiness = "TW_UBN",
    /// An identity number of Taiwan.
    TwPersonal = "TW_ID_NUMBER",
    /// A business of Ukraine.
    UaBusiness = "UA_EDRPOU",
    /// A taxpayer of Ukraine.
    UaTax = "UA_RNTRC",
    /// A driver's number of Great Britain.
    UkDriver = "UK_DRIVING_LICENCE",
    /// A health service number of the United Kingdom.
    UkNhs = "UK_NHS",
    /// A national insurance number of the United Kingdom.
    UkNino = "UK_NINO",
    /// A pupil's number of England.
    UkPupil = "UK_UPN",
    /// A taxpayer reference of the United Kingdom.
    UkTaxpayer = "UK_UTR",
    /// A value added tax number of the United Kingdom.
    UkVat = "UK_VAT",
    /// An address of the web.
    Url = "URL",
    /// A taxpayer number of the United States for an adoption.
    UsAtin = "US_ATIN",
    /// A number under which physicians of the United States prescribe.
    UsDea = "MEDICAL_LICENSE",
    /// An employer of the United States.
    UsEmployer = "US_EIN",
    /// A taxpayer number of the United States, for those without social security.
    UsItin = "US_ITIN",
    /// A beneficiary of Medicare in the United States.
    UsMedicare = "US_MBI",
    /// A preparer of tax returns in the United States.
    UsPreparer = "US_PTIN",
    /// A provider of health care in the United States.
    UsProvider = "US_NPI",
    /// A social security number of the United States.
    UsSsn = "US_SSN",
    /// A taxpayer of Uruguay.
    UyTax = "UY_RUT",
    /// A taxpayer of Venezuela.
    VeTax = "VE_RIF",
    /// A taxpayer of Vietnam.
    VnTax = "VN_MST",
    /// An identity number of South Africa.
    ZaId = "ZA_ID_NUMBER",
    /// A taxpayer of South Africa.
    ZaTax = "ZA_TIN",
}

impl Kind {
    /// A kind of one's own, by a name of up to 48 capitals, digits and underscores that
    /// begins with a capital; `None` for another name, and where a program has made too
    /// many.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Name::new(name).map(Self::Named)
    }

    /// Whether this is a secret and not a person's data.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        if let Self::Named(name) = self {
            return matches!(name.as_str().as_bytes(), [b'S', b'E', b'C', b'R', b'E', b'T', ..]);
        }
        matches!(
            self,
            Self::Secret
                | Self::SecretAwsKey
                | Self::SecretGithubToken
                | Self::SecretJwt
                | Self::SecretPrivateKey
                | Self::SecretSlack
                | Self::SecretUrlCredentials
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_labels_and_tell_secrets() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(evanesce_core::Label::parse(kind.name()).is_ok());
            assert_eq!(kind.is_secret(), kind.name().starts_with("SECRET"), "{kind}");
        }
    }
}
