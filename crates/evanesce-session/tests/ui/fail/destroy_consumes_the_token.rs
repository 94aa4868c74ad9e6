use evanesce_session::{Failed, Sessions, Token};

async fn forget(sessions: &Sessions, token: Token) -> Result<(), Failed> {
    sessions.destroy(token).await?;
    let _ = sessions.read(&token, |_: &String| ()).await;
    Ok(())
}

fn main() {
    let _ = forget;
}
