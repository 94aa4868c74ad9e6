use crate::window::{Window, digit};

/// What stands between two groups of digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sep {
    Dash,
    Dot,
    Mixed,
    Paren,
    Slash,
    Space,
}

/// A group of digits and where it lies.
#[derive(Clone, Copy, Default)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

const GROUPS: usize = 9;
const DIGITS: usize = 20;
const LEAST: usize = 7;

/// Up to nine groups of up to 20 digits in all, from a digit on.
pub(super) struct Run {
    digits: [u8; DIGITS],
    groups: [Group; GROUPS],
    seps: [Sep; GROUPS],
    len: usize,
}

impl Run {
    /// The groups from `start` on, or none if the first is longer than 20 digits, or
    /// the only one and shorter than seven: no number that is looked for is so short.
    pub(super) fn read(w: &Window<'_>, start: usize) -> Option<Self> {
        let first = w.right(start, LEAST, digit);
        if first - start < LEAST && separator(w, first).is_none() {
            return None;
        }
        let mut run = Self {
            digits: [0; DIGITS],
            groups: [Group::default(); GROUPS],
            seps: [Sep::Mixed; GROUPS],
            len: 0,
        };
        let (mut at, mut total) = (start, 0);
        while run.len < GROUPS {
            let end = w.right(at, DIGITS + 1, digit);
            let n = end - at;
            if total + n > DIGITS {
                break;
            }
            run.digits[total..total + n].copy_from_slice(&w.bytes[at..end]);
            run.groups[run.len] = Group { start: at, end };
            run.len += 1;
            total += n;
            let Some((sep, next)) = separator(w, end) else { break };
            if run.len < GROUPS {
                run.seps[run.len] = sep;
            }
            at = next;
        }
        (run.len > 0).then_some(run)
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The first `k` groups.
    pub(super) fn part(&self, k: usize) -> Part<'_> {
        let groups = &self.groups[..k];
        let n: usize = groups.iter().map(|g| g.end - g.start).sum();
        Part { digits: &self.digits[..n], groups, seps: &self.seps[1..k] }
    }
}

/// Some leading groups of a run.
pub(super) struct Part<'r> {
    pub(super) digits: &'r [u8],
    pub(super) groups: &'r [Group],
    pub(super) seps: &'r [Sep],
}

impl Part<'_> {
    /// `count` groups from the place `from` on, or fewer where there are not as many.
    pub(super) fn slice(&self, from: usize, count: usize) -> Part<'_> {
        let to = (from + count).min(self.groups.len());
        let from = from.min(to);
        let length = |groups: &[Group]| groups.iter().map(|g| g.end - g.start).sum::<usize>();
        let first = length(&self.groups[..from]);
        let groups = &self.groups[from..to];
        let seps = self.seps.get(from..to.saturating_sub(1)).unwrap_or(&[]);
        Part { digits: &self.digits[first..first + length(groups)], groups, seps }
    }

    pub(super) fn start(&self) -> usize {
        self.groups.first().map_or(0, |g| g.start)
    }

    pub(super) fn end(&self) -> usize {
        self.groups.last().map_or(0, |g| g.end)
    }

    pub(super) fn span(&self) -> (usize, usize) {
        (self.start(), self.end())
    }

    /// Whether the groups have these lengths.
    pub(super) fn is(&self, lens: &[usize]) -> bool {
        self.groups.len() == lens.len()
            && self.groups.iter().zip(lens).all(|(g, n)| g.end - g.start == *n)
    }

    /// How the groups are written, as a shape is: `d` for each digit, and what stands
    /// between. A mixed separator is in no shape.
    pub(super) fn shape(&self) -> Shape {
        let mut shape = Shape { signs: [0; SHAPE], len: 0 };
        for (n, group) in self.groups.iter().enumerate() {
            if let Some(sep) = n.checked_sub(1).and_then(|n| self.seps.get(n)) {
                shape.push(match sep {
                    Sep::Dash => b'-',
                    Sep::Dot => b'.',
                    Sep::Slash => b'/',
                    Sep::Space => b' ',
                    Sep::Mixed | Sep::Paren => 0,
                });
            }
            (group.start..group.end).for_each(|_| shape.push(b'd'));
        }
        shape
    }

    /// Whether there is one group only.
    pub(super) const fn plain(&self) -> bool {
        self.groups.len() == 1
    }

    /// Whether all separators are `sep`.
    pub(super) fn by(&self, sep: Sep) -> bool {
        !self.seps.is_empty() && self.seps.iter().all(|s| *s == sep)
    }

    /// Whether all separators are the same, and each is a space or a dash.
    pub(super) fn even(&self) -> bool {
        self.by(Sep::Space) || self.by(Sep::Dash)
    }
}

const SHAPE: usize = DIGITS + GROUPS;

/// How a number is written.
pub(super) struct Shape {
    signs: [u8; SHAPE],
    len: usize,
}

impl Shape {
    fn push(&mut self, sign: u8) {
        if let Some(slot) = self.signs.get_mut(self.len) {
            *slot = sign;
            self.len += 1;
        }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, shape: &str) -> bool {
        self.signs[..self.len] == *shape.as_bytes()
    }
}

/// One of a few short separators, when a digit follows.
pub(super) fn separator(w: &Window<'_>, end: usize) -> Option<(Sep, usize)> {
    if !matches!(w.at(end), b' ' | b'-' | b'.' | b'/' | b'(' | b')') {
        return None;
    }
    let next = w.right(end, 4, |b| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')'));
    let sep = match &w.bytes[end..next] {
        b" " => Sep::Space,
        b"-" => Sep::Dash,
        b"." => Sep::Dot,
        b"/" => Sep::Slash,
        b") " | b")" | b")-" | b" (" | b"(" | b".(" | b"-(" | b") - " => Sep::Paren,
        b" - " | b" / " | b"  " | b"/ " | b"- " | b". " | b" -" => Sep::Mixed,
        _ => return None,
    };
    digit(w.at(next)).then_some((sep, next))
}
