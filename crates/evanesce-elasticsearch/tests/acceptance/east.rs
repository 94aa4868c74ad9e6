//! Numbers of eastern Europe, the Balkans and the Baltic states, of Israel, Russia, Turkey
//! and Ukraine.

use crate::Plant;
use crate::draw::{
    Draw, dot, from_eleven, icao, luhn, masked, mod_11_10, number, parsed, text, to_ten, with,
};
use crate::west::checked;

fn born(d: &mut Draw) -> String {
    let (year, month, day) = d.birth();
    format!("{:02}{month:02}{day:02}", year % 100)
}

pub(crate) const KINDS: &[Plant] = &[
    ("BG_EGN", "egn", |d| {
        let head = born(d);
        let weights = [2, 4, 8, 5, 10, 9, 7, 3, 6];
        text(&checked(d, &head, 9, |n| Some(dot(n, &weights) % 11 % 10)))
    }),
    ("BG_PNF", "pnf", |d| {
        text(&checked(d, "70", 9, |n| Some(dot(n, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10)))
    }),
    ("BG_VAT", "vat", |d| {
        let made = checked(d, "1", 8, |n| {
            let first = dot(n, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
            Some(if first < 10 { first } else { dot(n, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10 })
        });
        format!("BG{}", text(&made))
    }),
    ("CZ_BIRTH_NUMBER", "rodne_cislo", |d| {
        d.until(|d| {
            let (year, month, day) = d.birth();
            let head = format!("{:02}{month:02}{day:02}{:03}", year % 100, d.below(1000));
            let check = u32::try_from(number(&parsed(&head)) % 11).unwrap();
            let whole = (year >= 1954 && check < 10).then(|| with(parsed(&head), check));
            whole.map(|whole| masked("dddddd/dddd", &whole))
        })
    }),
    ("CZ_ICO", "ico", |d| text(&ico(d))),
    ("CZ_VAT", "dic", |d| format!("CZ{}", text(&ico(d)))),
    ("EE_BUSINESS", "registrikood", |d| {
        text(&checked(d, "1", 7, |n| {
            Some(twice(n, &[1, 2, 3, 4, 5, 6, 7], &[3, 4, 5, 6, 7, 8, 9]))
        }))
    }),
    ("EE_PERSONAL_CODE", "isikukood", |d| {
        let head = format!("4{}", born(d));
        text(&checked(d, &head, 10, |n| Some(baltic(n))))
    }),
    ("EE_VAT", "vat", |d| {
        let weights = [3, 7, 1, 3, 7, 1, 3, 7];
        format!("EE{}", text(&checked(d, "10", 8, |n| Some(to_ten(dot(n, &weights))))))
    }),
    ("HR_OIB", "oib", |d| text(&checked(d, "", 10, |n| Some(mod_11_10(n))))),
    ("HU_TAX_ID", "adoazonosito", |d| {
        text(&checked(d, "8", 9, |n| {
            let rest = dot(n, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11;
            (rest < 10).then_some(rest)
        }))
    }),
    ("HU_VAT", "adoszam", |d| {
        format!("HU{}", text(&checked(d, "", 7, |n| Some(to_ten(dot(n, &[9, 7, 3, 1, 9, 7, 3]))))))
    }),
    ("IL_COMPANY", "company_number", |d| text(&checked(d, "51", 8, |n| Some(luhn(n))))),
    ("IL_ID_NUMBER", "teudat_zehut", |d| text(&checked(d, "3", 8, |n| Some(luhn(n))))),
    ("LT_PERSONAL_CODE", "asmens_kodas", |d| {
        let head = format!("3{}", born(d));
        text(&checked(d, &head, 10, |n| Some(baltic(n))))
    }),
    ("LT_VAT", "pvm", |d| {
        let head = format!("{}1", text(&d.digits(7)));
        let made = checked(d, &head, 8, |n| {
            Some(twice(n, &[1, 2, 3, 4, 5, 6, 7, 8], &[3, 4, 5, 6, 7, 8, 9, 1]))
        });
        format!("LT{}", text(&made))
    }),
    ("LV_PERSONAL_CODE", "personas_kods", |d| {
        d.until(|d| {
            let (year, month, day) = d.birth();
            let head = format!("{day:02}{month:02}{:02}1{:03}", year % 100, d.below(1000));
            let head = parsed(&head);
            let check = (1 + dot(&head, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11;
            (check < 10).then(|| masked("dddddd-ddddd", &with(head, check)))
        })
    }),
    ("LV_VAT", "pvn", |d| {
        let made = checked(d, "4000", 10, |n| {
            let rest = (14 - dot(n, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6]) % 11) % 11;
            (rest < 10).then_some(rest)
        });
        format!("LV{}", text(&made))
    }),
    ("MK_EDB", "edb", |d| {
        let weights = [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2];
        format!("MK{}", text(&checked(d, "40300", 12, |n| from_eleven(dot(n, &weights)))))
    }),
    ("PL_ID_CARD", "dowod", |d| {
        let letters = format!("A{}", d.signs("BCDEFGHIJKLMNPRSTWXYZ", 2));
        let body = text(&d.after("", 5));
        // The check digit stands between: its weight is 9, that of the rest 7, 3, 1.
        let check = icao(&format!("{letters}{body}"));
        format!("{letters}{check}{body}")
    }),
    ("PL_NIP", "nip", |d| {
        let made = checked(d, "5", 9, |n| {
            let rest = dot(n, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11;
            (rest < 10).then_some(rest)
        });
        masked("ddd-ddd-dd-dd", &made)
    }),
    ("PL_PESEL", "pesel", |d| {
        let head = born(d);
        let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
        text(&checked(d, &head, 10, |n| Some(to_ten(dot(n, &weights)))))
    }),
    ("PL_REGON", "regon", |d| {
        text(&checked(d, "1", 8, |n| Some(dot(n, &[8, 9, 2, 3, 4, 5, 6, 7]) % 11 % 10)))
    }),
    ("RO_CNP", "cnp", |d| {
        let head = format!("1{}40", born(d));
        let weights = [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9];
        text(&checked(d, &head, 12, |n| {
            Some(dot(n, &weights) % 11 % 10 + dot(n, &weights) % 11 / 10)
        }))
    }),
    ("RO_VAT", "cui", |d| {
        format!(
            "RO{}",
            text(&checked(d, "1", 7, |n| { Some(dot(n, &[3, 2, 1, 7, 5, 3, 2]) * 10 % 11 % 10) }))
        )
    }),
    ("RS_PIB", "pib", |d| text(&checked(d, "10", 8, |n| Some(mod_11_10(n))))),
    ("RU_INN", "inn", |d| {
        let one = [7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
        let two = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
        let head = checked(d, "77", 10, |n| Some(dot(n, &one) % 11 % 10));
        text(&checked(d, &text(&head), 11, |n| Some(dot(n, &two) % 11 % 10)))
    }),
    ("SI_EMSO", "emso", |d| {
        d.until(|d| {
            let (year, month, day) = d.birth();
            let head = format!("{day:02}{month:02}{:03}50{:03}", year % 1000, d.below(1000));
            let head = parsed(&head);
            let check = from_eleven(dot(&head, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]))?;
            Some(text(&with(head, check)))
        })
    }),
    ("SI_TAX_NUMBER", "davcna", |d| {
        let made = checked(d, "", 7, |n| match dot(n, &[8, 7, 6, 5, 4, 3, 2]) % 11 {
            0 => None,
            1 => Some(0),
            rest => Some(11 - rest),
        });
        format!("SI{}", text(&made))
    }),
    ("SK_VAT", "dph", |d| {
        d.until(|d| {
            let head = d.after("202", 9);
            let check = u32::try_from(number(&head) % 11).unwrap();
            (check < 10).then(|| format!("SK{}", text(&with(head, check))))
        })
    }),
    ("TR_NATIONAL_ID", "tckn", |d| {
        let head = d.digits(9);
        let sum = |from: usize| head.iter().skip(from).step_by(2).sum::<u32>();
        let one = (sum(0) * 7 + 90 - sum(1)) % 10;
        let two = (head.iter().sum::<u32>() + one) % 10;
        text(&[head, vec![one, two]].concat())
    }),
    ("TR_VKN", "vkn", |d| {
        text(&checked(d, "", 9, |n| {
            let step = |(i, digit): (u32, &u32)| match (digit + i) % 10 {
                0 => 0,
                c => match c * 2_u32.pow(i) % 9 {
                    0 => 9,
                    rest => rest,
                },
            };
            Some(to_ten((1..).zip(n.iter().rev()).map(step).sum()))
        }))
    }),
    ("UA_EDRPOU", "edrpou", |d| {
        text(&checked(d, "2", 7, |n| {
            Some(twice(n, &[1, 2, 3, 4, 5, 6, 7], &[3, 4, 5, 6, 7, 8, 9]))
        }))
    }),
    ("UA_RNTRC", "rntrc", |d| {
        text(&checked(d, "2", 9, |n| {
            let sum = dot(&n[1..], &[5, 7, 9, 4, 6, 10, 5, 7]) + 110 - n[0];
            Some(sum % 11 % 10)
        }))
    }),
];

// Weights, and others where the first leave ten.
fn twice(n: &[u32], first: &[u32], second: &[u32]) -> u32 {
    let rest = dot(n, first) % 11;
    if rest < 10 { rest } else { dot(n, second) % 11 % 10 }
}

fn baltic(n: &[u32]) -> u32 {
    twice(n, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1], &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3])
}

fn ico(d: &mut Draw) -> Vec<u32> {
    checked(d, "2", 7, |n| {
        let check = (11 - dot(n, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
        Some(if check == 0 { 1 } else { check % 10 })
    })
}
