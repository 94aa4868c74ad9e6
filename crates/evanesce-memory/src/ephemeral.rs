//! Personal data: values that are encoded into guarded memory and nowhere else.

use std::{collections::BTreeMap, mem};

use crate::{
    DecodeError, Decoder, EncodeError, Encoder, Exporter, MemoryPolicy, SecretBytes, Wipe,
    wipe::wipe_spare,
};

/// A value that is personal data. It is encoded straight into guarded memory, and wiped after
/// use; it has neither `Serialize` nor `Debug`. Use `#[derive(Ephemeral)]`.
///
/// The first two bytes of an encoding are [`Ephemeral::SCHEMA`], so that two versions of a
/// program can share a store while one replaces the other.
pub trait Ephemeral: Wipe + Sized + Send {
    /// The version of the layout. Raise it whenever fields or variants change, also those of a
    /// type that lies inside: only the outermost schema is written.
    const SCHEMA: u16;
    /// The longest encoding in bytes, without the schema.
    const MAX: usize = 64 * 1024;

    /// Appends the value.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when it is too large or nested too deeply.
    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError>;

    /// Reads what [`Ephemeral::encode`] wrote. The input may be hostile.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when the bytes are no such value.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// Reads a value of another schema. By default there is none that could be read.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Schema`] when this program does not know the schema.
    fn decode_other(found: u16, input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let _ = input;
        Err(DecodeError::Schema { found, known: Self::SCHEMA })
    }

    /// Writes the value for the person whom it is about; see [`crate::to_json`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when it is nested too deeply.
    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError>;

    /// Exports many values; bytes have a denser form than others.
    #[doc(hidden)]
    fn export_all(values: &[Self], out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.items(|items| values.iter().try_for_each(|value| items.item(|out| value.export(out))))
    }

    /// Appends many values; bytes have a denser form than others.
    #[doc(hidden)]
    fn encode_all(values: &[Self], out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.count(values.len())?;
        values.iter().try_for_each(|value| out.field(|out| value.encode(out)))
    }

    /// Reads what [`Ephemeral::encode_all`] wrote.
    #[doc(hidden)]
    fn decode_all(input: &mut Decoder<'_>) -> Result<Vec<Self>, DecodeError> {
        let count = input.count()?;
        let affordable = input.remaining() / mem::size_of::<Self>().max(1);
        let mut values = Wiping(Vec::with_capacity(count.min(affordable)));
        for _ in 0..count {
            values.push(input.field(Self::decode)?);
        }
        Ok(mem::take(&mut values.0))
    }
}

/// Encodes a value into guarded memory: schema, then the value. The size is measured first, so
/// that there is one allocation and no copy.
///
/// # Errors
///
/// [`EncodeError`] when the value is too large, nested too deeply, or memory is exhausted.
pub fn to_secret<T: Ephemeral>(value: &T) -> Result<SecretBytes, EncodeError> {
    secret_under(MemoryPolicy::default(), value)
}

/// As [`to_secret`], in memory that `policy` accepts: the value never touches a weaker rung.
pub(crate) fn secret_under<T: Ephemeral>(
    policy: MemoryPolicy,
    value: &T,
) -> Result<SecretBytes, EncodeError> {
    let mut measure = Encoder::counting(T::MAX);
    value.encode(&mut measure)?;
    let len = measure.written();
    let mut secret = {
        let with_schema = len.checked_add(2).ok_or(EncodeError::TooLarge)?;
        SecretBytes::zeroed_under(policy, with_schema)?
    };
    secret.expose_mut(|bytes| {
        let (schema, body) = bytes.split_first_chunk_mut::<2>().ok_or(EncodeError::Unstable)?;
        *schema = T::SCHEMA.to_be_bytes();
        let mut out = Encoder::writing(body);
        match value.encode(&mut out) {
            Ok(()) if out.written() == len => Ok(()),
            Ok(()) | Err(EncodeError::TooLarge) => Err(EncodeError::Unstable),
            Err(error) => Err(error),
        }
    })?;
    Ok(secret)
}

/// Decodes what [`to_secret`] made.
///
/// The value itself lies on the stack and the heap: put it into a [`crate::Plain`], or let
/// [`crate::SecureContext::open`] do so.
///
/// # Errors
///
/// [`DecodeError`] when the bytes are no such value.
pub fn from_secret<T: Ephemeral>(secret: &SecretBytes) -> Result<T, DecodeError> {
    secret.expose(from_bytes)
}

/// Decodes from bytes that may be hostile. What was read before an error is wiped.
///
/// # Errors
///
/// [`DecodeError`] when the bytes are no such value.
pub fn from_bytes<T: Ephemeral>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (schema, body) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Truncated)?;
    if body.len() > T::MAX {
        return Err(DecodeError::TooLarge);
    }
    let found = u16::from_be_bytes(*schema);
    let mut input = Decoder::new(body);
    let mut value = if found == T::SCHEMA {
        T::decode(&mut input)?
    } else {
        T::decode_other(found, &mut input)?
    };
    if let Err(error) = input.finish() {
        value.wipe();
        return Err(error);
    }
    Ok(value)
}

