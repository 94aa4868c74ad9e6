use evanesce_session::Token;

fn keep(token: &Token) -> Token {
    Token::clone(token)
}

fn main() {
    let _ = keep;
}
