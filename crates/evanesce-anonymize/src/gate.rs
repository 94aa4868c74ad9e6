use crate::RegisterError;

/// What a released number has to pass, declared once for each event; the two
/// ways are never mixed for one event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Gate {
    /// Differential privacy: every cell of the declared table gets exact discrete
    /// Laplace noise of scale `cells_per_session / epsilon`, also the empty ones,
    /// and is shown if its *noisy* count reaches `at_least`.
    Differential {
        /// The privacy loss of a session by this table in one window.
        epsilon: Epsilon,
        /// The noisy count from which on a cell is shown.
        at_least: u32,
        /// To how many cells one session may contribute in a window.
        cells_per_session: u16,
    },
    /// Disclosure control: exact counts; a cell is shown if its count reaches
    /// `at_least` and the cells that are not shown cannot be found by subtracting
    /// what is shown from a total. There is no epsilon in this, and no promise
    /// against a reader with other tables in hand.
    Disclosure {
        /// The count from which on a cell is shown.
        at_least: u32,
    },
}

impl Gate {
    /// Differential privacy with one cell per session.
    #[must_use]
    pub const fn differential(epsilon: Epsilon, at_least: u32) -> Self {
        Self::Differential { epsilon, at_least, cells_per_session: 1 }
    }

    /// Disclosure control.
    #[must_use]
    pub const fn disclosure(at_least: u32) -> Self {
        Self::Disclosure { at_least }
    }

    /// What a release under this gate costs.
    #[must_use]
    pub const fn debit(&self) -> u64 {
        match self {
            Self::Differential { epsilon, .. } => epsilon.micro(),
            Self::Disclosure { .. } => 0,
        }
    }

    pub(crate) const fn check(&self) -> Result<(), RegisterError> {
        match self {
            Self::Differential { at_least: 0, .. }
            | Self::Differential { cells_per_session: 0, .. }
            | Self::Disclosure { at_least: 0..=2 } => Err(RegisterError::Gate),
            _ => Ok(()),
        }
    }
}

/// A privacy loss in millionths, so that sums of it are exact.
///
/// ```
/// use evanesce_anonymize::Epsilon;
/// const HALF: Epsilon = Epsilon::micros(500_000);
/// ```
/// ```compile_fail
/// const NONE: evanesce_anonymize::Epsilon = evanesce_anonymize::Epsilon::micros(0);
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Epsilon(u64);

impl Epsilon {
    /// From millionths, 1 to 100,000,000. In a `const` a value outside does not build.
    ///
    /// # Panics
    /// Outside a `const`, on other values; use [`Self::new`] there.
    #[must_use]
    #[allow(clippy::panic, reason = "in a const this is a compile error, which is the point")]
    pub const fn micros(micros: u64) -> Self {
        match Self::new(micros) {
            Some(epsilon) => epsilon,
            None => panic!("an epsilon is 1 to 100,000,000 millionths"),
        }
    }

    /// From millionths, unless they are 0 or more than 100,000,000: a loss of 100
    /// protects nobody.
    #[must_use]
    pub const fn new(micros: u64) -> Option<Self> {
        if micros == 0 || micros > 100_000_000 { None } else { Some(Self(micros)) }
    }

    /// In millionths.
    #[must_use]
    pub const fn micro(self) -> u64 {
        self.0
    }
}
