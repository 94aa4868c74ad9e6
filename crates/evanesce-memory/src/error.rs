//! What can go wrong, in sentences that hold no data.

/// Why guarded memory could not be given, or not be measured.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MemoryError {
    /// The process has no memory left.
    #[error("no memory is left for a secret")]
    Exhausted,
    /// The secret stayed in a parent process.
    #[error("the secret was left behind in a parent process")]
    Gone,
    /// `RLIMIT_MEMLOCK` leaves no room at the rung that the policy asks for.
    #[error(
        "RLIMIT_MEMLOCK leaves no room for a secret at the rung the policy asks for: raise the limit or lower `at_least`"
    )]
    LockLimit,
    /// The kernel's account of this process could not be read under `/proc/self`.
    #[error("the memory map of the process cannot be read")]
    MapUnreadable,
    /// A process-wide setting was refused by the kernel.
    #[error("the kernel refused to protect the process")]
    ProcessRefused,
    /// The source of a secret ended before the secret was filled.
    #[error("the source ended before the secret was filled")]
    ShortRead,
    /// The source of a secret could not be read.
    #[error("the source of the secret cannot be read")]
    SourceUnreadable,
    /// The length can't be mapped.
    #[error("the secret is too large to be mapped")]
    TooLarge,
    /// The kernel has no memory of the rung that the policy asks for.
    #[error("the kernel offers no memory of the rung the policy asks for: lower `at_least`")]
    Unsupported,
}

/// Why a value could not be encoded.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// Guarded memory could not be had.
    #[error("no guarded memory for the encoded value")]
    Memory(#[source] MemoryError),
    /// Values lie in one another more than 64 deep.
    #[error("the value is nested too deeply")]
    TooDeep,
    /// The encoded form is longer than `Ephemeral::MAX`.
    #[error("the encoded value is longer than its type allows")]
    TooLarge,
    /// Two encodings of the same value differ in length.
    #[error("the value changed its length while it was encoded")]
    Unstable,
}

impl From<MemoryError> for EncodeError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

/// Why bytes could not be decoded. Never holds what was read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// A tag, a text or an order that no encoder writes.
    #[error("the bytes are not an encoding of this type")]
    Malformed,
    /// Guarded memory could not be had.
    #[error("no guarded memory for the decoded value")]
    Memory(#[source] MemoryError),
    /// Written under a schema that this program does not read.
    #[error("the value was written under another schema")]
    Schema {
        /// The schema that the bytes name.
        found: u16,
        /// The schema that the type has.
        known: u16,
    },
    /// Values lie in one another more than 64 deep.
    #[error("the encoding is nested too deeply")]
    TooDeep,
    /// More bytes than `Ephemeral::MAX` allows.
    #[error("the encoding is longer than its type allows")]
    TooLarge,
    /// Bytes are left over after the value.
    #[error("bytes are left after the value")]
    Trailing,
    /// The bytes end before the value does.
    #[error("the bytes end before the value does")]
    Truncated,
}

impl From<MemoryError> for DecodeError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}
