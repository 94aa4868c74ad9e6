//! Numbers of western, northern and southern Europe, each with the word that a program
//! would give its field.

use crate::Plant;
use crate::draw::{
    Draw, crossed, dot, from_eleven, icao, luhn, masked, mod_11_10, mod_97, number, parsed, place,
    sign, text, to_ten, with,
};

/// Written `day month year` in two digits each.
fn dmy((year, month, day): (u32, u32, u32)) -> String {
    format!("{day:02}{month:02}{:02}", year % 100)
}

fn ymd((year, month, day): (u32, u32, u32)) -> String {
    format!("{:02}{month:02}{day:02}", year % 100)
}

/// Draws digits after `head`, and appends the check that `check` makes of them.
pub(crate) fn checked(
    d: &mut Draw,
    head: &str,
    count: usize,
    check: impl Fn(&[u32]) -> Option<u32>,
) -> Vec<u32> {
    d.until(|d| {
        let drawn = d.after(head, count);
        check(&drawn).map(|check| with(drawn, check))
    })
}

pub(crate) const KINDS: &[Plant] = &[
    ("AT_VNR", "svnr", |d| {
        d.until(|d| {
            let (serial, born) = (d.digits(3), parsed(&dmy(d.birth())));
            let sum = dot(&serial, &[3, 7, 9]) + dot(&born, &[5, 8, 4, 2, 1, 6]);
            (sum % 11 < 10).then(|| format!("{}{} {}", text(&serial), sum % 11, text(&born)))
        })
    }),
    ("AT_TIN", "steuernummer", |d| {
        let drawn = checked(d, "59", 8, |n| Some(to_ten(crossed(n, &[1, 2, 1, 2, 1, 2, 1, 2]))));
        masked("dd-ddd/dddd", &drawn)
    }),
    ("AT_VAT", "uid", |d| {
        let sum = |n: &[u32]| crossed(n, &[1, 2, 1, 2, 1, 2, 1]);
        masked("ATUdddddddd", &checked(d, "", 7, |n| Some((106 - sum(n) % 10) % 10)))
    }),
    ("BE_EID", "eid", |d| {
        let head = d.after("592", 10);
        let rest = u32::try_from(number(&head) % 97).unwrap();
        format!("{}-{:02}", masked("ddd-ddddddd", &head), if rest == 0 { 97 } else { rest })
    }),
    ("BE_NATIONAL_NUMBER", "niss", |d| {
        let head = parsed(&format!("{}{:03}", ymd(d.birth()), d.within(1, 997)));
        format!("{}.{:02}", masked("dd.dd.dd-ddd", &head), 97 - number(&head) % 97)
    }),
    ("BE_VAT", "btw", |d| {
        let head = d.after("04", 8);
        format!("BE{}{:02}", text(&head), 97 - number(&head) % 97)
    }),
    ("CH_AHV", "ahv", |d| {
        let weights = [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3];
        masked("ddd.dddd.dddd.dd", &checked(d, "756", 12, |n| Some(to_ten(dot(n, &weights)))))
    }),
    ("CH_UID", "uid", |d| {
        let weights = [5, 4, 3, 2, 7, 6, 5, 4];
        masked("CHE-ddd.ddd.ddd", &checked(d, "1", 8, |n| from_eleven(dot(n, &weights))))
    }),
    ("CY_VAT", "vat", |d| {
        let head = d.after("10", 8);
        let odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
        let sum: u32 =
            (0..8).map(|i| if i % 2 == 0 { odd[head[i] as usize] } else { head[i] }).sum();
        format!("CY{}{}", text(&head), sign("ABCDEFGHIJKLMNOPQRSTUVWXYZ", sum % 26))
    }),
    ("DE_DOCUMENT", "personalausweis", |d| {
        let head = format!("L{}", d.signs("0123456789CFGHJKLMNPRTVWXYZ", 8));
        format!("{head}{}", icao(&head))
    }),
    ("DE_HEALTH_INSURANCE", "krankenversichertennummer", |d| {
        let (letter, rest) = (d.below(26), d.digits(8));
        let all = [parsed(&format!("{:02}", letter + 1)), rest.clone()].concat();
        let sum = crossed(&all, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
        format!("{}{}{}", sign("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter), text(&rest), sum % 10)
    }),
    ("DE_LANR", "lanr", |d| {
        let six = checked(d, "", 6, |n| Some(to_ten(dot(n, &[4, 9, 4, 9, 4, 9]))));
        format!("{}01", text(&six))
    }),
    ("DE_SOCIAL_SECURITY", "rentenversicherungsnummer", |d| {
        let (letter, born) = (d.below(26), dmy(d.birth()));
        let (area, serial) = (d.pick(&["12", "15", "65"]), d.below(100));
        let all = parsed(&format!("{area}{born}{:02}{serial:02}", letter + 1));
        let sum = crossed(&all, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
        let letter = sign("ABCDEFGHIJKLMNOPQRSTUVWXYZ", letter);
        format!("{area} {born} {letter} {serial:02}{}", sum % 10)
    }),
    ("DE_TAX_ID", "steuerid", |d| {
        // One digit comes twice, not beside itself thrice, and one not at all.
        let mut all: Vec<u32> = (0..10).collect();
        for i in (1..10).rev() {
            all.swap(i, d.below(u32::try_from(i + 1).unwrap()) as usize);
        }
        all[9] = all[d.below(8) as usize + 1];
        if all[0] == 0 {
            all.swap(0, 5);
        }
        let check = mod_11_10(&all);
        text(&with(all, check))
    }),
    ("DE_VAT_ID", "ustid", |d| masked("DEddddddddd", &checked(d, "", 8, |n| Some(mod_11_10(n))))),
    ("DK_CPR", "cpr", |d| {
        d.until(|d| {
            let head = parsed(&format!("{}{:03}", dmy(d.birth()), d.below(400)));
            let check = from_eleven(dot(&head, &[4, 3, 2, 7, 6, 5, 4, 3, 2]))?;
            Some(masked("dddddd-dddd", &with(head, check)))
        })
    }),
    ("DK_CVR", "cvr", |d| {
        text(&checked(d, "2", 7, |n| from_eleven(dot(n, &[2, 7, 6, 5, 4, 3, 2]))))
    }),
    ("ES_CIF", "cif", |d| {
        let (head, rest) = (d.signs("ABEH", 1), d.after("08", 7));
        format!("{head}{}{}", text(&rest), luhn(&rest))
    }),
    ("ES_NIE", "nie", |d| {
        let (head, rest) = (d.below(3), d.digits(7));
        let n = u64::from(head) * 10_000_000 + number(&rest);
        format!("{}{}{}", sign("XYZ", head), text(&rest), nif_letter(n))
    }),
    ("ES_NIF", "dni", |d| {
        let head = d.digits(8);
        format!("{}{}", text(&head), nif_letter(number(&head)))
    }),
    ("ES_NUSS", "nuss", |d| {
        let head = d.after("281", 10);
        format!("{}{:02}", text(&head), number(&head) % 97)
    }),
    ("ES_VAT", "nif", |d| {
        let head = d.digits(8);
        format!("ES{}{}", text(&head), nif_letter(number(&head)))
    }),
    ("FI_BUSINESS_ID", "y-tunnus", |d| {
        let weights = [7, 9, 10, 5, 8, 4, 2];
        masked("ddddddd-d", &checked(d, "", 7, |n| from_eleven(dot(n, &weights))))
    }),
    ("FI_PERSONAL_IDENTITY_CODE", "henkilotunnus", |d| {
        let (born, serial) = (dmy(d.birth()), d.within(2, 899));
        let rest = number(&parsed(&format!("{born}{serial:03}"))) % 31;
        let check = sign("0123456789ABCDEFHJKLMNPRSTUVWXY", u32::try_from(rest).unwrap());
        format!("{born}-{serial:03}{check}")
    }),
    ("FI_TAX_NUMBER", "veronumero", |d| text(&checked(d, "1000", 11, |n| Some(luhn(n))))),
    ("FR_NIR", "nir", |d| {
        let (year, month, _) = d.birth();
        let head = format!(
            "1{:02}{month:02}75{:03}{:03}",
            year % 100,
            d.within(101, 120),
            d.within(1, 999)
        );
        let key = 97 - number(&parsed(&head)) % 97;
        masked("d dd dd dd ddd ddd dd", &parsed(&format!("{head}{key:02}")))
    }),
    ("FR_SIREN", "siren", |d| masked("ddd ddd ddd", &checked(d, "5", 8, |n| Some(luhn(n))))),
    ("FR_SIRET", "siret", |d| {
        let siren = checked(d, "5", 8, |n| Some(luhn(n)));
        text(&checked(d, &format!("{}000", text(&siren)), 13, |n| Some(luhn(n))))
    }),
    ("FR_TAX_ID", "spi", |d| {
        let head = d.after("30", 10);
        format!("{}{:03}", text(&head), number(&head) % 511)
    }),
    ("FR_VAT", "tva", |d| {
        let siren = checked(d, "5", 8, |n| Some(luhn(n)));
        format!("FR{:02}{}", (12 + 3 * (number(&siren) % 97)) % 97, text(&siren))
    }),
    ("GR_AMKA", "amka", |d| {
        let head = dmy(d.birth());
        text(&checked(d, &head, 10, |n| Some(luhn(n))))
    }),
    ("GR_VAT", "afm", |d| {
        let weights = [256, 128, 64, 32, 16, 8, 4, 2];
        masked("ELddddddddd", &checked(d, "09", 8, |n| Some(dot(n, &weights) % 11 % 10)))
    }),
    ("IBAN_CODE", "iban", |d| {
        let (country, body) = match d.below(3) {
            0 => ("DE", text(&d.digits(18))),
            1 => ("GB", format!("NWBK{}", text(&d.digits(14)))),
            _ => ("NL", format!("ABNA{}", text(&d.digits(10)))),
        };
        format!("{country}{:02}{body}", 98 - mod_97(&format!("{body}{country}00")))
    }),
    ("IE_PPS", "pps", |d| {
        let head = d.digits(7);
        format!("{}{}A", text(&head), irish(&head, 1))
    }),
    ("IE_VAT", "vat", |d| {
        let head = d.digits(7);
        format!("IE{}{}", text(&head), irish(&head, 0))
    }),
    ("IS_KENNITALA", "kennitala", |d| {
        d.until(|d| {
            let head = parsed(&format!("{}{:02}", dmy(d.birth()), d.within(20, 99)));
            let check = from_eleven(dot(&head, &[3, 2, 7, 6, 5, 4, 3, 2]))?;
            Some(masked("dddddd-dddd", &with(with(head, check), 9)))
        })
    }),
    ("IT_FISCAL_CODE", "codice_fiscale", |d| {
        let (year, month, day) = d.birth();
        let month = sign("ABCDEHLMPRST", month - 1);
        let names = d.signs("BCDFGLMNPRSTVZ", 6);
        let head = format!("{names}{:02}{month}{day:02}H501", year % 100);
        let odd = "BAKPLCQDREVOSFTGUHMINJWZYX";
        // What a sign is worth in an odd place: the place of its letter in that row.
        let worth = |(i, c): (usize, char)| {
            let plain = c.to_digit(36).unwrap();
            let even = if plain > 9 { plain - 10 } else { plain };
            let row = sign("ABCDEFGHIJKLMNOPQRSTUVWXYZ", even);
            if i % 2 == 0 { place(odd, row) } else { even }
        };
        let sum: u32 = head.chars().enumerate().map(worth).sum();
        format!("{head}{}", sign("ABCDEFGHIJKLMNOPQRSTUVWXYZ", sum % 26))
    }),
    ("IT_VAT_CODE", "partita_iva", |d| {
        let head = format!("{}015", text(&d.after("0", 7)));
        text(&checked(d, &head, 10, |n| Some(luhn(n))))
    }),
    ("LU_NIN", "matricule", |d| {
        let (year, month, day) = d.birth();
        let head = parsed(&format!("{year}{month:02}{day:02}{:03}", d.below(1000)));
        text(&[head.clone(), vec![luhn(&head), crate::draw::verhoeff(&head)]].concat())
    }),
    ("LU_VAT", "tva", |d| {
        let head = d.digits(6);
        format!("LU{}{:02}", text(&head), number(&head) % 89)
    }),
    ("MT_VAT", "vat", |d| {
        d.until(|d| {
            let head = d.after("1", 6);
            let check = 37 - dot(&head, &[3, 4, 6, 7, 8, 9]) % 37;
            Some(format!("MT{}{check:02}", text(&head)))
        })
    }),
    ("NL_BSN", "bsn", |d| {
        text(&checked(d, "", 8, |n| {
            let rest = dot(n, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            (rest < 10).then_some(rest)
        }))
    }),
    ("NL_DOCUMENT", "paspoortnummer", |d| {
        let head = d.signs("ABCDEFGHIJKLMNPQRSTUVWXYZ", 2);
        let body = d.signs("ABCDEFGHJKLMNPRSTUVWXYZ123456789", 6);
        format!("{head}{body}{}", d.below(10))
    }),
    ("NL_EDUCATION", "onderwijsnummer", |d| {
        text(&checked(d, "10", 8, |n| {
            let rest = (dot(n, &[9, 8, 7, 6, 5, 4, 3, 2]) + 6) % 11;
            (rest < 10).then_some(rest)
        }))
    }),
    ("NL_VAT", "btw", |d| {
        let bsn = checked(d, "", 8, |n| {
            let rest = dot(n, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            (rest < 10).then_some(rest)
        });
        format!("NL{}B01", text(&bsn))
    }),
    ("NO_ACCOUNT", "kontonummer", |d| {
        let weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
        masked("dddd.dd.ddddd", &checked(d, "", 10, |n| from_eleven(dot(n, &weights))))
    }),
    ("NO_BIRTH_NUMBER", "fodselsnummer", |d| {
        d.until(|d| {
            let head = parsed(&format!("{}{:03}", dmy(d.birth()), d.below(500)));
            let one = from_eleven(dot(&head, &[3, 7, 6, 1, 8, 9, 4, 5, 2]))?;
            let head = with(head, one);
            let two = from_eleven(dot(&head, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]))?;
            Some(text(&with(head, two)))
        })
    }),
    ("NO_ORGANISATION", "orgnr", |d| {
        text(&checked(d, "9", 8, |n| from_eleven(dot(n, &[3, 2, 7, 6, 5, 4, 3, 2]))))
    }),
    ("NO_VAT", "mva", |d| {
        let org = checked(d, "9", 8, |n| from_eleven(dot(n, &[3, 2, 7, 6, 5, 4, 3, 2])));
        format!("NO {} MVA", text(&org))
    }),
    ("PT_CITIZEN_CARD", "cartao_cidadao", |d| {
        let civil = d.digits(8);
        let weights = [9, 8, 7, 6, 5, 4, 3, 2];
        let check = from_eleven(dot(&civil, &weights)).unwrap_or(0);
        let head = format!("{}{check}{}", text(&civil), d.signs("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1));
        let head = format!("{head}{}", d.signs("XYZ", 1));
        let doubled = |(i, c): (usize, char)| {
            let worth = c.to_digit(36).unwrap();
            let twice = if worth * 2 > 9 { worth * 2 - 9 } else { worth * 2 };
            if i % 2 == 0 { twice } else { worth }
        };
        let sum: u32 = head.chars().rev().enumerate().map(doubled).sum();
        format!("{head}{}", to_ten(sum))
    }),
    ("PT_NIF", "nif", |d| {
        let weights = [9, 8, 7, 6, 5, 4, 3, 2];
        text(&checked(d, "2", 8, |n| Some(from_eleven(dot(n, &weights)).unwrap_or(0))))
    }),
    ("SE_ORGANISATIONSNUMMER", "organisationsnummer", |d| {
        masked("dddddd-dddd", &checked(d, "556", 9, |n| Some(luhn(n))))
    }),
    ("SE_PERSONNUMMER", "personnummer", |d| {
        let head = ymd(d.birth());
        masked("dddddd-dddd", &checked(d, &head, 9, |n| Some(luhn(n))))
    }),
    ("SE_VAT", "moms", |d| format!("SE{}01", text(&checked(d, "556", 9, |n| Some(luhn(n)))))),
    ("UK_DRIVING_LICENCE", "driving_licence", |d| {
        let (year, month, day) = d.birth();
        let name = d.signs("BCDFGHKLMNPRSTW", 5);
        format!(
            "{name}{}{month:02}{day:02}{}{}9{}",
            year / 10 % 10,
            year % 10,
            d.signs("ABCDEFGHJKLMNPRST", 2),
            d.signs("ABCDEFGHJK", 2),
        )
    }),
    ("UK_NHS", "nhs_number", |d| {
        let weights = [10, 9, 8, 7, 6, 5, 4, 3, 2];
        masked("ddd ddd dddd", &checked(d, "9", 9, |n| from_eleven(dot(n, &weights))))
    }),
    ("UK_NINO", "nino", |d| {
        let head = format!("{}{}", d.pick(&["AB", "CE", "JK", "PR"]), text(&d.after("", 6)));
        format!("{head}{}", d.signs("ABCD", 1))
    }),
    ("UK_UPN", "upn", |d| {
        let body = d.after("801", 12);
        let sum: u32 = (2..).zip(&body).map(|(w, n): (u32, _)| w * n).sum();
        format!("{}{}", sign("ABCDEFGHJKLMNPQRTUVWXYZ", sum % 23), text(&body))
    }),
    ("UK_UTR", "utr", |d| {
        let body = d.digits(9);
        let sum = dot(&body, &[6, 7, 8, 9, 10, 5, 4, 3, 2]);
        format!("{}{}", sign("21987654321", sum % 11), text(&body))
    }),
    ("UK_VAT", "vat", |d| {
        let body = d.after("3", 7);
        let sum = dot(&body, &[8, 7, 6, 5, 4, 3, 2]);
        format!("GB{}{:02}", text(&body), 97 - sum % 97)
    }),
];

fn nif_letter(n: u64) -> char {
    sign("TRWAGMYFPDXBNJZSQVHLCKE", u32::try_from(n % 23).unwrap())
}

// `second` is the place of a second letter after the check, where there is one.
fn irish(head: &[u32], second: u32) -> char {
    let sum = dot(head, &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    sign("WABCDEFGHIJKLMNOPQRSTUV", sum % 23)
}
