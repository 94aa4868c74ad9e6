use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a finding is. The names are those of Presidio where it has one;
        /// whatever is secret begins with `SECRET`.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $variant,)+
        }

        impl Kind {
            /// Every kind, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name as it is written in redacted text and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A routing number of a bank in the United States.
    AbaRouting = "ABA_ROUTING_NUMBER",
    /// A tax file number of Australia.
    AuTfn = "AU_TFN",
    /// A taxpayer number of a person in Brazil.
    BrCpf = "BR_CPF",
    /// A planted value of [`Canary`](crate::Canary).
    Canary = "CANARY",
    /// A social insurance number of Canada.
    CaSin = "CA_SIN",
    /// A social insurance number of Switzerland.
    ChAhv = "CH_AHV",
    /// The number of a payment card.
    CreditCard = "CREDIT_CARD",
    /// A date beside a word that says it is of birth.
    DateOfBirth = "DATE_OF_BIRTH",
    /// A pension insurance number of Germany.
    DeSocialSecurity = "DE_SOCIAL_SECURITY",
    /// A tax identification number of Germany.
    DeTaxId = "DE_TAX_ID",
    /// An address of mail.
    Email = "EMAIL_ADDRESS",
    /// A foreigner's number of Spain.
    EsNie = "ES_NIE",
    /// An identity number of Spain.
    EsNif = "ES_NIF",
    /// A personal identity code of Finland.
    FiPersonalIdentityCode = "FI_PERSONAL_IDENTITY_CODE",
    /// A registration number of France.
    FrNir = "FR_NIR",
    /// An account number by ISO 13616.
    Iban = "IBAN_CODE",
    /// An Aadhaar number of India.
    InAadhaar = "IN_AADHAAR",
    /// An internet address, of version 4 or 6.
    Ip = "IP_ADDRESS",
    /// A tax code of a person in Italy.
    ItFiscalCode = "IT_FISCAL_CODE",
    /// An individual number of Japan.
    JpMyNumber = "JP_MY_NUMBER",
    /// A resident registration number of Korea.
    KrRrn = "KR_RRN",
    /// The hardware address of a network device.
    Mac = "MAC_ADDRESS",
    /// A citizen service number of the Netherlands.
    NlBsn = "NL_BSN",
    /// A telephone number.
    Phone = "PHONE_NUMBER",
    /// A population register number of Poland.
    PlPesel = "PL_PESEL",
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
    /// A personal identity number of Sweden.
    SePersonnummer = "SE_PERSONNUMMER",
    /// An identity number of Singapore.
    SgNric = "SG_NRIC_FIN",
    /// An identity number of Turkey.
    TrNationalId = "TR_NATIONAL_ID",
    /// A health service number of the United Kingdom.
    UkNhs = "UK_NHS",
    /// A national insurance number of the United Kingdom.
    UkNino = "UK_NINO",
    /// An address of the web.
    Url = "URL",
    /// A taxpayer number of the United States, for those without social security.
    UsItin = "US_ITIN",
    /// A social security number of the United States.
    UsSsn = "US_SSN",
    /// An identity number of South Africa.
    ZaId = "ZA_ID_NUMBER",
}

impl Kind {
    /// Whether this is a secret and not a person's data.
    #[must_use]
    pub const fn is_secret(self) -> bool {
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
