use evanesce_memory::Plain;

fn spawn<F: Future + Send>(_: F) {}

async fn pause() {}

fn main() {
    spawn(async {
        let plain = Plain::new(String::new());
        pause().await;
        drop(plain);
    });
}
