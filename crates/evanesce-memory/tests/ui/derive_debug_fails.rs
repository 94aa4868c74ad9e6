use evanesce_memory::Ephemeral;

#[derive(Debug, Ephemeral)]
struct Visit {
    email: String,
}

fn main() {}
