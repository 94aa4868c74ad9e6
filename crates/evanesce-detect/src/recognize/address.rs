use super::push;
use crate::window::{Window, alnum, digit, word};
use crate::{Finding, Kind};

/// An address of mail around the `@` at `at`: RFC 5321, section 4.1.2, without
/// quoted local parts, and with the letters of RFC 6531. Signs that separate
/// addresses from their surroundings in URLs and code are left outside.
pub(super) fn email(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    let local = |b: u8| {
        alnum(b)
            || b >= 0x80
            || matches!(
                b,
                b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'!' | b'#'..=b'$' | b'*' | b'^' | b'~'
            )
    };
    let mut start = w.left(at, 256, local);
    // The cut may have fallen into a character.
    start = w.ceil(start);
    start += w.bytes[start..at].iter().take_while(|b| b"'.!#$*^~%".contains(b)).count();
    if start >= at || w.before(at) == b'.' {
        return;
    }
    if let Some(end) = domain(w, at + 1) {
        push(out, Kind::Email, (start, end), 95, "local part and domain");
    } else if let Some(end) = literal(w, at + 1) {
        push(out, Kind::Email, (start, end), 90, "local part and address literal");
    }
}

// Labels of 1 to 63, at least two of them, the last of letters or punycode.
fn domain(w: &Window<'_>, from: usize) -> Option<usize> {
    let host = |b: u8| alnum(b) || b >= 0x80 || b == b'-';
    let (mut at, mut end) = (from, None);
    for labels in 0..127 {
        let stop = w.right(at, 64, host);
        let label = &w.bytes[at..stop];
        if label.is_empty() || label.len() > 63 || label[0] == b'-' {
            break;
        }
        let letters = label.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
        let puny = label.len() > 4 && label[..4].eq_ignore_ascii_case(b"xn--");
        if labels > 0 && ((letters && label.len() >= 2) || puny) {
            end = Some(stop);
        }
        if w.at(stop) != b'.' || stop - from > 255 {
            break;
        }
        at = stop + 1;
    }
    end
}

fn literal(w: &Window<'_>, from: usize) -> Option<usize> {
    if w.at(from) != b'[' {
        return None;
    }
    let end = w.right(from + 1, 50, |b| b.is_ascii_hexdigit() || b".:IPv".contains(&b));
    let inner = w.text.get(from + 1..end)?;
    let address = inner.strip_prefix("IPv6:").unwrap_or(inner);
    (w.at(end) == b']' && address.parse::<std::net::IpAddr>().is_ok()).then_some(end + 1)
}

const WEB: &[&str] = &["http", "https", "ftp", "ftps", "sftp", "ws", "wss"];

/// An address of the web around the `:` at `at`: RFC 3986, with an authority.
pub(super) fn url(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    if w.at(at + 1) != b'/' || w.at(at + 2) != b'/' {
        return;
    }
    let mut start = w.left(at, 24, |b| alnum(b) || b"+.-".contains(&b));
    start += w.bytes[start..at].iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    let end = tail(w, at + 3);
    if start == at || end < at + 4 {
        return;
    }
    let span = (start, end);
    let scheme = w.text.get(start..at).unwrap_or("");
    let authority = w.right(at + 3, end - at - 3, |b| !b"/?#".contains(&b));
    if has_password(&w.bytes[at + 3..authority]) {
        push(out, Kind::SecretUrlCredentials, span, 90, "user and password in an address");
    }
    // A host without a dot is of one's own network, and a placeholder for the most part.
    let host = &w.bytes[at + 3..authority];
    let known = host.iter().any(|b| matches!(b, b'.' | b':' | b'@' | b'%' | 0x80..));
    if known && WEB.iter().any(|web| web.eq_ignore_ascii_case(scheme)) {
        push(out, Kind::Url, span, 80, "scheme and authority");
    } else if w.bytes[at + 3..authority].contains(&b'.') {
        push(out, Kind::Url, span, 55, "some scheme and authority");
    }
}

