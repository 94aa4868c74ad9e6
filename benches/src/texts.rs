//! Texts from a seeded generator, the same in every run: prose, tickets, logs as JSON.

use std::sync::LazyLock;

/// The seed of all of them.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sentences of plain words.
#[must_use]
pub fn prose(bytes: usize) -> String {
    lines(bytes, paragraph)
}

/// What people write to a help desk: prose, and now and then something of their own.
#[must_use]
pub fn tickets(bytes: usize) -> String {
    lines(bytes, ticket)
}

/// Lines of a service's log, each an object with a time, an id and some numbers.
#[must_use]
pub fn logs(bytes: usize) -> String {
    lines(bytes, log)
}

/// A third of each.
#[must_use]
pub fn mixed(bytes: usize) -> String {
    lines(bytes, |dice, out| match dice.below(3) {
        0 => paragraph(dice, out),
        1 => (0..2).for_each(|_| ticket(dice, out)),
        _ => (0..4).for_each(|_| log(dice, out)),
    })
}

fn lines(bytes: usize, line: impl Fn(&mut Dice, &mut String)) -> String {
    let (mut dice, mut out) = (Dice(SEED), String::new());
    while out.len() < bytes {
        line(&mut dice, &mut out);
    }
    out
}

// Marsaglia's xorshift64, multiplied.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        words[self.below(words.len())]
    }

    fn some(&mut self, set: &[u8], n: usize) -> String {
        (0..n).map(|_| char::from(set[self.below(set.len())])).collect()
    }
}

static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    "the of and a to in is that it was for on are with as they be at one have this from or \
     had by word but what some we can out other were all there when up use your how said each \
     which their time if will way about many then them write would like so these her long \
     make thing see him two has look more day could go come did number sound no most people \
     my over know water than call first who may down side been now find garden window morning \
     reader letter editor library harbour station evening weather journey chapter mountain \
     village question answer language together children remember important understand \
     newsletter subscription community information development nevertheless"
        .split(' ')
        .collect()
});
const NAMES: &[&str] =
    &["anna", "ben", "carla", "dmitri", "elif", "farid", "greta", "hugo", "ines", "jonas"];
const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DIGITS: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";

fn sentence(dice: &mut Dice, out: &mut String) {
    let n = 6 + dice.below(14);
    for i in 0..n {
        let word = dice.pick(&WORDS);
        if i == 0 {
            *out += &word[..1].to_uppercase();
            *out += &word[1..];
        } else {
            *out += word;
        }
        *out += match (i + 1 < n, dice.below(9)) {
            (true, 0) => ", ",
            (true, _) => " ",
            (false, 0) => "? ",
            (false, _) => ". ",
        };
    }
}

fn paragraph(dice: &mut Dice, out: &mut String) {
    for _ in 0..3 + dice.below(5) {
        sentence(dice, out);
    }
    out.push('\n');
}

fn ticket(dice: &mut Dice, out: &mut String) {
    let (number, day, name) = (10_000 + dice.below(90_000), 1 + dice.below(28), dice.pick(NAMES));
    *out += &format!("Ticket #{number}, opened 2026-11-{day:02} by {name}\n  ");
    sentence(dice, out);
    sentence(dice, out);
    if dice.below(3) == 0 {
        *out += &format!("You can reach me under {} in the evening. ", personal(dice));
    }
    sentence(dice, out);
    *out += "\n\n";
}

fn log(dice: &mut Dice, out: &mut String) {
    let (hour, minute, second) = (dice.below(24), dice.below(60), dice.below(60));
    let level = dice.pick(&["info", "info", "info", "warn", "debug"]);
    let (id, path) = (dice.some(HEX, 16), dice.pick(&["articles", "sessions", "topics"]));
    let status = dice.pick(&["200", "200", "204", "404", "500"]);
    let (number, ms, bytes) = (dice.below(100_000), dice.below(900), dice.below(100_000));
    *out += &format!(
        "{{\"ts\":\"2026-11-24T{hour:02}:{minute:02}:{second:02}.{ms:03}Z\",\"level\":\"{level}\",\
         \"request_id\":\"{id}\",\"path\":\"/api/v1/{path}/{number}\",\"status\":{status},\
         \"ms\":{ms},\"bytes\":{bytes}"
    );
    if dice.below(12) == 0 {
        *out += &format!(",\"note\":\"{}\"", personal(dice));
    }
    *out += "}\n";
}

// Reserved domains and addresses, numbers that are printed as examples, and made-up keys.
fn personal(dice: &mut Dice) -> String {
    match dice.below(16) {
        0..=3 => format!("{}.{}@example.org", dice.pick(NAMES), dice.some(DIGITS, 2)),
        4 | 5 => format!("203.0.113.{}", dice.below(256)),
        6 => format!("+49 30 {}", dice.some(DIGITS, 6)),
        7 => "DE89 3704 0044 0532 0130 00".to_owned(),
        8 => "4111 1111 1111 1111".to_owned(),
        9 => format!("00:00:5e:00:53:{}", dice.some(HEX, 2)),
        10 => format!("AKIA{}", dice.some(CAPITALS, 16)),
        11 => format!("ghp_{}", dice.some(ALNUM, 36)),
        12 => format!("xoxb-{}-{}", dice.some(DIGITS, 11), dice.some(ALNUM, 24)),
        13 => format!("postgres://app:{}@db/stats", dice.some(ALNUM, 12)),
        14 => format!("536-22-{}", 1000 + dice.below(9000)),
        _ => format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", dice.some(ALNUM, 40), dice.some(ALNUM, 43)),
    }
}
