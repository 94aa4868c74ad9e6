//! A person's own copy of what is kept about them: readable JSON, written into guarded memory.

use crate::{EncodeError, Encoder, Ephemeral, MemoryPolicy, SecretBytes, scrub_stack};

/// How deep lists and objects may lie in one another.
const DEEPEST: u8 = 64;
/// The largest integer that every reader of JSON keeps exactly (RFC 7493, section 2.2).
const EXACT: u128 = (1 << 53) - 1;

/// Writes a value as JSON (RFC 8259) into guarded memory: its fields with their names, for the
/// person whom it is about. The text never lies on the heap.
///
/// Structs become objects, tuples and vectors arrays, enums as `serde` writes them by default;
/// bytes are Base64 (RFC 4648, section 4). An integer beyond ±(2^53 - 1) is written as a text,
/// as RFC 7493 advises, because most readers would round it.
///
/// # Errors
///
/// [`EncodeError`] when the value is longer than [`Ephemeral::MAX`] allows, nested too deeply, or
/// memory is exhausted.
///
/// ```
/// use evanesce_memory::{Ephemeral, to_json};
///
/// #[derive(Ephemeral)]
/// struct Visit { name: String, steps: Vec<u32> }
///
/// let visit = Visit { name: "</script>\"Ada\"".into(), steps: vec![1, 2] };
/// to_json(&visit)?.expose(|json| assert_eq!(
///     json,
///     br#"{"name":"\u003c/script\u003e\"Ada\"","steps":[1,2]}"#,
/// ));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn to_json<T: Ephemeral>(value: &T) -> Result<SecretBytes, EncodeError> {
    json_under(MemoryPolicy::default(), value)
}

pub(crate) fn json_under<T: Ephemeral>(
    policy: MemoryPolicy,
    value: &T,
) -> Result<SecretBytes, EncodeError> {
    // A value that may be stored may be exported: that bounds the text.
    value.encode(&mut Encoder::counting(T::MAX))?;
    let mut measure = Exporter { sink: None, written: 0, depth: 0 };
    value.export(&mut measure)?;
    let len = measure.written;
    let mut json = SecretBytes::zeroed_under(policy, len)?;
    let written = json.expose_mut(|bytes| {
        let mut out = Exporter { sink: Some(bytes), written: 0, depth: 0 };
        value.export(&mut out).map(|()| out.written)
    });
    scrub_stack();
    match written {
        Ok(written) if written == len => Ok(json),
        Ok(_) | Err(EncodeError::TooLarge) => Err(EncodeError::Unstable),
        Err(error) => Err(error),
    }
}

/// Writes JSON into memory of a known size, or only counts how much it needs. Whatever text it is
/// given can't end its string: quotes, backslashes and control characters are escaped, and so are
/// `<`, `>`, `&`, U+2028 and U+2029, so that the JSON may stand inside HTML or a script.
pub struct Exporter<'a> {
    sink: Option<&'a mut [u8]>,
    written: usize,
    depth: u8,
}

