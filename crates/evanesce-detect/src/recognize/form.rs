//! The forms of keys: which signs follow a prefix, and how many of them.

/// Which signs.
#[derive(Clone, Copy)]
pub(super) enum Set {
    /// Letters and digits.
    Alnum,
    /// Those of base64 in either alphabet, and dots.
    Base,
    /// A number, a colon, a name that begins with `A`: a bot's.
    Bot,
    /// Those of hashed passwords in the form of crypt.
    Crypt,
    /// Digits.
    Digit,
    /// Letters, digits, `_`, `-` and `.`.
    Dotted,
    /// Hexadecimal digits.
    Hex,
    /// Letters, digits, `_` and `-`.
    Name,
    /// Those of names, and `=`.
    Padded,
    /// Two groups of hexadecimal digits with a colon between.
    Pair,
    /// Letters, digits and `%`.
    Percent,
    /// Those of hashed passwords, and those of the names of who has a ticket.
    Ticket,
    /// Upper-case letters and digits.
    Upper,
    /// Hexadecimal digits with dashes between.
    Uuid,
}

impl Set {
    pub(super) const fn has(self, b: u8) -> bool {
        match self {
            Self::Alnum => b.is_ascii_alphanumeric(),
            Self::Base => {
                b.is_ascii_alphanumeric()
                    || matches!(b, b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'~')
            }
            Self::Bot => Self::Name.has(b) || b == b':',
            Self::Crypt => Self::Base.has(b) || matches!(b, b'$' | b','),
            Self::Digit => b.is_ascii_digit(),
            Self::Dotted => Self::Name.has(b) || b == b'.',
            Self::Hex => b.is_ascii_hexdigit(),
            Self::Name => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
            Self::Padded => Self::Name.has(b) || b == b'=',
            Self::Pair => b.is_ascii_hexdigit() || b == b':',
            Self::Percent => b.is_ascii_alphanumeric() || b == b'%',
            Self::Ticket => Self::Crypt.has(b) || matches!(b, b'*' | b':' | b'@'),
            Self::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Self::Uuid => b.is_ascii_hexdigit() || b == b'-',
        }
    }
}

/// A prefix, and so many signs of a set after it.
pub(super) struct Form {
    prefix: &'static str,
    set: Set,
    least: usize,
    most: usize,
}

impl Form {
    pub(super) const fn new(prefix: &'static str, set: Set, least: usize, most: usize) -> Self {
        Self { prefix, set, least, most }
    }

    /// Whether a whole value has this form, and more than a row of one sign.
    pub(super) fn is(&self, value: &[u8]) -> bool {
        let Some(body) = value.strip_prefix(self.prefix.as_bytes()) else { return false };
        (self.least..=self.most).contains(&body.len())
            && body.iter().all(|b| self.set.has(*b))
            && self.is_grouped(body)
            && varied(body)
    }

    fn is_grouped(&self, body: &[u8]) -> bool {
        let place = |sign: u8, at: usize| body.get(at) == Some(&sign);
        match self.set {
            // A form of Figma has a group more in front.
            Set::Uuid if body.len() == 36 => [8, 13, 18, 23].iter().all(|at| place(b'-', *at)),
            Set::Uuid => [4, 13, 18, 23, 28].iter().all(|at| place(b'-', *at)),
            Set::Pair => place(b':', 8),
            Set::Bot => {
                let number = body.iter().take_while(|b| b.is_ascii_digit()).count();
                place(b':', number) && place(b'A', number + 1) && body.len() - number == 36
            }
            _ => true,
        }
    }
}

/// Whether there are at least five different signs: no row of x.
pub(super) fn varied(value: &[u8]) -> bool {
    let mut seen = [false; 256];
    value.iter().for_each(|b| seen[usize::from(*b)] = true);
    seen.iter().filter(|seen| **seen).count() >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_prefix_signs_and_length() {
        let form = Form::new("b_", Set::Hex, 8, 9);
        assert!(form.is(b"b_0123abcd") && form.is(b"b_0123abcde"));
        for value in ["0123abcd", "b_0123abc", "b_0123abcdef", "b_0123abcg", "b_00000000"] {
            assert!(!form.is(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn groups_stand_where_they_should() {
        let uuid = Form::new("", Set::Uuid, 36, 36);
        assert!(uuid.is(b"98fc74a8-ff56-4a21-85f6-7a1fcac895c9"));
        assert!(!uuid.is(b"98fc74a8aff56a4a21a85f6a7a1fcac895c9"));
        let pair = Form::new("", Set::Pair, 17, 17);
        assert!(pair.is(b"cafebabe:deadbee5") && !pair.is(b"cafebabe0deadbee5"));
    }
}
