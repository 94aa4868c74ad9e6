//! The scanner finds what leaks, and finds nothing where this crate was used as intended.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use evanesce_memory::{
    ClosedBytes, Ephemeral, MemoryPolicy, Plain, Rung, SecretBytes, SecureContext, Wipe, Wiped,
    assert_no_residue, from_bytes,
    residue::{Form, Needle, Place, scan_core, scan_process},
    scrub_stack, to_secret,
};

/// A needle, and its value on the heap.
fn value() -> (Needle, Vec<u8>) {
    let mut value = vec![0; 40];
    let needle = Needle::random(&mut value).unwrap();
    (needle, value)
}

#[track_caller]
fn found(needle: &Needle) -> Vec<Form> {
    let mut forms: Vec<Form> =
        scan_process(needle).unwrap().findings.iter().map(|found| found.form).collect();
    forms.sort_unstable();
    forms.dedup();
    forms
}

#[test]
#[ignore = "needs a kernel that writes core files: sysctl -w kernel.core_pattern=core"]
fn a_core_dump_is_searched_in_every_form() {
    let (needle, value) = value();
    let mut shifted = exactly(std::iter::once(7).chain(value.iter().copied()));
    let leaks = [
        exactly(value.iter().rev().copied()),
        exactly(value.iter().flat_map(|byte| hex(*byte))),
        exactly(value.iter().flat_map(|byte| u16::from(*byte).to_le_bytes())),
        exactly(base64(&shifted)),
    ];
    evanesce_memory::wipe_slice(&mut shifted);
    let residue = scan_core(&needle).unwrap();
    let forms: std::collections::BTreeSet<Form> =
        residue.findings.iter().map(|found| found.form).collect();
    let all = [Form::Base64, Form::Hex, Form::Plain, Form::Reversed, Form::Utf16];
    assert!(forms.iter().eq(&all), "{forms:?}");
    assert!(residue.findings.iter().all(|found| found.place == Place::ScannedFile));

    // A live secret is not in the dump, and once the leaks are wiped nothing is.
    let secret = SecretBytes::from_slice(&mut value.clone()).unwrap();
    drop_wiped(leaks);
    drop_wiped([value]);
    scrub_stack();
    let residue = scan_core(&needle).unwrap();
    assert!(residue.is_clean(), "{:?}", residue.findings);
    drop(secret);
    assert_no_residue!(needle, core dump);
}

#[test]
fn a_leak_is_found_in_every_form() {
    let (needle, value) = value();
    assert_eq!(found(&needle), [Form::Plain]);

    let reversed = exactly(value.iter().rev().copied());
    let lower = exactly(value.iter().flat_map(|byte| hex(*byte)));
    let upper = exactly(lower.iter().map(u8::to_ascii_uppercase));
    let wide = exactly(value.iter().flat_map(|byte| u16::from(*byte).to_le_bytes()));
    let encoded: Vec<Vec<u8>> = (0..3)
        .map(|shift| {
            let mut shifted = exactly(vec![7; shift].into_iter().chain(value.iter().copied()));
            let text = exactly(base64(&shifted));
            evanesce_memory::wipe_slice(&mut shifted);
            text
        })
        .collect();
    assert_eq!(found(&needle), [Form::Base64, Form::Hex, Form::Plain, Form::Reversed, Form::Utf16]);

    // One by one: each form is found alone, at each alignment and in each case.
    drop_wiped([value, reversed, lower, upper.clone(), wide]);
    assert_eq!(found(&needle), [Form::Base64, Form::Hex]);
    drop_wiped([upper]);
    assert_eq!(found(&needle), [Form::Base64]);
    for (left, text) in (0..3).rev().zip(encoded) {
        drop_wiped([text]);
        let count = scan_process(&needle).unwrap().findings.len();
        // The standard and the URL-safe alphabet agree wherever neither 62 nor 63 occurs.
        assert!((left..=2 * left).contains(&count), "{left}: {count}");
    }
    assert_no_residue!(needle);
}

