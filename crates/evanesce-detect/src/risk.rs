use std::collections::{BTreeMap, VecDeque};

use evanesce_core::{Label, Timestamp};

/// One access to statistics or records, as a service sees it. There is no person
/// in it: neither the one who asks, but a role, nor those who are asked about.
#[derive(Clone, Debug)]
pub struct AccessRequest {
    /// The role that asks.
    pub role: Label,
    /// Whether a purpose was declared.
    pub purpose: Declared,
    /// How many rows or cells are asked for.
    pub volume: u64,
    /// The cells that are asked for, by any stable number.
    pub cells: Vec<u32>,
    /// When.
    pub at: Timestamp,
    /// How many planted values the answer has in it.
    pub canaries: u32,
}

/// Whether an access has a purpose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Declared {
    /// None was given.
    None,
    /// One was given, and the role has it.
    Purpose,
    /// One was given that the role does not have.
    Unusual,
}

/// A score with the factors that make it up.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Assessment {
    /// From 0 to 1.
    pub score: f64,
    /// Every factor, whether or not it contributed.
    pub factors: Vec<Factor>,
}

impl Assessment {
    /// Above this an access is blocked.
    pub const LIMIT: f64 = 0.7;

    /// Whether the access is to be refused.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.score > Self::LIMIT
    }
}

/// One reason.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Factor {
    /// What it is.
    pub name: &'static str,
    /// The most that it can contribute.
    pub weight: f64,
    /// What it contributed.
    pub contribution: f64,
}

/// Scores accesses against what their roles usually do.
///
/// It keeps no profile of a person: an access names a role, and what is asked for is
/// numbers of cells. It remembers at most [`ROLES`](Self::ROLES) roles, of each a mean, a
/// histogram of hours, and of the last [`QUERIES`](Self::QUERIES) queries a fingerprint
/// and at most [`CELLS`](Self::CELLS) cells: never more than
/// [`BOUND`](Self::BOUND) bytes in all. The role that was seen the longest ago gives way.
///
/// # Differencing
/// A fingerprint is a sum that has one summand for each cell. What is left of an answer when
/// one or two earlier answers are added to it or taken from it is one cell exactly if the
/// same is left of the fingerprints, whatever the size of the answers; a chance agreement
/// has a probability of under one in a million an access. Answers that are combined from
/// more than three are not seen through: the lattice of tables that the anonymiser checks
/// beforehand is there for that.
///
/// ```
/// use evanesce_core::{Label, Timestamp};
/// use evanesce_detect::{AccessRequest, Declared, Risk};
/// let mut risk = Risk::new();
/// let assessment = risk.assess(&AccessRequest {
///     role: Label::new("editors"),
///     purpose: Declared::Purpose,
///     volume: 10,
///     cells: vec![1, 2, 3],
///     at: Timestamp::from_millis(0),
///     canaries: 1,
/// });
/// assert!(assessment.is_blocked()); // Nobody has a reason to touch a planted value.
/// ```
#[derive(Clone, Debug, Default)]
pub struct Risk {
    baselines: BTreeMap<Label, Baseline>,
    turn: u64,
}

#[derive(Clone, Debug, Default)]
struct Baseline {
    mean: f64,
    seen: u32,
    hours: [u16; 24],
    queries: VecDeque<Query>,
    turn: u64,
}

/// What is remembered of one query.
#[derive(Clone, Debug)]
struct Query {
    /// Its fingerprint and the number of its cells.
    sum: u64,
    len: usize,
    /// The cells, if they are few enough, in order.
    cells: Vec<u32>,
}

impl Query {
    fn of(mut cells: Vec<u32>) -> Self {
        cells.sort_unstable();
        cells.dedup();
        let sum = cells.iter().fold(0, |sum: u64, cell| sum.wrapping_add(share(*cell)));
        Self { sum, len: cells.len(), cells }
    }
}

