use evanesce_session::{Failed, Sessions, Token};

async fn forget(sessions: &Sessions, token: Token) -> Result<(), Failed> {
    let _ = sessions.read(&token, |_: &String| ()).await;
    sessions.destroy(token).await?;
    Ok(())
}

fn main() {
    let _ = forget;
}
