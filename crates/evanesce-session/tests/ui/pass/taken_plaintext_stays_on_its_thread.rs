use evanesce_session::{Sessions, Token};

fn spawn(_: impl Future + Send) {}

fn take(sessions: Sessions, token: Token) {
    spawn(async move {
        let length = sessions.take::<String>(token).await.map(|text| text.len());
        std::future::ready(()).await;
        length
    });
}

fn main() {
    let _ = take;
}
