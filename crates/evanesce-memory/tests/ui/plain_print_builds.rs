use evanesce_memory::{Ephemeral, Plain};

#[derive(Ephemeral)]
struct Visit {
    email: String,
}

fn main() {
    let plain = Plain::new(Visit { email: String::new() });
    println!("{}", plain.email.len());
}
