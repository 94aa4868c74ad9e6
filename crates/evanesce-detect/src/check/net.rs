//! Addresses of mail and of networks, and of one currency.

use std::net::{IpAddr, Ipv6Addr};

use ring::digest::{SHA256, digest};

/// A mailbox by RFC 5321, section 4.1.2: dotted or quoted local part, domain or address
/// literal, in ASCII.
pub(crate) fn is_mailbox(value: &str) -> bool {
    let Some((local, domain)) = value.rsplit_once('@') else { return false };
    // A literal holds no `@`, and a quoted local part may: the last one separates.
    value.len() <= 254
        && value.is_ascii()
        && (1..=64).contains(&local.len())
        && (is_dotted(local) || is_quoted(local))
        && match domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(literal) => is_literal(literal),
            None => is_domain(domain),
        }
}

fn is_dotted(local: &str) -> bool {
    let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom))
}

fn is_quoted(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut bytes = inner.bytes();
    while let Some(b) = bytes.next() {
        let b = if b == b'\\' {
            bytes.next().unwrap_or(0)
        } else if b == b'"' {
            0
        } else {
            b
        };
        if !(b' '..=b'~').contains(&b) {
            return false;
        }
    }
    local.len() >= 2
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.len() <= 253 && domain.split('.').all(label)
}

fn is_literal(literal: &str) -> bool {
    let six = literal.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    if six.is_some() {
        return literal[5..].parse::<Ipv6Addr>().is_ok();
    }
    let parts: Vec<_> = literal.splitn(5, '.').collect();
    let part = |part: &&str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && super::sum::number(part.as_bytes()) <= 255
    };
    parts.len() == 4 && parts.iter().all(part)
}

/// An internet address, of version 6 with a zone (RFC 4007) or without.
pub(crate) fn is_ip(value: &str) -> bool {
    let (address, zone) = value.split_once('%').map_or((value, None), |(a, z)| (a, Some(z)));
    let named = |zone: &str| {
        !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:".contains(&b))
    };
    match address.parse() {
        Ok(IpAddr::V4(_)) => zone.is_none(),
        Ok(IpAddr::V6(_)) => zone.is_none_or(named),
        Err(_) => false,
    }
}

/// A hardware address of 48 or 64 bits: pairs by one sign, or fours by dots.
pub(crate) fn is_mac(value: &str) -> bool {
    let groups = |sep: char, size: usize, counts: [usize; 2]| {
        let hex = |group: &str| group.len() == size && group.bytes().all(|b| b.is_ascii_hexdigit());
        counts.contains(&value.split(sep).count()) && value.split(sep).all(hex)
    };
    [':', '-', ' '].into_iter().any(|sep| groups(sep, 2, [6, 8])) || groups('.', 4, [3, 4])
}

/// An address of Bitcoin: base 58 with four bytes of a double SHA-256, or bech32 of
/// BIP 173 and BIP 350.
pub(crate) fn is_bitcoin(value: &str) -> bool {
    let segwit = value.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("bc1"));
    if segwit { is_bech32(value) } else { is_base58_check(value.as_bytes()) }
}

fn is_base58_check(value: &[u8]) -> bool {
    const PLACES: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    if !(25..=35).contains(&value.len()) || !matches!(value[0], b'1' | b'3') {
        return false;
    }
    let mut bytes = [0_u8; 25];
    for b in value {
        let Some(place) = PLACES.iter().position(|p| p == b) else { return false };
        let mut carry = place as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        if carry > 0 {
            return false;
        }
    }
    let (body, check) = bytes.split_at(21);
    // Each leading 1 is a byte of nought.
    let ones = value.iter().take_while(|b| **b == b'1').count();
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    let twice = digest(&SHA256, digest(&SHA256, body).as_ref());
    ones == zeros && matches!(body[0], 0 | 5) && twice.as_ref()[..4] == *check
}

fn is_bech32(value: &str) -> bool {
    const PLACES: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mixed = value.bytes().any(|b| b.is_ascii_uppercase())
        && value.bytes().any(|b| b.is_ascii_lowercase());
    if mixed || !(14..=74).contains(&value.len()) {
        return false;
    }
    let data: Option<Vec<u32>> = value.as_bytes()[3..]
        .iter()
        .map(|b| PLACES.iter().position(|p| *p == b.to_ascii_lowercase()).map(|n| n as u32))
        .collect();
    let Some(data) = data else { return false };
    // The human-readable part "bc", spread as the standard says.
    let sum = [3, 3, 0, 2, 3].iter().chain(&data).fold(1_u32, |sum, d| {
        let top = sum >> 25;
        let next = (sum & 0x1ff_ffff) << 5 ^ d;
        [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
            .iter()
            .enumerate()
            .filter(|(i, _)| top >> i & 1 == 1)
            .fold(next, |sum, (_, g)| sum ^ g)
    });
    let program = (data.len() - 7) * 5;
    match data[0] {
        0 => sum == 1 && matches!(program, 160..=164 | 256..=260),
        // Of BIP 350, or of BIP 173, which is what old software writes.
        1..=16 => matches!(sum, 1 | 0x2bc8_30a3) && (16..=324).contains(&program),
        _ => false,
    }
}