impl Risk {
    /// How many roles are remembered.
    pub const ROLES: usize = 64;
    /// How many queries of a role are remembered.
    pub const QUERIES: usize = 32;
    /// How many cells of a query are remembered; of a longer one only its fingerprint is.
    pub const CELLS: usize = 128;
    /// How many bytes are held at most, names of roles of 96 bytes included.
    pub const BOUND: usize = 1_280 * 1024;

    // Below so many accesses a role has no habits yet.
    const LEARNING: u32 = 8;

    /// One that knows no role.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Scores an access, then counts it as one of its role, unless it is blocked.
    pub fn assess(&mut self, request: &AccessRequest) -> Assessment {
        self.turn += 1;
        let query = Query::of(request.cells.clone());
        let baseline = self.baselines.get(&request.role);
        let factors = vec![
            factor("canaries", 1.0, if request.canaries > 0 { 1.0 } else { 0.0 }),
            factor("purpose", 0.4, purpose(request.purpose)),
            factor("volume", 0.5, volume(baseline, request.volume)),
            factor("time", 0.2, hour(baseline, request.at)),
            factor("differencing", 0.75, differencing(baseline, &query)),
        ];
        let score = factors.iter().map(|f| f.contribution).sum::<f64>().min(1.0);
        let assessment = Assessment { score, factors };
        if !assessment.is_blocked() {
            self.learn(request, query);
        }
        assessment
    }

    /// How many roles are remembered now.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.baselines.len()
    }

    /// How many bytes are held now: at most [`BOUND`](Self::BOUND).
    #[must_use]
    pub fn held(&self) -> usize {
        let of = |(role, baseline): (&Label, &Baseline)| {
            let queries = baseline.queries.capacity() * size_of::<Query>();
            let cells: usize = baseline.queries.iter().map(|q| q.cells.capacity() * 4).sum();
            role.as_str().len() + size_of::<Label>() + size_of::<Baseline>() + queries + cells
        };
        size_of::<Self>() + self.baselines.iter().map(of).sum::<usize>()
    }

    fn learn(&mut self, request: &AccessRequest, mut query: Query) {
        if !self.baselines.contains_key(&request.role) && self.baselines.len() >= Self::ROLES {
            let oldest = self.baselines.iter().min_by_key(|(_, b)| b.turn);
            if let Some(role) = oldest.map(|(role, _)| role.clone()) {
                self.baselines.remove(&role);
            }
        }
        let baseline = self.baselines.entry(request.role.clone()).or_default();
        baseline.turn = self.turn;
        baseline.seen = baseline.seen.saturating_add(1);
        // A mean over about the last 32 accesses.
        let weight = 1.0 / f64::from(baseline.seen.min(32));
        baseline.mean += (request.volume as f64 - baseline.mean) * weight;
        let hour = &mut baseline.hours[hour_of(request.at)];
        *hour = hour.saturating_add(1);
        if query.cells.len() > Self::CELLS {
            query.cells.clear();
        }
        query.cells.shrink_to_fit();
        if baseline.queries.len() >= Self::QUERIES {
            baseline.queries.pop_front();
        }
        baseline.queries.push_back(query);
    }
}

fn factor(name: &'static str, weight: f64, share: f64) -> Factor {
    Factor { name, weight, contribution: weight * share.clamp(0.0, 1.0) }
}

fn purpose(declared: Declared) -> f64 {
    match declared {
        Declared::None => 1.0,
        Declared::Purpose => 0.0,
        Declared::Unusual => 0.75,
    }
}

// Nothing up to twice the usual, all of it from sixteen times on.
fn volume(baseline: Option<&Baseline>, volume: u64) -> f64 {
    match baseline {
        Some(b) if b.seen >= Risk::LEARNING => {
            ((volume as f64 / b.mean.max(1.0)).max(1.0).log2() - 1.0) / 3.0
        }
        _ => 0.0,
    }
}

fn hour(baseline: Option<&Baseline>, at: Timestamp) -> f64 {
    match baseline {
        Some(b) if b.seen >= Risk::LEARNING && b.hours[hour_of(at)] == 0 => 1.0,
        _ => 0.0,
    }
}

const fn hour_of(at: Timestamp) -> usize {
    (at.as_millis() / 3_600_000 % 24) as usize
}

