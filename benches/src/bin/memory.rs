//! Resident bytes for each of 10,000 secrets of 64 bytes that live at once.

const COUNT: usize = 10_000;
const LENGTH: usize = 64;

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => benches::compare("memory/resident", "B"),
        Some("ours") => {
            println!(
                "{}",
                grown(|| evanesce_memory::SecretBytes::zeroed(LENGTH).expect("guarded memory"))
            );
        }
        #[cfg(feature = "peers")]
        Some("peer") => println!(
            "{}",
            grown(|| {
                // SAFETY: an array of bytes is valid whatever memsec fills it with; it is never freed.
                unsafe { memsec::malloc::<[u8; LENGTH]>() }.expect("guarded memory")
            })
        ),
        Some(other) => {
            eprintln!("{other} is not a side of the comparison: build with --features peers");
            std::process::exit(2);
        }
    }
}

fn grown<T>(make: impl Fn() -> T) -> usize {
    // One beforehand: what is set up once is not what a secret costs.
    let first = make();
    let mut all = Vec::with_capacity(COUNT);
    let before = resident();
    all.extend((0..COUNT).map(|_| make()));
    let after = resident();
    drop((first, all));
    after.saturating_sub(before) / COUNT
}

// Field VmRSS of /proc/self/status, proc(5).
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes * 1024
}
