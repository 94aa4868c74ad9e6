//! Numbers of the Americas, Asia, Africa and Oceania.

use crate::Plant;
use crate::draw::{
    Draw, crossed, dot, from_eleven, luhn, masked, number, parsed, place, sign, text, to_ten,
    verhoeff, with,
};
use crate::west::checked;

const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const THIRTY_SIX: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn born(d: &mut Draw) -> String {
    let (year, month, day) = d.birth();
    format!("{:02}{month:02}{day:02}", year % 100)
}

pub(crate) const KINDS: &[Plant] = &[
    ("ABA_ROUTING_NUMBER", "routing_number", |d| {
        text(&checked(d, "0210", 8, |n| Some(to_ten(dot(n, &[3, 7, 1, 3, 7, 1, 3, 7])))))
    }),
    ("AR_CUIT", "cuit", |d| {
        let weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
        masked("dd-dddddddd-d", &checked(d, "20", 10, |n| from_eleven(dot(n, &weights))))
    }),
    ("AR_DNI", "dni", |d| masked("dd.ddd.ddd", &d.after("2", 8))),
    ("AU_ABN", "abn", |d| {
        let body = d.digits(9);
        let weights = [3, 5, 7, 9, 11, 13, 15, 17, 19];
        // The first two, from 11 to 99, make the rest a multiple of 89, ten taken off.
        let sum = dot(&body, &weights);
        let head = (11_u32..100).find(|n| (n - 10 + sum).is_multiple_of(89)).unwrap();
        masked("dd ddd ddd ddd", &[parsed(&head.to_string()), body].concat())
    }),
    ("AU_ACN", "acn", |d| {
        let weights = [8, 7, 6, 5, 4, 3, 2, 1];
        masked("ddd ddd ddd", &checked(d, "0", 8, |n| Some(to_ten(dot(n, &weights)))))
    }),
    ("AU_MEDICARE", "medicare", |d| {
        let made = checked(d, "2", 8, |n| Some(dot(n, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10));
        masked("dddd ddddd d", &with(made, 1))
    }),
    ("AU_TFN", "tfn", |d| {
        let made = checked(d, "", 8, |n| {
            // The last has the weight of ten, which is one less than nothing.
            let rest = dot(n, &[1, 4, 3, 7, 5, 8, 6, 9]) % 11;
            (rest < 10).then_some(rest)
        });
        masked("ddd ddd ddd", &made)
    }),
    ("BR_CNPJ", "cnpj", |d| {
        let head = parsed(&format!("{}0001", text(&d.digits(8))));
        let brazil = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
        let one = brazil(dot(&head, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
        let head = with(head, one);
        let two = brazil(dot(&head, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
        masked("dd.ddd.ddd/dddd-dd", &with(head, two))
    }),
    ("BR_CPF", "cpf", |d| {
        let head = d.digits(9);
        let brazil = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
        let one = brazil(dot(&head, &[10, 9, 8, 7, 6, 5, 4, 3, 2]));
        let head = with(head, one);
        let two = brazil(dot(&head, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
        masked("ddd.ddd.ddd-dd", &with(head, two))
    }),
    ("CA_BN", "business_number", |d| {
        format!("{}RT0001", text(&checked(d, "12", 8, |n| Some(luhn(n)))))
    }),
    ("CA_BC_PHN", "phn", |d| {
        masked(
            "dddd ddd ddd",
            &checked(d, "9", 9, |n| from_eleven(dot(&n[1..], &[2, 4, 8, 5, 10, 9, 7, 3]))),
        )
    }),
    ("CA_SIN", "sin", |d| masked("ddd-ddd-ddd", &checked(d, "4", 8, |n| Some(luhn(n))))),
    ("CL_RUT", "rut", |d| {
        let body = d.after("1", 8);
        let check = (11 - dot(&body, &[3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        format!("{}-{}", masked("dd.ddd.ddd", &body), sign("0123456789K", check))
    }),
    ("CN_RESIDENT_ID", "id_card", |d| {
        let (year, month, day) = d.birth();
        let head = format!("110105{year}{month:02}{day:02}{:03}", d.below(1000));
        let rest = parsed(&head).iter().fold(0, |rest, n| (rest + n) * 2 % 11);
        format!("{head}{}", sign("0123456789X", (12 - rest) % 11))
    }),
    ("CN_USCC", "uscc", |d| {
        let alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY";
        let head = format!("91{}{}", text(&d.after("110", 6)), d.signs(alphabet, 9));
        let worth = |(i, c): (usize, char)| place(alphabet, c) * (0..i).fold(1, |w, _| w * 3 % 31);
        let sum: u32 = head.chars().enumerate().map(worth).sum();
        format!("{head}{}", sign(alphabet, (31 - sum % 31) % 31))
    }),
    ("CO_NIT", "nit", |d| {
        let made = checked(d, "9", 9, |n| {
            let sum = dot(n, &[41, 37, 29, 23, 19, 17, 13, 7, 3]);
            Some(if sum % 11 < 2 { sum % 11 } else { 11 - sum % 11 })
        });
        masked("ddd.ddd.ddd-d", &made)
    }),
    ("DO_CEDULA", "cedula", |d| masked("ddd-ddddddd-d", &checked(d, "001", 10, |n| Some(luhn(n))))),
    ("DO_RNC", "rnc", |d| {
        let made =
            checked(d, "1", 8, |n| Some((10 - dot(n, &[7, 9, 8, 6, 5, 4, 3, 2]) % 11) % 9 + 1));
        masked("d-dd-ddddd-d", &made)
    }),
    ("EC_CI", "cedula", |d| {
        text(&checked(d, "170", 9, |n| Some(to_ten(crossed(n, &[2, 1, 2, 1, 2, 1, 2, 1, 2])))))
    }),
    ("IN_AADHAAR", "aadhaar", |d| {
        masked("dddd dddd dddd", &checked(d, "4", 11, |n| Some(verhoeff(n))))
    }),
    ("IN_EPIC", "voter_id", |d| {
        format!("{}{}", d.signs(LETTERS, 3), text(&checked(d, "", 6, |n| Some(luhn(n)))))
    }),
    ("IN_GST", "gstin", |d| {
        let head = format!("27{}1Z", pan(d));
        // Luhn over thirty-six signs.
        let worth = |(i, c): (usize, char)| {
            let twice = place(THIRTY_SIX, c) * if i % 2 == 0 { 2 } else { 1 };
            twice / 36 + twice % 36
        };
        let sum: u32 = head.chars().rev().enumerate().map(worth).sum();
        format!("{head}{}", sign(THIRTY_SIX, (36 - sum % 36) % 36))
    }),
    ("IN_PAN", "pan", pan),
    ("IN_VID", "vid", |d| {
        masked("dddd dddd dddd dddd", &checked(d, "9", 15, |n| Some(verhoeff(n))))
    }),
    ("JP_CORPORATE_NUMBER", "corporate_number", |d| {
        let body = d.digits(12);
        let sum = dot(&body, &[2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]);
        format!("{}{}", 9 - sum % 9, text(&body))
    }),
    ("JP_MY_NUMBER", "my_number", |d| {
        let weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
        text(&checked(d, "", 11, |n| {
            let rest = dot(n, &weights) % 11;
            Some(if rest < 2 { 0 } else { 11 - rest })
        }))
    }),
    ("KR_BRN", "brn", |d| {
        let head = format!("{}81", text(&d.after("2", 3)));
        let made = checked(d, &head, 9, |n| {
            Some(to_ten(dot(n, &[1, 3, 7, 1, 3, 7, 1, 3, 5]) + n[8] * 5 / 10))
        });
        masked("ddd-dd-ddddd", &made)
    }),
    ("KR_FRN", "foreigner_registration", |d| {
        let head = format!("{}{}", born(d), d.within(5, 6));
        masked("dddddd-ddddddd", &checked(d, &head, 12, |n| Some((13 - korean(n) % 11) % 10)))
    }),
    ("KR_RRN", "rrn", |d| {
        let head = format!("{}{}", born(d), d.within(1, 2));
        masked("dddddd-ddddddd", &checked(d, &head, 12, |n| Some((11 - korean(n) % 11) % 10)))
    }),
    ("MEDICAL_LICENSE", "dea", |d| {
        let body = d.digits(6);
        format!("B{}{}{}", d.signs(LETTERS, 1), text(&body), dot(&body, &[1, 2, 1, 2, 1, 2]) % 10)
    }),
    ("MX_CURP", "curp", |d| {
        let alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ";
        let names = format!("{}{}", d.signs("BCDFGLMNPRSTV", 1), d.signs("AEIOU", 1));
        let names = format!("{names}{}", d.signs("BCDFGLMNPRSTV", 2));
        let head = format!("{names}{}HDF{}0", born(d), d.signs("BCDFGLMNPRSTV", 3));
        let weighed = |(i, c): (u32, char)| place(alphabet, c) * (18 - i);
        format!("{head}{}", to_ten((0..).zip(head.chars()).map(weighed).sum()))
    }),
    ("MX_RFC", "rfc", |d| {
        let alphabet = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ";
        let names = format!("{}{}", d.signs("BCDFGLMNPRSTV", 1), d.signs("AEIOU", 1));
        let names = format!("{names}{}", d.signs("BCDFGLMNPRSTV", 2));
        let head = format!("{names}{}{}", born(d), d.signs("ABCDEFGHJKLMNPQRSTUVWXYZ123456789", 2));
        let weighed = |(i, c): (u32, char)| place(alphabet, c) * (13 - i);
        let sum: u32 = (0..).zip(head.chars()).map(weighed).sum();
        format!("{head}{}", sign("0123456789A", (11 - sum % 11) % 11))
    }),
    ("MY_NRIC", "nric", |d| {
        let head = format!("{}14", born(d));
        masked("dddddd-dd-dddd", &d.after(&head, 12))
    }),
    ("NG_NIN", "nin", |d| text(&checked(d, "", 10, |n| Some(verhoeff(n))))),
    ("NZ_IRD", "ird", |d| {
        d.until(|d| {
            let head = d.after("04", 8);
            let check = from_eleven(dot(&head, &[3, 2, 7, 6, 5, 4, 3, 2]))?;
            let whole = with(head, check);
            (number(&whole) > 10_000_000).then(|| masked("ddd-ddd-ddd", &whole))
        })
    }),
    ("PE_RUC", "ruc", |d| {
        let weights = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
        text(&checked(d, "20", 10, |n| Some((11 - dot(n, &weights) % 11) % 10)))
    }),
    ("PH_TIN", "tin", |d| {
        let made = checked(d, "2", 8, |n| {
            let rest = dot(n, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
            Some(rest).filter(|rest| *rest < 10)
        });
        masked("ddd-ddd-ddd-ddd", &[made, vec![0, 0, 0]].concat())
    }),
    ("PK_CNIC", "cnic", |d| {
        let head = d.after("35202", 12);
        masked("ddddd-ddddddd-d", &with(head, d.within(1, 9)))
    }),
    ("SG_NRIC_FIN", "nric", |d| {
        let (head, body) = (d.pick(&['S', 'T', 'F', 'G']), d.digits(7));
        let sum = dot(&body, &[2, 7, 6, 5, 4, 3, 2]) + if "TG".contains(head) { 4 } else { 0 };
        let row = if "ST".contains(head) { "JZIHGFEDCBA" } else { "XWUTRQPNMLK" };
        format!("{head}{}{}", text(&body), sign(row, sum % 11))
    }),
    ("SG_UEN", "uen", |d| {
        let body = d.after("5", 8);
        let sum = dot(&body, &[10, 4, 9, 3, 8, 2, 7, 1]);
        format!("{}{}", text(&body), sign("XMKECAWLJDB", sum % 11))
    }),
    ("SV_NIT", "nit", |d| {
        let head = parsed(&format!("0614{}{}", dmy_of(d), d.within(101, 999)));
        let check = from_eleven(dot(&head, &[2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]));
        masked("dddd-dddddd-ddd-d", &with(head, check.unwrap_or(0)))
    }),
    ("TH_TNIN", "citizen_id", |d| {
        let weights = [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2];
        masked(
            "d-dddd-ddddd-dd-d",
            &checked(d, "310", 12, |n| Some((11 - dot(n, &weights) % 11) % 10)),
        )
    }),
    ("TW_ID_NUMBER", "national_id", |d| {
        // Letters in the order of their worth from ten on.
        let row = "ABCDEFGHJKLMNPQRSTUVXYWZIO";
        let letter = d.below(26);
        let body = d.after("1", 8);
        let (tens, ones) = ((letter + 10) / 10, (letter + 10) % 10);
        let sum = tens + ones * 9 + dot(&body, &[8, 7, 6, 5, 4, 3, 2, 1]);
        format!("{}{}{}", sign(row, letter), text(&body), to_ten(sum))
    }),
    ("TW_UBN", "ubn", |d| {
        text(&checked(d, "", 7, |n| {
            Some(to_ten(crossed(n, &[1, 2, 1, 2, 1, 2, 4]))).filter(|_| n[6] != 7)
        }))
    }),
    ("US_EIN", "ein", |d| masked("dd-ddddddd", &d.after("20", 9))),
    ("US_ITIN", "itin", |d| {
        masked(
            "ddd-dd-dddd",
            &parsed(&format!("9{}7{}{}", text(&d.digits(2)), d.below(10), text(&d.digits(4)))),
        )
    }),
    ("US_MBI", "mbi", |d| {
        let letters = "ACDEFGHJKMNPQRTUVWXY";
        let mut one = |from: &str| d.signs(from, 1);
        let first = ["123456789", letters, "0123456789", "0123456789"].map(&mut one).concat();
        let next = [letters, "0123456789", "0123456789"].map(&mut one).concat();
        format!(
            "{first}-{next}-{}",
            [letters, letters, "0123456789", "0123456789"].map(one).concat()
        )
    }),
    ("US_NPI", "npi", |d| {
        let head = d.after("1", 9);
        let check = luhn(&[parsed("80840"), head.clone()].concat());
        text(&with(head, check))
    }),
    ("US_PTIN", "ptin", |d| format!("P{}", text(&d.after("0", 8)))),
    ("US_SSN", "ssn", |d| {
        format!("{}-{:02}-{:04}", d.within(501, 627), d.within(11, 88), d.within(1001, 9876))
    }),
    ("UY_RUT", "rut", |d| {
        d.until(|d| {
            let head = parsed(&format!("21{}001", text(&d.digits(6))));
            let check = from_eleven(dot(&head, &[4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))?;
            Some(text(&with(head, check)))
        })
    }),
    ("VE_RIF", "rif", |d| {
        let (letter, worth) = d.pick(&[('V', 4), ('E', 8), ('J', 12), ('G', 20)]);
        let body = d.digits(8);
        let sum = worth + dot(&body, &[3, 2, 7, 6, 5, 4, 3, 2]);
        format!("{letter}-{}-{}", text(&body), sign("00987654321", sum % 11))
    }),
    ("VN_MST", "mst", |d| {
        text(&checked(d, "03", 9, |n| {
            let check = 10 - dot(n, &[31, 29, 23, 19, 17, 13, 7, 5, 3]) % 11;
            (check < 10 && !number(n).is_multiple_of(10_000_000)).then_some(check)
        }))
    }),
    ("ZA_ID_NUMBER", "sa_id", |d| {
        let head = format!("{}{}08", born(d), text(&d.digits(4)));
        text(&checked(d, &head, 12, |n| Some(luhn(n))))
    }),
    ("ZA_TIN", "income_tax", |d| text(&checked(d, "1", 9, |n| Some(luhn(n))))),
];

fn dmy_of(d: &mut Draw) -> String {
    let (year, month, day) = d.birth();
    format!("{day:02}{month:02}{:02}", year % 100)
}

fn pan(d: &mut Draw) -> String {
    let head = d.signs(LETTERS, 3);
    format!("{head}P{}{}{}", d.signs(LETTERS, 1), text(&d.digits(4)), d.signs(LETTERS, 1))
}

fn korean(n: &[u32]) -> u32 {
    dot(n, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5])
}
