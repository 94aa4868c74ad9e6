use evanesce_memory::{Plain, SecretBytes};

fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    serialize(&Plain::new(String::new()));
    serialize(&SecretBytes::zeroed(4).unwrap());
}
