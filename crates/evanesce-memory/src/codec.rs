//! The encoder and the bounded decoder under [`crate::Ephemeral`].
//!
//! Numbers are big-endian. Every field, element and key is preceded by its length in four
//! bytes, so that a decoder never reads past one and never allocates for a length that the
//! input does not have.

use crate::{DecodeError, EncodeError};

/// How deep values may lie in one another.
const DEEPEST: u8 = 64;

/// Writes a value into memory of a known size, or only counts how much it needs.
pub struct Encoder<'a> {
    sink: Option<&'a mut [u8]>,
    written: usize,
    limit: usize,
    depth: u8,
}

impl<'a> Encoder<'a> {
    /// An encoder that counts, up to `limit` bytes.
    pub(crate) fn counting(limit: usize) -> Self {
        Self { sink: None, written: 0, limit, depth: 0 }
    }

    /// An encoder that fills `sink`.
    pub(crate) fn writing(sink: &'a mut [u8]) -> Self {
        Self { limit: sink.len(), sink: Some(sink), written: 0, depth: 0 }
    }

    /// How many bytes were written or counted so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written
    }

    /// Appends bytes as they are. The decoder must know their number.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] beyond the limit of the type.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let end = self
            .written
            .checked_add(bytes.len())
            .filter(|end| *end <= self.limit)
            .ok_or(EncodeError::TooLarge)?;
        if let Some(sink) = &mut self.sink {
            sink.get_mut(self.written..end).ok_or(EncodeError::TooLarge)?.copy_from_slice(bytes);
        }
        self.written = end;
        Ok(())
    }

    /// Appends what `write` appends, preceded by its length.
    ///
    /// # Errors
    ///
    /// What `write` returns; [`EncodeError::TooDeep`] beyond 64 fields inside one another.
    pub fn field(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if self.depth >= DEEPEST {
            return Err(EncodeError::TooDeep);
        }
        let at = self.written;
        self.raw(&[0; 4])?;
        let start = self.written;
        self.depth += 1;
        write(self)?;
        self.depth -= 1;
        let len = u32::try_from(self.written - start).map_err(|_| EncodeError::TooLarge)?;
        if let Some(prefix) = self.sink.as_mut().and_then(|sink| sink.get_mut(at..start)) {
            prefix.copy_from_slice(&len.to_be_bytes());
        }
        Ok(())
    }

    /// Appends a number of elements, in four bytes.
    ///
    /// # Errors
    ///
    /// [`EncodeError::TooLarge`] when it has no room.
    pub fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let count = u32::try_from(count).map_err(|_| EncodeError::TooLarge)?;
        self.raw(&count.to_be_bytes())
    }
}

/// Reads a value from bytes that may be hostile.
pub struct Decoder<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn raw(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Reads one field with `read`, which must use it up.
    ///
    /// # Errors
    ///
    /// What `read` returns; [`DecodeError::Truncated`] when the field is longer than the input,
    /// [`DecodeError::Trailing`] when `read` leaves bytes, [`DecodeError::TooDeep`] beyond 64
    /// fields inside one another.
    pub fn field<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth >= DEEPEST {
            return Err(DecodeError::TooDeep);
        }
        let len = u32::from_be_bytes(self.array()?);
        let mut inner = Self {
            rest: self.raw(usize::try_from(len).map_err(|_| DecodeError::Truncated)?)?,
            depth: self.depth + 1,
        };
        let value = read(&mut inner)?;
        inner.finish()?;
        Ok(value)
    }

    /// A number of elements that are fields: never more than the input has room for.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] when the input is too short for so many.
    pub fn count(&mut self) -> Result<usize, DecodeError> {
        let count = usize::try_from(u32::from_be_bytes(self.array()?))
            .map_err(|_| DecodeError::Truncated)?;
        if count > self.remaining() / 4 {
            return Err(DecodeError::Truncated);
        }
        Ok(count)
    }

    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }
}
