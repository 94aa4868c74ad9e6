use evanesce_session::{ChildToken, Sessions};

async fn alone(sessions: &Sessions, child: &ChildToken) {
    let _ = sessions.read(child, |text: &String| text.len()).await;
}

fn main() {}
