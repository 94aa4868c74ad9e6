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
/// It remembers at most [`ROLES`](Self::ROLES) roles, of each a mean, a histogram
/// of hours and the last [`QUERIES`](Self::QUERIES) sets of at most
/// [`CELLS`](Self::CELLS) cells: under 2 MiB in all. The role that was seen the
/// longest ago gives way.
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
    queries: VecDeque<Vec<u32>>,
    turn: u64,
}

impl Risk {
    /// How many roles are remembered.
    pub const ROLES: usize = 64;
    /// How many queries of a role are remembered.
    pub const QUERIES: usize = 32;
    /// How many cells of a query are remembered.
    pub const CELLS: usize = 256;

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
        let mut cells = request.cells.clone();
        cells.sort_unstable();
        cells.dedup();
        let baseline = self.baselines.get(&request.role);
        let factors = vec![
            factor("canaries", 1.0, if request.canaries > 0 { 1.0 } else { 0.0 }),
            factor("purpose", 0.4, purpose(request.purpose)),
            factor("volume", 0.5, volume(baseline, request.volume)),
            factor("time", 0.2, hour(baseline, request.at)),
            factor("differencing", 0.75, differencing(baseline, &cells)),
        ];
        let score = factors.iter().map(|f| f.contribution).sum::<f64>().min(1.0);
        let assessment = Assessment { score, factors };
        if !assessment.is_blocked() {
            self.learn(request, cells);
        }
        assessment
    }

    /// How many roles are remembered now.
    #[must_use]
    pub fn roles(&self) -> usize {
        self.baselines.len()
    }

    fn learn(&mut self, request: &AccessRequest, mut cells: Vec<u32>) {
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
        cells.truncate(Self::CELLS);
        cells.shrink_to_fit();
        baseline.queries.push_back(cells);
        if baseline.queries.len() > Self::QUERIES {
            baseline.queries.pop_front();
        }
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

// Two large answers that differ in one or two cells tell what is in these.
fn differencing(baseline: Option<&Baseline>, cells: &[u32]) -> f64 {
    let Some(baseline) = baseline else { return 0.0 };
    let worst = baseline.queries.iter().filter(|q| q.len() >= 4 && cells.len() >= 4).map(|q| {
        match difference(q, cells) {
            1 => 1.0,
            2 => 0.5,
            _ => 0.0,
        }
    });
    worst.fold(0.0, f64::max)
}

fn difference(a: &[u32], b: &[u32]) -> usize {
    let only = |a: &[u32], b: &[u32]| a.iter().filter(|c| b.binary_search(c).is_err()).count();
    only(a, b) + only(b, a)
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
    fn memory_is_bounded_in_roles_queries_and_cells() {
        let mut risk = Risk::new();
        let many: Vec<u32> = (0..5000).collect();
        for i in 0..500 {
            let role = Label::parse(&format!("role {}", i % 100)).unwrap();
            let _ = risk.assess(&AccessRequest { role, ..request(9, 1, &many[i..]) });
        }
        assert_eq!(risk.roles(), Risk::ROLES);
        for baseline in risk.baselines.values() {
            assert!(baseline.queries.len() <= Risk::QUERIES);
            assert!(baseline.queries.iter().all(|q| q.capacity() <= Risk::CELLS));
        }
    }
}
