use evanesce_session::Token;

fn hand_over(token: &Token) -> usize {
    format!("{token} {token:?}").len()
}

fn main() {
    let _ = hand_over;
}