// Two answers that differ in one cell tell what is in it, and in two nearly so; three do
// when one is the sum of the others but for a cell.
fn differencing(baseline: Option<&Baseline>, query: &Query) -> f64 {
    let Some(baseline) = baseline.filter(|_| query.len >= LEAST) else { return 0.0 };
    let queries: Vec<&Query> = baseline.queries.iter().filter(|q| q.len >= LEAST).collect();
    let mut worst: f64 = 0.0;
    for (i, q) in queries.iter().enumerate() {
        if isolates(query.sum.wrapping_sub(q.sum)) {
            return 1.0;
        }
        if is_near(query, q) {
            worst = 0.5;
        }
        for other in &queries[i + 1..] {
            let sum = q.sum.wrapping_add(other.sum);
            let rest = q.sum.wrapping_sub(other.sum);
            // This one less both; this one and one of them less the other.
            let left = [sum, rest, rest.wrapping_neg()].map(|it| query.sum.wrapping_sub(it));
            if left.iter().any(|left| isolates(*left)) {
                return 1.0;
            }
        }
    }
    worst
}

// Answers over fewer cells are held back by the least size of a group.
const LEAST: usize = 4;

// Whether the cells of both are known and differ in two.
fn is_near(a: &Query, b: &Query) -> bool {
    let known = |q: &Query| q.cells.len() == q.len;
    if !known(a) || !known(b) || a.len.abs_diff(b.len) > 2 {
        return false;
    }
    let only = |a: &[u32], b: &[u32]| a.iter().filter(|c| b.binary_search(c).is_err()).count();
    only(&a.cells, &b.cells) + only(&b.cells, &a.cells) == 2
}

// Whether this is the share of one cell, added or taken away.
fn isolates(left: u64) -> bool {
    [left, left.wrapping_neg()].iter().any(|it| unmix(*it) <= u64::from(u32::MAX))
}

// The summand of a cell: a permutation of 64 bits (the finaliser of SplitMix64), so that
// a sum of several is hardly ever that of one, and that of one says so.
const fn share(cell: u32) -> u64 {
    let mut x = cell as u64;
    x = (x ^ x >> 30).wrapping_add(GAMMA).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

const fn unmix(mut x: u64) -> u64 {
    x = (x ^ x >> 31 ^ x >> 62).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
    x = (x ^ x >> 27 ^ x >> 54).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9)).wrapping_sub(GAMMA);
    x ^ x >> 30 ^ x >> 60
}

