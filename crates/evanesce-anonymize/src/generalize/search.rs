use super::Loss;
use super::problem::Problem;

/// The best combination of levels.
pub(super) struct Found {
    pub(super) levels: Vec<usize>,
    loss: f64,
}

/// Finds the combination with the least loss, `None` if none keeps what is required.
///
/// Combinations are taken by their bound. From each a path leads to the coarsest one;
/// along a path, whether too many rows lie in small classes changes once, so that it
/// is bisected, and everything finer than a failure is passed over.
pub(super) fn optimum(problem: &Problem<'_>, loss: Loss) -> Option<Found> {
    let lattice = Lattice::new(problem);
    let bounds: Vec<f64> = (0..problem.combinations)
        .map(|place| loss.bound(problem, &lattice.levels(place)))
        .collect();
    let mut order: Vec<usize> = (0..problem.combinations).collect();
    let height = |place: usize| lattice.levels(place).iter().sum::<usize>();
    order.sort_by_cached_key(|place| (height(*place), *place));
    order.sort_by(|one, two| bounds[*one].total_cmp(&bounds[*two]));
    let mut search =
        Search { problem, loss, is_done: vec![false; problem.combinations], best: None };
    for place in order {
        if search.best.as_ref().is_some_and(|best| bounds[place] > best.loss) {
            break;
        }
        if !search.is_done[place] {
            search.bisect(&lattice, &lattice.path(place, &bounds));
        }
    }
    search.best
}

struct Search<'s, 'p> {
    problem: &'s Problem<'p>,
    loss: Loss,
    // Looked at, or neither it nor what lies beyond it can be the best.
    is_done: Vec<bool>,
    best: Option<Found>,
}

impl Search<'_, '_> {
    fn bisect(&mut self, lattice: &Lattice, path: &[usize]) {
        let (mut low, mut high) = (0, path.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let place = path[middle];
            // What was looked at along another path is not looked at again; what is
            // coarser may still be.
            let can_be_finer = self.is_done[place] || self.look(lattice, place);
            if can_be_finer { high = middle } else { low = middle + 1 }
        }
        self.is_done[path[0]] = true;
    }

    // Whether something finer may hold.
    fn look(&mut self, lattice: &Lattice, place: usize) -> bool {
        self.is_done[place] = true;
        let levels = lattice.levels(place);
        let problem = self.problem;
        let grouped = problem.group(&levels);
        if problem.too_small(&grouped) > problem.most_suppressed {
            lattice.finer(place, &mut self.is_done);
            return false;
        }
        let kept = problem.kept(&grouped);
        let holds = grouped.suppressed(&kept) <= problem.most_suppressed;
        // Without suppression every requirement gets easier by generalising; with it, a
        // class may fall by what was joined to it.
        if !holds && problem.most_suppressed == 0 {
            lattice.finer(place, &mut self.is_done);
            return false;
        }
        let (loss, bound) = self.loss.of(problem, &levels, &grouped, &kept);
        // Of equal ones the finest, because a table's reader has more of it.
        let height = |levels: &[usize]| levels.iter().sum::<usize>();
        let is_better = self.best.as_ref().is_none_or(|best| {
            loss < best.loss || loss <= best.loss && height(&levels) < height(&best.levels)
        });
        if holds && is_better {
            self.best = Some(Found { levels, loss });
        }
        if self.best.as_ref().is_some_and(|best| bound >= best.loss) {
            lattice.coarser(place, &mut self.is_done);
        }
        true
    }
}

/// All combinations of levels, each with a place, in which the first axis changes
/// fastest.
struct Lattice {
    heights: Vec<usize>,
}

impl Lattice {
    fn new(problem: &Problem<'_>) -> Self {
        Self { heights: problem.axes.iter().map(|axis| axis.hierarchy.levels()).collect() }
    }

    fn levels(&self, mut place: usize) -> Vec<usize> {
        let mut level = |height: &usize| {
            let level = place % height;
            place /= height;
            level
        };
        self.heights.iter().map(&mut level).collect()
    }

    // One level more at a time, where that costs least.
    fn path(&self, place: usize, bounds: &[f64]) -> Vec<usize> {
        let mut path = vec![place];
        let mut at = place;
        while let Some(next) =
            self.steps(at, 1).min_by(|one, two| bounds[*one].total_cmp(&bounds[*two]))
        {
            path.push(next);
            at = next;
        }
        path
    }

    fn finer(&self, place: usize, is_done: &mut [bool]) {
        self.spread(place, -1, is_done);
    }

    fn coarser(&self, place: usize, is_done: &mut [bool]) {
        self.spread(place, 1, is_done);
    }

    // Everything on one side, each once.
    fn spread(&self, place: usize, step: isize, is_done: &mut [bool]) {
        let mut open = vec![place];
        while let Some(at) = open.pop() {
            for next in self.steps(at, step) {
                if !std::mem::replace(&mut is_done[next], true) {
                    open.push(next);
                }
            }
        }
    }

    // The places one level finer or coarser.
    fn steps(&self, place: usize, step: isize) -> impl Iterator<Item = usize> {
        let mut stride = 1_usize;
        self.heights.iter().filter_map(move |height| {
            let level = place / stride % height;
            let here = stride;
            stride *= height;
            let is_inside = level.checked_add_signed(step).is_some_and(|it| it < *height);
            is_inside.then(|| place.wrapping_add_signed(step * here.cast_signed()))
        })
    }
}
