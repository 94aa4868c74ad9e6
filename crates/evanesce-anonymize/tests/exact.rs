//! The laws of the noise against sums, symmetries and each other.

use evanesce_anonymize::exact::{GaussianLaw, LaplaceLaw, ResponseLaw, delta_of_rho};
use proptest::prelude::*;

fn near(a: f64, b: f64, share: f64) -> bool {
    (a - b).abs() <= share * b.abs()
}

#[test]
fn laplace_probabilities_sum_to_the_cdf_and_the_variance() {
    for scale in [0.1, 0.5, 1.0, 7.3, 40.0] {
        let law = LaplaceLaw::new(scale).unwrap();
        let (mut sum, mut square) = (0.0, 0.0);
        for x in -3000..=3000_i64 {
            sum += law.pmf(x);
            square += (x * x) as f64 * law.pmf(x);
            assert!((law.cdf(x) - sum).abs() < 1e-12, "{scale} {x}");
        }
        assert!(near(sum, 1.0, 1e-12) && near(law.variance(), square, 1e-11), "{scale}");
    }
}

#[test]
fn a_great_scale_loses_no_digits() {
    let law = LaplaceLaw::new(1e12).unwrap();
    assert!(near(law.pmf(0), 5e-13, 1e-15));
    assert!(near(law.variance(), 2e24, 1e-15));
    let narrow = LaplaceLaw::new(1e-9).unwrap();
    assert_eq!((narrow.pmf(0), narrow.pmf(-2_031_917_506_825)), (1.0, 0.0));
    let wide = GaussianLaw::new(450.0).unwrap();
    assert_eq!((wide.pmf(i64::MIN), wide.cdf(i64::MIN), wide.cdf(i64::MAX)), (0.0, 0.0, 1.0));
}

#[test]
fn gaussian_probabilities_sum_to_the_cdf_on_both_sides_of_the_turn() {
    for sigma in [0.01, 0.2, 0.499, 0.5, 0.51, 1.0, 20.0] {
        let law = GaussianLaw::new(sigma).unwrap();
        let mut sum = 0.0;
        for x in -900..=900 {
            sum += law.pmf(x);
            assert!((law.cdf(x) - sum).abs() < 1e-12, "{sigma} {x}");
        }
        assert!(near(sum, 1.0, 1e-13), "{sigma} {sum}");
    }
}

#[test]
fn accuracies_are_the_least_that_hold() {
    for (sigma, alpha) in [(0.2, 0.05), (1.0, 0.05), (3.7, 0.5), (20.0, 0.001), (2.0, 1.0)] {
        let law = GaussianLaw::new(sigma).unwrap();
        let least = i64::try_from(law.accuracy(alpha).unwrap()).unwrap();
        let reached = |m: i64| if m == 0 { 1.0 } else { 2.0 * law.cdf(-m) };
        assert!(reached(least) <= alpha * (1.0 + 1e-12), "{sigma} {alpha}");
        assert!(least == 0 || reached(least - 1) > alpha, "{sigma} {alpha}");
    }
}

#[test]
fn the_exact_delta_is_under_the_bound_of_its_rho() {
    for sigma in [0.7, 3.0, 10.0] {
        let law = GaussianLaw::new(sigma).unwrap();
        for epsilon in [0.0, 0.1, 1.0, 3.0] {
            let exact = law.delta(epsilon).unwrap();
            let bound = delta_of_rho(law.rho(1.0).unwrap(), epsilon).unwrap();
            assert!(exact > 0.0 && exact <= bound, "{sigma} {epsilon} {exact} {bound}");
        }
    }
}

#[test]
fn what_is_no_parameter_is_refused() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0] {
        assert!(LaplaceLaw::new(value).is_err());
        assert!(GaussianLaw::new(value).is_err());
        assert!(LaplaceLaw::new(1.0).unwrap().accuracy(value).is_err());
    }
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        assert!(LaplaceLaw::new(1.0).unwrap().epsilon(value).is_err());
        assert!(GaussianLaw::new(1.0).unwrap().rho(value).is_err());
        assert!(GaussianLaw::new(1.0).unwrap().delta(value).is_err());
        assert!(delta_of_rho(value, 1.0).is_err() && delta_of_rho(1.0, value).is_err());
    }
    for keep in [0.4, 1.0, f64::NAN] {
        assert!(ResponseLaw::with_keep(2, keep).is_err());
    }
    assert!(ResponseLaw::with_epsilon(1, 1.0).is_err());
}

proptest! {
    #[test]
    fn losses_are_never_rounded_down(distance in 0.0..1e9_f64, scale in 1e-2..1e5_f64) {
        let loss = LaplaceLaw::new(scale).unwrap().epsilon(distance).unwrap();
        prop_assert!(loss.mul_add(scale, -distance) >= 0.0);
    }

    #[test]
    fn keeping_and_losing_are_inverse(answers in 2_u32..1000, epsilon in 0.01..20.0_f64) {
        let law = ResponseLaw::with_epsilon(answers, epsilon).unwrap();
        prop_assert!(near(law.epsilon(), epsilon, 1e-6));
    }

    #[test]
    fn every_law_gives_probabilities(scale in 1e-9..1e9_f64, sigma in 0.01..500.0_f64, x: i64) {
        let (laplace, gaussian) = (LaplaceLaw::new(scale).unwrap(), GaussianLaw::new(sigma).unwrap());
        for p in [laplace.pmf(x), laplace.cdf(x), gaussian.pmf(x), gaussian.cdf(x)] {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&p), "{}", p);
        }
    }
}
