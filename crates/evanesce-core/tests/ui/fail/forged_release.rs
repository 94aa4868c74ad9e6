use evanesce_core::Released;

fn main() {
    let _released = Released(String::from("a page"));
}
