use evanesce_session::Token;

fn keep(token: Token) -> Token {
    token
}

fn main() {
    let _ = keep;
}
