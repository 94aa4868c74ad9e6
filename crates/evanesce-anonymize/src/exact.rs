//! Probabilities, tails and privacy losses of the noise, in closed form and as
//! exact as an `f64` is.

/// A parameter is not a number that the formula is defined for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the parameter lies outside the formula's domain")]
#[non_exhaustive]
pub struct DomainError;

/// Discrete Laplace noise: P(x) is proportional to `exp(-|x| / scale)` (Ghosh,
/// Roughgarden and Sundararajan, "Universally utility-maximizing privacy
/// mechanisms", 2009).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaplaceLaw {
    scale: f64,
}

impl LaplaceLaw {
    /// With this scale.
    ///
    /// # Errors
    /// If it is not positive and finite.
    pub fn new(scale: f64) -> Result<Self, DomainError> {
        Ok(Self { scale: positive(scale)? })
    }

    /// P(X = x): `(1 - a) / (1 + a) a^|x|`, where `a = exp(-1 / scale)`.
    #[must_use]
    pub fn pmf(&self, x: i64) -> f64 {
        (0.5 / self.scale).tanh() * self.decay(x.unsigned_abs())
    }

    /// P(X <= x).
    #[must_use]
    pub fn cdf(&self, x: i64) -> f64 {
        let whole = 1.0 + self.decay(1);
        if x < 0 {
            self.decay(x.unsigned_abs()) / whole
        } else {
            1.0 - self.decay(x.unsigned_abs() + 1) / whole
        }
    }

    /// The variance, `2 a / (1 - a)^2 = 1 / (2 sinh^2(1 / (2 scale)))`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let sinh = (0.5 / self.scale).sinh();
        0.5 / sinh / sinh
    }

    /// The real `m` at which `P(|X| >= m)`, continued between the integers, is `alpha`;
    /// 0 if the noise is always that near.
    ///
    /// # Errors
    /// If `alpha` is not above 0 and up to 1.
    pub fn accuracy(&self, alpha: f64) -> Result<f64, DomainError> {
        let alpha = level(alpha)?;
        Ok((self.scale * (2.0 / (alpha * (1.0 + self.decay(1)))).ln()).max(0.0))
    }

    /// As [`Self::accuracy`], for continuous Laplace noise: `scale ln(1 / alpha)`.
    ///
    /// # Errors
    /// If `alpha` is not above 0 and up to 1.
    pub fn continuous_accuracy(&self, alpha: f64) -> Result<f64, DomainError> {
        Ok(self.scale * -level(alpha)?.ln())
    }

    /// The loss epsilon of a number that one person moves by at most `distance`,
    /// never rounded down.
    ///
    /// # Errors
    /// If the distance is negative or not finite, or the loss no number.
    pub fn epsilon(&self, distance: f64) -> Result<f64, DomainError> {
        quotient_up(not_negative(distance)?, self.scale)
    }

    fn decay(&self, steps: u64) -> f64 {
        #[allow(
            clippy::cast_precision_loss,
            reason = "beyond 2^53 the decay is 0 or the scale vast"
        )]
        exp_of_minus(steps as f64, self.scale)
    }
}

/// Continuous and discrete Gaussian noise: P(x) is proportional to
/// `exp(-x^2 / (2 sigma^2))` (Canonne, Kamath and Steinke, "The Discrete Gaussian for
/// Differential Privacy", 2020).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianLaw {
    sigma: f64,
}

impl GaussianLaw {
    /// The greatest sigma: sums over the integers take time in proportion to it.
    pub const MAX_SIGMA: f64 = 1e6;

    /// With this sigma.
    ///
    /// # Errors
    /// If it is not above 0.001 and up to [`Self::MAX_SIGMA`].
    pub fn new(sigma: f64) -> Result<Self, DomainError> {
        if sigma > 1e-3 && sigma <= Self::MAX_SIGMA { Ok(Self { sigma }) } else { Err(DomainError) }
    }

