use evanesce_macros::Ephemeral;

use crate::topic::Topic;

/// What a reader wants of a newsletter. Together the choices say a lot about a
/// person, so that they are personal data: no `Debug`, no `Serialize`.
///
/// ```
/// use evanesce_template::{Depth, Pace, Preferences, TeamSize, Topic};
///
/// let preferences = Preferences::new()
///     .goal(Topic::Security)
///     .goal(Topic::Learning)
///     .pace(Pace::Relaxed)
///     .team(TeamSize::Small)
///     .depth(Depth::Brief);
/// assert_eq!(preferences.goals(), [Topic::Security, Topic::Learning]);
/// ```
#[derive(Clone, Default, Ephemeral, Eq, PartialEq)]
pub struct Preferences {
    goals: Vec<Topic>,
    pace: Pace,
    team: TeamSize,
    depth: Depth,
}

impl Preferences {
    /// No goals, a steady pace, one person, standard depth.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a goal; earlier ones matter more, and each counts once.
    #[must_use]
    pub fn goal(mut self, goal: Topic) -> Self {
        if !self.goals.contains(&goal) {
            self.goals.push(goal);
        }
        self
    }

    /// Sets how many steps a template has.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// Sets who will carry them out.
    #[must_use]
    pub fn team(mut self, team: TeamSize) -> Self {
        self.team = team;
        self
    }

    /// Sets how many insights a section gives at most.
    #[must_use]
    pub fn depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// The goals, the most important first.
    #[must_use]
    pub fn goals(&self) -> &[Topic] {
        &self.goals
    }
}

impl Preferences {
    pub(crate) fn steps(&self) -> usize {
        match self.pace {
            Pace::Fast => 8,
            Pace::Steady => 5,
            Pace::Relaxed => 3,
        }
    }

    pub(crate) fn crew(&self) -> TeamSize {
        self.team
    }

    // How many of a section's statements may become insights: the share keeps long
    // sections from being cut to their first screen.
    pub(crate) fn most(&self, statements: usize) -> usize {
        let (least, share, most) = match self.depth {
            Depth::Brief => (3, 5, 6),
            Depth::Deep => (12, 2, 24),
            Depth::Standard => (6, 3, 12),
        };
        (statements / share).clamp(least, most)
    }
}

/// How many steps a reader wants.
#[derive(Clone, Copy, Debug, Default, Ephemeral, Eq, Hash, PartialEq)]
#[ephemeral(vocabulary)]
pub enum Pace {
    /// Eight steps at most.
    Fast,
    /// Three steps at most.
    Relaxed,
    /// Five steps at most.
    #[default]
    Steady,
}

/// Who carries the steps out.
#[derive(Clone, Copy, Debug, Default, Ephemeral, Eq, Hash, PartialEq)]
#[ephemeral(vocabulary)]
pub enum TeamSize {
    /// Ten people and more.
    Large,
    /// Two to nine people.
    Small,
    /// One person.
    #[default]
    Solo,
}

/// How many insights each section gives at most.
#[derive(Clone, Copy, Debug, Default, Ephemeral, Eq, Hash, PartialEq)]
#[ephemeral(vocabulary)]
pub enum Depth {
    /// One statement in five, 3 to 6 a section.
    Brief,
    /// One statement in two, 12 to 24 a section.
    Deep,
    /// One statement in three, 6 to 12 a section.
    #[default]
    Standard,
}
