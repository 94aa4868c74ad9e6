//! What criterion cannot measure of sessions: a million of them, in the memory of this process
//! and in Redis.

mod million;
mod purge;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            million::compare();
            purge::compare();
        }
        ["million"] => million::compare(),
        ["million", side] => million::side(side),
        ["purge"] => purge::compare(),
        _ => {
            eprintln!("usage: session [million [ours | tower-sessions] | purge]");
            std::process::exit(2);
        }
    }
}
