use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
struct Visit {
    started: std::time::Instant,
}

fn main() {}