#[test]
fn a_leak_on_another_threads_stack_is_found() {
    let (needle, mut value) = value();
    let mut on_stack = [0; 40];
    on_stack.copy_from_slice(&value);
    value.fill(0);
    assert_eq!(found(&needle), [Form::Plain]);
    evanesce_memory::wipe_slice(std::hint::black_box(&mut on_stack));
    scrub_stack();
    assert_no_residue!(needle);
}

#[test]
fn a_dropped_secret_leaves_nothing() {
    let (needle, mut value) = value();
    for copies in [1, 10, 1000] {
        // One in a slab, one of its own.
        let mut bytes = value.repeat(copies);
        let secret = SecretBytes::from_slice(&mut bytes).unwrap();
        let second = secret.try_clone().unwrap();
        assert!(secret.ct_eq(&second));
        drop((secret, second, bytes));
    }
    evanesce_memory::wipe_slice(&mut value);
    assert_no_residue!(needle);
}

#[test]
fn a_live_secret_is_seen_only_below_the_uppermost_rung() {
    let (needle, mut value) = value();
    let secret = SecretBytes::from_slice(&mut value).unwrap();
    let residue = scan_process(&needle).unwrap();
    if secret.rung() == Rung::Kernel {
        assert!(residue.is_clean());
        assert!(residue.unreadable > 0);
    } else {
        assert!(!residue.is_clean());
    }
}

#[derive(Ephemeral)]
struct Person {
    name: String,
    notes: Vec<String>,
    key: [u8; 40],
}

fn person(value: &[u8]) -> Person {
    Person {
        name: String::from_utf8(value.to_vec()).unwrap(),
        notes: vec![String::from_utf8(value.to_vec()).unwrap(); 5],
        key: value.try_into().unwrap(),
    }
}

#[test]
fn a_plain_value_leaves_nothing() {
    let (needle, mut value) = value();
    let secret = {
        let plain = Plain::build(|| person(&value));
        plain.to_secret().unwrap()
    };
    let mut plain = Plain::<Person>::from_secret(&secret).unwrap();
    plain.notes.clear();
    assert!(plain.name.as_bytes() == value && plain.key[..] == value[..]);
    drop((plain, secret));
    evanesce_memory::wipe_slice(&mut value);
    scrub_stack();
    // `clear` freed the notes' memory before it could be wiped: here the scan must find them,
    // which is why the documentation warns of what a closure does itself.
    assert_eq!(found(&needle), [Form::Plain]);
}

#[test]
fn encoding_and_decoding_leave_nothing() {
    let (needle, mut value) = value();
    let plain = Plain::build(|| person(&value));
    let secret = plain.to_secret().unwrap();
    let again = Plain::<Person>::from_secret(&secret).unwrap();
    assert_eq!(again.notes.len(), 5);
    drop((plain, secret, again));
    evanesce_memory::wipe_slice(&mut value);
    scrub_stack();
    assert_no_residue!(needle);
}

#[test]
fn decoding_that_fails_leaves_nothing() {
    let (needle, mut value) = value();
    let plain = Plain::build(|| person(&value));
    let secret = to_secret::<Person>(&plain).unwrap();
    let len = secret.len();
    secret.expose(|bytes| {
        for cut in 0..len {
            assert!(from_bytes::<Person>(&bytes[..cut]).is_err());
        }
        let mut longer = SecretBytes::zeroed(len + 1).unwrap();
        longer.expose_mut(|longer| longer[..len].copy_from_slice(bytes));
        assert!(longer.expose(|longer| from_bytes::<Person>(longer).is_err()));
    });
    drop((plain, secret));
    evanesce_memory::wipe_slice(&mut value);
    scrub_stack();
    assert_no_residue!(needle);
}

