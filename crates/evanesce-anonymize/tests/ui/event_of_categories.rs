use evanesce_macros::{Category, Event, Purpose};

#[derive(Purpose)]
#[purpose(notice = "Which topics are popular", basis = "consent", keep = "12 months")]
struct Usage;

#[derive(Category)]
enum Topic {
    Travel,
    Other,
}

#[derive(Event)]
#[event(purpose = Usage, owner = "editors", until = "2027-06-30")]
struct Composed {
    topic: Topic,
    steps: evanesce_anonymize::Bucket<5>,
    hour: evanesce_anonymize::HourOfDay,
    is_first: bool,
}

fn main() {
    use evanesce_anonymize::Event;
    use evanesce_core::Timestamp;
    let event = Composed {
        topic: Topic::Other,
        steps: 3_u64.into(),
        hour: Timestamp::from_millis(7_200_000).into(),
        is_first: true,
    };
    assert_eq!(event.cell().indices(), [1, 2, 2, 1]);
    let _ = Topic::Travel;
}
