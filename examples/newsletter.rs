//! A newsletter from request to proof.

fn main() {}
