use evanesce_memory::Plain;

fn spawn<F: Future + Send>(_: F) {}

async fn pause() {}

fn main() {
    spawn(async {
        let length = Plain::new(String::new()).len();
        pause().await;
        length
    });
}