/// An address of the web that begins with the `www` at `start`.
pub(super) fn www(w: &Window<'_>, start: usize, out: &mut Vec<Finding>) {
    // Two labels at least after the first.
    let labels = |end: usize| w.bytes[start..end].iter().filter(|b| **b == b'.').count() >= 2;
    if w.before(start) == b'/' || !domain(w, start).is_some_and(labels) {
        return;
    }
    push(out, Kind::Url, (start, tail(w, start)), 60, "www and a domain");
}

// The end of what can be in an address, without the punctuation of its sentence.
fn tail(w: &Window<'_>, from: usize) -> usize {
    let inside = |b: u8| {
        b > b' '
            && !matches!(b, 0x7f | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{'..=b'}')
    };
    let mut end = w.right(from, 2048, inside);
    while end > from && !w.text.is_char_boundary(end) {
        end -= 1;
    }
    let opened = w.bytes[from..end].contains(&b'(');
    let punctuation = |b: u8| b".,;:!?*_".contains(&b) || (b")]".contains(&b) && !opened);
    while end > from && punctuation(w.at(end - 1)) {
        end -= 1;
    }
    end
}

fn has_password(authority: &[u8]) -> bool {
    let Some(at) = authority.iter().rposition(|b| *b == b'@') else { return false };
    let Some(colon) = authority[..at].iter().position(|b| *b == b':') else { return false };
    let password = &authority[colon + 1..at];
    !password.is_empty() && !super::assign::is_placeholder(password)
}

/// Whether another `:` comes after the one at `at`, and no more than a group between.
pub(super) fn may_be_ipv6(w: &Window<'_>, at: usize) -> bool {
    let group = |b: &&u8| b.is_ascii_hexdigit();
    let rest = &w.bytes[at + 1..];
    rest.get(rest.iter().take(5).take_while(group).count()) == Some(&b':')
}

/// An internet address of version 6 around the first `:` of it, at `at`.
pub(super) fn ipv6(w: &Window<'_>, at: usize, out: &mut Vec<Finding>) {
    let start = w.left(at, 5, |b| b.is_ascii_hexdigit());
    if at - start > 4 || word(w.before(start)) || matches!(w.before(start), b':' | b'.') {
        return;
    }
    let mut end = w.right(at, 45, |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    if word(w.at(end)) {
        return;
    }
    while end > at && matches!(w.at(end - 1), b'.' | b':') && !w.bytes[..end].ends_with(b"::") {
        end -= 1;
    }
    let text = w.text.get(start..end).unwrap_or("");
    let colons = text.bytes().filter(|b| *b == b':').count();
    if colons < 6 && !text.contains("::") {
        return; // Neither all of its groups nor a gap: the time of a day, for the most part.
    }
    let parsed = text.parse::<std::net::Ipv6Addr>().is_ok();
    if parsed && text.len() > 2 && (text.bytes().any(digit) || w.at(end) == b'/') {
        // A zone of RFC 4007, and the length of a network's prefix.
        let zone = w.right(end + 1, 16, alnum);
        let end = if w.at(end) == b'%' && zone > end + 1 { zone } else { end };
        let end = super::number::network(w, end, 128);
        push(out, Kind::Ip, (start, end), 90, "eight groups of version 6");
    }
}

/// A hardware address that begins with the hex digits at `start`.
pub(super) fn mac(w: &Window<'_>, start: usize, end: usize, out: &mut Vec<Finding>) {
    let (size, groups, sep) = match (end - start, w.at(end)) {
        (2, sep @ (b':' | b'-')) => (2, 6, sep),
        (4, b'.') => (4, 3, b'.'),
        _ => return,
    };
    if w.before(start) == sep || w.before(start) == b':' && size == 2 && alnum(w.before(start - 1))
    {
        return;
    }
    let mut at = start;
    for group in 0..groups {
        let stop = w.right(at, size + 1, |b| b.is_ascii_hexdigit());
        if stop - at != size || (group + 1 < groups && w.at(stop) != sep) {
            return;
        }
        at = stop + 1;
    }
    let stop = at - 1;
    let runs_on = word(w.at(stop)) || (w.at(stop) == sep && w.at(stop + 1).is_ascii_hexdigit());
    if !runs_on {
        push(out, Kind::Mac, (start, stop), 90, "six pairs of hex digits");
    }
}
