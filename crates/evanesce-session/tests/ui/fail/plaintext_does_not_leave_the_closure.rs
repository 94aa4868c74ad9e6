use evanesce_session::{SessionError, Sessions, Token};

async fn peek(sessions: &Sessions, token: &Token) -> Result<usize, SessionError> {
    let text = sessions.read(token, |text: &String| text).await?;
    Ok(text.len())
}

fn main() {
    let _ = peek;
}
