use evanesce_memory::SecretBytes;

async fn send(_: &[u8]) {}

fn main() {
    let secret = SecretBytes::zeroed(4).unwrap();
    let _future = secret.expose(|bytes| send(bytes));
}
