use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
#[ephemeral(schema = 2)]
struct Before;

#[derive(Ephemeral)]
#[ephemeral(schema = 3, was = Before)]
struct Raised;

impl From<&mut Before> for Raised {
    fn from(_: &mut Before) -> Self {
        Self
    }
}

fn main() {
    let _ = Raised;
}
