use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
struct Visit {
    started: u64,
}

fn main() {
    let _ = Visit { started: 0 }.started;
}