impl<'a> Exporter<'a> {
    /// Writes `null`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn null(&mut self) -> Result<(), EncodeError> {
        self.raw(b"null")
    }

    /// Writes a text.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.raw(b"\"")?;
        let mut utf8 = [0; 4];
        for letter in text.chars() {
            match letter {
                '"' => self.raw(b"\\\""),
                '\\' => self.raw(b"\\\\"),
                '\n' => self.raw(b"\\n"),
                '\r' => self.raw(b"\\r"),
                '\t' => self.raw(b"\\t"),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => self.escaped(letter),
                letter if letter.is_control() => self.escaped(letter),
                letter => self.raw(letter.encode_utf8(&mut utf8).as_bytes()),
            }?;
        }
        self.raw(b"\"")
    }

    /// Writes bytes as a text in Base64.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        self.raw(b"\"")?;
        for chunk in bytes.chunks(3) {
            let byte = |at: usize| chunk.get(at).copied().map_or(0, u32::from);
            let group = byte(0) << 16 | byte(1) << 8 | byte(2);
            let digit = |at: usize| {
                let padding = at > chunk.len();
                if padding { b'=' } else { DIGITS[(group >> (18 - 6 * at) & 63) as usize] }
            };
            self.raw(&[digit(0), digit(1), digit(2), digit(3)])?;
        }
        self.raw(b"\"")
    }

    /// Writes an integer.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn integer(&mut self, value: i128) -> Result<(), EncodeError> {
        self.number(if value < 0 { b"-" } else { b"" }, value.unsigned_abs())
    }

    /// Writes a number that is not negative.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn natural(&mut self, value: u128) -> Result<(), EncodeError> {
        self.number(b"", value)
    }

    /// Writes an object with the fields that `write` adds.
    ///
    /// # Errors
    ///
    /// What `write` returns; [`EncodeError::TooDeep`] beyond 64 inside one another.
    pub fn fields(
        &mut self,
        write: impl FnOnce(&mut Fields<'_, 'a>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.nested(b"{", b"}", |out| write(&mut Fields { out, any: false }))
    }

    /// Writes an array with the items that `write` adds.
    ///
    /// # Errors
    ///
    /// What `write` returns; [`EncodeError::TooDeep`] beyond 64 inside one another.
    pub fn items(
        &mut self,
        write: impl FnOnce(&mut Items<'_, 'a>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.nested(b"[", b"]", |out| write(&mut Items { out, any: false }))
    }

    fn nested(
        &mut self,
        open: &[u8],
        close: &[u8],
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.depth >= DEEPEST {
            return Err(EncodeError::TooDeep);
        }
        self.depth += 1;
        self.raw(open)?;
        write(self)?;
        self.raw(close)?;
        self.depth -= 1;
        Ok(())
    }

    fn number(&mut self, sign: &[u8], value: u128) -> Result<(), EncodeError> {
        let quote: &[u8] = if value > EXACT { b"\"" } else { b"" };
        let mut digits = [0; 39];
        let (mut at, mut rest) = (digits.len(), value);
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.raw(quote)?;
        self.raw(sign)?;
        self.raw(&digits[at..])?;
        self.raw(quote)
    }

    /// One UTF-16 unit as `\uXXXX`; what is escaped lies below U+10000.
    fn escaped(&mut self, letter: char) -> Result<(), EncodeError> {
        let unit = u32::from(letter);
        let digit = |shift: u32| b"0123456789abcdef"[(unit >> shift & 15) as usize];
        self.raw(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)])
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let end = self.written.checked_add(bytes.len()).ok_or(EncodeError::TooLarge)?;
        if let Some(sink) = &mut self.sink {
            sink.get_mut(self.written..end).ok_or(EncodeError::TooLarge)?.copy_from_slice(bytes);
        }
        self.written = end;
        Ok(())
    }
}

/// The fields of a JSON object that is being written.
pub struct Fields<'o, 'a> {
    out: &'o mut Exporter<'a>,
    any: bool,
}

impl<'a> Fields<'_, 'a> {
    /// Adds a field. A name that is given twice stands there twice.
    ///
    /// # Errors
    ///
    /// What `write` returns, and [`EncodeError::TooLarge`].
    pub fn field(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Exporter<'a>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if std::mem::replace(&mut self.any, true) {
            self.out.raw(b",")?;
        }
        self.out.text(name)?;
        self.out.raw(b":")?;
        write(self.out)
    }
}

/// The items of a JSON array that is being written.
pub struct Items<'o, 'a> {
    out: &'o mut Exporter<'a>,
    any: bool,
}

impl<'a> Items<'_, 'a> {
    /// Adds an item.
    ///
    /// # Errors
    ///
    /// What `write` returns, and [`EncodeError::TooLarge`].
    pub fn item(
        &mut self,
        write: impl FnOnce(&mut Exporter<'a>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if std::mem::replace(&mut self.any, true) {
            self.out.raw(b",")?;
        }
        write(self.out)
    }
}
