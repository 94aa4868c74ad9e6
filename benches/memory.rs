//! Guarded memory: the cost of one short-lived secret.
#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::time::Duration;

use benches::turns::{Side, in_turns, side};
use criterion::{Criterion, criterion_group, criterion_main};
use evanesce_memory::SecretBytes;

criterion_group!(memory, guarded, wiped);
criterion_main!(memory);

const EACH: Duration = Duration::from_millis(200);

/// Take and return a slot, against libsodium and memsec, which guard, lock and wipe as well,
/// with pages of their own for each secret.
fn guarded(criterion: &mut Criterion) {
    for length in [32, 256, 1024] {
        let mut sides = vec![ours(length)];
        #[cfg(feature = "peers")]
        {
            let sodium = peers::Sodium::load();
            sides.push(side("libsodium", move || {
                let place = sodium.take(length);
                black_box(place);
                sodium.give_back(place);
            }));
            sides.push(side("memsec", move || drop(black_box(peers::Memsec::new(length)))));
        }
        in_turns(criterion, &format!("memory/guarded-{length}"), &mut sides, EACH);
    }
}

/// Against bytes on the heap that are wiped and nothing else: what the guard costs.
fn wiped(criterion: &mut Criterion) {
    let mut sides = vec![ours(64)];
    #[cfg(feature = "peers")]
    sides.push(side("zeroize", || drop(black_box(zeroize::Zeroizing::new(vec![0_u8; 64])))));
    in_turns(criterion, "memory/wiped-64", &mut sides, EACH);
}

fn ours(length: usize) -> Side<'static> {
    side("ours", move || drop(black_box(SecretBytes::zeroed(black_box(length)).expect("memory"))))
}

#[cfg(feature = "peers")]
mod peers {
    use std::ffi::{CStr, c_int, c_void};
    use std::ptr::NonNull;

    /// libsodium as the system has it, loaded by name: `apt-get install libsodium23`.
    #[derive(Clone, Copy)]
    pub(crate) struct Sodium {
        malloc: unsafe extern "C" fn(usize) -> *mut c_void,
        free: unsafe extern "C" fn(*mut c_void),
    }

    impl Sodium {
        pub(crate) fn load() -> Self {
            let library = [c"libsodium.so.26", c"libsodium.so.23", c"libsodium.so"]
                .into_iter()
                // SAFETY: the names end in zero; libsodium's initialisers have no conditions.
                .map(|name| unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) })
                .find(|library| !library.is_null())
                .expect("libsodium is measured against: apt-get install libsodium23");
            let symbol = |name: &CStr| {
                // SAFETY: the library stays loaded until the process ends.
                let found = unsafe { libc::dlsym(library, name.as_ptr()) };
                NonNull::new(found).expect("a function of libsodium").as_ptr()
            };
            // SAFETY: these are the types of sodium/core.h and sodium/utils.h.
            unsafe {
                let init: unsafe extern "C" fn() -> c_int =
                    std::mem::transmute(symbol(c"sodium_init"));
                assert!(init() >= 0, "sodium_init");
                Self {
                    malloc: std::mem::transmute::<*mut c_void, _>(symbol(c"sodium_malloc")),
                    free: std::mem::transmute::<*mut c_void, _>(symbol(c"sodium_free")),
                }
            }
        }

        pub(crate) fn take(self, length: usize) -> *mut c_void {
            // SAFETY: any length may be asked for after sodium_init.
            let place = unsafe { (self.malloc)(length) };
            assert!(!place.is_null(), "sodium_malloc");
            place
        }

        pub(crate) fn give_back(self, place: *mut c_void) {
            // SAFETY: it came from sodium_malloc and is freed once.
            unsafe { (self.free)(place) }
        }
    }

    /// A block of memsec's, freed (and so wiped) when dropped.
    pub(crate) struct Memsec(NonNull<[u8]>);

    impl Memsec {
        pub(crate) fn new(length: usize) -> Self {
            // SAFETY: bytes are valid whatever memsec fills them with.
            Self(unsafe { memsec::malloc_sized(length) }.expect("guarded memory"))
        }
    }

    impl Drop for Memsec {
        fn drop(&mut self) {
            // SAFETY: it came from memsec and is freed once.
            unsafe { memsec::free(self.0) }
        }
    }
}
