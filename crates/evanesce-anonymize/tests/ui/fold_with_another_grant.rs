use evanesce_macros::{Category, Event, Purpose};

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
struct Usage;

#[derive(Category)]
enum Topic {
    Travel,
    Other,
}

#[derive(Purpose)]
#[purpose(notice = "How fast pages are", basis = "consent", keep = "90 days")]
struct Speed;

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
struct Composed {
    topic: Topic,
}

use evanesce_anonymize::Folds;
use evanesce_core::{Allowance, Granted};

async fn fold(folds: &Folds, session: &dyn Allowance, speed: &Granted<Speed>) {
    let _ = folds.fold(Composed { topic: Topic::Travel }, speed, session).await;
}

fn main() {
    let _ = (fold, Topic::Other, Speed);
}
