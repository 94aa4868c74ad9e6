use evanesce_macros::Ephemeral;
use evanesce_service::{ServiceError, Session};

#[derive(Ephemeral)]
struct Visit {
    text: String,
}

async fn leave(session: Session<Visit>) -> Result<(), ServiceError> {
    session.erase().await?;
    session.renew().await?;
    Ok(())
}

fn main() {
    let _ = leave;
    let _ = Visit { text: String::new() };
}
