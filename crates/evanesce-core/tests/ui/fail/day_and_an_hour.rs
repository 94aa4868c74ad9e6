use evanesce_core::Lifetime;

const TOO_LONG: Lifetime = Lifetime::hours(25);

fn main() {
    let _ = TOO_LONG;
}
