use evanesce_memory::{Plain, SecretBytes};

fn main() {
    let plain = Plain::new(String::new());
    let secret: SecretBytes = plain.to_secret().unwrap();
    std::thread::spawn(move || secret.len()).join().unwrap();
}
