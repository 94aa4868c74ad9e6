use evanesce_memory::{Plain, SecretBytes};

fn serialize<T: serde::Serialize>(_: &T) {}

fn main() {
    if let Ok(plain) = SecretBytes::zeroed(6).map(|secret| Plain::<String>::from_secret(&secret)) {
        let Ok(plain) = plain else { return };
        serialize(&plain.len());
    }
}
