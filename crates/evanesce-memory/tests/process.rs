//! Protection of the whole process, read back. One test, because it can't be undone.

use evanesce_memory::{
    SecretBytes, assert_no_residue, flags, process_protection, protect_process,
    residue::{Needle, scan_process},
};

#[test]
fn a_protected_process_is_not_dumped_and_can_still_measure_itself() {
    assert!(process_protection().unwrap().dumpable);
    let after = protect_process().unwrap();
    assert!(!after.dumpable);
    assert_eq!(after.core_limit, 0);
    assert_eq!(process_protection().unwrap(), after);

    let mut value = vec![0; 32];
    let needle = Needle::random(&mut value).unwrap();
    assert_eq!(scan_process(&needle).unwrap().findings.len(), 1);
    let secret = SecretBytes::from_slice(&mut value).unwrap();
    assert!(flags(&secret).is_ok());
    drop(secret);
    assert_no_residue!(needle);
}
