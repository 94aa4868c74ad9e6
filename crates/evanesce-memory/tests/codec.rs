//! Encoding and decoding: round trips, a pinned layout, and hostile input.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::BTreeMap,
};

use evanesce_memory::{
    DecodeError, Decoder, EncodeError, Ephemeral, from_bytes, from_secret, to_secret,
};
use proptest::prelude::*;

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|sum| sum.set(sum.get() + layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocated(work: impl FnOnce()) -> usize {
    let before = ALLOCATED.get();
    work();
    ALLOCATED.get() - before
}

#[derive(Clone, Ephemeral, PartialEq)]
#[ephemeral(schema = 3)]
struct Visit {
    email: String,
    goals: Vec<Goal>,
    tags: BTreeMap<String, u64>,
    picture: Option<Vec<u8>>,
    pair: (bool, i64),
    salt: [u8; 3],
    nothing: (),
}

#[derive(Clone, Ephemeral, PartialEq)]
enum Goal {
    Unknown,
    Read(u16, u32),
    Write { words: u64, r#type: String },
}

#[derive(Clone, Ephemeral, PartialEq)]
struct Wrapper(u8);

#[derive(Clone, Ephemeral, PartialEq)]
struct Unit;

#[derive(Clone, Copy, Debug, Ephemeral, Eq, PartialEq)]
#[ephemeral(vocabulary)]
enum Topic {
    Energy,
    Other,
}

/// A type that can lie in itself.
#[derive(Ephemeral)]
struct Tree {
    below: Vec<Tree>,
}

#[derive(Ephemeral)]
#[ephemeral(max = 32)]
struct Small(String);

fn round_trip<T: Ephemeral + PartialEq>(value: &T) -> bool {
    let secret = to_secret(value).ok();
    secret.and_then(|secret| from_secret::<T>(&secret).ok()).is_some_and(|read| read == *value)
}

#[test]
fn the_layout_is_pinned() {
    let value = Visit {
        email: "a@b".into(),
        goals: vec![Goal::Unknown, Goal::Read(1, 2)],
        tags: BTreeMap::from([("k".into(), 5)]),
        picture: Some(vec![9, 8]),
        pair: (true, -2),
        salt: [1, 2, 3],
        nothing: (),
    };
    let expected: &[&[u8]] = &[
        &[0, 3],                                                        // schema
        &[0, 0, 0, 7, 0, 0, 0, 3, b'a', b'@', b'b'],                    // email
        &[0, 0, 0, 30, 0, 0, 0, 2],                                     // goals: two of them
        &[0, 0, 0, 2, 0, 0],                                            //   Unknown
        &[0, 0, 0, 16, 0, 1, 0, 0, 0, 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2], // Read(1, 2)
        &[0, 0, 0, 21, 0, 0, 0, 1, 0, 0, 0, 1, b'k'],                   // tags: one, its key
        &[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5],                          //   its value
        &[0, 0, 0, 7, 1, 0, 0, 0, 2, 9, 8],                             // picture
        &[0, 0, 0, 17, 0, 0, 0, 1, 1],                                  // pair: true
        &[0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254],          //   -2
        &[0, 0, 0, 3, 1, 2, 3],                                         // salt
        &[0, 0, 0, 0],                                                  // nothing
    ];
    let expected = expected.concat();
    to_secret(&value).unwrap().expose(|bytes| assert_eq!(bytes, expected));
    assert!(from_bytes::<Visit>(&expected).is_ok_and(|read| read == value));
}

#[test]
fn another_schema_is_named() {
    let mut bytes = to_secret(&Unit).unwrap().expose(<[u8]>::to_vec);
    bytes[1] = 9;
    let error = from_bytes::<Unit>(&bytes).err();
    assert_eq!(error, Some(DecodeError::Schema { found: 9, known: 1 }));
}

#[test]
fn an_older_schema_can_be_read_by_hand() {
    struct Counter(u64);
    impl evanesce_memory::Wipe for Counter {
        fn wipe(&mut self) {
            self.0.wipe();
        }
    }
    impl Ephemeral for Counter {
        const SCHEMA: u16 = 2;
        fn encode(&self, out: &mut evanesce_memory::Encoder<'_>) -> Result<(), EncodeError> {
            self.0.encode(out)
        }
        fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
            u64::decode(input).map(Self)
        }
        fn export(&self, out: &mut evanesce_memory::Exporter<'_>) -> Result<(), EncodeError> {
            self.0.export(out)
        }
        fn decode_other(found: u16, input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
            match found {
                1 => u32::decode(input).map(|count| Self(count.into())),
                _ => Err(DecodeError::Schema { found, known: Self::SCHEMA }),
            }
        }
    }
    assert_eq!(from_bytes::<Counter>(&[0, 1, 0, 0, 0, 7]).unwrap_or(Counter(0)).0, 7);
    assert!(from_bytes::<Counter>(&[0, 3, 0, 0, 0, 7]).is_err());
    let now = to_secret(&Counter(8)).unwrap();
    assert_eq!(from_secret::<Counter>(&now).unwrap_or(Counter(0)).0, 8);
}

/// Three versions of a program, of which two run side by side while one replaces the other.
mod rolling {
    use evanesce_memory::Ephemeral;

    #[derive(Ephemeral)]
    pub(super) struct First {
        pub(super) name: String,
        pub(super) dropped: Vec<u8>,
    }

    #[derive(Ephemeral)]
    #[ephemeral(schema = 2, was = First)]
    pub(super) struct Second {
        pub(super) name: String,
        pub(super) steps: u32,
    }

    impl From<&mut First> for Second {
        fn from(old: &mut First) -> Self {
            Self { name: std::mem::take(&mut old.name), steps: 0 }
        }
    }

    #[derive(Ephemeral)]
    #[ephemeral(schema = 5, was = Second)]
    pub(super) struct Third {
        pub(super) names: Vec<String>,
    }

    impl From<&mut Second> for Third {
        fn from(old: &mut Second) -> Self {
            Self { names: vec![std::mem::take(&mut old.name)] }
        }
    }
}

#[test]
fn a_newer_program_reads_what_an_older_one_wrote() {
    use rolling::{First, Second, Third};
    let first = to_secret(&First { name: "Ada".into(), dropped: vec![7; 9] }).unwrap();
    let second = to_secret(&Second { name: "Bob".into(), steps: 4 }).unwrap();
    assert!(from_secret::<Second>(&first).is_ok_and(|read| read.name == "Ada" && read.steps == 0));
    assert!(from_secret::<Second>(&second).is_ok_and(|read| read.steps == 4));
    assert!(from_secret::<Third>(&first).is_ok_and(|read| read.names == ["Ada"]));
    assert!(from_secret::<Third>(&second).is_ok_and(|read| read.names == ["Bob"]));
    // What is left over after the old value is refused, as in the newest layout.
    let longer = first.expose(|bytes| [bytes, &[0]].concat());
    assert_eq!(from_bytes::<Third>(&longer).err(), Some(DecodeError::Trailing));
}

#[test]
fn an_older_program_names_the_schema_it_does_not_know() {
    use rolling::{First, Second, Third};
    let third = to_secret(&Third { names: vec![] }).unwrap();
    let refused = |known| Some(DecodeError::Schema { found: 5, known });
    assert_eq!(from_secret::<First>(&third).err(), refused(1));
    assert_eq!(from_secret::<Second>(&third).err(), refused(2));
    // Nor does a newer program guess at a number in between.
    let error = from_bytes::<Third>(&[0, 4, 0, 0, 0, 0]).err();
    assert_eq!(error, Some(DecodeError::Schema { found: 4, known: 5 }));
}

#[test]
fn small_shapes() {
    assert!(round_trip(&Unit) && round_trip(&Wrapper(7)));
    assert!(round_trip(&Topic::Energy) && round_trip(&Topic::Other));
    assert!(round_trip(&u128::MAX) && round_trip(&i8::MIN) && round_trip(&vec![(); 3]));
}

#[test]
fn too_large_and_too_deep() {
    assert_eq!(to_secret(&Small("x".repeat(40))).err(), Some(EncodeError::TooLarge));
    assert!(to_secret(&Small("x".repeat(24))).is_ok());
    assert_eq!(from_bytes::<Small>(&[0; 40]).err(), Some(DecodeError::TooLarge));

    let nested =
        |depth| (0..depth).fold(Tree { below: vec![] }, |tree, _| Tree { below: vec![tree] });
    assert!(to_secret(&nested(20)).is_ok());
    assert_eq!(to_secret(&nested(40)).err(), Some(EncodeError::TooDeep));
}

#[test]
fn deep_input_does_not_exhaust_the_stack() {
    // The field and the element of each level, innermost first.
    let mut bytes = vec![0, 0, 0, 0];
    for _ in 0..4000 {
        let field = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let element = u32::try_from(bytes.len() + 4).unwrap().to_be_bytes();
        bytes = [&[0, 0, 0, 1], &element[..], &field[..], &bytes].concat();
    }
    let field = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let bytes = [&[0, 1], &field[..], &bytes].concat();
    assert_eq!(from_bytes::<Tree>(&bytes).err(), Some(DecodeError::TooDeep));
}

#[test]
fn hostile_lengths_allocate_next_to_nothing() {
    let lengths = [[255; 4], [0, 255, 255, 255], [0, 0, 255, 255], [127, 255, 255, 255]];
    for length in lengths {
        let bytes = [&[0, 0], &length[..], &length[..], &[0; 32]].concat();
        let sum = allocated(|| {
            assert!(from_bytes::<Vec<u64>>(&bytes).is_err());
            assert!(from_bytes::<Vec<()>>(&bytes).is_err());
            assert!(from_bytes::<Vec<Vec<u8>>>(&bytes).is_err());
            assert!(from_bytes::<Vec<u8>>(&bytes).is_err());
            assert!(from_bytes::<String>(&bytes).is_err());
            assert!(from_bytes::<BTreeMap<String, u64>>(&bytes).is_err());
        });
        assert!(sum < 512, "{sum}");
    }
}

#[test]
fn one_value_has_one_encoding() {
    let two = |first: u8, second: u8| {
        [
            &[0, 0, 0, 0, 0, 2][..],
            &[0, 0, 0, 1, first, 0, 0, 0, 1, 0],
            &[0, 0, 0, 1, second, 0, 0, 0, 1, 0],
        ]
        .concat()
    };
    assert!(from_bytes::<BTreeMap<String, u8>>(&two(b'a', b'b')).is_ok());
    for bytes in [two(b'b', b'a'), two(b'a', b'a')] {
        assert_eq!(from_bytes::<BTreeMap<String, u8>>(&bytes).err(), Some(DecodeError::Malformed));
    }
    assert_eq!(from_bytes::<bool>(&[0, 0, 2]).err(), Some(DecodeError::Malformed));
    assert_eq!(from_bytes::<bool>(&[0, 0, 1, 0]).err(), Some(DecodeError::Trailing));
    assert_eq!(from_bytes::<Option<u8>>(&[0, 0, 2, 0]).err(), Some(DecodeError::Malformed));
    assert_eq!(from_bytes::<Topic>(&[0, 1, 0, 2]).err(), Some(DecodeError::Malformed));
    assert_eq!(from_bytes::<u8>(&[0]).err(), Some(DecodeError::Truncated));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        email in ".{0,40}",
        tags in proptest::collection::btree_map(".{0,6}", any::<u64>(), 0..6),
        picture in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
        pair in any::<(bool, i64)>(),
        salt in any::<[u8; 3]>(),
        numbers in proptest::collection::vec(any::<(u16, u32)>(), 0..40),
    ) {
        let goals = numbers.iter().map(|(page, line)| match page % 3 {
            0 => Goal::Unknown,
            1 => Goal::Read(*page, *line),
            _ => Goal::Write { words: (*line).into(), r#type: email.clone() },
        });
        let visit = Visit {
            goals: goals.collect(), email, tags, picture, pair, salt, nothing: (),
        };
        prop_assert!(round_trip(&visit));
    }

    #[test]
    fn random_bytes_neither_panic_nor_allocate_much(
        bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), any::<u8>()], 0..600)
    ) {
        let schema_3 = [&[0, 3], &bytes[..]].concat();
        let schema_0 = [&[0, 0], &bytes[..]].concat();
        let schema_1 = [&[0, 1], &bytes[..]].concat();
        let sum = allocated(|| {
            let _ = from_bytes::<Visit>(&bytes);
            let _ = from_bytes::<Visit>(&schema_3);
            let _ = from_bytes::<Vec<Vec<u8>>>(&schema_0);
            let _ = from_bytes::<Vec<Goal>>(&schema_1);
            let _ = from_bytes::<BTreeMap<String, Vec<u64>>>(&schema_0);
            let _ = from_bytes::<Tree>(&schema_1);
        });
        prop_assert!(sum <= 64 * (bytes.len() + 16), "{} for {}", sum, bytes.len());
    }

    #[test]
    fn what_is_decoded_is_the_only_encoding(
        bytes in proptest::collection::vec(prop_oneof![4 => Just(0_u8), 3 => 1..9_u8, 1 => any::<u8>()], 0..60)
    ) {
        let bytes = [&[0, 0], &bytes[..]].concat();
        if let Ok(value) = from_bytes::<BTreeMap<String, Option<Vec<u8>>>>(&bytes) {
            to_secret(&value).unwrap().expose(|again| assert_eq!(again, bytes));
        }
        if let Ok(value) = from_bytes::<(bool, Vec<u16>)>(&bytes) {
            to_secret(&value).unwrap().expose(|again| assert_eq!(again, bytes));
        }
    }
}
