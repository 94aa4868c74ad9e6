use evanesce_macros::Ephemeral;
use evanesce_service::Session;

#[derive(Ephemeral)]
struct Visit {
    text: String,
}

fn show(session: &Session<Visit>, text: &str) -> String {
    let _ = (session, text);
    format!("{:?}", session)
}

fn main() {
    let _ = show;
    let _ = Visit { text: String::new() };
}
