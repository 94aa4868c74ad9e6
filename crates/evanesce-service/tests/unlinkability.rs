//! Nothing that is kept joins two visits of one person: what two of their visits have in
//! common, everybody's visits have.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking, in its helpers too")]

mod common;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use common::{Composed, Ground, HOUR, Topic, Visit, agreed};
use evanesce_audit::decode;
use evanesce_core::Timestamp;
use evanesce_service::Evanesce;

/// The shortest value that is looked for; shorter ones occur by chance.
const SHORTEST: usize = 8;

/// How much a value may say. What a visit brings with it is the same for everybody or joins
/// nothing; what the house does in its own time differs with it, and may be the same twice by
/// chance, but never for one person alone.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    House,
    Visit,
}

/// All that is kept of one visit: by the store, the logs, the metrics, the audit log, and by
/// the client in its cookie.
#[derive(Clone, Default)]
struct Kept(Vec<(&'static str, Of, Vec<u8>)>);

impl Kept {
    fn add(&mut self, place: &'static str, bytes: impl Into<Vec<u8>>) {
        self.0.push((place, Of::Visit, bytes.into()));
    }

    /// A text, and its time as a number: in digits, round times are alike by chance. A count
    /// of fewer digits than a value has bytes is none.
    fn told(&mut self, place: &'static str, text: &str, at: Timestamp) {
        let text = text.replace(&format!("{at:?}"), "time");
        let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        let masked = words.map(|word| {
            let digits = word.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 && digits + 1 >= word.len() && digits < SHORTEST {
                format!("n{}", &word[digits..])
            } else {
                word.to_owned()
            }
        });
        self.0.push((place, Of::House, masked.collect::<String>().into_bytes()));
        self.0.push((place, Of::House, at.as_millis().to_be_bytes().to_vec()));
    }

    fn values(&self, of: Of) -> HashMap<&[u8], &'static str> {
        let kept = self.0.iter().filter(|(_, whose, _)| *whose == of || of == Of::House);
        kept.flat_map(|(place, _, bytes)| bytes.windows(SHORTEST).map(move |value| (value, *place)))
            .collect()
    }
}

/// The places in which a value lies that both visits have, and not every other one; where the
/// house wrote it, none.
fn joined(first: &Kept, second: &Kept, others: &[Kept]) -> BTreeSet<&'static str> {
    let mut places = BTreeSet::new();
    for of in [Of::Visit, Of::House] {
        let (first, second) = (first.values(of), second.values(of));
        let others: Vec<HashSet<&[u8]>> =
            others.iter().map(|kept| kept.values(of).into_keys().collect()).collect();
        let joins = |value: &[u8]| match of {
            Of::House => !others.iter().any(|other| other.contains(value)),
            Of::Visit => !others.iter().all(|other| other.contains(value)),
        };
        let both = first.into_iter().filter(|(value, _)| second.contains_key(value));
        places.extend(both.filter(|(value, _)| joins(value)).map(|(_, place)| place));
    }
    places
}

/// How far everything that is kept had come.
struct Mark {
    leaves: usize,
    logs: usize,
    points: usize,
}

impl Mark {
    fn now(ground: &Ground) -> Self {
        Self {
            leaves: ground.audit.leaves().len(),
            logs: ground.logs.inner.records().len(),
            points: ground.metrics.inner.points().len(),
        }
    }

    fn since(&self, ground: &Ground, kept: &mut Kept) {
        for leaf in ground.audit.leaves().into_iter().skip(self.leaves) {
            let entry = decode(&leaf).unwrap();
            let mut told = format!("{entry:?}");
            if let Some(commitment) = entry.commitment() {
                told = told.replace(&format!("{commitment:?}"), "commitment");
                kept.add("audit log", commitment.as_bytes().to_vec());
            }
            // Most entries are sums, which the house writes in its own time.
            kept.told("audit log", &told, entry.at());
        }
        for record in ground.logs.inner.records().into_iter().skip(self.logs) {
            kept.told("log", &format!("{record:?}"), record.at());
        }
        for point in ground.metrics.inner.points().into_iter().skip(self.points) {
            kept.told("metric", &format!("{point:?}"), point.at());
        }
    }
}

