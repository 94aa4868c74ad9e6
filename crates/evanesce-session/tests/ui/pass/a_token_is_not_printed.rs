use evanesce_session::Token;

fn hand_over(token: &Token) -> usize {
    token.to_text().len()
}

fn main() {
    let _ = hand_over;
}
