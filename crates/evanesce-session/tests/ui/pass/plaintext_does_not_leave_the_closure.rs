use evanesce_session::{SessionError, Sessions, Token};

async fn peek(sessions: &Sessions, token: &Token) -> Result<usize, SessionError> {
    sessions.read(token, |text: &String| text.len()).await
}

fn main() {
    let _ = peek;
}
