use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
#[ephemeral(schema = 2)]
struct Before;

#[derive(Ephemeral)]
#[ephemeral(schema = 2, was = Before)]
struct NotRaised;

impl From<&mut Before> for NotRaised {
    fn from(_: &mut Before) -> Self {
        Self
    }
}

#[derive(Ephemeral)]
#[ephemeral(schema = 3, was = Before)]
struct NoConversion;

#[derive(Ephemeral)]
#[ephemeral(schema = 3, was = "Before")]
struct Text;

fn main() {}
