use evanesce_memory::Ephemeral;

#[derive(Ephemeral)]
#[ephemeral(version = 3)]
struct Unknown;

#[derive(Ephemeral)]
#[ephemeral(schema = "three")]
struct Text;

#[derive(Ephemeral)]
#[ephemeral(schema = 1, schema = 2)]
struct Twice;

#[derive(Ephemeral)]
#[ephemeral(vocabulary)]
struct NoEnum;

#[derive(Ephemeral)]
struct Generic<T>(T);

#[derive(Ephemeral)]
union Either {
    one: u8,
    other: u8,
}

#[derive(Ephemeral)]
enum Never {}

fn main() {}
