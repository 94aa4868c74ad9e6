use evanesce_memory::{Ephemeral, Plain};

#[derive(Ephemeral)]
struct Visit {
    email: String,
}

fn main() {
    let plain = Plain::new(Visit { email: String::new() });
    let secret = plain.to_secret().unwrap();
    let _second = Plain::<Visit>::from_secret(&secret).unwrap();
}
