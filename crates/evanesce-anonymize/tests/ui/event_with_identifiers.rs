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
    reader: String,
    account: u64,
    address: std::net::IpAddr,
    at: evanesce_core::Timestamp,
}

fn main() {}
