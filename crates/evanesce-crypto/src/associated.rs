/// The associated data that binds a record to its place. Each field carries its
/// length, so that no two lists of fields give the same bytes.
///
/// ```
/// use evanesce_crypto::AssociatedData;
/// let one = AssociatedData::new("record v1").field(b"ab").field(b"c");
/// let two = AssociatedData::new("record v1").field(b"a").field(b"bc");
/// assert_ne!(one.as_bytes(), two.as_bytes());
/// ```
#[derive(Clone)]
pub struct AssociatedData(Vec<u8>);

impl AssociatedData {
    /// Begins with the label of what is bound, such as `session record v1`.
    #[must_use]
    pub fn new(label: &'static str) -> Self {
        Self(Vec::with_capacity(128)).field(label.as_bytes())
    }

    /// Adds a field: its length as 8 bytes, big-endian, then the bytes.
    #[must_use]
    pub fn field(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// Adds a number as a field of 8 bytes, big-endian.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.field(&number.to_be_bytes())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(fields: &[Vec<u8>]) -> Vec<u8> {
        let data = fields.iter().fold(AssociatedData::new("v1"), |data, field| data.field(field));
        data.as_bytes().to_vec()
    }

    proptest! {
        #[test]
        fn two_lists_never_give_the_same_bytes(
            one in proptest::collection::vec(proptest::collection::vec(0..2_u8, 0..10), 0..4),
            two in proptest::collection::vec(proptest::collection::vec(0..2_u8, 0..10), 0..4),
        ) {
            prop_assert_eq!(one == two, bytes(&one) == bytes(&two));
        }
    }
}
