use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
struct Visit {
    email: String,
}

#[derive(Debug, Ephemeral)]
#[ephemeral(vocabulary)]
enum Topic {
    Energy,
    Other,
}

fn main() {
    let _ = (Visit { email: String::new() }.email, Topic::Energy, Topic::Other);
}
