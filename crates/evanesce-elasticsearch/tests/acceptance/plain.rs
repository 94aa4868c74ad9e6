//! What is not the number of a register: addresses, telephones, cards, keys.

use ring::digest::{SHA256, digest};

use crate::Plant;
use crate::draw::{Draw, luhn, masked, sign, text};
use crate::west::checked;

const BASE_58: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE_62: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE_64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const HEX: &str = "0123456789abcdef";

pub(crate) const KINDS: &[Plant] = &[
    ("CREDIT_CARD", "card", |d| match d.below(3) {
        0 => masked("dddd dddd dddd dddd", &checked(d, "4", 15, |n| Some(luhn(n)))),
        1 => text(&checked(d, "5412", 15, |n| Some(luhn(n)))),
        _ => masked("dddd dddddd ddddd", &checked(d, "3714", 14, |n| Some(luhn(n)))),
    }),
    ("CRYPTO", "wallet", |d| if d.below(2) == 0 { base_58_check(d) } else { bech_32(d) }),
    ("DATE_OF_BIRTH", "date_of_birth", |d| {
        let (year, month, day) = d.birth();
        match d.below(3) {
            0 => format!("{year}-{month:02}-{day:02}"),
            1 => format!("{day:02}.{month:02}.{year}"),
            _ => format!("{month:02}/{day:02}/{year}"),
        }
    }),
    ("EMAIL_ADDRESS", "mail", |d| {
        let name = format!("{}.{}", d.signs(LOWER, 6), d.signs(LOWER, 8));
        format!(
            "{name}{}@{}.{}",
            d.below(100),
            d.signs(LOWER, 7),
            d.pick(&["com", "org", "de", "co.uk"])
        )
    }),
    ("IMEI", "imei", |d| text(&checked(d, "35", 14, |n| Some(luhn(n))))),
    ("IP_ADDRESS", "client", |d| {
        if d.below(3) == 0 {
            let groups: Vec<_> = (0..6).map(|_| d.signs("123456789abcdef", 4)).collect();
            format!("2001:db8:{}", groups.join(":"))
        } else {
            format!("{}.{}.{}.{}", d.within(11, 99), d.below(256), d.below(256), d.within(1, 254))
        }
    }),
    ("MAC_ADDRESS", "hwaddr", |d| {
        let groups: Vec<_> = (0..5).map(|_| d.signs(HEX, 2)).collect();
        format!("3c:{}", groups.join(":"))
    }),
    ("PHONE_NUMBER", "phone", |d| match d.below(4) {
        0 => format!("+49 30 {}", text(&d.digits(7))),
        1 => format!("+44 20 7946 {}", text(&d.digits(4))),
        2 => format!("+1 212-555-{}", text(&d.digits(4))),
        _ => format!("+3361{}", text(&d.digits(7))),
    }),
    ("URL", "referer", |d| {
        format!(
            "https://{}.example.org/people/{}?tab={}",
            d.signs(LOWER, 6),
            d.signs(LOWER, 9),
            d.signs(LOWER, 5)
        )
    }),
    ("SECRET", "api_key", |d| d.signs(BASE_62, 40)),
    ("SECRET_AWS_KEY", "aws_access_key_id", |d| {
        format!("AKIA{}", d.signs("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16))
    }),
    ("SECRET_GITHUB_TOKEN", "token", |d| {
        let body = d.signs(BASE_62, 30);
        let mut check = crc_32(body.as_bytes());
        let mut tail = String::new();
        for _ in 0..6 {
            tail.insert(0, sign(BASE_62, check % 62));
            check /= 62;
        }
        format!("ghp_{body}{tail}")
    }),
    ("SECRET_JWT", "id_token", |d| {
        let claims = format!(
            r#"{{"sub":"{}","iat":{}}}"#,
            d.signs(LOWER, 10),
            d.within(1_600_000_000, 1_700_000_000)
        );
        let head = base_64(br#"{"alg":"HS256","typ":"JWT"}"#);
        format!("{head}.{}.{}", base_64(claims.as_bytes()), d.signs(BASE_64, 43))
    }),
    ("SECRET_PRIVATE_KEY", "key", |d| {
        let lines: Vec<_> = (0..4).map(|_| d.signs(BASE_62, 64)).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", lines.join("\n"))
    }),
    ("SECRET_SLACK", "slack_token", |d| {
        format!("xoxb-{}-{}-{}", text(&d.digits(12)), text(&d.digits(12)), d.signs(BASE_62, 24))
    }),
    ("SECRET_URL_CREDENTIALS", "database_url", |d| {
        format!("postgres://{}:{}@db.internal:5432/app", d.signs(LOWER, 8), d.signs(BASE_62, 16))
    }),
];

/// An address of Bitcoin as of 2009: version, hash and four bytes of SHA-256 done twice.
fn base_58_check(d: &mut Draw) -> String {
    let mut bytes = vec![0_u8];
    bytes.extend((0..20).map(|_| u8::try_from(d.below(256)).unwrap()));
    let sum = digest(&SHA256, digest(&SHA256, &bytes).as_ref());
    bytes.extend_from_slice(&sum.as_ref()[..4]);
    let mut made = String::new();
    let mut rest = bytes.clone();
    while rest.iter().any(|b| *b != 0) {
        let mut over = 0_u32;
        for byte in &mut rest {
            let value = over * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 58).unwrap();
            over = value % 58;
        }
        made.insert(0, sign(BASE_58, over));
    }
    bytes.iter().take_while(|b| **b == 0).for_each(|_| made.insert(0, '1'));
    made
}

/// An address of Bitcoin by BIP 173, version 0.
fn bech_32(d: &mut Draw) -> String {
    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut data = vec![0];
    data.extend((0..32).map(|_| d.below(32)));
    let prefix = [3, 3, 0, 2, 3]; // "bc", its high bits, nothing, its low bits
    let whole: Vec<u32> = prefix.iter().chain(&data).copied().chain([0; 6]).collect();
    let sum = whole.iter().fold(1_u32, |sum, value| {
        let top = sum >> 25;
        let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let next = (sum & 0x1ff_ffff) << 5 ^ value;
        (0..5).filter(|i| top >> i & 1 == 1).fold(next, |next, i| next ^ generators[i])
    }) ^ 1;
    data.extend((0..6).map(|i| sum >> (5 * (5 - i)) & 31));
    format!("bc1{}", data.iter().map(|value| sign(ALPHABET, *value)).collect::<String>())
}

fn crc_32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}

fn base_64(bytes: &[u8]) -> String {
    let mut made = String::new();
    for three in bytes.chunks(3) {
        let whole = (0..3).fold(0, |n, i| n << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..=three.len() {
            made.push(sign(BASE_64, whole >> (18 - 6 * u32::try_from(i).unwrap()) & 63));
        }
    }
    made
}