#[test]
fn a_secret_that_is_made_in_place_leaves_no_copy() {
    let mut secret = SecretBytes::zeroed(40).unwrap();
    let needle = secret.expose_mut(|bytes| Needle::random(bytes).unwrap());
    drop(secret);
    assert_no_residue!(needle);
    // From a file, without a buffer in between.
    let (needle, mut value) = value();
    let path = std::env::temp_dir().join(format!("evanesce-memory-{}", std::process::id()));
    std::fs::write(&path, &value).unwrap();
    evanesce_memory::wipe_slice(&mut value);
    let mut secret = SecretBytes::zeroed(40).unwrap();
    let filled = secret.fill_from(&mut std::fs::File::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(filled, Ok(()));
    drop(secret);
    assert_no_residue!(needle);
}

#[test]
fn closing_a_secret_leaves_no_copy() {
    let (needle, mut value) = value();
    let mut closed = ClosedBytes::new(SecretBytes::from_slice(&mut value).unwrap()).unwrap();
    closed.expose_mut(|bytes| bytes.rotate_left(1)).unwrap();
    closed.expose_mut(|bytes| bytes.rotate_right(1)).unwrap();
    drop(closed);
    assert_no_residue!(needle);
}

#[test]
fn a_panic_wipes_what_a_context_lent() {
    let (needle, mut value) = value();
    let secret = Plain::build(|| person(&value)).to_secret().unwrap();
    evanesce_memory::wipe_slice(&mut value);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        SecureContext::with(MemoryPolicy::default(), |memory| {
            memory.open::<Person, ()>(&secret, |person| {
                // The control: at this moment it is there.
                assert_eq!(found(&needle), [Form::Plain]);
                assert_eq!(person.notes.len(), 0, "a panic on purpose");
            })
        })
    }));
    assert!(caught.is_err());
    drop(secret);
    scrub_stack();
    assert_no_residue!(needle);
}

#[derive(Ephemeral)]
#[ephemeral(schema = 2, was = Person)]
struct Renamed {
    name: String,
}

impl From<&mut Person> for Renamed {
    fn from(old: &mut Person) -> Self {
        Self { name: std::mem::take(&mut old.name) }
    }
}

#[test]
fn what_a_migration_drops_is_wiped() {
    let (needle, mut value) = value();
    let secret = Plain::build(|| person(&value)).to_secret().unwrap();
    evanesce_memory::wipe_slice(&mut value);
    let mut renamed = Plain::<Renamed>::from_secret(&secret).unwrap();
    assert_eq!(renamed.name.len(), 40);
    renamed.name.wipe();
    drop(secret);
    scrub_stack();
    // Neither the notes nor the key of the older value are left.
    assert_no_residue!(needle);
}

#[test]
fn a_foreign_type_in_a_box_leaves_nothing() {
    struct Key {
        schedule: [[u8; 40]; 12],
    }
    let (needle, mut value) = value();
    let key = Wiped::build(|| Key { schedule: [value[..].try_into().unwrap(); 12] }).unwrap();
    assert_eq!(key.schedule[11][..], value[..]);
    drop(key);
    evanesce_memory::wipe_slice(&mut value);
    scrub_stack();
    assert_no_residue!(needle);
}

fn drop_wiped(values: impl IntoIterator<Item = Vec<u8>>) {
    for mut value in values {
        evanesce_memory::wipe_slice(&mut value);
    }
}

/// Gathers bytes without growing, which would leave copies.
fn exactly(bytes: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut gathered = Vec::with_capacity(128);
    gathered.extend(bytes);
    assert_eq!(gathered.capacity(), 128);
    gathered
}

fn hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)])
}

fn base64(bytes: &[u8]) -> impl Iterator<Item = u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes.chunks(3).flat_map(|chunk| {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        (0..=chunk.len()).map(move |digit| DIGITS[(bits >> (18 - 6 * digit) & 63) as usize])
    })
}