// Of an odd number modulo 2^64, by Newton: each step doubles the bits that fit.
const fn inverse(odd: u64) -> u64 {
    let (mut x, mut step) = (odd, 0);
    while step < 6 {
        x = x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x)));
        step += 1;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(hour: u64, volume: u64, cells: &[u32]) -> AccessRequest {
        AccessRequest {
            role: Label::new("editors"),
            purpose: Declared::Purpose,
            volume,
            cells: cells.to_vec(),
            at: Timestamp::from_millis(hour * 3_600_000),
            canaries: 0,
        }
    }

    fn settled() -> Risk {
        let mut risk = Risk::new();
        for i in 0..20_u32 {
            let cells = [i * 10, i * 10 + 1, i * 10 + 2, i * 10 + 3, i * 10 + 4];
            let usual = risk.assess(&request(9, 100, &cells));
            assert!(usual.score < 0.01, "{usual:?}");
        }
        risk
    }

    #[test]
    fn the_factors_add_up_to_the_score() {
        let mut risk = settled();
        let odd = risk.assess(&request(3, 1000, &[900, 901]));
        let sum: f64 = odd.factors.iter().map(|f| f.contribution).sum();
        assert!((odd.score - sum).abs() < 1e-9);
        assert!(odd.factors.iter().all(|f| f.contribution <= f.weight));
        assert!(odd.score > 0.5 && !odd.is_blocked(), "{odd:?}");
    }

    #[test]
    fn a_query_that_differs_from_another_in_one_cell_is_blocked() {
        let mut risk = settled();
        assert!(risk.assess(&request(9, 100, &[10, 11, 12, 13])).is_blocked());
        assert!(!risk.assess(&request(9, 100, &[10, 11, 500, 501])).is_blocked());
    }

    #[test]
    fn no_purpose_and_a_great_volume_are_blocked_together() {
        let mut risk = settled();
        let bare = AccessRequest { purpose: Declared::None, ..request(9, 100, &[]) };
        assert!(!risk.assess(&bare).is_blocked());
        let both = AccessRequest { purpose: Declared::None, ..request(9, 100_000, &[]) };
        assert!(risk.assess(&both).is_blocked());
    }

    #[test]
    fn a_blocked_access_does_not_become_a_habit() {
        let mut risk = settled();
        for _ in 0..100 {
            let both = AccessRequest { purpose: Declared::None, ..request(9, 100_000, &[]) };
            assert!(risk.assess(&both).is_blocked());
        }
    }

    #[test]
    fn a_share_is_known_for_what_it_is() {
        for cell in [0, 1, 2, 77, 65_536, u32::MAX] {
            assert_eq!(unmix(share(cell)), u64::from(cell));
            assert!(isolates(share(cell)) && isolates(share(cell).wrapping_neg()));
        }
        let two = (0..1000_u32).filter(|c| isolates(share(*c).wrapping_add(share(c + 1)))).count();
        assert_eq!(two, 0);
    }

    #[test]
    fn large_queries_that_differ_in_one_cell_are_seen_through() {
        let many: Vec<u32> = (0..100_000).collect();
        let mut risk = settled();
        assert!(!risk.assess(&request(9, 100, &many[1..])).is_blocked());
        for other in [&many[..], &many[2..]] {
            assert!(risk.assess(&request(9, 100, other)).is_blocked());
        }
        // With an earlier one of five cells, 5.. would leave one cell, and 8.. leaves more.
        assert!(risk.assess(&request(9, 100, &many[5..])).is_blocked());
        assert!(!risk.assess(&request(9, 100, &many[8..])).is_blocked());
    }

    #[test]
    fn one_cell_of_three_queries_is_seen_through() {
        let mut risk = Risk::new();
        let (one, two): (Vec<u32>, Vec<u32>) = ((0..300).collect(), (300..600).collect());
        assert!(!risk.assess(&request(9, 100, &one)).is_blocked());
        assert!(!risk.assess(&request(9, 100, &two)).is_blocked());
        // Both and one cell more; both but for one.
        assert!(risk.assess(&request(9, 100, &(0..601).collect::<Vec<_>>())).is_blocked());
        assert!(risk.assess(&request(9, 100, &(0..599).collect::<Vec<_>>())).is_blocked());
        assert!(!risk.assess(&request(9, 100, &(0..590).collect::<Vec<_>>())).is_blocked());
    }

    #[test]
    fn memory_is_bounded_in_roles_queries_and_cells() {
        let mut risk = Risk::new();
        let many: Vec<u32> = (0..5000).collect();
        for i in 0..500 {
            let role = Label::parse(&format!("role {}", i % 100)).unwrap();
            let _ = risk.assess(&AccessRequest { role, ..request(9, 1, &many[i..]) });
        }
        assert_eq!(risk.roles(), Risk::ROLES);
        // As full as it can be: every role with every query at the longest.
        for i in 0..(Risk::ROLES * Risk::QUERIES * 2) as u32 {
            let role = Label::parse(&format!("{:096}", i % Risk::ROLES as u32)).unwrap();
            let cells: Vec<u32> = (0..Risk::CELLS as u32).map(|c| c * 7 + i * 1000).collect();
            let _ = risk.assess(&AccessRequest { role, ..request(9, 1, &cells) });
            assert!(risk.held() <= Risk::BOUND, "{}", risk.held());
        }
        assert!(risk.held() > Risk::BOUND / 2, "{}", risk.held());
        for baseline in risk.baselines.values() {
            assert!(baseline.queries.len() <= Risk::QUERIES);
            assert!(baseline.queries.iter().all(|q| q.cells.capacity() <= Risk::CELLS));
        }
    }
}
