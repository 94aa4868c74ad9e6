//! Resident bytes for each of 10,000 secrets of 64 bytes that live at once, each side in a
//! process of its own.

use benches::figure;

const COUNT: usize = 10_000;
const LENGTH: usize = 64;
const TURNS: usize = 3;

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => {
            let (mut ours, mut peer) = (Vec::new(), Vec::new());
            for _ in 0..TURNS {
                ours.push(figure::child(&["ours"]));
                peer.push(figure::child(&["memsec"]));
            }
            figure::print("memory/resident-64 vs memsec", "B", &ours, &peer);
        }
        Some("ours") => figure::answer(&grown(|| {
            evanesce_memory::SecretBytes::zeroed(LENGTH).expect("guarded memory")
        })),
        #[cfg(feature = "peers")]
        Some("memsec") => figure::answer(&grown(|| {
            // SAFETY: an array of bytes is valid whatever memsec fills it with; it is never freed.
            unsafe { memsec::malloc::<[u8; LENGTH]>() }.expect("guarded memory")
        })),
        Some(other) => {
            eprintln!("{other} is not a side of the comparison: build with --features peers");
            std::process::exit(2);
        }
    }
}

fn grown<T>(make: impl Fn() -> T) -> f64 {
    // One beforehand: what is set up once is not what a secret costs.
    let first = make();
    let mut all = Vec::with_capacity(COUNT);
    let before = figure::resident();
    all.extend((0..COUNT).map(|_| make()));
    let after = figure::resident();
    drop((first, all));
    after.saturating_sub(before) as f64 / COUNT as f64
}
