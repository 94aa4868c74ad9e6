use evanesce_memory::SecretBytes;

fn main() {
    let secret = SecretBytes::zeroed(4).unwrap();
    let _first = secret.expose(|bytes| bytes.first().copied());
}