    /// The sum over all integers of `exp(-x^2 / (2 sigma^2))`. From sigma 1/2 on it is
    /// summed on the side of the frequencies (Poisson's formula), where three terms
    /// are exact.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let sum =
            |term: &dyn Fn(f64) -> f64| 2.0 * (1..=8).rev().map(f64::from).map(term).sum::<f64>();
        if self.sigma < 0.5 {
            return 1.0 + sum(&|x| self.weight(x));
        }
        let turn = std::f64::consts::TAU * self.sigma;
        (std::f64::consts::TAU.sqrt() * self.sigma)
            * (1.0 + sum(&|k| (-0.5 * (turn * k).powi(2)).exp()))
    }

    /// P(X = x).
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 the probability is 0")]
    pub fn pmf(&self, x: i64) -> f64 {
        self.weight(x as f64) / self.norm()
    }

    /// P(X <= x), summed in time in proportion to sigma.
    #[must_use]
    pub fn cdf(&self, x: i64) -> f64 {
        if x < 0 { self.tail(x.unsigned_abs()) } else { 1.0 - self.tail(x.unsigned_abs() + 1) }
    }

    /// The least whole `m` with `P(|X| >= m)` of at most `alpha`.
    ///
    /// # Errors
    /// If `alpha` is not above 0 and up to 1.
    pub fn accuracy(&self, alpha: f64) -> Result<u64, DomainError> {
        if level(alpha)? >= 1.0 {
            return Ok(0);
        }
        let room = alpha * self.norm() / 2.0;
        let mut least = self.reach();
        let mut sum = 0.0;
        while least > 0 {
            #[allow(clippy::cast_precision_loss, reason = "under 2^26")]
            let more = sum + self.weight((least - 1) as f64) * if least == 1 { 0.5 } else { 1.0 };
            if more > room {
                break;
            }
            sum = more;
            least -= 1;
        }
        Ok(least)
    }

    /// As [`Self::accuracy`], for continuous noise: the `m` with `P(|X| > m) = alpha`.
    ///
    /// # Errors
    /// If `alpha` is not above 0 and up to 1.
    pub fn continuous_accuracy(&self, alpha: f64) -> Result<f64, DomainError> {
        let alpha = level(alpha)?;
        // erfc falls, and is 0 in an f64 beyond 27.3.
        let (mut low, mut high) = (0.0, 28.0);
        for _ in 0..80 {
            let middle: f64 = f64::midpoint(low, high);
            if erfc(middle) > alpha { low = middle } else { high = middle }
        }
        Ok(self.sigma * std::f64::consts::SQRT_2 * f64::midpoint(low, high))
    }

    /// The zero-concentrated loss rho of a number that one person moves by at most
    /// `distance`: `distance^2 / (2 sigma^2)`, never rounded down.
    ///
    /// # Errors
    /// If the distance is negative or not finite, or the loss no number.
    pub fn rho(&self, distance: f64) -> Result<f64, DomainError> {
        let steps = quotient_up(not_negative(distance)?, self.sigma)?;
        let square = steps * steps;
        let square = if steps.mul_add(steps, -square) > 0.0 { square.next_up() } else { square };
        finite(square / 2.0)
    }

    /// The exact delta of a count with this noise at `epsilon` (the same paper, theorem
    /// 7): the sum over `x > epsilon sigma^2 - 1/2` of `P(x) - e^epsilon P(x + 1)`, of
    /// which every term is positive.
    ///
    /// # Errors
    /// If epsilon is negative or not finite.
    pub fn delta(&self, epsilon: f64) -> Result<f64, DomainError> {
        let square = self.sigma * self.sigma;
        let first = (not_negative(epsilon)? * square - 0.5).floor() + 1.0;
        let mut sum = 0.0;
        let mut x = first;
        // Terms fall at least like the weights, and there are `reach` that count.
        for _ in 0..self.reach() {
            let term = self.weight(x) * -(epsilon - (2.0 * x + 1.0) / (2.0 * square)).exp_m1();
            sum += term;
            if x > 0.0 && term > 0.0 && term < sum * 1e-18 {
                break;
            }
            x += 1.0;
        }
        Ok((sum / self.norm()).clamp(0.0, 1.0))
    }

    fn weight(&self, x: f64) -> f64 {
        let square = self.sigma * self.sigma;
        let lost = self.sigma.mul_add(self.sigma, -square);
        // The rounding of sigma^2 moves the exponent by its own share.
        let exponent = x * x / (2.0 * square);
        let weight = exp_of_minus(x * x, 2.0 * square);
        if weight == 0.0 { 0.0 } else { weight * (exponent * (lost / square)).exp() }
    }

    // P(X >= x) for x of at least 0, from the small terms to the great ones.
    fn tail(&self, x: u64) -> f64 {
        let last = x.saturating_add(self.reach());
        #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 the weight is 0")]
        let sum: f64 = (x..last).rev().map(|it| self.weight(it as f64)).sum();
        sum / self.norm()
    }

    // Beyond 39 sigma a weight is 0 in an f64.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "under 2^26")]
    fn reach(&self) -> u64 {
        (39.0 * self.sigma).ceil() as u64 + 2
    }
}

