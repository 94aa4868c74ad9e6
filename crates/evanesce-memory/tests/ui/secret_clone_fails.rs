use evanesce_memory::SecretBytes;

fn main() {
    let secret = SecretBytes::zeroed(4).unwrap();
    let _second: SecretBytes = secret.clone();
}
