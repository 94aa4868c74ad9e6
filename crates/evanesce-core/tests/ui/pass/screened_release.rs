use evanesce_core::{Blocked, Released, Screen};

struct Clear;

impl Screen for Clear {
    fn screen(&self, _: &[u8]) -> Result<(), Blocked> {
        Ok(())
    }
}

fn main() {
    let _released = Released::screen(String::from("a page"), &Clear).unwrap();
}