/// The delta at which `rho`-zero-concentrated privacy is (epsilon, delta)-private: the
/// least over `a > 1` of `exp((a - 1)(a rho - epsilon) + a ln(1 - 1/a)) / (a - 1)`
/// (Canonne, Kamath and Steinke, 2020, corollary 13).
///
/// # Errors
/// If a parameter is negative or not finite.
pub fn delta_of_rho(rho: f64, epsilon: f64) -> Result<f64, DomainError> {
    let (rho, epsilon) = (not_negative(rho)?, not_negative(epsilon)?);
    if rho == 0.0 {
        return Ok(0.0);
    }
    // The exponent's slope grows with a, and is positive at the upper end. An a near
    // 1 gives nothing that a bound needs: every a above 1 is a valid one.
    let (mut low, mut high) = (1.01, (epsilon + 1.0) / (2.0 * rho) + 2.0);
    for _ in 0..200 {
        let a: f64 = f64::midpoint(low, high);
        let slope = (2.0 * a - 1.0) * rho - epsilon + (-1.0 / a).ln_1p();
        if slope < 0.0 { low = a } else { high = a }
    }
    let a: f64 = f64::midpoint(low, high);
    let exponent = (a - 1.0) * (a * rho - epsilon) + a * (-1.0 / a).ln_1p();
    Ok((exponent.exp() / (a - 1.0)).min(1.0))
}

/// Randomised response among `k` answers (Warner 1965; Kairouz, Bonawitz and Ramage,
/// "Discrete distribution estimation under local privacy", 2016).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResponseLaw {
    keep: f64,
    answers: u32,
}

impl ResponseLaw {
    /// That loses epsilon at most: the truth is kept with `e^eps / (e^eps + k - 1)`.
    ///
    /// # Errors
    /// If there are fewer than two answers, or epsilon is negative or not finite.
    pub fn with_epsilon(answers: u32, epsilon: f64) -> Result<Self, DomainError> {
        if answers < 2 {
            return Err(DomainError);
        }
        let others = f64::from(answers - 1);
        let keep = 1.0 / (1.0 + others * (-not_negative(epsilon)?).exp());
        Ok(Self { keep, answers })
    }

    /// That keeps the truth with this probability.
    ///
    /// # Errors
    /// If it is under `1 / answers`, where another answer would be likelier than the
    /// truth, or 1 and more, which protects nobody.
    pub fn with_keep(answers: u32, keep: f64) -> Result<Self, DomainError> {
        let is_valid = answers >= 2 && keep >= 1.0 / f64::from(answers) && keep < 1.0;
        if is_valid { Ok(Self { keep, answers }) } else { Err(DomainError) }
    }

    /// The probability with which the truth is kept.
    #[must_use]
    pub const fn keep(&self) -> f64 {
        self.keep
    }

    /// The loss, `ln(keep (k - 1) / (1 - keep))`.
    #[must_use]
    pub fn epsilon(&self) -> f64 {
        (self.keep * f64::from(self.answers - 1) / (1.0 - self.keep)).ln().max(0.0)
    }
}

// exp(-n / d), with what the division rounds away put back.
fn exp_of_minus(n: f64, d: f64) -> f64 {
    let quotient = n / d;
    let lost = (-quotient).mul_add(d, n) / d;
    let whole = (-quotient).exp();
    // A remainder beyond 1 belongs to a quotient whose power is 0.
    if lost.abs() < 1.0 { whole * (1.0 - lost) } else { whole }
}

// The complement of the error function: a series of positive terms where it is near
// 1, a continued fraction from below where it is small (Abramowitz and Stegun, 7.1.6
// and 7.1.14).
fn erfc(x: f64) -> f64 {
    let bell = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..120 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 1.0 - 2.0 * bell * sum;
    }
    bell / (1..=200).rev().fold(x, |below, n| x + f64::from(n) / 2.0 / below)
}

fn quotient_up(n: f64, d: f64) -> Result<f64, DomainError> {
    let quotient = n / d;
    let is_short = quotient.mul_add(d, -n) < 0.0;
    finite(if is_short { quotient.next_up() } else { quotient })
}

fn positive(value: f64) -> Result<f64, DomainError> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(DomainError) }
}

fn not_negative(value: f64) -> Result<f64, DomainError> {
    if value >= 0.0 && value.is_finite() { Ok(value) } else { Err(DomainError) }
}

fn finite(value: f64) -> Result<f64, DomainError> {
    if value.is_finite() { Ok(value) } else { Err(DomainError) }
}

fn level(alpha: f64) -> Result<f64, DomainError> {
    if alpha > 0.0 && alpha <= 1.0 { Ok(alpha) } else { Err(DomainError) }
}
