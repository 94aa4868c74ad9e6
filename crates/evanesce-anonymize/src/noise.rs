use evanesce_core::{Error, ErrorKind, StoreKind};
use prio::dp::Rational;
use prio::dp::distributions::DiscreteLaplace;
use rand::SeedableRng;
use rand::distr::Distribution;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use crate::Epsilon;

/// Exact discrete Laplace noise of scale `cells / epsilon`: P(x) is proportional
/// to exp(-|x| epsilon / cells), sampled over rationals without a rounding
/// (Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential
/// Privacy", 2020, Algorithm 2).
pub(crate) struct Noise {
    sampler: DiscreteLaplace,
    random: StdRng,
}

impl Noise {
    /// With a fresh seed from the operating system.
    pub(crate) fn new(epsilon: Epsilon, cells: u16) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        evanesce_crypto::random(&mut *seed).map_err(|_| {
            Error::new(ErrorKind::Unavailable, StoreKind::Memory, "no random bytes for noise")
        })?;
        Self::seeded(epsilon, cells, &seed)
    }

    fn seeded(epsilon: Epsilon, cells: u16, seed: &[u8; 32]) -> Result<Self, Error> {
        let scale = Rational::from_unsigned(u64::from(cells) * 1_000_000, epsilon.micro());
        let sampler = scale.and_then(DiscreteLaplace::new).map_err(|_| {
            Error::new(ErrorKind::Invalid, StoreKind::Memory, "no noise of this scale")
        })?;
        Ok(Self { sampler, random: StdRng::from_seed(*seed) })
    }

    /// A count with noise.
    pub(crate) fn add(&mut self, count: u64) -> i64 {
        let sample = self.sampler.sample(&mut self.random);
        let is_negative = sample < Default::default();
        // Clamping what was sampled exactly is post-processing, and reached never.
        let limit = if is_negative { i64::MIN } else { i64::MAX };
        let noise = i64::try_from(sample).unwrap_or(limit);
        noise.saturating_add(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// Half the width of the 95 % interval: the least `m` with P(|X| > m) of at most
/// 0.05, where P(|X| > m) = 2 a^(m+1) / (1 + a) and a = exp(-epsilon / cells).
pub(crate) fn margin(epsilon: Epsilon, cells: u16) -> u64 {
    #[allow(clippy::cast_precision_loss, reason = "an epsilon is under 2^27")]
    let rate = epsilon.micro() as f64 / (f64::from(cells) * 1_000_000.0);
    let a = (-rate).exp();
    let steps = (0.05 * (1.0 + a) / 2.0).ln() / -rate;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and under 2^38 for the smallest epsilon"
    )]
    let least = (steps - 1.0).ceil().max(0.0) as u64;
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    // The 12 bins are -5 to 5 one by one, and both tails together.
    fn statistic(drawn: Epsilon, expected: Epsilon) -> f64 {
        const SAMPLES: u32 = 20_000;
        let mut noise = Noise::seeded(drawn, 1, &[7; 32]).unwrap();
        let mut seen = [0_u32; 12];
        for _ in 0..SAMPLES {
            let value = noise.add(0);
            let bin = if value.abs() <= 5 { usize::try_from(value + 5).unwrap() } else { 11 };
            seen[bin] += 1;
        }
        let a = (-(expected.micro() as f64) / 1e6).exp();
        let exact = |x: i32| (1.0 - a) / (1.0 + a) * a.powi(x.abs());
        let tails = 2.0 * a.powi(6) / (1.0 + a);
        (0..12)
            .map(|bin| {
                let p = if bin == 11 { tails } else { exact(bin - 5) };
                let expected = p * f64::from(SAMPLES);
                let difference = f64::from(seen[usize::try_from(bin).unwrap()]) - expected;
                difference * difference / expected
            })
            .sum()
    }

    // With 11 degrees of freedom 40 is exceeded once in 30,000; the seed is fixed.
    const BOUND: f64 = 40.0;

    #[test]
    fn noise_has_the_exact_probabilities() {
        let one = Epsilon::micros(1_000_000);
        assert!(statistic(one, one) < BOUND);
        let half = Epsilon::micros(500_000);
        assert!(statistic(half, half) < BOUND);
    }

    #[test]
    fn noise_of_another_scale_would_be_noticed() {
        let statistic = statistic(Epsilon::micros(1_100_000), Epsilon::micros(1_000_000));
        assert!(statistic > BOUND, "{statistic}");
    }

    #[test]
    fn margins_are_the_least_that_hold_95_percent() {
        for (micros, cells) in [(1_000_000, 1), (100_000, 1), (500_000, 4), (3_000_000, 1)] {
            let epsilon = Epsilon::micros(micros);
            let margin = margin(epsilon, cells);
            let a = (-(micros as f64) / (1e6 * f64::from(cells))).exp();
            let exact = |x: u64| (1.0 - a) / (1.0 + a) * a.powf(x as f64);
            let within = |m: u64| exact(0) + 2.0 * (1..=m).map(exact).sum::<f64>();
            assert!(within(margin) >= 0.95, "{micros} {cells}");
            assert!(margin == 0 || within(margin - 1) < 0.95, "{micros} {cells}");
        }
    }

    #[test]
    fn two_releases_never_share_their_noise() {
        let epsilon = Epsilon::micros(10_000);
        let draw = || {
            let mut noise = Noise::new(epsilon, 1).unwrap();
            std::array::from_fn::<i64, 16, _>(|_| noise.add(0))
        };
        assert_ne!(draw(), draw());
    }
}
