//! Reading of `tests/vectors`, for tests.

use evanesce_memory::SecretBytes;

#[path = "../tests/aes/mod.rs"]
pub(crate) mod aes;

/// Lines of `name = hexadecimal`; `#` begins a comment.
pub(crate) struct Vectors(&'static str);

impl Vectors {
    pub(crate) fn new(text: &'static str) -> Self {
        Self(text)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let found = self.0.lines().filter_map(|line| line.split_once(" = "));
        hex(found.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap())
    }
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

pub(crate) fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::from_slice(&mut bytes.to_vec()).unwrap()
}
