use evanesce_memory::Plain;

fn main() {
    let plain = Plain::new(String::new());
    std::thread::spawn(move || plain.len());
}
