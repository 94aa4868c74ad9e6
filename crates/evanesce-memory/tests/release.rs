//! Wiping is not optimised away. The program under `tests/release` is compiled as a package of
//! its own, with every optimisation that could remove a store that nobody reads.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{fs, path::Path, process::Command};

#[test]
fn wiping_as_the_last_use_survives_optimisation() {
    let memory = env!("CARGO_MANIFEST_DIR");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wiping-in-release");
    fs::create_dir_all(&folder).unwrap();
    let manifest = format!(
        "[package]\nname = \"wiping-in-release\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [workspace]\n[[bin]]\nname = \"wiping-in-release\"\npath = '{memory}/tests/release/program.rs'\n\
         [dependencies]\nevanesce-memory = {{ path = '{memory}' }}\n\
         [profile.release]\nopt-level = 3\nlto = \"fat\"\ncodegen-units = 1\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    // The versions of the workspace, so that nothing has to be looked up.
    let lock = Path::new(memory).ancestors().map(|above| above.join("Cargo.lock"));
    fs::copy(lock.into_iter().find(|lock| lock.exists()).unwrap(), folder.join("Cargo.lock"))
        .unwrap();
    let built = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--offline"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    let output = String::from_utf8(built.stdout).unwrap();
    let found = |case: &str| -> usize {
        let line = output.lines().find_map(|line| line.strip_prefix(case)).unwrap();
        line.trim_start_matches(": ").parse().unwrap()
    };
    // The controls: what is not wiped is found, and so is what a plain `fill` was to zero, which
    // is left out as a store to memory that is freed next.
    assert!(found("leaked on the heap") > 0, "{output}");
    assert!(found("filled with zeros") > 0, "{output}");
    for case in ["wiped on the heap", "wiped by its type", "wiped on the stack", "dropped"] {
        assert_eq!(found(case), 0, "{output}");
    }
}
