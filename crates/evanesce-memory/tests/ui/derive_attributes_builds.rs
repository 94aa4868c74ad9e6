use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
#[ephemeral(schema = 3, max = 1024, crate = "::evanesce_memory")]
struct Known;

fn main() {
    assert_eq!((Known::SCHEMA, Known::MAX), (3, 1024));
    let _ = Known;
}
