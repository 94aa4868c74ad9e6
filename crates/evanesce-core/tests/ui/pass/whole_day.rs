use evanesce_core::Lifetime;

const LONGEST: Lifetime = Lifetime::hours(24);

fn main() {
    assert_eq!(LONGEST, Lifetime::MAX);
}