/// A vector that wipes what it leaves behind when it grows, and itself when decoding fails.
struct Wiping<T: Wipe>(Vec<T>);

impl<T: Wipe> Wiping<T> {
    fn push(&mut self, value: T) {
        if self.0.len() == self.0.capacity() {
            let mut grown = Vec::with_capacity((self.0.capacity() * 2).max(4));
            grown.append(&mut self.0);
            wipe_spare(&mut self.0);
            self.0 = grown;
        }
        self.0.push(value);
    }
}

impl<T: Wipe> Drop for Wiping<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

macro_rules! ephemeral_numbers {
    ($($number:ty as $wide:ty: $export:ident),*) => {$(
        impl Ephemeral for $number {
            const SCHEMA: u16 = 0;

            fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
                out.raw(&self.to_be_bytes())
            }

            fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                Ok(Self::from_be_bytes(input.array()?))
            }

            fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
                out.$export(<$wide>::from(*self))
            }
        }
    )*};
}

ephemeral_numbers!(
    i8 as i128: integer,
    i16 as i128: integer,
    i32 as i128: integer,
    i64 as i128: integer,
    i128 as i128: integer,
    u16 as u128: natural,
    u32 as u128: natural,
    u64 as u128: natural,
    u128 as u128: natural
);

impl Ephemeral for u8 {
    const SCHEMA: u16 = 0;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.raw(&[*self])
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let [byte] = input.array()?;
        Ok(byte)
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.natural((*self).into())
    }

    fn export_all(values: &[Self], out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.bytes(values)
    }

    fn encode_all(values: &[Self], out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.field(|out| out.raw(values))
    }

    fn decode_all(input: &mut Decoder<'_>) -> Result<Vec<Self>, DecodeError> {
        input.field(|input| Ok(input.rest().to_vec()))
    }
}

impl Ephemeral for bool {
    const SCHEMA: u16 = 0;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.raw(&[u8::from(*self)])
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(DecodeError::Malformed),
        }
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.raw(if *self { b"true" } else { b"false" })
    }
}

impl Ephemeral for () {
    const SCHEMA: u16 = 0;

    fn encode(&self, _: &mut Encoder<'_>) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.null()
    }
}

impl Ephemeral for String {
    const SCHEMA: u16 = 0;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.field(|out| out.raw(self.as_bytes()))
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.field(|input| {
            std::str::from_utf8(input.rest()).map(str::to_owned).map_err(|_| DecodeError::Malformed)
        })
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.text(self)
    }
}

impl<T: Ephemeral> Ephemeral for Vec<T> {
    const SCHEMA: u16 = T::SCHEMA;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        T::encode_all(self, out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        T::decode_all(input)
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        T::export_all(self, out)
    }
}

impl<T: Ephemeral> Ephemeral for Option<T> {
    const SCHEMA: u16 = T::SCHEMA;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            None => out.raw(&[0]),
            Some(value) => {
                out.raw(&[1])?;
                value.encode(out)
            }
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.array()? {
            [0] => Ok(None),
            [1] => T::decode(input).map(Some),
            _ => Err(DecodeError::Malformed),
        }
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        match self {
            None => out.null(),
            Some(value) => value.export(out),
        }
    }
}

impl<const N: usize> Ephemeral for [u8; N] {
    const SCHEMA: u16 = 0;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.raw(self)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.array()
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.bytes(self)
    }
}

impl<A: Ephemeral, B: Ephemeral> Ephemeral for (A, B) {
    const SCHEMA: u16 = 0;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.field(|out| self.0.encode(out))?;
        out.field(|out| self.1.encode(out))
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut first = input.field(A::decode)?;
        match input.field(B::decode) {
            Ok(second) => Ok((first, second)),
            Err(error) => {
                first.wipe();
                Err(error)
            }
        }
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.items(|items| {
            items.item(|out| self.0.export(out))?;
            items.item(|out| self.1.export(out))
        })
    }
}

impl<T: Ephemeral> Ephemeral for BTreeMap<String, T> {
    const SCHEMA: u16 = T::SCHEMA;

    fn encode(&self, out: &mut Encoder<'_>) -> Result<(), EncodeError> {
        out.count(self.len())?;
        self.iter().try_for_each(|(key, value)| {
            key.encode(out)?;
            out.field(|out| value.encode(out))
        })
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = input.count()?;
        let mut map = Self::new();
        let result = (0..count).try_for_each(|_| {
            let mut key = String::decode(input)?;
            // Ascending keys only: one map has one encoding.
            if map.last_key_value().is_some_and(|(last, _)| *last >= key) {
                key.wipe();
                return Err(DecodeError::Malformed);
            }
            match input.field(T::decode) {
                Ok(value) => {
                    map.insert(key, value);
                    Ok(())
                }
                Err(error) => {
                    key.wipe();
                    Err(error)
                }
            }
        });
        if let Err(error) = result {
            map.wipe();
            return Err(error);
        }
        Ok(map)
    }

    fn export(&self, out: &mut Exporter<'_>) -> Result<(), EncodeError> {
        out.fields(|fields| {
            self.iter().try_for_each(|(key, value)| fields.field(key, |out| value.export(out)))
        })
    }
}