/// Somebody comes, agrees, has something made of their letter, and leaves with a receipt.
async fn visited(ground: &Ground, house: &Evanesce, address: &str, text: &str) -> Kept {
    let (mark, mut kept) = (Mark::now(ground), Kept::default());
    let data = Visit { address: address.to_owned(), text: text.to_owned(), number: 7 };
    let mut session = house.open(&data).await.unwrap();
    kept.add("cookie", session.token().as_bytes());
    let granted = agreed(&session).await;
    let page = session.process(|visit, _| format!("{} words", visit.text.len())).await.unwrap();
    session.fold(Composed { topic: Topic::Travel }, &granted).await.unwrap();
    house.release_under(page.into_parts().0, &granted).await.unwrap().into_inner();
    session.update(|visit| visit.number += 1).await.unwrap();
    in_store(ground, &mut kept);
    session.rotate().await.unwrap();
    kept.add("cookie", session.token().as_bytes());
    session.renew().await.unwrap();
    in_store(ground, &mut kept);
    session.erase().await.unwrap();
    // No two times are a round distance apart, which a lifetime could be.
    ground.pass(HOUR + Duration::from_millis(ground.audit.leaves().len() as u64 * 7_919)).await;
    mark.since(ground, &mut kept);
    kept
}

fn in_store(ground: &Ground, kept: &mut Kept) {
    for (id, record) in ground.volatiles.inner.snapshot().records() {
        kept.add("key", id.id().to_vec());
        kept.add("record", record.sealed.as_bytes());
        let times = [record.opened, record.expiry, record.absolute, record.last_seen];
        for number in
            times.map(Timestamp::as_millis).into_iter().chain([record.version.0, record.epoch])
        {
            kept.add("record", number.to_be_bytes());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_visits_of_one_person_share_nothing_that_others_do_not() {
    let ground = Ground::new();
    let house = ground.start().await;
    let letter = "the garden party of the Lovelaces is on Thursday";
    let first = visited(&ground, &house, "ada.lovelace@example.org", letter).await;
    let mut others = Vec::new();
    for (address, text) in [
        ("grace@example.com", "ships and their compilers"),
        ("alan@example.net", "on machines that compute"),
    ] {
        others.push(visited(&ground, &house, address, text).await);
    }
    let second = visited(&ground, &house, "ada.lovelace@example.org", letter).await;
    for (address, text) in [
        ("mary@example.com", "a treatise on the heavens"),
        ("charles@example.net", "engines, and their differences"),
        ("annie@example.org", "notes of a lecture"),
    ] {
        others.push(visited(&ground, &house, address, text).await);
    }

    for kept in others.iter().chain([&first, &second]) {
        let places: BTreeSet<_> = kept.0.iter().map(|(place, ..)| *place).collect();
        for place in ["audit log", "cookie", "key", "metric", "record"] {
            assert!(places.contains(place), "nothing of a visit is kept in: {place}");
        }
    }
    let found = joined(&first, &second, &others);
    assert!(found.is_empty(), "two visits are joined by: {found:?}");
    // What is looked for is found where it is: a name that stays the same, however well hidden.
    for place in ["audit log", "cookie", "key", "log", "metric", "record"] {
        let [mut first, mut second] = [first.clone(), second.clone()];
        let hidden = evanesce_crypto::sha256(b"ada.lovelace@example.org");
        first.add(place, [b"a", &hidden.as_bytes()[..]].concat());
        second.add(place, [b"bc", &hidden.as_bytes()[..]].concat());
        let found = joined(&first, &second, &others);
        assert_eq!(found, BTreeSet::from([place]));
    }
}
