use evanesce_session::{Sessions, Token};

fn spawn(_: impl Future + Send) {}

fn take(sessions: Sessions, token: Token) {
    spawn(async move {
        let text = sessions.take::<String>(token).await;
        std::future::ready(()).await;
        text.map(|text| text.len())
    });
}

fn main() {
    let _ = take;
}
