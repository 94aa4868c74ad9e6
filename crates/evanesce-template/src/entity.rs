// The longest name below, and the longest number that Unicode needs, fit easily.
const LONGEST: usize = 12;

/// Decodes the character reference at the start of `text`: the character and the
/// length of the reference. Anything unknown is no reference. (HTML, section 13.5)
pub(crate) fn decode(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(LONGEST).position(|b| b == b';')?;
    let name = &body[..end];
    let c = match name.strip_prefix('#') {
        Some(number) => numeric(number)?,
        None => named(name)?,
    };
    Some((c, end + 2))
}

fn numeric(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code)
}

fn named(name: &str) -> Option<char> {
    const NAMES: &[(&str, char)] = &[
        ("amp", '&'),
        ("apos", '\''),
        ("auml", 'ä'),
        ("bull", '•'),
        ("cent", '¢'),
        ("commat", '@'),
        ("copy", '©'),
        ("eacute", 'é'),
        ("egrave", 'è'),
        ("emsp", ' '),
        ("ensp", ' '),
        ("euro", '€'),
        ("gt", '>'),
        ("hellip", '…'),
        ("laquo", '«'),
        ("ldquo", '“'),
        ("lsquo", '‘'),
        ("lt", '<'),
        ("mdash", '—'),
        ("middot", '·'),
        ("nbsp", ' '),
        ("ndash", '–'),
        ("num", '#'),
        ("ouml", 'ö'),
        ("period", '.'),
        ("pound", '£'),
        ("quot", '"'),
        ("raquo", '»'),
        ("rdquo", '”'),
        ("reg", '®'),
        ("rsquo", '’'),
        ("shy", '\u{ad}'),
        ("szlig", 'ß'),
        ("thinsp", ' '),
        ("times", '×'),
        ("trade", '™'),
        ("uuml", 'ü'),
        ("zwj", '\u{200d}'),
        ("zwnj", '\u{200c}'),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_decoded_and_all_else_is_left() {
        assert_eq!(decode("&amp;x"), Some(('&', 5)));
        assert_eq!(decode("&#64;"), Some(('@', 5)));
        assert_eq!(decode("&#x1F980;"), Some(('🦀', 9)));
        for text in ["&", "&;", "&nope;", "&#xD800;", "&#99999999999;", "& amp;", "&ä;", "amp;"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
