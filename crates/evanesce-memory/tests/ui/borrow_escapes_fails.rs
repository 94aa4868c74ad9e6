use evanesce_memory::SecretBytes;

fn main() {
    let secret = SecretBytes::zeroed(4).unwrap();
    let bytes: &[u8] = secret.expose(|bytes| bytes);
    let _first = bytes.first();
}
