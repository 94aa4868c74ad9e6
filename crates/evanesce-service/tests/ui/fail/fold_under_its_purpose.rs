use evanesce_macros::{Category, Ephemeral, Event, Purpose};
use evanesce_service::{ServiceError, Session};

#[derive(Ephemeral)]
struct Visit {
    text: String,
}

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
struct Usage;

#[derive(Purpose)]
#[purpose(notice = "Which newsletters are read", basis = "consent", keep = "12 months")]
struct Marketing;

#[derive(Category)]
enum Topic {
    Travel,
}

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
struct Composed {
    topic: Topic,
}

async fn count(
    session: &Session<Visit>,
    usage: &evanesce_core::Granted<Usage>,
    marketing: &evanesce_core::Granted<Marketing>,
) -> Result<(), ServiceError> {
    let _ = (usage, marketing);
    session.fold(Composed { topic: Topic::Travel }, marketing).await?;
    Ok(())
}

fn main() {
    let _ = count;
    let _ = Visit { text: String::new() };
}
