use evanesce_macros::Ephemeral;
use evanesce_service::Session;

#[derive(Ephemeral)]
struct Visit {
    text: String,
}

fn write<T: serde::Serialize>(_: &T) {}

fn keep(session: &Session<Visit>, text: &str) {
    let _ = (session, text);
    write(&text);
}

fn main() {
    let _ = keep;
    let _ = Visit { text: String::new() };
}
