use evanesce_session::{ChildToken, Sessions, Token};

async fn together(sessions: &Sessions, parent: &Token, child: &ChildToken) {
    let _ = sessions.read_child(parent, child, |text: &String| text.len()).await;
}

fn main() {}
