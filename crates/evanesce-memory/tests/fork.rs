//! What a forked child sees of its parent's secrets.

use evanesce_memory::{MemoryPolicy, Rung, SecretBytes};

#[test]
fn a_child_has_no_secrets_and_can_make_its_own() {
    let policy = MemoryPolicy::at_least(Rung::Locked);
    let small = SecretBytes::zeroed_under(policy, 40).unwrap();
    let large = SecretBytes::zeroed_under(policy, 140_000).unwrap();
    // A free slot that this thread keeps is the parent's too, and must not be handed out there.
    drop(SecretBytes::zeroed_under(policy, 40).unwrap());
    // SAFETY: this program has one test and the child ends without running destructors; the
    // allocator's lock is not held by the other thread, which waits for this one.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let gone = small.expose(<[u8]>::is_empty) && large.expose(<[u8]>::is_empty);
        let own = SecretBytes::zeroed_under(policy, 40).is_ok_and(|mut own| {
            own.expose_mut(|bytes| bytes.fill(1));
            own.expose(|bytes| bytes == [1; 40])
        });
        // Dropping a parent's secret in the child touches nothing.
        drop((small, large));
        let code = i32::from(!gone) + 2 * i32::from(!own);
        // SAFETY: `_exit` ends the child at once.
        unsafe { libc::_exit(code) };
    }
    let mut status = -1;
    // SAFETY: `status` is writable, and `child` is a child of this process.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    small.expose(|bytes| assert_eq!(bytes.len(), 40));
    large.expose(|bytes| assert_eq!(bytes.len(), 140_000));
}
